"""C11: the number of inputs or the number of outputs in the variance of He initialization.

He et al. (2015) derive two conditions: fan_in Var W / 2 = 1 keeps the signal (eq. 10), fan_out Var W / 2 =
1 keeps the gradient (eq. 14). Where one holds, the other misses by a product that telescopes: the ratio of
the first to the last width, whatever the depth. So they call either sufficient. Measured here on hidden
layers that taper.

What the paper says is settled by reading it, and the measured factors check a theorem; training alone could
show that one of the two fans serves better. The first run trained with SGD alone. New: Adam, rates by
accuracy, the margin of two points that all accuracies share. Seeds of the pilots: 0 to 2 and, for rates, 50
and 51.

Between two BLAS kernels, accuracies of four nets differed by at most 0.3 points, first losses by nothing.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import initializers, networks, propagation, theory
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, Told, Training
from initlib.experiments._grounds import ADAM, SGD
from initlib.networks import Network

TAPER = [512, *np.geomspace(512, 32, 16).round().astype(int).tolist()]  # 16 weight layers, to 32 units
RATIO = 4.0  # log2 of 512 / 32
HIDDEN = np.geomspace(256, 32, 7).round().astype(int).tolist()
MODES = ("fan_in", "fan_out")
EXPECTED = {
    ("fan_in", "signal"): 0.0,
    ("fan_in", "gradient"): -RATIO,
    ("fan_out", "signal"): RATIO,
    ("fan_out", "gradient"): 0.0,
}


def start(mode: str) -> Any:
    """Return the initializer with variance 2 / fan for this fan."""
    return partial(initializers.variance_scaling, scale=2.0, mode=mode)


def through_taper(seeds: Sequence[int], mode: str) -> dict[str, Any]:
    """Return log2 of what 16 tapering layers make of the mean square of signal and gradient.

    Signal: layer 16 relative to layer 1; gradient: layer 1 relative to layer 16. Both without the drift that
    finite width adds on average.
    """
    changes = np.array([change(seed, mode) for seed in seeds]) - drifts()
    return {"signal": changes[:, 0], "gradient": changes[:, 1]}


def change(seed: int, mode: str) -> tuple[float, float]:
    """Return log2 of the change of signal and gradient in one net."""
    net = networks.mlp(TAPER, "relu", start(mode), seeds=[seed])
    trace = net.forward(np.ones((1, TAPER[0])))
    last = np.random.default_rng([seed, 1]).standard_normal(trace.output.shape)
    first = net.backward(trace, last).pre[0]
    signal = (trace.output**2).mean() / (trace.pre[0] ** 2).mean()
    return float(np.log2(signal)), float(np.log2((first**2).mean() / (last**2).mean()))


def drifts() -> tuple[float, float]:
    """Return log2 of what finite width takes, on average of logarithms, from signal and gradient."""
    mean = theory.finite_width_band(TAPER, "relu", 2**0.5).mean
    profile = propagation.predict(TAPER, "relu", sigma_w=2**0.5)
    assert profile.gradient_rms_band is not None
    centre = profile.gradient_rms_band[:, 0].prod() / profile.gradient_rms[0] ** 2
    return float((mean[-1] - mean[0]) / np.log(2)), float(np.log2(centre))


def tapered(cells: Sequence[dict[str, Any]]) -> Network:
    """Return ReLU nets of 8 weight layers whose hidden layers taper from 256 to 32 units."""
    starts = [cell["initializer"] for cell in cells]
    return networks.mlp([64, *HIDDEN, 10], "relu", starts, seeds=[cell["seed"] for cell in cells])


def at_start(mode: str, metric: str) -> str:
    return f"{mode}: log2 of the {metric}'s change, minus {EXPECTED[mode, metric]:g}"


def trains(mode: str) -> str:
    return f"tapering net, {mode}: trains"


def minus(rate: str) -> str:
    return f"tapering net, accuracy, fan_in minus fan_out, {rate} rate"


SERVES = {  # the paper derives both; outputs serve as well as inputs
    **{at_start(*case): "equivalent" for case in EXPECTED},
    **{trains(mode): "yes" for mode in MODES},
}
RULES = (
    Rule("refined", {**SERVES, minus("best"): ("equivalent", "not higher")}),
    Rule("upheld", {trains("fan_in"): "yes", minus("best"): "higher"}),
    Rule("refuted", {trains("fan_out"): "yes", minus("best"): "lower"}),
)

PROTOCOL = Protocol(
    name="he-fans",
    claim="C11",
    edition=2,
    statement="The variance of He initialization depends on the number of inputs alone.",
    told=Told("The variance of He initialization depends on the number of inputs alone.", RULES),
    source="He et al. 2015, section 2.2, eq. 10, eq. 14 and the paragraph after it",
    parts={
        "taper": Measurement(
            measure=through_taper,
            axes={"mode": MODES},
            seeds=range(1000, 1100),
            tolerance={"signal": 1e-6, "gradient": 1e-6},
            sample=({"seed": 1000},),
        ),
        "training": Training(
            arms={mode: {"initializer": start(mode)} for mode in MODES},
            grounds={"SGD with momentum": SGD, "Adam": ADAM},
            tuned_by="accuracy",
            learning_rates=(0.001, 0.003, 0.01, 0.03, 0.1),
            seeds=range(1000, 1012),
            tuning_seeds=range(2000, 2003),
            settings={
                "network": tapered,
                "dataset": "digits",
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": 12,
                "validation": 0.1,
            },
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.04},
            sample=({"arm": "fan_out", "learning_rate": "best", "seed": 1000},),
        ),
    },
    tests=(
        *(
            Difference(at_start(mode, metric), "taper", metric, {"mode": mode}, expected, 0.75)
            for (mode, metric), expected in EXPECTED.items()
        ),
        *(
            Share(
                trains(mode),
                "training",
                "test_accuracy",
                {"arm": mode, "learning_rate": "best"},
                at_least=0.9,
            )
            for mode in MODES
        ),
        *(
            Difference(
                minus(rate),
                "training",
                "test_accuracy",
                {"arm": "fan_in"},
                {"arm": "fan_out"},
                0.02,
                {"learning_rate": rate},
            )
            for rate in ("best", "shared")
        ),
    ),
    rules=RULES,
)
