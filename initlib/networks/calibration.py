"""LSUV: rescale weights, layer by layer, until every layer's output has unit variance on a batch of data."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from initlib import checks
from initlib.networks.adapters import LowRank
from initlib.networks.convolution import Convolution
from initlib.networks.layers import Dense, Tape, run_forward
from initlib.networks.recurrent import LSTM
from initlib.networks.stacks import Network, checked
from initlib.typing import Array

ROUNDING = 1000  # units in the last place: equal outputs may differ by as much


class Calibration(NamedTuple):
    """What `lsuv` did, (nets, layers) each: variance before and after, rescalings, whether it converged."""

    before: Array
    after: Array
    iterations: Array
    converged: Array


@checks.keywords
def lsuv(
    network: Network, x: ArrayLike, *, tolerance: float = 0.1, iterations: int = 10
) -> tuple[Network, Calibration]:
    """Return a copy of the network whose weight layers have output variance 1 on x, and a `Calibration`.

    Weight layers are dense layers and convolutions: embeddings stay, and LSTMs and nets of `low_rank`, whose
    weights stand elsewhere, are a `TypeError`.

    From the first layer on, W /= sqrt(Var(output of the layer)) until |Var - 1| <= `tolerance`, `iterations`
    times at most; the output layer included. x as in `Network.forward`. The paper starts from orthogonal
    weights. A layer without variance but for rounding cannot be rescaled: `ValueError`.

    Source: Mishkin & Matas 2016, arXiv:1511.06422, algorithm 1.

    >>> import numpy as np
    >>> from initlib import networks
    >>> stack = networks.mlp((20, 50, 50, 5), "tanh", "orthogonal", seeds=[0])
    >>> calibrated, report = lsuv(stack, np.random.default_rng(1).standard_normal((100, 20)))
    >>> report.converged.tolist(), report.iterations.max().item()
    ([[True, True, True]], 1)
    """
    tolerance = checks.real("tolerance", tolerance, above=0)
    iterations = checks.integer("iterations", iterations, minimum=0)
    network = checked(network)
    others = {type(layer).__name__ for layer in network.layers if isinstance(layer, (LSTM, LowRank))}
    if others:
        raise TypeError(
            "network must have its weights in dense layers and convolutions, which alone are rescaled. "
            f"Received: {network} with layers {', '.join(others)}."
        )
    result, x = network.take(range(network.nets)), network.check_input(x)
    if x.shape[1] < 2:
        raise ValueError(f"x must have at least 2 samples. Received: {x.shape[1]}.")
    tape = _Calibrator(result, tolerance, iterations)
    run_forward(result.layers, x, tape)
    return result, Calibration(*(np.stack(column, axis=1) for column in zip(*tape.rows, strict=True)))


class _Calibrator(Tape):
    """Rescales each weight layer as soon as it has written its output."""

    def __init__(self, network: Network, tolerance: float, iterations: int) -> None:
        super().__init__(network.values)
        self.tolerance, self.iterations = tolerance, iterations
        self.rows: list[tuple[Array, Array, Array, Array]] = []

    def record(self, layer: object, signal: Array) -> None:
        if not isinstance(layer, (Dense, Convolution)):
            return
        before = variance = self._variance(signal)
        done = np.zeros(len(signal), int)
        for _ in range(self.iterations):
            late = np.abs(variance - 1) > self.tolerance
            if not late.any():
                break
            weight = self.values[layer.weight]
            weight[late] /= np.sqrt(variance[late]).reshape(-1, *[1] * (weight.ndim - 1))
            signal[...] = layer.forward(self.kept[layer], self)
            variance = self._variance(signal)
            done += late
        self.rows.append((before, variance, done, np.abs(variance - 1) <= self.tolerance))

    def _variance(self, signal: Array) -> Array:
        flat = signal.reshape(len(signal), -1)
        with np.errstate(over="ignore", invalid="ignore"):
            variance: Array = flat.var(axis=1)
            rounding = np.square(ROUNDING * np.finfo(flat.dtype).eps) * np.square(flat).mean(axis=1)
        bad = ~((variance > rounding) & np.isfinite(variance))
        if bad.any():
            net = int(bad.argmax())
            raise ValueError(
                f"Weight layer {len(self.rows) + 1} of net {net} has output variance {variance[net]:g} on x "
                "and cannot be rescaled."
            )
        return variance
