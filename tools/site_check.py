"""Check each page of the built site in a browser and print one line a page; exit 1 if a limit is broken.

Requests elsewhere, errors, axe-core with all rules on the whole page in light and dark, bytes (gzip) before
any scrolling, layout shift; and Lighthouse's mobile profile for some pages, which needs npm.
"""

import argparse
import shutil
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import lighthouse
from axe_playwright_python.sync_playwright import Axe
from bench_site import BROWSERS, compressed, serve
from check_pages import ROOT, pages
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from resting import rest

# One page of each kind.
KINDS = ("intro", "he", "verdicts", "which-initialization", "explorers", "api", "glossary", "lab")
KB = 1024
LIMIT, LIMITS = 300, {"intro": 150, "explorers": 660}  # KB
SHIFT = 0.05
COLUMNS = ("elsewhere", "errors", "axe", "dark", "KB", "shift")
WATCH_SHIFT = """window.shift = 0; new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shift += one.value;
}).observe({type: "layout-shift", buffered: true})"""


@dataclass
class Row:
    """What was found on one page."""

    name: str
    elsewhere: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    axe: dict[str, list[str]] = field(default_factory=dict)
    kilobytes: float = 0.0
    shift: float = 0.0
    scores: dict[str, int] = field(default_factory=dict)

    def breaches(self) -> list[str]:
        """Return in words what breaks a limit."""
        short = Path(self.name).name
        found = [
            *self.elsewhere,
            *self.errors,
            *(f"axe {theme}: {one}" for theme in self.axe for one in self.axe[theme]),
        ]
        limit = LIMITS.get(short, LIMIT)
        if self.kilobytes > limit:
            found.append(f"{self.kilobytes:.0f} KB, limit {limit}")
        if self.shift > SHIFT:
            found.append(f"layout shift {self.shift:.3f}, limit {SHIFT}")
        return found + [
            f"Lighthouse {name} {self.scores[name]}, limit {least}"
            for name, least in lighthouse.CATEGORIES.items()
            if self.scores.get(name, 100) < least
        ]

    def line(self) -> str:
        axe = [len(self.axe.get(theme, [])) for theme in ("light", "dark")]
        scores = " ".join(str(score) for score in self.scores.values()) or "-"
        cells = [
            len(self.elsewhere),
            len(self.errors),
            *axe,
            f"{self.kilobytes:.0f}",
            f"{self.shift:.3f}",
        ]
        return f"{self.name:45}" + "".join(f"{cell!s:>10}" for cell in cells) + f"  {scores}"


def header(first: str) -> str:
    return f"{first:45}" + "".join(f"{name:>10}" for name in COLUMNS) + "  Lighthouse"


def themed(browser: Browser, theme: str, **options: Any) -> BrowserContext:
    context = browser.new_context(color_scheme=theme, **options)
    context.add_init_script(WATCH_SHIFT)
    return context


def watch(page: Page, site: Path, home: str, row: Row, weights: list[int]) -> None:
    """Note what the page asks for and what goes wrong."""

    def responded(response: Any) -> None:
        path = site / response.url.removeprefix(home).partition("?")[0].partition("#")[0]
        if response.status >= 400:
            row.errors.append(f"status {response.status}: {response.url}")
        elif path.is_file():
            text = path.suffix in {".html", ".js", ".css", ".svg", ".json"}
            weights.append(len(compressed(str(path))) if text else path.stat().st_size)

    def asked(request: Any) -> None:
        if not request.url.startswith((home, "data:", "blob:")):
            row.elsewhere.append(f"request to {request.url}")

    page.on("request", asked)
    page.on("response", responded)
    page.on("pageerror", lambda error: row.errors.append(f"error: {error}"))
    page.on("console", lambda one: one.type == "error" and row.errors.append(f"console: {one.text}"))


def scroll_through(page: Page) -> None:
    """Show each part of the page once, so that all that waits is loaded, and come back to the top."""
    height = page.evaluate("document.documentElement.scrollHeight")
    for top in range(0, height, 700):
        page.evaluate(f"scrollTo(0, {top})")
        page.wait_for_timeout(30)
    page.evaluate("scrollTo(0, 0)")
    rest(page)


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def visit(browser: Browser, site: Path, home: str, row: Row, name: str) -> None:
    """Fill a row by two visits of a page of a site served at `home`, in light and in dark."""
    for theme in ("light", "dark"):
        with themed(browser, theme, viewport={"width": 1280, "height": 800}) as context:
            page, weights = context.new_page(), []
            watch(page, site, home, row, weights)
            page.goto(f"{home}{name}.html", wait_until="networkidle")
            row.kilobytes = sum(weights) / KB
            row.shift = max(row.shift, page.evaluate("window.shift"))
            scroll_through(page)
            row.axe[theme] = violations(page)


def first_found(browser: Browser, home: str, query: str) -> tuple[str, str]:
    """Return the first heading that the search page gives, and the excerpt below it."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{home}search.html?q={quote(query)}")
        page.wait_for_selector("#book-search-results li, #book-search-status:not(:empty)")
        first = page.locator("#book-search-results li").first
        if not first.count():
            return "", ""
        return first.locator("a").inner_text(), first.locator("p").inner_text()


def check_search(browser: Browser, home: str) -> list[str]:
    """Print what the search finds first for each query of search.toml; return what is not what is wanted."""
    queries = tomllib.loads((ROOT / "site" / "search.toml").read_text(encoding="utf-8"))["queries"]
    wrong = []
    for query, wanted in queries.items():
        heading, excerpt = first_found(browser, home, query)
        print(f"{query:15}{heading:60}{excerpt[:80]}", flush=True)
        if heading != wanted:
            wrong.append(f"search {query!r}: {heading!r} comes first, wanted {wanted!r}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="the built site")
    parser.add_argument("--no-lighthouse", action="store_true", help="leave out what needs npm")
    parser.add_argument("pages", nargs="*", help="some pages, as `he`; all without")
    given = parser.parse_args()
    site = given.site.resolve()
    names = [name for name in pages() if not given.pages or Path(name).name in given.pages]
    command = next(filter(None, map(shutil.which, BROWSERS)), None)
    if command is None or not names or not (site / f"{names[0]}.html").is_file():
        sys.exit("Needed: Chromium (sudo make browser), a built site (make book), and names of its pages")
    tool = None if given.no_lighthouse else lighthouse.install()
    home, broken = serve(site), []
    print(header("page"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=command, args=["--no-sandbox"])
        for name in names:
            row = Row(name)
            visit(browser, site, home, row, name)
            if tool and Path(name).name in KINDS:
                row.scores = lighthouse.scores(tool, f"{home}{name}.html", command)
            print(row.line(), flush=True)
            broken += [f"{name}: {one}" for one in row.breaches()]
        if not given.pages:
            broken += check_search(browser, home)
        browser.close()
    print("\n".join(broken) or "All limits are kept.")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
