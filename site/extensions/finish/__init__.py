"""Sphinx extension: the last hand on the built pages. Each step is a module; the order stands in `finish`.

The theme's pages are 1 to 2 MB, need scripts to show a formula, and have faults for those who hear them. The
steps work on the files, so they can be tried on a copy of a site: `python tools/finish_site.py SITE COPY`.
"""

from pathlib import Path
from typing import Any

import citation
from sphinx.application import Sphinx

from . import (
    access,
    first_screen,
    fonts,
    formulas,
    heights,
    labs,
    metadata,
    pictures,
    policy,
    scripts,
    search,
    styles,
    widgets,
)
from .metadata import Book
from .page import Page, pages


def scripts_of(site: Path) -> list[str]:
    """Return the code that the pages run."""
    files = [*site.glob("_static/site-*.js"), *site.glob("_static/widgets-*.js"), *site.glob("assets/*.js")]
    return [file.read_text(encoding="utf-8") for file in files]


def formula_styles(site: Path, all_pages: list[Page]) -> str:
    """Return KaTeX's style sheet; its fonts are cut to the letters of the site's formulas."""
    shown = [part for page in all_pages for part in page.soup.select(".katex-html")]
    letters = {letter for part in shown for letter in part.get_text()}
    css = (formulas.SOURCE / "katex" / "katex.css").read_text(encoding="utf-8")
    return fonts.cut_faces(css, formulas.SOURCE / "katex", letters, site / "_static" / "fonts", "fonts/")


def finish(site: Path, book: Book) -> None:
    """Rewrite the pages of a built site."""
    all_pages = pages(site)
    search.write(site, all_pages)  # it reads formulas' places, not their letters
    formulas.typeset(all_pages)
    for page in all_pages:
        metadata.tidy(page)
        metadata.dress(page)
        metadata.describe(page, book)  # a card shows a PNG
        pictures.settle(page)
        pictures.keep_shades(page)
        pictures.frame(page)
        labs.add_doors(page)
        access.mend(page)
        first_screen.show_picture(page)
        heights.leave_room(page)
        scripts.drop_handlers(page)
        scripts.join(page)
        widgets.load_late(page)
    styles.join(all_pages, scripts_of(site), formula_styles(site, all_pages))
    metadata.write_map(site, all_pages, book)
    metadata.write_root(site, next(page for page in all_pages if page.name == book.landing), book)
    metadata.write_missing(site, book)
    for page in all_pages:
        policy.protect(page)
        page.save()


def book_at(root: Path, home: str, landing: str) -> Book:
    """Return what the book says of itself, from CITATION.cff."""
    fields = citation.read(root)
    return Book(fields["title"], citation.authors(fields), fields["date-released"], home, f"{landing}.html")


def after_build(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.name == "html":
        book = book_at(Path(app.srcdir), app.config.html_baseurl, app.config.root_doc)
        finish(Path(app.outdir).resolve(), book)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", after_build, priority=999)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
