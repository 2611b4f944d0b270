"""R12: from how wide a range of weight scales plain nets train, by depth, each at its own learning rate.

Hanin and Rolnick 2018 (arXiv:1803.01719) show that a scale away from the critical one changes signals by a
factor to the power of the depth; so the range that still trains should shrink as nets grow deeper.

The pilots behind the thresholds: seeds 0 to 3, tuned on 50 and 51. There, ReLU and tanh nets of 2 layers
trained from the whole grid of 2.75 octaves, those of 16 layers from 0.25 (ReLU) and 1 octave (tanh).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import sweeps
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share

ACTIVATIONS = ("relu", "tanh")
DEPTHS = (2, 4, 8, 12, 16)
SCALES = tuple(2 ** (k / 4) for k in range(-4, 7))
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
TUNING = (200,)
NEAR_BEST = 0.9  # of the accuracy at the best scale: a scale that trains
SETTINGS: dict[str, Any] = {
    "initializer": "lecun_normal",
    "dataset": "digits",
    "width": 64,
    "optimizer": "momentum",
    "train_samples": 640,
    "batch_size": 32,
    "epochs": 6,
}


def cell(activation: str, depth: int, scale: float, rate: float, seed: int) -> dict[str, Any]:
    """Return the cell of a sweep."""
    point = {"activation": activation, "depth": depth, "scale": scale, "learning_rate": rate, "seed": seed}
    return {**SETTINGS, **point}


def tuned_rates(activation: str, depth: int) -> list[float]:
    """Return for each scale the rate with the lowest mean training loss in the last epoch."""
    cells = [
        cell(activation, depth, scale, rate, seed) for scale in SCALES for rate in RATES for seed in TUNING
    ]
    last = np.array([record["loss"][-1] for record in sweeps.train(cells, n_jobs=1, progress=False)])
    by_rate = last.reshape(len(SCALES), len(RATES), len(TUNING)).mean(axis=2)
    return [RATES[best] for best in by_rate.argmin(axis=1)]


def by_scale(seeds: Sequence[int], activation: str, depth: int) -> dict[str, Any]:
    """Return the octaves of scales that train, the best accuracy, and the curves of every scale.

    `octaves` counts the scales, a quarter of an octave each, whose test accuracy in the last epoch is at
    least 0.9 times that of the seed's best scale. `loss` and `accuracy` are (scales, epochs), None where a
    net diverged; `learning_rates` are those of the scales.
    """
    rates = tuned_rates(activation, depth)
    cells = [
        cell(activation, depth, scale, rate, seed)
        for seed in seeds
        for scale, rate in zip(SCALES, rates, strict=True)
    ]
    records = sweeps.train(cells, n_jobs=1, progress=False)
    shape = (len(seeds), len(SCALES), SETTINGS["epochs"])
    loss, accuracy = (np.reshape([r[name] for r in records], shape) for name in ("loss", "test_accuracy"))
    best = accuracy[..., -1].max(axis=1)
    return {
        "octaves": (accuracy[..., -1] >= NEAR_BEST * best[:, None]).sum(axis=1) / 4,
        "best_accuracy": best,
        "learning_rates": np.tile(rates, (len(seeds), 1)),
        "loss": rounded(loss),
        "accuracy": rounded(np.where(np.isfinite(loss), accuracy, np.nan)),
    }


def rounded(curves: Any) -> Any:
    """Return curves as short numbers, None where they are not finite."""
    short = [float(f"{x:.4g}") if np.isfinite(x) else None for x in curves.ravel()]
    return np.array(short, dtype=object).reshape(curves.shape)


def narrower(activation: str, shallow: int, deep: int) -> Difference:
    """Return a test of how many octaves of scales train, between two depths."""
    return Difference(
        named(activation, shallow, deep),
        "training",
        "octaves",
        {"depth": shallow},
        {"depth": deep},
        margin=0.5,
        where={"activation": activation},
    )


def named(activation: str, shallow: int, deep: int) -> str:
    return f"{activation}: octaves of scales that train, {shallow} layers minus {deep}"


PROTOCOL = Protocol(
    name="training-map",
    claim="R12",
    statement=(
        "The deeper a plain net, the narrower the range of weight scales from which it trains, even if each "
        "scale has its own learning rate."
    ),
    parts={
        "training": Measurement(
            measure=by_scale,
            axes={"activation": ACTIVATIONS, "depth": DEPTHS},
            seeds=range(100, 110),
            tolerance={"octaves": 0.25, "best_accuracy": 0.02},
            sample=({"activation": "relu", "depth": 2, "seed": 100},),
        )
    },
    tests=(
        *(narrower(activation, 4, 16) for activation in ACTIVATIONS),
        *(narrower(activation, 4, 8) for activation in ACTIVATIONS),
        *(narrower(activation, 8, 16) for activation in ACTIVATIONS),
        *(
            Share(
                f"{activation}: two layers train from two octaves of scales or more",
                "training",
                "octaves",
                {"activation": activation, "depth": 2},
                at_least=2.0,
            )
            for activation in ACTIVATIONS
        ),
    ),
    rules=(
        Rule("upheld", {named(activation, 4, 16): "higher" for activation in ACTIVATIONS}),
        Rule("depends", {named("relu", 4, 16): "higher", named("tanh", 4, 16): ("equivalent", "lower")}),
        Rule("depends", {named("tanh", 4, 16): "higher", named("relu", 4, 16): ("equivalent", "lower")}),
        Rule("refuted", {named(activation, 4, 16): ("equivalent", "lower") for activation in ACTIVATIONS}),
    ),
)
