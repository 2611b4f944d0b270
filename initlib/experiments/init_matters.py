"""C1: how much the scale of the first weights matters, by depth, and what batch normalization changes.

Three scales: He's, 0.41 times that (the variance 1 / (3 fan_in) that PyTorch's linear layers draw by
default), and twice that.

The pilots behind the thresholds: seeds 0 to 4. Between two BLAS kernels, in nets like those of the sample,
test accuracies differed by up to 1.2 points, epochs by 2, first losses by 1.2e-6; with batch normalization by
2.3 points and 0.008 (tolerances: twice that or more).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import datasets, networks, propagation
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, Training
from initlib.networks import Network

SMALL, HE, LARGE = "0.41 x He", "He", "2 x He"
FACTORS = {SMALL: (1 / 6) ** 0.5, HE: 1.0, LARGE: 2.0}
WIDTH = 64


def widths(depth: int) -> list[int]:
    """Return the widths of nets for the digits, with `depth` weight layers."""
    return [64, *[WIDTH] * (depth - 1), 10]


def gradients(seeds: Sequence[int], depth: int, arm: str) -> dict[str, Any]:
    """Return log10 of the gradient in the first layer over that in the last hidden one."""
    stack = networks.mlp(widths(depth), "relu", "he_normal", seeds=seeds)
    for weights in stack.weights:
        weights *= FACTORS[arm]
    train = datasets.digits().split(0).train
    sizes = propagation.measure(stack, train.inputs[:200], train.labels[:200]).gradient_rms
    return {"log10_first_to_last": np.log10(sizes[:, 0] / sizes[:, -2])}


def normalised(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets with batch normalization before every activation."""
    stack = networks.mlp(
        widths(cells[0]["depth"]),
        "relu",
        "he_normal",
        normalisation="batch",
        seeds=[cell["seed"] for cell in cells],
    )
    for weights in stack.weights:
        weights *= np.reshape([cell["scale"] for cell in cells], (-1, 1, 1))
    return stack


def minus(depth: int, arm: str, rate: str, metric: str = "test_accuracy", margin: float = 0.01) -> Difference:
    """Return a paired comparison of He's scale with another one."""
    kind = {"test_accuracy": "accuracy", "epochs": "epochs to loss < 1"}[metric]
    return Difference(
        f"{depth} layers, {kind}, {HE} minus {arm}, {rate} rate",
        "training",
        metric,
        {"arm": HE},
        {"arm": arm},
        margin,
        {"depth": depth, "learning_rate": rate},
    )


def gradient(arm: str) -> Difference:
    """Return a test for a change of the gradient by more than a factor of ten."""
    where = {"arm": arm, "depth": 10}
    return Difference(
        f"10 layers, first gradient over last, {arm}, log10",
        "gradients",
        "log10_first_to_last",
        where,
        0.0,
        1.0,
    )


def reaches(depth: int, arm: str) -> Share:
    """Return a test on how many nets read nine in ten digits."""
    where = {"arm": arm, "depth": depth, "learning_rate": "best"}
    return Share(f"{depth} layers, {arm} reaches 90%", "training", "test_accuracy", where, at_least=0.9)


def with_norm(arm: str) -> Difference:
    """Return a paired comparison in nets with batch normalization."""
    return Difference(
        f"10 layers with batch norm, accuracy, {HE} minus {arm}, best rate",
        "batch norm",
        "test_accuracy",
        {"arm": HE},
        {"arm": arm},
        0.02,
        {"learning_rate": "best"},
    )


SETTINGS = {
    "dataset": "digits",
    "width": WIDTH,
    "activation": "relu",
    "initializer": "he_normal",
    "optimizer": "sgd",
    "batch_size": 64,
    "epochs": 15,
    "validation": 0.1,
}
DEEP = {  # slower, gradients vanished or exploded, and worse
    minus(6, SMALL, "best", "epochs", 2).name: "lower",
    gradient(SMALL).name: "lower",
    gradient(LARGE).name: "higher",
    **{minus(10, arm, "best").name: "higher" for arm in (SMALL, LARGE)},
}
ARMS = {arm: {"scale": factor} for arm, factor in FACTORS.items()}

PROTOCOL = Protocol(
    name="init-matters",
    claim="C1",
    statement=(
        "Initialization is crucial: a bad one slows training down, lets gradients vanish or explode, "
        "and ends in worse performance."
    ),
    parts={
        "gradients": Measurement(
            measure=gradients,
            axes={"depth": (2, 6, 10), "arm": tuple(FACTORS)},
            seeds=range(100, 120),
            tolerance={"log10_first_to_last": 1e-6},
            sample=({"seed": 100},),
        ),
        "training": Training(
            arms=ARMS,
            conditions={"depth": (2, 6, 10)},
            learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
            every_rate=(SMALL,),
            seeds=range(100, 110),
            tuning_seeds=range(200, 203),
            settings=SETTINGS,
            tolerance={"first_loss": 1e-4, "test_accuracy": 0.03, "epochs": 4},
            sample=(
                {"arm": SMALL, "depth": 10, "learning_rate": 0.1, "seed": 100},
                {"arm": HE, "depth": 10, "learning_rate": "best", "seed": 100},
                {"arm": LARGE, "depth": 2, "learning_rate": "best", "seed": 100},
            ),
        ),
        "batch norm": Training(
            arms=ARMS,
            learning_rates=(0.03, 0.1, 0.3, 1.0, 3.0),
            seeds=range(100, 110),
            tuning_seeds=range(200, 203),
            settings={**SETTINGS, "depth": 10, "network": normalised},
            tolerance={"first_loss": 0.02, "test_accuracy": 0.05},
            sample=({"arm": HE, "learning_rate": "best", "seed": 100},),
        ),
    },
    tests=(
        *(gradient(arm) for arm in FACTORS),
        *(reaches(depth, arm) for depth in (2, 10) for arm in FACTORS),
        Share(
            "10 layers, 0.41 x He stays below 20% at every rate",
            "training",
            "test_accuracy",
            {"arm": SMALL, "depth": 10},
            at_most=0.2,
        ),
        minus(6, SMALL, "best", "epochs", 2),
        *(
            minus(depth, arm, rate, margin=0.3 if depth == 10 else 0.01)
            for rate in ("best", "shared")
            for depth in (2, 6, 10)
            for arm in (SMALL, LARGE)
        ),
        *(with_norm(arm) for arm in (SMALL, LARGE)),
    ),
    rules=(
        Rule(
            "upheld",
            {**DEEP, **{minus(2, arm, "best").name: "higher" for arm in (SMALL, LARGE)}},
        ),
        Rule("depends", {**DEEP, minus(2, SMALL, "best").name: "equivalent"}),  # on depth
        Rule("refined", DEEP),
        Rule("refuted", {minus(10, arm, "best").name: "equivalent" for arm in (SMALL, LARGE)}),
    ),
)
