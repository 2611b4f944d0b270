"""What the browser tests share: the pages, what a page may not do, and a page made of one explorer."""

import json
import math
import sys
import time
from html import escape
from pathlib import Path

from ipywidgets.embed import embed_data
from playwright.sync_api import BrowserContext, Locator, Page

from initlib.explorers.engine.explorer import NOTE

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "_build" / "html"
ASSETS = ROOT / "site" / "public" / "assets"
SUBFOLDER = "some/folder"

sys.path.insert(0, str(ROOT / "tools"))

from check_pages import pages as pages_of_toc  # noqa: E402

PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
# For axe: all rules, but what passes is not described element by element, which takes most of the time.
BRIEF = {"resultTypes": ["violations"]}
STILL = ".initlib-explorer-still"
PATIENCE = 120  # seconds until a page counts as hung: a busy machine is no fault
# The theme's colours in dark mode, for pages that are made without it.
DARK = {
    "background": "#14181e",
    "text-base": "#ced6dd",
    "text-muted": "#9ca4af",
    "border": "#48566b",
    "surface": "#29313d",
    "primary": "#3fb1c5",
    "link-hover": "#57c8dd",
}
VIEWS = 'script[type="application/vnd.jupyter.widget-view+json"]'


def pages() -> list[str]:
    return pages_of_toc(ROOT)


def with_explorers(site: Path) -> list[str]:
    return [name for name in pages() if "initlib-explorer-note" in (site / f"{name}.html").read_text()]


class Visit:
    """One page opened in a browser, and everything that went wrong while it loaded.

    Requests to anywhere but `home` are noted and refused, so the tests need no network.
    """

    def __init__(self, context: BrowserContext, home: str) -> None:
        self.problems: list[str] = []
        self.home = home
        self.page: Page = context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE)
        self._under_way: set[object] = set()
        self.page.on("request", lambda request: self._under_way.add(request))
        self.page.on("requestfinished", lambda request: self._under_way.discard(request))
        self.page.on("requestfailed", lambda request: self._under_way.discard(request))
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        self.page.on("response", self._note_response)
        self.page.on("requestfailed", self._note_failure)
        self.page.route("**/*", self._refuse_others)

    def open(self, path: str) -> Page:
        self.page.goto(self.home + path, wait_until="load")
        self.page.evaluate("document.fonts.ready")
        self.page.mouse.move(1, 1)  # widgets wait for the reader
        self.page.evaluate(
            f"document.querySelector(`{VIEWS}`)?.parentElement"
            ".closest(':not(details:not([open]) *)').scrollIntoView()"
        )
        wait_for(
            self.page,
            f"""document.querySelectorAll(`{VIEWS}`).length
            === document.querySelectorAll(".widget-subarea").length
            && [...document.querySelectorAll(".initlib-explorer-drawing")].every((e) => e.children.length)""",
        )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.page.wait_for_timeout(30)
            if not self._under_way:
                return self.page
        raise TimeoutError(f"{path} still waits for {self._under_way}")

    def _note_console(self, message) -> None:
        if message.type == "error":
            self.problems.append(f"console error: {message.text} ({message.location['url']})")

    def _note_response(self, response) -> None:
        if response.status >= 400:
            self.problems.append(f"status {response.status}: {response.url}")

    def _note_failure(self, request) -> None:
        self.problems.append(f"failed request: {request.url}")

    def _refuse_others(self, route) -> None:
        if route.request.url.startswith((self.home, "data:", "blob:")):
            route.continue_()
        else:
            self.problems.append(f"third-party request: {route.request.url}")
            route.abort()


def wait_for(page: Page, condition: str, seconds: float = PATIENCE) -> None:
    """Wait for a condition; Playwright's own way evaluates text in the page, which its policy refuses."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        if time.monotonic() > end:
            raise TimeoutError(f"still not so after {seconds} s: {condition}")
        page.wait_for_timeout(30)


def unrendered_math(page: Page) -> list[str]:
    """Return the formulas that are still source."""
    return page.evaluate(
        """[...document.querySelectorAll("span.math, div.math")]
        .filter((e) => !e.querySelector(".katex math"))
        .map((e) => e.textContent)"""
    )


def unexplained_pictures(page: Page) -> list[str]:
    """Return the pictures in the text whose alt is less than three words."""
    alts = page.eval_on_selector_all(
        "article img", "images => images.map((image) => [image.getAttribute('alt') ?? '', image.src])"
    )
    return [f"{source}: {alt!r}" for alt, source in alts if len(alt.split()) < 3]


def excess_width(page: Page, width: int) -> int:
    """Return by how many pixels the page is wider than a window of this width."""
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(50)
    return max(0, page.evaluate("document.documentElement.scrollWidth") - width)


def write_page(folder: Path, explorers: list, theme: str = "light", folded: bool = False) -> str:
    """Write a page that holds explorers as myst-nb lays them out, folded away if wanted; return its name."""
    data = embed_data(views=[explorer.widget for explorer in explorers], drop_defaults=False)
    outputs = "".join(
        f'<div class="cell_output"><img alt="{escape(e.describe())}" src="{PICTURE}">'
        f'<div class="output text_html"><p class="initlib-explorer-note">{NOTE}</p></div>'
        f'<script type="application/vnd.jupyter.widget-view+json">{json.dumps(view)}</script></div>'
        for e, view in zip(explorers, data["view_specs"], strict=True)
    )
    if folded:
        outputs = f"<details id='fold'><summary>Show</summary>{outputs}</details>"
    state = json.dumps(data["manager_state"]).replace("</", "<\\/")
    (folder / "widgets.js").write_bytes((ASSETS / "widgets.js").read_bytes())
    (folder / "page.html").write_text(
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">'
        f'<title>One page</title><meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="data:,"><script defer src="widgets.js"></script>{_colours(theme)}</head>'
        f"<body><main>{outputs}</main>"
        f'<script type="application/vnd.jupyter.widget-state+json">{state}</script></body></html>',
        encoding="utf-8",
    )
    return "page.html"


def _colours(theme: str) -> str:
    if theme == "light":
        return ""
    variables = "".join(f"--pst-color-{name}: {colour};" for name, colour in DARK.items())
    page = "background: var(--pst-color-background); color: var(--pst-color-text-base)"
    return f"<style>:root {{{variables}}} body {{{page}}}</style>"


def slider(page: Page, label: str) -> Locator:
    return page.get_by_role("slider", name=label)


def table_of(page: Page, which: int = 0) -> list[list[float | str]]:
    """Return the rows of a table of numbers, header column included."""
    if page.locator("details[open]").count() == 0:
        page.locator("summary").first.click()
        page.wait_for_selector("table")
    rows = (
        page.locator("table")
        .nth(which)
        .evaluate(
            "table => [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent))"
        )
    )
    return [[_number(cell) for cell in row] for row in rows]


def _number(cell: str) -> float | str:
    try:
        return math.nan if cell == "diverged" else float(cell)
    except ValueError:
        return cell


def settle(page: Page) -> None:
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def press(page: Page, label: str, *keys: str) -> None:
    slider(page, label).focus()
    for key in keys:
        page.keyboard.press(key)
    settle(page)
