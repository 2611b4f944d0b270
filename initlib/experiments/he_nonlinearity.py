"""C12: what the factor 2 that He initialization owes to ReLU does for training, by depth.

He and Xavier initialization differ in hidden layers of one width by that factor alone: Xavier's variance, 1
/ n, is right for a linear layer; He's, 2 / n, makes up for the half of the signal that ReLU removes.

The first run knew SGD alone, and in deep nets called equal what differed by 2.1 points. New: Adam and AdamW,
rates by accuracy, one margin of two points, and no nets of three layers, where six already hardly differed.
Seeds of the pilots: 0 to 2 and, for rates, 50 and 51.

Between two BLAS kernels, nets of 20 layers differed by up to 3.3 points of accuracy and 3e-4 in the first
loss, nets of 6 layers by nothing.
"""

from initlib.evidence import Difference, Metric, Protocol, Rule, Told, Training, when
from initlib.experiments._grounds import ADAM, ADAMW, SGD

SHALLOW, MIDDLE, DEEP = DEPTHS = (6, 12, 20)
ARMS = {"He": {"initializer": "he_normal"}, "Xavier": {"initializer": "glorot_normal"}}


def minus(metric: str, depth: int, rate: str, margin: float) -> Difference:
    """Return the paired comparison of He with Xavier at one depth."""
    he, xavier = (Metric("training", metric).at(arm=arm, depth=depth, learning_rate=rate) for arm in ARMS)
    kind = metric.replace("test_", "")
    return he.minus(xavier, f"{depth} layers, {kind}, He minus Xavier, {rate} rate", margin=margin)


AHEAD = {depth: minus("test_accuracy", depth, "best", 0.02) for depth in DEPTHS}
TRAINS = [
    Metric("training", "test_accuracy")
    .at(arm="He", depth=depth, learning_rate="best")
    .share(f"{depth} layers, He trains", at_least=bound)
    for depth, bound in ((SHALLOW, 0.9), (MIDDLE, 0.9), (DEEP, 0.8))
]
NOT_AHEAD = ("equivalent", "lower", "not higher")
RULES = (
    Rule(  # not in shallow nets, but in deep ones; between them it may go either way
        "depends", {AHEAD[SHALLOW].name: NOT_AHEAD, AHEAD[DEEP].name: "higher"}
    ),
    Rule("upheld", when(higher=[AHEAD[SHALLOW], AHEAD[DEEP]])),
    Rule("refuted", {AHEAD[depth].name: NOT_AHEAD for depth in (SHALLOW, DEEP)}),
)

PROTOCOL = Protocol(
    name="he-nonlinearity",
    claim="C12",
    edition=2,
    statement=(
        "Because He initialization allows for the ReLU, plain ReLU nets of any depth end better with it than "
        "with Xavier initialization."
    ),
    told=Told("As it takes the nonlinearity into account, learning is more effective with it.", RULES),
    parts={
        "training": Training(
            arms=ARMS,
            conditions={"depth": DEPTHS},
            grounds={"SGD with momentum": SGD, "Adam": ADAM, "AdamW, warm-up": ADAMW},
            tuned_by="accuracy",
            learning_rates=(0.001, 0.003, 0.01, 0.03, 0.1),
            seeds=range(1000, 1016),
            tuning_seeds=range(2000, 2003),
            settings={
                "dataset": "digits",
                "width": 64,
                "activation": "relu",
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": 15,
                "validation": 0.1,
            },
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.15, "epochs": 6},
            sample=(
                {"arm": "Xavier", "depth": 6, "learning_rate": "best", "seed": 1000},
                {"arm": "He", "depth": 12, "ground": "Adam", "learning_rate": "best", "seed": 1000},
            ),
        ),
    },
    tests=(
        *AHEAD.values(),
        *TRAINS,
        *(minus("test_accuracy", depth, "shared", 0.02) for depth in DEPTHS),
        *(minus("epochs", depth, "best", 1) for depth in DEPTHS),
    ),
    rules=RULES,
)
