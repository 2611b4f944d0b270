"""C12: what the factor 2 that He initialization owes to ReLU does for training, by depth.

He and Xavier initialization differ in hidden layers of one width by that factor alone: Xavier's variance, 1
/ n, is right for a linear layer; He's, 2 / n, makes up for the half of the signal that ReLU removes.

The pilots behind the thresholds: seeds 0 to 3. Between two BLAS kernels, nets of 20 layers differed by up
to 3.3 points of accuracy and 3e-4 in the first loss, nets of 6 layers by nothing.
"""

from typing import Any

from initlib.evidence import Difference, Protocol, Rule, Share, Training

SHALLOW, DEEP = (3, 6), (12, 20)
PARTS = {depth: part for part, depths in (("shallow", SHALLOW), ("deep", DEEP)) for depth in depths}
ARMS = {"He": {"initializer": "he_normal"}, "Xavier": {"initializer": "glorot_normal"}}
SETTINGS: dict[str, Any] = {
    "dataset": "digits",
    "width": 64,
    "activation": "relu",
    "optimizer": "momentum",
    "batch_size": 64,
    "epochs": 15,
    "validation": 0.1,
}


def minus(metric: str, depth: int, rate: str = "best") -> str:
    return f"{depth} layers, {metric}, He minus Xavier, {rate} rate"


def difference(metric: str, depth: int, rate: str, margin: float) -> Difference:
    """Return a paired comparison of He with Xavier at one depth."""
    name = minus(metric.replace("test_", ""), depth, rate)
    first, second = ({"arm": arm} for arm in ARMS)
    where = {"depth": depth, "learning_rate": rate}
    return Difference(name, PARTS[depth], metric, first, second, margin, where)


def trains(depth: int) -> str:
    return f"{depth} layers, He trains"


PROTOCOL = Protocol(
    name="he-nonlinearity",
    claim="C12",
    statement="Because He initialization allows for the activation, networks learn more effectively with it.",
    parts={
        "shallow": Training(
            arms=ARMS,
            conditions={"depth": SHALLOW},
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
            seeds=range(100, 120),
            tuning_seeds=range(200, 206),
            settings=SETTINGS,
            tolerance={"first_loss": 1e-4, "test_accuracy": 0.04, "epochs": 2},
            sample=({"arm": "Xavier", "depth": 6, "learning_rate": "best", "seed": 100},),
        ),
        "deep": Training(
            arms=ARMS,
            conditions={"depth": DEEP},
            learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03),
            seeds=range(100, 110),
            tuning_seeds=range(200, 204),
            settings=SETTINGS,
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.15, "epochs": 6},
            sample=({"arm": "He", "depth": 20, "learning_rate": "best", "seed": 100},),
        ),
    },
    tests=(
        *(
            Share(
                trains(depth),
                PARTS[depth],
                "test_accuracy",
                {"arm": "He", "depth": depth, "learning_rate": "best"},
                at_least=0.8 if depth in DEEP else 0.9,
            )
            for depth in PARTS
        ),
        *(
            difference("test_accuracy", depth, rate, 0.1 if depth in DEEP else 0.01)
            for depth in PARTS
            for rate in ("best", "shared")
        ),
        *(difference("epochs", depth, "best", 2 if depth in DEEP else 1) for depth in PARTS),
    ),
    rules=(
        Rule(  # not in shallow nets, clearly in deep ones; between them it may go either way
            "depends",
            {
                **{trains(depth): "yes" for depth in PARTS},
                minus("accuracy", SHALLOW[0]): "equivalent",
                minus("accuracy", DEEP[-1]): "higher",
            },
        ),
        Rule("upheld", {minus("accuracy", depth): "higher" for depth in PARTS}),
        Rule("refuted", {minus("accuracy", depth): ("equivalent", "lower") for depth in PARTS}),
    ),
)
