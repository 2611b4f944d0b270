"""What one layer does to signals and gradients: gains, the variance and correlation maps, residual blocks."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from initlib import activations, checks
from initlib.activations import AnyActivation
from initlib.gaussian import correlations
from initlib.theory import moments
from initlib.theory.fixed_points import variance_fixed_point
from initlib.typing import FloatArray


@checks.keywords
def gain(activation: AnyActivation, direction: str = "forward", q: float = 1.0) -> float:
    """Return the sigma_w that keeps the second moment q of signals (forward) or of gradients (backward).

    forward: sqrt(q / E phi(sqrt(q) z)^2), with zero biases; backward: 1 / sqrt(E phi'(sqrt(q) z)^2). Both are
    equal for every q only if phi is linear, ReLU or leaky ReLU. A gain keeps q; it does not say whether q is
    stable: see `variance_fixed_point`.

    Source: He et al. 2015, arXiv:1502.01852, eqs. 10 and 14, for any activation.

    >>> print(f"{gain('relu'):.6f} {gain('tanh'):.6f} {gain('tanh', 'backward'):.6f}")
    1.414214 1.592537 1.467414
    """
    if isinstance(direction, (int, float)):  # as in torch.nn.init.calculate_gain
        raise TypeError(
            "direction must be 'forward' or 'backward'; a slope is given by activations.leaky_relu(0.2). "
            f"Received: {checks.shown(direction)}."
        )
    direction = checks.choice("direction", direction, ("forward", "backward"))
    phi = activations.get(activation, derivative=direction == "backward")
    q = checks.real("q", q, above=0)
    moment = moments.power(phi, q) / q if direction == "forward" else moments.slope_power(phi, q)
    if moment == 0:
        raise ValueError(f"{phi.name!r} has no {direction} gain at q = {q:g}: it lets no signal through.")
    return 1 / math.sqrt(moment)


@checks.keywords
def variance_map(q: ArrayLike, activation: AnyActivation, sigma_w: float, sigma_b: float = 0.0) -> FloatArray:
    """Return the next layer's second moment, sigma_w^2 E phi(sqrt(q) z)^2 + sigma_b^2: an array like `q`.

    Source: Poole et al. 2016, arXiv:1606.05340, section 2.

    >>> print(f"{variance_map(1.0, 'tanh', sigma_w=1.0):.6f}")
    0.394294
    """
    phi = activations.get(activation)
    sigma_w, sigma_b = moments.sigmas(sigma_w, sigma_b)
    q = checks.array("q", q)
    if (q < 0).any():
        raise ValueError(f"q must be >= 0. Received: {q[q < 0].flat[0]:g}.")
    means = np.array([moments.power(phi, float(one)) for one in q.flat]).reshape(q.shape)
    result: FloatArray = sigma_w**2 * means + sigma_b**2
    return result


@checks.keywords
def correlation_map(
    c: ArrayLike, activation: AnyActivation, sigma_w: float, sigma_b: float = 0.0, q: float | None = None
) -> FloatArray:
    """Return the next layer's correlation of two inputs with second moment q: an array like `c`.

    C(c) = (sigma_w^2 E phi(u) phi(v) + sigma_b^2) / (sigma_w^2 E phi(u)^2 + sigma_b^2), u and v Gaussian with
    variance q and correlation c in [-1, 1]. `q=None` takes the variance fixed point nearest 1.

    Source: Poole et al. 2016, arXiv:1606.05340, section 2; Cho and Saul 2009 (ReLU); Williams 1997 (erf).

    >>> print(correlation_map([-1, 0, 1], "relu", sigma_w=2**0.5).round(6) + 0.0)
    [0.      0.31831 1.     ]
    """
    phi = activations.get(activation)
    sigma_w, sigma_b = moments.sigmas(sigma_w, sigma_b)
    c = correlations(c)
    q = variance_fixed_point(phi, sigma_w, sigma_b).q if q is None else checks.real("q", q, minimum=0)
    after = sigma_w**2 * moments.power(phi, q) + sigma_b**2
    if after == 0:
        raise ValueError(
            f"Correlations are undefined where signals vanish. Received: q = {q:g} with {phi.name}."
        )
    covariance = sigma_w**2 * moments.pair(phi, c, q) + sigma_b**2
    result: FloatArray = np.where(c == 1, 1.0, np.clip(covariance / after, -1.0, 1.0))
    return result[()]


@checks.keywords
def chi(activation: AnyActivation, sigma_w: float, q: float) -> float:
    """Return sigma_w^2 E phi'(sqrt(q) z)^2, the factor of squared gradients per layer; q = 0 is the limit.

    At a variance fixed point it is the slope of the correlation map at c = 1: nearby inputs converge below 1
    and separate above.

    Source: Poole et al. 2016, arXiv:1606.05340, section 2.

    >>> print(f"{chi('relu', sigma_w=2**0.5, q=1.0):.6f}")
    1.000000
    """
    phi = activations.get(activation, derivative=True)
    sigma_w, _ = moments.sigmas(sigma_w, 0.0)
    return sigma_w**2 * moments.slope_power(phi, checks.real("q", q, minimum=0))


class ResidualProfile(NamedTuple):
    """Second moment q and correlation c of the stream, and squared gradient: (blocks + 1,) each."""

    q: FloatArray
    c: FloatArray
    gradient: FloatArray


@checks.keywords
def residual_profile(
    blocks: int,
    activation: AnyActivation,
    sigma_w: float,
    sigma_b: float = 0.0,
    *,
    branch_depth: int = 2,
    branch_scale: float = 1.0,
    q: float = 1.0,
    c: float = 0.0,
) -> ResidualProfile:
    """Predict a residual stack x <- x + branch_scale F(x), given q and c of its input.

    F applies `branch_depth` times the activation and then a weight layer. Per block q grows by branch_scale^2
    V(V(..q)), covariances likewise, and the squared gradient by 1 + branch_scale^2 prod chi (`gradient` is 1
    at the end of the stack). With He-ReLU branches q is (1 + branch_scale^2)^blocks.

    Source: Yang and Schoenholz 2017, arXiv:1712.08969; Hanin and Rolnick 2018, arXiv:1803.01719.

    >>> print(residual_profile(3, "relu", sigma_w=2**0.5).q.round(6))
    [1. 2. 4. 8.]
    """
    blocks = checks.integer("blocks", blocks, minimum=0, maximum=100_000)
    branch_depth = checks.integer("branch_depth", branch_depth, minimum=1, maximum=1_000)
    phi = activations.get(activation, derivative=True)
    sigma_w, sigma_b = moments.sigmas(sigma_w, sigma_b)
    squared_scale = checks.real("branch_scale", branch_scale, minimum=-1e100, maximum=1e100) ** 2
    q = checks.real("q", q, above=0)
    c = float(correlations(checks.real("c", c)))
    stream, factors = [(q, c)], []
    for _ in range(blocks):
        inner_q, inner_c, slope = q, c, 1.0
        for _ in range(branch_depth):
            slope *= chi(phi, sigma_w, inner_q)
            after = float(variance_map(inner_q, phi, sigma_w, sigma_b))
            inner_c = float(correlation_map(inner_c, phi, sigma_w, sigma_b, inner_q)) if after else 1.0
            inner_q = after
        added = squared_scale * inner_q
        q, c = q + added, (c * q + inner_c * added) / (q + added)
        stream.append((q, c))
        factors.append(1 + squared_scale * slope)
    gradient: FloatArray = np.cumprod([1.0, *factors[::-1]], dtype=np.float64)[::-1]
    second_moments, cosines = np.array(stream).T
    return ResidualProfile(second_moments, cosines, gradient)
