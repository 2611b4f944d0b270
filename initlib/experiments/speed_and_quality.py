"""C25: what a well chosen start buys, speed and quality apart, at three depths and with three optimizers.

Speed is the number of epochs to a training loss of 0.1, at the rate with the lowest training loss. Quality is
the test accuracy at the end, at the rate with the highest validation accuracy. The two rates may differ.

The first run (first-runs/, seeds 100 to 115) had SGD with momentum alone and one rate for both, chosen by
training loss: twice He's scale looked worse than it is. Its margin of accuracy was one point, and where no
net of either arm ever reached the loss it told the two as equally fast; that is "censored" now. This run had
no pilots of its own: the second run of C1 had trained such nets with these optimizers for 15 epochs, on the
seeds 1000 to 1015, and what it found was known. In the first run nine nets differed between two BLAS kernels
by up to 2 points of test accuracy, 38% of the epochs and 6e-8 in the loss of the first epoch. The published
pilots were made after the run.
"""

from collections.abc import Sequence
from itertools import product

from initlib.evidence import Difference, Metric, Protocol, Rule, Told, Training, when
from initlib.experiments._grounds import ADAM, ADAMW, SGD

DEPTHS = (3, 6, 10)
HE, SMALL, LARGE = "He", "0.41 He", "2 He"  # 0.41 = sqrt(1/6): U(+-1/sqrt(n)), a framework's default
WRONG = (SMALL, LARGE)
SPEED, QUALITY = Metric("speed", "epochs"), Metric("quality", "test_accuracy")
MARGINS = {"epochs": ("epochs", 1.0), "test_accuracy": ("accuracy", 0.02)}


def minus(metric: Metric, depth: int, arm: str, rate: str = "best") -> Difference:
    """Return the paired comparison of an arm with He's, in speed or in quality."""
    what, margin = MARGINS[metric.name]
    other, he = (metric.at(arm=one, depth=depth, learning_rate=rate) for one in (arm, HE))
    name = f"{depth} layers, {what}: {arm} minus He" + (", shared rate" if rate == "shared" else "")
    return other.minus(he, name, margin=margin)


def both(metric: Metric, depths: Sequence[int]) -> list[Difference]:
    """Return the comparisons of both wrong starts at these depths, at their best rates."""
    return [minus(metric, depth, arm) for depth in depths for arm in WRONG]


REACHES = [
    SPEED.at(arm=HE, depth=depth, learning_rate="best").share(
        f"{depth} layers: He reaches a loss of 0.1", at_most=20
    )
    for depth in DEPTHS
]
SLOWER, WORSE = (both(metric, DEPTHS[-1:]) for metric in (SPEED, QUALITY))  # at ten layers
SETTINGS = {
    "dataset": "digits",
    "initializer": "he_normal",
    "activation": "relu",
    "width": 64,
    "optimizer": "momentum",
    "batch_size": 64,
    "epochs": 20,
    "validation": 0.1,
}
TOLERANCE = {"first_loss": 1e-3, "epochs": 4, "test_accuracy": 0.04}


def training(tuned_by: str) -> Training:
    """Return the part whose rates are chosen by accuracy or by loss."""
    return Training(
        arms={HE: {"scale": 1.0}, SMALL: {"scale": 6**-0.5}, LARGE: {"scale": 2.0}},
        conditions={"depth": DEPTHS},
        grounds={"SGD with momentum": SGD, "Adam": ADAM, "AdamW, warm-up": ADAMW},
        tuned_by=tuned_by,
        learning_rates=(0.001, 0.003, 0.01, 0.03, 0.1),
        seeds=range(3000, 3012),
        tuning_seeds=range(4000, 4002),
        settings=SETTINGS,
        learned=0.1,
        tolerance=TOLERANCE,
        sample=(
            {"arm": HE, "depth": 3, "learning_rate": "best", "seed": 3000},
            {"arm": HE, "depth": 6, "ground": "Adam", "learning_rate": "best", "seed": 3000},
        ),
    )


PROTOCOL = Protocol(
    name="speed-and-quality",
    claim="C25",
    edition=2,
    statement="The right initialization improves a network a lot: it trains faster and ends up better.",
    told=Told(
        "The right choice of initialization can improve a network a lot: how fast it trains, and how good it "
        "ends up.",
        (
            *(
                Rule("upheld", when(higher=[minus(SPEED, d, arm)], lower=[minus(QUALITY, d, arm)]))
                for d, arm in product(DEPTHS, WRONG)
            ),
            Rule("refuted", when(equivalent_or_higher_or_not_lower=both(QUALITY, DEPTHS))),
        ),
        some=True,
    ),
    parts={"speed": training("loss"), "quality": training("accuracy")},
    tests=(
        *REACHES,
        *(
            minus(metric, depth, arm, rate)
            for rate in ("best", "shared")
            for depth in DEPTHS
            for arm in WRONG
            for metric in (SPEED, QUALITY)
        ),
    ),
    rules=(
        Rule("upheld", when(higher=both(SPEED, DEPTHS), lower=both(QUALITY, DEPTHS))),
        Rule(  # both at ten layers; with three, the small start costs no accuracy
            "depends",
            when(
                higher=SLOWER,
                lower=WORSE,
                equivalent_or_higher_or_not_lower=[minus(QUALITY, 3, SMALL)],
            ),
        ),
        # only one of the two, even in ten layers: faster and no better, or better and no faster
        *(Rule("refined", when(higher=SLOWER, equivalent_or_higher_or_not_lower=[one])) for one in WORSE),
        *(
            Rule("refined", when(equivalent_or_lower_or_not_higher=[slower], lower=[worse]))
            for slower, worse in product(SLOWER, WORSE)
        ),
        Rule(
            "refuted",
            {
                **when(equivalent_or_lower_or_not_higher=SLOWER),
                **when(equivalent_or_higher_or_not_lower=WORSE),
            },
        ),
    ),
)
