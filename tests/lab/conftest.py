"""The engine of the lab in a page, with WebAssembly and without."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "site")]

from engine_in_browser import Engine


@pytest.fixture(scope="session")
def engine(browser: Browser) -> Iterator[Engine]:
    with browser.new_context() as context:
        yield Engine(context.new_page())


@pytest.fixture(scope="session")
def plain_engine(browser: Browser) -> Iterator[Any]:
    """The engine where WebAssembly does not run."""
    with browser.new_context() as context:
        yield Engine(context.new_page(), wasm=False)
