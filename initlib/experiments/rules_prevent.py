"""C23: where Xavier and He initialization keep gradients in size, where they do not, and what that is worth.

Inside what the two rules were derived for: plain nets, tanh or ReLU, wide layers. Outside: smooth
activations with slope 1/2 at 0; residual nets without normalisation, whose signals double per block (Zhang
et al. 2019, R13); batch normalisation, whose gradients grow by pi / (pi - 1) per layer in mean square
whatever the scale of the weights (Yang et al. 2019, R16); narrow and deep nets (Hanin and Nica 2020, R11).

The first run knew SGD alone and asked for every net what is told as "effective". New: Adam and AdamW for
what is trained, a reading of the claim as it is told (the two rules against naive ones, inside what they were
derived for), rates of the residual nets by accuracy. Speed is measured at the rates with the lowest loss.
Seeds of the pilots: 0 to 2 and, for rates, 50 and 51.

Between two BLAS kernels, plain nets were the same.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import initializers, networks, propagation
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, Told, Training
from initlib.experiments._grounds import ADAM, ADAMW, SGD
from initlib.networks import Network

BATCH_RATE = np.log10(np.pi / (np.pi - 1))
STANDARD = partial(initializers.variance_scaling, scale=1 / 3, distribution="uniform")

# activation, initializer, width, layers
PLAIN: dict[str, tuple[str, Any, int, int]] = {
    "tanh, Xavier": ("tanh", "glorot_uniform", 256, 20),
    "ReLU, He": ("relu", "he_normal", 256, 20),
    "tanh, std 0.01": ("tanh", partial(initializers.normal, std=0.01), 256, 20),
    "ReLU, std 0.01": ("relu", partial(initializers.normal, std=0.01), 256, 20),
    "ReLU, std 1": ("relu", partial(initializers.normal, std=1.0), 256, 20),
    "GELU, He": ("gelu", "he_normal", 256, 40),
    "ReLU, He, narrow": ("relu", "he_normal", 16, 50),
}
RULES = ("tanh, Xavier", "ReLU, He")
NAIVE = ("tanh, std 0.01", "ReLU, std 0.01", "ReLU, std 1")
OUTSIDE = ("GELU, He", "ReLU, He, narrow")


def plain(seeds: Sequence[int], start: str) -> dict[str, Any]:
    """Return log10 of the size of the gradient in the first layer, relative to the last."""
    activation, initializer, width, layers = PLAIN[start]
    nets = networks.mlp([width] * (layers + 1), activation, initializer, seeds=seeds)
    profile = propagation.measure(nets, np.random.default_rng(0).standard_normal((32, width)))
    return {"log10_gradient": np.log10(profile.gradient_rms[:, 0] / profile.gradient_rms[:, -1])}


def batch_normalised(seeds: Sequence[int], factor: float) -> dict[str, Any]:
    """Return by how much log10 of the squared gradient grows per layer in 30 ReLU layers with batch norm.

    128 samples, 128 units; the rate is that between layers 25 and 5. `factor` multiplies all weights.
    """
    start = partial(initializers.he_normal)
    nets = networks.mlp([128] * 31, "relu", start, normalisation="batch", seeds=seeds)
    for weights in nets.weights:
        weights *= factor
    x = np.random.default_rng(0).standard_normal((128, 128))
    gradient = propagation.measure(nets, x).gradient_rms
    return {"rate": 2 * np.log10(gradient[:, 4] / gradient[:, 24]) / 20}


def residual_stream(seeds: Sequence[int], variant: str) -> dict[str, Any]:
    """Return log2 of the growth of the mean square in 50 blocks, 256 wide, per block and in all."""
    nets = networks.residual([256, 256, 10], 50, "relu", "he_normal", seeds=seeds, variant=variant)
    pre = nets.forward(np.random.default_rng(0).standard_normal((16, 256))).pre
    growth = np.log2((pre[50] ** 2).mean(axis=(1, 2)) / (pre[0] ** 2).mean(axis=(1, 2)))
    return {"per_block": growth / 50, "in_all": growth}


def residual_net(cells: Sequence[dict[str, Any]], variant: str) -> Network:
    """Return residual nets of 32 blocks, 64 wide."""
    starts, seeds = zip(*((cell["initializer"], cell["seed"]) for cell in cells), strict=True)
    return networks.residual([64, 64, 10], 32, "relu", list(starts), seeds=seeds, variant=variant)


def keeps(start: str) -> str:
    return f"{start}: the gradient stays within a factor of 10"


def converges(arm: str) -> str:
    return f"8 layers, {arm}: converges"


def epochs(activation: str) -> str:
    return f"8 layers, {activation}: epochs to converge, rule minus variance 1/(3n)"


SETTINGS: dict[str, Any] = {
    "dataset": "digits",
    "optimizer": "momentum",
    "batch_size": 64,
    "validation": 0.1,
}
GROUNDS = {"SGD with momentum": SGD, "Adam": ADAM, "AdamW, warm-up": ADAMW}
RULE = {"tanh": "Xavier", "ReLU": "He"}
BATCH = "batch norm: log10 of the squared gradient's growth per layer, minus that of pi / (pi - 1)"
RESCALED = "batch norm, weights times 7: the same growth"
DOUBLES = "residual, He: log2 of the growth per block, minus 1"
SCALED = "residual, scaled: log2 of the growth in all, minus that of (1 + 1/50)^50"
FAILS = "residual, 32 blocks, He: stays below 50%"
LOST = "residual, 32 blocks, accuracy, He minus fixup, best rates"
FIXED = tuple(f"residual, 32 blocks, {arm}: reaches 90%" for arm in ("scaled", "fixup"))

# the two rules keep gradients where naive ones lose them
PREVENT = {**{keeps(s): "yes" for s in RULES}, **{keeps(s): "no" for s in NAIVE}}
NO_SOONER = ("equivalent", "higher", "not lower")

PROTOCOL = Protocol(
    name="rules-prevent",
    claim="C23",
    edition=2,
    statement=(
        "Whatever the net, Xavier and He initialization keep gradients from vanishing and exploding, and "
        "speed up convergence."
    ),
    told=Told(
        "Xavier and He initialization are effective in preventing vanishing and exploding gradients and in "
        "making training converge sooner.",
        rules=(
            Rule("upheld", {**PREVENT, **{epochs(a): "lower" for a in RULE}}),
            *(Rule("refined", {**PREVENT, epochs(a): NO_SOONER}) for a in RULE),
            Rule("refuted", {keeps(s): "no" for s in RULES}),
        ),
    ),
    parts={
        "plain": Measurement(
            measure=plain,
            axes={"start": tuple(PLAIN)},
            seeds=range(1000, 1020),
            tolerance={"log10_gradient": 1e-6},
            sample=({"seed": 1000},),
        ),
        "batch norm": Measurement(
            measure=batch_normalised,
            axes={"factor": (1.0, 7.0)},
            seeds=range(1000, 1020),
            tolerance={"rate": 1e-6},
            sample=({"seed": 1000},),
        ),
        "residual": Measurement(
            measure=residual_stream,
            axes={"variant": ("plain", "scaled")},
            seeds=range(1000, 1020),
            tolerance={"per_block": 1e-6, "in_all": 1e-6},
            sample=({"seed": 1000},),
        ),
        "speed": Training(
            arms={
                "tanh, Xavier": {"activation": "tanh", "initializer": "glorot_uniform"},
                "tanh, 1/(3n)": {"activation": "tanh", "initializer": STANDARD},
                "ReLU, He": {"activation": "relu", "initializer": "he_normal"},
                "ReLU, 1/(3n)": {"activation": "relu", "initializer": STANDARD},
            },
            grounds=GROUNDS,
            tuned_by="loss",
            learning_rates=(0.001, 0.003, 0.01, 0.03, 0.1),
            seeds=range(1000, 1016),
            tuning_seeds=range(2000, 2003),
            settings={**SETTINGS, "depth": 8, "width": 64, "epochs": 15},
            tolerance={"first_loss": 1e-3, "epochs": 2, "test_accuracy": 0.06},
            sample=({"arm": "tanh, Xavier", "learning_rate": "best", "seed": 1000},),
        ),
        "residual training": Training(
            arms={
                "He": {"network": partial(residual_net, variant="plain")},
                "scaled": {"network": partial(residual_net, variant="scaled")},
                "fixup": {"network": partial(residual_net, variant="fixup")},
            },
            grounds=GROUNDS,
            tuned_by="accuracy",
            learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03),
            seeds=range(1000, 1010),
            tuning_seeds=range(2000, 2002),
            settings={**SETTINGS, "initializer": "he_normal", "epochs": 5},
            tolerance={"test_accuracy": 0.06},
            sample=({"arm": "scaled", "learning_rate": "best", "seed": 1000},),
        ),
    },
    tests=(
        *(Share(keeps(s), "plain", "log10_gradient", {"start": s}, at_least=-1, at_most=1) for s in PLAIN),
        Difference(BATCH, "batch norm", "rate", {"factor": 1.0}, float(BATCH_RATE), 0.015),
        Difference(RESCALED, "batch norm", "rate", {"factor": 7.0}, {"factor": 1.0}, 1e-3),
        Difference(DOUBLES, "residual", "per_block", {"variant": "plain"}, 1.0, 0.1),
        Difference(SCALED, "residual", "in_all", {"variant": "scaled"}, float(50 * np.log2(1.02)), 0.2),
        *(
            Share(converges(arm), "speed", "epochs", {"arm": arm, "learning_rate": "best"}, at_most=15)
            for arm in RULES
        ),
        *(
            Difference(
                epochs(a),
                "speed",
                "epochs",
                {"arm": f"{a}, {rule}"},
                {"arm": f"{a}, 1/(3n)"},
                1,
                {"learning_rate": "best"},
            )
            for a, rule in RULE.items()
        ),
        Share(
            FAILS, "residual training", "test_accuracy", {"arm": "He", "learning_rate": "best"}, at_most=0.5
        ),
        Difference(
            LOST,
            "residual training",
            "test_accuracy",
            {"arm": "He"},
            {"arm": "fixup"},
            0.02,
            {"learning_rate": "best"},
        ),
        *(
            Share(
                name,
                "residual training",
                "test_accuracy",
                {"arm": name.split(", ")[2].split(":")[0], "learning_rate": "best"},
                at_least=0.9,
            )
            for name in FIXED
        ),
    ),
    rules=(
        *(  # inside their assumptions yes, outside no
            Rule("depends", {**PREVENT, keeps(s): ("no", "mixed"), **{epochs(a): "lower" for a in RULE}})
            for s in OUTSIDE
        ),
        Rule(
            "upheld",
            {**PREVENT, **{keeps(s): "yes" for s in OUTSIDE}, **{epochs(a): "lower" for a in RULE}},
        ),
        # gradients are kept, but training converges no sooner
        *(Rule("refined", {**PREVENT, epochs(a): NO_SOONER}) for a in RULE),
        Rule("refuted", {keeps(s): "no" for s in RULES}),
    ),
)
