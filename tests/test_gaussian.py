"""Gaussian integrals against mpmath at 30 digits, closed forms, and everything that must be refused."""

import contextlib
import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
from data import make_gaussian_reference as reference
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf
from scipy.stats import multivariate_normal

from initlib import activations, gaussian
from initlib.gaussian import expectation, pair_expectation
from initlib.quadrature import resolved

FROZEN = json.loads((Path(reference.__file__).parent / "gaussian_reference.json").read_text())
INTEGRANDS = {
    "mean": lambda phi, q: phi.function,
    "square": lambda phi, q: lambda x: phi.function(x) ** 2,
    "fourth": lambda phi, q: lambda x: phi.function(x) ** 4,
    "slope_square": lambda phi, q: lambda x: phi.derivative(x) ** 2,
    "slope_fourth": lambda phi, q: lambda x: phi.derivative(x) ** 4,
    "growth": lambda phi, q: lambda x: phi.function(x) * phi.derivative(x) * x / q,
}
CORRELATIONS = np.array([-1, -0.999, -0.97, -0.4, 0, 0.3, 0.9, 0.96, 0.9999, 1 - 1e-8, 1])


@pytest.mark.parametrize("name", FROZEN["moments"])
@pytest.mark.parametrize("q", reference.QS)
def test_moments_of_every_activation(name, q):
    phi, variance = activations.get(name), float(q)
    for moment, integrand in INTEGRANDS.items():
        exact = float(FROZEN["moments"][name][q][moment])
        f = integrand(phi, variance)
        size = math.sqrt(expectation(lambda x, f=f: f(x) ** 2, variance, phi.kinks))
        error = abs(expectation(f, variance, phi.kinks) - exact)
        assert error <= 1e-13 * abs(exact) + 1e-15 * size, moment


@pytest.mark.parametrize("k", [1, 2, 5, 10])
@pytest.mark.parametrize("q", [1e-12, 0.3, 1e6, 1e12])
def test_powers_are_exact(k, q):
    exact = math.prod(range(1, 2 * k, 2)) * q**k
    assert expectation(lambda x: x ** (2 * k), q) == pytest.approx(exact, rel=1e-14)


def is_refused(f, q, kinks):
    try:
        expectation(f, q, kinks)
    except ValueError:
        return True
    return False


@given(st.floats(1e-6, 1e6), st.floats(-5, 5))
@example(0.125, 4.0)
def test_a_kink_anywhere_is_exact_when_declared(q, at):
    s = math.sqrt(q)
    if 9 < at / s < 14.1 and is_refused(lambda x: np.maximum(x - at, 0), q, (at,)):
        return  # all of f lies out there: right or refused, never wrong
    exact = s * math.exp(-((at / s) ** 2) / 2) / math.sqrt(2 * math.pi) - at * math.erfc(at / s / 2**0.5) / 2
    assert abs(expectation(lambda x: np.maximum(x - at, 0), q, (at,)) - exact) <= 1e-13 * (s + abs(at))


def test_gauss_hermite_of_25_nodes_fails_where_this_does_not():
    nodes, weights = np.polynomial.hermite_e.hermegauss(25)
    usual = weights @ np.tanh(math.sqrt(10) * nodes) ** 2 / weights.sum()
    exact = float(FROZEN["moments"]["tanh"]["1e1"]["square"])
    assert abs(usual / exact - 1) > 0.01
    assert expectation(lambda x: np.tanh(x) ** 2, 10.0) == pytest.approx(exact, rel=1e-14)


def test_an_activation_brings_its_kinks():
    phi = activations.Activation("bent", lambda x: np.maximum(x, 0.7), None, (0.7,))
    assert expectation(phi) == expectation(phi.function, kinks=(0.7,))


def test_zero_variance_gives_the_value_at_zero():
    assert expectation(lambda x: x + 3, 0.0) == 3.0
    np.testing.assert_array_equal(pair_expectation(lambda x: x + 3, [0.2, 1], 0.0), [9.0, 9.0])


def test_the_zero_function_has_mean_zero():
    assert expectation(np.zeros_like, 2.0) == 0.0
    assert pair_expectation(np.zeros_like, 0.5, 2.0) == 0.0


def test_functions_of_integers_and_booleans_count():
    assert expectation(lambda x: x > 0) == pytest.approx(0.5, rel=1e-14)


@pytest.mark.parametrize("q", [1e-6, 1.0, 30.0, 1e6])
def test_sine_and_cosine_are_closed_forms(q):
    for sine in (np.sin, activations.get("sin")):
        assert expectation(sine, q) == 0.0
    assert expectation(np.cos, q) == pytest.approx(math.exp(-q / 2), rel=1e-15)
    close, far = np.exp(-q * (1 - CORRELATIONS)) / 2, np.exp(-q * (1 + CORRELATIONS)) / 2
    for sine in (np.sin, activations.get("sin")):
        np.testing.assert_allclose(
            pair_expectation(sine, CORRELATIONS, q), close - far, rtol=1e-9, atol=1e-16
        )
    np.testing.assert_allclose(pair_expectation(np.cos, CORRELATIONS, q), close + far, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(
    ("f", "q"),
    [
        (lambda x: np.maximum(x - 0.7, 0), 1.0),
        (lambda x: np.maximum(x - 0.7, 0), 1e2),
        (lambda x: np.abs(x + 3.3), 1.0),
        (lambda x: (x > 0.3) * 1.0, 1.0),
        (lambda x: np.round(1.1 * x), 1.0),
        # Beyond the probes, with errors of opposite sign on the two sides.
        (lambda x: np.where((np.abs(x) > 9.3) & (np.abs(x) < 11.1), x * np.exp(0.49 * x**2), 0), 1.0),
        (lambda x: np.sin(6000 * x) ** 2, 1.0),
        (lambda x: np.sin(6000 * x + 1), 1.0),
        (lambda x: np.sin(x) ** 2, 1e6),
        (lambda x: np.cos(x * x), 1e3),
        (lambda x: np.tanh(x - 0.3).astype(np.float32), 1.0),
    ],
)
def test_what_the_rule_cannot_resolve_is_refused(f, q):
    with pytest.raises(ValueError, match="does not converge"):
        expectation(f, q)
    with pytest.raises(ValueError, match="does not converge"):
        pair_expectation(f, 0.5, q)


def test_a_refused_kink_passes_once_declared():
    assert expectation(np.round, 1.0, np.arange(-20, 20) + 0.5) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(("f", "q"), [(np.exp, 100.0), (np.cosh, 64.0), (lambda x: np.exp(x * x / 4), 1.999)])
def test_growth_beyond_the_tail_is_refused(f, q):
    with pytest.raises(ValueError, match="grows too fast"):
        expectation(f, q)


def test_growth_within_the_tail_is_exact():
    assert expectation(np.exp, 4.0) == pytest.approx(math.exp(2), rel=1e-13)


@pytest.mark.parametrize("f", [np.log, np.sqrt, lambda x: 1 / (x - x), lambda x: np.exp(x * x)])
def test_values_that_are_not_finite_are_refused_without_a_warning(f):
    with pytest.raises(ValueError, match=r"finite on the line\. Received: NaN or infinity at x ="):
        expectation(f, 100.0)


@pytest.mark.parametrize("f", [lambda x: 1.0, lambda x: x[:-1], lambda x: x + 1j, lambda x: x.astype(str)])
def test_values_of_the_wrong_shape_or_kind_are_refused(f):
    with pytest.raises(ValueError, match="one real number for each entry"):
        expectation(f)


@pytest.mark.parametrize("function", [expectation, lambda f, q, kinks=(): pair_expectation(f, 0.5, q, kinks)])
def test_bad_arguments_are_refused(function):
    for f in (None, 3, "tanh"):
        with pytest.raises(TypeError, match="f must be callable"):
            function(f, 1.0)
    for q in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="q must be a finite number >= 0"):
            function(np.tanh, q)
    with pytest.raises(TypeError, match="q must be"):
        function(np.tanh, "1")
    for kinks in ((np.nan,), ("a",), [[0.0]]):
        with pytest.raises((ValueError, TypeError), match="kinks"):
            function(np.tanh, 1.0, kinks)


@pytest.mark.parametrize("c", [1.1, -1.0001, [0.5, 2.0], np.nan, [np.inf]])
def test_correlations_beyond_one_are_refused(c):
    with pytest.raises(ValueError, match="c must"):
        pair_expectation(np.tanh, c)


@pytest.mark.parametrize("name", FROZEN["pairs"])
@pytest.mark.parametrize("q", reference.QS[2:6])
def test_pairs_of_kinked_activations(name, q):
    exact = np.array([float(FROZEN["pairs"][name][q][c]) for c in reference.CS])
    values = pair_expectation(activations.get(name), [float(c) for c in reference.CS], float(q))
    np.testing.assert_allclose(values, exact, rtol=0, atol=2e-14 * exact.max())


@pytest.mark.parametrize("q", [1e-6, 1.0, 1e2, 1e6])
def test_pairs_of_relu_and_its_slope(q):
    angle = np.arccos(CORRELATIONS)
    exact = q / (2 * math.pi) * (np.sin(angle) + (math.pi - angle) * CORRELATIONS)
    relu = activations.get("relu")
    np.testing.assert_allclose(pair_expectation(relu, CORRELATIONS, q), exact, rtol=0, atol=1e-14 * q)
    steps = pair_expectation(relu.derivative, CORRELATIONS, q, (0,))
    np.testing.assert_allclose(steps, (math.pi - angle) / (2 * math.pi), rtol=0, atol=1e-14)


@pytest.mark.parametrize("c", [-0.99, -0.95, 0.5, 0.97, 0.99])
@pytest.mark.parametrize("q", [0.3, 9.0])
def test_pairs_of_step_functions(c, q):
    """Near |c| = 1 the plane has corners where both inputs cross a jump, which once cost 1e-7 to 1e-4."""
    edges, heights = (-0.5, 0.2, 1.0), (0.0, 1.0, 0.0, 0.3)
    law = multivariate_normal(cov=[[q, c * q], [c * q, q]])
    steps = np.diff(heights)  # f = heights[0] + sum of steps, each behind its edge
    exact = sum(
        a * b * law.cdf([-x, -y])
        for a, x in zip(steps, edges, strict=True)
        for b, y in zip(steps, edges, strict=True)
    )
    found = pair_expectation(lambda x: np.array(heights)[np.searchsorted(edges, x)], c, q, edges)
    assert found == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("q", [1e-6, 1.0, 1e2, 1e4])
def test_pairs_of_erf(q):
    root = np.sqrt((1 + 2 * q * (1 - CORRELATIONS)) * (1 + 2 * q * (1 + CORRELATIONS)))
    exact = 2 / math.pi * np.arctan2(2 * q * CORRELATIONS, root)
    values = pair_expectation(activations.get("erf"), CORRELATIONS, q)
    np.testing.assert_allclose(values, exact, rtol=0, atol=2e-14 * exact[-1])


@pytest.mark.parametrize("name", ["tanh", "gelu", "softsign", "sigmoid"])
@pytest.mark.parametrize("q", [0.5, 20.0])
def test_the_two_ways_to_pairs_agree(name, q):
    phi = activations.get(name)
    for c in (-0.8, 0.1, 0.9):
        total = expectation(lambda x: phi.function(x) ** 2, q, phi.kinks)
        plane = total - gaussian._half_mean_square_difference(phi.function, c, q, phi.kinks)
        assert abs(float(pair_expectation(phi, c, q)) - plane) < 1e-13 * total


@pytest.mark.parametrize("name", ["gelu", "silu", "selu", "softplus", "tanh", "hard_tanh"])
@pytest.mark.parametrize("q", [30.0, 1e4, 1e20])
@pytest.mark.parametrize("c", [0.9, 0.99, -0.99])
def test_what_follows_straight_lines_far_out_agrees_with_the_plane(name, q, c, monkeypatch):
    phi = activations.get(name)
    total = expectation(lambda x: phi.function(x) ** 2, q, phi.kinks)
    found, bound = gaussian._pair_by_lines(phi.function, np.array(c), q, phi.kinks, total)
    monkeypatch.setattr(gaussian, "_pair_by_lines", lambda f, c, *_: (np.zeros(c.shape), np.inf))
    exact = pair_expectation(phi.function, c, q, phi.kinks)
    assert abs(found - exact) <= 1e-12 * total + bound


def test_large_variances_need_no_integral_over_the_plane(monkeypatch):
    monkeypatch.setattr(gaussian, "_half_mean_square_difference", None)
    for name in ("gelu", "silu", "selu"):
        assert pair_expectation(activations.get(name).function, 0.98, 1e12) > 0


def test_what_follows_no_lines_is_left_to_the_plane():
    assert gaussian._lines(activations.get("softsign").function) is None
    assert gaussian._lines(activations.get("selu").function) is not None


def test_pairs_against_a_plain_grid_in_the_plane():
    c, q, x = -0.6, 1.3, np.linspace(-10, 10, 801)
    u, v = np.meshgrid(x, x)
    density = multivariate_normal(cov=[[q, c * q], [c * q, q]]).pdf(np.dstack([u, v]))
    exact = (np.tanh(u + 0.5) * np.tanh(v + 0.5) * density).sum() * (x[1] - x[0]) ** 2
    assert float(pair_expectation(lambda x: np.tanh(x + 0.5), c, q)) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("name", ["softsign", "elu", "selu", "tanh", "mish"])
@pytest.mark.parametrize("q", [1.0, 50.0])
def test_pairs_near_one_have_the_slope_of_the_derivative(name, q):
    phi, gap = activations.get(name), 1e-7
    squares = expectation(lambda x: phi.function(x) ** 2, q, phi.kinks)
    slope = q * expectation(lambda x: phi.derivative(x) ** 2, q, phi.kinks)
    measured = (squares - float(pair_expectation(phi, 1 - gap, q))) / gap
    assert measured == pytest.approx(slope, rel=1e-3)


def test_opposite_inputs_are_split_at_mirrored_kinks_too():
    a = 0.4  # E |u - a| |-u - a| = E |u^2 - a^2|
    inside, density = math.erf(a / 2**0.5), math.exp(-a * a / 2) / math.sqrt(2 * math.pi)
    exact = 1 - a * a + 2 * ((a * a - 1) * inside + 2 * a * density)
    value = float(pair_expectation(lambda x: np.abs(x - a), -1.0, kinks=(a,)))
    assert value == pytest.approx(exact, rel=1e-13)


def test_pairs_take_callables_without_a_hash():
    class Cube:
        __hash__ = None

        def __call__(self, x):
            return x**3

    assert float(pair_expectation(Cube(), 0.5)) == pytest.approx(9 * 0.5 + 6 * 0.5**3, rel=1e-13)


def test_pairs_have_the_shape_of_the_correlations():
    for shape in ((), (0,), (3,), (2, 2)):
        assert pair_expectation(np.tanh, np.full(shape, 0.3)).shape == shape


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 1), st.floats(1e-3, 1e3), st.sampled_from(["tanh", "gelu", "relu", "elu", "hard_tanh"]))
def test_pairs_grow_with_correlation_between_squared_mean_and_mean_square(c, q, name):
    phi = activations.get(name)
    low, middle, high = pair_expectation(phi, [0.0, c, 1.0], q)
    assert low - 1e-13 * high <= middle <= high * (1 + 1e-13)
    assert low == pytest.approx(expectation(phi, q) ** 2, rel=1e-12, abs=1e-14 * high)


@pytest.mark.heavy
@pytest.mark.parametrize(("name", "q"), [("tanh", "1e1"), ("selu", "1e3"), ("gelu", "1e-6")])
def test_the_frozen_moments_are_what_the_script_computes(name, q):
    assert reference.moments(name, mpf(q)) == FROZEN["moments"][name][q]


@pytest.mark.heavy
def test_a_frozen_pair_is_what_the_script_computes():
    live = reference.pair("hard_tanh", reference.clipped_mean, mpf("0.97"), mpf(1))
    assert reference.mp.nstr(live, 20) == FROZEN["pairs"]["hard_tanh"]["1"]["0.97"]


def bump(at, width):
    return lambda x: np.exp(-(((x - at) / width) ** 2))


def mean_of_bump(at, width, q):
    return width / math.sqrt(width**2 + 2 * q) * math.exp(-(at**2) / (width**2 + 2 * q))


@settings(deadline=None)
@given(st.floats(-3, 0), st.floats(-1, 2), st.floats(-3, 3))
def test_narrow_bumps_are_integrated_or_refused(width, q, at):
    q = 10**q
    width, at = 10**width * math.sqrt(q), at * math.sqrt(q)
    exact = mean_of_bump(at, width, q)
    for f, offset in ((bump(at, width), 0), (lambda x: np.tanh(x) ** 2 + bump(at, width)(x), 1)):
        try:
            found = expectation(f, q) - offset * expectation(lambda x: np.tanh(x) ** 2, q)
        except ValueError:
            continue
        # The bump itself knows its place to rounding alone.
        assert found == pytest.approx(exact, rel=1e-13 * (10 + abs(at) / width**2 * math.sqrt(q)), abs=1e-12)


def test_the_bump_that_was_lost_is_refused_and_right_once_its_place_is_given():
    f, exact = bump(2.72, 0.0017), mean_of_bump(2.72, 0.0017, 3.49)
    with pytest.raises(ValueError, match="points around what is narrow"):
        expectation(f, 3.49)
    around = 2.72 + 0.0017 * np.array([-6, -4, -2, 0, 2, 4, 6])
    assert expectation(f, 3.49, around) == pytest.approx(exact, rel=1e-11)
    assert expectation(bump(2.72, 0.017), 3.49) == pytest.approx(mean_of_bump(2.72, 0.017, 3.49), rel=1e-11)


@pytest.mark.parametrize("place", range(20, 236, 12))
def test_a_spike_that_was_seen_once_is_not_lost_again(place):
    at = 1.5 + 0.5 * math.cos(math.pi * (place + 0.5) / 256)  # where a panel is compared with the function
    try:
        found = expectation(bump(at, 1e-5))
    except ValueError:
        return
    assert found == pytest.approx(mean_of_bump(at, 1e-5, 1.0), rel=1e-9)


def test_pairs_of_narrow_bumps():
    f, q = bump(0.7, 0.004), 1.3
    for c in (0.0, 0.5, 1.0):
        inverse = np.linalg.inv(q * np.array([[1, c], [c, 1]])) if c < 1 else None
        if inverse is None:
            exact = mean_of_bump(0.7, 0.004 / math.sqrt(2), q)
        else:  # a Gaussian integral in two variables
            sharp = 2 / 0.004**2 * np.eye(2)
            whole = sharp + inverse
            at = np.full(2, 0.7)
            left = at @ (sharp - sharp @ np.linalg.inv(whole) @ sharp) @ at
            exact = math.sqrt(np.linalg.det(inverse) / np.linalg.det(whole)) * math.exp(-left / 2)
        try:
            found = float(pair_expectation(f, c, q))
        except ValueError:
            continue
        assert found == pytest.approx(exact, rel=1e-7)


@pytest.mark.parametrize("off", [1e-3, 1.4e-3, 3e-4, -1e-4, -2e-3])
@pytest.mark.parametrize("p", [1, 2, 3])
def test_undeclared_kinks_beside_the_edge_of_a_panel_are_no_silent_error(off, p):
    low, high, q = -2 + off, 4 - 2 * off, 5.0
    exact = expectation(lambda x: np.clip(x, low, high) ** p, q, (low, high))
    size = expectation(lambda x: np.abs(np.clip(x, low, high)) ** p, q, (low, 0.0, high))
    with contextlib.suppress(ValueError):  # refused
        assert abs(expectation(lambda x: np.clip(x, low, high) ** p, q) - exact) < 1e-11 * size


def test_fast_oscillation_is_refused_at_once():
    start = time.process_time()
    with pytest.raises(ValueError, match="oscillates fast"):
        expectation(lambda x: np.sin(1e4 * x) ** 2, 1.0)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("f", "q", "exact"),
    [
        (lambda x: np.sin(60 * x) ** 2, 1.0, 0.5),
        (lambda x: np.cos(20 * x), 0.1, math.exp(-20)),
        (lambda x: np.round(x) ** 2, 1e-2, 5.733031437583876e-07),  # jumps at the middle of panels
    ],
)
def test_what_panels_of_a_fixed_size_could_not_resolve(f, q, exact):
    assert expectation(f, q) == pytest.approx(exact, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", [*activations.names(), "elu(30)", "leaky_relu(-2)"])
def test_the_averages_of_standard_activations_need_no_search(name):
    own = {"elu(30)": lambda: activations.elu(30.0), "leaky_relu(-2)": lambda: activations.leaky_relu(-2.0)}
    phi = own[name]() if name in own else activations.get(name)
    assert activations.is_standard(phi)
    for q in 10.0 ** np.arange(-12, 13, 3) if name != "sin" else (1e-6, 1e-3, 1.0):
        for integrand in INTEGRANDS.values():
            kinks = tuple(phi.kinks)
            found, hidden = resolved(integrand(phi, q), q, kinks)
            assert (found, hidden) == (kinks, 0.0)
