"""The box that says where a claim stands: the verdict, what was found in words, and the tests behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape as escaped

from initlib.evidence import plain
from initlib.evidence.grounds import standing
from initlib.evidence.plain import Plain
from initlib.evidence.protocol import Finding, Protocol, Test
from initlib.tables import Table

COLUMNS = ("what was tested", "found", "95% interval", "fixed beforehand", "outcome")


@dataclass(frozen=True)
class Box:
    """The verdict of a result, a sentence on what was found, some of its tests; HTML on a page, else text.

    >>> from initlib import evidence
    >>> print(str(evidence.load("he-depth").box("22 layers, He converges")).splitlines()[0])
    Published result R5: depends: upheld with SGD with momentum; refuted with Adam and AdamW, warm-up.
    """

    protocol: Protocol
    verdict: str
    judged: Sequence[tuple[Test, Finding]]
    table: Table
    seeds: Sequence[int]
    plain: Plain
    scope: str = ""
    as_told: str = ""

    @property
    def name(self) -> str:
        """What is judged, by its number."""
        kind = "Claim" if self.protocol.claim.startswith("C") else "Published result"
        return f"{kind} {self.protocol.claim}"

    @property
    def heading(self) -> str:
        """Claim and verdict in a line."""
        return f"{self.name}: {standing(self.verdict, self.scope)}"

    @property
    def readings(self) -> list[tuple[str, str, str, str]]:
        """Each way of reading the claim: its name, the claim in it, its verdict, and on what grounds."""
        told, rule = self.protocol.told, self.protocol.statement
        if told is None:
            return [("", rule, self.verdict, self.scope)]
        words = told.words[0].upper() + told.words[1:]
        if words == rule and self.as_told == self.verdict:
            return [("", rule, self.verdict, self.scope)]
        return [("As told", words, self.as_told, ""), ("As a rule", rule, self.verdict, self.scope)]

    @property
    def basis(self) -> str:
        """What the verdict rests on, and how to make it anew."""
        source = self.protocol.source
        settled = f"Settled by source: {source.rstrip('.')}. The tests check our formula. " if source else ""
        tests = f"{len(self.protocol.tests)} tests, {_count(self.seeds)} an arm, all fixed before the run."
        return f"{settled}{tests} Run it again: `make evidence NAME={self.protocol.name}`."

    def __repr__(self) -> str:
        rows = "\n".join(repr(self.table).splitlines()[1:])
        claims = [
            f"{f'{name}: ' if name else ''}{words} {verdict.capitalize()}."
            for name, words, verdict, _ in self.readings
        ]
        found = [self.plain.sentence] if self.plain.sentence else []
        return "\n".join([f"{self.heading}.", *claims, *found, rows, "", self.basis])

    def _repr_html_(self) -> str:
        claims = "".join(
            f'<p class="verdict-claim">{badge(verdict)} '
            f"{f'<b>{name}:</b> ' if name else ''}<q>{escaped(words)}</q>"
            f"{f' <small>{escaped(scope)}</small>' if scope else ''}</p>"
            for name, words, verdict, scope in self.readings
        )
        found = f'<p class="verdict-found">{escaped(self.plain.sentence)}</p>' if self.plain.sentence else ""
        basis = escaped(self.basis).replace("`make", "<code>make").replace("`", "</code>")
        return (
            f'<div role="group" class="verdict-box verdict-{self.verdict}" '
            f'aria-label="Verdict on {self.name}">'
            f'<p class="verdict-name">{self.name}</p>{claims}{found}{self._points()}'
            f"<details{'' if found else ' open'}><summary>{self._summary()}</summary>"
            f"{self._tests()}<p>{basis}</p></details></div>"
        )

    def _summary(self) -> str:
        shown = len(self.judged)
        return f"The tests of {self.protocol.claim} in numbers ({shown} {'rows' if shown > 1 else 'row'})"

    def _points(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{escaped(point.words)}</th><td>{plain.picture(point)}</td>'
            f"<td>{plain.estimate(point.finding)}</td></tr>"
            for point in self.plain.points
        )
        return f'<table class="verdict-points"><tbody>{rows}</tbody></table>' if rows else ""

    def _tests(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
        body = "".join(
            f'<tr><th scope="row">{escaped(finding.label)}</th>'
            f"<td>{plain.estimate(finding)}</td><td>{plain.interval(finding)}</td>"
            f"<td>{escaped(plain.criterion(test))}</td><td><b>{finding.outcome}</b></td></tr>"
            for test, finding in self.judged
        )
        name = f"Tests of {self.protocol.claim}"
        return (
            f'<div class="verdict-tests" tabindex="0" role="group" aria-label="{name}">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )


def badge(verdict: str) -> str:
    """Return the stamp of a verdict.

    >>> badge("upheld")
    '<strong class="verdict-badge verdict-upheld">upheld</strong>'
    """
    return f'<strong class="verdict-badge verdict-{verdict}">{verdict}</strong>'


def _count(seeds: Sequence[int]) -> str:
    low, high = min(seeds), max(seeds)
    return f"{low} seeds" if low == high else f"{low} to {high} seeds"
