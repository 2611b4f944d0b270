"""Fixed points of the variance and correlation maps, and the depth scales at them."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from initlib import activations, checks
from initlib.activations import Activation, AnyActivation
from initlib.theory import moments
from initlib.theory.roots import LOG_Q, ZERO, cleaned, grid, roots
from initlib.typing import FloatArray

FAR = 1e150  # q and 1 / q that still have squares
MARGIN = 1e-8  # distance from 1 within which a slope says nothing


class VarianceFixedPoint(NamedTuple):
    """A second moment with V(q) = q; `stable` is None where every q is a fixed point."""

    q: float
    stable: bool | None


class CorrelationFixedPoint(NamedTuple):
    """The stable correlation c with C(c) = c, and the slope of the map there."""

    c: float
    slope: float


class DepthScales(NamedTuple):
    """Layers over which a perturbation of q, and of c, shrinks by a factor e; infinite at criticality."""

    xi_q: float
    xi_c: float


@checks.keywords
def variance_fixed_point(
    activation: AnyActivation, sigma_w: float, sigma_b: float = 0.0, near: float = 1.0
) -> VarianceFixedPoint:
    """Return the positive q with sigma_w^2 E phi(sqrt(q) z)^2 + sigma_b^2 = q nearest to `near` in log q.

    q is 0 only if there is no other fixed point. There may be several: GELU and SiLU have an unstable one at
    gain 1 / sqrt(E phi^2). `stable` is False where the map leaves q on either side, and None (with q = near)
    where every q is a fixed point. Beyond [1e-18, 1e18] it is looked for only where there is none within; a
    map without fixed points is a `ValueError`. Fixed points closer than about 10 % to each other may be taken
    for one.

    Source: Poole et al. 2016, arXiv:1606.05340, section 2.

    >>> variance_fixed_point("relu", sigma_w=2**0.5)
    VarianceFixedPoint(q=1.0, stable=None)
    >>> point = variance_fixed_point("tanh", sigma_w=1.5**0.5)
    >>> print(f"{point.q:.6f}", point.stable)
    0.286894 True
    """
    phi = activations.get(activation)
    sigma_w, sigma_b = moments.sigmas(sigma_w, sigma_b)
    near = checks.real("near", near, above=0)

    moments.power(phi, near)  # refuses what no q could be solved for

    def excess(log_q: float | FloatArray, moment: float | FloatArray) -> Any:
        return (sigma_w**2 * moment + sigma_b**2) * np.exp(-log_q) - 1

    def excess_at(log_q: float) -> float:
        return float(excess(log_q, moments.power(phi, math.exp(log_q))))

    on_grid = cleaned(excess(LOG_Q, grid(phi, moments.power)))
    found = roots(on_grid, excess_at)
    if found:
        log_q = min(found, key=lambda root: abs(root - math.log(near)))
        return VarianceFixedPoint(math.exp(log_q), is_stable(phi, sigma_w, math.exp(log_q), on_grid))
    known = on_grid[np.isfinite(on_grid)]
    at_zero = sigma_w**2 * moments.power(phi, 0.0) + sigma_b**2
    if at_zero == 0 and known.size:
        if not known.any() and known.size == on_grid.size:
            return VarianceFixedPoint(near, None)
        return VarianceFixedPoint(0.0, is_stable(phi, sigma_w, 0.0, on_grid))
    far = _far_root(excess_at, at_zero, on_grid)
    if far is not None:
        return VarianceFixedPoint(math.exp(far), is_stable(phi, sigma_w, math.exp(far), on_grid))
    raise ValueError(
        f"The variance map of {phi.name!r} has no fixed point with sigma_w = {sigma_w:g}, "
        f"sigma_b = {sigma_b:g}: {_why_none(phi, sigma_w, on_grid)}"
    )


def _far_root(excess: Callable[[float], float], at_zero: float, on_grid: FloatArray) -> float | None:
    """Return log q of a fixed point beyond the grid, if the map leads there."""
    from scipy.optimize import brentq

    try:
        if on_grid[0] < 0 and at_zero > 1 / FAR:
            return float(brentq(excess, math.log(at_zero) - 1, LOG_Q[0], xtol=1e-13))
        if on_grid[-1] > 0 and excess(math.log(FAR)) < -ZERO:
            return float(brentq(excess, LOG_Q[-1], math.log(FAR), xtol=1e-13))
    except ValueError:  # an integral is refused, or the signs at the ends are the same
        pass
    return None


def _why_none(phi: Activation, sigma_w: float, on_grid: FloatArray) -> str:
    try:
        growing = on_grid[-1] >= 0 and sigma_w**2 * moments.power(phi, FAR) / FAR >= 1 - ZERO
    except ValueError:
        growing = False
    if np.isnan(on_grid).any():
        return "none is in reach of the integrals."
    return "q grows without bound." if growing else f"none lies between {1 / FAR:g} and {FAR:g}."


@checks.keywords
def correlation_fixed_point(
    activation: AnyActivation, sigma_w: float, sigma_b: float = 0.0, near: float = 1.0
) -> CorrelationFixedPoint:
    """Return the correlation c* to which that of two inputs flows, and the slope of the map there.

    c* = 1 with slope chi where chi <= 1 (order); c* < 1 where chi > 1 (chaos). Taken at the stable variance
    fixed point nearest `near`; an unstable one is a `ValueError`.

    Source: Poole et al. 2016, arXiv:1606.05340, section 2.

    >>> point = correlation_fixed_point("tanh", sigma_w=2**0.5, sigma_b=0.05**0.5)
    >>> print(f"{point.c:.6f}")
    0.744082
    """
    phi = activations.get(activation, derivative=True)
    sigma_w, sigma_b = moments.sigmas(sigma_w, sigma_b)
    q = _attractor(phi, sigma_w, sigma_b, near)
    at_one = sigma_w**2 * moments.slope_power(phi, q)
    if at_one <= 1 + MARGIN or q == 0:
        return CorrelationFixedPoint(1.0, at_one)

    def excess(c: float) -> float:
        return (sigma_w**2 * float(moments.pair(phi, np.asarray(c), q)) + sigma_b**2) / q - c

    below = next((1 - 8.0**-k for k in range(1, 15) if excess(1 - 8.0**-k) < 0), 1.0)
    c = 0.0
    if excess(0.0) > ZERO:
        from scipy.optimize import brentq

        c = brentq(excess, 0.0, below, xtol=1e-14)
    return CorrelationFixedPoint(c, sigma_w**2 * float(moments.slope_pair(phi, np.asarray(c), q)))


@checks.keywords
def depth_scales(
    activation: AnyActivation, sigma_w: float, sigma_b: float = 0.0, near: float = 1.0
) -> DepthScales:
    """Return the depth scales (xi_q, xi_c) = (-1 / ln chi_par, -1 / ln slope) at the stable fixed point.

    chi_par = sigma_w^2 d E phi^2 / dq is the slope of the variance map at q*, the other slope that of the
    correlation map at c*. Infinite where the slope is 1 (decay by a power law). An unstable variance fixed
    point is a `ValueError`. In the ordered phase with q* = 0, xi_c says how differences fade, as signals do.

    Source: Schoenholz et al. 2017, arXiv:1611.01232, section 3.

    >>> scales = depth_scales("tanh", sigma_w=0.8**0.5, sigma_b=0.05**0.5)
    >>> print(f"{scales.xi_q:.4f} {scales.xi_c:.4f}")
    1.5144 2.2954
    """
    phi = activations.get(activation, derivative=True)
    sigma_w, sigma_b = moments.sigmas(sigma_w, sigma_b)
    q = _attractor(phi, sigma_w, sigma_b, near)
    slope = correlation_fixed_point(phi, sigma_w, sigma_b, near).slope
    return DepthScales(_scale(sigma_w**2 * moments.growth(phi, q)), _scale(slope))


def _attractor(phi: Activation, sigma_w: float, sigma_b: float, near: float) -> float:
    point = variance_fixed_point(phi, sigma_w, sigma_b, near)
    if point.stable is False:
        raise ValueError(
            f"The variance fixed point q = {point.q:g} of {phi.name!r} with sigma_w = {sigma_w:g}, sigma_b = "
            f"{sigma_b:g} is unstable: signals leave it, and no depth scale describes them. "
            "Pass `near` to take another fixed point, or change sigma_w or sigma_b."
        )
    return point.q


def is_stable(phi: Activation, sigma_w: float, q: float, excess: FloatArray) -> bool:
    """Say whether q flows back to the fixed point, by its slope or by `excess` = V(q) / q - 1 on the grid."""
    slope = abs(sigma_w**2 * moments.growth(phi, q))
    if abs(slope - 1) > MARGIN:
        return slope < 1
    log_q = math.log(q) if q else -math.inf
    below = excess[(log_q > LOG_Q) & (np.nan_to_num(excess) != 0)]
    above = excess[(log_q < LOG_Q) & (np.nan_to_num(excess) != 0)]
    return bool((above.size and above[0] < 0) and (q == 0 or (below.size and below[-1] > 0)))


def _scale(slope: float) -> float:
    slope = abs(slope)
    if slope == 0:
        return 0.0
    return math.inf if slope > 1 - MARGIN else -1 / math.log(slope)
