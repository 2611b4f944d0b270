"""What the explorers send through their nets: some digits, and the width that fits them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from initlib import checks, datasets
from initlib.activations import get

WIDTH = 64  # the digits have 64 pixels, so every layer is square
QUARTER_OCTAVES = tuple(2 ** (k / 4) for k in range(-6, 9))
MARKS = {"LeCun, Xavier": 1.0, "He": 2**0.5}  # weight scales σ_w, in square layers


DEEPEST = 1000  # layers or blocks


def activations(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of activations after checking that each is known.

    >>> activations(["relu"])
    ('relu',)
    """
    chosen = checks.names("activations", names)
    for name in chosen:
        get(name, derivative=True)
    return chosen


def scales(values: Sequence[float]) -> tuple[float, ...]:
    """Return scales of weights or branches after checking that each is a positive number up to 1e6.

    >>> scales([1, 2])
    (1.0, 2.0)
    """
    entries = checks.sequence("scales", values)
    return tuple(checks.real(f"scales[{i}]", one, above=0, maximum=1e6) for i, one in enumerate(entries))


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
