"""The critical line, where gradients neither shrink nor grow, and the point where it turns stable."""

import math
from typing import NamedTuple

import numpy as np

from initlib import activations, checks
from initlib.activations import Activation, AnyActivation
from initlib.theory import moments
from initlib.theory.fixed_points import is_stable
from initlib.theory.roots import LOG_Q, cleaned, grid, roots


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


@checks.keywords
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
    sigma_b = checks.real("sigma_b", sigma_b, minimum=0, maximum=1e100)

    if moments.slope_power(phi, 1.0) == 0:
        raise ValueError(f"{phi.name!r} has no critical point: its derivative vanishes.")

    def excess(log_q: float) -> float:
        return 1 - (_ratio(phi, math.exp(log_q)) + sigma_b**2) * math.exp(-log_q)

    ratios = grid(phi, _ratio)
    on_grid = cleaned(1 - (ratios + sigma_b**2) * np.exp(-LOG_Q))
    if not on_grid.any():
        return CriticalPoint(1 / math.sqrt(moments.slope_power(phi, 1.0)), 1.0, None)
    candidates = [math.exp(root) for root in roots(on_grid, excess)]
    if sigma_b == 0 and abs(excess(2 * LOG_Q[0])) < 1e-6:
        candidates.append(0.0)
    if not candidates:
        reach = np.exp(LOG_Q) * cleaned(1 - ratios * np.exp(-LOG_Q))
        raise ValueError(
            f"{phi.name!r} has no critical point with sigma_b = {sigma_b:g}: chi = 1 at a fixed point needs "
            f"sigma_b^2 = q - E phi^2 / E phi'^2, which runs from {np.nanmin(reach):.3g} to "
            f"{np.nanmax(reach):.3g}."
        )
    q = min(candidates, key=lambda q: abs(math.log(q or 1e-300)))
    sigma_w = 1 / math.sqrt(moments.slope_power(phi, q))
    from_fixed_point = (sigma_w**2 * grid(phi, moments.power) + sigma_b**2) * np.exp(-LOG_Q) - 1
    return CriticalPoint(sigma_w, q, is_stable(phi, sigma_w, q, cleaned(from_fixed_point)))


@checks.keywords
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

    moments.slope_power(phi, 1.0)  # refuses what no q could be solved for

    def excess(log_q: float) -> float:
        return _slope_ratio(phi, math.exp(log_q)) - 1

    for q in sorted(math.exp(root) for root in roots(cleaned(grid(phi, _slope_ratio) - 1), excess)):
        squared = 1 / moments.slope_power(phi, q)
        bias = q - moments.power(phi, q) * squared
        if bias >= 0:
            return SemiCriticalPoint(math.sqrt(squared), math.sqrt(bias), q)
    raise ValueError(
        f"{phi.name!r} has no semi-critical point: stability does not change along its critical line."
    )


def _ratio(phi: Activation, q: float) -> float:
    slope = moments.slope_power(phi, q)
    return moments.power(phi, q) / slope if slope else math.nan


def _slope_ratio(phi: Activation, q: float) -> float:
    slope = moments.slope_power(phi, q)
    return moments.growth(phi, q) / slope if slope else math.nan
