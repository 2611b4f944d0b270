"""C14: how far the weight scale may be off, by depth, in plain nets; residual and normalised nets beside.

The gain interval of a depth: all factors g on He's scale whose ReLU nets reach 90 % of the best accuracy of
that depth and seed, between the crossings by linear interpolation over log2 g. Its factors are spaced in
proportion to 1 / depth, far beyond both crossings. If a net of L layers bears a fixed factor g^L on its
signal, the interval's width in log2 g is c / L.

Learning rates are `RATES`, one for each depth and factor, tuned on seeds 50 and 51 by training loss (by
validation accuracy where several rates fit the training set). The pilots behind the thresholds: the same two
seeds, and 0 to 2. Between two BLAS kernels, intervals of three layers differed by 0.06 in log2 of the width,
accuracies of six residual layers not at all, first losses by 7e-8.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import datasets, networks, training
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, Training
from initlib.networks import Network

DEPTHS = (3, 6, 12)
STEPS = tuple(range(-6, 7))  # a step is a factor 2^(3 / depth) on the weights
KINDS = {"plain": None, "layer norm": "layer"}
RATES: dict[str, dict[int, tuple[float, ...]]] = {
    "plain": {
        3: (0.3, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.03, 0.01, 0.003, 0.003, 0.001, 0.003),
        6: (0.01, 0.01, 0.3, 0.1, 0.1, 0.03, 0.03, 0.01, 0.001, 0.0003, 0.0001, 0.0003, 0.0001),
        12: (0.01, 0.01, 0.1, 0.03, 0.03, 0.01, 0.003, 0.003, 0.001, 0.0001, 0.0001, 1e-05, 1e-05),
    },
    "layer norm": {6: (0.01, 0.03, 0.01, 0.01, 0.01, 0.01, 0.03, 0.1, 0.03, 0.1, 0.1, 0.1, 0.03)},
}
SETTINGS: dict[str, Any] = {
    "optimizer": "momentum",
    "batch_size": 64,
    "epochs": 16,
    "validation": 0.1,
    "train_samples": 512,
}


def log2_factor(step: int, depth: int) -> float:
    """Return log2 of the factor on He's weights."""
    return 3 * step / depth


def nets(kind: str, depth: int, steps: Sequence[int], seeds: Sequence[int]) -> Network:
    """Return ReLU nets whose weights are He's times the factor of a step, one for each step and seed."""
    stack = networks.mlp(
        [64] * depth + [10],
        "relu",
        "he_normal",
        seeds=[seed for _ in steps for seed in seeds],
        normalisation=KINDS[kind],
    )
    factors = np.repeat([2 ** log2_factor(step, depth) for step in steps], len(seeds))
    for weights in stack.weights:
        weights *= factors[:, None, None]
    return stack


def interval(seeds: Sequence[int], kind: str, depth: int) -> dict[str, Any]:
    """Return the width of the gain interval and the best accuracy, one for each seed."""
    rates = np.repeat(RATES[kind][depth], len(seeds))
    stack = nets(kind, depth, STEPS, seeds)
    fit = training.fit(stack, datasets.digits(), learning_rate=rates, threads=1, **SETTINGS)
    assert fit.test_accuracy is not None
    accuracy = fit.test_accuracy[:, -1].reshape(len(STEPS), len(seeds))
    width = np.array([3 / depth * crossings(one) for one in accuracy.T])
    return {
        "log2_width": np.log2(width),
        "log2_width_times_depth": np.log2(width * depth),
        "best_accuracy": accuracy.max(axis=0),
        "share_at_he": accuracy[STEPS.index(0)] / accuracy.max(axis=0),
        "lowest_share": accuracy.min(axis=0) / accuracy.max(axis=0),
        "accuracy": accuracy.T,
    }


def crossings(accuracy: Any, share: float = 0.9) -> float:
    """Return how many steps lie between the crossings of `share` of the best accuracy around the best."""
    level, best = share * accuracy.max(), int(accuracy.argmax())

    def reach(side: Any) -> float:
        below = int(np.argmax(side < level)) if (side < level).any() else len(side) - 1
        if side[below] >= level:
            return float(below)
        return below - 1 + float((side[below - 1] - level) / (side[below - 1] - side[below]))

    return reach(accuracy[best:]) + reach(accuracy[best::-1])


def stream(cells: Sequence[dict[str, Any]], variant: str) -> Network:
    """Return residual nets of blocks with two weight layers each, beside one layer before and one behind."""
    return networks.residual(
        [64, 64, 10],
        (cells[0]["depth"] - 2) // 2,
        "relu",
        "he_normal",
        seeds=[cell["seed"] for cell in cells],
        variant=variant,
    )


def narrower(first: int, second: int) -> str:
    """Return the name of a test on how the interval shrinks."""
    return f"plain, log2 width of the gain interval, {first} minus {second} layers"


def law(first: int, second: int) -> str:
    """Return the name of a test on width c / depth."""
    return f"plain, log2 (width x layers), {first} minus {second} layers"


def he_fits(depth: int) -> str:
    """Return the name of a test on He's own scale."""
    return f"plain, {depth} layers: He's scale lies in the interval"


WIDE = "{}, 6 layers: the interval spans a factor of 16"
UNSCALED = "residual, {} blocks: unscaled minus scaled by blocks^(-1/2)"
SCALED = "residual, {} blocks: scaled by blocks^(-1/2) reaches 80%"
RESIDUAL = {2: 6, 24: 50}  # blocks: weight layers
PAIRS = ((3, 6), (6, 12))

PROTOCOL = Protocol(
    name="depth-tolerance",
    claim="C14",
    statement=(
        "Initialization must take the architecture and its size into account: a deep network may need "
        "another one than a shallow network."
    ),
    parts={
        "interval": Measurement(
            measure=partial(interval, kind="plain"),
            axes={"depth": DEPTHS},
            seeds=range(100, 110),
            tolerance={"log2_width": 0.12, "log2_width_times_depth": 0.12, "share_at_he": 0.02},
            sample=({"seed": 100, "depth": 3},),
        ),
        "normalised": Measurement(
            measure=partial(interval, kind="layer norm"),
            axes={"depth": (6,)},
            seeds=range(100, 110),
            tolerance={"log2_width": 0.1, "lowest_share": 0.05},
            sample=({"seed": 100, "depth": 6},),
        ),
        "residual": Training(
            arms={
                "unscaled": {"network": partial(stream, variant="plain")},
                "scaled": {"network": partial(stream, variant="scaled")},
            },
            conditions={"depth": tuple(RESIDUAL.values())},
            learning_rates=(0.001, 0.003, 0.01, 0.03, 0.1),
            seeds=range(100, 110),
            tuning_seeds=range(200, 202),
            settings={"dataset": "digits", **SETTINGS},
            tolerance={"first_loss": 1e-6, "test_accuracy": 0.01},
            sample=({"arm": "scaled", "depth": 6, "learning_rate": "best", "seed": 100},),
        ),
    },
    tests=(
        *(
            Difference(narrower(*pair), "interval", "log2_width", {"depth": pair[0]}, {"depth": pair[1]}, 0.5)
            for pair in PAIRS
        ),
        *(
            Difference(
                law(*pair), "interval", "log2_width_times_depth", {"depth": pair[0]}, {"depth": pair[1]}, 0.3
            )
            for pair in PAIRS
        ),
        *(
            Share(he_fits(depth), "interval", "share_at_he", {"depth": depth}, at_least=0.9)
            for depth in DEPTHS
        ),
        Share(WIDE.format("plain"), "interval", "log2_width", {"depth": 6}, at_least=2.0),
        Share(WIDE.format("layer norm"), "normalised", "log2_width", at_least=2.0),
        *(
            Difference(
                UNSCALED.format(blocks),
                "residual",
                "test_accuracy",
                {"arm": "unscaled"},
                {"arm": "scaled"},
                0.02,
                {"depth": depth, "learning_rate": "best"},
            )
            for blocks, depth in RESIDUAL.items()
        ),
        *(
            Share(
                SCALED.format(blocks),
                "residual",
                "test_accuracy",
                {"arm": "scaled", "depth": depth, "learning_rate": "best"},
                at_least=0.8,
            )
            for blocks, depth in RESIDUAL.items()
        ),
    ),
    rules=(
        Rule(  # plain: one rule for all depths, with less tolerance; residual: depth enters the rule
            "refined",
            {
                narrower(6, 12): "higher",
                **{he_fits(depth): "yes" for depth in DEPTHS},
                UNSCALED.format(24): "lower",
                SCALED.format(24): "yes",
            },
        ),
        Rule("upheld", {narrower(6, 12): "higher", UNSCALED.format(24): "lower"}),
        Rule("depends", {narrower(6, 12): "higher", UNSCALED.format(24): ("equivalent", "higher")}),
        Rule("refuted", {narrower(6, 12): ("equivalent", "lower")}),
    ),
)
