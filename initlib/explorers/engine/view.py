"""A table seen from one position of the controls, and the words for what is seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from initlib import checks
from initlib.explorers.engine.table import Axis, Table
from initlib.explorers.engine.words import number, spoken
from initlib.typing import Array


@checks.methods
@dataclass(frozen=True)
class View:
    """What a table holds where the controls stand: `at` maps each control to an index on its axis.

    >>> axes = [Axis("scale", [0.5, 1.0]), Axis("layer", [1, 2, 3])]
    >>> table = Table(axes, {"rms": (["scale", "layer"], [[1, 2, 3], [4, 5, 6]])})
    >>> View(table, {"scale": 1}).along("rms", "layer").tolist()
    [4.0, 5.0, 6.0]
    """

    table: Table
    at: Mapping[str, int]

    def __post_init__(self) -> None:
        checks.fields(self)
        for name, place in self.at.items():
            last = len(self.axis(name).values) - 1
            checks.integer(f"at[{name!r}]", place, minimum=0, maximum=last)

    def along(self, name: str, *axes: str | None, until: str | None = None) -> Array:
        """Return the array `name` over those of the `axes` that it has, in their order.

        The last axis ends at the value where the control `until` stands.
        """
        dims = self.table.dims[checks.choice("array", name, self.table.dims)]
        if unset := [dim for dim in dims if dim not in axes and dim not in self.at]:
            raise ValueError(f"{name!r} has axes that are neither set nor drawn along: {unset}.")
        if until is not None and not axes:
            raise ValueError(f"until needs an axis to end. Received: {checks.shown(until)}.")
        picked = self.table.stored(name)[tuple(slice(None) if dim in axes else self.at[dim] for dim in dims)]
        kept = [dim for dim in dims if dim in axes]
        ordered = picked.transpose([kept.index(axis) for axis in axes if axis in kept])
        return ordered if until is None else ordered[..., : len(self.values(str(axes[-1]), until))]

    def values(self, axis: str, until: str | None = None) -> tuple[Any, ...]:
        """Return the values on an axis, up to where the control `until` stands."""
        values = self.axis(axis).values
        if until is None:
            return values
        limit = self.set(until)
        if self.axis(axis).named or isinstance(limit, str):
            raise ValueError(f"Names have no end. Received: axis {axis!r} until {until!r}.")
        return tuple(value for value in values if value <= limit)

    def axis(self, name: str) -> Axis:
        """Return an axis of the table."""
        return self.table.axes[checks.choice("axis", name, self.table.axes)]

    def set(self, control: str) -> Any:
        """Return the value where a control stands."""
        return self.axis(checks.choice("control", control, self.at)).values[self.at[control]]

    def settings(self) -> str:
        """Return where the controls stand, in words."""
        return spoken(", ".join(f"{self.axis(name).label} {number(self.set(name))}" for name in self.at))


def quartiles(bins: Array, shares: Array) -> Array:
    """Return the bins below which a quarter, a half and three quarters of the shares lie; NaN where unknown.

    >>> quartiles(np.array([-1.0, 0.0, 1.0]), np.array([0.3, 0.4, 0.3])).tolist()
    [-1.0, 0.0, 1.0]
    """
    if np.isnan(shares).any() or not shares.sum() > 0:
        return np.full(3, np.nan)
    cumulative = np.cumsum(shares) / shares.sum()
    return bins[[int(np.argmax(cumulative >= q - 1e-9)) for q in (0.25, 0.5, 0.75)]]
