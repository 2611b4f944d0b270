"""R16: under batch normalisation alone gradients explode, whatever the weights' scale (Yang et al. 2019).

In wide plain ReLU nets and for large batches, each layer multiplies the mean square of the gradient by
pi / (pi - 1) on its way back, its size by 1.21. `log10_rate` is log10 of that factor, between layers 25 and
5 of 30, from He's weights times `factor`. With shortcuts around blocks of two layers, the factor of a block
falls towards 1 along the stream; `log10_growth` is log10 of the mean square of the gradient where the stream
begins over that where it ends.

Nets of 10 and of 50 layers are trained to see what it costs: plain ones, and ones with shortcuts.

This is the first run. C23 has the rate of ReLU nets in one of its parts. The pilots behind the thresholds:
seeds 0 to 2 and, for rates, 50 and 51; they had 256 units and samples at the start, and ten epochs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import networks, propagation
from initlib.evidence import Measurement, Metric, Protocol, Rule, Training, when
from initlib.experiments._elsewhere import normalised
from initlib.experiments._grounds import ADAM, SGD
from initlib.experiments._nets import shortcuts
from initlib.networks import Network

WIDTH, LAYERS = 128, 30
RATE = 0.16641304  # log10 of pi / (pi - 1)
DEEP, SHALLOW = 50, 10


def rate(seeds: Sequence[int], activation: str, batch: int, factor: float) -> dict[str, Any]:
    """Return log10 of what a layer multiplies the mean square of the gradient by."""
    nets = networks.mlp([WIDTH] * (LAYERS + 1), activation, "he_normal", normalisation="batch", seeds=seeds)
    for weights in nets.weights:
        weights *= factor
    gradient = propagation.measure(nets, signals(batch)).gradient_rms
    return {"log10_rate": 2 * np.log10(gradient[:, 4] / gradient[:, 24]) / 20}


def signals(batch: int) -> Any:
    """Return inputs."""
    return np.random.default_rng(0).standard_normal((batch, WIDTH))


def along_the_stream(seeds: Sequence[int], net: str) -> dict[str, Any]:
    """Return log10 of the growth of the gradient through 60 layers with batch norm, in a batch of 128."""
    if net == "shortcuts":
        nets = networks.residual(
            [WIDTH, WIDTH, 10], 30, "relu", "he_normal", seeds=seeds, normalisation="batch"
        )
    else:
        nets = networks.mlp([WIDTH] * 61 + [10], "relu", "he_normal", seeds=seeds, normalisation="batch")
    trace = nets.forward(signals(128))
    top = np.random.default_rng(1).standard_normal(trace.output.shape[1:])
    gradients = nets.backward(trace, np.broadcast_to(top, trace.output.shape)).pre
    first, last = (np.square(gradients[i]).mean(axis=(1, 2)) for i in (0, -2))
    return {"log10_growth": np.log10(first / last)}


def plain(cells: Sequence[dict[str, Any]]) -> Network:
    """Return plain nets with batch normalisation."""
    return normalised("batch", cells)


def streams(cells: Sequence[dict[str, Any]]) -> Network:
    """Return residual nets with as many weight layers, two in a block, and batch normalisation."""
    return shortcuts((cells[0]["depth"] - 2) // 2, cells, normalisation="batch")


RATES = Metric("plain", "log10_rate").at(factor=1.0)
LARGE = RATES.at(batch=128)
RELU = LARGE.at(activation="relu").minus(
    RATE, "ReLU: log10 of the growth per layer, minus that of pi / (pi - 1)", margin=0.015
)
LINEAR = LARGE.at(activation="identity").minus(0.0, "linear: log10 of the growth per layer", margin=0.015)
TANH = LARGE.at(activation="tanh").minus(0.0, "tanh: log10 of the growth per layer", margin=0.015)
SMALL = RATES.at(activation="relu", batch=16).minus(
    LARGE.at(activation="relu"), "ReLU: growth per layer, batch of 16 minus 128", margin=0.015
)
SCALED = LARGE.at(activation="relu", factor=7.0).minus(
    LARGE.at(activation="relu"), "ReLU: growth per layer, weights times 7 minus 1", margin=1e-3
)
TAMED = (
    Metric("shortcuts", "log10_growth")
    .at(net="shortcuts")
    .share("60 layers with shortcuts: the squared gradient grows less than 1000 times", at_most=3.0)
)
ACCURACY = Metric("training", "test_accuracy").at(learning_rate="best")
COST = {
    depth: ACCURACY.at(depth=depth, arm="plain").minus(
        ACCURACY.at(depth=depth, arm="shortcuts"),
        f"{depth} layers: accuracy, plain minus shortcuts",
        margin=0.05,
    )
    for depth in (SHALLOW, DEEP)
}
LEARNS = [
    ACCURACY.at(depth=depth, arm=arm).share(f"{depth} layers, {arm}: reaches 80%", at_least=0.8)
    for depth in (SHALLOW, DEEP)
    for arm in ("plain", "shortcuts")
]
START = when(equivalent=[RELU, SCALED], yes=[TAMED])
ALIKE = "equivalent_or_not_lower_or_higher"

PROTOCOL = Protocol(
    name="batch-norm-gradients",
    claim="R16",
    statement=(
        "Batch normalisation before every ReLU of a plain net multiplies the mean square of the gradient by "
        "pi / (pi - 1) in each layer, whatever the scale of the weights; shortcuts tame the gradient, "
        "and 50 layers train better with them."
    ),
    parts={
        "plain": Measurement(
            measure=rate,
            axes={"activation": ("relu", "identity", "tanh"), "batch": (16, 128), "factor": (1.0, 7.0)},
            seeds=range(100, 110),
            tolerance={"log10_rate": 1e-6},
            sample=({"seed": 100, "batch": 16},),
        ),
        "shortcuts": Measurement(
            measure=along_the_stream,
            axes={"net": ("plain", "shortcuts")},
            seeds=range(100, 110),
            tolerance={"log10_growth": 1e-6},
            sample=({"seed": 100, "net": "shortcuts"},),
        ),
        "training": Training(
            arms={"plain": {"network": plain}, "shortcuts": {"network": streams}},
            conditions={"depth": (SHALLOW, DEEP)},
            grounds={"SGD with momentum": SGD, "Adam": ADAM},
            tuned_by="accuracy",
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
            seeds=range(100, 110),
            tuning_seeds=range(200, 202),
            settings={
                "dataset": "digits",
                "initializer": "he_normal",
                "activation": "relu",
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": 6,
                "validation": 0.1,
                "train_samples": 512,
            },
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.06},
            sample=({"arm": "plain", "depth": SHALLOW, "learning_rate": "best", "seed": 100},),
        ),
    },
    tests=(RELU, LINEAR, TANH, SMALL, SCALED, TAMED, *COST.values(), *LEARNS),
    rules=(
        Rule("upheld", START | when(lower=[COST[DEEP]])),
        # gradients explode, and the nets learn all the same
        Rule("refined", START | when(**{ALIKE: [COST[DEEP]]})),
        Rule("refuted", when(higher_or_lower=[RELU])),
    ),
)
