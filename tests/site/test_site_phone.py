"""Figures on a phone: they fit its screen, and grow to a size at which they can be read when asked to."""

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
def test_on_a_phone_figures_fit_the_screen_and_grow_while_they_have_the_focus(browser, addresses, name):
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = context.new_page()
    page.goto(f"{addresses['server']}{name}.html")
    page.add_style_tag(content="article > section > section { content-visibility: visible !important }")
    rest(page)
    look = """(frame) => ({
      scale: frame.querySelector("img").clientWidth / frame.querySelector("img").getAttribute("width"),
      cut: frame.scrollWidth > frame.clientWidth,
      reached: frame.tabIndex === 0,
      hint: getComputedStyle(frame, "::after").content,
      inside: frame.getBoundingClientRect().right <= 360})"""
    frames = page.evaluate_handle(FRAMED)
    count = frames.evaluate("all => all.length")
    assert count >= 1
    grown = 0
    for i in range(count):
        frame = frames.evaluate_handle("(all, i) => all[i]", i).as_element()
        frame.evaluate("(frame) => frame.scrollIntoView({block: 'center'})")
        rest(page)
        if not frame.is_visible():  # an explorer came in its place, as it does behind the first touch
            continue
        small = frame.evaluate(look)
        assert small["inside"]
        assert not small["cut"]
        assert small["reached"] == ("enlarge" in small["hint"]) == (small["scale"] < pictures.READABLE - 0.01)
        if small["reached"]:
            frame.tap()
            large = frame.evaluate(look)
            assert large["scale"] >= pictures.READABLE - 0.01
            assert large["inside"]
            assert large["cut"]
            assert "sideways" in large["hint"]
            assert excess_width(page, 360) == 0
            grown += 1
    assert grown
    context.close()


def test_letters_in_figures_are_nine_pixels_high_where_a_figure_is_smallest():
    """Their points, as typed, times the pixels of a point in the picture, times the scale on a phone."""
    files = [*(ROOT / "book").rglob("*.md"), *(ROOT / "initlib").rglob("*.py")]
    typed = [size for file in files for size in TYPED_SIZE.findall(file.read_text(encoding="utf-8"))]
    points = [*map(float, typed), figures.STYLE["font.size"], figures.STYLE["axes.titlesize"]]
    assert len(typed) > 10
    assert min(points) * figures.STYLE["figure.dpi"] / 72 * pictures.READABLE >= 9
