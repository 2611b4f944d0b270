"""Faults by kind: what was once taken, lost or misled silently is refused or right, in every module."""

import copy
import dataclasses
import inspect
import math
import os
import pickle
import re
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import hypothesis
import matplotlib as mpl
import numpy as np
import pytest
import threadpoolctl

from initlib import (
    activations,
    checks,
    datasets,
    diagnosis,
    evidence,
    explorers,
    figures,
    fingerprints,
    frameworks,
    gaussian,
    initializers,
    jobs,
    networks,
    propagation,
    recommend,
    theory,
    training,
)
from initlib.explorers.engine import picture as engine_picture
from initlib.explorers.lab import picture as lab_picture
from initlib.explorers.lab import settings
from initlib.initializers import arguments
from initlib.testing import assert_variance
from initlib.training import sweep

NETS = networks.mlp((4, 6, 3), "relu", "he_normal", seeds=[0, 1])
MASKED = np.ma.masked_array([1.0, 2.0], mask=[True, False])


@pytest.mark.parametrize("number", [10**400, 2**1024, -(10**400), np.longdouble("1e4000")])
def test_numbers_beyond_floats_are_not_finite(number):
    with pytest.raises(ValueError, match="scale must be a finite number"):
        checks.real("scale", number)


@pytest.mark.parametrize("thing", [np.timedelta64(2), np.ma.masked, np.datetime64("2020"), True, np.True_])
def test_spans_of_time_masked_numbers_and_booleans_are_no_numbers(thing):
    with pytest.raises(TypeError):
        checks.real("scale", thing)
    with pytest.raises(TypeError):
        checks.integer("depth", thing)


@pytest.mark.parametrize(
    "thing",
    [
        [1j, 2.0],
        np.ones(2) * 1j,
        MASKED,
        [np.ma.masked, 1.0],
        ["1", "2"],
        np.ones(2, "m8[s]"),
        np.ones(2, "M8[s]"),
        [None, 1.0],
        [10**400, 1],
        [[1.0], [1.0, 2.0]],
    ],
)
def test_arrays_hold_real_numbers(thing):
    with pytest.raises(TypeError, match="x must be an array of "):
        checks.array("x", thing)


def test_arrays_keep_what_they_may_hold():
    assert checks.array("x", [1j], dtype=complex).dtype == complex
    assert checks.array("x", np.ma.masked_array([1.0, 2.0])).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="x must be finite"):
        checks.array("x", [1e300], dtype=np.float32)


@pytest.mark.parametrize("call", [checks.integers, arguments.checked_shape])
def test_an_array_without_axes_is_no_list_of_integers(call):
    with pytest.raises(TypeError, match="must be a sequence of integers"):
        call(*(["sizes"] if call is checks.integers else []), np.array(3))


FLAGS = {
    "corrected": lambda flag: initializers.truncated_normal((2,), corrected=flag),
    "transposed": lambda flag: initializers.fans((2, 2), transposed=flag),
    "evaluating": lambda flag: NETS.forward(np.ones((2, 4)), evaluating=flag),
    "derivative": lambda flag: activations.get("relu", derivative=flag),
    "standardise": lambda flag: datasets.wine().split(0, standardise=flag),
}


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("junk", [1, 0, None, np.ones(2)])
def test_flags_are_true_or_false(flag, junk):
    with pytest.raises(TypeError, match=f"{flag} must be True"):
        FLAGS[flag](junk)
    FLAGS[flag](np.True_)


TAKES_A_NETWORK = {
    "fit": lambda network: training.fit(network, datasets.wine()),
    "measure": lambda network: propagation.measure(network, np.ones((2, 4))),
    "evaluate": lambda network: training.evaluate(network, np.ones((2, 4)), [0, 1]),
    "lsuv": lambda network: networks.lsuv(network, np.ones((2, 4))),
}


@pytest.mark.parametrize("call", TAKES_A_NETWORK)
@pytest.mark.parametrize("junk", [None, [NETS], "mlp", 3])
def test_what_is_no_network_is_refused(call, junk):
    with pytest.raises(TypeError, match="network must be a Network"):
        TAKES_A_NETWORK[call](junk)


@pytest.mark.parametrize(
    "junk", ["x" * 5000, 10**5000, object(), np.ones(10**4)], ids=lambda junk: type(junk).__name__
)
def test_messages_are_short(junk):
    with pytest.raises((TypeError, ValueError)) as caught:
        checks.choice("mode", junk, ["fan_in", "fan_out"])
    assert len(str(caught.value)) < 300


MANY = range(1, 3000)
LONG = {
    "widths": lambda: networks.residual(MANY, 2, "relu", "he_normal", seeds=[0]),
    "widths of an lstm": lambda: networks.lstm(MANY, seeds=[0]),
    "nets": lambda: NETS.take(list(MANY)),
    "grid": lambda: sweep("x" * 5000, [0]),
    "axis": lambda: sweep({"depth": "2" * 5000}, [0]),
    "condition": lambda: evidence.live(RESULT, "training", depth="x" * 5000),
    "shape": lambda: initializers.delta_orthogonal([1] * 60),
    "store": lambda: sweep({"depth": [2]}, [0], store="x" * 5000, **QUICK),
}


@pytest.mark.parametrize("call", LONG)
def test_long_arguments_make_no_long_messages(call):
    with pytest.raises((TypeError, ValueError), match="Received") as caught:
        LONG[call]()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("dtype", [",", "", len, "datetime64", int, "float8", object(), {"a": 1}])
def test_every_dtype_that_cannot_be_is_refused(dtype):
    with pytest.raises((TypeError, ValueError), match="dtype must be one of"):
        initializers.zeros((2,), dtype=dtype)
    with pytest.raises(TypeError, match="dtype must be a floating-point type"):
        networks.mlp((2, 2), "relu", "zeros", seeds=[0], dtype=dtype)


@pytest.mark.parametrize(
    "shape", [(2**63, 0), (1,) * 65, (10**400, 2), (2**40, 2**20)], ids=["empty", "axes", "huge", "large"]
)
def test_shapes_beyond_memory_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape|axes|memory"):
        initializers.zeros(shape)


@pytest.mark.parametrize("nets", [[1.9], "1", [True], [], [2], [-1]])
def test_take_takes_numbers_of_nets(nets):
    with pytest.raises((TypeError, ValueError)):
        NETS.take(nets)


@pytest.mark.parametrize("rule", [lambda shape: np.full(shape, np.nan), lambda shape: 1j * np.ones(shape)])
def test_what_an_initializer_draws_is_finite_and_real(rule):
    def initializer(shape, *, rng=None, dtype=float):
        return rule(shape)

    with pytest.raises((TypeError, ValueError), match="What the initializer initializer returned must be"):
        networks.mlp((2, 3, 1), "relu", initializer, seeds=[0])


@pytest.mark.parametrize("foreign", [np.ones, lambda shape, seed: np.ones(shape)])
def test_initializers_of_other_frameworks_are_refused(foreign):
    with pytest.raises(TypeError, match=r"init\(shape, rng=\.\.\., dtype=\.\.\.\)"):
        networks.mlp((2, 3, 1), "relu", foreign, seeds=[0])


@pytest.mark.parametrize("sigma", [np.int8(100), np.float16(100), np.longdouble(100)])
def test_predictions_are_computed_in_double_precision(sigma):
    wanted = propagation.predict([100] * 3, "relu", sigma_w=100.0)
    got = propagation.predict([100] * 3, "relu", sigma_w=sigma)
    assert got.rms.tolist() == wanted.rms.tolist()
    assert got.rms.dtype == np.float64


@pytest.mark.parametrize(
    "cut", [{"test": 0.9}, {"standardise": "nope"}, {"train_samples": -3}, {"validation": 0.1}]
)
def test_a_split_is_not_cut_again(cut):
    split = datasets.wine().split(0)
    nets = networks.mlp((13, 4, 3), "relu", "he_normal", seeds=[0])
    with pytest.raises(ValueError, match="the dataset is a Split"):
        training.fit(nets, split, **cut)


def test_the_running_statistics_of_a_net_are_its_own():
    def train(seeds, rates):
        nets = networks.mlp((64, 32, 32, 10), "relu", "he_normal", seeds=seeds, normalisation="batch")
        data = datasets.digits()
        return training.fit(nets, data, learning_rate=rates, epochs=3, train_samples=300, threads=1)

    stack = train([0, 1, 2], [0.05, 1e18, 0.05])
    assert stack.diverged.tolist() == [False, True, False]
    for place in (0, 2):
        alone = train([place], 0.05)
        assert (alone.test_loss[0] == stack.test_loss[place]).all()
        for ours, theirs in zip(alone.network.values, stack.network.values, strict=True):
            assert (ours[0] == theirs[place]).all()


@pytest.mark.parametrize(("samples", "size"), [(65, 32), (64, 1), (1, 8)])
def test_batch_normalisation_refuses_batches_of_one(samples, size):
    nets = networks.mlp((64, 8, 10), "relu", "he_normal", seeds=[0], normalisation="batch")
    with pytest.raises(ValueError, match="2 samples in each batch"):
        training.fit(nets, datasets.digits(), train_samples=samples, batch_size=size, epochs=1)


def test_lsuv_takes_no_rounding_for_variance():
    nets = networks.mlp((20, 30, 1), "relu", "orthogonal", seeds=[0, 1, 2])
    for constant in (1.0, 0.1, 1e3):
        with pytest.raises(ValueError, match="cannot be rescaled"):
            networks.lsuv(nets, np.full((50, 20), constant))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_weights_of_mup_decay_alike_at_every_width(optimizer):
    def kept(width):
        nets = networks.mlp(
            (8, width, width, 2), "relu", "he_normal", seeds=[0], parametrisation="mup", base_width=16
        )
        quiet = datasets.Dataset("quiet", np.zeros((8, 8)), np.zeros((8, 2)))
        zero = networks.mlp((8, width, width, 2), "relu", "zeros", seeds=[0]).weights[-1]
        nets.weights[-1][...] = zero  # no gradients reach the layers below
        result = training.fit(
            nets, quiet, loss="squared", optimizer=optimizer, learning_rate=0.1, weight_decay=0.1,
            decay="decoupled", epochs=10, batch_size=8, test=0.0, standardise=False, dtype=np.float64,
        )  # fmt: skip
        pairs = zip(result.network.weights[:-1], nets.weights[:-1], strict=True)
        return [float(np.linalg.norm(after) / np.linalg.norm(before)) for after, before in pairs]

    for width in (16, 64, 256):
        assert kept(width) == pytest.approx([0.99**10] * 2)


@pytest.mark.parametrize("name", activations.names())
def test_activations_have_limits_at_the_infinities(name):
    if name == "sin":
        return
    phi = activations.get(name)
    ends = np.array([-np.inf, np.inf])
    far = phi(np.array([-1e300, 1e300]))
    assert phi(ends).tolist() == np.where(np.abs(far) > 1e290, np.copysign(np.inf, far), far).tolist()
    for dtype in (np.float32, np.float64):
        edge = np.array([-1, 1], dtype) * np.finfo(dtype).max
        assert np.isfinite(phi.derivative(edge)).all()


def test_longdouble_is_computed_in_double_precision():
    assert activations.get("gelu")(np.ones(1, np.longdouble)).dtype == np.float64


def test_half_precision_is_drawn_in_single_and_rounded():
    for rule in (initializers.he_normal, initializers.orthogonal, initializers.truncated_normal):
        half, single = (rule((64, 32), rng=0, dtype=dtype) for dtype in ("float16", "float32"))
        assert half.dtype == np.float16
        assert (half == single.astype(np.float16)).all()


NORMALISED = networks.mlp((4, 6, 3), "relu", "he_normal", seeds=[0], normalisation="batch")
MISUSES = {
    "spread": lambda: theory.jacobian_moments("relu", 10.0, 1.0, 400),
    "critical": lambda: theory.critical_sigma_w("tanh", 1e200),
    "residual": lambda: theory.residual_profile(2, "relu", 1.4, branch_scale=1e200),
    "predict": lambda: propagation.predict([4, 4], "relu", sigma_w=1.0, output_gradient_rms=1e200),
    "band": lambda: theory.finite_width_band([64] * 6, "tanh", q=1e-310),
    "steep": lambda: theory.gain(lambda x: x * 1e200),
    "near the limits": lambda: theory.variance_fixed_point("elu", 0.37, 1e100),
    "pairs without end": lambda: evidence.seeds_for_equivalence(1e10, 1),
    "no statistics": lambda: NORMALISED.forward(np.ones((0, 4))),
    "an unused loss": lambda: propagation.measure(NETS, np.ones((2, 4)), loss={}),
    "an unused norm": lambda: networks.mlp((2, 2), "relu", "zeros", seeds=[0], normalisation=math.nan),
    "an unused epsilon": lambda: networks.mlp((2, 2), "relu", "zeros", seeds=[0], epsilon="x"),
    "a wide net": lambda: recommend(width=10**400),
    "no samples": lambda: propagation.measure(NETS, np.ones((0, 4))),
    "no samples to evaluate": lambda: training.evaluate(NETS, np.ones((0, 4)), np.ones(0, int)),
    "an epsilon of 0": lambda: networks.mlp((2, 3, 2), "relu", "zeros", seeds=[0], epsilon=0.0),
    "one value by signs": lambda: evidence.statistics.by_signs([1.0]),
    "no value by signs": lambda: evidence.statistics.by_signs([]),
    "no samples for lsuv": lambda: networks.lsuv(NETS, np.ones((0, 4))),
    "swapped bounds": lambda: initializers.truncated_moments(2.0, -2.0),
    "labels of text": lambda: datasets.Dataset("a", np.ones((2, 2)), ["a", "b"]),
    "one label without an axis": lambda: datasets.Dataset("a", np.ones((1, 2)), 1),
    "labels of time": lambda: datasets.Dataset("a", np.ones((2, 2)), np.ones(2, "M8[s]")),
    "large inputs": lambda: datasets.Dataset("a", [[1e300, -1e300]] * 4, [0, 1, 0, 1], 2).split(0),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_misuse_is_refused_with_a_sentence(misuse):
    with pytest.raises((TypeError, ValueError), match=r"\w+ .*\."):
        MISUSES[misuse]()


def test_figures_have_the_style_of_the_book_whatever_the_reader_has_set():
    with mpl.rc_context({"axes.facecolor": "black", "text.color": "white", "font.family": "serif"}):
        figures.use_style()
        assert mpl.rcParams["axes.facecolor"] == "white"
        assert mpl.rcParams["text.color"] == "black"


@pytest.mark.parametrize("factor", [1e100, 1e200, 1e300])
def test_nets_that_diverged_are_measured_without_a_warning(factor):
    nets = networks.mlp((4, 6, 3), "relu", "he_normal", seeds=[0])
    for weights in nets.weights:
        weights *= factor
    x, labels = np.ones((5, 4)) * np.arange(1, 6)[:, None], [0, 1, 2, 0, 1]
    propagation.measure(nets, x)
    training.evaluate(nets, x, labels)
    assert diagnosis.diagnose(nets, x).severity == "severe"
    assert diagnosis.diagnose(nets, (x, np.array(labels)), "softmax").severity == "severe"


@pytest.mark.parametrize("formula", ["fan_in +", "1e309", "9**9**9", "().__class__", "nope", ""])
def test_a_formula_is_refused_when_it_is_made(formula):
    with pytest.raises(ValueError, match="formula must be made of"):
        frameworks.Law("normal", formula)


def test_far_bounds_are_silent_in_single_precision():
    drawn = initializers.truncated_normal((9,), bounds=(-1e300, 1), dtype="float32", rng=0)
    assert np.isfinite(drawn).all()
    assert math.isfinite(initializers.truncated_moments(-1e100, 2.0)[0])


QUICK = {"n_jobs": 1, "epochs": 1, "train_samples": 100}


@pytest.mark.parametrize(
    "table",
    ["cells (code TEXT, name TEXT)", "cells (key TEXT, code TEXT, record TEXT, mine TEXT)", "other (a)"],
)
def test_a_database_of_something_else_is_left_alone(tmp_path, table):
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE {table}")
        connection.execute(f"INSERT INTO {table.split()[0]} DEFAULT VALUES")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="a database of something else; it was left as it is"):
        sweep({"depth": [2]}, [0], store=path, **QUICK)
    assert path.read_bytes() == before


def stored(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT key, record FROM cells").fetchall()


@pytest.mark.parametrize("damage", ["{}", None, "", "0123456789abcdef {}", "half"])
def test_damaged_records_count_as_missing(tmp_path, damage):
    path = tmp_path / "cells.sqlite"
    whole = sweep({"depth": [2]}, [0, 1], store=path, **QUICK)
    (key, record), _ = stored(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        cut = record[: len(record) // 2] if damage == "half" else damage
        connection.execute("UPDATE cells SET record = ? WHERE key = ?", [cut, key])
    again = sweep({"depth": [2]}, [0, 1], store=path, **QUICK)
    assert (again.loss == whole.loss).all()
    assert dict(stored(path))[key] == record


def test_a_finished_store_can_be_read_where_nothing_can_be_written(tmp_path, monkeypatch):
    path = tmp_path / "cells.sqlite"
    whole = sweep({"depth": [2]}, [0], store=path, **QUICK)
    monkeypatch.setattr(jobs.os, "access", lambda *_: False)
    assert (sweep({"depth": [2]}, [0], store=path, **QUICK).loss == whole.loss).all()
    with pytest.raises(ValueError, match="is read-only and lacks 1 of the nets"):
        sweep({"depth": [2]}, [0, 1], store=path, **QUICK)


def test_a_store_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "cells.sqlite"):
        with pytest.raises(ValueError, match=f"store must be .* Received: {path}"):
            sweep({"depth": [2]}, [0], store=path, **QUICK)


def test_a_store_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="a database in memory keeps nothing: leave `store` out"):
        sweep({"depth": [2]}, [0], store=":memory:", **QUICK)
    with pytest.raises(ValueError, match="store must be"):
        sweep({"depth": [2]}, [0], store=tmp_path / ("x" * 254), **QUICK)
    assert not list(tmp_path.iterdir())


def test_a_foreign_database_of_views_is_left_alone(tmp_path):
    path = tmp_path / "foreign.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE VIEW one AS SELECT 1")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="a database of something else"):
        sweep({"depth": [2]}, [0], store=path, **QUICK)
    assert path.read_bytes() == before


def test_the_record_of_another_cell_counts_as_missing(tmp_path):
    path = tmp_path / "store"
    cells = [[{"x": 1}], [{"x": 2}]]
    jobs.run(double, cells, store=path, n_jobs=1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE cells SET record = (SELECT record FROM cells ORDER BY key DESC LIMIT 1)")
    assert jobs.run(double, cells, store=path, n_jobs=1) == [[{"y": [2, 1]}], [{"y": [4, 2]}]]


def double(cells):
    return [{"y": (2 * cell["x"], cell["x"])} for cell in cells]


def test_a_store_changes_no_record(tmp_path):
    for _ in range(2):  # the second time from the store
        assert jobs.run(double, [[{"x": 1}]], store=tmp_path / "store", n_jobs=1) == [[{"y": [2, 1]}]]


def test_cells_have_names_and_records_are_plain():
    with pytest.raises(TypeError, match=r"A cell must map names to values\. Received: \{1: 2\}"):
        jobs.run(double, [[{1: 2}]], n_jobs=1)
    with pytest.raises(TypeError, match="A record must hold what JSON can"):
        jobs.run(lambda cells: [{"y": np.ones(2)}], [[{"x": 1}]], n_jobs=1)


def test_a_full_disk_is_said_and_loses_nothing(tmp_path):
    path = tmp_path / "cells.sqlite"
    with jobs.Store(path) as store:
        store.put({"first": {"a": 1}})
        pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
        store.connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OSError, match=r"cannot be written \(database or disk is full\)"):
            store.put({"large": {"a": "x" * 10**6}})
        assert store.find(["first", "large"]) == {"first": {"a": 1}}


CELL = """
import hypothesis
import matplotlib as mpl
import numpy as np
factor = 0.5
def inner(x):
    return factor * x
def half(shape, *, rng=None, dtype=float):
    return np.full(shape, inner(1.0), dtype)
"""


def described(file, code=CELL):
    space = {"__name__": "__main__"}
    exec(compile(code, file, "exec"), space)
    return fingerprints.describe(space["half"])


def test_a_function_of_a_notebook_is_found_again_by_another_kernel():
    here = described("process-1/5.py")
    assert described("process-2/17.py", "\n# a line more\n" + CELL) == here
    for old, new in (("0.5", "0.25"), ("factor * x", "factor + x"), ("inner(1.0)", "inner(2.0)")):
        assert described("process-1/5.py", CELL.replace(old, new)) != here


@pytest.mark.parametrize(
    "grid", [{"epochs": [1, 2]}, {"test": [0.2, 0.0]}, {"test": [0.0, 0.2]}, {"validation": [0.0, 0.1]}]
)
def test_axes_that_change_the_shape_of_results_are_refused_before_training(grid, tmp_path):
    path = tmp_path / "cells.sqlite"
    with pytest.raises(ValueError, match="The nets of one sweep have"):
        sweep(grid, [0], store=path, n_jobs=1)
    assert not path.exists()


def test_what_holds_arrays_is_equal_to_itself_alone():
    x = np.random.default_rng(0).standard_normal((5, 4))
    data = datasets.Dataset("few", x, [0, 1, 2, 0, 1], 3)
    trace = NETS.forward(x)
    things = [
        data,
        data.split(0),
        data.split(0).train,
        NETS,
        trace,
        NETS.backward(trace, trace.output),
        propagation.measure(NETS, x),
        training.fit(NETS, data, epochs=1),
        sweep({"depth": [2]}, [0], n_jobs=1, epochs=1),
    ]
    for thing in things:
        assert thing == thing
        assert thing != copy.copy(thing)
        assert len({thing}) == 1


def test_reprs_are_one_short_line_that_does_not_change_from_run_to_run():
    x = np.random.default_rng(0).standard_normal((5, 4))
    data = datasets.Dataset("few", x, [0, 1, 2, 0, 1], 3)
    trace = NETS.forward(x)
    assert repr(NETS) == "Network(2 x 4-6-3 relu, float64)"
    assert repr(data.split(0)) == "Split(4 train, 0 validation, 1 test)"
    assert repr(training.fit(NETS, data, epochs=2)).startswith("Fit(2 nets, 2 epochs, test accuracy ")
    things = [
        trace,
        NETS.backward(trace, trace.output),
        propagation.measure(NETS, x),
        propagation.predict([20] * 4, "relu", sigma_w=1.0),
        theory.finite_width_band([20] * 4),
        activations.get("relu"),
        activations.Activation("own", np.tanh),
        *initializers.SPECS.values(),
        evidence.load("he-depth"),
    ]
    for thing in things:
        text = repr(thing)
        assert len(text) < 120
        assert "\n" not in text
        assert "0x" not in text


@pytest.mark.parametrize("name", ["learning_rate", "weight_decay"])
@pytest.mark.parametrize("number", [1e300, 1e-46])
def test_rates_that_single_precision_cannot_hold_are_refused(name, number):
    nets = networks.mlp((13, 4, 3), "relu", "he_normal", seeds=[0])
    with pytest.raises(ValueError, match=f"{name} "):
        training.fit(nets, datasets.wine(), epochs=1, **{name: number})
    if number < 1:
        training.fit(nets, datasets.wine(), epochs=1, dtype=np.float64, **{name: number})


TOO_LARGE = {
    "forget_bias": lambda: networks.lstm((4, 5, 3), seeds=[0], forget_bias=-1e39, dtype="float32"),
    "branch_scale": lambda: networks.residual(
        (4, 4, 3), 2, "relu", "he_normal", seeds=[0], branch_scale=1e39, dtype="float32"
    ),
    "branch_scale of a transformer": lambda: networks.transformer(
        (4, 4, 4), 2, "relu", "he_normal", seeds=[0], context=3, branch_scale=1e39, dtype="float32"
    ),
    "labels": lambda: fit_to(np.ones((60, 4)), np.linspace(0, 1e39, 60)),
    "inputs": lambda: fit_to(np.full((60, 4), 1e39), np.linspace(0, 1, 60)),
}


def fit_to(inputs, labels):
    nets = networks.mlp((4, 5, 1), "relu", "he_normal", seeds=[0])
    return training.fit(
        nets, datasets.Dataset("far", inputs, labels), loss="squared", standardise=False, epochs=1
    )


@pytest.mark.parametrize("name", TOO_LARGE)
def test_numbers_that_single_precision_cannot_hold_are_refused(name):
    with pytest.raises(
        ValueError, match=rf"{name.split()[0]}\S* must be (a finite number|finite in float32)"
    ):
        TOO_LARGE[name]()


def test_a_scale_of_a_sweep_may_be_any_integer():
    result = sweep({"scale": [1, 2**70]}, [0], depth=2, **QUICK)
    assert result.diverged_at[0] == -1


def test_erf_has_maps_at_every_variance():
    found = theory.correlation_map([0.1, -0.2], "erf", sigma_w=1.0, q=1e300)  # of the signs of both
    assert found == pytest.approx(2 / np.pi * np.arcsin([0.1, -0.2]), rel=1e-12)


def test_long_names_make_no_long_messages():
    with pytest.raises(TypeError) as caught:
        activations.Activation("x" * 5000, 3)
    assert len(str(caught.value)) < 300
    assert len(repr(activations.Activation("x" * 5000, np.tanh))) < 200


@pytest.mark.parametrize(
    ("statistic", "signals", "message"),
    [
        (3, [np.ones((2, 3, 4))], "statistic must be a function"),
        (propagation.rms, np.ones((2, 3, 4)), "signals must be a list"),
        (propagation.rms, [], "signals must be a list"),
        (propagation.rms, [np.ones(3)], "signal must have axes"),
        (propagation.rms, [np.ones((2, 3, 4)), np.ones((1, 3, 4))], "of the same nets"),
        (np.abs, [np.ones((2, 3, 4))], "one number for each of 2 nets"),
        (lambda signal: ["a", "b"], [np.ones((2, 3, 4))], "What the statistic returned"),
    ],
)
def test_statistics_by_layer_say_what_they_take(statistic, signals, message):
    with pytest.raises((TypeError, ValueError), match=message):
        propagation.by_layer(statistic, signals)


@pytest.mark.parametrize("weights", [[[1.0], [1.0, 2.0]], ["a"] * 300, [None] * 300])
def test_what_is_no_array_of_weights_is_refused(weights):
    with pytest.raises(TypeError, match="weights must be an array of numbers"):
        assert_variance(weights, 1.0)


def test_a_size_for_another_architecture_makes_no_long_message():
    with pytest.raises(ValueError, match="steps is for") as caught:
        recommend(steps="nope" * 500)
    assert len(str(caught.value)) < 300


TAKES_MANY = [
    function
    for module in (diagnosis, initializers, networks, propagation, theory, training)
    for function in (getattr(module, name) for name in module.__all__)
    if inspect.isfunction(function) and len(inspect.signature(function).parameters) > 3
    if not any(one.kind == one.VAR_KEYWORD for one in inspect.signature(function).parameters.values())
]


@pytest.mark.parametrize("function", [*TAKES_MANY, recommend], ids=lambda function: function.__name__)
@pytest.mark.parametrize("other", ["normalization", "lr", "größe"])
def test_an_unknown_argument_is_refused_with_those_there_are(function, other):
    with pytest.raises(TypeError) as caught:
        function(**{other: 1})
    message = str(caught.value)
    known = inspect.signature(function).parameters
    assert message.startswith(f"{function.__name__} has no argument {other!r}. It takes ")
    assert all(name in message for name in known)
    ours = {"normalization": "normalisation", "lr": "learning_rate"}.get(other)
    assert (f"Did you mean {ours!r}?" in message) == (ours in known)


def test_a_setting_of_a_sweep_is_found_by_the_name_that_others_use():
    with pytest.raises(ValueError, match="Did you mean 'learning_rate'"):
        sweep({"depth": [2]}, [0], lr=0.1)


OF_SCALARS = {
    "variance_map": lambda one: theory.variance_map(one, "tanh", one, one),
    "correlation_map": lambda one: theory.correlation_map(0.5, "tanh", one, one, one),
    "chi": lambda one: theory.chi("tanh", one, one),
    "gain": lambda one: theory.gain("tanh", q=one),
    "variance_fixed_point": lambda one: theory.variance_fixed_point("tanh", one, 0.5, one),
    "correlation_fixed_point": lambda one: theory.correlation_fixed_point("tanh", one, 0.5, one),
    "depth_scales": lambda one: theory.depth_scales("tanh", one, 0.5, one),
    "critical_sigma_w": lambda one: theory.critical_sigma_w("tanh", one),
    "jacobian_moments": lambda one: theory.jacobian_moments("tanh", one, one, 3),
    "finite_width_band": lambda one: theory.finite_width_band([8] * 3, "tanh", one, one, q=one),
    "residual_profile": lambda one: theory.residual_profile(2, "tanh", one, one, branch_scale=one, q=one),
    "predict": lambda one: propagation.predict([8] * 3, "tanh", sigma_w=one, sigma_b=one, q=one).rms,
    "expectation": lambda one: gaussian.expectation(np.square, one),
    "orthogonal": lambda one: initializers.orthogonal((3, 3), gain=one, rng=0),
    "he_normal": lambda one: initializers.he_normal((3, 3), negative_slope=one, rng=0),
    "variance_scaling": lambda one: initializers.variance_scaling((3, 3), scale=one, rng=0),
    "normal": lambda one: initializers.normal((3, 3), std=one, mean=one, rng=0),
    "uniform": lambda one: initializers.uniform((3, 3), low=-1, high=one, rng=0),
    "leaky_relu": lambda one: activations.leaky_relu(one)(np.array([-3.0])),
    "elu": lambda one: activations.elu(one)(np.array([-3.0])),
    "seeds_for_equivalence": lambda one: evidence.seeds_for_equivalence(one, one),
}


@pytest.mark.parametrize("kind", ["i1", "u1", "u8", "f2", "f4", "g", ">f8"])
@pytest.mark.parametrize("size", [1, 12, 100])
@pytest.mark.parametrize("name", OF_SCALARS)
def test_scalars_of_numpy_count_as_the_numbers_they_are(name, size, kind):
    def found(one):
        try:
            return OF_SCALARS[name](one)
        except ValueError as error:
            return str(error)

    given, exact = found(np.array(size, kind)[()]), found(float(size))
    if isinstance(exact, str):
        assert isinstance(given, str)
    else:
        assert all(
            np.array_equal(a, b) for a, b in zip(np.atleast_1d(given), np.atleast_1d(exact), strict=True)
        )


def test_an_infinite_variance_is_not_the_expected_one():
    with pytest.raises(AssertionError, match="is inf times"):
        assert_variance(np.full(10_000, 1e199), 1.0)


def test_an_array_of_one_number_is_a_number():
    biases = [
        networks.lstm((1, 4, 2), seeds=[0, 1], forget_bias=one).biases[0] for one in (2.0, np.array(2.0))
    ]
    assert (biases[0] == biases[1]).all()
    shares = [recommend(data="imbalanced", share=one, outputs=2) for one in (0.25, np.array(0.25))]
    assert shares[0].numbers("output layer") == shares[1].numbers("output layer")


def test_the_critical_point_of_tanh_has_no_finite_scale_in_any_precision():
    for one in (1.0, np.float32(1), np.float16(1), np.int8(1)):
        assert theory.depth_scales("tanh", one).xi_q == math.inf


WHOLE = np.array([-128, -100, -1, 0, 1, 100, 127])


@pytest.mark.parametrize("dtype", ["i1", "u1", "u8", "?", ">i4", "f2", "g", ">f8"])
@pytest.mark.parametrize("name", activations.names())
def test_activations_and_their_derivatives_take_numbers_of_every_type(name, dtype):
    phi, x = activations.get(name), WHOLE.astype(dtype)
    for function in (phi, phi.derivative if name != "sin" else phi):  # numpy's own cosine, in half precision
        exact = function(x.astype(float))
        assert function(x) == pytest.approx(exact, rel=1e-3 if dtype == "f2" else 1e-12, abs=1e-6)


@pytest.mark.parametrize("dtype", ["i1", "u1", "?", ">i4"])
def test_signals_of_integers_do_not_wrap_around(dtype):
    signal = np.array([[[-128, 3], [-128, 3], [100, -128]]]).astype(dtype)
    assert propagation.rms(signal) == pytest.approx(propagation.rms(signal.astype(float)))
    assert propagation.cosine(signal) == pytest.approx(propagation.cosine(signal.astype(float)))


def test_infinite_signals_have_a_size_and_no_direction():
    signal = np.full((1, 2, 3), np.inf)
    assert propagation.rms(signal) == [np.inf]
    assert np.isnan(propagation.cosine(signal))


class NoHash(str):
    __hash__ = None


def test_text_without_a_hash_is_text():
    assert theory.gain(NoHash("relu"), NoHash("forward")) == theory.gain("relu")
    with pytest.raises(ValueError, match="Unknown mode"):
        checks.choice("mode", NoHash("x"), ["fan_in"])


def raises(*_, **__):
    raise RuntimeError("mine")


RESULT = evidence.load("he-depth")
RULE = RESULT.protocol.rules[0]
SHARE = RESULT.protocol.tests[0]
TRAINING = RESULT.protocol.parts["training"]
TRAINING_ROW = RESULT.rows("training")[0]
SIGNALS = evidence.load("truncated-normal").protocol.parts["signals"]
SIGNALS_ROW = evidence.load("truncated-normal").rows("signals")[0]
TABLE = explorers.Table([explorers.Axis("layer", [1, 2])], {"rms": (["layer"], [1.0, 2.0])})
LINES = explorers.Lines("Signal", "layer", "rms", "rms")
VIEW = explorers.View(TABLE, {})
RIM = {
    "outcomes": lambda: RULE.fits({}),
    "outcomes of no rule": lambda: RULE.fits(3),
    "no arms": lambda: SHARE.evaluate([]),
    "values by seed": lambda: SHARE.evaluate([{0: "x"}]),
    "a cell without an arm": lambda: TRAINING.cell(depth=22),
    "a row without an arm": lambda: TRAINING.censored({}),
    "where": lambda: TRAINING.check_where({"arm": np.ones(2)}),
    "a metric": lambda: RESULT.values("training", "nope"),
    "no tests": lambda: evidence.when(yes=3),
    "tests of a number": lambda: evidence.when(yes=[3]),
    "a result": lambda: evidence.save("he-depth"),
    "a folder": lambda: evidence.save(RESULT, where="/dev/null"),
    "n_jobs": lambda: sweep({"depth": [2]}, [0], n_jobs=0),
    "n_jobs of text": lambda: evidence.pilot("truncated-normal", n_jobs="2"),
    "progress": lambda: evidence.run("truncated-normal", progress="yes"),
    "a store": lambda: sweep({"depth": [2]}, [0], store=3, **QUICK),
    "bytes for a seed": lambda: SIGNALS.rerun([{**SIGNALS_ROW, "seed": np.void(b"ab")}]),
    "a seed that is no integer": lambda: SIGNALS.rerun([{**SIGNALS_ROW, "seed": np.longdouble(1000)}]),
    "a seed to train again": lambda: TRAINING.rerun([{**TRAINING_ROW, "seed": 10**6}]),
    "a stage to train again": lambda: TRAINING.rerun([{**TRAINING_ROW, "stage": "first"}]),
    "a row to measure again": lambda: SIGNALS.rerun([{}]),
    "epochs of a row": lambda: TRAINING.censored({**TRAINING_ROW, "epochs": [1, 1, 1]}),
    "an array of processes": lambda: sweep({"depth": [2]}, [0], n_jobs=np.ones(0)),
    "endless rules": lambda: networks.lstm((4, 5, 3), seeds=[0], recurrent_initializer=range(10**30)),
    "an endless setting": lambda: sweep({"depth": [2]}, [0], dtype=range(10**12), **QUICK),
    "a value on an axis": lambda: sweep({"depth": [2]}, [0], **QUICK).at(depth=np.ones(2)),
    "an array of names": lambda: LINES.extent(TABLE, []),
    "a view": lambda: LINES.sentence(TABLE),
    "a table": lambda: LINES.check({}, []),
    "an answer": lambda: explorers.answers(list(TABLE.axes.values()), raises),
    "a statistic": lambda: propagation.by_layer(raises, [np.ones((1, 2, 3))]),
    "sizes of a part": lambda: recommend().part().fans("3", 4),
    "a part": lambda: frameworks.lines("JAX", None, {}, 3, 4),
    "a name of a part": lambda: recommend().code("JAX", np.ones(2)),
    "fans of a spec": lambda: initializers.SPECS["he_normal"].bound(0, 3),
    "a code": lambda: diagnosis.diagnose(NETS.take([0]), np.eye(4)).has(3),
    "no samples for the doctor": lambda: diagnosis.diagnose(NETS.take([0]), np.ones((0, 4))),
    "a folder that cannot be": lambda: evidence.save(RESULT, where="x\0y"),
    "a store that cannot be": lambda: sweep({"depth": [2]}, [0], store="x\0y", **QUICK),
    "a store of half a character": lambda: sweep({"depth": [2]}, [0], store="\ud800", **QUICK),
    "a store for a run, of half a character": lambda: evidence.run("truncated-normal", store="\ud800"),
    "a folder of half a character": lambda: evidence.save(RESULT, where="\ud800"),
    "an endless axis of a table": lambda: explorers.Axis("scale", range(10**12)),
    "an endless axis of a grid": lambda: sweep({"depth": range(10**30)}, [0], **QUICK),
    "a share of an array": lambda: dataclasses.replace(TRAINING, settings={"validation": np.ones(2)}),
    "an array for a distribution": lambda: initializers.variance_scaling(
        (2, 3), distribution=np.ones((6, 4))
    ),
    "no arm of a lab": lambda: explorers.lab("why", scale=()),
    "three arms of a lab": lambda: explorers.lab("why", scale=(1.0, 2.0, 3.0)),
    "an endless rule": lambda: evidence.when(yes=range(10**12)),
    "endless shares": lambda: recommend(data="imbalanced", share=range(10**12)),
    "endless biases": lambda: networks.lstm((1, 4, 2), seeds=[0, 1], forget_bias=range(10**12)),
    "a branch without end": lambda: theory.residual_profile(1, "relu", 1.0, branch_depth=2**31),
}


@pytest.mark.parametrize("misuse", RIM)
def test_methods_and_what_is_seldom_called_refuse_misuse_with_a_sentence(misuse):
    with pytest.raises((TypeError, ValueError), match=r"\w+ .*\.") as caught:
        RIM[misuse]()
    assert "initlib" in str(caught.traceback[-1].path)
    assert str(caught.traceback[-1].statement).lstrip().startswith("raise")


SLIDING = (
    explorers.Table(
        [explorers.Axis("layer", [1, 2]), explorers.Axis("scale", [1.0, 2.0])],
        {"rms": (["scale", "layer"], [[1.0, 2.0]] * 2)},
    ),
    ["scale"],
    [LINES],
)
STILLS = {
    "explorer": lambda: engine_picture.draw(explorers.Explorer("Own", *SLIDING)),
    "lab": lambda: lab_picture.draw(settings.preset("zero")),
}


@pytest.mark.parametrize("still", STILLS)
def test_stills_have_the_style_of_the_book_whatever_the_reader_has_set(still):
    wanted = STILLS[still]()
    with mpl.rc_context({"axes.facecolor": "black", "text.color": "white"}):
        assert STILLS[still]() == wanted
        assert mpl.rcParams["axes.facecolor"] == "black"


ROOT = Path(__file__).parents[1]


@pytest.mark.heavy
def test_features_that_numpy_was_not_built_for_do_not_stop_the_tests():
    """numpy warns of them while it is imported, and warnings are errors here."""
    collect = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--collect-only",
        "-p",
        "no:nbval",
        "tests/test_checks.py",
    ]
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": "VX VXE2 NEON"}
    run = subprocess.run(collect, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_connections_to_stores_are_closed():
    """`with sqlite3.connect(...)` commits and closes nothing, of which Python 3.13 warns."""
    files = [path for folder in ("initlib", "tests", "tools") for path in (ROOT / folder).rglob("*.py")]
    assert not [
        path for path in files if re.search(r"with sqlite3\.connect\(.*:$", path.read_text("utf-8"), re.M)
    ]


def test_property_tests_have_no_deadline():
    assert hypothesis.settings.default.deadline is None


def test_every_test_that_the_table_of_faults_names_exists():
    table = (ROOT / "tests" / "faults.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\S+)::(\w+)`", table))
    assert len(named) > 100
    lost = [
        f"{file}::{name}"
        for file, name in sorted(named)
        if not re.search(rf"^def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.M)
    ]
    assert not lost


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.low_rank(NETS, 2**45), "does not fit into memory"),
        (lambda: networks.roles(2**45), "blocks must be an integer >= 0 and <= 100000"),
        (
            lambda: networks.residual((4, 8, 3), 2**45, "relu", "zeros", seeds=[0]),
            "blocks must be .* <= 100000",
        ),
        (
            lambda: networks.transformer((5, 8, 5), 2**45, "relu", "zeros", seeds=[0], context=4),
            "blocks must be .* <= 100000",
        ),
        (
            lambda: propagation.predict([8] * 4, "tanh", sigma_w=1.0, sigma_b=1e100),
            r"Signals vanish or overflow in a layer of 'tanh': q = 1e\+200 has no square",
        ),
        (lambda: propagation.predict([8] * 4, "tanh", sigma_w=1.0, q=1e-300), "q = 1e-300 has no square"),
        (lambda: theory.finite_width_band([8] * 4, "relu", 1.0, 1e100), r"q = 1e\+200 has no square"),
    ],
)
def test_numbers_at_the_ends_of_their_ranges_are_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_squares_are_asked_only_of_nets_whose_noise_needs_them():
    band = theory.finite_width_band([100] * 101, "relu", 8 * 2**0.5)
    assert band.mean[-1] == pytest.approx(99 * np.log(64), rel=0.01)  # q is 1e180 there


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [{"batch_size": 1, "train_samples": 9}, {"train_samples": 65}])
def test_a_batch_of_one_sample_is_learned_alike_alone_in_a_stack_and_on_threads(batch, dtype):
    nets = networks.mlp((64, 16, 10), "relu", "he_normal", seeds=[0, 1, 2])
    fits = [
        training.fit(one, datasets.digits(), epochs=2, dtype=dtype, **batch, **threads)
        for one, threads in ((nets, {"threads": 1}), (nets, {"threads": 3}), (nets.take([1]), {}))
    ]
    for result, place in zip(fits, (1, 1, 0), strict=True):
        assert np.array_equal(result.loss[place], fits[0].loss[1])
        for own, first in zip(result.network.values, fits[0].network.values, strict=True):
            assert np.array_equal(own[place], first[1])


@pytest.mark.parametrize("value", [0.1, 0.3, 1e100, -7e-5])
def test_data_that_are_constant_in_training_are_not_scaled_by_rounding(value):
    inputs = np.full((100, 2), value)
    inputs[:, 1] = np.arange(100)
    inputs[datasets.Dataset("all", inputs, np.arange(100)).split(0).test.labels, 0] = 2 * value
    parts = datasets.Dataset("all", inputs, np.zeros(100, int), 1).split(0, standardise="features")
    assert parts.sd[0] == 1
    np.testing.assert_allclose(parts.test.inputs[:, 0], value, rtol=1e-12)
    with pytest.raises(ValueError, match="are all equal"):
        datasets.Dataset("one", np.full((95, 3), 0.1), np.zeros(95, int), 1).split(0)


def blas_threads():
    return [one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"]


def test_fits_on_several_threads_hold_blas_to_one_thread_and_leave_it_as_it_was():
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before, inside = blas_threads(), []
        first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

        def first():
            with jobs.one_blas_thread():
                first_in.set()
                second_in.wait(60)

        def second():
            first_in.wait(60)
            with jobs.one_blas_thread():
                second_in.set()
                first_out.wait(60)
                inside.append(blas_threads())

        threads = [threading.Thread(target=one) for one in (first, second)]
        for one in threads:
            one.start()
        threads[0].join()
        first_out.set()
        threads[1].join()
        assert set(inside[0]) == {1}
        assert blas_threads() == before


def test_an_error_on_one_thread_of_blas_leaves_blas_as_it_was():
    before = blas_threads()
    with pytest.raises(KeyError), jobs.one_blas_thread():
        raise KeyError
    assert blas_threads() == before


def test_fits_from_several_threads_are_those_of_one():
    nets = networks.mlp((64, 128, 10), "relu", "he_normal", seeds=[0, 1])

    def fit(_):
        return training.fit(nets, datasets.digits(), epochs=1, train_samples=256).network.values

    wanted = fit(0)
    with ThreadPoolExecutor(3) as pool:
        for values in pool.map(fit, range(6)):
            assert all(np.array_equal(one, other) for one, other in zip(values, wanted, strict=True))


def test_one_output_of_softmax_has_one_class():
    inputs = np.random.default_rng(1).standard_normal((8, 3))
    nets = networks.mlp((3, 1), "relu", "he_normal", seeds=[0, 1])
    losses, accuracy = training.evaluate(nets, inputs, [0] * 8)
    assert losses.tolist() == [0, 0]
    assert accuracy.tolist() == [1, 1]
    result = training.fit(nets, datasets.Dataset("one", inputs, [0] * 8, 1), epochs=1)
    assert (result.train_accuracy == 1).all()
    assert (result.test_accuracy == 1).all()


@pytest.mark.parametrize("labels", [np.arange(6), np.arange(6)[:, None]])
@pytest.mark.parametrize("shared", [True, False])
def test_integer_targets_of_one_output_are_the_numbers_themselves(labels, shared):
    inputs = np.random.default_rng(1).standard_normal((6, 3))
    nets = networks.mlp((3, 8, 1), "tanh", "he_normal", seeds=[0, 1])
    fits = [
        training.fit(nets, data.split(0, test=0.0) if shared else data, loss="squared", epochs=3, **cut)
        for data in (datasets.Dataset("n", inputs, labels), datasets.Dataset("n", inputs, labels * 1.0))
        for cut in ({} if shared else {"test": 0.0},)
    ]
    assert np.array_equal(fits[0].loss, fits[1].loss)
    assert fits[0].train_accuracy is None
    outputs = nets.forward(inputs).output
    measured = propagation.measure(nets, inputs, labels, loss="squared").gradient_rms[:, -1]
    expected = np.sqrt(np.square(outputs[:, :, 0] - np.arange(6)).mean(axis=1))
    np.testing.assert_allclose(measured, expected)
    with pytest.raises(TypeError, match="labels must be classes"):
        training.evaluate(nets, inputs, labels, loss="squared")


def test_a_transformer_that_reads_one_token_takes_labels_with_their_axis():
    tokens = np.random.default_rng(1).integers(0, 5, (9, 1))
    nets = networks.transformer((5, 8, 8), 1, "gelu", "lecun_normal", seeds=[0], context=1)
    for labels in (tokens, tokens[:, 0]):
        result = training.fit(nets, datasets.Dataset("t", tokens, labels), standardise=False, epochs=1)
        assert result.loss[0, 0] == pytest.approx(training.evaluate(nets, tokens, labels)[0][0], abs=0.5)


@pytest.mark.parametrize("outputs", [1, 5])
def test_a_transformer_learns_numbers_at_every_position(outputs):
    rng = np.random.default_rng(1)
    tokens, targets = rng.integers(0, outputs, (20, 4)), rng.standard_normal((20, 4, outputs))
    nets = networks.transformer((outputs, 8, 8), 1, "gelu", "lecun_normal", seeds=[0], context=4)
    data = datasets.Dataset("t", tokens, targets)
    result = training.fit(
        nets, data, loss="squared", test=0.0, batch_size=20, standardise=False, epochs=2, dtype=np.float64
    )
    error = nets.forward(tokens).output[0].reshape(targets.shape) - targets
    assert result.loss[0, 0] == pytest.approx(np.square(error).sum(axis=2).mean() / 2)
    assert result.loss[0, 1] < result.loss[0, 0]


def test_measure_takes_the_labels_of_a_transformer():
    tokens = np.random.default_rng(1).integers(0, 5, (9, 4))
    nets = networks.transformer((5, 8, 8), 1, "gelu", "lecun_normal", seeds=[0], context=4)
    output = nets.forward(tokens).output[0]
    gap = np.exp(output) / np.exp(output).sum(axis=1, keepdims=True) - np.eye(5)[tokens.ravel()]
    measured = propagation.measure(nets, tokens, tokens).gradient_rms[0, -1]
    assert measured == pytest.approx(np.sqrt(np.square(gap).mean()))


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_signals_of_half_precision_are_measured_in_a_better_one(scale):
    drawn = scale * np.random.default_rng(0).standard_normal((2, 500, 400))
    signal = drawn.clip(-6e4, 6e4).astype(np.float16)
    exact = signal.astype(float)
    np.testing.assert_allclose(propagation.cosine(signal), propagation.cosine(exact), atol=1e-6)
    np.testing.assert_allclose(propagation.rms(signal), propagation.rms(exact), rtol=1e-5)
    alike = np.ones((1, 500, 400), np.float16)
    assert propagation.cosine(alike)[0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b", "q"),
    [
        ("tanh", 0.5, 1e-10, 1e-20 / 0.75),
        ("relu", 1.0, 1e-10, 2e-20),
        ("relu", 1.0, 1e10, 2e20),
        ("gelu", 1.0, 1e10, 2e20),
        ("tanh", 0.5, 1e50, 1e100),
        ("sigmoid", 1e-12, 0.0, 0.25e-24),
    ],
)
def test_fixed_points_beyond_the_grid_are_found(name, sigma_w, sigma_b, q):
    found = theory.variance_fixed_point(name, sigma_w, sigma_b)
    assert found.q == pytest.approx(q, rel=1e-12)
    assert found.stable
    assert theory.depth_scales(name, sigma_w, sigma_b).xi_q < 10


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b", "why"),
    [
        ("tanh", 0.5, 1e-90, "none lies between 1e-150 and 1e.150"),
        ("elu", 0.37, 1e100, "none lies between 1e-150 and 1e.150"),
        ("relu", 2.0, 1e10, "q grows without bound"),
        ("relu", 2**0.5, 1e-10, "q grows without bound"),
    ],
)
def test_why_there_is_no_fixed_point_is_true(name, sigma_w, sigma_b, why):
    with pytest.raises(ValueError, match=why):
        theory.variance_fixed_point(name, sigma_w, sigma_b)


@pytest.mark.parametrize(
    "other",
    [
        NETS.take([0, 1]),
        copy.deepcopy(NETS),
        networks.mlp((4, 6, 3), "relu", "he_normal", seeds=[0, 1]),
        networks.residual((4, 6, 3), 1, "relu", "he_normal", seeds=[0, 1]),
    ],
    ids=["taken", "copied", "twin", "other"],
)
def test_a_trace_belongs_to_the_network_that_made_it(other):
    trace = NETS.forward(np.ones((5, 4)))
    with pytest.raises(ValueError, match="trace must be of this network itself"):
        other.backward(trace, np.ones_like(trace.output))
    network, trace = copy.deepcopy((NETS, trace))
    assert network.backward(trace, np.ones_like(trace.output)).input.shape == (2, 5, 4)


@pytest.mark.parametrize("shape", [(5, 4), (2, 5, 4)])
def test_a_trace_and_gradients_keep_nothing_of_the_callers(shape):
    x = np.random.default_rng(1).standard_normal(shape)
    trace = NETS.forward(x)
    top = np.random.default_rng(2).standard_normal(trace.output.shape)
    before = NETS.backward(trace, top)
    kept = before.pre[-1].copy()
    x += 1
    top[...] = top  # the same numbers
    after = NETS.backward(trace, top)
    for one, other in zip(before.values, after.values, strict=True):
        assert np.array_equal(one, other)
    top += 1
    assert np.array_equal(before.pre[-1], kept)


def test_a_dataset_keeps_nothing_of_the_callers():
    inputs, labels = np.arange(8.0).reshape(4, 2), np.arange(4)
    data = datasets.Dataset("d", inputs, labels, 4)
    inputs[:], labels[:] = 9, 0
    assert data.inputs.tolist() == np.arange(8.0).reshape(4, 2).tolist()
    assert data.labels.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_copy_is_laid_out_as_its_original(order):
    original = np.asarray(np.arange(24.0).reshape(2, 3, 4), order=order)
    assert checks.copied(original).strides == original.strides
    spread = np.broadcast_to(original, (5, 2, 3, 4))
    assert checks.copied(spread).strides == spread.strides
    assert np.array_equal(checks.copied(original[:, ::2, ::-1]), original[:, ::2, ::-1])
    assert checks.copied(np.array(3.0)) == 3


def test_lsuv_refuses_weights_that_it_would_leave():
    x = np.random.default_rng(1).standard_normal((9, 5, 4))
    with pytest.raises(TypeError, match="with layers LSTM"):
        networks.lsuv(networks.lstm((4, 6, 3), seeds=[0]), x)
    with pytest.raises(TypeError, match="with layers LowRank"):
        networks.lsuv(networks.low_rank(NETS, 1), x[:, 0])


@pytest.mark.parametrize("kind", ["batch", "layer", "rms"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_least_epsilon_keeps_normalised_zeros_finite(kind, dtype):
    options = {"normalisation": kind, "dtype": dtype}
    nets = networks.mlp((4, 6, 3), "relu", "zeros", seeds=[0], epsilon=2e-38, **options)
    assert not nets.forward(np.ones((5, 4))).pre[0].any()


def test_momentum_is_refused_where_it_would_be_ignored():
    data = datasets.digits().split(0, train_samples=64)
    nets = networks.mlp((64, 8, 10), "relu", "he_normal", seeds=[0])
    with pytest.raises(ValueError, match=r"momentum must be 0 with the optimizer 'sgd'.*Received: 0\.99"):
        training.fit(nets, data, momentum=0.99)
    assert training.fit(nets, data, momentum=0.0, epochs=0).loss.shape == (1, 0)
    for optimizer in ("momentum", "adam"):
        fits = [training.fit(nets, data, optimizer=optimizer, epochs=1, **m) for m in ({}, {"momentum": 0.9})]
        assert np.array_equal(fits[0].loss, fits[1].loss)


@pytest.mark.parametrize("name", ["he_uniform", "glorot_uniform", "lecun_uniform"])
@pytest.mark.parametrize("fan", [7, 24, 100, 300])
def test_uniform_draws_in_half_precision_keep_their_bounds(name, fan):
    exact = initializers.SPECS[name].bound(fan, fan)
    shape = (300, fan, fan)
    drawn = getattr(initializers, name)(shape, rng=0, dtype="float16", batch_axis=0, in_axis=1, out_axis=2)
    assert 0.998 * exact < float(np.abs(drawn).max()) <= exact


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("mean", [0.0, 0.3])
def test_truncated_draws_in_half_precision_keep_their_bounds(corrected, mean):
    options = {"mean": mean, "std": 0.1, "corrected": corrected, "bounds": (-1.0, 1.0)}
    drawn = initializers.truncated_normal((500_000,), rng=0, dtype="float16", **options).astype(float)
    reach = 0.1 / (initializers.truncated_moments(-1.0, 1.0)[1] if corrected else 1)
    assert mean - reach <= drawn.min() < mean - 0.99 * reach
    assert mean + 0.99 * reach < drawn.max() <= mean + reach


def test_half_precision_draws_of_every_form():
    options = {"rng": 0, "dtype": "float16"}
    drawn = initializers.uniform((), low=-0.1, high=0.1, **options)
    assert drawn.shape == ()
    assert isinstance(drawn, np.ndarray)
    assert initializers.truncated_normal((9,), bounds=(-1e300, 1.0), **options).max() < 2
    assert (initializers.uniform((9,), low=1.0001, high=1.0002, **options) == 1).all()  # none lies between


@pytest.mark.parametrize("name", [*activations.names(), "leaky_relu(0.2)", "elu(2.0)"])
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda phi: pickle.loads(pickle.dumps(phi))])
def test_copies_of_standard_activations_are_the_activations_themselves(name, again):
    made = {"leaky_relu(0.2)": activations.leaky_relu(0.2), "elu(2.0)": activations.elu(2.0)}
    phi = made.get(name) or activations.get(name)
    assert again(phi) is phi
    assert activations.is_standard(again(phi))


def test_copies_of_ones_own_activations_are_not_standard():
    own = activations.Activation("own", np.tanh)
    same = pickle.loads(pickle.dumps(own))
    assert (same.name, same.function, same.kinks) == (own.name, own.function, own.kinks)
    assert not activations.is_standard(same)
    assert activations.elu(2.0) is activations.elu(2)
    assert activations.elu(2.0) is not activations.elu(1.9)
