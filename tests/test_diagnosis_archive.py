"""The doctor's tolerances, computed anew from the first run that they were read from."""

import numpy as np
import pytest

from initlib import evidence
from initlib.diagnosis import predict


def crossings(accuracy):
    """Return the octaves, below and above He's scale, at which accuracy falls below 90 % of the best."""
    share = np.array(accuracy) / max(accuracy)
    inside = np.flatnonzero(share >= 0.9)
    first, last = inside[0], inside[-1]
    octaves = 3.0 * np.arange(-6, 7)
    low = octaves[first] - (3 * (share[first] - 0.9) / (share[first] - share[first - 1]) if first else 0)
    high = octaves[last] + (3 * (share[last] - 0.9) / (share[last] - share[last + 1]) if last < 12 else 0)
    return low, high


def test_the_tolerances_are_those_of_the_archive():
    rows = evidence.first_run("depth-tolerance")["parts"]["interval"]
    for depth, lower, upper in zip(predict.DEPTHS, predict.LOWER, predict.UPPER, strict=True):
        pairs = [crossings(row["accuracy"]) for row in rows if row["depth"] == depth]
        low, high = np.mean(pairs, axis=0) * (depth - 1) / depth
        assert (lower, upper) == pytest.approx((low, high), abs=6e-4)
