"""The symmetry explorer: what the units of a layer learn, from zero, constant, small and proper weights."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initlib import checks, datasets, initializers, networks
from initlib.explorers.engine import inputs
from initlib.explorers.engine.explorer import Explorer
from initlib.explorers.engine.panels import HeatMap, Lines
from initlib.explorers.engine.table import Axis, Table
from initlib.networks import losses
from initlib.typing import Array

UNITS = 8
RATE, BATCH = 0.1, 64
LARGEST = 0.5  # the weights of the last shades
MOST_STEPS = 10_000
STEPS = (0, 1, 2, 5, 10, 20, 40, 60, 80, 100, 130, 160, 200, 250, 300, 400, 500)
STARTS: dict[str, Any] = {
    "zero": "zeros",
    "constant 0.1": partial(initializers.constant, value=0.1),
    "small random, std 0.001": partial(initializers.normal, std=1e-3),
    "Xavier": "glorot_normal",
}


def symmetry(
    activations: Sequence[str] = ("tanh", "relu", "sigmoid"),
    steps: Sequence[int] = STEPS,
    **start: Any,
) -> Explorer:
    """Return menus of first weights and activations, and a slider over the steps of training.

    Nets of three weight layers, 64 - 8 - 8 - 10, learn the digits by gradient descent (rate 0.1, batches of
    64, float64). Drawn are the pre-activations of the eight units of the second layer for one test image, the
    weights between the two hidden layers, and the training loss. `start` sets the controls: `weights="zero"`,
    `activation="sigmoid"`, `step=100`.

    >>> symmetry(["tanh"], steps=[0, 1, 2])
    Explorer('Symmetry': first weights zero, constant 0.1, small random, std 0.001, Xavier, activation tanh, \
training step 0 to 2 (3 values); panels What each unit says, Weights, Training loss)
    """
    activations = inputs.activations(activations)
    steps = checks.integers("steps", steps, minimum=0, maximum=MOST_STEPS)
    axes = [
        Axis("weights", STARTS, "first weights"),
        Axis("activation", activations),
        Axis("step", steps, "training step"),
        Axis("time", steps, "training step"),
        Axis("unit", range(1, UNITS + 1)),
        Axis("from", range(1, UNITS + 1), "unit below"),
    ]
    own = {"said": ("time", "unit"), "weight": ("step", "from", "unit"), "loss": ("time",)}
    each = [_train(activation, axes[2].values) for activation in activations]
    arrays = {
        name: (("weights", "activation", *dims), np.stack([one[name] for one in each], axis=1))
        for name, dims in own.items()
    }
    panels = [
        Lines("What each unit says", "time", "said", "pre-activation", "unit", until="step"),
        HeatMap("Weights", "unit", "from", "weight", "weight", limits=(-LARGEST, LARGEST), center=0.0),
        Lines("Training loss", "time", "loss", "loss", until="step"),
    ]
    controls = ["weights", "activation", "step"]
    start = {"weights": "constant 0.1", "step": max(steps), **start}
    return Explorer(
        "Symmetry", Table(axes, arrays), controls, panels, start=start, play="step", name="symmetry"
    )


def _train(activation: str, steps: Sequence[int]) -> dict[str, Array]:
    """Return what each unit says, the weights and the loss at these steps: (starts, steps, ...)."""
    split = datasets.digits().split(seed=0)
    nets = networks.mlp([64, UNITS, UNITS, 10], activation, list(STARTS.values()), seeds=[0] * len(STARTS))
    order = np.random.default_rng(0)
    said, weight, loss = [], [], []
    for step in range(max(steps) + 1):
        chosen = order.permutation(len(split.train))[:BATCH]
        trace = nets.forward(split.train.inputs[chosen])
        if step in steps:
            said.append(nets.forward(split.test.inputs[:1]).pre[1][:, 0])
            weight.append(nets.weights[1].copy())
            loss.append(_loss(nets.forward(split.train.inputs).output, split.train.labels))
        labels = np.broadcast_to(split.train.labels[chosen], (nets.nets, BATCH))
        gradients = nets.backward(trace, losses.softmax(trace.output, labels)[1])
        for value, gradient in zip(nets.values, gradients.values, strict=True):
            value -= RATE * gradient
    return {
        name: np.stack(found, axis=1) for name, found in (("said", said), ("weight", weight), ("loss", loss))
    }


def _loss(output: Array, labels: NDArray[np.int_]) -> Array:
    loss: Array = losses.softmax(output, np.broadcast_to(labels, output.shape[:2]))[0]
    return loss
