"""What PyTorch, Keras, JAX and Flax draw by default, each beside the call of initlib that draws the same."""

import os

os.environ["KERAS_BACKEND"] = "jax"  # before Keras is imported

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.nn.initializers as jnn
import keras
import numpy as np
import torch
from flax import nnx
from torch import nn

from initlib import initializers


@dataclass(frozen=True)
class Case:
    """`peer(seed)` and `initializer(shape, rng=seed, **options)` are arrays of one law.

    `kind` is "draws" (independent entries), "matrix" (many small matrices, compared by their singular values
    and entry by entry) or "exact" (equal arrays).
    """

    name: str
    peer: Callable[[int], Any]
    initializer: str
    shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    kind: str = "draws"
    matrices: int = 1000

    @property
    def repeats(self) -> int:
        return self.matrices if self.kind == "matrix" else 1

    def theirs(self) -> np.ndarray:
        return np.stack([np.asarray(self.peer(seed), dtype=float) for seed in range(self.repeats)])

    def ours(self) -> np.ndarray:
        init, rng = getattr(initializers, self.initializer), np.random.default_rng(2026)
        draws = [init(self.shape, rng=rng, dtype="float32", **self.options) for _ in range(self.repeats)]
        return np.stack(draws).astype(float)


def of_tensor(init: Callable[..., Any], shape: tuple[int, ...], **arguments: Any) -> Callable[[int], Any]:
    """Draw with one of `torch.nn.init`'s functions."""

    def draw(seed: int) -> Any:
        torch.manual_seed(seed)
        return init(torch.empty(shape), **arguments).numpy()

    return draw


def of_module(make: Callable[[], nn.Module], parameter: str) -> Callable[[int], Any]:
    """Build a PyTorch layer and return one of its parameters."""

    def draw(seed: int) -> Any:
        torch.manual_seed(seed)
        return make().get_parameter(parameter).detach().numpy()

    return draw


def of_keras(make: Callable[..., Any], shape: tuple[int, ...]) -> Callable[[int], Any]:
    return lambda seed: make(seed=seed)(shape)


def of_layer(make: Callable[[], Any], inputs: tuple[Any, ...], index: int = 0) -> Callable[[int], Any]:
    """Build a Keras layer for an input shape and return one of its weights."""

    def draw(seed: int) -> Any:
        keras.utils.set_random_seed(seed)
        layer = make()
        layer.build(inputs)
        return layer.weights[index]

    return draw


def of_jax(init: Callable[..., Any], shape: tuple[int, ...]) -> Callable[[int], Any]:
    return lambda seed: init(jax.random.key(seed), shape)


def of_flax(make: Callable[[nnx.Rngs], Any], *path: str) -> Callable[[int], Any]:
    """Build a Flax layer and return the parameter at `path`."""

    def draw(seed: int) -> Any:
        found = make(nnx.Rngs(seed))
        for name in path:
            found = getattr(found, name)
        return found.get_value()

    return draw


def within(bound: float) -> dict[str, float]:
    return {"low": -bound, "high": bound}


OI: dict[str, Any] = {"layout": "oi"}
TORCH_DEFAULT = {"scale": 1 / 3, "distribution": "uniform"}
DENSE, CONV, OI_CONV = (200, 300), (3, 3, 32, 200), (200, 32, 3, 3)
keras_init = keras.initializers

CASES = [
    # torch.nn.init
    Case("torch xavier_uniform_", of_tensor(nn.init.xavier_uniform_, DENSE), "glorot_uniform", DENSE, OI),
    Case("torch xavier_normal_", of_tensor(nn.init.xavier_normal_, DENSE), "glorot_normal", DENSE, OI),
    Case("torch kaiming_uniform_", of_tensor(nn.init.kaiming_uniform_, DENSE), "he_uniform", DENSE, OI),
    Case("torch kaiming_normal_", of_tensor(nn.init.kaiming_normal_, DENSE), "he_normal", DENSE, OI),
    Case(
        "torch kaiming_normal_ conv, fan_out, leaky",
        of_tensor(nn.init.kaiming_normal_, OI_CONV, a=0.2, mode="fan_out"),
        "he_normal",
        OI_CONV,
        {**OI, "mode": "fan_out", "negative_slope": 0.2},
    ),
    Case(
        "torch xavier_uniform_ conv with gain",
        of_tensor(nn.init.xavier_uniform_, OI_CONV, gain=5 / 3),
        "glorot_uniform",
        OI_CONV,
        {**OI, "gain": 5 / 3},
    ),
    Case("torch normal_", of_tensor(nn.init.normal_, DENSE, std=0.02), "normal", DENSE, {"std": 0.02}),
    Case("torch uniform_", of_tensor(nn.init.uniform_, DENSE), "uniform", DENSE, {"low": 0.0, "high": 1.0}),
    Case(
        "torch trunc_normal_",
        of_tensor(nn.init.trunc_normal_, DENSE),
        "truncated_normal",
        DENSE,
        {"corrected": False},
    ),
    Case(
        "torch trunc_normal_ at absolute bounds",
        of_tensor(nn.init.trunc_normal_, DENSE, mean=0.1, std=0.5, a=-0.4, b=1.1),
        "truncated_normal",
        DENSE,
        {"corrected": False, "mean": 0.1, "std": 0.5, "bounds": (-1.0, 2.0)},
    ),
    Case(
        "torch orthogonal_ tall", of_tensor(nn.init.orthogonal_, (5, 3)), "orthogonal", (5, 3), OI, "matrix"
    ),
    Case(
        "torch orthogonal_ wide", of_tensor(nn.init.orthogonal_, (3, 5)), "orthogonal", (3, 5), OI, "matrix"
    ),
    Case(
        "torch orthogonal_ conv",
        of_tensor(nn.init.orthogonal_, (4, 2, 3)),
        "orthogonal",
        (4, 2, 3),
        OI,
        "matrix",
    ),
    Case("torch eye_", of_tensor(nn.init.eye_, (3, 5)), "identity", (3, 5), OI, "exact"),
    Case("torch dirac_", of_tensor(nn.init.dirac_, (6, 4, 3, 5)), "identity", (6, 4, 3, 5), OI, "exact"),
    Case(
        "torch dirac_ in groups",
        of_tensor(nn.init.dirac_, (6, 2, 3), groups=3),
        "identity",
        (6, 2, 3),
        {**OI, "groups": 3},
        "exact",
    ),
    # torch.nn layers
    Case(
        "torch Linear weight",
        of_module(lambda: nn.Linear(200, 300), "weight"),
        "variance_scaling",
        (300, 200),
        {**OI, **TORCH_DEFAULT},
    ),
    Case(
        "torch Linear bias",
        of_module(lambda: nn.Linear(4, 50_000), "bias"),
        "uniform",
        (50_000,),
        within(1 / 2),
    ),
    Case(
        "torch Conv2d weight",
        of_module(lambda: nn.Conv2d(32, 200, 3), "weight"),
        "variance_scaling",
        OI_CONV,
        {**OI, **TORCH_DEFAULT},
    ),
    Case(
        "torch Conv2d weight in groups",
        of_module(lambda: nn.Conv2d(64, 400, 3, groups=4), "weight"),
        "variance_scaling",
        (400, 16, 3, 3),
        {**OI, **TORCH_DEFAULT, "groups": 4},
    ),
    Case(
        "torch Conv2d weight, depthwise",
        of_module(lambda: nn.Conv2d(3000, 6000, 3, groups=3000), "weight"),
        "variance_scaling",
        (6000, 1, 3, 3),
        {**OI, **TORCH_DEFAULT, "groups": 3000},
    ),
    Case(
        "torch ConvTranspose2d weight (its fan_in is our fan_out)",
        of_module(lambda: nn.ConvTranspose2d(64, 128, 3), "weight"),
        "variance_scaling",
        (64, 128, 3, 3),
        {**OI, **TORCH_DEFAULT, "transposed": True, "mode": "fan_out"},
    ),
    Case("torch Embedding weight", of_module(lambda: nn.Embedding(500, 100), "weight"), "normal", (500, 100)),
    Case(
        "torch LSTM input weight",
        of_module(lambda: nn.LSTM(100, 120), "weight_ih_l0"),
        "uniform",
        (480, 100),
        within(1 / math.sqrt(120)),
    ),
    Case(
        "torch LSTM recurrent weight",
        of_module(lambda: nn.LSTM(100, 120), "weight_hh_l0"),
        "uniform",
        (480, 120),
        within(1 / math.sqrt(120)),
    ),
    Case(
        "torch MultiheadAttention in_proj_weight",
        of_module(lambda: nn.MultiheadAttention(120, 4), "in_proj_weight"),
        "glorot_uniform",
        (360, 120),
        OI,
    ),
    # keras.initializers
    Case("keras GlorotUniform", of_keras(keras_init.GlorotUniform, DENSE), "glorot_uniform", DENSE),
    Case("keras HeUniform", of_keras(keras_init.HeUniform, CONV), "he_uniform", CONV),
    Case("keras LecunUniform", of_keras(keras_init.LecunUniform, DENSE), "lecun_uniform", DENSE),
    Case(
        "keras GlorotNormal",
        of_keras(keras_init.GlorotNormal, DENSE),
        "variance_scaling",
        DENSE,
        {"mode": "fan_avg", "distribution": "truncated_normal"},
    ),
    Case(
        "keras HeNormal",
        of_keras(keras_init.HeNormal, CONV),
        "variance_scaling",
        CONV,
        {"scale": 2.0, "distribution": "truncated_normal"},
    ),
    Case(
        "keras VarianceScaling",
        of_keras(keras_init.VarianceScaling, DENSE),
        "variance_scaling",
        DENSE,
        {"distribution": "truncated_normal"},
    ),
    Case(
        "keras VarianceScaling untruncated",
        of_keras(
            lambda seed: keras_init.VarianceScaling(3.0, "fan_out", "untruncated_normal", seed=seed), DENSE
        ),
        "variance_scaling",
        DENSE,
        {"scale": 3.0, "mode": "fan_out"},
    ),
    Case("keras RandomNormal", of_keras(keras_init.RandomNormal, DENSE), "normal", DENSE, {"std": 0.05}),
    Case("keras RandomUniform", of_keras(keras_init.RandomUniform, DENSE), "uniform", DENSE, within(0.05)),
    Case(
        "keras TruncatedNormal",
        of_keras(keras_init.TruncatedNormal, DENSE),
        "truncated_normal",
        DENSE,
        {"std": 0.05, "corrected": False},
    ),
    Case("keras Orthogonal", of_keras(keras_init.Orthogonal, (5, 3)), "orthogonal", (5, 3), {}, "matrix"),
    Case(
        "keras Orthogonal conv",
        of_keras(keras_init.Orthogonal, (3, 2, 4)),
        "orthogonal",
        (3, 2, 4),
        {},
        "matrix",
    ),
    Case("keras Identity", lambda seed: keras_init.Identity()((3, 5)), "identity", (3, 5), {}, "exact"),
    # keras.layers
    Case(
        "keras Dense kernel", of_layer(lambda: keras.layers.Dense(300), (None, 200)), "glorot_uniform", DENSE
    ),
    Case(
        "keras Conv2D kernel",
        of_layer(lambda: keras.layers.Conv2D(200, 3), (None, 8, 8, 32)),
        "glorot_uniform",
        CONV,
    ),
    Case(
        "keras Conv2D kernel in groups (its fan_out counts all groups)",
        of_layer(lambda: keras.layers.Conv2D(400, 3, groups=4), (None, 8, 8, 64)),
        "glorot_uniform",
        (3, 3, 16, 400),
    ),
    Case(
        "keras Conv2DTranspose kernel",
        of_layer(lambda: keras.layers.Conv2DTranspose(128, 3), (None, 8, 8, 64)),
        "glorot_uniform",
        (3, 3, 128, 64),
        {"transposed": True},
    ),
    Case(
        "keras DepthwiseConv2D kernel (its fans are those of a plain kernel)",
        of_layer(lambda: keras.layers.DepthwiseConv2D(3, depth_multiplier=2), (None, 8, 8, 3000)),
        "glorot_uniform",
        (3, 3, 3000, 2),
    ),
    Case(
        "keras Embedding",
        of_layer(lambda: keras.layers.Embedding(500, 100), (None,)),
        "uniform",
        (500, 100),
        within(0.05),
    ),
    Case(
        "keras LSTM kernel",
        of_layer(lambda: keras.layers.LSTM(120), (None, 5, 100)),
        "glorot_uniform",
        (100, 480),
    ),
    Case(
        "keras LSTM recurrent kernel",
        of_layer(lambda: keras.layers.LSTM(2), (None, 5, 3), index=1),
        "orthogonal",
        (2, 8),
        {},
        "matrix",
        200,
    ),
    # jax.nn.initializers
    Case("jax glorot_uniform", of_jax(jnn.glorot_uniform(), DENSE), "glorot_uniform", DENSE),
    Case("jax he_uniform", of_jax(jnn.he_uniform(), CONV), "he_uniform", CONV),
    Case("jax lecun_uniform", of_jax(jnn.lecun_uniform(), DENSE), "lecun_uniform", DENSE),
    Case(
        "jax he_normal",
        of_jax(jnn.he_normal(), CONV),
        "variance_scaling",
        CONV,
        {"scale": 2.0, "distribution": "truncated_normal"},
    ),
    Case(
        "jax variance_scaling, fan_geo_avg",
        of_jax(jnn.variance_scaling(2.0, "fan_geo_avg", "normal"), DENSE),
        "variance_scaling",
        DENSE,
        {"scale": 2.0, "mode": "fan_geo"},
    ),
    Case(
        "jax variance_scaling, PyTorch's order",
        of_jax(jnn.variance_scaling(2.0, "fan_in", "uniform", in_axis=1, out_axis=0), OI_CONV),
        "he_uniform",
        OI_CONV,
        OI,
    ),
    Case(
        "jax lecun_normal of 8 attention heads",
        of_jax(jnn.variance_scaling(1.0, "fan_in", "normal", in_axis=0, out_axis=(1, 2)), (200, 8, 30)),
        "lecun_normal",
        (200, 8, 30),
        {"in_axis": 0, "out_axis": (1, 2)},
    ),
    Case(
        "jax glorot_uniform of 5 experts",
        of_jax(jnn.glorot_uniform(batch_axis=0), (5, 100, 120)),
        "glorot_uniform",
        (5, 100, 120),
        {"batch_axis": 0},
    ),
    Case(
        "jax he_uniform of a depthwise kernel",
        of_jax(jnn.he_uniform(in_axis=(), batch_axis=(-2,)), (3, 3, 3000, 2)),
        "he_uniform",
        (3, 3, 3000, 2),
        {"in_axis": (), "batch_axis": -2},
    ),
    Case("jax normal", of_jax(jnn.normal(), DENSE), "normal", DENSE, {"std": 0.01}),
    Case("jax uniform", of_jax(jnn.uniform(), DENSE), "uniform", DENSE, {"low": 0.0, "high": 0.01}),
    Case(
        "jax truncated_normal",
        of_jax(jnn.truncated_normal(0.1), DENSE),
        "truncated_normal",
        DENSE,
        {"std": 0.1, "corrected": False},
    ),
    Case("jax orthogonal", of_jax(jnn.orthogonal(), (3, 5)), "orthogonal", (3, 5), {}, "matrix"),
    Case("jax orthogonal conv", of_jax(jnn.orthogonal(), (2, 3, 2)), "orthogonal", (2, 3, 2), {}, "matrix"),
    Case(
        "jax delta_orthogonal",
        of_jax(jnn.delta_orthogonal(), (3, 3, 2, 4)),
        "delta_orthogonal",
        (3, 3, 2, 4),
        {},
        "matrix",
    ),
    Case(
        "jax delta_orthogonal, even window",
        of_jax(jnn.delta_orthogonal(), (4, 2, 3)),
        "delta_orthogonal",
        (4, 2, 3),
        {},
        "matrix",
    ),
    # flax.nnx
    Case(
        "flax Linear kernel",
        of_flax(lambda rngs: nnx.Linear(200, 300, rngs=rngs), "kernel"),
        "variance_scaling",
        DENSE,
        {"distribution": "truncated_normal"},
    ),
    Case(
        "flax Conv kernel",
        of_flax(lambda rngs: nnx.Conv(32, 200, (3, 3), rngs=rngs), "kernel"),
        "variance_scaling",
        CONV,
        {"distribution": "truncated_normal"},
    ),
    Case(
        "flax ConvTranspose kernel (kept as in, out)",
        of_flax(lambda rngs: nnx.ConvTranspose(32, 200, (3, 3), rngs=rngs), "kernel"),
        "variance_scaling",
        CONV,
        {"distribution": "truncated_normal"},
    ),
    Case(
        "flax Embed",
        of_flax(lambda rngs: nnx.Embed(500, 100, rngs=rngs), "embedding"),
        "normal",
        (500, 100),
        {"std": 0.1},
    ),
    Case(
        "flax LSTM input kernel",
        of_flax(lambda rngs: nnx.OptimizedLSTMCell(100, 120, rngs=rngs), "dense_i", "kernel"),
        "variance_scaling",
        (100, 480),
        {"distribution": "truncated_normal"},
    ),
    Case(
        "flax LSTM recurrent kernel",
        of_flax(lambda rngs: nnx.OptimizedLSTMCell(3, 2, rngs=rngs), "dense_h", "kernel"),
        "orthogonal",
        (2, 8),
        {},
        "matrix",
        200,
    ),
]
