"""Labs: a button on the still picture, by which a reader asks for the live lab.

A compact one starts to train; a whole one waits for its settings.
"""

from . import widgets
from .page import Page

TRAIN, OPEN = "Train these networks", "Open the lab"


def add_doors(page: Page) -> None:
    """Put a button on the still picture of each lab; page.js and the lab answer it."""
    for view, name, models in widgets.views(page):
        spec = models[name]["state"].get("spec", {})
        if {"start", "compact"} <= spec.keys():
            output = view.find_parent(class_="cell_output")
            words = TRAIN if spec["compact"] else OPEN
            output.insert(0, page.tag("button", words, type="button", class_="initlib-lab-door"))
            output["class"].append("lab-compact" if spec["compact"] else "lab-whole")
