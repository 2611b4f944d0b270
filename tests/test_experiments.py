"""Experiments: every archive is current, says what its numbers say, and a sample of its cells runs again."""

import ast
import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from initlib import evidence, experiments
from initlib.evidence import archives

NAMES = experiments.names()

each = pytest.mark.parametrize("name", NAMES)
load = functools.cache(evidence.load)  # checks all of an archive, which takes a while


@each
def test_the_archive_was_made_by_the_experiment_as_it_is(name):
    load(name)  # else it is missing or stale, and the error says what to run


@each
def test_the_archive_holds_the_protocol_as_it_is(name):
    content = json.loads((evidence.folder() / f"{name}.json").read_text())
    assert content["protocol"] == archives.plain(experiments.get(name).PROTOCOL)


@each
def test_the_archive_says_what_its_numbers_say(name):
    content = json.loads((evidence.folder() / f"{name}.json").read_text())
    result = load(name)
    assert content["verdict"] == result.verdict
    outcomes = {(f["test"], f.get("ground", "")): f["outcome"] for f in content["findings"]}
    assert outcomes == {(f.test, f.ground): f.outcome for f in result.findings}
    assert result.protocol.name == name
    assert content["made"]["seconds"] > 0
    assert content["made"]["numpy"]


@each
def test_the_archive_has_every_seed_of_the_protocol(name):
    result = load(name)
    for part, kind in result.protocol.parts.items():
        assert {row["seed"] for row in result.rows(part)} == set(kind.seeds)


@pytest.mark.heavy
@each
def test_a_sample_of_its_cells_runs_again_to_the_same_numbers(name):
    assert evidence.rerun_sample(load(name)) == []


@each
def test_no_verdict_is_typed_into_the_code_that_measures(name):
    """Verdict words stand in the rules of the protocol alone."""
    tree = ast.parse(Path(experiments.get(name).__file__).read_text())
    words = {node.value for function in ast.walk(tree) if isinstance(function, ast.FunctionDef)
             for node in ast.walk(function) if isinstance(node, ast.Constant)}  # fmt: skip
    assert not words & {*evidence.VERDICTS, evidence.INCONCLUSIVE}


@pytest.mark.heavy
@each
def test_table_and_plot(name):
    import matplotlib.pyplot as plt

    result = load(name)
    assert len(result.table()) == len(result.findings)
    plt.close(result.plot())


def test_no_protocol_computes_its_numbers_with_the_library_on_trial():
    """Thresholds and arms are typed: a fault of the library must not move them."""
    script = """
import importlib, inspect
from initlib import gaussian, initializers, networks, propagation, theory, training
from initlib import experiments

def refuse(*_, **__):
    raise RuntimeError("a protocol types its numbers")

for module in (gaussian, initializers, networks, propagation, theory, training):
    for name, value in list(vars(module).items()):
        if inspect.isfunction(value) and not name.startswith("_"):
            setattr(module, name, refuse)
for name in experiments.names():
    experiments.get(name)
print(len(experiments.names()))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) == len(NAMES)
