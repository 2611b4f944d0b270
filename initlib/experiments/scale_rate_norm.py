"""R26: weight scale, learning rate and normalisation together: what batch normalisation does to the scale
(Ioffe and Szegedy 2015; van Laarhoven 2017).

With batch normalisation the function that a net computes does not change when the weights of a hidden layer
are multiplied by a number; their gradient is divided by it. So the scale of the first weights should act as
an inverse learning rate, which large rates make up for (van Laarhoven 2017, arXiv:1706.05350).

The first run (first-runs/, seeds 100 to 109) had plain SGD alone, and judged whether accuracy depends on the
scale by an interval about 0, which a range never meets. The pilots behind the thresholds: seeds 0 to 3, and
seed 0 for Adam. There, with SGD, batch-normalised nets reached 78 % or more from every scale at rates of 0.1
and above, and at 0.003 between 16 and 76 %; with Adam 91 % or more at 0.003 and 0.03, and at 0.0003 between
53 and 97 %. The published pilots were made after the run. Between two BLAS kernels, accuracies at a rate of
0.003 differed by up to 0.9 points; at 0.3, some nets differed by up to 16.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import networks, sweeps
from initlib.evidence import Measurement, Metric, Protocol, Rule, Share, when
from initlib.networks import Network

NORMALISATIONS = ("none", "batch", "layer")
SCALES = tuple(2 ** (k / 2) for k in range(-3, 4))
RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
ADAM_RATES = (0.0003, 0.003, 0.03)
DEPTH, WIDTH, EPOCHS = 8, 64, 5


def build(cells: Sequence[dict[str, Any]], normalisation: str | None) -> Network:
    """Return nets of the cells' scales, normalised before each activation."""
    network = networks.mlp(
        [64, *[WIDTH] * (DEPTH - 1), 10],
        "relu",
        "lecun_normal",
        normalisation=normalisation,
        seeds=[cell["seed"] for cell in cells],
    )
    for weights in network.weights:
        weights *= np.reshape([cell["scale"] for cell in cells], (-1, 1, 1))
    return network


def plain(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets without normalisation."""
    return build(cells, None)


def batch(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets with batch normalisation."""
    return build(cells, "batch")


def layer(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets with layer normalisation."""
    return build(cells, "layer")


BUILDERS = dict(zip(NORMALISATIONS, (plain, batch, layer), strict=True))


def by_scale(
    seeds: Sequence[int], normalisation: str, learning_rate: float, optimizer: str = "sgd"
) -> dict[str, Any]:
    """Return the test accuracy after training at every scale, and its lowest and highest value.

    `accuracies` are those of the scales, None where a net diverged, which counts as 0 elsewhere.
    """
    cells = [
        {
            "network": BUILDERS[normalisation],
            "dataset": "digits",
            "optimizer": optimizer,
            "batch_size": 64,
            "epochs": EPOCHS,
            "scale": scale,
            "learning_rate": learning_rate,
            "seed": seed,
        }
        for seed in seeds
        for scale in SCALES
    ]
    records = sweeps.train(cells, n_jobs=1, progress=False)
    last = np.reshape([record["test_accuracy"][-1] for record in records], (len(seeds), len(SCALES)))
    diverged = np.reshape([record["diverged_at"] >= 0 for record in records], last.shape)
    return {
        "lowest_accuracy": last.min(axis=1),
        "range_accuracy": last.max(axis=1) - last.min(axis=1),
        "accuracies": np.where(diverged, np.array(None), np.round(last, 4).astype(object)),
    }


PARTS = {"training": ("SGD", RATES), "adam": ("Adam", ADAM_RATES)}
PLAIN_FAILS = [
    Metric("training", "lowest_accuracy")
    .at(normalisation="none", learning_rate=rate)
    .share(f"SGD, no normalisation, rate {rate:g}: some scale stays near chance", at_most=0.2)
    for rate in RATES
]


def trains(part: str, normalisation: str, rate: float) -> Share:
    """Return a test of the accuracy at the worst scale."""
    metric = Metric(part, "lowest_accuracy").at(normalisation=normalisation, learning_rate=rate)
    name = f"{PARTS[part][0]}, {normalisation} normalisation, rate {rate:g}: every scale trains"
    return metric.share(name, at_least=0.7)


def depends(part: str, normalisation: str) -> Share:
    """Return a test of how much accuracy depends on the scale at the lowest rate."""
    label, rates = PARTS[part]
    metric = Metric(part, "range_accuracy").at(normalisation=normalisation, learning_rate=rates[0])
    name = f"{label}, {normalisation} normalisation, rate {rates[0]:g}: best scale minus the worst"
    return metric.share(name, at_least=0.2)


HIGH = [*(("training", rate) for rate in RATES[3:]), *(("adam", rate) for rate in ADAM_RATES[1:])]
BATCH_TRAINS = [trains(part, "batch", rate) for part, rate in HIGH]
BATCH_DEPENDS = [depends(part, "batch") for part in PARTS]

PROTOCOL = Protocol(
    edition=2,
    name="scale-rate-norm",
    claim="R26",
    statement="With batch normalisation, the scale of the initial weights does not matter.",
    parts={
        "training": Measurement(
            measure=by_scale,
            axes={"normalisation": NORMALISATIONS, "learning_rate": RATES},
            seeds=range(1000, 1010),
            tolerance={"lowest_accuracy": 0.02, "range_accuracy": 0.02},
            sample=(
                {"normalisation": "batch", "learning_rate": RATES[0], "seed": 1000},
                {"normalisation": "none", "learning_rate": RATES[0], "seed": 1000},
            ),
        ),
        "adam": Measurement(
            measure=partial(by_scale, optimizer="adam"),
            axes={"normalisation": NORMALISATIONS[1:], "learning_rate": ADAM_RATES},
            seeds=range(1000, 1010),
            tolerance={"lowest_accuracy": 0.03, "range_accuracy": 0.03},
            sample=({"normalisation": "batch", "learning_rate": ADAM_RATES[0], "seed": 1000},),
        ),
    },
    tests=(
        *PLAIN_FAILS,
        *BATCH_TRAINS,
        *(trains(part, "layer", rate) for part, rate in HIGH),
        *BATCH_DEPENDS,
        *(depends(part, "layer") for part in PARTS),
    ),
    rules=(
        Rule("upheld", when(yes=[*PLAIN_FAILS, *BATCH_TRAINS], no=BATCH_DEPENDS)),
        # true of high rates; at low ones the scale still acts, as an inverse learning rate
        Rule("refined", when(yes=[*PLAIN_FAILS, *BATCH_TRAINS, *BATCH_DEPENDS])),
        # so with one optimizer only
        *(
            Rule(
                "depends",
                when(yes=[*PLAIN_FAILS, *BATCH_TRAINS, BATCH_DEPENDS[i]], no=[BATCH_DEPENDS[1 - i]]),
            )
            for i in (0, 1)
        ),
        Rule("refuted", when(no=BATCH_TRAINS)),
    ),
)
