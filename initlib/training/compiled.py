"""Adam's step in one pass over memory, where numba is installed, and in numpy's passes elsewhere.

Both round in the same places, so that what nets learn does not depend on numba, to the bit.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from initlib.typing import Array

Step = Callable[[Array, Array, Array, Array, float, float, float, float], None]


def in_passes(
    gradient: Array,
    first: Array,
    second: Array,
    rates: Array,
    beta1: float,
    beta2: float,
    correction: float,
    epsilon: float,
) -> None:
    """Update both moments (nets, ...) by the gradient, and put the step in its place.

    m <- beta1 m + (1 - beta1) g and v <- beta2 v + (1 - beta2) g^2, then
    g <- rate m / (sqrt(v / correction) + epsilon).
    """
    first *= beta1
    first += (1 - beta1) * gradient
    second *= beta2
    np.square(gradient, out=gradient)
    gradient *= 1 - beta2
    second += gradient
    np.divide(second, correction, out=gradient)
    np.sqrt(gradient, out=gradient)
    gradient += epsilon
    np.divide(first, gradient, out=gradient)
    gradient *= rates.reshape(-1, *[1] * (gradient.ndim - 1))


def _loop(
    gradient: Any,
    first: Any,
    second: Any,
    rates: Any,
    b1: Any,
    c1: Any,
    b2: Any,
    c2: Any,
    correction: Any,
    e: Any,
) -> None:
    for net in range(gradient.shape[0]):
        for i in range(gradient.shape[1]):
            g = gradient[net, i]
            m = first[net, i] * b1 + c1 * g
            v = second[net, i] * b2 + g * g * c2
            first[net, i], second[net, i] = m, v
            gradient[net, i] = m / (np.sqrt(v / correction) + e) * rates[net]


@cache
def adam_step() -> Step:
    """Return what does as `in_passes` says, compiled if it can be."""
    try:
        import numba
    except ImportError:
        return in_passes
    compiled = numba.njit(error_model="numpy", nogil=True)(_loop)

    def in_one_pass(gradient: Array, first: Array, second: Array, rates: Array, *numbers: float) -> None:
        arrays = gradient, first, second
        if not all(array.flags.c_contiguous for array in arrays):
            in_passes(*arrays, rates, *numbers)
            return
        beta1, beta2, correction, epsilon = numbers
        scalars = (beta1, 1 - beta1, beta2, 1 - beta2, correction, epsilon)
        flat = [array.reshape(len(array), -1) for array in arrays]
        compiled(*flat, rates, *map(gradient.dtype.type, scalars))

    return in_one_pass
