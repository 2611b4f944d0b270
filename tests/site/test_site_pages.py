"""Every page of the book, opened in a real browser: on a server, in a folder of a server, by double click."""

import re

import pytest
from resting import rest
from site_under_test import Visit, excess_width, pages, unexplained_pictures, unrendered_math, wait_for

SHIFT = 0.05
WATCH_SHIFT = """window.shift = 0; new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shift += one.value;
}).observe({type: "layout-shift", buffered: true})"""
WIDTHS = (320, 360, 800, 1280)  # 320: a window of 1280 enlarged four times


@pytest.fixture(scope="module")
def context(browser):
    with browser.new_context() as context:
        yield context


ROOT_PAGES = ("book/intro", "book/techniques/he", "book/reference/explorers")


@pytest.mark.parametrize(
    ("name", "way"),
    [
        *((name, way) for way in ("subfolder", "file") for name in pages()),
        *((name, "server") for name in ROOT_PAGES),  # an address that holds in a subfolder holds at the root
    ],
)
def test_a_page_opens_without_a_problem(context, addresses, name, way):
    visit = Visit(context, addresses[way])
    page = visit.open(f"{name}.html")
    assert visit.problems == []
    assert unrendered_math(page) == []
    assert page.locator(".jupyter-widgets-error-widget").count() == 0
    if way == "subfolder":  # the others show the same
        assert unexplained_pictures(page) == []
        assert {width: excess_width(page, width) for width in WIDTHS} == dict.fromkeys(WIDTHS, 0)
    page.close()


@pytest.mark.parametrize("name", pages())
def test_a_page_loads_the_widget_runtime_only_if_it_has_widgets(site, name):
    html = (site / f"{name}.html").read_text()
    assert ("assets/widgets.js" in html) == ("application/vnd.jupyter.widget-view+json" in html)


@pytest.mark.parametrize("name", pages())
def test_a_number_and_its_percent_sign_stay_on_one_line(site, name):
    html = re.sub(r"<(script|pre|style|code)\b.*?</\1>", "", (site / f"{name}.html").read_text(), flags=re.S)
    assert re.findall(r".*\d %", re.sub(r"<[^>]+>", "", html)) == []


def test_the_front_page_leads_to_the_book(context, addresses):
    visit = Visit(context, addresses["subfolder"])
    page = visit.page
    page.goto(visit.home)
    page.wait_for_url(f"**/{pages()[0]}.html")
    assert visit.problems == []
    page.close()


def test_search_finds_a_page(context, addresses):
    visit = Visit(context, addresses["subfolder"])
    page = visit.open("search.html?q=initialization")
    page.wait_for_selector("#book-search-results li a")
    assert visit.problems == []
    page.close()


@pytest.mark.parametrize(
    "attack",
    [
        "const s = document.createElement('script'); s.text = 'window.hit = 1'; document.body.append(s)",
        "document.body.insertAdjacentHTML('beforeend', '<img src=x: onerror=\\'window.hit = 1\\'>')",
        "const s = document.createElement('script'); s.src = 'data:text/javascript,window.hit=1';"
        "document.body.append(s)",
    ],
)
def test_an_injected_script_is_refused(context, addresses, attack):
    page = context.new_page()
    page.goto(f"{addresses['subfolder']}{pages()[0]}.html")
    page.evaluate(
        "addEventListener('securitypolicyviolation', (event) => (window.refused = event.blockedURI))"
    )
    page.evaluate(attack)
    wait_for(page, "window.refused")
    assert page.evaluate("window.hit") is None
    page.close()


# What a page gives up on after some seconds, it gives up on at once: so a machine seems that is slow enough.
IMPATIENT = """window.impatient = 0;
AbortSignal.timeout = (wait => () => (window.impatient++, wait(0)))(AbortSignal.timeout.bind(AbortSignal));"""


def test_a_slow_machine_meets_no_error(context, addresses):
    """anywidget gives up on a model after two seconds, which on a slow machine is too soon."""
    visit = Visit(context, addresses["subfolder"])
    visit.page.add_init_script(IMPATIENT)
    visit.open("book/reference/explorers.html")
    assert visit.page.evaluate("window.impatient") > 0
    assert visit.problems == []
    visit.page.close()


def test_code_is_copied_without_prompts_and_outputs(browser, addresses):
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = Visit(context, addresses["server"]).open("book/reference/api.html")
        block = page.locator("div.highlight:has(.gp):has(.go)").first
        block.hover()
        block.locator(".copybtn").click()
        wait_for(page, "navigator.clipboard.readText().then(Boolean)")
        shown = block.locator("pre").text_content().splitlines()
        code = [line[4:] for line in shown if line.startswith((">>> ", "... "))]
        assert page.evaluate("navigator.clipboard.readText()") == "\n".join(code)


def test_formulas_stand_without_javascript(browser, addresses):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{addresses['subfolder']}book/techniques/he.html")
        assert page.locator(".katex math").count() > 20
        assert "\\(" not in page.locator("article").inner_text()


def test_every_page_describes_itself_in_words_of_its_own(site):
    found = {name: (site / f"{name}.html").read_text() for name in pages()}
    described = {
        name: re.search(r'<meta content="([^"]+)" name="description"', html)[1]
        for name, html in found.items()
    }
    assert len(set(described.values())) == len(described)
    assert {name: text for name, text in described.items() if not 20 < len(text) <= 160} == {}
    assert [name for name, html in found.items() if html.count('name="viewport"') != 1] == []


@pytest.mark.parametrize("act", ["pointer", "wheel", "key"])
def test_widgets_wait_for_the_reader_and_come_at_any_act(context, addresses, act):
    page = context.new_page()
    page.add_init_script(WATCH_SHIFT)
    page.goto(f"{addresses['server']}book/intro.html")
    rest(page)
    assert page.locator(".widget-subarea").count() == 0
    assert page.locator(".initlib-explorer-note").last.is_visible()
    {
        "pointer": lambda: page.mouse.move(100, 100),
        "wheel": lambda: page.mouse.wheel(0, 10),
        "key": lambda: page.keyboard.press("Tab"),
    }[act]()
    wait_for(page, "document.querySelector('.initlib-explorer-still')")
    rest(page)
    assert page.evaluate("window.shift") < SHIFT


STOP = """(() => {
  const one = document.activeElement;
  const label = one.matches(".sd-tab-set > input") ? [one.nextElementSibling] : []; // it is out of sight
  const styles = [one, ...label].map((shown) => getComputedStyle(shown));
  styles.push(getComputedStyle(one, "::after"));
  const seen = styles.some(
    ({outlineStyle, outlineWidth, boxShadow}) =>
      (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none"
  );
  one.dataset.reached = "";
  return [one === document.body ? "end" : one.outerHTML.slice(0, 120), seen];
})()"""
UNREACHED = """[...document.querySelectorAll(
  "a[href], button, input, select, summary, textarea, [tabindex='0']")]
  .filter((one) => one.checkVisibility({visibilityProperty: true}) && one.tabIndex >= 0 && !one.disabled)
  .filter((one) => !one.matches("[type=radio], [type=hidden]") && !("reached" in one.dataset))
  .filter((one) => !one.closest(".initlib-lab .story")) // written anew while the lab trains
  .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(
    "name", ["book/intro", "book/conclusion/which-initialization", "book/techniques/zero"]
)
def test_tab_reaches_everything_and_is_seen_where_it_stands(context, addresses, name):
    page = Visit(context, addresses["server"]).open(f"{name}.html")
    page.mouse.move(100, 100)  # the first act, after which widgets come where the reader is
    for place in range(0, page.evaluate("document.documentElement.scrollHeight"), 600):
        page.evaluate("(place) => scrollTo(0, place)", place)
        page.wait_for_timeout(30)
    rest(page)
    page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
    unseen = []
    for _ in range(1000):
        page.keyboard.press("Tab")
        stop, seen = page.evaluate(STOP)
        if stop == "end":
            break
        if not seen:
            unseen.append(stop)
    assert stop == "end"
    assert not unseen, unseen
    assert page.evaluate(UNREACHED) == []


def test_where_motion_is_unwanted_nothing_moves(browser, addresses):
    with browser.new_context(reduced_motion="reduce") as context:
        page = Visit(context, addresses["server"]).open("book/intro.html")
        page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        page.keyboard.press("Control+k")
        moving = page.evaluate(
            "document.getAnimations().filter((a) => a.effect.getComputedTiming().duration > 1).length"
        )
        assert moving == 0
