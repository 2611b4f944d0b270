"""The building blocks of stacked networks: each runs many nets at once along a leading *nets* axis.

A layer holds no numbers. It names the slots of its parameters; the values live in the network, one array
of shape (nets, ...) for each slot. So a part of a stack, another dtype or a trained copy is the same layers
with other values. `forward` and `backward` write what they need on a `Tape`; signals are arrays of shape
(nets, samples, ..., units).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from initlib.activations import Activation

Array = NDArray[Any]


class Tape:
    """What one pass through the layers writes down: signals and gradients. Keeps everything."""

    def __init__(self, values: Sequence[Array]) -> None:
        self.values = values
        self.kept: dict[Any, Any] = {}
        self.signals: dict[Any, Array] = {}
        self.signal_gradients: dict[Any, Array] = {}
        self.gradients: dict[int, Array] = {}

    def room(self, owner: object, name: str, shape: tuple[int, ...]) -> Array:
        """Return an array to fill, for the purpose `name` of the layer `owner`."""
        return np.empty(shape, self.values[0].dtype)

    def over(self, signal: Array) -> Array | None:
        """Return where the next signal may be written: over `signal` itself, or None for a new array."""
        return None

    def saw(self, layer: object, signal: Array) -> None:
        """Note the output of `layer`."""
        self.signals[layer] = signal

    def saw_gradient(self, layer: object, gradient: Array) -> None:
        """Note dLoss/d(output of `layer`)."""
        self.signal_gradients[layer] = gradient

    def emit(self, slot: int, gradient: Array) -> None:
        """Take the gradient of the parameter in `slot`; the layer may reuse the array afterwards."""
        self.gradients[slot] = gradient


class Workspace(Tape):
    """A tape for training: reuses its arrays, keeps no signals, and hands each gradient on at once."""

    def __init__(self, values: Sequence[Array], update: Callable[[int, Array, Array], None]) -> None:
        super().__init__(values)
        self.update = update
        self.rooms: dict[Any, Array] = {}

    def room(self, owner: object, name: str, shape: tuple[int, ...]) -> Array:
        key = (owner, name, shape)
        if key not in self.rooms:
            self.rooms[key] = super().room(owner, name, shape)
        return self.rooms[key]

    def over(self, signal: Array) -> Array | None:
        return signal

    def saw(self, layer: object, signal: Array) -> None:
        pass

    def saw_gradient(self, layer: object, gradient: Array) -> None:
        pass

    def emit(self, slot: int, gradient: Array) -> None:
        self.update(slot, self.values[slot], gradient)


class Layer(Protocol):
    """One differentiable step. `backward` follows the `forward` of the same tape and returns dLoss/dx.

    With `needed=False` the caller does not want dLoss/dx, and the layer may return anything.
    """

    def forward(self, x: Array, tape: Tape) -> Array: ...

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array: ...


def run_forward(layers: Iterable[Layer], x: Array, tape: Tape) -> Array:
    """Send x through the layers in order and return the last output."""
    for layer in layers:
        x = layer.forward(x, tape)
        tape.saw(layer, x)
    return x


def run_backward(layers: Sequence[Layer], gradient: Array, tape: Tape, needed: bool = True) -> Array:
    """Send dLoss/d(output) back through the layers and return dLoss/d(input), if that is needed."""
    for i in range(len(layers) - 1, -1, -1):
        tape.saw_gradient(layers[i], gradient)
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
        y = np.matmul(x, weight, out=tape.room(self, "y", (len(weight), x.shape[1], weight.shape[2])))
        if self.bias is not None:
            y += tape.values[self.bias][:, None]
        return y

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        x, weight = tape.kept[self], tape.values[self.weight]
        back = gradient
        if needed:
            back = tape.room(self, "dx", (len(weight), *x.shape[1:]))
            np.matmul(gradient, weight.swapaxes(1, 2), out=back)
        dw = tape.room(self, "dw", weight.shape)
        tape.emit(self.weight, np.matmul(x.swapaxes(1, 2), gradient, out=dw))
        if self.bias is not None:
            tape.emit(self.bias, gradient.sum(axis=1))
        return back


class Activate:
    """y = phi(x), unit by unit. If `owned`, no other layer reads x: y may take its place in training."""

    def __init__(self, activation: Activation, owned: bool = True) -> None:
        self.activation = activation
        self.owned = owned
        self.fast = _FAST.get(activation.name)

    def forward(self, x: Array, tape: Tape) -> Array:
        y: Array
        if self.fast:
            y = self.fast[0](x, tape.over(x) if self.owned else None)
            tape.kept[self] = y
        else:
            y = self.activation.function(x)
            tape.kept[self] = x
        return y

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        slope = self.fast[1] if self.fast else self.activation.derivative
        assert slope is not None
        return np.multiply(gradient, slope(tape.kept[self]), out=tape.over(gradient))


def _relu(x: Array, out: Array | None) -> Array:
    y: Array = np.maximum(x, 0, out=out)
    return y


def _tanh(x: Array, out: Array | None) -> Array:
    y: Array = np.tanh(x, out=out)
    return y


def _relu_slope(y: Array) -> Array:
    slope: Array = y > 0
    return slope


def _tanh_slope(y: Array) -> Array:
    slope: Array = y * y
    np.subtract(1, slope, out=slope)
    return slope


# What can overwrite its input, with the slope found from the output: name -> (function(x, out), slope(y)).
_FAST = {"relu": (_relu, _relu_slope), "tanh": (_tanh, _tanh_slope)}
