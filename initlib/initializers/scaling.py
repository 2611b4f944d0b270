"""Weights of a variance that the fans set: the one builder, and LeCun's, Glorot's and He's rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Unpack

from initlib.checks import choice, real
from initlib.initializers.arguments import common
from initlib.initializers.elementary import normal, truncated_normal, uniform
from initlib.initializers.kernels import Kernel, read_axes, spelled
from initlib.typing import Array, ShapeLike

_MODES: dict[str, Callable[[float, float], float]] = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
    "fan_geo": lambda fan_in, fan_out: math.sqrt(fan_in * fan_out),
}
_DISTRIBUTIONS = ("normal", "truncated_normal", "uniform")


@spelled
def variance_scaling(
    shape: ShapeLike,
    *,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "normal",
    **kernel: Unpack[Kernel],
) -> Array:
    """Draw weights of mean 0 and variance scale / fan.

    Var W = scale / fan with fan = fan_in, fan_out, (fan_in + fan_out) / 2 or sqrt(fan_in fan_out) for mode
    "fan_in", "fan_out", "fan_avg", "fan_geo". `scale` is sigma_w^2. The truncated normal is cut at 2 standard
    deviations of the normal it comes from, then widened by 1 / 0.8796 so that its variance is as promised.
    `layout`, `groups`, `transposed`, `in_axis`, `out_axis`, `batch_axis`: see `fans`.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10 and 14; Glorot and Bengio 2010, eq. 10-12.

    >>> w = variance_scaling((400, 300), scale=2.0, rng=0)
    >>> round(400 * float(w.var()), 2)
    2.0
    """
    scale = real("scale", scale, minimum=0)
    choice("mode", mode, _MODES)
    if isinstance(distribution, str) and distribution == "untruncated_normal":  # Keras' name
        distribution = "normal"
    choice("distribution", distribution, _DISTRIBUTIONS)
    fan = _MODES[mode](*read_axes(shape, **kernel).fans())
    std = math.sqrt(scale / fan) if fan else 0.0
    shape, rng, dtype = common(shape, kernel.get("rng"), kernel.get("dtype", float))
    if distribution == "uniform":
        bound = std * math.sqrt(2 if dtype.kind == "c" else 3)
        return uniform(shape, low=-bound, high=bound, rng=rng, dtype=dtype)
    if distribution == "truncated_normal":
        return truncated_normal(shape, std=std, rng=rng, dtype=dtype)
    return normal(shape, std=std, rng=rng, dtype=dtype)


@spelled
def lecun_normal(shape: ShapeLike, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw N(0, gain^2 / fan_in). Source: LeCun et al. 1998, Efficient BackProp, section 4.6.

    >>> lecun_normal((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_square(gain), **kernel)


@spelled
def lecun_uniform(shape: ShapeLike, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw U(-b, b), b = gain sqrt(3 / fan_in). Source: LeCun et al. 1998, Efficient BackProp, section 4.6.

    >>> lecun_uniform((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_square(gain), distribution="uniform", **kernel)


@spelled
def glorot_normal(shape: ShapeLike, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw N(0, 2 gain^2 / (fan_in + fan_out)). Source: Glorot and Bengio 2010, eq. 12.

    >>> glorot_normal((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_square(gain), mode="fan_avg", **kernel)


@spelled
def glorot_uniform(shape: ShapeLike, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw U(-b, b), b = gain sqrt(6 / (fan_in + fan_out)). Source: Glorot and Bengio 2010, eq. 16.

    >>> glorot_uniform((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_square(gain), mode="fan_avg", distribution="uniform", **kernel)


@spelled
def he_normal(
    shape: ShapeLike, *, negative_slope: float = 0.0, mode: str = "fan_in", **kernel: Unpack[Kernel]
) -> Array:
    """Draw N(0, 2 / ((1 + negative_slope^2) fan)). Source: He et al. 2015, arXiv:1502.01852, eq. 10, 14, 15.

    >>> he_normal((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_he_scale(negative_slope), mode=mode, **kernel)


@spelled
def he_uniform(
    shape: ShapeLike, *, negative_slope: float = 0.0, mode: str = "fan_in", **kernel: Unpack[Kernel]
) -> Array:
    """Draw U(-b, b), b = sqrt(6 / ((1 + negative_slope^2) fan)); variance as in He et al. 2015, eq. 10-15.

    >>> he_uniform((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(
        shape, scale=_he_scale(negative_slope), mode=mode, distribution="uniform", **kernel
    )


def _square(gain: float) -> float:
    gain = real("gain", gain, minimum=0, maximum=1e100)
    return gain * gain


def _he_scale(negative_slope: float) -> float:
    slope = real("negative_slope", negative_slope, minimum=-1e100, maximum=1e100)
    return 2 / (1 + slope * slope)
