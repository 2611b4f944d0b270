"""The decision guide in a browser: it answers as Python does, by menu, number, link and keyboard."""

from html import unescape
from itertools import islice
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from site_under_test import BRIEF, Visit, wait_for
from site_under_test import _colours as colours

from initlib import explorers, frameworks
from initlib.explorers.guide import page as made
from initlib.explorers.guide.nets import NETS

SHIFT = """window.shift = 0; new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.shift += one.value;
}).observe({type: "layout-shift", buffered: true})"""


@pytest.fixture
def guide(browser, serve, tmp_path):
    """Open a page that holds the guide as the book does; it must have met no problem at the end."""
    contexts, visits = [], []

    def open_page(at="", theme="light", **options):
        html = explorers.guide()._repr_html_()
        (tmp_path / "page.html").write_text(
            f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">'
            '<title>Guide</title><meta name="viewport" content="width=device-width">'
            f'<link rel="icon" href="data:,">{colours(theme)}</head><body><main class="bd-article">{html}'
            "<p>What follows.</p></main></body></html>",
            encoding="utf-8",
        )
        contexts.append(browser.new_context(**options))
        contexts[-1].add_init_script(SHIFT)
        visits.append(Visit(contexts[-1], serve(tmp_path)))
        visits[-1].open(f"page.html{at}")
        return visits[-1].page

    yield open_page
    for visit in visits:
        assert visit.problems == []
    for context in contexts:
        context.close()


def answer(page):
    return page.locator(".answer").inner_html()


def title(page):
    return page.locator(".answer .rule b").inner_text()


def menu(page, name):
    return page.get_by_role("combobox", name=name)


def number(page, name):
    return page.get_by_role("spinbutton", name=name)


def fields(page):
    """Return the names of the fields that are shown."""
    seen = page.locator(".initlib-guide :is(select, input)").filter(visible=True)
    return [one.get_attribute("name") for one in seen.all()]


def settle(page):
    page.wait_for_timeout(450)


def settings():
    """Return settings of every net, each activation and normalisation, at odd depths and widths."""
    for net in NETS:
        for norm in net.norms:
            for i, activation in enumerate(net.activations(norm) or [net.activation]):
                yield {
                    "net": net.name, "activation": activation, "normalisation": norm,
                    "depth": (3, 17, 64)[i % 3], "width": (50, 1000, 8192, 334)[i % 4],
                    "steps": (10, 60)[i % 2], "framework": frameworks.NAMES[i % 3],
                }  # fmt: skip


def test_the_browser_answers_as_python_does_everywhere(guide):
    page = guide()
    plain = "document.querySelector('.answer').innerHTML"
    parse = "(html) => Object.assign(document.createElement('section'), {innerHTML: html}).innerHTML"
    same = 0
    for at in settings():
        page.evaluate(f"location.hash = '#guide?{urlencode(at)}'")
        wait_for(page, f"document.querySelector('[name=net]').value === '{at['net']}'")
        page.evaluate("new Promise((done) => setTimeout(done))")
        shown = page.evaluate(plain).replace(' hidden=""', "")
        wanted = page.evaluate(parse, made.first(at)).replace(' hidden=""', "")
        assert shown == wanted, at
        same += 1
    assert same > 80


def test_the_first_answer_is_there_before_any_script_and_nothing_moves(guide):
    page = guide()
    assert title(page) == "He (Kaiming) initialization: plain ReLU"
    settle(page)
    assert page.evaluate("window.shift") == 0
    without = guide(java_script_enabled=False)
    assert title(without) == title(page)
    assert without.locator("pre:visible").count() == 1
    assert not without.locator("form").is_visible()
    assert without.get_by_text("The menus need JavaScript").is_visible()


def test_another_network_brings_what_is_usual_for_it(guide):
    page = guide()
    menu(page, "Your network").select_option("llama")
    assert title(page) == "Pre-norm transformer, SwiGLU"
    assert menu(page, "Activation").input_value() == "swiglu"
    assert number(page, "Blocks").input_value() == "12"
    menu(page, "Your network").select_option("lora")
    assert title(page) == "Low-rank update (LoRA)"
    assert fields(page) == ["net", "width", "framework", "framework", "framework"]
    menu(page, "Your network").select_option("lstm")
    number(page, "Steps to remember").fill("100")
    assert title(page) == "LSTM, long memory"


def test_every_depth_and_width_can_be_typed(guide):
    page = guide()
    menu(page, "Activation").select_option("gelu")
    number(page, "Layers").fill("14")
    assert title(page) == "Plain GELU, below fifteen layers"
    number(page, "Layers").fill("15")
    assert title(page) == "Plain GELU, deep"
    number(page, "Width").fill("777")
    page.get_by_label("JAX").check()
    assert "(777, 777)" in page.locator("pre:visible").first.inner_text()


@pytest.mark.parametrize("typed", ["0", "", "2.5", "100000"])
def test_a_number_that_is_none_is_said_and_the_last_answer_stays(guide, typed):
    page = guide()
    before = answer(page)
    number(page, "Width").fill(typed)
    assert "a whole number from 1 to 65536" in page.locator(".note").inner_text()
    assert answer(page) == before
    number(page, "Width").fill("12")
    assert not page.locator(".note").is_visible()
    assert answer(page) != before


def test_a_depth_without_a_rule_says_so_and_names_the_nearest(guide):
    page = guide("#guide?activation=softplus&depth=30")
    assert title(page) == "No rule for this depth"
    assert "Plain softplus, shallow, for 1 to 3 layers" in page.locator(".answer").inner_text()


def test_the_address_follows_and_leads(guide):
    page = guide("#guide?net=gpt&depth=37&framework=Keras")
    assert "blocks" not in page.locator("pre:visible").first.inner_text()  # Keras is chosen
    page.get_by_label("PyTorch").check()
    assert "blocks=37" in page.locator("pre:visible").first.inner_text()
    number(page, "Width").fill("96")
    settle(page)
    address = page.evaluate("location.hash")
    assert address == "#guide?net=gpt&activation=gelu&depth=37&width=96&framework=PyTorch"
    page.evaluate("location.hash = '#guide?net=resnet'")
    wait_for(page, "document.querySelector('[name=net]').value === 'resnet'")
    page.go_back()
    wait_for(page, "document.querySelector('[name=width]').value === '96'")
    page.get_by_role("button", name="Reset").click()
    assert title(page) == "He (Kaiming) initialization: plain ReLU"


def test_a_link_says_what_of_it_is_not_known(guide):
    page = guide("#guide?net=perceptron&depth=-3&normalisation=layer")
    words = page.locator(".note").inner_text()
    assert "network “perceptron”" in words
    assert "depth “-3”" in words
    assert title(page) == "LeCun initialization: layer normalization, plain"
    assert title(guide("#guide?architecture=transformer")) == "Pre-norm transformer, GELU"


def test_link_and_code_are_copied(guide):
    page = guide()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy", exact=True).first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == unescape(page.locator("pre").first.inner_text())
    page.get_by_role("button", name="Copy link").click()
    wait_for(page, "navigator.clipboard.readText().then((text) => text.includes('#guide?net=mlp'))")


def test_the_keyboard_reaches_everything_in_order(guide):
    page = guide()
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("(document.activeElement.name || document.activeElement.textContent).trim()")
        )
    names = ["net", "activation", "normalisation", "depth", "width", "framework", "Reset", "Copy link"]
    assert reached[: len(names)] == names
    assert {"Copy", "In one line, with initlib", "Layer by layer"} <= set(reached)
    menu(page, "Your network").focus()
    page.keyboard.type("cnn")
    settle(page)
    assert "onvolutions, ReLU" in title(page)
    assert page.get_by_role("status").inner_text().startswith("Answer: ")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(guide, theme):
    for net in islice(NETS, 0, None, 4):
        page = guide(f"#guide?net={net.name}", theme)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        found = Axe().run(page, context={"include": [".initlib-guide"]}, options=BRIEF).response["violations"]
        assert [f"{one['id']}: {node['html'][:150]}" for one in found for node in one["nodes"]] == []


def test_axe_sees_a_field_without_a_name(guide):
    page = guide()
    page.evaluate("document.querySelector('[name=depth]').previousElementSibling.remove()")
    found = Axe().run(page, context={"include": [".initlib-guide"]}).response["violations"]
    assert "label" in {one["id"] for one in found}


@pytest.mark.parametrize("net", ["mlp", "bert", "lstm", "mup-gpt"])
def test_nothing_is_cut_on_a_phone(guide, net):
    page = guide(f"#guide?net={net}", viewport={"width": 360, "height": 700}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    low = page.eval_on_selector_all(
        "select, input[type=number], button:not([hidden])",
        "all => all.filter((e) => e.offsetHeight && e.getBoundingClientRect().height < 24).length",
    )
    assert low == 0


def test_on_the_page_of_the_book_it_is_alive(browser, addresses):
    for way, home in addresses.items():
        with browser.new_context() as context:
            visit = Visit(context, home)
            page = visit.open("book/conclusion/which-initialization.html")
            menu(page, "Your network").select_option("gpt")
            assert title(page) == "Pre-norm transformer, GELU", way
            assert visit.problems == []
