"""What is fixed before a run: the parts to run, the tests of their numbers, the rules to the verdict."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, islice
from typing import Any, ClassVar

from initlib import checks
from initlib.evidence import statistics
from initlib.evidence.grounds import INCONCLUSIVE, VERDICTS
from initlib.evidence.parts import Measurement, Part, Training, Where
from initlib.evidence.statistics import Mean, Proportion

FIRST_SEED, FEWEST_SEEDS = 100, 10  # the pilots that led to the thresholds used seeds below 100
EDITION = 2  # of the outcomes and of what rules may say; runs of the first are kept in first-runs/
EQUIVALENT = 0.02  # accuracies that differ by less than two points are told as equal, in every experiment


@dataclass(frozen=True)
class Finding:
    """What a test found: its outcome, the estimate behind it, and the criterion that was fixed before.

    `ground` is the one on which the test was judged, empty where its part has none.
    """

    test: str
    metric: str
    outcome: str
    criterion: str
    estimate: Mean | Proportion
    ground: str = ""

    @property
    def label(self) -> str:
        """The name of the test with its ground."""
        return f"{self.test} ({self.ground})" if self.ground else self.test


@checks.methods
@dataclass(frozen=True)
class Share:
    """Does the metric meet a bound in nearly every seed?

    A seed counts if all its cells in `where` meet `at_least`, `at_most` or `equal`. Outcome: "yes" if at
    least the `share` of the seeds count, "no" if at least that share does not, else "mixed".
    """

    name: str
    part: str
    metric: str
    where: Where = field(default_factory=dict)
    at_least: float | None = None
    at_most: float | None = None
    equal: float | None = None
    share: float = 0.9
    outcomes: ClassVar = ("yes", "no", "mixed")

    def __post_init__(self) -> None:
        checks.fields(self)
        checks.real("share", self.share, minimum=0, maximum=1)

    @property
    def criterion(self) -> str:
        """The criterion in words."""
        bounds = {"at least": self.at_least, "at most": self.at_most, "equal to": self.equal}
        words = " and ".join(
            f"{name} {number(b, self.metric)}" for name, b in bounds.items() if b is not None
        )
        return f"{words} in {'every seed' if self.share == 1 else f'{self.share:.0%} of the seeds'}"

    def selections(self) -> list[Where]:
        """Return what the test takes from its part."""
        return [self.where]

    def evaluate(self, by_seed: Sequence[Mapping[int, list[float]]], **_: Any) -> Finding:
        """Judge the values of each seed."""
        _check_arms(self, by_seed, 1)
        hits = [all(map(self._meets, values)) for values in by_seed[0].values()]
        found = statistics.proportion(sum(hits), len(hits))
        needed = self.share * found.n - 1e-9
        outcome = "yes" if found.k >= needed else "no" if found.n - found.k >= needed else "mixed"
        return Finding(self.name, self.metric, outcome, self.criterion, found)

    def _meets(self, value: float) -> bool:
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.equal is None or value == self.equal)
        )


@checks.methods
@dataclass(frozen=True)
class Difference:
    """By how much does the metric differ, seed by seed, between two arms, or from a number?

    Outcome, by the 95 % t interval of the mean of first - second: "equivalent" if it lies inside +-m, where m
    is `margin`, and for accuracies two points; "higher" or "lower" if it excludes 0 and the mean is at least
    `margin` away from 0; "not lower" or "not higher" if it lies above -m or below m; "censored" if the metric
    stands at its limit in every row (no net was ever done, so that there is nothing to compare); else
    "unclear".
    """

    name: str
    part: str
    metric: str
    first: Where
    second: Where | float
    margin: float
    where: Where = field(default_factory=dict)
    outcomes: ClassVar = ("equivalent", "higher", "lower", "not lower", "not higher", "censored", "unclear")

    def __post_init__(self) -> None:
        checks.fields(self)
        checks.real("margin", self.margin, minimum=0)

    @property
    def criterion(self) -> str:
        """The criterion in words."""
        return f"margin {difference(self.margin, self.metric)}"

    @property
    def equivalence(self) -> float:
        """The largest difference that is told as none."""
        return min(EQUIVALENT, self.margin) if is_share(self.metric) else self.margin

    def selections(self) -> list[Where]:
        """Return what the test takes from its part."""
        arms = [self.first] if isinstance(self.second, (int, float)) else [self.first, self.second]
        return [{**self.where, **arm} for arm in arms]

    def evaluate(self, by_seed: Sequence[Mapping[int, list[float]]], *, censored: bool = False) -> Finding:
        """Judge the values of each seed, which are `censored` if none of them is a measured one."""
        _check_arms(self, by_seed, len(self.selections()))
        first, *others = [self._one_each(values) for values in by_seed]
        second = others[0] if others else dict.fromkeys(first, float(self.second))  # type: ignore[arg-type]
        if first.keys() != second.keys():
            raise ValueError(f"Test {self.name!r}: both arms need the same seeds.")
        found = statistics.paired(list(first.values()), [second[seed] for seed in first])
        outcome = "censored" if censored else self._outcome(found)
        return Finding(self.name, self.metric, outcome, self.criterion, found)

    def _outcome(self, found: Mean) -> str:
        margin = self.equivalence
        if found.inside(margin):
            return "equivalent"
        if abs(found.mean) >= self.margin and not found.low <= 0 <= found.high:
            return "higher" if found.mean > 0 else "lower"
        if found.low > -margin:
            return "not lower"
        return "not higher" if found.high < margin else "unclear"

    def _one_each(self, by_seed: Mapping[int, list[float]]) -> dict[int, float]:
        if any(len(values) != 1 for values in by_seed.values()):
            raise ValueError(f"Test {self.name!r} must select one cell a seed; narrow its `where`.")
        return {seed: values[0] for seed, values in by_seed.items()}


def _check_arms(test: "Test", by_seed: Sequence[Any], arms: int) -> None:
    if len(by_seed) != arms:
        raise ValueError(
            f"Test {test.name!r} needs the values of {arms} arms by seed. Received: {len(by_seed)}."
        )


Test = Share | Difference


@checks.methods
@dataclass(frozen=True)
class Metric:
    """A metric of a part, where some parameters have given values: what tests are made of.

    >>> accuracy = Metric("training", "test_accuracy")
    >>> he, xavier = (accuracy.at(arm=arm, depth=30) for arm in ("he", "xavier"))
    >>> he.share("He reaches 80%", at_least=0.8).criterion
    'at least 80% in 90% of the seeds'
    >>> he.minus(xavier, "He minus Xavier", margin=0.3).where
    {'depth': 30}
    """

    part: str
    name: str
    where: Where = field(default_factory=dict)

    def at(self, **where: Any) -> "Metric":
        """Return the metric where these parameters have these values, too."""
        return replace(self, where={**self.where, **where})

    def share(self, name: str, **bounds: float) -> Share:
        """Return the test whether the metric meets `at_least`, `at_most` or `equal` in nearly every seed."""
        checks.known_arguments("share", ("name", "at_least", "at_most", "equal", "share"), bounds)
        return Share(name, self.part, self.name, self.where, **bounds)

    def minus(self, other: "Metric | float", name: str, *, margin: float) -> Difference:
        """Return the test by how much the metric exceeds itself elsewhere, or a number, seed by seed."""
        if not isinstance(other, Metric):
            return Difference(name, self.part, self.name, self.where, other, margin)
        if (self.part, self.name) != (other.part, other.name):
            raise ValueError(
                f"Test {name!r} compares a metric with itself elsewhere. "
                f"Received: {checks.shown(self)}, {checks.shown(other)}."
            )
        both = {key: value for key, value in self.where.items() if other.where.get(key) == value}
        first, second = (
            {key: value for key, value in one.where.items() if key not in both} for one in (self, other)
        )
        return Difference(name, self.part, self.name, first, second, margin, both)


def when(**tests: Iterable[str | Test]) -> dict[str, str | tuple[str, ...]]:
    """Return the outcomes of a `Rule`: `outcome=[tests]`, or `one_or_another=[tests]`, tests by name.

    >>> when(yes=["He trains", "Xavier trains"], higher_or_not_lower=["He minus Xavier"])
    {'He trains': 'yes', 'Xavier trains': 'yes', 'He minus Xavier': ('higher', 'not lower')}
    """
    found: dict[str, str | tuple[str, ...]] = {}
    for outcome, names in tests.items():
        try:
            listed = [] if isinstance(names, str) else list(islice(names, checks.MOST))
        except TypeError:
            listed = []
        if not listed:
            raise TypeError(f"{outcome} must list tests or their names. Received: {checks.shown(names)}.")
        wanted = tuple(one.replace("_", " ") for one in outcome.split("_or_"))
        for test in listed:
            name = checks.text(f"test of {outcome}", getattr(test, "name", test))
            if name in found:
                raise ValueError(f"A rule names each test once. Received twice: {checks.shown(name)}.")
            found[name] = wanted[0] if len(wanted) == 1 else wanted
    return found


@checks.methods
@dataclass(frozen=True)
class Rule:
    """One row of the verdict table: the verdict if each named test has the outcome, or one of several."""

    verdict: str
    when: Mapping[str, str | tuple[str, ...]]

    def __post_init__(self) -> None:
        checks.fields(self)

    @property
    def groups(self) -> tuple[Mapping[str, str | tuple[str, ...]], ...]:
        """What the row asks for: of each group, one test at least with its outcome."""
        return tuple({test: wanted} for test, wanted in self.when.items())

    @property
    def tests(self) -> tuple[str, ...]:
        """The names of the tests that the row speaks of, each once."""
        return tuple(dict.fromkeys(test for group in self.groups for test in group))

    def basis(self, outcomes: Mapping[str, str]) -> set[str]:
        """Return the tests that have the outcome which the row asks of them."""
        return {
            test
            for group in self.groups
            for test, wanted in group.items()
            if _outcome(outcomes, test) in _tuple(wanted)
        }

    def fits(self, outcomes: Mapping[str, str]) -> bool:
        """Say whether the outcomes are those of this row."""
        return all(
            any(_outcome(outcomes, test) in _tuple(wanted) for test, wanted in group.items())
            for group in self.groups
        )

    def excludes(self, other: "Rule") -> bool:
        """Say whether the two rows can never fit the same outcomes."""
        return self._leaves_none(other) or other._leaves_none(self)

    def _leaves_none(self, other: "Rule") -> bool:
        """Say whether what this row asks of single tests leaves a group of the other without any."""
        return any(
            all(
                test in self.when and not set(_tuple(self.when[test])) & set(_tuple(wanted))
                for test, wanted in group.items()
            )
            for group in other.groups
        )


@checks.methods
@dataclass(frozen=True)
class AnyRule(Rule):
    """A row that asks, besides `when`, for one test at least of each group in `any_of`.

    >>> serves = Rule("refuted", when(equivalent=["on A", "on B"]))
    >>> fails = AnyRule("upheld", {}, (when(lower=["on A", "on B"]),))
    >>> fails.fits({"on A": "unclear", "on B": "lower"}), fails.excludes(serves)
    (True, True)
    """

    any_of: tuple[Mapping[str, str | tuple[str, ...]], ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(self.any_of):
            raise ValueError(f"Every group of any_of names a test. Received: {checks.shown(self.any_of)}.")

    @property
    def groups(self) -> tuple[Mapping[str, str | tuple[str, ...]], ...]:
        """What `when` asks for, then the groups of `any_of`."""
        return (*super().groups, *self.any_of)


@dataclass(frozen=True)
class Told:
    """A claim as it is told: our paraphrase with its modal ("can", "may", "helps"), and rules of its own.

    `some`: what "can" happen is shown by one ground on which it does; else the grounds count as for the rule.
    """

    words: str
    rules: tuple[Rule, ...]
    some: bool = False

    def __post_init__(self) -> None:
        checks.fields(self)


@checks.methods
@dataclass(frozen=True)
class Protocol:
    """Everything that is fixed before the run. The first rule that fits gives the verdict, else inconclusive.

    The claim is judged twice: `rules` judge the `statement`, a rule for every net; those of `told` judge the
    claim as it is told. A claim without `told` is told without a modal: the statement is its telling, too.
    Parts with grounds are judged on each ground, and `evidence.grounds` says what follows for the whole. No
    two rules of different verdict fit the same outcomes, and accuracies share one margin of equivalence.

    Seeds are 100 or more, at least ten in every part, and disjoint from the tuning seeds. Every tested metric
    has a tolerance for re-running, and every part a sample of cells that the test suite runs again. `source`
    says which paper settles a claim about what a paper says; the tests then check our formula.
    """

    name: str
    claim: str
    statement: str
    parts: Mapping[str, Part]
    tests: tuple[Test, ...]
    rules: tuple[Rule, ...]
    source: str = ""
    edition: int = EDITION
    told: Told | None = None

    def __post_init__(self) -> None:
        checks.fields(self)
        if self.edition != EDITION:
            raise ValueError(
                f"edition must be {EDITION}: earlier runs are read by `first_run`. "
                f"Received: {checks.shown(self.edition)}."
            )
        for part in self.parts.values():
            _check_seeds(part)
        if len({tuple(part.grounds) for part in self._grounded()}) > 1:
            raise ValueError(f"All parts of {self.name!r} that have grounds must have the same.")
        names = [test.name for test in self.tests]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"Tests must be named, each differently. Received: {checks.shown(names)}.")
        for test in self.tests:
            self._check_test(test)
        for rules in (self.rules, self.told.rules if self.told else ()):
            self._check_rules(rules)

    def _check_rules(self, rules: Sequence[Rule]) -> None:
        outcomes = {test.name: test.outcomes for test in self.tests}
        for rule in rules:
            checks.choice("verdict", rule.verdict, VERDICTS)
            for name, wanted in (pair for group in rule.groups for pair in group.items()):
                checks.choice("test in a rule", name, outcomes)
                for outcome in _tuple(wanted):
                    checks.choice(f"outcome of test {name!r}", outcome, outcomes[name])
        for one, other in combinations(rules, 2):
            if one.verdict != other.verdict and not one.excludes(other):
                raise ValueError(
                    f"The rules of {self.name!r} for {one.verdict!r} and {other.verdict!r} can fit the "
                    "same outcomes: name a test in both whose outcomes differ."
                )

    def _grounded(self) -> list[Training]:
        return [part for part in self.parts.values() if isinstance(part, Training) and part.grounds]

    @property
    def grounds(self) -> tuple[str, ...]:
        """The grounds on which the tests are judged, one without a name if no part has any."""
        return next((tuple(part.grounds) for part in self._grounded()), ("",))

    @property
    def plainly_told(self) -> bool:
        """Whether the claim is told without a modal, so that its two readings are one."""
        return self.told is None and self.claim.startswith("C")

    def _check_test(self, test: Test) -> None:
        part = self.parts[checks.choice(f"part of test {test.name!r}", test.part, self.parts)]
        checks.choice(f"metric of test {test.name!r} (it needs a tolerance)", test.metric, part.tolerance)
        if isinstance(test, Difference) and is_share(test.metric) and test.margin < EQUIVALENT:
            raise ValueError(
                f"Test {test.name!r} needs a margin of at least {EQUIVALENT}. Received: {test.margin}."
            )
        for where in test.selections():
            part.check_where(where)

    def rule(self, findings: Sequence[Finding], rules: Sequence[Rule] | None = None) -> Rule | None:
        """Return the first rule that fits these findings, None if none does; else than ours, of `rules`."""
        outcomes = {finding.test: finding.outcome for finding in findings}
        return next((r for r in (self.rules if rules is None else rules) if r.fits(outcomes)), None)

    def verdict(self, findings: Sequence[Finding], rules: Sequence[Rule] | None = None) -> str:
        """Return the verdict of the first rule that fits these findings."""
        rule = self.rule(findings, rules)
        return rule.verdict if rule else INCONCLUSIVE


def _check_seeds(part: Part) -> None:
    seeds = checks.integers("seeds", part.seeds, minimum=FIRST_SEED, length=FEWEST_SEEDS)
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must differ. Received: {checks.shown(seeds)}.")
    if isinstance(part, Training) and set(seeds) & set(part.tuning_seeds):
        raise ValueError("Tuning seeds and reported seeds must be disjoint.")
    if not part.sample or not part.tolerance:
        raise ValueError("A part needs a tolerance and a sample of cells to run again.")
    for where in part.sample:
        part.check_where(where)


def _outcome(outcomes: Mapping[str, str], test: str) -> str:
    if test not in outcomes:
        raise ValueError(f"There is no outcome of test {test!r}. Received: {checks.shown([*outcomes])}.")
    return outcomes[test]


def _tuple(wanted: str | tuple[str, ...]) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else wanted


def is_share(metric: str) -> bool:
    """Say whether a metric is a share, shown in percent.

    >>> is_share("test_accuracy")
    True
    """
    return metric.endswith("accuracy")


def number(value: float, metric: str) -> str:
    """Return a value of the metric as text, shares in percent.

    >>> number(0.01, "test_accuracy"), number(0.5, "log2_ratio")
    ('1%', '0.5')
    """
    return f"{100 * value:.3g}%" if is_share(metric) else f"{value:.4g}"


def difference(value: float, metric: str) -> str:
    """Return a difference of the metric as text, shares in percentage points.

    >>> difference(-0.00312, "test_accuracy"), difference(0.5, "log2_ratio")
    ('-0.31 pt', '0.5')
    """
    return f"{100 * value:.2f} pt" if is_share(metric) else f"{value:.4g}"


__all__ = [
    "AnyRule",
    "Difference",
    "Finding",
    "Measurement",
    "Metric",
    "Protocol",
    "Rule",
    "Share",
    "Training",
    "when",
]
