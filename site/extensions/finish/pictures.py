"""Pictures: lossless WebP, a size to leave room for, and loaded when they come near."""

from functools import cache
from pathlib import Path

from PIL import Image

from .page import Page


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
