"""The same contrast on many grounds: other optimizers, widths, data and architectures, one at a time."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import networks, sweeps
from initlib.datasets import Dataset, digits
from initlib.evidence import Metric, Protocol, Rule, Training, when
from initlib.experiments._grounds import ADAM, ADAMW, Ground
from initlib.networks import Network

CONTRAST = "effect"
CHANNELS = 16


def normalised(kind: str, cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets with batch or layer normalisation before every activation."""
    return scaled(
        networks.mlp(
            [64, *[64] * (cells[0]["depth"] - 1), 10],
            cells[0]["activation"],
            [cell["initializer"] for cell in cells],
            bias_initializer=[cell.get("bias_initializer", "zeros") for cell in cells],
            normalisation=kind,
            seeds=[cell["seed"] for cell in cells],
        ),
        cells,
    )


def with_shortcuts(variant: str, cells: Sequence[dict[str, Any]]) -> Network:
    """Return residual nets with as many weight layers, two in a block."""
    return scaled(
        networks.residual(
            (64, 64, 10),
            (cells[0]["depth"] - 2) // 2,
            cells[0]["activation"],
            [cell["initializer"] for cell in cells],
            bias_initializer=[cell.get("bias_initializer", "zeros") for cell in cells],
            variant=variant,
            seeds=[cell["seed"] for cell in cells],
        ),
        cells,
    )


def convolutions(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets of 3 x 3 convolutions with a linear readout of the mean over all positions."""
    return scaled(
        networks.convolutional(
            (1, *[CHANNELS] * (cells[0]["depth"] - 1), 10),
            (3, 3),
            cells[0]["activation"],
            [cell["initializer"] for cell in cells],
            bias_initializer=[cell.get("bias_initializer", "zeros") for cell in cells],
            seeds=[cell["seed"] for cell in cells],
        ),
        cells,
    )


def streams(cells: Sequence[dict[str, Any]], variant: str = "plain", **options: Any) -> Network:
    """Return residual nets, two weight layers in a block, whose branches the scales of the cells multiply."""
    data = sweeps.dataset_of(cells[0]["dataset"])
    return networks.residual(
        (data.inputs.shape[1], cells[0]["width"], data.classes or 1),
        (cells[0]["depth"] - 2) // 2,
        cells[0]["activation"],
        [cell["initializer"] for cell in cells],
        variant=variant,
        branch_scale=[cell["scale"] for cell in cells],
        seeds=[cell["seed"] for cell in cells],
        **options,
    )


def scaled(network: Network, cells: Sequence[dict[str, Any]]) -> Network:
    """Return the nets, their weights multiplied by the scales of the cells."""
    for weights in network.weights:
        weights *= np.reshape([cell.get("scale", 1.0) for cell in cells], (-1, *[1] * (weights.ndim - 1)))
    return network


def images() -> Dataset:
    """Return the digits as images of 8 x 8 pixels with one channel."""
    flat = digits()
    return Dataset("digits, as images", flat.inputs.reshape(-1, 8, 8, 1), flat.labels, 10)


def grounds(depth: int, samples: int) -> dict[str, Ground]:
    """Return the base and what differs from it, one change at a time, for plain nets.

    The two that cost most get fewer images, and the convolutions fewer layers.
    """
    fewer = min(samples, 512)
    return {
        "SGD with momentum": {},
        "Adam": ADAM,
        "AdamW, warm-up": ADAMW,
        "256 wide": {"width": 256, "train_samples": fewer},
        "28 x 28 digits": {"dataset": "mnist"},
        "a table": {
            "dataset": "breast_cancer",
            "standardise": "features",
            "train_samples": min(samples, 300),
        },
        "batch norm": {"network": partial(normalised, "batch")},
        "layer norm": {"network": partial(normalised, "layer")},
        "shortcuts": {"network": partial(with_shortcuts, "plain")},
        "shortcuts, pre-norm": {"network": partial(with_shortcuts, "pre_norm")},
        "convolutions": {
            "network": convolutions,
            "dataset": images(),
            "depth": min(depth, 10),
            "train_samples": fewer,
            "epochs": 10 if samples > fewer else 40,
        },
    }


def grounds_of_streams(samples: int) -> dict[str, Ground]:
    """Return the like for residual nets."""
    return {
        "SGD with momentum": {},
        "Adam": ADAM,
        "AdamW, warm-up": ADAMW,
        "128 wide": {"width": 128},
        "28 x 28 digits": {"dataset": "mnist"},
        "a table": {
            "dataset": "breast_cancer",
            "standardise": "features",
            "train_samples": min(samples, 300),
        },
        "tanh": {"activation": "tanh"},
        "batch norm": {"network": partial(streams, normalisation="batch")},
        "layer norm": {"network": partial(streams, normalisation="layer")},
        "shortcuts, pre-norm": {"network": partial(streams, variant="pre_norm")},
    }


def protocol(
    name: str,
    claim: str,
    statement: str,
    arms: Mapping[str, Mapping[str, Any]],
    *,
    depth: int,
    activation: str,
    learning_rates: Sequence[float],
    seeds: int,
    samples: int = 1200,
    margin: float = 0.05,
    elsewhere: Mapping[str, Ground] | None = None,
    **settings: Any,
) -> Protocol:
    """Return the protocol of a contrast: does the first arm read new data better than the second, and where?

    A lead of `margin` or more holds the claim up; none within two points, or a deficit, refutes it there.
    `elsewhere` are other grounds than those of plain nets. Rates are tuned on four seeds: on two, pilots
    chose rates at which He's SiLU nets diverged for others.
    """
    first, second = arms
    accuracy = Metric("training", "test_accuracy").at(learning_rate="best")
    effect = accuracy.at(arm=first).minus(accuracy.at(arm=second), CONTRAST, margin=margin)
    where = grounds(depth, samples) if elsewhere is None else elsewhere
    part = Training(
        arms=arms,
        learning_rates=learning_rates,
        grounds=where,
        seeds=range(seeds, seeds + 10),
        tuning_seeds=range(seeds + 1000, seeds + 1004),
        tuned_by="accuracy",
        settings={
            "dataset": "digits",
            "train_samples": samples,
            "depth": depth,
            "width": 64,
            "activation": activation,
            "optimizer": "momentum",
            "batch_size": 64,
            "epochs": 20,
            "validation": 0.1,
            **settings,
        },
        tolerance={"first_loss": 1e-3, "test_accuracy": 0.05},
        sample=({"arm": first, "ground": next(iter(where)), "learning_rate": "best", "seed": seeds},),
    )
    return Protocol(
        name=name,
        claim=claim,
        statement=statement,
        parts={"training": part},
        tests=(effect,),
        rules=(
            Rule("upheld", when(higher=[effect])),
            Rule("refuted", when(equivalent_or_lower_or_not_higher=[effect])),
        ),
        edition=2,
    )
