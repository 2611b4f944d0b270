"""Fixed points of the variance and correlation maps, depth scales, and the critical line."""

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from initlib import _moments, activations, checks
from initlib.activations import Activation
from initlib.gaussian import Array

AnyActivation = str | Activation | Callable[..., Any]

_LOG_Q = math.log(10) * np.concatenate(
    [np.arange(-18, -5, 0.25), np.arange(-5, 5, 1 / 24), np.arange(5, 18.1, 0.25)]
)
_ZERO = 1e-13  # relative size below which a value is rounding
_MARGIN = 1e-8  # distance from 1 within which a slope says nothing


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


class CriticalPoint(NamedTuple):
    """A point with chi = 1; `stable` says whether its q is (None where every q is a fixed point)."""

    sigma_w: float
    q: float
    stable: bool | None


class SemiCriticalPoint(NamedTuple):
    """The end of the stable critical line: chi = chi_par = 1."""

    sigma_w: float
    sigma_b: float
    q: float


def variance_fixed_point(
    activation: AnyActivation, sigma_w: float, sigma_b: float = 0.0, near: float = 1.0
) -> VarianceFixedPoint:
    """Return the positive q with sigma_w^2 E phi(sqrt(q) z)^2 + sigma_b^2 = q nearest to `near` in log q.

    q is 0 only if there is no other fixed point. There may be several: GELU and SiLU have an unstable one at
    gain 1 / sqrt(E phi^2). `stable` is False where the map leaves q on either side, and None (with q = near)
    where every q is a fixed point. A map without fixed points in [1e-18, 1e18] is a `ValueError`. Fixed
    points closer than about 10 % to each other may be taken for one.

    Source: Poole et al. 2016, arXiv:1606.05340, section 2.

    >>> variance_fixed_point("relu", sigma_w=2**0.5)
    VarianceFixedPoint(q=1.0, stable=None)
    >>> point = variance_fixed_point("tanh", sigma_w=1.5**0.5)
    >>> print(f"{point.q:.6f}", point.stable)
    0.286894 True
    """
    phi = activations.get(activation)
    sigma_w, sigma_b = _moments.sigmas(sigma_w, sigma_b)
    near = checks.real("near", near, above=0)

    _moments.power(phi, near)  # refuses what no q could be solved for

    def excess(log_q: float | Array, moment: float | Array) -> Any:
        return (sigma_w**2 * moment + sigma_b**2) * np.exp(-log_q) - 1

    on_grid = _cleaned(excess(_LOG_Q, _grid(phi, _moments.power)))
    roots = _roots(on_grid, lambda log_q: float(excess(log_q, _moments.power(phi, math.exp(log_q)))))
    if roots:
        log_q = min(roots, key=lambda root: abs(root - math.log(near)))
        return VarianceFixedPoint(math.exp(log_q), _is_stable(phi, sigma_w, math.exp(log_q), on_grid))
    known = on_grid[np.isfinite(on_grid)]
    if sigma_w**2 * _moments.power(phi, 0.0) + sigma_b**2 == 0 and known.size:
        if not known.any() and known.size == on_grid.size:
            return VarianceFixedPoint(near, None)
        return VarianceFixedPoint(0.0, _is_stable(phi, sigma_w, 0.0, on_grid))
    raise ValueError(
        f"The variance map of {phi.name!r} has no fixed point with sigma_w = {sigma_w:g}, "
        f"sigma_b = {sigma_b:g}: "
        + ("q grows without bound." if known.size == on_grid.size else "none is in reach of the integrals.")
    )


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
    q = _attractor(phi, sigma_w, sigma_b, near)
    at_one = sigma_w**2 * _moments.slope_power(phi, q)
    if at_one <= 1 + _MARGIN or q == 0:
        return CorrelationFixedPoint(1.0, at_one)

    def excess(c: float) -> float:
        return (sigma_w**2 * float(_moments.pair(phi, np.asarray(c), q)) + sigma_b**2) / q - c

    below = next((1 - 8.0**-k for k in range(1, 15) if excess(1 - 8.0**-k) < 0), 1.0)
    c = 0.0
    if excess(0.0) > _ZERO:
        from scipy.optimize import brentq

        c = brentq(excess, 0.0, below, xtol=1e-14)
    return CorrelationFixedPoint(c, sigma_w**2 * float(_moments.slope_pair(phi, np.asarray(c), q)))


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
    q = _attractor(phi, sigma_w, sigma_b, near)
    slope = correlation_fixed_point(phi, sigma_w, sigma_b, near).slope
    return DepthScales(_scale(sigma_w**2 * _moments.growth(phi, q)), _scale(slope))


def critical_sigma_w(activation: AnyActivation, sigma_b: float = 0.0) -> CriticalPoint:
    """Return (sigma_w, q, stable) with chi = sigma_w^2 E phi'^2 = 1 at the variance fixed point q.

    q solves q - E phi^2 / E phi'^2 = sigma_b^2, then sigma_w = 1 / sqrt(E phi'^2). q is 0 where only the
    limit of small signals is critical (tanh without biases), and 1 where any q serves (ReLU without biases).
    Of several points that with q nearest 1 in log q is returned. The critical line of GELU is unstable for
    sigma_b^2 < 0.173 and that of SiLU for sigma_b^2 < 0.555: see `semi_critical_point`. Where no critical
    point exists (softplus; ReLU with biases) a `ValueError` says which sigma_b^2 can have one.

    Source: Poole et al. 2016, arXiv:1606.05340; Hayou et al. 2019, arXiv:1902.06853 (edge of chaos);
    Roberts, Yaida and Hanin 2022, arXiv:2106.10165, section 5.3 (GELU and SiLU).

    >>> point = critical_sigma_w("tanh", sigma_b=0.05**0.5)
    >>> print(f"{point.sigma_w**2:.6f} {point.q:.6f}", point.stable)
    1.760955 0.570048 True
    """
    phi = activations.get(activation, derivative=True)
    sigma_b = checks.real("sigma_b", sigma_b, minimum=0)

    if _moments.slope_power(phi, 1.0) == 0:
        raise ValueError(f"{phi.name!r} has no critical point: its derivative vanishes.")

    def excess(log_q: float) -> float:
        return 1 - (_ratio(phi, math.exp(log_q)) + sigma_b**2) * math.exp(-log_q)

    ratios = _grid(phi, _ratio)
    on_grid = _cleaned(1 - (ratios + sigma_b**2) * np.exp(-_LOG_Q))
    if not on_grid.any():
        return CriticalPoint(1 / math.sqrt(_moments.slope_power(phi, 1.0)), 1.0, None)
    candidates = [math.exp(root) for root in _roots(on_grid, excess)]
    if sigma_b == 0 and abs(excess(2 * _LOG_Q[0])) < 1e-6:
        candidates.append(0.0)
    if not candidates:
        reach = np.exp(_LOG_Q) * _cleaned(1 - ratios * np.exp(-_LOG_Q))
        raise ValueError(
            f"{phi.name!r} has no critical point with sigma_b = {sigma_b:g}: chi = 1 at a fixed point needs "
            f"sigma_b^2 = q - E phi^2 / E phi'^2, which runs from {np.nanmin(reach):.3g} to "
            f"{np.nanmax(reach):.3g}."
        )
    q = min(candidates, key=lambda q: abs(math.log(q or 1e-300)))
    sigma_w = 1 / math.sqrt(_moments.slope_power(phi, q))
    from_fixed_point = (sigma_w**2 * _grid(phi, _moments.power) + sigma_b**2) * np.exp(-_LOG_Q) - 1
    return CriticalPoint(sigma_w, q, _is_stable(phi, sigma_w, q, _cleaned(from_fixed_point)))


def semi_critical_point(activation: AnyActivation) -> SemiCriticalPoint:
    """Return the point where the critical line turns from unstable to stable: chi = chi_par = 1.

    There E phi'^2 = d E phi^2 / dq, sigma_w^2 = 1 / E phi'^2 and sigma_b^2 = q - E phi^2 / E phi'^2. Where
    the line does not turn (tanh, ReLU, ...) a `ValueError` says so.

    Source: Roberts, Yaida and Hanin 2022, arXiv:2106.10165, section 5.3.

    >>> point = semi_critical_point("gelu")
    >>> print(f"{point.sigma_w**2:.6f} {point.sigma_b**2:.6f} {point.q:.6f}")
    1.983058 0.172922 3.561553
    """
    phi = activations.get(activation, derivative=True)

    _moments.slope_power(phi, 1.0)  # refuses what no q could be solved for

    def excess(log_q: float) -> float:
        return _slope_ratio(phi, math.exp(log_q)) - 1

    for q in sorted(math.exp(root) for root in _roots(_cleaned(_grid(phi, _slope_ratio) - 1), excess)):
        squared = 1 / _moments.slope_power(phi, q)
        bias = q - _moments.power(phi, q) * squared
        if bias >= 0:
            return SemiCriticalPoint(math.sqrt(squared), math.sqrt(bias), q)
    raise ValueError(
        f"{phi.name!r} has no semi-critical point: stability does not change along its critical line."
    )


def _ratio(phi: Activation, q: float) -> float:
    slope = _moments.slope_power(phi, q)
    return _moments.power(phi, q) / slope if slope else math.nan


def _slope_ratio(phi: Activation, q: float) -> float:
    slope = _moments.slope_power(phi, q)
    return _moments.growth(phi, q) / slope if slope else math.nan


def _attractor(phi: Activation, sigma_w: float, sigma_b: float, near: float) -> float:
    point = variance_fixed_point(phi, sigma_w, sigma_b, near)
    if point.stable is False:
        raise ValueError(
            f"The variance fixed point q = {point.q:g} of {phi.name!r} with sigma_w = {sigma_w:g}, sigma_b = "
            f"{sigma_b:g} is unstable: signals leave it, and no depth scale describes them. "
            "Pass `near` to take another fixed point, or change sigma_w or sigma_b."
        )
    return point.q


def _is_stable(phi: Activation, sigma_w: float, q: float, excess: Array) -> bool:
    slope = abs(sigma_w**2 * _moments.growth(phi, q))
    if abs(slope - 1) > _MARGIN:
        return slope < 1
    log_q = math.log(q) if q else -math.inf
    below = excess[(log_q > _LOG_Q) & (np.nan_to_num(excess) != 0)]
    above = excess[(log_q < _LOG_Q) & (np.nan_to_num(excess) != 0)]
    return bool((above.size and above[0] < 0) and (q == 0 or (below.size and below[-1] > 0)))


def _scale(slope: float) -> float:
    slope = abs(slope)
    if slope == 0:
        return 0.0
    return math.inf if slope > 1 - _MARGIN else -1 / math.log(slope)


@lru_cache(maxsize=64)
def _grid(phi: Activation, moment: Callable[[Activation, float], float]) -> Array:
    """Return the moment on the grid of q; NaN where the integral is refused."""

    def value(q: float) -> float:
        try:
            return moment(phi, q)
        except ValueError:
            return math.nan

    return np.array([value(q) for q in np.exp(_LOG_Q)])


def _cleaned(excess: Array) -> Array:
    return np.where(np.abs(excess) < _ZERO, 0.0, excess)


def _roots(on_grid: Array, f: Callable[[float], float]) -> list[float]:
    """Return the roots of `f` in log q: between grid points of opposite sign, and where `f` dips to 0."""
    from scipy.optimize import brentq, minimize_scalar

    places = [(x, y) for x, y in zip(_LOG_Q, on_grid, strict=True) if y != 0]  # NaN stays and opens a gap
    brackets = [(x0, x1) for (x0, y0), (x1, y1) in pairwise(places) if y0 * y1 < 0]
    touches = []
    for (x0, y0), (_, y1), (x2, y2) in zip(places, places[1:], places[2:], strict=False):
        turns = abs(y1) <= abs(y2) and abs(y1) < abs(y0) - _ZERO
        if turns and y0 * y1 > 0 and y1 * y2 > 0:
            side = math.copysign(1.0, y1)
            dip = minimize_scalar(lambda x, s=side: s * f(x), bounds=(x0, x2), options={"xatol": 1e-9})
            if dip.fun < -_ZERO:
                brackets += [(x0, dip.x), (dip.x, x2)]
            elif dip.fun <= _ZERO:
                touches.append(float(dip.x))
    return touches + [float(brentq(f, x0, x1, xtol=1e-13)) for x0, x1 in brackets]
