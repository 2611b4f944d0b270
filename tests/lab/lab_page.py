"""A browser, and a page that shows a lab as the book does."""

import shutil
from typing import Any

from playwright.sync_api import Browser, Error
from site_under_test import missing

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def launch(playwright: Any) -> Browser:
    command = next(filter(None, map(shutil.which, BROWSERS)), None)
    if command is None:
        missing("a browser", "apt-get install chromium (or make browser)")
    try:
        return playwright.chromium.launch(executable_path=command, args=["--no-sandbox"])
    except Error as error:
        missing("a browser that starts", f"apt-get install chromium ({error})")
        raise
