"""A page that shows a lab as the book does."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from site_under_test import write_page

LAB = "document.querySelector('.initlib-lab')?.lab"


def open_lab(page: Page, folder: Path, lab: Any, fragment: str = "") -> None:
    """Open a page with a lab from a file, as by double click, and wait until both arms are drawn."""
    name = write_page(folder, [lab])
    page.goto((folder / name).as_uri() + fragment)
    page.evaluate("document.documentElement.dataset.content_root = './'")  # as every page of the book has
    page.wait_for_function(f"{LAB}?.told")


def reports(page: Page) -> list[dict[str, Any]]:
    return page.evaluate(f"{LAB}.reports")


def settle(page: Page) -> None:
    """Wait until both arms have answered and are drawn."""
    page.evaluate(f"{LAB}.busy.then(() => new Promise((done) => setTimeout(done, 60)))")


def train(page: Page, steps: int, speed: str = "fast") -> None:
    """Train for at least so many steps, then pause and wait for the last sentence."""
    page.locator(".speed").select_option(speed)
    page.locator(".train").click()
    page.wait_for_function(f"{LAB}.reports[0].step >= {steps}")
    page.evaluate(f"{LAB}.pause()")
    page.wait_for_timeout(1000)
    settle(page)
