"""Small convolutional stacks with periodic borders, in one or two dimensions."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from initlib import activations, checks
from initlib.activations import AnyActivation
from initlib.networks.building import Builder, PerNet, spread
from initlib.networks.layers import Activate, Layer, Tape
from initlib.networks.stacks import Network
from initlib.typing import Array


class Convolution:
    """y[p] = sum_k x[p + k - centre] K[k] + b with periodic borders, K: (nets, *window, in, out).

    Signals are (nets, samples, *positions, channels); the centre of a window of w taps is (w - 1) // 2.
    """

    def __init__(self, weight: int, bias: int | None) -> None:
        self.weight, self.bias = weight, bias

    def forward(self, x: Array, tape: Tape) -> Array:
        kernel = tape.values[self.weight]
        tape.kept[self] = x
        y = np.zeros((*x.shape[:-1], kernel.shape[-1]), kernel.dtype)
        for tap, offset, axes in _taps(kernel):
            y += _dense(np.roll(x, offset, axes), kernel[tap])
        if self.bias is not None:
            bias = tape.values[self.bias]
            y += bias.reshape(len(bias), *[1] * (y.ndim - 2), -1)
        return y

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        x, kernel = tape.kept[self], tape.values[self.weight]
        back = np.zeros_like(x) if needed else gradient
        change = np.empty_like(kernel)
        flat = gradient.reshape(len(kernel), -1, kernel.shape[-1])
        for tap, offset, axes in _taps(kernel):
            rolled = np.roll(x, offset, axes).reshape(len(kernel), -1, kernel.shape[-2])
            change[tap] = np.matmul(rolled.swapaxes(1, 2), flat)
            if needed:
                returned = _dense(gradient, kernel[tap].swapaxes(1, 2))
                back += np.roll(returned, tuple(-k for k in offset), axes)
        tape.accumulate(self.weight, change)
        if self.bias is not None:
            tape.accumulate(self.bias, flat.sum(axis=1))
        return back


class MeanOverPositions:
    """Averages (nets, samples, *positions, channels) over the positions."""

    def forward(self, x: Array, tape: Tape) -> Array:
        tape.kept[self] = x.shape
        y: Array = x.mean(axis=tuple(range(2, x.ndim - 1)))
        return y

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        shape = tape.kept[self]
        inner = gradient.reshape(*shape[:2], *[1] * (len(shape) - 3), shape[-1])
        return np.broadcast_to(inner / np.prod(shape[2:-1], dtype=inner.dtype), shape).copy()


@checks.keywords
def convolutional(
    channels: Sequence[int],
    window: int | Sequence[int],
    activation: AnyActivation,
    initializer: PerNet,
    *,
    seeds: Sequence[int],
    readout_initializer: PerNet = "glorot_normal",
    bias_initializer: PerNet | None = None,
    dtype: DTypeLike = np.float64,
) -> Network:
    """Build a stack of convolutional nets: periodic convolutions, a mean over positions, a linear layer.

    `channels` are (inputs, hidden..., outputs): each but the last weight layer is a convolution and an
    activation, without stride, so that positions stay. `window` is a number of taps (signals in one
    dimension) or a pair (images). Inputs are (samples, *positions, channels). `initializer` draws kernels
    (*window, in, out), `readout_initializer` the last weights (in, out): a name or a callable, or one of them
    for each net. In a trace, pre[l] is (nets, samples, *positions, channels), the last one the output.

    >>> import numpy as np
    >>> stack = convolutional((1, 8, 8, 10), 3, "tanh", "delta_orthogonal", seeds=[0])
    >>> [w.shape for w in stack.weights]
    [(1, 3, 1, 8), (1, 3, 8, 8), (1, 8, 10)]
    >>> stack.forward(np.ones((5, 16, 1))).output.shape
    (1, 5, 10)
    """
    sizes = checks.integers("channels", channels, minimum=1, length=3)
    phi = activations.get(activation)
    taps = checks.integers(
        "window", (window,) if isinstance(window, (int, np.integer)) else window, minimum=1
    )
    if len(taps) > 2:
        raise ValueError(f"window must be one number of taps or a pair. Received: {checks.shown(window)}.")
    shapes = [*((*taps, *pair) for pair in pairwise(sizes[:-1])), sizes[-2:]]
    nets = len(checks.integers("seeds", seeds, minimum=0, maximum=None))
    kernels = spread(initializer, nets, "net", "initializer")
    readouts = spread(readout_initializer, nets, "net", "readout_initializer")
    table = [[one] * (len(shapes) - 1) + [last] for one, last in zip(kernels, readouts, strict=True)]
    builder = Builder(seeds, dtype, shapes, table, bias_initializer)
    layers: list[Layer] = []
    for _ in shapes[:-1]:
        layers += [builder.weight_layer(Convolution), Activate(phi)]
    layers += [MeanOverPositions(), builder.weight_layer()]
    pre = [*layers[:-2:2], layers[-1]]
    post = [*layers[1:-2:2], layers[-1]]
    input_shape = (*[None] * len(taps), sizes[0])
    return builder.network(layers, phi, sizes, input_shape=input_shape, pre=pre, post=post)


def _taps(kernel: Array) -> list[tuple[tuple[Any, ...], tuple[int, ...], tuple[int, ...]]]:
    """Return for each tap its index, the shift that brings its input to the centre, and the axes to shift."""
    window = kernel.shape[1:-2]
    axes = tuple(range(2, 2 + len(window)))
    return [
        ((slice(None), *tap), tuple((size - 1) // 2 - k for size, k in zip(window, tap, strict=True)), axes)
        for tap in np.ndindex(*window)
    ]


def _dense(x: Array, matrix: Array) -> Array:
    """Return x @ matrix over the channels, (nets, ..., in) @ (nets, in, out)."""
    flat: Array = np.matmul(x.reshape(len(x), -1, x.shape[-1]), matrix)
    return flat.reshape(*x.shape[:-1], matrix.shape[-1])
