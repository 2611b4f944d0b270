"""E8: He's weights against eight times as much, where few images are to be fitted and something regularises.

Behind C18 and C20. ReLU nets learn 300 digits with AdamW and a warm-up. Dense ones have four layers and a
decay from 0 to 1; those of two convolutions and a readout, whose mean over positions learns more slowly, 0 or
0.1. Shifted: each image comes five times, as it is and moved by a pixel in each direction, in a third of the
epochs.

Pilots (seeds 0 to 2): dense nets lose 3 points without decay, 7 to 45 with it or with shifts, convolutions
about 30. They had convolutions without shifts, and a decay of 0.01, as well: those grounds were left out
before the run, for want of time.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from initlib.datasets import Dataset, Part, Split, digits
from initlib.experiments._elsewhere import convolutions, protocol
from initlib.experiments._grounds import ADAMW, Ground
from initlib.typing import Array

SIDE = 8
MOVES = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))  # the corner from which a padded image is seen


class Shifted(Dataset):
    """Images whose training part holds five copies of each, moved by a pixel or not; the edge is empty."""

    def split(
        self,
        seed: int,
        test: float = 0.2,
        validation: float = 0.0,
        *,
        train_samples: int | None = None,
        standardise: bool | str = True,
    ) -> Split:
        """Cut as any data set, then shift the training images."""
        own = super().split(seed, test, validation, train_samples=train_samples, standardise=standardise)
        empty = -float(own.mean) / float(own.sd)
        shifted = np.concatenate([moved(own.train.inputs, move, empty) for move in MOVES])
        return replace(own, train=Part(shifted, np.tile(own.train.labels, len(MOVES))))


def moved(inputs: Array, move: tuple[int, int], empty: float) -> Array:
    """Return the images from a corner of their padded selves, in the shape they came in."""
    images = inputs.reshape(-1, SIDE, SIDE)
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1)], constant_values=empty)
    down, right = move
    return padded[:, down : down + SIDE, right : right + SIDE].reshape(inputs.shape)


def images(kind: type[Dataset], *shape: int) -> Dataset:
    """Return the digits in a shape, shifted or not."""
    flat = digits()
    return kind(f"digits, {kind.__name__}", flat.inputs.reshape(-1, *shape), flat.labels, 10)


DENSE = (0.0, 0.01, 0.1, 1.0)  # decays
NETS: dict[str, tuple[Sequence[float], Ground]] = {
    "dense": (DENSE, {"dataset": images(Dataset, SIDE * SIDE), "epochs": 60}),
    "dense, shifted": (DENSE, {"dataset": images(Shifted, SIDE * SIDE), "epochs": 20}),
    "convolutions, shifted": (
        (0.0, 0.1),
        {
            "network": convolutions,
            "depth": 3,
            "dataset": images(Shifted, SIDE, SIDE, 1),
            "epochs": 20,
            "learning_rates": (0.001, 0.003, 0.01, 0.03, 0.1),
        },
    ),
}

PROTOCOL = protocol(
    "elsewhere-regularised",
    "E8",
    "ReLU nets that learn 300 images with AdamW read new images better from He's weights than from weights "
    "eight times as large, whatever the decay, with shifted copies and without.",
    {"He": {"initializer": "he_normal"}, "8 x He": {"initializer": "he_normal", "scale": 8.0}},
    depth=4,
    activation="relu",
    learning_rates=ADAMW["learning_rates"],
    seeds=1800,
    samples=300,
    elsewhere={
        f"{name}, decay {decay:g}": {**ADAMW, **net, "weight_decay": decay}
        for name, (decays, net) in NETS.items()
        for decay in decays
    },
)
