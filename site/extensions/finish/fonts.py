"""Fonts cut to what the site's pages show: 16 icons of 2,000, the letters of its formulas."""

import logging
import re
from pathlib import Path

from fontTools import subset

SOURCES = re.compile(r"src:\s*url\([^)]*\)[^;}]*")
ADDRESS = re.compile(r"url\(['\"]?([^)'\"]*\.(?:ttf|woff2?))(?:\?[^)'\"]*)?['\"]?\)")
logging.getLogger("fontTools").setLevel(logging.ERROR)  # it warns of the dates inside Font Awesome
FACE = re.compile(r"@font-face\s*\{[^}]*\}")


def cut(font: Path, characters: set[str], target: Path) -> None:
    """Write a TrueType font as WOFF with the glyphs of some characters."""
    options = subset.Options(flavor="woff", hinting=False, layout_features=[], notdef_outline=True)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[ord(character) for character in characters])
    target.parent.mkdir(parents=True, exist_ok=True)
    with subset.load_font(str(font), options) as opened:
        cutter.subset(opened)
        subset.save_font(opened, str(target), options)


def cut_faces(css: str, here: Path, characters: set[str], fonts: Path, address: str) -> str:
    """Return a style sheet whose `@font-face` rules load cut fonts, written to `fonts`, at `address`.

    A rule names a TrueType font among its sources, from the folder `here`; one that has none stays as it is.
    """

    def with_cut_font(face: re.Match[str]) -> str:
        original = next((name for name in ADDRESS.findall(face[0]) if name.endswith(".ttf")), None)
        if original is None:
            return face[0]
        target = fonts / Path(original).with_suffix(".woff").name
        cut(here / original, characters, target)
        return SOURCES.sub(f'src:url({address}{target.name}) format("woff")', face[0])

    return FACE.sub(with_cut_font, css)


def icons(css: str) -> set[str]:
    """Return the characters of private use, where icon fonts keep their pictures, in a style sheet.

    >>> sorted(map(ord, icons('.a:before{content:"\\\\f002"} .b{--icon:"\\uf003"; content: "x"}')))
    [61442, 61443]
    """
    escaped = (chr(int(code, 16)) for code in re.findall(r"\\([0-9a-fA-F]{4})\b", css))
    return {one for one in [*escaped, *css] if "\ue000" <= one <= "\uf8ff"}
