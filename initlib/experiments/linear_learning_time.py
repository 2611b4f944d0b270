"""R3: how fast linear nets learn, by mode and by depth (Saxe et al. 2014).

From aligned weights of size a_0 a two-layer net learns each mode of its task alone, along
a(t) = s exp(2 s t) / (exp(2 s t) - 1 + s / a_0): half of it at ln(s / a_0 - 1) / (2 s). In deep nets, at the
best learning rate of each depth, the time hardly grows from orthogonal weights and grows from Gaussian ones.

Tasks of the first part are eight random modes; that of the second is to tell the digits apart by their 20
strongest components, whitened. Rates are chosen on seeds of their own.

The pilots behind the margins: seeds 0 to 2.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from initlib import datasets
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when
from initlib.experiments import _linear

STRENGTHS, START = (4.0, 3.0, 2.0, 1.5, 1.0, 0.75, 0.5, 0.25), 1e-3
STEP, STEPS = 1e-3, 14_000
COMPONENTS, DEPTHS = 20, (4, 8, 16, 32)
RATES, LIMIT = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4), 600
TUNING = (5000, 5001, 5002)


def modes(seeds: Sequence[int]) -> dict[str, Any]:
    """Return the greatest distance to the exact curve over the strength, and half times over theory's."""
    strengths = np.array(STRENGTHS)
    left, middle, right = (np.stack([rotation([seed, i]) for seed in seeds]) for i in range(3))
    target = left * strengths @ right.swapaxes(1, 2)
    first = START**0.5 * middle @ right.swapaxes(1, 2)
    second = START**0.5 * left @ middle.swapaxes(1, 2)
    learned = np.empty((STEPS, len(seeds), len(strengths)))
    for step in range(STEPS):
        product = second @ first
        learned[step] = np.einsum("sij,sik,skj->sj", left, product, right)
        error = product - target
        change = second.swapaxes(1, 2) @ error
        second -= STEP * error @ first.swapaxes(1, 2)
        first -= STEP * change
    time = STEP * np.arange(STEPS)[:, None]
    growth = np.exp(2 * strengths * time)
    exact = strengths * growth / (growth - 1 + strengths / START)
    apart = abs(learned - exact[:, None]) / strengths
    half = STEP * (learned < strengths / 2).sum(axis=0)
    ratio = half / (np.log(strengths / START - 1) / (2 * strengths))
    return {"apart": apart.max(axis=(0, 2)), "fastest": ratio[:, 0], "slowest": ratio[:, -1]}


def rotation(seed: Sequence[int]) -> Any:
    """Return a random orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((len(STRENGTHS), len(STRENGTHS))))[0]


@cache
def task() -> Any:
    """Return the covariance of the whitened components of the digits with their classes, (20, 10)."""
    data = datasets.digits()
    centred = data.inputs - data.inputs.mean(axis=0)
    components, _, _ = np.linalg.svd(centred, full_matrices=False)
    classes = np.eye(10)[data.labels]
    return components[:, :COMPONENTS].T @ (classes - classes.mean(axis=0)) / len(data.labels) ** 0.5


@cache
def best_rate(start: str, depth: int) -> float:
    """Return the rate with the least mean log of steps on the tuning seeds."""
    counts = _linear.steps(TUNING, start, widths(depth), task(), RATES, LIMIT)
    return RATES[int(np.log(counts + 1).mean(axis=1).argmin())]


def widths(depth: int) -> list[int]:
    """Return the widths of a net with this number of weight layers."""
    return [COMPONENTS] * depth + [10]


def learning_time(seeds: Sequence[int], start: str, depth: int) -> dict[str, Any]:
    """Return log2 of the steps to 1 % of the loss, at most 600, and the rate, at the best rate."""
    rate = best_rate(start, depth)
    steps = _linear.steps(seeds, start, widths(depth), task(), [rate], LIMIT)[0]
    return {"log2_steps": np.log2(np.maximum(steps, 1)), "rate": np.full(len(seeds), rate)}


def deeper(start: str, more: int, less: int, margin: float) -> Difference:
    """Return a test of the steps at two depths."""
    name = f"{start}: log2 of the steps, {more} layers minus {less}"
    return Difference(name, "depth", "log2_steps", {"depth": more}, {"depth": less}, margin, {"start": start})


CURVE = Share("every mode within 2% of its exact curve", "modes", "apart", at_most=0.02)
HALF = [
    Difference(f"mode of strength {s}: half time over theory, minus 1", "modes", name, {}, 1.0, 0.01)
    for s, name in ((4, "fastest"), (0.25, "slowest"))
]
FLAT, GROWS = deeper("orthogonal", 32, 8, 0.5), deeper("gaussian", 16, 4, 1.0)

PROTOCOL = Protocol(
    name="linear-learning-time",
    claim="R3",
    statement=(
        "A linear net learns each mode along the exact curve of its strength; in deep linear nets the time "
        "to learn hardly grows with depth from orthogonal weights, and grows from Gaussian ones."
    ),
    parts={
        "modes": Measurement(
            measure=modes,
            seeds=range(100, 110),
            tolerance={"apart": 1e-6, "fastest": 1e-3, "slowest": 1e-3},
            sample=({"seed": 100},),
        ),
        "depth": Measurement(
            measure=learning_time,
            axes={"start": tuple(_linear.STARTS), "depth": DEPTHS},
            seeds=range(100, 120),
            tolerance={"log2_steps": 0.05, "rate": 1e-9},
            sample=({"seed": 100, "start": "orthogonal", "depth": 4},),
        ),
    },
    tests=(CURVE, *HALF, FLAT, GROWS, deeper("orthogonal", 32, 4, 0.5)),
    rules=(
        Rule("upheld", when(yes=[CURVE], equivalent=[*HALF, FLAT], higher=[GROWS])),
        # orthogonal weights need more time, too, but Gaussian ones' grows
        Rule(
            "refined",
            when(
                yes=[CURVE],
                equivalent=HALF,
                higher=[GROWS],
                higher_or_lower_or_not_higher_or_not_lower_or_unclear=[FLAT],
            ),
        ),
        Rule("refuted", when(no=[CURVE])),
        Rule("refuted", when(yes=[CURVE], equivalent_or_lower_or_not_higher=[GROWS])),
    ),
)
