"""A small explorer whose every number is known: rms(scale, layer) = (gain scale)^layer."""

import numpy as np

from initlib.explorers import Axis, Explorer, Lines, Table

ACTIVATIONS = ("relu", "tanh", "gelu")
DEPTHS = range(2, 13, 2)
SCALES = 2.0 ** (np.arange(-4, 5) / 4)
LAYERS = np.arange(1, 13)
SEEDS = range(3)


def numbers():
    """rms (activation, scale, seed, layer), with one net that diverges and one that ends at 0."""
    gain = np.array([1.0, 0.9, 0.8])[:, None, None, None]
    seed = np.array([0.9, 1.0, 1.1])[:, None]
    rms = (gain * SCALES[:, None, None]) ** LAYERS * seed ** np.sqrt(LAYERS)
    rms[2, -1, 0, 5:] = np.nan
    rms[1, 0, 1, 8:] = 0
    return rms


def explorer(title="Example", **start):
    theory = (np.array([1.0, 0.9, 0.8])[:, None, None] * SCALES[:, None]) ** LAYERS
    table = Table(
        [
            Axis("activation", ACTIVATIONS),
            Axis("depth", DEPTHS, label="depth L"),
            Axis("sigma_w", SCALES, label="weight scale sigma_w", marks={"LeCun": 1.0, "He": 2**0.5}),
            Axis("layer", LAYERS),
            Axis("seed", SEEDS),
        ],
        {
            "rms": (["activation", "sigma_w", "seed", "layer"], numbers()),
            "theory": (["activation", "sigma_w", "layer"], theory),
            "low": (["activation", "sigma_w", "layer"], theory * 0.8),
            "high": (["activation", "sigma_w", "layer"], theory * 1.25),
            "cosine": (["activation", "seed", "layer"], 1 - 0.5 ** (numbers()[:, 4] + 1)),
        },
        log=["rms", "theory", "low", "high"],
    )
    panels = [
        Lines(
            "Signal", "layer", "rms", "rms", over="seed", theory="theory", band=("low", "high"), until="depth"
        ),
        Lines("Cosine", "layer", "cosine", "cosine", over="seed", until="depth", report="first"),
    ]
    return Explorer(title, table, ["activation", "depth", "sigma_w"], panels, start={"sigma_w": 1.0, **start})
