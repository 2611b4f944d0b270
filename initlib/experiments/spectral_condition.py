"""R27: weights and updates of the right spectral norm let features change alike at every width
(Yang, Simon and Bernstein 2023).

Features of a layer stay of size 1, and change by as much, if the spectral
norms of its weights and of its updates are of the size sqrt(fan_out / fan_in); muP is one way to have both.
Scaling updates by their Frobenius norm or by their entries is not.

ReLU nets with two hidden layers take three steps on 256 digits, all layers at once. The weights are He's,
the last ones in muP 1 / width. Each step's update is the gradient, rescaled for each layer: "spectral" to a
spectral norm of 0.1 sqrt(fan_out / fan_in), "entries" to a root mean square entry of 0.1 / 64, which is what
Adam at one rate does nearly, "frobenius" to a Frobenius norm of 0.1 sqrt(fan_out / 64). All three are about
the same at width 64. `log2_change` is that of the root mean square change of the second hidden layer's
pre-activations.

The pilots behind the margins: seeds 0 to 2.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import datasets, networks
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when
from initlib.networks import losses

WIDTHS = (64, 256, 1024)
SCALINGS = ("spectral", "entries", "frobenius")
STEPS, SIZE, BASE = 3, 0.1, 64


def nets(seeds: Sequence[int], width: int, parametrisation: str = "mup") -> networks.Network:
    """Return nets 64 - width - width - 10."""
    return networks.mlp(
        [64, width, width, 10],
        "relu",
        "he_normal",
        seeds=seeds,
        parametrisation=parametrisation,
        base_width=BASE if parametrisation == "mup" else None,
    )


def weights(seeds: Sequence[int], parametrisation: str, width: int) -> dict[str, Any]:
    """Return log2 of the spectral norm over sqrt(fan_out / fan_in) for hidden and output weights."""
    _, hidden, output = nets(seeds, width, parametrisation).weights
    return {"log2_hidden": relative(hidden), "log2_output": relative(output)}


def relative(matrices: Any) -> Any:
    """Return log2 of the spectral norms over sqrt(fan_out / fan_in)."""
    fan_in, fan_out = matrices.shape[1:]
    return np.log2(np.linalg.norm(matrices, ord=2, axis=(1, 2)) / (fan_out / fan_in) ** 0.5)


def updates(seeds: Sequence[int], scaling: str, width: int) -> dict[str, Any]:
    """Return log2 of the change of features, of the update's relative norm, and of its stable rank.

    The norm and rank are those of all three steps together, in the hidden weights: the stable rank is the
    squared Frobenius over the squared spectral norm.
    """
    found = [moved(seed, scaling, width) for seed in seeds]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def moved(seed: int, scaling: str, width: int) -> dict[str, float]:
    """Return these for one net."""
    net = nets([seed], width)
    batch = datasets.digits().split(seed, train_samples=256).train
    start = net.weights[1][0].copy()
    before = net.forward(batch.inputs).pre[1]
    for _ in range(STEPS):
        trace = net.forward(batch.inputs)
        _, top = losses.softmax(trace.output, batch.labels[None])
        for own, gradient in zip(net.weights, net.backward(trace, top).weights, strict=True):
            own -= gradient * size(gradient[0], scaling)
    change = net.forward(batch.inputs).pre[1] - before
    update = net.weights[1] - start
    spectral = np.linalg.norm(update[0], ord=2)
    return {
        "log2_change": float(np.log2(np.sqrt(np.mean(change**2)))),
        "log2_norm": float(relative(update)[0]),
        "log2_rank": float(2 * np.log2(np.linalg.norm(update[0]) / spectral)),
    }


def size(gradient: Any, scaling: str) -> float:
    """Return the factor that makes a step of a gradient."""
    fan_in, fan_out = gradient.shape
    if scaling == "spectral":
        return float(SIZE * (fan_out / fan_in) ** 0.5 / np.linalg.norm(gradient, ord=2))
    if scaling == "frobenius":
        return float(SIZE * (fan_out / BASE) ** 0.5 / np.linalg.norm(gradient))
    return float(SIZE / BASE / np.sqrt(np.mean(gradient**2)))


def wider(name: str, part: str, metric: str, margin: float, **where: str) -> Difference:
    """Return a test between the widths 1024 and 64."""
    return Difference(
        f"{name}, width 1024 minus 64", part, metric, {"width": 1024}, {"width": 64}, margin, where
    )


FLAT = [
    wider("log2 of the hidden weights' relative norm", "weights", "log2_hidden", 0.5, parametrisation="mup"),
    wider(
        "muP: log2 of the output weights' relative norm", "weights", "log2_output", 0.5, parametrisation="mup"
    ),
]
STANDARD = wider(
    "standard: log2 of the output weights' relative norm",
    "weights",
    "log2_output",
    0.5,
    parametrisation="standard",
)
SPECTRAL, ENTRIES, FROBENIUS = (
    wider(f"updates by {name}: log2 of the features' change", "updates", "log2_change", 0.5, scaling=scaling)
    for name, scaling in zip(("spectral norm", "entries", "Frobenius norm"), SCALINGS, strict=True)
)
RANK = Share(
    "width 1024: stable rank of the update at most 8 (log2: 3)",
    "updates",
    "log2_rank",
    {"scaling": "spectral", "width": 1024},
    at_most=3.0,
)

PROTOCOL = Protocol(
    name="spectral-condition",
    claim="R27",
    statement=(
        "Features change by as much at every width if the spectral norms of each layer's weights and updates "
        "are proportional to sqrt(fan_out / fan_in); with updates scaled by entries or Frobenius norm the "
        "change grows with width."
    ),
    parts={
        "weights": Measurement(
            measure=weights,
            axes={"parametrisation": ("standard", "mup"), "width": WIDTHS},
            seeds=range(100, 112),
            tolerance={"log2_hidden": 1e-6, "log2_output": 1e-6},
            sample=({"seed": 100, "parametrisation": "mup", "width": 256},),
        ),
        "updates": Measurement(
            measure=updates,
            axes={"scaling": SCALINGS, "width": WIDTHS},
            seeds=range(100, 112),
            tolerance={"log2_change": 1e-5, "log2_norm": 1e-5, "log2_rank": 1e-5},
            sample=({"seed": 100, "scaling": "spectral", "width": 256},),
        ),
    },
    tests=(*FLAT, STANDARD, SPECTRAL, ENTRIES, FROBENIUS, RANK),
    rules=(
        Rule("upheld", when(equivalent=[*FLAT, SPECTRAL], higher=[STANDARD, ENTRIES, FROBENIUS], yes=[RANK])),
        *(  # the spectral scaling holds, another one does, too
            Rule("refined", when(equivalent=[*FLAT, SPECTRAL], equivalent_or_not_higher_or_lower=[one]))
            for one in (ENTRIES, FROBENIUS)
        ),
        Rule("refuted", when(higher_or_lower=[SPECTRAL])),
    ),
)
