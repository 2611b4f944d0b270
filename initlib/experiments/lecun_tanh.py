"""R1: LeCun's tanh with weights of standard deviation fan_in^(-1/2) (LeCun et al. 1998, Efficient BackProp).

f(x) = 1.7159 tanh(2x / 3) has f(1) = 1 and f(-1) = -1. For Gaussian signals of variance 1 its mean square is
0.75, though, so the signal settles lower.

The pilots behind the thresholds: seeds 0 to 19. The first run (first-runs/, seeds 100 to 139) is repeated on
new seeds with rules that exclude each other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import networks, propagation, theory
from initlib.activations import Activation
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when

HEIGHT, SLOPE = 1.7159, 2 / 3
WIDTH, DEPTH = 400, 20


def function(x: Any) -> Any:
    """Return 1.7159 tanh(2x / 3)."""
    return HEIGHT * np.tanh(SLOPE * x)


def derivative(x: Any) -> Any:
    """Return its slope."""
    return HEIGHT * SLOPE * (1 - np.tanh(SLOPE * x) ** 2)


LECUN_TANH = Activation("1.7159 tanh(2x/3)", function, derivative)


def signals(seeds: Sequence[int]) -> dict[str, Any]:
    """Return f(1), the mean square of the last layer, also over theory, and the gradient's factor a layer."""
    stack = networks.mlp([WIDTH] * (DEPTH + 1), LECUN_TANH, "lecun_normal", seeds=seeds)
    profile = propagation.measure(stack, np.random.default_rng(0).standard_normal((32, WIDTH)))
    settles = theory.variance_fixed_point(LECUN_TANH, 1.0).q
    second = profile.rms[:, -1] ** 2
    half = DEPTH // 2
    gradient = (profile.gradient_rms[:, half] / profile.gradient_rms[:, -1]) ** (2 / (DEPTH - 1 - half))
    return {
        "f_of_1": np.full(len(seeds), function(1.0)),
        "mean_square": second,
        "mean_square_over_theory": second / settles,
        "gradient_factor": gradient,
    }


def test(name: str, metric: str, value: float, margin: float) -> Difference:
    """Return a test of one number against another."""
    return Difference(name, "signals", metric, {}, value, margin)


UNIT = test("f(1) minus 1", "f_of_1", 1.0, 1e-4)
KEEPS_ONE = test("mean square of layer 20, minus 1", "mean_square", 1.0, 0.1)
SETTLES = test("mean square of layer 20 over theory's 0.3824, minus 1", "mean_square_over_theory", 1.0, 0.03)
GRADIENT = test("factor of the gradient's mean square per layer, minus 1", "gradient_factor", 1.0, 0.05)
ALIVE = Share("mean square of layer 20 at least 0.1", "signals", "mean_square", {}, at_least=0.1)

PROTOCOL = Protocol(
    name="lecun-tanh",
    claim="R1",
    edition=2,
    statement=(
        "With standardised inputs, weights of standard deviation fan_in^(-1/2) and the activation "
        "1.7159 tanh(2x/3), signals keep a variance of about 1 from layer to layer."
    ),
    parts={
        "signals": Measurement(
            measure=signals,
            seeds=range(1000, 1040),
            tolerance={
                "f_of_1": 1e-6,
                "mean_square": 1e-6,
                "mean_square_over_theory": 1e-6,
                "gradient_factor": 1e-6,
            },
            sample=({"seed": 1000},),
        )
    },
    tests=(UNIT, KEEPS_ONE, SETTLES, GRADIENT, ALIVE),
    rules=(
        Rule("upheld", when(equivalent=[UNIT, KEEPS_ONE, GRADIENT], yes=[ALIVE])),
        # the signal settles, below 1, at the size that theory gives, and so does the gradient
        Rule("refined", when(equivalent=[UNIT, SETTLES, GRADIENT], lower=[KEEPS_ONE], yes=[ALIVE])),
        Rule("refuted", when(no=[ALIVE])),
    ),
)
