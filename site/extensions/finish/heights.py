"""How tall a section will be, guessed from what it holds: a browser leaves that room until it lays it out.

Without a guess the scroll bar jumps while one reads, and a picture of a whole page has holes.
"""

from bs4 import Tag

from .page import Page

COLUMN, LETTERS = 752, 78  # pixels of the column, and letters of a line of its text
GAP = 0.65  # between blocks, in lines
TEXTS = {"p", "dt", "summary", "h2", "h3", "h4", "figcaption", "caption"}
SILENT = {"script", "style"}


def line_count(text: str, letters: float = LETTERS) -> int:
    return -(-len(" ".join(text.split())) // max(8, int(letters)))


def seen(part: Tag) -> str:
    """Return the text of a block; a formula says everything once more, for those who hear it."""
    texts = part.find_all(string=True)
    return "".join(text for text in texts if not text.find_parent(class_="katex-mathml"))


def guess(part: Tag) -> tuple[float, float]:
    """Return the height of a part of a page, as lines of text and as pixels of pictures."""
    if part.name in SILENT:
        return 0.0, 0.0
    if part.name == "img":
        width, height = float(part.get("width", COLUMN)), float(part.get("height", 0))
        return GAP, height * min(1.0, COLUMN / width)
    if part.name == "pre":
        return 0.75 * (part.get_text().count("\n") + 1) + 1, 0.0
    if part.name == "tr":
        cells = part.find_all(["th", "td"], recursive=False)
        return max((line_count(one.get_text(), LETTERS / len(cells)) for one in cells), default=0) + 0.4, 0.0
    if part.name in TEXTS:
        return line_count(seen(part)) + GAP, 0.0
    if "math" in part.get("class", []):
        return 3.0, 0.0
    children = part.find_all(True, recursive=False)
    if part.name == "details" and not part.has_attr("open"):
        children = children[:1]
    elif "sd-tab-set" in part.get("class", []):
        children = children[:3]  # the first tab
    parts = [guess(child) for child in children]
    own = [text for text in part.find_all(string=True, recursive=False) if text.strip()]
    return sum(lines for lines, _ in parts) + line_count(" ".join(own)), sum(pixels for _, pixels in parts)


def leave_room(page: Page) -> None:
    """Tell the style sheet how tall each section will be."""
    for section in page.article.select("section > section"):
        if section.parent.parent is page.article:
            lines, pixels = guess(section)
            section["style"] = f"--lines: {lines:.0f}; --pictures: {pixels:.0f}px"
