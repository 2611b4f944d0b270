"""Theory against random networks: infinite-width maps at width 1000, bands, Jacobians, residual stacks."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from initlib import activations, initializers, networks, theory
from initlib.theory import finite_width

HE = math.sqrt(2)
SEMI_CRITICAL_GELU = theory.semi_critical_point("gelu")


def within_three_sigma(samples, expected):
    """Check the mean of `samples` (first axis) by a t-test as strict as three sigma of a normal."""
    samples = np.asarray(samples)
    error = samples.std(axis=0, ddof=1) / math.sqrt(len(samples))
    limit = stats.t.isf(stats.norm.sf(3), len(samples) - 1)
    return (np.abs(samples.mean(axis=0) - expected) <= limit * error + 1e-12).all()


def scaled(sigma):
    def draw(shape, rng, dtype):
        return (sigma / math.sqrt(shape[0]) * rng.standard_normal(shape)).astype(dtype)

    return draw


def biased(sigma):
    return lambda shape, rng, dtype: (sigma * rng.standard_normal(shape)).astype(dtype)


def two_inputs(width, c, q=1.0):
    """Return two vectors of `width` entries with mean square q and cosine c."""
    first, second = np.eye(width)[:2]
    return math.sqrt(q * width) * np.stack([first, c * first + math.sqrt(1 - c * c) * second])


# --- residual stacks


def test_he_branches_double_the_stream_and_small_branches_do_not():
    np.testing.assert_allclose(theory.residual_profile(5, "relu", HE).q, 2.0 ** np.arange(6), rtol=1e-14)
    blocks = 50
    scaled_down = theory.residual_profile(blocks, "relu", HE, branch_scale=blocks**-0.5)
    assert scaled_down.q[-1] == pytest.approx((1 + 1 / blocks) ** blocks, rel=1e-13)
    np.testing.assert_allclose(scaled_down.gradient, scaled_down.q[::-1], rtol=1e-13)
    assert theory.residual_profile(3, "tanh", 2.0, branch_scale=0.0).q.tolist() == [1, 1, 1, 1]
    assert theory.residual_profile(0, "tanh", 2.0).gradient.tolist() == [1]


@pytest.mark.parametrize(("name", "branch_depth"), [("relu", 2), ("tanh", 1), ("gelu", 2)])
def test_residual_stacks_of_random_nets(name, branch_depth):
    width, blocks, sigma_w, sigma_b, scale, start = 1000, 2, 1.3, 0.3, 0.7, 0.2
    phi, samples, gradients = activations.get(name), [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        z = rng.standard_normal((2, width))
        x, jacobians, row = np.stack([z[0], start * z[0] + math.sqrt(1 - start**2) * z[1]]), [], []
        for _ in range(blocks):
            h, inner = x, []
            for _ in range(branch_depth):
                weights = sigma_w / math.sqrt(width) * rng.standard_normal((width, width))
                inner.append((phi.derivative(h[0]), weights))
                h = phi(h) @ weights + sigma_b * rng.standard_normal(width)
            jacobians.append(inner)
            x = x + scale * h
            q = np.square(x).mean(axis=1)
            row += [math.log(q[0]), (x[0] @ x[1]) / width / math.sqrt(q.prod())]
        samples.append(row)
        gradient, sizes = rng.standard_normal(width), []
        for inner in reversed(jacobians):
            back = gradient
            for slope, weights in reversed(inner):
                back = slope * (weights @ back)
            new = gradient + scale * back
            sizes.append(math.log((new @ new) / (gradient @ gradient)))
            gradient = new
        gradients.append(sizes[::-1])
    profile = theory.residual_profile(
        blocks, name, sigma_w, sigma_b, branch_depth=branch_depth, branch_scale=scale, c=start
    )
    expected = np.stack([np.log(profile.q[1:]), profile.c[1:]], axis=1).ravel()
    assert within_three_sigma(samples, expected)
    assert within_three_sigma(gradients, np.log(profile.gradient[:-1] / profile.gradient[1:]))


# --- Jacobians


@pytest.mark.parametrize(
    ("name", "q", "depth", "gaussian", "orthogonal"),
    [
        ("identity", 1.0, 16, 16, 0),
        ("relu", 1.0, 16, 32, 16),
        ("relu", 1.0, 32, 64, 32),
        ("tanh", 1 / 64, 16, 16.03, 0.027),
        ("tanh", 1 / 128, 32, 32.01, 0.014),
        ("tanh", 0.25, 16, 18.19, 2.19),
        ("tanh", 0.25, 32, 36.4, 4.38),
    ],
)
def test_jacobian_moments_of_the_field(name, q, depth, gaussian, orthogonal):
    sigma_w = theory.gain(name, "backward", q)
    for ensemble, variance in (("gaussian", gaussian), ("orthogonal", orthogonal)):
        moments = theory.jacobian_moments(name, sigma_w, q, depth, ensemble)
        assert moments.mean == pytest.approx(1, rel=1e-12)
        assert moments.variance == pytest.approx(variance, rel=5e-3, abs=2e-3)


@pytest.mark.parametrize("ensemble", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_jacobian_moments_of_random_nets(ensemble, name):
    width, depth, sigma_w = 200, 4, 1.2
    phi, rng = activations.get(name), np.random.default_rng(0)
    q = 1.0 if name == "relu" else theory.variance_fixed_point(name, sigma_w).q
    ratios, means = [], []
    for _ in range(4):
        jacobian = np.eye(width)
        for _ in range(depth):
            slope = phi.derivative(math.sqrt(q) * rng.standard_normal(width))
            weights = rng.standard_normal((width, width)) / math.sqrt(width)
            if ensemble == "orthogonal":
                weights = initializers.orthogonal((width, width), rng=rng)
            jacobian = (sigma_w * jacobian @ weights) * slope
        squares = np.linalg.svd(jacobian, compute_uv=False) ** 2
        means.append(squares.mean())
        ratios.append(squares.var() / squares.mean() ** 2)
    moments = theory.jacobian_moments(name, sigma_w, q, depth, ensemble)
    assert np.mean(means) == pytest.approx(moments.mean, rel=0.1)
    assert np.mean(ratios) == pytest.approx(moments.variance / moments.mean**2, rel=0.1)


def test_a_jacobian_of_zeros_has_moments_zero():
    flat = activations.Activation("flat", np.zeros_like, np.zeros_like)
    assert theory.jacobian_moments(flat, 1.0, 1.0, 3) == (0.0, 0.0)


# --- networks of width 1000


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b"),
    [
        ("relu", HE, 0.0),
        ("tanh", 1.5, 0.2),
        ("gelu", SEMI_CRITICAL_GELU.sigma_w, SEMI_CRITICAL_GELU.sigma_b),
        ("selu", 1.0, 0.0),
    ],
)
def test_wide_networks_follow_the_maps(name, sigma_w, sigma_b):
    widths, c, nets = [1000] * 4, 0.4, 6
    net = networks.mlp(widths, name, scaled(sigma_w), seeds=range(nets), bias_initializer=biased(sigma_b))
    trace = net.forward(two_inputs(1000, c))
    top = np.random.default_rng(0).standard_normal(trace.output.shape)
    back = net.backward(trace, top).pre

    q = sigma_w**2 + sigma_b**2
    c = (sigma_w**2 * c + sigma_b**2) / q
    expected = [(c, math.log(theory.chi(name, sigma_w, q)))]
    for _ in widths[2:]:
        c = float(theory.correlation_map(c, name, sigma_w, sigma_b, q))
        q = float(theory.variance_map(q, name, sigma_w, sigma_b))
        expected.append((c, math.log(theory.chi(name, sigma_w, q))))
    cosines, chis = np.transpose(expected)
    # The mean of log q lies below log q by half its variance: the band knows.
    band = theory.finite_width_band(widths, name, sigma_w, sigma_b)
    assert band.mean[-1] == pytest.approx(math.log(q), abs=0.01)

    squares = [np.square(pre).mean(axis=2) for pre in trace.pre]
    assert within_three_sigma(np.transpose([np.log(square[:, 0]) for square in squares]), band.mean)
    products = [(pre[:, 0] * pre[:, 1]).mean(axis=1) for pre in trace.pre]
    measured = [a / np.sqrt(b.prod(axis=1)) for a, b in zip(products, squares, strict=True)]
    assert within_three_sigma(np.transpose(measured), cosines)
    gradients = np.log([np.square(one[:, 0]).mean(axis=1) for one in back])
    assert within_three_sigma((gradients[:-1] - gradients[1:]).T, chis[:-1])


# --- bands


def simulate(widths, name, sigma_w, sigma_b, ensemble, nets, seed=0):
    """Return log q_l of `nets` nets, (nets, layers), drawing what each layer does to one input exactly."""
    rng, function = np.random.default_rng(seed), activations.get(name).function
    square, result = np.ones(nets), []
    for fan_in, fan_out in pairwise(widths):
        z = rng.standard_normal((nets, fan_out if ensemble == "gaussian" else max(fan_in, fan_out)))
        if ensemble == "orthogonal":
            z *= np.sqrt(fan_in / np.square(z).sum(axis=1, keepdims=True))
            z = z[:, :fan_out]
        h = sigma_w * np.sqrt(square)[:, None] * z + sigma_b * rng.standard_normal((nets, fan_out))
        result.append(np.log(np.square(h).mean(axis=1)))
        square = np.square(function(h)).mean(axis=1)
    return np.array(result).T


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b", "ensemble", "widths"),
    [
        ("relu", HE, 0.0, "gaussian", [1000] * 9),
        ("relu", HE, 0.0, "gaussian", [50] * 21),
        ("relu", HE, 0.3, "gaussian", [400] * 9),
        ("relu", HE, 0.0, "orthogonal", [1000] * 9),
        ("relu", HE, 0.0, "orthogonal", [50] * 21),
        ("relu", HE, 0.0, "orthogonal", [64, 128, 60, 30, 10]),
        ("leaky_relu", HE, 0.0, "gaussian", [100, 50, 200, 10]),
        ("identity", 1.0, 0.0, "gaussian", [50] * 11),
        ("identity", 1.0, 0.0, "orthogonal", [50, 20, 40, 3]),
        ("tanh", 1.0, 0.0, "gaussian", [1000] * 9),
        ("tanh", 1.5, 0.1, "gaussian", [1000] * 9),
        ("tanh", 1.5, 0.1, "orthogonal", [1000] * 9),
        ("selu", 1.0, 0.0, "gaussian", [1000] * 9),
        ("gelu", 1.45, 0.3, "gaussian", [1000] * 6),
        ("silu", 1.45, 0.7, "orthogonal", [1000, 600, 1000, 300]),
        ("sigmoid", 4.0, 0.0, "gaussian", [1000] * 5),
        ("sin", 2.0, 0.1, "gaussian", [1000] * 5),
        ("softsign", 2.0, 0.2, "orthogonal", [1000] * 5),
    ],
)
def test_bands_hold_nets(name, sigma_w, sigma_b, ensemble, widths):
    nets = 1500 if max(widths) == 1000 else 4000
    logs = simulate(widths, name, sigma_w, sigma_b, ensemble, nets)
    band = theory.finite_width_band(widths, name, sigma_w, sigma_b, ensemble)
    assert within_three_sigma(logs, band.mean)
    certain = band.std == 0
    np.testing.assert_allclose(logs[:, certain].std(axis=0), 0, atol=1e-14)
    centred = (logs - logs.mean(axis=0))[:, ~certain]
    spread = centred.std(axis=0, ddof=1)
    three_errors = 1.5 * np.sqrt(((centred**4).mean(axis=0) / spread**4 - 1) / nets)
    assert (np.abs(spread / band.std[~certain] - 1) <= three_errors + 0.01).all()
    inside = np.abs(logs - band.mean) <= 2 * band.std + 1e-12
    assert inside.mean() > 0.93


def test_bands_hold_real_haar_nets():
    widths = [60] * 5 + [30]
    net = networks.mlp(
        widths, "relu", lambda shape, **how: initializers.orthogonal(shape, gain=HE, **how), seeds=range(300)
    )
    logs = np.log([np.square(pre[:, 0]).mean(axis=1) for pre in net.forward(two_inputs(60, 0.0)[:1]).pre]).T
    band = theory.finite_width_band(widths, "relu", HE, ensemble="orthogonal")
    assert within_three_sigma(logs, band.mean)
    np.testing.assert_allclose(logs.std(axis=0)[1:], band.std[1:], rtol=0.12)


@pytest.mark.parametrize(("width", "depth"), [(100, 20), (200, 50), (1000, 100)])
def test_relu_bands_grow_with_depth_over_width(width, depth):
    band = theory.finite_width_band([width] * (depth + 1) + [10**7], "relu")
    assert band.mean[-1] - math.log(2) == pytest.approx(-2.5 * depth / width, rel=0.03)
    assert band.std[-1] ** 2 == pytest.approx(5 * depth / width, rel=0.05)


@given(st.integers(20, 5000), st.integers(2, 30))
def test_haar_relu_layers_have_factors_of_variance_three_over_n_plus_two(width, depth):
    band = theory.finite_width_band([width] * (depth + 1), "relu", ensemble="orthogonal")
    per_layer = band.std[-1] ** 2 / (depth - 1)
    assert per_layer == pytest.approx(math.log1p(3 / (width + 2)), rel=25 / width)


def test_closed_form_and_recursion_agree_for_relu():
    widths = [2000] * 12
    exact = theory.finite_width_band(widths, "relu", 1.2)
    almost = activations.Activation("almost relu", lambda x: np.maximum(x, 0) + 1e-9 * np.tanh(x), None, (0,))
    recursion = theory.finite_width_band(widths, almost, 1.2)
    np.testing.assert_allclose(recursion.mean, exact.mean, atol=3e-4)
    np.testing.assert_allclose(recursion.std, exact.std, rtol=3e-3)


def test_bands_shift_with_the_input_and_shrink_with_width():
    small, large = (theory.finite_width_band([n] * 5, "tanh", 1.5, 0.1) for n in (100, 400))
    np.testing.assert_allclose(small.std, 2 * large.std, rtol=0.01)
    plain, louder = (theory.finite_width_band([64] * 5, "relu", q=q) for q in (1.0, 9.0))
    np.testing.assert_allclose(louder.mean, plain.mean + math.log(9), rtol=1e-12)
    np.testing.assert_allclose(louder.std, plain.std, rtol=1e-12)


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "identity"])
def test_the_default_sigma_w_is_the_gain(name):
    default = theory.finite_width_band([64] * 5, name)
    given_gain = theory.finite_width_band([64] * 5, name, theory.gain(name))
    np.testing.assert_array_equal(default, given_gain)


@pytest.mark.parametrize(("slopes", "v", "k"), [((0, 1), 5, 44), ((1, 1), 2, 8)])
def test_noise_of_relu_and_linear_layers(slopes, v, k):
    n = 37
    mean, variance = finite_width.homogeneous_noise(slopes, n)
    assert mean == pytest.approx(-v / (2 * n) + (k / 3 - 3 * v * v / 4) / n**2, rel=1e-14)
    assert variance == pytest.approx(v / n + (5 * v * v / 2 - k) / n**2, rel=1e-14)


def test_orthogonal_linear_nets_of_equal_widths_have_a_band_of_no_width():
    band = theory.finite_width_band([64] * 65, "identity", 1.2, ensemble="orthogonal")
    np.testing.assert_allclose(band.mean, 2 * np.log(1.2) * np.arange(1, 65), atol=1e-3)
    assert band.std.max() < 1e-2
