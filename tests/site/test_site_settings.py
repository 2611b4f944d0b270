"""Links to a setting, marks, Play, Reset; axes that stay; controls that stay in view on a phone."""

import re

import example
import pytest
from site_under_test import press, settle

SCALE, DEPTH = "weight scale σ w", "depth L"
REST = 450  # ms: longer than what a setting waits before it is told


def setting(page, which: int = 0) -> list[str | None]:
    controls = page.locator(".initlib-explorer").nth(which)
    return [
        controls.get_by_label("activation").evaluate("menu => menu.selectedOptions[0].textContent"),
        *(
            controls.get_by_role("slider", name=name).get_attribute("aria-valuetext")
            for name in (DEPTH, SCALE)
        ),
    ]


def visit(page, fragment: str) -> None:
    page.evaluate("fragment => { location.hash = fragment }", fragment)
    settle(page)
    page.wait_for_timeout(REST)


def fragment(page) -> str:
    return page.evaluate("location.hash")


@pytest.fixture
def example_page(show):
    return show(example.explorer()).page


def test_a_link_sets_the_controls_when_the_page_opens(example_page):
    page = example_page
    page.goto(page.url + "#example?activation=gelu&depth=12&sigma_w=1.41")
    page.reload()
    page.wait_for_selector(".state:not(:empty)")
    assert setting(page) == ["gelu", "12", "1.41 (He)"]
    words = page.locator(".state").inner_text()
    assert "In this link" not in words
    assert words.startswith("activation gelu, depth L 12, weight scale σw 1.41 (He).")


def test_a_link_in_the_text_moves_the_explorer_and_back_and_forward_follow(example_page):
    page = example_page
    page.evaluate("""document.querySelector("main").insertAdjacentHTML("beforeend",
        `<p><a href="#example?depth=12">deep</a> <a href="#example?activation=tanh">tanh</a></p>`)""")
    start = setting(page)
    page.get_by_text("deep").click()
    settle(page)
    assert setting(page) == ["relu", "12", "1 (LeCun)"]
    page.get_by_role("link", name="tanh").click()
    settle(page)
    assert setting(page) == ["tanh", "8", "1 (LeCun)"]  # what a link leaves out stands as at first
    for way, expected, address in (
        ("back", ["relu", "12", "1 (LeCun)"], "#example?depth=12"),
        ("back", start, ""),
        ("forward", ["relu", "12", "1 (LeCun)"], "#example?depth=12"),
    ):
        page.evaluate(f"history.{way}()")
        page.wait_for_timeout(REST)
        assert (setting(page), fragment(page)) == (expected, address)


def test_what_a_link_asks_for_that_is_not_there_is_said(example_page):
    page = example_page
    visit(page, "example?activation=rely&depth=7&width=3&sigma_w=wide")
    assert setting(page) == ["relu", "6", "1 (LeCun)"]
    said = page.locator(".state strong").inner_text()
    assert said == (
        "In this link, activation “rely” is not here, relu stands instead; depth L 7 is not here, the "
        "nearest is 6; there is no control “width”; weight scale σw “wide” is not here, 1 stands instead."
    )
    press(page, DEPTH, "ArrowRight")
    page.wait_for_timeout(REST)
    assert page.locator(".state strong").count() == 0


def test_the_address_follows_the_controls_without_filling_the_history(example_page):
    page = example_page
    page.wait_for_timeout(REST)
    assert fragment(page) == ""
    before = page.evaluate("history.length")
    press(page, DEPTH, "End")
    press(page, SCALE, "ArrowRight", "ArrowRight")
    page.wait_for_timeout(REST)
    assert fragment(page) == "#example?activation=relu&depth=12&sigma_w=1.41"
    assert page.evaluate("history.length") == before


@pytest.mark.parametrize("anchor", ["example", "a-heading", "other?depth=2", "%3F"])
def test_anchors_of_the_page_are_left_alone(example_page, anchor):
    page = example_page
    press(page, DEPTH, "End")
    page.wait_for_timeout(REST)
    before = setting(page)
    visit(page, anchor)
    assert setting(page) == before
    assert fragment(page) == f"#{anchor}"


def test_each_explorer_of_a_page_has_its_own_links(show):
    page = show(example.explorer(), example.explorer(), example.explorer("Other")).page
    before = setting(page)
    visit(page, "example-2?depth=12")
    visit(page, "other?depth=2")
    assert [setting(page, i)[1] for i in range(3)] == [before[1], "12", "2"]


def test_a_page_from_a_file_has_links_too(show, browser, tmp_path):
    show(example.explorer())
    page = browser.new_context().new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(f"{(tmp_path / 'page.html').as_uri()}#example?depth=12")
    page.wait_for_selector(".state:not(:empty)")
    assert setting(page)[1] == "12"
    press(page, DEPTH, "Home")
    page.wait_for_timeout(REST)
    assert "depth=2&" in fragment(page)
    assert errors == []


def test_copy_link_gives_the_address_of_the_setting(example_page):
    page = example_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    press(page, DEPTH, "End")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url.split("#")[0] + "#example?activation=relu&depth=12&sigma_w=1"


def test_reset_brings_the_first_setting_back(example_page):
    page = example_page
    before = setting(page)
    press(page, SCALE, "End")
    page.get_by_label("activation").select_option("gelu")
    page.get_by_role("button", name="Reset").click()
    settle(page)
    assert setting(page) == before


def test_marks_are_buttons(example_page):
    page = example_page
    lecun, he = (page.get_by_role("button", name=name, exact=True) for name in ("LeCun", "He"))
    assert [one.get_attribute("aria-pressed") for one in (lecun, he)] == ["true", "false"]
    he.focus()
    page.keyboard.press("Enter")
    settle(page)
    assert setting(page)[2] == "1.41 (He)"
    assert [one.get_attribute("aria-pressed") for one in (lecun, he)] == ["false", "true"]


def depths(page, seconds: float) -> list[str]:
    """Return where the depth slider stands, over some time."""
    return page.evaluate(
        """async (steps) => {
          const seen = [];
          for (let i = 0; i < steps; i++) {
            seen.push(document.querySelector('[role=slider][aria-label="depth L"]').ariaValueText);
            await new Promise((done) => setTimeout(done, 100));
          }
          return [...new Set(seen)];
        }""",
        int(seconds * 10),
    )


def test_play_steps_along_depth_to_the_end_and_starts_over(show):
    page = show(example.explorer(depth=8)).page
    page.get_by_role("button", name="Play depth L").click()
    assert depths(page, 1.5)[-1] == "12"
    page.get_by_role("button", name="Play depth L").click()  # it has stopped by itself
    assert depths(page, 0.9)[0] == "2"
    page.get_by_role("button", name="Pause").click()
    assert len(depths(page, 1.2)) == 1


def test_a_control_stops_play(show):
    page = show(example.explorer(depth=2)).page
    page.get_by_role("button", name="Play depth L").click()
    press(page, SCALE, "ArrowRight")
    assert len(depths(page, 1.2)) == 1


def test_where_motion_is_unwanted_play_is_a_step(show):
    page = show(example.explorer(depth=2), reduced_motion="reduce").page
    button = page.get_by_role("button", name="Step depth L")
    button.click()
    assert depths(page, 1.2) == ["4"]
    button.click()
    assert depths(page, 0.3) == ["6"]


def ticks(page, kind: str = "lines", which: int = 0) -> list[str]:
    return page.locator(f"figure.{kind}").nth(which).locator("text.tick").all_text_contents()


def heights(page, which: int = 0) -> list[float]:
    """Return over how many pixels the measured lines of a panel extend."""
    lines = page.locator("figure.lines").nth(which).locator("path.measured")
    return lines.evaluate_all("all => all.map((e) => e.getBBox().height)")


def test_the_vertical_axis_stays_where_it_is(show):
    page = show(example.explorer()).page
    before = [one for one in ticks(page) if one.startswith("10")]
    for key in ("Home", "End"):
        press(page, SCALE, key)
        assert [one for one in ticks(page) if one.startswith("10")] == before
    steep = heights(page)
    press(page, SCALE, "ArrowLeft", "ArrowLeft", "ArrowLeft")
    assert all(height < before / 2 for height, before in zip(heights(page), steep, strict=True))


def test_lines_that_leave_the_axis_end_at_its_edge_with_an_arrow_and_the_number(show):
    page = show(example.cut_off(sigma_w=2.0)).page
    figure = page.locator("figure.lines").first
    assert figure.locator("text.gap").all_text_contents() == ["↑ 257"]  # as stored
    box = "e => { const { y, height } = e.getBBox(); return [y, y + height]; }"
    bottom, *_, top = (grid.evaluate(box)[0] for grid in figure.locator("path.grid").all())
    high, low = figure.locator("path.measured").evaluate(box)
    assert high == pytest.approx(top, abs=0.1)
    assert top < low < bottom
    press(page, SCALE, "Home")
    assert figure.locator("text.gap").all_text_contents() == ["↓ 0.00389"]


def test_rounding_is_not_drawn_as_signal(show):
    """All but equal numbers, near 2.3 and near 0, are level lines: within a pixel."""
    page = show(example.nearly_constant()).page
    assert max(*heights(page, 0), *heights(page, 1)) < 1
    page.get_by_label("start").select_option("random")
    settle(page)
    assert min(*heights(page, 0), *heights(page, 1)) > 100


def test_the_table_of_numbers_has_the_symbols_of_the_text(show):
    page = show(example.every_kind()).page
    page.locator("summary").click()
    assert page.locator("th sub").first.inner_text() == "w"


@pytest.fixture
def phone(show):
    made = example.explorer(), example.every_kind()
    return show(*made, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True).page


def test_on_a_phone_the_controls_stay_in_view(phone):
    phone.add_style_tag(content="main.main div.cell_output { overflow: auto }")  # as in the theme
    phone.evaluate("document.querySelector('main').className = 'main'")
    controls = phone.locator(".initlib-explorer-controls").first
    last = phone.locator(".initlib-explorer").first.locator("figure").last
    last.evaluate("figure => scrollBy(0, figure.getBoundingClientRect().top - innerHeight / 3)")
    settle(phone)
    box = controls.bounding_box()
    assert 0 <= box["y"] < 1
    assert box["height"] < 740 / 3
    assert last.bounding_box()["y"] >= box["height"] - 1


def test_on_a_phone_what_is_touched_is_large_enough(phone):
    sizes = phone.eval_on_selector_all(
        ".initlib-explorer :is(button, select, .noUi-handle)",
        "all => all.map((e) => [e.className, e.offsetWidth, e.offsetHeight])",
    )
    assert sizes
    assert [one for one in sizes if min(one[1:]) < 24] == []


def test_a_change_by_hand_is_told_without_what_the_control_says_itself(example_page):
    page = example_page
    press(page, DEPTH, "ArrowRight")
    page.wait_for_timeout(REST)
    state = page.locator('[aria-live="polite"]')
    assert state.count() == 1
    assert re.fullmatch(
        r"Signal at layer 10: 1 measured \(.* over 3 seeds\), 1 in theory\. Cosine at layer 1: .*",
        state.inner_text().strip(),
    )
