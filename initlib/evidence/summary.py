"""All verdicts at once, each computed from its archive: the table, its picture, and files to download."""

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from initlib import checks
from initlib.evidence import registry
from initlib.evidence.archives import load
from initlib.evidence.box import badge
from initlib.evidence.grounds import INCONCLUSIVE, VERDICTS, WORDS, standing
from initlib.evidence.protocol import Finding
from initlib.evidence.results import Result, row_of
from initlib.evidence.scopes import COLUMNS as OPTIMIZERS
from initlib.evidence.scopes import contrasts, scope_map, scopes
from initlib.evidence.statistics import LEVEL, Mean, by_signs
from initlib.extras import hints
from initlib.tables import Table, escaped, markdown

CLAIMS = tuple(f"C{number}" for number in range(1, 26))
KINDS = (*VERDICTS, INCONCLUSIVE)
COLUMNS = (
    "claim",
    "told",
    "as told",
    "statement",
    "verdict",
    "scope",
    "test",
    "estimate",
    "95% interval",
    "criterion",
    "n",
    "experiment",
)
HEADS = ("claim", "as it is told", "as a rule for every net", "first test behind it")
LOOKS = {  # Okabe and Ito's colours; the marker says the same
    "upheld": ("#009E73", "o"),
    "refined": ("#0072B2", "s"),
    "depends": ("#56B4E9", "D"),
    "refuted": ("#D55E00", "X"),
    INCONCLUSIVE: ("#777777", "v"),
}


def verdicts(where: str | Path | None = None) -> "Verdicts":
    """Return the verdict on every claim, C1 to C25, and on every published result, from their archives.

    `where` is another folder of archives. An archive that is missing, unreadable or older than its experiment
    is an error that names it, and so is a claim without an experiment.

    >>> verdicts().claims["C2"].protocol.name
    'zero-symmetry'
    """
    experiments: dict[str, str] = {}
    for name in registry.names():
        claim = registry.get(name).PROTOCOL.claim
        if claim in experiments:
            raise ValueError(f"Claim {claim} has two experiments, {name!r} is the second.")
        experiments[claim] = name
    missing = [claim for claim in CLAIMS if claim not in experiments]
    if missing:
        raise ValueError(f"No experiment settles {', '.join(missing)}.")
    results = {claim: load(name, where=where) for claim, name in experiments.items()}

    def kind(letter: str) -> dict[str, Result]:
        return {claim: results[claim] for claim in sorted(results, key=_place) if claim.startswith(letter)}

    return Verdicts(kind("C"), kind("R"), kind("E"), kind("D"))


def _place(claim: str) -> tuple[int, str]:
    return int("".join(filter(str.isdigit, claim))), claim


@checks.methods
@dataclass(frozen=True)
class Verdicts:
    """The results for `claims`, `published` results, what holds `elsewhere`, our `tools`, by identifier."""

    claims: Mapping[str, Result] = field(repr=False)
    published: Mapping[str, Result] = field(repr=False)
    elsewhere: Mapping[str, Result] = field(default_factory=dict, repr=False)
    tools: Mapping[str, Result] = field(default_factory=dict, repr=False)

    @property
    def all(self) -> dict[str, Result]:
        """Every result by its identifier."""
        return {**self.claims, **self.published, **self.elsewhere, **self.tools}

    def rows(self, results: Mapping[str, Result] | None = None) -> list[dict[str, str]]:
        """Return a row for each claim: what was found in the first test that its verdict rests on."""
        return [_row(result) for result in (self.claims if results is None else results).values()]

    def table(
        self, links: Mapping[str, str] | None = None, results: Mapping[str, Result] | None = None
    ) -> "LinkedTable":
        """Return the rows as a table for a page; `links` gives the address of each claim's chapter."""
        return LinkedTable(self.rows(results), links or {})

    def listing(
        self, links: Mapping[str, str] | None = None, results: Mapping[str, Result] | None = None
    ) -> "Listing":
        """Return the claims in words for a page; `links` gives the address of each claim's chapter."""
        return Listing(self.claims if results is None else results, links or {})

    def brief(self, links: Mapping[str, str]) -> "Brief":
        """Return what was found for a few claims, a sentence each, linked to its chapter."""
        return Brief({claim: self.all[checks.choice("claim", claim, self.all)] for claim in links}, links)

    def counts(self, *, as_told: bool = False) -> dict[str, int]:
        """Return how many claims got each verdict as a rule for every net, or `as_told`."""
        found = [result.as_told if as_told else result.verdict for result in self.claims.values()]
        return {kind: found.count(kind) for kind in KINDS}

    def scopes(self, maps: Mapping[str, Sequence[str]]) -> Table:
        """Return where each claim that rests on training was tried, with what outcome.

        `maps` names, for each result of `elsewhere`, the claims that rest on the same contrast.
        """
        for name in maps:
            checks.choice("map", name, self.elsewhere)
        return scopes({**self.claims, **self.published}, maps, self.elsewhere)

    @hints()
    def scope_map(self) -> Any:
        """Draw for each result the contrast that is largest with SGD, with each optimizer it was tried with.

        That is the difference in accuracy, of those that the rules to a verdict name, between the arm that is
        better with SGD and the other. Results whose rules name none are left out.
        """
        from initlib.evidence.pictures import draw_scopes

        return draw_scopes(scope_map({**self.claims, **self.published}), OPTIMIZERS)

    def contrasts(self, *names: str) -> Table:
        """Return what became of each contrast of `elsewhere` on each ground, and by how many points.

        `names` keeps only these contrasts, with their grounds.
        """
        chosen = [checks.choice("map", name, self.elsewhere) for name in names or self.elsewhere]
        return contrasts({name: self.elsewhere[name] for name in chosen})

    def tally(self) -> Table:
        """Return how many claims got each verdict, as told and as a rule for every net, as a table."""
        told, rule = self.counts(as_told=True), self.counts()
        rows = [{"verdict": kind, "as told": str(told[kind]), "as a rule": str(rule[kind])} for kind in KINDS]
        judged = sum(told.values())
        return Table(rows, f"{judged} claims were judged as told, all {sum(rule.values())} as rules.", WORDS)

    def missed(self) -> Table:
        """Return, for everything not upheld, the tests whose outcome differs from what upholding it takes."""
        rows = [
            {"claim": name, "verdict": result.verdict, "test": finding.label, "outcome": finding.outcome}
            for name, result in {**self.claims, **self.published}.items()
            if result.verdict != "upheld"
            for finding in _off(result)
        ]
        return Table(rows, "Tests that came out otherwise than upholding the claim takes.")

    def doubted(self) -> Table:
        """Return the outcomes "higher" and "lower" behind a verdict that a test without a normal law doubts.

        For these the signs of the differences, tossed anew, give a mean as far from 0 in more than one case
        of twenty.
        """
        rows = []
        for name, result in self.all.items():
            for finding in dict.fromkeys(result.decisive):
                found = finding.estimate
                if isinstance(found, Mean) and finding.outcome in ("higher", "lower"):
                    p = by_signs(found.values)
                    if p > 1 - LEVEL:
                        rows.append({"claim": name, "test": finding.label, "p": f"{p:.2g}"})
        return Table(rows, "Outcomes behind a verdict that a test by signs doubts.")

    def csv(self) -> str:
        """Return all rows as comma-separated values."""
        stream = io.StringIO()
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows(self.all))
        return stream.getvalue()

    def json(self) -> str:
        """Return all rows as JSON."""
        return json.dumps(self.rows(self.all), indent=1)

    def downloads(self) -> "Downloads":
        """Return links that save the rows as files; they work without a server."""
        tables = {"csv": ("text/csv", self.csv()), "json": ("application/json", self.json())}
        return Downloads({f"verdicts.{ending}": table for ending, table in tables.items()})

    @hints()
    def plot(self) -> Any:
        """Draw which claim got which verdict as a rule (filled) and as told (ring), and return the figure."""
        import matplotlib.pyplot as plt

        figure, axis = plt.subplots(figsize=(7.6, 0.9 + 0.24 * len(self.claims)), layout="constrained")
        for y, (claim, result) in enumerate(self.claims.items()):
            color, marker = LOOKS[result.verdict]
            axis.plot(KINDS.index(result.verdict), y, marker, color=color, markersize=9, markeredgewidth=2)
            if result.as_told:
                axis.plot(
                    KINDS.index(result.as_told), y, "o", color="#777777", markersize=14, fillstyle="none"
                )
            axis.axhline(y, color="#E4E4E4", linewidth=0.8, zorder=0)
            axis.annotate(claim, (-0.55, y), va="center", ha="right", fontsize=9, annotation_clip=False)
        axis.set(xlim=(-0.5, len(KINDS) - 0.5), ylim=(len(self.claims) - 0.5, -0.5), yticks=[])
        axis.set_xticks(range(len(KINDS)), KINDS)
        axis.xaxis.tick_top()
        axis.tick_params(length=0)
        axis.grid(visible=False)
        for side in axis.spines.values():
            side.set_visible(False)
        return figure


def _row(result: Result) -> dict[str, str]:
    protocol = result.protocol
    decided = [found for found in result.by_ground.values() if protocol.rule(found)]
    findings = decided[0] if decided else result.findings
    rule = protocol.rule(findings)
    first = rule.tests[0] if rule else findings[0].test
    found = row_of(next(finding for finding in findings if finding.test == first))
    known = {
        "claim": protocol.claim,
        "told": protocol.told.words if protocol.told else protocol.statement if result.as_told else "",
        "as told": result.as_told,
        "statement": protocol.statement,
        "verdict": result.verdict,
        "scope": result.scope,
        "experiment": protocol.name,
    }
    return {column: known[column] if column in known else found[column] for column in COLUMNS}


def _off(result: Result) -> list[Finding]:
    """Return the findings that keep the rule of "upheld" from fitting, none if there is no such rule."""
    wanted = [rule.when for rule in result.protocol.rules if rule.verdict == "upheld"]
    if not wanted:
        return []
    allowed = {test: (w,) if isinstance(w, str) else w for test, w in wanted[0].items()}
    return [
        finding
        for finding in result.findings
        if finding.test in allowed and finding.outcome not in allowed[finding.test]
    ]


@dataclass(frozen=True)
class Listing:
    """Claims in words, each with its verdicts, a sentence on what was found and a link to its chapter."""

    results: Mapping[str, Result]
    links: Mapping[str, str]
    form: ClassVar[str] = "list"

    def __repr__(self) -> str:
        return "\n".join(
            f"{claim} {standing(result.verdict, result.scope)}: {result.protocol.statement}"
            for claim, result in self.results.items()
        )

    def _repr_markdown_(self) -> str:
        items = [self._item(claim, result) for claim, result in self.results.items()]
        return "\n\n".join([f'<div class="verdict-{self.form}">', *items, "</div>"])

    def _item(self, claim: str, result: Result) -> str:
        """Return one claim; the blank lines let Markdown read what stands in the HTML around it."""
        readings = [
            f"{badge(verdict)} {f'{name}: ' if name else ''}{escaped(words)}"
            for name, words, verdict, _ in result.box().readings
        ]
        scope = f"On its grounds: {escaped(standing(result.verdict, result.scope))}." if result.scope else ""
        link = self.links.get(claim)
        trial = f"[The trial of {claim}]({link})" if link else f"Trial {claim}"
        found = escaped(result.plain.sentence)
        parts = [*readings, " ".join(filter(None, (found, scope, trial)))]
        body = "\n\n".join(parts)
        return f'<div class="verdict-item" data-verdict="{result.verdict}">\n\n{body}\n\n</div>'


@dataclass(frozen=True)
class Brief(Listing):
    """A few findings: the verdict on the claim as a rule, and the sentence."""

    form: ClassVar[str] = "brief"

    def _item(self, claim: str, result: Result) -> str:
        return (
            f"{badge(result.verdict)} {escaped(result.plain.sentence or result.protocol.statement)} "
            f"[{claim}]({self.links[claim]})"
        )


@dataclass(frozen=True)
class LinkedTable:
    """A table of verdicts that links each claim to its chapter; a plain list where nothing is rendered."""

    rows: Sequence[Mapping[str, str]]
    links: Mapping[str, str]

    def __repr__(self) -> str:
        return "\n".join(
            f"{row['claim']} {row['verdict']}: {row['test']}: {row['estimate']} ({row['95% interval']})"
            for row in self.rows
        )

    def _repr_markdown_(self) -> str:
        return markdown(HEADS, map(self._cells, self.rows))

    def _cells(self, row: Mapping[str, str]) -> list[str]:
        claim, link = row["claim"], self.links.get(row["claim"])
        told = f"{escaped(row['told'])} **{row['as told']}**" if row["told"] else ""
        rule = f"{escaped(row['statement'])} **{standing(row['verdict'], row['scope'])}**"
        test = escaped(f"{row['test']}: {row['estimate']} ({row['95% interval']})")
        return [f"[{claim}]({link})" if link else claim, told, rule, test]


@dataclass(frozen=True)
class Downloads:
    """Links that save texts as files: the texts travel in the page itself."""

    files: Mapping[str, tuple[str, str]] = field(repr=False)

    def _repr_html_(self) -> str:
        links = [
            f'<a download="{name}" href="data:{kind};base64,{_base64(text)}">{name}</a>'
            for name, (kind, text) in self.files.items()
        ]
        return f"<p>Download: {', '.join(links)}</p>"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
