"""Every page of the book, opened in a real browser: on a server, in a folder of a server, by double click."""

import pytest
from site_under_test import Visit, pages, unrendered_math


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
    assert page.locator(".jupyter-widgets-error-widget").count() == 0
    page.close()


@pytest.mark.parametrize("name", pages())
def test_a_page_loads_the_widget_runtime_only_if_it_has_widgets(site, name):
    html = (site / f"{name}.html").read_text()
    assert ("assets/widgets.js" in html) == ("application/vnd.jupyter.widget-view+json" in html)


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
    page.wait_for_selector("#search-results li a")
    assert visit.problems == []
    page.close()


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", pages())
def test_nothing_overflows_sideways(browser, addresses, name, width):
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page = Visit(context, addresses["server"]).open(f"{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", pages())
def test_every_picture_says_what_it_shows(context, addresses, name):
    visit = Visit(context, addresses["server"])
    alts = visit.open(f"{name}.html").eval_on_selector_all(
        ".bd-article img", "images => images.map((image) => [image.alt, image.src])"
    )
    for alt, source in alts:
        assert len(alt.split()) >= 3, f"{source}: {alt!r}"
    visit.page.close()
