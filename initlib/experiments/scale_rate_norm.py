"""R26: weight scale, learning rate and normalisation together: what batch normalisation does to the scale.

With batch normalisation the function that a net computes does not change when the weights of a hidden layer
are multiplied by a number; their gradient is divided by it. So the scale of the first weights should act as
an inverse learning rate, which large rates make up for (van Laarhoven 2017, arXiv:1706.05350).

The pilots behind the thresholds: seeds 0 to 3. There, batch-normalised nets reached 78 % or more from every
scale at rates of 0.1 and above, and at 0.003 between 16 and 76 %. Between two BLAS kernels, accuracies at a
rate of 0.003 differed by up to 0.9 points; at 0.3, some nets differed by up to 16.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import networks, sweeps
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share
from initlib.networks import Network

NORMALISATIONS = ("none", "batch", "layer")
SCALES = tuple(2 ** (k / 2) for k in range(-3, 4))
RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
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


def by_scale(seeds: Sequence[int], normalisation: str, learning_rate: float) -> dict[str, Any]:
    """Return the test accuracy after training at every scale, and its lowest and highest value.

    `accuracies` are those of the scales, None where a net diverged, which counts as 0 elsewhere.
    """
    cells = [
        {
            "network": BUILDERS[normalisation],
            "dataset": "digits",
            "optimizer": "sgd",
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


HIGH = RATES[3:]


def plain_fails(rate: float) -> str:
    return f"no normalisation, rate {rate:g}: some scale stays near chance"


def batch_trains(rate: float) -> str:
    return f"batch normalisation, rate {rate:g}: every scale trains"


BATCH_DEPENDS, LAYER_DEPENDS = (
    f"{name} normalisation, rate {RATES[0]:g}: accuracy of the best scale minus the worst"
    for name in ("batch", "layer")
)


def lowest(name: str, normalisation: str, rate: float, **bound: float) -> Share:
    """Return a test of the accuracy at the worst scale."""
    where = {"normalisation": normalisation, "learning_rate": rate}
    return Share(name, "training", "lowest_accuracy", where, **bound)


def depends(name: str, normalisation: str) -> Difference:
    """Return a test of how much accuracy depends on the scale at the lowest rate."""
    where = {"normalisation": normalisation, "learning_rate": RATES[0]}
    return Difference(name, "training", "range_accuracy", where, 0.0, margin=0.2)


PROTOCOL = Protocol(
    name="scale-rate-norm",
    claim="R26",
    statement="With batch normalisation, the scale of the initial weights does not matter.",
    parts={
        "training": Measurement(
            measure=by_scale,
            axes={"normalisation": NORMALISATIONS, "learning_rate": RATES},
            seeds=range(100, 110),
            tolerance={"lowest_accuracy": 0.02, "range_accuracy": 0.02},
            sample=(
                {"normalisation": "batch", "learning_rate": RATES[0], "seed": 100},
                {"normalisation": "none", "learning_rate": RATES[0], "seed": 100},
            ),
        )
    },
    tests=(
        *(lowest(plain_fails(rate), "none", rate, at_most=0.2) for rate in RATES),
        *(lowest(batch_trains(rate), "batch", rate, at_least=0.7) for rate in HIGH),
        *(
            lowest(f"layer normalisation, rate {rate:g}: every scale trains", "layer", rate, at_least=0.7)
            for rate in HIGH
        ),
        depends(BATCH_DEPENDS, "batch"),
        depends(LAYER_DEPENDS, "layer"),
    ),
    rules=(
        Rule(
            "upheld",
            {
                **{plain_fails(rate): "yes" for rate in RATES},
                **{batch_trains(rate): "yes" for rate in HIGH},
                BATCH_DEPENDS: "equivalent",
            },
        ),
        Rule(  # true of high rates; at low ones the scale still acts, as an inverse learning rate
            "refined",
            {
                **{plain_fails(rate): "yes" for rate in RATES},
                **{batch_trains(rate): "yes" for rate in HIGH},
                BATCH_DEPENDS: "higher",
            },
        ),
        Rule("refuted", {batch_trains(rate): "no" for rate in HIGH}),
    ),
)
