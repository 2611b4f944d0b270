"""R18: a large output scale lets a net fit its data while its weights hardly move (Chizat et al. 2019).

Two layers of ReLU units learn a function of three ReLU units. The output is alpha (f(w) - f(w_0)), zero at
the start, and the loss is divided by alpha^2, so the speed of the outputs does not depend on alpha.

The pilots behind the thresholds: seeds 0 to 9. Between two BLAS kernels, errors differed by 2e-14. The
first run (first-runs/, seeds 100 to 119) is repeated on new seeds with rules that exclude each other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import networks
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when

ALPHAS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
INPUTS, HIDDEN, SAMPLES, TESTED = 15, 100, 80, 500
STEPS, RATE = 3000, 0.01


def teacher(seed: int) -> tuple[Any, Any]:
    """Return inputs and the standardised targets of a sum of three ReLU units, those for the test last."""
    rng = np.random.default_rng([seed, 0])
    inputs = rng.standard_normal((SAMPLES + TESTED, INPUTS))
    units = rng.standard_normal((INPUTS, 3)) / INPUTS**0.5
    targets = np.maximum(inputs @ units, 0) @ rng.choice([-1.0, 1.0], 3)
    return inputs, (targets - targets.mean()) / targets.std()


def training(seeds: Sequence[int], alpha: float) -> dict[str, Any]:
    """Return how far the weights moved relative to their size, and errors relative to the targets' variance.

    `log10_motion_alpha` is log10 (motion times alpha): constant where the motion falls like 1 / alpha.
    """
    inputs, targets = map(np.stack, zip(*(teacher(seed) for seed in seeds), strict=True))
    x, y = inputs[:, :SAMPLES], targets[:, :SAMPLES, None]
    nets = networks.mlp([INPUTS, HIDDEN, 1], "relu", "he_normal", seeds=seeds)
    start = nets.take(range(len(seeds)))
    zero = start.forward(inputs).output
    for _ in range(STEPS):
        trace = nets.forward(x)
        error = alpha * (trace.output - zero[:, :SAMPLES]) - y
        gradients = nets.backward(trace, error / (alpha * SAMPLES))
        for value, gradient in zip(nets.values, gradients.values, strict=True):
            value -= RATE * gradient
    moved = length([new - old for new, old in zip(nets.values, start.values, strict=True)])
    motion = moved / length(start.values)
    outputs = alpha * (nets.forward(inputs).output - zero)[:, :, 0]
    wrong = np.square(outputs - targets)
    kernel = np.stack([kernel_outputs(start.take([i]), inputs[i], targets[i]) for i in range(len(seeds))])
    return {
        "motion": motion,
        "log10_motion_alpha": np.log10(motion * alpha),
        "train_error": wrong[:, :SAMPLES].mean(axis=1),
        "test_error": wrong[:, SAMPLES:].mean(axis=1),
        "kernel_error": np.square(kernel - targets)[:, SAMPLES:].mean(axis=1),
        "distance_to_kernel": np.square(outputs - kernel)[:, SAMPLES:].mean(axis=1),
    }


def kernel_outputs(start: networks.Network, inputs: Any, targets: Any) -> Any:
    """Return what the net linearised at its start would answer after the same gradient descent.

    Its outputs follow the tangent kernel K: K_* (1 - (1 - rate K / n)^steps) K^-1 y.
    """
    hidden, _ = start.forward(inputs).post
    gates = (hidden[0] > 0).astype(float)
    kernel = hidden[0] @ hidden[0].T + 1
    kernel += (inputs @ inputs.T + 1) * ((gates * np.square(start.weights[1][0, :, 0])) @ gates.T)
    values, vectors = np.linalg.eigh(kernel[:SAMPLES, :SAMPLES])
    learned = (1 - (1 - RATE * values / SAMPLES) ** STEPS) / values
    return kernel[:, :SAMPLES] @ (vectors * learned) @ vectors.T @ targets[:SAMPLES]


def length(values: Sequence[Any]) -> Any:
    """Return the Euclidean length of all parameters of each net together."""
    return np.sqrt(sum(np.square(value.reshape(len(value), -1)).sum(axis=1) for value in values))


def lower(name: str, alpha: float) -> Difference:
    """Return a paired comparison of test errors with those at the largest alpha."""
    return Difference(name, "training", "test_error", {"alpha": alpha}, {"alpha": ALPHAS[-1]}, margin=0.03)


FITS = "at every alpha, the training error is at most 1% of the targets' variance"
MOTION = "motion times alpha, log10, alpha 100 minus 1"
KERNEL = "alpha 100: the answers are those of the tangent kernel"
ERROR = "test error, alpha 0.1 minus 100"

PROTOCOL = Protocol(
    name="lazy-training",
    claim="R18",
    edition=2,
    statement=(
        "Scale the output of a net up by alpha, and it fits its data while its weights move by 1 / alpha: "
        "it becomes a kernel method, and generalises worse than the net that had to move."
    ),
    parts={
        "training": Measurement(
            measure=training,
            axes={"alpha": ALPHAS},
            seeds=range(1000, 1020),
            tolerance={
                "log10_motion_alpha": 1e-6,
                "train_error": 1e-6,
                "test_error": 1e-6,
                "distance_to_kernel": 1e-6,
            },
            sample=({"alpha": 0.3, "seed": 1000}, {"alpha": 100.0, "seed": 1000}),
        ),
    },
    tests=(
        Share(FITS, "training", "train_error", at_most=0.01),
        Difference(MOTION, "training", "log10_motion_alpha", {"alpha": 100.0}, {"alpha": 1.0}, margin=0.1),
        Share(KERNEL, "training", "distance_to_kernel", {"alpha": 100.0}, at_most=0.01),
        Share("alpha 0.1: they are not", "training", "distance_to_kernel", {"alpha": 0.1}, at_least=0.02),
        lower(ERROR, 0.1),
        lower("test error, alpha 0.3 minus 100", 0.3),
        lower("test error, alpha 10 minus 100", 10.0),
    ),
    rules=(
        Rule("upheld", when(yes=[FITS, KERNEL], equivalent=[MOTION], lower=[ERROR])),
        # it is lazy, and no worse for it
        Rule("refined", when(yes=[FITS, KERNEL], equivalent=[MOTION, ERROR])),
        Rule("refined", when(yes=[FITS, KERNEL], equivalent=[MOTION], higher_or_not_lower=[ERROR])),
        Rule("refuted", when(yes=[FITS], higher=[MOTION])),
    ),
)
