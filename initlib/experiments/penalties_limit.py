"""C17: do L1 and L2 penalties keep weights small? Norms after training, by penalty and by scale of the start.

A first run (edition 1, seeds 100 to 111) had SGD alone; now Adam stands beside it, which passes the penalty
through its own scaling. The pilots of this run: seeds 0 to 2. Between two BLAS kernels, log2 of the norm
differed by 1e-5 in the first run, that of the largest weight by 2e-4.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import datasets, initializers, networks, training
from initlib.evidence import Difference, Measurement, Metric, Protocol, Rule, Told, when

PENALTIES: dict[str, tuple[str, float]] = {
    "none": ("l2", 0.0),
    "L2 at the start": ("l2", 0.0),
    "L2": ("l2", 0.01),
    "L1": ("l1", 0.001),
}
SCALES = (1.0, 4.0)
RATES = {"sgd": 0.3, "adam": 0.003}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}


def sizes(seeds: Sequence[int], optimizer: str, penalty: str, scale: float) -> dict[str, Any]:
    """Train two-layer nets on 300 digits; return log2 of the norm of all weights, and of the largest one.

    `log2_norm` is that of the norm after training over that of an unscaled start of the same net. "L2 at the
    start" takes one step down the gradient of the penalty before training.
    """
    he = partial(initializers.variance_scaling, scale=2 * scale**2)
    nets = networks.mlp([64, 64, 10], "relu", he, seeds=seeds)
    unscaled = norm(nets.weights) / scale
    if penalty == "L2 at the start":
        for weights in nets.weights:
            weights *= 1 - RATES["sgd"] * PENALTIES["L2"][1]
    decay, strength = PENALTIES[penalty]
    trained = training.fit(
        nets,
        datasets.digits(),
        optimizer=optimizer,
        learning_rate=RATES[optimizer],
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


def less(metric: str, optimizer: str, penalty: str, scale: float) -> Difference:
    """Return the paired change that a penalty makes to a size, in powers of two."""
    what = {"log2_norm": "norm of the weights", "log2_largest": "largest weight"}[metric]
    at = Metric("sizes", metric).at(optimizer=optimizer, scale=scale)
    name = f"{OPTIMIZERS[optimizer]}, {what}, log2, start {scale:g} x He: {penalty} minus none"
    return at.at(penalty=penalty).minus(at.at(penalty="none"), name, margin=0.1)


def memory(optimizer: str, penalty: str) -> Difference:
    """Return the paired difference that the scale of the start makes to the norm at the end."""
    at = Metric("sizes", "log2_norm").at(optimizer=optimizer, penalty=penalty)
    name = f"{OPTIMIZERS[optimizer]}, norm of the weights, log2, {penalty}: start 4 minus 1 x He"
    return at.at(scale=4.0).minus(at.at(scale=1.0), name, margin=0.1)


FITS = Metric("sizes", "train_loss").share("all nets fit: training loss at most 0.3", at_most=0.3)
PLACES = [(o, p, s) for o in OPTIMIZERS for p in ("L2", "L1") for s in SCALES]
NORMS = [less("log2_norm", *place) for place in PLACES]
LARGEST = [less("log2_largest", *place) for place in PLACES]
ONCE = [less("log2_norm", o, "L2 at the start", s) for o in OPTIMIZERS for s in SCALES]
NOT_LOWER = "equivalent_or_higher_or_not_lower"
RULES = (
    Rule("upheld", when(yes=[FITS], lower=NORMS, lower_or_equivalent_or_not_higher=LARGEST)),
    *(  # the norm shrinks, not every single weight
        Rule("refined", when(yes=[FITS], lower=NORMS, higher=[test])) for test in LARGEST
    ),
    *(Rule("depends", when(yes=[FITS], lower=[NORMS[0]], **{NOT_LOWER: [test]})) for test in NORMS[1:]),
    Rule("refuted", when(**{NOT_LOWER: NORMS})),
)

PROTOCOL = Protocol(
    name="penalties-limit",
    claim="C17",
    statement="L1 and L2 penalties hold the size of the weights down, so that they do not become too large.",
    edition=2,
    told=Told(
        "L1 and L2 penalties control the size of the weights and keep them from becoming too large.",
        rules=RULES,
    ),
    parts={
        "sizes": Measurement(
            measure=sizes,
            axes={"optimizer": tuple(OPTIMIZERS), "penalty": tuple(PENALTIES), "scale": SCALES},
            seeds=range(1000, 1012),
            tolerance={"log2_norm": 1e-3, "log2_largest": 0.01, "train_loss": 1e-3},
            sample=(
                {"optimizer": "sgd", "penalty": "L2", "scale": 4.0, "seed": 1000},
                {"optimizer": "sgd", "penalty": "L1", "scale": 1.0, "seed": 1000},
            ),
        ),
    },
    tests=(
        FITS,
        *NORMS,
        *ONCE,
        *LARGEST,
        *(memory(o, p) for o in OPTIMIZERS for p in PENALTIES),
    ),
    rules=RULES,
)
