"""The branch that Colab opens: the step of the workflow `publish` that makes it, run on a copy."""

import os
import shutil
import subprocess

import nbformat
import pytest
import yaml
from notebooks_under_test import ROOT, paths, read


def git(folder, *command):
    return subprocess.run(
        ["git", *command], cwd=folder, check=True, capture_output=True, text=True, encoding="utf-8"
    ).stdout.strip()


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    """The repository that the step pushed to, and the commit it started from."""
    tree, origin = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("origin")
    git(origin, "init", "--quiet", "--bare")
    git(tree, "init", "--quiet", "--initial-branch", "main")
    for path in [ROOT / "tools" / "colab.py", *paths()]:
        (tree / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, tree / path.relative_to(ROOT))
    git(tree, "add", ".")
    git(tree, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--quiet", "-m", "A book")
    git(tree, "remote", "add", "origin", str(origin))
    git(tree, "push", "--quiet", "origin", "main")
    commit = git(tree, "rev-parse", "HEAD")
    publish = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8"))
    step = next(step for step in publish["jobs"]["colab"]["steps"] if step.get("name") == "branch")
    github = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "grace/fork",
        "GITHUB_SHA": commit,
    }
    subprocess.run(["bash", "-e", "-c", step["run"]], cwd=tree, check=True, env={**os.environ, **github})
    return origin, commit


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_a_notebook_on_the_branch_installs_initlib_first(pushed, path):
    origin, commit = pushed
    text = git(origin, "show", f"colab:{path.relative_to(ROOT).as_posix()}")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.source == f'%pip install -q "initlib[book] @ git+https://github.com/grace/fork@{commit}"'
    notebook.cells.remove(first)
    assert notebook.cells == read(path).cells


def test_main_stays_as_it_was(pushed):
    origin, commit = pushed
    assert git(origin, "rev-parse", "main") == git(origin, "rev-parse", "colab~1") == commit
