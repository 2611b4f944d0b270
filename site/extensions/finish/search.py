"""What the search page looks through: the sections of the book, its terms, its functions, and words for them.

Sphinx's search asks for all words of a query on one page, and shows code and formulas in its excerpts; this
one knows sections. `site/search.toml` has the words that people use for what the book calls otherwise.
"""

import copy
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from bs4 import Tag

from .metadata import READING_TIME, UNLISTED, heading
from .page import Page

WORDS = Path(__file__).resolve().parents[2] / "search.toml"
SILENT = (
    "section, summary, script, style, pre, select, thead, .cell_input, .math, .headerlink, "
    ".initlib-explorer-note, .verdict-points, .verdict-tests, h1, h2, h3, h4, dl.py"
)
CELLS = "td + td, th + td"
BLOCKS = "p:not(td p), li:not(td li), dt, dd, tr, figcaption"
ENDS = (".", "?", "!", ":", "…")
PLAIN = re.compile(r"[\w\s.,+=/()<>%-]+")  # a formula that reads as it is typed
PUNCTUATION = re.compile(r" ([.,;:?!)])")  # behind a link, whose text is an element of its own
LENGTH = 4000  # letters of a section that are looked through


def text_of(part: Tag) -> str:
    """Return what a section says itself, without its code, formulas and parts."""
    own = copy.copy(part)
    for formula in own.select("span.math"):
        source = formula.get_text().removeprefix("\\(").removesuffix("\\)")
        formula.replace_with(source if PLAIN.fullmatch(source) else "…")
    for silent in [*own.select(SILENT), *(p for p in own.find_all("p") if READING_TIME.search(p.get_text()))]:
        silent.decompose()
    for cell in own.select(CELLS):
        cell.insert_before(" · ")
    for block in own.select(BLOCKS):
        said = block.get_text().strip()
        block.append("" if not said or said.endswith(ENDS) else ".")
    return PUNCTUATION.sub(r"\1", " ".join(own.get_text(" ").split()))[:LENGTH]


def title_of(part: Tag) -> str:
    own = copy.copy(part)
    for link in own.select(".headerlink"):
        link.decompose()
    return " ".join(own.get_text().split())


def sections(page: Page) -> list[dict[str, str]]:
    """Return the sections, the glossary's terms and the functions of a page, with where they are."""
    title, found = heading(page), []

    def add(name: str, anchor: str, text: str) -> None:
        where = f"{page.name}#{anchor}" if found else page.name
        found.append({"heading": name, "page": title, "url": where, "text": text})

    for section in page.article.select("section[id]"):
        head = section.find(["h1", "h2", "h3", "h4"], recursive=False)
        if head:
            add(title_of(head), section["id"], text_of(section))
    for term in page.article.select("dl.glossary > dt[id]"):
        meaning = term.find_next_sibling("dd")
        add(title_of(term), term["id"], text_of(meaning) if meaning else "")
    for name in page.article.select("dl.py > dt[id]"):
        meaning = name.find_next_sibling("dd")
        add(name["id"].removeprefix("initlib."), name["id"], text_of(meaning)[:400] if meaning else "")
    return found


def index(pages: list[Page]) -> dict[str, Any]:
    """Return the index."""
    table = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    found = [section for page in pages if page.name not in UNLISTED for section in sections(page)]
    at = {section["url"]: section for section in found}
    for url in at.keys() & table["words"].keys():
        at[url]["words"] = table["words"][url]
    return {"sections": found, "synonyms": table["synonyms"], "stopwords": table["stopwords"]}


def write(site: Path, pages: list[Page]) -> None:
    """Write the index as a script, which pages opened from a file can read, and the search page's frame."""
    text = json.dumps(index(pages), ensure_ascii=False, separators=(",", ":"))
    (site / "_static" / "search-index.js").write_text(
        f"globalThis.bookSearchIndex = {text};", encoding="utf-8"
    )
    page = next(page for page in pages if page.name == "search.html")
    results = page.soup.select_one("#search-results")
    status = page.tag("p", id="book-search-status", role="status")
    results.replace_with(status)
    status.insert_after(page.tag("ol", id="book-search-results"))
    for name in ("_static/search-index.js", "assets/search.js"):
        page.head.append(page.tag("script", src=page.up + name, defer=""))
