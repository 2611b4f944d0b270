"""Labs: a button on the still picture, by which a reader asks for the live lab and starts its training."""

import json

from .page import Page
from .widgets import STATE, VIEW

WORDS = "Train these networks"


def add_doors(page: Page) -> None:
    """Put a button on the still picture of each lab; page.js and the lab answer it."""
    state = page.soup.select_one(STATE)
    if state is None:
        return
    models = json.loads(state.get_text())["state"]
    for view in page.soup.select(VIEW):
        spec = models[json.loads(view.get_text())["model_id"]]["state"].get("spec", {})
        if {"start", "compact"} <= spec.keys():
            output = view.find_parent(class_="cell_output")
            output.insert(0, page.tag("button", WORDS, type="button", class_="initlib-lab-door"))
