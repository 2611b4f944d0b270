"""R28: which layer learns faster decides whether features are learnt (Kunin et al. 2024, unbalanced starts).

Multiply the first weights of a two-layer net by s and divide the second by it: the net answers the same, but
gradient descent goes another way. It keeps |incoming|^2 - |outgoing|^2 of every hidden unit (exactly if steps
are infinitesimal). The paper says: linear nets learn features fast from balanced starts alone; ReLU nets also
from starts that let the first layer learn faster, those with small first weights.

Starts are named by the layer that learns faster: "first" (s small), "both" (the layers have the same norm),
and "last" (s large, as He's weights have it in a wide net). Training ends at 1 % of the targets' variance.
How far features were learnt is how far the tangent kernel turned: 1 minus the cosine between it before and
after. The ReLU nets learn a sum of three ReLU units from 80 examples, minus what they answered at the start;
the linear ones a random matrix from whitened inputs.

The pilots behind the margins and the sizes: seeds 0 to 2, at several scales. At the largest the kernel hardly
turns from any start, at the smallest it turns from all: between them the starts differ.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import initializers
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when

FASTER = ("first", "both", "last")
SHIFT, SCALE = {"relu": 4.0, "linear": 8.0}, {"relu": 0.5, "linear": 0.3}
HIDDEN, STEPS, RATE, DONE = 100, 50_000, 0.03, 0.01
INPUTS, OUTPUTS = 15, 5
SAMPLES, TESTED, KERNEL = 80, 500, 100


def start(seed: int, kind: str, faster: str, outputs: int) -> tuple[Any, Any]:
    """Return first and second weights of one function, shared out between the layers."""
    rng = np.random.default_rng([seed, 1])
    draw = initializers.he_normal if kind == "relu" else initializers.lecun_normal
    first, second = draw((INPUTS, HIDDEN), rng=rng), draw((HIDDEN, outputs), rng=rng)
    shift = (np.linalg.norm(second) / np.linalg.norm(first)) ** 0.5
    shift *= {"first": 1 / SHIFT[kind], "both": 1.0, "last": SHIFT[kind]}[faster]
    return SCALE[kind] * shift * first, SCALE[kind] / shift * second


def relu(seeds: Sequence[int], faster: str) -> dict[str, Any]:
    """Return how far the kernel turned, the errors over the variance, and how far the balance drifted."""
    found = [train_relu(seed, faster) for seed in seeds]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def train_relu(seed: int, faster: str) -> dict[str, float]:
    """Train one ReLU net."""
    inputs, targets = teacher(seed)
    first, second = start(seed, "relu", faster, 1)

    def answer() -> Any:
        return np.maximum(inputs @ first, 0) @ second

    def kernel() -> Any:
        hidden = np.maximum(inputs[:KERNEL] @ first, 0)
        gates = (hidden > 0) * second[:, 0]
        return hidden @ hidden.T + (inputs[:KERNEL] @ inputs[:KERNEL].T) * (gates @ gates.T)

    def balance() -> Any:
        return (first**2).sum(axis=0) - (second**2).sum(axis=1)

    zero, before, kept = answer(), kernel(), balance()
    size = float(((first**2).sum() + (second**2).sum()) / HIDDEN)
    x, y = inputs[:SAMPLES], targets[:SAMPLES] + zero[:SAMPLES]
    rate = RATE / np.linalg.eigvalsh(before[:SAMPLES, :SAMPLES] / SAMPLES)[-1]
    for _ in range(STEPS):
        hidden = np.maximum(x @ first, 0)
        error = (hidden @ second - y) / SAMPLES
        if SAMPLES * (error**2).sum() < DONE:
            break
        step = x.T @ (error * second[:, 0] * (hidden > 0))
        second -= rate * hidden.T @ error
        first -= rate * step
    wrong = np.square(answer() - zero - targets)
    return {
        "turned": turned(before, kernel()),
        "train_error": float(wrong[:SAMPLES].mean()),
        "test_error": float(wrong[SAMPLES:].mean()),
        "drift": float(abs(balance() - kept).max() / size),
    }


def teacher(seed: int) -> tuple[Any, Any]:
    """Return inputs and the standardised targets of a sum of three ReLU units, those for the test last."""
    rng = np.random.default_rng([seed, 0])
    inputs = rng.standard_normal((SAMPLES + TESTED, INPUTS))
    units = rng.standard_normal((INPUTS, 3)) / INPUTS**0.5
    targets = np.maximum(inputs @ units, 0) @ rng.choice([-1.0, 1.0], (3, 1))
    return inputs, (targets - targets.mean()) / targets.std()


def linear(seeds: Sequence[int], faster: str) -> dict[str, Any]:
    """Return how far the kernel of linear nets turned, and what is left of the error."""
    found = np.array([train_linear(seed, faster) for seed in seeds])
    return {"turned": found[:, 0], "train_error": found[:, 1]}


def train_linear(seed: int, faster: str) -> tuple[float, float]:
    """Train one linear net on whitened inputs."""
    first, second = start(seed, "linear", faster, OUTPUTS)
    target = np.random.default_rng([seed, 0]).standard_normal((INPUTS, OUTPUTS))
    target /= np.linalg.norm(target, 2)

    def kernel() -> Any:  # inputs times outputs, both ways
        return np.kron(first @ first.T, np.eye(OUTPUTS)) + np.kron(np.eye(INPUTS), second.T @ second)

    before = kernel()
    rate = RATE / (np.linalg.eigvalsh(before)[-1] + 1)
    left = 1.0
    for _ in range(STEPS):
        error = first @ second - target
        left = float((error**2).sum() / (target**2).sum())
        if left < DONE:
            break
        step = error @ second.T
        second -= rate * first.T @ error
        first -= rate * step
    return turned(before, kernel()), left


def turned(before: Any, after: Any) -> float:
    """Return 1 minus the cosine between two kernels."""
    return float(1 - (before * after).sum() / np.linalg.norm(before) / np.linalg.norm(after))


def against(name: str, part: str, metric: str, first: str, second: str, margin: float) -> Difference:
    """Return a test between two starts."""
    return Difference(name, part, metric, {"faster": first}, {"faster": second}, margin)


FITS = [
    Share(f"{part}: every net fits", part, "train_error", at_most=0.0100001) for part in ("relu", "linear")
]
LAW = Share("ReLU: the balance of each unit is kept, to 1% of its size", "relu", "drift", at_most=0.01)
ONLY_BALANCED = [
    against(f"linear: kernel turned, both minus {other} faster", "linear", "turned", "both", other, 0.01)
    for other in ("first", "last")
]
FASTER_FIRST = against(
    "ReLU: kernel turned, first minus last faster", "relu", "turned", "first", "last", 0.01
)
BEYOND = against("ReLU: kernel turned, first minus both faster", "relu", "turned", "first", "both", 0.005)
BETTER = against("ReLU: test error, first minus last faster", "relu", "test_error", "first", "last", 0.03)
NO_WORSE = against("ReLU: test error, first minus both faster", "relu", "test_error", "first", "both", 0.03)
PROTOCOL = Protocol(
    name="unbalanced-starts",
    claim="R28",
    statement=(
        "Two-layer linear nets turn their kernel from balanced starts alone. ReLU nets turn it most from "
        "starts that let the first layer learn faster, and read new data better from those than from starts "
        "that let the last one."
    ),
    parts={
        "relu": Measurement(
            measure=relu,
            axes={"faster": FASTER},
            seeds=range(100, 120),
            tolerance=dict.fromkeys(("turned", "train_error", "test_error", "drift"), 1e-5),
            sample=({"seed": 100, "faster": "first"},),
        ),
        "linear": Measurement(
            measure=linear,
            axes={"faster": FASTER},
            seeds=range(100, 120),
            tolerance={"turned": 1e-6, "train_error": 1e-6},
            sample=({"seed": 100, "faster": "both"},),
        ),
    },
    tests=(*FITS, LAW, *ONLY_BALANCED, FASTER_FIRST, BEYOND, BETTER, NO_WORSE),
    rules=(
        Rule(
            "upheld",
            when(yes=[*FITS, LAW], higher=[*ONLY_BALANCED, FASTER_FIRST, BEYOND], lower=[BETTER]),
        ),
        # faster first layers do as well as balanced ones, and both better than faster last ones
        Rule(
            "refined",
            when(
                yes=[*FITS, LAW],
                higher=[*ONLY_BALANCED, FASTER_FIRST],
                lower=[BETTER],
                equivalent_or_lower_or_not_higher_or_not_lower_or_unclear=[BEYOND],
            ),
        ),
        Rule("refuted", when(yes=FITS, equivalent_or_lower_or_not_higher=[FASTER_FIRST])),
    ),
)
