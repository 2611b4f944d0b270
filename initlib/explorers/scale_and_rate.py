"""The rates explorer: weight scale x learning rate x normalisation, from an archive of trained nets."""

from typing import Any

import numpy as np

from initlib import evidence
from initlib.experiments import scale_rate_norm as experiment
from initlib.explorers.engine import inputs
from initlib.explorers.engine.explorer import Explorer
from initlib.explorers.engine.panels import Bars, HeatMap
from initlib.explorers.engine.table import Axis, Table
from initlib.typing import Array


def rates(**start: Any) -> Explorer:
    """Return sliders over weight scale and learning rate, and what nets learn with and without normalisation.

    ReLU nets of eight layers, 64 units wide, learn the digits for five epochs by gradient descent: the
    archive of the experiment "scale-rate-norm". Drawn is the median of ten seeds, and the range of all ten;
    a net that diverged reads nothing. `start` sets the controls: `normalisation="batch"`, `sigma_w=1.0`,
    `learning_rate=0.1`.

    >>> rates(normalisation="batch")
    Explorer('Scale, rate and normalisation': normalisation none, batch, layer, weight scale σ_w 0.354 \
to 2.83 (7 values), learning rate 0.003 to 1 (6 values); panels Accuracy, At this point)
    """
    axes = [
        Axis("normalisation", experiment.NORMALISATIONS),
        Axis("sigma_w", experiment.SCALES, "weight scale σ_w", inputs.MARKS),
        Axis("learning_rate", experiment.RATES, "learning rate"),
        Axis("kind", experiment.NORMALISATIONS, "normalisation"),
    ]
    accuracy = 100 * _accuracies()
    median, low, high = (f(accuracy, axis=2) for f in (np.median, np.min, np.max))
    place = ("learning_rate", "sigma_w")
    arrays = {
        "accuracy": (("normalisation", *place), median),
        "by_kind": (("kind", *place), median),
        "low": (("kind", *place), low),
        "high": (("kind", *place), high),
    }
    panels = [
        HeatMap(
            "Accuracy",
            "learning_rate",
            "sigma_w",
            "accuracy",
            "digits read, %",
            marker={"learning_rate": "learning_rate", "sigma_w": "sigma_w"},
            limits=(0.0, 100.0),
        ),
        Bars("At this point", "kind", "by_kind", "digits read, %", band=("low", "high")),
    ]
    controls = ["normalisation", "sigma_w", "learning_rate"]
    table = Table(axes, arrays)
    return Explorer("Scale, rate and normalisation", table, controls, panels, start=start, name="rates")


def _accuracies() -> Array:
    """Return the accuracies of the archive, (normalisation, rate, seed, scale), 0 where a net diverged."""
    found = evidence.load("scale-rate-norm")
    accuracies = [
        [
            found.values("training", "accuracies", normalisation=kind, learning_rate=rate)
            for rate in experiment.RATES
        ]
        for kind in experiment.NORMALISATIONS
    ]
    read: Array = np.nan_to_num(np.array(accuracies, dtype=float))
    return read
