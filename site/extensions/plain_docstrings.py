"""Sphinx extension: initlib's docstrings are plain text with `code` and doctests; this typesets them safely.

A formula such as `w * x_` would otherwise read as markup and fail the strict build.
"""

import re
from typing import Any

from sphinx.application import Sphinx

CODE = re.compile(r"`+([^`]+)`+")
MARKUP = re.compile(r"([*|\\]|_\b)")


def to_markup(line: str) -> str:
    """Escape what reStructuredText would interpret, outside `code`, and set `code` as literal."""
    pieces = CODE.split(line)
    pieces[0::2] = [MARKUP.sub(r"\\\1", text) for text in pieces[0::2]]
    pieces[1::2] = [f"``{code}``" for code in pieces[1::2]]
    return "".join(pieces)


def process(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Typeset the prose of one docstring in place; doctests stay as they are typed."""
    in_doctest = False
    result: list[str] = []
    for line in lines:
        in_doctest = line.lstrip().startswith(">>>") or (in_doctest and bool(line.strip()))
        result.append(line if in_doctest else to_markup(line))
    lines[:] = result


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", process)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
