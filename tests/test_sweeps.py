"""Sweeps: grids, bit-identical results on any workers, interruptions that cost only time, clear errors."""

import os
import runpy
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import psutil
import pytest

from initlib import activations, datasets, fingerprints, initializers, jobs, networks, training
from initlib.training import sweeps
from initlib.training.sweeps import sweep

GRID = {"initializer": ["he_normal", "glorot_normal"], "depth": [2, 4], "learning_rate": [0.01, 0.1]}
SEEDS = [100, 101, 102]
QUICK = {"epochs": 2, "train_samples": 200}


@pytest.fixture(scope="module")
def local():
    return sweep(GRID, SEEDS, n_jobs=1, **QUICK)


def same(a, b):
    arrays = ("diverged_at", *sweeps.CURVES)
    pairs = [(getattr(a, name), getattr(b, name)) for name in arrays]
    return a.axes == b.axes and all(
        (x is None) == (y is None) and (x is None or np.array_equal(x, y)) for x, y in pairs
    )


def test_training_offers_the_sweep():
    assert training.sweep is sweep


def test_axes_and_shapes(local):
    assert list(local.axes) == ["initializer", "depth", "learning_rate", "seed"]
    assert local.loss.shape == (2, 2, 2, 3, 2)
    assert local.diverged_at.shape == (2, 2, 2, 3)
    assert np.isfinite(local.loss).all()


def test_a_cell_is_what_fit_gives_for_that_net_alone(local):
    network = networks.mlp((64, 64, 64, 64, 10), "relu", "glorot_normal", seeds=[101])
    alone = training.fit(network, datasets.digits(), learning_rate=0.1, **QUICK)
    cell = local.at(initializer="glorot_normal", depth=4, learning_rate=0.1, seed=101)
    assert np.array_equal(cell.loss, alone.loss[0])
    assert np.array_equal(cell.test_accuracy, alone.test_accuracy[0])


def test_scale_multiplies_the_weights():
    halved = sweep({"scale": [0.5]}, [100], n_jobs=1, **QUICK)
    by_hand = sweep(
        {"initializer": [lambda *a, **k: initializers.he_normal(*a, **k) * 0.5]}, [100], n_jobs=1, **QUICK
    )
    assert np.array_equal(halved.loss, by_hand.loss)


def test_a_schedule_can_be_an_axis():
    both = sweep({"schedule": [None, "warmup_cosine"]}, [100], n_jobs=1, **QUICK)
    for schedule in (None, "warmup_cosine"):
        alone = sweep({"depth": [3]}, [100], n_jobs=1, **QUICK, schedule=schedule)
        assert np.array_equal(alone.loss[0], both.at(schedule=schedule).loss)
    assert not np.array_equal(both.loss[0], both.loss[1])


def test_callables_datasets_and_networks_of_ones_own():
    wine = datasets.wine()
    deep = partial(initializers.he_normal, negative_slope=0.1)

    def shifted(cells):
        network = sweeps.build(cells)
        network.biases[0][...] = 1.0
        return network

    grid = {"initializer": [deep, "he_normal"], "network": ["mlp", shifted]}
    result = sweep(grid, [100], dataset=wine, n_jobs=2, epochs=2)
    assert len({*result.loss[..., -1].ravel().tolist()}) == 4
    assert result.at(initializer=deep, network=shifted).loss.shape == (1, 2)


def test_a_network_of_ones_own_has_a_net_for_each_cell_drawn_from_its_seed(tmp_path):
    def of(seeds):
        return lambda cells: networks.mlp([64, 8, 10], "relu", "he_normal", seeds=seeds[: len(cells) + 3])

    for seeds in ([100, 101, 102, 103], [7, 8], [100, 100], [100]):
        with pytest.raises(ValueError, match=r"one net for each cell, .*\(100, 101\)\. Received nets of"):
            sweep({"network": [of(seeds)]}, [100, 101], n_jobs=1, epochs=1, store=tmp_path / "store")
    with pytest.raises(TypeError, match=r"must be a Network\. Received: None"):
        sweep({"network": [lambda cells: None]}, [100], n_jobs=1, epochs=1, store=tmp_path / "store")
    assert not (tmp_path / "store").exists(), "it was refused after training"


@pytest.mark.parametrize("values", [[1, 1.0], [0.0, -0.0], [np.float32(0.5), 0.5]])
def test_equal_numbers_are_no_two_values_of_an_axis(values):
    with pytest.raises(ValueError, match="The values of axis 'scale' must differ"):
        sweep({"scale": values}, [100], n_jobs=1)


def test_processes_do_not_change_a_bit(local):
    assert same(sweep(GRID, SEEDS, n_jobs=2, **QUICK), local)


def test_a_larger_grid_does_not_change_a_bit(local):
    larger = sweep({**GRID, "depth": [2, 3, 4]}, [*SEEDS, 103, 104], n_jobs=1, **QUICK)
    cut = larger.loss[:, [0, 2], :, :3]
    assert np.array_equal(cut, local.loss)


# -- Dask ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        yield cluster


@pytest.mark.heavy
def test_the_same_call_runs_on_dask_bit_by_bit(local, cluster):
    with joblib.parallel_config(backend="dask"):
        assert same(sweep(GRID, SEEDS, **QUICK), local)


@pytest.mark.heavy
def test_an_error_on_a_dask_worker_reaches_the_caller(cluster):
    with joblib.parallel_config(backend="dask"), pytest.raises(ZeroDivisionError):
        jobs.run(lambda cells: [{"x": 1 / cell["x"]} for cell in cells], [[{"x": 1}], [{"x": 0}]])


def test_evidence_on_dask_takes_any_free_port_for_its_dashboard(monkeypatch):
    """8787 may be taken, by RStudio or another cluster."""
    asked = []

    @contextmanager
    def client(**arguments):
        asked.append(arguments)
        yield "a cluster"

    monkeypatch.setitem(sys.modules, "dask.distributed", SimpleNamespace(Client=client))
    tool = runpy.run_path(str(Path(__file__).parents[1] / "tools" / "evidence.py"))
    with ExitStack() as stack, suppress(ImportError, ValueError):  # joblib wants the real ones
        stack.enter_context(tool["cluster"](stack))  # where it has them, it would keep them for good
    assert asked == [{"dashboard_address": ":0"}]


def killer(path, pids, done):
    """Kill the first of the processes as soon as the store has a cell."""
    while not done.is_set():
        if stored(path):
            os.kill(next(iter(pids())), signal.SIGKILL)
            return
        time.sleep(0.01)


def stored(path):
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            return connection.execute("SELECT key, rowid FROM cells").fetchall()
    except sqlite3.OperationalError:  # not yet made
        return []


SLOW = {"depth": [4, 5, 6, 7, 8, 9, 10, 11]}


@pytest.fixture(scope="module")
def slow():
    return sweep(SLOW, SEEDS, n_jobs=1, epochs=2)


@pytest.mark.heavy
@pytest.mark.parametrize("backend", ["dask", "loky"])
def test_a_worker_killed_half_way_costs_only_time(backend, slow, request, tmp_path):
    if backend == "dask":
        cluster = request.getfixturevalue("cluster")
        pids = lambda: [worker.pid for worker in cluster.workers.values()]  # noqa: E731
    else:
        pids = lambda: [p.pid for p in psutil.Process().children() if "popen_loky" in " ".join(p.cmdline())]  # noqa: E731
    store, done = tmp_path / "cells.sqlite", threading.Event()
    thread = threading.Thread(target=killer, args=(store, pids, done))
    thread.start()
    try:
        with joblib.parallel_config(backend=backend, n_jobs=2):
            result = sweep(SLOW, SEEDS, store=store, epochs=2)
    finally:
        killed = not thread.is_alive()
        done.set()
        thread.join()
    assert killed, "no worker was killed: the test shows nothing"
    assert same(result, slow)


# -- Interruptions ------------------------------------------------------------------------------------------

SCRIPT = """
from initlib.training.sweeps import sweep

if __name__ == "__main__":
    sweep({"depth": range(2, 12)}, [100, 101], epochs=%d, store="cells.sqlite", n_jobs=2)
"""


def start(folder, epochs):
    script = folder / "script.py"
    script.write_text(textwrap.dedent(SCRIPT % epochs))
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(script)],
        cwd=folder,
        start_new_session=True,
        stderr=subprocess.PIPE,
        preexec_fn=listen_to_ctrl_c,
    )


def listen_to_ctrl_c():
    """Undo what background jobs inherit, which ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.heavy
def test_ctrl_c_keeps_finished_cells_and_a_rerun_continues(tmp_path):
    store = tmp_path / "cells.sqlite"
    process = start(tmp_path, epochs=8)
    while process.poll() is None and not stored(store):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
    _, errors = process.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors
    kept = stored(store)
    assert 0 < len(kept) < 20

    again = sweep({"depth": range(2, 12)}, [100, 101], epochs=8, store=store, n_jobs=1)
    assert len(stored(store)) == 20
    assert set(kept) <= set(stored(store)), "a finished cell was computed again"
    kept_keys = {key for key, _ in kept}
    fresh = [cell for cell in cells(range(2, 12), 8) if jobs_key(cell) in kept_keys][:4]
    for cell, record in zip(fresh, sweeps.train(fresh, n_jobs=1), strict=True):
        assert again.at(depth=cell["depth"], seed=cell["seed"]).loss.tolist() == record["loss"]


def cells(depths, epochs):
    return [{"epochs": epochs, "depth": depth, "seed": seed} for depth in depths for seed in (100, 101)]


def jobs_key(cell):
    return jobs._Keys(sweeps._train_stack)(cell)


def test_cells_of_other_code_are_kept_and_not_used(tmp_path, monkeypatch):
    store = tmp_path / "cells.sqlite"
    one = {"depth": [2]}
    sweep(one, [100], store=store, n_jobs=1, epochs=1)
    with closing(sqlite3.connect(store)) as connection, connection:
        [(key,)] = connection.execute("SELECT key FROM cells").fetchall()
        connection.execute(
            "UPDATE cells SET record = ?",
            [jobs._sealed(key, {"diverged_at": 7} | dict.fromkeys(sweeps.CURVES))],
        )
    assert sweep(one, [100], store=store, n_jobs=1, epochs=1).diverged_at.tolist() == [[7]], (
        "the store was not used"
    )
    monkeypatch.setattr(fingerprints, "of_package", lambda: "other code")
    assert sweep(one, [100], store=store, n_jobs=1, epochs=1).diverged_at.tolist() == [[-1]]
    monkeypatch.undo()
    assert sweep(one, [100], store=store, n_jobs=1, epochs=1).diverged_at.tolist() == [[7]], (
        "the other code lost its row"
    )


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("module", "counts"),
    [
        ("checks.py", True),
        ("initializers/sampling.py", True),
        ("networks/layers.py", True),
        ("theory/maps.py", True),
        ("training/chunk.py", True),
        ("evidence/box.py", False),
        ("explorers/scale_and_rate.py", False),
    ],
)
def test_a_line_changed_in_what_computes_changes_the_digest_of_the_code(tmp_path, module, counts):
    def digest():
        script = "from initlib import fingerprints; print(fingerprints.of_package(), fingerprints.__file__)"
        run = [sys.executable, "-c", script]
        code, file = subprocess.run(
            run, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
        ).stdout.split()
        assert file.startswith(str(tmp_path))
        return code

    shutil.copytree(Path(fingerprints.__file__).parent, tmp_path / "initlib")
    before = digest()
    with (tmp_path / "initlib" / module).open("a") as file:
        file.write("\nLATER = 1\n")
    assert (digest() != before) is counts


def test_the_code_of_a_callable_is_part_of_the_key(tmp_path):
    store = tmp_path / "cells.sqlite"
    runs = [
        sweep(
            {"initializer": [partial(initializers.normal, std=std)]}, [100], store=store, n_jobs=1, epochs=1
        )
        for std in (0.1, 0.2, 0.1)
    ]
    assert runs[0].loss != runs[1].loss
    assert runs[0].loss == runs[2].loss
    assert len(stored(store)) == 2


def test_functions_of_one_name_are_told_apart_by_their_code(tmp_path):
    def constant(value):
        def fill(shape, rng=None, dtype=float):
            return np.full(shape, value, dtype)

        return fill

    one, two, again = (sweep({"initializer": [constant(v)]}, [100], store=tmp_path / "c", n_jobs=1, epochs=1)
                       for v in (0.1, 0.2, 0.1))  # fmt: skip
    assert one.loss != two.loss
    assert one.loss == again.loss


def test_a_worker_with_other_code_is_refused():
    with pytest.raises(RuntimeError, match="another version"):
        jobs._work(lambda cells: [{}], 0, [{"x": 1}], "other code")


def test_a_job_that_loses_cells_is_refused():
    with pytest.raises(ValueError, match="one record a cell"):
        jobs.run(lambda cells: [], [[{"x": 1}]], n_jobs=1)


# -- Progress -----------------------------------------------------------------------------------------------


def test_the_bar_is_silent_where_nobody_watches(capfd):
    sweep({"depth": [2]}, [100], n_jobs=1, epochs=1)
    assert capfd.readouterr() == ("", "")
    sweep({"depth": [2]}, [100], n_jobs=1, epochs=1, progress=True)
    assert "nets" in capfd.readouterr().err


# -- Bad input ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "seeds", "settings", "error", "message"),
    [
        ({"depth": []}, [100], {}, ValueError, "'depth' must have at least one value"),
        ({"depth": [2]}, [], {}, ValueError, "seeds needs at least 1"),
        ({"depth": [2, 2]}, [100], {}, ValueError, "must differ"),
        ({"depth": [2]}, [100, 100], {}, ValueError, "must differ"),
        ({"depht": [2]}, [100], {}, ValueError, "Did you mean 'depth'"),
        ({"depth": [0]}, [100], {}, ValueError, "depth must be an integer >= 1"),
        ({"depth": [2.5]}, [100], {}, TypeError, "depth must be an integer"),
        ({"depth": 3}, [100], {}, TypeError, "must be a sequence"),
        ({"initializer": "he_normal"}, [100], {}, TypeError, "must be a sequence"),
        ({"seed": [1]}, [100], {}, ValueError, "argument `seeds`"),
        ([("depth", [2])], [100], {}, TypeError, "grid must map"),
        ({"depth": [2]}, [100], {"depth": 3}, ValueError, "both"),
        ({"initializer": ["he_norml"]}, [100], {}, ValueError, "Did you mean 'he_normal'"),
        ({"activation": ["rellu"]}, [100], {}, ValueError, "Did you mean 'relu'"),
        ({"learning_rate": [-0.1]}, [100], {}, ValueError, "learning_rate must be"),
        ({"scale": [float("nan")]}, [100], {}, ValueError, "scale must be"),
        ({"depth": [2]}, [100], {"optimizer": "sdg"}, ValueError, "Did you mean 'sgd'"),
        ({"depth": [2]}, [100], {"batch_size": 0}, ValueError, "batch_size must be"),
        ({"depth": [2]}, [100], {"epochs": -1}, ValueError, "epochs must be"),
        ({"depth": [2]}, [100], {"dataset": "cifar10"}, ValueError, "Unknown dataset"),
        ({"depth": [2]}, [-1], {}, ValueError, ">= 0"),
    ],
)
def test_bad_input_is_refused_at_the_call(grid, seeds, settings, error, message, tmp_path):
    with pytest.raises(error, match=message):
        sweep(grid, seeds, store=tmp_path / "cells.sqlite", **settings)
    assert not (tmp_path / "cells.sqlite").exists()


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, " * 100)
    with pytest.raises(ValueError, match="store must be"):
        sweep({"depth": [2]}, [100], store=path)
    assert path.read_text().startswith("these are my notes")


def test_an_unknown_coordinate_is_refused(local):
    with pytest.raises(ValueError, match="depth must be one of"):
        local.at(depth=3)
    with pytest.raises(ValueError, match="Did you mean 'depth'"):
        local.at(depht=2)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"network": "residual"}, ValueError, "network must be \"mlp\", or a callable .*'residual'"),
        ({"network": 3}, TypeError, 'network must be "mlp", or a callable'),
        ({"network": None}, TypeError, 'network must be "mlp", or a callable'),
        ({"dataset": 3}, TypeError, "dataset must be a name or a Dataset"),
        ({"initializer": 3}, TypeError, "initializer must be a name, a callable"),
        ({"initializer": None}, TypeError, "initializer must be a name, a callable"),
        ({"bias_initializer": 0}, TypeError, "bias_initializer must be a name, a callable"),
        ({"bias_initializer": []}, ValueError, "needs one entry for each of 3 layers"),
    ],
)
def test_settings_of_the_wrong_kind_are_refused_before_training(settings, error, words):
    for one in (settings, {name: [value] for name, value in settings.items()}):
        grid, shared = ({}, one) if one is settings else (one, {})
        with pytest.raises(error, match=words):
            sweep(grid, seeds=[0, 1, 2], epochs=1, n_jobs=1, **shared)


def test_a_part_is_found_by_what_its_values_are():
    rng = np.random.default_rng(1)
    numbers = [rng.standard_normal((40, 4)) for _ in range(2)]
    data = [datasets.Dataset("same name", x, np.arange(40) % 2, 2) for x in numbers]
    grid = {"dataset": data, "activation": [activations.elu(2.0), "relu"]}
    result = sweep(grid, seeds=[0, 1], epochs=1, width=8, n_jobs=1)
    again = datasets.Dataset("same name", numbers[1], np.arange(40) % 2, 2)
    part = result.at(dataset=again, activation=activations.elu(2.0), seed=1.0)
    assert np.array_equal(part.loss, result.loss[1, 0, 1])
    part.loss[...] = np.nan
    assert np.isfinite(result.loss).all()
    with pytest.raises(ValueError, match="dataset must be one of"):
        result.at(dataset=datasets.Dataset("same name", numbers[0] + 1, np.arange(40) % 2, 2))
    result.at().loss[...] = np.nan
    assert np.isfinite(result.loss).all()
