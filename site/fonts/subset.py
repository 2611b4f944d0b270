# /// script
# dependencies = ["fonttools", "brotli"]
# ///
"""Cut Source Serif 4 (npm: @fontsource-variable/source-serif-4 5.3.1) to what the site needs.

    npm pack @fontsource-variable/source-serif-4@5.3.1 && tar xzf *.tgz
    uv run site/fonts/subset.py package/files

It keeps Latin letters and signs, and upright the weights from 400 to 700; the rest comes from the system.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

ASSETS = Path(__file__).parent.parent / "public" / "assets" / "fonts"
SIGNS = "\N{NO-BREAK SPACE}±²·×äéöü–—‘’“”…−"  # noqa: RUF001
# Italics are a few words of a text, bold ones hardly any: a browser thickens those by itself.
FILES = {"normal": ("source-serif.woff2", (400, 700)), "italic": ("source-serif-italic.woff2", 400)}


def main(folder: str) -> None:
    for style, (name, weights) in FILES.items():
        font = TTFont(Path(folder) / f"source-serif-4-latin-wght-{style}.woff2")
        font = instancer.instantiateVariableFont(font, {"wght": weights})
        options = subset.Options()
        options.layout_features = ["calt", "ccmp", "kern", "liga", "locl", "mark"]
        cut = subset.Subsetter(options)
        cut.populate(unicodes=[*range(0x20, 0x7F), *map(ord, SIGNS)])
        cut.subset(font)
        font.flavor = "woff2"
        font.save(ASSETS / name)


if __name__ == "__main__":
    main(sys.argv[1])
