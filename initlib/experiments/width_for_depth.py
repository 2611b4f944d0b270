"""R4: the width that deep linear nets need to be trained (Hu, Xiao and Pennington 2020).

The paper proves that from orthogonal weights the width needed does not depend on depth, and that from
Gaussian weights it grows in proportion to depth: narrower nets take exponentially many steps. Here a net
trains if 300 steps bring the loss to 1 %, at the best of six learning rates, chosen on seeds of their own;
the task is to learn an orthogonal 10 x 10 matrix from whitened inputs. `log2_deepest` is the greatest depth,
of six in steps of half an octave, up to which a net trains.

The pilots behind the margins: seeds 0 to 2.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when
from initlib.experiments import _linear

SIZE, LIMIT, RATES = 10, 300, (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
WIDTHS = (12, 24, 48)
RATIOS = (0.25, 0.3536, 0.5, 0.7071, 1.0, 1.4142)  # depths, in units of the width
DEPTHS = (8, 64)
TUNING = (5000, 5001, 5002)


@cache
def task() -> Any:
    """Return a random orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(0).standard_normal((SIZE, SIZE)))[0]


def widths(width: int, depth: int) -> list[int]:
    """Return the widths of a net with this number of weight layers."""
    return [SIZE] + [width] * (depth - 1) + [SIZE]


@cache
def best_rate(start: str, width: int, depth: int) -> float:
    """Return the rate with the least mean log of steps on the tuning seeds."""
    counts = _linear.steps(TUNING, start, widths(width, depth), task(), RATES, LIMIT)
    return RATES[int(np.log(counts + 1).mean(axis=1).argmin())]


def steps(seeds: Sequence[int], start: str, width: int, depth: int) -> Any:
    """Return the steps that nets need, at most 300."""
    rate = best_rate(start, width, depth)
    return _linear.steps(seeds, start, widths(width, depth), task(), [rate], LIMIT)[0]


def frontier(seeds: Sequence[int], width: int) -> dict[str, Any]:
    """Return log2 of the depth up to which nets from Gaussian weights train, the first if none does."""
    depths = [round(ratio * width) for ratio in RATIOS]
    trains = np.array([steps(seeds, "gaussian", width, depth) < LIMIT for depth in depths])
    upto = np.cumprod(trains, axis=0).sum(axis=0)
    deepest = np.log2([depths[max(count, 1) - 1] for count in upto])
    return {"log2_deepest": deepest, "log2_over_width": deepest - np.log2(width)}


def narrow(seeds: Sequence[int], start: str, depth: int) -> dict[str, Any]:
    """Return the steps of nets 12 wide."""
    found = steps(seeds, start, WIDTHS[0], depth)
    return {"steps": found, "log2_steps": np.log2(np.maximum(found, 1))}


LINEAR = [
    Difference(
        f"Gaussian: log2 of the greatest depth over width, width {wide} minus {less}",
        "frontier",
        "log2_over_width",
        {"width": wide},
        {"width": less},
        0.3 * octaves,
    )
    for wide, less, octaves in ((24, 12, 1), (48, 24, 1), (48, 12, 2))
]
ORTHOGONAL = Share(
    "orthogonal, 12 wide: 64 layers train within 300 steps", "narrow", "steps",
    {"start": "orthogonal", "depth": 64}, at_most=299,
)  # fmt: skip
SAME = Difference(
    "orthogonal, 12 wide: log2 of the steps, 64 layers minus 8", "narrow", "log2_steps",
    {"depth": 64}, {"depth": 8}, 1.0, {"start": "orthogonal"},
)  # fmt: skip
GAUSSIAN = Share(
    "Gaussian, 12 wide: 64 layers do not", "narrow", "steps", {"start": "gaussian", "depth": 64}, at_least=300
)

PROTOCOL = Protocol(
    name="width-for-depth",
    claim="R4",
    statement=(
        "Deep linear nets from orthogonal weights train at a width that does not depend on depth; from "
        "Gaussian weights the width needed grows in proportion to depth."
    ),
    parts={
        "frontier": Measurement(
            measure=frontier,
            axes={"width": WIDTHS},
            seeds=range(100, 140),
            tolerance={"log2_deepest": 0.0, "log2_over_width": 0.0},
            sample=({"seed": 100, "width": 12},),
        ),
        "narrow": Measurement(
            measure=narrow,
            axes={"start": tuple(_linear.STARTS), "depth": DEPTHS},
            seeds=range(100, 140),
            tolerance={"steps": 0.05, "log2_steps": 0.05},
            sample=({"seed": 100, "start": "orthogonal", "depth": 8},),
        ),
    },
    tests=(*LINEAR, ORTHOGONAL, SAME, GAUSSIAN),
    rules=(
        Rule("upheld", when(equivalent=[LINEAR[2]], yes=[ORTHOGONAL, GAUSSIAN])),
        Rule(  # it grows, at another rate
            "refined",
            when(
                higher_or_lower_or_not_higher_or_not_lower_or_unclear=[LINEAR[2]], yes=[ORTHOGONAL, GAUSSIAN]
            ),
        ),
        *(Rule("refuted", when(no=[one])) for one in (ORTHOGONAL, GAUSSIAN)),
    ),
)
