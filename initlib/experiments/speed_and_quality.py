"""C25: what a well chosen start buys, speed and final quality apart, at three depths.

Speed is the number of epochs to a training loss of 0.1, quality the test accuracy at the end, both of the
same runs. Each arm has the learning rate with its own lowest training loss (`fits` is 0: validation accuracy
plays no part in the choice, because it would trade speed away).

The pilots behind the thresholds: seeds 0 to 52. Between two BLAS kernels, nine nets
differed by up to 2 points of test accuracy, 38% of the epochs and 6e-8 in the loss of the first epoch.
"""

from initlib.evidence import Difference, Protocol, Rule, Share, Training

DEPTHS = (3, 6, 10)
HE, SMALL, LARGE = "He", "0.41 He", "2 He"  # 0.41 = sqrt(1/6): U(+-1/sqrt(n)), a framework's default
WRONG = (SMALL, LARGE)


def minus(depth: int, arm: str, what: str, rate: str = "best") -> str:
    return f"{depth} layers, {what}: {arm} minus He" + (", shared rate" if rate == "shared" else "")


def compared(depth: int, arm: str, what: str, rate: str = "best") -> Difference:
    """Return the paired comparison of an arm with He's, in speed or in quality."""
    metric, margin = {"epochs": ("epochs", 1.0), "accuracy": ("test_accuracy", 0.01)}[what]
    arms = {"arm": arm}, {"arm": HE}
    where = {"depth": depth, "learning_rate": rate}
    return Difference(minus(depth, arm, what, rate), "training", metric, *arms, margin, where)


def every(
    outcomes: str | tuple[str, ...], what: str, depths: tuple[int, ...]
) -> dict[str, str | tuple[str, ...]]:
    """Return the condition of a rule that both wrong starts have one of the outcomes at these depths."""
    return {minus(depth, arm, what): outcomes for depth in depths for arm in WRONG}


PROTOCOL = Protocol(
    name="speed-and-quality",
    claim="C25",
    statement="The right initialization improves a network a lot: it trains faster and ends up better.",
    parts={
        "training": Training(
            arms={HE: {"scale": 1.0}, SMALL: {"scale": 6**-0.5}, LARGE: {"scale": 2.0}},
            conditions={"depth": DEPTHS},
            learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
            seeds=range(100, 116),
            tuning_seeds=range(200, 203),
            settings={
                "dataset": "digits",
                "initializer": "he_normal",
                "activation": "relu",
                "width": 64,
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": 20,
                "validation": 0.1,
            },
            fits=0.0,
            learned=0.1,
            tolerance={"first_loss": 1e-4, "epochs": 0.8, "test_accuracy": 0.04},
            sample=tuple({"arm": HE, "depth": d, "learning_rate": "best", "seed": 100} for d in DEPTHS[:2]),
        )
    },
    tests=(
        *(
            Share(
                f"{depth} layers: He reaches a loss of 0.1",
                "training",
                "epochs",
                {"arm": HE, "depth": depth, "learning_rate": "best"},
                at_most=20,
            )
            for depth in DEPTHS
        ),
        *(
            compared(depth, arm, what, rate)
            for rate in ("best", "shared")
            for depth in DEPTHS
            for arm in WRONG
            for what in ("epochs", "accuracy")
        ),
    ),
    rules=(
        Rule(
            "upheld",
            {**every("higher", "epochs", DEPTHS), **every("lower", "accuracy", DEPTHS)},
        ),
        Rule(  # both at ten layers; with three, a start off by a factor of two costs at most a little
            "depends",
            {
                **every("higher", "epochs", DEPTHS[-1:]),
                **every("lower", "accuracy", DEPTHS[-1:]),
                minus(3, SMALL, "accuracy"): ("equivalent", "higher", "unclear"),
            },
        ),
        Rule("refuted", {**every(("equivalent", "lower"), "epochs", DEPTHS)}),
    ),
)
