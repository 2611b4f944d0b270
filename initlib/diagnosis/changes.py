"""What `apply` wrote into a model, or would write, layer by layer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """One parameter: its name, the kind of its layer, the law, standard deviation before and after."""

    name: str
    layer: str
    law: str
    before: float
    after: float


@dataclass(frozen=True)
class Changes:
    """All changes in the order of the model, and the parameters that were left alone, with the reason.

    >>> row = Change("0.weight", "dense", "he_normal", 0.1, 0.2)
    >>> changes = Changes((row,), {"1.weight": "normalisation"})
    >>> print(changes)
    0.weight  dense  std 0.1 -> 0.2  he_normal
    left alone: 1.weight (normalisation)
    """

    rows: tuple[Change, ...]
    left: dict[str, str]
    written: bool = True

    def __iter__(self) -> Iterator[Change]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects."""
        return {"written": self.written, "changes": [vars(row) for row in self.rows], "left": dict(self.left)}

    def __repr__(self) -> str:
        wide = max((len(row.name) for row in self.rows), default=0)
        kind = max((len(row.layer) for row in self.rows), default=0)
        lines = [
            f"{r.name:{wide}}  {r.layer:{kind}}  std {r.before:.3g} -> {r.after:.3g}  {r.law}"
            for r in self.rows
        ]
        if self.left:
            lines.append("left alone: " + ", ".join(f"{name} ({why})" for name, why in self.left.items()))
        if not self.written:
            lines.append("Nothing was written: this is a dry run.")
        return "\n".join(lines)
