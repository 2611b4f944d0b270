"""Every page of the book, opened in a real browser: on a server, in a folder of a server, by double click."""

import re

import pytest
from site_under_test import Visit, excess_width, pages, unexplained_pictures, unrendered_math, wait_for

WIDTHS = (360, 800, 1280)


@pytest.fixture(scope="module")
def context(browser):
    with browser.new_context() as context:
        yield context


@pytest.mark.parametrize("way", ["server", "subfolder", "file"])
@pytest.mark.parametrize("name", pages())
def test_a_page_opens_without_a_problem(context, addresses, name, way):
    visit = Visit(context, addresses[way])
    page = visit.open(f"{name}.html")
    assert visit.problems == []
    assert unrendered_math(page) == []
    assert unexplained_pictures(page) == []
    assert page.locator(".jupyter-widgets-error-widget").count() == 0
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


def test_a_slow_machine_meets_no_error(context, addresses):
    """anywidget gives up on a model after two seconds, which on a slow machine is too soon."""
    visit = Visit(context, addresses["subfolder"])
    context.new_cdp_session(visit.page).send("Emulation.setCPUThrottlingRate", {"rate": 20})
    visit.open("book/reference/explorers.html")
    visit.page.wait_for_timeout(2500)
    assert visit.problems == []
    visit.page.close()


def test_formulas_stand_without_javascript(browser, addresses):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{addresses['subfolder']}book/techniques/he.html")
        assert page.locator(".katex math").count() > 20
        assert "\\(" not in page.locator("article").inner_text()


def test_no_first_screen_waits_for_the_widgets(context, addresses):
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{addresses['subfolder']}book/techniques/he.html", wait_until="networkidle")
    assert not [url for url in asked if "widgets" in url]
    page.locator(".initlib-explorer-note").first.scroll_into_view_if_needed()
    page.wait_for_selector(".initlib-explorer [role=slider]")
    page.close()


def test_every_page_describes_itself_in_words_of_its_own(site):
    found = {name: (site / f"{name}.html").read_text() for name in pages()}
    described = {
        name: re.search(r'<meta content="([^"]+)" name="description"', html)[1]
        for name, html in found.items()
    }
    assert len(set(described.values())) == len(described)
    assert {name: text for name, text in described.items() if not 20 < len(text) <= 160} == {}
    assert [name for name, html in found.items() if html.count('name="viewport"') != 1] == []
