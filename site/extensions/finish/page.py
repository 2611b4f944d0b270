"""A page of the built site: its tree, and where its addresses lead."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag
from bs4.element import Script


class Page:
    """One HTML file of a built site. `up` leads from it to the site's root: "", or "../../"."""

    def __init__(self, site: Path, path: Path) -> None:
        self.site, self.path = site, path
        self.name = path.relative_to(site).as_posix()
        self.up = "../" * self.name.count("/")
        self.soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")

    @property
    def head(self) -> Tag:
        return self.soup.head

    @property
    def body(self) -> Tag:
        return self.soup.body

    @property
    def article(self) -> Tag:
        """The text; on pages without one, the whole body."""
        return self.soup.select_one("article.bd-article") or self.body

    def file(self, address: str) -> Path | None:
        """Return the file of the site that an address in this page leads to; None if it is elsewhere."""
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not parts.path:
            return None
        found = (self.path.parent / unquote(parts.path)).resolve()
        return found if found.is_file() and found.is_relative_to(self.site) else None

    def tag(self, element: str, text: str = "", /, **attributes: str) -> Tag:
        """Return a new element; an attribute `http_equiv` is written `http-equiv`, `class_` as `class`."""
        named = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        made = self.soup.new_tag(element, attrs=named)
        if text:
            made.string = Script(text) if element == "script" else text
        return made

    def save(self) -> None:
        self.path.write_text(self.soup.decode(formatter="minimal"), encoding="utf-8")


def pages(site: Path) -> list[Page]:
    """Return the pages that the theme made: those with a main part."""
    return [
        Page(site, path)
        for path in sorted(site.rglob("*.html"))
        if 'id="main-content"' in path.read_text(encoding="utf-8")
    ]
