"""Explorers: labelled sliders and menus over a table of results, alive with or without a kernel."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from initlib import checks
from initlib.explorers.engine.panels import Panel
from initlib.explorers.engine.table import Axis, Table, number
from initlib.explorers.engine.view import View

if TYPE_CHECKING:
    import ipywidgets


class Explorer:
    """Controls over some axes of a table, and panels that draw the table there.

    A control is a slider where the axis holds numbers (an `IntSlider` for evenly spaced integers, a
    `FloatLogSlider` for a constant ratio, else a `SelectionSlider`). Where it holds names it is a menu, or a
    row of buttons if it is among `buttons`. `start` says where controls stand at first. In a notebook and on
    a built page the panels follow the controls without a kernel; without JavaScript and on paper a still
    picture stands in their place.

    >>> from initlib.explorers import Lines
    >>> table = Table(
    ...     [Axis("layer", [1, 2]), Axis("scale", [0.5, 1.0, 2.0], label="weight scale")],
    ...     {"rms": (["scale", "layer"], [[0.5, 0.2], [1.0, 1.1], [2.0, 4.1]])},
    ...     log=["rms"],
    ... )
    >>> explorer = Explorer("Signal", table, ["scale"], [Lines("Forward", "layer", "rms", "rms")])
    >>> explorer
    Explorer('Signal': weight scale 0.5 to 2 (3 values); panels Forward)
    >>> explorer.describe()
    'weight scale 1. Forward at layer 2: measured 1.1.'
    """

    def __init__(
        self,
        title: str,
        table: Table,
        controls: Sequence[str],
        panels: Sequence[Panel],
        *,
        start: Mapping[str, Any] | None = None,
        buttons: Collection[str] = (),
    ) -> None:
        if not controls or not panels:
            raise ValueError(
                f"An explorer needs controls and panels. Received: {list(controls)!r}, {list(panels)!r}."
            )
        self.title, self.table, self.panels = title, table, tuple(panels)
        self.controls = tuple(checks.choice("control", name, table.axes) for name in controls)
        if len(set(self.controls)) < len(self.controls):
            raise ValueError(f"Controls must be distinct. Received: {list(self.controls)!r}.")
        for panel in self.panels:
            panel.check(table, self.controls)
        given = dict(start or {})
        for name in given:
            checks.choice("control in start", name, self.controls)
        self.start = {name: self._start_index(name, given) for name in self.controls}
        for name in buttons:
            if not table.axes[checks.choice("control in buttons", name, self.controls)].named:
                raise ValueError(f"Buttons need a control with names. Received: {name!r}.")
        self.buttons = frozenset(buttons)
        self._widget: ipywidgets.VBox | None = None

    def _start_index(self, name: str, given: Mapping[str, Any]) -> int:
        axis = self.table.axes[name]
        if name in given:
            return axis.nearest(given[name])
        return 0 if axis.named else len(axis.values) // 2

    def __repr__(self) -> str:
        controls = ", ".join(_summary(self.table.axes[name]) for name in self.controls)
        return f"Explorer({self.title!r}: {controls}; panels {', '.join(p.title for p in self.panels)})"

    def view(self, **settings: Any) -> View:
        """Return what the table holds where the controls stand: at the start, or at other `settings`."""
        for name in settings:
            checks.choice("control", name, self.controls)
        moved = {name: self.table.axes[name].nearest(value) for name, value in settings.items()}
        return View(self.table, {**self.start, **moved})

    def describe(self) -> str:
        """Return what the picture shows at the start, in words: the alt text of the static picture."""
        view = self.view()
        return f"{view.settings()}. " + " ".join(panel.sentence(view) for panel in self.panels)

    def spec(self) -> dict[str, Any]:
        """Return the explorer as plain JSON for the front end; the numbers travel beside it as bytes."""
        return {
            "title": self.title,
            **self.table.spec(),
            "controls": [_control_spec(self.table.axes[name]) for name in self.controls],
            "panels": [panel.spec(self.table) for panel in self.panels],
            "spread": SPREAD,
            "whiskers": WHISKERS,
        }

    @property
    def widget(self) -> "ipywidgets.VBox":
        """The live widget: the controls above the drawing, linked in the browser."""
        if self._widget is None:
            from initlib.explorers.engine.widget import build

            self._widget = build(self)
        return self._widget

    def _ipython_display_(self) -> None:
        from IPython.display import display

        from initlib.explorers.engine.picture import draw

        sentence = f'<p class="initlib-explorer-note">{NOTE}</p>'
        png = draw(self)
        alt = f"{self.title}: {self.describe()}"
        text = repr(self)
        show: Callable[..., object] = display
        show({"image/png": png, "text/plain": alt}, metadata={"image/png": {"alt": alt}}, raw=True)
        show({"text/html": sentence, "text/plain": NOTE}, raw=True)
        show({**self.widget._repr_mimebundle_(), "text/plain": text}, raw=True)


SPREAD = "theory: 95 % of nets of this width"
WHISKERS = "whiskers: least to greatest"
NOTE = "A still picture of one setting: where JavaScript runs, sliders and menus stand here instead."


def control_kind(axis: Axis) -> str:
    """Return how the control of an axis says where it stands: by "int" or "log" value, or by "index".

    >>> [control_kind(Axis("a", values)) for values in ([2, 4, 6], [0.5, 1, 2], [1, 2, 5], ["relu", "tanh"])]
    ['int', 'log', 'index', 'index']
    """
    if axis.named or len(axis.values) < 2:
        return "index"
    if all(isinstance(value, int) for value in axis.values):
        return "int" if len(set(np.diff(axis.values))) == 1 else "index"
    if axis.values[0] > 0 and np.allclose(np.diff(np.log(axis.values), 2), 0, atol=1e-9):
        return "log"
    return "index"


def _control_spec(axis: Axis) -> dict[str, Any]:
    """Return how a control says where it stands, words for its values, and its marks as (name, %, side)."""
    by = control_kind(axis)
    marks: list[tuple[str, float, str]] = []
    if axis.marks and not axis.named:
        level = np.log if by == "log" else np.asarray
        first, last = level(axis.values[0]), level(axis.values[-1])
        inside = {name: at for name, at in axis.marks.items() if axis.values[0] <= at <= axis.values[-1]}
        for i, (name, at) in enumerate(sorted(inside.items(), key=lambda mark: mark[1])):
            left = round(100 * float((level(at) - first) / (last - first)), 2)
            marks.append((name, left, "before" if i < len(inside) // 2 and left > 15 else "after"))
    names = [axis.describe(i) for i in range(len(axis.values))]
    return {"axis": axis.name, "by": by, "names": names, "marks": marks}


def _summary(axis: Axis) -> str:
    if axis.named:
        return f"{axis.label} {', '.join(axis.values)}"
    return f"{axis.label} {number(axis.values[0])} to {number(axis.values[-1])} ({len(axis.values)} values)"
