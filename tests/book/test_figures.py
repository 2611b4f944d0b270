"""Stored figures equal the regenerated ones: nbval ignores images and would let a wrong picture pass."""

import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from notebooks_under_test import ROOT, figures, paths, read, tags, worst_block
from PIL import Image
from reference_kernels import FIGURE_LIMITS, figure_limit

# Grey levels; the same figure drawn twice differs by 0, a curve moved by 2 % by over 0.1.
THRESHOLD = FIGURE_LIMITS["reference"]
EXECUTED = ROOT / "_build" / "jupyter_execute"

with_figures = pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)


@with_figures
def test_stored_figures_equal_the_regenerated_ones(path):
    stored, regenerated = figures(path), figures(EXECUTED / path.relative_to(ROOT))
    assert stored.keys() == regenerated.keys(), "run `make outputs`: the set of figures changed"
    worst = {where: worst_block(stored[where], regenerated[where]) for where in stored}
    assert all(value <= figure_limit() for value in worst.values()), worst


@with_figures
def test_every_figure_has_an_alternative_text_that_says_something(path):
    cells = read(path).cells
    for cell_index, _ in figures(path):
        alt = cells[cell_index].metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        assert len(alt.split()) >= 8, f"cell {cell_index} {tags(cells[cell_index])}: alt text {alt!r}"


def fades(name):
    """Return whether a color map is palest at its least, or in its middle, and darkens from there."""
    colors = plt.get_cmap(name)(np.linspace(0, 1, 65))[:, :3]
    light = colors @ [0.2126, 0.7152, 0.0722]
    start = 0 if light[0] > 0.9 else 32
    return (
        light[start] > 0.9
        and (np.diff(light[start:]) < 0.01).all()
        and (np.diff(light[: start + 1]) > -0.01).all()
    )


@with_figures
def test_more_ink_means_more_by_day_and_by_night(path):
    """By night a figure is turned over, dark for light; a map whose bright end is the good one would lie."""
    used = re.findall(r'cmap="(\w+)"', path.with_suffix(".md").read_text(encoding="utf-8"))
    assert [name for name in used if not fades(name)] == []


@pytest.mark.parametrize(("name", "is_ink"), [("Blues", True), ("RdBu", True), ("cividis", False)])
def test_maps_of_ink_are_told_from_others(name, is_ink):
    assert fades(name) == is_ink


def draw(factor):
    figure, axes = plt.subplots(figsize=(6, 3.5), dpi=100)
    x = np.linspace(0, 1, 200)
    axes.plot(x, 1 - x / 2)
    axes.plot(x, factor * (0.4 + 0.4 * x))
    axes.set_ylim(0, 1.1)
    buffer = io.BytesIO()
    figure.savefig(buffer)
    plt.close(figure)
    return np.asarray(Image.open(buffer).convert("L"), dtype=float) / 255


def test_the_comparison_accepts_the_same_figure_drawn_twice():
    assert worst_block(draw(1), draw(1)) == 0


def test_the_comparison_turns_red_when_one_curve_moves_by_two_percent():
    assert worst_block(draw(1), draw(1.02)) > 2 * THRESHOLD


def test_the_comparison_turns_red_when_the_size_changes():
    with pytest.raises(AssertionError, match="size changed"):
        worst_block(np.zeros((10, 10)), np.zeros((10, 11)))
