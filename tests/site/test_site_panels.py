"""Every kind of panel in a browser: picture, words and numbers follow the controls and agree with Python."""

from itertools import pairwise

import example
import numpy as np
import pytest
from site_under_test import STILL, press, settle, slider, table_of

from initlib.explorers.engine.table import LOG_STEP

KINDS = ("heatmap", "histogram", "lines", "bars")
SCALE, DEPTH = "weight scale σ w", "depth L"
ROUNDED = 0.0051  # three digits
STEP = 10 ** (LOG_STEP / 2) - 1


def picture(page, kind):
    return page.locator(f"figure.{kind} > div")


def sentences(page) -> list[str]:
    return [picture(page, kind).get_by_role("img").first.get_attribute("aria-label") for kind in KINDS]


@pytest.mark.parametrize(
    ("keys", "setting"),
    [
        ([], {}),
        ([(SCALE, "ArrowRight"), (DEPTH, "ArrowLeft")], {"sigma_w": 2**0.25, "depth": 6}),
        ([(SCALE, "End"), (DEPTH, "End")], {"sigma_w": 2.0, "depth": 12}),
        ([(SCALE, "Home"), (DEPTH, "Home")], {"sigma_w": 0.5, "depth": 2}),
        ([(SCALE, "Home"), (DEPTH, "End")], {"sigma_w": 0.5, "depth": 12}),
    ],
)
def test_the_browser_says_what_python_says(show, keys, setting):
    explorer = example.every_kind()
    page = show(explorer).page
    for label, key in keys:
        press(page, label, key)
    view = explorer.view(**setting)
    assert sentences(page) == [panel.sentence(view) for panel in explorer.panels]


@pytest.mark.parametrize("setting", [{"sigma_w": 1.0, "depth": 8}, {"sigma_w": 2.0, "depth": 12}])
def test_the_tables_hold_the_numbers_behind_the_pictures(show, setting):
    explorer = example.every_kind(**setting)
    page, scale = show(explorer).page, list(example.SCALES).index(setting["sigma_w"])
    heat, sizes, training, rules = (np.array(table_of(page, i))[:, 1:] for i in range(4))
    linear = ROUNDED + np.ptp(example.reach()) / 4000
    np.testing.assert_allclose(heat.astype(float), example.accuracy(), atol=linear)
    loss = example.loss()[scale]
    expected = np.stack([np.median(loss, axis=0), loss.min(axis=0), loss.max(axis=0)], axis=1)
    np.testing.assert_allclose(training.astype(float), expected, rtol=STEP + ROUNDED)
    bars = example.by_rule()[scale]
    assert np.isnan(rules[:, 0].astype(float)).tolist() == np.isnan(bars).tolist()
    np.testing.assert_allclose(rules[:, 0].astype(float), bars, rtol=ROUNDED, atol=2e-3)
    shown = example.shares()[scale, : setting["depth"]]
    middle = example.BINS[(np.cumsum(shown, axis=1) >= 0.5 - 1e-9).argmax(axis=1)]
    assert sizes[:, 1].astype(float).tolist() == middle.tolist()


@pytest.mark.parametrize("label", [SCALE, DEPTH])
def test_every_picture_and_table_follows_the_keyboard(show, label):
    page = show(example.every_kind()).page
    follow = {SCALE: KINDS, DEPTH: ("heatmap", "histogram")}[label]

    def state():
        return {
            kind: (picture(page, kind).inner_html(), table_of(page, KINDS.index(kind))) for kind in follow
        }

    before = state()
    press(page, label, "ArrowRight")
    after = state()
    for kind in follow:
        assert before[kind][0] != after[kind][0], kind
    moved = {kind for kind in follow if before[kind][1] != after[kind][1]}
    assert moved == set(follow) - {"heatmap"}  # its table is the whole map; the ring moves


def test_every_picture_follows_the_pointer(show):
    page = show(example.every_kind()).page
    before = [picture(page, kind).inner_html() for kind in KINDS]
    box = slider(page, SCALE).bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 8, steps=4)
    page.mouse.up()
    settle(page)
    after = [picture(page, kind).inner_html() for kind in KINDS]
    assert all(a != b for a, b in zip(before, after, strict=True))


def ring(page) -> tuple[float, float]:
    box = page.locator("figure.heatmap path.here").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_ring_stands_where_the_controls_stand(show):
    page = show(example.every_kind(sigma_w=0.5, depth=2)).page
    left, low = ring(page)
    press(page, SCALE, "End")
    right, still = ring(page)
    assert still == pytest.approx(low, abs=0.6)
    press(page, DEPTH, "End")
    same, high = ring(page)
    assert same == pytest.approx(right, abs=0.6)
    column, row = (right - left) / 8, (low - high) / 5
    cell = page.locator(
        "figure.heatmap path.gap"
    ).bounding_box()  # the one that diverged: largest and deepest
    assert abs(cell["x"] + cell["width"] / 2 - right) < column / 4
    assert abs(cell["y"] + cell["height"] / 2 - high) < row / 4


def test_a_ring_that_one_control_moves_stands_at_the_edge_of_a_growing_map(show):
    explorer = example.growing_map(depth=2)
    page = show(explorer).page
    cells = "figure.heatmap path[class^=good]"
    for keys, depth in ([], 2), (["ArrowRight"], 4), (["End"], 12):
        press(page, DEPTH, *keys)
        label = picture(page, "heatmap").get_by_role("img").get_attribute("aria-label")
        assert label == explorer.panels[0].sentence(explorer.view(depth=depth))
        boxes = [box for box in (one.bounding_box() for one in page.locator(cells).all()[:8]) if box["width"]]
        left, right = (f([box["x"] + box["width"] * i for box in boxes]) for f, i in ((min, 0), (max, 1)))
        across, up = ring(page)
        assert across == pytest.approx(right - (right - left) / depth, abs=1)
        assert up == pytest.approx(max(box["y"] + box["height"] for box in boxes), abs=1)


def test_the_bright_end_of_the_shades_is_the_good_one(show):
    page = show(example.every_kind()).page
    fills = page.evaluate(
        """[...Array(8).keys()].map((i) => getComputedStyle(
        document.querySelector(`figure.heatmap .good${i}`)).fill.match(/[\\d.]+/g).map(Number))"""
    )
    light = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in fills]
    assert all(a < b - 10 for a, b in pairwise(light))
    numbers = page.locator("figure.heatmap text.tick").all_text_contents()[:5]
    low, high = np.nanmin(example.accuracy()), np.nanmax(example.accuracy())
    np.testing.assert_allclose([float(n) for n in numbers], np.linspace(low, high, 5), atol=0.006)


def test_each_cell_has_the_shade_of_its_value(show):
    explorer = example.every_kind()
    page = show(explorer).page
    counts = page.evaluate(
        """[...Array(8).keys()].map((i) => [...document.querySelectorAll(`figure.heatmap .good${i}`)]
        .map((e) => (e.getAttribute("d").match(/M/g) ?? []).length).reduce((a, b) => a + b) - 1)"""
    )
    stored = explorer.table.stored("accuracy")
    low, high = explorer.panels[0].shades(explorer.table)
    known = stored[np.isfinite(stored)]
    shades = np.clip(np.floor(8 * (known - low) / (high - low)), 0, 7).astype(int)
    assert counts == np.bincount(shades, minlength=8).tolist()


def test_what_diverged_is_a_marked_gap_with_the_word(show):
    page = show(example.every_kind(sigma_w=2.0, depth=12)).page
    assert page.locator(".legend").get_by_text("diverged").is_visible()
    assert page.locator("figure.heatmap path.gap").get_attribute("d").count("M") == 1
    assert picture(page, "bars").get_by_text("diverged").is_visible()
    assert picture(page, "bars").locator("i.bar").count() == len(example.RULES) - 1
    assert sentences(page)[0] == "Map at weight scale σ w 2, depth L 12: accuracy diverged, reach 3."


def test_bars_are_as_long_as_their_values(show):
    page = show(example.every_kind(sigma_w=1.0)).page
    widths = page.eval_on_selector_all("i.bar", "all => all.map((e) => e.getBoundingClientRect().width)")
    np.testing.assert_allclose(np.array(widths) / widths[0], [1, 0.5, 0.25], rtol=0.02)


def test_an_answer_follows_menu_and_buttons(show):
    page = show(example.guide()).page
    words = page.locator("figure.answer")
    assert words.locator("pre").inner_text() == "lecun_normal_(weight)\nzeros_(bias)"
    page.get_by_label("rule").select_option("He")
    settle(page)
    assert words.locator("p").first.inner_text() == "Take He."
    assert words.locator("code").inner_text() == "He"
    group = page.get_by_role("group", name="ensemble")
    gaussian, orthogonal = (group.get_by_role("button", name=name) for name in example.ENSEMBLES)
    orthogonal.click()
    settle(page)
    assert words.locator("p").all_inner_texts() == ["Take an orthogonal matrix & <b>no</b> other."]
    assert [one.get_attribute("aria-pressed") for one in (gaussian, orthogonal)] == ["false", "true"]
    gaussian.focus()
    page.keyboard.press("Enter")
    settle(page)
    assert words.locator("p").first.inner_text() == "Take He."
    assert table_of(page) == [["Answer", "Take He."]]
    page.wait_for_timeout(400)
    state = page.locator('[aria-live="polite"]').inner_text()
    assert state.strip() == "Answer: Take He."


def test_the_code_of_an_answer_is_copied(show):
    page = show(example.guide()).page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name="Copy", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "lecun_normal_(weight)\nzeros_(bias)"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_panel_overflows_on_a_phone(show, theme):
    made = example.every_kind(), example.guide()
    page = show(*made, theme=theme, viewport={"width": 360, "height": 700}).page
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = page.eval_on_selector_all(
        ".initlib-explorer *:not(.numbers *)",
        "all => all.filter((e) => e.getBoundingClientRect().right > 360).map((e) => e.outerHTML)",
    )
    assert wide == []


@pytest.mark.parametrize("way", ["print", "no JavaScript"])
def test_the_still_pictures_stand_in_where_nothing_moves(show, browser, way):
    page = show(example.every_kind(), example.guide()).page
    assert page.locator(STILL).count() == 4
    if way == "print":
        page.emulate_media(media="print")
        assert not page.locator(".initlib-explorer").first.is_visible()
    else:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(show(example.every_kind(), example.guide()).page.url)
    alts = [image.get_attribute("alt") for image in page.locator("img:visible").all()]
    assert alts == [example.every_kind().describe(), example.guide().describe()]
    assert page.locator(".initlib-explorer-note:visible").count() == 2
