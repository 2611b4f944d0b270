"""Print the built site as one PDF: title, table of contents, every page of the book, links that lead on.

The articles are put into one page, where each name carries its chapter's, and Chromium prints it. Pictures
stand still, solutions are open; code that the website folds is left to the notebooks.
"""

import html
import os
import posixpath
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench_site import BROWSERS
from bs4 import BeautifulSoup, Tag
from check_pages import ROOT, pages
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(ROOT / "site" / "extensions"))

import address
import citation

TARGET = ROOT / "_build" / "book.pdf"
FOLDED = (
    "div.cell.tag_hide-input > details, div.cell.tag_hide-input > .cell_input, "
    "div.cell.tag_hide-cell:not(.tag_solution)"
)
SILENT = "script, .headerlink, .copybtn, .initlib-explorer-copy, form, button"
NAMED = ("id", "for", "aria-labelledby", "aria-describedby")
URL = re.compile(r"url\(\s*(['\"]?)(?!data:|#)([^)'\"]+)\1\s*\)")
FOOTER = (
    '<div style="font: 8px sans-serif; width: 100%; text-align: center; color: #555">'
    '<span class="pageNumber"></span></div>'
)
SHEET = """
@page { margin: 18mm 16mm 20mm; size: A4; }
html { font-size: 13px; }
body { background: none; display: block; }
.bd-article { break-before: page; padding: 0; }
.bd-article > section { max-width: none; }
.print-title { break-after: page; padding-top: 40%; text-align: center; }
.print-contents { columns: 2; }
.print-contents > li { break-inside: avoid; font-weight: 600; list-style: none; margin-bottom: 0.6rem; }
.print-contents ul { font-weight: 400; padding-left: 0; }
.print-contents ul > li { list-style: none; }
.sd-tab-set { display: block; }
.sd-tab-set > input { display: none; }
.sd-tab-set > .sd-tab-content { display: block; }
summary { list-style: none; }
.bd-article table { font-size: 0.85rem; }
"""


@dataclass(frozen=True)
class Site:
    """A built site: its folder, its pages in order, and its address, or nothing where it has none."""

    folder: Path
    names: list[str]
    home: str = ""

    def name_on_paper(self, name: str, anchor: str = "") -> str:
        return f"{name.replace('/', '-')}--{anchor}"

    def lead_on(self, here: str, target: str) -> str | None:
        """Return where a link of the page `here` leads in the one page; None if it leads nowhere on paper."""
        parts = urlsplit(target)
        if parts.scheme:
            return target
        path = posixpath.normpath(posixpath.join(posixpath.dirname(here), parts.path)) if parts.path else here
        name = path.removesuffix(".html")
        if name in self.names:
            setting = "=" in parts.fragment  # of an explorer, which stands still here
            return f"#{self.name_on_paper(name, '' if setting else parts.fragment)}"
        return f"{self.home}{path}" if self.home else None

    def article(self, name: str) -> Tag:
        """Return the text of a page as it is printed."""
        page = BeautifulSoup((self.folder / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        article = page.select_one("article")
        for left_out in article.select(f"{SILENT}, {FOLDED}"):
            left_out.decompose()
        for fold in article.select("details"):
            fold["open"] = ""
        for element in article.select(",".join(f"[{key}]" for key in NAMED)):
            for key in element.attrs.keys() & set(NAMED):
                element[key] = " ".join(self.name_on_paper(name, one) for one in element[key].split())
        for link in article.select("a[href]"):
            leads = self.lead_on(name, link["href"])
            if leads is None:
                del link["href"]
            else:
                link["href"] = leads
        for image in article.select("img[src]"):
            image.attrs.pop("loading", None)
            if not image["src"].startswith("data:"):
                image["src"] = (self.folder / name).parent.joinpath(image["src"]).resolve().as_uri()
        article["id"] = self.name_on_paper(name)
        return article

    def styles(self) -> str:
        """Return the site's style sheet for a page elsewhere; text waits for its font."""
        static = self.folder / "_static"
        css = (static / "site.css").read_text(encoding="utf-8")
        css = URL.sub(lambda found: f'url("{(static / found[2]).resolve().as_uri()}")', css)
        return re.sub(r"font-display:\s*optional", "font-display: block", css)


def contents(articles: list[Tag]) -> str:
    """Return the table of contents: pages and their sections, as links."""

    def entry(section: Tag, name: str) -> str:
        title = section.find(["h1", "h2"])
        return f'<a href="#{name}">{html.escape(" ".join(title.get_text().split()))}</a>'

    rows = []
    for article in articles:
        parts = [one for one in article.select("section > section[id]") if one.find("h2", recursive=False)]
        inside = "".join(f"<li>{entry(part, part['id'])}</li>" for part in parts)
        rows.append(f"<li>{entry(article, article['id'])}<ul>{inside}</ul></li>")
    return f'<h1>Contents</h1><ul class="print-contents">{"".join(rows)}</ul>'


def one_page(site: Site, fields: dict) -> str:
    """Return the page that is printed."""
    articles = [site.article(name) for name in site.names]
    where = f'<p><a href="{site.home}">{site.home}</a></p>' if site.home else ""
    authors = html.escape(", ".join(citation.authors(fields)))
    title = html.escape(fields["title"])
    return (
        '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{site.styles()}{SHEET}</style></head><body>"
        f'<div class="print-title"><p style="font-size: 2.4rem">{title}</p><p>{authors}</p>'
        f"<p>Version {fields['version']}, {fields['date-released']}</p>{where}"
        "<p>On paper the explorers stand still; the code of the figures is in the notebooks.</p></div>"
        f"{contents(articles)}{''.join(map(str, articles))}</body></html>"
    )


def print_page(browser: Browser, text: str, target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, browser.new_context() as context:
        path = Path(folder, "book.html")
        path.write_text(text, encoding="utf-8")
        page = context.new_page()
        page.set_default_timeout(600_000)
        page.goto(path.as_uri())
        page.evaluate("document.fonts.ready")
        page.pdf(
            path=target,
            prefer_css_page_size=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
            print_background=True,
            outline=True,
            tagged=True,
        )


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "_build" / "html").resolve()
    command = next(filter(None, map(shutil.which, BROWSERS)), None)
    if command is None:
        sys.exit("Chromium prints the book: sudo make browser")
    site = Site(folder, pages(), address.home(address.repository(os.environ, ROOT)))
    text = one_page(site, citation.read(ROOT))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=command, args=["--no-sandbox"])
        print_page(browser, text, TARGET)
        browser.close()
    print(f"{TARGET}: {TARGET.stat().st_size / 2**20:.0f} MB")


if __name__ == "__main__":
    main()
