"""The lab's nets built with initlib: what the engine is compared with."""

from typing import Any

import numpy as np

from initlib import datasets, losses, networks, training

SAMPLES, INPUTS, CLASSES = 24, 7, 5
TRAINED = ("weight", "bias", "gain", "offset")


def data(samples: int = SAMPLES, inputs: int = INPUTS, classes: int = CLASSES, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, inputs)).astype(np.float32).astype(float)
    return x, rng.integers(classes, size=samples)


def build(settings: dict[str, Any], inputs: int = INPUTS, classes: int = CLASSES, seeds=(0,)) -> Any:
    """Return initlib's nets for the lab's settings, with He draws and random biases in float32."""
    width, depth = settings["width"], settings["depth"]
    norm = None if settings["normalisation"] == "none" else settings["normalisation"]
    common = {
        "seeds": seeds,
        "bias_initializer": lambda shape, rng, dtype: 0.1 * rng.standard_normal(shape).astype(dtype),
        "normalisation": norm,
        "dtype": np.float64,
    }
    if settings["shortcut"] == "none":
        widths = [inputs, *[width] * (depth - 1), classes]
        stack = networks.mlp(widths, settings["activation"], "he_normal", **common)
    else:
        blocks = max(1, (depth - 2) // 2)
        stack = networks.residual(
            (inputs, width, classes),
            blocks,
            settings["activation"],
            "he_normal",
            variant=settings["shortcut"],
            **common,
        )
    return stack.take(range(len(seeds)), dtype=np.float32).take(range(len(seeds)), dtype=np.float64)


def trained(values: Any, stack: Any) -> list[np.ndarray]:
    """Return the trained parameters of net 0 in the order of the engine's slots."""
    return [v[0] for v, p in zip(values, stack.parameters, strict=True) if p.kind in TRAINED]


def loss_and_gradients(stack: Any, x: Any, y: Any) -> Any:
    trace = stack.forward(x)
    loss, top = losses.softmax(trace.output, y[None])
    return trace.output[0], loss[0], trained(stack.backward(trace, top).values, stack)


def steps(stack: Any, x: Any, y: Any, settings: dict[str, Any], count: int) -> Any:
    """Return the fit of `count` steps on the whole batch."""
    part = datasets.Part(x, y)
    split = datasets.Split(part, datasets.Part(x[:0], y[:0]), part, 0.0, 1.0)
    return training.fit(
        stack,
        split,
        optimizer=settings["optimizer"],
        learning_rate=settings["rate"],
        epochs=count,
        batch_size=len(x),
        dtype=np.float64,
        threads=1,
    )
