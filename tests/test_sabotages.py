"""The sabotages can be made, and their checks name tests that there are; `make sabotage` runs them."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("sabotage", ROOT / "tools" / "sabotage.py")
sabotage = importlib.util.module_from_spec(SPEC)
sys.modules["sabotage"] = sabotage
SPEC.loader.exec_module(sabotage)

ALL = sabotage.load()
STORED = [one for one in ALL if one.layer != "site"]


def test_every_layer_is_sabotaged():
    assert len(ALL) >= 60
    assert {one.layer for one in ALL} == {"archives", "book", "library", "frame", "site"}


@pytest.mark.parametrize("one", STORED, ids=lambda one: one.what)
def test_a_sabotage_changes_what_stands_in_its_file(one):
    path = ROOT / one.file
    assert path.is_file()
    if one.before or one.pattern:
        text = path.read_text(encoding="utf-8")
        assert one.changed(text) != text


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.what)
def test_a_check_names_tests_that_there_are(one):
    files = [ROOT / path for path in re.findall(r"[\w/-]+\.(?:py|ipynb)", one.check)]
    assert files
    assert all(path.is_file() for path in files)
    words = re.findall(r"-k (\w+)|::(test_\w+)", one.check)
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    for word in map("".join, words):
        assert re.search(rf"def test_\w*{word.removeprefix('test_')}", text)
