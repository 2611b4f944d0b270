"""The widget runtime that the repository ships: its parts, its size, and that it can be rebuilt."""

import gzip
import json
import re
import shutil
import subprocess
from importlib.metadata import version

import pytest
from site_under_test import ASSETS, ROOT

SOURCE = ROOT / "site" / "widgets"
OFFLINE = re.compile(r"ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN")


def test_the_runtime_is_small():
    assert len(gzip.compress((ASSETS / "widgets.js").read_bytes(), 9)) <= 200 * 1024


def test_the_runtime_names_no_delivery_network():
    assert not re.search(r"jsdelivr|unpkg|cdnjs|requirejs", (ASSETS / "widgets.js").read_text())


def test_the_runtime_speaks_the_protocol_of_the_python_packages():
    """A widget's state names the versions of the Python side; the browser side must be the same."""
    packages = json.loads((SOURCE / "package-lock.json").read_text())["packages"]
    assert packages["node_modules/anywidget"]["version"] == version("anywidget")
    from ipywidgets._version import __jupyter_widgets_base_version__ as base

    javascript = (ROOT / "site" / "public" / "assets" / "widgets.js").read_text()
    assert f'="{base}"' in javascript


def test_the_licences_of_all_parts_are_there():
    licences = (ASSETS / "widgets-licences.txt").read_text()
    for part in (
        "@jupyter-widgets/controls",
        "@lumino/widgets",
        "anywidget",
        "backbone",
        "jquery",
        "minisearch",
        "nouislider",
    ):
        assert re.search(
            rf"^{re.escape(part)} \d+\.\d+\.\d+ \((MIT|BSD-3-Clause)\)$", licences, re.MULTILINE
        ), part
    assert "MIT License" in (ROOT / "site" / "formulas" / "katex" / "LICENSE").read_text()


def test_the_lock_names_no_registry():
    lock = (SOURCE / "package-lock.json").read_text()
    assert lock.count('"integrity"') > 50
    assert '"resolved"' not in lock


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is missing: apt-get install npm")
def test_the_runtime_is_rebuilt_byte_for_byte(tmp_path):
    shutil.copytree(SOURCE, tmp_path / "widgets", ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "public" / "assets").mkdir(parents=True)
    install = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"], cwd=tmp_path / "widgets", capture_output=True, text=True
    )
    if install.returncode and OFFLINE.search(install.stderr):
        pytest.skip("the npm registry cannot be reached")
    assert install.returncode == 0, install.stderr
    subprocess.run(["npm", "run", "build"], cwd=tmp_path / "widgets", check=True, capture_output=True)
    folders = tmp_path / "public" / "assets", tmp_path / "formulas" / "katex"
    built = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    assert len(built) > 20
    for path in built:
        committed = ROOT / "site" / path.relative_to(tmp_path)
        assert path.read_bytes() == committed.read_bytes(), committed
