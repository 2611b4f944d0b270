"""`Network`: many nets of one shape as one stack; forward keeps every layer, backward is exact."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from initlib import checks
from initlib.activations import Activation
from initlib.networks.layers import Layer, Tape, run_backward, run_forward
from initlib.typing import Array

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


@dataclass(frozen=True, eq=False)
class Trace:
    """One forward pass of one network. `pre[l]` and `post[l]` are (nets, samples, units): before and after
    the activation of layer l. The last entry of both is `output`, the linear last layer.
    """

    pre: tuple[Array, ...]
    post: tuple[Array, ...]
    output: Array
    tape: Tape = field(repr=False)

    def __repr__(self) -> str:
        nets, samples = self.output.shape[:2]
        return f"Trace({nets} nets, {samples} samples, {len(self.pre)} layers)"


@dataclass(frozen=True, eq=False)
class Gradients:
    """Exact gradients, shaped as what they belong to; `values` has all parameters, 0 for untrained ones."""

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    pre: tuple[Array, ...]
    input: Array
    values: tuple[Array, ...] = field(repr=False)

    def __repr__(self) -> str:
        return f"Gradients({len(self.input)} nets, {len(self.weights)} weight layers)"


@dataclass(frozen=True)
class Parameter:
    """What a slot holds, and its learning-rate factor by family of optimizer ("sgd", "adam").

    Kinds: "weight" (alone decays), "bias"; scalars "scale" and "shift"; "gain" and "offset" of normalisation;
    "fixed" and "statistic" are not trained.
    """

    kind: str
    factors: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Network:
    """A stack of nets of one shape, made by `mlp` and its relatives.

    `values[s]` is parameter s of all nets, (nets, ...); change its entries in place to change the nets.
    `weights[l]` is (nets, fan_in, fan_out) and `biases[l]` (nets, fan_out). Net i was drawn from `seeds[i]`
    alone. Nets with `positions` answers for each sample have an output (nets, samples * positions, units).
    """

    layers: tuple[Layer, ...] = field(repr=False)
    values: tuple[Array, ...] = field(repr=False)
    parameters: tuple[Parameter, ...] = field(repr=False)
    seeds: tuple[int, ...]
    widths: tuple[int, ...]
    activation: Activation
    input_shape: tuple[int | None, ...]
    pre_points: tuple[Layer, ...] = field(repr=False)
    post_points: tuple[Layer, ...] = field(repr=False)
    positions: int = field(default=1, repr=False)

    def __repr__(self) -> str:
        widths = "-".join(map(str, self.widths))
        return f"Network({self.nets} x {widths} {self.activation.name}, {self.dtype})"

    @property
    def weights(self) -> tuple[Array, ...]:
        """The weight arrays in the order of the layers."""
        return self._of_kind("weight")

    @property
    def biases(self) -> tuple[Array, ...]:
        """The bias arrays in the order of the layers."""
        return self._of_kind("bias")

    def _of_kind(self, kind: str) -> tuple[Array, ...]:
        return tuple(v for v, p in zip(self.values, self.parameters, strict=True) if p.kind == kind)

    @property
    def nets(self) -> int:
        """The number of nets."""
        return len(self.seeds)

    @property
    def depth(self) -> int:
        """The number of weight layers."""
        return len(self.weights)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The floating-point type of the parameters."""
        return self.values[0].dtype

    def take(self, nets: Sequence[int] | NDArray[Any], *, dtype: DTypeLike | None = None) -> "Network":
        """Return a copy of some of the nets, in the order given and optionally in another `dtype`.

        >>> from initlib import networks
        >>> networks.mlp((2, 3, 1), "relu", "he_normal", seeds=[4, 5, 6]).take([2, 0]).seeds
        (6, 4)
        """
        chosen = list(checks.integers("nets", nets, minimum=0))
        if any(i >= self.nets for i in chosen):
            raise ValueError(
                f"nets must be below {self.nets}, the size of the stack. Received: {checks.shown(chosen)}."
            )
        wanted = self.dtype if dtype is None else floating(dtype)
        values = tuple(value[chosen].astype(wanted) for value in self.values)
        return replace(self, values=values, seeds=tuple(self.seeds[i] for i in chosen))

    @np.errstate(over="ignore", invalid="ignore")  # nets that diverged have infinite signals
    def forward(self, x: ArrayLike, *, evaluating: bool = False) -> Trace:
        """Run every net on x: (samples, ...) shared by all nets, or (nets, samples, ...).

        With `evaluating`, batch normalisation uses the running statistics of training, not those of x. The
        trace keeps a copy of x, and the network's own parameters.
        """
        tape = Tape(self.values, checks.boolean("evaluating", evaluating))
        output = run_forward(self.layers, checks.copied(self.check_input(x)), tape)
        pre = tuple(tape.signals[layer] for layer in self.pre_points)
        post = tuple(tape.signals[layer] for layer in self.post_points)
        return Trace(pre, post, output, tape)

    @np.errstate(over="ignore", invalid="ignore")
    def backward(self, trace: Trace, output_gradient: ArrayLike) -> Gradients:
        """Return the exact gradients, given a `trace` of this network's `forward` and dLoss/d(output)."""
        if not isinstance(trace, Trace):
            raise TypeError(f"trace must be a Trace, made by forward. Received: {type(trace).__name__}.")
        if trace.tape.values is not self.values:
            raise ValueError(
                "trace must be of this network itself. Received: one of another network, as is each copy."
            )
        top = checks.array("output_gradient", output_gradient, dtype=self.dtype)
        if trace.tape.evaluating:
            raise ValueError("Gradients are those of training. Received a trace made with evaluating=True.")
        if top.shape != trace.output.shape:
            raise ValueError(
                f"output_gradient must have the output's shape {trace.output.shape}. Received: {top.shape}."
            )
        tape = trace.tape
        back = run_backward(self.layers, checks.copied(top), tape)
        values = tuple(
            tape.gradients[slot] if slot in tape.gradients else np.zeros_like(value)
            for slot, value in enumerate(self.values)
        )
        named = replace(self, values=values)
        pre = tuple(tape.signal_gradients[layer] for layer in self.pre_points)
        return Gradients(named.weights, named.biases, pre, back, values)

    def check_input(self, x: ArrayLike) -> Array:
        """Return x as an array (nets, samples, ...), or say what is wrong with it."""
        x = checks.array("x", x, dtype=self.dtype)
        inner = len(self.input_shape)
        shape = x.shape[x.ndim - inner :]
        fits = len(shape) == inner and all(
            want in (None, got) and got for want, got in zip(self.input_shape, shape, strict=True)
        )
        shared = x.ndim == inner + 1
        if not fits or not (shared or (x.ndim == inner + 2 and len(x) == self.nets)):
            sizes = ", ".join("at least 1" if size is None else str(size) for size in self.input_shape)
            raise ValueError(
                f"x must have shape (samples, {sizes}) or ({self.nets}, samples, {sizes}). "
                f"Received: {x.shape}."
            )
        return np.broadcast_to(x, (self.nets, *x.shape)) if shared else x


def checked(network: object) -> Network:
    """Return `network` if it is one, or say what came.

    >>> checked(None)
    Traceback (most recent call last):
        ...
    TypeError: network must be a Network, as initlib.networks.mlp builds it. Received: None of type NoneType.
    """
    if not isinstance(network, Network):
        raise TypeError(
            "network must be a Network, as initlib.networks.mlp builds it. "
            f"Received: {checks.shown(network)} of type {type(network).__name__}."
        )
    return network


def floating(dtype: DTypeLike) -> np.dtype[Any]:
    """Return a dtype that networks compute in.

    >>> floating("float32")
    dtype('float32')
    """
    try:
        found = np.dtype(dtype)
    except Exception:
        found = None
    if found is None or found not in FLOATS:
        raise TypeError(
            f"dtype must be a floating-point type, float32 or float64. Received: {checks.shown(dtype)}."
        )
    return found
