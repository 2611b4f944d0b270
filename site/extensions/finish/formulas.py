"""Formulas, typeset while the site is built: no script, no waiting, and MathML for screen readers."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from .page import Page

SOURCE = Path(__file__).resolve().parents[2] / "formulas"
INLINE = re.compile(r"^\\\((.*)\\\)$", re.DOTALL)
DISPLAY = re.compile(r"^\\\[(.*)\\\]$", re.DOTALL)
ALIGNED = re.compile(r"^\\begin\{(?:align|gather|equation|multline)\*?\}", re.DOTALL)


def tex(element: Tag) -> tuple[str, bool] | None:
    """Return the formula that Sphinx left for MathJax, and whether it stands on lines of its own."""
    text = "".join(element.find_all(string=True, recursive=False)).strip()  # its number is an element
    if inline := INLINE.match(text):
        return inline[1], False
    if display := DISPLAY.match(text):
        return display[1].strip(), True
    return (text, True) if ALIGNED.match(text) else None


def render(formulas: list[tuple[str, bool]]) -> list[str]:
    """Return the HTML of each formula; KaTeX runs in Deno, once for all."""
    command = [
        Path(sys.executable).with_name("deno"),
        "run",
        "--quiet",
        "--no-config",
        "--no-remote",
        SOURCE / "render.js",
    ]
    asked = json.dumps([{"tex": source, "display": display} for source, display in formulas])
    with tempfile.TemporaryDirectory() as home:  # nothing is read from the reader's home, nor written there
        environment = {**os.environ, "HOME": home, "DENO_DIR": home, "DENO_NO_UPDATE_CHECK": "1"}
        done = subprocess.run(command, input=asked, capture_output=True, encoding="utf-8", env=environment)
    if done.returncode:
        raise ValueError(f"A formula could not be typeset: {done.stderr.strip()}")
    return json.loads(done.stdout)


def typeset(pages: list[Page]) -> None:
    """Replace the source of every formula on the pages."""
    found = [
        (element, formula)
        for page in pages
        for element in page.soup.select("span.math, div.math")
        if (formula := tex(element))
    ]
    different = list(dict.fromkeys(formula for _, formula in found))
    html = dict(zip(different, render(different), strict=True))
    for element, formula in found:
        number = element.select_one("span.eqno")
        element.clear()
        element.append(BeautifulSoup(html[formula], "html.parser"))
        if number:
            element.insert(0, number)
