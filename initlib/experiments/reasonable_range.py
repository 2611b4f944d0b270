"""C20: how far from the right scale weights may start, by depth, with the learning rate tuned for each scale.

Three hundred digits, so that every net that learns at all can learn its training set by heart: what is left
of the difference then is generalisation. Scales are factors on He's weights (ReLU) or Xavier's (tanh).

The first run knew SGD alone, chose most rates by the training loss, and called a loss of up to five points
equivalent. This one chooses by validation accuracy, counts two points as a loss, and adds Adam.

Pilots: seeds 0 to 2, rates on 50 and 51; they are kept in pilots/. Two tuning seeds chose rates at which one
net in three collapsed; so there are four. In the first run, first losses of nets of scale 1 differed by at
most 3e-4 between two BLAS kernels, their test accuracies by 1.4 points.
"""

from collections.abc import Sequence
from typing import Any

from initlib.evidence import Difference, Metric, Protocol, Rule, Share, Told, Training, when
from initlib.experiments._grounds import ADAM, SGD

RELU: dict[str, Any] = {"activation": "relu", "initializer": "he_normal"}
TANH: dict[str, Any] = {"activation": "tanh", "initializer": "glorot_normal"}
SETTINGS = {
    "dataset": "digits",
    "train_samples": 300,
    "width": 64,
    "optimizer": "momentum",
    "batch_size": 32,
    "epochs": 60,
    "validation": 0.1,
}
TOLERANCE = {"first_loss": 1e-3, "train_accuracy": 0.02, "test_accuracy": 0.03}
LARGE = 0.02  # of accuracy, counts as a loss
FITS = 0.99  # of the training set right, in the last epoch, counts as knowing it by heart


def name(factor: float) -> str:
    """Return the name of an arm.

    >>> name(0.0625), name(8)
    ('1/16', '8')
    """
    return f"{factor:g}" if factor >= 1 else f"1/{1 / factor:g}"


def part(kind: dict[str, Any], depth: int, factors: Sequence[float]) -> Training:
    """Return the training of nets of one depth from several scales."""
    return Training(
        arms={name(factor): {"scale": factor} for factor in factors},
        grounds={
            "SGD with momentum": SGD,
            "Adam": {**ADAM, "learning_rates": (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03)},
        },
        learning_rates=(1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1),
        tuned_by="accuracy",
        seeds=range(1000, 1016),
        tuning_seeds=range(2000, 2004),
        settings={**SETTINGS, **kind, "depth": depth},
        tolerance=TOLERANCE,
        sample=(
            {"arm": "1", "ground": "SGD with momentum", "learning_rate": "best", "seed": 1000},
            {"arm": "1", "ground": "Adam", "learning_rate": "best", "seed": 1000},
        ),
    )


TWO, FOUR, FOUR_TANH, EIGHT = "2 layers", "4 layers", "4 layers, tanh", "8 layers"
PARTS = {
    TWO: part(RELU, 2, (1 / 16, 1.0, 8.0)),
    FOUR: part(RELU, 4, (1 / 16, 1 / 4, 1.0, 2.0, 8.0)),
    FOUR_TANH: part(TANH, 4, (1 / 16, 1.0, 8.0)),
    EIGHT: part(RELU, 8, (1 / 16, 1 / 4, 1.0, 2.0, 4.0)),
}


def best(where: str, metric: str, arm: str) -> Metric:
    """Return what one arm of a part reaches at its best rate."""
    return Metric(where, metric).at(arm=arm, learning_rate="best")


def fits(where: str, arm: str) -> Share:
    return best(where, "train_accuracy", arm).share(f"{where}: {arm} fits the training set", at_least=FITS)


def loss(where: str, arm: str) -> Difference:
    test = f"{where}: accuracy at 1 minus at {arm}"
    return best(where, "test_accuracy", "1").minus(best(where, "test_accuracy", arm), test, margin=LARGE)


def none(*tests: Difference) -> dict[str, Any]:
    """Return the outcomes that say: at most two points are lost."""
    return dict(when(equivalent_or_lower_or_not_higher=tests))


FITTING = [
    fits(where, arm)
    for where, arms in (
        (TWO, ("1", "8")),
        (FOUR, ("1", "2", "8")),
        (FOUR_TANH, ("1", "8")),
        (EIGHT, ("1", "2")),
    )
    for arm in arms
]
LOSSES = {(where, arm): loss(where, arm) for where, one in PARTS.items() for arm in one.arms if arm != "1"}
SMALL = [LOSSES[where, "1/16"] for where in (TWO, FOUR, EIGHT)]
LARGEST = [LOSSES[TWO, "8"], LOSSES[FOUR, "8"], LOSSES[EIGHT, "4"]]

PROTOCOL = Protocol(
    name="reasonable-range",
    claim="C20",
    edition=2,
    statement=(
        "Weights that start sixteen times too small, or eight times too large, cost accuracy on new data in "
        "networks of two, four and eight layers alike."
    ),
    told=Told(
        "weights should be initialized within a reasonable range, neither too small nor too large.",
        (
            # each end costs something in some of these nets
            Rule("upheld", when(higher=[LOSSES[FOUR, "8"], LOSSES[EIGHT, "1/16"]])),
            Rule("depends", {**when(higher=[LOSSES[FOUR, "8"]]), **none(LOSSES[EIGHT, "1/16"])}),
            Rule("depends", {**none(LOSSES[FOUR, "8"]), **when(higher=[LOSSES[EIGHT, "1/16"]])}),
            Rule("refuted", none(LOSSES[FOUR, "8"], *SMALL)),
        ),
    ),
    parts=PARTS,
    tests=(*FITTING, *LOSSES.values()),
    rules=(
        Rule("upheld", when(higher=[*SMALL, *LARGEST])),
        # both ends cost accuracy, but how far one may go depends on the depth
        Rule("refined", {**none(SMALL[0]), **when(higher=[LOSSES[FOUR, "8"], LOSSES[EIGHT, "1/16"]])}),
        # one end of the range is real, the other is not
        Rule("depends", {**when(higher=[LOSSES[FOUR, "8"]]), **none(LOSSES[EIGHT, "1/16"])}),
        Rule("depends", {**none(LOSSES[FOUR, "8"]), **when(higher=[LOSSES[EIGHT, "1/16"]])}),
        Rule("refuted", none(LOSSES[FOUR, "8"], *SMALL)),
    ),
)
