"""Batch, layer and RMS normalisation for stacks."""

import numpy as np

from initlib import checks
from initlib.networks.building import Builder
from initlib.networks.layers import Layer, Tape
from initlib.typing import Array

EPSILON = 1e-5
LEAST = float(np.finfo(np.float32).tiny)  # of epsilon: with 0, what does not vary would become NaN
KINDS = ("batch", "layer", "rms")


class Normalise:
    """y = gamma (x - mean) / sqrt(var + epsilon) + beta, with gamma and beta (nets, units).

    Batch: mean and variance of a unit over samples and positions (Ioffe & Szegedy 2015, arXiv:1502.03167,
    algorithm 1); a tape that evaluates takes the running statistics of training instead. Layer: of a sample
    over its units (Ba et al. 2016, arXiv:1607.06450, eq. 4).
    """

    def __init__(
        self, gamma: int, beta: int, statistics: tuple[int, int] | None, epsilon: float = EPSILON
    ) -> None:
        self.gamma, self.beta, self.statistics, self.epsilon = gamma, beta, statistics, epsilon

    def forward(self, x: Array, tape: Tape) -> Array:
        axes = self._axes(x)
        if self.statistics is not None and not x.size:
            raise ValueError("Batch normalisation needs samples. Received none.")
        if self.statistics is not None and tape.evaluating:
            mean, variance = (_columns(tape.values[slot], x) for slot in self.statistics)
        else:
            mean = x.mean(axis=axes, keepdims=True)
            variance = x.var(axis=axes, keepdims=True)
            if self.statistics is not None and tape.reuses:
                self._remember(mean, variance, x, tape)
        inverse = 1 / np.sqrt(variance + self.epsilon)
        normal = (x - mean) * inverse
        tape.kept[self] = normal, inverse
        return _columns(tape.values[self.gamma], x) * normal + _columns(tape.values[self.beta], x)

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        normal, inverse = tape.kept[self]
        samples = tuple(range(1, gradient.ndim - 1))
        gamma = _columns(tape.values[self.gamma], gradient)
        inner = gradient * gamma
        axes = self._axes(gradient)
        shift = inner.mean(axis=axes, keepdims=True)
        tilt = (inner * normal).mean(axis=axes, keepdims=True)
        back: Array = inverse * (inner - shift - normal * tilt)
        tape.accumulate(self.gamma, (gradient * normal).sum(axis=samples))
        tape.accumulate(self.beta, gradient.sum(axis=samples))
        return back

    def _axes(self, x: Array) -> tuple[int, ...]:
        return (-1,) if self.statistics is None else tuple(range(1, x.ndim - 1))

    def _remember(self, mean: Array, variance: Array, x: Array, tape: Tape, share: float = 0.1) -> None:
        """Move the running statistics a tenth of the way (PyTorch's rule, with the unbiased variance)."""
        assert self.statistics is not None
        count = int(np.prod(x.shape[1:-1]))
        new = mean, variance * (count / max(count - 1, 1))
        for slot, value in zip(self.statistics, new, strict=True):
            running = tape.values[slot]
            running += share * (value.reshape(running.shape) - running)


class RMSNorm:
    """y = gamma x / sqrt(mean(x^2) + epsilon) over the units of a sample, with gamma (nets, units).

    Source: Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
    """

    def __init__(self, gamma: int, epsilon: float = EPSILON) -> None:
        self.gamma, self.epsilon = gamma, epsilon

    def forward(self, x: Array, tape: Tape) -> Array:
        inverse = 1 / np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + self.epsilon)
        normal = x * inverse
        tape.kept[self] = normal, inverse
        y: Array = _columns(tape.values[self.gamma], x) * normal
        return y

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        normal, inverse = tape.kept[self]
        inner = gradient * _columns(tape.values[self.gamma], gradient)
        back: Array = inverse * (inner - normal * (inner * normal).mean(axis=-1, keepdims=True))
        tape.accumulate(self.gamma, (gradient * normal).sum(axis=tuple(range(1, gradient.ndim - 1))))
        return back


def normalise(builder: Builder, kind: str, units: int, epsilon: float = EPSILON) -> Layer:
    """Return a normalisation layer of `kind` "batch", "layer" or "rms" with gamma 1 and beta 0.

    >>> normalise(Builder([0], float, [], "zeros"), "layer", 3).epsilon
    1e-05
    """
    kind = checks.choice("normalisation", kind, KINDS)
    epsilon = checks.real("epsilon", epsilon, minimum=LEAST)
    if kind == "layer" and units < 2:
        raise ValueError("Layer normalisation of a single unit gives 0. Received a layer of width 1.")
    gamma = builder.constant(1.0, "gain", (units,))
    if kind == "rms":
        return RMSNorm(gamma, epsilon)
    beta = builder.constant(0.0, "offset", (units,))
    statistics = None
    if kind == "batch":
        statistics = (
            builder.constant(0.0, "statistic", (units,)),
            builder.constant(1.0, "statistic", (units,)),
        )
    return Normalise(gamma, beta, statistics, epsilon)


def _columns(value: Array, like: Array) -> Array:
    """Return (nets, units) as (nets, 1, ..., units)."""
    return value.reshape(len(value), *[1] * (like.ndim - 2), -1)
