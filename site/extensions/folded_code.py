"""Sphinx extension: on the website a cell's code is folded under a line that says what the code does.

The notebooks stay as they are, so that JupyterLab, Binder and Colab show all code. The line is computed from
the code itself: its first comment, or what it imports, defines, loads and shows. Exercises keep their form.
Cells that only check the text's numbers stay in the notebooks: the website runs them and does not show them.
Imports stand in the fold of the cell that follows them, so that a page begins with its picture.
"""

import ast
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from sphinx.application import Sphinx

OWN_FORM = {"stub", "solution", "check", "hide-output", "remove-cell", "remove-input"}
SHOWN = {"image/png": "draws the figure", "text/html": "shows the result", "text/markdown": "shows the table"}
MOST = 3  # things that a line names of a kind


def describe(cell: dict[str, Any]) -> str:
    """Return what the code of a cell does, in a line.

    >>> describe({"source": "import numpy as np\\n\\ndef half(x):\\n    return x / 2"})
    'imports numpy, defines half()'
    >>> describe({"source": "# The ladder.\\nx = 1"})
    'The ladder'
    """
    source = "".join(cell["source"])
    if source.startswith("# "):
        return source.splitlines()[0].removeprefix("# ").strip().rstrip(".:")
    body = [node for node in ast.parse(source).body if not isinstance(node, ast.Pass)]
    if _asserts(body):
        return "checks numbers of the text"
    calls = _calls(body)
    if any(call.endswith(".box") for call in calls):
        shown = ["shows the verdict"]
    elif any(call.startswith("explorers.") for call in calls):
        shown = ["makes what moves"]
    else:
        shown = [does for mime, does in SHOWN.items() if mime in set(_mimes(cell))]
    printed = ["prints numbers"] if any(o["output_type"] == "stream" for o in cell.get("outputs", [])) else []
    parts = [
        _named("imports", _imported(body)),
        _named("defines", [f"{n.name}()" for n in body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]),
        _named("loads", [f"the trial {name}" for name in _loaded(body)]),
        *(shown[:1] or printed),
    ]
    found = [part for part in parts if part]
    return ", ".join(found) or _named("computes", _assigned(body)) or "runs"


def only_checks(cell: dict[str, Any]) -> bool:
    """Return whether a cell shows nothing and asserts something.

    >>> only_checks({"source": "assert 1 + 1 == 2", "outputs": []})
    True
    """
    body = ast.parse("".join(cell["source"])).body
    shows = cell.get("outputs") or "print" in _calls(body)  # of a notebook that was never run, too
    return not shows and _asserts(body)


def _asserts(body: list[ast.stmt]) -> bool:
    return any(isinstance(node, ast.Assert) for one in body for node in ast.walk(one))


def _named(verb: str, names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    more = [f"and {len(names) - MOST} more"] if len(names) > MOST else []
    return f"{verb} {', '.join([*names[:MOST], *more])}" if names else ""


def _imported(body: list[ast.stmt]) -> list[str]:
    names: list[str] = []
    for node in body:
        if isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return [name.split(".")[0] for name in names]


def _calls(body: list[ast.stmt]) -> list[str]:
    return [ast.unparse(n.func) for one in body for n in ast.walk(one) if isinstance(n, ast.Call)]


def _loaded(body: list[ast.stmt]) -> list[str]:
    calls = (node for one in body for node in ast.walk(one) if isinstance(node, ast.Call))
    return [
        call.args[0].value
        for call in calls
        if ast.unparse(call.func) == "evidence.load" and call.args and isinstance(call.args[0], ast.Constant)
    ]


def _assigned(body: list[ast.stmt]) -> list[str]:
    targets = (target for node in body if isinstance(node, ast.Assign) for target in node.targets)
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]


def _mimes(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs", []):
        yield from output.get("data", {})


def fold(notebook: dict[str, Any]) -> None:
    """Fold the code of each cell without a form of its own under what it does; take away what only checks."""
    for cell in notebook["cells"]:
        metadata = cell["metadata"]
        tags = metadata.get("tags", [])
        own = metadata.get("mystnb", {})
        if cell["cell_type"] != "code" or OWN_FORM & {*tags} or "code_prompt_show" in own:
            continue
        if only_checks(cell):
            metadata["tags"] = [*tags, "remove-cell"]
            continue
        if not {"hide-cell", "hide-input"} & {*tags}:
            metadata["tags"] = [*tags, "hide-input"]
        label = f"Code: {describe(cell)}"
        metadata["mystnb"] = {**own, "code_prompt_show": label, "code_prompt_hide": label}
    _join_imports(notebook["cells"])


def _join_imports(cells: list[dict[str, Any]]) -> None:
    """Move imports into the folded code that follows them at once."""
    for cell, following in pairwise(cells):
        tags = cell["metadata"].get("tags", [])
        if "imports" in tags and "hide-input" in following["metadata"].get("tags", []):
            following["source"] = "\n\n".join("".join(one["source"]) for one in (cell, following))
            cell["metadata"]["tags"] = [*tags, "remove-cell"]


def read(app: Sphinx, page: str, source: list[str]) -> None:
    """Fold the notebook that Sphinx has just read."""
    if app.env.doc2path(page).endswith(".ipynb"):
        notebook = json.loads(source[0])
        fold(notebook)
        source[0] = json.dumps(notebook)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", read)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
