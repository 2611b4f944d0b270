"""The line over folded code says what the code does, and folding leaves the exercises alone."""

import copy
import json
import sys

import pytest
from notebooks_under_test import ROOT, paths

sys.path.insert(0, str(ROOT / "site" / "extensions"))

from folded_code import OWN_FORM, describe, fold, only_checks


def cell(source, outputs=(), **metadata):
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": metadata}


FIGURE = {"output_type": "display_data", "data": {"image/png": "", "text/plain": ""}}
PRINT = {"output_type": "stream", "text": "1"}


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (cell("import numpy as np\nfrom initlib import theory"), "imports numpy, initlib"),
        (cell("import a\nimport b\nimport c\nimport d"), "imports a, b, c, and 1 more"),
        (cell("# The ladder.\nx = 1"), "The ladder"),
        (cell("def half(x):\n    return x / 2"), "defines half()"),
        (cell("figure = draw()", [FIGURE]), "draws the figure"),
        (cell("figure = draw()"), "computes figure"),
        (cell("print(1)", [PRINT]), "prints numbers"),
        (
            cell('result = evidence.load("he-depth")\nresult.box()'),
            "loads the trial he-depth, shows the verdict",
        ),
        (cell("for x in y:\n    assert x"), "checks numbers of the text"),
    ],
)
def test_the_line_says_what_the_code_does(code, says):
    assert describe(code) == says


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_every_code_cell_is_folded_under_a_line_or_has_its_own_form(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    before = copy.deepcopy(notebook)
    fold(notebook)
    for old, new in zip(before["cells"], notebook["cells"], strict=True):
        tags = {*new["metadata"].get("tags", [])}
        if old["cell_type"] != "code" or OWN_FORM & {*old["metadata"].get("tags", [])}:
            assert new == old
            continue
        if "remove-cell" in tags:
            assert only_checks(old) or "imports" in tags
            continue
        assert not only_checks(old)
        assert {"hide-input", "hide-cell"} & tags
        assert new["metadata"]["mystnb"]["code_prompt_show"].startswith("Code: ")
        assert "".join(new["source"]).endswith("".join(old["source"]))
        assert new["outputs"] == old["outputs"]


def test_imports_stand_in_the_fold_of_the_code_that_follows_at_once():
    def folded(*between):
        cells = [cell("import numpy", tags=["imports"]), *between, cell("# The ladder.\nx = 1", [FIGURE])]
        fold({"cells": cells})
        return cells

    imports, drawn = folded()
    assert "remove-cell" in imports["metadata"]["tags"]
    assert drawn["source"] == "import numpy\n\n# The ladder.\nx = 1"
    assert drawn["metadata"]["mystnb"]["code_prompt_show"] == "Code: The ladder"
    imports, _, drawn = folded({"cell_type": "markdown", "source": "Words.", "metadata": {}})
    assert "remove-cell" not in imports["metadata"]["tags"]
    assert drawn["source"] == "# The ladder.\nx = 1"


def test_the_website_does_not_show_what_only_checks():
    check = cell("assert 1 + 1 == 2", tags=["hide-cell"])
    drawn = cell("figure = draw()\nassert figure", [FIGURE], tags=["hide-input"])
    exercise = cell("assert double(1) == 2", tags=["check"])
    notebook = {"cells": [check, drawn, exercise]}
    fold(notebook)
    assert ["remove-cell" in one["metadata"]["tags"] for one in notebook["cells"]] == [True, False, False]
