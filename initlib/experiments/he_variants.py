"""C9: He initialization for ReLU, for leaky ReLU, and for the smooth activations GELU and SiLU.

A leaky slope a changes E phi^2 to (1 + a^2) / 2, so the variance becomes 2 / ((1 + a^2) fan_in) (He et al.
2015, eq. 15). GELU and SiLU look like ReLU far from 0, but near 0 their slope is 1/2: once a signal is
small, a layer of variance 2 / fan_in halves its mean square. Nearly the same weights with Gaussian biases,
at the semi-critical point of Roberts, Yaida and Hanin (2022), do not.

The second edition. The first run had SGD with momentum alone, and rates chosen by training loss. New: Adam
and AdamW with warm-up as grounds, and a margin of 5 points at 30 layers, which was 20; arms and tests are
those of the first run, and two more tests whether deep nets train. Pilots: seeds 0 to 2, rates on 50
and 51, in pilots/he-variants.json. Nets of thirty layers drift apart between two BLAS kernels; the tolerance
is that of he-depth.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import initializers, networks, theory
from initlib.activations import leaky_relu
from initlib.evidence import Difference, Measurement, Metric, Protocol, Rule, Share, Told, Training, when
from initlib.experiments._grounds import ADAM, ADAMW, SGD

LEAKY, STEEP = leaky_relu(0.2), leaky_relu(0.5)
# sigma_w^2 and sigma_b of theory.semi_critical_point
CRITICAL = {
    "gelu": (1.9830582574375464, 0.41583938095864287),
    "silu": (1.9880046782694933, 0.7450793049880784),
}
SHALLOW, DEEP = 4, 30
LAYERS, WIDTH = 30, 256

# activation, sigma_w^2, sigma_b
STARTS: dict[str, tuple[Any, float, float]] = {
    "ReLU, He": ("relu", 2.0, 0.0),
    "leaky 0.2, He with slope": (LEAKY, 2 / 1.04, 0.0),
    "leaky 0.5, He with slope": (STEEP, 2 / 1.25, 0.0),
    "leaky 0.5, He without slope": (STEEP, 2.0, 0.0),
    "GELU, He": ("gelu", 2.0, 0.0),
    "SiLU, He": ("silu", 2.0, 0.0),
    "GELU, critical": ("gelu", *CRITICAL["gelu"]),
    "SiLU, critical": ("silu", *CRITICAL["silu"]),
}
KEPT = ("ReLU, He", "leaky 0.2, He with slope", "leaky 0.5, He with slope")
LOST = ("GELU, He", "SiLU, He")
UNCORRECTED = "leaky 0.5, He without slope"
KNOWN = tuple(start for start in STARTS if start not in LOST)
SMOOTH = ("GELU", "SiLU")
LEAKY_HE = "leaky 0.2, He"
LEARNED = {SHALLOW: 0.9, DEEP: 0.5}  # accuracy that counts as trained
CHANGE, ACCURACY = Metric("start", "log2_change"), Metric("training", "test_accuracy")
GROWS = f"{UNCORRECTED}: the mean square grows twentyfold"


def at_start(seeds: Sequence[int], start: str) -> dict[str, Any]:
    """Return log2 q_30 / q_1 for one input with mean square 1, and how far it is from theory.

    The theory takes in the drift of log q that finite width adds. `last_steps` is log2 of what a layer does
    to q on average over the last five.
    """
    activation, scale, sigma_b = STARTS[start]
    widths = [WIDTH] * (LAYERS + 1)
    nets = networks.mlp(
        widths,
        activation,
        partial(initializers.variance_scaling, scale=scale),
        bias_initializer=partial(initializers.normal, std=sigma_b),
        seeds=seeds,
    )
    pre = nets.forward(np.ones((1, WIDTH))).pre
    first, before, last = (np.log2((pre[i] ** 2).mean(axis=(1, 2))) for i in (0, -6, -1))
    expected = theory.finite_width_band(widths, activation, scale**0.5, sigma_b).mean
    return {
        "log2_change": last - first,
        "above_theory": last - first - (expected[-1] - expected[0]) / np.log(2),
        "last_steps": (last - before) / 5,
    }


def critical(name: str) -> dict[str, Any]:
    """Return the arm of an activation at its semi-critical point."""
    scale, sigma_b = CRITICAL[name]
    return {
        "activation": name,
        "initializer": partial(initializers.variance_scaling, scale=scale),
        "bias_initializer": partial(initializers.normal, std=sigma_b),
    }


def follows(start: str) -> str:
    return f"{start}: log2 of the change minus theory"


def keeps(start: str) -> str:
    return f"{start}: the mean square stays within a factor of 8"


def loses(start: str) -> str:
    return f"{start}: the mean square falls a thousandfold"


def halves(start: str) -> str:
    return f"{start}: log2 of the last layers' factor, minus -1"


def trains(arm: str, depth: int) -> str:
    return f"{depth} layers, {arm}: trains"


def fails(arm: str) -> str:
    return f"{DEEP} layers, {arm}: stays below 20%"


def minus(name: str, depth: int, rate: str = "best") -> str:
    return f"{depth} layers, {name}: He minus critical, {rate} rate"


def share(name: str, arm: str, depth: int, **bounds: float) -> Share:
    """Return a test on the test accuracy of one arm at one depth, at its best rate."""
    return ACCURACY.at(arm=arm, depth=depth, learning_rate="best").share(name, **bounds)


def difference(name: str, depth: int, rate: str) -> Difference:
    """Return the paired comparison of He with the critical point."""
    he, critical = (
        ACCURACY.at(arm=f"{name}, {start}", depth=depth, learning_rate=rate) for start in ("He", "critical")
    )
    return he.minus(critical, minus(name, depth, rate), margin=0.02 if depth == SHALLOW else 0.05)


SHALLOW_TRAINS = [trains(f"{n}, He", SHALLOW) for n in SMOOTH]
DEEP_TRAINS = [trains(f"{n}, He", DEEP) for n in SMOOTH]
LEAKY_TRAINS = [trains(LEAKY_HE, depth) for depth in LEARNED]
SOUND = [*LEAKY_TRAINS, *map(keeps, KEPT), *map(loses, LOST), *SHALLOW_TRAINS]

PROTOCOL = Protocol(
    name="he-variants",
    claim="C9",
    statement="He initialization is made for ReLU and for the activations related to it.",
    parts={
        "start": Measurement(
            measure=at_start,
            axes={"start": tuple(STARTS)},
            seeds=range(1000, 1020),
            tolerance={"log2_change": 1e-6, "above_theory": 1e-6, "last_steps": 1e-6},
            sample=({"seed": 1000},),
        ),
        "training": Training(
            arms={
                LEAKY_HE: {
                    "activation": LEAKY,
                    "initializer": partial(initializers.he_normal, negative_slope=0.2),
                },
                "GELU, He": {"activation": "gelu", "initializer": "he_normal"},
                "GELU, critical": critical("gelu"),
                "SiLU, He": {"activation": "silu", "initializer": "he_normal"},
                "SiLU, critical": critical("silu"),
            },
            conditions={"depth": (SHALLOW, DEEP)},
            learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03),
            seeds=range(1000, 1016),
            tuning_seeds=range(2000, 2002),
            tuned_by="accuracy",
            grounds={"SGD with momentum": SGD, "Adam": ADAM, "AdamW, warm-up": ADAMW},
            settings={
                "dataset": "digits",
                "width": 64,
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": 8,
                "validation": 0.1,
            },
            tolerance={"first_loss": 0.001, "test_accuracy": 0.15},
            sample=(
                {"arm": "SiLU, He", "depth": DEEP, "learning_rate": "best", "seed": 1000},
                {"arm": "GELU, critical", "depth": SHALLOW, "learning_rate": "best", "seed": 1000},
            ),
        ),
    },
    tests=(
        *(Metric("start", "above_theory").at(start=s).minus(0.0, follows(s), margin=1.0) for s in KNOWN),
        *(CHANGE.at(start=s).share(keeps(s), at_least=-3, at_most=3) for s in KEPT),
        *(CHANGE.at(start=s).share(loses(s), at_most=-10) for s in LOST),
        *(Metric("start", "last_steps").at(start=s).minus(-1.0, halves(s), margin=0.15) for s in LOST),
        CHANGE.at(start=UNCORRECTED).share(GROWS, at_least=4.3),
        *(share(trains(LEAKY_HE, depth), LEAKY_HE, depth, at_least=a) for depth, a in LEARNED.items()),
        *(
            share(trains(f"{n}, He", d), f"{n}, He", d, at_least=a)
            for d, a in LEARNED.items()
            for n in SMOOTH
        ),
        *(share(fails(f"{n}, He"), f"{n}, He", DEEP, at_most=0.2) for n in SMOOTH),
        *(difference(n, d, r) for d in (SHALLOW, DEEP) for r in ("best", "shared") for n in SMOOTH),
    ),
    rules=(
        # right for leaky ReLU at any depth, and for smooth relatives in shallow nets alone
        Rule("depends", when(yes=SOUND, lower=[minus("SiLU", DEEP)])),
        # trains deep nets of smooth relatives, too, a little short of their critical point
        Rule("refined", when(yes=[*SOUND, *DEEP_TRAINS], not_higher=[minus("SiLU", DEEP)])),
        Rule(
            "upheld",
            when(yes=[*SOUND, *DEEP_TRAINS], equivalent_or_not_lower_or_higher=[minus("SiLU", DEEP)]),
        ),
        Rule("refuted", when(no=[trains(LEAKY_HE, DEEP)])),
    ),
    edition=2,
    told=Told(
        "He initialization is made for ReLU and its variants.",
        (
            Rule(
                "upheld",
                when(yes=LEAKY_TRAINS, equivalent_or_not_lower_or_higher=[minus(n, SHALLOW) for n in SMOOTH]),
            ),
            Rule("refuted", when(no=LEAKY_TRAINS)),
        ),
    ),
)
