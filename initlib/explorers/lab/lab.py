"""The lab as Python sees it: a preset, the live widget, and a still picture for paper."""

from typing import Any

from initlib.explorers.lab import settings
from initlib.extras import hints

NOTE = "A still picture of one run: where JavaScript runs, you can train both arms here yourself."


class Lab:
    """Two arms of real networks, to be trained in the reader's browser. `lab` makes it."""

    def __init__(self, start: dict[str, Any], *, compact: bool = False) -> None:
        self.start = start
        self.compact = compact
        self._widget: Any = None

    def __repr__(self) -> str:
        return f"Lab({self.start['title']!r})"

    def describe(self) -> str:
        """Return what both arms are, in words: the alternative text of the still picture."""
        a, b = self.start["arms"]
        words = [
            f"{settings.ARM[name][0]} {settings.words(name, a[name])} against {settings.words(name, b[name])}"
            for name in a
            if a[name] != b[name]
        ]
        shape = f"{a['depth']} layers of {a['width']} {a['activation']} units"
        return f"The lab, {self.start['title']}: arms A and B, {shape}, {', '.join(words)}."

    def spec(self) -> dict[str, Any]:
        """Return what is this lab's own, as JSON."""
        return {"start": self.start, "compact": self.compact}

    @property
    def widget(self) -> Any:
        """The live widget."""
        if self._widget is None:
            with hints():
                from initlib.explorers.lab.widget import LabWidget

            self._widget = LabWidget(self.spec())
        return self._widget

    def _ipython_display_(self) -> None:
        from IPython.display import display

        from initlib.explorers.lab.picture import draw

        alt = self.describe()
        show: Any = display
        show(
            {"image/png": draw(self.start), "text/plain": alt}, metadata={"image/png": {"alt": alt}}, raw=True
        )
        show(
            {"text/html": f'<p class="initlib-explorer-note">{NOTE}</p>', "text/plain": NOTE},
            raw=True,
        )
        bundle = self.widget._repr_mimebundle_()
        view = bundle[0] if isinstance(bundle, tuple) else bundle  # anywidget adds metadata
        show({**view, "text/plain": repr(self)}, raw=True)


def lab(preset: str = "why", *, compact: bool = False, **changes: Any) -> Lab:
    """Return the lab at a preset, with some settings changed: one value, or a pair for arms A and B.

    A compact lab has its settings folded away.

    Presets are named after the chapters' scenes: why, zero, random, xavier, he, activation, architecture,
    biases, regularize, large, ignoring, plane. Raises ValueError for an unknown preset or setting.

    >>> lab("he")
    Lab('Xavier against He, with thirty ReLU layers')
    >>> lab("he", depth=(5, 40)).start["arms"][1]["depth"]
    40
    """
    start = settings.preset(preset)
    _, _, own = settings.PRESETS[preset]
    return Lab({**start, **settings.filled({**own, **changes})}, compact=compact)
