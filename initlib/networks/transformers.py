"""Stacks of small decoder-only transformers, which read tokens and predict the next one at every position."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from initlib import activations, checks
from initlib.activations import AnyActivation
from initlib.networks.attention import CausalAttention, Embedding, TiedHead
from initlib.networks.building import Builder, PerNet
from initlib.networks.layers import Activate, Dense, Layer
from initlib.networks.normalisation import normalise
from initlib.networks.residual import Residual, Scale
from initlib.networks.stacks import Network
from initlib.typing import Array, Shape

PLACEMENTS = ("pre", "post")
IN_A_BLOCK = ("query", "key", "value", "attention output", "feed-forward, first", "feed-forward, second")


def roles(blocks: int, *, tied: bool = False) -> tuple[str, ...]:
    """Return what each weight layer of a `transformer` is, in the order in which initializers are given.

    >>> roles(1)[:4], roles(1)[-1]
    (('embedding', 'positions', 'query', 'key'), 'output layer')
    >>> len(roles(6, tied=True))
    38
    """
    blocks = checks.integer("blocks", blocks, minimum=0, maximum=100_000)
    head = () if checks.boolean("tied", tied) else ("output layer",)
    return ("embedding", "positions", *IN_A_BLOCK * blocks, *head)


@checks.keywords
def transformer(
    widths: Sequence[int],
    blocks: int,
    activation: AnyActivation,
    initializer: PerNet,
    *,
    seeds: Sequence[int],
    context: int,
    heads: int = 1,
    placement: str = "pre",
    normalisation: str = "layer",
    tied: bool = False,
    score_exponent: float = 0.5,
    branch_scale: float | ArrayLike | None = None,
    dtype: DTypeLike = np.float64,
) -> Network:
    """Build a stack of decoder-only transformers: embedding, `blocks` blocks, a head for the next token.

    `widths` are (vocabulary, width, feed-forward width). A block adds two sublayers to the stream x, causal
    attention with `heads` heads and a feed-forward layer, F(x) = phi(x W_1) W_2: with `placement` "pre",
    x <- x + s F(norm(x)), and norm before the head (Xiong et al. 2020, arXiv:2002.04745); with "post",
    x <- norm(x + s F(x)) (Vaswani et al. 2017, arXiv:1706.03762). s is `branch_scale`, one number or one for
    each net (None: 1); in front of a norm it is the inverse of DeepNorm's factor alpha at the shortcut (Wang
    et al. 2022, arXiv:2203.00555). `normalisation` is "layer" or "rms". Scores of queries and keys are
    divided by head_width^`score_exponent`. A `tied` head is the embedding's own matrix.

    `initializer` as in `mlp`; `roles` names the weight layers in their order. Biases are 0. Inputs are tokens
    (samples, context). Outputs are logits, (nets, samples * context, vocabulary); labels for `training.fit`
    are tokens (samples, context). In a trace, `pre` is the stream (behind the embedding and behind each
    sublayer) and the output; `post` is empty.

    >>> import numpy as np
    >>> stack = transformer((65, 32, 128), 2, "gelu", "lecun_normal", seeds=[0, 1], context=8, heads=4)
    >>> stack.forward(np.zeros((5, 8))).output.shape
    (2, 40, 65)
    """
    sizes = checks.integers("widths", widths, minimum=1, length=3)
    if len(sizes) != 3:
        raise ValueError(
            f"widths must be (vocabulary, width, feed-forward width). Received: {checks.shown(sizes)}."
        )
    vocabulary, width, inner = sizes
    context = checks.integer("context", context, minimum=1)
    heads = checks.integer("heads", heads, minimum=1)
    if width % heads:
        raise ValueError(f"heads must divide the width {width}. Received: {heads}.")
    post = checks.choice("placement", placement, PLACEMENTS) == "post"
    normalisation = checks.choice("normalisation", normalisation, ("layer", "rms"))
    exponent = checks.real("score_exponent", score_exponent)
    phi = activations.get(activation, derivative=True)
    names = roles(blocks, tied=tied)
    shapes: dict[str, Shape] = {
        "embedding": (vocabulary, width),
        "positions": (context, width),
        "feed-forward, first": (width, inner),
        "feed-forward, second": (inner, width),
        "output layer": (width, vocabulary),
    }
    builder = Builder(seeds, dtype, [shapes.get(name, (width, width)) for name in names], initializer)
    scale = None
    if branch_scale is not None:
        scale = builder.per_net("branch_scale", branch_scale)

    embedding = Embedding(builder.add(builder.draw(), "weight"), builder.add(builder.draw(), "weight"))
    layers: list[Layer] = [embedding]
    stream: list[Layer] = [embedding]
    for number in range(2 * blocks):
        branch: list[Layer] = [] if post else [normalise(builder, normalisation, width)]
        if number % 2 == 0:
            branch += [_queries_keys_values(builder, width), CausalAttention(context, heads, exponent)]
        else:
            branch += [builder.weight_layer(), Activate(phi)]
        branch.append(builder.weight_layer())
        branch += _scaled(builder, scale)
        layers.append(Residual(branch))
        if post:
            layers.append(normalise(builder, normalisation, width))
        stream.append(layers[-1])
    if not post:
        layers.append(normalise(builder, normalisation, width))
    layers.append(TiedHead(embedding) if tied else builder.weight_layer())
    return builder.network(
        layers,
        phi,
        (vocabulary, width, vocabulary),
        input_shape=(context,),
        pre=[*stream, layers[-1]],
        positions=context,
    )


def _queries_keys_values(builder: Builder, width: int) -> Layer:
    """Return one layer of three square weights, side by side."""
    weight = np.concatenate([builder.draw() for _ in range(3)], axis=2)
    return Dense(builder.add(weight, "weight"), builder.constant(0.0, "bias", (3 * width,)))


def _scaled(builder: Builder, scale: Array | None) -> list[Layer]:
    return [] if scale is None else [Scale(builder.constant(scale, "fixed"), trained=False)]
