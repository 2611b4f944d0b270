"""Cells that teach stay short: what holds up the numbers of the prose stands in folded cells."""

import ast

import nbformat
import pytest
from notebooks_under_test import paths, read, tags

FOLDED = {"hide-cell", "hide-input", "remove-cell", "remove-input"}
EXERCISE = {"solution", "check"}


def assertions(cell):
    """Return the lines of a visible teaching cell that assert; other cells have their own purpose."""
    if cell.cell_type != "code" or {*tags(cell)} & (FOLDED | EXERCISE):
        return []
    nodes = ast.walk(ast.parse(cell.source))
    return [ast.unparse(node) for node in nodes if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_a_visible_cell_asserts_nothing(path):
    found = {cell.id: lines for cell in read(path).cells if (lines := assertions(cell))}
    assert not found, "move these into a cell tagged `hide-cell`, after the paragraph that they hold up"


def test_an_assertion_is_found_wherever_it_stands_unless_the_cell_is_folded():
    source = "for x in (1, 2):\n    if x:\n        assert x > 0\n"
    for tag, count in {"imports": 1, "hide-cell": 0, "hide-input": 0, "check": 0}.items():
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": [tag]})
        assert len(assertions(cell)) == count
    assert assertions(nbformat.v4.new_markdown_cell("We assert nothing.")) == []
