"""Sphinx extension: "suggest edit" leads to a chapter's text, not to the notebook that is made of it."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def edit_the_text(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Let the theme's function that gives the address name the text where one stands beside the notebook."""
    address = context.get("get_edit_provider_and_url")
    if address is None or not Path(app.srcdir, f"{pagename}.md").is_file():
        return

    def address_of_text() -> tuple[str, str]:
        provider, url = address()
        return provider, url.removesuffix(".ipynb").removesuffix(".md") + ".md"

    context["get_edit_provider_and_url"] = address_of_text


def listen(app: Sphinx) -> None:
    """Listen behind the theme, which has put its function there by now, and before its buttons (at 501)."""
    app.connect("html-page-context", edit_the_text, priority=500)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", listen)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
