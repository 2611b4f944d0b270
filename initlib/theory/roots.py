"""Functions of log q on a grid, and their roots."""

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np

from initlib.activations import Activation
from initlib.typing import FloatArray

LOG_Q = math.log(10) * np.concatenate(
    [np.arange(-18, -5, 0.25), np.arange(-5, 5, 1 / 24), np.arange(5, 18.1, 0.25)]
)
ZERO = 1e-13  # relative size below which a value is rounding


@lru_cache(maxsize=64)
def grid(phi: Activation, moment: Callable[[Activation, float], float]) -> FloatArray:
    """Return the moment on the grid of q; NaN where the integral is refused."""

    def value(q: float) -> float:
        try:
            return moment(phi, q)
        except ValueError:
            return math.nan

    return np.array([value(q) for q in np.exp(LOG_Q)])


def cleaned(excess: FloatArray) -> FloatArray:
    """Return the values with 0 for what is rounding."""
    return np.where(np.abs(excess) < ZERO, 0.0, excess)


def roots(on_grid: FloatArray, f: Callable[[float], float]) -> list[float]:
    """Return the roots of `f` in log q: between grid points of opposite sign, and where `f` dips to 0."""
    from scipy.optimize import brentq, minimize_scalar

    places = [(x, y) for x, y in zip(LOG_Q, on_grid, strict=True) if y != 0]  # NaN stays and opens a gap
    brackets = [(x0, x1) for (x0, y0), (x1, y1) in pairwise(places) if _sign(y0) * _sign(y1) < 0]
    touches = []
    for (x0, y0), (_, y1), (x2, y2) in zip(places, places[1:], places[2:], strict=False):
        turns = abs(y1) <= abs(y2) and abs(y1) < abs(y0) - ZERO
        if turns and _sign(y0) == _sign(y1) == _sign(y2):
            side = math.copysign(1.0, y1)
            dip = minimize_scalar(lambda x, s=side: s * f(x), bounds=(x0, x2), options={"xatol": 1e-9})
            if dip.fun < -ZERO:
                brackets += [(x0, dip.x), (dip.x, x2)]
            elif dip.fun <= ZERO:
                touches.append(float(dip.x))
    return touches + [float(brentq(f, x0, x1, xtol=1e-13)) for x0, x1 in brackets]


def _sign(y: float) -> float:
    """Return -1, 0 or 1, or NaN: products of signs neither overflow nor vanish."""
    return float(np.sign(y))
