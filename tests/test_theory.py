"""Theory against published numbers, closed forms, its own definitions, and networks of width 1000."""

import contextlib
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from initlib import activations, gaussian, theory
from initlib.activations import Activation

# At q = 1, by mpmath at 30 digits: gains forward and backward, E phi'^2 / E phi^2, slope of the variance map.
GAINS = {
    "identity": (1.0, 1.0, 1.0, 1.0),
    "relu": (1.414213562, 1.414213562, 1.0, 1.0),
    "leaky_relu": (1.414142857, 1.414142857, 1.0, 1.0),
    "tanh": (1.592537420, 1.467413592, 1.177807232, 0.461071),
    "sigmoid": (1.846228545, 4.722646086, 0.1528270117, 0.106341),
    "gelu": (1.533530441, 1.481114413, 1.072031598, 1.144063),
    "silu": (1.676532470, 1.623320258, 1.066634241, 1.172594),
    "selu": (1.0, 0.966025777, 1.071574992, 0.782648),
    "softplus": (1.041866836, 1.846228545, 0.3184589837, 0.492053),
}
SLOPED = activations.leaky_relu(0.2)
HALF_TANH = Activation(
    "sigmoid - 1/2",
    lambda x: np.tanh(x / 2) / 2,
    activations.get("sigmoid").derivative,
)
# Three fixed points with sigma_w = 0.7, sigma_b = 0.1: stable, unstable, stable.
BUMP = Activation(
    "bump",
    lambda x: x + 2 * x**3 * np.exp(-(x**2)),
    lambda x: 1 + (6 * x**2 - 4 * x**4) * np.exp(-(x**2)),
)
LECUN = Activation(
    "1.7159 tanh(2x/3)",
    lambda x: 1.7159 * np.tanh(2 * x / 3),
    lambda x: 1.7159 * 2 / 3 / np.cosh(2 * x / 3) ** 2,
)
HE = math.sqrt(2)


def slope_of_variance_map(phi, sigma_w, q):
    h = 1e-5 * q
    high, low = theory.variance_map([q + h, q - h], phi, sigma_w)
    return (high - low) / (2 * h)


# --- gains


@pytest.mark.parametrize("name", GAINS)
def test_gains_and_slopes_of_the_field(name):
    forward, backward, chi, chi_par = GAINS[name]
    assert theory.gain(name) == pytest.approx(forward, rel=1e-9)
    assert theory.gain(name, "backward") == pytest.approx(backward, rel=1e-9)
    assert theory.chi(name, theory.gain(name), 1.0) == pytest.approx(chi, rel=1e-9)
    assert slope_of_variance_map(name, theory.gain(name), 1.0) == pytest.approx(chi_par, abs=1e-6)


@pytest.mark.parametrize("slope", [0.2, 0, 1.0, True])
def test_a_slope_in_the_place_of_the_direction_is_refused_with_what_takes_one(slope):
    with pytest.raises(TypeError, match=r"a slope is given by activations\.leaky_relu\(0\.2\)"):
        theory.gain("leaky_relu", slope)


def test_gains_of_other_activations():
    assert theory.gain(SLOPED) == pytest.approx(1.386750491, rel=1e-9)
    assert theory.gain(HALF_TANH) == pytest.approx(4.801313372, rel=1e-9)
    assert theory.gain(LECUN) == pytest.approx(0.7504303**-0.5, rel=1e-6)
    assert theory.gain(LECUN, "backward") == pytest.approx(0.8039891**-0.5, rel=1e-6)
    assert theory.gain("gelu") ** -2 == pytest.approx(1 / 3 + 1 / (2 * math.pi * math.sqrt(3)), rel=1e-13)
    assert theory.gain(np.arctan) == pytest.approx(gaussian.expectation(lambda x: np.arctan(x) ** 2) ** -0.5)


@settings(deadline=None)
@given(st.sampled_from(activations.names()), st.floats(1e-6, 1e6))
def test_the_forward_gain_keeps_q(name, q):
    assert theory.variance_map(q, name, theory.gain(name, q=q)) == pytest.approx(q, rel=1e-12)


@settings(deadline=None)
@given(st.sampled_from(activations.names()), st.floats(1e-6, 1e6))
def test_the_backward_gain_keeps_gradients(name, q):
    assert theory.chi(name, theory.gain(name, "backward", q), q) == pytest.approx(1, rel=1e-12)


def test_a_gain_needs_a_signal():
    with pytest.raises(ValueError, match=r"no forward gain at q = 1: it lets no signal through"):
        theory.gain(Activation("nothing", np.zeros_like, np.zeros_like))
    with pytest.raises(ValueError, match=r"direction.*'forwards'.*Did you mean 'forward'"):
        theory.gain("relu", "forwards")
    for q in (0, -1, np.nan):
        with pytest.raises(ValueError, match="q must be a finite number > 0"):
            theory.gain("relu", q=q)


# --- variance map and its fixed points


def test_the_variance_map_is_its_definition():
    q = np.array([[0.0, 1e-6], [1.0, 1e6]])
    expected = (
        1.3**2 * np.vectorize(lambda one: gaussian.expectation(lambda x: np.tanh(x) ** 2, one))(q) + 0.04
    )
    np.testing.assert_allclose(theory.variance_map(q, "tanh", 1.3, 0.2), expected, rtol=1e-14)
    assert theory.variance_map(3.0, "relu", HE) == pytest.approx(3.0, rel=1e-15)
    assert np.shape(theory.variance_map([], "relu", HE)) == (0,)


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("gelu", {1: 0.850443, 5: 0.326917, 10: 0.0292563, 20: 3.18999e-5, 50: 2.97e-14}),
        ("silu", {1: 0.711551, 5: 0.0992610, 10: 0.00356659, 20: 3.50165e-6, 50: 3.26e-15}),
    ],
)
def test_he_starves_gelu_and_silu(name, exact):
    q = 1.0
    for layer in range(1, 51):
        q = float(theory.variance_map(q, name, HE))
        if layer in exact:
            assert q == pytest.approx(exact[layer], rel=5e-3 if layer == 50 else 5e-6)


def test_tanh_at_gain_one_decays_as_one_over_twice_the_depth():
    q, seen = 1.0, {}
    for layer in range(1, 101):
        q = float(theory.variance_map(q, "tanh", 1.0))
        seen[layer] = 2 * layer * q
    assert (seen[1], seen[10], seen[100]) == pytest.approx((0.7886, 1.0440, 1.0138), abs=5e-5)


@pytest.mark.parametrize(
    ("sigma_b2", "sigma_w2", "q", "chi", "xi_q", "c", "xi_c"),
    [
        (0, 0.9, 0, 0.9, 9.49122, 1, 9.49122),
        (0, 1.5, 0.28689423, 1.04056757, 2.75378, 0, 52.36298),
        (0.05, 0.8, 0.13808028, 0.64683851, 1.51437, 1, 2.29538),
        (0.05, 2, 0.72176187, 1.04766600, 1.38798, 0.744082, 25.21341),
        (0.3, 1.76, 0.99109797, 0.82015711, 0.88407, 1, 5.04390),
    ],
)
def test_fixed_points_and_depth_scales_of_tanh(sigma_b2, sigma_w2, q, chi, xi_q, c, xi_c):
    sigmas = math.sqrt(sigma_w2), math.sqrt(sigma_b2)
    point = theory.variance_fixed_point("tanh", *sigmas)
    assert point == (pytest.approx(q, abs=1e-8), True)
    assert theory.chi("tanh", sigmas[0], point.q) == pytest.approx(chi, abs=1e-8)
    assert theory.depth_scales("tanh", *sigmas) == pytest.approx((xi_q, xi_c), abs=1e-5)
    assert theory.correlation_fixed_point("tanh", *sigmas).c == pytest.approx(c, abs=1e-6)


@pytest.mark.parametrize(("sigma_w", "q"), [(1.3, 0.6070), (2.5, 4.0791), (4, 12.6041)])
def test_fixed_points_of_the_transient_chaos_paper(sigma_w, q):
    assert theory.variance_fixed_point("tanh", sigma_w, 0.3).q == pytest.approx(q, abs=5e-5)
    c = 0.6
    for _ in range(500):
        c = float(theory.correlation_map(c, "tanh", sigma_w, 0.3))
    assert theory.correlation_fixed_point("tanh", sigma_w, 0.3).c == pytest.approx(c, abs=1e-12)


@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_the_gain_of_gelu_and_its_kin_is_an_unstable_fixed_point(name):
    sigma_w = theory.gain(name)
    assert theory.variance_fixed_point(name, sigma_w) == (pytest.approx(1), False)
    with pytest.raises(ValueError, match=r"is unstable: signals leave it.*near"):
        theory.depth_scales(name, sigma_w)
    with pytest.raises(ValueError, match="is unstable"):
        theory.correlation_fixed_point(name, sigma_w)


def test_signals_leave_the_unstable_fixed_point_of_gelu():
    low, high = 0.9, 1.1
    for _ in range(30):
        low, high = theory.variance_map([low, high], "gelu", theory.gain("gelu"))
    assert (low, high) == (pytest.approx(0.0012, abs=5e-5), pytest.approx(11.0, abs=0.05))


@pytest.mark.parametrize("name", ["tanh", "selu", "elu", "sigmoid", "softsign", "hard_tanh", "erf", "sin"])
def test_the_gain_of_others_is_a_stable_fixed_point(name):
    assert theory.variance_fixed_point(name, theory.gain(name)) == (pytest.approx(1), True)


def test_selu_is_self_normalizing():
    assert theory.variance_map(1.0, "selu", 1.0) == pytest.approx(1.0, rel=1e-14)
    assert slope_of_variance_map("selu", 1.0, 1.0) == pytest.approx(0.78264788, abs=1e-8)


@pytest.mark.parametrize(
    ("near", "q", "stable"), [(1e-6, 0.02896, True), (0.07, 0.07485, False), (9, 0.95020, True)]
)
def test_of_several_fixed_points_the_nearest_is_returned(near, q, stable):
    point = theory.variance_fixed_point(BUMP, 0.7, 0.1, near=near)
    assert point == (pytest.approx(q, abs=1e-5), stable)
    assert theory.variance_map(point.q, BUMP, 0.7, 0.1) == pytest.approx(point.q, rel=1e-12)


def test_the_nearest_is_meant_in_log_q():
    low, middle, _ = (theory.variance_fixed_point(BUMP, 0.7, 0.1, near=near).q for near in (1e-6, 0.07, 9))
    border = math.sqrt(low * middle)
    assert theory.variance_fixed_point(BUMP, 0.7, 0.1, near=0.99 * border).q == low
    assert theory.variance_fixed_point(BUMP, 0.7, 0.1, near=1.01 * border).q == middle


def test_a_fixed_point_that_the_map_only_touches_is_found_and_unstable():
    point = theory.semi_critical_point("gelu")
    found = theory.variance_fixed_point("gelu", point.sigma_w, point.sigma_b, near=point.q)
    assert found == (pytest.approx(point.q, rel=1e-4), False)


@pytest.mark.parametrize("name", ["relu", "identity", SLOPED])
def test_every_q_is_a_fixed_point_of_critical_relu(name):
    sigma_w = theory.gain(name)
    assert theory.variance_fixed_point(name, sigma_w, near=7.0) == (7.0, None)
    assert theory.depth_scales(name, sigma_w) == (math.inf, math.inf)
    assert theory.correlation_fixed_point(name, sigma_w) == (1.0, pytest.approx(1))


def test_zero_is_returned_only_when_there_is_no_other():
    assert theory.variance_fixed_point("relu", 1.0) == (0.0, True)
    assert theory.variance_fixed_point("relu", 2.0) == (0.0, False)
    assert theory.variance_fixed_point("tanh", 1.0) == (0.0, True)
    assert theory.variance_fixed_point("gelu", 2.0) == (0.0, False)
    assert theory.variance_fixed_point("tanh", 1.0 + 1e-6).q == pytest.approx(1e-6, rel=1e-5)
    assert theory.variance_fixed_point("tanh", 0.0) == (0.0, True)
    assert theory.variance_fixed_point("tanh", 0.0, 0.5) == (pytest.approx(0.25), True)
    assert theory.variance_fixed_point("relu", 1.0, 0.5) == (pytest.approx(0.5), True)


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b"), [("relu", 1.5, 0.1), ("softplus", 2, 0), ("gelu", 1.5, 0.5)]
)
def test_a_diverging_map_has_no_fixed_point(name, sigma_w, sigma_b):
    with pytest.raises(ValueError, match=rf"'{name}' has no fixed point .*q grows without bound"):
        theory.variance_fixed_point(name, sigma_w, sigma_b)
    with pytest.raises(ValueError, match="no fixed point"):
        theory.depth_scales(name, sigma_w, sigma_b)


def test_a_map_that_explodes_has_no_depth_scale():
    with pytest.raises(ValueError, match=r"q = 0 of 'relu'.*unstable"):
        theory.depth_scales("relu", 2.0)


# --- correlations


@pytest.mark.parametrize("name", activations.names())
def test_the_correlation_map_keeps_one_and_its_slope_there_is_chi(name):
    sigma_b, q, gap = 0.3, 1.0, 1e-6
    sigma_w = math.sqrt((1 - sigma_b**2) * theory.gain(name) ** 2)  # q = 1 is a fixed point
    assert theory.correlation_map(1.0, name, sigma_w, sigma_b, q) == 1.0
    slope = (1 - float(theory.correlation_map(1 - gap, name, sigma_w, sigma_b, q))) / gap
    assert slope == pytest.approx(theory.chi(name, sigma_w, q), rel=2e-3)


@pytest.mark.parametrize("c", [-1.0, -0.7, -1e-9, 0.0, 0.3, 0.95, 0.999999, 1.0])
@pytest.mark.parametrize("slope", [0.0, 0.2, -1.0, 1.0])
def test_the_correlation_map_of_leaky_relu_is_the_arc_cosine_kernel(c, slope):
    with mp.workdps(40):
        angle, a = mp.acos(mpf(c)), mpf(slope)
        bend = (1 - a) ** 2 * (mp.sin(angle) + (mp.pi - angle) * mp.cos(angle)) / mp.pi
        exact = (bend + 2 * a * mpf(c)) / (1 + a * a)
    phi = activations.leaky_relu(slope)
    assert float(theory.correlation_map(c, phi, theory.gain(phi), q=3.0)) == pytest.approx(
        float(exact), abs=4e-16
    )


@pytest.mark.parametrize("q", [1e-4, 1.0, 1e4])
def test_the_correlation_map_of_erf_is_the_arc_sine_kernel(q):
    c = np.array([-1, -0.5, 0, 0.8, 0.99999, 1])
    exact = np.arcsin(2 * q * c / (1 + 2 * q)) / np.arcsin(2 * q / (1 + 2 * q))
    np.testing.assert_allclose(
        theory.correlation_map(c, "erf", 1.5, q=q), exact, atol=1e-8 if q > 1 else 1e-14
    )


def test_biases_pull_correlations_up():
    c = np.array([-1, 0.0, 0.5])
    plain, biased = (theory.correlation_map(c, "tanh", 1.2, b, 1.0) for b in (0.0, 0.6))
    square = 1.2**2 / theory.gain("tanh") ** 2
    np.testing.assert_allclose(biased, (plain * square + 0.36) / (square + 0.36), rtol=1e-13)


def test_correlations_of_relu_converge_as_a_power_of_depth():
    c, seen = 0.0, {}
    for layer in range(1, 1001):
        c = float(theory.correlation_map(c, "relu", HE, q=1.0))
        seen[layer] = c
    assert seen[1] == pytest.approx(1 / math.pi, rel=1e-14)
    assert (seen[5], seen[10], seen[30]) == pytest.approx((0.73594635, 0.87153552, 0.97201087), abs=5e-9)
    assert [(1 - seen[n]) * n * n for n in (100, 300, 1000)] == pytest.approx([35.77, 40.80, 43.13], abs=5e-3)


def test_correlations_of_critical_tanh_converge_as_one_over_depth():
    point, c = theory.critical_sigma_w("tanh", math.sqrt(0.05)), 0.0
    for _ in range(300):
        c = float(theory.correlation_map(c, "tanh", point.sigma_w, math.sqrt(0.05), point.q))
    assert (1 - c) * 300 == pytest.approx(6.35, abs=5e-3)


def test_the_default_q_of_the_correlation_map_is_the_fixed_point():
    q = theory.variance_fixed_point("tanh", 1.5, 0.2).q
    assert theory.correlation_map(0.3, "tanh", 1.5, 0.2) == theory.correlation_map(0.3, "tanh", 1.5, 0.2, q)


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b"),
    [("tanh", 2.0, 0.4), ("hard_tanh", 1.2, 0.1), ("erf", 3.0, 0.5), ("sin", 1.5, 0.2), ("selu", 1.0, 0.0)],
)
def test_the_correlation_fixed_point_attracts(name, sigma_w, sigma_b):
    point = theory.correlation_fixed_point(name, sigma_w, sigma_b)
    q = theory.variance_fixed_point(name, sigma_w, sigma_b).q
    at, beside = theory.correlation_map([point.c, point.c + 1e-5], name, sigma_w, sigma_b, q)
    assert at == pytest.approx(point.c, abs=1e-12)
    assert (beside - at) / 1e-5 == pytest.approx(point.slope, rel=1e-4)
    assert 0 < point.slope < 1


def test_where_signals_vanish_correlations_are_undefined():
    with pytest.raises(ValueError, match="Correlations are undefined where signals vanish"):
        theory.correlation_map(0.5, "tanh", 1.0, 0.0, q=0.0)
    with pytest.raises(ValueError, match="Correlations are undefined where signals vanish"):
        theory.correlation_map(0.5, "tanh", 0.5)


# --- criticality


@pytest.mark.parametrize(
    ("name", "sigma_b2", "sigma_w2", "q", "stable"),
    [
        ("tanh", 0.05, 1.76095464, 0.57004788, True),
        ("tanh", 0.3, 2.50512719, 1.46116945, True),
        ("tanh", 0.15096463, 2.15330265, 1.0, True),
        ("tanh", 2.01e-5, 1.04999563, 0.0259186, True),
        ("gelu", 0.06719167, 2.19369990, 1.0, False),
        ("silu", 0.06247150, 2.63516866, 1.0, False),
        ("gelu", 0.2, None, None, True),
        ("silu", 0.6, None, None, True),
        ("elu", 0.0347, 1.4968, 1.0, True),
    ],
)
def test_the_critical_line(name, sigma_b2, sigma_w2, q, stable):
    point = theory.critical_sigma_w(name, math.sqrt(sigma_b2))
    assert point.stable is stable
    if q is not None:  # as many digits as the table's sigma_b^2 has
        assert point.sigma_w**2 == pytest.approx(sigma_w2, abs=2e-4 if name == "elu" else 5e-8)
        assert point.q == pytest.approx(q, abs=1e-3 if name == "elu" else 2e-7)
    assert theory.chi(name, point.sigma_w, point.q) == pytest.approx(1, rel=1e-12)
    assert theory.variance_map(point.q, name, point.sigma_w, math.sqrt(sigma_b2)) == pytest.approx(
        point.q, rel=1e-10
    )


@pytest.mark.parametrize(
    ("name", "sigma_w2", "q", "stable"),
    [
        ("tanh", 1, 0, True),
        ("erf", math.pi / 4, 0, True),
        ("sin", 1, 0, True),
        ("hard_tanh", 1, 0, True),
        ("softsign", 1, 0, True),
        ("elu", 1, 0, True),
        (HALF_TANH, 16, 0, True),
        ("gelu", 4, 0, False),
        ("silu", 4, 0, False),
        ("mish", 1 / 0.6**2, 0, False),
        ("relu", 2, 1, None),
        ("identity", 1, 1, None),
        (SLOPED, 2 / 1.04, 1, None),
        ("sigmoid", 103.0075, 45.6243, True),
    ],
)
def test_critical_points_without_biases(name, sigma_w2, q, stable):
    point = theory.critical_sigma_w(name)
    assert point.sigma_w**2 == pytest.approx(sigma_w2, rel=1e-6)
    assert (point.q, point.stable) == (pytest.approx(q, rel=1e-5), stable)


@pytest.mark.parametrize(
    ("name", "sigma_w2", "sigma_b2", "q"),
    [
        ("gelu", 1.9830582574, 0.1729223908, (3 + math.sqrt(17)) / 2),
        ("silu", 1.9880046783, 0.5551431707, 14.3201736180),
    ],
)
def test_semi_critical_points(name, sigma_w2, sigma_b2, q):
    point = theory.semi_critical_point(name)
    assert (point.sigma_w**2, point.sigma_b**2, point.q) == pytest.approx((sigma_w2, sigma_b2, q), rel=1e-9)
    below, above = (theory.critical_sigma_w(name, math.sqrt(point.sigma_b**2 + d)) for d in (-1e-3, 1e-3))
    assert (below.stable, above.stable) == (False, True)


@pytest.mark.parametrize("name", ["tanh", "relu", "selu", "softplus"])
def test_most_critical_lines_have_no_semi_critical_point(name):
    with pytest.raises(ValueError, match="no semi-critical point"):
        theory.semi_critical_point(name)


@pytest.mark.parametrize(
    ("name", "sigma_b", "most"), [("softplus", 0.0, "-1.92"), ("softplus", 0.5, "-1.92"), ("relu", 0.1, "0")]
)
def test_no_critical_point_is_said_not_made_up(name, sigma_b, most):
    with pytest.raises(ValueError, match=rf"'{name}' has no critical point .* to {most}\."):
        theory.critical_sigma_w(name, sigma_b)


def test_a_threshold_without_slope_at_zero_has_no_critical_point_there():
    late = Activation("late relu", lambda x: np.maximum(x - 1, 0), lambda x: (x > 1) * 1.0, (1,))
    with pytest.raises(ValueError, match=r"no critical point .* runs from 0\.01"):
        theory.critical_sigma_w(late)
    point = theory.critical_sigma_w(late, 0.7)
    assert theory.chi(late, point.sigma_w, point.q) == pytest.approx(1)
    assert theory.variance_map(point.q, late, point.sigma_w, 0.7) == pytest.approx(point.q)


def test_what_is_homogeneous_at_some_scales_only_gets_no_closed_form():
    waves = Activation("waves", lambda x: x * np.cos(2 * math.pi * np.log2(np.maximum(np.abs(x), 1e-300))))
    with pytest.raises(ValueError, match="does not converge"):
        theory.variance_map(1.0, waves, 1.0)


def test_a_flat_activation_has_no_critical_point():
    flat = Activation("flat", np.ones_like, np.zeros_like)
    with pytest.raises(ValueError, match="no critical point: its derivative vanishes"):
        theory.critical_sigma_w(flat)
    with pytest.raises(ValueError, match="no semi-critical point"):
        theory.semi_critical_point(flat)
    assert theory.chi(flat, 1.0, 1.0) == 0
    assert theory.variance_fixed_point(flat, 2.0, 0.5) == (pytest.approx(4.25), True)
    assert theory.depth_scales(flat, 2.0, 0.5) == (0, 0)


def test_the_critical_line_can_be_walked_back():
    for q in (0.3, 1.0, 8.0):
        square = theory.gain("softsign", "backward", q) ** 2
        bias = q - square * gaussian.expectation(lambda x: (x / (1 + np.abs(x))) ** 2, q)
        assert theory.critical_sigma_w("softsign", math.sqrt(bias)).q == pytest.approx(q, rel=1e-9)


def test_depth_scales_are_infinite_on_the_critical_line():
    point = theory.critical_sigma_w("tanh", 0.3)
    assert theory.depth_scales("tanh", point.sigma_w, 0.3).xi_c == math.inf
    assert theory.depth_scales("tanh", 1.0) == (math.inf, math.inf)


# --- bad input


def test_lecun_s_scaled_tanh_is_nearly_critical():
    q = theory.variance_fixed_point(LECUN, 1.0).q
    assert q == pytest.approx(0.3824408, abs=5e-8)
    assert theory.chi(LECUN, 1.0, q) == pytest.approx(1.0192495, abs=5e-8)


NEEDS_SLOPE = {
    "gain": lambda phi: theory.gain(phi, "backward"),
    "chi": lambda phi: theory.chi(phi, 1.0, 1.0),
    "depth_scales": lambda phi: theory.depth_scales(phi, 1.0, 0.1),
    "correlation_fixed_point": lambda phi: theory.correlation_fixed_point(phi, 1.0, 0.1),
    "critical_sigma_w": theory.critical_sigma_w,
    "semi_critical_point": theory.semi_critical_point,
    "jacobian_moments": lambda phi: theory.jacobian_moments(phi, 1.0, 1.0, 3),
    "residual_profile": lambda phi: theory.residual_profile(3, phi, 1.0),
}
NEEDS_NONE = {
    "gain": theory.gain,
    "variance_map": lambda phi: theory.variance_map(1.0, phi, 1.0),
    "correlation_map": lambda phi: theory.correlation_map(0.5, phi, 1.0, q=1.0),
    "variance_fixed_point": lambda phi: theory.variance_fixed_point(phi, 1.0, 0.1),
    "finite_width_band": lambda phi: theory.finite_width_band([50, 50, 50], phi, 1.0),
}


@pytest.mark.parametrize("name", NEEDS_SLOPE)
def test_a_bare_callable_is_refused_where_a_derivative_is_needed(name):
    with pytest.raises(ValueError, match=r"derivative of 'arctan' is needed here: pass .*Activation\("):
        NEEDS_SLOPE[name](np.arctan)


@pytest.mark.parametrize("name", NEEDS_NONE)
def test_a_bare_callable_serves_where_none_is_needed(name):
    assert np.isfinite(np.asarray(NEEDS_NONE[name](np.arctan), dtype=float)).all()


@pytest.mark.parametrize("name", NEEDS_NONE)
def test_an_undeclared_jump_is_refused(name):
    with pytest.raises(ValueError, match=r"does not converge.*kinks"):
        NEEDS_NONE[name](lambda x: np.where(x > 0.3, x, -0.1))


@pytest.mark.parametrize("name", NEEDS_NONE)
def test_an_undeclared_kink_is_refused_or_right(name):
    def shifted(x):
        return np.maximum(x - 0.3, 0)

    declared = NEEDS_NONE[name](Activation("shifted", shifted, kinks=(0.3,)))
    with contextlib.suppress(ValueError):
        found = NEEDS_NONE[name](shifted)
        numbers = [np.asarray(one, dtype=float) for one in (found, declared)]
        np.testing.assert_allclose(*numbers, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [*NEEDS_NONE, *NEEDS_SLOPE])
def test_unknown_activations_are_refused(name):
    call = NEEDS_NONE.get(name) or NEEDS_SLOPE[name]
    with pytest.raises(ValueError, match=r"Received: 'tahn'.*Did you mean 'tanh'\?"):
        call("tahn")
    with pytest.raises(TypeError, match="a name, an Activation or a callable"):
        call(None)


@pytest.mark.parametrize(
    "call",
    [
        lambda w, b: theory.variance_map(1.0, "tanh", w, b),
        lambda w, b: theory.correlation_map(0.5, "tanh", w, b, 1.0),
        lambda w, b: theory.variance_fixed_point("tanh", w, b),
        lambda w, b: theory.correlation_fixed_point("tanh", w, b),
        lambda w, b: theory.depth_scales("tanh", w, b),
        lambda w, b: theory.finite_width_band([9, 9], "tanh", w, b),
        lambda w, b: theory.residual_profile(2, "tanh", w, b),
    ],
)
@pytest.mark.parametrize("bad", [-1.0, 1e200, np.nan, np.inf, "1", None, [1.0]])
def test_bad_standard_deviations_are_refused(call, bad):
    with pytest.raises((ValueError, TypeError), match="sigma_b must be a finite number >= 0"):
        call(1.0, bad)
    if bad is not None:
        with pytest.raises((ValueError, TypeError), match="sigma_w must be a finite number >= 0"):
            call(bad, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.variance_map(-1, "tanh", 1), "q must be >= 0"),
        (lambda: theory.variance_map([1, np.nan], "tanh", 1), "q must be finite"),
        (lambda: theory.correlation_map(1.5, "tanh", 1, q=1), r"c must lie in \[-1, 1\]"),
        (lambda: theory.correlation_map(0.5, "tanh", 1, q=-1), "q must be"),
        (lambda: theory.chi("tanh", 1.0, -1.0), "q must be"),
        (lambda: theory.variance_fixed_point("tanh", 1.0, near=0), "near must be"),
        (lambda: theory.critical_sigma_w("tanh", -0.1), "sigma_b must be"),
        (lambda: theory.jacobian_moments("tanh", 1.0, 1.0, 0), "depth must be an integer >= 1"),
        (lambda: theory.jacobian_moments("tanh", 1.0, 1.0, 2, "haar"), "Unknown ensemble.*'orthogonal'"),
        (lambda: theory.finite_width_band([10], "relu"), "widths needs at least 2"),
        (lambda: theory.finite_width_band([10, 0], "relu"), "widths.*must be an integer >= 1"),
        (lambda: theory.finite_width_band([9, 9], "relu", ensemble="uniform"), "Unknown ensemble"),
        (lambda: theory.finite_width_band([9, 9], "relu", q=0.0), "q must be"),
        (lambda: theory.finite_width_band([9, 9], np.zeros_like), "lets no signal through"),
        (lambda: theory.finite_width_band([9, 9], "relu", 0.0), "Signals vanish"),
        (lambda: theory.residual_profile(-1, "relu", 1.0), "blocks must be an integer >= 0"),
        (lambda: theory.residual_profile(2, "relu", 1.0, c=2.0), "c must lie"),
        (lambda: theory.residual_profile(2, "relu", 1.0, branch_depth=0), "branch_depth must be"),
        (lambda: theory.residual_profile(2, "relu", 1.0, branch_scale=np.nan), "branch_scale must be"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("at", [2.2, 2.72, -1.3])
def test_a_narrow_bump_on_a_line_is_no_line(at):
    """A rectifier with a bump between the points where its slopes are compared has no gain of a rectifier."""

    def bumpy(x):
        return np.maximum(x, 0) + 0.5 * np.exp(-(((x - at) / 0.02) ** 2))

    near = [at + step for step in (-0.3, -0.1, 0, 0.1, 0.3)]
    exact = gaussian.expectation(lambda x: bumpy(x) ** 2, 1.0, (0.0, *near))
    phi = activations.Activation("bumpy", bumpy, kinks=(0.0,))
    assert theory.gain(phi) == pytest.approx(exact**-0.5, rel=1e-9)
    assert theory.variance_map(1.0, phi, sigma_w=1.0, sigma_b=0.0) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("name", ["gelu", "softplus", "tanh", "selu", "mish"])
def test_a_hundred_blocks_are_predicted_in_two_seconds(name):
    start = time.process_time()
    theory.residual_profile(100, name, 1.4)
    assert time.process_time() - start < 2
