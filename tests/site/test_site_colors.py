"""Contrast of letters with their grounds, by day and by night: in figures, and in every style sheet."""

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from site_under_test import ROOT

from initlib import figures

PAPER = {"light": "#fbfaf6", "dark": "#14181b"}
SURFACE = {"light": "#f2efe7", "dark": "#1f252a"}
COLORED_TEXT = re.compile(r"(?:\.text|annotate|set_title|suptitle)\([^()]*?\bcolor=([\w.]+)")
# The Filter Effects specification: hue-rotate(180deg) in linear combinations of red, green and blue.
TURN = np.array([[-0.574, 1.43, 0.144], [0.426, 0.43, 0.144], [0.426, 1.43, -0.856]])


def light(color: np.ndarray) -> float:
    """Return the relative luminance of a color in [0, 1] by WCAG."""
    linear = np.where(color <= 0.03928, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def full(color: str) -> str:
    """Return a color as #rrggbb."""
    return f"#{''.join(2 * digit for digit in color[1:])}" if len(color) == 4 else color


def between(one: np.ndarray, other: np.ndarray) -> float:
    """Return the contrast of two colors by WCAG."""
    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def shown(color: str, theme: str) -> np.ndarray:
    """Return a figure's color as the style sheet shows it in this theme, on the page."""
    ink, paper = rgb(color), rgb(PAPER[theme])
    if theme == "dark":  # invert, turn the hue back, screen
        ink = np.clip(TURN @ (1 - ink), 0, 1)
        return 1 - (1 - ink) * (1 - paper)
    return ink * paper  # multiply


def contrast(color: str, theme: str, ground: str = "#ffffff") -> float:
    """Return the contrast of a figure's color with a ground in the figure, which is white unless told."""
    return between(shown(color, theme), shown(ground, theme))


@pytest.mark.parametrize("theme", PAPER)
def test_the_ink_of_a_figure_can_be_read_by_day_and_by_night(theme):
    assert contrast(figures.INK, theme) >= 4.5
    assert contrast("#E4E4E4", theme) < 2  # the grid stays behind; the sum can tell


@pytest.mark.parametrize("theme", PAPER)
def test_all_letters_of_figures_can_be_read_by_day_and_by_night(theme):
    """All take their color from the style, or, on a map, stand on its paler half."""
    with mpl.rc_context():
        figures.use_style()
        names = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")
        colors = [mpl.colors.to_hex(mpl.rcParams[name]) for name in names]
    assert min(contrast(color, theme) for color in colors) >= 4.5
    ground = mpl.colors.to_hex(mpl.colormaps["Blues"](0.5))
    assert contrast(colors[0], theme, ground) >= 4.5
    texts = [
        call
        for file in [*(ROOT / "book").rglob("*.md"), *(ROOT / "initlib").rglob("*.py")]
        for call in COLORED_TEXT.findall(file.read_text(encoding="utf-8"))
    ]
    assert {color for color in texts if color.rpartition(".")[2] != "INK"} == set()


SHEETS = [
    *(ROOT / "site" / "public" / "assets").glob("*.css"),
    ROOT / "site" / "extensions" / "finish" / "finish.css",
    *(ROOT / "initlib" / "explorers").rglob("*.css"),
]
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
VARIABLE = re.compile(r"var\((--[\w-]+)(?:, *(.*))?\)")


def rules(css: str) -> list[tuple[str, dict[str, str]]]:
    """Return the innermost blocks of a style sheet: selector and declarations."""
    bare = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    return [
        (selector.strip(), dict(re.findall(r"([\w-]+)\s*:\s*([^;]+?)\s*(?:;|$)", body)))
        for selector, body in RULE.findall(bare)
    ]


def values(value: str, theme: str, found: list[tuple[str, dict[str, str]]]) -> set[str]:
    """Return the colors that a value can be in a theme, as #rrggbb; none for `inherit` and the like."""
    if hexed := re.match(r"#[0-9a-f]{3,6}\b", value):
        return {full(hexed[0])}
    if not (variable := VARIABLE.match(value)):
        return set()
    other = {"light": "dark", "dark": "light"}[theme]
    said = [(selector, body[variable[1]]) for selector, body in found if variable[1] in body]
    of_theme = [one for selector, one in said if f'"{theme}"' in selector]
    known = of_theme or [one for selector, one in said if f'"{other}"' not in selector] or [variable[2] or ""]
    return {color for one in known for color in values(one, theme, found)}


def too_pale(sheet: Path, theme: str) -> list[str]:
    """Return the text colors of a style sheet that stand out too little from a ground they can have."""
    book, own = rules(SHEETS[0].with_name("book.css").read_text()), rules(sheet.read_text())
    pale = []
    for selector, body in own:
        for color in values(body.get("color", ""), theme, own + book):
            grounds = values(body.get("background", ""), theme, own + book) or {PAPER[theme], SURFACE[theme]}
            pale += [f"{selector}: {color} on {g}" for g in grounds if between(rgb(color), rgb(g)) < 4.5]
    return pale


@pytest.mark.parametrize("theme", PAPER)
@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_color_of_letters_stands_out_from_its_grounds(sheet, theme):
    assert too_pale(sheet, theme) == []


def test_pale_letters_are_seen_as_they_stand_and_behind_a_name(tmp_path):
    sheet = tmp_path / "pale.css"
    sheet.write_text("p { color: #999 } .a { --own: #bbb } b { color: var(--own); background: #ccc }")
    assert [one.split(":")[0] for one in too_pale(sheet, "light")] == ["p", "p", "b"]


@pytest.mark.parametrize("theme", PAPER)
def test_letters_on_the_themes_own_grounds_stand_out(browser, addresses, theme):
    """Those that axe does not see: the link that Tab shows first, and what a mark or a button may be."""
    context = browser.new_context(color_scheme=theme)
    page = context.new_page()
    page.goto(f"{addresses['server']}book/intro.html")
    page.keyboard.press("Tab")
    read = "getComputedStyle(document.documentElement).getPropertyValue"
    pairs = {
        kind: [page.evaluate(f"{read}('--pst-color-{kind}{end}')").strip() for end in ("-text", "")]
        for kind in ("primary", "secondary", "success", "warning", "attention", "danger", "info")
    }
    found = {kind: [full(one) for one in pair] for kind, pair in pairs.items() if pair[0]}
    assert "warning" in found
    assert page.locator(".skip-link a").evaluate("e => getComputedStyle(e).color") == "rgb{}".format(
        tuple(int(255 * part) for part in rgb(found["warning"][0]))
    )
    assert {kind: pair for kind, pair in found.items() if between(*map(rgb, pair)) < 4.5} == {}
    context.close()
