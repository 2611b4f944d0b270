"""C10: the shape of the distribution that He initialization draws from.

He et al. (2015) state it below eq. 10, at the end of the forward case: a zero-mean Gaussian whose standard
deviation is sqrt(2 / n). Eq. 7 to 10 use the mean, the symmetry and the variance of the weights alone, so
another symmetric shape of the same variance should do as well.

What a paper says is settled by reading it; the draws check our sampler alone. The first run trained with SGD
alone. New: Adam, rates by accuracy, the margin of two points that all accuracies share. Seeds of the pilots:
0 to 2 and, for rates, 50 and 51.

Between two BLAS kernels, four nets were the same to the last bit.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import initializers
from initlib.evidence import Difference, Measurement, Metric, Protocol, Rule, Told, Training

FAN_IN, FAN_OUT = 300, 200
SHAPES: dict[str, Any] = {
    "normal": "he_normal",
    "uniform": "he_uniform",
    "truncated": partial(initializers.variance_scaling, scale=2.0, distribution="truncated_normal"),
}
KURTOSIS = {"normal": 3.0, "uniform": 1.8, "truncated": 2.3655}


def of_draws(seeds: Sequence[int], shape: str) -> dict[str, Any]:
    """Return variance times fan_in / 2, and kurtosis, of 300 x 200 weights for each seed."""
    draw = initializers.get(SHAPES[shape])
    weights = np.array([draw((FAN_IN, FAN_OUT), rng=seed).ravel() for seed in seeds])
    square = (weights**2).mean(axis=1)
    return {"relative_variance": square * FAN_IN / 2, "kurtosis": (weights**4).mean(axis=1) / square**2}


def variance(shape: str) -> str:
    return f"{shape}: variance relative to 2 / fan_in, minus 1"


def kurtosis(shape: str) -> str:
    return f"{shape}: kurtosis minus {KURTOSIS[shape]}"


def minus(other: str, optimizer: str, rate: str) -> Difference:
    """Return the paired comparison of the normal shape with another one."""
    accuracy = Metric("training", "test_accuracy").at(optimizer=optimizer, learning_rate=rate)
    name = f"accuracy, normal minus {other}, {OPTIMIZERS[optimizer]}, {rate} rate"
    return accuracy.at(arm="normal").minus(accuracy.at(arm=other), name, margin=0.02)


OTHERS = ("uniform", "truncated")
OPTIMIZERS = {"momentum": "SGD with momentum", "adam": "Adam"}
# What the paper says settles the claim; whether the shape matters is told beside it.
RULES = (
    Rule("upheld", {variance("normal"): "equivalent", kurtosis("normal"): "equivalent"}),
    Rule("refuted", {kurtosis("normal"): ("higher", "lower")}),
)

PROTOCOL = Protocol(
    name="he-shape",
    claim="C10",
    edition=2,
    statement="He initialization draws the weights from a normal distribution.",
    told=Told("He initialization draws the weights from a normal distribution.", RULES),
    source="He et al. 2015, section 2.2, eq. 10 and the sentence after it",
    parts={
        "draws": Measurement(
            measure=of_draws,
            axes={"shape": tuple(SHAPES)},
            seeds=range(1000, 1020),
            tolerance={"relative_variance": 1e-9, "kurtosis": 1e-9},
            sample=({"seed": 1000},),
        ),
        "training": Training(
            arms={shape: {"initializer": start} for shape, start in SHAPES.items()},
            conditions={"optimizer": tuple(OPTIMIZERS)},
            tuned_by="accuracy",
            learning_rates=(0.001, 0.003, 0.01, 0.03, 0.1),
            seeds=range(1000, 1016),
            tuning_seeds=range(2000, 2003),
            settings={
                "dataset": "digits",
                "depth": 4,
                "width": 64,
                "activation": "relu",
                "batch_size": 64,
                "epochs": 15,
                "validation": 0.1,
            },
            tolerance={"first_loss": 1e-4, "test_accuracy": 0.04},
            sample=({"arm": "normal", "optimizer": "adam", "learning_rate": "best", "seed": 1000},),
        ),
    },
    tests=(
        *(Difference(variance(s), "draws", "relative_variance", {"shape": s}, 1.0, 0.01) for s in SHAPES),
        *(Difference(kurtosis(s), "draws", "kurtosis", {"shape": s}, KURTOSIS[s], 0.05) for s in SHAPES),
        *(minus(o, opt, r) for opt in OPTIMIZERS for o in OTHERS for r in ("best", "shared")),
    ),
    rules=RULES,
)
