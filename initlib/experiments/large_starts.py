"""C18: starts 2, 4 and 8 times as large as the activation's own rule: explode, saturate or memorise.

ReLU is homogeneous: a factor c multiplies the first layer's gradient by c^(depth - 1). Tanh and sigmoid bound
the signal; their gradients grow as well, more slowly, and most units sit where the slope is nearly zero.
Nets are trained at one usual rate, and at rates tuned for each start. A third part asks what large starts
cost where nothing diverges: small training sets that every net fits completely.

The pilots behind the thresholds: seeds 0 to 52. Between two BLAS kernels, twelve nets like
those of the sample differed by up to 3.1 points of test accuracy and 1.4e-5 in the loss of the first epoch.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import datasets, initializers, propagation, sweeps, training
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, Training
from initlib.networks import Network

OWN: dict[str, Any] = {
    "relu": "he_normal",
    "tanh": "glorot_normal",
    "sigmoid": partial(initializers.glorot_normal, gain=4.0),
}
BOUNDED = ("tanh", "sigmoid")
FACTORS = (1.0, 2.0, 4.0, 8.0)
DEPTH, WIDTH = 5, 64
USUAL = 0.03  # every activation's own rule trains at it, in the pilots


def own_rule(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets by the rule of their activation, times `scale`."""
    return sweeps.build([{**cell, "initializer": OWN[cell["activation"]]} for cell in cells])


def stack(seeds: Sequence[int], activation: str, factor: float) -> Network:
    """Return nets of five weight layers whose weights are `factor` times those of their rule."""
    shape = {"activation": activation, "depth": DEPTH, "width": WIDTH, "scale": factor}
    return own_rule([{"seed": seed, **shape} for seed in seeds])


def at_start(seeds: Sequence[int], activation: str, factor: float) -> dict[str, Any]:
    """Return log2 of how much larger the first layer's gradient is than with factor 1, and the flat share.

    The same gradient enters at the output of both. `saturated` is the share of last hidden units whose slope
    is at most a twentieth of the largest.
    """
    inputs = datasets.digits().split(0).train.inputs[:200]
    large, own = (propagation.measure(stack(seeds, activation, f), inputs) for f in (factor, 1.0))
    return {
        "log2_gradient": np.log2(large.gradient_rms[:, 0] / own.gradient_rms[:, 0]),
        "saturated": large.saturated[:, -2],
    }


def at_the_usual_rate(seeds: Sequence[int], activation: str, factor: float) -> dict[str, Any]:
    """Return what fifteen epochs at the usual rate come to."""
    result = training.fit(
        stack(seeds, activation, factor),
        datasets.digits(),
        optimizer="momentum",
        learning_rate=USUAL,
        epochs=15,
        threads=1,
    )
    accuracies = {"train_accuracy": result.train_accuracy, "test_accuracy": result.test_accuracy}
    last = {name: np.asarray(curve)[:, -1] for name, curve in accuracies.items()}
    return {"diverged": result.diverged.astype(int), **last}


def times(factor: float) -> str:
    return f"x {factor:g}"


def usual(name: str, activation: str, factor: float, metric: str, **bounds: float) -> Share:
    """Return a test of the nets at the usual rate."""
    where = {"activation": activation, "factor": factor}
    return Share(f"{activation}, {times(factor)}, usual rate: {name}", "usual rate", metric, where, **bounds)


def tuned(name: str, part: str, activation: str, factor: float, metric: str, **bounds: float) -> Share:
    """Return a test of the nets at the rate tuned for their start."""
    where = {"activation": activation, "arm": times(factor), "learning_rate": "best"}
    return Share(f"{activation}, {times(factor)}, {name}", part, metric, where, **bounds)


def against_own(part: str, words: str, activation: str, factor: float, margin: float = 0.02) -> Difference:
    """Return the paired comparison of a large start with the rule's own, each at its best rate."""
    return Difference(
        f"{activation}, {words}: {times(factor)} minus {times(1)}",
        part,
        "test_accuracy",
        {"arm": times(factor)},
        {"arm": times(1)},
        margin,
        {"activation": activation, "learning_rate": "best"},
    )


SETTINGS = {
    "network": own_rule,
    "dataset": "digits",
    "optimizer": "momentum",
    "batch_size": 64,
    "validation": 0.1,
}
DEEP = {**SETTINGS, "depth": DEPTH, "width": WIDTH, "epochs": 15}
FEW = {**SETTINGS, "depth": 3, "width": 128, "train_samples": 300, "epochs": 60}
SEEDS: dict[str, Any] = {"seeds": range(100, 110), "tuning_seeds": range(200, 203)}
TOLERANCE = {"first_loss": 1e-3, "train_accuracy": 0.02, "test_accuracy": 0.07, "diverged": 0}


def arms(*factors: float) -> dict[str, dict[str, float]]:
    """Return one arm for each factor."""
    return {times(factor): {"scale": factor} for factor in factors}


PROTOCOL = Protocol(
    name="large-starts",
    claim="C18",
    statement="Very large initial weights make gradients explode, and training diverges.",
    parts={
        "start": Measurement(
            measure=at_start,
            axes={"activation": tuple(OWN), "factor": FACTORS[1:]},
            seeds=range(100, 120),
            tolerance={"log2_gradient": 1e-6, "saturated": 0.001},
            sample=({"seed": 100, "factor": 8.0},),
        ),
        "usual rate": Measurement(
            measure=at_the_usual_rate,
            axes={"activation": tuple(OWN), "factor": FACTORS},
            seeds=range(100, 110),
            tolerance={"diverged": 0, "train_accuracy": 0.02, "test_accuracy": 0.07},
            sample=(
                {"seed": 100, "activation": "relu", "factor": 8.0},
                {"seed": 100, "activation": "tanh", "factor": 4.0},
            ),
        ),
        "ReLU": Training(
            arms=arms(*FACTORS),
            conditions={"activation": ("relu",)},
            learning_rates=tuple(float(f"{10 ** (-8 + i / 2):.3g}") for i in range(15)),
            settings=DEEP,
            tolerance=TOLERANCE,
            sample=({"arm": times(1), "learning_rate": "best", "seed": 100},),
            **SEEDS,
        ),
        "bounded": Training(
            arms=arms(*FACTORS),
            conditions={"activation": BOUNDED},
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
            settings=DEEP,
            tolerance=TOLERANCE,
            sample=(
                {"arm": times(4), "activation": "tanh", "learning_rate": "best", "seed": 100},
                {"arm": times(1), "activation": "sigmoid", "learning_rate": "best", "seed": 100},
            ),
            **SEEDS,
        ),
        "few samples": Training(
            arms=arms(1.0, 8.0),
            conditions={"activation": ("relu", "tanh")},
            learning_rates=(1e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03, 0.1),
            settings=FEW,
            tolerance=TOLERANCE,
            sample=({"arm": times(1), "activation": "relu", "learning_rate": "best", "seed": 100},),
            **SEEDS,
        ),
    },
    tests=(
        *(
            Share(
                f"relu, {times(c)}: log2 of the first gradient is {4 * np.log2(c):g} above its own",
                "start",
                "log2_gradient",
                {"activation": "relu", "factor": c},
                at_least=float(4 * np.log2(c)) - 1e-6,
                at_most=float(4 * np.log2(c)) + 1e-6,
                share=1.0,
            )
            for c in FACTORS[1:]
        ),
        *(
            Share(
                f"{a}, x 8: the first gradient is at least 8 times its own",
                "start",
                "log2_gradient",
                {"activation": a, "factor": 8.0},
                at_least=3,
            )
            for a in BOUNDED
        ),
        *(
            Share(
                f"{a}, x 8: most units of the last hidden layer are flat",
                "start",
                "saturated",
                {"activation": a, "factor": 8.0},
                at_least=0.5,
            )
            for a in BOUNDED
        ),
        *(usual("trains", a, 1.0, "train_accuracy", at_least=0.9) for a in OWN),
        *(usual("diverges", "relu", c, "diverged", equal=1) for c in (4.0, 8.0)),
        *(usual("does not diverge", a, 8.0, "diverged", equal=0) for a in BOUNDED),
        tuned("tuned rate: learns its training set", "ReLU", "relu", 4.0, "train_accuracy", at_least=0.9),
        tuned("tuned rate: does not diverge", "ReLU", "relu", 4.0, "diverged", equal=0),
        tuned("tuned rate: does not diverge", "ReLU", "relu", 8.0, "diverged", equal=0),
        tuned("tuned rate: stays below 50%", "ReLU", "relu", 8.0, "test_accuracy", at_most=0.5),
        tuned("tuned rate: learns its training set", "bounded", "tanh", 4.0, "train_accuracy", at_least=0.99),
        *(against_own("ReLU", "tuned rates", "relu", c) for c in (2.0, 4.0)),
        *(against_own("bounded", "tuned rates", a, c) for a in BOUNDED for c in FACTORS[1:]),
        *(
            tuned("300 samples: fits them all", "few samples", a, c, "train_accuracy", at_least=0.999)
            for a in ("relu", "tanh")
            for c in (1.0, 8.0)
        ),
        *(against_own("few samples", "300 samples", a, 8.0) for a in ("relu", "tanh")),
    ),
    rules=(
        Rule(  # it takes an unbounded activation and a rate that was not made for the start
            "depends",
            {
                "relu, x 8, usual rate: diverges": "yes",
                "relu, x 4, tuned rate: does not diverge": "yes",
                **{f"{a}, x 8, usual rate: does not diverge": "yes" for a in BOUNDED},
            },
        ),
        Rule(
            "upheld",
            {
                "relu, x 8, usual rate: diverges": "yes",
                **{f"{a}, x 8, usual rate: does not diverge": "no" for a in BOUNDED},
            },
        ),
        Rule("refuted", {"relu, x 8, usual rate: diverges": "no"}),
    ),
)
