"""Sphinx extension: `{cite-the-book}` says how to cite the book: words and BibTeX, from CITATION.cff."""

from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def read(root: Path) -> dict[str, Any]:
    """Return the fields of CITATION.cff."""
    return yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))


def authors(fields: dict[str, Any]) -> list[str]:
    """Return the authors' names.

    >>> authors({"authors": [{"given-names": "Ada", "family-names": "Byron"}, {"name": "The group"}]})
    ['Ada Byron', 'The group']
    """
    return [one.get("name") or f"{one['given-names']} {one['family-names']}" for one in fields["authors"]]


def bibtex(fields: dict[str, Any], address: str) -> str:
    """Return a BibTeX entry; a name that is not a person's is held together by braces."""
    names = " and ".join(
        f"{{{one['name']}}}" if "name" in one else f"{one['family-names']}, {one['given-names']}"
        for one in fields["authors"]
    )
    rows = {
        "title": f"{{{fields['title']}}}",
        "author": names,
        "year": fields["date-released"][:4],
        "version": fields["version"],
        **({"url": address} if address else {}),
    }
    lines = "".join(f"  {key:7} = {{{value}}},\n" for key, value in rows.items())
    return f"@misc{{weight-initialization,\n{lines}}}"


class CiteTheBook(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        fields = read(Path(self.env.srcdir))
        address = self.config.html_baseurl
        entry = bibtex(fields, address)
        sentence = f"{', '.join(authors(fields))}. "
        words = nodes.paragraph("", "", nodes.Text(sentence), nodes.emphasis("", fields["title"]))
        words += nodes.Text(f", version {fields['version']}, {fields['date-released'][:4]}.")
        if address:
            words += nodes.Text(" ")
            words += nodes.reference("", address, refuri=address)
        return [words, nodes.literal_block(entry, entry, language="bibtex")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("cite-the-book", CiteTheBook)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
