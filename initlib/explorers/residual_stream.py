"""The residual explorer: how a stream of residual blocks grows, by branch scale, blocks and normalisation."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from initlib import checks, networks, propagation, theory
from initlib.explorers.engine import inputs
from initlib.explorers.engine.explorer import Explorer
from initlib.explorers.engine.panels import Lines
from initlib.explorers.engine.table import Axis, Table
from initlib.typing import Array

SAMPLES = 32
LIMITS = (1e-1, 1e6)  # of the axes
NORMALISATIONS = ("none", "layer norm", "batch norm")
BRANCH_SCALES = tuple(2 ** (-k / 2) for k in range(6, -1, -1))
MARKS = {"1/√64": 1 / 8, "1/√16": 1 / 4, "1/√4": 1 / 2, "plain": 1.0}


def residual(
    normalisations: Sequence[str] = NORMALISATIONS,
    blocks: Sequence[int] = (4, 16, 64),
    scales: Sequence[float] = BRANCH_SCALES,
    seeds: Sequence[int] = (0, 1, 2),
    **start: Any,
) -> Explorer:
    """Return sliders over the scale of the branches, the number of blocks and the normalisation.

    A block is x <- x + s F(x), F being two ReLU layers of 64 units with He's weights, each behind a
    normalisation or none. Theory: without normalisation a block multiplies the mean square of the stream by
    1 + s^2, with it a block adds s^2; the squared gradient grows by 1 + s^2, by 1 + s^2 / q with layer norm,
    and by 1 + s^2 (pi / (pi - 1)) / v with batch norm, where q is the mean square of the stream and 1 / v the
    mean inverse of the variances of its units between inputs (wide nets, large batches). `start` sets the
    controls: `branch_scale=0.25`, `blocks=16`, `normalisation="layer norm"`.

    Source: Hanin and Rolnick 2018, arXiv:1803.01719; Zhang et al. 2019, arXiv:1901.09321; Yang et al. 2019,
    arXiv:1902.08129 (batch norm).

    >>> residual(["none"], blocks=[2, 4], scales=[0.5, 1], seeds=[0])
    Explorer('Residual stream': normalisation none, blocks 2 to 4 (2 values), branch scale 0.5 to 1 \
(2 values); panels Signal, Gradient, Cosine)
    """
    normalisations = checks.names("normalisations", normalisations, NORMALISATIONS)
    axes = [
        Axis("normalisation", normalisations),
        Axis("blocks", checks.integers("blocks", blocks, minimum=1, maximum=inputs.DEEPEST)),
        Axis("branch_scale", inputs.scales(scales), "branch scale", MARKS),
        Axis("seed", checks.integers("seeds", seeds, minimum=0)),
        Axis("block", range(max(blocks) + 1)),
    ]
    x = inputs.images(SAMPLES)
    each = [_curves(name, axes[1].values, axes[2].values, axes[3].values, x) for name in normalisations]
    arrays = {name: (dims, np.stack([one[name] for one in each])) for name, dims in _DIMS.items()}
    table = Table(axes, arrays, log=[name for name in arrays if name != "cosine"])
    panels = [
        Lines(
            "Signal",
            "block",
            "rms",
            "rms of the stream",
            "seed",
            "rms_theory",
            until="blocks",
            limits=LIMITS,
        ),
        Lines(
            "Gradient",
            "block",
            "gradient",
            "rms of the gradient",
            "seed",
            "gradient_theory",
            until="blocks",
            report="first",
            limits=LIMITS,
        ),
        Lines("Cosine", "block", "cosine", "mean cosine", "seed", until="blocks"),
    ]
    controls = ["normalisation", "blocks", "branch_scale"]
    return Explorer("Residual stream", table, controls, panels, start=start, play="blocks", name="residual")


_NETS = ("normalisation", "branch_scale", "seed")
_DIMS = {
    "rms": (*_NETS, "block"),
    "cosine": (*_NETS, "block"),
    "gradient": (*_NETS, "blocks", "block"),
    "rms_theory": ("normalisation", "branch_scale", "block"),
    "gradient_theory": ("normalisation", "branch_scale", "blocks", "block"),
}


def _curves(
    normalisation: str, blocks: Sequence[int], scales: Sequence[float], seeds: Sequence[int], x: Array
) -> dict[str, Array]:
    """Return measured and predicted curves with axes as in `_DIMS`, relative to where they start."""
    deepest = max(blocks)
    nets = (len(scales), len(seeds))
    gradient = np.full((*nets, len(blocks), deepest + 1), np.nan)
    rms, cosine = np.empty((2, *nets, deepest + 1))
    for i, count in enumerate(blocks):
        stream, back = _measured(normalisation, count, scales, seeds, x)
        gradient[:, :, i, : count + 1] = (back / back[:, -1:]).reshape(*nets, -1)
        if count == deepest:
            rms = propagation.by_layer(propagation.rms, stream).reshape(*nets, -1)
            cosine = propagation.by_layer(propagation.cosine, stream).reshape(*nets, -1)
    spread = stream[0].var(axis=1).ravel()
    predicted = [predict(normalisation, deepest, scale, spread) for scale in scales]
    slopes = np.full((len(scales), len(blocks), deepest + 1), np.nan)
    for i, count in enumerate(blocks):
        for row, (_, back) in zip(slopes[:, i], predicted, strict=True):
            row[: count + 1] = back[: count + 1] / back[count]
    return {
        "rms": rms / rms[..., :1],
        "cosine": cosine,
        "gradient": gradient,
        "rms_theory": np.array([signal for signal, _ in predicted]),
        "gradient_theory": slopes,
    }


def _measured(
    normalisation: str, blocks: int, scales: Sequence[float], seeds: Sequence[int], x: Array
) -> tuple[list[Array], Array]:
    """Return the stream, (nets, samples, units) by block, and the rms of its gradient, (nets, blocks + 1)."""
    nets = len(seeds) * len(scales)
    stack = networks.residual(
        (inputs.WIDTH, inputs.WIDTH, inputs.WIDTH),
        blocks,
        "relu",
        [["lecun_normal", *["he_normal"] * (2 * blocks), "lecun_normal"]] * nets,
        seeds=list(seeds) * len(scales),
        branch_scale=np.repeat(scales, len(seeds)),
        normalisation=None if normalisation == "none" else normalisation.split()[0],
    )
    trace = stack.forward(x)
    top = np.random.default_rng(0).standard_normal(trace.output.shape[1:])
    gradients = stack.backward(trace, np.broadcast_to(top, trace.output.shape))
    return list(trace.pre[:-1]), propagation.by_layer(propagation.rms, gradients.pre[:-1])


def predict(
    normalisation: str, blocks: int, scale: float, variances: ArrayLike = (1.0,)
) -> tuple[Array, Array]:
    """Return the rms of the stream by block, from 1, and that of the gradient, to 1 at the last block.

    `variances` are those of the units between inputs where the stream begins; batch norm divides by them.

    >>> signal, gradient = predict("none", 2, 1.0)
    >>> (signal**2).round(6).tolist(), (gradient**2).round(6).tolist()
    ([1.0, 2.0, 4.0], [4.0, 2.0, 1.0])
    >>> (predict("layer norm", 3, 1.0)[0] ** 2).round(6).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    if normalisation == "none":
        profile = theory.residual_profile(blocks, "relu", 2**0.5, branch_scale=scale)
        return np.sqrt(profile.q), np.sqrt(profile.gradient)
    added = scale**2 * np.arange(blocks + 1)
    if normalisation == "batch norm":
        own = 1 - 1 / math.pi  # behind ReLU, two inputs that share nothing have a covariance of 1 / pi
        factors = 1 + scale**2 / own * (1 / np.add.outer(own * added, np.asarray(variances))).mean(axis=1)
    else:
        factors = 1 + scale**2 / (1 + added)
    gradient = np.cumprod([1.0, *factors[:-1][::-1]])[::-1]
    return np.sqrt(1 + added), np.sqrt(gradient)
