"""Sphinx extension: links to a setting of an explorer, `[GELU](he.ipynb#signal?activation=gelu)`.

The fragment is no place in the page but what the explorer reads, so it is not looked up.
"""

from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx


def resolve(app: Sphinx, document: nodes.document) -> None:
    """Turn such references into links; Sphinx warns of one to a page that does not exist."""
    here = app.env.docname
    for link in list(document.findall(pending_xref)):
        page, setting = link.get("reftarget"), link.get("reftargetid") or ""
        if "?" in setting:
            address = "" if page == here else app.builder.get_relative_uri(here, page)
            made = nodes.reference("", "", refuri=f"{address}#{setting}", internal=True)
            made += link.children
            link.replace_self(made)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
