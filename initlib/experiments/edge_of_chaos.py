"""R23: how slowly correlations converge at the edge of chaos (Hayou et al. 2019).

On the edge, 1 - c falls by a power of depth l and not exponentially: like 9 pi^2 / (2 l^2) for ReLU, and
like a constant over l for a smooth activation: 2 / f''(1), which is 6.1711 for tanh at sigma_b^2 = 0.05
(quadrature with 30 digits). In the ordered phase it falls by the factor chi with each layer.

Each seed draws the correlation of the inputs for the maps of infinitely wide nets, and a net of 500 units.
The pilots behind the margins: seeds 0 to 2.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import networks, theory
from initlib.evidence import Difference, Measurement, Protocol, Rule, when

EARLY, LATE = 500, 2000
SIGMA_B = 0.05**0.5
CONSTANTS = {"relu": 44.4132198, "tanh": 6.1711}  # 9 pi^2 / 2, and 2 / f''(1)
POWERS = {"relu": 2, "tanh": 1}
WIDTH, DEPTH, INPUTS = 500, 10, 8


def powers(seeds: Sequence[int], activation: str) -> dict[str, Any]:
    """Return 1 - c at layer 2,000 over the constant and power of depth, and the power from 500 on."""
    biases = 0.0 if activation == "relu" else SIGMA_B
    sigma_w, q, _ = theory.critical_sigma_w(activation, biases)
    c = starts(seeds)
    for layer in range(1, LATE + 1):
        c = theory.correlation_map(c, activation, sigma_w, biases, q=q)
        if layer == EARLY:
            early = 1 - c
    return {
        "over_constant": (1 - c) * float(LATE) ** POWERS[activation] / CONSTANTS[activation],
        "power": np.log((1 - c) / early) / np.log(LATE / EARLY),
    }


def starts(seeds: Sequence[int]) -> Any:
    """Return a correlation between 0 and 0.9 for each seed."""
    return np.array([np.random.default_rng(seed).uniform(0, 0.9) for seed in seeds])


def order(seeds: Sequence[int]) -> dict[str, Any]:
    """Return log of the factor of 1 - c per layer over log chi, layers 30 to 40 of ordered tanh nets."""
    q = theory.variance_fixed_point("tanh", 1.0, SIGMA_B).q
    c, far = starts(seeds), []
    for _ in range(40):
        c = theory.correlation_map(c, "tanh", 1.0, SIGMA_B, q=q)
        far.append(1 - c)
    return {"log_over_theory": np.log(far[39] / far[29]) / 10 / np.log(theory.chi("tanh", 1.0, q))}


def nets(seeds: Sequence[int]) -> dict[str, Any]:
    """Return 1 - c of pairs behind 10 ReLU layers, weights He's, over that of the map, from c = 0."""
    inputs = np.linalg.qr(np.random.default_rng(0).standard_normal((WIDTH, INPUTS)))[0].T
    expected = 0.0
    for _ in range(DEPTH):
        expected = float(theory.correlation_map(expected, "relu", 2**0.5, q=1.0))
    found = []
    for seed in seeds:
        net = networks.mlp([WIDTH] * (DEPTH + 2), "relu", "he_normal", seeds=[seed])
        last = net.forward(inputs).pre[DEPTH][0]
        last /= np.linalg.norm(last, axis=1, keepdims=True)
        found.append(1 - (last @ last.T)[np.triu_indices(INPUTS, 1)].mean())
    return {"over_map": np.array(found) / (1 - expected)}


CONSTANT = [
    Difference(
        f"{name}: 1 - c at layer 2,000 over {value}/l^{POWERS[name]}, minus 1",
        "edge",
        "over_constant",
        {"activation": name},
        1.0,
        0.03,
    )
    for name, value in {"relu": "(9 pi^2 / 2)", "tanh": "6.1711"}.items()
]
POWER = [
    Difference(
        f"{name}: power of depth, minus -{power}", "edge", "power", {"activation": name}, -float(power), 0.05
    )
    for name, power in POWERS.items()
]
ORDERED = Difference(
    "tanh, ordered: log of the factor per layer over theory, minus 1",
    "order",
    "log_over_theory",
    {},
    1.0,
    0.02,
)
NETS = Difference(
    "ReLU nets, 10 layers: 1 - c over that of the map, minus 1", "nets", "over_map", {}, 1.0, 0.1
)

PROTOCOL = Protocol(
    name="edge-of-chaos",
    claim="R23",
    statement=(
        "At the edge of chaos the correlation of two inputs approaches 1 by a power of depth and not "
        "exponentially: 1 - c falls like 9 pi^2 / (2 l^2) for ReLU and in proportion to 1/l for tanh."
    ),
    parts={
        "edge": Measurement(
            measure=powers,
            axes={"activation": tuple(POWERS)},
            seeds=range(100, 120),
            tolerance={"over_constant": 1e-5, "power": 1e-5},
            sample=({"seed": 100, "activation": "relu"},),
        ),
        "order": Measurement(
            measure=order, seeds=range(100, 120), tolerance={"log_over_theory": 1e-6}, sample=({"seed": 100},)
        ),
        "nets": Measurement(
            measure=nets, seeds=range(100, 200), tolerance={"over_map": 1e-6}, sample=({"seed": 100},)
        ),
    },
    tests=(*CONSTANT, *POWER, ORDERED, NETS),
    rules=(
        Rule("upheld", when(equivalent=[*CONSTANT, *POWER, ORDERED, NETS])),
        *(  # the powers, with other constants, or not yet in nets of 500 units
            Rule(
                "refined",
                when(
                    equivalent=[*POWER, ORDERED], higher_or_lower_or_not_higher_or_not_lower_or_unclear=[one]
                ),
            )
            for one in (*CONSTANT, NETS)
        ),
        *(Rule("refuted", when(higher_or_lower=[one])) for one in POWER),
    ),
)
