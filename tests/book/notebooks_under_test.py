"""What several tests of the book read: its notebooks, and the figures in them."""

import base64
import io
import sys
from pathlib import Path

import nbformat
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from notebooks import paths, stub, tags  # noqa: E402

__all__ = ["ROOT", "chapters", "figures", "paths", "read", "stub", "tags", "worst_block"]

LISTS = {"index", "intro", "reproductions"}  # pages that teach nothing of their own


def chapters():
    """Return the notebooks that teach; the others have no exercises."""
    return [
        path for path in paths() if not {"reference", "conclusion"} & {*path.parts} and path.stem not in LISTS
    ]


def read(path):
    return nbformat.read(path, as_version=4)


def figures(path):
    """Return every PNG stored in a notebook, as grey levels in [0, 1], keyed by cell and place in the cell.

    Places count figures alone: text printed in two goes is one output or two.
    """
    return {
        (cell_index, place): _grey(png)
        for cell_index, cell in enumerate(read(path).cells)
        for place, png in enumerate(
            output["data"]["image/png"]
            for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})
        )
    }


def _grey(png):
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    paper = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(paper, image).convert("L"), dtype=float) / 255


def worst_block(first, second, block=32):
    """Return the largest RMS difference over blocks of 32 x 32 pixels.

    A mean over the whole figure would let a thin curve move unnoticed; one block does not.
    """
    if first.shape != second.shape:
        raise AssertionError(f"The figure's size changed from {first.shape} to {second.shape} pixels.")
    height, width = (-(-n // block) * block for n in first.shape)
    squared = np.zeros((height, width))
    squared[: first.shape[0], : first.shape[1]] = (first - second) ** 2
    blocks = squared.reshape(height // block, block, width // block, block).mean(axis=(1, 3))
    return float(np.sqrt(blocks.max()))
