"""Explorers: labelled sliders and menus over a table of results, alive with or without a kernel."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from initlib.explorers.engine import payload, picture
from initlib.explorers.engine.declaration import Declaration
from initlib.explorers.engine.panels import SPREAD as SPREAD  # the former place of these three
from initlib.explorers.engine.panels import WHISKERS as WHISKERS
from initlib.explorers.engine.payload import control_kind as control_kind
from initlib.extras import hints

if TYPE_CHECKING:
    import ipywidgets

NOTE = "A still picture of one setting: where JavaScript runs, sliders and menus stand here instead."


class Explorer(Declaration):
    """A `Declaration` that shows itself: controls over some axes of a table, and panels that draw it there.

    A control is a slider where the axis holds numbers (an `IntSlider` for evenly spaced integers, a
    `FloatLogSlider` for a constant ratio, else a `SelectionSlider`). Where it holds names it is a menu, or a
    row of buttons if it is among `buttons`. `start` says where controls stand at first, `play` which of them
    a button steps along, `name` what links to a setting call the explorer. In a notebook and on a built page
    the panels follow the controls without a kernel; without JavaScript and on paper a still picture stands in
    their place.

    >>> from initlib.explorers import Axis, Lines, Table
    >>> table = Table(
    ...     [Axis("layer", [1, 2]), Axis("scale", [0.5, 1.0, 2.0], label="weight scale")],
    ...     {"rms": (["scale", "layer"], [[0.5, 0.2], [1.0, 1.1], [2.0, 4.1]])},
    ...     log=["rms"],
    ... )
    >>> explorer = Explorer("Signal", table, ["scale"], [Lines("Forward", "layer", "rms", "rms")])
    >>> explorer
    Explorer('Signal': weight scale 0.5 to 2 (3 values); panels Forward)
    >>> explorer.describe()
    'weight scale 1. Forward at layer 2: 1.1 measured.'
    """

    def spec(self) -> dict[str, Any]:
        """Return the explorer as plain JSON for the front end; the numbers travel beside it as bytes."""
        return payload.spec(self)

    @cached_property
    def widget(self) -> "ipywidgets.VBox":
        """The live widget: the controls above the drawing, linked in the browser."""
        with hints():
            from initlib.explorers.engine.widget import build  # loads ipywidgets

        return build(self)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        show: Callable[..., object] = display
        png, alt = picture.draw(self), f"{self.title}: {self.describe()}"
        show({"image/png": png, "text/plain": alt}, metadata={"image/png": {"alt": alt}}, raw=True)
        note = f'<p class="initlib-explorer-note">{NOTE}</p>'
        show({"text/html": note, "text/plain": NOTE}, raw=True)
        show({**self.widget._repr_mimebundle_(), "text/plain": repr(self)}, raw=True)
