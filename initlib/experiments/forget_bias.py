"""R25: how the forget biases of an LSTM start, on a memory task (Jozefowicz 2015; Tallec & Ollivier 2018).

The class is the sign of the first entry of a sequence; what follows is noise of standard deviation 1.

The pilots behind the thresholds: seeds 0 to 4. Between two BLAS kernels, in float64, the accuracy of the
sample differed by 0.8 points, its epochs not at all; in float32, its epochs by 8.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import datasets, networks, training
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share

SHORT, LONG = 20, 60
ZERO, ONE, CHRONO, HOTTER = "0", "1", "chrono", "0 at rate 0.03"
RATES = {HOTTER: 0.03}  # else 0.01
EPOCHS, SAMPLES, BATCH = 25, 768, 48
LEARNED = 0.95


def memory(seeds: Sequence[int], steps: int, bias: str) -> dict[str, Any]:
    """Train LSTMs of 16 units for 275 steps of Adam; return their accuracies and when they had learned.

    `epochs` is the first epoch (from 1) with a test accuracy above 95%, or one more than there are.
    """
    start = networks.Chrono(steps) if bias == CHRONO else float(bias[0])
    found = training.fit(
        networks.lstm((1, 16, 2), seeds=seeds, forget_bias=start),
        datasets.latch(steps, SAMPLES, noise=1.0),
        optimizer="adam",
        learning_rate=RATES.get(bias, 0.01),
        epochs=EPOCHS,
        batch_size=BATCH,
        standardise=False,
        test=1 / 3,
        dtype=np.float64,
        threads=1,
    )
    learned = np.asarray(found.test_accuracy) > LEARNED
    return {
        "test_accuracy": np.asarray(found.test_accuracy)[:, -1],
        "epochs": np.where(learned.any(axis=1), learned.argmax(axis=1) + 1, EPOCHS + 1),
    }


def share(steps: int, bias: str, **bounds: float) -> Share:
    """Return a test on the accuracies of one arm."""
    what = "learns" if "at_least" in bounds else "stays at chance"
    name = f"{steps} steps, forget bias {bias}: {what}"
    return Share(name, "memory", "test_accuracy", {"steps": steps, "bias": bias}, **bounds)


def difference(steps: int, first: str, second: str, metric: str, margin: float) -> Difference:
    """Return a paired comparison of two starts of the forget bias."""
    what = {"test_accuracy": "accuracy", "epochs": "epochs to learn"}[metric]
    name = f"{steps} steps, {what}: forget bias {first} minus {second}"
    where = {"steps": steps}
    return Difference(name, "memory", metric, {"bias": first}, {"bias": second}, margin, where)


LOST = tuple(share(LONG, bias, at_most=0.6) for bias in (ZERO, HOTTER))
KEPT = share(LONG, CHRONO, at_least=LEARNED)
FASTER = difference(SHORT, ZERO, ONE, "epochs", 2.0)
OPEN = difference(LONG, ONE, ZERO, "test_accuracy", 0.1)
LONGER = difference(LONG, CHRONO, ONE, "test_accuracy", 0.05)
ALWAYS = difference(LONG, CHRONO, ZERO, "test_accuracy", 0.1)

PROTOCOL = Protocol(
    name="forget-bias",
    claim="R25",
    statement=(
        "An LSTM remembers if its forget gates start open: a forget bias of 1 learns what 0 does not, and "
        "chrono biases, log of U(1, T - 1), serve a memory of T steps better still."
    ),
    parts={
        "memory": Measurement(
            measure=memory,
            axes={"steps": (SHORT, LONG), "bias": (ZERO, ONE, CHRONO, HOTTER)},
            seeds=range(100, 110),
            tolerance={"test_accuracy": 0.04, "epochs": 2},
            sample=({"steps": SHORT, "bias": ONE, "seed": 100},),
        ),
    },
    tests=(
        *(share(SHORT, bias, at_least=LEARNED) for bias in (ZERO, ONE, CHRONO)),
        FASTER,
        difference(SHORT, CHRONO, ONE, "epochs", 2.0),
        *LOST,
        share(LONG, ONE, at_least=LEARNED),
        KEPT,
        OPEN,
        LONGER,
        ALWAYS,
    ),
    rules=(
        Rule(
            "upheld",
            {
                **{test.name: "yes" for test in LOST},
                FASTER.name: "higher",
                OPEN.name: "higher",
                KEPT.name: "yes",
                LONGER.name: "higher",
            },
        ),
        Rule(  # open gates are faster, and chrono keeps what zero loses, short of all that is said
            "refined", {FASTER.name: "higher", OPEN.name: ("higher", "unclear"), ALWAYS.name: "higher"}
        ),
        Rule(
            "refuted",
            {FASTER.name: ("equivalent", "lower"), OPEN.name: ("equivalent", "lower")},
        ),
    ),
)
