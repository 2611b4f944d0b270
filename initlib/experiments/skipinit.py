"""R30: batch normalisation starts residual blocks near the identity; one number does, too (De & Smith 2020).

Where the branch is normalised, what it adds stays as large while the stream grows: block k adds 1 / k of the
stream's mean square. Without normalisation each block adds as much as there is. SkipInit multiplies a branch
by one learnt number that starts at zero; the paper finds that such nets train at depths where unnormalised
ones do not, and about as well as normalised ones while batches are small.

`log2_share` is log2 of the mean square that the last of 32 blocks adds, over that of the stream it enters.

This is the first run. The pilots behind the thresholds: seeds 0 to 2 and, for rates, 50 and 51; they
had 32 blocks and ten epochs, and asked for 90%.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import networks
from initlib.evidence import Measurement, Metric, Protocol, Rule, Training, when
from initlib.experiments._grounds import ADAM, SGD
from initlib.experiments._nets import shortcuts

BLOCKS, TRAINED, SAMPLES, WIDE = 32, 24, 128, 256


def share(seeds: Sequence[int], normalisation: str) -> dict[str, Any]:
    """Return log2 of what the last block adds, relative to the stream."""
    nets = networks.residual(
        [WIDE, WIDE, 10],
        BLOCKS,
        "relu",
        [["lecun_normal", *["he_normal"] * (2 * BLOCKS + 1)]] * len(seeds),
        seeds=seeds,
        normalisation=None if normalisation == "none" else normalisation,
    )
    pre = nets.forward(np.random.default_rng(0).standard_normal((SAMPLES, WIDE))).pre
    before, after = pre[BLOCKS - 1 : BLOCKS + 1]
    added, stream = (np.square(one).mean(axis=(1, 2)) for one in (after - before, before))
    return {"log2_share": np.log2(added / stream)}


ACCURACY = Metric("training", "test_accuracy").at(learning_rate="best")
SHARE = Metric("start", "log2_share")
NAMED = {"none": "unnormalised", "batch": "batch norm", "layer": "layer norm"}
SHARES = {
    kind: SHARE.at(normalisation=kind).minus(
        expected, f"{NAMED[kind]}: log2 of what block 32 adds, minus {expected:g}", margin=margin
    )
    for kind, expected, margin in (("none", 0.0, 0.6), ("batch", -5.0, 0.3), ("layer", -5.0, 0.3))
}
LEARNS = {
    arm: ACCURACY.at(arm=arm).share(f"{arm}: reaches 80%", at_least=0.8)
    for arm in ("unnormalised", "batch norm", "SkipInit")
}
BESIDE = ACCURACY.at(arm="SkipInit").minus(
    ACCURACY.at(arm="batch norm"), "accuracy, SkipInit minus batch norm", margin=0.02
)
START = when(equivalent=[SHARES["none"], SHARES["batch"]], yes=[LEARNS["batch norm"], LEARNS["SkipInit"]])

PROTOCOL = Protocol(
    name="skipinit",
    claim="R30",
    statement=(
        "Batch normalisation makes the last of 32 residual blocks add a thirty-second of the stream instead "
        "of as much as there is. One learnt number for each branch, zero at the start, makes blocks start as "
        "identities, too, and trains the net as well."
    ),
    parts={
        "start": Measurement(
            measure=share,
            axes={"normalisation": tuple(NAMED)},
            seeds=range(100, 120),
            tolerance={"log2_share": 1e-6},
            sample=({"seed": 100},),
        ),
        "training": Training(
            arms={
                "unnormalised": {"network": partial(shortcuts, TRAINED)},
                "batch norm": {"network": partial(shortcuts, TRAINED, normalisation="batch")},
                "SkipInit": {"network": partial(shortcuts, TRAINED, variant="skipinit")},
            },
            grounds={"SGD with momentum": SGD, "Adam": ADAM},
            tuned_by="accuracy",
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
            seeds=range(300, 310),
            tuning_seeds=range(400, 402),
            settings={
                "dataset": "digits",
                "initializer": "he_normal",
                "optimizer": "momentum",
                "batch_size": 64,
                "epochs": 6,
                "validation": 0.1,
                "train_samples": 512,
            },
            tolerance={"first_loss": 1e-3, "test_accuracy": 0.06},
            sample=({"arm": "SkipInit", "learning_rate": "best", "seed": 300},),
        ),
    },
    tests=(*SHARES.values(), *LEARNS.values(), BESIDE),
    rules=(
        Rule(
            "upheld",
            START | when(no=[LEARNS["unnormalised"]], equivalent_or_higher_or_not_lower=[BESIDE]),
        ),
        # it trains, if not as well; or nets without either do, too
        Rule("refined", START | when(no=[LEARNS["unnormalised"]], lower_or_not_higher=[BESIDE])),
        Rule("refined", START | when(yes_or_mixed=[LEARNS["unnormalised"]])),
        Rule("refuted", when(no=[LEARNS["SkipInit"]])),
    ),
)
