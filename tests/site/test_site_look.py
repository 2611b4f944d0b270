"""How the pages look and read: contrast by day and night, folded code and its switch, filtered verdicts."""

import io
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from resting import rest
from site_under_test import BRIEF, ROOT, Visit, pages

CHAPTER, VERDICTS, LANDING = "book/techniques/he", "book/conclusion/verdicts", "book/intro"
FOLDS = "details.hide.above-input, details.hide.below-input"
PAPER = {"light": "#fbfaf6", "dark": "#14181b"}


def source(name):
    """Return the text of a page as it is written."""
    return (ROOT / f"{name}.md").read_text(encoding="utf-8")


def open_page(browser, addresses, name, theme="light", **options):
    context = browser.new_context(**options)
    context.add_init_script(
        f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
    )
    visit = Visit(context, addresses["server"])
    return visit.open(f"{name}.html")


@pytest.mark.parametrize("theme", PAPER)
@pytest.mark.parametrize("name", [LANDING, CHAPTER, VERDICTS])
def test_text_stands_out_from_its_ground_on_whole_pages(browser, addresses, name, theme):
    page = open_page(browser, addresses, name, theme)
    page.evaluate("for (const e of document.querySelectorAll('.bd-article details')) e.open = true")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == f"rgb{tuple(int(PAPER[theme][i : i + 2], 16) for i in (1, 3, 5))}"
    found = Axe().run(page, options={"runOnly": ["color-contrast"], **BRIEF}).response["violations"]
    assert [node["html"][:150] for one in found for node in one["nodes"]] == []
    page.context.close()


@pytest.mark.parametrize("theme", PAPER)
def test_a_figure_lies_on_the_ground_of_its_page(browser, addresses, theme):
    page = open_page(browser, addresses, CHAPTER, theme)
    style = page.locator("div.cell_output img").first.evaluate(
        "e => [getComputedStyle(e).mixBlendMode, getComputedStyle(e).filter]"
    )
    assert (
        style
        == {
            "light": ["multiply", "none"],
            "dark": ["screen", "invert(1) hue-rotate(180deg)"],
        }[theme]
    )
    page.context.close()


@pytest.mark.parametrize("theme", PAPER)
@pytest.mark.parametrize("section", ["xaviers-rule-meets-relu", "the-same-panel-repaired"])
def test_the_ground_of_a_figure_is_that_of_its_page(browser, addresses, theme, section):
    """What the eye sees: a section that is laid out by itself must have a ground to blend with."""
    page = open_page(browser, addresses, CHAPTER, theme)
    figure = page.locator(f"#{section} div.cell_output img").first
    figure.scroll_into_view_if_needed()
    rest(page)
    shot = Image.open(io.BytesIO(figure.screenshot())).convert("RGB")
    ground = "#{:02x}{:02x}{:02x}".format(*shot.getpixel((3, 3)))
    assert ground == PAPER[theme]
    page.context.close()


@pytest.mark.parametrize("name", [name for name in pages() if ":class: in-short" in source(name)])
def test_question_picture_and_answer_stand_on_the_first_screen(browser, addresses, name):
    page = open_page(browser, addresses, name, viewport={"width": 1280, "height": 800})
    page.evaluate("scrollTo(0, 0)")
    answer = page.locator(".in-short")
    lines = answer.locator("li")
    assert lines.count() == 3
    assert all(line.is_visible() for line in lines.all())
    rest(page)
    assert answer.evaluate("e => e.getBoundingClientRect().bottom") <= 800
    page.context.close()


BOXES = ".bd-article :is(.admonition:not(.hide), .verdict-box, .sd-dropdown, .initlib-guide .answer)"


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize(
    ("name", "least"),
    [(CHAPTER, 6), ("book/pitfalls/large-values", 4), ("book/conclusion/which-initialization", 1)],
)
def test_boxes_are_one_family_of_one_width(browser, addresses, name, least, width):
    page = open_page(browser, addresses, name, viewport={"width": width, "height": 800})
    page.add_style_tag(content="article > section > section { content-visibility: visible !important }")
    found = page.evaluate(
        f"""[...document.querySelectorAll("{BOXES}")].filter((box) => box.checkVisibility()).map((box) => {{
          const {{ borderStyle, borderLeftWidth, paddingLeft, backgroundColor }} = getComputedStyle(box);
          const width = box.getBoundingClientRect().width;
          return [width, [borderStyle, borderLeftWidth, paddingLeft, backgroundColor].join("; ")];
        }})"""
    )
    assert len(found) >= least
    assert {look for _, look in found} == {"none none none solid; 4px; 17.6px; rgba(0, 0, 0, 0)"}
    assert len({width for width, _ in found}) == 1
    page.context.close()


@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_is_as_tall_before_it_is_read_as_after(browser, addresses, width):
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(f"{addresses['server']}{CHAPTER}.html")
    guessed = page.evaluate("document.querySelector('article').scrollHeight")
    page.add_style_tag(content="article > section > section { content-visibility: visible !important }")
    assert page.evaluate("document.querySelector('article').scrollHeight") == pytest.approx(guessed, rel=0.15)
    context.close()


def test_the_letters_that_stand_in_take_the_room_of_the_books(browser, addresses):
    """A long line of text in Source Serif and in what is shown before it is there."""
    page = open_page(browser, addresses, CHAPTER)
    widths = page.evaluate(
        """async () => {
          const line = document.querySelector("article > section > p:not(:has(em))").textContent;
          const context = document.createElement("canvas").getContext("2d");
          const width = (name) => (context.font = `20px ${name}`, context.measureText(line).width);
          await document.fonts.load('20px "Source Serif"');
          const names = ['"Source Serif"', '"Book Georgia"', '"Book Times"', '"no such font"'];
          for (const name of names.slice(1, 3)) await document.fonts.load(`20px ${name}`).catch(() => {});
          return names.map((name) => width(`${name}, monospace`));
        }"""
    )
    book, *others, none = widths
    there = [width for width in others if width != none]
    if not there:
        pytest.skip("this machine has neither Georgia nor Times")
    assert there == [pytest.approx(book, rel=0.03)] * len(there)
    page.context.close()


def test_an_aside_stands_in_the_margin_or_in_the_text(browser, addresses):
    page = open_page(browser, addresses, CHAPTER, viewport={"width": 1280, "height": 800})
    note = page.locator("aside.margin").first
    text = page.locator("article > section > p").last.bounding_box()
    wide = note.bounding_box()
    assert wide["x"] > text["x"] + text["width"]
    assert wide["x"] + wide["width"] <= 1280
    last = page.locator("aside.margin").last  # inside a section, which could cut it off
    last.scroll_into_view_if_needed()
    rest(page)
    assert last.evaluate(
        "e => { const {x, y, width} = e.getBoundingClientRect();"
        "return e.contains(document.elementFromPoint(x + width / 2, y + 9)); }"
    )
    page.set_viewport_size({"width": 360, "height": 740})
    narrow = note.bounding_box()
    assert narrow["x"] >= 0
    assert narrow["x"] + narrow["width"] <= 360
    page.context.close()


def test_code_is_folded_until_the_switch_opens_it_everywhere(browser, addresses):
    page = open_page(browser, addresses, CHAPTER)
    folds = page.locator(FOLDS)
    button = page.get_by_role("button", name="Show code")
    assert folds.count() > 20
    assert button.get_attribute("aria-pressed") == "false"
    assert not any(fold.evaluate("e => e.open") for fold in folds.all())
    assert page.locator("div.tag_check pre").first.is_visible()
    button.click()
    assert all(fold.evaluate("e => e.open") for fold in folds.all())
    page.goto(page.url.replace("/he.", "/xavier."))
    page.wait_for_selector(".code-switch[aria-pressed=true]")
    assert all(fold.evaluate("e => e.open") for fold in page.locator(FOLDS).all())
    page.context.close()


def test_the_verdicts_can_be_filtered(browser, addresses):
    page = open_page(browser, addresses, VERDICTS)
    shown = page.locator(".verdict-list").first.locator(".verdict-item:visible")
    assert shown.count() == 25
    button = page.locator(".verdict-filter").first.get_by_role("button", name="upheld")
    count = int(button.inner_text().split("(")[1].rstrip(")"))
    button.click()
    assert shown.count() == count < 25
    assert {one.get_attribute("data-verdict") for one in shown.all()} == {"upheld"}
    assert page.get_by_role("status").first.inner_text() == f"{count} of 25 shown"
    page.context.close()


def test_without_scripts_every_claim_shows_and_every_fold_opens(browser, addresses):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{addresses['server']}{VERDICTS}.html")
    assert page.locator(".verdict-list").first.locator(".verdict-item:visible").count() == 25
    fold = page.locator(FOLDS).first
    fold.locator("summary").click()
    assert fold.locator("pre").first.is_visible()
    context.close()


def test_what_is_asked_for_early_is_there(site):
    for name in (LANDING, CHAPTER):
        page = (site / f"{name}.html").read_text(encoding="utf-8")
        fonts = re.findall(r'"([^"]*)"', re.search(r"href of \[(.*?)\]", page)[1])
        assert len(fonts) in (1, 3)
        assert all((site / name).parent.joinpath(font).resolve().is_file() for font in fonts)
