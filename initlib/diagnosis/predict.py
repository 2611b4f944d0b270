"""What theory and the archives allow: how far a signal may wander, and how many units chance turns off."""

import math

import numpy as np

# From the first run of depth-tolerance (SGD with momentum): the octaves of amplitude, from the input to the
# last hidden layer, at which plain ReLU nets of L layers fall below 90 % of the best accuracy. A test
# computes them anew.
DEPTHS = (3, 6, 12)
LOWER = (-9.553, -5.758, -4.196)
UPPER = (8.399, 3.555, 3.31)
QUANTILES = 4001
# |output| where a bounded activation has 5 % of its steepest slope; of a sigmoid the distance from 1/2.
FLAT = {
    "tanh": math.sqrt(1 - 0.05),
    "sigmoid": math.sqrt(1 - 0.05) / 2,
    "hard_tanh": 1.0,
    "softsign": 1 - math.sqrt(0.05),
    "erf": math.erf(math.sqrt(-math.log(0.05))),
}
# trainable-depth: nets train up to 7.2 depth scales; a warning from half of it. Severe where the first run of
# doctor-severity (SGD with momentum) found that nets of 6 layers and more fail.
MERGE = (-3.6, -9.5)


def tolerance(layers: int) -> tuple[float, float]:
    """Return the octaves, below and above, that a signal may wander in a net of so many weight layers.

    Between the measured depths they are linear in 1 / layers, as a fixed factor per layer would have it;
    beyond 12 layers they are those of 12.

    >>> tolerance(12)
    (-4.196, 3.31)
    """
    at = 1 / max(layers, 1)
    inverse = [1 / depth for depth in DEPTHS]
    if at > inverse[0]:
        slope = (at - inverse[0]) / (inverse[0] - inverse[1])
        return (LOWER[0] + slope * (LOWER[0] - LOWER[1]), UPPER[0] + slope * (UPPER[0] - UPPER[1]))
    grid = inverse[::-1]
    return float(np.interp(at, grid, LOWER[::-1])), float(np.interp(at, grid, UPPER[::-1]))


def off_by_chance(apart: float, samples: int) -> float:
    """Return the probability that a ReLU unit is off for all samples, at a mean cosine of 1 - apart.

    The pre-activations of a unit are then about equally correlated normals: E_z Phi(-z sqrt(c / (1 - c)))^B.

    >>> round(off_by_chance(1.0, 2), 6), round(off_by_chance(0.0, 64), 6)
    (0.25, 0.5)
    """
    from scipy.special import ndtr, ndtri

    c = min(max(1 - apart, 0.0), 1.0)
    if c == 1:
        return 0.5
    z = ndtri((np.arange(QUANTILES) + 0.5) / QUANTILES)
    return float(np.mean(ndtr(-z * math.sqrt(c / (1 - c))) ** max(samples, 1)))


def binomial_error(share: float, count: int) -> float:
    """Return the standard error of a share of `count` units.

    >>> binomial_error(0.5, 100)
    0.05
    """
    return math.sqrt(max(share * (1 - share), 1 / (4 * count)) / count)
