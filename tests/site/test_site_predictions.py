"""Boxes that take a prediction: choices, memory, and the comparison where the answer is shown."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from site_under_test import ASSETS, Visit

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="predict.css">
<script defer src="predict.js"></script></head><body><main>
<section id="top"><h1>Chapter<a class="headerlink" href="#top">#</a></h1>
<div class="admonition-predict-first tip predict answers-2-3 reveal-training admonition">
<p class="admonition-title">Predict first</p><p>Three nets.</p>
<ol><li><p>How many <strong>learn</strong>?</p><ul><li><p>none</p></li><li><p>one</p></li></ul></li>
<li><p>And then?</p>
<ul><li><p>a</p></li><li><p>b</p></li><li><p>all of <em>them</em></p></li></ul></li></ol></div>
<section id="training"><h2>Training<a class="headerlink" href="#training">#</a></h2><p>One learns.</p>
<section id="inner"><h3>Inner</h3><p>More.</p></section></section>
</section></main></body></html>"""


@pytest.fixture
def folder(tmp_path):
    for name in ("predict.js", "predict.css"):
        (tmp_path / name).write_bytes((ASSETS / name).read_bytes())
    (tmp_path / "page.html").write_text(PAGE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def page(browser, serve, folder):
    with browser.new_context() as context:
        visit = Visit(context, serve(folder))
        yield visit.open("page.html")
        assert visit.problems == []


def choose(page, question: str, choice: str) -> None:
    page.get_by_role("radiogroup", name=question).get_by_role("radio", name=choice, exact=True).check()


def test_choices_are_groups_of_radio_buttons_that_the_keyboard_moves(page):
    group = page.get_by_role("radiogroup", name="How many learn?")
    assert group.get_by_role("radio").count() == 2
    group.get_by_role("radio", name="none").focus()
    page.keyboard.press("ArrowDown")
    assert group.get_by_role("radio", name="one", exact=True).is_checked()
    assert page.get_by_role("radiogroup", name="And then?").get_by_role("radio").count() == 3


def test_nothing_tells_the_answer_before_a_choice(page):
    assert not page.locator(".prediction").is_visible()
    assert not page.locator(".kept").is_visible()


def test_the_prediction_is_compared_where_the_answer_is_shown(page):
    choose(page, "How many", "one")
    choose(page, "And then", "b")
    panel = page.locator("#training > .prediction")
    assert panel.locator("li").all_inner_texts() == [
        "You said one, and so it is.",
        "You said b; it is all of them.",
    ]
    assert panel.evaluate("e => e.nextElementSibling.id") == "inner"  # at the end of the section itself
    assert page.locator(".kept a").get_attribute("href") == "#training"
    assert page.locator(".predict .prediction").count() == 0


def test_what_was_not_chosen_is_told_without_blame(page):
    choose(page, "How many", "none")
    assert page.locator(".prediction li").all_inner_texts() == [
        "You said none; it is one.",
        "No choice. The answer: all of them.",
    ]


def test_choices_are_kept_in_the_browser_and_can_be_forgotten(page):
    choose(page, "And then", "a")
    page.reload()
    assert page.get_by_role("radio", name="a", exact=True).is_checked()
    assert page.locator(".prediction li").all_inner_texts() == [
        "No choice. The answer: one.",
        "You said a; it is all of them.",
    ]
    page.get_by_role("button", name="Forget").click()
    assert page.locator("input:checked").count() == 0
    assert not page.locator(".prediction").is_visible()
    page.reload()
    assert page.locator("input:checked").count() == 0


def test_a_browser_that_stores_nothing_compares_all_the_same(browser, serve, folder):
    with browser.new_context() as context:
        context.add_init_script(
            "Object.defineProperty(window, 'localStorage', { get() { throw Error('refused') } })"
        )
        visit = Visit(context, serve(folder))
        choose(visit.open("page.html"), "How many", "one")
        assert "so it is" in visit.page.locator(".prediction").inner_text()
        assert visit.problems == []


def test_without_javascript_the_box_is_a_list(browser, serve, folder):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{serve(folder)}page.html")
        assert page.locator(".predict ul").count() == 2
        assert page.locator("input").count() == 0


def test_axe_finds_nothing_in_a_box(page):
    choose(page, "How many", "one")
    found = Axe().run(page, context={"include": ["main"]}).response
    assert [one["id"] for one in found["violations"]] == []
