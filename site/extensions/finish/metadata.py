"""What a page says of itself: to search engines, to those who share it, to those who cite it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag
from bs4.element import Comment

from .page import Page

READING_TIME = re.compile(r"minutes to read|cells? runs?\b|A page to ")
SENTENCE = re.compile(r"(?<=[.?!:])\s+")
SHORT, LONG = 70, 160  # letters of a description
PAPER = {"light": "#fbfaf6", "dark": "#14181b"}  # the grounds of assets/book.css
UNLISTED = {"search.html", "genindex.html", "py-modindex.html"}


@dataclass(frozen=True)
class Book:
    """The book: `home` is the site's address, or empty where it has none."""

    title: str
    authors: list[str]
    date: str
    home: str
    landing: str

    def address(self, name: str) -> str:
        return urljoin(self.home, name)


def description(page: Page) -> str:
    """Return the first sentences of a page's text, without the line of its reading time.

    >>> shorten(["One.", "A sentence that follows."], 20)
    'One.'
    """
    paragraphs = [
        " ".join(part.get_text().split())
        for part in page.article.select("section > p")
        if not READING_TIME.search(part.get_text()) and not part.select(".math")
    ]
    text = " ".join(paragraphs[:3])
    return shorten(SENTENCE.split(text), LONG) or heading(page)


def shorten(sentences: list[str], limit: int) -> str:
    """Return as many sentences as fit, at least one; a first one that is too long ends at a word."""
    text = sentences[0]
    for sentence in sentences[1:]:
        if len(text) + len(sentence) + 1 > limit:
            break
        text += f" {sentence}"
    if len(text) > limit:
        text = text[: limit - 2].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    return text.rstrip(":").strip()


def heading(page: Page) -> str:
    found = page.article.find("h1")
    if found is None:
        return page.soup.title.get_text()
    words = [part for part in found.find_all(string=True) if not part.find_parent(class_="headerlink")]
    return " ".join("".join(words).split())


def picture(page: Page) -> Tag | None:
    """Return the first picture of the text that a card can show: a PNG."""
    for image in page.article.select("img[src]"):
        file = page.file(image["src"])
        if file and file.suffix == ".png":
            return image
    return None


def tidy(page: Page) -> None:
    """Drop what is empty, doubled or left over in the head."""
    for comment in page.soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    viewports = page.head.select('meta[name="viewport"]')
    for left_over in [*viewports[1:], *page.head.select('meta[name^="docsearch"], link[rel="canonical"]')]:
        left_over.decompose()
    for text in page.head.find_all(string=True, recursive=False):
        if not text.strip():
            text.replace_with("\n" if text.previous_sibling and text.previous_sibling.name else "")


def icons(root: str) -> str:
    """Return the links to the book's icon, for tabs and for a phone's desktop; `root` leads to the site's."""
    return (
        f'<link rel="icon" type="image/svg+xml" href="{root}_static/favicon.svg">'
        f'<link rel="apple-touch-icon" href="{root}apple-touch-icon.png">'
    )


def dress(page: Page) -> None:
    """Give a page the book's icon, and the browser's bars the color of its paper."""
    for icon in page.head.select('link[rel~="icon"]'):
        icon.decompose()
    for theme, color in PAPER.items():
        media = f"(prefers-color-scheme: {theme})"
        page.head.append(page.tag("meta", name="theme-color", content=color, media=media))
    page.head.append(BeautifulSoup(icons(page.up), "html.parser"))


def describe(page: Page, book: Book) -> None:
    """Write title, description, canonical address, card and citation into the head."""
    title, words = heading(page), description(page)
    landing = page.name == book.landing
    page.soup.title.string = book.title if landing else f"{title} · {book.title}"
    named = {"description": words, "twitter:card": "summary"}
    properties = {
        "og:title": title,
        "og:description": words,
        "og:type": "website" if landing else "article",
        "og:site_name": book.title,
    }
    if page.name in UNLISTED:
        named["robots"] = "noindex"
    elif book.home:
        page.head.append(page.tag("link", rel="canonical", href=book.address(page.name)))
        properties["og:url"] = book.address(page.name)
        if image := picture(page):
            named["twitter:card"] = "summary_large_image"
            properties["og:image"] = book.address(page.file(image["src"]).relative_to(page.site).as_posix())
            properties["og:image:alt"] = image["alt"]
        named |= {"citation_fulltext_html_url": book.address(page.name)}
    named |= {"citation_title": title, "citation_publication_date": book.date.replace("-", "/")}
    for key, value in named.items():
        page.head.append(page.tag("meta", name=key, content=value))
    for author in book.authors:
        page.head.append(page.tag("meta", name="citation_author", content=author))
    for key, value in properties.items():
        page.head.append(page.tag("meta", property=key, content=value))
    page.head.append(page.tag("script", linked_data(page, book, title, words), type="application/ld+json"))


def linked_data(page: Page, book: Book, title: str, words: str) -> str:
    """Return the page as schema.org names it: the book, or a part of it."""
    licence = "https://creativecommons.org/licenses/by/4.0/"
    whole: dict[str, Any] = {
        "@type": "Book",
        "name": book.title,
        "author": [{"@type": "Organization", "name": author} for author in book.authors],
        "datePublished": book.date,
        "license": licence,
        "inLanguage": "en",
        **({"url": book.address(book.landing)} if book.home else {}),
    }
    part = {"@type": "LearningResource", "name": title, "isPartOf": whole, "license": licence}
    shown = whole if page.name == book.landing else part
    return json.dumps({"@context": "https://schema.org", **shown, "description": words}).replace("</", "<\\/")


def write_map(site: Path, pages: list[Page], book: Book) -> None:
    """Write the list of pages for crawlers; nothing where the site has no address."""
    if not book.home:
        return
    listed = [book.address(page.name) for page in pages if page.name not in UNLISTED]
    entries = "".join(f"  <url><loc>{address}</loc></url>\n" for address in listed)
    (site / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n',
        encoding="utf-8",
    )
    robots = f"User-agent: *\nAllow: /\nSitemap: {book.address('sitemap.xml')}\n"
    (site / "robots.txt").write_text(robots, encoding="utf-8")


def write_root(site: Path, page: Page, book: Book) -> None:
    """Write the page at the site's root: it forwards to the landing page, and tells what that one tells.

    It names no icon: the request would be cut off by the forwarding.
    """
    kept = page.head.select('meta[name="description"], meta[property], link[rel="canonical"], meta[charset]')
    (site / "index.html").write_text(
        f'<!DOCTYPE html>\n<html lang="en"><head>{"".join(map(str, kept))}<title>{book.title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="0; url={book.landing}"></head>'
        f'<body><main><p><a href="{book.landing}">{book.title}</a></p></main></body></html>\n',
        encoding="utf-8",
    )


def write_missing(site: Path, book: Book) -> None:
    """Write the page that GitHub Pages shows at an address where nothing is; it may stand in any folder."""
    root = book.home.split("/", 3)[-1] if book.home else ""
    (site / "404.html").write_text(
        f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Not here · {book.title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
{icons(f"/{root}")}
<style>:root {{color-scheme: light dark}} body {{font: 1.1rem/1.6 system-ui; margin: 15vh auto;
max-width: 34rem; padding: 0 1rem}} a {{color: inherit}}</style></head>
<body><main><h1>There is no page here</h1>
<p>It may have moved. <a href="/{root}{book.landing}">Start at the front</a>, or
<a href="/{root}search.html">search the book</a>.</p></main></body></html>
""",
        encoding="utf-8",
    )
