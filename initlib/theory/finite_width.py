"""What finite width adds to the mean-field picture: spread of signals, singular values of the Jacobian."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from initlib import activations, checks
from initlib.activations import Activation, AnyActivation
from initlib.theory import moments
from initlib.typing import FloatArray

ENSEMBLES = ("gaussian", "orthogonal")


class FiniteWidthBand(NamedTuple):
    """Mean and standard deviation over random nets of log q_l, one entry for each weight layer."""

    mean: FloatArray
    std: FloatArray

    def __repr__(self) -> str:
        ends = f"log q {self.mean[-1]:.3g} +- {self.std[-1]:.3g} in the last"
        return f"FiniteWidthBand({len(self.mean)} layers, {ends})"


class JacobianMoments(NamedTuple):
    """Mean and variance of the squared singular values of an input-output Jacobian."""

    mean: float
    variance: float


@checks.keywords
def jacobian_moments(
    activation: AnyActivation, sigma_w: float, q: float, depth: int, ensemble: str = "gaussian"
) -> JacobianMoments:
    """Return mean and variance of the squared singular values of the Jacobian of `depth` equal wide layers.

    mean = chi^L; variance = mean^2 L (E phi'^4 / (E phi'^2)^2 - 1 - s_1), with s_1 = -1 for Gaussian weights
    and 0 for orthogonal ones, at the variance fixed point q (0 is the limit).

    Source: Pennington, Schoenholz and Ganguli 2018, arXiv:1802.09979; 2017, arXiv:1711.04735.

    >>> jacobian_moments("identity", sigma_w=1.0, q=1.0, depth=16)
    JacobianMoments(mean=1.0, variance=16.0)
    """
    phi = activations.get(activation, derivative=True)
    sigma_w, _ = moments.sigmas(sigma_w, 0.0)
    q = checks.real("q", q, minimum=0)
    depth = checks.integer("depth", depth, minimum=1)
    free = checks.choice("ensemble", ensemble, ENSEMBLES) == "gaussian"
    second = moments.slope_power(phi, q)
    if second == 0:
        return JacobianMoments(0.0, 0.0)
    spread = moments.slope_power(phi, q, 4) / second**2 - 1 + float(free)
    try:
        mean = (sigma_w**2 * second) ** depth
        variance = mean**2 * depth * spread
    except OverflowError:
        mean = variance = math.inf
    if not math.isfinite(variance):
        raise ValueError(
            f"The singular values of {depth} layers of {phi.name!r} with sigma_w = {sigma_w:g} overflow."
        )
    return JacobianMoments(mean, variance)


@checks.keywords
def finite_width_band(
    widths: Sequence[int],
    activation: AnyActivation = "relu",
    sigma_w: float | None = None,
    sigma_b: float = 0.0,
    ensemble: str = "gaussian",
    *,
    q: float = 1.0,
) -> FiniteWidthBand:
    """Return mean and standard deviation over random nets of log q_l, for one input with mean square `q`.

    `widths` are (inputs, hidden..., outputs); q_l is the mean square of the widths[l] pre-activations of
    weight layer l = 1, 2, ... As log q_l is close to normal, exp(mean +- 2 std) holds about 95 % of nets; a
    mean over inputs that are not parallel spreads less. `sigma_w=None` takes the forward gain. Biases are
    Gaussian. Meant for widths of 20 and more.

    In layer l itself, Gaussian weights add log(chi^2_n / n) to log q_l. Each hidden layer of width n before
    it adds, for ReLU-type activations without biases, noise of mean -v / 2n + (k / 3 - 3 v^2 / 4) / n^2 and
    variance v / n + (5 v^2 / 2 - k) / n^2, where v and k are the variance and third central moment of
    phi^2 / E phi^2 (ReLU: 5 and 44). For other activations, to first order in 1 / n, the variance of log q
    becomes F'^2 var + r / n and its mean moves by F'' var / 2 - r / 2n, where F(log q) is the log of the
    variance map V and r = sigma_w^4 (E phi^4 - (E phi^2)^2) / V(q)^2. Haar-orthogonal weights
    (`initializers.orthogonal` with gain sigma_w) keep norms, so log(chi^2_n / n) drops out of all this where
    layers do not narrow: at equal widths a ReLU layer's factor has relative variance 3 / (n + 2), not 5 / n.

    Source: Hanin and Nica 2020, arXiv:1812.05994, for ReLU; the delta method elsewhere.

    >>> band = finite_width_band([100] * 21, "relu")
    >>> print(band.mean[-1].round(3), band.std[-1].round(3))
    0.2 1.003
    """
    sizes = checks.integers("widths", widths, minimum=1, length=2)
    phi = activations.get(activation)
    sigma_w, sigma_b = moments.sigmas(_unit_gain(phi) if sigma_w is None else sigma_w, sigma_b)
    free = checks.choice("ensemble", ensemble, ENSEMBLES) == "gaussian"
    before = _Signal(math.log(checks.real("q", q, minimum=1e-300, maximum=1e300)), 0.0, 0.0, 0.0)
    bands = []
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        scale = sigma_w**2 * (1.0 if free else min(1.0, fan_in / fan_out))
        if layer == 0:
            log_q, variance = _log(scale * math.exp(before.log_q) + sigma_b**2, phi), 0.0
        else:
            log_q, variance = _through(phi, before, fan_in, scale, sigma_b)
        own = _log_chi_square(fan_out)
        if not free:
            own = _own_noise_of_orthogonal(fan_in, fan_out, 1 - sigma_b**2 * math.exp(-log_q))
        before = _Signal(log_q, variance, *own)
        left = max(variance + own[1], 0.0)  # below 0 by rounding, where orthogonal weights leave no noise
        bands.append((log_q + own[0], math.sqrt(left)))
    return FiniteWidthBand(*np.array(bands).T)


class _Signal(NamedTuple):
    """Mean and variance of log Q, the variance of each unit given the layer before, and of log(q / Q)."""

    log_q: float
    variance: float
    own_mean: float
    own_variance: float


def _through(phi: Activation, before: _Signal, n: int, scale: float, sigma_b: float) -> tuple[float, float]:
    """Return mean and variance of log Q behind an activation on `n` units and the next weight layer."""
    q = _unlogged(before.log_q, phi)
    moment = moments.power(phi, q)
    after = scale * moment + sigma_b**2
    log_after = _log(after, phi)
    slopes = moments.homogeneous_slopes(phi)
    if slopes is not None and sigma_b == 0:
        mean, noise = homogeneous_noise(slopes, n)
        norm_mean, norm_noise = _log_chi_square(n)
        mean += log_after + before.own_mean - norm_mean
        return mean, before.variance + noise + before.own_variance - norm_noise
    _refuse_unless_squarable(q, phi)
    _refuse_unless_squarable(after, phi)

    def slope(log_q: float) -> float:
        q = math.exp(log_q)
        return scale * q * moments.growth(phi, q) / (scale * moments.power(phi, q) + sigma_b**2)

    at, h = slope(before.log_q), 1e-3
    bend = (slope(before.log_q + h) - slope(before.log_q - h)) / (2 * h)
    spread = scale**2 * (moments.power(phi, q, 4) - moment**2) / after**2
    excess = before.own_variance - 2 / n  # over that of Gaussian weights
    noise = spread / n + at**2 * excess
    shift = bend * before.variance / 2 + (bend - at + at**2) * excess / 2 - noise / 2
    return log_after + shift, at**2 * before.variance + noise


def _own_noise_of_orthogonal(fan_in: int, fan_out: int, kept: float) -> tuple[float, float]:
    """Return mean and variance of log(q / Q); `kept` is the share of Q that comes from the weights."""
    mean_out, variance_out = _log_chi_square(fan_out)
    mean_in, variance_in = _log_chi_square(max(fan_in, fan_out))
    from_biases = (1 - kept**2) / fan_out
    return kept**2 * (mean_out - mean_in) - from_biases, kept**2 * (
        variance_out - variance_in
    ) + 2 * from_biases


def homogeneous_noise(slopes: tuple[float, float], n: int) -> tuple[float, float]:
    """Return mean and variance of log mean_n(y), y = phi^2 / E phi^2, to second order in 1 / n."""
    second, fourth, sixth = ((slopes[0] ** p + slopes[1] ** p) / 2 for p in (2, 4, 6))
    v = 3 * fourth / second**2 - 1
    k = 15 * sixth / second**3 - 3 * (v + 1) + 2
    return -v / (2 * n) + (k / 3 - 3 * v**2 / 4) / n**2, v / n + (5 * v**2 / 2 - k) / n**2


def _log_chi_square(n: int) -> tuple[float, float]:
    """Return mean and variance of log(chi^2_n / n)."""
    from scipy.special import digamma, polygamma

    return float(digamma(n / 2)) - math.log(n / 2), float(polygamma(1, n / 2))


def _unit_gain(phi: Activation) -> float:
    moment = moments.power(phi, 1.0)
    if moment == 0:
        raise ValueError(f"{phi.name!r} lets no signal through: pass sigma_w.")
    return 1 / math.sqrt(moment)


def _log(q: float, phi: Activation) -> float:
    if not 0 < q < math.inf:
        raise ValueError(
            f"Signals vanish or overflow in a layer of {phi.name!r}: q = {q:g} has no finite log."
        )
    return math.log(q)


def _unlogged(log_q: float, phi: Activation) -> float:
    try:
        return math.exp(log_q)
    except OverflowError:
        raise ValueError(
            f"Signals vanish or overflow in a layer of {phi.name!r}: exp({log_q:g}) is no finite number."
        ) from None


def _refuse_unless_squarable(q: float, phi: Activation) -> None:
    if not 1e-150 <= q <= 1e150:
        raise ValueError(f"Signals vanish or overflow in a layer of {phi.name!r}: q = {q:g} has no square.")
