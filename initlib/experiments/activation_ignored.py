"""C19: four activations, each with a rule made for it and with one made for another, at three depths.

Sigmoid nets of twenty layers learn with neither rule, so the sigmoid is compared at nine.

The second edition. The first run of the first edition had a bug, which only its commit told: the depth was
missing, and all nets had three layers; it was run again with new seeds, 16 instead of 12. That run had SGD
with momentum alone, and rates chosen by training loss. New: Adam, and AdamW with warm-up, as grounds, and a
run of 150 epochs of the sigmoid nets that had been said to stay at chance after fifteen. Gone: tanh, SELU and
ReLU at nine layers. choose-by-activation (C13) compares tanh's two rules at twenty layers as well, but trains
on 512 images; here there are about 1,300. Pilots: seeds 0 to 2, rates on 50 and 51, in
pilots/activation-ignored.json.

Between two BLAS kernels, nine nets differed by at most 0.3 points of test accuracy and 4e-8 in the loss of
the first epoch.
"""

from functools import partial
from typing import Any

from initlib import initializers
from initlib.evidence import Difference, Metric, Protocol, Rule, Share, Told, Training, when
from initlib.experiments._grounds import ADAM, ADAMW, SGD

FOUR_XAVIER = partial(initializers.glorot_normal, gain=4.0)
PAIRS: dict[str, dict[str, Any]] = {  # the activation's own rule, then one of another activation
    "relu": {"He": "he_normal", "Xavier": "glorot_normal"},
    "tanh": {"Xavier": "glorot_normal", "He": "he_normal"},
    "sigmoid": {"four times Xavier": FOUR_XAVIER, "Xavier": "glorot_normal"},
    "selu": {"LeCun": "lecun_normal", "He": "he_normal"},
}
SHALLOW, MIDDLE, DEEP = 3, 9, 20
AT = {SHALLOW: tuple(PAIRS), MIDDLE: ("sigmoid",), DEEP: ("relu", "tanh", "selu")}
RATES = {
    SHALLOW: (0.003, 0.01, 0.03, 0.1, 0.3),
    MIDDLE: (0.003, 0.01, 0.03, 0.1, 0.3),
    DEEP: (0.0003, 0.001, 0.003, 0.01, 0.03),
}
LONG = "9 layers, 150 epochs"
SETTINGS = {
    "dataset": "digits",
    "width": 64,
    "optimizer": "momentum",
    "batch_size": 64,
    "epochs": 12,
    "validation": 0.1,
}
TOLERANCE = {"first_loss": 1e-3, "test_accuracy": 0.03}


def label(activation: str, rule: str) -> str:
    return f"{activation}, {rule}"


def own_and_other(activation: str) -> tuple[str, str]:
    """Return the labels of an activation's own rule and of the other."""
    own, other = PAIRS[activation]
    return label(activation, own), label(activation, other)


def training(depth: int) -> Training:
    """Return the training of all pairs at one depth."""
    return Training(
        arms={
            label(activation, rule): {"activation": activation, "initializer": initializer}
            for activation in AT[depth]
            for rule, initializer in PAIRS[activation].items()
        },
        learning_rates=RATES[depth],
        seeds=range(1000, 1012),
        tuning_seeds=range(2000, 2002),
        tuned_by="accuracy",
        grounds={"SGD with momentum": SGD, "Adam": ADAM, "AdamW, warm-up": ADAMW},
        settings={**SETTINGS, "depth": depth},
        tolerance=TOLERANCE,
        sample=({"arm": own_and_other(AT[depth][-1])[0], "learning_rate": "best", "seed": 1000},),
    )


def part(depth: int) -> str:
    return f"{depth} layers"


def trains(depth: int, activation: str) -> Share:
    """Return the test whether the activation's own rule trains."""
    accuracy = Metric(part(depth), "test_accuracy").at(arm=own_and_other(activation)[0], learning_rate="best")
    return accuracy.share(f"{depth} layers, {activation}: its own rule trains", at_least=0.8)


def minus(depth: int, activation: str, rate: str = "best") -> Difference:
    """Return the paired comparison of the other rule with the activation's own."""
    own, other = own_and_other(activation)
    accuracy = Metric(part(depth), "test_accuracy").at(learning_rate=rate)
    rules = " minus ".join(reversed(PAIRS[activation]))
    name = f"{depth} layers, {activation}: {rules}, {rate} rate"
    return accuracy.at(arm=other).minus(accuracy.at(arm=own), name, margin=0.02)


FLAT = [minus(SHALLOW, activation) for activation in PAIRS]
SERIOUS = minus(MIDDLE, "sigmoid"), minus(DEEP, "relu")  # theory: the gradient falls by powers of ten
MILD = minus(DEEP, "tanh"), minus(DEEP, "selu")
LATE = Metric(LONG, "test_accuracy").at(arm=own_and_other("sigmoid")[1], learning_rate="best")

PROTOCOL = Protocol(
    name="activation-ignored",
    claim="C19",
    statement="An initialization chosen without regard to the activation costs every net accuracy.",
    parts={
        **{part(depth): training(depth) for depth in AT},
        LONG: Training(
            arms={label("sigmoid", "Xavier"): {"activation": "sigmoid", "initializer": "glorot_normal"}},
            learning_rates=(0.01, 0.03, 0.1, 0.3, 1.0),
            seeds=range(1000, 1010),
            tuning_seeds=range(2000, 2002),
            tuned_by="accuracy",
            settings={**SETTINGS, "depth": MIDDLE, "epochs": 150},
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.2},
            sample=({"learning_rate": "best", "seed": 1000},),
        ),
    },
    tests=(
        *(trains(depth, activation) for depth in AT for activation in AT[depth]),
        *(minus(d, activation, r) for r in ("best", "shared") for d in AT for activation in AT[d]),
        LATE.share("9 layers, sigmoid with Xavier, 150 epochs with momentum: stays at chance", at_most=0.2),
        LATE.share("9 layers, sigmoid with Xavier, 150 epochs with momentum: learns", at_least=0.5),
    ),
    rules=(
        Rule("upheld", when(lower=[*FLAT, *SERIOUS, *MILD])),
        # deep nets lose by the two serious mistakes, nets of three layers by none
        Rule("depends", when(equivalent_or_higher_or_not_lower_or_not_higher=FLAT, lower=SERIOUS)),
        # of the two serious mistakes one is forgiven
        Rule(
            "refined",
            when(
                equivalent_or_higher_or_not_lower_or_not_higher=[*FLAT, *SERIOUS[1:]],
                lower=SERIOUS[:1],
            ),
        ),
        Rule(
            "refined",
            when(
                equivalent_or_higher_or_not_lower_or_not_higher=[*FLAT, *SERIOUS[:1]],
                lower=SERIOUS[1:],
            ),
        ),
        Rule("refuted", when(equivalent_or_higher_or_not_lower=[*FLAT, *SERIOUS])),
    ),
    edition=2,
    told=Told(
        "a technique that does not fit the activation can hinder learning.",
        (
            Rule("upheld", when(lower=SERIOUS[:1])),
            Rule("upheld", when(lower=SERIOUS[1:])),
            Rule("refuted", when(equivalent_or_higher_or_not_lower=[*FLAT, *SERIOUS])),
        ),
        some=True,
    ),
)
