"""A trial in plain words: one sentence, its numbers computed, and the few findings that it rests on."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from initlib.evidence.protocol import Difference, Finding, Share, Test, is_share
from initlib.evidence.statistics import Mean, Proportion

PLACEHOLDER = re.compile(r"\{(\w+)(?::([^}]+))?\}")
MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
FORMS: dict[str, Callable[[float], str]] = {
    "2^": lambda value: digits(2 ** abs(value)),
    "10^": lambda value: digits(10 ** abs(value)),
    "e^": lambda value: digits(2.718281828459045 ** abs(value)),
    "%": lambda value: f"{digits(100 * value)}%",
}


@dataclass(frozen=True)
class Point:
    """A finding behind the sentence, with a short name for it."""

    words: str
    test: Test
    finding: Finding


@dataclass(frozen=True)
class Plain:
    """The sentence and its points; an empty sentence if the findings are not those it was written for."""

    sentence: str
    points: Sequence[Point]


@cache
def entries() -> dict[str, dict[str, Any]]:
    """Return what `plain.toml` has for each experiment."""
    return tomllib.loads(files("initlib.evidence").joinpath("plain.toml").read_text(encoding="utf-8"))


def told(name: str, by_ground: Mapping[str, Sequence[Finding]], tests: Sequence[Test]) -> Plain:
    """Return what was found in the experiment of this name, in plain words."""
    entry = dict(entries().get(name, {}))
    says = entry.pop("says", "")
    own = {test.name: test for test in tests}
    points: dict[str, Point] = {}
    for key, (test, expected, words, *ground) in entry.items():
        place = ground[0] if ground else next(iter(by_ground))
        finding = next((f for f in by_ground.get(place, ()) if f.test == test), None)
        if finding is None or finding.outcome != expected:
            return Plain("", ())
        points[key] = Point(words, own[test], finding)
    sentence = PLACEHOLDER.sub(lambda match: _number(points[match[1]].finding, match[2]), says)
    return Plain(sentence, tuple(points.values()))


def _number(finding: Finding, form: str | None) -> str:
    found = finding.estimate
    if isinstance(found, Proportion):
        return {0: f"none of {found.n}", found.n: f"all {found.n}"}.get(found.k, f"{found.k} of {found.n}")
    if form:
        return FORMS[form](found.mean)
    value = abs(found.mean) if finding.outcome in ("higher", "lower") else found.mean
    return amount(value, finding.metric)


def digits(value: float) -> str:
    """Return a number with two significant digits, whole where it has more, a true minus sign before it.

    >>> digits(0.1719), digits(87.03), digits(0.0), digits(1234.5)
    ('0.17', '87', '0', '1,234')
    """
    text = f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"
    if "e" in text:
        power, exponent = text.split("e")
        text = f"{power} {TIMES} 10^{int(exponent)}"
    return text.replace("-", MINUS)


def amount(value: float, metric: str) -> str:
    """Return a value of the metric with sensible digits: shares in points, the rest as it is.

    >>> amount(0.8703, "test_accuracy"), amount(0.0042, "test_accuracy"), amount(12.4, "epochs")
    ('87', '0.4', '12')
    """
    if not is_share(metric):
        return digits(value)
    points = 100 * value
    text = f"{points:.0f}" if abs(points) >= 10 else f"{points:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", MINUS)


def unit(metric: str) -> str:
    """Return what a difference of the metric is counted in, "" if it is a plain number.

    >>> unit("test_accuracy"), unit("epochs"), unit("log2_norm")
    (' points', ' epochs', '')
    """
    return " points" if is_share(metric) else " epochs" if metric == "epochs" else ""


def estimate(finding: Finding) -> str:
    """Return the estimate of a finding in words."""
    found = finding.estimate
    if isinstance(found, Proportion):
        return f"{found.k} of {found.n}"
    sign = "+" if found.mean > 0 and is_share(finding.metric) else ""
    return f"{sign}{amount(found.mean, finding.metric)}{unit(finding.metric)}"


def interval(finding: Finding) -> str:
    """Return the 95 % interval of a finding in words."""
    found = finding.estimate
    if isinstance(found, Proportion):
        return f"{found.low:.0%} to {found.high:.0%}"
    return f"{amount(found.low, finding.metric)} to {amount(found.high, finding.metric)}"


def criterion(test: Test) -> str:
    """Return what was fixed beforehand, in words."""
    if isinstance(test, Difference):
        return f"a difference of {amount(test.margin, test.metric)}{unit(test.metric)}"
    return test.criterion


WIDE, HIGH = 160, 16
REACH = 4.0  # margins; what lies further out is drawn at the edge, as an arrow


def picture(point: Point) -> str:
    """Return the interval of a point as a small SVG in the color of the text.

    A share lies between none (left) and all (right) of the seeds, a tick at the share needed; a difference
    around zero, the shade as wide as what was fixed as no difference.
    """
    found, test = point.finding.estimate, point.test
    if isinstance(found, Proportion):
        assert isinstance(test, Share)
        low, middle, high = (8 + 144 * value for value in (found.low, found.share, found.high))
        needed = 8 + 144 * test.share
        ground = f'<path d="M8 8H152M{needed:.0f} 2V14" stroke-opacity=".4"/>'
        mark = f'<circle cx="{middle:.1f}" cy="8" r="4" fill="currentColor"/>'
    else:
        assert isinstance(found, Mean)
        assert isinstance(test, Difference)
        low, middle, high = (
            80 + 17 * max(-REACH, min(REACH, value / test.margin))
            for value in (found.low, found.mean, found.high)
        )
        ground = (
            '<rect x="63" width="34" height="16" fill="currentColor" fill-opacity=".14" stroke="none"/>'
            '<path d="M8 8H152M80 1V15" stroke-opacity=".4"/>'
        )
        far = abs(found.mean) > REACH * test.margin
        tip = 8 if found.mean > 0 else -8
        shape = f"M{middle - tip / 2:.1f} 3l{tip} 5l{-tip} 5z" if far else f"M{middle:.1f} 3l5 5l-5 5l-5-5z"
        mark = f'<path d="{shape}" fill="currentColor"/>'
    line = f'<path d="M{low:.1f} 8H{high:.1f}" stroke-width="3"/>'
    label = f"{point.words}: {estimate(point.finding)}, interval {interval(point.finding)}"
    return (
        f'<svg role="img" aria-label="{label}" width="{WIDE}" height="{HIGH}" viewBox="0 0 {WIDE} {HIGH}" '
        f'stroke="currentColor" fill="none">{ground}{line}{mark}</svg>'
    )
