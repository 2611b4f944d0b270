"""The frame around the chapters: versions, lock, addresses, pages, what Binder and the workflows install."""

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import version

import pytest
import yaml
from notebooks_under_test import ROOT, paths
from packaging.requirements import Requirement

import initlib

PIN = re.compile(r"^([a-z0-9_.-]+)(?:\[[a-z,]+\])?==([^ ;\\]+)", re.MULTILINE | re.IGNORECASE)


def test_jupyter_book_is_version_1():
    """Version 2 builds nothing from these sources and exits 0."""
    assert version("jupyter-book").startswith("1.")
    assert dict(PIN.findall((ROOT / "requirements.txt").read_text()))["jupyter-book"].startswith("1.")


def test_the_version_to_cite_is_that_of_the_library():
    """It is written in initlib/__init__.py, from where the build reads it, and in CITATION.cff."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == initlib.__version__


def test_every_page_was_built():
    subprocess.run([sys.executable, ROOT / "tools" / "check_pages.py"], check=True)


def test_the_lock_is_hashed_and_names_no_index():
    lock = (ROOT / "requirements.txt").read_text()
    assert len(PIN.findall(lock)) > 100
    for block in re.split(r"\n(?=[a-z])", lock):
        pin, *hashes = block.splitlines()
        assert hashes, pin
        for line in hashes:
            assert pin.startswith("#") or re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}( \\)?", line), pin
    assert not re.search(r"--index-url|--extra-index-url|--find-links|file://|https?://", lock)


def test_binder_installs_the_locked_versions():
    locked = dict(PIN.findall((ROOT / "requirements.txt").read_text()))
    binder = dict(PIN.findall((ROOT / "binder" / "requirements.txt").read_text()))
    assert {"numpy", "matplotlib", "ipywidgets", "anywidget", "jupyterlab-myst"} <= binder.keys()
    assert binder.items() <= locked.items()


@pytest.mark.parametrize("lock", ["requirements.txt", "binder/requirements.txt"])
@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0", "3.14.0"])
def test_the_lock_serves_every_python_with_the_same_packages(lock, python):
    """pip passes over a line whose marker does not fit, and says nothing."""
    lines = re.findall(r"^[a-z].*==[^\\\n]+", (ROOT / lock).read_text(), re.M | re.I)
    here = {"python_full_version": python, "python_version": python[:4], "sys_platform": "linux"}
    served = [one for one in map(Requirement, lines) if not one.marker or one.marker.evaluate(here)]
    assert len(served) > 0.9 * len(lines)
    assert {"numpy", "scipy", "ipywidgets"} <= {one.name for one in served}


def test_a_checkout_has_the_line_ends_of_the_repository_on_every_system(tmp_path):
    """Git for Windows would write CRLF, with which no script starts."""
    git = ["git", "-c", "core.autocrlf=true", "-c", "core.safecrlf=false"]
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    (tmp_path / "script").write_bytes(b"#!/bin/sh\necho\n")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    (tmp_path / "script").unlink()
    subprocess.run([*git, "checkout-index", "-a", "-q"], cwd=tmp_path, check=True)
    assert b"\r" not in (tmp_path / "script").read_bytes()


def texts(folder):
    """Return the files that may name the address: those git knows, or all in an archive without git."""
    patterns = ("*.md", "*.cff", "*.toml", "*.ipynb", "*.yml")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=folder, capture_output=True, encoding="utf-8"
    )
    if listed.returncode == 0:
        return [folder / name for name in listed.stdout.split("\0") if name]
    hidden = {".venv", "_build", "node_modules"}
    found = (path for pattern in patterns for path in folder.rglob(pattern))
    return [path for path in found if not hidden & {*path.relative_to(folder).parts}]


def test_no_file_names_the_address_of_the_repository():
    """It is found when the site is built; whoever pushes this tree elsewhere changes nothing."""
    invented = re.compile(r"git\+https?://|\b(?!OWNER)[\w-]+\.github\.io\b")
    ours = {"README.md", "CONTRIBUTING.md", "CITATION.cff", "pyproject.toml", "_config.yml", "intro.md"}
    named = {
        (file.name, found)
        for file in texts(ROOT)
        for text in [file.read_text(encoding="utf-8")]
        for found in [
            *invented.findall(text),
            *(re.findall(r"github\.com/\S+", text) if file.name in ours else []),
        ]
    }
    assert not named


def test_files_are_found_in_a_source_archive_without_git(tmp_path):
    for name in ("README.md", "book/he.ipynb", ".github/workflows/test.yml", ".venv/lib/notes.md", "a.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {str(path.relative_to(tmp_path)) for path in texts(tmp_path)}
    assert found == {"README.md", "book/he.ipynb", ".github/workflows/test.yml"}


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_a_notebook_is_stored_clean_and_run_in_order(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"]
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not any("widget-view" in mime for output in outputs for mime in output.get("data", {}))
    assert not any(output["output_type"] == "error" for output in outputs)
    assert not any("nbval" in tag for cell in code for tag in cell["metadata"].get("tags", []))


def test_actions_are_pinned_by_commit_and_start_without_permissions():
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = workflow.read_text()
        uses = re.findall(r"uses:\s*(\S+)", text)
        assert uses
        assert all(re.search(r"@[0-9a-f]{40}$", use) for use in uses), (workflow.name, uses)
        assert yaml.safe_load(text)["permissions"] in ({}, {"contents": "read"})
