"""E7: pre-norm transformers from usual weights against larger and smaller ones, with a warm-up and without.

Behind C14, C23 and R26. Decoders of two blocks, 32 wide, read the names of Unicode's characters in 200
steps of AdamW. Usual are LeCun's weights in every layer, embeddings included; the others are four times as
large, or a quarter. With a warm-up the rates end along a cosine; without one they stay as they are.

Pilots (seeds 0 to 2): four times as large reads 11 to 12 points less, a quarter 5 to 6 points more. They had
branches divided by sqrt(2 blocks) as well, as in GPT-2, and saw 1 to 2 points in favor of them: those grounds
were left out before the run, for want of time.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from initlib import datasets, initializers, networks
from initlib.experiments._elsewhere import protocol
from initlib.networks import Network

BLOCKS, WIDTH, HEADS, CONTEXT = 2, 32, 2, 32
FACTORS = {"4 times as large": 4.0, "a quarter": 0.25}
SCHEDULES: dict[str, dict[str, Any]] = {"warm-up": {"schedule": "warmup_cosine"}, "constant rate": {}}


def drawn(shape: Any, factor: float, **more: Any) -> Any:
    """Return LeCun's weights times a factor."""
    return factor * initializers.lecun_normal(shape, **more)


def decoders(cells: Sequence[dict[str, Any]], factor: float = 1.0) -> Network:
    """Return transformers from LeCun's weights times a factor."""
    return networks.transformer(
        (len(datasets.ALPHABET), WIDTH, 2 * WIDTH),
        BLOCKS,
        cells[0]["activation"],
        partial(drawn, factor=factor),
        seeds=[cell["seed"] for cell in cells],
        context=CONTEXT,
        heads=HEADS,
    )


PROTOCOL = protocol(
    "elsewhere-transformers",
    "E7",
    "Pre-norm transformers of two blocks predict text better from LeCun's weights than from four times, or a "
    "quarter, of them.",
    {"usual": {"network": decoders}, "other": {}},
    depth=6 * BLOCKS + 3,
    activation="relu",
    learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03),
    seeds=1700,
    samples=1600,
    epochs=1,
    elsewhere={
        f"{change}, {name}": {"network": partial(decoders, factor=factor), **schedule}
        for change, factor in FACTORS.items()
        for name, schedule in SCHEDULES.items()
    },
    dataset="unicode_names",
    standardise=False,
    optimizer="adam",
    decay="decoupled",
    weight_decay=0.01,
    batch_size=8,
    test=0.02,
    validation=0.02,
)
