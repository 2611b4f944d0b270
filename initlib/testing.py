"""A sharp test that weights have the variance they should, for weights of any framework."""

import math
from typing import Any

import numpy as np

from initlib.checks import array, real
from initlib.typing import Array

__all__ = ["assert_variance"]


def assert_variance(weights: Any, expected: float, *, kurtosis: float = 3.0, sigma: float = 5.0) -> float:
    """Raise an AssertionError unless weights of mean 0 have the expected variance; return the z-score.

    z = (mean |w|^2 / expected - 1) / sqrt((kurtosis - 1) / n), at most `sigma` in size. 10^5 normal weights
    tell variances apart that differ by 2.2 %, so no missing factor passes. `kurtosis` is E w^4 / (E w^2)^2:
    3 for normal weights, 1.8 for uniform ones, 2.3655 for a normal cut at 2 sigma; `initializers.SPECS` has
    them all.

    `weights` is an array, a PyTorch tensor (with or without gradient), or anything else that NumPy can read.
    Weights that are not finite, or too few for a tolerance of one half, are a ValueError.

    >>> from initlib import initializers
    >>> w = initializers.he_normal((300, 200), rng=0)
    >>> abs(assert_variance(w, 2 / 300)) < 5
    True
    >>> assert_variance(w, 1 / 300)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: The variance of 60000 weights is 2 times the expected one, ...
    """
    expected = real("expected", expected, minimum=0)
    kurtosis = real("kurtosis", kurtosis, minimum=1, maximum=1e100)
    sigma = real("sigma", sigma, above=0, maximum=1e100)
    values = _as_array(weights)
    tolerance = sigma * math.sqrt((kurtosis - 1) / values.size) if values.size else math.inf
    if tolerance > 0.5:
        needed = math.ceil((kurtosis - 1) * (2 * sigma) ** 2)
        raise ValueError(f"Too few weights to test. Received: {values.size}; {needed} or more are needed.")
    with np.errstate(over="ignore"):  # an infinite variance is not the expected one
        found = float(np.mean(np.abs(values) ** 2))
    if found == expected:
        return 0.0
    ratio = found / expected if expected else math.inf
    spread = max(tolerance / sigma, 1e-6)  # kurtosis 1 means equal squares: rounding is all that may differ
    z = (ratio - 1) / spread
    if abs(z) > sigma:
        raise AssertionError(
            f"The variance of {values.size} weights is {ratio:.3g} times the expected one, "
            f"{found:.3g} for {expected:.3g}: {abs(z):.1f} sigma where {sigma:g} are allowed."
        )
    return z


def _as_array(weights: Any) -> Array:
    if hasattr(weights, "detach"):  # a PyTorch tensor; NumPy has no bfloat16
        weights = weights.detach()
        weights = (weights.double() if weights.is_floating_point() else weights).numpy(force=True)
    given = array("weights", weights, dtype=None)
    return array("weights", given, dtype=complex if given.dtype.kind == "c" else float)
