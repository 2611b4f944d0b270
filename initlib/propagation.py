"""How signals and gradients travel through a network at initialization: measured and predicted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from initlib import activations, checks, theory
from initlib.activations import Activation, AnyActivation
from initlib.networks import losses
from initlib.networks.stacks import Network, checked
from initlib.streams import GRADIENT, generator
from initlib.theory import finite_width, moments
from initlib.typing import Array

__all__ = ["Profile", "by_layer", "cosine", "measure", "predict", "rms"]


@dataclass(frozen=True, eq=False)
class Profile:
    """Statistics by layer, the last layer being the linear output.

    Measured: (nets, layers). Predicted: (layers,), with bands (2, layers) for what single nets of finite
    width do (None where no formula is known).

    `rms`: root mean square of the pre-activations. `gradient_rms`: the same of dLoss/d(pre-activation), with
    the loss summed over samples. `cosine`: mean cosine between the pre-activations of different inputs (two
    zero vectors count as equal). `saturated`: share of pre-activations at which the slope of the activation
    is at most `flat` times its largest. `dead`: share of units that are so for every input.
    """

    rms: Array
    gradient_rms: Array
    cosine: Array
    saturated: Array
    dead: Array | None
    rms_band: Array | None = None
    gradient_rms_band: Array | None = None

    def __repr__(self) -> str:
        first, last = self.rms[..., 0].mean(), self.rms[..., -1].mean()
        what = "predicted" if self.rms.ndim == 1 else f"{len(self.rms)} nets"
        return f"Profile({what}, {self.rms.shape[-1]} layers, rms {first:.3g} to {last:.3g})"

    @property
    def layers(self) -> Array:
        """The layer numbers, from 1 on."""
        return np.arange(1, self.rms.shape[-1] + 1)


@checks.keywords
def measure(
    network: Network,
    x: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    loss: str = "softmax",
    flat: float = 0.05,
) -> Profile:
    """Send x through every net, a gradient back, and return what each layer sees, as a `Profile`.

    x is (samples, inputs), or (nets, samples, inputs). With `labels`, as `training.fit` takes them, the
    gradient is that of `loss`, summed over samples; without, dLoss/d(output) is drawn from N(0, 1) by the
    seed of the net. All is computed in the network's own dtype: use float64.

    >>> from initlib import networks
    >>> stack = networks.mlp([100] * 11, "relu", "he_normal", seeds=range(20))
    >>> profile = measure(stack, np.random.default_rng(99).standard_normal((50, 100)))
    >>> profile.rms.shape, profile.layers[-1].item()
    ((20, 10), 10)
    """
    flat = checks.real("flat", flat, minimum=0, below=1)
    checks.choice("loss", loss, losses.LOSSES)
    x = checked(network).check_input(x)
    if x.shape[1] < 2:
        raise ValueError(f"x must have at least 2 samples. Received: {x.shape[1]}.")
    trace = network.forward(x)
    gradients = network.backward(trace, _output_gradient(network, trace.output, labels, loss))
    saturated, dead = _flat_shares(network.activation, trace.pre, flat)
    return Profile(
        rms=by_layer(rms, trace.pre),
        gradient_rms=by_layer(rms, gradients.pre),
        cosine=by_layer(cosine, trace.pre),
        saturated=saturated,
        dead=dead,
    )


@checks.keywords
def predict(
    widths: Sequence[int],
    activation: AnyActivation,
    *,
    sigma_w: float,
    sigma_b: float = 0.0,
    ensemble: str = "gaussian",
    q: float = 1.0,
    cosine: float = 0.0,
    output_gradient_rms: float = 1.0,
    flat: float = 0.05,
) -> Profile:
    """Predict the `Profile` of multilayer perceptrons with weights of variance sigma_w^2 / fan_in.

    `rms`, `gradient_rms`, `cosine` and `saturated` are those of infinitely wide nets: q_1 = sigma_w^2 q +
    sigma_b^2, then the variance and correlation maps of `theory`; the squared gradient shrinks by
    chi(q_l) widths[l+1] / widths[l] from layer l + 1 to layer l. `q` and `cosine` are the mean square of the
    inputs and the cosine between them. `dead` is None: it depends on the samples. The bands hold about 95 %
    of nets of these widths for a single input, `ensemble` "gaussian" or "orthogonal"; the gradient's is known
    for ReLU-type activations with Gaussian weights and no biases.

    Source: Poole et al. 2016, arXiv:1606.05340; Schoenholz et al. 2017, arXiv:1611.01232; Hanin and Nica
    2020, arXiv:1812.05994.

    >>> profile = predict([100] * 11, "relu", sigma_w=2**0.5)
    >>> [round(float(value), 3) for value in (profile.rms[-1], profile.gradient_rms[0], profile.cosine[-1])]
    [1.414, 1.0, 0.855]
    >>> profile.rms_band[:, -1].round(2).tolist()
    [0.62, 2.52]
    """
    sizes = checks.integers("widths", widths, minimum=1, length=2)
    phi = activations.get(activation, derivative=True)
    flat = checks.real("flat", flat, minimum=0, below=1)
    top = checks.real("output_gradient_rms", output_gradient_rms, minimum=1e-100, maximum=1e100)
    c = checks.real("cosine", cosine, minimum=-1, maximum=1)
    sigma_w, sigma_b = moments.sigmas(sigma_w, sigma_b)
    q = checks.real("q", q, minimum=1e-300, maximum=1e300)
    band = theory.finite_width_band(sizes, phi, sigma_w, sigma_b, ensemble, q=q)
    second, cosines = _signals(len(sizes) - 1, phi, sigma_w, sigma_b, q, c)
    gradient = _gradients(sizes, phi, sigma_w, second) * top**2
    return Profile(
        rms=np.sqrt(second),
        gradient_rms=np.sqrt(gradient),
        cosine=cosines,
        saturated=np.array([*(_saturated(phi, value, flat) for value in second[:-1]), 0.0]),
        dead=None,
        rms_band=np.exp((band.mean + np.outer((-2, 2), band.std)) / 2),
        gradient_rms_band=_gradient_band(sizes, phi, gradient)
        if ensemble == "gaussian" and not sigma_b
        else None,
    )


def _signals(
    depth: int, phi: Activation, sigma_w: float, sigma_b: float, q: float, c: float
) -> tuple[Array, Array]:
    """Return q_l and the correlation of two inputs for l = 1, ..., depth."""
    before, after = sigma_w**2 * q, sigma_w**2 * q + sigma_b**2
    q, c = after, (c * before + sigma_b**2) / after
    signals = [(q, c)]
    for _ in range(depth - 1):
        c = float(theory.correlation_map(c, phi, sigma_w, sigma_b, q))
        q = float(theory.variance_map(q, phi, sigma_w, sigma_b))
        signals.append((q, c))
    second, cosines = np.array(signals).T
    return second, cosines


def _gradients(sizes: Sequence[int], phi: Activation, sigma_w: float, second: Array) -> Array:
    """Return the mean squared gradient of each layer, 1 for the last."""
    factors = [
        theory.chi(phi, sigma_w, value) * after / before
        for value, (before, after) in zip(second[:-1].tolist(), pairwise(sizes[1:]), strict=True)
    ]
    gradient: Array = np.cumprod([1.0, *factors[::-1]], dtype=float)[::-1]
    return gradient


def _gradient_band(sizes: Sequence[int], phi: Activation, gradient: Array) -> Array | None:
    """Return the gradient's band: layer by layer, 2 gate z^2 is distributed as it is for signals."""
    slopes = moments.homogeneous_slopes(phi)
    if slopes is None:
        return None
    noise = [finite_width.homogeneous_noise(slopes, width) for width in sizes[-2:0:-1]]
    shift, variance = np.cumsum([(0.0, 0.0), *noise], axis=0)[::-1].T
    band: Array = np.exp((np.log(gradient) + shift + np.outer((-2, 2), np.sqrt(variance))) / 2)
    return band


def _saturated(phi: Activation, q: float, flat: float) -> float:
    """Return the share of N(0, q) at which phi is flat, from 20,001 quantiles."""
    assert phi.derivative is not None
    slopes = np.abs(phi.derivative(np.sqrt(q) * _quantiles()))
    return float((slopes <= _flat_slope(phi, flat)).mean())


@cache
def _quantiles() -> Array:
    from scipy.special import ndtri

    z: Array = ndtri((np.arange(20001) + 0.5) / 20001)
    return z


@lru_cache(maxsize=64)
def _flat_slope(phi: Activation, flat: float) -> float:
    """Return the slope at and below which phi counts as flat: `flat` times the steepest in [-10, 10]."""
    assert phi.derivative is not None
    return flat * float(np.abs(phi.derivative(np.linspace(-10, 10, 4001))).max())


@np.errstate(over="ignore", invalid="ignore")  # nets that diverged
def _output_gradient(network: Network, output: Array, labels: ArrayLike | None, loss: str) -> Array:
    if labels is None:
        draws = [generator(seed, GRADIENT).standard_normal(output.shape[1:]) for seed in network.seeds]
        return np.array(draws).reshape(output.shape)
    rule = losses.get(loss)
    targets = losses.targets(labels, output, loss, network.positions)
    gradient: Array = rule(output, targets)[1] * output.shape[1]
    return gradient


def by_layer(statistic: Callable[[Array], Array], signals: Sequence[Array]) -> Array:
    """Return a statistic of the signal of each layer, (nets, layers).

    >>> by_layer(rms, [np.ones((1, 2, 3)), np.zeros((1, 2, 4))]).tolist()
    [[1.0, 0.0]]
    """
    if not callable(statistic):
        raise TypeError(
            "statistic must be a function from a signal to one number for each net, as rms. "
            f"Received: {checks.shown(statistic)}."
        )
    if not isinstance(signals, (list, tuple)) or not signals:
        raise TypeError(
            f"signals must be a list of arrays, one for each layer. Received: {checks.shown(signals)}."
        )
    arrays = [_signal(signal).reshape(np.shape(signal)) for signal in signals]
    if len({len(signal) for signal in arrays}) > 1:
        raise ValueError(f"signals must be of the same nets. Received: {[len(one) for one in arrays]} nets.")
    values = [checks.reals("What the statistic returned", _applied(statistic, signal)) for signal in arrays]
    if any(one.shape != arrays[0].shape[:1] for one in values):
        raise ValueError(
            f"statistic must return one number for each of {len(arrays[0])} nets. "
            f"Received shapes: {checks.shown([one.shape for one in values])}."
        )
    return np.stack(values, axis=1)


def _applied(statistic: Callable[[Array], Array], signal: Array) -> Array:
    try:
        return statistic(signal)
    except Exception as error:
        raise ValueError(
            f"statistic fails on a signal of shape {signal.shape} ({checks.shown(error)})."
        ) from error


def rms(signal: Array) -> Array:
    """Return the root mean square of a signal (nets, samples, ...) of every net, (nets,).

    The squares of no finite signal overflow or vanish.

    >>> rms(np.array([[[3e200], [4e200]]])) / 1e200
    array([3.53553391])
    """
    signal = _signal(signal)
    scale = np.abs(signal).max(axis=(1, 2), keepdims=True, initial=0.0)
    scale[(scale == 0) | np.isinf(scale)] = 1.0
    result: Array = scale[:, 0, 0] * np.sqrt(np.square(signal / scale).mean(axis=(1, 2)))
    return result


def _signal(signal: Array) -> Array:
    """Return a signal as (nets, samples, entries)."""
    signal = checks.reals("signal", signal)
    if signal.ndim < 3 or not signal.size:
        raise ValueError(
            f"signal must have axes (nets, samples, ...), none of them empty. Received shape: {signal.shape}."
        )
    exact = signal.dtype.kind == "f" and signal.dtype.itemsize > 2
    precise = signal if exact else signal.astype(float)  # integers wrap around, and half precision overflows
    return precise.reshape(*signal.shape[:2], -1)


def cosine(signal: Array) -> Array:
    """Return the mean cosine over all pairs of different samples of a signal (nets, samples, ...), (nets,).

    Two zero vectors count as equal, a zero vector and another as orthogonal.

    >>> cosine(np.array([[[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]]])).round(3).tolist()
    [0.333]
    """
    signal = _signal(signal)
    samples = signal.shape[1]
    if samples < 2:
        raise ValueError(f"Cosines between inputs need at least 2 samples. Received: {samples}.")
    scale = np.abs(signal).max(axis=2, keepdims=True, initial=0.0)
    zero = scale == 0
    with np.errstate(invalid="ignore"):  # infinite entries have no direction
        rows = signal / np.where(zero, 1.0, scale)
    length = np.sqrt(np.square(rows).sum(axis=2, keepdims=True))
    rows /= np.where(zero, 1.0, length)
    nonzero = (~zero).sum(axis=(1, 2))
    zeros = samples - nonzero
    pairs = np.square(rows.sum(axis=1)).sum(axis=1) - nonzero + zeros * (zeros - 1)
    result: Array = pairs / (samples * (samples - 1))
    return result


def _flat_shares(phi: Activation, pre: Sequence[Array], flat: float) -> tuple[Array, Array]:
    assert phi.derivative is not None
    saturated = np.zeros((len(pre[0]), len(pre)))
    dead = np.zeros_like(saturated)
    for layer, signal in enumerate(pre[:-1]):
        low = np.abs(phi.derivative(signal)) <= _flat_slope(phi, flat)
        saturated[:, layer] = low.mean(axis=tuple(range(1, low.ndim)))
        dead[:, layer] = low.all(axis=1).mean(axis=tuple(range(1, low.ndim - 1)))
    return saturated, dead
