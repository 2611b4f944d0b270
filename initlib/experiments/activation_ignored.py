"""C19: four activations, each with a rule made for it and with one made for another, at three depths.

The pilots behind the thresholds: seeds 0 to 52. There, no pair differed at 2 or 3 layers. At 20 layers
sigmoid nets learned with neither rule, so it is compared at 9 layers. Between two BLAS kernels, nine nets
differed by at most 0.3 points of test accuracy and 4e-8 in the loss of the first epoch.
"""

from functools import partial
from typing import Any

from initlib import initializers
from initlib.evidence import Difference, Protocol, Rule, Share, Training

FOUR_XAVIER = partial(initializers.glorot_normal, gain=4.0)
PAIRS: dict[str, dict[str, Any]] = {  # the activation's own rule, then one of another activation
    "relu": {"He": "he_normal", "Xavier": "glorot_normal"},
    "tanh": {"Xavier": "glorot_normal", "He": "he_normal"},
    "sigmoid": {"four times Xavier": FOUR_XAVIER, "Xavier": "glorot_normal"},
    "selu": {"LeCun": "lecun_normal", "He": "he_normal"},
}
SHALLOW, MIDDLE, DEEP = 3, 9, 20
AT = {SHALLOW: tuple(PAIRS), MIDDLE: tuple(PAIRS), DEEP: ("relu", "tanh", "selu")}
RATES = {
    SHALLOW: (0.01, 0.03, 0.1, 0.3, 1.0),
    MIDDLE: (0.003, 0.01, 0.03, 0.1, 0.3),
    DEEP: (0.0003, 0.001, 0.003, 0.01, 0.03),
}


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
        seeds=range(300, 316) if depth < DEEP else range(300, 310),
        tuning_seeds=range(400, 403),
        settings={
            "dataset": "digits",
            "depth": depth,
            "width": 64,
            "optimizer": "momentum",
            "batch_size": 64,
            "epochs": 15 if depth < DEEP else 12,
            "validation": 0.1,
        },
        tolerance={"first_loss": 1e-4, "test_accuracy": 0.03},
        sample=({"arm": own_and_other("tanh")[0], "learning_rate": "best", "seed": 300},),
    )


def part(depth: int) -> str:
    return f"{depth} layers"


def minus(depth: int, activation: str, rate: str = "best") -> str:
    own, other = PAIRS[activation]
    return f"{depth} layers, {activation}: {other} minus {own}, {rate} rate"


def compared(depth: int, activation: str, rate: str) -> Difference:
    """Return the paired comparison of the other rule with the activation's own."""
    own, other = own_and_other(activation)
    where = {"learning_rate": rate}
    arms = {"arm": other}, {"arm": own}
    return Difference(minus(depth, activation, rate), part(depth), "test_accuracy", *arms, 0.01, where)


def all_are(outcomes: str | tuple[str, ...], *places: tuple[int, str]) -> dict[str, str | tuple[str, ...]]:
    """Return the condition that the comparison at each place has one of the outcomes."""
    return {minus(depth, activation): outcomes for depth, activation in places}


FLAT = tuple((SHALLOW, activation) for activation in PAIRS)
STEEP = ((MIDDLE, "sigmoid"), *((DEEP, activation) for activation in AT[DEEP]))

PROTOCOL = Protocol(
    name="activation-ignored",
    claim="C19",
    statement="An initialization chosen without regard to the activation function holds learning back.",
    parts={part(depth): training(depth) for depth in AT},
    tests=(
        *(
            Share(
                f"{depth} layers, {activation}: its own rule trains",
                part(depth),
                "test_accuracy",
                {"arm": own_and_other(activation)[0], "learning_rate": "best"},
                at_least=0.8,
            )
            for depth in AT
            for activation in AT[depth]
        ),
        *(compared(d, activation, "best") for d in AT for activation in AT[d]),
        *(compared(d, activation, "shared") for d in AT for activation in AT[d]),
    ),
    rules=(
        Rule("upheld", {**all_are("lower", *FLAT), **all_are("lower", *STEEP)}),
        Rule(  # deep nets lose, nets of three layers do not
            "depends", {**all_are(("equivalent", "higher"), *FLAT), **all_are("lower", *STEEP)}
        ),
        Rule(  # some deep pairs lose
            "depends",
            {
                **all_are(("equivalent", "higher", "unclear"), *FLAT),
                **all_are("lower", (MIDDLE, "sigmoid"), (DEEP, "relu")),
            },
        ),
        Rule("refuted", all_are(("equivalent", "higher"), *FLAT, *STEEP)),
    ),
)
