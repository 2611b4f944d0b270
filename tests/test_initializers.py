"""Every initializer: moments to five sigma, distributions, exact matrices, layouts, seeds, bad input."""

import inspect
import math
import os
import re
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from initlib import initializers
from initlib.initializers import fans, sampling, variance_scaling
from initlib.testing import assert_variance

REAL = ["float32", "float64"]
COMPLEX = ["complex64", "complex128"]
LOST = 1 / 0.87962566103423978  # a normal cut at 2 sigma has this standard deviation, inverted


def circular_cut_kurtosis(bound=2.0):
    """E t^2 / (E t)^2 for t = |z|^2 exponential, given t <= bound^2."""
    b = bound**2
    weight = 1 - math.exp(-b)
    first = 1 - b * math.exp(-b) / weight
    second = 2 - (b**2 + 2 * b) * math.exp(-b) / weight
    return second / first**2


# Written out here a second time, so that a slip in the library's table or formulas is caught.
VARIANCE = {
    "normal": lambda n, m: 1,
    "truncated_normal": lambda n, m: 1,
    "uniform": lambda n, m: 1 / 3,
    "lecun_normal": lambda n, m: 1 / n,
    "lecun_uniform": lambda n, m: 1 / n,
    "glorot_normal": lambda n, m: 2 / (n + m),
    "glorot_uniform": lambda n, m: 2 / (n + m),
    "he_normal": lambda n, m: 2 / n,
    "he_uniform": lambda n, m: 2 / n,
}
BOUND = {  # in standard deviations
    "normal": math.inf,
    "truncated_normal": 2 * LOST,
    "uniform": math.sqrt(3),
}
KURTOSIS = {"normal": 3.0, "truncated_normal": 2.365537, "uniform": 1.8}
COMPLEX_KURTOSIS = {"normal": 2.0, "truncated_normal": circular_cut_kurtosis(), "uniform": 4 / 3}
DRAWN = list(VARIANCE)
FIXED = ["zeros", "constant", "orthogonal", "delta_orthogonal", "identity", "sparse"]
WEIGHTS = [name for name in DRAWN if "_" in name and name != "truncated_normal"]
SHAPES = [(300, 200), (60, 800), (800, 60), (1, 40000), (3, 3, 16, 250), (5, 30, 300), (2, 3, 4, 20, 100)]


def distribution_of(name):
    return name if name == "truncated_normal" else name.split("_")[-1]


def kurtosis_of(name, dtype):
    table = COMPLEX_KURTOSIS if np.dtype(dtype).kind == "c" else KURTOSIS
    return table[distribution_of(name)]


def assert_mean_zero(w, sigma=5):
    spread = math.sqrt(float(np.mean(np.abs(w) ** 2)) / w.size)
    assert abs(complex(w.mean())) < sigma * spread


# Fans and layouts


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        ((784, 100), {}, (784, 100)),
        ((100, 784), {"layout": "oi"}, (784, 100)),
        ((3, 3, 32, 64), {}, (288, 576)),
        ((64, 32, 3, 3), {"layout": "oi"}, (288, 576)),
        ((7, 5, 6), {}, (35, 42)),
        ((2, 3, 4, 5, 6), {}, (120, 144)),
        ((6, 5, 2, 3, 4), {"layout": "oi"}, (120, 144)),
        ((3, 3, 8, 64), {"groups": 4}, (72, 144)),
        ((64, 8, 3, 3), {"layout": "oi", "groups": 4}, (72, 144)),
        ((3, 3, 1, 64), {"groups": 32}, (9, 18)),  # depthwise, two filters a channel
        ((64, 1, 3, 3), {"layout": "oi", "groups": 32}, (9, 18)),
        ((3, 3, 128, 64), {"transposed": True}, (576, 1152)),  # Keras: 64 in, 128 out
        ((64, 128, 3, 3), {"layout": "oi", "transposed": True}, (576, 1152)),  # PyTorch: the same layer
        ((64, 32, 3, 3), {"layout": "oi", "transposed": True, "groups": 4}, (144, 288)),
        ((3, 3, 32, 64), {"transposed": True, "groups": 4}, (144, 288)),
        ((0, 5), {}, (0, 5)),
        ((3, 0, 5), {}, (0, 15)),
    ],
)
def test_fans_counted_by_hand(shape, options, expected):
    assert fans(shape, **options) == expected


@pytest.mark.parametrize(
    "options", [{}, {"groups": 2}, {"transposed": True}, {"groups": 2, "transposed": True}]
)
@pytest.mark.parametrize("name", WEIGHTS)
def test_every_layout_has_the_variance_of_its_own_fans(name, options):
    inputs, outputs, groups = 40, 100, options.get("groups", 1)
    merged, single = (inputs, outputs // groups) if "transposed" in options else (outputs, inputs // groups)
    expected = VARIANCE[name](9 * inputs // groups, 9 * outputs // groups)
    for layout, shape in (("io", (3, 3, single, merged)), ("oi", (merged, single, 3, 3))):
        w = initializers.get(name)(shape, layout=layout, rng=1, **options)
        assert_variance(w, expected, kurtosis=KURTOSIS[distribution_of(name)])


channel = st.integers(1, 12)


@given(window=st.lists(st.integers(1, 4), max_size=3), i=channel, o=channel, groups=st.integers(1, 5))
def test_fans_agree_between_layouts_and_swap_when_transposed(window, i, o, groups):
    size = math.prod(window)
    expected = (size * i, size * o)
    assert fans((*window, i, groups * o), groups=groups) == expected
    assert fans((groups * o, i, *window), groups=groups, layout="oi") == expected
    assert fans((*window, i, groups * o), groups=groups, transposed=True) == expected[::-1]
    assert fans((groups * o, i, *window), groups=groups, layout="oi", transposed=True) == expected[::-1]


def apply(kernel, x, *, layout="io", groups=1, transposed=False):
    """Run a one-axis convolution with circular padding, each group on its own channels: x is (length, in).

    The tap (k - 1) // 2 does not shift. Written as a plain sum, with the axes read as the frameworks do.
    """
    if layout == "oi":
        kernel = np.moveaxis(kernel, (0, 1), (-1, -2))
    taps, single, merged = kernel.shape
    inputs = x.shape[1]
    outputs = groups * single if transposed else merged
    y = np.zeros((len(x), outputs), np.result_type(kernel, x))
    for g in range(groups):
        ins = slice(g * inputs // groups, (g + 1) * inputs // groups)
        outs = slice(g * outputs // groups, (g + 1) * outputs // groups)
        for tap in range(taps):
            weight = kernel[tap][:, ins].T if transposed else kernel[tap][:, outs]
            y[:, outs] += np.roll(x[:, ins], (taps - 1) // 2 - tap, axis=0) @ weight
    return y


ARRANGEMENTS = [
    {"layout": layout, "groups": groups, "transposed": transposed}
    for layout in ("io", "oi")
    for groups in (1, 3)
    for transposed in (False, True)
]


def kernel_shape(taps, inputs, outputs, *, layout, groups, transposed):
    merged, single = (inputs, outputs // groups) if transposed else (outputs, inputs // groups)
    return (taps, single, merged) if layout == "io" else (merged, single, taps)


@pytest.mark.parametrize("options", ARRANGEMENTS, ids=str)
@pytest.mark.parametrize("taps", [1, 2, 3, 4])
def test_identity_passes_its_channels_on_in_every_arrangement(options, taps):
    x = np.random.default_rng(0).standard_normal((10, 6))
    kernel = initializers.identity(kernel_shape(taps, 6, 6, **options), **options)
    np.testing.assert_array_equal(apply(kernel, x, **options), x)
    wider = initializers.identity(kernel_shape(taps, 6, 12, **options), gain=2.0, **options)
    y = apply(wider, x, **options).reshape(10, options["groups"], -1)
    np.testing.assert_array_equal(y[:, :, : 6 // options["groups"]].reshape(10, 6), 2 * x)
    assert np.count_nonzero(wider) == 6


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("options", ARRANGEMENTS, ids=str)
@pytest.mark.parametrize("taps", [1, 2, 3, 4])
def test_delta_orthogonal_keeps_norms_in_every_arrangement(options, taps, dtype):
    x = np.random.default_rng(0).standard_normal((10, 6))
    for outputs in (6, 12):
        kernel = initializers.delta_orthogonal(
            kernel_shape(taps, 6, outputs, **options), rng=1, dtype=dtype, **options
        )
        y = apply(kernel, x, **options)
        np.testing.assert_allclose(np.linalg.norm(y, axis=1), np.linalg.norm(x, axis=1), rtol=1e-12)


@pytest.mark.parametrize("options", ARRANGEMENTS, ids=str)
def test_orthogonal_kernels_are_orthogonal_in_every_arrangement(options):
    groups = options["groups"]
    for inputs, outputs in ((6, 30), (30, 6)):
        kernel = initializers.orthogonal(kernel_shape(3, inputs, outputs, **options), rng=2, **options)
        # An impulse at each input channel reads the (taps, in, out) kernel back, group by group.
        x = np.zeros((inputs, 9, inputs))
        x[np.arange(inputs), 4, np.arange(inputs)] = 1
        taps = np.array([apply(kernel, one, **options)[3:6] for one in x])  # (in, taps, out)
        for g in range(groups):
            ins = slice(g * inputs // groups, (g + 1) * inputs // groups)
            outs = slice(g * outputs // groups, (g + 1) * outputs // groups)
            matrix = taps[ins, :, outs].reshape(-1, outputs // groups)
            gram = matrix.T @ matrix if len(matrix) > matrix.shape[1] else matrix @ matrix.T
            np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-13)


@pytest.mark.parametrize("options", ARRANGEMENTS, ids=str)
def test_sparse_counts_are_exact_in_every_arrangement(options):
    for connections in (1, 4, 100):
        kernel = initializers.sparse(
            kernel_shape(3, 6, 12, **options), connections=connections, rng=3, **options
        )
        x = np.zeros((6, 9, 6))
        x[np.arange(6), 4, np.arange(6)] = 1
        touched = np.array([apply(kernel, one, **options) for one in x])  # (in, position, out)
        fan_in = 3 * 6 // options["groups"]
        np.testing.assert_array_equal(np.count_nonzero(touched, axis=(0, 1)), min(connections, fan_in))


# The table


def test_every_initializer_has_its_row_and_every_row_its_initializer():
    assert sorted(initializers.SPECS) == sorted(DRAWN + FIXED)
    for name, spec in initializers.SPECS.items():
        assert spec.initializer is getattr(initializers, name)
        assert spec.source
        assert spec.distribution
    for alias, name in initializers.ALIASES.items():
        assert getattr(initializers, alias) is getattr(initializers, name)


@pytest.mark.parametrize("sizes", [(300, 100), (100, 300), (7, 7)])
@pytest.mark.parametrize("name", sorted(initializers.SPECS))
def test_a_rows_formula_is_its_variance(name, sizes):
    spec = initializers.SPECS[name]
    formula = spec.formula.replace(r"n_\mathrm{in}", "n").replace(r"n_\mathrm{out}", "m").replace("\\", "")
    names = {"n": sizes[0], "m": sizes[1], "max": max, "min": min, "__builtins__": {}}
    assert eval(formula, names) == pytest.approx(spec.variance(*sizes))


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawn_row_is_right(name):
    spec = initializers.SPECS[name]
    law = distribution_of(name)
    assert spec.distribution == law
    assert spec.variance(300, 100) == pytest.approx(VARIANCE[name](300, 100))
    assert spec.bound(300, 100) == pytest.approx(BOUND[law] * math.sqrt(VARIANCE[name](300, 100)))
    assert spec.kurtosis(300, 100) == pytest.approx(KURTOSIS[law], abs=1e-6)


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("sizes", [(40, 30), (30, 40)])
def test_a_fixed_row_is_right(name, sizes):
    spec = initializers.SPECS[name]
    shape = sizes if name != "delta_orthogonal" else (3, min(sizes), max(sizes))
    draws = np.stack([spec.initializer(shape, rng=seed) for seed in range(300)])
    fan_in, fan_out = fans(shape)
    variance, kurtosis = spec.variance(fan_in, fan_out), spec.kurtosis(fan_in, fan_out)
    assert np.mean(draws**2) == pytest.approx(variance, rel=0.02 if name == "sparse" else 1e-12)
    if not math.isnan(kurtosis):
        assert np.mean(draws**4) / variance**2 == pytest.approx(kurtosis, rel=0.05)
    assert np.abs(draws).max() <= spec.bound(fan_in, fan_out)


def test_get_finds_names_aliases_and_callables():
    assert initializers.get("he_normal") is initializers.he_normal
    assert initializers.get("xavier_uniform") is initializers.glorot_uniform
    assert initializers.get(np.ones) is np.ones


# Moments


@pytest.mark.parametrize("dtype", REAL + COMPLEX)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", DRAWN)
def test_variance_mean_and_bound_of_every_draw(name, shape, dtype):
    w = initializers.get(name)(shape, rng=sum(shape), dtype=dtype)
    assert w.shape == shape
    assert w.dtype == dtype
    window = math.prod(shape[:-2])
    if name == "uniform" and w.dtype.kind == "c":
        expected = 1 / 2  # the disc of radius 1
    else:
        expected = VARIANCE[name](window * shape[-2], window * shape[-1])
    assert_variance(w, expected, kurtosis=kurtosis_of(name, dtype))
    assert_mean_zero(w)
    if w.dtype.kind == "f":
        bound = BOUND[distribution_of(name)] * math.sqrt(expected) * (1 + 1e-6)
        assert bound * 0.998 < np.abs(w).max() <= bound or bound == math.inf


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("name", DRAWN)
def test_kurtosis_of_every_draw(name, dtype):
    w = initializers.get(name)((1000, 900), rng=7, dtype=dtype).astype(float)
    square = (w**2).ravel() / np.mean(w**2)
    spread = np.std(square**2 - 2 * KURTOSIS[distribution_of(name)] * square) / math.sqrt(w.size)
    assert abs(np.mean(square**2) - KURTOSIS[distribution_of(name)]) < 5 * spread


@pytest.mark.parametrize(
    ("mode", "fan"), [("fan_in", 200), ("fan_out", 450), ("fan_avg", 325), ("fan_geo", 300)]
)
@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "uniform"])
@pytest.mark.parametrize("scale", [1.0, 2.0, 0.3])
def test_builder_over_modes_distributions_and_scales(mode, fan, distribution, scale):
    w = variance_scaling((200, 450), scale=scale, mode=mode, distribution=distribution, rng=11)
    assert_variance(w, scale / fan, kurtosis=KURTOSIS[distribution])
    if distribution != "normal":
        bound = BOUND[distribution] * math.sqrt(scale / fan)
        assert 0.999 * bound < np.abs(w).max() < bound * (1 + 1e-12)


@pytest.mark.parametrize("name", ["he_normal", "he_uniform"])
@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 300), ("fan_out", 500)])
def test_he_knows_the_negative_slope_and_the_mode(name, mode, fan):
    w = initializers.get(name)((300, 500), negative_slope=0.5, mode=mode, rng=5)
    assert_variance(w, 2 / 1.25 / fan, kurtosis=KURTOSIS[distribution_of(name)])
    same = initializers.get(name)((300, 500), negative_slope=-0.5, mode=mode, rng=5)
    np.testing.assert_array_equal(w, same)


@pytest.mark.parametrize("name", ["lecun_normal", "lecun_uniform", "glorot_normal", "glorot_uniform"])
def test_gain_multiplies_the_standard_deviation(name):
    init = initializers.get(name)
    np.testing.assert_allclose(init((30, 20), gain=3.0, rng=1), 3 * init((30, 20), rng=1), rtol=1e-14)


def test_normal_and_uniform_take_mean_and_limits():
    w = initializers.normal((500, 500), std=0.1, mean=3.0, rng=2)
    assert_variance(w - 3.0, 0.01)
    assert_mean_zero(w - 3.0)
    w = initializers.uniform((500, 500), low=1.0, high=2.0, rng=2)
    assert_variance(w - 1.5, 1 / 12, kurtosis=1.8)
    assert 1.0 <= w.min() < 1.001
    assert 1.999 < w.max() <= 2.0


# Matrices


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [("float32", 1e-5), ("complex64", 1e-5), ("float64", 1e-13), ("complex128", 1e-13)],
)
@pytest.mark.parametrize(
    "shape",
    [(1, 1), (5, 5), (64, 64), (65, 65), (130, 70), (70, 130), (300, 1), (1, 300), (400, 400)],
    ids=str,
)
def test_orthogonal_matrices(shape, dtype, tolerance):
    w = initializers.orthogonal(shape, rng=1, dtype=dtype)
    assert w.dtype == dtype
    assert w.flags.c_contiguous
    gram = w.conj().T @ w if shape[0] >= shape[1] else w @ w.conj().T
    assert np.abs(gram - np.eye(len(gram))).max() < tolerance
    np.testing.assert_allclose(initializers.orthogonal(shape, gain=3, rng=1, dtype=dtype), 3 * w, rtol=1e-6)
    assert_variance(initializers.orthogonal((300, 200), gain=3, rng=1, dtype=dtype), 9 / 300, kurtosis=1)


@pytest.mark.parametrize("shape", [(3, 3, 10, 20), (3, 3, 10, 200), (2, 7, 5)], ids=str)
def test_orthogonal_kernels_flatten_window_and_inputs(shape):
    w = initializers.orthogonal(shape, rng=1).reshape(-1, shape[-1])
    gram = w.T @ w if len(w) >= shape[-1] else w @ w.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-13)


def test_a_zero_on_the_diagonal_counts_as_positive(monkeypatch):
    """np.sign(0) is 0, with which a column would vanish."""
    monkeypatch.setattr(sampling, "draw", lambda *_: np.array([[0.0], [3.0], [4.0]]))
    q = sampling.haar(3, 1, np.random.default_rng(0), np.dtype(float))
    np.testing.assert_allclose(q, [[0.0], [0.6], [0.8]], atol=1e-15)


@pytest.mark.parametrize(("n", "panel"), [(2, 64), (3, 64), (5, 2)])
@pytest.mark.parametrize(
    "dtype",
    [
        "float64",
        pytest.param("float32", marks=pytest.mark.heavy),
        pytest.param("complex128", marks=pytest.mark.heavy),
    ],
)
def test_orthogonal_is_haar(n, panel, dtype, monkeypatch):
    """Haar matrices have E tr Q = 0, E |tr Q|^2 = 1, and E tr Q^2 = 1 (real) or E |tr U^2|^2 = 2 (complex).

    A QR without the sign fix has E Q_11 = -sqrt(2 / (pi n)) or so, and fails the first by many sigma.
    """
    monkeypatch.setattr(sampling, "_PANEL", panel)  # several panels to a matrix of 5 columns
    draws = 3000
    rng = np.random.default_rng(12)
    qs = np.stack([initializers.orthogonal((n, n), rng=rng, dtype=dtype) for _ in range(draws)])
    traces = np.trace(qs, axis1=1, axis2=2)
    squares = np.trace(qs @ qs, axis1=1, axis2=2)
    is_complex = qs.dtype.kind == "c"

    def assert_mean(sample, expected):
        assert abs(sample.mean() - expected) < 5 * sample.std() / math.sqrt(draws)

    assert_mean(traces.real, 0)
    assert_mean(np.abs(traces) ** 2, 1)
    assert_mean(np.abs(squares) ** 2 if is_complex else squares, 2 if is_complex else 1)
    for entry in (qs[:, 0, 0], qs[:, -1, -1], qs[:, -1, 0], qs[:, 0, -1]):
        assert_mean(entry.real, 0)
        law = stats.beta(1, n - 1) if is_complex else stats.beta(0.5, (n - 1) / 2)
        assert stats.kstest(np.abs(entry) ** 2, law.cdf).pvalue > 1e-4
    if not is_complex:
        assert abs(np.linalg.det(qs).sum()) < 5 * math.sqrt(draws)  # rotations and reflections, half and half


def test_orthogonal_columns_are_haar_for_tall_and_wide():
    rng = np.random.default_rng(3)
    tall = np.stack([initializers.orthogonal((5, 2), rng=rng) for _ in range(2000)])
    wide = np.stack([initializers.orthogonal((2, 5), rng=rng) for _ in range(2000)])
    for entry in (*tall.reshape(2000, -1).T, *wide.reshape(2000, -1).T):
        assert stats.kstest(entry**2, stats.beta(0.5, 2).cdf).pvalue > 1e-4
        assert abs(entry.mean()) < 5 / math.sqrt(5 * 2000)


@pytest.mark.parametrize("window", [(3,), (4,), (3, 3), (1, 2), (3, 2, 4)], ids=str)
def test_delta_orthogonal_keeps_the_norm_of_circular_convolutions(window):
    rng = np.random.default_rng(4)
    kernel = initializers.delta_orthogonal((*window, 5, 8), rng=rng)
    grid = tuple(range(len(window)))
    x = rng.standard_normal((*(6,) * len(window), 5))
    # Circular convolution is a product of Fourier transforms.
    padded = np.zeros((*(6,) * len(window), 5, 8))
    padded[tuple(slice(0, k) for k in window)] = kernel
    spectrum = np.einsum("...i,...io->...o", np.fft.fftn(x, axes=grid), np.fft.fftn(padded, axes=grid))
    y = np.fft.ifftn(spectrum, axes=grid).real
    assert np.linalg.norm(y) == pytest.approx(np.linalg.norm(x), rel=1e-12)
    centre = tuple((k - 1) // 2 for k in window)
    assert np.count_nonzero(kernel) == np.count_nonzero(kernel[centre]) == 40
    w = initializers.delta_orthogonal((*window, 5, 8), gain=2.0, rng=0)
    np.testing.assert_allclose(w[centre] @ w[centre].T, 4 * np.eye(5), atol=1e-12)


def test_identity_of_matrices():
    np.testing.assert_array_equal(initializers.identity((3, 3)), np.eye(3))
    np.testing.assert_array_equal(initializers.identity((3, 5), gain=-2.0), -2 * np.eye(3, 5))
    np.testing.assert_array_equal(initializers.identity((5, 3), layout="oi"), np.eye(5, 3))


def test_identity_sits_at_the_left_of_the_two_middle_taps_of_an_even_window():
    kernel = initializers.identity((4, 2, 3, 3))
    assert set(zip(*np.nonzero(kernel)[:2], strict=True)) == {(1, 0)}


def test_sparse_chooses_all_inputs_alike_and_draws_normals():
    w = initializers.sparse((20, 6000), connections=5, std=0.5, rng=5)
    np.testing.assert_array_equal(np.count_nonzero(w, axis=0), 5)
    taken = np.count_nonzero(w, axis=1)
    # Each count is binomial(6000, 1/4); their sum is fixed.
    assert stats.chisquare(taken).statistic < stats.chi2.isf(1e-4, 19)
    values = w[w != 0]
    assert_variance(values, 0.25)
    assert stats.kstest(values, stats.norm(scale=0.5).cdf).pvalue > 1e-3


def test_sparse_defaults_to_fifteen_unit_normals():
    w = initializers.sparse((200, 500), rng=5)
    np.testing.assert_array_equal(np.count_nonzero(w, axis=0), 15)
    assert_variance(w[w != 0], 1.0)
    assert np.count_nonzero(initializers.sparse((4, 3), rng=0)) == 12
    z = initializers.sparse((200, 500), rng=5, dtype="complex64")
    assert_variance(z[z != 0], 1.0, kurtosis=2)


def test_zeros_and_constant():
    np.testing.assert_array_equal(initializers.zeros((2, 3), rng=1), np.zeros((2, 3)))
    np.testing.assert_array_equal(initializers.constant((2, 3), -0.5), np.full((2, 3), -0.5))
    np.testing.assert_array_equal(initializers.constant(4), np.ones(4))


# Shape of the distribution


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize(
    ("name", "cdf"),
    [
        ("normal", stats.norm.cdf),
        ("uniform", stats.uniform(-1, 2).cdf),
        ("truncated_normal", lambda x: stats.truncnorm.cdf(x / LOST, -2, 2)),
    ],
)
def test_kolmogorov_smirnov(name, cdf, dtype):
    w = initializers.get(name)((1000, 400), rng=3, dtype=dtype).astype(float).ravel()
    assert stats.kstest(w, cdf).pvalue > 1e-3


@pytest.mark.parametrize("dtype", REAL)
def test_tails_of_the_normal(dtype):
    w = initializers.normal((2000, 2000), rng=4, dtype=dtype)
    for sigmas in (3, 4, 4.5):
        expected = w.size * 2 * stats.norm.sf(sigmas)
        assert abs(np.sum(np.abs(w) > sigmas) - expected) < 5 * math.sqrt(expected)
    assert 4.8 < np.abs(w).max() < 6.5


def test_float32_normals_come_in_pairs_that_do_not_depend_on_each_other():
    w = initializers.normal(sampling.PIECE, rng=6, dtype="float32").astype(float)
    cosine, sine = w[: w.size // 2], w[w.size // 2 :]
    limit = 5 / math.sqrt(cosine.size)
    assert abs(np.corrcoef(cosine, sine)[0, 1]) < limit
    assert abs(np.corrcoef(cosine**2, sine**2)[0, 1]) < limit
    assert abs(np.corrcoef(cosine[:-1], cosine[1:])[0, 1]) < limit
    angle = np.arctan2(sine, cosine) / (2 * math.pi) + 0.5
    assert stats.kstest(angle, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("size", [1, 2, 3, 1001])
def test_odd_sizes_are_filled_to_the_end(size):
    draws = [initializers.normal(size, rng=seed, dtype="float32")[-1] for seed in range(300)]
    assert_variance(draws, 1.0)


@pytest.mark.parametrize("name", ["normal", "uniform", "truncated_normal"])
@pytest.mark.parametrize("dtype", COMPLEX)
def test_complex_draws_are_circular(name, dtype):
    w = initializers.get(name)((300, 300), rng=8, dtype=dtype).astype(complex).ravel()
    assert stats.kstest(np.angle(w) / (2 * math.pi) + 0.5, "uniform").pvalue > 1e-3
    square = np.abs(w) ** 2
    if name == "normal":
        assert stats.kstest(square, "expon").pvalue > 1e-3
    elif name == "uniform":
        assert stats.kstest(square, "uniform").pvalue > 1e-3
    else:
        scale = 1 - 4 * math.exp(-4) / (1 - math.exp(-4))
        assert math.sqrt(scale) == pytest.approx(0.9619618280, abs=1e-10)
        assert stats.kstest(square * scale, stats.truncexpon(4).cdf).pvalue > 1e-3


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize(
    "bounds",
    [(-2, 2), (-1, 1), (-3, 1), (0, 2), (0.5, 4), (-0.2, 0.1), (5, 9), (-9, -5), (8, 12), (-30, 30)],
    ids=str,
)
def test_truncated_normal_at_any_bounds(bounds, dtype):
    low, high = bounds
    reference = stats.truncnorm(low, high)
    w = initializers.truncated_normal((250, 400), bounds=bounds, corrected=False, rng=9, dtype=dtype)
    w = w.astype(float).ravel()
    assert low - 1e-6 <= w.min()
    assert w.max() <= high + 1e-6
    # KS needs a distribution function that is right in the far tail: the upper one is mirrored.
    mirrored = -w if low > 0 else w
    cdf = stats.truncnorm(-high, -low).cdf if low > 0 else reference.cdf
    assert stats.kstest(mirrored, cdf).pvalue > 1e-3

    w = initializers.truncated_normal((250, 400), std=0.3, mean=-2.0, bounds=bounds, rng=9, dtype=dtype) + 2.0
    kurtosis = float(reference.stats(moments="k")) + 3 if high < 9 and low > -9 else 9.0
    assert_variance(w, 0.09, kurtosis=kurtosis)
    assert_mean_zero(w)


@pytest.mark.parametrize(
    "bounds", [(-2, 2), (-1, 2), (0, 1), (-4, 0.5), (3, 5), (-0.01, 0.01), (8, 60)], ids=str
)
def test_truncated_moments_to_twelve_digits(bounds):
    with mpmath.workdps(30):
        low, high = bounds
        points = mpmath.linspace(low, min(high, low + 12), 12)
        moments = [mpmath.quad(lambda z, k=k: z**k * mpmath.exp(-z * z / 2), points) for k in range(5)]
        mean, second, third, fourth = (m / moments[0] for m in moments[1:])
        variance = second - mean**2
        central = fourth - 4 * mean * third + 6 * mean**2 * second - 3 * mean**4
        expected = [float(x) for x in (mean, mpmath.sqrt(variance), central / variance**2)]
    assert initializers.truncated_moments(*map(float, bounds)) == pytest.approx(
        expected, rel=1e-12, abs=1e-16
    )


@pytest.mark.parametrize("bound", [1e-6, 0.009, 0.011, 0.3, 1.0, 5.0, 36.0])
def test_complex_truncation_at_any_bound(bound):
    z = initializers.truncated_normal((200, 200), bounds=(-bound, bound), rng=4, dtype="complex128")
    assert_variance(z, 1.0, kurtosis=circular_cut_kurtosis(bound) if bound > 0.1 else 4 / 3)
    with mpmath.workdps(40):
        b = mpmath.mpf(bound) ** 2
        std = mpmath.sqrt(1 - b / mpmath.expm1(b))
        assert np.abs(z).max() <= float(bound / std) * (1 + 1e-12)
    assert_mean_zero(z)
    np.testing.assert_allclose(
        initializers.truncated_normal(
            (200, 200), bounds=(-bound, bound), rng=4, dtype="complex128", corrected=False
        ),
        z * float(std),
        rtol=1e-11,
    )


def test_truncation_at_two_sigma_is_the_published_constant():
    mean, std, kurtosis = initializers.truncated_moments(-2.0, 2.0)
    assert mean == 0
    assert std == pytest.approx(0.87962566103423978, abs=1e-14)
    assert kurtosis == pytest.approx(2.365537, abs=1e-6)


def test_uncorrected_truncation_loses_the_published_share():
    w = initializers.truncated_normal((500, 500), corrected=False, rng=10)
    assert_variance(w, 0.7737413035499232, kurtosis=KURTOSIS["truncated_normal"])


# Seeds


@pytest.mark.parametrize("name", sorted(initializers.SPECS))
@pytest.mark.parametrize("dtype", REAL + COMPLEX)
def test_a_seed_gives_the_same_numbers_and_a_generator_moves_on(name, dtype):
    init, shape = initializers.get(name), (2, 12, 30)
    np.testing.assert_array_equal(init(shape, rng=3, dtype=dtype), init(shape, rng=3, dtype=dtype))
    rng, again = np.random.default_rng(3), np.random.default_rng(3)
    first, second = init(shape, rng=rng, dtype=dtype), init(shape, rng=rng, dtype=dtype)
    np.testing.assert_array_equal(first, init(shape, rng=again, dtype=dtype))
    np.testing.assert_array_equal(second, init(shape, rng=again, dtype=dtype))
    if name in ("zeros", "constant", "identity"):
        np.testing.assert_array_equal(first, second)
        assert rng.random() == np.random.default_rng(3).random()
    else:
        assert not np.array_equal(first, second)
        assert not np.array_equal(first, init(shape, rng=4, dtype=dtype))
        assert not np.array_equal(init(shape), init(shape))


@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "SFC64", "Philox", "MT19937"])
@pytest.mark.parametrize("name", ["normal", "uniform", "truncated_normal", "orthogonal", "sparse"])
def test_any_bit_generator_serves(name, bits):
    rng = np.random.Generator(getattr(np.random, bits)(5))
    w = initializers.get(name)((300, 1000), rng=rng, dtype="float32")
    spec = initializers.SPECS[name]
    assert_variance(w, spec.variance(300, 1000), kurtosis=spec.kurtosis(300, 1000))


@pytest.mark.parametrize("dtype", REAL + COMPLEX)
@pytest.mark.parametrize("name", ["normal", "uniform", "truncated_normal"])
def test_the_number_of_threads_changes_nothing(name, dtype, monkeypatch):
    shape = (3 * sampling.BLOCK + 12345,)
    draws = []
    for workers in (1, 2, 5):
        monkeypatch.setattr(sampling, "_cores", lambda workers=workers: workers)
        rng = np.random.default_rng(6)
        draws.append(initializers.get(name)(shape, rng=rng, dtype=dtype))
        rest = rng.random()
    for other in draws[1:]:
        np.testing.assert_array_equal(draws[0], other)
    assert rest != np.random.default_rng(6).random()
    blocks = [draws[0][start : start + 1000] for start in range(0, shape[0], sampling.BLOCK)]
    assert len({block.tobytes() for block in blocks}) == 4


LARGE = (5, sampling.BLOCK)


def test_large_draws_at_the_same_time_get_their_own_numbers(monkeypatch):
    monkeypatch.setattr(sampling, "_cores", lambda: 4)
    alone = [initializers.normal(LARGE, rng=seed, dtype="float32") for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda seed: initializers.normal(LARGE, rng=seed, dtype="float32"), range(4))
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one, other)


def test_an_error_in_a_block_is_raised_and_the_next_draw_works(monkeypatch):
    monkeypatch.setattr(sampling, "_cores", lambda: 4)
    expected = initializers.normal(LARGE, rng=0)
    for failing in range(5):
        calls = iter(range(100))

        def fill(block, rng, failing=failing, calls=calls):
            if next(calls) == failing:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            sampling.draw(LARGE, np.random.default_rng(0), np.dtype(float), fill)
        np.testing.assert_array_equal(initializers.normal(LARGE, rng=0), expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_draws_the_same(monkeypatch):
    monkeypatch.setattr(sampling, "_cores", lambda: 4)
    expected = initializers.normal(LARGE, rng=0)  # the pool has its threads now; a child has none
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(initializers.normal(LARGE, rng=0), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_large_draws_have_the_same_law_as_small_ones():
    shape = (4, sampling.BLOCK)
    for name in ("normal", "uniform", "truncated_normal"):
        w = initializers.get(name)(shape, rng=1, dtype="float32")
        for block in w:
            assert_variance(block, VARIANCE[name](1, 1), kurtosis=KURTOSIS[name])
        correlation = np.corrcoef(w) - np.eye(4)
        assert np.abs(correlation).max() < 5 / math.sqrt(sampling.BLOCK)


def test_small_float64_draws_are_numpys_own():
    np.testing.assert_array_equal(
        initializers.normal((4, 5), rng=1), np.random.default_rng(1).standard_normal((4, 5))
    )
    np.testing.assert_array_equal(
        initializers.uniform((4, 5), rng=1), 2 * np.random.default_rng(1).random((4, 5)) - 1
    )


def test_global_state_is_neither_read_nor_written():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for name in initializers.SPECS:
        initializers.get(name)((2, 12, 30), rng=0)
        initializers.get(name)((2, 12, 30))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# Arrays


@pytest.mark.parametrize("name", sorted(initializers.SPECS))
@pytest.mark.parametrize("dtype", REAL + COMPLEX)
def test_a_zero_in_the_shape_gives_an_empty_array(name, dtype):
    for shape in [(0, 5), (5, 0), (0, 0), (3, 0, 4), (3, 4, 0), (0, 3, 4)]:
        if name == "delta_orthogonal" and len(shape) == 2:
            continue
        if name == "delta_orthogonal" and shape[-2] > shape[-1]:
            continue
        rng = np.random.default_rng(0)
        w = initializers.get(name)(shape, rng=rng, dtype=dtype)
        assert w.shape == shape
        assert w.dtype == dtype
        assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("name", ["zeros", "constant", "normal", "uniform", "truncated_normal"])
def test_biases_have_any_shape(name):
    init = initializers.get(name)
    assert init(5, rng=0).shape == (5,)
    assert init(np.int64(5), rng=0).shape == (5,)
    assert init([2, 3], rng=0).shape == (2, 3)
    assert init((), rng=0).shape == ()
    assert init(np.array([2, 3]), rng=0).shape == (2, 3)


@pytest.mark.parametrize("name", sorted(initializers.SPECS))
def test_results_are_fresh_contiguous_and_writable(name):
    for layout in ("io", "oi"):
        options = {"layout": layout} if name in WEIGHTS + FIXED[2:] else {}
        w = initializers.get(name)((6, 4, 6), rng=0, **options)
        assert w.flags.c_contiguous
        assert w.flags.writeable
        assert w.flags.owndata or w.base is not None
        w += 1


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("name", ["uniform", "normal", "truncated_normal", "he_normal"])
def test_peak_memory_of_draws_is_at_most_twice_the_result(name, dtype):
    assert peak_memory(name, dtype, (1500, 1500)) <= 2.0


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("shape", [(700, 700), (1000, 300), (300, 1000)], ids=str)
def test_peak_memory_of_orthogonal_is_at_most_six_times_the_result(shape, dtype):
    assert peak_memory("orthogonal", dtype, shape) <= 6.0


def peak_memory(name, dtype, shape):
    """Return the peak of the memory allocated during a draw, in units of the result's."""
    init = initializers.get(name)
    init((3, 3), rng=0, dtype=dtype)  # what is imported and cached on first use
    tracemalloc.start()
    try:
        w = init(shape, rng=0, dtype=dtype)
        return tracemalloc.get_traced_memory()[1] / w.nbytes
    finally:
        tracemalloc.stop()


# Properties


shapes = st.lists(st.integers(1, 9), min_size=2, max_size=4).map(tuple)
seeds = st.integers(0, 2**63)
scales = st.floats(1e-6, 1e6)


@settings(deadline=None)
@given(
    shape=shapes,
    seed=seeds,
    scale=scales,
    name=st.sampled_from(WEIGHTS),
    layout=st.sampled_from(["io", "oi"]),
)
def test_any_shape_and_seed_gives_finite_weights_within_bounds(shape, seed, scale, name, layout):
    w = initializers.get(name)(shape, rng=seed, layout=layout)
    limit = initializers.SPECS[name].bound(*fans(shape, layout=layout))
    assert w.shape == shape
    assert np.isfinite(w).all()
    assert np.abs(w).max() <= limit * (1 + 1e-12)
    one = variance_scaling(shape, rng=seed, layout=layout)
    np.testing.assert_allclose(
        variance_scaling(shape, rng=seed, layout=layout, scale=scale), math.sqrt(scale) * one, rtol=1e-12
    )


@settings(deadline=None)
@given(shape=shapes, seed=seeds, gain=st.floats(1e-3, 1e3))
def test_any_shape_has_orthonormal_rows_or_columns(shape, seed, gain):
    w = initializers.orthogonal(shape, rng=seed, gain=gain).reshape(-1, shape[-1]) / gain
    gram = w.T @ w if len(w) >= shape[-1] else w @ w.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-13)


@settings(deadline=None)
@given(shape=shapes, seed=seeds, connections=st.integers(1, 100))
def test_any_shape_has_exact_sparse_counts(shape, seed, connections):
    w = initializers.sparse(shape, rng=seed, connections=connections).reshape(-1, shape[-1])
    np.testing.assert_array_equal(np.count_nonzero(w, axis=0), min(connections, len(w)))


# Bad input


def refused(error, *fragments):
    return pytest.raises(error, match="(?s)" + ".*".join(map(re.escape, fragments)))


def test_an_unknown_name_lists_the_valid_ones_and_the_closest():
    with refused(
        ValueError, "'he_norml'", "'glorot_normal'", "'xavier_uniform'", "Did you mean 'he_normal'?"
    ):
        initializers.get("he_norml")
    with refused(TypeError, "Received: None", "'orthogonal'"):
        initializers.get(None)


@pytest.mark.parametrize("name", [*WEIGHTS, "orthogonal", "identity", "sparse", "delta_orthogonal"])
@pytest.mark.parametrize("shape", [(), (5,), 5])
def test_fans_are_undefined_for_scalars_and_vectors(name, shape):
    with refused(ValueError, "at least two axes", "Received shape", "zeros, constant, normal or uniform"):
        initializers.get(name)(shape, rng=0)


BAD_COMMON = [
    ({"rng": -1}, ValueError, "rng must be an integer >= 0. Received: -1"),
    ({"rng": 1.5}, TypeError, "rng must be an int seed"),
    ({"rng": "seed"}, TypeError, "Received: 'seed' of type str"),
    ({"rng": True}, TypeError, "Received: True of type bool"),
    ({"rng": np.random.RandomState(0)}, TypeError, "of type RandomState"),
    ({"dtype": "float128"}, ValueError, "Received: float128"),
    ({"dtype": int}, ValueError, "dtype must be one of float32, float64, complex64, complex128"),
    ({"dtype": "flot32"}, TypeError, "Received: 'flot32'"),
    ({"dtype": ">f4"}, ValueError, "Received: >f4"),
    ({"shape": (3, -2)}, ValueError, "shape[1] must be an integer >= 0. Received: -2"),
    ({"shape": (3, 2.0)}, TypeError, "Received: 2.0 of type float"),
    ({"shape": "ab"}, TypeError, "shape must be a sequence of integers"),
    ({"shape": None}, TypeError, "Received: None"),
    ({"shape": True}, TypeError, "Received: True"),
    ({"shape": (3, True)}, TypeError, "Received: True of type bool"),
    ({"nonsense": 1}, TypeError, "nonsense"),
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD_COMMON, ids=lambda x: str(x)[:30])
@pytest.mark.parametrize("name", sorted(initializers.SPECS))
def test_every_initializer_refuses_bad_common_arguments(name, bad, error, message):
    arguments = {"shape": (3, 4, 5), "rng": 0, **bad}
    with refused(error, message):
        initializers.get(name)(arguments.pop("shape"), **arguments)


BAD_KERNEL = [
    ({"layout": "ol"}, ValueError, "Received: 'ol'; choose one of 'io', 'oi'"),
    ({"layout": None}, TypeError, "Received: None"),
    ({"groups": 3}, ValueError, "groups must divide the 5 channels of shape (3, 4, 5). Received: 3"),
    ({"groups": 0}, ValueError, "groups must be an integer >= 1. Received: 0"),
    ({"groups": 1.0}, TypeError, "groups must be an integer >= 1. Received: 1.0"),
    ({"transposed": "yes"}, TypeError, "transposed must be True or False. Received: 'yes'"),
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD_KERNEL, ids=lambda x: str(x)[:30])
@pytest.mark.parametrize("name", [*WEIGHTS, *FIXED[2:]])
def test_every_kernel_refuses_bad_layouts(name, bad, error, message):
    with refused(error, message):
        initializers.get(name)((3, 4, 5), rng=0, **bad)


NAN, INF = math.nan, math.inf
BAD_OWN = [
    ("variance_scaling", {"scale": -1}, ValueError, "scale must be a finite number >= 0. Received: -1"),
    ("variance_scaling", {"scale": NAN}, ValueError, "scale must be a finite number >= 0. Received: nan"),
    ("variance_scaling", {"scale": INF}, ValueError, "Received: inf"),
    ("variance_scaling", {"scale": "2"}, TypeError, "Received: '2' of type str"),
    ("variance_scaling", {"scale": None}, TypeError, "Received: None"),
    ("variance_scaling", {"mode": "fan_inn"}, ValueError, "Did you mean 'fan_in'?"),
    ("variance_scaling", {"mode": 1}, TypeError, "'fan_geo'"),
    ("variance_scaling", {"distribution": "gauss"}, ValueError, "'normal', 'truncated_normal', 'uniform'"),
    (
        "variance_scaling",
        {"scale": 1e-90, "dtype": "float32"},
        ValueError,
        "too large or too small for float32",
    ),
    ("normal", {"std": -0.1}, ValueError, "std must be a finite number >= 0. Received: -0.1"),
    ("normal", {"std": NAN}, ValueError, "Received: nan"),
    ("normal", {"std": 1e39, "dtype": "float32"}, ValueError, "std is too large or too small for float32"),
    ("normal", {"mean": INF}, ValueError, "mean must be a finite number"),
    ("uniform", {"low": 2.0, "high": 1.0}, ValueError, "high must be a finite number >= 2. Received: 1.0"),
    ("uniform", {"low": -INF}, ValueError, "low must be a finite number"),
    ("uniform", {"low": 0.0, "dtype": complex}, ValueError, "need low = -high"),
    ("truncated_normal", {"std": -1}, ValueError, "std must be a finite number >= 0"),
    ("truncated_normal", {"bounds": (2, -2)}, ValueError, "high - low >= 1e-6", "(2, -2)"),
    ("truncated_normal", {"bounds": (1, 1)}, ValueError, "high - low >= 1e-6"),
    ("truncated_normal", {"bounds": (40, 50)}, ValueError, "bounds[0] must be a finite number < 37"),
    ("truncated_normal", {"bounds": (-50, -40)}, ValueError, "bounds[1] must be a finite number > -37"),
    ("truncated_normal", {"bounds": (-INF, 2)}, ValueError, "bounds[0] must be a finite number"),
    ("truncated_normal", {"bounds": 2.0}, TypeError, "two numbers (low, high) in units of sigma"),
    ("truncated_normal", {"bounds": (1, 2, 3)}, TypeError, "Received: (1, 2, 3)"),
    ("truncated_normal", {"bounds": (-1, 2), "dtype": complex}, ValueError, "need bounds (-b, b)"),
    ("constant", {"value": NAN}, ValueError, "value must be a finite number. Received: nan"),
    ("constant", {"value": "1"}, TypeError, "Received: '1'"),
    ("constant", {"value": 1e300, "dtype": "float32"}, ValueError, "too large or too small for float32"),
    (
        "lecun_normal",
        {"gain": -1},
        ValueError,
        "gain must be a finite number >= 0 and <= 1e+100. Received: -1",
    ),
    ("glorot_uniform", {"gain": NAN}, ValueError, "Received: nan"),
    ("he_normal", {"negative_slope": INF}, ValueError, "negative_slope must be a finite number"),
    ("he_uniform", {"mode": "fan"}, ValueError, "choose one of 'fan_in', 'fan_out', 'fan_avg', 'fan_geo'"),
    ("orthogonal", {"gain": -1}, ValueError, "gain must be a finite number >= 0. Received: -1"),
    ("orthogonal", {"gain": 1e60, "dtype": "float32"}, ValueError, "gain is too large"),
    ("delta_orthogonal", {"gain": INF}, ValueError, "gain must be a finite number"),
    ("identity", {"gain": NAN}, ValueError, "gain must be a finite number. Received: nan"),
    ("sparse", {"connections": 0}, ValueError, "connections must be an integer >= 1. Received: 0"),
    ("sparse", {"connections": 2.5}, TypeError, "Received: 2.5 of type float"),
    ("sparse", {"std": -1}, ValueError, "std must be a finite number >= 0. Received: -1"),
]


@pytest.mark.parametrize("case", BAD_OWN, ids=lambda case: f"{case[0]}-{case[1]}"[:60])
def test_bad_arguments_of_every_kind(case):
    name, bad, error, *fragments = case
    with refused(error, *fragments):
        getattr(initializers, name)((3, 4, 5), rng=0, **bad)


@pytest.mark.parametrize("shape", [(4, 5), (2, 2, 2, 2, 4, 5)], ids=str)
def test_delta_orthogonal_needs_one_to_three_window_axes(shape):
    with refused(ValueError, "1 to 3 window axes", str(shape)):
        initializers.delta_orthogonal(shape)


def test_delta_orthogonal_needs_no_more_inputs_than_outputs():
    with refused(ValueError, "Received: 5 in, 4 out"):
        initializers.delta_orthogonal((3, 5, 4))
    with refused(ValueError, "Received: 5 in, 4 out"):
        initializers.delta_orthogonal((4, 5, 3), layout="oi")
    with refused(ValueError, "in each group", "Received: 5 in, 2 out"):
        initializers.delta_orthogonal((3, 5, 4), groups=2)


def test_a_refused_call_leaves_the_generator_as_it_was():
    rng = np.random.default_rng(0)
    for name, bad, error, *_ in BAD_OWN:
        with pytest.raises(error):
            getattr(initializers, name)((3, 4, 5), rng=rng, **bad)
    assert rng.random() == np.random.default_rng(0).random()


BY_AXES = {
    "dense": ((60, 40), {"in_axis": 0, "out_axis": 1}, (60, 40)),
    "oi": ((8, 4, 3, 5), {"in_axis": 1, "out_axis": 0}, (60, 120)),
    "heads": ((512, 8, 64), {"in_axis": 0, "out_axis": (1, 2)}, (512, 512)),
    "heads joined": ((8, 64, 100), {"in_axis": (0, 1)}, (512, 100)),
    "fused": ((512, 3, 8, 64), {"in_axis": 0, "out_axis": (-2, -1), "batch_axis": 1}, (512, 512)),
    "experts": ((4, 3, 3, 16, 32), {"batch_axis": 0}, (144, 288)),
    "experts of PyTorch": ((4, 32, 16), {"in_axis": -1, "out_axis": -2, "batch_axis": (0,)}, (16, 32)),
    "depthwise of Keras": ((3, 3, 32, 2), {"in_axis": (), "batch_axis": 2}, (9, 18)),
}


@pytest.mark.parametrize("kind", BY_AXES)
def test_fans_by_axes(kind):
    shape, axes, wanted = BY_AXES[kind]
    assert initializers.fans(shape, **axes) == wanted
    w = initializers.variance_scaling(shape, mode="fan_avg", rng=0, **axes)
    assert_variance(w, 2 / sum(wanted))


@pytest.mark.parametrize(
    ("axes", "shape", "same", "layout"),
    [
        ({"in_axis": 1, "out_axis": 0}, (6, 4, 3), (6, 4, 3), {"layout": "oi"}),
        ({"in_axis": -1, "out_axis": -2}, (3, 6, 4), (3, 6, 4), {"transposed": True}),
        ({"in_axis": (), "batch_axis": 1}, (3, 4, 2), (3, 1, 8), {"groups": 4}),
    ],
)
@pytest.mark.parametrize("rule", ["orthogonal", "he_normal", "sparse", "identity"])
def test_axes_and_layouts_that_say_the_same_draw_the_same(rule, axes, shape, same, layout):
    rule = getattr(initializers, rule)
    named, by_layout = rule(shape, rng=0, **axes), rule(same, rng=0, **layout)
    np.testing.assert_array_equal(named.ravel(), by_layout.ravel())


def test_each_matrix_of_a_batch_is_orthogonal():
    w = initializers.orthogonal((16, 3, 2, 5), in_axis=0, out_axis=(2, 3), batch_axis=1, rng=0)
    for matrix in np.moveaxis(w, 1, 0).reshape(3, 16, 10):
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(10), atol=1e-12)
    assert len({float(matrix[0, 0, 0]) for matrix in np.moveaxis(w, 1, 0)}) == 3


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"in_axis": 3}, "in_axis must name axes of shape"),
        ({"batch_axis": -4}, "batch_axis must name axes of shape"),
        ({"batch_axis": -2}, "must not share an axis"),
        ({"in_axis": (0, 0)}, "must not share an axis"),
        ({"out_axis": 0.5}, "out_axis must be"),
        ({"out_axis": True}, "out_axis must be"),
        ({"batch_axis": "a"}, "batch_axis must be"),
        ({"batch_axis": None}, "batch_axis must be"),
        ({"in_axis": 0, "layout": "oi"}, "not both"),
        ({"in_axis": 0, "groups": 3}, "not both"),
        ({"in_axis": 0, "transposed": True}, "not both"),
        ({"groups": 5}, "name the axes: see fans"),
    ],
)
@pytest.mark.parametrize("call", [initializers.fans, initializers.he_normal, initializers.orthogonal])
def test_axes_that_cannot_be_are_refused(call, axes, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call((3, 4, 6), **axes)


SPELLED = [
    "variance_scaling", "lecun_normal", "lecun_uniform", "glorot_normal", "glorot_uniform", "he_normal",
    "he_uniform", "orthogonal", "delta_orthogonal", "identity", "sparse",
]  # fmt: skip


@pytest.mark.parametrize("name", SPELLED)
def test_signatures_are_spelled_out(name):
    rule = getattr(initializers, name)
    parameters = inspect.signature(rule).parameters
    kernel = ["layout", "groups", "transposed", "in_axis", "out_axis", "batch_axis", "rng", "dtype"]
    assert list(parameters)[-len(kernel) :] == kernel
    with pytest.raises(TypeError, match=f"{name} has no argument 'seed'. It takes shape, .*rng, dtype"):
        rule((3, 3), seed=0)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_the_name_that_keras_gives_to_a_normal_draws_the_same_normal(mode):
    drawn = initializers.variance_scaling(
        (30, 20), scale=2.0, mode=mode, distribution="untruncated_normal", rng=0
    )
    assert (drawn == initializers.variance_scaling((30, 20), scale=2.0, mode=mode, rng=0)).all()
    with pytest.raises(ValueError, match="Did you mean 'truncated_normal'"):
        initializers.variance_scaling((3, 2), distribution="truncated")
