"""The numbers that the explorers show, beside those of initlib and of the archives.

Each table is computed once more on a way of its own: other functions of initlib, finite differences, a net
written out, or the archive as plain JSON. What the storage rounds away is the only tolerance.
"""

import json
from itertools import product

import numpy as np
import pytest

from initlib import datasets, explorers, networks, propagation, theory
from initlib.evidence import archives
from initlib.experiments import training_map
from initlib.explorers import broken_symmetry, histogram_by_layer, phase_diagram, residual_stream
from initlib.explorers.engine.table import LINEAR_STEPS, LOG_STEP
from initlib.networks import losses

BY_LOG = {"rtol": 10 ** (LOG_STEP / 2) - 1 + 1e-9, "atol": 0}


def linear(values):
    """Return the stated error of a linear quantity, 1/4000 of its range (its offset may add as much)."""
    return {"rtol": 0, "atol": np.ptp(values[np.isfinite(values)]) / (2 * LINEAR_STEPS) + 1e-12}


def archive(name, part, metric):
    """Return the metric of the archive's rows and the rows' other values, from the file itself."""
    stored = json.loads((archives.folder() / f"{name}.json").read_text())["parts"][part]
    rows = [dict(zip(stored["columns"], row, strict=True)) for row in stored["rows"]]
    return [(row, row[metric]) for row in rows]


@pytest.fixture(scope="module")
def digits():
    x = datasets.digits().split(seed=0).train.inputs[:64].astype(float)
    return x / np.sqrt(np.square(x).mean(axis=1, keepdims=True))


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_histograms_hold_what_a_net_of_each_seed_says(activation, digits):
    scale, layers = 2**0.5, 4
    table = explorers.histograms([activation], layers=layers, scales=[1, scale]).table
    shares, dead, saturated = [], [], []
    for seed in histogram_by_layer.SEEDS:
        net = networks.mlp([64] * (layers + 2), activation, "lecun_normal", seeds=[seed])
        for weights in net.weights:
            weights *= scale
        edges = np.array([-np.inf, *np.arange(-2.45, 2.5, 0.1), np.inf])
        said = net.forward(digits).post
        shares.append([np.histogram(said[i], edges)[0] / said[i].size for i in range(layers)])
        profile = propagation.measure(net, digits)
        dead.append(profile.dead[0, :layers])
        saturated.append(profile.saturated[0, :layers])
    np.testing.assert_allclose(table.stored("share")[0, 1], np.mean(shares, axis=0), **BY_LOG)
    for name, values in {"dead": dead, "saturated": saturated}.items():
        np.testing.assert_allclose(table.stored(name)[0, 1], values, **linear(table.stored(name)))


def test_the_training_map_holds_the_archive():
    table = explorers.training_map().table
    axes = {name: list(axis.values) for name, axis in table.axes.items()}
    for name, factor in {"loss": 1, "accuracy": 100}.items():
        stored = table.stored(name)
        allowed = BY_LOG if name == "loss" else linear(stored)
        for row, curves in archive("training-map", "training", name):
            row = {**row, "optimizer": training_map.NAMES[row["optimizer"]]}
            place = [axes[key].index(row[key]) for key in ("optimizer", "activation", "depth", "seed")]
            expected = factor * np.array(curves, dtype=float)[::2]
            np.testing.assert_allclose(stored[tuple(place)], expected, **allowed)
    last = table.stored("accuracy")[..., -1]
    np.testing.assert_allclose(table.stored("median"), np.median(last, axis=3), atol=0.1)


def test_rates_hold_the_archive_and_a_diverged_net_reads_nothing():
    table = explorers.rates().table
    axes = {name: list(axis.values) for name, axis in table.axes.items()}
    by_place = {}
    for row, accuracies in archive("scale-rate-norm", "training", "accuracies"):
        by_place.setdefault((row["normalisation"], row["learning_rate"]), []).append(accuracies)
    assert any(one is None for rows in by_place.values() for row in rows for one in row)
    for (kind, rate), rows in by_place.items():
        read = 100 * np.array([[one or 0.0 for one in row] for row in rows])
        place = axes["normalisation"].index(kind), axes["learning_rate"].index(rate)
        for name, values in {
            "accuracy": np.median(read, axis=0),
            "by_kind": np.median(read, axis=0),
            "low": read.min(axis=0),
            "high": read.max(axis=0),
        }.items():
            np.testing.assert_allclose(table.stored(name)[place], values, **linear(table.stored(name)))


def test_order_and_chaos_hold_theory_and_the_archive():
    explorer = explorers.order_chaos(fine_sigma_w=[0.7, 1.2, 2.0], fine_sigma_b=[0.1, 0.3])
    table = explorer.table
    for (i, b), (j, w) in product(enumerate([0.1, 0.3]), enumerate([0.7, 1.2, 2.0])):
        q = 1.0
        for _ in range(2000):
            q = float(theory.variance_map(q, "tanh", w, b))
        np.testing.assert_allclose(table.stored("chi")[i, j], theory.chi("tanh", w, q), **BY_LOG)
    axes = {name: list(axis.values) for name, axis in table.axes.items()}
    read = {}
    for row, accuracies in archive("trainable-depth", "map", "accuracies"):
        read.setdefault((row["sigma_b"], row["sigma_w"]), []).append(accuracies)
    for (b, w), rows in read.items():
        place = axes["sigma_b"].index(b), axes["sigma_w"].index(w)
        expected = 100 * np.median(rows, axis=0)
        np.testing.assert_allclose(
            table.stored("accuracy")[place], expected, **linear(table.stored("accuracy"))
        )
        xi = theory.depth_scales("tanh", w, b).xi_c
        six = table.stored("six")[place]
        if np.isfinite(xi):
            np.testing.assert_allclose(six, 6 * xi, **linear(table.stored("six")))
        else:
            assert np.isnan(six)


def test_on_the_critical_line_chi_is_one_where_signals_settle():
    w = [1.1, 1.5, 2.0]
    for sigma_w, sigma_b in zip(w, phase_diagram.critical_sigma_b(w), strict=True):
        assert phase_diagram.settled(sigma_w, sigma_b)[1] == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_the_first_step_of_symmetry_follows_the_slope_of_the_loss(activation):
    table = explorers.symmetry([activation], steps=[0, 1]).table
    split = datasets.digits().split(seed=0)
    chosen = np.random.default_rng(0).permutation(len(split.train))[: broken_symmetry.BATCH]
    x, labels = split.train.inputs[chosen], split.train.labels[chosen][None]
    for i, start in enumerate(broken_symmetry.STARTS.values()):
        net = networks.mlp([64, 8, 8, 10], activation, start, seeds=[0])
        said = net.forward(split.test.inputs[:1]).pre[1][0, 0]
        np.testing.assert_allclose(table.stored("said")[i, 0, 0], said, **linear(table.stored("said")))
        first = net.weights[1][0].copy()
        np.testing.assert_allclose(table.stored("weight")[i, 0, 0], first, **linear(table.stored("weight")))
        slope = np.empty((8, 8))
        for place in np.ndindex(8, 8):
            around = []
            for step in (1e-5, -1e-5):
                net.weights[1][0][place] = first[place] + step
                around.append(losses.softmax(net.forward(x).output, labels)[0][0])
            net.weights[1][0][place] = first[place]
            slope[place] = (around[0] - around[1]) / 2e-5
        after = first - broken_symmetry.RATE * slope
        np.testing.assert_allclose(table.stored("weight")[i, 0, 1], after, **linear(table.stored("weight")))


@pytest.mark.parametrize("normalisation", ["none", "layer norm"])
def test_residual_streams_hold_a_net_written_out(normalisation):
    blocks, scale, seed = 3, 0.5, 1
    table = explorers.residual([normalisation], blocks=[2, blocks], scales=[scale, 1], seeds=[0, seed]).table
    draws = [["lecun_normal", *["he_normal"] * (2 * blocks), "lecun_normal"]]
    weights = networks.residual((64, 64, 64), blocks, "relu", draws, seeds=[seed]).weights
    x = datasets.digits().split(seed=0).train.inputs[:32].astype(float)
    stream = x / np.sqrt(np.square(x).mean(axis=1, keepdims=True)) @ weights[0][0]
    rms = [np.sqrt(np.square(stream).mean())]
    for block in range(blocks):
        branch = stream
        for layer in (1, 2):
            if normalisation == "layer norm":
                branch = (branch - branch.mean(axis=1, keepdims=True)) / branch.std(axis=1, keepdims=True)
            branch = np.maximum(branch, 0) @ weights[2 * block + layer][0]
        stream = stream + scale * branch
        rms.append(np.sqrt(np.square(stream).mean()))
    # layer norm adds 1e-5 to the variance, far below what the storage rounds away
    np.testing.assert_allclose(table.stored("rms")[0, 0, 1], np.array(rms) / rms[0], **BY_LOG)


def test_residual_theory_is_that_of_theory_and_of_wide_nets():
    table = explorers.residual(["none"], blocks=[4], scales=[0.5, 1], seeds=[0]).table
    profile = theory.residual_profile(4, "relu", 2**0.5, branch_scale=0.5)
    np.testing.assert_allclose(table.stored("rms_theory")[0, 0], np.sqrt(profile.q), **BY_LOG)
    np.testing.assert_allclose(table.stored("gradient_theory")[0, 0, 0], np.sqrt(profile.gradient), **BY_LOG)
    layer, gradient = residual_stream.predict("layer norm", 4, 0.5)
    np.testing.assert_allclose(layer**2, 1 + 0.25 * np.arange(5))
    np.testing.assert_allclose(gradient[0] ** 2, np.prod(1 + 0.25 / layer[:-1] ** 2))


def test_every_explorer_has_its_numbers_checked():
    """A new explorer must come with a test of its table, here or (signal) in test_explorers."""
    checked = {
        "signal",
        "histograms",
        "training_map",
        "rates",
        "order_chaos",
        "symmetry",
        "residual",
    }
    makers = {
        name for name in explorers.__all__ if not name[0].isupper() and callable(getattr(explorers, name))
    } - {"guide", "lab"}  # they have no table: test_guide.py and tests/lab compare them with the library
    assert makers - {"answers"} == checked
