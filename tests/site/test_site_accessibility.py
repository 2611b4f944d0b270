"""axe-core in light and dark: inside the explorers by themselves, and on whole pages of the book."""

import example
import pytest
from axe_playwright_python.sync_playwright import Axe
from resting import rest
from site_under_test import BRIEF, Visit, pages, wait_for

INSIDE = ".initlib-explorer, .initlib-lab"
STILL = "* { transition: none !important }"  # those of what is out of sight would never end


def violations(page, context: dict | None = None) -> list[str]:
    """Return what axe-core finds on a page, or in a part of it, and in which element."""
    rest(page)
    found = Axe().run(page, context=context, options=BRIEF).response["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def violations_inside(page) -> list[str]:
    """Return what axe-core finds inside the explorers of a page, and in its lab, with their folds open."""
    page.evaluate(f"for (const e of document.querySelectorAll(':is({INSIDE}) details')) e.open = true")
    return violations(page, {"include": [[one] for one in INSIDE.split(", ") if page.locator(one).count()]})


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


@pytest.mark.parametrize("name", [*pages(), "search", "404"])
def test_axe_finds_nothing_on_a_whole_page(browser, addresses, name):
    with browser.new_context(color_scheme="light") as context:
        page = Visit(context, addresses["subfolder"]).open(f"{name}.html")
        page.add_style_tag(content=STILL)
        assert in_both_themes(page, name, violations) == {"light": [], "dark": []}
        if page.locator(".initlib-lab-door").count():
            page.locator(".initlib-lab-door").first.click()
            wait_for(page, "document.querySelector('.initlib-lab').lab?.told")
            page.evaluate("document.querySelector('.initlib-lab').lab.pause()")
        if page.locator(INSIDE).count():
            assert in_both_themes(page, name, violations_inside) == {"light": [], "dark": []}


def in_both_themes(page, name: str, look) -> dict[str, list[str]]:
    """Return what is found on a page in light and, as the reader's system changes, in dark."""
    found = {}
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        if name != "404":  # it brings colors of its own
            wait_for(page, f"document.documentElement.dataset.theme === '{theme}'")
        found[theme] = look(page)
    return found
