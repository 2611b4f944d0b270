"""C15: should biases start at zero? Shallow nets, a deep SiLU net, a rare class, and dead ReLU units.

The forget gate of an LSTM, whose bias matters most, has an experiment of its own: forget-bias (R25).

The pilots behind the thresholds: seeds 0 to 9. Between two BLAS kernels, first losses differed by 1e-7
and the test accuracy of a shallow net by 1.1 points; the deep nets of the sample stay at chance under both.

A first run (seeds 100 to 115 of the shallow part, two tuning seeds) was inconclusive: one of its six tests of
equivalence had the interval -1.1 to 0.4 points. By a power calculation on it, this part has 32 new seeds and
four tuning seeds; thresholds and rules are those of the first run.
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from initlib import datasets, initializers, losses, networks, training
from initlib.datasets import Dataset
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, Training

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
WITH, WITHOUT, HE = "critical, random biases", "critical, zero biases", "He, zero biases"
RARE, RARE_SAMPLES = 8, 48  # of 174 eights
STARTS = ("zero biases", "log prior odds")
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)


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


def rare_class(seeds: Sequence[int], start: str, learning_rate: float) -> dict[str, Any]:
    """Return the mean training loss of the first and of the tenth epoch; output weights start at zero."""
    nets = detectors(seeds, start, "zeros")
    found = training.fit(
        nets, rare_digits(), loss="logistic", learning_rate=learning_rate, epochs=10, threads=1
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


def minus_zero(activation: str, arm: str, rate: str) -> str:
    """Return the name of a comparison of shallow nets."""
    return f"3 hidden layers, {activation}: biases {arm} minus zero, {rate} rate"


def shallow(activation: str, arm: str, rate: str) -> Difference:
    """Return a paired comparison of shallow nets with those whose biases start at zero."""
    where = {"activation": activation, "learning_rate": rate}
    name = minus_zero(activation, arm, rate)
    return Difference(name, "shallow", "test_accuracy", {"arm": arm}, {"arm": "zero"}, 0.01, where)


def deep(arm: str, **bounds: float) -> Share:
    """Return a test on the 40-layer nets of one arm, at their best rate."""
    name = f"40 layers of SiLU, {arm}: " + ("learns" if "at_least" in bounds else "stays at chance")
    return Share(name, "deep", "test_accuracy", {"arm": arm, "learning_rate": "best"}, **bounds)


def gap(arm: str, rate: str) -> Difference:
    """Return the paired gain of random biases over an arm without."""
    name = f"40 layers of SiLU, random biases minus {arm}, {rate} rate"
    return Difference(
        name, "deep", "test_accuracy", {"arm": WITH}, {"arm": arm}, 0.2, {"learning_rate": rate}
    )


def head_start(rate: float, epoch: str = "first") -> Difference:
    """Return the paired gain in the loss of the first or the tenth epoch."""
    name = f"rare class: {epoch} epoch's loss, log prior odds minus zero, rate {rate:g}"
    where = {"learning_rate": rate}
    arms = {"start": STARTS[1]}, {"start": STARTS[0]}
    return Difference(name, "rare class", f"{epoch}_epoch", *arms, 0.01, where)


def revival(bias: float) -> Difference:
    """Return the paired change of the share of dead units."""
    name = f"ReLU, layer 12: share of dead units, bias {bias:g} minus zero"
    return Difference(name, "dead units", "dead", {"bias": bias}, {"bias": 0.0}, 0.01)


LEARNS = deep(WITH, at_least=0.2)
CHANCE = tuple(deep(arm, at_most=0.2) for arm in (WITHOUT, HE))
SETTINGS = {"dataset": "digits", "optimizer": "momentum", "batch_size": 64, "validation": 0.1}
PLAIN = minus_zero("relu", "N(0, 1)", "best"), minus_zero("tanh", "N(0, 1)", "best")

PROTOCOL = Protocol(
    name="zero-biases",
    claim="C15",
    statement=(
        "Start biases at zero: other values bring a bias into the net that nobody wants, and how they "
        "start matters little anyway."
    ),
    parts={
        "shallow": Training(
            arms=SHALLOW,
            conditions={"activation": ("relu", "tanh")},
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
            seeds=range(300, 332),
            tuning_seeds=range(200, 204),
            settings={**SETTINGS, "initializer": "he_normal", "depth": 4, "width": 64, "epochs": 12},
            tolerance={"first_loss": 1e-4, "test_accuracy": 0.025},
            sample=({"arm": "N(0, 1)", "activation": "relu", "learning_rate": "best", "seed": 300},),
        ),
        "deep": Training(
            arms={
                WITH: {
                    "initializer": CRITICAL,
                    "bias_initializer": partial(initializers.normal, std=SILU_VARIANCES[1] ** 0.5),
                },
                WITHOUT: {"initializer": CRITICAL},
                HE: {"initializer": "he_normal"},
            },
            learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03),
            seeds=range(100, 110),
            tuning_seeds=range(200, 202),
            settings={**SETTINGS, "activation": "silu", "depth": 40, "width": 64, "epochs": 10},
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.05},
            sample=({"arm": WITHOUT, "learning_rate": "best", "seed": 100},),
        ),
        "first loss": Measurement(
            measure=first_loss,
            axes={"start": STARTS, "output": ("zeros", "he_normal")},
            seeds=range(100, 120),
            tolerance={"loss_over_ln2": 1e-9, "loss_over_entropy": 1e-9},
            sample=({"seed": 100},),
        ),
        "rare class": Measurement(
            measure=rare_class,
            axes={"start": STARTS, "learning_rate": RATES},
            seeds=range(100, 120),
            tolerance={"first_epoch": 1e-4, "tenth_epoch": 1e-2},
            sample=({"start": STARTS[1], "learning_rate": 0.1, "seed": 100},),
        ),
        "dead units": Measurement(
            measure=dead_units,
            axes={"bias": (0.0, 0.01, 0.1, 0.5)},
            seeds=range(100, 130),
            tolerance={"dead": 0},
            sample=({"bias": 0.1, "seed": 100},),
        ),
    },
    tests=(
        *(
            shallow(activation, arm, rate)
            for activation in ("relu", "tanh")
            for arm in tuple(SHALLOW)[1:]
            for rate in ("best", "shared")
        ),
        LEARNS,
        *CHANCE,
        *(gap(arm, rate) for arm in (WITHOUT, HE) for rate in ("best", "shared")),
        Share(
            "rare class: zero biases start at ln 2, within 1e-6",
            "first loss",
            "loss_over_ln2",
            {"start": STARTS[0], "output": "zeros"},
            at_least=1 - 1e-6,
            at_most=1 + 1e-6,
        ),
        Share(
            "rare class: log prior odds start within 5% of the entropy of the classes",
            "first loss",
            "loss_over_entropy",
            {"start": STARTS[1], "output": "zeros"},
            at_least=0.95,
            at_most=1.05,
        ),
        *map(head_start, RATES),
        *(head_start(rate, "tenth") for rate in RATES),
        *map(revival, (0.01, 0.1, 0.5)),
    ),
    rules=(
        Rule(  # zero and mild biases are alike in shallow nets; elsewhere the start of biases decides
            "depends",
            {
                **{minus_zero(a, arm, "best"): "equivalent" for a in ("relu", "tanh") for arm in MILD},
                LEARNS.name: "yes",
                **{test.name: "yes" for test in CHANCE},
                gap(WITHOUT, "best").name: "higher",
                head_start(0.1).name: "lower",
            },
        ),
        Rule(
            "upheld",
            {
                **dict.fromkeys(PLAIN, "lower"),
                gap(WITHOUT, "best").name: ("equivalent", "lower"),
                head_start(0.1).name: ("equivalent", "higher"),
            },
        ),
        Rule(  # zero is right in shallow nets, and wrong in this deep one
            "refined", {**dict.fromkeys(PLAIN, "lower"), gap(WITHOUT, "best").name: "higher"}
        ),
        Rule("refuted", {**dict.fromkeys(PLAIN, "higher"), gap(WITHOUT, "best").name: "higher"}),
    ),
)
