"""R9: singular values of whole Jacobians, from Gaussian and orthogonal weights (Pennington et al. 2017).

At criticality the squared singular values have mean 1. Their variance grows by E phi'^4 / (E phi'^2)^2 - 1
with every layer from orthogonal weights, and by 1 more from Gaussian ones: it is 0 only for linear orthogonal
nets, and stays small for tanh if the signals are kept at q* ~ 1 / depth. ReLU nets cannot.

The pilots behind the margins: seeds 0 to 2. Narrow nets exceed the Gaussian theory by about a tenth at 24
layers, and the bound of 0.5 is for tanh at 1 / depth; a first guess of 0.1 was below its theory.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import activations, gaussian, initializers, networks
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when

WIDTH = 320
NETS = ("identity", "relu", "tanh")
ENSEMBLES = ("gaussian", "orthogonal")
DEPTHS = (8, 24)


def spectra(seeds: Sequence[int], net: str, ensemble: str, depth: int) -> dict[str, Any]:
    """Return the variance of the squared singular values over their squared mean, alone and over theory.

    Tanh nets stand on the critical line at q* = 1 / depth, the others at q* = 1 without biases.
    """
    phi = activations.get(net)
    slope = phi.derivative
    assert slope is not None
    q = 1 / depth if net == "tanh" else 1.0
    slopes = [float(gaussian.expectation(lambda z, k=k: slope(z) ** k, q=q, kinks=phi.kinks)) for k in (2, 4)]
    square = float(gaussian.expectation(lambda z: phi.function(z) ** 2, q=q, kinks=phi.kinks))
    sigma_w2 = 1 / slopes[0]
    law = depth * (slopes[1] / slopes[0] ** 2 - 1 + (ensemble == "gaussian"))
    biases = partial(initializers.normal, std=max(q - sigma_w2 * square, 0.0) ** 0.5)
    weights = (
        partial(initializers.orthogonal, gain=sigma_w2**0.5)
        if ensemble == "orthogonal"
        else partial(initializers.variance_scaling, scale=sigma_w2)
    )
    found = []
    for seed in seeds:
        stack = networks.mlp([WIDTH] * (depth + 1) + [1], net, weights, bias_initializer=biases, seeds=[seed])
        found.append(spread(stack, square))
    variance = np.array(found)
    return {"variance": variance, "over_theory": variance / law if law > 1e-9 else np.ones(len(variance))}


def spread(stack: networks.Network, square: float) -> float:
    """Return the variance over the squared mean of the squared singular values, at an input of that size."""
    x = np.random.default_rng(0).standard_normal((1, WIDTH))
    trace = stack.forward(x * np.sqrt(square / (x**2).mean()))
    jacobian, slope = np.eye(WIDTH), stack.activation.derivative
    assert slope is not None
    for weights, pre in zip(stack.weights[:-1], trace.pre[:-1], strict=True):
        jacobian = jacobian @ weights[0] * slope(pre[0, 0])
    gram = jacobian @ jacobian.T
    return float(WIDTH * np.square(gram).sum() / np.trace(gram) ** 2 - 1)


def law(net: str, ensemble: str, depth: int) -> Difference:
    """Return a test against the law of infinitely wide nets."""
    where = {"net": net, "ensemble": ensemble, "depth": depth}
    margin = 0.1 if ensemble == "orthogonal" else 0.2
    return Difference(
        f"{net}, {ensemble}, {depth} layers: variance over theory, minus 1",
        "spectra",
        "over_theory",
        where,
        1.0,
        margin,
    )


def bound(name: str, net: str, ensemble: str, depth: int, **bounds: float) -> Share:
    """Return a test of the variance itself."""
    where = {"net": net, "ensemble": ensemble, "depth": depth}
    return Share(f"{net}, {ensemble}, {depth} layers: {name}", "spectra", "variance", where, **bounds)


LAWS = [
    law(net, ensemble, depth)
    for net in NETS
    for ensemble in ENSEMBLES
    for depth in DEPTHS
    if (net, ensemble) != ("identity", "orthogonal")
]
ISOMETRY = [
    bound("no variance (at most 1e-9)", "identity", "orthogonal", 24, at_most=1e-9),
    bound("variance at most 0.5", "tanh", "orthogonal", 24, at_most=0.5),
]
NONE = [
    bound("variance at least 19.2", "relu", "orthogonal", 24, at_least=19.2),  # 0.8 for each layer
    bound("variance at least 19.2", "tanh", "gaussian", 24, at_least=19.2),
]

PROTOCOL = Protocol(
    name="jacobian-isometry",
    claim="R9",
    statement=(
        "The variance of a deep net's squared singular values grows in proportion to depth, except from "
        "orthogonal weights in linear nets and in tanh nets with small signals; in ReLU nets it always grows."
    ),
    parts={
        "spectra": Measurement(
            measure=spectra,
            axes={"net": NETS, "ensemble": ENSEMBLES, "depth": DEPTHS},
            seeds=range(100, 116),
            tolerance={"variance": 1e-6, "over_theory": 1e-6},
            sample=({"seed": 100, "net": "tanh", "ensemble": "orthogonal", "depth": 8},),
        )
    },
    tests=(*LAWS, *ISOMETRY, *NONE),
    rules=(
        Rule("upheld", when(equivalent=LAWS, yes=[*ISOMETRY, *NONE])),
        *(  # what grows and what does not is as published, by how much is not
            Rule(
                "refined",
                when(higher_or_lower_or_not_higher_or_not_lower_or_unclear=[one], yes=[*ISOMETRY, *NONE]),
            )
            for one in LAWS
        ),
        *(Rule("refuted", when(no=[one])) for one in (*ISOMETRY, *NONE)),
    ),
)
