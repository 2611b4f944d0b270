"""R21: SELU nets settle at mean 0 and variance 1 (Klambauer et al. 2017).

With weights whose sum over a unit's inputs is 0 and whose squares sum to 1, the map from mean and variance of
a layer's answers to those of the next has the fixed point (0, 1); its slopes there are printed in the paper:
0.088834 (mean to variance, by nu) and 0.782648 (variance to variance). Random weights of variance 1 / fan_in
have these sums on average. The nets start from signals too large, too small or off-centre.

The pilots behind the margins: seeds 0 to 2.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import activations, gaussian, networks, propagation
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when

WIDTH, DEPTH, SAMPLES = 400, 32, 64
STARTS = {"variance 0.5": (0.0, 0.5), "variance 4": (0.0, 4.0), "mean 0.5": (0.5, 1.0)}
STEP = 1e-3


def fixed_point(seeds: Sequence[int]) -> dict[str, Any]:
    """Return, for a start drawn in the paper's domain, where the map ends, and its slopes at (0, 1).

    The mean of what enters an activation is omega times the mean before, its second moment tau times the one
    before, with omega = 0 and tau = 1.
    """
    slope = (after(0.0, 1 + STEP)[1] - after(0.0, 1 - STEP)[1]) / (2 * STEP)
    ends = []
    for seed in seeds:
        mean, variance = np.random.default_rng(seed).uniform((-0.1, 0.8), (0.1, 1.5))
        for _ in range(100):
            mean, variance = after(0.0, variance + mean**2)
        ends.append((mean, variance))
    means, variances = np.array(ends).T
    return {"mean": means, "variance": variances, "slope": np.full(len(seeds), slope)}


def after(mean: float, second: float) -> tuple[float, float]:
    """Return mean and variance of SELU of a Gaussian of this mean and variance."""
    selu = activations.get("selu")
    first = gaussian.expectation(lambda z: selu.function(z + mean), q=second, kinks=(-mean,))
    square = gaussian.expectation(lambda z: selu.function(z + mean) ** 2, q=second, kinks=(-mean,))
    return float(first), float(square - first**2)


def signals(seeds: Sequence[int], start: str) -> dict[str, Any]:
    """Return mean and variance of the last hidden layer, and log10 of first over last squared gradient."""
    mean, variance = STARTS[start]
    nets = networks.mlp([WIDTH] * (DEPTH + 2), "selu", "lecun_normal", seeds=seeds)
    inputs = mean + variance**0.5 * np.random.default_rng(0).standard_normal((SAMPLES, WIDTH))
    last = nets.forward(inputs).post[DEPTH - 1]
    gradient = propagation.measure(nets, inputs).gradient_rms
    return {
        "mean": last.mean(axis=(1, 2)),
        "variance": last.var(axis=(1, 2)),
        "log10_gradient": 2 * np.log10(gradient[:, 0] / gradient[:, DEPTH - 1]),
    }


MEAN = [
    Difference(f"{start}: mean of layer 32", "signals", "mean", {"start": start}, 0.0, 0.03)
    for start in STARTS
]
VARIANCE = [
    Difference(f"{start}: variance of layer 32, minus 1", "signals", "variance", {"start": start}, 1.0, 0.05)
    for start in STARTS
]
ENDS = Difference("the map: where the variance ends, minus 1", "map", "variance", {}, 1.0, 1e-4)
CENTRED = Difference("the map: where the mean ends", "map", "mean", {}, 0.0, 1e-4)
SLOPE = Difference(
    "the map: slope of the variance, minus the paper's 0.782648", "map", "slope", {}, 0.782648, 1e-4
)
GRADIENT = Share(
    "variance 4: over 32 layers the squared gradient stays within a factor of 10",
    "signals",
    "log10_gradient",
    {"start": "variance 4"},
    at_least=-1.0,
    at_most=1.0,
)

PROTOCOL = Protocol(
    name="selu-fixed-point",
    claim="R21",
    statement=(
        "In SELU nets with weights of variance 1 / fan_in, signals settle at mean 0 and variance 1 whatever "
        "their scale at the start, and gradients neither vanish nor explode."
    ),
    parts={
        "map": Measurement(
            measure=fixed_point,
            seeds=range(100, 110),
            tolerance={"mean": 1e-6, "variance": 1e-6, "slope": 1e-6},
            sample=({"seed": 100},),
        ),
        "signals": Measurement(
            measure=signals,
            axes={"start": tuple(STARTS)},
            seeds=range(100, 140),
            tolerance={"mean": 1e-6, "variance": 1e-6, "log10_gradient": 1e-6},
            sample=({"seed": 100, "start": "variance 4"},),
        ),
    },
    tests=(ENDS, CENTRED, SLOPE, *MEAN, *VARIANCE, GRADIENT),
    rules=(
        Rule("upheld", when(equivalent=[ENDS, CENTRED, SLOPE, *MEAN, *VARIANCE], yes=[GRADIENT])),
        Rule("refined", when(equivalent=[ENDS, CENTRED, SLOPE, *MEAN, *VARIANCE], no_or_mixed=[GRADIENT])),
        *(Rule("refuted", when(higher_or_lower=[one])) for one in VARIANCE),
    ),
)
