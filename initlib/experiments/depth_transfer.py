"""R29: which branch scale carries the best learning rate from shallow residual nets to deep ones (Dey 2025).

Residual nets with layer norm before each branch are trained with Adam at a grid of learning rates. Nets of 4
blocks are the base, with branches multiplied by 1. With B blocks the branches are multiplied by (B / 4)^-a:
"standard" has a = 0; "root" a = 1/2, and rates of the branches by (B / 4)^(-1/2) (depth-muP, Yang et al.
2024, arXiv:2310.02244); "full" a = 1, with the same rates at every depth (CompleteP, Dey et al. 2025,
arXiv:2505.01618, table 1). The paper finds that the full scale alone carries the best rate over, and that the
root leaves the branches lazy: their weights move ever less, relative to their size.

`log2_best_rate` is the vertex of the parabola through the lowest log training loss of the last epoch and its
two neighbours on the grid, `regret` the log loss at 2^-7, the best rate of the base in the pilots, above the
lowest of the grid; `log2_motion` how far the branches' weights moved at that rate, relative to their size.
`log2_change` says how far three steps move the outputs. Rates are compared by training loss, since speed is
what they are tuned for. The paper trains transformers of up to 64 layers for billions of tokens; these are
dense nets on 512 digits.

This is the first run. The pilots behind the thresholds: seeds 0 to 2. Ten epochs and 64 blocks, as first
drafted, left all but the standard way unclear on these seeds (best rates moved by -1.7, root 0.6, full 0.1
doublings) and would have run too long; so there are six and 32. Seeds 50 to 57 then showed -1.5, 0.03 and
-0.2, with standard deviations of 0.2, 0.1 and 0.6, so that 30 seeds are taken. With a warm-up and a cosine
they were -1.9, -0.2 and -0.7; rates are constant here, as in R20. Margins are 0.2 for each doubling of the
depth, as there.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from initlib import datasets, networks, training
from initlib.evidence import Difference, Measurement, Metric, Protocol, Rule, when
from initlib.networks import Network

BASE, WIDTH = 4, 48
BLOCKS = (4, 8, 32)
POWERS = {"standard": (0.0, 0.0), "root": (0.5, 0.5), "full": (1.0, 0.0)}  # of the scale, of the rates
EXPONENTS = tuple(range(-12, -4))  # of 2: the learning rates
TRANSFERRED = -7
SAMPLES, EPOCHS = 512, 6


def nets(way: str, blocks: int, seeds: Sequence[int]) -> Network:
    """Return nets of this many blocks; at the base all ways are the same."""
    of_scale, of_rates = POWERS[way]
    deeper = blocks / BASE
    stack = networks.residual(
        [64, WIDTH, 10],
        blocks,
        "relu",
        "he_normal",
        seeds=seeds,
        variant="pre_norm",
        branch_scale=deeper**-of_scale,
    )
    slower = {"adam": deeper**-of_rates}
    stem, head = stack.parameters[:2], stack.parameters[-4:]  # weights and biases; the last norm as well
    branches = stack.parameters[2:-4]
    return replace(stack, parameters=(*stem, *(replace(one, factors=slower) for one in branches), *head))


def rates(seeds: Sequence[int], way: str, blocks: int) -> dict[str, Any]:
    """Return where the best learning rate lies, what the transferred one costs, and what it moves."""
    stack = nets(way, blocks, [seed for _ in EXPONENTS for seed in seeds])
    fit = training.fit(
        stack,
        datasets.digits(),
        optimizer="adam",
        learning_rate=np.repeat(2.0 ** np.array(EXPONENTS), len(seeds)),
        epochs=EPOCHS,
        train_samples=SAMPLES,
        threads=1,
    )
    losses = np.log(fit.loss[:, -1]).reshape(len(EXPONENTS), len(seeds)).T
    place = EXPONENTS.index(TRANSFERRED)
    own = range(place * len(seeds), (place + 1) * len(seeds))
    return {
        "log2_best_rate": np.array([vertex(one) for one in losses]),
        "regret": losses[:, place] - losses.min(axis=1),
        "lowest_log_loss": losses.min(axis=1),
        "log2_motion": np.log2(motion(stack.take(own), fit.network.take(own))),
    }


def vertex(losses: Any) -> float:
    """Return log2 of the rate at the vertex of the parabola through the lowest loss and its neighbours."""
    place = int(np.clip(losses.argmin(), 1, len(losses) - 2))
    before, here, after = losses[place - 1 : place + 2]
    shift = (before - after) / (2 * (before - 2 * here + after))
    return float(EXPONENTS[place] + np.clip(shift, -1, 1))


def motion(before: Network, after: Network) -> Any:
    """Return how far the branches' weights moved, relative to their size."""
    pairs = zip(before.weights[1:-1], after.weights[1:-1], strict=True)
    moved = sum(np.square(new - old).sum(axis=(1, 2)) for old, new in pairs)
    return np.sqrt(moved / sum(np.square(old).sum(axis=(1, 2)) for old in before.weights[1:-1]))


def change(seeds: Sequence[int], way: str, blocks: int) -> dict[str, Any]:
    """Return log2 of the mean absolute change of the outputs after three steps of Adam at rate 2^-7."""
    before = nets(way, blocks, seeds)
    after = training.fit(
        before,
        datasets.digits(),
        optimizer="adam",
        learning_rate=2.0**TRANSFERRED,
        epochs=1,
        train_samples=192,
        threads=1,
        dtype=np.float64,
    ).network
    inputs = datasets.digits().split(0).train.inputs[:256]
    moved = abs(after.forward(inputs).output - before.forward(inputs).output)
    return {"log2_change": np.log2(moved.mean(axis=(1, 2)))}


FIRST, LAST = BLOCKS[0], BLOCKS[-1]


def deeper(part: str, metric: str, way: str, words: str, margin: float) -> Any:
    """Return the test on how a metric moves from the base to the deepest nets."""
    own = Metric(part, metric).at(way=way)
    return own.at(blocks=LAST).minus(
        own.at(blocks=FIRST), f"{way}: {words}, 32 blocks minus 4", margin=margin
    )


SHIFT = {way: deeper("rates", "log2_best_rate", way, "log2 of the best rate", 0.6) for way in POWERS}
MOTION = {way: deeper("rates", "log2_motion", way, "log2 of the branches' motion", 0.6) for way in POWERS}
CHANGE = {
    way: deeper("outputs", "log2_change", way, "log2 of the change of the outputs", 0.6) for way in POWERS
}
REGRET = {
    way: Metric("rates", "regret")
    .at(way=way, blocks=LAST)
    .minus(0.0, f"{way}: regret at 32 blocks", margin=0.5)
    for way in POWERS
}
LOWEST = Metric("rates", "lowest_log_loss").at(blocks=LAST)
BEST = {
    way: LOWEST.at(way="full").minus(
        LOWEST.at(way=way), f"32 blocks: lowest log loss, full minus {way}", margin=0.3
    )
    for way in ("standard", "root")
}
LESS = {
    way: Metric("rates", "log2_best_rate")
    .at(way=way, blocks=LAST)
    .minus(
        Metric("rates", "log2_best_rate").at(way="standard", blocks=LAST),
        f"32 blocks: log2 of the best rate, {way} minus standard",
        margin=0.6,
    )
    for way in ("root", "full")
}
MOVES_OR_OPEN = tuple(one for one in Difference.outcomes if one not in ("equivalent", "censored"))

PROTOCOL = Protocol(
    name="depth-transfer",
    claim="R29",
    statement=(
        "With Adam, the learning rate that is best for a shallow residual net stays best for a deep one if "
        "the branches are divided by the number of blocks, not if they are divided by its root or kept whole."
    ),
    parts={
        "rates": Measurement(
            measure=rates,
            axes={"way": tuple(POWERS), "blocks": BLOCKS},
            seeds=range(100, 130),
            tolerance={
                "log2_best_rate": 1e-3,
                "regret": 1e-3,
                "lowest_log_loss": 1e-3,
                "log2_motion": 1e-3,
            },
            sample=({"seed": 100, "way": "full", "blocks": FIRST},),
        ),
        "outputs": Measurement(
            measure=change,
            axes={"way": tuple(POWERS), "blocks": BLOCKS},
            seeds=range(100, 130),
            tolerance={"log2_change": 1e-6},
            sample=({"seed": 100, "blocks": FIRST},),
        ),
    },
    tests=(
        *SHIFT.values(),
        *LESS.values(),
        *REGRET.values(),
        *CHANGE.values(),
        *MOTION.values(),
        *BEST.values(),
    ),
    rules=(
        Rule(
            "upheld",
            when(equivalent=[SHIFT["full"]], lower_or_higher=[SHIFT["root"], SHIFT["standard"]]),
        ),
        # the full scale carries the rate, and the root does, too
        Rule("refined", when(equivalent=[SHIFT["full"], SHIFT["root"]], lower_or_higher=[SHIFT["standard"]])),
        # the full scale may move it, but by less than whole branches do, and staying costs little
        Rule(
            "refined",
            when(lower=[SHIFT["standard"]], higher=[LESS["full"]], equivalent=[REGRET["full"]])
            | {SHIFT["full"].name: MOVES_OR_OPEN},
        ),
        Rule("refuted", when(lower_or_higher=[SHIFT["full"]], higher=[REGRET["full"]])),
        # no scale is needed: whole branches carry it as well
        Rule("refuted", when(equivalent=list(SHIFT.values()))),
    ),
)
