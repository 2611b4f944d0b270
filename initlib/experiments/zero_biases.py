"""C15: should biases start at zero? Shallow nets, a deep SiLU net, a rare class, and dead ReLU units.

The forget gate of an LSTM, whose bias matters most, has an experiment of its own: forget-bias (R25).

The second edition. The first run had SGD with momentum alone, and 32 seeds of the shallow part after a run
with 16 that was inconclusive: one of six tests of equivalence had the interval -1.1 to 0.4 points, against a
margin of one point. New: Adam, and AdamW with warm-up, as grounds; the rates chosen by accuracy; weights and
biases multiplied by the same factors (nobody had compared which of the two is the more critical); ten times
the epochs for the deep net with zero biases, which had been said to stay at chance after ten; the same depth
with shortcuts and normalisation; the rare class under Adam. Gone: a third deep arm, He's weights, which are
0.3 % larger than the critical ones. Pilots: seeds 0 to 2, rates on 50 and 51, in pilots/zero-biases.json;
after them the deep nets got twenty seeds and a margin of ten points: with Adam they scatter widely.

Between two BLAS kernels, first losses differed by 1e-7 and the test accuracy of a shallow net by 1.1 points;
deep nets with zero biases stay at chance under both.
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from initlib import datasets, initializers, losses, networks, sweeps, training
from initlib.datasets import Dataset
from initlib.evidence import (
    Difference,
    Measurement,
    Metric,
    Protocol,
    Rule,
    Share,
    Told,
    Training,
    when,
)
from initlib.experiments._grounds import ADAM, ADAMW, SGD

SILU_VARIANCES = 1.9880046782756993, 0.5551431706951803  # sigma_w^2, sigma_b^2: theory.semi_critical_point
CRITICAL = partial(initializers.variance_scaling, scale=SILU_VARIANCES[0])
ALL_LAYERS = 64  # units in every hidden layer, and pixels of a digit: one fan-in for all weights
BOUND = ALL_LAYERS**-0.5  # of PyTorch's linear layers: 1 / sqrt(fan_in)
SHALLOW: dict[str, dict[str, Any]] = {
    "zero": {},
    "constant 0.1": {"bias_initializer": partial(initializers.constant, value=0.1)},
    "uniform +-1/8, PyTorch's": {"bias_initializer": partial(initializers.uniform, low=-BOUND, high=BOUND)},
    "N(0, 1)": {"bias_initializer": partial(initializers.normal, std=1.0)},
    "N(0, 9)": {"bias_initializer": partial(initializers.normal, std=3.0)},
}
MILD = tuple(SHALLOW)[1:4]
DEEP = 40
WITH, WITHOUT = "critical, random biases", "critical, zero biases"
RANDOM = partial(initializers.normal, std=SILU_VARIANCES[1] ** 0.5)
ARMS: dict[str, dict[str, Any]] = {
    WITH: {"initializer": CRITICAL, "bias_initializer": RANDOM},
    WITHOUT: {"initializer": CRITICAL},
}
EQUAL_STD = (2 / ALL_LAYERS) ** 0.5  # of He's weights, and of biases that start like them
FACTORS = 1 / 8, 8.0
UNCHANGED, HUGE = "unchanged", "biases x 64"
RARE, RARE_SAMPLES = 8, 48  # of 174 eights
STARTS = ("zero biases", "log prior odds")
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
ADAM_RATES = (0.0003, 0.001, 0.003, 0.01, 0.03)
SHOWN, ADAM_SHOWN = 0.1, 0.003  # the rates at which the rules look at the rare class


@cache
def rare_digits() -> Dataset:
    """Return the digits as two classes: 48 eights, and all that are not eights."""
    digits = datasets.digits()
    rare = np.flatnonzero(digits.labels == RARE)[:RARE_SAMPLES]
    kept = np.sort(np.concatenate([rare, np.flatnonzero(digits.labels != RARE)]))
    return Dataset("rare digits", digits.inputs[kept], (digits.labels[kept] == RARE).astype(int), 2)


def detectors(seeds: Sequence[int], start: str, output: str) -> networks.Network:
    """Return nets 64 - 32 - 1 whose output bias starts at zero, or at the log odds of the rare class."""
    rare = rare_digits().labels.mean()
    bias = partial(initializers.constant, value=float(np.log(rare / (1 - rare))))
    return networks.mlp(
        [ALL_LAYERS, 32, 1],
        "relu",
        [["he_normal", output]] * len(seeds),
        bias_initializer=[["zeros", bias if start == STARTS[1] else "zeros"]] * len(seeds),
        seeds=seeds,
    )


def first_loss(seeds: Sequence[int], start: str, output: str) -> dict[str, Any]:
    """Return the loss before training, over ln 2 and over the entropy of the classes in the training part."""
    parts = [rare_digits().split(seed).train for seed in seeds]
    nets = detectors(seeds, start, output)
    outputs = nets.forward(np.stack([part.inputs for part in parts])).output
    loss, _ = losses.logistic(outputs, np.stack([part.labels for part in parts]))
    rare = np.array([part.labels.mean() for part in parts])
    entropy = -rare * np.log(rare) - (1 - rare) * np.log(1 - rare)
    return {"loss_over_ln2": loss / np.log(2), "loss_over_entropy": loss / entropy}


def rare_class(
    seeds: Sequence[int], start: str, learning_rate: float, optimizer: str = "sgd"
) -> dict[str, Any]:
    """Return the mean training loss of the first and of the tenth epoch; output weights start at zero."""
    nets = detectors(seeds, start, "zeros")
    found = training.fit(
        nets,
        rare_digits(),
        loss="logistic",
        optimizer=optimizer,
        learning_rate=learning_rate,
        epochs=10,
        threads=1,
    )
    return {"first_epoch": found.loss[:, 0], "tenth_epoch": found.loss[:, 9]}


def dead_units(seeds: Sequence[int], bias: float) -> dict[str, Any]:
    """Return the share of ReLU units of layer 12 that answer none of the digits, before training."""
    nets = networks.mlp(
        [ALL_LAYERS] * 13,
        "relu",
        "he_normal",
        bias_initializer=partial(initializers.constant, value=bias),
        seeds=seeds,
    )
    inputs = [datasets.digits().split(seed).train.inputs for seed in seeds]
    outputs = nets.forward(np.stack(inputs)).pre[11]
    return {"dead": (outputs <= 0).all(axis=1).mean(axis=1)}


def shortcuts(cells: Sequence[dict[str, Any]]) -> networks.Network:
    """Return residual nets with layer norm before each branch, of as many weight layers as the deep nets."""
    return networks.residual(
        (ALL_LAYERS, ALL_LAYERS, 10),
        (DEEP - 2) // 2,
        "silu",
        [cell["initializer"] for cell in cells],
        variant="pre_norm",
        bias_initializer=[cell.get("bias_initializer", "zeros") for cell in cells],
        seeds=[cell["seed"] for cell in cells],
    )


def long_run(seeds: Sequence[int], epochs: int) -> dict[str, Any]:
    """Return the test accuracy and the lowest training loss of the deep nets with zero biases."""
    cells = [
        {**SETTINGS, **DEEP_NETS, **ARMS[WITHOUT], "learning_rate": 0.03, "seed": seed, "epochs": epochs}
        for seed in seeds
    ]
    records = sweeps.train(cells, n_jobs=1)
    return {
        "test_accuracy": [record["test_accuracy"][-1] for record in records],
        "lowest_loss": [min(record["loss"]) for record in records],
    }


def scaled(what: str, factor: float) -> str:
    """Return the name of the arm in which the weights or the biases are multiplied."""
    return f"{what} x {factor:g}"


def start_of(weights: float, biases: float) -> dict[str, Any]:
    """Return an arm: He's weights and biases of the same standard deviation, each times a factor."""
    return {"scale": weights, "bias_initializer": partial(initializers.normal, std=EQUAL_STD * biases)}


def minus_zero(activation: str, arm: str, rate: str) -> str:
    """Return the name of a comparison of shallow nets."""
    return f"3 hidden layers, {activation}: biases {arm} minus zero, {rate} rate"


def shallow(activation: str, arm: str, rate: str) -> Difference:
    """Return a paired comparison of shallow nets with those whose biases start at zero."""
    accuracy = Metric("shallow", "test_accuracy").at(activation=activation, learning_rate=rate)
    return accuracy.at(arm=arm).minus(accuracy.at(arm="zero"), minus_zero(activation, arm, rate), margin=0.02)


def deep(arm: str, what: str, **bounds: float) -> Share:
    """Return a test on the 40-layer nets of one arm, at their best rate."""
    accuracy = Metric("deep", "test_accuracy").at(arm=arm, learning_rate="best")
    return accuracy.share(f"40 layers of SiLU, {arm}: {what}", **bounds)


def gap(rate: str) -> Difference:
    """Return the paired gain of random biases in the deep nets."""
    accuracy = Metric("deep", "test_accuracy").at(learning_rate=rate)
    name = f"40 layers of SiLU, random biases minus zero, {rate} rate"
    return accuracy.at(arm=WITH).minus(accuracy.at(arm=WITHOUT), name, margin=0.1)


def compared(first: str, second: str) -> Difference:
    """Return the paired difference of two arms that multiply weights or biases."""
    accuracy = Metric("weights or biases", "test_accuracy").at(learning_rate="best")
    name = f"3 hidden layers, relu: {first} minus {second}"
    return accuracy.at(arm=first).minus(accuracy.at(arm=second), name, margin=0.02)


def head_start(rate: float, epoch: str = "first", part: str = "rare class") -> Difference:
    """Return the paired gain in the loss of the first or the tenth epoch."""
    name = f"{part}: {epoch} epoch's loss, log prior odds minus zero, rate {rate:g}"
    loss = Metric(part, f"{epoch}_epoch").at(learning_rate=rate)
    return loss.at(start=STARTS[1]).minus(loss.at(start=STARTS[0]), name, margin=0.01)


def revival(bias: float) -> Difference:
    """Return the paired change of the share of dead units."""
    name = f"ReLU, layer 12: share of dead units, bias {bias:g} minus zero"
    dead = Metric("dead units", "dead")
    return dead.at(bias=bias).minus(dead.at(bias=0.0), name, margin=0.01)


LEARNS = deep(WITH, "learns", at_least=0.2)
CHANCE = deep(WITHOUT, "stays at chance", at_most=0.2)
ZERO_LEARNS = deep(WITHOUT, "reads half of the images", at_least=0.5)
LONG = Metric("long", "test_accuracy").share(
    "40 layers of SiLU, zero biases, 100 epochs with momentum: stays at chance", at_most=0.2
)
NORMED = Metric("shortcuts", "test_accuracy").at(learning_rate="best")
WITH_NORM = NORMED.at(arm=WITH).minus(
    NORMED.at(arm=WITHOUT), "40 layers with shortcuts and norm: random biases minus zero", margin=0.02
)
SETTINGS = {"dataset": "digits", "optimizer": "momentum", "batch_size": 64, "validation": 0.1}
DEEP_NETS = {"activation": "silu", "depth": DEEP, "width": ALL_LAYERS}
GROUNDS = {"SGD with momentum": SGD, "Adam": ADAM, "AdamW, warm-up": ADAMW}
SAME = [minus_zero(a, arm, "best") for a in ("relu", "tanh") for arm in MILD]
GAP = gap("best")
HEAD = head_start(SHOWN), head_start(ADAM_SHOWN, part="rare class, Adam")
WEIGHTS_MATTER = tuple(compared(scaled("weights", f), scaled("biases", f)) for f in FACTORS)
COST = compared(HUGE, UNCHANGED)

PROTOCOL = Protocol(
    name="zero-biases",
    claim="C15",
    statement="Zero is the right start for every bias: no other start learns better or sooner.",
    parts={
        "shallow": Training(
            arms=SHALLOW,
            conditions={"activation": ("relu", "tanh")},
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
            seeds=range(1000, 1016),
            tuning_seeds=range(2000, 2002),
            tuned_by="accuracy",
            grounds=GROUNDS,
            settings={**SETTINGS, "initializer": "he_normal", "depth": 4, "width": 64, "epochs": 12},
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.03},
            sample=({"arm": "N(0, 1)", "activation": "relu", "learning_rate": "best", "seed": 1000},),
        ),
        "weights or biases": Training(
            arms={
                UNCHANGED: start_of(1, 1),
                **{scaled("weights", f): start_of(f, 1) for f in FACTORS},
                **{scaled("biases", f): start_of(1, f) for f in FACTORS},
                HUGE: start_of(1, 64),
            },
            learning_rates=(3e-5, 3e-4, 0.003, 0.03, 0.3),
            seeds=range(1000, 1012),
            tuning_seeds=range(2000, 2002),
            tuned_by="accuracy",
            grounds=GROUNDS,
            settings={
                **SETTINGS,
                "initializer": "he_normal",
                "activation": "relu",
                "depth": 4,
                "width": 64,
                "epochs": 12,
            },
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.03},
            sample=({"arm": "biases x 8", "learning_rate": "best", "seed": 1000},),
        ),
        "deep": Training(
            arms=ARMS,
            learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03),
            seeds=range(1000, 1020),
            tuning_seeds=range(2000, 2002),
            tuned_by="accuracy",
            grounds=GROUNDS,
            settings={**SETTINGS, **DEEP_NETS, "epochs": 10},
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.05},
            sample=({"arm": WITHOUT, "learning_rate": "best", "seed": 1000},),
        ),
        "long": Measurement(
            measure=long_run,
            axes={"epochs": (100,)},
            seeds=range(1000, 1010),
            tolerance={"test_accuracy": 0.05, "lowest_loss": 0.05},
            sample=({"seed": 1000},),
        ),
        "shortcuts": Training(
            arms=ARMS,
            learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03),
            seeds=range(1000, 1010),
            tuning_seeds=range(2000, 2002),
            tuned_by="accuracy",
            settings={**SETTINGS, "optimizer": "adam", "network": shortcuts, "epochs": 6},
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.03},
            sample=({"arm": WITHOUT, "learning_rate": "best", "seed": 1000},),
        ),
        "first loss": Measurement(
            measure=first_loss,
            axes={"start": STARTS, "output": ("zeros", "he_normal")},
            seeds=range(1000, 1020),
            tolerance={"loss_over_ln2": 1e-9, "loss_over_entropy": 1e-9},
            sample=({"seed": 1000},),
        ),
        "rare class": Measurement(
            measure=rare_class,
            axes={"start": STARTS, "learning_rate": RATES},
            seeds=range(1000, 1020),
            tolerance={"first_epoch": 1e-4, "tenth_epoch": 1e-2},
            sample=({"start": STARTS[1], "learning_rate": SHOWN, "seed": 1000},),
        ),
        "rare class, Adam": Measurement(
            measure=partial(rare_class, optimizer="adam"),
            axes={"start": STARTS, "learning_rate": ADAM_RATES},
            seeds=range(1000, 1020),
            tolerance={"first_epoch": 1e-3, "tenth_epoch": 1e-2},
            sample=({"start": STARTS[1], "learning_rate": ADAM_SHOWN, "seed": 1000},),
        ),
        "dead units": Measurement(
            measure=dead_units,
            axes={"bias": (0.0, 0.01, 0.1, 0.5)},
            seeds=range(1000, 1030),
            tolerance={"dead": 0},
            sample=({"bias": 0.1, "seed": 1000},),
        ),
    },
    tests=(
        *(
            shallow(activation, arm, rate)
            for activation in ("relu", "tanh")
            for arm in tuple(SHALLOW)[1:]
            for rate in ("best", "shared")
        ),
        *WEIGHTS_MATTER,
        *(compared(scaled(what, f), UNCHANGED) for what in ("weights", "biases") for f in FACTORS),
        COST,
        LEARNS,
        CHANCE,
        ZERO_LEARNS,
        GAP,
        gap("shared"),
        LONG,
        WITH_NORM,
        Metric("first loss", "loss_over_ln2")
        .at(start=STARTS[0], output="zeros")
        .share("rare class: zero biases start at ln 2, within 1e-6", at_least=1 - 1e-6, at_most=1 + 1e-6),
        Metric("first loss", "loss_over_entropy")
        .at(start=STARTS[1], output="zeros")
        .share(
            "rare class: log prior odds start within 5% of the entropy of the classes",
            at_least=0.95,
            at_most=1.05,
        ),
        *(head_start(rate, epoch) for epoch in ("first", "tenth") for rate in RATES),
        *(head_start(rate, epoch, "rare class, Adam") for epoch in ("first", "tenth") for rate in ADAM_RATES),
        *map(revival, (0.01, 0.1, 0.5)),
    ),
    rules=(
        # as good as any mild start in shallow nets; worse in this deep one, and where a class is rare
        Rule(
            "depends",
            when(equivalent_or_not_lower_or_not_higher=SAME, yes=[LEARNS], higher=[GAP], lower=HEAD),
        ),
        # as good in the hidden layers of shallow and deep nets; at the output, worse where a class is rare
        Rule(
            "refined",
            when(
                equivalent_or_not_lower_or_not_higher=SAME,
                yes=[ZERO_LEARNS],
                equivalent_or_not_lower_or_not_higher_or_lower_or_unclear=[GAP],
                lower=HEAD,
            ),
        ),
        Rule(
            "upheld",
            when(
                equivalent_or_not_lower_or_not_higher=SAME,
                equivalent_or_not_higher_or_lower=[GAP],
                equivalent_or_higher_or_not_lower=HEAD,
            ),
        ),
        Rule("refuted", when(higher=[*SAME, GAP], lower=HEAD)),
    ),
    edition=2,
    told=Told(
        "biases usually start at zero: they are not as critical as weights, and another start can bring a "
        "bias into the net that nobody wants.",
        (
            Rule("upheld", when(lower=[WEIGHTS_MATTER[1], COST])),
            Rule("refined", when(lower=[WEIGHTS_MATTER[1]], equivalent_or_higher_or_not_lower=[COST])),
            Rule("refuted", when(equivalent_or_higher_or_not_lower=[WEIGHTS_MATTER[1]])),
        ),
    ),
)
