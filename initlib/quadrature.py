"""Gauss-Legendre panels for averages over a Gaussian variable z, and where a function needs more of them."""

import math
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np

from initlib.typing import FloatArray

__all__ = ["CHECK_NODES", "NODES", "REACH", "STEPS", "edges", "nodes", "resolved", "rule"]

REACH = 14.0  # the density is 1e-43 there
STEPS = np.array([1.0, 2, 3, 4, 5, 6, 8, 10, 12, REACH])
NODES, CHECK_NODES = 20, 16  # in a panel, of the rule and of the rule that it is compared with
_PROBES = 256  # in a panel, where the polynomial through the nodes is compared with the function
_PROBED = 8.0  # the density is 5e-15 there
_HALVINGS, _MOST = 6, 1000  # more panels than that: f oscillates, and is refused
_UNSEEN = 1e-11  # of E |f|: what a panel may hide from its nodes


def edges(q: float, kinks: tuple[float, ...]) -> FloatArray:
    """Return the edges of the panels in z: at the kinks, at `STEPS`, and at x = sqrt(q) z = 0, +-1/8, ...

    >>> edges(1.0, (0.7,))[13:18]
    array([0.   , 0.125, 0.25 , 0.5  , 0.7  ])
    """
    s = math.sqrt(q)
    z = np.concatenate([STEPS, 2.0 ** np.arange(-3, max(math.log2(REACH * s), -3)) / s])
    found: FloatArray = np.unique(np.concatenate([[0.0], z, -z, np.asarray(kinks, dtype=float) / s]))
    return found[np.abs(found) <= REACH]


@cache
def _legendre(n: int) -> tuple[FloatArray, FloatArray]:
    return np.polynomial.legendre.leggauss(n)


def rule(edges: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes z and weights of the Gaussian measure on the panels between `edges` (the last axis).

    >>> z, weights = rule(np.array([-14.0, -2.0, 2.0, 14.0]), 30)
    >>> f"{weights @ z**2:.12f}"
    '1.000000000000'
    """
    nodes, weights = _legendre(n)
    half = np.diff(edges)[..., None] / 2
    z = edges[..., :-1, None] + half * (1 + nodes)
    weights = half * (weights / math.sqrt(2 * math.pi)) * np.exp(-z * z / 2)
    flat = (*edges.shape[:-1], -1)
    return z.reshape(flat), weights.reshape(flat)


@lru_cache(maxsize=64)
def nodes(q: float, kinks: tuple[float, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return x at the nodes of the rule and then of the rule to compare with, and the weights of both.

    >>> x, weights, check_weights = nodes(1.0, ())
    >>> x.size == weights.size + check_weights.size
    True
    """
    panels = edges(q, kinks)
    z, weights = rule(panels, NODES)
    z_check, weights_check = rule(panels, CHECK_NODES)
    return math.sqrt(q) * np.concatenate([z, z_check]), weights, weights_check


@cache
def _interpolation() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return probes in [-1, 1], dense at its ends, their weights, and the matrix from values at the nodes."""
    angles = np.pi * (np.arange(_PROBES) + 0.5) / _PROBES
    probes = np.cos(angles)
    at_nodes, at_probes = (
        np.polynomial.legendre.legvander(x, NODES - 1) for x in (_legendre(NODES)[0], probes)
    )
    return probes, np.sin(angles) * np.pi / _PROBES, np.linalg.solve(at_nodes.T, at_probes.T)


def resolved(
    f: Callable[[FloatArray], FloatArray], q: float, kinks: tuple[float, ...]
) -> tuple[tuple[float, ...], float]:
    """Return `kinks` and the edges of more panels, where the polynomial through the nodes is not f.

    The second number is what panels still hide in the end, as a share of E |f|, or 0.

    >>> resolved(np.tanh, 1.0, ())
    ((), 0.0)
    >>> edges, hidden = resolved(lambda x: np.exp(-((x / 0.02 - 40) ** 2)), 1.0, ())
    >>> len(edges) > 3, hidden
    (True, 0.0)
    """
    s = math.sqrt(q)
    panels = edges(q, kinks)
    left, right = panels[:-1], panels[1:]
    near = (right > -_PROBED) & (left < _PROBED)
    left, right = left[near], right[near]
    probes, widths, between = _interpolation()
    total, new, share = 0.0, [], 0.0
    for halvings in range(_HALVINGS + 1):
        middle, half = (left + right) / 2, (right - left) / 2
        z = middle[:, None] + half[:, None] * probes
        at_probes = f((s * z).ravel()).reshape(z.shape)
        at_nodes = f((s * (middle[:, None] + half[:, None] * _legendre(NODES)[0])).ravel())
        weights = half[:, None] * widths * np.exp(-z * z / 2)
        off = weights * np.abs(at_nodes.reshape(-1, NODES) @ between - at_probes)
        hidden = off.sum(axis=1)
        total = max(total, float((weights * np.abs(at_probes)).sum()), float(hidden.sum()))
        wrong = hidden > _UNSEEN * total
        share = float(hidden[wrong].sum() / total) if wrong.any() else 0.0
        if not 0 < wrong.sum() < _MOST or halvings == _HALVINGS:
            break
        # What a single probe saw is at an edge from now on, where probes are dense: it is not lost again.
        spike = off.max(axis=1) > hidden / 2
        cuts = np.where(spike, z[np.arange(len(z)), off.argmax(axis=1)], middle)[wrong]
        new += cuts.tolist()
        left, right = np.concatenate([left[wrong], cuts]), np.concatenate([cuts, right[wrong]])
    return (*kinks, *(s * z for z in new)), share
