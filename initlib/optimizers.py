"""Optimizers for stacks: SGD, momentum and Adam with one learning rate and one weight decay for each net."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from initlib import checks
from initlib.stacks import Network

Array = NDArray[Any]

NAMES = ("sgd", "momentum", "adam")
DECAYS = ("l2", "l1", "decoupled")


class Optimizer:
    """Updates parameters in place, one at a time, as their gradients arrive.

    sgd: w -= lr g. momentum: v = momentum v + g, w -= lr v (Polyak 1964; PyTorch's form).
    adam: Kingma & Ba 2015, algorithm 1, with beta1 = `momentum`.
    Weights alone decay, by strength d: l2 adds d w to g, l1 adds d sign(w), decoupled sets w -= lr d w
    (Loshchilov & Hutter 2019).
    """

    def __init__(
        self,
        network: Network,
        name: str,
        learning_rates: Array,
        *,
        momentum: float,
        weight_decay: Array,
        decay: str,
    ) -> None:
        self.name, self.decay, self.momentum = name, decay, momentum
        self.parameters = network.parameters
        self.steps = 0
        self.rates = [
            _column(learning_rates * p.factors.get(name, 1.0), v)
            for p, v in zip(network.parameters, network.values, strict=True)
        ]
        self.decays = [
            _column(weight_decay, v) if p.kind == "weight" and weight_decay.any() else None
            for p, v in zip(network.parameters, network.values, strict=True)
        ]
        memories = {"sgd": 0, "momentum": 1, "adam": 2}[name]
        self.memory = [[np.zeros_like(v) for v in network.values] for _ in range(memories)]

    def keep(self, nets: Array) -> None:
        """Forget all nets but these."""
        self.rates = [rate[nets] for rate in self.rates]
        self.decays = [None if d is None else d[nets] for d in self.decays]
        self.memory = [[m[nets] for m in kind] for kind in self.memory]

    def update(self, slot: int, value: Array, gradient: Array) -> None:
        """Step the parameter in `slot`; `gradient` is overwritten."""
        rate, decay = self.rates[slot], self.decays[slot]
        if decay is not None and self.decay == "decoupled":
            value *= 1 - rate * decay
        elif decay is not None:
            gradient += decay * (value if self.decay == "l2" else np.sign(value))
        if self.name == "adam":
            gradient = self._adam(slot, gradient)
        elif self.name == "momentum":
            velocity = self.memory[0][slot]
            velocity *= self.momentum
            velocity += gradient
            gradient = np.multiply(velocity, rate, out=gradient)
            value -= gradient
            return
        gradient *= rate
        value -= gradient

    def _adam(self, slot: int, gradient: Array, beta2: float = 0.999, epsilon: float = 1e-8) -> Array:
        first, second = self.memory[0][slot], self.memory[1][slot]
        first *= self.momentum
        first += (1 - self.momentum) * gradient
        second *= beta2
        np.square(gradient, out=gradient)
        gradient *= 1 - beta2
        second += gradient
        np.divide(second, 1 - beta2**self.steps, out=gradient)
        np.sqrt(gradient, out=gradient)
        gradient += epsilon
        np.divide(first, gradient, out=gradient)
        gradient /= 1 - self.momentum**self.steps
        return gradient


def per_net(name: str, given: object, nets: int, **bounds: float) -> Array:
    """Return `given`, one number or one for each net, as a float array (nets,).

    >>> per_net("learning_rate", 0.1, 2, above=0).tolist()
    [0.1, 0.1]
    >>> per_net("learning_rate", [0.1, 0.2, 0.3], 2, above=0)
    Traceback (most recent call last):
        ...
    ValueError: learning_rate must be one number or one for each of 2 nets. Received: 3 numbers.
    """
    if isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str) and np.ndim(given) == 1:
        if len(given) != nets:
            raise ValueError(
                f"{name} must be one number or one for each of {nets} nets. Received: {len(given)} numbers."
            )
        return np.array([checks.real(f"{name}[{i}]", number, **bounds) for i, number in enumerate(given)])
    return np.full(nets, checks.real(name, given, **bounds))


def _column(numbers: ArrayLike, like: Array) -> Array:
    column = np.asarray(numbers, dtype=like.dtype)
    return column.reshape(-1, *[1] * (like.ndim - 1))
