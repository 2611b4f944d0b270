"""C17: do L1 and L2 penalties keep weights small? Norms after training, by penalty and by scale of the start.

The pilots behind the thresholds: seeds 0 to 9. Between two BLAS kernels, log2 of the norm differed by 1e-5,
that of the largest weight by 2e-4.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import datasets, initializers, networks, training
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share

PENALTIES: dict[str, tuple[str, float]] = {
    "none": ("l2", 0.0),
    "L2 at the start": ("l2", 0.0),
    "L2": ("l2", 0.01),
    "L1": ("l1", 0.001),
}
SCALES = (1.0, 4.0)
RATE = 0.3


def sizes(seeds: Sequence[int], penalty: str, scale: float) -> dict[str, Any]:
    """Train two-layer nets on 300 digits; return log2 of the norm of all weights, and of the largest one.

    `log2_norm` is that of the norm after training over that of an unscaled start of the same net. "L2 at the
    start" takes one step down the gradient of the penalty before training.
    """
    he = partial(initializers.variance_scaling, scale=2 * scale**2)
    nets = networks.mlp([64, 64, 10], "relu", he, seeds=seeds)
    unscaled = norm(nets.weights) / scale
    if penalty == "L2 at the start":
        for weights in nets.weights:
            weights *= 1 - RATE * PENALTIES["L2"][1]
    decay, strength = PENALTIES[penalty]
    trained = training.fit(
        nets,
        datasets.digits(),
        learning_rate=RATE,
        epochs=200,
        batch_size=30,
        train_samples=300,
        weight_decay=strength,
        decay=decay,
        threads=1,
    )
    largest = [abs(weights).max(axis=(1, 2)) for weights in trained.network.weights]
    return {
        "log2_norm": np.log2(norm(trained.network.weights) / unscaled),
        "log2_largest": np.log2(np.max(largest, axis=0)),
        "train_loss": trained.loss[:, -1],
    }


def norm(matrices: Sequence[Any]) -> Any:
    """Return the Euclidean norm of all weights of each net."""
    return np.sqrt(sum(np.square(weights).sum(axis=(1, 2)) for weights in matrices))


def less(metric: str, penalty: str, scale: float) -> Difference:
    """Return the paired change that a penalty makes to a size, in powers of two."""
    what = {"log2_norm": "norm of the weights", "log2_largest": "largest weight"}[metric]
    name = f"{what}, log2, start {scale:g} x He: {penalty} minus none"
    return Difference(name, "sizes", metric, {"penalty": penalty}, {"penalty": "none"}, 0.1, {"scale": scale})


def memory(penalty: str) -> Difference:
    """Return the paired difference that the scale of the start makes to the norm at the end."""
    name = f"norm of the weights, log2, {penalty}: start 4 minus 1 x He"
    arms = {"scale": 4.0}, {"scale": 1.0}
    return Difference(name, "sizes", "log2_norm", *arms, 0.1, {"penalty": penalty})


FITS = "all nets fit: training loss at most 0.3"
NORMS = {test.name: "lower" for p in ("L2", "L1") for s in SCALES for test in [less("log2_norm", p, s)]}
LARGEST = [less("log2_largest", p, s).name for p in ("L2", "L1") for s in SCALES]
ONCE = {less("log2_norm", "L2 at the start", s).name: "equivalent" for s in SCALES}

PROTOCOL = Protocol(
    name="penalties-limit",
    claim="C17",
    statement="L1 and L2 penalties hold the size of the weights down, so that they do not become too large.",
    parts={
        "sizes": Measurement(
            measure=sizes,
            axes={"penalty": tuple(PENALTIES), "scale": SCALES},
            seeds=range(100, 112),
            tolerance={"log2_norm": 1e-3, "log2_largest": 0.01, "train_loss": 1e-3},
            sample=(
                {"penalty": "L2", "scale": 4.0, "seed": 100},
                {"penalty": "L1", "scale": 1.0, "seed": 100},
            ),
        ),
    },
    tests=(
        Share(FITS, "sizes", "train_loss", at_most=0.3),
        *(less("log2_norm", p, s) for p in ("L2", "L1", "L2 at the start") for s in SCALES),
        *(less("log2_largest", p, s) for p in ("L2", "L1") for s in SCALES),
        *map(memory, PENALTIES),
    ),
    rules=(
        Rule(
            "upheld",
            {FITS: "yes", **NORMS, **dict.fromkeys(LARGEST, ("lower", "equivalent")), **ONCE},
        ),
        Rule("refined", {FITS: "yes", **NORMS, **ONCE}),  # the norm shrinks, not every single weight
        Rule("refuted", dict.fromkeys(NORMS, ("equivalent", "higher"))),
    ),
)
