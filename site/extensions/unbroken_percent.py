"""Sphinx extension: a number and its percent sign, "95 %", stay on one line."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

BREAKABLE = re.compile(r"(?<=\d) (?=%)")
VERBATIM = (nodes.FixedTextElement, nodes.literal, nodes.math, nodes.raw)


def join(app: Sphinx, document: nodes.document) -> None:
    """Put a no-break space between them, in everything but code and formulas."""
    for text in list(document.findall(nodes.Text)):
        if not isinstance(text.parent, VERBATIM):
            text.parent.replace(text, nodes.Text(BREAKABLE.sub("\N{NO-BREAK SPACE}", text)))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", join)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
