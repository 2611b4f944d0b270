"""Sphinx extension: initlib's docstrings are plain text with `code` and doctests; this typesets them safely.

A formula such as `w * x_` would otherwise read as markup and fail the strict build.
"""

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.autodoc.preserve_defaults import DefaultValue

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


def own_signature(app: Sphinx, function: Any, bound_method: bool) -> None:
    """Keep the signature that a function gives itself: its source, where Sphinx looks, has another."""
    given = getattr(function, "__dict__", {})
    if "__signature__" in given and given.pop("__wrapped__", None):
        signature = given["__signature__"]
        parameters = [
            p.replace(default=DefaultValue(p.default.__name__))
            if isinstance(p.default, type) and p.default is not p.empty
            else p
            for p in signature.parameters.values()
        ]
        function.__signature__ = signature.replace(parameters=parameters)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", process)
    app.connect(
        "autodoc-before-process-signature", own_signature, priority=100
    )  # before Sphinx reads the source
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
