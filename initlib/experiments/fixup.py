"""R13: Fixup trains residual nets without normalisation (Zhang et al. 2019).

With He's weights every block doubles the mean square of the stream. Fixup starts the last weights of a branch
at zero and divides its other weights, so that one step of gradient descent moves the output by as much at any
depth: with m weight layers in each of B branches, they are multiplied by B^(-1 / (2 m - 2)).

`slope` is that of log2 of what one small step of SGD adds to the stream, in log2 of the blocks: 0 if the
depth does not matter, 1 if the step grows with it. The last layer, which Fixup starts at zero, is drawn for
it: else the first step would stop there.

This is the first run. C23 has a part on Fixup, too, without batch normalisation beside. The pilots behind the
thresholds: seeds 0 to 3 and, for rates, 50 and 51; they had 32 blocks and ten epochs, and asked for 90%.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import datasets, initializers, networks
from initlib.evidence import Measurement, Metric, Protocol, Rule, Training, when
from initlib.experiments._grounds import ADAM, SGD
from initlib.experiments._nets import shortcuts
from initlib.networks import losses

BLOCKS, WIDTH = 24, 64
FEW, MANY = 4, 64
SMALL = 1e-4  # the rate of the one step


def stream(seeds: Sequence[int], variant: str) -> dict[str, Any]:
    """Return log2 of the growth of the mean square of the stream in 50 blocks, 256 wide, per block."""
    nets = networks.residual([256, 256, 10], 50, "relu", "he_normal", seeds=seeds, variant=variant)
    pre = nets.forward(np.random.default_rng(0).standard_normal((16, 256))).pre
    growth = (pre[50] ** 2).mean(axis=(1, 2)) / (pre[0] ** 2).mean(axis=(1, 2))
    return {"log2_per_block": np.log2(growth) / 50}


def first_step(seeds: Sequence[int], branch_depth: int, weights: str) -> dict[str, Any]:
    """Return the slope of log2 of what one step of SGD adds to the stream."""
    few, many = (np.log2(added(seeds, branch_depth, weights, blocks)) for blocks in (FEW, MANY))
    return {"slope": (many - few) / np.log2(MANY / FEW)}


def added(seeds: Sequence[int], branch_depth: int, weights: str, blocks: int) -> Any:
    """Return the rms of what the blocks add to the stream after one small step; before it is zero."""
    nets = networks.residual(
        [64, WIDTH, 10],
        blocks,
        "relu",
        "he_normal",
        seeds=seeds,
        variant="fixup",
        branch_depth=branch_depth,
    )
    if weights == "He's":
        for i, drawn in enumerate(nets.weights[1:-1]):
            drawn *= blocks ** (1 / (2 * branch_depth - 2)) if (i + 1) % branch_depth else 1.0
    nets.weights[-1][:] = initializers.lecun_normal((WIDTH, 10), rng=0)
    images, labels = datasets.digits().inputs[:64] / 16, datasets.digits().labels[:64]
    trace = nets.forward(images)
    _, slope = losses.softmax(trace.output, losses.targets(labels, trace.output, "softmax"))
    for value, gradient in zip(nets.values, nets.backward(trace, slope).values, strict=True):
        value -= SMALL * gradient
    pre = nets.forward(images).pre
    return np.sqrt(((pre[blocks] - pre[0]) ** 2).mean(axis=(1, 2)))


ACCURACY = Metric("training", "test_accuracy").at(learning_rate="best")
DOUBLES = (
    Metric("stream", "log2_per_block")
    .at(variant="plain")
    .minus(1.0, "He: log2 of the growth per block, minus 1", margin=0.1)
)
STILL = (
    Metric("stream", "log2_per_block")
    .at(variant="fixup")
    .minus(0.0, "Fixup: log2 of the growth per block", margin=0.001)
)
DEPTHS = (2, 3, 4)
SLOPES = {
    weights: [
        Metric("first step", "slope")
        .at(branch_depth=m, weights=weights)
        .minus(expected, f"{m} layers in a branch, {weights}: slope of the first step", margin=0.1)
        for m in DEPTHS
    ]
    for weights, expected in (("Fixup's", 0.0), ("He's", 1.0))
}
FAILS = ACCURACY.at(arm="He").share("He: reaches 80%", at_least=0.8)
TRAINS = ACCURACY.at(arm="Fixup").share("Fixup: reaches 80%", at_least=0.8)
BESIDE = ACCURACY.at(arm="Fixup").minus(
    ACCURACY.at(arm="batch norm"), "accuracy, Fixup minus batch norm", margin=0.02
)
START = when(equivalent=[DOUBLES, STILL, *SLOPES["Fixup's"], *SLOPES["He's"]], yes=[TRAINS])

PROTOCOL = Protocol(
    name="fixup",
    claim="R13",
    statement=(
        "With He's weights each block of a residual net without normalisation doubles the mean square of the "
        "stream, and 24 blocks do not train; from Fixup's start, whose exponents make the first step as "
        "large at any depth, they train as well as with batch normalisation."
    ),
    parts={
        "stream": Measurement(
            measure=stream,
            axes={"variant": ("plain", "scaled", "fixup")},
            seeds=range(100, 120),
            tolerance={"log2_per_block": 1e-6},
            sample=({"seed": 100},),
        ),
        "first step": Measurement(
            measure=first_step,
            axes={"branch_depth": DEPTHS, "weights": tuple(SLOPES)},
            seeds=range(100, 120),
            tolerance={"slope": 1e-5},
            sample=({"seed": 100, "branch_depth": 2},),
        ),
        "training": Training(
            arms={
                "He": {"network": partial(shortcuts, BLOCKS)},
                "Fixup": {"network": partial(shortcuts, BLOCKS, variant="fixup")},
                "batch norm": {"network": partial(shortcuts, BLOCKS, normalisation="batch")},
            },
            grounds={"SGD with momentum": SGD, "Adam": ADAM},
            tuned_by="accuracy",
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
            seeds=range(100, 110),
            tuning_seeds=range(200, 202),
            settings={
                "dataset": "digits",
                "initializer": "he_normal",
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": 6,
                "validation": 0.1,
                "train_samples": 512,
            },
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.06},
            sample=({"arm": "Fixup", "learning_rate": "best", "seed": 100},),
        ),
    },
    tests=(DOUBLES, STILL, *SLOPES["Fixup's"], *SLOPES["He's"], FAILS, TRAINS, BESIDE),
    rules=(
        Rule("upheld", START | when(no=[FAILS], equivalent_or_higher_or_not_lower=[BESIDE])),
        # it trains, if not as well; or He's weights train some nets, too
        Rule("refined", START | when(no=[FAILS], lower_or_not_higher=[BESIDE])),
        Rule("refined", START | when(yes_or_mixed=[FAILS])),
        Rule("refuted", when(no=[TRAINS])),
    ),
)
