"""Gaussian moments of an activation and its derivative: closed forms where they exist, integrals elsewhere.

Every function takes an `Activation` phi and the variance q of its argument x = sqrt(q) z.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from initlib import activations, checks, gaussian
from initlib.activations import Activation, Function
from initlib.typing import FloatArray

_NEAR_ZERO = 1e-32  # stands for the limit q -> 0


@lru_cache(maxsize=64)
def homogeneous_slopes(activation: Activation) -> tuple[float, float] | None:
    """Return the slopes left and right of 0 if phi(t x) = t phi(x) for all t > 0, as for leaky ReLU."""
    t = 1.7 ** np.linspace(-50, 50, 20_001)
    with np.errstate(all="ignore"):
        left, right = -activation(-t) / t, activation(t) / t
    same = np.allclose(left, left[0], 1e-14, 0) and np.allclose(right, right[0], 1e-14, 0)
    return (float(left[0]), float(right[0])) if same else None


@lru_cache(maxsize=4096)
def power(activation: Activation, q: float, p: int = 2) -> float:
    """Return E phi^p for even p."""
    slopes = homogeneous_slopes(activation)
    if slopes is not None:
        return math.prod(range(1, p, 2)) * q ** (p // 2) * _mean_power(slopes, p)
    if activation.function is np.sin and q > 1:
        return _mean_power_of_wave(q, p, odd=True)
    return _mean(activation, lambda x: activation.function(x) ** p, q)


@lru_cache(maxsize=4096)
def slope_power(activation: Activation, q: float, p: int = 2) -> float:
    """Return E phi'^p for even p; q = 0 stands for the limit q -> 0."""
    derivative = activations.get(activation, derivative=True).derivative
    assert derivative is not None
    slopes = homogeneous_slopes(activation)
    if slopes is not None:
        return _mean_power(slopes, p)
    if derivative is np.cos and q > 1:
        return _mean_power_of_wave(q, p, odd=False)
    return _mean(activation, lambda x: derivative(x) ** p, max(q, _NEAR_ZERO))


@lru_cache(maxsize=4096)
def growth(activation: Activation, q: float) -> float:
    """Return d E phi^2 / dq = E (phi^2 - phi(0)^2) (z^2 - 1) / (2 q), by Stein's lemma."""
    slopes = homogeneous_slopes(activation)
    if slopes is not None:
        return _mean_power(slopes, 2)
    if activation.function is np.sin and q > 1:
        return math.exp(-2 * q)
    at_zero = float(activation(0.0)) ** 2
    smooth_offset = at_zero != 0 and 0.0 not in activation.kinks
    q = max(q, 1e-8 if smooth_offset else _NEAR_ZERO)  # below 1e-8 rounding would exceed the change with q
    return _mean(activation, lambda x: (activation.function(x) ** 2 - at_zero) * (x * x / q - 1) / (2 * q), q)


def pair(activation: Activation, c: FloatArray, q: float) -> FloatArray:
    """Return E phi(u) phi(v) at correlation `c`."""
    slopes = homogeneous_slopes(activation)
    if slopes is not None:
        bend = (slopes[0] - slopes[1]) ** 2 / (2 * math.pi)
        return q * (bend * (np.sqrt((1 - c) * (1 + c)) - c * np.arccos(c)) + c * _mean_power(slopes, 2))
    if activation.function is activations.get("erf").function:
        result: FloatArray = 2 / math.pi * np.arctan2(2 * q * c, _erf_root(c, q))
        return result
    return _pair(activation, activation.function, c, q)


def slope_pair(activation: Activation, c: FloatArray, q: float) -> FloatArray:
    """Return E phi'(u) phi'(v) at correlation `c`."""
    slopes = homogeneous_slopes(activation)
    if slopes is not None:
        bend = (slopes[0] - slopes[1]) ** 2 / (2 * math.pi)
        return _mean_power(slopes, 2) - bend * np.arccos(c)
    if activation.function is activations.get("erf").function:
        return 4 / math.pi / _erf_root(c, q)
    derivative = activations.get(activation, derivative=True).derivative
    assert derivative is not None
    return _pair(activation, derivative, c, q)


def sigmas(sigma_w: float, sigma_b: float) -> tuple[float, float]:
    """Return both standard deviations after checking that they are numbers whose squares are finite."""
    return (
        checks.real("sigma_w", sigma_w, minimum=0, maximum=1e100),
        checks.real("sigma_b", sigma_b, minimum=0, maximum=1e100),
    )


def _mean(activation: Activation, f: Callable[[FloatArray], FloatArray], q: float) -> float:
    f.__name__ = f"{activation.name!r}"  # what a refusal calls it
    return gaussian.expectation(f, q, activation.kinks, search=not activations.is_standard(activation))


def _pair(activation: Activation, f: Function, c: FloatArray, q: float) -> FloatArray:
    search = not activations.is_standard(activation)
    return gaussian.pair_expectation(f, c, q, activation.kinks, search=search)


def _mean_power(slopes: tuple[float, float], p: int) -> float:
    try:
        return (slopes[0] ** p + slopes[1] ** p) / 2
    except OverflowError:
        raise ValueError(f"Slopes of {slopes[0]:g} and {slopes[1]:g} are too steep for moments.") from None


def _mean_power_of_wave(q: float, p: int, *, odd: bool) -> float:
    """Return E sin^p (odd) or E cos^p of sqrt(q) z, from the Fourier series of the power."""
    waves = (math.comb(p, k) * math.exp(-((p - 2 * k) ** 2) * q / 2) for k in range(p + 1))
    signs = ((-1.0) ** (p // 2 - k) if odd else 1.0 for k in range(p + 1))
    return math.fsum(sign * wave for sign, wave in zip(signs, waves, strict=True)) / float(2**p)


def _erf_root(c: FloatArray, q: float) -> FloatArray:
    root: FloatArray = np.sqrt(1 + 2 * q * (1 - c)) * np.sqrt(1 + 2 * q * (1 + c))
    return root
