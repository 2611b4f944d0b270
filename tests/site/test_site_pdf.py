"""The book as one PDF: what is put into the page that is printed, and the file that comes out."""

import re

import pdf
import pytest
from bs4 import BeautifulSoup

FIELDS = {"title": "The Book", "authors": [{"name": "Ada"}], "version": "1", "date-released": "2026-01-02"}
FIRST = """<h1>First<a class="headerlink" href="#first">#</a></h1><section id="why"><h2>Why</h2>
<a href="#why">here</a> <a href="part/second.html#how">there</a>
<a href="part/second.html#signal?depth=3">set</a>
<a href="genindex.html">index</a> <a href="https://example.org/">else</a><script>1</script></section>"""
SECOND = """<h1>Second</h1><section id="why"><h2>How</h2><span id="how"></span>
<a href="../first.html">back</a><img loading="lazy" src="../picture.png">
<div class="cell tag_hide-input"><details><summary>code</summary></details>
<div class="cell_output">4.5</div></div>
<div class="cell tag_hide-cell">checks</div>
<div class="cell tag_solution tag_hide-cell"><details><summary>s</summary>solved</details></div></section>"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "site.css").write_text(
        'p{background:url("../a.svg")} @font-face{font-display: optional}'
    )
    for name, body in (("first", FIRST), ("part/second", SECOND)):
        text = (
            f'<nav>menu</nav><article class="bd-article"><section id="{name[-5:]}">{body}</section></article>'
        )
        (tmp_path / f"{name}.html").write_text(text)
    return pdf.Site(tmp_path, ["first", "part/second"])


def read(site):
    return BeautifulSoup(pdf.one_page(site, FIELDS), "html.parser")


def test_links_lead_on_inside_the_one_page(site):
    page = read(site)
    links = {link.get_text(): link.get("href") for link in page.select("article a")}
    assert links == {
        "here": "#first--why",
        "there": "#part-second--how",
        "set": "#part-second--",
        "index": None,
        "else": "https://example.org/",
        "back": "#first--",
    }
    names = [element["id"] for element in page.select("[id]")]
    assert len(names) == len(set(names))
    assert {link[1:] for link in (a.get("href") for a in page.select("a")) if link and link[0] == "#"} <= {
        *names
    }


def test_a_page_outside_of_the_book_is_linked_where_the_site_has_an_address(site):
    there = pdf.Site(site.folder, site.names, "https://ada.github.io/book/")
    assert there.lead_on("part/second", "../genindex.html") == "https://ada.github.io/book/genindex.html"


def test_the_table_of_contents_has_pages_and_sections(site):
    entries = [(a.get_text(), a["href"]) for a in read(site).select(".print-contents a")]
    assert entries == [
        ("First", "#first--"),
        ("Why", "#first--why"),
        ("Second", "#part-second--"),
        ("How", "#part-second--why"),
    ]


def test_folded_code_is_left_out_and_solutions_are_open(site):
    page = read(site)
    text = page.get_text()
    assert "4.5" in text
    assert "code" not in page.select("article")[1].get_text()
    assert "checks" not in text
    assert "open" in page.select_one(".tag_solution details").attrs
    assert not page.select("script, nav, [loading]")
    assert page.img["src"] == (site.folder / "picture.png").as_uri()
    style = page.style.get_text()
    assert (site.folder / "a.svg").as_uri() in style
    assert "font-display: block" in style


def test_chromium_prints_it_with_an_outline_and_links(browser, site, tmp_path):
    pdf.print_page(browser, pdf.one_page(site, FIELDS), tmp_path / "book.pdf")
    found = (tmp_path / "book.pdf").read_bytes()
    assert found.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", found)) == 4  # title, contents, two pages
    assert b"/Outlines" in found
    assert len(re.findall(rb"/Subtype /Link", found)) >= 9
