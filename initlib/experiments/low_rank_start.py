"""R31: which factor of a low-rank change starts at zero (LoRA; Hayou, Ghosh & Yu 2024).

ReLU nets learn the digits 0 to 4; then their weights W are fixed, and W + A B with A B of rank 4 learns the
digits 5 to 9. Either B starts at zero and A is random ("A random"), or the other way round ("B random"), with
the variances of the paper, 1/fan_in and 1/rank. Adam tunes each net at learning rates half an octave apart.

`log2_largest` is log2 of the largest rate up to which the validation loss stays below five times its lowest,
going up from there. `test_accuracy` is that at the rate with the highest validation accuracy, of equals the
one with the lower validation loss. A net chooses its own rates, by no test data.

Trials of the code had seeds 0 to 4, the pilots seeds 0 to 2. In earlier pilots the largest rate was read off
the validation accuracy of 180 images, which made a power of two out of noise. Between two BLAS kernels,
accuracies at the best rates did not differ, and the largest rate by up to an octave.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import datasets, networks, training
from initlib.datasets import Dataset
from initlib.evidence import Measurement, Metric, Protocol, Rule, when
from initlib.networks import Network

ARMS = {"A random": "up", "B random": "down"}
WIDTHS = (64, 512)
RANK, EPOCHS, BATCH, TIMES = 4, 8, 16, 5.0
EXPONENTS = tuple(k / 2 for k in range(-23, -5))  # of 2: the learning rates
CUT: dict[str, Any] = {"validation": 0.2, "test": 0.2}


def some_digits(first: int) -> Dataset:
    """Return the digits from `first` to first + 4."""
    digits = datasets.digits()
    chosen = (digits.labels >= first) & (digits.labels < first + 5)
    return Dataset(f"digits from {first}", digits.inputs[chosen], digits.labels[chosen], 10)


def pretrained(seeds: Sequence[int], width: int) -> Network:
    """Return nets that have learned the digits 0 to 4."""
    stack = networks.mlp((64, width, width, 10), "relu", "he_normal", seeds=seeds)
    fit = training.fit(
        stack, some_digits(0), optimizer="adam", learning_rate=1e-3, epochs=10, threads=1, **CUT
    )
    return fit.network


def tuned(seeds: Sequence[int], arm: str, width: int) -> dict[str, Any]:
    """Return the largest rate that serves, and the test accuracy at the best one, for each seed."""
    before = pretrained(seeds, width).take([i for i in range(len(seeds)) for _ in EXPONENTS])
    fit = training.fit(
        networks.low_rank(before, RANK, zero=ARMS[arm]),
        some_digits(5),
        optimizer="adam",
        learning_rate=np.tile(2.0 ** np.array(EXPONENTS), len(seeds)),
        epochs=EPOCHS,
        batch_size=BATCH,
        threads=1,
        **CUT,
    )
    shape = (len(seeds), len(EXPONENTS))
    assert fit.validation_accuracy is not None
    assert fit.validation_loss is not None
    assert fit.test_accuracy is not None
    accuracies, losses = (
        part[:, -1].reshape(shape) for part in (fit.validation_accuracy, fit.validation_loss)
    )
    best = np.array([np.lexsort((-row, right))[-1] for row, right in zip(losses, accuracies, strict=True)])
    return {
        "log2_largest": np.array([largest(row) for row in losses]),
        "log2_rate": np.array(EXPONENTS)[best],
        "test_accuracy": fit.test_accuracy[:, -1].reshape(shape)[range(len(seeds)), best],
        "losses": losses.round(4),
    }


def largest(losses: Any) -> float:
    """Return the exponent of the last rate from the best on, before the loss first is too large."""
    best = int(losses.argmin())
    late = np.flatnonzero(losses[best:] > TIMES * losses[best])
    return EXPONENTS[best + late[0] - 1 if late.size else -1]


LARGEST, ACCURACY = Metric("tuning", "log2_largest"), Metric("tuning", "test_accuracy")


def minus(metric: Metric, width: int, what: str, margin: float) -> Any:
    """Return the comparison of the two starts at one width."""
    a, b = (metric.at(arm=arm, width=width) for arm in ARMS)
    return a.minus(b, f"width {width}: {what}, A random minus B random", margin=margin)


RATE = [minus(LARGEST, width, "log2 of the largest rate", 0.5) for width in WIDTHS]
BETTER = [minus(ACCURACY, width, "accuracy", 0.02) for width in WIDTHS]

PROTOCOL = Protocol(
    name="low-rank-start",
    claim="R31",
    statement=(
        "LoRA that starts with a random A and B = 0 bears larger learning rates than with a random B and "
        "A = 0, and learns better for it."
    ),
    parts={
        "tuning": Measurement(
            measure=tuned,
            axes={"arm": tuple(ARMS), "width": WIDTHS},
            seeds=range(100, 120),
            tolerance={"log2_largest": 0.2, "test_accuracy": 0.04},
            sample=({"arm": "A random", "width": 64, "seed": 100},),
        ),
    },
    tests=(*RATE, *BETTER),
    rules=(
        Rule("upheld", when(higher=[*RATE, *BETTER])),
        *(  # larger rates, and no better for it
            Rule("refined", when(higher=RATE, equivalent_or_not_lower_or_not_higher_or_lower=[test]))
            for test in BETTER
        ),
        *(  # on the width
            Rule("depends", when(higher=[one], equivalent_or_lower_or_not_higher_or_not_lower=[other]))
            for one, other in (RATE, RATE[::-1])
        ),
        Rule("refuted", when(equivalent_or_lower_or_not_higher=RATE)),
    ),
)
