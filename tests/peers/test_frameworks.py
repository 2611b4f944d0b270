"""initlib beside PyTorch, Keras, JAX and Flax: the same laws, and layouts that their own layers read alike.

`make peers` runs this file in the environment that has the frameworks.
"""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import torch
from cases import CASES
from scipy import stats
from torch.nn import functional

from initlib import initializers
from initlib.testing import assert_variance


def assert_same_law(theirs, ours):
    """Two-sample tests: Kolmogorov-Smirnov, and mean square to five sigma."""
    assert stats.ks_2samp(theirs, ours).pvalue > 1e-4
    squares = theirs**2, ours**2
    spread = np.sqrt(sum(square.var() / square.size for square in squares))
    assert abs(squares[0].mean() - squares[1].mean()) < 5 * spread


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_law(case):
    theirs, ours = case.theirs(), case.ours()
    assert theirs.shape == ours.shape
    if case.kind == "exact":
        np.testing.assert_array_equal(theirs, ours)
    elif case.kind == "draws":
        assert_same_law(theirs.ravel(), ours.ravel())
    else:
        outputs_first = case.options.get("layout") == "oi"
        flat = [
            w.reshape(len(w), *((w.shape[1], -1) if outputs_first else (-1, w.shape[-1])))
            for w in (theirs, ours)
        ]
        singular = [np.linalg.svd(matrices, compute_uv=False) for matrices in flat]
        np.testing.assert_allclose(singular[0], singular[1], atol=1e-5)
        used = np.flatnonzero(np.any(flat[0] != 0, axis=0))
        np.testing.assert_array_equal(used, np.flatnonzero(np.any(flat[1] != 0, axis=0)))
        for entry in used:  # one entry of each matrix at a time: those of one matrix depend on each other
            assert_same_law(*(matrices.reshape(len(matrices), -1)[:, entry] for matrices in flat))


CONVOLUTIONS = [(taps, groups) for taps in (1, 2, 3, 4) for groups in (1, 3)]


def signal(channels=6, length=10):
    return np.random.default_rng(0).standard_normal((2, channels, length)).astype(np.float32)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(("taps", "groups"), CONVOLUTIONS)
def test_identity_passes_through_torch_convolutions_with_same_padding(taps, groups):
    kernel = initializers.identity((6, 6 // groups, taps), layout="oi", groups=groups, dtype="float32")
    x = torch.from_numpy(signal())
    y = functional.conv1d(x, torch.from_numpy(kernel), padding="same", groups=groups)
    torch.testing.assert_close(y, x, rtol=0, atol=0)


@pytest.mark.parametrize(("taps", "groups"), CONVOLUTIONS)
def test_identity_passes_through_torch_transposed_convolutions(taps, groups):
    options = {"layout": "oi", "groups": groups, "transposed": True}
    kernel = initializers.identity((6, 6 // groups, taps), dtype="float32", **options)
    x = torch.from_numpy(signal())
    y = functional.conv_transpose1d(x, torch.from_numpy(kernel), padding=(taps - 1) // 2, groups=groups)
    torch.testing.assert_close(y[..., :10], x, rtol=0, atol=0)


@pytest.mark.parametrize(("taps", "groups"), CONVOLUTIONS)
def test_identity_passes_through_jax_convolutions_with_same_padding(taps, groups):
    kernel = initializers.identity((taps, 6 // groups, 6), groups=groups, dtype="float32")
    x = jnp.asarray(signal().swapaxes(1, 2))
    y = jax.lax.conv_general_dilated(
        x, kernel, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC"), feature_group_count=groups
    )
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("taps", [1, 2, 3, 4])
def test_identity_passes_through_keras_layers(taps):
    x = signal().swapaxes(1, 2)
    plain = keras.layers.Conv1D(6, taps, padding="same", use_bias=False)
    plain.build(x.shape)
    plain.set_weights([initializers.identity((taps, 6, 6), dtype="float32")])
    np.testing.assert_array_equal(plain(x), x)
    transposed = keras.layers.Conv1DTranspose(6, taps, padding="same", use_bias=False)
    transposed.build(x.shape)
    transposed.set_weights([initializers.identity((taps, 6, 6), transposed=True, dtype="float32")])
    np.testing.assert_array_equal(transposed(x), x)


@pytest.mark.parametrize("layout", ["io", "oi"])
@pytest.mark.parametrize(("inputs", "outputs"), [(6, 15), (15, 6)])
def test_transposed_layouts_have_the_shapes_of_the_layers(layout, inputs, outputs):
    """A layer of stride 1 gives E y^2 = fan_in Var W E x^2 away from the borders."""
    if layout == "oi":
        shape = tuple(torch.nn.ConvTranspose1d(inputs, outputs, 3).weight.shape)
    else:
        layer = keras.layers.Conv1DTranspose(outputs, 3)
        layer.build((None, 50, inputs))
        shape = tuple(layer.kernel.shape)
    assert initializers.fans(shape, layout=layout, transposed=True) == (3 * inputs, 3 * outputs)
    rng = np.random.default_rng(0)
    kernels = [
        initializers.lecun_normal(shape, layout=layout, transposed=True, rng=rng, dtype="float32")
        for _ in range(200)
    ]
    x = rng.standard_normal((200, 1, inputs, 50), dtype=np.float32)
    kernels = [kernel if layout == "oi" else kernel.transpose(2, 1, 0) for kernel in kernels]
    y = [
        functional.conv_transpose1d(torch.from_numpy(a), torch.from_numpy(k.copy()))
        for a, k in zip(x, kernels, strict=True)
    ]
    power = np.array([float((one[..., 2:-2] ** 2).mean()) for one in y])
    assert abs(power.mean() - 1) < 5 * power.std() / np.sqrt(len(power))


HEADS, HEAD, WIDTH = 4, 16, 96
DEPTHWISE = {"in_axis": (), "batch_axis": -2}
OF_HEADS = {"in_axis": 0, "out_axis": (1, 2)}
KERAS_KERNELS = {
    "depthwise, one axis": (lambda: keras.layers.DepthwiseConv1D(5, depth_multiplier=2), (40, 60), DEPTHWISE),
    "depthwise": (lambda: keras.layers.DepthwiseConv2D(3, depth_multiplier=2), (9, 9, 60), DEPTHWISE),
    "heads": (lambda: keras.layers.EinsumDense("abc,cde->abde", (None, HEADS, HEAD)), (40, WIDTH), OF_HEADS),
    "heads joined": (
        lambda: keras.layers.EinsumDense("abde,dec->abc", (None, WIDTH)),
        (40, HEADS, HEAD),
        {"in_axis": (0, 1), "out_axis": 2},
    ),
    "fused": (
        lambda: keras.layers.EinsumDense("abc,cde->abde", (None, 3, WIDTH)),
        (40, WIDTH),
        {"in_axis": 0, "batch_axis": 1},
    ),
}


@pytest.mark.parametrize("kind", KERAS_KERNELS)
def test_kernels_of_keras_by_axes_keep_the_variance(kind):
    make, shape, axes = KERAS_KERNELS[kind]
    layer = make()
    layer.build((None, *shape))
    kernel = layer.trainable_variables[0]
    rng = np.random.default_rng(0)
    power = []
    for _ in range(30):
        kernel.assign(initializers.lecun_normal(kernel.shape, rng=rng, dtype="float32", **axes))
        outputs = layer(rng.standard_normal((8, *shape), dtype=np.float32))
        power.append(float(np.square(outputs).mean()))
    assert abs(np.mean(power) - 1) < 5 * np.std(power) / len(power) ** 0.5


def test_the_kernels_of_attention_are_those_of_einsum_layers():
    layer = keras.layers.MultiHeadAttention(HEADS, HEAD)
    layer.build((None, 40, WIDTH), (None, 40, WIDTH))
    shapes = {tuple(one.shape) for one in layer.trainable_variables if one.path.endswith("kernel")}
    assert shapes == {(WIDTH, HEADS, HEAD), (HEADS, HEAD, WIDTH)}
    assert initializers.fans((WIDTH, HEADS, HEAD), **OF_HEADS) == (WIDTH, HEADS * HEAD)
    assert initializers.fans((HEADS, HEAD, WIDTH), in_axis=(0, 1)) == (HEADS * HEAD, WIDTH)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("taps", [2, 3, 4])
def test_delta_orthogonal_keeps_norms_through_torch(taps):
    kernel = initializers.delta_orthogonal((9, 6, taps), layout="oi", rng=0)
    x = torch.from_numpy(signal().astype(float))
    y = functional.conv1d(x, torch.from_numpy(kernel), padding="same")
    torch.testing.assert_close(y.norm(dim=1), x.norm(dim=1), rtol=1e-12, atol=0)


def test_assert_variance_reads_the_weights_of_every_framework():
    linear = torch.nn.Linear(300, 200)
    assert linear.weight.requires_grad
    assert_variance(linear.weight, 1 / 900, kurtosis=1.8)
    assert_variance(linear.weight.to(torch.bfloat16), 1 / 900, kurtosis=1.8)
    assert_variance(torch.randn(300, 200, dtype=torch.complex64), 1.0, kurtosis=2)
    with pytest.raises(AssertionError):
        assert_variance(linear.weight, 1 / 300, kurtosis=1.8)
    dense = keras.layers.Dense(200)
    dense.build((None, 300))
    assert_variance(dense.kernel, 2 / 500, kurtosis=1.8)
    draws = jax.nn.initializers.normal(1.0)(jax.random.key(0), (300, 200))
    assert_variance(draws, 1.0)
    assert_variance(draws.astype(jnp.bfloat16), 1.0)


def test_the_complex_constant_of_jax_is_off_and_ours_is_not():
    draws = jax.nn.initializers.variance_scaling(1.0, "fan_in", "truncated_normal", dtype=jnp.complex64)(
        jax.random.key(0), (500, 400)
    )
    ours = initializers.variance_scaling(
        (500, 400), distribution="truncated_normal", rng=0, dtype="complex64"
    )
    assert_variance(ours, 1 / 500, kurtosis=2)
    with pytest.raises(AssertionError, match=r"1\.02 times"):
        assert_variance(np.asarray(draws), 1 / 500, kurtosis=2)
