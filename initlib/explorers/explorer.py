"""Explorers: labelled sliders and menus over a table of results, alive with or without a kernel."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from initlib import checks
from initlib.explorers.table import Axis, Table

if TYPE_CHECKING:
    import ipywidgets


@dataclass(frozen=True)
class Lines:
    """A panel of lines over the axis `x`: a thin line for each value of `over`, a theory curve and its band.

    `y`, `theory` and the two edges in `band` name arrays of the table. `until` names the control beyond whose
    value the lines end. `report` says whether the last or the first point is the one that is read out.
    """

    title: str
    x: str
    y: str
    label: str
    over: str | None = None
    theory: str | None = None
    band: tuple[str, str] | None = None
    until: str | None = None
    report: Literal["first", "last"] = "last"
    kind: ClassVar[str] = "lines"

    def arrays(self) -> list[str]:
        """Return the names of the arrays that the panel draws."""
        return [name for name in (self.y, self.theory, *(self.band or ())) if name is not None]

    def check(self, table: Table, controls: Sequence[str]) -> None:
        """Raise if the table lacks what the panel draws, or has axes that nothing sets."""
        own = {axis for axis in (self.x, self.over) if axis is not None}
        for axis in own:
            checks.choice(f"axis of panel {self.title!r}", axis, table.axes)
            if axis in controls:
                raise ValueError(f"Panel {self.title!r} draws along {axis!r}, which is also a control.")
        if self.until is not None:
            checks.choice(f"until of panel {self.title!r}", self.until, controls)
            if table.axes[self.until].named:
                raise ValueError(
                    f"Panel {self.title!r} needs a control with numbers to end at. Received: {self.until!r}."
                )
        for i, name in enumerate(self.arrays()):
            checks.choice(f"array of panel {self.title!r}", name, table.dims)
            allowed = own if i == 0 else own - {self.over}
            _check_dims(self.title, name, table.dims[name], {self.x}, allowed | set(controls))
        if len({name in table.log for name in self.arrays()}) > 1:
            raise ValueError(f"Panel {self.title!r} mixes logarithmic and linear arrays: {self.arrays()}.")
        checks.choice(f"report of panel {self.title!r}", self.report, ("first", "last"))

    def spec(self) -> dict[str, Any]:
        """Return the panel as plain JSON for the front end."""
        return {"kind": self.kind, **asdict(self)}


def _check_dims(panel: str, name: str, dims: Sequence[str], needed: set[str], allowed: set[str]) -> None:
    if not needed <= set(dims) <= allowed:
        raise ValueError(
            f"Panel {panel!r} cannot draw {name!r}: it must have the axes {sorted(needed)} and may have "
            f"{sorted(allowed - needed)}. Received axes: {list(dims)}."
        )


class Explorer:
    """Controls over some axes of a table, and panels that draw the table there.

    A control is a slider where the axis holds numbers (an `IntSlider` for evenly spaced integers, a
    `FloatLogSlider` for a constant ratio, else a `SelectionSlider`) and a menu where it holds names. In a
    notebook and on a built page the panels follow the controls without a kernel; without JavaScript and on
    paper a still picture stands in their place.

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
        panels: Sequence[Lines],
        *,
        start: Mapping[str, Any] | None = None,
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
        self._widget: ipywidgets.VBox | None = None

    def _start_index(self, name: str, given: Mapping[str, Any]) -> int:
        axis = self.table.axes[name]
        if name in given:
            return axis.nearest(given[name])
        return 0 if axis.named else len(axis.values) // 2

    def __repr__(self) -> str:
        controls = ", ".join(_summary(self.table.axes[name]) for name in self.controls)
        return f"Explorer({self.title!r}: {controls}; panels {', '.join(p.title for p in self.panels)})"

    def lines(self, panel: Lines, name: str) -> NDArray[np.float64]:
        """Return the array `name` at the start as the panel draws it: (x,) or (over, x)."""
        dims = self.table.dims[name]
        free = [axis for axis in (panel.over, panel.x) if axis in dims]
        index = tuple(slice(None) if axis in free else self.start[axis] for axis in dims)
        picked = self.table.stored(name)[index]
        picked = picked if [axis for axis in dims if axis in free] == free else picked.T
        if panel.until is not None:
            limit = self.table.axes[panel.until].values[self.start[panel.until]]
            picked = picked[..., : sum(value <= limit for value in self.table.axes[panel.x].values)]
        return picked

    def settings(self) -> str:
        """Return where the controls stand at the start, in words."""
        axes = self.table.axes
        return ", ".join(
            f"{axes[name].label} {_number(axes[name].values[i])}" for name, i in self.start.items()
        )

    def describe(self) -> str:
        """Return what the picture shows at the start, in words: the alt text of the static picture."""
        return f"{self.settings()}. " + " ".join(self._report(panel) for panel in self.panels)

    def _report(self, panel: Lines) -> str:
        measured = self.lines(panel, panel.y)
        at = measured.shape[-1] - 1 if panel.report == "last" else 0
        x = self.table.axes[panel.x]
        text = f"{panel.title} at {x.label} {_number(x.values[at])}: measured {_median(measured[..., at])}"
        if panel.theory is not None:
            text += f", theory {_number(float(self.lines(panel, panel.theory)[at]))}"
        return text + "."

    def spec(self) -> dict[str, Any]:
        """Return the explorer as plain JSON for the front end; the numbers travel beside it as bytes."""
        return {
            "title": self.title,
            **self.table.spec(),
            "controls": [
                {"axis": name, "by": control_kind(self.table.axes[name]), "start": self.start[name]}
                for name in self.controls
            ],
            "panels": [panel.spec() for panel in self.panels],
            "spread": SPREAD,
        }

    @property
    def widget(self) -> "ipywidgets.VBox":
        """The live widget: the controls above the drawing, linked in the browser."""
        if self._widget is None:
            from initlib.explorers.widget import build

            self._widget = build(self)
        return self._widget

    def _ipython_display_(self) -> None:
        from IPython.display import display

        from initlib.explorers.picture import draw

        sentence = f'<p class="initlib-explorer-note">{NOTE}</p>'
        png = draw(self)
        alt = f"{self.title}: {self.describe()}"
        text = repr(self)
        show: Callable[..., object] = display
        show({"image/png": png, "text/plain": alt}, metadata={"image/png": {"alt": alt}}, raw=True)
        show({"text/html": sentence, "text/plain": NOTE}, raw=True)
        show({**self.widget._repr_mimebundle_(), "text/plain": text}, raw=True)


SPREAD = "theory: 95 % of nets of this width"
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


def _number(value: Any) -> str:
    if isinstance(value, float) and math.isnan(value):
        return "diverged"
    return str(value) if isinstance(value, (str, int)) else f"{float(f'{value:.3g}'):g}"


def _median(values: NDArray[np.float64]) -> str:
    return _number(float(np.median(values)))


def _summary(axis: Axis) -> str:
    if axis.named:
        return f"{axis.label} {', '.join(axis.values)}"
    return f"{axis.label} {_number(axis.values[0])} to {_number(axis.values[-1])} ({len(axis.values)} values)"
