"""R5: He and Xavier initialization in plain ReLU nets of 22 and 30 layers (He et al. 2015, figures 2 and 3).

The pilots behind the thresholds: seeds 0 to 31. There, Xavier's 30-layer nets stayed below 20% in most seeds,
not in all. Nets of this depth drift apart between two BLAS kernels while they train: those of the sample by
up to 7 points of accuracy and 3 epochs (tolerances: twice that), and by 4e-5 in the loss of the first epoch.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import datasets, networks, propagation
from initlib.evidence import Difference, Measurement, Metric, Protocol, Rule, Training, when

DEPTHS = (22, 30)
WIDTH = 64


def first_layer_gradient(seeds: Sequence[int], depth: int) -> dict[str, Any]:
    """Return log2 of the ratio, Xavier to He, of the first layer's gradients, and its distance from theory.

    Theory: Xavier's weights are sqrt(2) smaller, so its gradient has lost 2^(-(depth - 1)/2) there.
    """
    initializers = ["he_normal"] * len(seeds) + ["glorot_normal"] * len(seeds)
    widths = [64, *[WIDTH] * (depth - 1), 10]
    stack = networks.mlp(widths, "relu", initializers, seeds=[*seeds, *seeds])
    train = datasets.digits().split(0).train
    first = propagation.measure(stack, train.inputs[:200], train.labels[:200]).gradient_rms[:, 0]
    he, xavier = first[: len(seeds)], first[len(seeds) :]
    ratio = np.log2(xavier / he)
    return {"log2_ratio": ratio, "log2_ratio_above_theory": ratio + (depth - 1) / 2}


ACCURACY = Metric("training", "test_accuracy")
EPOCHS = Metric("training", "epochs").at(depth=22, learning_rate="best")
BEST = {"learning_rate": "best"}

REACHES = ACCURACY.at(arm="he", depth=30, **BEST).share("30 layers, He reaches 80%", at_least=0.8)
XAVIER = ACCURACY.at(arm="xavier", depth=30)
STALLS = XAVIER.at(**BEST).share("30 layers, Xavier stays below 20% at its best rate", at_most=0.2)
ALWAYS = XAVIER.share("30 layers, Xavier stays below 20% at every rate", at_most=0.2)
CONVERGES = [
    EPOCHS.at(arm=a).share(f"22 layers, {a.title()} converges", at_most=30) for a in ("he", "xavier")
]


def he_minus_xavier(metric: Metric, name: str, margin: float) -> Difference:
    """Return the paired comparison of the two arms."""
    return metric.at(arm="he").minus(metric.at(arm="xavier"), name, margin=margin)


FARTHER = he_minus_xavier(
    ACCURACY.at(depth=30, **BEST), "30 layers, accuracy, He minus Xavier, best rates", 0.3
)
EARLIER = he_minus_xavier(EPOCHS, "22 layers, epochs to converge, He minus Xavier", 2)


PROTOCOL = Protocol(
    name="he-depth",
    claim="R5",
    statement=(
        "A plain ReLU net of 22 layers converges with He and with Xavier initialization, with He earlier; "
        "one of 30 layers converges with He and stalls with Xavier."
    ),
    parts={
        "gradient": Measurement(
            measure=first_layer_gradient,
            axes={"depth": (10, *DEPTHS)},
            seeds=range(100, 120),
            tolerance={"log2_ratio": 1e-6, "log2_ratio_above_theory": 1e-6},
            sample=({"seed": 100},),
        ),
        "training": Training(
            arms={"he": {"initializer": "he_normal"}, "xavier": {"initializer": "glorot_normal"}},
            conditions={"depth": DEPTHS},
            learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03),
            every_rate=("xavier",),
            seeds=range(100, 110),
            tuning_seeds=range(200, 204),
            settings={
                "dataset": "digits",
                "width": WIDTH,
                "activation": "relu",
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": 30,
                "validation": 0.1,
            },
            tolerance={"first_loss": 0.001, "test_accuracy": 0.15, "epochs": 6},
            sample=(
                {"arm": "he", "depth": 22, "learning_rate": "best", "seed": 100},
                {"arm": "xavier", "depth": 30, "learning_rate": 0.001, "seed": 100},
            ),
        ),
    },
    tests=(
        REACHES,
        STALLS,
        ALWAYS,
        FARTHER,
        *CONVERGES,
        EARLIER,
        *(
            he_minus_xavier(
                ACCURACY.at(depth=22, learning_rate=rate),
                f"22 layers, accuracy, He minus Xavier, {rate} rate{'s' * (rate == 'best')}",
                0.01,
            )
            for rate in ("best", "shared")
        ),
        *(
            Metric("gradient", "log2_ratio_above_theory")
            .at(depth=depth)
            .minus(0.0, f"{depth} layers, first gradient, log2 Xavier/He minus theory", margin=1.0)
            for depth in (10, *DEPTHS)
        ),
    ),
    rules=(
        Rule("upheld", when(yes=[REACHES, STALLS, ALWAYS, *CONVERGES], lower=[EARLIER])),
        # Xavier falls far behind at 30 layers, though not every net of it stalls
        Rule(
            "refined",
            when(yes=[REACHES, CONVERGES[0]], yes_or_mixed=[STALLS], higher=[FARTHER], lower=[EARLIER]),
        ),
        Rule("refuted", when(yes=[REACHES], no=[STALLS])),
    ),
)
