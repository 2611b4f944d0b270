"""Pictures: lossless WebP, a size to leave room for, loaded when they come near; some keep their shades.

Those of cells stand in a frame: on a phone they shrink, and grow to a size that can be read when asked to.
"""

import json
import re
from functools import cache
from pathlib import Path

from PIL import Image

from . import widgets
from .page import Page

READABLE = 0.6  # of a figure's own size: letters of 8.5 points are more than 9 pixels high
REFERENCE = re.compile(r'"IPY_MODEL_(\w+)"')


@cache
def compressed(picture: Path) -> Path:
    """Return the smaller of a PNG and the same pixels as WebP, which is written beside it."""
    target = picture.with_suffix(".webp")
    with Image.open(picture) as image:
        image.save(target, lossless=True, exact=True, method=4)
    if target.stat().st_size < picture.stat().st_size:
        return target
    target.unlink()
    return picture


@cache
def size(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as image:
        return image.size


def settle(page: Page) -> None:
    """Give each raster picture of the text its size, and all but the first the order to wait."""
    pictures = [image for image in page.article.find_all("img") if not image["src"].startswith("data:")]
    for number, image in enumerate(pictures):
        file = page.file(image["src"])
        if number:
            image["loading"] = "lazy"
        if file is None or file.suffix not in {".png", ".webp", ".jpg"}:
            continue
        if "width" not in image.attrs and "style" not in image.attrs:
            image["width"], image["height"] = map(str, size(file))
        if file.suffix == ".png":
            image["src"] = image["src"].rsplit(".", 1)[0] + compressed(file).suffix


def frame(page: Page) -> None:
    """Put figures of cells into frames, where a phone enlarges them; page.js passes over those that fit."""
    for image in page.article.select(".cell_output img[width]"):
        least = round(READABLE * float(image["width"]))
        image.wrap(
            page.tag(
                "div",
                class_="figure-frame",
                role="group",
                tabindex="0",
                aria_label="Figure; on a narrow screen it is larger while it has the focus",
                style=f"--least: {least}px",
            )
        )


def has_heat_map(models: dict[str, dict], root: str) -> bool:
    """Return whether the widget `root`, or one inside it, draws a heat map.

    >>> inner = {"state": {"spec": {"panels": [{"kind": "heatmap"}]}}}
    >>> has_heat_map({"a": {"state": {"children": ["IPY_MODEL_b"]}}, "b": inner}, "a")
    True
    """
    waiting, seen = [root], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        state = models[name]["state"]
        if any(panel["kind"] == "heatmap" for panel in state.get("spec", {}).get("panels", [])):
            return True
        waiting += REFERENCE.findall(json.dumps(state))
    return False


def keep_shades(page: Page) -> None:
    """Mark the still pictures of heat maps: turned over by night, what is bright, and good, would be dark."""
    for view, name, models in widgets.views(page):
        if has_heat_map(models, name):
            still = view.find_parent(class_="cell_output").find("img")
            still["class"] = [*still.get("class", []), "as-drawn"]
