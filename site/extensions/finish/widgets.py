"""Widgets that wait: their state, and what many of them share, stand in files that are read late."""

import hashlib
import json
from collections.abc import Iterator

from bs4 import Tag

from .page import Page

STATE, VIEW = (f'script[type="application/vnd.jupyter.widget-{kind}+json"]' for kind in ("state", "view"))
RUNTIME = 'script[src*="assets/widgets.js"]'
TO_PAGE = f"document.querySelector('{STATE}').text = JSON.stringify("
SHARED = ("_esm", "_css")


def views(page: Page) -> Iterator[tuple[Tag, str, dict[str, dict]]]:
    """Yield each place of a widget on a page, the name of its model, and all models by name."""
    state = page.soup.select_one(STATE)
    if state is not None:
        models = json.loads(state.get_text())["state"]
        for view in page.soup.select(VIEW):
            yield view, json.loads(view.get_text())["model_id"], models


def share(state: dict[str, dict]) -> dict[str, str]:
    """Take the components' code out of a page's widget state; return it by the keys left there."""
    shared: dict[str, str] = {}
    for model in state["state"].values():
        for name in SHARED:
            if text := model["state"].get(name):
                key = hashlib.sha256(text.encode()).hexdigest()[:12]
                shared[key] = text
                model["state"][name] = f"shared:{key}"
    return shared


def write(page: Page, code: str) -> str:
    """Write a script, which pages opened from a file can read too; return its address."""
    name = f"widgets-{hashlib.sha256(code.encode()).hexdigest()[:8]}.js"
    (page.site / "_static" / name).write_text(code, encoding="utf-8")
    return f"{page.up}_static/{name}"


def write_shared(page: Page, shared: dict[str, str]) -> str:
    return write(page, f"Object.assign(globalThis.sharedByWidgets ??= {{}}, {json.dumps(shared)});")


def write_state(page: Page, state: dict[str, dict]) -> str:
    """Write a script that puts the state where the runtime looks for it."""
    text = json.dumps(state, separators=(",", ":"))
    return write(page, f"{TO_PAGE}{text});")


def load_late(page: Page) -> None:
    """Take the widget state out of the page; its attribute `data-scripts` tells page.js what to load."""
    state: Tag | None = page.soup.select_one(STATE)
    runtime = page.soup.select_one(RUNTIME)
    if state is None or runtime is None:
        return
    content = json.loads(state.get_text())
    shared = share(content)
    addresses = [write_shared(page, {key: text}) for key, text in shared.items()]
    state.string = ""
    state["data-scripts"] = " ".join([*addresses, write_state(page, content), runtime["src"]])
    runtime.decompose()
    page.body.append(state.extract())
