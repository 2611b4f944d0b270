"""Residual stacks: x <- x + branch(x), and the ways to keep them stable without normalisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from initlib import activations, checks
from initlib.activations import Activation, AnyActivation
from initlib.networks.building import Builder, PerNet
from initlib.networks.layers import Activate, Layer, Tape, run_backward, run_forward
from initlib.networks.normalisation import normalise
from initlib.networks.stacks import Network
from initlib.typing import Array

VARIANTS = ("plain", "scaled", "zero_last", "fixup", "skipinit", "rezero", "pre_norm")


class Residual:
    """y = x + branch(x).

    In training the sum is written over the branch's output. An activation needs that output again for its
    slope, so a branch that ends in one is refused.
    """

    def __init__(self, branch: Sequence[Layer]) -> None:
        if not branch or isinstance(branch[-1], Activate):
            raise ValueError(
                "A branch must end in a layer that does not need its output again, a Dense, say. "
                f"Received: {[type(layer).__name__ for layer in branch]}."
            )
        self.branch = tuple(branch)

    def forward(self, x: Array, tape: Tape) -> Array:
        y = run_forward(self.branch, x, tape)
        return np.add(x, y, out=tape.over(y))

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        skip = tape.buffer(self, "skip", gradient.shape)
        np.copyto(skip, gradient)  # the branch may write over what it is given
        back = run_backward(self.branch, gradient, tape)
        return np.add(skip, back, out=tape.over(back))


class Scale:
    """y = s x with one number for each net, trained or fixed."""

    def __init__(self, slot: int, trained: bool) -> None:
        self.slot, self.trained = slot, trained

    def forward(self, x: Array, tape: Tape) -> Array:
        tape.kept[self] = x
        return np.multiply(x, _column(tape.values[self.slot], x), out=tape.buffer(self, "y", x.shape))

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        x = tape.kept[self]
        number = _column(tape.values[self.slot], gradient)
        back: Array = gradient * number
        if self.trained:
            products = np.matmul(gradient.reshape(len(x), 1, -1), x.reshape(len(x), -1, 1))
            tape.accumulate(self.slot, products[:, 0, 0])
        return back


class Shift:
    """y = x + b with one number for each net."""

    def __init__(self, slot: int) -> None:
        self.slot = slot

    def forward(self, x: Array, tape: Tape) -> Array:
        return np.add(x, _column(tape.values[self.slot], x), out=tape.buffer(self, "y", x.shape))

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        tape.accumulate(self.slot, gradient.reshape(len(gradient), -1).sum(axis=1))
        return gradient


@checks.keywords
def residual(
    widths: Sequence[int],
    blocks: int,
    activation: AnyActivation,
    initializer: PerNet,
    *,
    seeds: Sequence[int],
    variant: str = "plain",
    branch_depth: int = 2,
    branch_width: int | None = None,
    branch_scale: float | ArrayLike | None = None,
    normalisation: str | None = None,
    bias_initializer: PerNet | None = None,
    dtype: DTypeLike = np.float64,
) -> Network:
    """Build a stack of residual nets: a weight layer, `blocks` blocks x <- x + s F(x), phi, a weight layer.

    `widths` are (inputs, width, outputs). F has `branch_depth` weight layers, `branch_width` wide inside,
    each behind an activation: F(x) = phi(phi(x) W_1) W_2. Its scale s is `branch_scale`, one number or one
    for each net (None: 1). Variants:

    - "plain": as above; "scaled": s = blocks^(-1/2); "zero_last": the last weights of every branch are zero.
    - "fixup": last weights of branches and output zero, other branch weights times
      blocks^(-1 / (2 branch_depth - 2)), scalar biases before each weight layer and activation, a trained
      scalar multiplier 1 (Zhang et al. 2019, arXiv:1901.09321).
    - "skipinit": s trained from 0 (De & Smith 2020, arXiv:2002.10444).
    - "rezero": s trained from 0, each weight layer before its activation, no activation after the blocks
      (Bachlechner et al. 2021, arXiv:2003.04887).
    - "pre_norm": F(x) = phi(norm(x) W_1) W_2, and norm in place of the last phi, layer norm unless
      `normalisation` says otherwise (Xiong et al. 2020, arXiv:2002.04745).

    With `normalisation` "batch" or "layer", the activations of plain, scaled and zero_last blocks come behind
    a normalisation. `initializer` as in `mlp`, with branch_depth * blocks + 2 weight layers. In a trace `pre`
    is the stream (behind the first layer and behind each block) and the output; `post` is empty.

    >>> import numpy as np
    >>> stack = residual((64, 32, 10), 8, "relu", "he_normal", seeds=[0, 1], variant="fixup")
    >>> len(stack.forward(np.ones((5, 64))).pre), stack.depth
    (10, 18)
    """
    sizes = checks.integers("widths", widths, minimum=1, length=3)
    if len(sizes) != 3:
        raise ValueError(f"widths must be (inputs, width, outputs). Received: {checks.shown(sizes)}.")
    plan = _Plan(
        variant=checks.choice("variant", variant, VARIANTS),
        blocks=checks.integer("blocks", blocks, minimum=0, maximum=100_000),
        depth=checks.integer("branch_depth", branch_depth, minimum=2 if variant == "fixup" else 1),
        normalisation="layer" if variant == "pre_norm" and normalisation is None else normalisation,
        activation=activations.get(activation, derivative=True),
    )
    if plan.normalisation is not None and variant in ("fixup", "skipinit", "rezero"):
        raise ValueError(
            f"The variant {variant!r} has no normalisation. Received: {checks.shown(normalisation)}."
        )
    if branch_scale is not None and variant in ("scaled", "fixup", "skipinit", "rezero"):
        raise ValueError(
            f"The variant {variant!r} sets branch_scale itself. Received: {checks.shown(branch_scale)}."
        )
    inner = sizes[1] if branch_width is None else checks.integer("branch_width", branch_width, minimum=1)
    between = [inner] * (plan.depth - 1)
    path = [sizes[1], *between, sizes[1]]
    shapes = [sizes[:2], *list(pairwise(path)) * plan.blocks, sizes[1:]]
    builder = Builder(seeds, dtype, shapes, initializer, bias_initializer)
    scale = None
    if branch_scale is not None:
        scale = builder.per_net("branch_scale", branch_scale)

    stem = builder.weight_layer()
    stream = [Residual(plan.branch(builder, path, scale)) for _ in range(plan.blocks)]
    head = plan.head(builder, sizes[1])
    return builder.network(
        [stem, *stream, *head], plan.activation, sizes, input_shape=sizes[:1], pre=[stem, *stream, head[-1]]
    )


@dataclass(frozen=True)
class _Plan:
    """Lays out the branches and the head of one variant."""

    variant: str
    blocks: int
    depth: int
    normalisation: str | None
    activation: Activation

    def branch(self, builder: Builder, path: Sequence[int], scale: Array | None) -> list[Layer]:
        layers: list[Layer] = []
        if self.variant == "pre_norm":
            layers.append(self._norm(builder, path[0]))
        for i in range(self.depth):
            layers += self._before(builder, i, path[i])
            layers.append(
                builder.weight_layer(
                    scale=self._weight_scale(last=i == self.depth - 1), bias=self.variant != "fixup"
                )
            )
            if self.variant == "rezero":
                layers.append(Activate(self.activation))
        if self.variant == "scaled":
            scale = np.full(len(builder.seeds), max(self.blocks, 1) ** -0.5)
        if self.variant in ("fixup", "skipinit", "rezero"):
            layers.append(Scale(builder.constant(float(self.variant == "fixup"), "scale"), trained=True))
        elif scale is not None:
            layers.append(Scale(builder.constant(scale, "fixed"), trained=False))
        return layers

    def _before(self, builder: Builder, i: int, units: int) -> list[Layer]:
        """Return what comes before weight layer i of a branch."""
        if self.variant == "rezero" or (self.variant == "pre_norm" and i == 0):
            return []
        if self.variant == "fixup":
            return [self._shift(builder), Activate(self.activation), self._shift(builder)]
        if self.normalisation is not None and self.variant != "pre_norm":
            return [self._norm(builder, units), Activate(self.activation)]
        return [Activate(self.activation, owned=i > 0)]

    def _weight_scale(self, last: bool) -> float:
        if self.variant in ("zero_last", "fixup") and last:
            return 0.0
        return max(self.blocks, 1) ** (-1 / (2 * self.depth - 2)) if self.variant == "fixup" else 1.0

    def head(self, builder: Builder, units: int) -> list[Layer]:
        """Return what comes behind the last block."""
        if self.variant == "pre_norm":
            before = [self._norm(builder, units)]
        elif self.variant == "rezero":
            before = []
        else:
            before = self._before(builder, 0, units)
        return [*before, builder.weight_layer(scale=float(self.variant != "fixup"))]

    def _norm(self, builder: Builder, units: int) -> Layer:
        assert self.normalisation is not None
        return normalise(builder, self.normalisation, units)

    def _shift(self, builder: Builder) -> Layer:
        return Shift(builder.constant(0.0, "shift"))


def _column(numbers: Array, like: Array) -> Array:
    return numbers.reshape(-1, *[1] * (like.ndim - 1))
