"""The box that says where a claim stands: the verdict, and the findings that led to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from initlib.evidence.protocol import Protocol
from initlib.tables import Table, escaped, markdown

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
    Published result R5: depends, upheld with SGD with momentum; refuted with Adam and AdamW, warm-up.
    """

    protocol: Protocol
    verdict: str
    table: Table
    seeds: Sequence[int]
    scope: str = ""
    as_told: str = ""

    @property
    def heading(self) -> str:
        """Claim and verdict in a line."""
        kind = "Claim" if self.protocol.claim.startswith("C") else "Published result"
        return f"{kind} {self.protocol.claim}: {self.verdict}{f', {self.scope}' if self.scope else ''}"

    @property
    def told(self) -> list[str]:
        """The claim as it is told, with its verdict, in a line; none if the protocol has no such reading."""
        told = self.protocol.told
        return [f"As told: {told.words} {self.as_told.capitalize()}."] if told else []

    @property
    def basis(self) -> str:
        """What the verdict rests on, and how to make it anew."""
        source = self.protocol.source
        settled = f"Settled by source: {source.rstrip('.')}. The tests check our formula. " if source else ""
        tests = f"{len(self.protocol.tests)} tests, {_count(self.seeds)} an arm, all fixed before the run."
        return f"{settled}{tests} Run it again: `make evidence NAME={self.protocol.name}`."

    def __repr__(self) -> str:
        rows = "\n".join(repr(self.table).splitlines()[1:])
        told = "".join(f"{line}\n" for line in self.told)
        return f"{self.heading}.\n{told}{self.protocol.statement}\n{rows}\n\n{self.basis}"

    def _repr_markdown_(self) -> str:
        lines = [
            f":::{{admonition}} {self.heading}",
            f":class: verdict {self.verdict}",
            *(text for line in self.told for text in (line, "")),
            f"{'As a rule for every net: ' if self.told else ''}*{self.protocol.statement}*",
            "",
            markdown(
                list(COLUMNS.values()), ([escaped(row[name]) for name in COLUMNS] for row in self.table)
            ),
            "",
            self.basis,
            ":::",
        ]
        return "\n".join(lines)


def _count(seeds: Sequence[int]) -> str:
    low, high = min(seeds), max(seeds)
    return f"{low} seeds" if low == high else f"{low} to {high} seeds"
