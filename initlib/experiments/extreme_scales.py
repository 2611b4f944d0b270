"""C4: what very large and very small random weights do: to signals, to arithmetic, and to training.

Scales are powers of two times He's weights (ReLU) or Xavier's (tanh). In binary arithmetic such a factor is
exact, so it cannot add rounding error, unless numbers leave the range of the type.

The pilots behind the thresholds: seeds 0 to 33. At their best rates, ReLU nets of scale 16 mostly ended at
chance, dead, so that whether one of them diverges settles nothing. Between two BLAS kernels, nothing but the
rounding error itself differed in ReLU nets before training, and in the sample after it first losses differed
by 3e-8.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import datasets, initializers, networks, propagation, sweeps
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, Training

SCALES = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)
NAMES = {1 / 16: "1/16", 1 / 4: "1/4", 1.0: "1", 4.0: "4", 16.0: "16"}
VARIANCE = {"relu": 2.0, "tanh": 1.0}
INITIALIZER = {"relu": "he_normal", "tanh": "glorot_normal"}
WIDE = 128
LAYERS = 20
USUAL = 0.01  # a learning rate at which nets of scale 1 train
SETTINGS = {"depth": 5, "width": 64, "optimizer": "momentum", "batch_size": 64, "epochs": 15}
SAMPLES = 64
PER_LAYER = 0.05  # natural logarithm of a factor; one of the four steps in scale is 1.39


def nets(seeds: Sequence[int], activation: str, scale: float, depth: int, dtype: Any = float) -> Any:
    """Return a stack of nets of one width, weights drawn in float64 and scaled."""
    draw = partial(initializers.variance_scaling, scale=VARIANCE[activation])
    stack = networks.mlp([64, *[WIDE] * (depth - 1), 10], activation, draw, seeds=seeds)
    for weights in stack.weights:
        weights *= scale
    return stack.take(range(len(seeds)), dtype=dtype)


def images() -> Any:
    """Return some standardised digits."""
    return datasets.digits().split(0).train.inputs[:SAMPLES]


def by_layer(seeds: Sequence[int], activation: str, scale: float) -> dict[str, Any]:
    """Return the logarithms of what a layer multiplies q, and the squared gradient, with; and the theory.

    `signal_above` and `gradient_above` are the slopes less 2 log(scale), and `saturated` is the share of
    saturated units in the layer before the last.
    """
    profile = propagation.measure(nets(seeds, activation, scale, LAYERS), images())
    hidden = slice(0, LAYERS - 1)
    signal = 2 * np.diff(np.log(profile.rms[:, hidden])).mean(axis=1)
    gradient = -2 * np.diff(np.log(profile.gradient_rms[:, hidden])).mean(axis=1)
    return {
        "signal": signal,
        "gradient": gradient,
        "signal_above": signal - 2 * np.log(scale),
        "gradient_above": gradient - 2 * np.log(scale),
        "saturated": profile.saturated[:, LAYERS - 2],
    }


def arithmetic(seeds: Sequence[int], scale: float, depth: int) -> dict[str, Any]:
    """Compare float32 ReLU nets of this scale with those of scale 1, and with float64.

    `inexact`: outputs that are not scale^depth times those of scale 1, bit for bit. `rounding`: error
    relative to float64, root mean square. `out_of_range`: outputs that are infinite, not a number, or 0.
    """
    x = images()
    with np.errstate(all="ignore"):
        single, double, plain = (
            nets(seeds, "relu", factor, depth, dtype).forward(x.astype(dtype)).output
            for factor, dtype in ((scale, np.float32), (scale, float), (1.0, np.float32))
        )
        exact = plain.astype(float) * scale**depth
        error = (single - double) / np.abs(double).max(axis=(1, 2), keepdims=True)
        return {
            "inexact": (single != exact).sum(axis=(1, 2)),
            "rounding": np.sqrt(np.square(error).mean(axis=(1, 2))),
            "out_of_range": (~np.isfinite(single) | (single == 0)).sum(axis=(1, 2)),
        }


def at_usual_rate(seeds: Sequence[int], activation: str, scale: float) -> dict[str, Any]:
    """Train at the learning rate that suits nets of scale 1, whatever the scale."""
    cells = [
        {
            **SETTINGS,
            "seed": seed,
            "activation": activation,
            "initializer": INITIALIZER[activation],
            "scale": scale,
            "learning_rate": USUAL,
        }
        for seed in seeds
    ]
    records = sweeps.train(cells, n_jobs=1, progress=False)
    return {
        "diverged": [int(record["diverged_at"] >= 0) for record in records],
        "test_accuracy": [record["test_accuracy"][-1] for record in records],
    }


def training_of(activation: str) -> Training:
    """Return the comparison of all scales for one activation."""
    return Training(
        arms={NAMES[scale]: {"scale": scale} for scale in SCALES},
        learning_rates=(1e-7, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3),
        every_rate=("1/16",),
        seeds=range(100, 110),
        tuning_seeds=range(200, 203),
        settings={
            **SETTINGS,
            "dataset": "digits",
            "activation": activation,
            "initializer": INITIALIZER[activation],
            "validation": 0.1,
        },
        tolerance={"first_loss": 1e-5, "test_accuracy": 0.02, "diverged": 0},
        sample=(
            {"arm": "1/16", "learning_rate": "best", "seed": 100},
            {"arm": "1", "learning_rate": "best", "seed": 100},
        ),
    )


def share(name: str, part: str, metric: str, where: dict[str, Any], **bounds: float) -> Share:
    """Return a test on shares of the seeds."""
    return Share(name, part, metric, where, **bounds)


def slope(activation: str, what: str, scale: float) -> str:
    return f"{activation}, scale {NAMES[scale]}: {what} per layer, log above 2 log scale"


def diverges(activation: str, scale: float) -> str:
    return f"{activation}, scale {NAMES[scale]}: diverges at learning rate {USUAL}"


def useless(activation: str, scale: float) -> str:
    return f"{activation}, scale {NAMES[scale]}: stays below 50% at learning rate {USUAL}"


def finite(activation: str, scale: float) -> str:
    return f"{activation}, scale {NAMES[scale]}: does not diverge at its best rate"


def stuck(activation: str) -> str:
    return f"{activation}, scale 1/16: stays below 20% at every rate"


def minus(activation: str, scale: float) -> str:
    return f"{activation}: accuracy at scale 1 minus at {NAMES[scale]}, best rates"


def exact(scale: float) -> str:
    return f"scale {NAMES[scale]}: float32 outputs are those of scale 1 times its power, bit for bit"


def within(scale: float, depth: int) -> str:
    return f"scale {NAMES[scale]}, {depth} layers: no output leaves the range of float32"


TRAINS = {activation: f"{activation}, scale 1: trains" for activation in VARIANCE}
OTHERS = tuple(scale for scale in SCALES if scale != 1)
SATURATED = "tanh, scale 16: most units are saturated"
RELU_SLOPES = tuple(slope("relu", what, scale) for what in ("signal", "gradient") for scale in SCALES)

PROTOCOL = Protocol(
    name="extreme-scales",
    claim="C4",
    statement="Random weights that are very large or very small make a network numerically unstable.",
    parts={
        "layers": Measurement(
            measure=by_layer,
            axes={"activation": tuple(VARIANCE), "scale": SCALES},
            seeds=range(100, 140),
            tolerance={"signal_above": 1e-6, "gradient_above": 1e-6, "saturated": 1e-3},
            sample=({"activation": "relu", "scale": 4.0, "seed": 100},),
        ),
        "arithmetic": Measurement(
            measure=arithmetic,
            axes={"scale": SCALES, "depth": (LAYERS, 2 * LAYERS)},
            seeds=range(100, 110),
            tolerance={"inexact": 0, "out_of_range": 0, "rounding": 1e-6},
            sample=({"scale": 16.0, "depth": LAYERS, "seed": 100},),
        ),
        "usual rate": Measurement(
            measure=at_usual_rate,
            axes={"activation": tuple(VARIANCE), "scale": SCALES},
            seeds=range(100, 110),
            tolerance={"diverged": 0, "test_accuracy": 0.02},
            sample=({"activation": "relu", "scale": 16.0, "seed": 100},),
        ),
        **{activation: training_of(activation) for activation in VARIANCE},
    },
    tests=(
        *(
            Difference(
                slope("relu", what, scale),
                "layers",
                f"{what}_above",
                {"activation": "relu", "scale": scale},
                0.0,
                PER_LAYER,
            )
            for what in ("signal", "gradient")
            for scale in SCALES
        ),
        share(SATURATED, "layers", "saturated", {"activation": "tanh", "scale": 16.0}, at_least=0.5),
        *(
            share(exact(scale), "arithmetic", "inexact", {"scale": scale, "depth": LAYERS}, equal=0)
            for scale in OTHERS
        ),
        *(
            share(
                within(scale, depth),
                "arithmetic",
                "out_of_range",
                {"scale": scale, "depth": depth},
                equal=0,
            )
            for scale in (1 / 16, 16.0)
            for depth in (LAYERS, 2 * LAYERS)
        ),
        *(
            share(
                diverges(a, scale),
                "usual rate",
                "diverged",
                {"activation": a, "scale": scale},
                equal=1,
            )
            for a in VARIANCE
            for scale in (4.0, 16.0)
        ),
        *(
            share(
                useless(a, scale),
                "usual rate",
                "test_accuracy",
                {"activation": a, "scale": scale},
                at_most=0.5,
            )
            for a in VARIANCE
            for scale in OTHERS
        ),
        *(
            share(finite(a, scale), a, "diverged", {"arm": NAMES[scale], "learning_rate": "best"}, equal=0)
            for a in VARIANCE
            for scale in (4.0, 16.0)
        ),
        *(share(stuck(a), a, "test_accuracy", {"arm": "1/16"}, at_most=0.2) for a in VARIANCE),
        *(
            share(TRAINS[a], a, "test_accuracy", {"arm": "1", "learning_rate": "best"}, at_least=0.9)
            for a in VARIANCE
        ),
        *(
            Difference(
                minus(a, scale),
                a,
                "test_accuracy",
                {"arm": "1"},
                {"arm": NAMES[scale]},
                0.05,
                {"learning_rate": "best"},
            )
            for a in VARIANCE
            for scale in OTHERS
        ),
    ),
    rules=(
        Rule(  # the numbers themselves go wrong
            "upheld",
            {
                exact(1 / 16): ("no", "mixed"),
                exact(16.0): ("no", "mixed"),
                **{minus(a, scale): "higher" for a in VARIANCE for scale in (1 / 16, 16.0)},
            },
        ),
        Rule(  # extreme scales ruin training, though arithmetic is as exact as ever
            "refined",
            {
                **dict.fromkeys(RELU_SLOPES, "equivalent"),
                **{exact(scale): "yes" for scale in OTHERS},
                **{TRAINS[a]: "yes" for a in VARIANCE},
                **{minus(a, scale): "higher" for a in VARIANCE for scale in (1 / 16, 16.0)},
            },
        ),
        Rule(  # either activation forgives both extremes
            "depends",
            {
                **{minus("relu", scale): "higher" for scale in (1 / 16, 16.0)},
                **{minus("tanh", scale): ("equivalent", "lower") for scale in (1 / 16, 16.0)},
            },
        ),
        Rule(
            "refuted",
            {minus(a, scale): ("equivalent", "lower") for a in VARIANCE for scale in (1 / 16, 16.0)},
        ),
    ),
)
