"""Sphinx extension: a box "Predict first" (class `predict`) gets the script that takes its answers."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def add_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load script and style on the pages that have such a box, and on no other."""
    if doctree and any("predict" in box["classes"] for box in doctree.findall(nodes.Admonition)):
        app.add_js_file("../assets/predict.js", loading_method="defer")
        app.add_css_file("../assets/predict.css")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_script, priority=400)  # before self_contained looks at the scripts
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
