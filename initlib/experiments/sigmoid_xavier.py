"""C5: Xavier initialization for tanh and for sigmoid units, by depth, beside four times Xavier for sigmoid.

Near 0 the sigmoid is 1/2 + x/4: its slope is a quarter of tanh's, and its mean is not 0. Four times Xavier
makes up for the slope (Glorot's own advice, Theano tutorials, 2010); biases -W^T 1/2 make up for the mean.

The pilots behind the thresholds: seeds 0 to 33. Between two BLAS kernels, test accuracies at rates up to 0.1
differed by 0.84 points in one of 72 nets and not at all in the others, first losses by 2e-7.
"""

from typing import Any

import numpy as np

from initlib.activations import Activation
from initlib.evidence import Difference, Metric, Protocol, Rule, Share, Training, when
from initlib.experiments._nets import centred

HIDDEN = (1, 2, 3, 5, 8)
SHALLOW, DEEP = HIDDEN[:3], HIDDEN[3:]

TANH, XAVIER, FOUR = "tanh, Xavier", "sigmoid, Xavier", "sigmoid, four times Xavier"
ACCURACY = Metric("training", "test_accuracy")
CENTRED, SHIFTED = "sigmoid, four times Xavier, centring biases", "sigmoid - 1/2, four times Xavier"


def centred_sigmoid(x: Any) -> Any:
    """Return sigmoid(x) - 1/2 = tanh(x / 2) / 2."""
    return np.tanh(x / 2) / 2


def centred_slope(x: Any) -> Any:
    """Return the derivative of `centred_sigmoid`, (1 - tanh^2(x / 2)) / 4."""
    return (1 - np.tanh(x / 2) ** 2) / 4


def share(name: str, arm: str, hidden: int, rate: str | None = None, **bounds: float) -> Share:
    """Return a test on the test accuracy of one arm at one depth."""
    accuracy = ACCURACY.at(arm=arm, depth=hidden + 1)
    return (accuracy if rate is None else accuracy.at(learning_rate=rate)).share(name, **bounds)


def difference(name: str, first: str, second: str, hidden: int, rate: str, margin: float) -> Difference:
    """Return a paired comparison of two arms at one depth."""
    accuracy = ACCURACY.at(depth=hidden + 1, learning_rate=rate)
    return accuracy.at(arm=first).minus(accuracy.at(arm=second), name, margin=margin)


def tanh_trains(hidden: int) -> str:
    return f"{hidden} hidden, tanh: Xavier trains"


def trains(hidden: int) -> str:
    return f"{hidden} hidden, sigmoid: Xavier trains"


def chance(hidden: int) -> str:
    return f"{hidden} hidden, sigmoid: Xavier stays at chance at every rate"


def four_trains(hidden: int) -> str:
    return f"{hidden} hidden, sigmoid: four times Xavier trains"


def minus(hidden: int, rate: str = "best") -> str:
    return f"{hidden} hidden, sigmoid: Xavier minus four times Xavier, {rate} rate"


PROTOCOL = Protocol(
    name="sigmoid-xavier",
    claim="C5",
    statement="Xavier initialization is made for linear units and for sigmoid or tanh activations.",
    parts={
        "training": Training(
            arms={
                TANH: {"activation": "tanh"},
                XAVIER: {"activation": "sigmoid"},
                FOUR: {"activation": "sigmoid", "scale": 4.0},
                CENTRED: {"activation": "sigmoid", "scale": 4.0, "network": centred},
                SHIFTED: {
                    "activation": Activation("sigmoid - 1/2", centred_sigmoid, centred_slope),
                    "scale": 4.0,
                },
            },
            conditions={"depth": tuple(hidden + 1 for hidden in HIDDEN)},
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
            every_rate=(XAVIER,),
            seeds=range(100, 110),
            tuning_seeds=range(200, 205),
            settings={
                "initializer": "glorot_uniform",
                "dataset": "digits",
                "width": 64,
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": 20,
                "validation": 0.1,
            },
            tolerance={"first_loss": 1e-4, "test_accuracy": 0.02},
            sample=(
                {"arm": XAVIER, "depth": 6, "learning_rate": 0.1, "seed": 100},
                {"arm": FOUR, "depth": 6, "learning_rate": "best", "seed": 100},
                {"arm": CENTRED, "depth": 6, "learning_rate": "best", "seed": 100},
                {"arm": TANH, "depth": 9, "learning_rate": "best", "seed": 100},
            ),
        )
    },
    tests=(
        *(share(tanh_trains(h), TANH, h, "best", at_least=0.9) for h in HIDDEN),
        *(share(trains(h), XAVIER, h, "best", at_least=0.9) for h in SHALLOW),
        *(share(chance(h), XAVIER, h, at_most=0.2) for h in DEEP),
        *(share(four_trains(h), FOUR, h, "best", at_least=0.93) for h in HIDDEN),
        *(difference(minus(h), XAVIER, FOUR, h, "best", 0.02) for h in HIDDEN),
        *(difference(minus(h, "shared"), XAVIER, FOUR, h, "shared", 0.02) for h in HIDDEN),
        *(
            difference(
                f"{h} hidden: centring biases minus none, at four times Xavier",
                CENTRED,
                FOUR,
                h,
                "best",
                0.01,
            )
            for h in HIDDEN
        ),
        *(
            difference(f"{h} hidden: sigmoid - 1/2 minus tanh", SHIFTED, TANH, h, "best", 0.01)
            for h in HIDDEN
        ),
    ),
    rules=(
        # right for tanh and for shallow sigmoid nets, wrong for deep sigmoid nets
        Rule(
            "depends",
            when(
                yes=[
                    *map(tanh_trains, HIDDEN),
                    *map(trains, SHALLOW),
                    *map(chance, DEEP),
                    *map(four_trains, DEEP),
                ]
            ),
        ),
        Rule(
            "upheld",
            when(yes=map(tanh_trains, HIDDEN), equivalent_or_higher=map(minus, HIDDEN), no=map(chance, DEEP)),
        ),
        Rule("refuted", when(no=[tanh_trains(HIDDEN[-1]), *map(trains, SHALLOW)])),
    ),
)
