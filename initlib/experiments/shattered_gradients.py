"""R24: how alike the gradients at two inputs are, by depth (Balduzzi et al. 2017, shattered gradients).

The paper takes the units that are active at two inputs to be independent in every layer, and finds that
the correlation of the gradients halves with each ReLU layer, and falls like one over the root of depth in
residual nets with batch normalisation. But signals of plain nets grow alike with depth: by the maps of wide
nets the correlation is the product of 1 - arccos(c) / pi over the layers, whose log2 is typed below.

Inputs are orthogonal. The gradient is that of the output by the first pre-activation, its correlation the
cosine of two of them, averaged over the pairs of inputs and over the nets that a seed stands for.

The pilots behind the margins: seeds 0 to 2. There the cosine behind eight layers was 0.055, where 2^-8 is
0.004, and that of residual nets fell by 2^-2.4 from 4 to 64 blocks, where one over the root says 2^-2.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import networks
from initlib.evidence import Difference, Measurement, Protocol, Rule, when

WIDTH, BATCH = 128, 64
NETS, INPUTS = {"plain": 20, "residual": 10}, {"plain": 8, "residual": 4}
MAPS = {2: -1.7295, 4: -2.8202, 8: -4.3214}  # log2 of the product
SHAPES = (*(f"plain, {layers}" for layers in (2, 4, 8, 16)), *(f"residual, {n}" for n in (4, 16, 64)))


def gradients(seeds: Sequence[int], net: str) -> dict[str, Any]:
    """Return the mean cosine between the gradients at two inputs, and log2 of it and of its root law."""
    kind, depth = net.split(", ")
    draw = plain if kind == "plain" else residual
    cosine = np.array([alike(draw(seed, int(depth))) for seed in seeds])
    return {
        "cosine": cosine,
        "log2_cosine": np.log2(cosine),
        "log2_root": np.log2(cosine) + np.log2(int(depth)) / 2,
    }


def plain(seed: int, depth: int) -> Any:
    """Return the gradients behind `depth` ReLU layers, (nets, inputs, units)."""
    widths = [WIDTH] * (depth + 1) + [1]
    stack = networks.mlp(widths, "relu", "he_normal", seeds=nets(seed, "plain"))
    trace = stack.forward(inputs("plain"))
    return stack.backward(trace, np.ones_like(trace.output)).pre[0]


def residual(seed: int, blocks: int) -> Any:
    """Return the gradients through blocks x + relu(batch norm(x)) W.

    Each is that of the output at its input alone, since batch normalisation mixes the inputs.
    """
    stack = networks.residual(
        (WIDTH, WIDTH, 1),
        blocks,
        "relu",
        "he_normal",
        seeds=nets(seed, "residual"),
        branch_depth=1,
        normalisation="batch",
    )
    batch = np.random.default_rng(0).standard_normal((BATCH, WIDTH))
    batch[: INPUTS["residual"]] = inputs("residual")
    found = []
    for i in range(INPUTS["residual"]):
        trace = stack.forward(batch)
        alone = np.zeros_like(trace.output)
        alone[:, i] = 1
        found.append(stack.backward(trace, alone).pre[0][:, i])
    return np.stack(found, axis=1)


def nets(seed: int, kind: str) -> list[int]:
    """Return the seeds of the nets that a seed stands for."""
    return [NETS[kind] * seed + net for net in range(NETS[kind])]


def inputs(kind: str) -> Any:
    """Return orthogonal inputs of mean square 1."""
    directions, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((WIDTH, INPUTS[kind])))
    return directions.T * WIDTH**0.5


def alike(found: Any) -> float:
    """Return the mean cosine between gradients (nets, inputs, units) at different inputs."""
    unit = found / np.linalg.norm(found, axis=2, keepdims=True)
    first, second = np.triu_indices(found.shape[1], 1)
    return float((unit @ unit.swapaxes(1, 2))[:, first, second].mean())


def log2(name: str, net: str, value: float, margin: float) -> Difference:
    """Return a test of log2 of the correlation against a number."""
    return Difference(name, "gradients", "log2_cosine", {"net": net}, value, margin)


HALVES = [
    log2(f"plain, {depth} layers: log2 of the correlation, minus -{depth}", f"plain, {depth}", -depth, 0.5)
    for depth in (4, 8)
]
BY_MAPS = [
    log2(
        f"plain, {depth} layers: log2 of the correlation over that by the maps", f"plain, {depth}", value, 0.5
    )
    for depth, value in MAPS.items()
]
ROOT = Difference(
    "residual: log2 of correlation times root of depth, 64 blocks minus 4",
    "gradients",
    "log2_root",
    {"net": "residual, 64"},
    {"net": "residual, 4"},
    0.4,
)
LESS = Difference(
    "16 layers: correlation, plain minus residual",
    "gradients",
    "cosine",
    {"net": "plain, 16"},
    {"net": "residual, 16"},
    0.05,
)

PROTOCOL = Protocol(
    name="shattered-gradients",
    claim="R24",
    statement=(
        "The correlation of the gradients at two inputs halves with every layer of a plain ReLU net, and in "
        "residual nets with batch normalisation it falls only like one over the root of depth."
    ),
    parts={
        "gradients": Measurement(
            measure=gradients,
            axes={"net": SHAPES},
            seeds=range(100, 120),
            tolerance=dict.fromkeys(("cosine", "log2_cosine", "log2_root"), 1e-6),
            sample=({"seed": 100, "net": "plain, 8"}, {"seed": 100, "net": "residual, 4"}),
        )
    },
    tests=(*HALVES, *BY_MAPS, ROOT, LESS),
    rules=(
        Rule("upheld", when(equivalent=[*HALVES, ROOT], lower=[LESS])),
        *(  # plain nets shatter more, but not at these rates
            Rule("refined", when(lower=[LESS], higher_or_lower_or_not_higher_or_not_lower_or_unclear=[one]))
            for one in (*HALVES, ROOT)
        ),
        Rule("refuted", when(equivalent_or_higher_or_not_lower=[LESS])),
    ),
)
