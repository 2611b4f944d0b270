"""What all kinds of panels have: the arrays they draw, their checks, their words and their specification."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from initlib import checks
from initlib.explorers.engine.table import Table
from initlib.explorers.engine.view import View


@checks.methods
@dataclass(frozen=True)
class Panel:
    """What all panels have: a title, the arrays and axes they draw, a check, and a sentence."""

    title: str
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        checks.fields(self)

    def arrays(self) -> list[str]:
        """Return the names of the arrays that the panel draws."""
        raise NotImplementedError

    def check(self, table: Table, controls: Sequence[str]) -> None:
        """Raise if the table lacks what the panel draws, or has axes that nothing sets."""
        raise NotImplementedError

    def sentence(self, view: View) -> str:
        """Return what the panel shows, in a sentence."""
        raise NotImplementedError

    def spec(self, table: Table) -> dict[str, Any]:
        """Return the panel as plain JSON for the front end."""
        return {"kind": self.kind, **asdict(self)}

    def extent(self, table: Table, names: Sequence[str]) -> tuple[float, float]:
        """Return the least and the greatest stored number of some arrays, above 0 where they are logarithmic.

        An axis that spans them stays where it is while controls move, and never shows what storage rounds.
        """
        checks.names("names", names, table.dims)
        every = np.concatenate([table.stored(name).ravel() for name in names])
        shown = every[(every > 0) if names[0] in table.log else np.isfinite(every)]
        return (float(shown.min()), float(shown.max())) if shown.size else (0.1, 10.0)

    def _check_limits(self, table: Table, limits: tuple[float, float], name: str) -> None:
        low, high = (checks.real(f"limits of panel {self.title!r}", limit) for limit in limits)
        if not low < high or (name in table.log and low <= 0):
            raise ValueError(
                f"The limits of panel {self.title!r} must increase (from above 0 on a logarithmic scale). "
                f"Received: {checks.shown(limits)}."
            )

    def _check_array(self, table: Table, name: str, needed: set[str], allowed: set[str]) -> None:
        checks.choice(f"array of panel {self.title!r}", name, table.dims)
        dims = table.dims[name]
        if not needed <= set(dims) <= allowed | needed:
            raise ValueError(
                f"Panel {self.title!r} cannot draw {name!r}: it must have the axes {sorted(needed)} and may "
                f"have {sorted(allowed - needed)}. Received axes: {list(dims)}."
            )

    def _check_axis(self, table: Table, name: str, *, numbers: bool = False) -> None:
        checks.choice(f"axis of panel {self.title!r}", name, table.axes)
        if numbers and table.axes[name].named:
            raise ValueError(f"Panel {self.title!r} needs numbers on the axis {name!r}. Received names.")

    def _check_free(self, table: Table, axes: Sequence[str], controls: Sequence[str]) -> None:
        for axis in axes:
            self._check_axis(table, axis)
            if axis in controls:
                raise ValueError(f"Panel {self.title!r} draws along {axis!r}, which is also a control.")

    def _check_until(self, table: Table, until: str | None, controls: Sequence[str]) -> None:
        if until is None:
            return
        checks.choice(f"until of panel {self.title!r}", until, controls)
        if table.axes[until].named:
            raise ValueError(
                f"Panel {self.title!r} needs a control with numbers to end at. "
                f"Received: {checks.shown(until)}."
            )
