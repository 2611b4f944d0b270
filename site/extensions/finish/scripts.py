"""One deferred script for the site, made of the theme's; none inline but the one that sets the colors."""

import hashlib
import re
from pathlib import Path

from bs4 import Tag

from .page import Page

HERE = Path(__file__).parent
JAVASCRIPT = {None, "", "text/javascript", "application/javascript"}
# What no page needs: icons as a script, Thebe, MathJax (formulas are typeset), Sphinx's search.
UNNEEDED = re.compile(r"fontawesome|thebe|mathjax|searchtools|language_data|searchindex", re.IGNORECASE)
# Each names its page, or is empty of sense without what is dropped above.
UNNEEDED_INLINE = re.compile(
    r"MathJax|THEBE|thebe|kernelName|DOCUMENTATION_OPTIONS\.(?:pagename|search_as_you_type)|Search\."
)
OWN = re.compile(r"assets/(?:widgets|search)\.js|search-index\.js")  # they come late, or on one page
COMMENT = re.compile(r"^[ \t]*//.*\n", re.MULTILINE)
# The theme asks every box of a page for its size; page.js does that with less work.
THEME = "pydata-sphinx-theme.js"
THEMES_BOXES = (
    '["pre",".nboutput > .output_area",".cell_output > .output",".jp-RenderedHTMLCommon",'
    '".pst-scrollable-table-container"].join(", ")'
)
MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
# Ahead of the first paint: light or dark, as chosen before, else as the system has it.
COLORS = """{
  let mode = "auto";
  try { mode = localStorage.getItem("mode") || mode; } catch {}
  const dark = mode === "dark" || (mode === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.mode = mode;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}"""


def scripts(page: Page) -> list[Tag]:
    """Return the scripts that run."""
    return [one for one in page.soup.find_all("script") if one.get("type") in JAVASCRIPT]


def source(page: Page, script: Tag) -> str:
    """Return the code of a script that every page shares; nothing for one that none needs."""
    address = script.get("src")
    if not address:
        code = script.get_text()
        needed = not UNNEEDED_INLINE.search(code) and "dataset.mode" not in code
        return code if needed else ""
    if UNNEEDED.search(address):
        return ""
    file = page.file(address)
    code = MAP.sub("", file.read_text(encoding="utf-8")) if file else ""
    if THEME in address:
        if code.count(THEMES_BOXES) != 1:
            raise ValueError(f"{THEME} changed: it does not look for boxes to scroll as it did.")
        code = code.replace(THEMES_BOXES, '"#nothing"')
    return code


def join(page: Page) -> None:
    """Put one script in the place of the theme's; what is for some pages stays."""
    code, attributes = [], {}
    for script in scripts(page):
        if OWN.search(script.get("src", "")):
            continue
        if found := source(page, script):
            code.append(found)
            attributes |= {name: value for name, value in script.attrs.items() if name.startswith("data-sd-")}
        script.decompose()
    for rest in page.soup.select('link[rel="preload"][as="script"], script[type="text/x-thebe-config"]'):
        rest.decompose()
    code.append((HERE / "page.js").read_text(encoding="utf-8"))
    text = COMMENT.sub("", "\n;\n".join(code))
    name = f"site-{hashlib.sha256(text.encode()).hexdigest()[:8]}.js"
    (page.site / "_static" / name).write_text(text, encoding="utf-8")
    page.head.append(page.tag("script", src=f"{page.up}_static/{name}", defer="", **attributes))
    page.head.meta.insert_after(page.tag("script", COLORS))


def drop_handlers(page: Page) -> None:
    """Take the handlers out of the tags, which a strict policy refuses; page.js listens instead."""
    for element in page.soup.select("[onclick]"):
        del element["onclick"]
