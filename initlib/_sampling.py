"""Random arrays of mean 0 for the initializers: normal, truncated normal, uniform; real or complex."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]


def normal(shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
    """Draw N(0, 1), or the circular complex normal with E|z|^2 = 1."""
    if dtype.kind == "c":
        parts = rng.standard_normal((*shape, 2), dtype=_real(dtype))
        parts *= math.sqrt(0.5)
        return parts.view(dtype)[..., 0]
    return rng.standard_normal(shape, dtype=dtype)


def uniform(shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
    """Draw U(-1, 1), or the uniform distribution on the complex unit disc."""
    if dtype.kind == "c":
        radius = np.sqrt(rng.random(shape, dtype=_real(dtype)))
        return _polar(radius, rng, dtype)
    draws = rng.random(shape, dtype=dtype)
    draws *= 2
    draws -= 1
    return draws


def truncated_normal(
    shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any], low: float, high: float
) -> Array:
    """Draw N(0, 1) given low <= z <= high; for complex dtypes the modulus of z is at most `high`."""
    if dtype.kind == "c":
        mass = -math.expm1(-high * high)
        radius = np.sqrt(-np.log1p(-mass * rng.random(shape)))
        return _polar(radius.astype(_real(dtype)), rng, dtype)
    from scipy.special import ndtr, ndtri

    if low > 0:  # the lower tail keeps the digits that 1 - ndtr loses
        return -truncated_normal(shape, rng, dtype, -high, -low)
    start, stop = ndtr(low), ndtr(high)
    draws = ndtri(start + (stop - start) * rng.random(shape))
    return np.asarray(np.clip(draws, low, high), dtype=dtype)


def _polar(radius: Array, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
    angle = rng.random(radius.shape, dtype=radius.dtype) * (2 * math.pi)
    return np.asarray(radius * np.exp(1j * angle), dtype=dtype)


def _real(dtype: np.dtype[Any]) -> Any:
    return np.float32 if dtype == np.complex64 else np.float64
