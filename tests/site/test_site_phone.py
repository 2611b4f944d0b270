"""Figures on a phone: they keep a size at which they can be read, and move sideways in their frames."""

import re
import sys

import pytest
from resting import rest
from site_under_test import ROOT, excess_width

from initlib import figures

sys.path.insert(0, str(ROOT / "site" / "extensions"))

from finish import pictures

TYPED_SIZE = re.compile(r"(?:fontsize|labelsize)=([\d.]+)")
FRAMED = """[...document.querySelectorAll(".cell_output > .figure-frame:not(.initlib-explorer-still)")]
  .filter((frame) => frame.checkVisibility())"""


@pytest.mark.parametrize(
    "name",
    [
        "book/techniques/he",
        "book/conclusion/verdicts",
        "book/techniques/xavier",
        "book/beyond/order-and-chaos",
    ],
)
def test_on_a_phone_figures_stay_readable_and_move_in_their_frames(browser, addresses, name):
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(f"{addresses['server']}{name}.html")
    page.add_style_tag(content="article > section > section { content-visibility: visible !important }")
    rest(page)
    found = page.evaluate(
        f"""{FRAMED}.map((frame) => [
          frame.querySelector("img").clientWidth / frame.querySelector("img").getAttribute("width"),
          frame.scrollWidth > frame.clientWidth, frame.tabIndex === 0,
          getComputedStyle(frame, "::after").content !== "none",
          frame.getBoundingClientRect().right <= 360])"""
    )
    assert len(found) >= 1
    assert min(scale for scale, *_ in found) >= pictures.READABLE - 0.01
    assert all(wider == reached == said for _, wider, reached, said, _ in found)
    assert all(inside for *_, inside in found)
    assert any(wider for _, wider, *_ in found)
    assert excess_width(page, 360) == 0
    context.close()


def test_letters_in_figures_are_nine_pixels_high_where_a_figure_is_smallest():
    """Their points, as typed, times the pixels of a point in the picture, times the scale on a phone."""
    files = [*(ROOT / "book").rglob("*.md"), *(ROOT / "initlib").rglob("*.py")]
    typed = [size for file in files for size in TYPED_SIZE.findall(file.read_text(encoding="utf-8"))]
    points = [*map(float, typed), figures.STYLE["font.size"], figures.STYLE["axes.titlesize"]]
    assert len(typed) > 10
    assert min(points) * figures.STYLE["figure.dpi"] / 72 * pictures.READABLE >= 9
