"""Starts that more than one experiment trains from."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from initlib import datasets, networks, sweeps
from initlib.networks import Network

SPLIT: dict[str, Any] = {"validation": 0.1, "train_samples": 512}
BATCH = 256


def centred(cells: Sequence[dict[str, Any]]) -> Network:
    """Return nets whose biases take the mean 1/2 of the sigmoids below away: b = -W^T 1/2 from layer 2 on."""
    network = sweeps.build(cells)
    for weights, biases in zip(network.weights[1:], network.biases[1:], strict=True):
        biases -= weights.sum(axis=1) / 2
    return network


def lsuv_on_own_images(network: Network) -> tuple[Network, networks.Calibration]:
    """Return the nets calibrated on the first training images of their own splits, and the report."""
    splits = [datasets.digits().split(seed, **SPLIT) for seed in network.seeds]
    return networks.lsuv(network, np.stack([split.train.inputs[:BATCH] for split in splits]))


def shortcuts(blocks: int, cells: Sequence[dict[str, Any]], **kind: Any) -> Network:
    """Return residual ReLU nets, 64 wide, of this many blocks of two layers."""
    starts, seeds = zip(*((cell["initializer"], cell["seed"]) for cell in cells), strict=True)
    return networks.residual([64, 64, 10], blocks, "relu", list(starts), seeds=seeds, **kind)
