"""What the lab's nets learn: the book's digits, and two sets in the plane whose decisions can be drawn."""

from base64 import b64encode
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initlib import datasets
from initlib.datasets import Dataset, Split

PLANE_SCALE = 100  # the page gets points of the plane as integers: x = integer / PLANE_SCALE
BITS = 5  # of a pixel, which is 0..16
MOST = 60  # bits after which a chance learns at a fixed pace
NAMES = ("digits", "spirals", "circles")


def spirals(samples: int = 300, noise: float = 0.04, seed: int = 0) -> Dataset:
    """Return two spirals of one and a half turns in [-1, 1]^2, one for each class.

    >>> len(spirals()), spirals().classes
    (300, 2)
    """
    rng = np.random.default_rng(seed)
    radius = np.sqrt(rng.uniform(0.01, 1, samples))
    labels = np.arange(samples) % 2
    angle = 3 * np.pi * radius + np.pi * labels
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Dataset("spirals", _grid(points + noise * rng.standard_normal((samples, 2))), labels, 2)


def circles(samples: int = 300, noise: float = 0.06, seed: int = 0) -> Dataset:
    """Return a ring of radius 0.9 (class 1) around one of radius 0.4 (class 0).

    >>> circles().inputs.shape
    (300, 2)
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % 2
    radius = np.where(labels == 1, 0.9, 0.4) + noise * rng.standard_normal(samples)
    angle = rng.uniform(0, 2 * np.pi, samples)
    return Dataset(
        "circles", _grid(radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)), labels, 2
    )


def get(name: str) -> Dataset:
    """Return the data set of that name.

    >>> get("circles").name
    'circles'
    """
    return {"digits": datasets.digits, "spirals": spirals, "circles": circles}[name]()


def _grid(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.rint(points * PLANE_SCALE) / PLANE_SCALE


@cache
def shipped() -> dict[str, Any]:
    """Return the sets as the page reads them, in the order of the book's split with seed 0.

    Inputs are (value - mean) / sd with the numbers of the training part; its samples come first. In each
    part the samples stand by class, which takes less room: the page shuffles them anyway.
    """
    return {name: _shipped(name) for name in NAMES}


def _shipped(name: str) -> dict[str, Any]:
    dataset, split = get(name), get(name).split(0)
    raw = get(name).split(0, standardise=False)
    inputs, labels = in_order(raw)
    if name == "digits":
        values = compress(inputs.astype(int), labels)
    else:
        values = np.rint(inputs * PLANE_SCALE).astype(np.int8).tobytes()
    return {
        "values": b64encode(values).decode(),
        "labels": "".join(map(str, labels)),
        "training": len(raw.train),
        "inputs": inputs.shape[1],
        "classes": dataset.classes,
        "mean": float(split.mean),
        "sd": float(split.sd),
        "scale": 1 if name == "digits" else PLANE_SCALE,
    }


def in_order(split: Split) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Return inputs and labels of the training part, then those of the test part, each by class."""
    orders = [np.argsort(part.labels, kind="stable") for part in (split.train, split.test)]
    parts = list(zip((split.train, split.test), orders, strict=True))
    inputs = np.concatenate([part.inputs[order] for part, order in parts])
    labels: NDArray[np.int_] = np.concatenate([part.labels[order] for part, order in parts])
    return inputs, labels


def compress(pixels: NDArray[np.int_], labels: NDArray[np.int_]) -> bytes:
    """Return pictures (samples, 64) of pixels 0..16 as a range-coded stream of bits.

    Each pixel is five bits, highest first. The chance of a bit is a mean of three that are learned on the
    way, each for the bits before and other company: the label, the neighbours, both. data.js reads it; the
    coder is LZMA's.
    """
    chances: dict[tuple[int, ...], list[int]] = {}
    low, width, out = 0, 0xFFFFFFFF, bytearray()
    for row, label in zip(pixels.tolist(), labels.tolist(), strict=True):
        for at, value in enumerate(row):
            company = _company(row, at, label)
            node = 1
            for place in range(BITS - 1, -1, -1):
                bit = value >> place & 1
                seen = [chances.setdefault((at, node, i, one), [2048, 0]) for i, one in enumerate(company)]
                bound = (width >> 12) * _mean(seen)
                low, width = (low + bound, width - bound) if bit else (low, bound)
                for chance in seen:
                    _learn(chance, bit)
                node = 2 * node + bit
                while width < 1 << 24:
                    low, width = _put(low, out), width << 8
    for _ in range(4):
        low = _put(low, out)
    return bytes(out)


def _company(row: list[int], at: int, label: int) -> tuple[int, int, int]:
    """Return what each of the three chances of a pixel goes by."""
    above, before = row[at - 8] if at > 7 else 0, row[at - 1] if at % 8 else 0
    level = [(one > 0) + (one > 5) + (one > 11) for one in (above, before)]
    return label, 4 * level[0] + level[1], 4 * label + 2 * (above > 6) + (before > 7)


def _mean(chances: list[list[int]]) -> int:
    """Return the mean of the chances of a 0; those far from one half, or often seen, weigh more."""
    weights = [abs(chance - 2048) + 64 * min(count, 8) + 1 for chance, count in chances]
    total = sum(weight * chance for weight, (chance, _) in zip(weights, chances, strict=True))
    return min(max(total // sum(weights), 24), 4072)


def _learn(chance: list[int], bit: int) -> None:
    """Move a chance of 0, in 4096ths, towards the bit that was seen; it counts what it saw."""
    chance[1] = min(chance[1] + 1, MOST)
    chance[0] += int(((1 - bit) * 4096 - chance[0]) / (chance[1] + 0.5))
    chance[0] = min(max(chance[0], 24), 4072)


def _put(low: int, out: bytearray) -> int:
    """Write the highest byte of `low`, with what it carries over, and return the rest."""
    if low >> 32:
        at = len(out) - 1
        while out[at] == 255:
            out[at] = 0
            at -= 1
        out[at] += 1
    out.append(low >> 24 & 255)
    return (low & 0xFFFFFF) << 8
