"""R17: how many deep, narrow ReLU nets are born dead (Lu et al. 2020).

Without biases and with symmetric weights, a layer of n ReLU units answers 0 to an input with chance 2^-n, and
all behind it is 0 then: at one input, a net is dead with chance 1 - product of (1 - 2^-n) over its hidden
layers. A net is born dead if it answers 0 to every input; with one input unit that is to 1 and to -1, so the
chance at one input is an upper bound. Each seed stands for 1,000 nets.

The pilots behind the margins: seeds 0 to 2, and the law itself.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import initializers
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when

NETS = 1000
SHAPES = ("2 wide, 5 deep", "2 wide, 20 deep", "3 wide, 20 deep", "4 wide, 40 deep", "5 wide, 50 deep")


def dead(seeds: Sequence[int], shape: str) -> dict[str, Any]:
    """Return the shares of nets that answer 0 to one input and to every input, and both minus the law."""
    words = shape.split()
    width, depth = int(words[0]), int(words[2])
    one, every = np.array([silent(seed, width, depth) for seed in seeds]).T
    law = 1 - (1 - 0.5**width) ** depth
    return {"one": one, "one_minus_law": one - law, "every": every, "every_minus_law": every - law}


def silent(seed: int, width: int, depth: int) -> tuple[float, float]:
    """Return the share of nets whose last hidden layer is 0 at the input 1, and at both 1 and -1."""
    rng = np.random.default_rng(seed)
    signal: Any = np.tile([[1.0], [-1.0]], (NETS, 1, 1))
    for _ in range(depth):
        shape = (NETS, signal.shape[2], width)
        weights = initializers.he_normal(shape, batch_axis=0, in_axis=1, out_axis=2, rng=rng)
        signal = np.maximum(signal @ weights, 0)
        signal /= np.maximum(signal.max(axis=(1, 2), keepdims=True), 1e-300)  # only whether it is 0 counts
    zero = (signal == 0).all(axis=2)
    return float(zero[:, 0].mean()), float(zero.all(axis=1).mean())


LAW = [
    Difference(
        f"{s}: share dead at one input, minus the law", "nets", "one_minus_law", {"shape": s}, 0.0, 0.01
    )
    for s in SHAPES
]
BELOW = [
    Difference(
        f"{s}: share dead at every input, minus the law", "nets", "every_minus_law", {"shape": s}, 0.0, 0.01
    )
    for s in SHAPES[2:]
]
NEARLY_ALL = Share(
    "2 wide, 20 deep: at least 98% are dead at every input",
    "nets",
    "every",
    {"shape": SHAPES[1]},
    at_least=0.98,
)

PROTOCOL = Protocol(
    name="born-dead",
    claim="R17",
    statement=(
        "A ReLU net without biases is dead at an input with chance 1 minus the product of (1 - 2^-width) "
        "over its hidden layers; fewer are dead at every input, and as depth grows nearly all are."
    ),
    parts={
        "nets": Measurement(
            measure=dead,
            axes={"shape": SHAPES},
            seeds=range(100, 140),
            tolerance=dict.fromkeys(("one", "one_minus_law", "every", "every_minus_law"), 1e-3),
            sample=({"seed": 100, "shape": SHAPES[2]},),
        )
    },
    tests=(*LAW, *BELOW, NEARLY_ALL),
    rules=(
        Rule("upheld", when(equivalent=LAW, lower=BELOW, yes=[NEARLY_ALL])),
        Rule("refined", when(equivalent=LAW, no_or_mixed=[NEARLY_ALL])),
        Rule("refuted", when(higher_or_lower=LAW[:1])),
    ),
)
