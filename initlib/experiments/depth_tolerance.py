"""C14: how far the weight scale may be off, by depth, in plain nets; residual and normalised nets beside.

Plain ReLU nets start from He's weights times a factor; what counts is the accuracy at each factor and depth,
which is a curve, not one width. A factor of two either way is the size of mistake that the rules judge.

The first run (first-runs/, seeds 100 to 109, SGD alone) measured where that curve crosses 90 % of its best;
at three layers the curve is nearly level there, so that the crossing said little. Its learning rates stood in
a table in this module; now they are tuned in the archive. Two of its rules fitted the same outcomes. The
pilots behind the thresholds: seeds 0 to 2, tuned on 50 and 51.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import networks
from initlib.evidence import Metric, Protocol, Rule, Told, Training, when
from initlib.experiments._grounds import ADAM, ADAMW, SGD
from initlib.networks import Network

DEPTHS = (3, 6, 12)
OCTAVES = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
RESIDUAL = {2: 6, 24: 50}  # blocks: weight layers
GROUNDS = {"SGD with momentum": SGD, "Adam": ADAM, "AdamW, warm-up": ADAMW}
SEEDS, TUNING = range(1000, 1012), range(2000, 2002)
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
SETTINGS: dict[str, Any] = {
    "dataset": "digits",
    "width": 64,
    "optimizer": "momentum",
    "batch_size": 64,
    "epochs": 16,
    "validation": 0.1,
    "train_samples": 512,
}
TOLERANCE = {"first_loss": 1e-3, "test_accuracy": 0.03}


def factor(octaves: float) -> str:
    """Return the name of the arm whose weights are He's times 2^octaves."""
    return f"x {2**octaves:.3g}"


def layer_norm(cells: Sequence[dict[str, Any]]) -> Network:
    """Return plain nets with layer normalisation before each activation."""
    first = cells[0]
    stack = networks.mlp(
        [64, *[first["width"]] * (first["depth"] - 1), 10],
        "relu",
        "he_normal",
        seeds=[cell["seed"] for cell in cells],
        normalisation="layer",
    )
    for weights in stack.weights:
        weights *= np.reshape([cell.get("scale", 1.0) for cell in cells], (-1, 1, 1))
    return stack


def stream(cells: Sequence[dict[str, Any]], variant: str) -> Network:
    """Return residual nets of blocks with two weight layers each, beside one layer before and one behind."""
    return networks.residual(
        [64, 64, 10],
        (cells[0]["depth"] - 2) // 2,
        "relu",
        "he_normal",
        seeds=[cell["seed"] for cell in cells],
        variant=variant,
    )


PLAIN, NORMALISED, BRANCHES = (
    Metric(part, "test_accuracy").at(learning_rate="best") for part in ("plain", "normalised", "residual")
)
READS = {
    (depth, octaves): PLAIN.at(arm=factor(octaves), depth=depth).share(
        f"plain, {depth} layers, {factor(octaves)}: reads 80%", at_least=0.8
    )
    for depth in DEPTHS
    for octaves in (-1.0, 0.0, 1.0)
}
NORMED = [
    NORMALISED.at(arm=factor(octaves)).share(
        f"layer normalisation, 12 layers, {factor(octaves)}: reads 80%", at_least=0.8
    )
    for octaves in (-2.0, 2.0)
]
SCALED = {
    blocks: BRANCHES.at(arm="scaled", depth=depth).share(
        f"residual, {blocks} blocks: scaled by blocks^(-1/2) reads 80%", at_least=0.8
    )
    for blocks, depth in RESIDUAL.items()
}
UNSCALED = {
    blocks: BRANCHES.at(arm="unscaled", depth=depth).minus(
        BRANCHES.at(arm="scaled", depth=depth),
        f"residual, {blocks} blocks: unscaled minus scaled by blocks^(-1/2)",
        margin=0.02,
    )
    for blocks, depth in RESIDUAL.items()
}
HE_SERVES = [READS[depth, 0.0] for depth in DEPTHS]

PROTOCOL = Protocol(
    edition=2,
    name="depth-tolerance",
    claim="C14",
    statement="A deep network needs another initialization than a shallow one.",
    told=Told(
        "Initialization has to take the architecture and its size into account: deeper networks may need "
        "other techniques than shallow ones.",
        (
            # a start that serves the shallow net fails the deep one
            *(Rule("upheld", when(yes=[READS[3, k]], no=[READS[12, k]])) for k in (-1.0, 1.0)),
            Rule("upheld", when(yes=[SCALED[24]], lower=[UNSCALED[24]])),
            Rule(
                "refuted",
                when(
                    yes=[READS[12, -1.0], READS[12, 1.0]],
                    equivalent_or_higher_or_not_lower=[UNSCALED[24]],
                ),
            ),
        ),
        some=True,
    ),
    parts={
        "plain": Training(
            arms={factor(k): {"initializer": "he_normal", "scale": 2**k} for k in OCTAVES},
            conditions={"depth": DEPTHS},
            grounds=GROUNDS,
            tuned_by="accuracy",
            learning_rates=RATES,
            seeds=SEEDS,
            tuning_seeds=TUNING,
            settings=SETTINGS,
            tolerance=TOLERANCE,
            sample=({"arm": factor(0.0), "depth": 3, "learning_rate": "best", "seed": 1000},),
        ),
        "normalised": Training(
            arms={factor(k): {"network": layer_norm, "scale": 2**k} for k in (-2.0, 2.0)},
            grounds=GROUNDS,
            tuned_by="accuracy",
            learning_rates=RATES,
            seeds=SEEDS,
            tuning_seeds=TUNING,
            settings={**SETTINGS, "depth": 12},
            tolerance=TOLERANCE,
            sample=({"arm": factor(2.0), "learning_rate": "best", "seed": 1000},),
        ),
        "residual": Training(
            arms={
                "unscaled": {"network": partial(stream, variant="plain")},
                "scaled": {"network": partial(stream, variant="scaled")},
            },
            conditions={"depth": tuple(RESIDUAL.values())},
            grounds=GROUNDS,
            tuned_by="accuracy",
            learning_rates=RATES,
            seeds=SEEDS,
            tuning_seeds=TUNING,
            settings=SETTINGS,
            tolerance=TOLERANCE,
            sample=({"arm": "scaled", "depth": 6, "learning_rate": "best", "seed": 1000},),
        ),
    },
    tests=(*READS.values(), *NORMED, *UNSCALED.values(), *SCALED.values()),
    rules=(
        # plain: one rule for all depths; with shortcuts, depth enters it
        Rule("refined", when(yes=[*HE_SERVES, SCALED[24]], lower=[UNSCALED[24]])),
        Rule("upheld", when(no=[READS[12, 0.0]], lower=[UNSCALED[24]])),
        Rule("refuted", when(yes=HE_SERVES, equivalent_or_higher_or_not_lower=[UNSCALED[24]])),
    ),
)
