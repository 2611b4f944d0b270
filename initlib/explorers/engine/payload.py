"""What travels to the browser: a declaration as plain JSON; its numbers travel beside it as bytes."""

from typing import Any

import numpy as np

from initlib.explorers.engine.declaration import Declaration
from initlib.explorers.engine.panels import SPREAD, WHISKERS
from initlib.explorers.engine.table import Axis


def spec(declaration: Declaration) -> dict[str, Any]:
    """Return a declaration as plain JSON for the front end."""
    table = declaration.table
    return {
        "title": declaration.title,
        "name": declaration.name,
        "start": dict(declaration.start),
        "play": declaration.play,
        **table.spec(),
        "controls": [_control_spec(table.axes[name]) for name in declaration.controls],
        "panels": [panel.spec(table) for panel in declaration.panels],
        "spread": SPREAD,
        "whiskers": WHISKERS,
    }


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
    """Return how a control says where it stands, words for its values, and its marks."""
    by = control_kind(axis)
    names = [axis.describe(i) for i in range(len(axis.values))]
    return {"axis": axis.name, "by": by, "names": names, "marks": _marks(axis, by)}


def _marks(axis: Axis, by: str) -> list[tuple[str, int, float]]:
    """Return the marks that stand at a value of a slider as (name, index, % from the left)."""
    if axis.named or len(axis.values) < 2:
        return []
    places = np.log(axis.values) if by == "log" else np.array(axis.values, dtype=float)
    if by == "index":
        places = np.arange(len(axis.values), dtype=float)
    lefts = 100 * (places - places[0]) / (places[-1] - places[0])
    found = [(name, axis.nearest(at)) for name, at in axis.marks.items() if axis.stands_at(at)]
    return [(name, i, round(float(lefts[i]), 2)) for name, i in sorted(found, key=lambda mark: mark[1])]
