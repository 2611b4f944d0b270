"""Averages over Gaussian variables, exact to rounding: the integrals of every signal-propagation formula.

The rule is Gauss-Legendre on panels whose edges lie at the kinks of the function, at steps in z where the
density varies, and at x = sqrt(q) z = 0, +-1/8, +-1/4, ... +-2^k where activation functions vary.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from initlib import checks
from initlib.quadrature import CHECK_NODES, NODES, REACH, STEPS, edges, nodes, resolved, rule
from initlib.typing import FloatArray

__all__ = ["Function", "correlations", "expectation", "pair_expectation"]

Function = Callable[..., Any]

_TOLERANCE = 1e-12
_TERMS, _MOST_TERMS = 400, 1000  # of a Hermite series, and of one beside straight lines
_BLOCK = 50  # so many are computed at a time


def expectation(f: Function, q: float = 1.0, kinks: Sequence[float] = (), *, search: bool = True) -> float:
    """Return E f(sqrt(q) z) for z ~ N(0, 1), to 1e-12 of E |f|.

    `f` maps a float64 array to one of its shape; `kinks` are the points where it or a derivative of it jumps
    (those of an `Activation` are used anyway). Where f varies faster than its panel resolves, the panel is
    halved, up to six times. Two rules are compared, and a `ValueError` is raised where they differ: kinks
    left out, oscillation too fast for the rule, growth too fast for the Gaussian tail, or all of f beyond 9
    standard deviations. A bump narrower than 1e-3 standard deviations may stay unseen: give the points around
    it in `kinks`. `search=False` halves no panel, for an f whose panels are known to resolve it.
    Sine and cosine oscillate too fast for large q and are answered in closed form, 0 and exp(-q/2).

    >>> import numpy as np
    >>> print(f"{expectation(np.square, q=3.0):.12f}")
    3.000000000000
    >>> print(f"{expectation(lambda x: np.maximum(x, 0), kinks=(0,)):.12f}")  # 1 / sqrt(2 pi)
    0.398942280401
    """
    q, points = _checked(f, q, kinks)
    search = checks.boolean("search", search)
    function = getattr(f, "function", f)
    if function is np.sin or function is np.cos:
        return 0.0 if function is np.sin else math.exp(-q / 2)
    return _integral(f, q, _resolved(f, q, points) if q and search else points)


def _integral(f: Function, q: float, points: tuple[float, ...]) -> float:
    """Return E f by the panels of `points`, which resolve it; refuse what does not converge."""
    if q == 0:
        return float(_values(f, np.zeros(1))[0])
    x, weights, check_weights = nodes(q, points)
    values = _values(f, x)
    terms = weights * values[: weights.size]
    _refuse_unless_converged(f, q, terms, check_weights * values[weights.size :])
    return float(terms.sum())


def pair_expectation(
    f: Function, c: ArrayLike, q: float = 1.0, kinks: Sequence[float] = (), *, search: bool = True
) -> FloatArray:
    """Return E f(u) f(v) for Gaussian u and v of mean 0, variance q and correlation c: an array like `c`.

    The Hermite series sum_k a_k^2 c^k, a_k = E f(sqrt(q) z) He_k(z) / sqrt(k!), closed with the exact value
    E f^2 at c = 1, serves where its error is below 1e-14 of that value. For large q the straight lines that f
    follows far out are answered in closed form, and the series holds the rest. Elsewhere (|c| near 1, with
    kinks) the plane is integrated in panels that follow the kinks. Errors as for `expectation`.

    >>> import numpy as np
    >>> values = pair_expectation(lambda x: np.maximum(x, 0), [0.0, 0.5, 1.0], kinks=(0,))
    >>> print(np.round(values, 6))  # 1 / (2 pi), ..., 1 / 2
    [0.159155 0.304499 0.5     ]
    """
    q, points = _checked(f, q, kinks)
    search = checks.boolean("search", search)
    c = correlations(c)
    function = getattr(f, "function", f)
    if function is np.sin or function is np.cos:
        return _pair_of_waves(function is np.sin, c, q)
    return _pair_integral(f, c, q, _resolved(f, q, points) if q and search else points)


def _pair_integral(f: Function, c: FloatArray, q: float, points: tuple[float, ...]) -> FloatArray:
    """Return E f(u) f(v) by the panels of `points`, which resolve f."""
    if q == 0:
        return np.full(c.shape, _integral(f, 0.0, ()) ** 2)
    _integral(f, q, points)  # refuses what does not converge
    total = _integral(lambda x: np.square(_values(f, x)), q, points)
    if total == 0:
        return np.full(c.shape, total)
    series = _hermite_squares(f if isinstance(f, Hashable) else partial(f), q, points, total, _enough(c))
    result = np.asarray(np.polynomial.polynomial.polyval(c[()], series), dtype=np.float64)
    far_out = (series[-1] * np.abs(c) ** (series.size - 1) > 1e-14 * total) & (np.abs(c) < 1)
    if far_out.any():
        by_lines, error = _pair_by_lines(f, c, q, points, total)
        result = np.where(far_out, by_lines, result)
        far_out &= error > 1e-14 * total
    for place in np.argwhere(far_out):
        at = tuple(place)
        result[at] = total - _half_mean_square_difference(f, float(c[at]), q, points)
    result[c == 1] = total
    if (c == -1).any():
        mirrored = (*points, *(-x for x in points))
        result[c == -1] = _integral(lambda x: _values(f, x) * _values(f, -x), q, mirrored)
    return result


def correlations(c: ArrayLike) -> FloatArray:
    """Return `c` as a float array, after checking that each entry lies in [-1, 1].

    >>> correlations([0, 1])
    array([0., 1.])
    """
    c = checks.array("c", c)
    if (np.abs(c) > 1).any():
        raise ValueError(f"c must lie in [-1, 1]. Received: {c[np.abs(c) > 1].flat[0]:g}.")
    return c


def _checked(f: Function, q: float, kinks: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    if not callable(f):
        raise TypeError(f"f must be callable. Received: {checks.shown(f)} of type {type(f).__name__}.")
    points = [checks.real("kinks", kink) for kink in checks.sequence("kinks", kinks)]
    return checks.real("q", q, minimum=0), (*getattr(f, "kinks", ()), *points)


def _values(f: Function, x: FloatArray) -> FloatArray:
    try:
        with np.errstate(all="ignore"):
            values = np.asarray(f(x))
    except Exception as error:
        raise ValueError(f"f must take a float array. It raised: {error}") from error
    if values.shape != x.shape or values.dtype.kind not in "fiub":
        raise ValueError(
            "f must return one real number for each entry of its argument. "
            f"Received for shape {x.shape}: shape {values.shape}, dtype {values.dtype}."
        )
    if not np.isfinite(values).all():
        bad = x[~np.isfinite(values)][0]
        raise ValueError(f"f must be finite on the line. Received: NaN or infinity at x = {bad:g}.")
    return values.astype(np.float64, copy=False)


def _resolved(f: Function, q: float, kinks: tuple[float, ...]) -> tuple[float, ...]:
    """Return `kinks` and the edges of the panels that f needs besides."""
    points, hidden = resolved(lambda x: _values(f, x), q, kinks)
    if hidden:
        raise _not_converging(f, q, hidden)
    return points


def _not_converging(f: Function, q: float, gap: float) -> ValueError:
    return ValueError(
        f"The integral of {_name(f)} at q = {q:g} does not converge (two rules differ by {gap:.1e}). "
        "Pass every point where the function or a derivative of it jumps, and points around what is narrow, "
        "in `kinks`, and compute in float64; what oscillates fast compared with 1 and sqrt(q) cannot be had."
    )


def _name(f: Function) -> str:
    return str(getattr(f, "name", getattr(f, "__name__", "f")))


def _refuse_unless_converged(f: Function, q: float, terms: FloatArray, check_terms: FloatArray) -> None:
    size = np.abs(terms)
    scale = max(size.sum(), np.abs(check_terms).sum())
    if size[:NODES].sum() + size[-NODES:].sum() > _TOLERANCE * scale:
        raise ValueError(
            f"{_name(f)} grows too fast for a Gaussian of variance {q:g}: the tail does not vanish."
        )
    by_panel = terms.reshape(-1, NODES).sum(axis=1) - check_terms.reshape(-1, CHECK_NODES).sum(axis=1)
    gap = np.abs(by_panel).sum()
    if gap > _TOLERANCE * scale:
        raise _not_converging(f, q, gap / scale)


def _pair_of_waves(odd: bool, c: FloatArray, q: float) -> FloatArray:
    size = np.abs(c)
    close = np.exp(-q * (1 - size)) / 2
    waves: FloatArray = -np.sign(c) * np.expm1(-2 * q * size) if odd else 1 + np.exp(-2 * q * size)
    return close * waves


def _enough(c: FloatArray) -> int:
    """Return after how many terms c^k is rounding, where |c| < 1: one of few, so that series are reused."""
    largest = np.abs(c)[np.abs(c) < 1].max(initial=0.0)
    return next((terms for terms in (50, 100, 200) if largest**terms < 1e-16), _TERMS)


@lru_cache(maxsize=64)
def _hermite_squares(f: Function, q: float, kinks: tuple[float, ...], total: float, terms: int) -> FloatArray:
    """Return a_0^2, a_1^2, ... (at most `terms`), and as the last entry what they leave of E f^2."""
    z, weights = _symmetric_rule(q, kinks)
    weighted = (weights * _values(f, math.sqrt(q) * z))[None]
    squares, left = np.empty(0), np.array([total])
    for first in range(0, terms, _BLOCK):
        squares = np.append(squares, np.square(_hermite(weighted, q, kinks, first)))
        left = total - np.cumsum(squares)
        if (left <= 1e-15 * total).any():
            end = int(np.argmax(left <= 1e-15 * total)) + 1
            squares, left = squares[:end], left[:end]
            break
    return np.append(squares, max(left[-1], 0.0))


def _pair_by_lines(
    f: Function, c: FloatArray, q: float, kinks: tuple[float, ...], total: float
) -> tuple[FloatArray, FloatArray]:
    """Return E f(u) f(v) from the lines that f follows far out, and a bound of the error (inf without lines).

    With h those lines and g = f - h, the series has the coefficients f_k^2 - h_k^2 = g_k (2 h_k + g_k). The
    terms left out sum to at most |c|^k (2 sqrt(H G) + G), H and G being the sums of their h_k^2 and g_k^2.
    """
    lines = _lines(f)
    if lines is None:
        return np.zeros(c.shape), np.full(c.shape, np.inf)
    even, tilt, odd, slope = lines
    z, weights = _symmetric_rule(q, kinks)
    x = math.sqrt(q) * z
    h = even + tilt * np.abs(x) + odd * np.sign(x) + slope * x
    g = _values(f, x) - h

    def between_lines(c: FloatArray) -> FloatArray:
        angle = 2 / math.pi * np.arcsin(c)
        bent = 2 / math.pi * np.sqrt((1 - c) * (1 + c)) + c * angle
        size = math.sqrt(2 * q / math.pi)
        evens = even**2 + 2 * even * tilt * size + tilt**2 * q * bent
        result: FloatArray = evens + odd**2 * angle + 2 * odd * slope * size * c + slope**2 * q * c
        return result

    weighted = np.stack([weights * h, weights * g])
    of_lines, of_rest = float(between_lines(np.ones(()))), float(weights @ g**2)
    largest = np.abs(c)[np.abs(c) < 1].max(initial=0.0)
    h_k, g_k, bound, terms = np.empty(0), np.empty(0), math.inf, 0
    while terms < _MOST_TERMS and bound * largest**terms > 1e-14 * total:
        of_h, of_g = _hermite(weighted, q, kinks, terms)
        h_k, g_k, terms = np.append(h_k, of_h), np.append(g_k, of_g), terms + _BLOCK
        left_h, left_g = max(of_lines - float(h_k @ h_k), 0.0), max(of_rest - float(g_k @ g_k), 0.0)
        bound = 2 * math.sqrt(left_h * left_g) + left_g
    squares = g_k * (2 * h_k + g_k)
    rest = total - of_lines - float(squares.sum())
    series = np.polynomial.polynomial.polyval(c[()], np.append(squares, rest))
    return between_lines(c) + series, bound * np.abs(c) ** terms


def _lines(f: Function) -> tuple[float, float, float, float] | None:
    """Return a, b, d, e so that f(x) is a + b |x| + d sign(x) + e x far from 0, None if there are none."""
    x = np.array([64.0, 128.0, 256.0])
    even, odd = ((_values(f, x) + side * _values(f, -x)) / 2 for side in (1, -1))
    found = []
    for part in (even, odd):
        slope = (part[2] - part[1]) / 128
        offset = part[1] - 128 * slope
        if abs(part[0] - offset - 64 * slope) > 1e-9 * (1 + abs(part[0])):
            return None
        found += [float(offset), float(slope)]
    return found[0], found[1], found[2], found[3]


@lru_cache(maxsize=4)
def _symmetric_rule(q: float, kinks: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    return rule(edges(q, (*kinks, *(-x for x in kinks))), 24)


def _hermite(weighted: FloatArray, q: float, kinks: tuple[float, ...], first: int) -> FloatArray:
    """Return E f He_k / sqrt(k!) for a block of k, for rows of values times weights of the symmetric rule."""
    half = weighted.shape[1] // 2
    right, left = weighted[:, half:], weighted[:, half - 1 :: -1]
    polynomials = _polynomials(q, kinks, first)
    found = np.empty((len(weighted), _BLOCK))
    found[:, ::2] = (right + left) @ polynomials[::2].T
    found[:, 1::2] = (right - left) @ polynomials[1::2].T
    return found


@lru_cache(maxsize=_MOST_TERMS // _BLOCK)
def _polynomials(q: float, kinks: tuple[float, ...], first: int) -> FloatArray:
    """Return He_k / sqrt(k!) at the positive nodes of the symmetric rule for a block of k.

    Row by row in units in which the recursion takes the row before the last once.
    """
    z = _symmetric_rule(q, kinks)[0]
    z = z[z.size // 2 :]
    rows, units = np.zeros((_BLOCK + 2, z.size)), np.ones(_BLOCK + 2)
    if first:
        rows[:2] = _polynomials(q, kinks, first - _BLOCK)[-2:]
    for i, k in enumerate(range(first, first + _BLOCK), 2):
        if k < 2:
            rows[i] = z**k
            continue
        units[i] = math.sqrt((k - 1) / k) * units[i - 2]
        np.multiply(rows[i - 1], z, out=rows[i])
        rows[i] *= units[i - 1] / (math.sqrt(k) * units[i])
        rows[i] -= rows[i - 2]
    return rows[2:] * units[2:, None]


def _half_mean_square_difference(f: Function, c: float, q: float, kinks: tuple[float, ...]) -> float:
    """Return E (f(u) - f(v))^2 / 2 in coordinates u, v = sqrt(q) (wide t +- narrow s), v negated for c < 0.

    Along s, panels end where u or v crosses an edge of the function; along t, they narrow around each kink
    and end where both cross.
    """
    sign = 1.0 if c >= 0 else -1.0
    wide, narrow = math.sqrt((1 + abs(c)) / 2), math.sqrt((1 - abs(c)) / 2)
    steps = np.concatenate([-STEPS[::-1], [0.0], STEPS])
    jumps = np.unique(np.outer((1.0, sign), kinks)) / math.sqrt(q)
    around = (jumps[:, None] + narrow * steps).ravel() / wide
    together = np.add.outer(jumps, jumps).ravel() / (2 * wide)  # u crosses one jump where v crosses another
    t_edges = np.unique(np.concatenate([edges(q, ()) / wide, around, together]))
    t, t_weights = rule(t_edges[np.abs(t_edges) <= REACH], 16)

    crossed = np.concatenate([edges(q, ()), jumps]) if math.sqrt(q) * narrow > 0.1 else jumps
    crossing = (crossed - wide * t[:, None]) / narrow
    fixed = np.broadcast_to(steps, (t.size, steps.size))
    s_edges = np.clip(np.concatenate([fixed, crossing, -crossing], axis=1), -REACH, REACH)
    from_edge = s_edges.shape[1] // 2 if c >= 0 else 0  # s -> -s swaps u and v: one half is enough
    total = 0.0
    for rows in range(0, t.size, 64):
        block = slice(rows, rows + 64)
        ends = np.sort(s_edges[block], axis=1)[:, from_edge:]
        row, panel = np.nonzero(np.diff(ends))
        s, s_weights = rule(np.stack([ends[row, panel], ends[row, panel + 1]], axis=1), 12)
        at = t[block][row, None]
        u = math.sqrt(q) * (wide * at + narrow * s)
        v = sign * math.sqrt(q) * (wide * at - narrow * s)
        difference = _values(f, u) - _values(f, v)
        total += float(t_weights[block][row] @ (s_weights * difference**2).sum(axis=1))
    return total if c >= 0 else total / 2
