"""The histogram explorer: the activations of every layer, and how many units are flat or dead."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import checks, networks, propagation
from initlib.explorers.engine import inputs
from initlib.explorers.engine.explorer import Explorer
from initlib.explorers.engine.panels import Histogram, Lines
from initlib.explorers.engine.table import Axis, Table
from initlib.typing import Array

SAMPLES = 64
REACH = 2.5  # what lies beyond counts in the outermost bins
BINS = tuple(round(-REACH + 0.1 * i, 1) for i in range(51))
SEEDS = (0, 1, 2)


def histograms(
    activations: Sequence[str] = ("relu", "tanh", "sigmoid", "gelu"),
    layers: int = 12,
    scales: Sequence[float] = inputs.QUARTER_OCTAVES,
    **start: Any,
) -> Explorer:
    """Return a menu of activations and a slider over the weight scale, with a histogram for every layer.

    Three nets of 64 units a layer, with Gaussian weights of variance sigma_w^2 / 64, see 64 standardised
    digits, each scaled to rms 1. Shares of activations lie in bins of width 0.1; the outermost bins hold what
    lies beyond 2.5. Saturated are pre-activations at which the slope is at most a twentieth of the steepest,
    dead the units that are so for every digit. `start` sets the controls: `activation="tanh"`, `sigma_w=1.0`.

    >>> histograms(["tanh"], layers=3, scales=[1, 2])
    Explorer('Activations by layer': activation tanh, weight scale σ_w 1 to 2 (2 values); \
panels Activations, Saturated units, Dead units)
    """
    activations = inputs.activations(activations)
    axes = [
        Axis("activation", activations),
        Axis("sigma_w", inputs.scales(scales), "weight scale σ_w", inputs.MARKS),
        Axis("layer", range(1, checks.integer("layers", layers, minimum=1, maximum=inputs.DEEPEST) + 1)),
        Axis("bin", BINS, "activation"),
        Axis("seed", SEEDS),
    ]
    x = inputs.images(SAMPLES)
    each = [[_layers(activation, layers, scale, x) for scale in axes[1].values] for activation in activations]
    dims = {"share": ("layer", "bin"), "saturated": ("seed", "layer"), "dead": ("seed", "layer")}
    arrays = {
        name: (("activation", "sigma_w", *own), np.array([[one[name] for one in row] for row in each]))
        for name, own in dims.items()
    }
    panels = [
        Histogram("Activations", "layer", "bin", "share", "share"),
        Lines("Saturated units", "layer", "saturated", "share of pre-activations", "seed"),
        Lines("Dead units", "layer", "dead", "share of units", "seed"),
    ]
    table = Table(axes, arrays, log=["share"])
    controls = ["activation", "sigma_w"]
    return Explorer("Activations by layer", table, controls, panels, start=start, name="histograms")


def _layers(activation: str, layers: int, scale: float, x: Array) -> dict[str, Array]:
    """Return the shares in the bins, (layers, bins), and those of flat and dead units, (seeds, layers)."""
    nets = networks.mlp([inputs.WIDTH] * (layers + 2), activation, "lecun_normal", seeds=SEEDS)
    for weights in nets.weights:
        weights *= scale
    profile = propagation.measure(nets, x)
    assert profile.dead is not None
    shares = np.array([share_by_bin(signal) for signal in nets.forward(x).post[:-1]])
    return {"share": shares, "saturated": profile.saturated[:, :-1], "dead": profile.dead[:, :-1]}


def share_by_bin(signal: Array) -> Array:
    """Return the share of the entries in each bin, those beyond the outermost bins in these.

    >>> shares = share_by_bin(np.array([-9.0, 0.04, 0.06, 2.5]))
    >>> [float(shares[i]) for i in (0, 25, 26, 50)]
    [0.25, 0.25, 0.25, 0.25]
    """
    index = np.clip(np.rint((signal.ravel() + REACH) / 0.1), 0, len(BINS) - 1).astype(int)
    return np.bincount(index, minlength=len(BINS)) / index.size
