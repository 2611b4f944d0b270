"""Multilayer perceptrons, and muP, which keeps the best learning rate while they widen."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from initlib import activations, checks
from initlib.activations import AnyActivation
from initlib.networks.building import Builder, PerNet
from initlib.networks.layers import Activate, Layer
from initlib.networks.normalisation import EPSILON, KINDS, LEAST, normalise
from initlib.networks.stacks import Network

PARAMETRISATIONS = ("standard", "mup")


@checks.keywords
def mlp(
    widths: Sequence[int],
    activation: AnyActivation,
    initializer: PerNet,
    *,
    seeds: Sequence[int],
    bias_initializer: PerNet | None = None,
    normalisation: str | None = None,
    epsilon: float = EPSILON,
    parametrisation: str = "standard",
    base_width: int | None = None,
    dtype: DTypeLike = np.float64,
) -> Network:
    """Build a stack of multilayer perceptrons, one net for each seed; the last layer is linear.

    pre[l] = post[l-1] @ W[l] + b[l], post[l] = phi(pre[l]), with W[l]: (nets, widths[l], widths[l+1]).

    `initializer` (and `bias_initializer`; None means zeros) is a name, a callable
    `init(shape, rng=..., dtype=...)`, or a sequence with one of them for each net; an entry of that sequence
    may itself be a sequence with one for each layer. The draws of a net depend on its seed and the layer
    alone, so nets with the same seed share their noise whatever their scale, biases or neighbours. The first
    weights of seed s are the numbers of `np.random.default_rng(s)`: draw inputs from another seed.

    `normalisation` "batch" or "layer" normalises what enters each activation (with `epsilon` added to the
    variance); pre[l] is then the normalised signal. `parametrisation="mup"` multiplies the output weights by
    sqrt(base_width / fan_in), and learning rates by base_width / fan_in for output weights, with Adam also
    for hidden weights, and with SGD by fan_out / base_width for input weights and hidden biases (Yang et al.
    2022, arXiv:2203.03466, table 3): at base_width it changes nothing, and the best learning rate keeps.
    Weight decay keeps its strength too.

    >>> import numpy as np
    >>> stack = mlp((64, 32, 10), "relu", ["he_normal", "glorot_normal"], seeds=[0, 0])
    >>> [w.shape for w in stack.weights]
    [(2, 64, 32), (2, 32, 10)]
    >>> stack.forward(np.ones((5, 64))).output.shape
    (2, 5, 10)
    """
    sizes = checks.integers("widths", widths, minimum=1, length=2)
    phi = activations.get(activation)
    if normalisation is not None:
        checks.choice("normalisation", normalisation, KINDS)
    epsilon = checks.real("epsilon", epsilon, minimum=LEAST)
    mup = checks.choice("parametrisation", parametrisation, PARAMETRISATIONS) == "mup"
    if mup != (base_width is not None):
        raise ValueError(f"base_width goes with parametrisation 'mup'. Received: {checks.shown(base_width)}.")
    base = checks.integer("base_width", base_width, minimum=1) if mup else None
    shapes = list(pairwise(sizes))
    builder = Builder(seeds, dtype, shapes, initializer, bias_initializer)
    layers: list[Layer] = []
    pre: list[Layer] = []
    post: list[Layer] = []
    for depth, shape in enumerate(shapes):
        last = depth == len(shapes) - 1
        layers.append(builder.weight_layer(**_mup(shape, base, first=depth == 0, last=last)))
        if normalisation is not None and not last:
            layers.append(normalise(builder, normalisation, shape[1], epsilon))
        pre.append(layers[-1])
        if not last:
            layers.append(Activate(phi))
        post.append(layers[-1])
    return builder.network(layers, phi, sizes, input_shape=sizes[:1], pre=pre, post=post)


def _mup(shape: tuple[int, int], base: int | None, *, first: bool, last: bool) -> dict[str, Any]:
    """Return scale and learning-rate factors of one weight layer."""
    if base is None:
        return {}
    narrow, wide = base / shape[0], shape[1] / base
    if first and last:
        return {}
    if first:
        return {"weight_factors": {"sgd": wide}, "bias_factors": {"sgd": wide}}
    if last:
        return {"scale": narrow**0.5, "weight_factors": {"sgd": narrow, "adam": narrow}}
    return {"weight_factors": {"adam": narrow}, "bias_factors": {"sgd": wide}}
