"""The steps of the extension `finish`, each on a page made for it."""

import io
import json
import re
import sys

import pytest
from fontTools.ttLib import TTFont
from PIL import Image, ImageChops, ImageStat
from site_under_test import ROOT

sys.path.insert(0, str(ROOT / "site" / "extensions"))

from finish import (
    access,
    first_screen,
    fonts,
    formulas,
    heights,
    labs,
    metadata,
    pictures,
    policy,
    scripts,
    search,
    styles,
    widgets,
)
from finish.page import Page

KATEX = formulas.SOURCE / "katex"
BOOK = metadata.Book("The Book", ["Ada"], "2026-01-02", "https://ada.github.io/book/", "book/intro.html")


@pytest.fixture
def page(tmp_path):
    """Make a page of a site with a given body and head; it lies two folders deep."""

    def make(body: str, head: str = "<title>t</title>", name: str = "book/part/page.html") -> Page:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "_static").mkdir(exist_ok=True)
        path.write_text(
            f'<html><head><meta charset="utf-8"/>{head}</head>'
            f'<body><main id="main-content">{body}</main></body></html>'
        )
        return Page(tmp_path.resolve(), path.resolve())

    return make


# ---- formulas


def test_a_formula_becomes_html_and_mathml_and_keeps_its_number(page):
    one = page(
        r'<span class="math">\(x^2\)</span>'
        r'<div class="math"><span class="eqno">(1)</span>\[\begin{split}y\end{split}\]</div>'
    )
    formulas.typeset([one])
    assert len(one.soup.select(".katex math")) == 2
    assert one.soup.select_one("div.math .eqno").get_text() == "(1)"
    assert one.soup.select_one("div.math .katex-display")
    assert "\\(" not in one.soup.get_text()


def test_a_formula_that_katex_cannot_read_stops_the_build(page):
    with pytest.raises(ValueError, match="could not be typeset"):
        formulas.typeset([page(r'<span class="math">\(\frac{1}\)</span>')])


# ---- fonts and styles


def test_a_font_is_cut_to_the_letters_in_use(tmp_path):
    source = KATEX / "fonts" / "KaTeX_Main-Regular.ttf"
    fonts.cut(source, {"x", "2"}, tmp_path / "cut.woff")
    with TTFont(tmp_path / "cut.woff") as font:
        assert set(font.getBestCmap()) == {ord("x"), ord("2")}
    assert (tmp_path / "cut.woff").stat().st_size < source.stat().st_size / 10


def test_the_rules_of_a_font_face_name_the_cut_font(tmp_path):
    sources = 'url(fonts/KaTeX_Main-Regular.woff2) format("woff2"),url(fonts/KaTeX_Main-Regular.ttf)'
    css = f"@font-face{{font-family:M;src:{sources}}}"
    found = fonts.cut_faces(css, KATEX, {"x"}, tmp_path / "out", "fonts/")
    assert found == '@font-face{font-family:M;src:url(fonts/KaTeX_Main-Regular.woff) format("woff")}'
    assert (tmp_path / "out" / "KaTeX_Main-Regular.woff").is_file()


def test_a_font_face_without_a_truetype_font_stays(tmp_path):
    face = '@font-face{font-family:"Serif";src:url("../assets/serif.woff2") format("woff2")}'
    assert fonts.cut_faces(face, KATEX, {"x"}, tmp_path, "fonts/") == face


def test_icons_are_found_escaped_and_as_they_are():
    assert fonts.icons('.a:before{content:"\\f002"} .b{--i:"\uf003"} .c{content:"x"}') == {"\uf002", "\uf003"}


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        (".known a, .unknown a {color: red}", ".known a{color: red}"),
        (".known:not(.unknown) {color: red}", ".known:not(.unknown){color: red}"),
        ("#unknown {color: red}", ""),
        ("@media print {.unknown {color: red}}", ""),
        ("@media print {.known {color: red}}", "@media print {.known{color: red}}"),
        ("/* said */ p {color: red}", "p{color: red}"),
    ],
)
def test_a_rule_stays_if_an_element_can_have_its_classes(css, kept):
    assert styles.prune(css, {"known"}) == kept


def test_style_sheets_are_joined_with_addresses_that_lead_on(page):
    one = page(
        '<p class="red blue"></p>', '<title>t</title><link rel="stylesheet" href="../../css/a.css?v=1"/>'
    )
    (one.site / "css").mkdir()
    (one.site / "css" / "a.css").write_text('@import "b.css"; .red {background: url(a.svg)}')
    (one.site / "css" / "b.css").write_text(".blue {color: blue}")
    (one.site / "css" / "a.svg").touch()
    styles.join([one], [], "")
    css = (one.site / "_static" / "site.css").read_text()
    assert css.index(".blue") < css.index(".red")
    assert 'url("../css/a.svg")' in css
    assert [link["href"] for link in one.soup.select("link")] == ["../../_static/site.css"]
    assert (ROOT / "site" / "public" / styles.FONT).is_file()


def test_the_fonts_of_formulas_come_early_where_there_are_formulas(page):
    one, other = page("<p class='katex'></p>"), page("<p></p>", name="other.html")
    styles.join([one, other], [], "")
    asked = [re.findall(r'"([^"]*\.woff2?)"', some.soup.script.get_text()) for some in (one, other)]
    assert asked == [[f"../../{font}" for font in (styles.FONT, *styles.FORMULA_FONTS)], [styles.FONT]]


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        ("p{--a: 1;color: var(--a)}", "p{--a: 1;color: var(--a);}"),
        ("p{--a: 1;color: red}", "p{color: red;}"),
        ("p{--a: 1} b{color: red}", "b{color: red;}"),
        ("p{--inside: 1;--a: var(--inside)}", ""),
        ("p{--asked-by-script: 1}", "p{--asked-by-script: 1;}"),
        ("@media print{p{--a: 1;color: red}}", "@media print{p{color: red;}}"),
        ("p{& > b{--a: 1;color: red}}", "p{& > b{--a: 1;color: red}}"),
    ],
)
def test_a_custom_property_that_nothing_reads_is_dropped(css, kept):
    assert styles.without_unread(css, {"--asked-by-script"}) == kept


# ---- scripts


def test_scripts_are_joined_and_what_no_page_needs_is_dropped(page):
    one = page(
        '<button onclick="window.print()"></button><script>let hint = "x";</script>'
        "<script>kernelName = 'python3'</script><script type='application/json'>{}</script>",
        '<title>t</title><script src="../../_static/a.js"></script>'
        '<script src="../../_static/scripts/fontawesome.js"></script>',
    )
    (one.site / "_static" / "a.js").write_text(
        "var first = 1; //# sourceMappingURL=a\n//# sourceMappingURL=a.js.map"
    )
    scripts.drop_handlers(one)
    scripts.join(one)
    (script,) = one.soup.select("script[src]")
    code = (one.site / "_static" / script["src"].rsplit("/", 1)[1]).read_text()
    assert code.index("var first") < code.index('let hint = "x"') < code.index("beforeprint")
    assert "kernelName" not in code
    assert "sourceMappingURL=a.js" not in code
    assert [element.get("type") for element in one.soup.select("body script")] == ["application/json"]
    assert not one.soup.select("[onclick]")
    assert one.head.find("script").get_text() == scripts.COLORS


def test_the_themes_script_no_longer_asks_every_box_for_its_size(page):
    script = '<title>t</title><script src="../../_static/pydata-sphinx-theme.js"></script>'
    one = page("<p></p>", script)
    (one.site / "_static" / "pydata-sphinx-theme.js").write_text(
        f"document.querySelectorAll({scripts.THEMES_BOXES})"
    )
    scripts.join(one)
    (found,) = one.soup.select("script[src]")
    assert "nboutput" not in (one.site / "_static" / found["src"].rsplit("/", 1)[1]).read_text()


def test_another_script_of_the_theme_stops_the_build(page):
    one = page("<p></p>", '<title>t</title><script src="../../_static/pydata-sphinx-theme.js"></script>')
    (one.site / "_static" / "pydata-sphinx-theme.js").write_text("document.querySelectorAll(boxes)")
    with pytest.raises(ValueError, match="changed"):
        scripts.join(one)


# ---- pictures


def test_pictures_get_sizes_the_smaller_format_and_wait(page):
    one = page("<article class='bd-article'><img src='../../a.png'/><img src='../../a.png'/></article>")
    Image.linear_gradient("L").resize((300, 200)).convert("RGB").save(one.site / "a.png")
    pictures.settle(one)
    first, second = one.soup.select("img")
    assert (first["src"], first["width"], first["height"]) == ("../../a.webp", "300", "200")
    assert "loading" not in first.attrs
    assert second["loading"] == "lazy"
    with Image.open(one.site / "a.webp") as webp, Image.open(one.site / "a.png") as png:
        assert webp.convert("RGB").tobytes() == png.tobytes()


def cell(model: str) -> str:
    view = json.dumps({"model_id": model})
    return (
        f'<div class="cell_output"><img src="a.png"/>'
        f'<script type="application/vnd.jupyter.widget-view+json">{view}</script></div>'
    )


def with_widgets(page, models: dict[str, dict]) -> Page:
    kind = "application/vnd.jupyter.widget-state+json"
    state = f'<script type="{kind}">{json.dumps({"state": models})}</script>'
    return page("".join(map(cell, models)), f"<title>t</title>{state}")


def test_a_figure_of_a_cell_stands_in_a_frame_that_the_keyboard_reaches(page):
    one = page('<img width="500"/><div class="cell_output"><img width="500"/><img/></div>')
    pictures.frame(one)
    [framed] = one.soup.select("[role=group][tabindex='0'][aria-label]")
    assert framed.parent["class"] == ["cell_output"]
    assert [child.name for child in framed.children] == ["img"]
    assert framed["style"] == f"--least: {round(500 * pictures.READABLE)}px"


def test_a_lab_gets_a_button_before_its_still_picture_and_others_none(page):
    small, whole = ({"state": {"spec": {"start": {}, "compact": compact}}} for compact in (True, False))
    one = with_widgets(page, {"a": small, "b": whole, "c": {"state": {"spec": {"panels": []}}}})
    labs.add_doors(one)
    outputs = one.soup.select(".cell_output")
    assert [next(one.children).name for one in outputs] == ["button", "button", "img"]
    doors = [(door["type"], door.get_text()) for door in one.soup.select(".initlib-lab-door")]
    assert doors == [("button", labs.TRAIN), ("button", labs.OPEN)]


def test_heat_maps_keep_their_shades_and_curves_do_not(page):
    models = {
        "map": {"state": {"children": ["IPY_MODEL_inner", "IPY_MODEL_map"]}},
        "inner": {"state": {"spec": {"panels": [{"kind": "lines"}, {"kind": "heatmap"}]}}},
        "curve": {"state": {"spec": {"panels": [{"kind": "lines"}]}}},
    }
    one = with_widgets(page, models)
    pictures.keep_shades(one)
    assert [image.get("class", []) for image in one.soup.select("img")] == [["as-drawn"], ["as-drawn"], []]


# ---- heights


@pytest.mark.parametrize(
    ("html", "lines", "pixels"),
    [
        ("<p>short</p>", 1 + heights.GAP, 0),
        (f"<p>{'word ' * 30}</p>", 2 + heights.GAP, 0),
        ('<p>x<span class="katex-mathml">' + "y" * 500 + "</span></p>", 1 + heights.GAP, 0),
        ('<div><img width="1504" height="400"/></div>', heights.GAP, 200),
        ("<details><summary>more</summary><p>hidden</p></details>", 1 + heights.GAP, 0),
        ("<details open><summary>more</summary><p>shown</p></details>", 2 + 2 * heights.GAP, 0),
        ("<table><tr><td>a</td><td>" + "word " * 17 + "</td></tr></table>", 3.4, 0),
        ("<script>let a;</script>", 0, 0),
    ],
)
def test_a_height_is_guessed_from_what_is_shown(page, html, lines, pixels):
    one = page(f"<article class='bd-article'><section><section>{html}</section></section></article>")
    assert heights.guess(one.soup.select_one("section section")) == (pytest.approx(lines), pixels)
    heights.leave_room(one)
    assert f"--pictures: {pixels}px" in one.soup.select_one("section section")["style"]


# ---- first screen


def test_code_follows_the_first_picture_where_an_answer_comes_next(page):
    cell = (
        '<div class="cell"><details class="hide above-input"></details><div class="cell_output"></div></div>'
    )
    one = page(f'<article class="bd-article">{cell}<div class="in-short"></div>{cell}</article>')
    first_screen.show_picture(one)
    orders = [[part["class"][-1] for part in found(recursive=False)] for found in one.soup.select(".cell")]
    assert orders == [["cell_output", "above-input"], ["above-input", "cell_output"]]


def test_a_page_without_an_answer_in_short_stays(page):
    one = page('<article class="bd-article"><p></p></article>')
    before = one.soup.decode()
    first_screen.show_picture(one)
    assert one.soup.decode() == before


# ---- widgets


def test_widget_state_waits_in_a_file_and_shares_its_components(page):
    kind = "application/vnd.jupyter.widget-state+json"
    model = {"state": {"_esm": "export default 1 < 2 </script>", "value": 1}}
    state = json.dumps({"state": {"a": model, "b": model}}).replace("</", "<\\/")
    runtime = '<script defer src="../../assets/widgets.js"></script>'
    one = page("<p></p>", f'<title>t</title><script type="{kind}">{state}</script>{runtime}')
    widgets.load_late(one)
    one.save()
    last = Page(one.site, one.path).body.find_all(recursive=False)[-1]
    assert last.get_text() == ""
    *waiting, runtime = last["data-scripts"].split()
    assert runtime == "../../assets/widgets.js"
    shared, to_page = ((one.site / "_static" / name.rsplit("/", 1)[1]).read_text() for name in waiting)
    found = json.loads(to_page.removeprefix(widgets.TO_PAGE).removesuffix(");"))["state"]
    key = found["a"]["state"]["_esm"]
    assert found["b"]["state"] == {"_esm": key, "value": 1}
    assert key.removeprefix("shared:") in shared


# ---- access


def test_names_are_what_is_written_and_wrong_roles_go(page):
    one = page(
        '<details><summary aria-label="Toggle hidden content">Show the answer</summary></details>'
        '<div role="list"><div class="citation" role="doc-biblioentry">x</div></div>'
        '<div id="pst-primary-sidebar"></div><button class="sidebar-toggle" title="Toggle sidebar"></button>'
    )
    access.mend(one)
    assert "aria-label" not in one.soup.summary.attrs
    assert not one.soup.select('main [role="list"], [role="doc-biblioentry"]')
    assert one.soup.select_one("#pst-primary-sidebar")["role"] == "complementary"
    assert one.soup.button["aria-label"] == "Toggle sidebar"


# ---- metadata


def test_a_page_says_what_it_is(page):
    one = page(
        "<article class='bd-article'><section id='a'><h1>He<a class='headerlink'>#</a></h1>"
        "<p><em>About 5 minutes to read; the cells run in 3 seconds.</em></p><p>A rule. For ReLU.</p>"
        "<img src='../../a.png' alt='What it shows'/></section></article>"
    )
    (one.site / "a.png").touch()
    metadata.describe(one, BOOK)
    content = {
        tag.get("name") or tag.get("property"): tag["content"] for tag in one.soup.select("meta[content]")
    }
    assert one.soup.title.get_text() == "He · The Book"
    assert content["description"] == content["og:description"] == "A rule. For ReLU."
    assert content["og:url"] == "https://ada.github.io/book/book/part/page.html"
    assert content["og:image"] == "https://ada.github.io/book/a.png"
    assert content["citation_author"] == "Ada"
    assert one.soup.select_one('link[rel="canonical"]')["href"] == content["og:url"]
    data = json.loads(one.soup.select_one('script[type="application/ld+json"]').get_text())
    assert data["@type"] == "LearningResource"
    assert data["isPartOf"]["name"] == "The Book"


def test_every_page_wears_the_books_icon_and_the_colors_of_its_paper(page):
    one = page("<p></p>", '<title>t</title><link rel="icon" href="../../_static/other.svg"/>')
    metadata.dress(one)
    metadata.write_root(one.site, one, BOOK)
    metadata.write_missing(one.site, BOOK)
    assert [link["href"] for link in one.soup.select('link[rel~="icon"]')] == ["../../_static/favicon.svg"]
    assert one.soup.select_one('link[rel="apple-touch-icon"]')["href"] == "../../apple-touch-icon.png"
    assert "icon" not in (one.site / "index.html").read_text()  # it leads on at once
    assert 'href="/book/_static/favicon.svg"' in (one.site / "404.html").read_text()
    css = (ROOT / "site" / "public" / "assets" / "book.css").read_text()
    grounds = dict(re.findall(r'\[data-theme="(\w+)"\] {\s*--pst-color-background: (#\w+);', css))
    bars = {meta["media"]: meta["content"] for meta in one.soup.select('meta[name="theme-color"]')}
    assert bars == {f"(prefers-color-scheme: {theme})": color for theme, color in grounds.items()}


def test_the_icon_of_a_phone_is_the_favicon(browser):
    svg = (ROOT / "site" / "favicon.svg").read_text().replace("<svg ", "<svg width=180 height=180 ", 1)
    with browser.new_context(viewport={"width": 180, "height": 180}) as context:
        drawn = context.new_page()
        drawn.set_content(f'<body style="margin: 0; background: #fbfaf6">{svg}')
        shot = Image.open(io.BytesIO(drawn.screenshot())).convert("L")
    with Image.open(ROOT / "site" / "public" / "apple-touch-icon.png") as icon:
        assert icon.size == (180, 180)
        assert ImageStat.Stat(ImageChops.difference(icon.convert("L"), shot)).mean[0] < 2


def test_a_site_without_an_address_claims_none(page):
    one = page("<article class='bd-article'><section><h1>He</h1><p>A rule.</p></section></article>")
    nowhere = metadata.Book("The Book", ["Ada"], "2026-01-02", "", "book/intro.html")
    metadata.describe(one, nowhere)
    metadata.write_map(one.site, [one], nowhere)
    assert "http" not in one.head.decode().replace("https://schema.org", "").replace("https://creative", "")
    assert not (one.site / "sitemap.xml").exists()


def test_the_map_lists_pages_but_not_the_search(page):
    made = [page("", name=name) for name in ("book/intro.html", "search.html")]
    metadata.write_map(made[0].site, made, BOOK)
    listed = (made[0].site / "sitemap.xml").read_text()
    assert listed.count("<loc>") == 1
    assert "https://ada.github.io/book/book/intro.html" in listed
    assert "sitemap.xml" in (made[0].site / "robots.txt").read_text()


@pytest.mark.parametrize(
    ("sentences", "shortened"),
    [
        (["One.", "Two."], "One. Two."),
        (["One.", "A sentence that is too long."], "One."),
        (["A first sentence that is too long."], "A first sentence …"),
    ],
)
def test_a_description_ends_at_a_sentence_or_at_a_word(sentences, shortened):
    assert metadata.shorten(sentences, 20) == shortened


# ---- policy


def test_the_policy_names_the_inline_scripts_by_hash(page):
    one = page("<script>let a = 1;</script><script type='application/json'>{}</script>")
    policy.protect(one)
    content = one.soup.select_one("meta[http-equiv]")["content"]
    assert f"'sha256-{policy.digest('let a = 1;')}'" in content
    assert content.count("sha256") == 1
    assert "unsafe-inline" not in content.split("style-src")[0]


# ---- search


def test_what_the_search_shows_of_a_table_reads_row_by_row(page):
    rows = "<tr><th>GPT-2, std 0.02</th><td><p>0.02 ** 2</p></td><td>0</td></tr><tr><td>LoRA.</td></tr>"
    one = page(
        "<section><h2>Transformers</h2><p>See <a>the guide</a>, or guess</p>"
        "<select><option>CNN</option></select>"
        f"<table><thead><tr><th>rule</th></tr></thead><tbody>{rows}</tbody></table></section>"
    )
    said = "See the guide, or guess. GPT-2, std 0.02 · 0.02 ** 2 · 0. LoRA."
    assert search.text_of(one.soup.section) == said
