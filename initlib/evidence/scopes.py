"""Where the claims that networks were trained for were tried, and what came out there: one table."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from initlib import initializers
from initlib.evidence.grounds import WORDS
from initlib.evidence.parts import Training
from initlib.evidence.protocol import EQUIVALENT, Difference, Finding, Share, Test, is_share
from initlib.evidence.results import Result
from initlib.evidence.statistics import Mean
from initlib.tables import Table
from initlib.training import sweeps

COLUMNS = ("SGD", "Adam", "AdamW, warm-up")
UNTRIED = "not tried"


def scopes(
    results: Mapping[str, Result], maps: Mapping[str, Sequence[str]], elsewhere: Mapping[str, Result]
) -> Table:
    """Return a row for each result that rests on training: its nets, its verdicts, and the maps behind it.

    `maps` names, for each map of `elsewhere`, the results that rest on the same contrast.
    """
    rows = [
        {
            "claim": claim,
            "networks and data": nets(result),
            **by_optimizer(result),
            "elsewhere": "; ".join(
                f"{name}: {counted(elsewhere[name])}" for name, behind in maps.items() if claim in behind
            )
            or UNTRIED,
        }
        for claim, result in results.items()
        if trainings(result)
    ]
    return Table(rows, "Where every claim that rests on training was tried, and what came out there.", WORDS)


def trainings(result: Result) -> list[Training]:
    """Return the trainings that a rule to the verdict speaks of."""
    protocol = result.protocol
    rules = [*protocol.rules, *(protocol.told.rules if protocol.told else ())]
    decisive = {test for rule in rules for test in rule.tests}
    names = dict.fromkeys(test.part for test in protocol.tests if test.name in decisive)
    parts = [protocol.parts[name] for name in names]
    return [part for part in parts if isinstance(part, Training)]


def leading(result: Result) -> Difference | None:
    """Return the difference in accuracy, of those that the rules name, that is largest on the first ground.

    The one that is smaller comes second. Rules that name no such difference count seeds or epochs: then it is
    that between the first arm that should fail and the first that should train, and if no arm should fail,
    the largest of all differences in accuracy. None if there is none.
    """
    rules = [*result.protocol.rules, *(result.protocol.told.rules if result.protocol.told else ())]
    named = {test for rule in rules for test in rule.tests}
    tests = [test for test in result.protocol.tests if _on_grounds(test, result)]
    differences = [t for t in tests if isinstance(t, Difference) and not isinstance(t.second, (int, float))]
    of_rules = [test for test in differences if test.name in named]
    shares = [test for test in tests if isinstance(test, Share) and trainings(result)]
    candidates = of_rules or _trained_and_failed(shares) or (differences if trainings(result) else [])
    sized = [(result.compared(test)[0][0].estimate, test) for test in candidates]
    if not sized:
        return None
    size, test = max(
        ((found.mean, test) for found, test in sized if isinstance(found, Mean)), key=lambda one: abs(one[0])
    )
    assert not isinstance(test.second, (int, float))
    return test if size > 0 else replace(test, first=test.second, second=test.first)


def _on_grounds(test: Test, result: Result) -> bool:
    part = result.protocol.parts[test.part]
    return isinstance(part, Training) and bool(part.grounds) and is_share(test.metric)


def _trained_and_failed(shares: Sequence[Share]) -> list[Difference]:
    """Return the first pair of tests, alike but for the arm, of which one should train and one fail."""

    def elsewhere(test: Share) -> Any:
        return test.part, test.metric, {name: value for name, value in test.where.items() if name != "arm"}

    for fails in shares:
        for trains in shares:
            if fails.at_most and trains.at_least and elsewhere(fails) == elsewhere(trains):
                names = [test.name.rpartition(":")[0] for test in (trains, fails)]
                name = f"{names[0]} minus {names[1].rpartition(', ')[2]}"
                good, bad = ({"arm": test.where["arm"]} for test in (trains, fails))
                part, metric, where = elsewhere(fails)
                return [Difference(name, part, metric, good, bad, EQUIVALENT, where)]
    return []


def scope_map(results: Mapping[str, Result]) -> dict[str, dict[str, tuple[Finding, str]]]:
    """Return the leading contrast of each result, in words, with what became of it with each optimizer."""
    found = {}
    for claim, result in results.items():
        test = leading(result)
        if test is not None:
            parts = trainings(result)
            found[f"{claim}  {_better_first(test, result)}"] = {
                column(parts, f.ground): (f, became) for f, became in result.compared(test)
            }
    return found


def _better_first(test: Difference, result: Result) -> str:
    """Return what a leading difference compares, the arm that has more before the other."""
    turned = any(one.name == test.name and one != test for one in result.protocol.tests)
    words = re.sub(", best rates?|accuracy, ", "", test.name)
    [(start, first, second)] = re.findall(r"(.*: |.*, |)(.+) minus (.+)", words)
    more, less = (second, first) if turned else (first, second)
    return f"{start}{more} rather than {less}"


def by_optimizer(result: Result) -> dict[str, str]:
    """Return the verdicts with each optimizer, as told and on the rule."""
    told = result.verdicts_as_told
    found = dict.fromkeys(COLUMNS, UNTRIED)
    for ground, verdict in result.verdicts.items():
        both = [f"told {told[ground]}", f"rule {verdict}"] if told else [f"rule {verdict}"]
        found[column(trainings(result), ground)] = ", ".join(both)
    return found


def column(parts: Sequence[Training], ground: str) -> str:
    """Return the column of a ground, from the optimizer of its nets."""
    part = next((part for part in parts if part.grounds), parts[0])
    place = next(one for one in part.combinations() if one.get("ground", "") == ground)
    cell = part.cell(arm=next(iter(part.arms)), **place, learning_rate=0.1, seed=0)
    sgd, adam, warmed = COLUMNS
    return sgd if cell["optimizer"] != "adam" else warmed if cell.get("schedule") else adam


def nets(result: Result) -> str:
    """Return in words how many layers the trained nets have, how wide they are, and on what they train.

    A net of each setting is built; the widths are those of the hidden layers.
    """
    cells = [
        part.cell(arm=arm, **condition, learning_rate=0.1, seed=0)
        for part in trainings(result)
        for condition in part.combinations()
        for arm in part.arms
    ]
    built = [build(cell) for cell in cells]
    depths = [len(net.weights) for net in built]
    widths = [weights.shape[-1] for net in built for weights in net.weights[:-1]]
    data = dict.fromkeys(str(getattr(cell["dataset"], "name", cell["dataset"])) for cell in cells)
    wide = f", {reach(widths)} wide" if widths else ""
    return f"{reach(depths)} layers{wide}; {', '.join(data).replace('_', ' ')}"


def build(cell: Mapping[str, Any]) -> Any:
    """Return a net of the shape that a cell of a sweep has."""
    make = cell.get("network", "mlp")
    return sweeps.build([{**cell, "initializer": initializers.zeros}]) if make == "mlp" else make([cell])


def reach(sizes: Iterable[int]) -> str:
    """Return the least and the largest in words.

    >>> reach([3, 20]), reach([64, 64])
    ('3 to 20', '64')
    """
    low, high = min(sizes := list(sizes)), max(sizes)
    return str(low) if low == high else f"{low} to {high}"


def contrasts(elsewhere: Mapping[str, Result]) -> Table:
    """Return a row for each ground: what became there of the contrast of each map, and by how many points."""
    grounds = dict.fromkeys(ground for result in elsewhere.values() for ground in result.protocol.grounds)
    rows = [
        {"ground": ground, **{name: became(result, ground) for name, result in elsewhere.items()}}
        for ground in grounds
    ]
    return Table(
        rows, "; ".join(f"{name}: {one.protocol.statement}" for name, one in elsewhere.items()), WORDS
    )


def became(result: Result, ground: str) -> str:
    """Return what became of the contrast of a map on a ground, with its size in points."""
    if ground not in result.protocol.grounds:
        return UNTRIED
    name = contrast(result)
    estimate = result.finding(name, ground).estimate
    assert isinstance(estimate, Mean)
    return f"{result.effects(name)[ground]} ({round(100 * estimate.mean):+d})"


def contrast(result: Result) -> str:
    """Return the name of the one difference that a map is about."""
    [test] = [test.name for test in result.protocol.tests if isinstance(test, Difference)]
    return test


def counted(result: Result) -> str:
    """Return on how many grounds the contrast of a map holds, is weaker, gone, and so on."""
    effects = list(result.effects(contrast(result)).values())
    return ", ".join(f"{kind} on {effects.count(kind)}" for kind in dict.fromkeys(effects))
