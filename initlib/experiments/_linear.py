"""Deep linear nets: how many steps of gradient descent they need, at the best learning rate of their kind."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import networks

STARTS = {"gaussian": "lecun_normal", "orthogonal": "orthogonal"}
LEARNED = 0.01  # of the loss of answering 0


def steps(
    seeds: Sequence[int], start: str, widths: Sequence[int], target: Any, rates: Sequence[float], limit: int
) -> Any:
    """Return after how many steps the loss is 1 % of that of answering 0, or `limit`: (rates, seeds).

    The inputs are whitened, so that the loss is the squared distance of the product of all weights to the
    `target`, (inputs, outputs). The learning rates are `rates` over the number of layers.
    """
    nets = networks.mlp(widths, "identity", STARTS[start], seeds=[seed for _ in rates for seed in seeds])
    rate = np.repeat(np.array(rates) / nets.depth, len(seeds))[:, None, None]
    found = np.full(nets.nets, limit)
    running = np.arange(nets.nets)
    size = np.square(target).sum()
    for step in range(limit):
        trace = nets.forward(np.eye(len(target)))
        error = trace.output - target
        with np.errstate(over="ignore", invalid="ignore"):
            loss = np.square(error).sum(axis=(1, 2)) / size
        done = loss < LEARNED
        found[running[done]] = step
        going = np.flatnonzero(~done & (loss < 100))  # not done, and not diverged
        if not len(going):
            break
        gradients = nets.backward(trace, error).weights
        for own, gradient in zip(nets.weights, gradients, strict=True):
            own -= rate * gradient
        if len(going) < len(running):
            nets, running, rate = nets.take(going), running[going], rate[going]
    return found.reshape(len(rates), len(seeds))
