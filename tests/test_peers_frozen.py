"""initlib against the frameworks' own draws, kept in `data/peers.json` by `tests/peers/freeze.py`.

So a change that parts initlib from PyTorch, Keras, JAX or Flax is seen without having them installed.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from initlib import initializers

FROZEN = json.loads((Path(__file__).parent / "data" / "peers.json").read_text())
PROBABILITIES = np.array(FROZEN["probabilities"])


def our_draws(case):
    init, rng = getattr(initializers, case["initializer"]), np.random.default_rng(7)
    repeats = case["size"] if case["kind"] == "matrix" else 1
    draws = [init(tuple(case["shape"]), rng=rng, **case["options"]) for _ in range(repeats)]
    return np.array([w[tuple(case["position"])] for w in draws]) if repeats > 1 else draws[0].ravel()


@pytest.mark.parametrize("name", FROZEN["cases"])
def test_the_law_is_that_of_the_framework(name):
    case = FROZEN["cases"][name]
    if case["kind"] == "exact":
        ours = getattr(initializers, case["initializer"])(tuple(case["shape"]), **case["options"])
        np.testing.assert_array_equal(ours, case["values"])
        return
    ours = our_draws(case)
    both = 1 / case["size"] + 1 / ours.size

    spread = np.sqrt((case["kurtosis"] - 1) * both)
    assert abs(np.mean(ours**2) / case["mean_square"] - 1) < 5 * spread
    below = np.mean(ours[:, None] < np.array(case["quantiles"]), axis=0)
    limit = 5 * np.sqrt(PROBABILITIES * (1 - PROBABILITIES) * both) + 2 * both
    assert (np.abs(below - PROBABILITIES) < limit).all()


def is_bounded(case):
    law = case["options"].get("distribution", case["initializer"])
    return case["kind"] == "draws" and law in ("uniform", "glorot_uniform", "he_uniform", "truncated_normal")


@pytest.mark.parametrize("name", [name for name, case in FROZEN["cases"].items() if is_bounded(case)])
def test_the_bound_is_that_of_the_framework(name):
    case = FROZEN["cases"][name]
    assert np.abs(our_draws(case)).max() == pytest.approx(case["largest"], rel=2e-3)


def test_every_framework_is_there():
    assert {name.split()[0] for name in FROZEN["cases"]} == {"torch", "keras", "jax", "flax"}
    assert set(FROZEN["versions"]) == {"torch", "keras", "jax", "flax", "numpy"}
