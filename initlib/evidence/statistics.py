"""The statistics behind the verdicts, of numbers that come one for each seed.

What every page needs is written out: to import scipy.stats takes a second. The tests compare the two.
"""

import math
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from initlib import checks

LEVEL = 0.95
RESAMPLES = 9999


@checks.methods
@dataclass(frozen=True)
class Mean:
    """The mean of n independent numbers, its 95 % t interval [low, high], and the bootstrap's beside it."""

    n: int
    mean: float
    low: float
    high: float
    values: tuple[float, ...] = field(repr=False)

    @cached_property
    def bootstrap(self) -> tuple[float, float]:
        """The 95 % percentile bootstrap (9,999 resamples, fixed seed), computed when asked for."""
        if np.ptp(self.values) == 0:
            return self.mean, self.mean
        means = np.array(self.values)[_resamples(self.n)].mean(axis=-1)
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(means, (tail, 1 - tail))
        return float(low), float(high)

    def inside(self, margin: float) -> bool:
        """Say whether the t interval lies within (-margin, margin).

        That is two one-sided tests (TOST) of equivalence, each at 2.5 %.
        """
        margin = checks.real("margin", margin)
        return -margin < self.low and self.high < margin


@lru_cache(maxsize=8)
def _resamples(n: int) -> NDArray[np.int64]:
    """Return which of n numbers are in each resample."""
    return np.random.default_rng(0).integers(0, n, (RESAMPLES, n))


def by_signs(values: ArrayLike) -> float:
    """Return the p value of a mean as far from 0, if each number could as well have the other sign.

    The permutation test of paired differences; it supposes no distribution. All flips up to twelve numbers,
    else 4,999 of them from a fixed seed. Source: Fisher 1935, section 21.

    >>> by_signs([1.0] * 10) == 2 / 2**10, by_signs([1.0, -1.0])
    (True, 1.0)
    """
    from scipy import stats

    x = checks.array("values", values, ndim=1)
    if len(x) < 2:
        raise ValueError(f"A permutation test needs at least 2 values. Received: {len(x)}.")
    flipped = stats.permutation_test(
        (x,), np.mean, permutation_type="samples", n_resamples=2**12 if len(x) <= 12 else 4999, rng=0
    )
    return float(flipped.pvalue)


def mean(values: ArrayLike) -> Mean:
    """Return the mean of numbers, one for each seed, with its 95 % intervals.

    mean +- t(0.975, n - 1) sd / sqrt(n), and the percentile bootstrap (9,999 resamples, fixed seed). Equal
    numbers give an interval without width. Source: Student 1908; Efron 1979.

    >>> m = mean([1.0, 2.0, 3.0, 4.0])
    >>> m.mean, round(m.low, 3), round(m.high, 3)
    (2.5, 0.446, 4.554)
    """
    x = checks.array("values", values, ndim=1)
    if np.abs(x).max(initial=0.0) > 1e150:
        raise ValueError(f"values must lie within 1e150. Received: {np.abs(x).max():g}.")
    if len(x) < 2:
        raise ValueError(f"An interval needs at least 2 values. Received: {len(x)}.")
    centre = float(x.mean())
    if np.ptp(x) == 0:
        return Mean(len(x), centre, centre, centre, tuple(x.tolist()))
    reach = _quantile(len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return Mean(len(x), centre, float(centre - reach), float(centre + reach), tuple(x.tolist()))


@cache
def _quantile(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def paired(first: ArrayLike, second: ArrayLike) -> Mean:
    """Return the mean of first - second, pair by pair, with its 95 % intervals.

    >>> paired([0.9, 0.8, 0.7], [0.8, 0.6, 0.4]).mean.__round__(6)
    0.2
    """
    a, b = checks.array("first", first, ndim=1), checks.array("second", second, ndim=1)
    if a.shape != b.shape:
        raise ValueError(f"Pairs need equally many values. Received: {len(a)} and {len(b)}.")
    return mean(a - b)


@dataclass(frozen=True)
class Proportion:
    """k successes in n independent trials, their share, and its 95 % Wilson interval [low, high]."""

    k: int
    n: int
    share: float
    low: float
    high: float


def proportion(k: int, n: int) -> Proportion:
    """Return the share k / n with its 95 % Wilson score interval.

    Source: Wilson 1927, J. Am. Stat. Assoc. 22(158):209-212.

    >>> p = proportion(9, 10)
    >>> p.share, round(p.low, 3), round(p.high, 3)
    (0.9, 0.596, 0.982)
    """
    from scipy.special import ndtri

    n = checks.integer("n", n, minimum=1, maximum=2**31 - 1)
    k = checks.integer("k", k, minimum=0)
    if k > n:
        raise ValueError(f"k must be at most n = {n}. Received: {k}.")
    share, z = k / n, float(ndtri((1 + LEVEL) / 2))
    whole = 2 * (n + z**2)
    centre = (2 * n * share + z**2) / whole
    reach = z / whole * math.sqrt(4 * n * share * (1 - share) + z**2)
    return Proportion(k, n, share, centre - reach if k else 0.0, centre + reach if k < n else 1.0)


def seeds_for_equivalence(sd: float, margin: float, power: float = 0.9) -> int:
    """Return how many pairs show that two equal arms differ by less than `margin`, with the given power.

    The smallest n >= 2 with 2 T(margin sqrt(n) / sd - t(0.975, n - 1)) - 1 >= power, T the distribution of
    Student's t with n - 1 degrees of freedom, `sd` that of the paired differences.
    Source: Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657-680.

    >>> seeds_for_equivalence(sd=1.0, margin=1.0)
    16
    """
    from scipy import stats

    sd, margin = checks.real("sd", sd, minimum=0), checks.real("margin", margin, above=0)
    power = checks.real("power", power, above=0, below=1)

    def falls_short(n: int) -> bool:
        reach = margin / max(sd, 1e-300) * n**0.5 - stats.t.ppf(0.975, n - 1)
        return bool(2 * stats.t.cdf(reach, n - 1) - 1 < power)

    low, high = 1, 2
    while falls_short(high):  # the power grows with n
        low, high = high, 2 * high
        if high > 2**53:
            raise ValueError(f"More than 2^53 pairs would be needed. Received: sd={sd:g}, margin={margin:g}.")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if falls_short(middle) else (low, middle)
    return high
