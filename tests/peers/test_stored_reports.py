"""The reports that the book shows of PyTorch models are what the doctor prints: it is all run again."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
CHAPTER = (ROOT / "book" / "conclusion" / "examine-your-network.md").read_text()
SECTION = CHAPTER.partition("## Your PyTorch model")[2].partition("\n## ")[0]
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
BLOCK = re.compile(r"```(python|text|console)\n(.*?)```", re.DOTALL)
DIGITS = 0.02  # processors round differently, and reports print two to four digits


def assert_same(found: str, stored: str) -> None:
    """Compare words exactly, and numbers up to rounding."""
    assert NUMBER.sub("#", found).split() == NUMBER.sub("#", stored).split()
    pairs = zip(NUMBER.findall(found), NUMBER.findall(stored), strict=True)
    assert all(float(a) == pytest.approx(float(b), rel=DIGITS, abs=0.011) for a, b in pairs), found


def test_the_reports_are_what_the_code_prints():
    space: dict = {}
    printed, compared = "", 0
    for kind, text in BLOCK.findall(SECTION):
        if kind == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(text, space)
            printed = out.getvalue()
        elif kind == "text":
            assert_same(printed, text)
            compared += 1
    assert compared == 2


def test_the_version_is_named():
    stored = re.search(r"made with PyTorch (\d+\.\d+\.\d+)", SECTION)
    pinned = re.search(r"^torch==(\S+)$", (ROOT / "requirements-peers.txt").read_text(), re.MULTILINE)
    assert stored is not None
    assert pinned is not None
    assert stored[1] == pinned[1]
    if torch.__version__.split("+")[0] != pinned[1]:
        pytest.skip(f"this is PyTorch {torch.__version__}")


def test_the_commands_print_what_is_shown(tmp_path):
    blocks = BLOCK.findall(SECTION)
    (tmp_path / "models.py").write_text(next(text for kind, text in blocks if kind == "python"))
    console = next(text for kind, text in blocks if kind == "console")
    shown = [part.partition("\n") for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]]
    for command, _, output in shown:
        done = subprocess.run(
            ["/bin/sh", "-c", command.replace("python", sys.executable, 1)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert done.stdout == output, done
