"""The box that says where a claim stands: the verdict, and the findings that led to it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from initlib.evidence.results import Result, Table

COLUMNS = {
    "test": "what was tested",
    "estimate": "estimate",
    "95% interval": "95% interval",
    "criterion": "fixed beforehand",
    "outcome": "outcome",
}


@dataclass(frozen=True)
class Box:
    """The verdict of a result with some of its findings; shows as an admonition on a page, as text elsewhere.

    >>> from initlib import evidence
    >>> print(str(evidence.load("he-depth").box("22 layers, He converges")).splitlines()[0])
    Published result R5: refined.
    """

    result: "Result"
    table: "Table"
    seeds: Sequence[int]

    @property
    def heading(self) -> str:
        """Claim and verdict in a line."""
        kind = "Claim" if self.result.protocol.claim.startswith("C") else "Published result"
        return f"{kind} {self.result.protocol.claim}: {self.result.verdict}"

    @property
    def basis(self) -> str:
        """What the verdict rests on, and how to make it anew."""
        protocol = self.result.protocol
        source = protocol.source
        settled = f"Settled by source: {source.rstrip('.')}. The tests check our formula. " if source else ""
        tests = f"{len(self.result.findings)} tests, {_count(self.seeds)} an arm, all fixed before the run."
        return f"{settled}{tests} Run it again: `make evidence NAME={protocol.name}`."

    def __repr__(self) -> str:
        rows = "\n".join(repr(self.table).splitlines()[1:])
        return f"{self.heading}.\n{self.result.protocol.statement}\n{rows}\n\n{self.basis}"

    def _repr_markdown_(self) -> str:
        lines = [
            f":::{{admonition}} {self.heading}",
            f":class: verdict {self.result.verdict}",
            f"*{self.result.protocol.statement}*",
            "",
            _line(COLUMNS.values()),
            _line("---" for _ in COLUMNS),
            *(_line(escaped(row[name]) for name in COLUMNS) for row in self.table),
            "",
            self.basis,
            ":::",
        ]
        return "\n".join(lines)


def _count(seeds: Sequence[int]) -> str:
    low, high = min(seeds), max(seeds)
    return f"{low} seeds" if low == high else f"{low} to {high} seeds"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return re.sub(r"([|*_<>$`])", r"\\\1", text)
