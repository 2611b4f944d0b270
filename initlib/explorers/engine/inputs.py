"""What the explorers send through their nets: some digits, and the width that fits them."""

import numpy as np
from numpy.typing import NDArray

from initlib import datasets

WIDTH = 64  # the digits have 64 pixels, so every layer is square
QUARTER_OCTAVES = tuple(2 ** (k / 4) for k in range(-6, 9))
MARKS = {"LeCun, Xavier": 1.0, "He": 2**0.5}  # weight scales σ_w, in square layers


def images(count: int) -> NDArray[np.float64]:
    """Return some standardised digits, each scaled to rms 1, as the theory assumes of its inputs.

    >>> images(3).shape, round(float((images(3)[0] ** 2).mean()), 12)
    ((3, 64), 1.0)
    """
    standardised = datasets.digits().split(seed=0).train.inputs[:count].astype(float)
    scaled: NDArray[np.float64] = standardised / np.sqrt(np.square(standardised).mean(axis=1, keepdims=True))
    return scaled


def cosine(x: NDArray[np.float64]) -> float:
    """Return the mean cosine of different rows, each of rms 1.

    >>> cosine(np.array([[1.0, 1.0], [1.0, -1.0]]))
    0.0
    """
    samples = len(x)
    return float((np.square(x.sum(axis=0)).mean() - samples) / (samples * (samples - 1)))
