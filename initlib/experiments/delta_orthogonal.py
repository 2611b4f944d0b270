"""R10: delta-orthogonal kernels carry signals through very deep plain convolutional nets (Xiao et al. 2018).

The kernel is 0 but for its middle tap, an orthogonal matrix: a linear net of a thousand such layers keeps the
norm of every signal. The paper trains tanh nets of 10,000 layers from them. That is beyond two processors;
here tanh nets of 100 layers, at the paper's point sigma_w^2 = 1.05, sigma_b^2 = 2.01e-5, learn the digits,
their rows as positions and columns as channels, and are compared with Gaussian kernels of the same variance.

The pilots behind the margins: seeds 0 to 2. First ones, with more images and epochs, read 41 % where Gaussian
kernels guessed (10 %), so that a first guess of 50 % for learning became 25 %.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import initializers, networks
from initlib.datasets import Dataset, digits
from initlib.evidence import Measurement, Metric, Protocol, Rule, Share, Training, when
from initlib.networks import Network

CHANNELS, POSITIONS, LINEAR, DEPTH = 16, 12, 1000, 100
SIGMA_W2, SIGMA_B2 = 1.05, 2.01e-5
KERNELS: dict[str, Any] = {
    "delta-orthogonal": partial(initializers.delta_orthogonal, gain=SIGMA_W2**0.5),
    "gaussian": partial(initializers.variance_scaling, scale=SIGMA_W2),
}


def linear(seeds: Sequence[int], kernel: str) -> dict[str, Any]:
    """Return log10 of the norm of a signal behind 1,000 linear layers over that before, and its change."""
    draw = "delta_orthogonal" if kernel == "delta-orthogonal" else "lecun_normal"
    inputs = np.random.default_rng(0).standard_normal((1, POSITIONS, CHANNELS))
    found = []
    for seed in seeds:
        net = networks.convolutional([CHANNELS] * (LINEAR + 1) + [1], 3, "identity", draw, seeds=[seed])
        last = net.forward(inputs).post[LINEAR - 1][0]
        found.append((np.log10(norm(last) / norm(inputs)), norm(last - inputs) / norm(inputs)))
    grown, changed = np.array(found).T
    return {"log10_norm": grown, "error": abs(10**grown - 1), "changed": changed}


def norm(signal: Any) -> float:
    """Return the Euclidean norm."""
    return float(np.sqrt(np.square(signal).sum()))


def rows() -> Dataset:
    """Return the digits as signals: eight rows of eight channels."""
    flat = digits()
    return Dataset("digits, as rows", flat.inputs.reshape(-1, 8, 8), flat.labels, 10)


def deep(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets of 99 convolutions and a linear readout of the mean over positions."""
    return networks.convolutional(
        (8, *[CHANNELS] * (DEPTH - 1), 10),
        3,
        "tanh",
        [cell["initializer"] for cell in cells],
        bias_initializer=partial(initializers.normal, std=SIGMA_B2**0.5),
        seeds=[cell["seed"] for cell in cells],
    )


EXACT = Share(
    "1,000 linear layers, delta-orthogonal: the norm is kept to 1e-9",
    "linear",
    "error",
    {"kernel": "delta-orthogonal"},
    at_most=1e-9,
)
MOVED = Share(
    "and the signal is another: change at least half its norm",
    "linear",
    "changed",
    {"kernel": "delta-orthogonal"},
    at_least=0.5,
)
FADES = Share(
    "1,000 linear layers, Gaussian: the norm falls below a tenth",
    "linear",
    "log10_norm",
    {"kernel": "gaussian"},
    at_most=-1.0,
)
ACCURACY = Metric("training", "test_accuracy").at(learning_rate="best")
LEARNS = ACCURACY.at(arm="delta-orthogonal").share(
    "100 tanh layers, delta-orthogonal: read 25% (guessing: 10%)", at_least=0.25
)
AHEAD = ACCURACY.at(arm="delta-orthogonal").minus(
    ACCURACY.at(arm="gaussian"), "100 tanh layers: accuracy, delta-orthogonal minus Gaussian", margin=0.1
)

PROTOCOL = Protocol(
    name="delta-orthogonal",
    claim="R10",
    statement=(
        "Delta-orthogonal kernels keep signals through a thousand linear convolutional layers, and plain "
        "tanh nets of a hundred layers learn from them, ahead of Gaussian kernels of the same variance."
    ),
    parts={
        "linear": Measurement(
            measure=linear,
            axes={"kernel": tuple(KERNELS)},
            seeds=range(100, 110),
            tolerance={"log10_norm": 1e-6, "error": 1e-9, "changed": 1e-6},
            sample=({"seed": 100, "kernel": "delta-orthogonal"},),
        ),
        "training": Training(
            arms={name: {"initializer": kernel} for name, kernel in KERNELS.items()},
            learning_rates=(0.001, 0.002, 0.005, 0.01, 0.02),
            seeds=range(100, 110),
            tuning_seeds=(5000, 5001),
            tuned_by="accuracy",
            settings={
                "network": deep,
                "dataset": rows(),
                "train_samples": 250,
                "optimizer": "momentum",
                "batch_size": 25,
                "epochs": 16,
                "validation": 0.1,
            },
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.05},
            sample=({"arm": "delta-orthogonal", "learning_rate": "best", "seed": 100},),
        ),
    },
    tests=(EXACT, MOVED, FADES, LEARNS, AHEAD),
    rules=(
        Rule("upheld", when(yes=[EXACT, MOVED, FADES, LEARNS], higher=[AHEAD])),
        Rule(  # they carry signals, and nets learn, no better than from Gaussian kernels
            "refined",
            when(
                yes=[EXACT, MOVED, FADES, LEARNS],
                equivalent_or_not_lower_or_not_higher_or_lower_or_unclear=[AHEAD],
            ),
        ),
        Rule("refined", when(yes=[EXACT, MOVED, FADES], mixed=[LEARNS])),
        Rule("refuted", when(no=[EXACT])),
        Rule("refuted", when(yes=[EXACT], no=[LEARNS])),
    ),
)
