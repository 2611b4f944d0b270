"""Widgets that wait: their state stands behind the text, what they share in its own file, all read late."""

import hashlib
import json

from bs4 import Tag
from bs4.element import Script

from .page import Page

STATE = 'script[type="application/vnd.jupyter.widget-state+json"]'
RUNTIME = 'script[src*="assets/widgets.js"]'
SHARED = ("_esm", "_css")


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


def write_shared(page: Page, shared: dict[str, str]) -> str:
    """Write a component's code as a script, which pages opened from a file can read; return its address."""
    text = json.dumps(shared).replace("</", "<\\/")
    name = f"widgets-{hashlib.sha256(text.encode()).hexdigest()[:8]}.js"
    (page.site / "_static" / name).write_text(
        f"Object.assign(globalThis.sharedByWidgets ??= {{}}, {text});", encoding="utf-8"
    )
    return f"{page.up}_static/{name}"


def load_late(page: Page) -> None:
    """Move the widget state behind the text; its attribute `data-scripts` tells page.js what to load."""
    state: Tag | None = page.soup.select_one(STATE)
    runtime = page.soup.select_one(RUNTIME)
    if state is None or runtime is None:
        return
    content = json.loads(state.get_text())
    shared = share(content)
    addresses = [write_shared(page, {key: text}) for key, text in shared.items()]
    state.string = Script(json.dumps(content, separators=(",", ":")).replace("</", "<\\/"))
    state["data-scripts"] = " ".join([*addresses, runtime["src"]])
    runtime.decompose()
    page.body.append(state.extract())
