"""Tests of the tests: change a printed number or an initializer's factor, and the suite must turn red."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from notebooks_under_test import ROOT


@pytest.fixture
def notebook(tmp_path):
    """A stored notebook whose cells print, return and end in `;`, and a function that runs nbval on it."""
    shutil.copy2(ROOT / "book" / "conftest.py", tmp_path)
    path = tmp_path / "notebook.ipynb"
    sources = ["print(1 / 8)", "1 + 1", "[1, 2];"]
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    for count, cell in enumerate(nb.cells, start=1):
        cell.execution_count = count
    nb.cells[0].outputs = [nbformat.v4.new_output("stream", name="stdout", text="0.125\n")]
    nb.cells[1].outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=2)]

    def run():
        nbformat.write(nb, path)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--nbval",
            "--nbval-current-env",
        ]
        return subprocess.run([*command, path], cwd=tmp_path, capture_output=True, text=True)

    return nb, run


def test_a_notebook_whose_outputs_are_right_passes(notebook):
    _, run = notebook
    done = run()
    assert done.returncode == 0, done.stdout


def test_a_changed_printed_number_is_red(notebook):
    nb, run = notebook
    nb.cells[0].outputs[0].text = "0.126\n"
    done = run()
    assert done.returncode == 1
    assert "1 failed" in done.stdout


def test_a_changed_result_is_red(notebook):
    nb, run = notebook
    nb.cells[1].outputs[0].data["text/plain"] = "3"
    assert run().returncode == 1


def test_a_changed_factor_of_an_initializer_is_red(tmp_path):
    shutil.copytree(ROOT / "initlib", tmp_path / "initlib")
    module = tmp_path / "initlib" / "initializers" / "scaling.py"
    changed = module.read_text().replace(
        '"fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2',
        '"fan_avg": lambda fan_in, fan_out: fan_in + fan_out',
    )
    assert changed != module.read_text()
    module.write_text(changed)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    imports = "--import-mode=importlib"  # else conftest.py puts the unchanged library first
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", imports]
    done = subprocess.run(
        [*command, ROOT / "tests" / "test_initializers.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout
