"""The order and chaos explorer: the phases of tanh nets in theory, and how deep such nets train."""

import math
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from initlib import checks, evidence, theory
from initlib.experiments import trainable_depth
from initlib.explorers.engine.answer import Answer, answers
from initlib.explorers.engine.explorer import Explorer
from initlib.explorers.engine.panels import HeatMap
from initlib.explorers.engine.table import Axis, Table
from initlib.typing import Array

FINE_SIGMA_W = tuple(2 ** (k / 8) for k in range(-8, 9))
FINE_SIGMA_B = tuple(round(0.05 * k, 2) for k in range(13))
SIX = 6.0  # the bound on trainable depth that is often quoted, in units of xi


def order_chaos(
    fine_sigma_w: Sequence[float] = FINE_SIGMA_W,
    fine_sigma_b: Sequence[float] = FINE_SIGMA_B,
    **start: Any,
) -> Explorer:
    """Return sliders over sigma_w, sigma_b and the depth: where tanh nets keep signals, and where they train.

    Left: chi, the factor of squared gradients per layer where signals have settled, and the critical line on
    which it is 1; below it inputs grow alike (order), above it apart (chaos). Right: the share of training
    images that nets of 64 units a layer read after 80 steps, the median of ten (archive of the experiment
    "trainable-depth"), and six times the depth scale xi. `start` sets the controls: `sigma_w=1.0`,
    `sigma_b=0.2`, `depth=16`.

    Source: Poole et al. 2016, arXiv:1606.05340; Schoenholz et al. 2017, arXiv:1611.01232.

    >>> order_chaos(fine_sigma_w=[0.5, 2], fine_sigma_b=[0, 0.5])
    Explorer('Order and chaos': weight scale σ_w 0.5 to 2 (9 values), bias scale σ_b 0 to 0.5 \
(3 values), depth L 4 to 32 (6 values); panels Theory, Training, In words)
    """
    fine_sigma_w = _scales("fine_sigma_w", fine_sigma_w)
    fine_sigma_b = _scales("fine_sigma_b", fine_sigma_b)
    sigma_w, sigma_b = trainable_depth.MAP_SIGMA_W, trainable_depth.MAP_SIGMA_B
    axes = [
        Axis("sigma_w", sigma_w, "weight scale σ_w", {"Xavier": 1.0}),
        Axis("sigma_b", sigma_b, "bias scale σ_b"),
        Axis("depth", trainable_depth.MAP_DEPTHS, "depth L"),
        Axis("fine_w", fine_sigma_w, "σ_w"),
        Axis("fine_b", fine_sigma_b, "σ_b"),
    ]
    accuracy = _measured()
    texts, which = answers([axes[1], axes[0], axes[2]], partial(_words, accuracy, axes[:3]))
    arrays: dict[str, Any] = {
        "chi": (("fine_b", "fine_w"), [[settled(w, b)[1] for w in fine_sigma_w] for b in fine_sigma_b]),
        "critical": (("fine_w",), critical_sigma_b(fine_sigma_w)),
        "accuracy": (("sigma_b", "sigma_w", "depth"), accuracy),
        "six": (("sigma_b", "sigma_w"), [[_six_xi(w, b) for w in sigma_w] for b in sigma_b]),
        "answer": (("sigma_b", "sigma_w", "depth"), which),
    }
    panels = [
        HeatMap(
            "Theory",
            "fine_w",
            "fine_b",
            "chi",
            "χ",
            marker={"fine_w": "sigma_w", "fine_b": "sigma_b"},
            overlay={"critical line": "critical"},
            limits=(0.25, 4.0),
            center=1.0,
        ),
        HeatMap(
            "Training",
            "sigma_w",
            "depth",
            "accuracy",
            "images read, %",
            marker={"sigma_w": "sigma_w", "depth": "depth"},
            overlay={"six ξ": "six"},
            limits=(0.0, 100.0),
        ),
        Answer("In words", "answer", texts),
    ]
    table = Table(axes, arrays, log=["chi"])
    controls = ["sigma_w", "sigma_b", "depth"]
    return Explorer("Order and chaos", table, controls, panels, start=start, play="depth", name="order-chaos")


def _scales(name: str, values: Sequence[float]) -> list[float]:
    entries = checks.sequence(name, values)
    return [checks.real(f"{name}[{i}]", one, minimum=0, maximum=1e6) for i, one in enumerate(entries)]


def settled(sigma_w: float, sigma_b: float) -> tuple[float, float]:
    """Return q* and chi of wide tanh nets, where their signals have settled.

    >>> q, chi = settled(1.5, 0.2)
    >>> round(q, 3), round(chi, 3)
    (0.871, 1.101)
    """
    q = theory.variance_fixed_point("tanh", sigma_w, sigma_b).q
    return q, theory.chi("tanh", sigma_w, q)


@cache
def depth_scale(sigma_w: float, sigma_b: float) -> float:
    """Return xi, over how many layers the correlation of two inputs settles by a factor e.

    >>> round(depth_scale(1.0, 0.05**0.5), 3)
    3.627
    """
    return theory.depth_scales("tanh", sigma_w, sigma_b).xi_c


def critical_sigma_b(sigma_w: Sequence[float]) -> Array:
    """Return for each sigma_w the sigma_b with which tanh nets are critical, NaN where there is none.

    With q the second moment, sigma_w^2 = 1 / E phi'^2 and sigma_b^2 = q - E phi^2 / E phi'^2.

    >>> critical_sigma_b([0.9, 1.760955**0.5]).round(4).tolist()
    [nan, 0.2237]
    """
    curve = []
    for q in np.geomspace(1e-3, 20, 120):
        w = 1 / math.sqrt(theory.chi("tanh", 1.0, q))
        curve.append((w, q - float(theory.variance_map(q, "tanh", w))))
    w, squared_b = np.array([(1.0, 0.0), *curve]).T
    line: Array = np.interp(sigma_w, w, np.sqrt(squared_b), left=np.nan, right=np.nan)
    return line


def _six_xi(sigma_w: float, sigma_b: float) -> float:
    xi = depth_scale(sigma_w, sigma_b)
    return SIX * xi if math.isfinite(xi) else math.nan


def _measured() -> Array:
    """Return the median training accuracy in percent, (sigma_b, sigma_w, depth), from the archive."""
    found = evidence.load("trainable-depth")
    return np.array(
        [
            [
                100 * np.median(found.values("map", "accuracies", sigma_b=b, sigma_w=w), axis=0)
                for w in trainable_depth.MAP_SIGMA_W
            ]
            for b in trainable_depth.MAP_SIGMA_B
        ]
    )


def _words(accuracy: Array, axes: Sequence[Axis], sigma_b: float, sigma_w: float, depth: int) -> str:
    """Return what theory says of one point, and what nets of one depth did."""
    at = {"sigma_w": sigma_w, "sigma_b": sigma_b, "depth": depth}
    i, j, k = (axes[n].nearest(at[axes[n].name]) for n in (1, 0, 2))
    q, chi = settled(sigma_w, sigma_b)
    xi = depth_scale(sigma_w, sigma_b)
    phase = "At the edge" if not math.isfinite(xi) else "Order" if chi < 1 else "Chaos"
    reach = f"ξ = {xi:.1f} layers" if math.isfinite(xi) else "ξ is infinite"
    return (
        f"{phase}: χ = {chi:.2f}, q* = {q:.2g}, {reach}.\n\n"
        f"After 80 steps, nets of {depth} layers read {accuracy[i, j, k]:.0f} % of the training images."
    )
