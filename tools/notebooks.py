"""Make the notebook of every chapter from its text: write the stubs, execute, store outputs clean.

The text (`he.md`, MyST Markdown) is what people edit; the notebook (`he.ipynb`) has its cells, with outputs.
Derived is the stub of every exercise (made from its solution). Stored outputs carry no widget state, so that
they read on a code host and compare under nbval.
"""

import argparse
import base64
import re
import sys
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
from check_pages import ROOT, files
from jupytext.combine import combine_inputs_with_outputs
from jupytext.config import load_jupytext_config
from nbclient import NotebookClient
from nbformat import NotebookNode

from initlib import checks

FORMAT = "md:myst"

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SOLUTION_LINE = re.compile(r"^(?P<indent>\s*)(?P<target>\w+ = )?.*# solution$")


def paths() -> list[Path]:
    """Return the notebooks among the pages of the book."""
    return [ROOT / file for file in files() if file.endswith(".ipynb")]


def text_of(path: Path) -> Path:
    """Return where the text of a notebook stands."""
    return path.with_suffix(".md")


def as_text(notebook: NotebookNode, path: Path) -> str:
    """Return the cells as MyST Markdown, in the form that book/jupytext.toml and so JupyterLab give it."""
    return jupytext.writes(notebook, FORMAT, config=load_jupytext_config(str(path)))


def from_text(path: Path) -> NotebookNode:
    """Return the notebook that the text of `path` describes, its stubs fresh, without outputs."""
    notebook = jupytext.read(text_of(path), fmt=FORMAT, config=load_jupytext_config(str(path)))
    write_stubs(notebook)
    clean(notebook, path)
    return notebook


def refuse_to_lose_edits(chosen: list[Path]) -> None:
    """Exit if one of these notebooks was edited after its text: making it again would lose the edit."""
    for path in filter(Path.is_file, chosen):
        text = text_of(path)
        newer = path.stat().st_mtime > text.stat().st_mtime
        if newer and as_text(nbformat.read(path, as_version=4), path) != text.read_text(encoding="utf-8"):
            sys.exit(
                f"{path.name} was edited after {text.name}. To keep its cells: make texts NAME={path.stem}. "
                f"To drop what differs from the text: touch {text}"
            )


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def stub(solution: str) -> str:
    """Return the exercise that a solution answers: its lines marked `# solution` become blanks to fill.

    >>> print(stub("def double(x):\\n    return 2 * x  # solution\\n\\n\\nanswer = 4  # solution"))
    def double(x):
        ...  # your code here
    <BLANKLINE>
    <BLANKLINE>
    answer = ...  # your code here
    """
    lines: list[str] = []
    previous_blanked = False
    for line in solution.splitlines():
        match = SOLUTION_LINE.match(line)
        if match and not (previous_blanked and not match["target"]):
            lines.append(f"{match['indent']}{match['target'] or ''}...  # your code here")
        elif not match:
            lines.append(line)
        previous_blanked = bool(match)
    return "\n".join(lines)


def write_stubs(notebook: NotebookNode) -> None:
    """Write the text of every stub; each stub cell stands right before its solution."""
    for cell, following in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        if "stub" in tags(cell):
            cell.source = f"```python\n{stub(following.source)}\n```"


def clean(notebook: NotebookNode, path: Path) -> None:
    """Number the cells; drop what differs between machines or needs a kernel: widgets, timings, versions."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for index, cell in enumerate(notebook.cells):
        cell.id = f"{path.stem}-{index:02}"
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
    run = [
        cell for cell in notebook.cells if cell.get("execution_count")
    ]  # in order, also if one was taken out
    for number, cell in enumerate(run, start=1):
        for one in (cell, *(output for output in cell.outputs if "execution_count" in output)):
            one.execution_count = number


def execute(notebook: NotebookNode, path: Path) -> None:
    """Run the notebook in its own folder, as the site build and nbval do; leave clean outputs in it."""
    client = NotebookClient(
        notebook,
        timeout=600,
        resources={"metadata": {"path": path.parent}},
        store_widget_state=False,
        coalesce_streams=True,
    )
    client.execute()
    clean(notebook, path)


def save_readme_picture(notebook: NotebookNode) -> None:
    """Store the figure of the cell tagged `readme-picture` where README.md shows it."""
    for cell in notebook.cells:
        if "readme-picture" in tags(cell):
            png = next(o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {}))
            (ROOT / "book" / "images" / "readme.png").write_bytes(base64.b64decode(png))


def write(notebook: NotebookNode, path: Path) -> None:
    """Write both of a pair."""
    nbformat.write(notebook, path)
    text_of(path).write_text(as_text(notebook, path), encoding="utf-8", newline="\n")


def outputs(path: Path) -> None:
    """Make the notebook from the text, with outputs."""
    notebook = from_text(path)
    execute(notebook, path)
    save_readme_picture(notebook)
    write(notebook, path)


def cells(path: Path) -> None:
    """Bring the cells of the text to the notebook; cells that did not change keep their outputs."""
    notebook = from_text(path)
    if path.is_file():
        notebook = combine_inputs_with_outputs(notebook, nbformat.read(path, as_version=4), FORMAT)
        clean(notebook, path)
    write(notebook, path)


def texts(path: Path) -> None:
    """Bring the cells of the notebook, edited by hand or by a formatter, to the text."""
    write(nbformat.read(path, as_version=4), path)
    cells(path)


COMMANDS: dict[str, Callable[[Path], None]] = {"outputs": outputs, "cells": cells, "texts": texts}


def main() -> None:
    chapters = {path.stem: path for path in paths()}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("name", nargs="?", help="one chapter, as `he`; all without it")
    given = parser.parse_args()
    try:
        chosen = (
            [chapters[checks.choice("NAME", given.name, chapters)]] if given.name else [*chapters.values()]
        )
    except ValueError as error:
        sys.exit(str(error))
    if given.command != "texts":
        refuse_to_lose_edits(chosen)
    for path in chosen:
        print(path.relative_to(ROOT), flush=True)
        COMMANDS[given.command](path)


if __name__ == "__main__":
    main()
