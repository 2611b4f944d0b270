"""axe-core inside the explorers, in light and dark: on pages of their own and on the pages of the book."""

import example
import pytest
from axe_playwright_python.sync_playwright import Axe
from resting import rest
from site_under_test import Visit, pages, wait_for, with_explorers


def findings(page, fault: str = "0") -> list[str]:
    """Return what axe-core finds inside the explorers of a page, or in its lab, and in which element."""
    inside = next(one for one in (".initlib-explorer", ".initlib-lab") if page.locator(one).count())
    if inside == ".initlib-lab":
        page.locator(".initlib-lab-door").first.click()
        wait_for(page, f"document.querySelector('{inside}').lab?.told")
    page.evaluate(f"for (const e of document.querySelectorAll('{inside} details')) e.open = true")
    rest(page)
    page.evaluate(fault)
    found = Axe().run(page, context={"include": [inside]}).response
    return [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_kind_of_panel(show, theme):
    page = show(example.explorer("Lines"), example.every_kind(sigma_w=2.0), example.guide(), theme=theme).page
    assert findings(page) == []


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
    assert any(one.startswith(rule) for one in findings(page, fault))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_explorers_of_the_book(browser, addresses, site, theme):
    for name in with_explorers(site):
        with browser.new_context() as context:
            context.add_init_script(
                f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
            )
            page = Visit(context, addresses["subfolder"]).open(f"{name}.html")
            assert page.locator("html").get_attribute("data-theme") == theme
            assert findings(page) == [], name


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", [*pages(), "search", "404"])
def test_axe_finds_nothing_on_a_whole_page(browser, addresses, name, theme):
    with browser.new_context(color_scheme=theme) as context:
        page = Visit(context, addresses["subfolder"]).open(f"{name}.html")
        rest(page)
        found = Axe().run(page).response["violations"]
        assert [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]] == []
