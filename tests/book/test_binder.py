"""What Binder installs is enough: a clean environment made from binder/ alone executes every chapter."""

import subprocess
import sys

import pytest
from notebooks_under_test import ROOT, paths

# Binder's base image brings a kernel and the means to run it; a bare environment does not.
BASE_IMAGE = ["ipykernel", "nbclient"]


@pytest.fixture(scope="module")
def binder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("binder")
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    requirements = ROOT / "binder" / "requirements.txt"
    subprocess.run([*install, "--requirement", requirements, *BASE_IMAGE], check=True)
    hooks = (ROOT / "binder" / "postBuild").read_text()
    subprocess.run(
        ["bash", "-c", hooks],
        cwd=ROOT,
        check=True,
        env={"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(folder)},
    )
    return python


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_a_chapter_runs_in_the_environment_of_binder(binder, path):
    run = [binder, "-m", "jupyter", "execute", "--kernel_name=python3", path.name, "--output=/dev/null"]
    done = subprocess.run(run, cwd=path.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_a_hook_that_fails_is_noticed():
    assert "set -euo pipefail" in (ROOT / "binder" / "postBuild").read_text()
