"""R32: gradients of transformers with the norm before or behind the sum, and warm-up (Xiong et al. 2020).

Decoder-only transformers of width 32 read the names of Unicode's characters, 32 characters at a time. Layers
have Xavier's weights, embeddings a standard deviation of 1. With "post" the norm stands behind each sum, with
"pre" before each sublayer.

At the start, `log2_last` is log2 of the rms gradient of the last weights of the last block, and `log2_fall`
log2 of how many times smaller that of the first block is. Then Adam trains nets of six blocks for 200 steps,
along a cosine with a warm-up or without, at five learning rates; the rate of a net is the one with the lowest
validation loss (a net chooses its own, by no test data). `test_loss` is in nats a character.

Trials of the code on seed 0: eight blocks with post-norm learn nothing in this budget at any rate, warm-up or
not, four and six learn. The pilots have seeds 0 to 2. Between two BLAS
kernels, losses differed by 0.0005.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import datasets, initializers, networks, training
from initlib.evidence import Measurement, Metric, Protocol, Rule, when
from initlib.networks import Network, losses

PLACEMENTS = ("pre", "post")
SCHEDULES = ("warmup_cosine", "cosine")
BLOCKS = (2, 4, 8, 16, 32)
TRAINED = 6
WIDTH, HEADS, CONTEXT, BATCH, STEPS = 32, 2, 32, 8, 200
RATES = tuple(2.0 ** np.arange(-10, -5))
CUT: dict[str, Any] = {"train_samples": BATCH * STEPS, "validation": 0.03, "test": 0.05, "standardise": False}


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
    batch = datasets.unicode_names(CONTEXT).split(0, **CUT).train
    stack = nets(placement, blocks, seeds)
    trace = stack.forward(batch.inputs[:32])
    labels = losses.targets(batch.labels[:32], trace.output, "softmax", CONTEXT)
    gradients = stack.backward(trace, losses.softmax(trace.output, labels)[1])
    ends = gradients.weights[5::4]  # "feed-forward, second" of each block
    sizes = np.log2([np.sqrt(np.square(one).mean(axis=(1, 2))) for one in ends])
    return {"log2_last": sizes[-1], "log2_fall": sizes[-1] - sizes[0]}


def trained(seeds: Sequence[int], placement: str, schedule: str) -> dict[str, Any]:
    """Return the test loss at the rate that each seed's validation loss chooses, that rate, all losses."""
    fit = training.fit(
        nets(placement, TRAINED, [seed for seed in seeds for _ in RATES]),
        datasets.unicode_names(CONTEXT),
        optimizer="adam",
        learning_rate=np.tile(RATES, len(seeds)),
        epochs=1,
        batch_size=BATCH,
        schedule=schedule,
        threads=1,
        **CUT,
    )
    assert fit.validation_loss is not None
    assert fit.test_loss is not None
    shape = (len(seeds), len(RATES))
    best = fit.validation_loss.reshape(shape).argmin(axis=1)
    test = fit.test_loss.reshape(shape)
    return {
        "test_loss": test[range(len(seeds)), best],
        "log2_rate": np.log2(RATES)[best],
        "losses": test.round(4),
    }


LAST, LOSS = Metric("start", "log2_last"), Metric("training", "test_loss")
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
WARM = {
    placement: LOSS.at(placement=placement, schedule="cosine").minus(
        LOSS.at(placement=placement, schedule="warmup_cosine"),
        f"{placement}-norm: loss, without warm-up minus with",
        margin=0.05,
    )
    for placement in PLACEMENTS
}
AHEAD = [
    LOSS.at(placement="post", schedule=schedule).minus(
        LOSS.at(placement="pre", schedule=schedule), f"{words} warm-up: loss, post minus pre", margin=0.05
    )
    for schedule, words in (("warmup_cosine", "with"), ("cosine", "without"))
]
AT_START = when(lower=[DEEPER["pre"]], higher_or_equivalent_or_not_lower=[DEEPER["post"]])
HELPS = when(higher=[WARM["post"]])

PROTOCOL = Protocol(
    name="norm-placement",
    claim="R32",
    statement=(
        "Deeper pre-norm transformers start with smaller gradients in their last block, deeper post-norm "
        "transformers do not; so post-norm needs a warm-up of the learning rate, and pre-norm does not."
    ),
    parts={
        "start": Measurement(
            measure=start,
            axes={"placement": PLACEMENTS, "blocks": BLOCKS},
            seeds=range(100, 120),
            tolerance={"log2_last": 1e-6, "log2_fall": 1e-6},
            sample=({"blocks": 4, "seed": 100},),
        ),
        "training": Measurement(
            measure=trained,
            axes={"placement": PLACEMENTS, "schedule": SCHEDULES},
            seeds=range(100, 110),
            tolerance={"test_loss": 0.005},
            sample=({"placement": "pre", "schedule": "cosine", "seed": 100},),
        ),
    },
    tests=(*DEEPER.values(), LARGER, *WARM.values(), *AHEAD),
    rules=(
        Rule("upheld", {**AT_START, **HELPS, **when(equivalent_or_lower_or_not_higher=[WARM["pre"]])}),
        Rule("refined", {**AT_START, **when(equivalent_or_lower_or_not_higher=[WARM["post"]])}),
        Rule("refined", {**AT_START, **HELPS, **when(higher=[WARM["pre"]])}),
        Rule("refuted", when(equivalent_or_higher_or_not_lower=[DEEPER["pre"]])),
        Rule("refuted", when(lower=[DEEPER["post"]])),
    ),
)
