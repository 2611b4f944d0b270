"""Neural networks as stacks: one call builds many nets of one shape, which run and train together."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from initlib import activations, checks, initializers
from initlib.activations import Activation
from initlib.layers import Activate, Array, Dense, Layer
from initlib.stacks import Gradients, Network, Parameter, Trace

__all__ = ["Gradients", "Network", "Trace", "mlp"]

Initializer = str | Callable[..., Any]
PerNet = Initializer | Sequence[Initializer | Sequence[Initializer]]

WEIGHTS, BIASES = 0, 1  # streams of random numbers; training draws its own from the same seeds


def mlp(
    widths: Sequence[int],
    activation: str | Activation | Callable[..., Any],
    initializer: PerNet,
    *,
    seeds: Sequence[int],
    bias_initializer: PerNet | None = None,
    dtype: DTypeLike = np.float64,
) -> Network:
    """Build a stack of multilayer perceptrons, one net for each seed; the last layer is linear.

    pre[l] = post[l-1] @ W[l] + b[l], post[l] = phi(pre[l]), with W[l]: (nets, widths[l], widths[l+1]).

    `initializer` (and `bias_initializer`; None means zeros) is a name, a callable
    `init(shape, rng=..., dtype=...)`, or a sequence with one of them for each net; an entry of that sequence
    may itself be a sequence with one for each layer. The draws of a net depend on its seed and the layer
    alone, so nets with the same seed share their noise whatever their scale, biases or neighbours.

    >>> stack = mlp((64, 32, 10), "relu", ["he_normal", "glorot_normal"], seeds=[0, 0])
    >>> [w.shape for w in stack.weights]
    [(2, 64, 32), (2, 32, 10)]
    >>> stack.forward(np.ones((5, 64))).output.shape
    (2, 5, 10)
    """
    sizes = checks.integers("widths", widths, minimum=1, length=2)
    phi = activations.get(activation)
    draw = Draws(seeds, dtype)
    shapes = list(pairwise(sizes))
    weights = draw.weights(initializer, shapes)
    biases = draw.biases(bias_initializer, [shape[1:] for shape in shapes])
    layers: list[Layer] = []
    pre: list[Layer] = []
    post: list[Layer] = []
    for depth in range(len(shapes)):
        layers.append(Dense(2 * depth, 2 * depth + 1))
        pre.append(layers[-1])
        if depth < len(shapes) - 1:
            layers.append(Activate(phi))
        post.append(layers[-1])
    values = [value for pair in zip(weights, biases, strict=True) for value in pair]
    kinds = [Parameter("weight"), Parameter("bias")] * len(shapes)
    return Network(
        tuple(layers), tuple(values), tuple(kinds), draw.seeds, sizes, phi, sizes[:1], tuple(pre), tuple(post)
    )


class Draws:
    """Draws parameters net by net from the net's seed, with one stream for each layer and purpose."""

    def __init__(self, seeds: Sequence[int], dtype: DTypeLike) -> None:
        self.seeds = checks.integers("seeds", seeds, minimum=0)
        self.dtype = np.dtype(dtype)
        if self.dtype.kind != "f":
            raise TypeError(f"dtype must be a floating-point type. Received: {dtype!r}.")

    def weights(self, initializer: PerNet, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        """Return one (nets, *shape) array for each shape."""
        return self._draw("initializer", initializer, shapes, WEIGHTS)

    def biases(self, initializer: PerNet | None, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        """Return one (nets, *shape) array for each shape; zeros if `initializer` is None."""
        if initializer is None:
            return [np.zeros((len(self.seeds), *shape), self.dtype) for shape in shapes]
        return self._draw("bias_initializer", initializer, shapes, BIASES)

    def _draw(self, name: str, given: PerNet, shapes: Sequence[tuple[int, ...]], stream: int) -> list[Array]:
        table = _one_per_layer(name, given, len(self.seeds), len(shapes))
        result = [np.empty((len(self.seeds), *shape), self.dtype) for shape in shapes]
        for net, seed in enumerate(self.seeds):
            for layer, shape in enumerate(shapes):
                rng = np.random.default_rng([seed, stream, layer])
                result[layer][net] = table[net][layer](shape, rng=rng, dtype=self.dtype)
        return result


def _one_per_layer(name: str, given: PerNet, nets: int, layers: int) -> list[list[Callable[..., Any]]]:
    def resolve(one: object, where: str) -> Callable[..., Any]:
        if isinstance(one, str):
            return initializers.get(one)
        if callable(one):
            return one
        raise TypeError(f"{where} must be a name or a callable. Received: {one!r}.")

    def spread(many: object, count: int, what: str, where: str) -> list[object]:
        if isinstance(many, str) or callable(many):
            return [many] * count
        if not isinstance(many, Sequence):
            raise TypeError(f"{where} must be a name, a callable or a sequence of them. Received: {many!r}.")
        if len(many) != count:
            raise ValueError(f"{where} needs one entry for each of {count} {what}s. Received: {len(many)}.")
        return list(many)

    rows = spread(given, nets, "net", name)
    return [
        [resolve(one, f"{name}[{i}]") for one in spread(row, layers, "layer", f"{name}[{i}]")]
        for i, row in enumerate(rows)
    ]
