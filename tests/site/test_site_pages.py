"""Every page of the book, opened in a real browser: on a server, in a folder of a server, by double click."""

import re

import pytest
from site_under_test import Visit, excess_width, pages, unexplained_pictures, unrendered_math

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
    page.wait_for_selector("#search-results li a")
    assert visit.problems == []
    page.close()
