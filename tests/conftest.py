"""What a test process makes once: its browser (Playwright cannot be started twice), and all verdicts."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from missing import missing

with suppress(ImportError):  # the peers' environments may lack it
    from hypothesis import settings

    settings.register_profile("patient", deadline=None)  # a busy machine is no fault
    settings.load_profile("patient")

BROWSERS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import Error, sync_playwright

    command = next(filter(None, map(shutil.which, BROWSERS)), None)
    if command is None:
        missing("a browser", "apt-get install chromium (or make browser)")
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=command, args=["--no-sandbox"])
        except Error as error:
            missing("a browser that starts", f"apt-get install chromium ({error})")
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def found() -> Any:
    """The verdicts of all archives."""
    from initlib import evidence

    return evidence.verdicts()
