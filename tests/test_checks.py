"""The argument checks: what passes comes back in the form wanted, bounds are exact, the rest is refused."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from initlib import checks


@pytest.mark.parametrize("number", [2, 2.0, np.int8(2), np.float32(2), np.array(2), np.array(2.0)])
def test_every_kind_of_real_number_becomes_a_float(number):
    assert checks.real("scale", number) == 2.0
    assert type(checks.real("scale", number)) is float


@pytest.mark.parametrize("bounds", [{"minimum": 1}, {"maximum": 1}, {"minimum": 1, "maximum": 1}])
def test_bounds_themselves_are_allowed(bounds):
    assert checks.real("scale", 1.0, **bounds) == 1.0


@pytest.mark.parametrize(("bounds", "said"), [({"above": 1}, "> 1"), ({"below": 1}, "< 1")])
def test_excluded_bounds_are_refused_and_their_neighbours_allowed(bounds, said):
    with pytest.raises(ValueError, match=rf"^scale must be a finite number {said}\. Received: 1\.0\.$"):
        checks.real("scale", 1.0, **bounds)
    beside = math.nextafter(1.0, math.inf if "above" in bounds else -math.inf)
    assert checks.real("scale", beside, **bounds) == beside


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, np.float32("nan"), np.array(np.inf)])
@pytest.mark.parametrize("bounds", [{}, {"minimum": 0}, {"above": 0, "below": 1}])
def test_real_numbers_are_finite(number, bounds):
    with pytest.raises(ValueError, match="scale must be a finite number"):
        checks.real("scale", number, **bounds)


@pytest.mark.parametrize("thing", [True, np.True_, "1", None, 1j, [1.0], np.array([1.0]), np.array(True)])
def test_what_is_no_real_number_is_refused(thing):
    with pytest.raises(TypeError, match=r"scale must be a finite number\. Received: .* of type "):
        checks.real("scale", thing)


@pytest.mark.parametrize("thing", [True, np.False_, 2.0, np.float64(2), "2", None, np.array([2, 3])])
def test_integers_are_neither_booleans_nor_floats(thing):
    with pytest.raises(TypeError, match=r"depth must be an integer\. Received: .* of type "):
        checks.integer("depth", thing)


def test_integers_have_a_smallest_value():
    assert checks.integer("depth", np.int64(1), minimum=1) == 1
    assert type(checks.integer("depth", np.int64(1))) is int
    with pytest.raises(ValueError, match=r"depth must be an integer >= 1\. Received: 0\."):
        checks.integer("depth", 0, minimum=1)
    with pytest.raises(ValueError, match=r"widths\[1\] must be an integer >= 1"):
        checks.integers("widths", [3, 0], minimum=1)
    with pytest.raises(ValueError, match="widths needs at least 2 entries"):
        checks.integers("widths", [3], length=2)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_arrays_are_finite(bad):
    with pytest.raises(ValueError, match=r"x must be finite\. Received 1 NaN or infinite entries of 2"):
        checks.array("x", [1.0, bad])


def test_a_seed_gives_its_generator_and_a_generator_is_passed_on():
    assert checks.generator(5).random() == checks.generator(np.uint8(5)).random()
    assert checks.generator(5).random() != checks.generator(6).random()
    assert checks.generator(None).random() != checks.generator(None).random()
    rng = np.random.default_rng(0)
    assert checks.generator(rng) is rng


@pytest.mark.parametrize("rng", [True, -1, 1.5, "0", np.random.RandomState(0)])
def test_what_seeds_no_generator_is_refused(rng):
    with pytest.raises((TypeError, ValueError), match="rng must be an int"):
        checks.generator(rng)


@pytest.mark.parametrize(("name", "error"), [("fan_inn", ValueError), (None, TypeError), (1, TypeError)])
def test_a_choice_lists_what_is_allowed(name, error):
    with pytest.raises(error, match=r"Unknown mode\. Received: .*; choose one of 'fan_in', 'fan_out'\."):
        checks.choice("mode", name, ["fan_in", "fan_out"])


@checks.by_annotation
def share(name: str, *bounds: float, part: Sequence[int] = (), **where: int | None) -> str:
    return name


def test_calls_are_checked_by_annotations():
    assert share("He", 0.5, np.float32(2), part=(1, 2), depth=None, width=3) == "He"
    assert share.__name__ == "share"
    with pytest.raises(TypeError, match=r"^share was called with missing a required argument: 'name'\.$"):
        share()
    for named in ({"name": 3}, {"part": ["x"]}, {"depth": "x"}):
        [wrong] = named
        wrong = wrong if wrong in ("name", "part") else "where"
        with pytest.raises(TypeError, match=rf"^{wrong} of share must be of type .* Received: "):
            share(**{"name": "He", **named})
    with pytest.raises(TypeError, match=r"^bounds of share must be of type float"):
        share("He", "x")


@pytest.mark.parametrize("value", [3, np.ones(2), np.zeros((0, 1)), object(), "a", np.ma.masked])
def test_what_is_no_member_is_refused(value):
    with pytest.raises(ValueError, match=r"^depth must be one of 10, 22\. Received: "):
        checks.member("depth", value, (10, 22))
    checks.member("depth", np.int8(10), (10, 22))


@pytest.mark.parametrize("length", [checks.MOST + 1, 10**12, 10**30])
def test_lists_without_end_are_refused_at_once(length):
    for check in (checks.integers, checks.sequence, lambda name, values: checks.per_net(name, values, 2)):
        with pytest.raises(ValueError, match=r"^seeds must have at most 1000000 entries\. Received: range"):
            check("seeds", range(length))
    with pytest.raises(ValueError, match=r"must have at most 1000000 entries"):
        share("He", part=range(length))
