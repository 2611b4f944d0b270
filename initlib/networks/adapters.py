"""Low-rank adaptation (LoRA): a trained net stays as it is, and a product of two thin matrices is learned."""

from dataclasses import replace

import numpy as np

from initlib import checks
from initlib.networks.layers import Activate, Dense, Layer, Tape
from initlib.networks.stacks import Network, Parameter, checked
from initlib.streams import ADAPTERS, generator
from initlib.typing import Array

ZERO = ("up", "down")


class LowRank:
    """y = x W + b + (x A) B, where A: (nets, fan_in, rank) and B: (nets, rank, fan_out) alone are trained."""

    def __init__(self, weight: int, bias: int | None, down: int, up: int) -> None:
        self.frozen = Dense(weight, bias)
        self.down, self.up = Dense(down, None), Dense(up, None)

    def forward(self, x: Array, tape: Tape) -> Array:
        y = self.frozen.forward(x, tape)
        y += self.up.forward(self.down.forward(x, tape), tape)
        return y

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        back: Array = np.matmul(gradient, tape.values[self.frozen.weight].swapaxes(1, 2))
        inner = self.up.backward(gradient.copy(), tape)
        back += self.down.backward(inner, tape)
        return back


@checks.keywords
def low_rank(network: Network, rank: int, *, zero: str = "up") -> Network:
    """Return nets that start from `network` and learn W + A B, with A: (fan_in, rank) and B: (rank, fan_out).

    All parameters of the `network` are fixed. With `zero` "up", B is 0 and A ~ N(0, 1/fan_in), as in LoRA (Hu
    et al. 2022, arXiv:2106.09685, section 4.1; Hayou et al. 2024, arXiv:2406.08447, call it Init[A]); with
    "down", A is 0 and B ~ N(0, 1/rank) (Init[B]). For nets of `mlp` without normalisation
    (a `TypeError` else).

    >>> from initlib import networks
    >>> stack = networks.mlp((64, 32, 10), "relu", "he_normal", seeds=[0])
    >>> adapted = low_rank(stack, 4)
    >>> [weight.shape for weight in adapted.weights]
    [(1, 64, 4), (1, 4, 32), (1, 32, 4), (1, 4, 10)]
    """
    network = checked(network)
    rank = checks.integer("rank", rank, minimum=1)
    checks.fits_memory((network.nets, max(network.widths), rank), network.dtype.itemsize)
    first = checks.choice("zero", zero, ZERO) == "up"
    values = [value.copy() for value in network.values]
    parameters = [Parameter("fixed")] * len(values)
    swapped: dict[Layer, Layer] = {}
    if not all(isinstance(layer, (Dense, Activate)) for layer in network.layers):
        raise TypeError(f"network must be an mlp without normalisation. Received: {network}.")

    def add(shape: tuple[int, int], variance: float, number: int) -> int:
        draws = [generator(seed, ADAPTERS, number).standard_normal(shape) for seed in network.seeds]
        values.append((variance**0.5 * np.array(draws)).astype(network.dtype))
        parameters.append(Parameter("weight"))
        return len(values) - 1

    for layer in network.layers:
        if isinstance(layer, Dense):
            fan_in, fan_out = values[layer.weight].shape[1:]
            number = 2 * len(swapped)
            down = add((fan_in, rank), 1 / fan_in if first else 0.0, number)
            up = add((rank, fan_out), 0.0 if first else 1 / rank, number + 1)
            swapped[layer] = LowRank(layer.weight, layer.bias, down, up)

    def points(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        return tuple(swapped.get(layer, layer) for layer in layers)

    return replace(
        network,
        layers=points(network.layers),
        values=tuple(values),
        parameters=tuple(parameters),
        pre_points=points(network.pre_points),
        post_points=points(network.post_points),
    )
