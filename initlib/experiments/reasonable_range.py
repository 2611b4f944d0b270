"""C20: how far from the right scale weights may start, by depth, with the learning rate tuned for each scale.

Three hundred digits, so that every net that learns at all can learn its training set by heart: what is left
of the difference then is generalisation. Scales are factors on He's weights (ReLU) or Xavier's (tanh).

The pilots behind the thresholds: seeds 0 to 33. Between two BLAS kernels, first losses of nets of scale 1
differed by at most 3e-4, their test accuracies by 1.4 points.
"""

from collections.abc import Sequence
from typing import Any

from initlib.evidence import Difference, Protocol, Rule, Share, Training

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
TOLERANCE = {"first_loss": 1e-3, "train_accuracy": 0.01, "test_accuracy": 0.03}
LARGE = 0.05  # points of accuracy that count as a loss, over 100
FITS = 0.99  # of the training set right, in the last epoch, counts as knowing it by heart


def name(factor: float) -> str:
    """Return the name of an arm.

    >>> name(0.0625), name(8)
    ('1/16', '8')
    """
    return f"{factor:g}" if factor >= 1 else f"1/{1 / factor:g}"


def part(kind: dict[str, Any], depth: int, factors: Sequence[float], rates: Sequence[float]) -> Training:
    """Return the training of nets of one depth from several scales."""
    return Training(
        arms={name(factor): {"scale": factor} for factor in factors},
        learning_rates=rates,
        seeds=range(100, 116),
        tuning_seeds=range(200, 204),
        settings={**SETTINGS, **kind, "depth": depth},
        tolerance=TOLERANCE,
        sample=({"arm": "1", "learning_rate": "best", "seed": 100},),
    )


USUAL = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3)
TWO, FOUR, FOUR_TANH, EIGHT = "2 layers", "4 layers", "4 layers, tanh", "8 layers"
PARTS = {
    TWO: part(RELU, 2, (1 / 16, 1 / 4, 1.0, 4.0, 8.0), USUAL),
    FOUR: part(RELU, 4, (1 / 16, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0), USUAL),
    FOUR_TANH: part(TANH, 4, (1 / 16, 1 / 4, 1.0, 4.0, 8.0), USUAL),
    EIGHT: part(RELU, 8, (1 / 4, 1 / 2, 1.0, 2.0), (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03)),
}
OTHERS = {where: [arm for arm in one.arms if arm != "1"] for where, one in PARTS.items()}
FITTING = {TWO: ("4", "8"), FOUR: ("2", "4", "8"), FOUR_TANH: ("4", "8"), EIGHT: ("2",)}


def fits(where: str, arm: str) -> str:
    return f"{where}: {arm} fits the training set"


def ahead(where: str, arm: str, rate: str = "best") -> str:
    return f"{where}: accuracy at 1 minus at {arm}, {rate} rate"


def lead(where: str, arm: str, rate: str) -> Difference:
    """Return a paired comparison of scale 1 with another."""
    first, second = {"arm": "1"}, {"arm": arm}
    settings = {"learning_rate": rate}
    return Difference(ahead(where, arm, rate), where, "test_accuracy", first, second, LARGE, settings)


PROTOCOL = Protocol(
    name="reasonable-range",
    claim="C20",
    statement="Weights should start within a reasonable range, neither too small nor too large.",
    parts=PARTS,
    tests=(
        *(
            Share(
                fits(where, arm),
                where,
                "train_accuracy",
                {"arm": arm, "learning_rate": "best"},
                at_least=FITS,
            )
            for where, arms in FITTING.items()
            for arm in ("1", *arms)
        ),
        *(lead(where, arm, "best") for where, arms in OTHERS.items() for arm in arms),
        *(lead(where, arm, "shared") for where, arms in OTHERS.items() for arm in arms),
    ),
    rules=(
        Rule(  # both extremes lose, and depth does not move the limits
            "upheld",
            {
                ahead(TWO, "1/16"): "higher",
                ahead(TWO, "8"): "higher",
                ahead(FOUR, "1/16"): "higher",
                ahead(FOUR, "8"): "higher",
            },
        ),
        Rule(  # both extremes lose in deeper nets, by generalisation too, and depth narrows the range
            "refined",
            {
                fits(FOUR, "1"): "yes",
                fits(FOUR, "8"): "yes",
                ahead(FOUR, "1/16"): "higher",
                ahead(FOUR, "8"): "higher",
                ahead(FOUR, "1/4"): ("equivalent", "unclear"),
                ahead(FOUR, "2"): ("equivalent", "unclear"),
                ahead(EIGHT, "1/4"): "higher",
                ahead(EIGHT, "2"): "higher",
            },
        ),
        Rule(  # no scale that was tried costs anything
            "refuted",
            {
                ahead(FOUR, "1/16"): ("equivalent", "lower"),
                ahead(FOUR, "8"): ("equivalent", "lower"),
                ahead(FOUR_TANH, "8"): ("equivalent", "lower"),
            },
        ),
        Rule(  # one side of the range is real, the other is not
            "depends",
            {ahead(FOUR, "1/16"): ("equivalent", "lower"), ahead(FOUR, "8"): "higher"},
        ),
        Rule(
            "depends",
            {ahead(FOUR, "1/16"): "higher", ahead(FOUR, "8"): ("equivalent", "lower")},
        ),
    ),
)
