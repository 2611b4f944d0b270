"""What the lab's nets learn: the book's digits, and two sets in the plane whose decisions can be drawn."""

import math
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initlib import datasets
from initlib.datasets import Dataset, Split

PLANE_SCALE = 100  # the page gets points of the plane as integers: x = integer / PLANE_SCALE
BITS = 5  # of a pixel, which is 0..16
NAMES = ("digits", "spirals", "circles")
STREAM = Path(__file__).parent / "digits.bits"  # what `packed` returns, which takes seconds


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
        values = STREAM.read_bytes()
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


def packed() -> bytes:
    """Return the pixels of the digits, compressed."""
    inputs, labels = in_order(datasets.digits().split(0, standardise=False))
    return compress(inputs.astype(int), labels)


def compress(pixels: NDArray[np.int_], labels: NDArray[np.int_]) -> bytes:
    """Return pictures (samples, 64) of pixels 0..16 as a range-coded stream of bits.

    Each pixel is five bits, highest first. The chance of a bit is mixed from five that are learned on the
    way, each for the bits before and other company: the label, known neighbours, both. The mixing is that of
    PAQ (weighted logarithms of the odds, weights learned; Mahoney 2005), the coder LZMA's; data.js reads it.
    """
    chances: dict[tuple[int, ...], list[int]] = {}
    weights = [[19661] * 5 for _ in range(1 << BITS)]
    low, width, out = 0, 0xFFFFFFFF, bytearray()
    for row, label in zip(pixels.tolist(), labels.tolist(), strict=True):
        for at, value in enumerate(row):
            company = _company(row, at, label)
            node = 1
            for place in range(BITS - 1, -1, -1):
                bit = value >> place & 1
                seen = [chances.setdefault((at, node, i, one), [2048, 0]) for i, one in enumerate(company)]
                chance = _mixed(seen, weights[node], bit)
                bound = (width >> 12) * chance
                low, width = (low, bound) if bit else (low + bound, width - bound)
                node = 2 * node + bit
                while width < 1 << 24:
                    low, width = _put(low, out), width << 8
    for _ in range(4):
        low = _put(low, out)
    return bytes(out)


def _company(row: list[int], at: int, label: int) -> tuple[int, ...]:
    """Return what each of the chances of a pixel goes by."""
    y, x = divmod(at, 8)

    def near(up: int, left: int) -> int:
        value = row[at - 8 * up - left] if y >= up and 0 <= x - left < 8 else 0
        return (value > 0) + (value > 5) + (value > 11)

    beside, aslant = 4 * near(1, 0) + near(0, 1), 4 * near(1, 1) + near(1, -1)
    return label, beside, 16 * label + aslant, 16 * label + beside, 4 * near(0, 2) + near(2, 0)


LOGISTIC = [min(max(round(4096 / (1 + math.exp(8 - i / 2))), 1), 4095) for i in range(33)]


def _chance_at(odds: int) -> int:
    """Return the chance of a 1, in 4096ths, at odds whose logarithm is given in 256ths."""
    i, rest = divmod(min(max(odds, -2047), 2047) + 2048, 128)
    return (LOGISTIC[i] * (128 - rest) + LOGISTIC[i + 1] * rest + 64) >> 7


ODDS = np.searchsorted([_chance_at(odds) for odds in range(-2047, 2047)], range(4096)) - 2047


def _mixed(chances: list[list[int]], weights: list[int], bit: int) -> int:
    """Return the mixed chance of a 1, then let the chances (and counts) and the weights learn the bit."""
    hints = [int(ODDS[chance]) for chance, _ in chances]
    odds = sum(weight * hint for weight, hint in zip(weights, hints, strict=True)) // 65536
    mixed = min(max(_chance_at(odds), 8), 4088)
    for i, (hint, chance) in enumerate(zip(hints, chances, strict=True)):
        weights[i] += (hint * 3 * (4096 * bit - mixed) + 8192) >> 14
        chance[1] = min(chance[1] + 1, 127)
        chance[0] += int((4095 * bit - chance[0]) / (chance[1] + 0.5))
        chance[0] = min(max(chance[0], 16), 4080)
    return mixed


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
