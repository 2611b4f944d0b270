"""The initializers that ask for no fans, for weights and biases of any shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from initlib.checks import Rng, boolean, keywords, real, shown
from initlib.initializers import sampling
from initlib.initializers.arguments import common, fitting
from initlib.initializers.sampling import truncated_moments
from initlib.typing import Array, ShapeLike


@keywords
def zeros(shape: ShapeLike, *, rng: Rng = None, dtype: DTypeLike = float) -> Array:
    """Return zeros; `rng` is accepted so that all initializers are called alike, and not used.

    >>> zeros((1, 2))
    array([[0., 0.]])
    """
    return constant(shape, 0.0, rng=rng, dtype=dtype)


@keywords
def constant(shape: ShapeLike, value: float = 1.0, *, rng: Rng = None, dtype: DTypeLike = float) -> Array:
    """Return an array filled with `value`; `rng` is accepted and not used.

    >>> constant((1, 2), 0.1)
    array([[0.1, 0.1]])
    """
    shape, _, dtype = common(shape, rng, dtype)
    return np.full(shape, fitting("value", value, dtype), dtype)


@keywords
def normal(
    shape: ShapeLike, *, std: float = 1.0, mean: float = 0.0, rng: Rng = None, dtype: DTypeLike = float
) -> Array:
    """Draw N(mean, std^2); complex draws are circular, with E|w - mean|^2 = std^2.

    >>> normal((2, 3), std=0.02, rng=0, dtype="float32").dtype
    dtype('float32')
    """
    shape, rng, dtype = common(shape, rng, dtype)
    std, mean = fitting("std", std, dtype, minimum=0), fitting("mean", mean, dtype)
    return sampling.draw(shape, rng, dtype, sampling.normal, std, mean)


@keywords
def uniform(
    shape: ShapeLike, *, low: float = -1.0, high: float = 1.0, rng: Rng = None, dtype: DTypeLike = float
) -> Array:
    """Draw U(low, high); complex draws are uniform on the disc of radius `high`, and need low = -high.

    Var W = (high - low)^2 / 12, so U(-b, b) has variance b^2 / 3 (the complex disc: b^2 / 2).

    >>> import numpy as np
    >>> float(np.abs(uniform((50, 50), low=-0.1, high=0.1, rng=0)).max()) < 0.1
    True
    """
    shape, rng, dtype = common(shape, rng, dtype)
    low = fitting("low", low, dtype)
    high = fitting("high", high, dtype, minimum=low)
    if dtype.kind == "c" and low != -high:
        raise ValueError(f"Complex uniform draws need low = -high. Received: low={low}, high={high}.")
    middle, reach = (high + low) / 2, (high - low) / 2
    return sampling.draw(shape, rng, dtype, sampling.uniform, reach, middle, within=(low, high))


@keywords
def truncated_normal(
    shape: ShapeLike,
    *,
    std: float = 1.0,
    mean: float = 0.0,
    bounds: tuple[float, float] = (-2.0, 2.0),
    corrected: bool = True,
    rng: Rng = None,
    dtype: DTypeLike = float,
) -> Array:
    """Draw a normal cut at `bounds`, in units of its own sigma, and corrected to the mean and std asked for.

    W = mean + std (z - E z) / sd(z), z ~ N(0, 1) given bounds[0] <= z <= bounds[1]. Cut at 2 sigma, sd(z) is
    0.87962566: without the correction, `corrected=False`, W = mean + std z has variance 0.774 std^2.
    For complex dtypes the modulus is cut, at bounds[1] = -bounds[0].

    >>> round(float(truncated_normal((500, 500), rng=0).std()), 2)
    1.0
    >>> round(float(truncated_normal((500, 500), corrected=False, rng=0).std()), 2)
    0.88
    """
    shape, rng, dtype = common(shape, rng, dtype)
    std, mean = fitting("std", std, dtype, minimum=0), fitting("mean", mean, dtype)
    low, high = _bounds(bounds, dtype)
    corrected = boolean("corrected", corrected)
    if corrected:
        centre, spread = (0.0, _complex_std(high)) if dtype.kind == "c" else truncated_moments(low, high)[:2]
        std = std / spread
        mean = mean - std * centre
    within = mean + std * low, mean + std * high
    return sampling.draw(shape, rng, dtype, sampling.truncated_normal(low, high), std, mean, within=within)


def _bounds(bounds: tuple[float, float], dtype: np.dtype[Any]) -> tuple[float, float]:
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise TypeError(
            f"bounds must be two numbers (low, high) in units of sigma. Received: {shown(bounds)}."
        )
    low, high = real("bounds[0]", bounds[0], below=37), real("bounds[1]", bounds[1], above=-37)
    if high - low < 1e-6:
        raise ValueError(f"bounds must satisfy high - low >= 1e-6. Received: {shown(bounds)}.")
    if dtype.kind == "c" and low != -high:
        raise ValueError(f"Complex truncated draws need bounds (-b, b). Received: {shown(bounds)}.")
    return low, high


def _complex_std(bound: float) -> float:
    """Return sqrt(E|z|^2) of the circular normal with E|z|^2 = 1 cut at |z| <= bound."""
    square = bound * bound
    if square < 1e-4:  # the series of what follows, which subtracts numbers that are nearly equal
        return math.sqrt(square / 2 * (1 - square / 6))
    return math.sqrt(1 - square / math.expm1(square)) if square < 700 else 1.0
