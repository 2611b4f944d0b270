"""The signal explorer: how far a signal and its gradient get, by depth, weight scale and activation."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initlib import checks, datasets, initializers, networks
from initlib.explorers.explorer import Explorer, Lines
from initlib.explorers.table import Axis, Table

Array = NDArray[np.float64]

WIDTH = 64  # the digits have 64 pixels, so every layer is square
SAMPLES = 16
MARKS = {"LeCun, Xavier": 1.0, "He": 2**0.5}  # in square layers


def gradients_by_depth(network: networks.Network, x: Array, depths: Sequence[int]) -> Array:
    """Return the gradient's rms by layer in the nets cut off at each depth: (nets, depths, layers).

    The net of depth L is the first L weight layers. Its gradient starts at layer L with draws from N(0, 1), and
    is NaN above. One backward pass serves all depths, each as rows of its own. `depths` increase.
    """
    trace = network.forward(x)
    slope = network.activation.derivative
    if slope is None:
        raise ValueError(f"The derivative of {network.activation.name!r} is needed for its gradients.")
    start = np.random.default_rng(0).standard_normal(trace.pre[-1].shape[1:])
    result = np.full((network.nets, len(depths), network.depth), np.nan)
    under_way = np.empty((network.nets, 0, *start.shape))  # (nets, depths at least this deep, samples, units)
    for layer in reversed(range(network.depth)):
        if under_way.shape[1]:
            rows = under_way.reshape(network.nets, -1, start.shape[-1])
            back = rows @ network.weights[layer + 1].swapaxes(1, 2)
            under_way = back.reshape(under_way.shape) * slope(trace.pre[layer])[:, None]
        if layer + 1 in depths:
            fresh = np.broadcast_to(start, (network.nets, 1, *start.shape))
            under_way = np.concatenate([fresh, under_way], axis=1)
        count = under_way.shape[1]
        result[:, len(depths) - count :, layer] = np.sqrt(np.square(under_way).mean(axis=(2, 3)))
    return result
