"""Explorers in a real browser: on small pages of their own, and on the pages of the book."""

import re

import example
import numpy as np
import pytest
from site_under_test import STILL, Visit, press, settle, slider, table_of, with_explorers

LIVE = ".initlib-explorer-drawing figure svg"


def test_the_numbers_in_the_page_are_those_of_python(show):
    page = show(example.explorer()).page
    for keys in ([], ["ArrowRight"], ["End"]):
        press(page, "weight scale σ w", *keys)
        scale = {"": 4, "ArrowRight": 5, "End": 8}["".join(keys)]
        shown = np.array(table_of(page))
        expected = np.median(example.numbers()[0, scale], axis=0)[: len(shown)]
        np.testing.assert_allclose(shown[:, 1], expected, rtol=0.0117 + 0.005)


def test_every_control_changes_the_picture_the_table_and_the_state(show):
    page = show(example.explorer()).page
    seen = set()

    def look():
        settle(page)
        page.wait_for_timeout(400)
        seen.add(
            (page.locator(LIVE).first.inner_html(), str(table_of(page)), page.locator(".state").inner_text())
        )

    look()
    press(page, "depth L", "ArrowRight")
    look()
    press(page, "weight scale σ w", "ArrowLeft", "ArrowLeft")
    look()
    page.get_by_label("activation").select_option("gelu")
    look()
    page.get_by_label("activation").focus()
    page.keyboard.press("ArrowUp")
    look()
    for parts in zip(*seen, strict=True):
        assert len(set(parts)) == 5


def test_the_pointer_moves_a_slider(show):
    page = show(example.explorer()).page
    before = page.locator(LIVE).first.inner_html()
    box = slider(page, "depth L").bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 8, steps=4)
    page.mouse.up()
    settle(page)
    assert page.locator(LIVE).first.inner_html() != before


def test_depth_cuts_the_lines_off(show):
    page = show(example.explorer(depth=4)).page
    assert len(table_of(page)) == 4
    press(page, "depth L", "End")
    assert len(table_of(page)) == 12


def test_a_screen_reader_is_told_what_the_controls_and_pictures_show(show):
    page = show(example.explorer(depth=4)).page
    press(page, "weight scale σ w", "ArrowRight", "ArrowRight")
    assert slider(page, "weight scale σ w").get_attribute("aria-valuetext") == "1.41 (He)"
    state = page.locator('[aria-live="polite"]')
    page.wait_for_timeout(400)
    assert state.inner_text().startswith("Signal at layer 4: ")
    picture = page.get_by_role(
        "img", name=re.compile(r"^Signal at layer 4: 3\.9.* measured.*, 3\.9.* in theory")
    )
    assert picture.count() == 1
    assert page.get_by_role("combobox", name="activation").count() == 1
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("table")
    assert page.get_by_role("region", name="Example: the numbers").get_by_role("table").is_visible()


def test_a_diverged_net_and_an_exact_zero_are_named_gaps(show):
    page = show(example.explorer(activation="gelu", sigma_w=2.0, depth=12)).page
    assert page.locator(LIVE).first.get_by_text("diverged").count() == 1
    assert "NaN" not in page.locator(".initlib-explorer").inner_html()
    page.get_by_label("activation").select_option("tanh")
    press(page, "weight scale σ w", "Home")
    assert page.locator(LIVE).first.get_by_text("exactly 0").count() == 1
    assert "Infinity" not in page.locator(".initlib-explorer").inner_html()


def test_the_still_picture_stands_in_print_and_steps_back_on_screen(show):
    page = show(example.explorer()).page
    assert page.locator(STILL).count() == 2
    assert not page.locator("img").is_visible()
    page.emulate_media(media="print")
    assert page.locator("img").is_visible()
    assert not page.locator(".initlib-explorer").is_visible()
    assert not page.locator('[role="slider"]').first.is_visible()


def test_a_table_that_does_not_load_leaves_the_still_picture_and_says_so(show):
    broken = example.explorer()
    drawing = broken.widget.children[1]
    drawing.table = drawing.table[:-40]
    page = show(broken).page
    page.wait_for_selector(".initlib-explorer-failed")
    assert page.locator("img").is_visible()
    assert page.get_by_text("cannot be shown here").is_visible()
    assert not page.locator('[role="slider"]').first.is_visible()


def test_a_table_of_the_wrong_length_is_noticed(show):
    broken = example.explorer()
    drawing = broken.widget.children[1]
    drawing.spec = {**drawing.spec, "arrays": drawing.spec["arrays"][:-1]}
    page = show(broken).page
    page.wait_for_selector(".initlib-explorer-failed")
    assert page.locator("img").is_visible()


def test_two_explorers_on_one_page_do_not_disturb_each_other(show):
    page = show(example.explorer("One", depth=4), example.explorer("Two", depth=6)).page
    second = page.locator(".initlib-explorer").nth(1)
    before = second.locator("figure").first.inner_html()
    page.locator(".initlib-explorer").first.get_by_role("slider", name="depth L").focus()
    page.keyboard.press("End")
    settle(page)
    assert second.locator("figure").first.inner_html() == before
    assert second.get_by_role("slider", name="depth L").get_attribute("aria-valuetext") == "6"
    assert page.locator(STILL).count() == 4


def test_an_explorer_in_a_folded_cell_is_drawn_when_it_is_opened(show):
    page = show(example.explorer(), folded=True).page
    assert page.locator(LIVE).count() == 0
    page.locator("#fold > summary").click()
    page.wait_for_selector(LIVE)
    assert page.locator(LIVE).count() == 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_overflows_on_a_phone(show, theme):
    page = show(example.explorer(), theme=theme, viewport={"width": 360, "height": 700}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = page.eval_on_selector_all(
        ".initlib-explorer *", "all => all.filter((e) => e.getBoundingClientRect().right > 360).length"
    )
    assert wide == 0


def test_the_colours_follow_the_theme(show):
    page = show(example.explorer()).page
    colour = "getComputedStyle(document.querySelector('path.measured')).stroke"
    light = page.evaluate(colour)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate(colour) != light


def test_measured_and_theory_differ_in_style_as_well_as_colour(show):
    page = show(example.explorer()).page
    dashes = [
        page.evaluate(f"getComputedStyle(document.querySelector('figure path.{kind}')).strokeDasharray")
        for kind in ("measured", "theory")
    ]
    assert dashes[0] == "none" != dashes[1]


def moves(page, explorer) -> bool:
    """Say whether a control changes both picture and table: the first that is not at the end of its way."""

    def drawn():
        return [explorer.locator(one).first.inner_html() for one in (".panels", ".numbers")]

    before = drawn()
    for control in [*explorer.get_by_role("slider").all(), *explorer.locator("select").all()]:
        for key in ("ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowDown"):
            control.focus()
            page.keyboard.press(key)
            settle(page)
            if all(old != new for old, new in zip(before, drawn(), strict=True)):
                return True
    return False


def show(page, explorer):
    """Bring an explorer into view: what is far is not laid out."""
    explorer.evaluate("(one) => one.scrollIntoView()")
    settle(page)
    explorer.evaluate("(one) => one.scrollIntoView()")
    explorer.locator("figure").first.wait_for()


OVERLAPS = """() => [...document.querySelectorAll(".initlib-explorer-drawing svg")].flatMap((svg) => {
  const words = [...svg.querySelectorAll("text.tick")];
  const boxes = words.map((one) => one.getBoundingClientRect());
  const beside = (a, b) => a.right <= b.left || a.bottom - 3 <= b.top;
  const apart = (a, b) => beside(a, b) || beside(b, a);
  const hit = boxes.map((box, i) => boxes.findIndex((other, j) => j > i && !apart(box, other)));
  const pairs = hit.map((j, i) => [words[i], words[j]]).filter(([, other]) => other);
  return pairs.map((pair) => pair.map((one) => one.textContent));
})"""


def test_the_explorers_of_the_book_move_and_no_numbers_on_an_axis_overlap(browser, addresses, site):
    names = with_explorers(site)
    assert names, "no page of the book has an explorer"
    for name in names:
        with browser.new_context() as context:
            visit = Visit(context, addresses["subfolder"])
            page = visit.open(f"{name}.html")
            explorers = page.locator(".initlib-explorer").all()
            for width in (360, 1280):
                page.set_viewport_size({"width": width, "height": 900})
                for explorer in explorers:
                    show(page, explorer)
                settle(page)
                assert page.evaluate(OVERLAPS) == [], f"{name} at {width} px"
            for explorer in explorers:
                show(page, explorer)
                explorer.locator("summary").click()
                assert moves(page, explorer), f"no control of {name} changes picture and table"
            assert visit.problems == []


NOTES = """notes => notes.map((note) => {
  const picture = note.closest(".cell_output").querySelector("img");
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.offsetWidth > 0;
  return { seen: seen(note), picture: seen(picture), words: picture.alt.trim().split(/\\s+/).length };
})"""


def test_without_javascript_the_book_shows_still_pictures(browser, addresses, site):
    for name in with_explorers(site):
        with browser.new_context(java_script_enabled=False) as context:
            page = context.new_page()
            page.goto(f"{addresses['server']}{name}.html")
            notes = page.locator(".initlib-explorer-note").evaluate_all(NOTES)
            assert len(notes) > 0
            for note in notes:
                assert (note["seen"], note["picture"]) == (True, True)
                assert note["words"] > 10
            assert page.locator('[role="slider"]').count() == 0
