"""axe-core in light and dark: inside the explorers by themselves, and on whole pages with all folds open.

On whole pages contrast is measured once for each look of text on the site (axe needs half a minute for all
of the reference), and in dark, which differs in colors alone, nothing else. `make site-check` does all in
both.
"""

import example
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from axe_playwright_python.sync_playwright import Axe
from resting import rest
from site_under_test import BRIEF, Visit, pages, wait_for

INSIDE = ".initlib-explorer, .initlib-lab"
# Marks one element for each look of text that is not known, and returns those looks: the color, size and
# weight of text, and the grounds that it lies on.
LOOKS = """(known) => {
  const clear = "rgba(0, 0, 0, 0) none 1 none normal";
  const grounds = new Map([[null, ""]]);
  const ground = (one) => {
    if (!grounds.has(one)) {
      const { backgroundColor, backgroundImage, opacity, filter, mixBlendMode } = getComputedStyle(one);
      const own = [backgroundColor, backgroundImage, opacity, filter, mixBlendMode].join(" ");
      grounds.set(one, ground(one.parentElement) + (own === clear ? "" : `${own};`));
    }
    return grounds.get(one);
  };
  const seen = new Set(known);
  for (const one of document.body.querySelectorAll("*")) {
    const speaks = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!speaks || !one.checkVisibility({ visibilityProperty: true })) continue;
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(one);
    const look = [color, fontSize, fontWeight, textShadow, ground(one)].join(" ");
    one.dataset.look = seen.has(look) ? "again" : "new";
    seen.add(look);
  }
  return [...seen].slice(known.length);
}"""
ONCE_EACH = '{"rules": [{"id": "color-contrast", "selector": "[data-look=new]"}]}'
STILL = "* { transition: none !important }"  # those of what is out of sight would never end


def violations(page, axe: Axe | None = None, **options) -> list[str]:
    """Return what axe-core finds on a page, or in a part of it, and in which element."""
    rest(page)
    found = (axe or Axe()).run(page, **{"options": BRIEF, **options}).response["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def violations_of_looks(page, known: list[str] | None = None) -> list[str]:
    """Return what axe-core finds on a page, with the contrast of each look of text that is not known."""
    mark_looks(page, known)
    return violations(page, axe_of_looks())


def contrast(page, known: list[str] | None = None) -> list[str]:
    """Return what axe-core finds in the colors of a page, each look of text once that is not known."""
    if not mark_looks(page, known):
        return []
    return violations(page, axe_of_looks(), options={**BRIEF, "runOnly": ["color-contrast"]})


def mark_looks(page, known: list[str] | None) -> list[str]:
    """Mark an element of each look of text that is not known, which it is from now on; return those looks."""
    rest(page)  # explorers draw late
    known = [] if known is None else known
    new = page.evaluate(LOOKS, known)
    known += new
    return new


def axe_of_looks() -> Axe:
    return Axe(f"{AXE_SCRIPT}; axe.configure({ONCE_EACH})")


def open_folds(page, where: str) -> None:
    page.evaluate(f"for (const e of document.querySelectorAll(':is({where}) details')) e.open = true")


def violations_inside(page) -> list[str]:
    """Return what axe-core finds inside the explorers of a page, and in its lab, with their folds open."""
    open_folds(page, INSIDE)
    include = [[one] for one in INSIDE.split(", ") if page.locator(one).count()]
    return violations(page, context={"include": include})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_kind_of_panel(show, theme):
    page = show(example.explorer("Lines"), example.every_kind(sigma_w=2.0), example.guide(), theme=theme).page
    assert violations_inside(page) == []


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("document.querySelector('.initlib-explorer [role=slider]').removeAttribute('aria-label')", "aria-"),
        ("document.querySelector('.initlib-explorer .legend').style.color = '#ddd'", "color-contrast"),
        (
            "document.querySelector('.initlib-explorer svg[role=img]').removeAttribute('aria-label')",
            "svg-img-alt",
        ),
        ("document.querySelector('.initlib-explorer .numbers').removeAttribute('tabindex')", "scrollable"),
    ],
)
def test_axe_sees_a_fault_inside_an_explorer(show, fault, rule):
    page = show(example.explorer(depth=12)).page
    page.evaluate(fault)
    assert any(one.startswith(rule) for one in violations_inside(page))


@pytest.fixture(scope="module")
def looks():
    """The looks of text that were examined, by day and by night."""
    return {"light": [], "dark": []}


@pytest.mark.parametrize("name", [*pages(), "search", "404"])
def test_axe_finds_nothing_on_a_whole_page(browser, addresses, looks, name):
    with browser.new_context(color_scheme="light") as context:
        page = Visit(context, addresses["subfolder"]).open(f"{name}.html")
        page.add_style_tag(content=STILL)
        open_lab(page)
        open_folds(page, "article")
        assert violations_of_looks(page, looks["light"]) == []
        turn_dark(page, name)
        assert contrast(page, looks["dark"]) == []


def open_lab(page) -> None:
    """Press the button of a page's lab, if it has one, and stop it when it has said something."""
    if page.locator(".initlib-lab-door").count():
        page.locator(".initlib-lab-door").first.click()
        wait_for(page, "document.querySelector('.initlib-lab').lab?.told")
        page.evaluate("document.querySelector('.initlib-lab').lab.pause()")


def turn_dark(page, name: str) -> None:
    """Let the reader's system change, and wait for the page to follow."""
    page.emulate_media(color_scheme="dark")
    if name != "404":  # it brings colors of its own
        wait_for(page, "document.documentElement.dataset.theme === 'dark'")


@pytest.mark.parametrize("fault", ["color: #444", "background: #ddd", "opacity: 0.3"])
def test_one_element_that_is_hard_to_read_in_the_dark_is_found(browser, addresses, fault):
    with browser.new_context(color_scheme="dark") as context:
        page = Visit(context, addresses["subfolder"]).open("book/techniques/he.html")
        page.add_style_tag(content=STILL)
        known: list[str] = []
        assert contrast(page, known) == []
        assert mark_looks(page, known) == []
        page.evaluate("fault => document.querySelectorAll('article p')[20].style = fault", fault)
        assert any(one.startswith("color-contrast") for one in contrast(page, known))


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("document.querySelectorAll('article p')[20].style.color = '#ddd'", "color-contrast"),
        (
            "for (const e of document.querySelectorAll('.verdict-tests')) e.setAttribute('role', 'region')",
            "landmark-unique",
        ),
    ],
)
def test_the_one_run_by_day_sees_colors_and_all_other_rules(browser, addresses, fault, rule):
    with browser.new_context(color_scheme="light") as context:
        page = Visit(context, addresses["subfolder"]).open("book/techniques/xavier.html")
        page.add_style_tag(content=STILL)
        open_folds(page, "article")
        page.evaluate(fault)
        assert {one.split(":")[0] for one in violations_of_looks(page)} == {rule}
