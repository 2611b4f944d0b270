"""Optimizers for stacks: SGD, momentum and Adam with one learning rate and one weight decay for each net."""

import numpy as np

from initlib import checks
from initlib.checks import per_net as per_net  # its former place
from initlib.networks.stacks import Network
from initlib.training.compiled import adam_step
from initlib.typing import Array

DECAYS = ("l2", "l1", "decoupled")


class SGD:
    """Updates parameters in place, one at a time, as their gradients arrive: w -= lr g.

    Gradients are linear in the output gradient, so the learning rate of a net enters there, once for all its
    parameters: whoever runs the backward pass multiplies dLoss/d(output) by `output_rate`, (nets, 1, 1).
    Weights alone decay, by strength d: "l2" adds d w to g, "l1" adds d sign(w), "decoupled" sets w -= lr d w
    first, whatever the factor of the layer's rate, so that at every width of muP the same share decays
    (Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 1).
    """

    family = "sgd"
    memories = 0
    rates: Array  # those of the current step
    output_rate: Array | None

    def __init__(
        self, network: Network, rates: Array, decays: Array, *, decay: str = "l2", momentum: float = 0.9
    ) -> None:
        self.decay, self.momentum, self.steps = decay, momentum, 0
        self.factors = [p.factors.get(self.family, 1.0) for p in network.parameters]
        self.decaying = [p.kind == "weight" and bool(decays.any()) for p in network.parameters]
        self.memory = [[np.zeros_like(v) for v in network.values] for _ in range(self.memories)]
        self.full_rates = rates.astype(network.dtype)
        self.decays = decays.astype(network.dtype)

    def keep(self, nets: Array) -> None:
        """Forget all nets but these."""
        self.full_rates, self.decays = self.full_rates[nets], self.decays[nets]
        self.memory = [[value[nets] for value in kind] for kind in self.memory]

    def begin(self, factor: float) -> None:
        """Begin a step with `factor` times the learning rates."""
        self.steps += 1
        self.rates = self.full_rates * factor
        self.output_rate = self.rates[:, None, None]

    def update(self, slot: int, value: Array, gradient: Array) -> None:
        """Step the parameter in `slot`; `gradient` is overwritten."""
        if self.factors[slot] != 1 and self.output_rate is not None:
            gradient *= self.factors[slot]
        if self.decaying[slot]:
            self._shrink(slot, value, gradient)
        value -= self._step(slot, gradient)

    def _shrink(self, slot: int, value: Array, gradient: Array) -> None:
        column = (-1, *[1] * (value.ndim - 1))
        if self.decay == "decoupled":
            value *= (1 - self.rates * self.decays).reshape(column)
            return
        strength = self.rates * self.decays if self.output_rate is not None else self.decays
        if self.output_rate is None and self.factors[slot] != 1:
            strength = strength / self.factors[slot]
        gradient += strength.reshape(column) * (value if self.decay == "l2" else np.sign(value))

    def _step(self, slot: int, gradient: Array) -> Array:
        return gradient


class Momentum(SGD):
    """v = momentum v + lr g, w -= v (Polyak 1964; PyTorch's form while the learning rate is constant)."""

    memories = 1

    def _step(self, slot: int, gradient: Array) -> Array:
        velocity = self.memory[0][slot]
        velocity *= self.momentum
        velocity += gradient
        return velocity


class Adam(SGD):
    """Adam with beta1 = `momentum`, beta2 = 0.999, epsilon = 1e-8 (Kingma & Ba 2015, algorithm 1)."""

    family = "adam"
    memories = 2
    beta2, epsilon = 0.999, 1e-8

    def begin(self, factor: float) -> None:
        super().begin(factor)
        self.output_rate = None

    def _step(self, slot: int, gradient: Array) -> Array:
        first, second = self.memory[0][slot], self.memory[1][slot]
        rates = self.rates * (self.factors[slot] / (1 - self.momentum**self.steps))
        correction = 1 - self.beta2**self.steps
        adam_step()(gradient, first, second, rates, self.momentum, self.beta2, correction, self.epsilon)
        return gradient


OPTIMIZERS: dict[str, type[SGD]] = {"sgd": SGD, "momentum": Momentum, "adam": Adam}


def get(name: str) -> type[SGD]:
    """Return the optimizer of that name: "sgd", "momentum" or "adam".

    >>> get("adam").__name__
    'Adam'
    """
    return OPTIMIZERS[checks.choice("optimizer", name, OPTIMIZERS)]
