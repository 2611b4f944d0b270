"""R32: gradients of transformers with the norm before or behind the sum, at the start (Xiong et al. 2020).

Decoder-only transformers of width 32 read the names of Unicode's characters, 32 characters at a time. Layers
have Xavier's weights, embeddings a standard deviation of 1. With "post" the norm stands behind each sum, with
"pre" before each sublayer.

`log2_last` is log2 of the rms gradient of the last weights of the last block, and `log2_fall` log2 of how
many times smaller that of the first block is.

Trials of the code had seed 0, the pilots seeds 0 to 2. They had a part that trained six blocks for 200 steps,
at five rates, with a warm-up and without: post-norm ended 0.5 and 0.4 nats behind pre-norm, and a warm-up
gained neither anything. That part was left out before the run, for want of time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import datasets, initializers, networks
from initlib.evidence import Measurement, Metric, Protocol, Rule, when
from initlib.networks import Network, losses

PLACEMENTS = ("pre", "post")
BLOCKS = (2, 4, 8, 16, 32)
WIDTH, HEADS, CONTEXT, SAMPLES = 32, 2, 32, 32


def unit(shape: Any, **more: Any) -> Any:
    """Draw embeddings of standard deviation 1."""
    return initializers.normal(shape, std=1.0, **more)


def nets(placement: str, blocks: int, seeds: Sequence[int]) -> Network:
    """Return transformers with Xavier's weights."""
    ends: dict[str, Any] = {"embedding": unit, "positions": unit, "output layer": "lecun_normal"}
    return networks.transformer(
        (len(datasets.ALPHABET), WIDTH, 4 * WIDTH),
        blocks,
        "relu",
        [[ends.get(role, "glorot_normal") for role in networks.roles(blocks)]] * len(seeds),
        seeds=seeds,
        context=CONTEXT,
        heads=HEADS,
        placement=placement,
    )


def start(seeds: Sequence[int], placement: str, blocks: int) -> dict[str, Any]:
    """Return the size of the gradient in the last block, and how it falls to the first, for each seed."""
    batch = datasets.unicode_names(CONTEXT).split(0, standardise=False).train
    stack = nets(placement, blocks, seeds)
    trace = stack.forward(batch.inputs[:SAMPLES])
    labels = losses.targets(batch.labels[:SAMPLES], trace.output, "softmax", CONTEXT)
    gradients = stack.backward(trace, losses.softmax(trace.output, labels)[1])
    ends = gradients.weights[5::4]  # "feed-forward, second" of each block
    sizes = np.log2([np.sqrt(np.square(one).mean(axis=(1, 2))) for one in ends])
    return {"log2_last": sizes[-1], "log2_fall": sizes[-1] - sizes[0]}


LAST = Metric("start", "log2_last")
DEEPER = {
    placement: LAST.at(placement=placement, blocks=32).minus(
        LAST.at(placement=placement, blocks=2),
        f"{placement}-norm: log2 of the last gradient, 32 blocks minus 2",
        margin=0.75,
    )
    for placement in PLACEMENTS
}
LARGER = LAST.at(placement="post", blocks=32).minus(
    LAST.at(placement="pre", blocks=32), "32 blocks: log2 of the last gradient, post minus pre", margin=2.0
)
PROTOCOL = Protocol(
    name="norm-placement",
    claim="R32",
    statement=(
        "The deeper a pre-norm transformer, the smaller the gradients with which its last block starts; "
        "those of a post-norm transformer do not shrink."
    ),
    parts={
        "start": Measurement(
            measure=start,
            axes={"placement": PLACEMENTS, "blocks": BLOCKS},
            seeds=range(100, 120),
            tolerance={"log2_last": 1e-6, "log2_fall": 1e-6},
            sample=({"blocks": 4, "seed": 100},),
        ),
    },
    tests=(*DEEPER.values(), LARGER),
    rules=(
        Rule(
            "upheld",
            when(
                lower=[DEEPER["pre"]],
                higher_or_equivalent_or_not_lower=[DEEPER["post"]],
                higher=[LARGER],
            ),
        ),
        Rule("refuted", when(equivalent_or_higher_or_not_lower=[DEEPER["pre"]])),
        Rule("refuted", when(lower=[DEEPER["post"]])),
    ),
)
