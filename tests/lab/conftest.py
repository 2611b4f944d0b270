"""A browser for the engine of the lab."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "site")]

from engine_in_browser import Engine
from lab_page import launch


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def engine(browser: Browser) -> Iterator[Engine]:
    with browser.new_context() as context:
        yield Engine(context.new_page())


@pytest.fixture(scope="session")
def plain_engine(browser: Browser) -> Iterator[Any]:
    """The engine where WebAssembly does not run."""
    with browser.new_context() as context:
        yield Engine(context.new_page(), wasm=False)
