"""The search of the built site: what people type, and the section that must come first."""

import re
import tomllib

import pytest
from site_under_test import ROOT, Visit

QUERIES = tomllib.loads((ROOT / "site" / "search.toml").read_text(encoding="utf-8"))["queries"]


@pytest.fixture(scope="module")
def answers(browser, addresses):
    """Return for each query the titles and the excerpts that the search page shows, opened from a file."""
    found = {}
    with browser.new_context() as context:
        for query in QUERIES:
            visit = Visit(context, addresses["file"])
            page = visit.open(f"search.html?q={query.replace(' ', '+')}")
            page.wait_for_selector("#book-search-results li")
            titles = page.locator("#book-search-results a").all_inner_texts()
            found[query] = titles, page.locator("#book-search-results p").all_inner_texts()
            assert visit.problems == []
            page.close()
    return found


@pytest.mark.parametrize("query", QUERIES)
def test_the_right_section_comes_first(answers, query):
    assert answers[query][0][0] == QUERIES[query], answers[query][0][:5]


@pytest.mark.parametrize("query", QUERIES)
def test_excerpts_are_sentences_and_rows_and_no_source(answers, query):
    unclean = re.compile(r"\\|Show code|import |rule weights bias|\.\.|· ?[.·]| [.,;]")
    assert [text for text in answers[query][1] if unclean.search(text)] == []


def test_an_excerpt_shows_the_row_that_has_the_words(answers):
    assert answers["std 0.02"][1][0].startswith("GPT-2\N{RIGHT SINGLE QUOTATION MARK}s scheme, std 0.02 ")


def test_a_query_without_an_answer_says_so(browser, addresses):
    with browser.new_context() as context:
        page = Visit(context, addresses["file"]).open("search.html?q=zzzzqqqq")
        assert page.locator("#book-search-status").inner_text().startswith("Nothing in the book has")


def test_words_are_given_to_sections_that_the_book_has(site):
    index = (site / "_static" / "search-index.js").read_text()
    words = tomllib.loads((ROOT / "site" / "search.toml").read_text())["words"]
    assert set(words) - set(re.findall(r'"url":"([^"]*)"', index)) == set()
