"""The lab as a reader meets it: settings, presets, data and size, without a browser."""

import gzip
import json
import math
import re
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

from initlib import explorers
from initlib.explorers.lab import data, picture, settings, sources
from initlib.explorers.lab.rules import ACTIVATIONS, rules

ROOT = Path(__file__).parents[2]
OFFLINE = re.compile(r"ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN")
LIMIT = 60  # KB gzip, beside the runtime: code, style, data and settings of a lab


def kilobytes(lab):
    state = lab.widget.get_state()
    return len(gzip.compress(json.dumps({k: state[k] for k in ("_esm", "_css", "spec")}).encode(), 9)) / 1024


def test_a_lab_is_small():
    assert kilobytes(explorers.lab()) < LIMIT


@pytest.mark.parametrize("name", settings.PRESETS)
def test_every_preset_is_allowed_and_differs_between_its_arms(name):
    start = explorers.lab(name).start
    a, b = start["arms"]
    assert a != b
    assert set(a) == set(settings.ARM)
    assert "against" in explorers.lab(name).describe()


def test_there_are_presets_for_eight_chapters():
    chapters = {name: chapter for name, (_, chapter, _) in settings.PRESETS.items()}
    placed = {
        chapter
        for name, chapter in chapters.items()
        if f'explorers.lab("{name}", compact=True)' in (ROOT / f"{chapter}.md").read_text(encoding="utf-8")
    }
    assert placed == set(chapters.values()) - {"book/techniques/index"}
    assert len(placed) >= 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "hee"}, "Unknown preset.*'he'"),
        ({"depht": 3}, "Unknown setting.*'depth'"),
        ({"depth": 41}, "depth must be an allowed setting. Received: 41; choose from 1 to 40"),
        ({"activation": ("relu", "rellu")}, "Unknown activation"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        explorers.lab(**arguments)


@pytest.mark.parametrize("name", data.NAMES)
def test_the_plane_sets_travel_as_they_are(name):
    shipped, split = data.shipped()[name], data.get(name).split(0)
    inputs, labels = data.in_order(split)
    assert [int(one) for one in shipped["labels"]] == labels.tolist()
    assert shipped["training"] == len(split.train)
    assert sorted(labels[: len(split.train)]) == sorted(split.train.labels)
    if name != "digits":
        values = np.frombuffer(b64decode(shipped["values"]), np.int8).reshape(-1, 2) / shipped["scale"]
        np.testing.assert_allclose((values - shipped["mean"]) / shipped["sd"], inputs)


@pytest.mark.heavy
def test_the_stream_of_the_digits_is_up_to_date():
    assert data.STREAM.read_bytes() == data.packed(), "write it anew: data.STREAM.write_bytes(data.packed())"


def test_the_kernel_is_one_small_function():
    wasm = (sources.HERE / "kernel" / "kernel.wasm").read_bytes()
    assert wasm.startswith(b"\0asm")
    assert b"multiply" in wasm
    assert len(wasm) < 1024


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is missing: apt-get install npm")
def test_the_kernel_is_rebuilt_byte_for_byte(tmp_path):
    kernel = sources.HERE / "kernel"
    for name in ("kernel.ts", "package.json", "package-lock.json"):
        shutil.copy(kernel / name, tmp_path)
    npm = {"cwd": tmp_path, "capture_output": True, "text": True}
    install = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], **npm)
    if install.returncode and OFFLINE.search(install.stderr):
        pytest.skip("the npm registry cannot be reached")
    assert install.returncode == 0, install.stderr
    subprocess.run(["npm", "run", "build"], check=True, **npm)
    assert (tmp_path / "kernel.wasm").read_bytes() == (kernel / "kernel.wasm").read_bytes()


def test_the_comments_stay_in_the_repository():
    assert "// Knows" not in sources.module()
    assert "Knows" in (sources.HERE / "networks.js").read_text()


@pytest.mark.parametrize("init", settings.INITIALIZERS)
def test_pictures_draw_what_the_page_draws(init):
    start = settings.filled({"init": init, "activation": "tanh", "size": 0.1, "depth": 3})
    stack = picture.network(start["arms"][0], 64, 10, range(6))
    found = np.square(stack.weights[1]).mean()
    assert len(stack.weights) == 3
    if init == "zeros":
        assert found == 0
        return
    critical = rules()["critical"]["tanh"]
    expected = {"constant": 0.01, "normal": 0.01, "critical": critical**2 / 64, "orthogonal": 1 / 64}
    if init not in expected:
        expected[init] = 1 / (64 * sum(rules()["initializers"][init]["fans"]))
    assert abs(found / expected[init] - 1) < 5 * math.sqrt(2 / stack.weights[1].size)


def test_the_still_picture():
    assert picture.draw(settings.preset("zero")).startswith(b"\x89PNG")
    assert len(ACTIVATIONS) >= 8


@pytest.mark.parametrize("name", settings.PRESETS)
def test_the_legend_of_the_still_picture_says_how_the_arms_differ(name):
    a, b = settings.preset(name)["arms"]
    assert settings.told(a, b) != settings.told(b, a)
    assert settings.told(a, a) == ""
