"""The signal explorer: how far a signal and its gradient get, by depth, weight scale and activation."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from initlib import checks, datasets, initializers, networks, propagation
from initlib.explorers.explorer import Explorer
from initlib.explorers.panels import Lines
from initlib.explorers.table import Axis, Table

Array = NDArray[np.float64]

WIDTH = 64  # the digits have 64 pixels, so every layer is square
SAMPLES = 16
MARKS = {"LeCun, Xavier": 1.0, "He": 2**0.5}  # in square layers
QUARTER_OCTAVES = tuple(2 ** (k / 4) for k in range(-6, 7))

_NETS = ("activation", "sigma_w", "seed")
_DIMS = {
    "rms": (*_NETS, "layer"),
    "gradient": (*_NETS, "depth", "layer"),
    "cosine": (*_NETS, "layer"),
    "rms_theory": ("activation", "sigma_w", "layer"),
    "rms_low": ("activation", "sigma_w", "layer"),
    "rms_high": ("activation", "sigma_w", "layer"),
    "cosine_theory": ("activation", "sigma_w", "layer"),
    "gradient_theory": ("activation", "sigma_w", "depth", "layer"),
    "gradient_low": ("activation", "sigma_w", "depth", "layer"),
    "gradient_high": ("activation", "sigma_w", "depth", "layer"),
}


def signal(
    activations: Sequence[str] = ("relu", "tanh", "sigmoid", "identity"),
    depths: Sequence[int] = range(4, 65, 4),
    scales: Sequence[float] = QUARTER_OCTAVES,
    seeds: Sequence[int] = (0, 1, 2),
    **start: Any,
) -> Explorer:
    """Return sliders over depth and weight scale, with signal, gradient and cosine by layer.

    Nets of 64 units a layer see 16 standardised digits, each scaled to rms 1; their weights are Gaussian with
    variance sigma_w^2 / 64. The gradient starts at the last layer with draws from N(0, 1). Theory and band
    are those of `propagation.predict`; the gradient's band is known for ReLU-type activations. `start` sets
    the controls: `depth=20`, `sigma_w=1.0`, `activation="tanh"`.

    >>> signal(["relu"], depths=[2, 4], scales=[1, 2], seeds=[0])
    Explorer('Signal through depth': activation relu, depth L 2 to 4 (2 values), weight scale sigma_w 1 to 2 \
(2 values); panels Signal, Gradient, Cosine)
    """
    import threadpoolctl

    axes = [
        Axis("activation", activations),
        Axis("depth", checks.integers("depths", depths, minimum=1), "depth L"),
        Axis("sigma_w", [checks.real("scales", s, above=0) for s in scales], "weight scale sigma_w", MARKS),
        Axis("seed", checks.integers("seeds", seeds, minimum=0)),
        Axis("layer", range(1, max(depths) + 1)),
    ]
    curves = partial(_curves, depths=axes[1].values, scales=axes[2].values, seeds=axes[3].values, x=_images())
    with threadpoolctl.threadpool_limits(1, user_api="blas"), ThreadPoolExecutor() as pool:
        by_activation = list(pool.map(curves, activations))
    arrays = {name: np.stack([one[name] for one in by_activation]) for name in _DIMS}
    known = {name: (_DIMS[name], array) for name, array in arrays.items() if not np.isnan(array).all()}
    table = Table(axes, known, log=[name for name in known if not name.startswith("cosine")])
    panels = [
        _panel("Signal", "rms", "rms of pre-activations", known),
        _panel("Gradient", "gradient", "rms of the gradient", known, report="first"),
        _panel("Cosine", "cosine", "mean cosine", known),
    ]
    return Explorer("Signal through depth", table, ["activation", "depth", "sigma_w"], panels, start=start)


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


def _images() -> Array:
    """Return some digits, each scaled to rms 1, as the theory assumes of its inputs."""
    images = datasets.digits().split(seed=0).train.inputs[:SAMPLES].astype(float)
    scaled: Array = images / np.sqrt(np.square(images).mean(axis=1, keepdims=True))
    return scaled


def _curves(
    activation: str, *, depths: Sequence[int], scales: Sequence[float], seeds: Sequence[int], x: Array
) -> dict[str, Array]:
    """Return the measured and the predicted curves of one activation, with axes as in `_DIMS`."""
    widths = [WIDTH] * (max(depths) + 1)
    draws = [partial(initializers.variance_scaling, scale=scale**2) for scale in scales for _ in seeds]
    nets = networks.mlp(widths, activation, draws, seeds=list(seeds) * len(scales))
    profile = propagation.measure(nets, x)
    measured = {
        "rms": profile.rms,
        "gradient": gradients_by_depth(nets, x, depths),
        "cosine": profile.cosine,
    }
    cosine = (np.square(x.sum(axis=0)).mean() - SAMPLES) / (SAMPLES * (SAMPLES - 1))
    predict = partial(propagation.predict, widths, activation, cosine=float(cosine))
    predicted = [_predicted(predict(sigma_w=scale), depths) for scale in scales]
    return {
        **{name: c.reshape(len(scales), len(seeds), *c.shape[1:]) for name, c in measured.items()},
        **{name: np.stack([one[name] for one in predicted]) for name in predicted[0]},
    }


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
    assert profile.rms_band is not None
    return {
        "rms_theory": profile.rms,
        "rms_low": profile.rms_band[0],
        "rms_high": profile.rms_band[1],
        "cosine_theory": profile.cosine,
        **dict(zip(("gradient_theory", "gradient_low", "gradient_high"), curves, strict=True)),
    }


def gradients_by_depth(network: networks.Network, x: ArrayLike, depths: Sequence[int]) -> Array:
    """Return the gradient's rms by layer in the nets cut off at each depth: (nets, depths, layers).

    The net of depth L is the first L weight layers. Its gradient starts at layer L with draws from N(0, 1),
    and is NaN above. One backward pass serves all depths, each as rows of its own. `depths` increase.
    """
    trace = network.forward(x)
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
        result[:, len(depths) - count :, layer] = np.sqrt(np.square(under_way).mean(axis=(2, 3)))
    return result
