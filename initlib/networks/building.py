"""What the network builders share: random draws by seed, and a collector of layers and parameters."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from initlib import checks, initializers
from initlib.activations import Activation
from initlib.initializers.arguments import checked_shape
from initlib.networks.layers import Dense, Layer
from initlib.networks.stacks import Network, Parameter, floating
from initlib.streams import BIASES, WEIGHTS, generator
from initlib.typing import Array, Initializer, Shape

Named = str | Initializer
PerNet = Named | Sequence[Named | Sequence[Named]]
Draws = list[list[Callable[..., Any]]]  # one for each net and layer


class Builder:
    """Collects the parameters of a stack, drawn net by net and weight layer by weight layer.

    `shapes` are those of the weight layers, in the order in which they are asked for. The draws of a net
    depend on its seed and the number of the layer alone; weights and biases have streams of their own.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        dtype: DTypeLike,
        shapes: Sequence[Shape],
        initializer: PerNet,
        bias_initializer: PerNet | None = None,
    ) -> None:
        self.seeds = checks.integers("seeds", seeds, minimum=0, maximum=None)
        self.dtype = floating(dtype)
        self.largest = float(np.finfo(self.dtype).max)
        for shape in shapes:
            checked_shape((len(self.seeds), *shape), self.dtype.itemsize)
        self.values: list[Array] = []
        self.parameters: list[Parameter] = []
        self._shapes = shapes
        self._layer = 0
        nets, layers = len(self.seeds), len(shapes)
        self._weights = _one_per_layer("initializer", initializer, nets, layers)
        self._biases = _one_per_layer(
            "bias_initializer", "zeros" if bias_initializer is None else bias_initializer, nets, layers
        )

    def add(self, value: Array, kind: str, factors: dict[str, float] | None = None) -> int:
        """Keep a parameter, (nets, ...), and return its slot."""
        self.values.append(value)
        self.parameters.append(Parameter(kind, factors or {}))
        return len(self.values) - 1

    def per_net(self, name: str, given: object) -> Array:
        """Return one number for each net, none of which the networks' dtype makes infinite."""
        return checks.per_net(name, given, len(self.seeds), minimum=-self.largest, maximum=self.largest)

    def constant(self, number: float | Array, kind: str, shape: Shape = ()) -> int:
        """Keep one number (or one for each net) in an array (nets, *shape) and return its slot."""
        numbers = np.asarray(number, self.dtype).reshape(-1, *[1] * len(shape))
        return self.add(np.broadcast_to(numbers, (len(self.seeds), *shape)).copy(), kind)

    def weight_layer(
        self,
        layer: Callable[[int, int | None], Layer] = Dense,
        *,
        scale: float = 1.0,
        bias: bool = True,
        weight_factors: dict[str, float] | None = None,
        bias_factors: dict[str, float] | None = None,
    ) -> Layer:
        """Draw the next weights, times `scale`, and biases; return the layer made of their slots."""
        number, units = self._layer, self._shapes[self._layer][-1]
        weights = self.draw()
        weight_slot = self.add(weights * scale if scale else np.zeros_like(weights), "weight", weight_factors)
        bias_slot = None
        if bias:
            biases = self._drawn(self._biases, number, (units,), BIASES)
            bias_slot = self.add(biases, "bias", bias_factors)
        return layer(weight_slot, bias_slot)

    def draw(self) -> Array:
        """Return the weights (nets, *shape) of the next layer."""
        number = self._layer
        self._layer += 1
        return self._drawn(self._weights, number, self._shapes[number], WEIGHTS)

    def _drawn(self, table: Draws, number: int, shape: Shape, stream: int) -> Array:
        result = np.empty((len(self.seeds), *shape), self.dtype)
        places: dict[tuple[int, Callable[..., Any]], int] = {}
        for net, seed in enumerate(self.seeds):
            initializer = table[net][number]
            if _is_own(initializer):  # a reader's may count its calls
                first = places.setdefault((seed, initializer), net)
                if first < net:
                    result[net] = result[first]
                    continue
            drawn = self._called(initializer, shape, generator(seed, stream, number))
            if drawn.shape != shape:
                raise ValueError(f"An initializer must return shape {shape}. Received: {drawn.shape}.")
            result[net] = drawn
        return result

    def _called(self, initializer: Callable[..., Any], shape: Shape, rng: np.random.Generator) -> Array:
        name = getattr(initializer, "__name__", type(initializer).__name__)
        try:
            drawn = initializer(shape, rng=rng, dtype=self.dtype)
        except TypeError as error:
            raise TypeError(
                "An initializer is a name, or a callable init(shape, rng=..., dtype=...) that returns an "
                f"array; those of PyTorch, Keras and JAX are called otherwise. {name} raised: "
                f"{checks.shown(error)}."
            ) from error
        return checks.array(f"What the initializer {name} returned", drawn, dtype=self.dtype)

    def network(
        self,
        layers: Sequence[Layer],
        activation: Activation,
        widths: Sequence[int],
        *,
        input_shape: tuple[int | None, ...],
        pre: Sequence[Layer],
        post: Sequence[Layer] = (),
        positions: int = 1,
    ) -> Network:
        """Return the finished stack."""
        return Network(
            layers=tuple(layers),
            values=tuple(self.values),
            parameters=tuple(self.parameters),
            seeds=self.seeds,
            widths=tuple(widths),
            activation=activation,
            input_shape=input_shape,
            pre_points=tuple(pre),
            post_points=tuple(post),
            positions=positions,
        )


def _one_per_layer(name: str, given: PerNet, nets: int, layers: int) -> Draws:
    """Return a table of initializers, a row for each net and a column for each layer."""
    rows = spread(given, nets, "net", name)
    return [
        [_resolved(one, f"{name}[{i}]") for one in spread(row, layers, "layer", f"{name}[{i}]")]
        for i, row in enumerate(rows)
    ]


def spread(given: Any, count: int, what: str, where: str) -> list[Any]:
    """Return a list with one entry for each of `count` things from a single entry or a sequence.

    >>> spread("zeros", 2, "net", "initializer")
    ['zeros', 'zeros']
    """
    if isinstance(given, str) or callable(given):
        return [given] * count
    if not isinstance(given, Sequence):
        raise TypeError(
            f"{where} must be a name, a callable or a sequence of them. Received: {checks.shown(given)}."
        )
    entries = checks.sequence(where, given)
    if len(entries) != count:
        raise ValueError(f"{where} needs one entry for each of {count} {what}s. Received: {len(entries)}.")
    return list(entries)


def _is_own(initializer: Callable[..., Any]) -> bool:
    """Say whether an initializer is one of the library's, which draw alike from equal generators."""
    spec = initializers.SPECS.get(getattr(initializer, "__name__", ""))
    return spec is not None and spec.initializer is initializer


def _resolved(one: Any, where: str) -> Callable[..., Any]:
    if isinstance(one, str):
        return initializers.get(one)
    if not callable(one):
        raise TypeError(f"{where} must be a name or a callable. Received: {checks.shown(one)}.")
    found: Callable[..., Any] = one
    return found
