"""R2: Glorot and Bengio's tanh nets at the start (2010, figures 6 and 7): two rules for uniform weights.

The standard rule draws from +-1 / sqrt(n), variance 1 / (3n), the normalised one from
+-sqrt(6 / (fan_in + fan_out)). The Jacobian of a layer is that of its output by its input.

The pilots behind the thresholds: seeds 0 to 9. There, the mean singular value fell in the ranges in the
upper layers and below them in the first, where larger signals meet flatter parts of tanh. The first run
(first-runs/, seeds 100 to 109) is repeated on new seeds with rules that exclude each other.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import initializers, networks, propagation, theory
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when

WIDTH, LAYERS = 500, 5
RULES = {"standard": 1 / 3, "normalised": 1.0}


def stack(seeds: Sequence[int], rule: str) -> networks.Network:
    """Return nets of five tanh layers and ten outputs."""
    start = partial(initializers.variance_scaling, scale=RULES[rule], mode="fan_avg", distribution="uniform")
    return networks.mlp([*[WIDTH] * (LAYERS + 1), 10], "tanh", start, seeds=seeds)


def inputs() -> Any:
    """Return 100 inputs with mean square 1."""
    return np.random.default_rng(0).standard_normal((100, WIDTH))


def layers(seeds: Sequence[int], rule: str, layer: int) -> dict[str, Any]:
    """Return what a tanh layer does: rms of its activations over theory, mean singular value of its Jacobian.

    The theory is that of infinitely wide nets, the Jacobian that at the first input.
    """
    nets = stack(seeds, rule)
    post = nets.forward(inputs()).post[layer - 1]
    rms = np.sqrt((post**2).mean(axis=(1, 2)))
    jacobians = nets.weights[layer - 1] * (1 - post[:, :1] ** 2)
    return {
        "rms": rms,
        "rms_over_theory": rms / expected_rms(rule, layer),
        "mean_singular_value": np.linalg.svd(jacobians, compute_uv=False).mean(axis=1),
    }


def expected_rms(rule: str, layer: int) -> float:
    """Return the rms of the activations of a layer of infinitely wide nets."""
    square = 1.0
    for _ in range(layer):
        square = float(theory.variance_map(RULES[rule] * square, "tanh", 1.0))
    return float(square**0.5)


def gradients(seeds: Sequence[int], rule: str) -> dict[str, Any]:
    """Return the gradient's mean square in the first tanh layer, over that in the last."""
    sizes = propagation.measure(stack(seeds, rule), inputs()).gradient_rms
    return {"first_over_last": (sizes[:, 0] / sizes[:, LAYERS - 1]) ** 2}


def mean_value(rule: str, layer: int, low: float, high: float) -> Share:
    """Return a test on the mean singular value."""
    return Share(
        f"{rule}, layer {layer}: mean singular value",
        "layers",
        "mean_singular_value",
        {"rule": rule, "layer": layer},
        at_least=low,
        at_most=high,
    )


def activations(rule: str, layer: int) -> Difference:
    """Return a test of the rms of the activations against theory."""
    where = {"rule": rule, "layer": layer}
    name = f"{rule}, layer {layer}: rms of activations over theory, minus 1"
    return Difference(name, "layers", "rms_over_theory", where, 1.0, 0.02)


TOP = {
    "standard": mean_value("standard", LAYERS, 0.45, 0.55),
    "normalised": mean_value("normalised", LAYERS, 0.74, 0.86),
}
BOTTOM = {
    "standard": mean_value("standard", 1, 0.45, 0.55),
    "normalised": mean_value("normalised", 1, 0.74, 0.86),
}
AS_THEORY = [activations(rule, layer) for rule in RULES for layer in (1, LAYERS)]
SHRINKS = Share(
    "standard: the gradient's mean square falls below 2% over four layers",
    "gradients",
    "first_over_last",
    {"rule": "standard"},
    at_most=0.02,
)
LASTS = Share(
    "normalised: the gradient's mean square stays above 10% over four layers",
    "gradients",
    "first_over_last",
    {"rule": "normalised"},
    at_least=0.1,
)

PROTOCOL = Protocol(
    name="glorot-jacobians",
    claim="R2",
    edition=2,
    statement=(
        "In tanh nets of five layers the mean singular value of a layer's Jacobian is about 0.8 with the "
        "normalised rule and 0.5 with the standard one; activations and gradients keep their size far better."
    ),
    parts={
        "layers": Measurement(
            measure=layers,
            axes={"rule": tuple(RULES), "layer": tuple(range(1, LAYERS + 1))},
            seeds=range(1000, 1010),
            tolerance={"rms": 1e-6, "rms_over_theory": 1e-6, "mean_singular_value": 1e-6},
            sample=({"rule": "normalised", "layer": LAYERS, "seed": 1000},),
        ),
        "gradients": Measurement(
            measure=gradients,
            axes={"rule": tuple(RULES)},
            seeds=range(1000, 1010),
            tolerance={"first_over_last": 1e-6},
            sample=({"rule": "standard", "seed": 1000},),
        ),
    },
    tests=(*TOP.values(), *BOTTOM.values(), *AS_THEORY, SHRINKS, LASTS),
    rules=(
        Rule("upheld", when(yes=[*TOP.values(), *BOTTOM.values(), SHRINKS, LASTS])),
        *(  # in the upper layers; lower down, where signals are larger, tanh is flatter
            Rule(
                "refined",
                when(yes=[*TOP.values(), SHRINKS, LASTS], equivalent=AS_THEORY, no_or_mixed=[lowest]),
            )
            for lowest in BOTTOM.values()
        ),
        Rule("refuted", when(no=TOP.values())),
    ),
)
