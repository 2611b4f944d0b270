"""The lab on the pages of the book: a button on its still picture brings it and starts the training."""

import sys

import pytest
from resting import rest
from site_under_test import ROOT, excess_width, wait_for
from test_site_pages import SHIFT, WATCH_SHIFT

sys.path.insert(0, str(ROOT / "site" / "extensions"))

from finish import labs


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 740)])
@pytest.mark.parametrize(("name", "words"), [("intro", labs.TRAIN), ("reference/lab", labs.OPEN)])
def test_a_lab_waits_for_its_button_and_moves_nothing_when_it_comes(
    browser, addresses, name, words, width, height
):
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.add_init_script(WATCH_SHIFT)
    page.goto(f"{addresses['server']}book/{name}.html")
    page.mouse.wheel(0, 10)  # widgets come, the lab does not
    wait_for(page, "document.querySelector('.widget-subarea')")
    rest(page)
    door = page.get_by_role("button", name=words)
    still = page.locator(".initlib-lab-door + .figure-frame")
    assert still.is_visible()
    top = door.evaluate("e => e.getBoundingClientRect().top + scrollY")
    assert top < 800 or width < 800
    page.evaluate("(top) => scrollTo(0, top - 100)", top)
    door.focus()
    rest(page)
    before = page.evaluate("window.shift")
    page.keyboard.press("Enter")
    output = page.locator(".lab-asked")
    room = output.bounding_box()["height"]
    steps = 1 if words == labs.TRAIN else 0
    wait_for(page, f"document.querySelector('.initlib-lab').lab?.reports?.[0].step >= {steps}")
    page.evaluate("document.querySelector('.initlib-lab').lab.pause()")
    rest(page)
    assert page.evaluate("window.shift") - before < SHIFT
    assert not still.is_visible()
    assert page.evaluate("document.activeElement.className") == "train"
    assert output.bounding_box()["height"] == room
    lab = page.locator(".initlib-lab").bounding_box()["height"]
    assert 0.9 * room < lab <= room
    assert excess_width(page, width) == 0
    context.close()


def test_a_link_to_a_setting_brings_the_lab_without_its_button(browser, addresses):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{addresses['server']}book/reference/lab.html#lab=why&depth=3")
    wait_for(page, "document.querySelector('.initlib-lab').lab?.told")
    assert page.locator(".initlib-lab .train").is_visible()
    assert page.locator(".initlib-lab-door").count() == 0
    assert page.evaluate("document.querySelector('.initlib-lab').lab.reports[0].step") == 0
    context.close()
