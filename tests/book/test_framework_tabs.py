"""Every chapter shows its rule in three frameworks and promises a law; `make peers` runs the code."""

import ast
import json

import numpy as np
import pytest
from framework_tabs import FRAMEWORKS, keep, notebooks, of_cell, tabs
from notebooks_under_test import ROOT, chapters, paths

IMPORTS = {"PyTorch": {"torch"}, "Keras": {"keras"}, "JAX": {"jax", "flax"}}
TWO_TABS = """\
## In your framework

::::{tab-set}
:::{tab-item} PyTorch
Two lines.

```python
weights = 1
```
:::
:::{tab-item} JAX
:sync: jax
```python
weights = 2
bias = 0
```
More words.
:::
::::
"""


def assigned(code):
    return {
        node.id
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def imported(code):
    nodes = list(ast.walk(ast.parse(code)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names = plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_chapter_has_one_tab_for_each_framework_and_each_promises(path):
    found = tabs(path)
    assert [tab.framework for tab in found] == [*FRAMEWORKS] * (len(found) // len(FRAMEWORKS))
    assert found, "the cell tagged `frameworks` is missing"
    for tab in found:
        assert IMPORTS[tab.framework] & imported(tab.code)
        assert tab.promises, f"{tab.framework} promises nothing"
        for promise in tab.promises:
            assert promise["name"] in assigned(tab.code)
            assert ("variance" in promise) != ("equal" in promise)


def test_the_notebooks_are_those_that_the_book_has():
    assert notebooks(ROOT) == paths()


def test_tabs_are_read_with_the_promise_for_all_or_for_each():
    shared = [{"name": "weights", "variance": 1.0}]
    cell = {"metadata": {"promise": shared}, "source": TWO_TABS.splitlines(keepends=True)}
    torch, jax = of_cell(cell)
    assert (torch.framework, torch.code, torch.promises) == ("PyTorch", "weights = 1\n", shared)
    assert (jax.framework, jax.code, jax.promises) == ("JAX", "weights = 2\nbias = 0\n", shared)
    own = {"JAX": [{"name": "bias", "equal": 0.0}]}
    torch, jax = of_cell({"metadata": {"promise": own}, "source": TWO_TABS})
    assert (torch.promises, jax.promises) == ([], own["JAX"])


def test_a_tab_without_code_and_a_notebook_without_tabs_are_noticed(tmp_path):
    with pytest.raises(ValueError, match="not enough values"):
        of_cell({"metadata": {}, "source": ":::{tab-item} Keras\nwords\n:::\n"})
    notebook = tmp_path / "plain.ipynb"
    notebook.write_text(json.dumps({"cells": [{"metadata": {}, "source": TWO_TABS}]}))
    with pytest.raises(AssertionError, match="missing"):
        test_a_chapter_has_one_tab_for_each_framework_and_each_promises(notebook)


def test_promises_are_checked():
    normal = np.random.default_rng(0).normal(0, 0.1, (256, 256))
    namespace = {"weights": normal, "bias": np.zeros(256)}
    keep(
        namespace,
        [{"name": "weights", "variance": 0.01, "kurtosis": 3.0}, {"name": "bias", "equal": 0.0}],
    )
    for broken in ({"variance": 0.02}, {"variance": 0.01 / 3}, {"equal": 0.0}):
        with pytest.raises(AssertionError):
            keep(namespace, [{"name": "weights", **broken}])
    with pytest.raises(AssertionError):
        keep({"bias": np.zeros(0)}, [{"name": "bias", "equal": 0.0}])
    with pytest.raises(KeyError):
        keep(namespace, [{"name": "kernel", "variance": 0.01}])
