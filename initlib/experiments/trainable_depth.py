"""R8: how deep a tanh net trains, beside the depth scale of its initialization (Schoenholz et al. 2017).

In an ordered net of infinite width, the difference of two inputs shrinks by a factor e over xi = -1 / ln chi
layers. Trainable depth should be proportional to xi; how many xi it is depends on the budget of training. A
bound of six is often quoted. SGD with momentum and Adam each train all nets at one learning rate. The map
goes with SGD through criticality into chaos.

The first run (first-runs/, seeds 100 to 109) had SGD alone, and octaves of depth in the map: at the largest
biases its edge and its chaos both ended between 16 and 32 layers, which it told as equal. Here 12 and 24
layers stand between them. The pilots behind the thresholds: seeds 0 to 2. Between two BLAS kernels,
accuracies and depths did not differ in the first run.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import datasets, initializers, networks, theory, training
from initlib.evidence import Difference, Measurement, Metric, Protocol, Rule, when

SIGMA_B = 0.05**0.5
VARIANCES = (0.3, 0.5, 0.8, 1.0)  # sigma_w^2; 1.76 would be critical
MULTIPLES = (4.0, 5.5, 7.0, 8.5, 10.5, 13.0, 16.0)  # depths to try, in units of xi
WIDTH, EPOCHS = 64, 5
RATES = {"momentum": 0.01, "adam": 0.001}
NAMES = {"momentum": "SGD with momentum", "adam": "Adam"}
LEARNED = 0.5

MAP_DEPTHS = (4, 8, 12, 16, 24, 32)
MAP_SIGMA_W = tuple(2 ** (k / 4) for k in range(-4, 5))
MAP_SIGMA_B = (0.0, 0.2, 0.5)
MAP_SETTINGS = {"epochs": 4, "train_samples": 640, "batch_size": 32}


def accuracies(
    seeds: Sequence[int],
    sigma_w: float,
    sigma_b: float,
    depths: Sequence[int],
    optimizer: str = "momentum",
    **settings: Any,
) -> Any:
    """Return the training accuracy in the last epoch, (seeds, depths)."""
    weights = partial(initializers.variance_scaling, scale=sigma_w**2)
    biases = partial(initializers.normal, std=sigma_b)
    found = []
    for depth in depths:
        widths = [64, *[WIDTH] * (depth - 1), 10]
        nets = networks.mlp(widths, "tanh", weights, bias_initializer=biases, seeds=seeds)
        fit = training.fit(
            nets,
            datasets.digits(),
            optimizer=optimizer,
            learning_rate=RATES[optimizer],
            threads=1,
            **settings,
        )
        assert fit.train_accuracy is not None
        found.append(fit.train_accuracy[:, -1])
    return np.array(found).T


def depth_scale(variance: float) -> float:
    """Return xi."""
    return theory.depth_scales("tanh", variance**0.5, SIGMA_B).xi_c


def trainable(seeds: Sequence[int], optimizer: str, variance: float) -> dict[str, Any]:
    """Return the depth at which training accuracy falls through one half, and ln of it in units of xi."""
    xi = depth_scale(variance)
    depths = [round(multiple * xi) for multiple in MULTIPLES]
    found = accuracies(seeds, variance**0.5, SIGMA_B, depths, optimizer, epochs=EPOCHS)
    half = np.array([crossing(depths, row) for row in found])
    return {"depth": half, "log_depth_per_xi": np.log(half / xi), "accuracies": found.round(4)}


def crossing(depths: Sequence[int], accuracy: Any) -> float:
    """Return where the accuracy first falls below one half, by linear interpolation (last depth: never)."""
    below = np.flatnonzero(accuracy < LEARNED)
    if not below.size or below[0] == 0:
        return float(depths[-1] if not below.size else depths[0])
    i = below[0]
    share = (accuracy[i - 1] - LEARNED) / (accuracy[i - 1] - accuracy[i])
    return float(depths[i - 1] + share * (depths[i] - depths[i - 1]))


def across_phases(seeds: Sequence[int], sigma_w: float, sigma_b: float) -> dict[str, Any]:
    """Return the training accuracy at every depth of the map, and the greatest depth that learned."""
    found = accuracies(seeds, sigma_w, sigma_b, MAP_DEPTHS, **MAP_SETTINGS)  # type: ignore[arg-type]
    deepest = (np.array(MAP_DEPTHS) * (found >= LEARNED)).max(axis=1)
    return {"log2_deepest": np.log2(np.maximum(deepest, 1)), "accuracies": found.round(4)}


def deepest(name: str, first: float, second: float, sigma_b: float) -> Difference:
    """Return a test of the greatest depth that learned, in octaves, between two points of the map."""
    depth = Metric("map", "log2_deepest").at(sigma_b=sigma_b)
    return depth.at(sigma_w=first).minus(depth.at(sigma_w=second), name, margin=0.4)  # a step is more


# ln(depth / xi). Its margins are how far it may move if the slope of ln(depth) in ln(xi) is within 0.15 of 1:
# 0.15 times ln of the ratio of the two xi.
PER_XI = {o: Metric("ordered", "log_depth_per_xi").at(optimizer=o) for o in NAMES}
AT_ONE = {o: PER_XI[o].at(variance=1.0) for o in NAMES}
PROPORTIONAL = [
    AT_ONE[o].minus(
        PER_XI[o].at(variance=variance),
        f"{NAMES[o]}: depth per xi, sigma_w^2 of 1 minus {variance} (xi 3.6 and {xi})",
        margin=margin,
    )
    for o in NAMES
    for variance, xi, margin in ((0.3, 0.8, 0.2351), (0.5, 1.2, 0.167))
]
SIX = [
    AT_ONE[o].minus(
        1.791759469228055, f"{NAMES[o]}: depth per xi at sigma_w^2 of 1, against six", margin=0.1
    )  # ln 6
    for o in NAMES
]
ORDER, CHAOS = MAP_SIGMA_W[0], MAP_SIGMA_W[8]
EDGES = {0.0: MAP_SIGMA_W[4], 0.2: MAP_SIGMA_W[6], 0.5: MAP_SIGMA_W[7]}  # nearest to the critical line

PROTOCOL = Protocol(
    name="trainable-depth",
    claim="R8",
    edition=2,
    statement=(
        "A tanh net in the ordered phase trains up to a depth proportional to the depth scale xi of its "
        "initialization, about six times xi."
    ),
    parts={
        "ordered": Measurement(
            measure=trainable,
            axes={"optimizer": tuple(NAMES), "variance": VARIANCES},
            seeds=range(1000, 1010),
            tolerance={"depth": 0.02, "log_depth_per_xi": 0.02},
            sample=({"optimizer": "momentum", "variance": 0.3, "seed": 1000},),
        ),
        "map": Measurement(
            measure=across_phases,
            axes={"sigma_b": MAP_SIGMA_B, "sigma_w": MAP_SIGMA_W},
            seeds=range(1000, 1010),
            tolerance={"log2_deepest": 0.0},
            sample=({"sigma_b": 0.2, "sigma_w": ORDER, "seed": 1000},),
        ),
    },
    tests=(
        *PROPORTIONAL,
        *SIX,
        *(
            test
            for sigma_b, edge in EDGES.items()
            for test in (
                deepest(f"sigma_b {sigma_b}: log2 depth, edge minus order", edge, ORDER, sigma_b),
                deepest(f"sigma_b {sigma_b}: log2 depth, edge minus chaos", edge, CHAOS, sigma_b),
            )
        ),
    ),
    rules=(
        Rule("upheld", when(equivalent=[*PROPORTIONAL, *SIX])),
        *(  # proportional, with another factor than six
            Rule("refined", when(equivalent=PROPORTIONAL, higher_or_lower=[six])) for six in SIX
        ),
        *(  # on the optimizer
            Rule("depends", when(equivalent=one, higher_or_lower=[test]))
            for one, other in ((PROPORTIONAL[:2], PROPORTIONAL[2:]), (PROPORTIONAL[2:], PROPORTIONAL[:2]))
            for test in other
        ),
        Rule("refuted", when(higher_or_lower=[PROPORTIONAL[0], PROPORTIONAL[2]])),
    ),
)
