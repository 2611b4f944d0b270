"""R14: ReZero starts every block as the identity; does it train sooner? (Bachlechner et al. 2021).

A branch is multiplied by one learnt number that starts at zero, so that the stream passes unchanged and the
singular values of its Jacobian are all 1. The paper reports faster convergence than regular residual nets
with normalisation, by a third for a ResNet and many times for deep dense nets. Here nets of 24 blocks are
timed beside two others: branches divided by the root of their number, and batch normalisation. Each has the
learning rate at which its loss is lowest in the end. An epoch has two steps, on all of 128 digits.

This is the first run. The pilots behind the thresholds: seeds 0 to 2 and, for rates, 50 and 51; they
had 32 blocks.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import datasets, networks
from initlib.evidence import Measurement, Metric, Protocol, Rule, Training, when
from initlib.experiments._grounds import ADAM, SGD
from initlib.experiments._nets import shortcuts
from initlib.networks.layers import Tape, run_backward, run_forward

BLOCKS, WIDTH = 24, 64
EPOCHS = 24


def jacobian(seeds: Sequence[int], variant: str) -> dict[str, Any]:
    """Return what the blocks change: the largest change of the stream, and log10 of the condition number.

    The Jacobian is that of the end of the stream by its beginning, at one image.
    """
    nets = networks.residual([64, WIDTH, 10], BLOCKS, "relu", "he_normal", seeds=seeds, variant=variant)
    blocks, tape = nets.layers[1 : BLOCKS + 1], Tape(nets.values)
    stem = nets.forward(datasets.digits().inputs[:1] / 16).pre[0]
    start = np.repeat(stem, WIDTH, axis=1)  # a copy for each row of the Jacobian
    end = run_forward(blocks, start, tape)
    rows = run_backward(blocks, np.broadcast_to(np.eye(WIDTH), end.shape).copy(), tape)
    values = np.linalg.svd(rows, compute_uv=False)
    return {
        "change": abs(end - start).max(axis=(1, 2)),
        "log10_condition": np.log10(values[:, 0] / values[:, -1]),
    }


TIME = Metric("speed", "epochs").at(learning_rate="best")
SAME = Metric("start", "change").at(variant="rezero").share("ReZero: the stream passes unchanged", equal=0.0)
ISOMETRY = (
    Metric("start", "log10_condition")
    .at(variant="rezero")
    .share("ReZero: all singular values of the Jacobian are equal", at_most=1e-12)
)
SPREAD = (
    Metric("start", "log10_condition")
    .at(variant="scaled")
    .share("scaled: the largest is ten times the smallest, or more", at_least=1.0)
)
CONVERGES = TIME.at(arm="ReZero").share("ReZero: converges", at_most=EPOCHS)
SCALED, NORMALISED = (
    TIME.at(arm="ReZero").minus(TIME.at(arm=other), f"epochs, ReZero minus {other}", margin=2)
    for other in ("scaled", "batch norm")
)
START = when(yes=[SAME, ISOMETRY, CONVERGES])
NO_SOONER = ("equivalent", "higher", "not lower", "not higher", "unclear")

PROTOCOL = Protocol(
    name="rezero",
    claim="R14",
    statement=(
        "Multiplied by a learnt number that starts at zero, the blocks of a residual net start as exact "
        "identities, and the net trains sooner than with branches divided by the root of their number, or "
        "with batch normalisation."
    ),
    parts={
        "start": Measurement(
            measure=jacobian,
            axes={"variant": ("plain", "scaled", "rezero")},
            seeds=range(100, 120),
            tolerance={"change": 1e-6, "log10_condition": 1e-5},
            sample=({"seed": 100},),
        ),
        "speed": Training(
            arms={
                "ReZero": {"network": partial(shortcuts, BLOCKS, variant="rezero")},
                "scaled": {"network": partial(shortcuts, BLOCKS, variant="scaled")},
                "batch norm": {"network": partial(shortcuts, BLOCKS, normalisation="batch")},
            },
            grounds={"SGD with momentum": SGD, "Adam": ADAM},
            tuned_by="loss",
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
            seeds=range(100, 112),
            tuning_seeds=range(200, 202),
            learned=0.1,
            settings={
                "dataset": "digits",
                "initializer": "he_normal",
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": EPOCHS,
                "validation": 0.1,
                "train_samples": 128,
            },
            tolerance={"first_loss": 1e-3, "epochs": 3},
            sample=({"arm": "ReZero", "learning_rate": "best", "seed": 100},),
        ),
    },
    tests=(SAME, ISOMETRY, SPREAD, CONVERGES, SCALED, NORMALISED),
    rules=(
        Rule("upheld", START | when(lower=[SCALED, NORMALISED])),
        *(  # sooner than one of the two
            Rule("depends", START | when(lower=[one]) | {other.name: NO_SOONER})
            for one, other in ((SCALED, NORMALISED), (NORMALISED, SCALED))
        ),
        # it trains, but no sooner
        Rule("refined", START | {SCALED.name: NO_SOONER, NORMALISED.name: NO_SOONER}),
        Rule("refuted", when(no=[CONVERGES])),
    ),
)
