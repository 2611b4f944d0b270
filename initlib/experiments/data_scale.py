"""C22: tables of real data whose columns differ in scale by powers of ten, and what a start can do about it.

Two ways to fit the start to raw data: one factor for the first layer, of variance 2 / sum_i E x_i^2; and
weights and biases for each feature that make the raw net, before training, the very function that a net on
standardised data is. Beside them: one mean and standard deviation for the whole table, and one for each
feature. Gradient descent goes on in raw coordinates in the first two (LeCun et al. 1998).

A first run (edition 1, seeds 100 to 119) had SGD with momentum alone and chose rates by training loss; now
Adam, which gives every weight a step of its own, stands beside it, and accuracy chooses. The pilots of this
run: seeds 0 to 2, rates on 50 and 51. Between two BLAS kernels, the test accuracies of six nets of the first
run were the same, and losses of the first epoch differed by 6e-8.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import datasets, losses, sweeps
from initlib.datasets import Part
from initlib.evidence import Difference, Measurement, Metric, Protocol, Rule, Share, Told, Training, when
from initlib.experiments._grounds import ADAM, SGD
from initlib.networks import Network

TABLES = ("breast_cancer", "wine")
RAW, FACTOR, SAME = "raw", "raw, first layer rescaled", "raw, started as if standardised"
ONE, EACH = "one mean and sd", "standardised"
SETTINGS = {"optimizer": "momentum", "batch_size": 32, "validation": 0.1, "depth": 3, "width": 64}


def training_part(cell: dict[str, Any]) -> Part:
    """Return the raw training data of a cell."""
    table = getattr(datasets, cell["dataset"])()
    part: Part = table.split(cell["seed"], validation=cell["validation"], standardise=False).train
    return part


def rescaled(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets by He's rule for the data as they are: first weights of variance 2 / sum_i E x_i^2."""
    network = sweeps.build(cells)
    for weights, cell in zip(network.weights[0], cells, strict=True):
        weights /= np.sqrt((training_part(cell).inputs ** 2).mean())
    return network


def as_if_standardised(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets that are, on raw data, the functions of He's nets on standardised data."""
    network = sweeps.build(cells)
    for weights, biases, cell in zip(network.weights[0], network.biases[0], cells, strict=True):
        x = training_part(cell).inputs
        weights /= x.std(axis=0)[:, None]
        biases -= x.mean(axis=0) @ weights
    return network


ARMS: dict[str, dict[str, Any]] = {
    RAW: {"standardise": False},
    FACTOR: {"standardise": False, "network": rescaled},
    SAME: {"standardise": False, "network": as_if_standardised},
    ONE: {"standardise": True},
    EACH: {"standardise": "features"},
}


def at_start(seeds: Sequence[int], table: str, arm: str) -> dict[str, Any]:
    """Return the training loss before the first step, and how far outputs are from the standardised net's.

    `apart` is the largest difference of outputs, relative to the largest output of the standardised net.
    """
    cells = [{**SETTINGS, "dataset": table, "seed": seed} for seed in seeds]
    make = ARMS[arm].get("network", sweeps.build)
    shown, labels = inputs(cells, ARMS[arm]["standardise"])
    outputs = make(cells).forward(shown).output
    aim = sweeps.build(cells).forward(inputs(cells, "features")[0]).output
    apart = np.abs(outputs - aim).max(axis=(1, 2)) / np.abs(aim).max(axis=(1, 2))
    return {"start_loss": losses.softmax(outputs, labels)[0], "apart": apart}


def inputs(cells: Sequence[dict[str, Any]], standardise: bool | str) -> tuple[Any, Any]:
    """Return training inputs and labels of the cells, (nets, samples, ...)."""
    splits = [
        getattr(datasets, c["dataset"])().split(
            c["seed"], validation=c["validation"], standardise=standardise
        )
        for c in cells
    ]
    return np.stack([s.train.inputs for s in splits]), np.stack([s.train.labels for s in splits])


def condition(seeds: Sequence[int], table: str, arm: str) -> dict[str, Any]:
    """Return log10 of the condition number of E x x^T, with an input 1 for the bias."""
    cells = [{**SETTINGS, "dataset": table, "seed": seed} for seed in seeds]
    x = inputs(cells, ARMS[arm]["standardise"])[0]
    x = np.concatenate([x, np.ones((*x.shape[:2], 1))], axis=2)
    values = np.linalg.svd(x, compute_uv=False)
    return {"log10_condition": 2 * np.log10(values[:, 0] / values[:, -1])}


def loss(table: str, arm: str, **bounds: float) -> Share:
    """Return a test of the loss before the first step."""
    where = {"table": table, "arm": arm}
    return Share(f"{table}: the loss before training, {arm}", "start", "start_loss", where, **bounds)


def compared(table: str, first: str, second: str) -> Difference:
    """Return the paired comparison of two arms, each at its best rate."""
    accuracy = Metric("training", "test_accuracy").at(dataset=table, learning_rate="best")
    one, other = (accuracy.at(arm=arm) for arm in (first, second))
    return one.minus(other, f"{table}: {first} minus {second}", margin=0.02)


def condition_test(table: str, arm: str, **bounds: float) -> Share:
    """Return a test of the condition number."""
    name = f"{table}: log10 of the condition number, {arm}"
    return Share(name, "condition", "log10_condition", {"table": table, "arm": arm}, **bounds)


CONSIDERS = [compared(table, SAME, RAW) for table in TABLES]
LOST = {arm: [compared(table, arm, EACH) for table in TABLES] for arm in (RAW, FACTOR)}
AS_GOOD = "equivalent_or_higher_or_not_lower"


def one_of(tests: Sequence[Difference]) -> list[dict[str, Any]]:
    """Return the conditions that the first or the second test alone finds the arm lower."""
    return [when(lower=[tests[i]], **{AS_GOOD: [tests[1 - i]]}) for i in (0, 1)]


PROTOCOL = Protocol(
    name="data-scale",
    claim="C22",
    statement="An initialization has to take the characteristics of the data into account.",
    edition=2,
    told=Told(
        "The characteristics of the data should be considered when the weights are initialized.",
        rules=(
            *(Rule("upheld", when(higher=[test])) for test in CONSIDERS),
            Rule("refuted", when(equivalent_or_lower_or_not_higher=CONSIDERS)),
        ),
    ),
    parts={
        "start": Measurement(
            measure=at_start,
            axes={"table": TABLES, "arm": tuple(ARMS)},
            seeds=range(1000, 1020),
            tolerance={"start_loss": 1e-6, "apart": 1e-6},
            sample=({"seed": 1000},),
        ),
        "condition": Measurement(
            measure=condition,
            axes={"table": TABLES, "arm": (RAW, EACH)},
            seeds=range(1000, 1020),
            tolerance={"log10_condition": 1e-4},
            sample=({"seed": 1000},),
        ),
        "training": Training(
            arms=ARMS,
            conditions={"dataset": TABLES},
            learning_rates=tuple(float(f"{10 ** (-6 + i / 2):.3g}") for i in range(11)),
            seeds=range(1000, 1020),
            grounds={"SGD with momentum": SGD, "Adam": ADAM},
            tuned_by="accuracy",
            tuning_seeds=range(2000, 2003),
            settings={**SETTINGS, "epochs": 40},
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.03},
            sample=({"arm": EACH, "learning_rate": "best", "seed": 1000},),
        ),
    },
    tests=(
        *(loss(table, RAW, at_least=10) for table in TABLES),
        *(loss(table, arm, at_most=3) for table in TABLES for arm in (FACTOR, ONE, EACH)),
        *(
            Share(
                f"{table}: the outputs before training are those of the standardised net, {SAME}",
                "start",
                "apart",
                {"table": table, "arm": SAME},
                at_most=1e-9,
                share=1.0,
            )
            for table in TABLES
        ),
        *(condition_test(table, RAW, at_least=8) for table in TABLES),
        *(condition_test(table, EACH, at_most=6) for table in TABLES),
        *(compared(table, arm, EACH) for table in TABLES for arm in (RAW, FACTOR, ONE, SAME)),
        *(compared(table, arm, RAW) for table in TABLES for arm in (FACTOR, SAME)),
    ),
    rules=(
        # the data matter, and not through one number that a variance could take care of
        Rule("refined", when(lower=[*LOST[RAW], *LOST[FACTOR]])),
        Rule("upheld", when(lower=LOST[RAW], **{AS_GOOD: LOST[FACTOR]})),
        *(Rule("depends", {**when(lower=LOST[RAW]), **one}) for one in one_of(LOST[FACTOR])),
        *(Rule("depends", one) for one in one_of(LOST[RAW])),
        Rule("refuted", when(**{AS_GOOD: LOST[RAW]})),
    ),
)
