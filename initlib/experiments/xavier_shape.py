"""C6: the shape of Xavier's distribution: uniform in the paper, normal in many libraries; does it matter?

What a paper says is settled by reading it; the draws check our sampler. Training asks what the shape does at
equal variance, and whether the variance does more. The first run trained with SGD alone. New: Adam, and AdamW
with warm-up; rates by accuracy; the margin of two points that all accuracies share.

Pilots: seeds 0 to 2, rates on 50 and 51; they are kept in pilots/. Between two BLAS kernels, nets like those
of the sample did not differ in accuracy in the first run, and by 4e-7 in their first losses.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import initializers
from initlib.evidence import Difference, Measurement, Metric, Protocol, Rule, Told, Training, when
from initlib.experiments._grounds import ADAM, ADAMW, SGD
from initlib.typing import Initializer

SHAPE = (300, 200)
NORMAL, UNIFORM, CUT = "normal", "uniform", "truncated normal"
XAVIER: dict[str, str | Initializer] = {
    NORMAL: "glorot_normal",
    UNIFORM: "glorot_uniform",
    CUT: partial(initializers.variance_scaling, mode="fan_avg", distribution="truncated_normal"),
}
BOUNDED = "uniform: no weight beyond the bound of eq. 16"
FULL, THIRD = "1/n", "1/(3n)"


def draws(seeds: Sequence[int], shape: str) -> dict[str, Any]:
    """Return variance over 2 / (fan_in + fan_out), kurtosis, and largest entry over the bound of eq. 16."""
    draw = initializers.get(XAVIER[shape])
    weights = np.stack([draw(SHAPE, rng=seed) for seed in seeds]).reshape(len(seeds), -1)
    second = (weights**2).mean(axis=1)
    return {
        "variance_ratio": second * sum(SHAPE) / 2,
        "kurtosis": (weights**4).mean(axis=1) / second**2,
        "largest_over_bound": np.abs(weights).max(axis=1) / np.sqrt(6 / sum(SHAPE)),
    }


def drawn(name: str, shape: str, metric: str, value: float, margin: float) -> Difference:
    """Return a test of a moment of the draws."""
    return Metric("draws", metric).at(shape=shape).minus(value, name, margin=margin)


def minus(first: str, activation: str, rate: str) -> Difference:
    """Return a paired comparison of a shape with the uniform one, at equal variance."""
    accuracy = Metric("training", "test_accuracy").at(activation=activation, learning_rate=rate)
    return accuracy.at(arm=first).minus(
        accuracy.at(arm=UNIFORM), f"{activation}, accuracy, {first} minus uniform, {rate} rate", margin=0.02
    )


def arm(shape: str, variance: str) -> str:
    """Return the name of an arm of the comparison of shape with variance."""
    return f"{shape}, variance {variance}"


def start(distribution: str, variance: str) -> dict[str, Any]:
    """Return the settings of such an arm."""
    scale = {FULL: 1.0, THIRD: 1 / 3}[variance]
    return {"initializer": partial(initializers.variance_scaling, scale=scale, distribution=distribution)}


def deep(shape: str, variance: str) -> Metric:
    """Return the accuracy of an arm of the comparison of shape with variance, at its best rate."""
    return Metric("shape and variance", "test_accuracy").at(arm=arm(shape, variance), learning_rate="best")


def same_variance(variance: str) -> Difference:
    """Return the paired comparison of the shapes."""
    name = f"10 ReLU layers, accuracy, normal minus uniform, both of variance {variance}"
    return deep(NORMAL, variance).minus(deep(UNIFORM, variance), name, margin=0.02)


def same_shape(shape: str) -> Difference:
    """Return the paired comparison of the variances."""
    name = f"10 ReLU layers, accuracy, variance {FULL} minus {THIRD}, both {shape}"
    return deep(shape, FULL).minus(deep(shape, THIRD), name, margin=0.05)


TUNING: dict[str, Any] = {
    "grounds": {"SGD with momentum": SGD, "Adam": ADAM, "AdamW, warm-up": ADAMW},
    "tuned_by": "accuracy",
    "learning_rates": (0.003, 0.01, 0.03, 0.1, 0.3),
    "seeds": range(1000, 1016),
    "tuning_seeds": range(2000, 2003),
}
SETTINGS = {
    "dataset": "digits",
    "width": 64,
    "optimizer": "momentum",
    "batch_size": 64,
    "epochs": 15,
    "validation": 0.1,
}
WORDS = "Xavier initialization draws the weights from a normal distribution."
ACTIVATIONS = ("tanh", "relu")
RULES = (
    # the paper draws uniformly; at equal variance it makes no difference
    Rule("refined", when(yes=[BOUNDED], equivalent=[minus(NORMAL, a, "best") for a in ACTIVATIONS])),
    *(Rule("refuted", when(yes=[BOUNDED], higher_or_lower=[minus(NORMAL, a, "best")])) for a in ACTIVATIONS),
    Rule("upheld", when(no=[BOUNDED])),
)

PROTOCOL = Protocol(
    name="xavier-shape",
    claim="C6",
    edition=2,
    statement=WORDS,
    told=Told(WORDS, RULES),
    source="Glorot and Bengio 2010, eq. 16: uniform between -a and a with a = sqrt(6 / (fan_in + fan_out)).",
    parts={
        "draws": Measurement(
            measure=draws,
            axes={"shape": tuple(XAVIER)},
            seeds=range(1000, 1020),
            tolerance={"variance_ratio": 1e-6, "kurtosis": 1e-6, "largest_over_bound": 1e-6},
            sample=({"seed": 1000},),
        ),
        "training": Training(
            arms={shape: {"initializer": initializer} for shape, initializer in XAVIER.items()},
            conditions={"activation": ACTIVATIONS},
            **TUNING,
            settings={**SETTINGS, "depth": 5},
            tolerance={"first_loss": 1e-4, "test_accuracy": 0.02},
            sample=(
                {"arm": UNIFORM, "activation": "tanh", "learning_rate": "best", "seed": 1000},
                {
                    "arm": NORMAL,
                    "activation": "relu",
                    "ground": "Adam",
                    "learning_rate": "best",
                    "seed": 1000,
                },
            ),
        ),
        "shape and variance": Training(
            arms={
                arm(shape, variance): start(shape, variance)
                for variance in (FULL, THIRD)
                for shape in (NORMAL, UNIFORM)
            },
            **TUNING,
            settings={**SETTINGS, "depth": 10, "activation": "relu"},
            tolerance={"first_loss": 1e-4, "test_accuracy": 0.04},
            sample=({"arm": arm(UNIFORM, THIRD), "learning_rate": "best", "seed": 1000},),
        ),
    },
    tests=(
        Metric("draws", "largest_over_bound").at(shape=UNIFORM).share(BOUNDED, at_most=1.0, share=1.0),
        *(
            drawn(f"{shape}: variance over 2 / (fan_in + fan_out)", shape, "variance_ratio", 1.0, 0.01)
            for shape in XAVIER
        ),
        drawn("uniform: kurtosis minus 9/5", UNIFORM, "kurtosis", 1.8, 0.01),
        drawn("normal: kurtosis minus 3", NORMAL, "kurtosis", 3.0, 0.05),
        *(
            minus(first, activation, rate)
            for rate in ("best", "shared")
            for activation in ACTIVATIONS
            for first in (NORMAL, CUT)
        ),
        *(same_variance(variance) for variance in (FULL, THIRD)),
        *(same_shape(shape) for shape in (NORMAL, UNIFORM)),
    ),
    rules=RULES,
)
