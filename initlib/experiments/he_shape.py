"""C10: the shape of the distribution that He initialization draws from.

He et al. (2015) state it below eq. 10, at the end of the forward case: a zero-mean Gaussian whose standard
deviation is sqrt(2 / n). Eq. 7 to 10 use the mean, the symmetry and the variance of the weights alone, so
another symmetric shape of the same variance should do as well.

The pilots behind the thresholds: seeds 0 to 11. With six layers, accuracies of single nets scattered too
much for a margin of one point. Between two BLAS kernels, four nets were the same to the last bit.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import initializers
from initlib.evidence import Difference, Measurement, Protocol, Rule, Training

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


def minus(other: str, rate: str = "best") -> str:
    return f"accuracy, normal minus {other}, {rate} rate"


OTHERS = ("uniform", "truncated")

PROTOCOL = Protocol(
    name="he-shape",
    claim="C10",
    statement="He initialization draws the weights from a normal distribution.",
    source="He et al. 2015, section 2.2, eq. 10 and the sentence after it",
    parts={
        "draws": Measurement(
            measure=of_draws,
            axes={"shape": tuple(SHAPES)},
            seeds=range(100, 120),
            tolerance={"relative_variance": 1e-9, "kurtosis": 1e-9},
            sample=({"seed": 100},),
        ),
        "training": Training(
            arms={shape: {"initializer": start} for shape, start in SHAPES.items()},
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
            seeds=range(100, 130),
            tuning_seeds=range(200, 206),
            settings={
                "dataset": "digits",
                "depth": 4,
                "width": 64,
                "activation": "relu",
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": 15,
                "validation": 0.1,
            },
            tolerance={"first_loss": 1e-4, "test_accuracy": 0.04},
            sample=({"arm": "normal", "learning_rate": "best", "seed": 100},),
        ),
    },
    tests=(
        *(Difference(variance(s), "draws", "relative_variance", {"shape": s}, 1.0, 0.01) for s in SHAPES),
        *(Difference(kurtosis(s), "draws", "kurtosis", {"shape": s}, KURTOSIS[s], 0.05) for s in SHAPES),
        *(
            Difference(
                minus(o, r),
                "training",
                "test_accuracy",
                {"arm": "normal"},
                {"arm": o},
                0.01,
                {"learning_rate": r},
            )
            for o in OTHERS
            for r in ("best", "shared")
        ),
    ),
    rules=(
        # What the paper says settles the claim; whether the shape matters is told beside it.
        Rule("upheld", {variance("normal"): "equivalent", kurtosis("normal"): "equivalent"}),
        Rule("refuted", {kurtosis("normal"): ("higher", "lower")}),
    ),
)
