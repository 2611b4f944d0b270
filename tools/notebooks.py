"""Bring every notebook up to date: write the derived cells, execute, store the outputs clean.

Derived are the cell that installs initlib on Colab (its address stands in _config.yml) and the stub of every
exercise (made from its solution). Stored outputs carry no widget state, so that they read on a code host and
compare under nbval.
"""

import base64
import re
from pathlib import Path

import nbformat
import yaml
from check_pages import ROOT, pages
from nbclient import NotebookClient
from nbformat import NotebookNode

COLAB_CELL = """\
import sys

if "google.colab" in sys.modules:  # Colab does not have initlib yet
    %pip install -q "initlib[book] @ git+{repository}"
"""
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SOLUTION_LINE = re.compile(r"^(?P<indent>\s*)(?P<target>\w+ = )?.*# solution$")


def paths() -> list[Path]:
    """Return the notebooks among the pages of the book."""
    return [path for page in pages() if (path := ROOT / f"{page}.ipynb").is_file()]


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


def write_derived_cells(notebook: NotebookNode, repository: str) -> None:
    """Write the Colab cell and the text of every stub; each stub cell stands right before its solution."""
    for cell, following in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        if "colab" in tags(cell):
            cell.source = COLAB_CELL.format(repository=repository).strip()
        if "stub" in tags(cell):
            cell.source = f"```python\n{stub(following.source)}\n```"


def clean(notebook: NotebookNode) -> None:
    """Drop what differs between machines or needs a kernel: widget state and views, timings, versions."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)


def execute(path: Path) -> NotebookNode:
    """Run the notebook in its own folder, as the site build and nbval do; return it with clean outputs."""
    notebook = nbformat.read(path, as_version=4)
    write_derived_cells(notebook, repository_url())
    client = NotebookClient(
        notebook,
        timeout=600,
        resources={"metadata": {"path": path.parent}},
        store_widget_state=False,
        coalesce_streams=True,
    )
    client.execute()
    clean(notebook)
    return notebook


def repository_url() -> str:
    return yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]


def save_readme_picture(notebook: NotebookNode) -> None:
    """Store the figure of the cell tagged `readme-picture` where README.md shows it."""
    for cell in notebook.cells:
        if "readme-picture" in tags(cell):
            png = next(o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {}))
            (ROOT / "book" / "images" / "readme.png").write_bytes(base64.b64decode(png))


def main() -> None:
    for path in paths():
        print(path.relative_to(ROOT), flush=True)
        notebook = execute(path)
        save_readme_picture(notebook)
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
