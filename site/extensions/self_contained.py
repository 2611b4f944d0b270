"""Sphinx extension: pages that need no other site, throw no error, and describe their pictures.

Jupyter Book 1 writes each inline script twice, which makes every page throw (a `const` declared twice), and
adds Thebe, which loads itself from another site. MyST-NB ignores the alt text that an output carries in its
metadata (`display(figure, metadata={"image/png": {"alt": "..."}})`).
"""

from typing import Any

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx.application import Sphinx


def keep_needed_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Drop Thebe's scripts, and every script that is already there."""
    kept: dict[tuple[str, str], Any] = {}
    for script in context["script_files"]:
        filename = str(script.filename or "")
        body = str(script.attributes.get("body") or "")
        if "sphinx-thebe" not in filename and "THEBE_JS_URL" not in body:
            kept.setdefault((filename, body), script)
    context["script_files"][:] = kept.values()


def render_image_with_alt(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
    """Render an image output; an alt text in the output's metadata goes before the cell's."""
    rendered = _render_image(self, data)
    alt = data.output_metadata.get(data.mime_type, {}).get("alt")
    for node in rendered:
        for image in node.findall(nodes.image):
            image["alt"] = alt or image.get("alt", "")
    return rendered


_render_image = NbElementRenderer.render_image


def setup(app: Sphinx) -> dict[str, Any]:
    NbElementRenderer.render_image = render_image_with_alt
    app.connect("html-page-context", keep_needed_scripts, priority=999)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
