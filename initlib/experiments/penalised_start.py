"""C16: does a penalty on the first weights prevent overfitting? What it does at the start and at every step.

A penalty at the start is read literally: its gradient acts in the first step and never again, which takes
the weights from w to w - rate * strength * w. Beside it stand no penalty, and the same one at every step.

The pilots behind the thresholds: seeds 0 to 9. The laws of least squares held there to 1e-13. Rates are
chosen by validation among those that reach a training loss of 1: a penalty keeps the loss from falling
to 0. Between two BLAS kernels, losses differed by 2e-6 and test accuracies not at all.

A first run (seeds 100 to 113, 100 to 139 for least squares) was inconclusive: at four times He's scale the
best rate is high, two all but equal starts drift apart, and the interval of their difference was -1.7 to 0.3
points. By a power calculation on it there are 44 new seeds (160 for least squares); thresholds and rules are
those of the first run.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import sweeps
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, Training
from initlib.networks import Network

NONE, START, ALWAYS = "no penalty", "penalty at the start", "penalty at every step"
STRENGTH = 0.01
FIRST_RATE = 0.3  # of the step that the penalty at the start takes
SCALES = (0.25, 1.0, 4.0)
EQUATIONS, UNKNOWNS, STEPS = 40, 100, 2000


def penalised(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets whose weights have taken one step down the gradient of the penalty alone."""
    network = sweeps.build(cells)
    for weights in network.weights:
        weights *= 1 - FIRST_RATE * STRENGTH
    return network


def least_squares(seeds: Sequence[int], penalty: str) -> dict[str, Any]:
    """Descend on 40 equations with 100 unknowns from N(0, 1); say what is left of the start at the end.

    `null_left` is the length of what no equation sees, over that at the start; `null_left_over_law` is that
    over (1 - rate strength)^n, n the number of steps with the penalty. `range_error` is the squared distance
    of the rest from the least-norm solution, `excess_over_law` the squared error that the start adds to it,
    over its expectation, unknowns less equations.
    """
    inputs, truth, weights = (np.stack(arrays) for arrays in zip(*map(problem, seeds), strict=True))
    inverse = np.linalg.pinv(inputs)
    projection = inverse @ inputs
    least = projection @ truth
    unseen = weights - projection @ weights
    rates = 1 / np.linalg.norm(inputs, ord=2, axis=(1, 2))[:, None, None] ** 2 * EQUATIONS
    shrinking = {NONE: 0, START: 1, ALWAYS: STEPS}[penalty]
    for step in range(STEPS):
        gradient = inputs.swapaxes(1, 2) @ (inputs @ (weights - truth)) / EQUATIONS
        weights = weights - rates * (gradient + (STRENGTH if step < shrinking else 0.0) * weights)
    seen = projection @ weights
    left = weights - seen
    share = size(left) / size(unseen)
    return {
        "null_left": share**0.5,
        "null_left_over_law": share**0.5 / (1 - rates[:, 0, 0] * STRENGTH) ** shrinking,
        "range_error": size(seen - least),
        "excess_over_law": size(left) / (UNKNOWNS - EQUATIONS),
    }


def problem(seed: int) -> tuple[Any, Any, Any]:
    """Return inputs (equations, unknowns), the truth and first weights (unknowns, 1), all from N(0, 1)."""
    rng = np.random.default_rng([seed, 0])
    return (
        rng.standard_normal((EQUATIONS, UNKNOWNS)),
        rng.standard_normal((UNKNOWNS, 1)),
        rng.standard_normal((UNKNOWNS, 1)),
    )


def size(vectors: Any) -> Any:
    """Return squared lengths."""
    return np.square(vectors).sum(axis=(1, 2))


def minus_none(arm: str, scale: float, rate: str = "best") -> Difference:
    """Return the paired gain of a penalty at one scale of the start."""
    name = f"start {scale:g} x He: {arm} minus none, {rate} rate"
    where = {"scale": scale, "learning_rate": rate}
    return Difference(name, "training", "test_accuracy", {"arm": arm}, {"arm": NONE}, 0.01, where)


def large_minus_small(arm: str, large: float, small: float, margin: float) -> Difference:
    """Return the paired difference of two scales of the start."""
    name = f"{arm}: start {large:g} minus {small:g} x He, best rate"
    where = {"arm": arm, "learning_rate": "best"}
    return Difference(name, "training", "test_accuracy", {"scale": large}, {"scale": small}, margin, where)


def law(name: str, metric: str, penalty: str, centre: float, width: float) -> Share:
    """Return a test that asks every seed to lie within `width` of `centre`."""
    bounds = {"at_least": centre - width, "at_most": centre + width, "share": 1.0}
    return Share(name, "least squares", metric, {"penalty": penalty}, **bounds)


KEPT = "least squares, no penalty: what no equation sees stays as it started"
FOUND = "least squares, no penalty: the rest ends at the least-norm solution"
ONCE = "least squares, penalty at the start: it shrinks by one factor 1 - rate x strength"
ERASED = "least squares, penalty at every step: it shrinks by that factor at each step"
EXCESS = "least squares: squared error left by a start N(0, 1), over unknowns less equations"
NO_EFFECT = tuple(minus_none(START, scale) for scale in SCALES)
EFFECT = minus_none(ALWAYS, SCALES[-1])

PROTOCOL = Protocol(
    name="penalised-start",
    claim="C16",
    statement="Adding an L1 or L2 penalty to the initialization keeps a net from overfitting.",
    parts={
        "least squares": Measurement(
            measure=least_squares,
            axes={"penalty": (NONE, START, ALWAYS)},
            seeds=range(300, 460),
            tolerance={
                "null_left": 1e-6,
                "null_left_over_law": 1e-6,
                "range_error": 1e-6,
                "excess_over_law": 1e-6,
            },
            sample=({"seed": 300, "penalty": NONE}, {"seed": 300, "penalty": ALWAYS}),
        ),
        "training": Training(
            arms={NONE: {}, START: {"network": penalised}, ALWAYS: {"weight_decay": STRENGTH}},
            conditions={"scale": SCALES},
            learning_rates=(0.01, 0.03, 0.1, 0.3, 1.0),
            seeds=range(300, 344),
            tuning_seeds=range(200, 202),
            settings={
                "dataset": "digits",
                "train_samples": 300,
                "validation": 0.1,
                "initializer": "he_normal",
                "depth": 2,
                "width": 64,
                "optimizer": "sgd",
                "batch_size": 30,
                "epochs": 100,
            },
            tolerance={"first_loss": 1e-4, "test_accuracy": 0.02},
            sample=({"arm": ALWAYS, "scale": 4.0, "learning_rate": "best", "seed": 300},),
            fits=1.0,
        ),
    },
    tests=(
        law(KEPT, "null_left", NONE, 1.0, 1e-9),
        law(FOUND, "range_error", NONE, 0.0, 1e-9),
        law(ONCE, "null_left_over_law", START, 1.0, 1e-9),
        law(ERASED, "null_left_over_law", ALWAYS, 1.0, 1e-9),
        Difference(EXCESS, "least squares", "excess_over_law", {"penalty": NONE}, 1.0, 0.1),
        *NO_EFFECT,
        *(minus_none(START, scale, "shared") for scale in SCALES),
        *(minus_none(ALWAYS, scale, rate) for scale in SCALES for rate in ("best", "shared")),
        large_minus_small(NONE, 1.0, 0.25, 0.01),
        large_minus_small(NONE, 4.0, 1.0, 0.02),
        large_minus_small(ALWAYS, 1.0, 0.25, 0.01),
        large_minus_small(ALWAYS, 4.0, 1.0, 0.01),
    ),
    rules=(
        Rule(  # at the start a penalty does nothing, at every step it does
            "refuted",
            {
                KEPT: "yes",
                ONCE: "yes",
                ERASED: "yes",
                **{test.name: "equivalent" for test in NO_EFFECT},
                EFFECT.name: "higher",
            },
        ),
        Rule("upheld", {NO_EFFECT[-1].name: "higher"}),
        Rule(  # neither helps
            "refined",
            {**{test.name: "equivalent" for test in NO_EFFECT}, EFFECT.name: ("equivalent", "lower")},
        ),
    ),
)
