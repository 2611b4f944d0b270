"""One style sheet for the site: the theme's ten in a row, without the rules that no page can use."""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

import tinycss2
from bs4 import Tag

from .fonts import cut_faces, icons
from .page import Page

NAME = re.compile(r"[\w-]+")
SELECTED = re.compile(r"[.#]((?:\\.|[\w-])+)")
NEGATED = re.compile(r":not\([^()]*(?:\([^()]*\)[^()]*)*\)")
IMPORT = re.compile(r"@import\s+(?:url\()?['\"]([^'\"]+)['\"]\)?;")
URL = re.compile(r"url\(\s*(['\"]?)(?!data:|#|https?:|['\"])([^)'\"]+)\1\s*\)")
FONT = "assets/fonts/source-serif.woff2"
FORMULA_FONTS = ("_static/fonts/KaTeX_Main-Regular.woff", "_static/fonts/KaTeX_Math-Italic.woff")
EARLY = """if (location.protocol !== "file:") for (const href of %s) {
  const font = { rel: "preload", as: "font", crossOrigin: "", href };
  document.head.append(Object.assign(document.createElement("link"), font));
}"""
RULES_INSIDE = {"media", "supports", "layer"}


def words(texts: Iterable[str]) -> set[str]:
    """Return every word of the pages and scripts: a class that is none of them is on no element."""
    return {word for text in texts for word in NAME.findall(text)}


def usable(selector: str, known: set[str]) -> bool:
    """Return whether all classes and identifiers that a selector asks for are known.

    >>> usable(".card > a:not(.other)", {"card"}), usable(".card.big", {"card"})
    (True, False)
    """
    asked = SELECTED.findall(NEGATED.sub("", selector))
    return all(name.replace("\\", "") in known for name in asked)


def selectors(prelude: list[object]) -> list[str]:
    """Return the selectors of a rule, which commas separate."""
    parts: list[list[object]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return [tinycss2.serialize(part).strip() for part in parts]


def prune(css: str | list[object], known: set[str]) -> str:
    """Return a style sheet without comments and without the rules that no element can match."""
    kept = []
    for rule in tinycss2.parse_rule_list(css, skip_comments=True, skip_whitespace=True):
        if rule.type == "qualified-rule":
            used = [one for one in selectors(rule.prelude) if usable(one, known)]
            if used:
                kept.append(f"{','.join(used)}{{{tinycss2.serialize(rule.content).strip()}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in RULES_INSIDE and rule.content is not None:
            if inside := prune(rule.content, known):
                kept.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inside}}}")
        else:
            kept.append(rule.serialize())
    return "\n".join(kept)


def drop_variables(css: str | list[object], used: set[str]) -> str:
    """Return a style sheet without the custom properties that are not `used`."""
    kept = []
    for rule in tinycss2.parse_rule_list(css, skip_comments=True, skip_whitespace=True):
        if rule.type == "at-rule" and rule.lower_at_keyword in RULES_INSIDE and rule.content is not None:
            inside = drop_variables(rule.content, used)
            kept.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inside}}}")
        elif rule.type == "qualified-rule":
            declared = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
            own = [
                one for one in declared if not getattr(one, "name", "").startswith("--") or one.name in used
            ]
            if own:
                body = "".join(one.serialize() + ";" * (one.type == "declaration") for one in own)
                kept.append(f"{tinycss2.serialize(rule.prelude).strip()}{{{body}}}")
        else:
            kept.append(rule.serialize())
    return "\n".join(kept)


def without_unread(css: str, known: set[str]) -> str:
    """Return a style sheet without the custom properties that neither it reads nor a page or script names."""
    while (
        smaller := drop_variables(css, used_variables(css, known))
    ) != css:  # one may be read by another alone
        css = smaller
    return css


def used_variables(css: str, known: set[str]) -> set[str]:
    """Return the custom properties that a style sheet reads, or pages and scripts name."""
    return {*re.findall(r"var\(\s*(--[\w-]+)", css)} | {word for word in known if word.startswith("--")}


def read(path: Path, target: Path) -> str:
    """Return a style sheet, what it imports inside it, with addresses that count from the folder `target`."""
    css = IMPORT.sub(lambda found: read(path.parent / found[1], target), path.read_text(encoding="utf-8"))

    def moved(found: re.Match[str]) -> str:
        name = found[2].partition("?")[0]
        file = (path.parent / name).resolve()
        return f'url("{Path(os.path.relpath(file, target)).as_posix()}")' if file.is_file() else found[0]

    return URL.sub(moved, css)


def sheets(page: Page) -> list[str]:
    """Return the addresses of a page's style sheets, those of the site."""
    return [link["href"] for link in page.soup.select('link[rel~="stylesheet"]')]


def early(page: Page) -> Tag:
    """Return the script that asks for fonts beside the style sheet, not after it: lines need not break anew.

    A link would do, but in pages that are opened from a file browsers refuse it, and say so.
    """
    fonts = [FONT, *(FORMULA_FONTS if page.soup.select_one(".katex") else ())]
    return page.tag("script", EARLY % json.dumps([page.up + font for font in fonts]))


def join(pages: list[Page], scripts: Iterable[str], formulas: str) -> None:
    """Put one style sheet in the place of all others; `formulas` is KaTeX's, its fonts already cut."""
    static = pages[0].site / "_static"
    files = list(dict.fromkeys(page.file(address) for page in pages for address in sheets(page)))
    files.append(Path(__file__).with_name("finish.css"))
    css = "\n".join(read(file, static) for file in files if file)
    known = words([*scripts, *(page.soup.decode() for page in pages)])
    css = without_unread(prune(css, known), known)
    css = cut_faces(css, static, icons(css), static / "fonts", "fonts/") + prune(formulas, known)
    (static / "site.css").write_text(css, encoding="utf-8")
    for page in pages:
        for link in page.soup.select('link[rel~="stylesheet"]'):
            link.decompose()
        page.head.append(early(page))
        page.head.append(page.tag("link", rel="stylesheet", href=f"{page.up}_static/site.css"))
