"""How signals and gradients travel through a network at initialization: measured and predicted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from initlib import checks, losses
from initlib.activations import Activation
from initlib.stacks import Network

Array = NDArray[Any]

GRADIENT = (
    4  # the stream of random numbers for output gradients; 0 to 3 serve networks, datasets and training
)


@dataclass(frozen=True)
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
    dead: Array
    rms_band: Array | None = None
    gradient_rms_band: Array | None = None

    @property
    def layers(self) -> Array:
        """The layer numbers, from 1 on."""
        return np.arange(1, self.rms.shape[-1] + 1)


def measure(
    network: Network,
    x: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    loss: str = "softmax",
    flat: float = 0.05,
) -> Profile:
    """Send x through every net, a gradient back, and return what each layer sees, as a `Profile`.

    x is (samples, inputs), or (nets, samples, inputs). With `labels` (samples,) the gradient is that of
    `loss`, summed over samples; without, dLoss/d(output) is drawn from N(0, 1) by the seed of the net. All is
    computed in the network's own dtype: use float64.

    >>> from initlib import networks
    >>> stack = networks.mlp([100] * 11, "relu", "he_normal", seeds=range(20))
    >>> profile = measure(stack, np.random.default_rng(0).standard_normal((50, 100)))
    >>> profile.rms.shape, profile.layers[-1].item()
    ((20, 10), 10)
    """
    flat = checks.real("flat", flat, minimum=0, below=1)
    trace = network.forward(x)
    gradients = network.backward(trace, _output_gradient(network, trace.output, labels, loss))
    saturated, dead = _flat_shares(network.activation, trace.pre, flat)
    return Profile(
        rms=_by_layer(_rms, trace.pre),
        gradient_rms=_by_layer(_rms, gradients.pre),
        cosine=_by_layer(_cosine, trace.pre),
        saturated=saturated,
        dead=dead,
    )


def _output_gradient(network: Network, output: Array, labels: ArrayLike | None, loss: str) -> Array:
    if labels is None:
        draws = [
            np.random.default_rng([seed, GRADIENT]).standard_normal(output.shape[1:])
            for seed in network.seeds
        ]
        return np.array(draws).reshape(output.shape)
    rule = losses.get(loss)
    targets = losses.targets(labels, output, loss)
    gradient: Array = rule(output, targets)[1] * output.shape[1]
    return gradient


def _by_layer(statistic: Callable[[Array], Array], signals: Sequence[Array]) -> Array:
    return np.stack([statistic(signal.reshape(*signal.shape[:2], -1)) for signal in signals], axis=1)


def _rms(signal: Array) -> Array:
    scale = np.abs(signal).max(axis=(1, 2), keepdims=True, initial=0.0)
    scale[scale == 0] = 1.0
    rms: Array = scale[:, 0, 0] * np.sqrt(np.square(signal / scale).mean(axis=(1, 2)))
    return rms


def _cosine(signal: Array) -> Array:
    """Return the mean cosine over all pairs of different samples, (nets,)."""
    samples = signal.shape[1]
    if samples < 2:
        raise ValueError(f"Cosines between inputs need at least 2 samples. Received: {samples}.")
    scale = np.abs(signal).max(axis=2, keepdims=True, initial=0.0)
    zero = scale == 0
    rows = signal / np.where(zero, 1.0, scale)
    length = np.sqrt(np.square(rows).sum(axis=2, keepdims=True))
    rows /= np.where(zero, 1.0, length)
    nonzero = (~zero).sum(axis=(1, 2))
    zeros = samples - nonzero
    pairs = np.square(rows.sum(axis=1)).sum(axis=1) - nonzero + zeros * (zeros - 1)
    cosine: Array = pairs / (samples * (samples - 1))
    return cosine


def _flat_shares(activation: Activation, pre: Sequence[Array], flat: float) -> tuple[Array, Array]:
    if activation.derivative is None:
        raise ValueError(f"The derivative of {activation.name!r} is needed to count saturated units.")
    grid = np.linspace(-10, 10, 4001)
    limit = flat * np.abs(activation.derivative(grid)).max()
    saturated = np.zeros((len(pre[0]), len(pre)))
    dead = np.zeros_like(saturated)
    for layer, signal in enumerate(pre[:-1]):
        low = np.abs(activation.derivative(signal)) <= limit
        saturated[:, layer] = low.mean(axis=tuple(range(1, low.ndim)))
        dead[:, layer] = low.all(axis=1).mean(axis=tuple(range(1, low.ndim - 1)))
    return saturated, dead
