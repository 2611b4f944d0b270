"""C7: Xavier's variance depends on inputs and outputs; what the compromise costs where widths alternate.

With widths a, b, a, b, ... the average of the fans keeps neither signal nor gradient: two layers multiply
both mean squares by 4 a b / (a + b)^2. With fan_in alone, or fan_out alone, two layers multiply them by 1.

The pilots behind the thresholds: seeds 0 to 39. Trained nets of 20 layers drift apart between two BLAS
kernels: by up to 18 points of accuracy, and by 1.4e-4 in the first loss (tolerances: twice that).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import initializers, networks, propagation
from initlib.evidence import Difference, Measurement, Protocol, Rule, Training
from initlib.networks import Network

SHAPES = {"100 x 100": 0.01, "100 x 300": 0.005, "300 x 100": 0.005, "100 x 1000": 2 / 1100}
MODES = ("fan_in", "fan_out", "fan_avg")
WIDTHS = (256, 64)
LAYERS = 20
PAIR = {"fan_in": 1.0, "fan_out": 1.0, "fan_avg": 4 * WIDTHS[0] * WIDTHS[1] / sum(WIDTHS) ** 2}


def draws(seeds: Sequence[int], shape: str) -> dict[str, Any]:
    """Return the variance of Xavier's weights (inputs x outputs), over 2 / (inputs + outputs)."""
    fans = tuple(int(size) for size in shape.split(" x "))
    found = [np.mean(initializers.glorot_uniform(fans, rng=seed) ** 2) for seed in seeds]
    return {"variance_ratio": np.array(found) * sum(fans) / 2}


def start(mode: str) -> Any:
    """Return the initializer of variance 2 / fan."""
    return partial(initializers.variance_scaling, scale=2.0, mode=mode)


def signals(seeds: Sequence[int], mode: str) -> dict[str, Any]:
    """Return log10 of what nine pairs of ReLU layers do to the mean squares of signal and gradient."""
    stack = networks.mlp([*WIDTHS * (LAYERS // 2), WIDTHS[0]], "relu", start(mode), seeds=seeds)
    inputs = np.random.default_rng(0).standard_normal((8, WIDTHS[0]))
    profile = propagation.measure(stack, inputs)
    theory = (LAYERS // 2 - 1) * np.log10(PAIR[mode])
    signal = 2 * np.log10(profile.rms[:, -1] / profile.rms[:, 1])
    gradient = 2 * np.log10(profile.gradient_rms[:, 1] / profile.gradient_rms[:, -1])
    return {
        "log10_signal": signal,
        "log10_gradient": gradient,
        "log10_signal_over_theory": signal - theory,
        "log10_gradient_over_theory": gradient - theory,
    }


def alternating(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets of hidden widths 32, 128, 32, 128, ..., for the digits."""
    hidden = [(32, 128)[layer % 2] for layer in range(cells[0]["depth"] - 1)]
    starts = [cell["initializer"] for cell in cells]
    return networks.mlp([64, *hidden, 10], "relu", starts, seeds=[cell["seed"] for cell in cells])


def kept(mode: str, what: str) -> Difference:
    """Return a test for a change of the mean square by more than a factor of three."""
    return Difference(
        f"alternating widths, {mode}: {what}, log10 after nine pairs",
        "signals",
        f"log10_{what}",
        {"mode": mode},
        0.0,
        0.5,
    )


def as_theory(what: str) -> Difference:
    """Return a test of the factor between the compromise and fan_in, which share their random numbers."""
    return Difference(
        f"alternating widths, fan_avg over fan_in: {what}, log10 above theory",
        "signals",
        f"log10_{what}_over_theory",
        {"mode": "fan_avg"},
        {"mode": "fan_in"},
        1e-6,
    )


def minus(mode: str, rate: str) -> Difference:
    """Return a paired comparison of trained nets."""
    return Difference(
        f"alternating widths, {LAYERS} layers, accuracy, fan_in minus {mode}, {rate} rate",
        "training",
        "test_accuracy",
        {"arm": "fan_in"},
        {"arm": mode},
        0.03,
        {"learning_rate": rate},
    )


def formula(shape: str) -> str:
    return f"variance over 2 / (inputs + outputs), {shape}"


PROTOCOL = Protocol(
    name="xavier-fans",
    claim="C7",
    statement="The variance of Xavier's weights depends on how many inputs and how many outputs a layer has.",
    parts={
        "draws": Measurement(
            measure=draws,
            axes={"shape": tuple(SHAPES)},
            seeds=range(100, 120),
            tolerance={"variance_ratio": 1e-6},
            sample=({"seed": 100},),
        ),
        "signals": Measurement(
            measure=signals,
            axes={"mode": MODES},
            seeds=range(100, 200),
            tolerance={
                "log10_signal": 1e-6,
                "log10_gradient": 1e-6,
                "log10_signal_over_theory": 1e-6,
                "log10_gradient_over_theory": 1e-6,
            },
            sample=({"seed": 100},),
        ),
        "training": Training(
            arms={mode: {"initializer": start(mode)} for mode in MODES},
            learning_rates=(0.001, 0.002, 0.004, 0.008, 0.016),
            seeds=range(100, 120),
            tuning_seeds=range(200, 204),
            settings={
                "dataset": "digits",
                "network": alternating,
                "activation": "relu",
                "depth": LAYERS,
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": 12,
                "validation": 0.1,
            },
            tolerance={"first_loss": 3e-4, "test_accuracy": 0.36},
            sample=({"arm": "fan_avg", "learning_rate": "best", "seed": 100},),
        ),
    },
    tests=(
        *(Difference(formula(s), "draws", "variance_ratio", {"shape": s}, 1.0, 0.01) for s in SHAPES),
        *(kept(mode, what) for mode in MODES for what in ("signal", "gradient")),
        *(as_theory(what) for what in ("signal", "gradient")),
        *(minus(mode, rate) for mode in ("fan_avg", "fan_out") for rate in ("best", "shared")),
    ),
    rules=(
        Rule("upheld", {formula(shape): "equivalent" for shape in SHAPES}),
        Rule("refuted", {formula("100 x 1000"): ("higher", "lower")}),
    ),
)
