"""What a run found: rows, learning rates, findings, verdict, table and picture, all computed from rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initlib import checks
from initlib.evidence.box import Box
from initlib.evidence.grounds import combined, effect, scope
from initlib.evidence.parts import RATES, Row, Training, choose
from initlib.evidence.plain import Plain, told
from initlib.evidence.protocol import Difference, Finding, Protocol, Test, difference, is_share
from initlib.evidence.statistics import Mean, Proportion
from initlib.tables import Table


@checks.methods
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
        Tuning rows are returned only on request: `stage="tuning"`. Where the part has grounds, the first is
        meant, or the `ground` of that name, or all of them: `ground=None`.
        """
        rows = self.parts[checks.choice("part", part, self.parts)]
        kind = self.protocol.parts[part]
        rate = where.pop("learning_rate", None)
        if isinstance(kind, Training):
            where = {"stage": "final", **where}
            if kind.grounds and where.setdefault("ground", next(iter(kind.grounds))) is None:
                del where["ground"]
        for name in where:
            checks.choice("key", name, kind.keys)
        found = list(rows)
        for name, value in where.items():
            found = [row for row in found if row[name] == value]
        if rate is None:
            return found
        if rate not in RATES:
            return [row for row in found if row["learning_rate"] == rate]
        chosen = {_place(choice): choice[rate] for choice in self.learning_rates(part)}
        places = list(kind.places) if isinstance(kind, Training) else []
        return [r for r in found if r["learning_rate"] == chosen[r["arm"], *(r[name] for name in places)]]

    def values(self, part: str, metric: str, **where: Any) -> NDArray[Any]:
        """Return the metric of these rows as an array, in the order of the rows."""
        rows = self.rows(part, **where)
        if rows:
            checks.choice("metric", metric, rows[0])
        return np.array([row[metric] for row in rows])

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
    def by_ground(self) -> dict[str, list[Finding]]:
        """What each test found on each ground; a part without grounds stands on all of them."""
        everywhere: dict[str, Finding] = {}

        def judge(test: Test, ground: str) -> Finding:
            part = self.protocol.parts[test.part]
            if isinstance(part, Training) and part.grounds:
                return replace(self._judge(test, ground=ground), ground=ground)
            return everywhere.setdefault(test.name, everywhere.get(test.name) or self._judge(test))

        return {g: [judge(test, g) for test in self.protocol.tests] for g in self.protocol.grounds}

    @property
    def findings(self) -> list[Finding]:
        """What each test found, on one ground after the other."""
        return [finding for _, finding in self._tested]

    @cached_property
    def _tested(self) -> list[tuple[Test, Finding]]:
        first, *others = self.by_ground.values()
        pairs = [list(zip(self.protocol.tests, own, strict=True)) for own in (first, *others)]
        return pairs[0] + [(test, finding) for own in pairs[1:] for test, finding in own if finding.ground]

    def finding(self, name: str, ground: str | None = None) -> Finding:
        """Return what the test of exactly this name found, on the first ground or the one named.

        Another name is a ValueError with the closest.

        >>> from initlib import evidence
        >>> found = evidence.load("he-depth").finding("22 layers, Xavier converges")
        >>> found.outcome, found.estimate.k, found.estimate.n
        ('yes', 10, 10)
        """
        tests = [test.name for test in self.protocol.tests]
        place = tests.index(checks.choice("test", name, tests))
        grounds = self.protocol.grounds
        if ground is not None:
            checks.choice("ground", ground, grounds)
        return self.by_ground[grounds[0] if ground is None else ground][place]

    def _judge(self, test: Test, **ground: str) -> Finding:
        selected = [self.rows(test.part, **ground, **where) for where in test.selections()]
        part = self.protocol.parts[test.part]
        censored = (
            test.metric == "epochs"
            and isinstance(part, Training)
            and all(part.censored(row) for rows in selected for row in rows)
        )
        by_seed = [_by_seed(test, rows) for rows in selected]
        return test.evaluate(by_seed, censored=censored)

    @cached_property
    def verdicts(self) -> dict[str, str]:
        """The verdict on each ground, by the rules of the protocol."""
        return {ground: self.protocol.verdict(found) for ground, found in self.by_ground.items()}

    @property
    def verdict(self) -> str:
        """The verdict on the statement, a rule for every net."""
        return combined(self.verdicts)

    @property
    def scope(self) -> str:
        """On which grounds the verdict holds, in words."""
        return scope(self.verdicts)

    @cached_property
    def verdicts_as_told(self) -> dict[str, str]:
        """The verdict on the claim as it is told, on each ground; empty if there is no such reading."""
        told = self.protocol.told
        if told is None:
            return self.verdicts if self.protocol.plainly_told else {}
        return {ground: self.protocol.verdict(found, told.rules) for ground, found in self.by_ground.items()}

    @property
    def as_told(self) -> str:
        """The verdict on the claim as it is told, "" if there is no such reading."""
        told = self.protocol.told
        found = self.verdicts_as_told
        return combined(found, some=told is not None and told.some) if found else ""

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

    def effects(self, test: str) -> dict[str, str]:
        """Return what became of an effect on each ground: "holds", "weaker", "gone", "reversed" or "open".

        Or "neither learned", if the accuracies are equal and those of guessing. `test` is the name of a
        paired difference in a part with grounds.
        """
        tests = {one.name: one for one in self.protocol.tests if isinstance(one, Difference)}
        found = self.compared(tests[checks.choice("test", test, tests)])
        return {finding.ground: became for finding, became in found}

    def compared(self, test: Difference) -> list[tuple[Finding, str]]:
        """Return what a difference is on each ground, and what became of it there, as `effects` says it."""
        checks.instance("test", test, Difference, "a Difference")
        part = self.protocol.parts[test.part]
        grounded = isinstance(part, Training) and part.grounds
        found = (
            [replace(self._judge(test, ground=ground), ground=ground) for ground in self.protocol.grounds]
            if grounded
            else [self._judge(test)]
        )
        return [
            (f, effect(m.low, m.high, f.outcome, learned=self._learned(test, f)))
            for f in found
            if isinstance(m := f.estimate, Mean)
        ]

    def _learned(self, test: Difference, finding: Finding) -> bool:
        """Say whether an arm is better than guessing, by more than what counts as equal."""
        part = self.protocol.parts[test.part]
        if finding.outcome != "equivalent" or not is_share(test.metric) or not isinstance(part, Training):
            return True
        for where in test.selections():
            rows = self.rows(test.part, ground=finding.ground, **where)
            condition = {name: rows[0][name] for name in part.places}
            if np.mean([row[test.metric] for row in rows]) > part.guessing(condition) + test.equivalence:
                return True
        return False

    def map(self, test: str, title: str = "") -> Any:
        """Draw the effect of a test on every ground with its interval, and return the figure."""
        from initlib.evidence.pictures import draw_map

        found = [f for f in self.findings if f.test == test]
        return draw_map(found, self.effects(test), title or self.protocol.statement)

    def box(self, *about: str) -> Box:
        """Return the box of the verdict, to show on a page: the tests with one of `about` in their names.

        Without names it shows the tests that the verdict rests on, or all if no rule fits.
        """
        if about:
            names = {test.name for one in about for test, _ in self.judged(one)}
        else:
            names = {f.test for f in self.decisive} or {test.name for test in self.protocol.tests}
        shown = [(test, finding) for test, finding in self._tested if test.name in names]
        table = Table([row_of(finding) for _, finding in shown], self.protocol.statement)
        seeds = [len(part.seeds) for part in self.protocol.parts.values()]
        return Box(self.protocol, self.verdict, shown, table, seeds, self.plain, self.scope, self.as_told)

    @cached_property
    def decisive(self) -> list[Finding]:
        """What the verdict on the statement rests on: on each ground those of the rule that fits."""
        return [
            finding
            for found in self.by_ground.values()
            if (rule := self.protocol.rule(found))
            for finding in found
            if finding.test in rule.basis({one.test: one.outcome for one in found})
        ]

    @cached_property
    def plain(self) -> Plain:
        """What was found in one sentence, and the findings it rests on; empty where none fits."""
        return told(self.protocol.name, self.by_ground, self.protocol.tests)

    def judged(self, about: str = "") -> list[tuple[Test, Finding]]:
        """Return each test whose name contains `about`, with what it found."""
        checks.text("about", about)
        chosen = [(test, finding) for test, finding in self._tested if about in test.name]
        if not chosen:
            raise ValueError(f"No test of {self.protocol.name!r} has {checks.shown(about)} in its name.")
        return chosen


def _by_seed(test: Test, rows: Sequence[Row]) -> dict[int, list[float]]:
    by_seed: dict[int, list[float]] = {}
    for row in rows:
        if row[test.metric] is None:
            raise ValueError(f"Test {test.name!r}: {test.metric} of seed {row['seed']} is not a number.")
        by_seed.setdefault(row["seed"], []).append(row[test.metric])
    if not by_seed:
        raise ValueError(f"Test {test.name!r} selects no cell: {test.selections()}.")
    return by_seed


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
        "test": finding.label,
        "metric": finding.metric,
        "n": str(found.n),
        "estimate": estimate,
        "95% interval": interval,
        "bootstrap": bootstrap,
        "criterion": finding.criterion,
        "outcome": finding.outcome,
    }
