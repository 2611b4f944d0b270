"""The training explorer: what plain nets learn, by optimizer, depth and weight scale, from an archive."""

from itertools import product
from typing import Any

import numpy as np

from initlib import evidence
from initlib.experiments import training_map as experiment
from initlib.explorers.engine import inputs
from initlib.explorers.engine.explorer import Explorer
from initlib.explorers.engine.panels import HeatMap, Lines
from initlib.explorers.engine.table import Axis, Table
from initlib.typing import Array

LOSSES = (1e-3, 1e2)  # of the axis; chance is ln 10
EVERY = 2  # the archive has every quarter of an octave, the slider every half


def training_map(**start: Any) -> Explorer:
    """Return sliders over depth and weight scale, and what ReLU or tanh nets learn from there.

    Nets of 64 units a layer learn 640 digits for twelve epochs by SGD with momentum or by Adam, each scale at
    the learning rate that served it best on a further seed: the archive of the experiment "training-map", ten
    seeds for each point. `start` sets the controls: `optimizer="Adam"`, `activation="tanh"`, `depth=16`,
    `sigma_w=1.0`.

    >>> training_map(depth=16)
    Explorer('Training by depth and scale': optimizer SGD with momentum, Adam, activation relu, tanh, \
depth L 2 to 16 (5 values), weight scale σ_w 0.25 to 5.66 (10 values); panels Accuracy, Training loss, \
Test accuracy)
    """
    axes = [
        Axis("optimizer", tuple(experiment.NAMES.values())),
        Axis("activation", experiment.ACTIVATIONS),
        Axis("depth", experiment.DEPTHS, "depth L"),
        Axis("sigma_w", experiment.SCALES[::EVERY], "weight scale σ_w", inputs.MARKS),
        Axis("epoch", range(1, experiment.SETTINGS["epochs"] + 1)),
        Axis("seed", evidence.load("training-map").protocol.parts["training"].seeds),
    ]
    loss, accuracy = _curves("loss"), 100 * _curves("accuracy")
    last = accuracy[..., -1]
    curves = ("optimizer", "activation", "depth", "seed", "sigma_w", "epoch")
    arrays = {
        "loss": (curves, loss),
        "accuracy": (curves, accuracy),
        "median": (("optimizer", "activation", "depth", "sigma_w"), np.median(last, axis=3)),
    }
    panels = [
        HeatMap(
            "Accuracy",
            "sigma_w",
            "depth",
            "median",
            "digits read, %",
            marker={"sigma_w": "sigma_w", "depth": "depth"},
            limits=(0.0, 100.0),
        ),
        Lines("Training loss", "epoch", "loss", "loss", "seed", over_as="band", limits=LOSSES),
        Lines("Test accuracy", "epoch", "accuracy", "digits read, %", "seed", over_as="band"),
    ]
    table = Table(axes, arrays, log=["loss"])
    controls = ["optimizer", "activation", "depth", "sigma_w"]
    return Explorer(
        "Training by depth and scale", table, controls, panels, start=start, play="depth", name="training"
    )


def _curves(metric: str) -> Array:
    """Return the curves of the archive, one axis each for optimizer, activation, depth, seed, scale, epoch.

    NaN where a net diverged.
    """
    found = evidence.load("training-map")
    places = product(experiment.NAMES, experiment.ACTIVATIONS, experiment.DEPTHS)
    curves = [
        found.values("training", metric, optimizer=optimizer, activation=activation, depth=depth)
        for optimizer, activation, depth in places
    ]
    every = np.array(curves, dtype=float)[:, :, ::EVERY]
    shape = (len(experiment.NAMES), len(experiment.ACTIVATIONS), len(experiment.DEPTHS))
    return every.reshape(*shape, *every.shape[1:])
