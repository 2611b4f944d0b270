"""The signal explorer: how far a signal and its gradient get, by depth, weight scale and activation."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from initlib import checks, jobs, networks, propagation, theory
from initlib.explorers.engine import inputs
from initlib.explorers.engine.explorer import Explorer
from initlib.explorers.engine.inputs import QUARTER_OCTAVES, WIDTH
from initlib.explorers.engine.panels import Lines
from initlib.explorers.engine.table import Axis, Table
from initlib.networks import Network
from initlib.typing import Array

SAMPLES = 16
LIMITS = (1e-6, 1e6)  # of the axes; what lies beyond has died or exploded
DRAWS = {"gaussian": "lecun_normal", "orthogonal": "orthogonal"}  # both of variance 1 / fan_in

_NETS = ("activation", "ensemble", "sigma_w", "seed")
_THEORY = ("activation", "sigma_w")
_BAND = ("activation", "ensemble", "sigma_w", "layer")
_DIMS = {
    "rms": (*_NETS, "layer"),
    "gradient": (*_NETS, "depth", "layer"),
    "cosine": (*_NETS, "layer"),
    "rms_theory": (*_THEORY, "layer"),
    "rms_low": _BAND,
    "rms_high": _BAND,
    "cosine_theory": (*_THEORY, "layer"),
    "gradient_theory": (*_THEORY, "depth", "layer"),
    "gradient_low": (*_THEORY, "depth", "layer"),
    "gradient_high": (*_THEORY, "depth", "layer"),
}


def signal(
    activations: Sequence[str] = ("relu", "tanh", "sigmoid", "gelu", "selu", "identity"),
    depths: Sequence[int] = (4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64),
    scales: Sequence[float] = QUARTER_OCTAVES,
    seeds: Sequence[int] = (0, 1, 2),
    ensembles: Sequence[str] = ("gaussian", "orthogonal"),
    **start: Any,
) -> Explorer:
    """Return sliders over depth and weight scale, with signal, gradient and cosine by layer.

    Nets of 64 units a layer see 16 standardised digits, each scaled to rms 1; their weights are Gaussian with
    variance sigma_w^2 / 64, or sigma_w times orthogonal matrices. The gradient starts at the last layer with
    draws from N(0, 1). Theory and band are those of `propagation.predict`; the gradient's band is known for
    ReLU-type activations with Gaussian weights, and drawn where every activation has one. Beyond layer 8 a
    few layers stand for all. `start` sets the controls: `depth=20`, `sigma_w=1.0`, `activation="tanh"`,
    `ensemble="orthogonal"`.

    >>> signal(["relu"], depths=[2, 4], scales=[1, 2], seeds=[0], ensembles=["gaussian"])
    Explorer('Signal through depth': activation relu, weights gaussian, depth L 2 to 4 (2 values), weight \
scale σ_w 1 to 2 (2 values); panels Signal, Gradient, Cosine)
    """
    activations = inputs.activations(activations)
    ensembles = checks.names("ensembles", ensembles, DRAWS)
    depths = checks.integers("depths", depths, minimum=1, maximum=inputs.DEEPEST)
    scales = inputs.scales(scales)
    seeds = checks.integers("seeds", seeds, minimum=0)
    layers = shown_layers(depths)
    axes = [
        Axis("activation", activations),
        Axis("ensemble", ensembles, "weights"),
        Axis("depth", depths, "depth L"),
        Axis("sigma_w", scales, "weight scale σ_w", inputs.MARKS),
        Axis("seed", seeds),
        Axis("layer", layers),
    ]
    x = inputs.images(SAMPLES)
    curves = partial(_curves, ensembles=ensembles, depths=depths, scales=scales, seeds=seeds, x=x)
    with jobs.one_blas_thread():
        by_activation = [curves(activation) for activation in activations]
    shown = np.array(layers) - 1
    arrays = {name: np.stack([one[name] for one in by_activation])[..., shown] for name in _DIMS}
    known = {name: (_DIMS[name], array) for name, array in arrays.items() if not np.isnan(array).all()}
    table = Table(axes, known, log=[name for name in known if not name.startswith("cosine")])
    panels = [
        _panel("Signal", "rms", "rms of pre-activations", known, limits=LIMITS),
        _panel("Gradient", "gradient", "rms of the gradient", known, report="first", limits=LIMITS),
        _panel("Cosine", "cosine", "mean cosine", known),
    ]
    controls = ["activation", "ensemble", "depth", "sigma_w"]
    return Explorer("Signal through depth", table, controls, panels, start=start, play="depth", name="signal")


def shown_layers(depths: Sequence[int]) -> list[int]:
    """Return the layers that are drawn: the first eight, then fewer and fewer, and every last one.

    >>> shown_layers([4, 10, 31])
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 31]
    """
    layers = {*range(1, 9), *range(10, 17, 2), *range(20, max(depths) + 1, 4), *depths}
    return sorted(layer for layer in layers if layer <= max(depths))


def _panel(title: str, name: str, label: str, known: Any, **options: Any) -> Lines:
    band = (f"{name}_low", f"{name}_high")
    return Lines(
        title,
        x="layer",
        y=name,
        label=label,
        over="seed",
        theory=f"{name}_theory",
        band=band if band[0] in known else None,
        until="depth",
        **options,
    )


def _curves(
    activation: str,
    *,
    ensembles: Sequence[str],
    depths: Sequence[int],
    scales: Sequence[float],
    seeds: Sequence[int],
    x: Array,
) -> dict[str, Array]:
    """Return the measured and the predicted curves of one activation, at every layer, axes as in `_DIMS`."""
    widths = [WIDTH] * (max(depths) + 1)
    measured: dict[str, list[Array]] = {"rms": [], "gradient": [], "cosine": []}
    for ensemble in ensembles:
        nets = _nets(widths, activation, DRAWS[ensemble], scales, seeds)
        trace = nets.forward(x)
        found = {
            "rms": propagation.by_layer(propagation.rms, trace.pre),
            "gradient": _gradients(nets, trace, depths),
            "cosine": propagation.by_layer(propagation.cosine, trace.pre),
        }
        for name, curve in found.items():
            measured[name].append(curve.reshape(len(scales), len(seeds), *curve.shape[1:]))
    predict = partial(propagation.predict, widths, activation, cosine=inputs.cosine(x))
    profiles = [predict(sigma_w=scale) for scale in scales]
    predicted = [_predicted(profile, depths) for profile in profiles]
    bands = {"gaussian": [profile.rms_band for profile in profiles]}
    if "orthogonal" in ensembles:
        bands["orthogonal"] = [_orthogonal_band(widths, activation, scale) for scale in scales]
    edges = np.array([bands[ensemble] for ensemble in ensembles])
    return {
        **{name: np.stack(curves) for name, curves in measured.items()},
        **{name: np.stack([one[name] for one in predicted]) for name in predicted[0]},
        "rms_low": edges[:, :, 0],
        "rms_high": edges[:, :, 1],
    }


def _nets(
    widths: Sequence[int], activation: str, draw: str, scales: Sequence[float], seeds: Sequence[int]
) -> Network:
    """Return nets of every scale and seed; those of one seed have the same weights but for the scale."""
    drawn = networks.mlp(widths, activation, draw, seeds=seeds)
    nets = drawn.take(np.tile(np.arange(len(seeds)), len(scales)))
    for weights in nets.weights:
        weights *= np.repeat(scales, len(seeds))[:, None, None]
    return nets


def _orthogonal_band(widths: Sequence[int], activation: str, scale: float) -> Array:
    """Return between which values the rms of 95 % of nets lies, as `propagation.predict` does."""
    band = theory.finite_width_band(widths, activation, scale, ensemble="orthogonal")
    edges: Array = np.exp((band.mean + np.outer((-2, 2), band.std)) / 2)
    return edges


def _predicted(profile: propagation.Profile, depths: Sequence[int]) -> dict[str, Array]:
    """Return the predicted curves of one scale; the gradient's at every depth, from those of the deepest net.

    In square layers the gradient of the net of depth L is that of the deepest net, relative to its layer L.
    Its band, known where the ratio per layer does not depend on the layer, widens with the layers passed.
    """
    deepest = len(profile.rms)
    band = profile.gradient_rms_band
    spread = np.full((2, deepest), np.nan) if band is None else band / profile.gradient_rms
    curves = np.full((3, len(depths), deepest), np.nan)
    for i, depth in enumerate(depths):
        theory = profile.gradient_rms[:depth] / profile.gradient_rms[depth - 1]
        curves[0, i, :depth] = theory
        curves[1:, i, :depth] = theory * spread[:, deepest - depth :]
    return {
        "rms_theory": profile.rms,
        "cosine_theory": profile.cosine,
        **dict(zip(("gradient_theory", "gradient_low", "gradient_high"), curves, strict=True)),
    }


def gradients_by_depth(network: Network, x: ArrayLike, depths: Sequence[int]) -> Array:
    """Return the gradient's rms by layer in the nets cut off at each depth: (nets, depths, layers).

    The net of depth L is the first L weight layers. Its gradient starts at layer L with draws from N(0, 1),
    and is NaN above. One backward pass serves all depths, each as rows of its own. `depths` increase.
    """
    return _gradients(network, network.forward(x), depths)


def _gradients(network: Network, trace: networks.Trace, depths: Sequence[int]) -> Array:
    slope = network.activation.derivative
    if slope is None:
        raise ValueError(f"The derivative of {network.activation.name!r} is needed for its gradients.")
    start = np.random.default_rng(0).standard_normal(trace.pre[-1].shape[1:])
    result = np.full((network.nets, len(depths), network.depth), np.nan)
    under_way = np.empty((network.nets, 0, *start.shape))  # (nets, depths at least this deep, samples, units)
    for layer in reversed(range(network.depth)):
        if under_way.shape[1]:
            rows = under_way.reshape(network.nets, -1, start.shape[-1])
            back = rows @ network.weights[layer + 1].swapaxes(1, 2)
            under_way = back.reshape(under_way.shape) * slope(trace.pre[layer])[:, None]
        if layer + 1 in depths:
            fresh = np.broadcast_to(start, (network.nets, 1, *start.shape))
            under_way = np.concatenate([fresh, under_way], axis=1)
        count = under_way.shape[1]
        sizes = propagation.rms(under_way.reshape(-1, *start.shape))
        result[:, len(depths) - count :, layer] = sizes.reshape(network.nets, count)
    return result
