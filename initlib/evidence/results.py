"""What a run found: rows, learning rates, findings, verdict, table and picture, all computed from rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initlib import checks
from initlib.evidence.box import Box
from initlib.evidence.parts import RATES, Row, Training, choose
from initlib.evidence.protocol import Finding, Protocol, Test, difference
from initlib.evidence.statistics import Proportion
from initlib.tables import Table


@dataclass(frozen=True)
class Result:
    """The rows of each part of a protocol, and what follows from them by its rules.

    `made` says how the rows were made: versions, wall time, number of processors.
    """

    protocol: Protocol
    parts: Mapping[str, Sequence[Row]] = field(repr=False)
    made: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        rows = sum(map(len, self.parts.values()))
        return f"Result({self.protocol.name}: {self.verdict}, {rows} rows)"

    def rows(self, part: str, **where: Any) -> list[Row]:
        """Return the rows of a part whose parameters have these values.

        The learning rate may be "best" (tuned for the arm) or "shared" (one for all arms of a condition).
        Tuning rows are returned only on request: `stage="tuning"`.
        """
        rows = self.parts[checks.choice("part", part, self.parts)]
        kind = self.protocol.parts[part]
        rate = where.pop("learning_rate", None)
        if isinstance(kind, Training):
            where = {"stage": "final", **where}
        for name in where:
            checks.choice("key", name, kind.keys)
        found = [row for row in rows if all(row[name] == value for name, value in where.items())]
        if rate is None:
            return found
        if rate not in RATES:
            return [row for row in found if row["learning_rate"] == rate]
        chosen = {_place(choice): choice[rate] for choice in self.learning_rates(part)}
        conditions = list(kind.conditions) if isinstance(kind, Training) else []
        return [r for r in found if r["learning_rate"] == chosen[r["arm"], *(r[name] for name in conditions)]]

    def values(self, part: str, metric: str, **where: Any) -> NDArray[Any]:
        """Return the metric of these rows as an array, in the order of the rows."""
        return np.array([row[metric] for row in self.rows(part, **where)])

    def learning_rates(self, part: str) -> list[dict[str, Any]]:
        """Return the rates chosen for each arm and condition of a training, from its tuning rows."""
        kind = self.protocol.parts[checks.choice("part", part, self.protocol.parts)]
        if not isinstance(kind, Training):
            raise ValueError(f"Part {part!r} is not a training; it has no learning rates.")
        return self._choices[part]

    @cached_property
    def _choices(self) -> dict[str, list[dict[str, Any]]]:
        trainings = {part: kind for part, kind in self.protocol.parts.items() if isinstance(kind, Training)}
        return {part: choose(kind, self.parts[part]) for part, kind in trainings.items()}

    @cached_property
    def findings(self) -> list[Finding]:
        """What each test found."""
        return [
            test.evaluate([self._by_seed(test, where) for where in test.selections()])
            for test in self.protocol.tests
        ]

    def finding(self, name: str) -> Finding:
        """Return what the test of exactly this name found; another name is a ValueError with the closest.

        >>> from initlib import evidence
        >>> found = evidence.load("he-depth").finding("22 layers, Xavier converges")
        >>> found.outcome, found.estimate.k, found.estimate.n
        ('mixed', 8, 10)
        """
        tests = [finding.test for finding in self.findings]
        return self.findings[tests.index(checks.choice("test", name, tests))]

    def _by_seed(self, test: Test, where: Mapping[str, Any]) -> dict[int, list[float]]:
        by_seed: dict[int, list[float]] = {}
        for row in self.rows(test.part, **where):
            if row[test.metric] is None:
                raise ValueError(f"Test {test.name!r}: {test.metric} of seed {row['seed']} is not a number.")
            by_seed.setdefault(row["seed"], []).append(row[test.metric])
        if not by_seed:
            raise ValueError(f"Test {test.name!r} selects no cell: {dict(where)}.")
        return by_seed

    @property
    def verdict(self) -> str:
        """The verdict, by the rules of the protocol."""
        return self.protocol.verdict(self.findings)

    def table(self, about: str = "") -> Table:
        """Return one row for each test: estimate, 95 % interval, bootstrap, criterion and outcome.

        `about` keeps only the tests that have it in their names.
        """
        caption = f"{self.protocol.claim}: {self.protocol.statement} Verdict: {self.verdict}."
        return Table([row_of(finding) for _, finding in self.judged(about)], caption)

    def plot(self, about: str = "") -> Any:
        """Draw every finding with interval and criterion, and return the figure; `about` as in `table`."""
        from initlib.evidence.pictures import draw

        return draw(self.judged(about), f"{self.protocol.claim}: {self.verdict}")

    def box(self, *about: str) -> Box:
        """Return the box of the verdict, to show on a page: the tests with one of `about` in their names.

        Without names it shows the tests that the verdict rests on, or all if no rule fits.
        """
        rule = self.protocol.rule(self.findings)
        if about:
            names = {test.name for one in about for test, _ in self.judged(one)}
        else:
            names = set(rule.when) if rule else {finding.test for finding in self.findings}
        rows = [row_of(finding) for finding in self.findings if finding.test in names]
        seeds = [len(part.seeds) for part in self.protocol.parts.values()]
        table = Table(rows, self.protocol.statement)
        return Box(self.protocol, self.verdict, table, seeds)

    def judged(self, about: str = "") -> list[tuple[Test, Finding]]:
        """Return each test whose name contains `about`, with what it found."""
        pairs = list(zip(self.protocol.tests, self.findings, strict=True))
        chosen = [(test, finding) for test, finding in pairs if about in test.name]
        if not chosen:
            raise ValueError(f"No test of {self.protocol.name!r} has {about!r} in its name.")
        return chosen


def _place(choice: Mapping[str, Any]) -> tuple[Any, ...]:
    return (choice["arm"], *choice["condition"].values())


def row_of(finding: Finding) -> dict[str, str]:
    """Return a finding as a row of a table, numbers as text."""
    found, metric = finding.estimate, finding.metric
    if isinstance(found, Proportion):
        estimate, bootstrap = f"{found.k}/{found.n}", ""
        interval = f"{found.low:.0%} to {found.high:.0%}"
    else:
        estimate = difference(found.mean, metric)
        interval, bootstrap = (
            f"{difference(low, metric)} to {difference(high, metric)}"
            for low, high in ((found.low, found.high), found.bootstrap)
        )
    return {
        "test": finding.test,
        "metric": finding.metric,
        "n": str(found.n),
        "estimate": estimate,
        "95% interval": interval,
        "bootstrap": bootstrap,
        "criterion": finding.criterion,
        "outcome": finding.outcome,
    }
