"""C4: what very large and very small random weights do: to signals, to formats of numbers, and to training.

Scales are powers of two times He's weights (ReLU) or Xavier's (tanh). In binary arithmetic such a factor is
exact, so it cannot add rounding error, unless numbers leave the range of the format. Networks are stored in
three formats, as in mixed precision: weights and signals are rounded to the format, sums are in float32.

The first run asked whether float32 adds rounding error, which it cannot, and chose learning rates by the
training loss, so that for the largest scales it chose nets that are dead. This one asks where numbers leave
the format, chooses by accuracy, and adds Adam.

Pilots: seeds 0 to 2, rates on 50 and 51; they are kept in pilots/. After them the trained seeds became 16 and
the tuning seeds 3, and "not lower" joined the rules for what costs less than five points.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import datasets, initializers, networks, propagation, sweeps
from initlib.evidence import (
    Difference,
    Measurement,
    Metric,
    Protocol,
    Rule,
    Share,
    Told,
    Training,
    when,
)
from initlib.experiments._grounds import ADAM, SGD
from initlib.typing import Array

SCALES = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)
STORED_SCALES = (1 / 16, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 16.0)
NAMES = {1 / 16: "1/16", 1 / 4: "1/4", 1.0: "1", 4.0: "4", 16.0: "16"}
VARIANCE = {"relu": 2.0, "tanh": 1.0}
INITIALIZER = {"relu": "he_normal", "tanh": "glorot_normal"}
WIDE = 128
LAYERS, DEEPEST = 20, 40
USUAL = {"momentum": 0.01, "adam": 0.001}  # learning rates at which nets of scale 1 train
SETTINGS = {"depth": 5, "width": 64, "optimizer": "momentum", "batch_size": 64, "epochs": 15}
SAMPLES = 64
PER_LAYER = 0.05  # natural logarithm of a factor; one of the four steps in scale is 1.39
COSTS = 0.05  # of accuracy, at the best learning rate


def nets(seeds: Sequence[int], activation: str, scale: float, depth: int) -> Any:
    """Return a stack of nets of one width, weights drawn in float64 and scaled."""
    draw = partial(initializers.variance_scaling, scale=VARIANCE[activation])
    stack = networks.mlp([64, *[WIDE] * (depth - 1), 10], activation, draw, seeds=seeds)
    for weights in stack.weights:
        weights *= scale
    return stack


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


def float16(values: Array) -> Array:
    """Return float32 values rounded to IEEE half precision: 11 bits, up to 65,504."""
    return values.astype(np.float16).astype(np.float32)


def bfloat16(values: Array) -> Array:
    """Return float32 values rounded to bfloat16, to even: 8 bits, the range of float32.

    >>> bfloat16(np.array([1.0, 1.00390625, 1.01171875, 1e38], np.float32))[:3].tolist()
    [1.0, 1.0, 1.015625]
    """
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (rounded & np.uint32(0xFFFF0000)).view(np.float32)


FORMATS: dict[str, Callable[[Array], Array]] = {
    "float32": lambda values: values,
    "bfloat16": bfloat16,
    "float16": float16,
}


def stored(seeds: Sequence[int], numbers: str, scale: float) -> dict[str, Any]:
    """Return the first of 40 ReLU layers whose pre-activations leave the range of a format of numbers.

    `overflows`: one of them is not finite. `vanishes`: all of them are 0. 41 if no layer does.
    """
    store = FORMATS[numbers]
    signal = store(np.broadcast_to(images().astype(np.float32), (len(seeds), SAMPLES, 64)))
    overflows, vanishes = (np.full(len(seeds), DEEPEST + 1) for _ in range(2))
    with np.errstate(all="ignore"):
        for layer, weights in enumerate(nets(seeds, "relu", scale, DEEPEST).weights, 1):
            pre = store(signal @ store(weights.astype(np.float32)))
            beyond, nothing = (~np.isfinite(pre)).any(axis=(1, 2)), (pre == 0).all(axis=(1, 2))
            overflows = np.minimum(overflows, np.where(beyond, layer, DEEPEST + 1))
            vanishes = np.minimum(vanishes, np.where(nothing, layer, DEEPEST + 1))
            signal = store(np.maximum(pre, 0))
    return {"overflows": overflows, "vanishes": vanishes}


def at_usual_rate(seeds: Sequence[int], optimizer: str, activation: str, scale: float) -> dict[str, Any]:
    """Train at the learning rate that suits nets of scale 1, whatever the scale."""
    cells = [
        {
            **SETTINGS,
            "seed": seed,
            "optimizer": optimizer,
            "activation": activation,
            "initializer": INITIALIZER[activation],
            "scale": scale,
            "learning_rate": USUAL[optimizer],
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
        grounds={
            "SGD with momentum": SGD,
            "Adam": {**ADAM, "learning_rates": (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03)},
        },
        learning_rates=(1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1),
        tuned_by="accuracy",
        seeds=range(1000, 1016),
        tuning_seeds=range(2000, 2003),
        settings={
            **SETTINGS,
            "dataset": "digits",
            "activation": activation,
            "initializer": INITIALIZER[activation],
            "validation": 0.1,
        },
        tolerance={"first_loss": 1e-3, "test_accuracy": 0.03, "diverged": 0},
        sample=(
            {"arm": "1/16", "ground": "SGD with momentum", "learning_rate": "best", "seed": 1000},
            {"arm": "1/16", "ground": "Adam", "learning_rate": "best", "seed": 1000},
        ),
    )


def slope(what: str, scale: float) -> Difference:
    """Return the test of what one ReLU layer does, against theory."""
    name = f"relu, scale {NAMES[scale]}: {what} per layer, log above 2 log scale"
    return Metric("layers", f"{what}_above").at(activation="relu", scale=scale).minus(
        0.0, name, margin=PER_LAYER
    )  # fmt: skip


def leaves(numbers: str, scale: float) -> Share:
    """Return the test whether 20 layers of this scale leave the format, upwards or downwards."""
    end = "overflows" if scale > 1 else "vanishes"
    name = f"{numbers}, scale {NAMES[scale]}, {LAYERS} layers: {end}"
    return Metric("formats", end).at(numbers=numbers, scale=scale).share(name, at_most=LAYERS)


def usual(optimizer: str, activation: str, scale: float, metric: str) -> Metric:
    """Return what training at the usual rate ends with."""
    return Metric("usual rate", metric).at(optimizer=optimizer, activation=activation, scale=scale)


def diverges(optimizer: str, activation: str, scale: float) -> Share:
    name = f"{activation}, scale {NAMES[scale]}, {optimizer}: diverges at learning rate {USUAL[optimizer]}"
    return usual(optimizer, activation, scale, "diverged").share(name, equal=1)


def useless(optimizer: str, activation: str, scale: float) -> Share:
    name = f"{activation}, scale {NAMES[scale]}, {optimizer}: below 50% at learning rate {USUAL[optimizer]}"
    return usual(optimizer, activation, scale, "test_accuracy").share(name, at_most=0.5)


def best(activation: str, scale: float) -> Metric:
    """Return the accuracy of one scale at its best learning rate."""
    return Metric(activation, "test_accuracy").at(arm=NAMES[scale], learning_rate="best")


def cost(activation: str, scale: float) -> Difference:
    name = f"{activation}: accuracy at scale 1 minus at {NAMES[scale]}, best rates"
    return best(activation, 1.0).minus(best(activation, scale), name, margin=COSTS)


OTHERS = tuple(scale for scale in SCALES if scale != 1)
TRAINS = [best(a, 1.0).share(f"{a}, scale 1: trains", at_least=0.9) for a in VARIANCE]
LARGEST, SMALLEST = ([cost(a, scale) for a in VARIANCE] for scale in (16.0, 1 / 16))
LEAVES = {numbers: [leaves(numbers, scale) for scale in OTHERS] for numbers in FORMATS}
HALF = LEAVES["float16"]
OTHER_FORMATS = [*LEAVES["float32"], *LEAVES["bfloat16"]]
SATURATED = (
    Metric("layers", "saturated")
    .at(activation="tanh", scale=16.0)
    .share("tanh, scale 16: most units are saturated", at_least=0.5)
)
DIVERGES = diverges("momentum", "relu", 16.0)

PROTOCOL = Protocol(
    name="extreme-scales",
    claim="C4",
    edition=2,
    statement="Random weights that are very large or very small make training numerically unstable.",
    told=Told(
        "very large or very small random weights can lead to numerical instability during training.",
        (
            # numbers leave a format that nets are trained in, and training in float32 ends in inf or nan
            Rule("upheld", when(yes=[*HALF, DIVERGES])),
            Rule("refuted", when(no=[*HALF, DIVERGES])),
        ),
        some=True,
    ),
    parts={
        "layers": Measurement(
            measure=by_layer,
            axes={"activation": tuple(VARIANCE), "scale": SCALES},
            seeds=range(1000, 1040),
            tolerance={"signal_above": 1e-6, "gradient_above": 1e-6, "saturated": 1e-3},
            sample=({"activation": "relu", "scale": 4.0, "seed": 1000},),
        ),
        "formats": Measurement(
            measure=stored,
            axes={"numbers": tuple(FORMATS), "scale": STORED_SCALES},
            seeds=range(1000, 1010),
            tolerance={"overflows": 0, "vanishes": 0},
            sample=({"numbers": "bfloat16", "scale": 4.0}, {"numbers": "float16", "scale": 1 / 4}),
        ),
        "usual rate": Measurement(
            measure=at_usual_rate,
            axes={"optimizer": tuple(USUAL), "activation": tuple(VARIANCE), "scale": SCALES},
            seeds=range(1000, 1010),
            tolerance={"diverged": 0, "test_accuracy": 0.02},
            sample=({"optimizer": "momentum", "activation": "relu", "scale": 16.0, "seed": 1000},),
        ),
        **{activation: training_of(activation) for activation in VARIANCE},
    },
    tests=(
        *(slope(what, scale) for what in ("signal", "gradient") for scale in SCALES),
        SATURATED,
        *(test for numbers in FORMATS for test in LEAVES[numbers]),
        *(diverges(o, a, scale) for o in USUAL for a in VARIANCE for scale in (4.0, 16.0)),
        *(useless(o, a, scale) for o in USUAL for a in VARIANCE for scale in OTHERS),
        *TRAINS,
        *(cost(a, scale) for a in VARIANCE for scale in OTHERS),
    ),
    rules=(
        # twenty layers leave every format, and both ends cost accuracy
        Rule("upheld", when(yes=[*TRAINS, *HALF, *OTHER_FORMATS], higher=[*LARGEST, *SMALLEST])),
        # the format decides about the numbers; what float32 holds still does not learn as well, at both ends
        Rule("refined", when(yes=[*TRAINS, *HALF], no=OTHER_FORMATS, higher=[*LARGEST, *SMALLEST])),
        # the format decides about the numbers; with this optimizer one end costs less than five points
        *(
            Rule(
                "depends",
                when(
                    yes=[*TRAINS, *HALF],
                    no=OTHER_FORMATS,
                    equivalent_or_lower_or_not_higher_or_not_lower=[one],
                ),
            )
            for one in (*LARGEST, *SMALLEST)
        ),
        Rule("refuted", when(no=[*HALF, *OTHER_FORMATS])),
    ),
)
