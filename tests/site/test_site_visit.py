"""The page checks themselves: each must see the fault it is there for."""

import re

import pytest
from missing import missing
from site_under_test import Visit, excess_width, unexplained_pictures, unrendered_math

GOOD = """<!doctype html><html lang="en"><head><title>Page</title><link rel="icon" href="data:,"></head>
<body>{}</body></html>"""


@pytest.fixture
def opened(browser, serve, tmp_path):
    """Open a page with a given body and return its visit."""
    with browser.new_context() as context:

        def open_page(body: str) -> Visit:
            (tmp_path / "page.html").write_text(GOOD.format(body))
            visit = Visit(context, serve(tmp_path))
            visit.open("page.html")
            return visit

        yield open_page


def test_a_good_page_has_no_problem(opened):
    visit = opened("<p>Fine.</p>")
    assert visit.problems == []
    assert unrendered_math(visit.page) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<script>console.error('broken')</script>", "console error: broken"),
        ("<script>const a = 1;</script><script>const a = 1;</script>", "page error: .*already been declared"),
        ("<script>Promise.reject(new Error('no kernel'))</script>", "page error: no kernel"),
        ("<img alt='' src='missing.png'>", "status 404: .*missing.png"),
        ("<script src='https://cdn.example.org/library.js'></script>", "third-party request: https://cdn"),
        ("<script>fetch('/outside.json').catch(() => 0)</script>", "status 404"),
    ],
)
def test_a_fault_is_seen(opened, body, problem):
    found = opened(body).problems
    assert any(re.match(problem, entry) for entry in found), found


def test_formulas_left_as_source_are_seen(opened):
    visit = opened(
        '<span class="math">\\(x^2\\)</span><span class="math"><i class="katex"><math></math></i></span>'
    )
    assert unrendered_math(visit.page) == ["\\(x^2\\)"]


@pytest.mark.parametrize("alt", ["", 'alt=""', 'alt="../_images/0a1b2c.png"', 'alt="Figure 1"'])
def test_a_picture_without_words_is_seen(opened, alt):
    visit = opened(f'<article><img {alt} src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></article>')
    assert len(unexplained_pictures(visit.page)) == 1


def test_a_page_too_wide_for_the_window_is_seen(opened):
    page = opened('<body style="margin: 0"><div style="width: 400px">wide</div></body>').page
    assert excess_width(page, 360) == 40
    assert excess_width(page, 400) == 0


def test_a_request_outside_the_folder_is_seen(browser, serve, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "style.css").write_text("p {color: red}")
    (tmp_path / "sub" / "page.html").write_text(GOOD.format("<link rel='stylesheet' href='/style.css'>"))
    with browser.new_context() as context:
        visit = Visit(context, f"{serve(tmp_path)}sub/")
        visit.open("page.html")
        assert any("style.css" in problem for problem in visit.problems)


def test_a_missing_browser_fails_in_ci_and_is_skipped_with_its_remedy_elsewhere(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="a browser is missing: apt-get install chromium"):
        missing("a browser", "apt-get install chromium")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="a browser is missing: apt-get install chromium"):
        missing("a browser", "apt-get install chromium")
