"""R22: a normal distribution cut at two standard deviations, and what a missing correction does in 20 layers.

Cut at +-2, N(0, 1) has variance 1 - 4 density(2) / (2 Phi(2) - 1) = 0.77374. Libraries whose initializers
cut a normal widen it by 1 / 0.8796, so that the variance is the one asked for.

The pilots behind the thresholds: seeds 0 to 9. The first run (first-runs/, seeds 100 to 119) is repeated on
new seeds with rules that exclude each other.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import initializers, networks, propagation
from initlib.evidence import Difference, Measurement, Protocol, Rule, when

VARIANCE = 0.7737413035499232
WIDTH, DEPTH = 128, 20


def draws(seeds: Sequence[int], corrected: bool) -> dict[str, Any]:
    """Return the variance of 250,000 weights drawn with std=1."""
    drawn = [initializers.truncated_normal((500, 500), corrected=corrected, rng=seed) for seed in seeds]
    return {"variance": np.array([np.mean(weights**2) for weights in drawn])}


def signals(seeds: Sequence[int]) -> dict[str, Any]:
    """Return log10 of the mean square of layer 20 without the correction, over that with it."""
    starts = [
        partial(initializers.truncated_normal, std=(2 / WIDTH) ** 0.5, corrected=corrected)
        for corrected in (False, True)
        for _ in seeds
    ]
    stack = networks.mlp([WIDTH] * (DEPTH + 1), "relu", starts, seeds=[*seeds, *seeds])
    last = propagation.measure(stack, np.random.default_rng(0).standard_normal((32, WIDTH))).rms[:, -1]
    cut, widened = last.reshape(2, len(seeds))
    return {
        "log10_lost": 2 * np.log10(cut / widened),
        "log10_lost_over_theory": 2 * np.log10(cut / widened) - DEPTH * np.log10(VARIANCE),
    }


def moment(corrected: bool, value: float) -> Difference:
    """Return a test of the variance of the draws."""
    name = f"variance, {'corrected' if corrected else 'not corrected'}, minus {value:.4g}"
    return Difference(name, "draws", "variance", {"corrected": corrected}, value, 0.004)


RAW, CORRECTED = moment(False, VARIANCE), moment(True, 1.0)
LOST = Difference("20 ReLU layers: log10 of what is lost", "signals", "log10_lost", {}, 0.0, 1.0)
THEORY = Difference("20 ReLU layers: log10 over theory", "signals", "log10_lost_over_theory", {}, 0.0, 1e-6)

PROTOCOL = Protocol(
    name="truncated-normal",
    claim="R22",
    edition=2,
    statement=(
        "A normal distribution cut at two standard deviations keeps 0.774 of its variance; uncorrected, "
        "20 ReLU layers with He's rule lose all but 0.006 of the signal's mean square."
    ),
    parts={
        "draws": Measurement(
            measure=draws,
            axes={"corrected": (False, True)},
            seeds=range(1000, 1020),
            tolerance={"variance": 1e-6},
            sample=({"seed": 1000},),
        ),
        "signals": Measurement(
            measure=signals,
            seeds=range(1000, 1020),
            tolerance={"log10_lost": 1e-6, "log10_lost_over_theory": 1e-6},
            sample=({"seed": 1000},),
        ),
    },
    tests=(RAW, CORRECTED, LOST, THEORY),
    rules=(
        Rule("upheld", when(equivalent=[RAW, CORRECTED, THEORY], lower=[LOST])),
        Rule("refined", when(equivalent=[RAW, CORRECTED], lower=[LOST], higher_or_lower=[THEORY])),
        Rule("refuted", when(higher_or_lower=[RAW])),
    ),
)
