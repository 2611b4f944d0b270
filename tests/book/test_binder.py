"""What Binder installs is enough: `make test` runs the notebooks in an environment of binder/ alone."""

import json
import subprocess
from pathlib import Path

import pytest
from missing import missing
from notebooks_under_test import ROOT

ENVIRONMENT = ROOT / ".venv-binder"
REQUIREMENTS = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8")


@pytest.fixture
def kernel():
    path = ENVIRONMENT / "kernels/share/jupyter/kernels/binder/kernel.json"
    if not path.exists():
        missing("the environment that Binder would make", "make .venv-binder/ready")
    return json.loads(path.read_text(encoding="utf-8"))


def names(text):
    """Return the packages of a list of requirements."""
    return {line.split("==")[0].lower() for line in text.splitlines() if line and line[0] not in "#- "}


def test_the_notebooks_run_in_the_environment_of_binder(kernel):
    python = Path(kernel["argv"][0])
    assert python.parent == ENVIRONMENT / "bin"
    assert "--nbval-kernel-name binder" in (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = subprocess.run(
        [ROOT / ".venv/bin/uv", "pip", "list", "--format", "freeze", "--python", python],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert names(listed) >= names(REQUIREMENTS) | {"initlib"}
    assert not names(listed) & {"pandas", "jupyter-book", "nbval", "jupytext"}


def test_the_library_there_is_the_one_of_this_tree(kernel):
    where = "import initlib, pathlib; print(pathlib.Path(initlib.__file__).parent)"
    run = [kernel["argv"][0], "-c", where]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd="/", env={"HOME": "/tmp"})
    copy = Path(done.stdout.strip())
    assert copy.is_relative_to(ENVIRONMENT)
    for path in (ROOT / "initlib").rglob("*.py"):
        assert (copy / path.relative_to(ROOT / "initlib")).read_bytes() == path.read_bytes(), path


def test_a_hook_that_fails_is_noticed():
    assert "set -euo pipefail" in (ROOT / "binder" / "postBuild").read_text()
