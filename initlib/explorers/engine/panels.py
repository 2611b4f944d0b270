"""The kinds of panels with numbers: what each draws from the table, and how it says it in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from initlib import checks
from initlib.explorers.engine.panel import Panel
from initlib.explorers.engine.table import Table
from initlib.explorers.engine.view import View, quartiles
from initlib.explorers.engine.words import number, quantity, spoken
from initlib.typing import Array

SPREAD = "theory: 95 % of nets of this width"  # the legends of bands and of whiskers
WHISKERS = "whiskers: least to greatest"
SHADES = 8  # and one more where they part in the middle


@checks.methods
@dataclass(frozen=True)
class Lines(Panel):
    """A panel of lines over the axis `x`: a thin line for each value of `over`, a theory curve and its band.

    `y`, `theory` and the two edges in `band` name arrays of the table. With `over_as="band"` the values of
    `over` are drawn as one line through their medians in a band from the least to the greatest. `until` names
    the control beyond whose value the lines end. `report` says whether the last or the first point is read
    out. The vertical axis never moves: it spans the arrays, or `limits`, at which lines are cut off.
    """

    x: str
    y: str
    label: str
    over: str | None = None
    theory: str | None = None
    band: tuple[str, str] | None = None
    until: str | None = None
    report: Literal["first", "last"] = "last"
    over_as: Literal["lines", "band"] = "lines"
    limits: tuple[float, float] | None = None
    kind: ClassVar[str] = "lines"

    def arrays(self) -> list[str]:
        return [name for name in (self.y, self.theory, *(self.band or ())) if name is not None]

    def check(self, table: Table, controls: Sequence[str]) -> None:
        own = {axis for axis in (self.x, self.over) if axis is not None}
        self._check_free(table, sorted(own), controls)
        self._check_axis(table, self.x, numbers=True)
        self._check_until(table, self.until, controls)
        for i, name in enumerate(self.arrays()):
            allowed = own if i == 0 else own - {self.over}
            self._check_array(table, name, {self.x}, allowed | set(controls))
        if len({name in table.log for name in self.arrays()}) > 1:
            raise ValueError(f"Panel {self.title!r} mixes logarithmic and linear arrays: {self.arrays()}.")
        checks.choice(f"report of panel {self.title!r}", self.report, ("first", "last"))
        checks.choice(f"over_as of panel {self.title!r}", self.over_as, ("lines", "band"))
        if self.over_as == "band" and self.over not in table.dims[self.y]:
            raise ValueError(
                f"Panel {self.title!r} needs an axis of {self.y!r} as over, to draw a band over it. "
                f"Received: {checks.shown(self.over)}."
            )
        if self.limits is not None:
            self._check_limits(table, self.limits, self.y)

    def span(self, table: Table) -> tuple[float, float]:
        """Return the values between which the vertical axis lies."""
        return self.limits or self.extent(table, self.arrays())

    def spec(self, table: Table) -> dict[str, Any]:
        return {**super().spec(table), "limits": list(self.span(table))}

    def sentence(self, view: View) -> str:
        x = view.values(self.x, self.until)
        at = len(x) - 1 if self.report == "last" else 0
        runs = np.atleast_2d(view.along(self.y, self.over, self.x))[:, at]
        text = f"{self.title} at {view.axis(self.x).label} {number(x[at])}: {self._measured(runs, view)}"
        if self.theory is not None:
            text += f", {number(float(view.along(self.theory, self.x)[at]))} in theory"
        return spoken(text + ".")

    def _measured(self, runs: Array, view: View) -> str:
        middle, least, greatest = (number(float(f(runs))) for f in (np.median, np.min, np.max))
        if middle == "diverged":
            return middle
        over = f"{len(runs)} {view.axis(str(self.over)).label}s" if len(runs) > 1 else ""
        if least == greatest:
            return f"{middle} in all {over}" if over else f"{middle} measured"
        return f"{middle} measured ({least} to {greatest} over {over})"


@checks.methods
@dataclass(frozen=True)
class HeatMap(Panel):
    """A panel of shaded cells over the axes `x` and `y`, which may be controls too, for the array `value`.

    `marker` maps an axis of the cells to the control whose setting a ring marks there. `overlay` maps a label
    to an array over `x` of places on `y`: a curve across the cells. `limits` are the values of the first and
    the last shade (those of the whole array unless given): the bright end is the good one. With `center` the
    shades part there instead, to one color below it (too small) and another above (too large). `until` names
    the control that ends `x`.
    """

    x: str
    y: str
    value: str
    label: str
    marker: Mapping[str, str] = field(default_factory=dict)
    overlay: Mapping[str, str] = field(default_factory=dict)
    until: str | None = None
    limits: tuple[float, float] | None = None
    center: float | None = None
    kind: ClassVar[str] = "heatmap"

    def arrays(self) -> list[str]:
        return [self.value, *self.overlay.values()]

    def check(self, table: Table, controls: Sequence[str]) -> None:
        own = {self.x, self.y}
        for axis in (self.x, self.y):
            self._check_axis(table, axis)
        if self.x == self.y:
            raise ValueError(f"Panel {self.title!r} needs two axes. Received {self.x!r} twice.")
        self._check_until(table, self.until, controls)
        self._check_array(table, self.value, own, own | set(controls))
        for name in self.overlay.values():
            self._check_axis(table, self.y, numbers=True)
            self._check_array(table, name, {self.x}, {self.x} | set(controls) - {self.y})
        for axis, control in self.marker.items():
            checks.choice(f"axis in marker of panel {self.title!r}", axis, (self.x, self.y))
            checks.choice(f"control in marker of panel {self.title!r}", control, controls)
            if table.axes[axis].named and axis != control:
                raise ValueError(
                    f"The marker on the names of {axis!r} must follow that axis. "
                    f"Received: {checks.shown(control)}."
                )
        if self.limits is not None:
            self._check_limits(table, self.limits, self.value)
        if self.center is not None:
            low, high = self.limits or (-np.inf, np.inf)
            middle = (low * high) ** 0.5 if self.value in table.log else (low + high) / 2
            if not math.isclose(self.center, middle, abs_tol=1e-9 * (high - low)):
                raise ValueError(
                    f"The center of panel {self.title!r} must lie in the middle of its limits. Received: "
                    f"{self.center} and {self.limits}."
                )

    def shades(self, table: Table) -> tuple[float, float]:
        """Return the values of the first and the last shade."""
        return self.limits or self.extent(table, [self.value])

    @property
    def shade_count(self) -> int:
        """How many shades there are: an odd number where they part in the middle."""
        return SHADES + (self.center is not None)

    def spec(self, table: Table) -> dict[str, Any]:
        return {**super().spec(table), "limits": list(self.shades(table))}

    def cells(self, view: View) -> Array:
        """Return the values as (y, x)."""
        return view.along(self.value, self.y, self.x, until=self.until)

    def place(self, view: View, axis: str, value: Any) -> float:
        """Return where a value lies on an axis, as an index; NaN outside of it."""
        if view.axis(axis).named:
            checks.member(axis, value, view.axis(axis).values)
            return float(view.axis(axis).values.index(value))
        given = checks.reals(axis, value)
        if given.ndim:
            raise TypeError(f"{axis} must be one number. Received: {checks.shown(value)}.")
        nodes = view.axis(axis).values
        return float(np.interp(float(given), nodes, np.arange(len(nodes)), left=np.nan, right=np.nan))

    def marked(self, view: View) -> dict[str, float]:
        """Return where the marker stands on the axes it has, as indices."""
        return {axis: self.place(view, axis, view.set(control)) for axis, control in self.marker.items()}

    def sentence(self, view: View) -> str:
        cells, at = self.cells(view), self.marked(view)
        if len(at) < 2 or np.isnan(list(at.values())).any() or round(at[self.x]) >= cells.shape[1]:
            known = cells[np.isfinite(cells)]
            return spoken(f"{self.title}: {self.label} {_extent(known)}.")
        index = {axis: round(place) for axis, place in at.items()}
        where = ", ".join(
            f"{view.axis(a).label} {number(view.axis(a).values[index[a]])}" for a in (self.x, self.y)
        )
        here = float(cells[index[self.y], index[self.x]])
        text = f"{self.title} at {where}: {quantity(self.label, here)}"
        for label, name in self.overlay.items():
            there = float(view.along(name, self.x)[index[self.x]])
            text += f", {label} {'none' if np.isnan(there) else number(there)}"
        return spoken(text + ".")


@checks.methods
@dataclass(frozen=True)
class Histogram(Panel):
    """A panel of one shaded column for each value of `x`: how much of it lies in each of the `bins`.

    The array `value` holds shares (>= 0) and `bins` the middles of the bins; a line joins the medians. Make
    the array logarithmic for shades that tell rare from frequent. `until` ends `x`; `report` as in `Lines`.
    """

    x: str
    bins: str
    value: str
    label: str
    until: str | None = None
    report: Literal["first", "last"] = "last"
    kind: ClassVar[str] = "histogram"
    shade_count: ClassVar[int] = SHADES

    def arrays(self) -> list[str]:
        return [self.value]

    def check(self, table: Table, controls: Sequence[str]) -> None:
        self._check_free(table, (self.x, self.bins), controls)
        for axis in (self.x, self.bins):
            self._check_axis(table, axis, numbers=True)
        self._check_until(table, self.until, controls)
        self._check_array(table, self.value, {self.x, self.bins}, {self.x, self.bins} | set(controls))
        if np.nanmin(table.stored(self.value)) < 0:
            raise ValueError(f"Panel {self.title!r} draws shares, which must be >= 0. Array: {self.value!r}.")
        checks.choice(f"report of panel {self.title!r}", self.report, ("first", "last"))

    def shades(self, table: Table) -> tuple[float, float]:
        """Return the values of the palest and the darkest shade: a thousandth at least, and the greatest."""
        stored = table.stored(self.value)
        high = float(np.nanmax(stored))
        return (
            max(float(np.nanmin(stored[stored > 0])), high / 1e3) if self.value in table.log else 0.0
        ), high

    def spec(self, table: Table) -> dict[str, Any]:
        return {**super().spec(table), "limits": list(self.shades(table))}

    def cells(self, view: View) -> Array:
        """Return the shares as (bins, x)."""
        return view.along(self.value, self.bins, self.x, until=self.until)

    def quartiles(self, view: View) -> Array:
        """Return the quartiles of each column as (x, 3)."""
        bins = np.array(view.values(self.bins), dtype=float)
        return np.array([quartiles(bins, column) for column in self.cells(view).T])

    def sentence(self, view: View) -> str:
        x = view.values(self.x, self.until)
        at = len(x) - 1 if self.report == "last" else 0
        low, _, high = self.quartiles(view)[at]
        half = "diverged" if np.isnan(low) else f"the middle half between {number(low)} and {number(high)}"
        return spoken(f"{self.title} at {view.axis(self.x).label} {number(x[at])}: {half}.")


@checks.methods
@dataclass(frozen=True)
class Bars(Panel):
    """A panel of one bar for each value of `x`, as long as the array `y` says, with whiskers at `band`.

    `y` and the two edges in `band` name arrays over `x`. The axis spans them for all settings.
    """

    x: str
    y: str
    label: str
    band: tuple[str, str] | None = None
    kind: ClassVar[str] = "bars"

    def arrays(self) -> list[str]:
        return [self.y, *(self.band or ())]

    def check(self, table: Table, controls: Sequence[str]) -> None:
        self._check_free(table, (self.x,), controls)
        for name in self.arrays():
            self._check_array(table, name, {self.x}, {self.x} | set(controls))
        if len({name in table.log for name in self.arrays()}) > 1:
            raise ValueError(f"Panel {self.title!r} mixes logarithmic and linear arrays: {self.arrays()}.")

    def spec(self, table: Table) -> dict[str, Any]:
        return {**super().spec(table), "limits": list(self.extent(table, self.arrays()))}

    def sentence(self, view: View) -> str:
        x, y = view.values(self.x), view.along(self.y, self.x)
        bars = ", ".join(
            quantity(f"{number(one)}{self.unit}", float(value)) for one, value in zip(x, y, strict=True)
        )
        return spoken(f"{self.title}, {self.label.removesuffix(', %')}: {bars}.")

    @property
    def unit(self) -> str:
        """The end of the label that says that numbers are percents, or nothing."""
        return ", %" if self.label.endswith(", %") else ""


def _extent(known: Array) -> str:
    if not known.size:
        return "diverged"
    least, greatest = number(known.min()), number(known.max())
    return f"{least} everywhere" if least == greatest else f"{least} to {greatest}"
