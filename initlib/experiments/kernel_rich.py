"""R19: the scale of the start decides which interpolating solution gradient descent finds (Woodworth 2020).

The model is linear in x, beta = u^2 - v^2 entry by entry, started at u = v = alpha, so beta starts at zero at
every alpha. Forty equations, a hundred unknowns, a truth of five entries.

The pilots behind the thresholds: seeds 0 to 19. Between two BLAS kernels, errors differed by 6e-14. The
first run (first-runs/, seeds 100 to 119) is repeated on new seeds with rules that exclude each other. It had
been refined: one interval just reached zero.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when

ALPHAS = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
EQUATIONS, UNKNOWNS, ENTRIES = 40, 100, 5
STEPS, RATE = 20_000, 0.1


def problems(seeds: Sequence[int]) -> tuple[Any, Any, Any]:
    """Return inputs (seeds, samples, features), targets (seeds, samples), and truths (seeds, features)."""
    inputs = np.empty((len(seeds), EQUATIONS, UNKNOWNS))
    truth = np.zeros((len(seeds), UNKNOWNS))
    truth[:, :ENTRIES] = ENTRIES**-0.5
    for i, seed in enumerate(seeds):
        inputs[i] = np.random.default_rng([seed, 0]).standard_normal(inputs[i].shape)
    return inputs, apply(inputs, truth), truth


def apply(matrices: Any, vectors: Any) -> Any:
    """Return each matrix times its vector."""
    return np.matmul(matrices, vectors[:, :, None])[:, :, 0]


def descend(inputs: Any, targets: Any, alpha: float) -> Any:
    """Return beta = u^2 - v^2 after gradient descent on half the mean squared error, for each problem."""
    u = np.full((len(inputs), inputs.shape[2]), alpha)
    v = u.copy()
    back = inputs.swapaxes(1, 2) / inputs.shape[1]
    steepest = np.linalg.norm(inputs, ord=2, axis=(1, 2))[:, None] ** 2 / inputs.shape[1]
    rate = RATE / steepest / max(1.0, alpha**2)
    for _ in range(STEPS):
        residual = apply(inputs, u * u - v * v) - targets
        step = 2 * rate * apply(back, residual)
        u -= step * u
        v += step * v
    return u * u - v * v


def solutions(seeds: Sequence[int], alpha: float) -> dict[str, Any]:
    """Return squared errors of beta, alone and over that of the least-norm solution, and l1 norms.

    `l1` is the l1 norm of beta over that of the truth. `train_loss` is the mean squared error.
    """
    inputs, targets, truth = problems(seeds)
    beta = descend(inputs, targets, alpha)
    least = apply(np.linalg.pinv(inputs), targets)
    error = np.square(beta - truth).sum(axis=1)
    return {
        "error": error,
        "error_over_least_l2": error / np.square(least - truth).sum(axis=1),
        "l1": abs(beta).sum(axis=1) / abs(truth).sum(axis=1),
        "l1_of_least_l2": abs(least).sum(axis=1) / abs(truth).sum(axis=1),
        "train_loss": np.square(apply(inputs, beta) - targets).mean(axis=1),
    }


FITS = "every start fits: mean squared error at most 1e-4"
RICH = "alpha 0.001 finds the sparse truth: squared error at most 0.01"
KERNEL = "alpha 3 ends within 1% of the error of the least-norm solution"
L1 = "alpha 0.001: the l1 norm is within 3% of the truth's"
PAIRS = ((0.001, 0.01), (0.01, 0.1), (0.1, 1.0))


def step_down(small: float, large: float) -> str:
    """Return the name of the comparison of two scales."""
    return f"squared error, alpha {small:g} minus {large:g}"


PROTOCOL = Protocol(
    name="kernel-rich",
    claim="R19",
    edition=2,
    statement=(
        "All starts fit the data, but a large start ends at the solution of least l2 norm (a kernel method), "
        "a small one at that of least l1 norm (a sparse one)."
    ),
    parts={
        "solutions": Measurement(
            measure=solutions,
            axes={"alpha": ALPHAS},
            seeds=range(1000, 1020),
            tolerance={"error": 1e-9, "error_over_least_l2": 1e-9, "l1": 1e-9, "train_loss": 1e-9},
            sample=({"alpha": 0.001, "seed": 1000}, {"alpha": 3.0, "seed": 1000}),
        ),
    },
    tests=(
        Share(FITS, "solutions", "train_loss", at_most=1e-4),
        Share(RICH, "solutions", "error", {"alpha": 0.001}, at_most=0.01),
        Share(L1, "solutions", "l1", {"alpha": 0.001}, at_least=0.97, at_most=1.03),
        Share(KERNEL, "solutions", "error_over_least_l2", {"alpha": 3.0}, at_least=0.99, at_most=1.01),
        *(
            Difference(
                step_down(small, large), "solutions", "error", {"alpha": small}, {"alpha": large}, margin
            )
            for (small, large), margin in zip(PAIRS, (0.001, 0.05, 0.05), strict=True)
        ),
    ),
    rules=(
        Rule("upheld", when(yes=[FITS, RICH, L1, KERNEL], lower=[step_down(*pair) for pair in PAIRS])),
        *(  # smaller starts do better, short of one of the two limits
            Rule("refined", when(lower=[step_down(0.1, 1.0), step_down(0.01, 0.1)], no_or_mixed=[one]))
            for one in (FITS, RICH, L1, KERNEL)
        ),
        Rule("refuted", when(equivalent_or_higher_or_not_lower=[step_down(0.1, 1.0)], no=[RICH])),
    ),
)
