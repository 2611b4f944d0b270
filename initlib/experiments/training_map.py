"""R12: from how wide a range of weight scales plain nets train, by depth and optimizer, each at its own rate
(Hanin and Rolnick 2018).

The paper (arXiv:1803.01719) shows that a scale away from the critical one changes signals by a
factor to the power of the depth; so the range that still trains should shrink as nets grow deeper.

The pilots behind the thresholds: seeds 0 to 2, tuned on 50. The first run (seeds 100 to 109) had momentum
alone, a grid of scales from 0.5 to 2.83, and rates chosen by training loss, which prefers dead nets at large
scales; here validation accuracy chooses.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import sweeps
from initlib.evidence import Difference, Measurement, Metric, Protocol, Rule, when

ACTIVATIONS = ("relu", "tanh")
DEPTHS = (2, 4, 8, 12, 16)
SCALES = tuple(2 ** (k / 4) for k in range(-8, 11))
RATES = {
    "momentum": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
    "adam": (0.0003, 0.001, 0.003, 0.01, 0.03),
}
NAMES = {"momentum": "SGD with momentum", "adam": "Adam"}
TUNING = (2000,)
NEAR_BEST = 0.9  # of the accuracy at the best scale: a scale that trains
SETTINGS: dict[str, Any] = {
    "initializer": "lecun_normal",
    "dataset": "digits",
    "width": 64,
    "validation": 0.1,
    "train_samples": 640,
    "batch_size": 32,
    "epochs": 12,
}


def tuned_rates(**net: Any) -> list[float]:
    """Return for each scale the rate with the highest validation accuracy in the last epoch.

    Of equals the one with the lower training loss.
    """
    rates = RATES[net["optimizer"]]
    cells = [
        {**SETTINGS, **net, "scale": scale, "learning_rate": rate, "seed": seed}
        for scale in SCALES
        for rate in rates
        for seed in TUNING
    ]
    records = sweeps.train(cells, n_jobs=1, progress=False)
    shape = (len(SCALES), len(rates), len(TUNING))
    accuracy, loss = (
        np.reshape([record[name][-1] for record in records], shape).mean(axis=2)
        for name in ("validation_accuracy", "loss")
    )
    best = np.lexsort((-loss, accuracy), axis=1)[:, -1]
    return [rates[place] for place in best]


def by_scale(seeds: Sequence[int], optimizer: str, activation: str, depth: int) -> dict[str, Any]:
    """Return the octaves of scales that train, the best accuracy, and the curves of every scale.

    `octaves` counts the scales, a quarter of an octave each, whose test accuracy in the last epoch is at
    least 0.9 times that of the seed's best scale. `loss` and `accuracy` are (scales, epochs), None where a
    net diverged; `learning_rates` are those of the scales.
    """
    net = {"optimizer": optimizer, "activation": activation, "depth": depth}
    rates = tuned_rates(**net)
    cells = [
        {**SETTINGS, **net, "scale": scale, "learning_rate": rate, "seed": seed}
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


OCTAVES = Metric("training", "octaves")
BEST = Metric("training", "best_accuracy")


def narrower(optimizer: str, activation: str, shallow: int, deep: int) -> Difference:
    """Return a test of how many octaves of scales train, between two depths."""
    octaves = OCTAVES.at(optimizer=optimizer, activation=activation)
    name = f"{NAMES[optimizer]}, {activation}: octaves of scales that train, {shallow} layers minus {deep}"
    return octaves.at(depth=shallow).minus(octaves.at(depth=deep), name, margin=0.5)


def wider_with_adam(activation: str, depth: int) -> Difference:
    """Return a test of how many more octaves train with Adam than with SGD, at one depth."""
    octaves = OCTAVES.at(activation=activation, depth=depth)
    name = f"{activation}, {depth} layers: octaves of scales that train, Adam minus SGD with momentum"
    return octaves.at(optimizer="adam").minus(octaves.at(optimizer="momentum"), name, margin=0.5)


DEEP = {(o, a): narrower(o, a, 4, 16) for o in NAMES for a in ACTIVATIONS}
SGD = [DEEP["momentum", activation] for activation in ACTIVATIONS]

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
            axes={"optimizer": tuple(NAMES), "activation": ACTIVATIONS, "depth": DEPTHS},
            seeds=range(1500, 1510),
            tolerance={"octaves": 0.5, "best_accuracy": 0.02},
            sample=({"optimizer": "momentum", "activation": "relu", "depth": 2, "seed": 1500},),
        )
    },
    tests=(
        *DEEP.values(),
        *(narrower(o, a, *pair) for o in NAMES for a in ACTIVATIONS for pair in ((4, 8), (8, 16))),
        *(wider_with_adam(a, depth) for a in ACTIVATIONS for depth in (4, 16)),
        *(
            OCTAVES.at(optimizer=o, activation=a, depth=2).share(
                f"{NAMES[o]}, {a}: two layers train from two octaves of scales or more", at_least=2.0
            )
            for o in NAMES
            for a in ACTIVATIONS
        ),
        *(
            BEST.at(optimizer=o, activation=a, depth=16).share(
                f"{NAMES[o]}, {a}: 16 layers read 80% from their best scale", at_least=0.8
            )
            for o in NAMES
            for a in ACTIVATIONS
        ),
    ),
    rules=(
        Rule("upheld", when(higher=DEEP.values())),
        *(
            Rule("depends", when(higher=SGD, equivalent_or_lower_or_not_higher=[DEEP["adam", a]]))
            for a in ACTIVATIONS
        ),
        Rule("refuted", when(equivalent_or_lower_or_not_higher=SGD)),
    ),
    edition=2,
)
