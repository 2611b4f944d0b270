"""The building blocks of stacked networks: each runs many nets at once along a leading *nets* axis.

A layer holds no numbers. It names the slots of its parameters; the values live in the network, one array
of shape (nets, ...) for each slot. So a part of a stack, another dtype or a trained copy is the same layers
with other values. `forward` and `backward` write what they need on a `Tape`; signals are arrays of shape
(nets, samples, ..., units).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from initlib import activations
from initlib.activations import Activation
from initlib.typing import Array


class Tape:
    """What one pass through the layers writes down: signals and gradients. Keeps everything."""

    reuses = False

    def __init__(self, values: Sequence[Array], evaluating: bool = False) -> None:
        self.values = values
        self.evaluating = evaluating
        self.kept: dict[Any, Any] = {}
        self.signals: dict[Any, Array] = {}
        self.signal_gradients: dict[Any, Array] = {}
        self.gradients: dict[int, Array] = {}

    def buffer(self, owner: object, name: str, shape: tuple[int, ...], other: Array | None = None) -> Array:
        """Return an array to fill, for the purpose `name` of the layer `owner`, distinct from `other`.

        With `owner` None, the next layer that asks for the same purpose may get the same array.
        """
        return np.empty(shape, self.values[0].dtype)

    def full(self, number: float, shape: tuple[int, ...]) -> Array:
        """Return a constant array, to be read only."""
        return np.full(shape, number, self.values[0].dtype)

    def over(self, signal: Array) -> Array | None:
        """Return where the next signal may be written: over `signal` itself, or None for a new array."""
        return None

    def record(self, layer: object, signal: Array) -> None:
        """Note the output of `layer`."""
        self.signals[layer] = signal

    def record_gradient(self, layer: object, gradient: Array) -> None:
        """Note dLoss/d(output of `layer`)."""
        self.signal_gradients[layer] = gradient

    def accumulate(self, slot: int, gradient: Array) -> None:
        """Take the gradient of the parameter in `slot`; the layer may reuse the array afterwards."""
        self.gradients[slot] = gradient


class Workspace(Tape):
    """A tape for training: reuses its arrays, keeps no signals, and hands each gradient on at once."""

    reuses = True

    def __init__(self, values: Sequence[Array], update: Callable[[int, Array, Array], None]) -> None:
        super().__init__(values)
        self.update = update
        self.buffers: dict[Any, Array] = {}

    def buffer(self, owner: object, name: str, shape: tuple[int, ...], other: Array | None = None) -> Array:
        key = (owner, name, shape)
        if key not in self.buffers:
            self.buffers[key] = super().buffer(owner, name, shape)
        if self.buffers[key] is other:
            return self.buffer(owner, name + "'", shape)
        return self.buffers[key]

    def full(self, number: float, shape: tuple[int, ...]) -> Array:
        key = (number, shape)
        if key not in self.buffers:
            self.buffers[key] = super().full(number, shape)
        return self.buffers[key]

    def over(self, signal: Array) -> Array | None:
        return signal

    def record(self, layer: object, signal: Array) -> None:
        pass

    def record_gradient(self, layer: object, gradient: Array) -> None:
        pass

    def accumulate(self, slot: int, gradient: Array) -> None:
        self.update(slot, self.values[slot], gradient)


class Layer(Protocol):
    """One differentiable step. `backward` follows the `forward` of the same tape and returns dLoss/dx.

    With `needed=False` the caller does not want dLoss/dx, and the layer may return anything.
    """

    def forward(self, x: Array, tape: Tape) -> Array: ...

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array: ...


def run_forward(layers: Iterable[Layer], x: Array, tape: Tape) -> Array:
    """Send x through the layers in order and return the last output.

    >>> run_forward([Dense(0, None)], np.ones((1, 2, 3)), Tape([np.ones((1, 3, 1))])).ravel().tolist()
    [3.0, 3.0]
    """
    for layer in layers:
        x = layer.forward(x, tape)
        tape.record(layer, x)
    return x


def run_backward(layers: Sequence[Layer], gradient: Array, tape: Tape, needed: bool = True) -> Array:
    """Send dLoss/d(output) back through the layers and return dLoss/d(input), if that is needed.

    >>> layers, tape = [Dense(0, None)], Tape([np.array([[[2.0], [3.0]]])])
    >>> output = run_forward(layers, np.ones((1, 1, 2)), tape)
    >>> run_backward(layers, np.ones((1, 1, 1)), tape).ravel().tolist()
    [2.0, 3.0]
    """
    for i in range(len(layers) - 1, -1, -1):
        tape.record_gradient(layers[i], gradient)
        gradient = layers[i].backward(gradient, tape, needed or i > 0)
    return gradient


class Dense:
    """y = x W + b, with W: (nets, fan_in, fan_out) and b: (nets, fan_out) or no bias."""

    def __init__(self, weight: int, bias: int | None) -> None:
        self.weight = weight
        self.bias = bias

    def forward(self, x: Array, tape: Tape) -> Array:
        weight = tape.values[self.weight]
        tape.kept[self] = x
        y = product(x, weight, tape.buffer(self, "y", (len(weight), x.shape[1], weight.shape[2])))
        if self.bias is not None:
            y += tape.values[self.bias][:, None]
        return y

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        x, weight = tape.kept[self], tape.values[self.weight]
        back = self._to_inputs(gradient, tape) if needed else gradient
        dw = tape.buffer(None, "dw", weight.shape)
        tape.accumulate(self.weight, product(x.swapaxes(1, 2), gradient, dw))
        if self.bias is not None:
            ones = tape.full(1.0, (1, gradient.shape[1]))  # faster than a sum over the samples
            tape.accumulate(self.bias, np.matmul(ones, gradient)[:, 0])
        return back

    def _to_inputs(self, gradient: Array, tape: Tape) -> Array:
        turned = tape.values[self.weight].swapaxes(1, 2)
        if gradient.shape[1] > 1:  # OpenBLAS multiplies small matrices by a transposed one at half its speed
            copy = tape.buffer(None, "turned", turned.shape)
            np.copyto(copy, turned)
            turned = copy
        back = tape.buffer(None, "dx", (*gradient.shape[:2], turned.shape[2]), gradient)
        return product(gradient, turned, back)


def product(a: Array, b: Array, out: Array) -> Array:
    """Write a @ b to `out`, net by net, in strips of rows.

    OpenBLAS multiplies small matrices (m n k <= 10^6) without packing them first, a fifth faster.

    >>> product(np.ones((1, 2, 3)), np.ones((1, 3, 1)), np.empty((1, 2, 1))).ravel().tolist()
    [3.0, 3.0]
    """
    nets, rows, inner = a.shape
    strips = 1
    while rows * inner * b.shape[2] > strips * 10**6 and rows % (32 * strips) == 0:
        strips *= 2
    if strips == 1:
        np.matmul(a, b, out=out)
    else:
        size = rows // strips
        np.matmul(
            a.reshape(nets, strips, size, inner), b[:, None], out=out.reshape(nets, strips, size, b.shape[2])
        )
    return out


class Activate:
    """y = phi(x), unit by unit. If `owned`, no other layer reads x: y may take its place in training."""

    def __init__(self, activation: Activation, owned: bool = True) -> None:
        self.activation = activation
        self.owned = owned

    def _fast(self, tape: Tape) -> "_Fast | None":
        return _FAST.get(self.activation.function) if tape.reuses else None

    def forward(self, x: Array, tape: Tape) -> Array:
        fast = self._fast(tape)
        if fast is None:
            tape.kept[self] = x
            y: Array = self.activation.function(x)
            return y
        y = x if self.owned else tape.buffer(self, "y", x.shape)
        fast[0](x, y, tape)
        tape.kept[self] = y
        return y

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        fast = self._fast(tape)
        if fast is None:
            derivative = activations.get(self.activation, derivative=True).derivative
            assert derivative is not None
            slope = derivative(tape.kept[self])
        else:
            slope = tape.buffer(None, "slope", gradient.shape)
            fast[1](tape.kept[self], slope)
        return np.multiply(gradient, slope, out=tape.over(gradient))


def _relu(x: Array, y: Array, tape: Tape) -> None:
    np.maximum(x, tape.full(0.0, x.shape), out=y)  # twice as fast as with a scalar


def _tanh(x: Array, y: Array, tape: Tape) -> None:
    np.tanh(x, out=y)


def _relu_slope(y: Array, slope: Array) -> None:
    np.greater(y, 0, out=slope, casting="unsafe")


def _tanh_slope(y: Array, slope: Array) -> None:
    np.multiply(y, y, out=slope)
    np.subtract(1, slope, out=slope)


# What may overwrite its input in training: function(x, y, tape) writes y, slope(y, slope) its slope.
_Fast = tuple[Callable[[Array, Array, Tape], None], Callable[[Array, Array], None]]
_FAST: dict[Callable[..., Any], _Fast] = {
    activations.get("relu").function: (_relu, _relu_slope),
    activations.get("tanh").function: (_tanh, _tanh_slope),
}
