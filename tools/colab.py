"""Put a cell into every notebook that installs initlib on Colab, from this repository at this commit.

The workflow `publish` pushes the result as the branch `colab`, where the website's Colab buttons lead; the
notebooks of the book name no address. Python alone is enough: python3 tools/colab.py ADDRESS COMMIT
"""

import json
import sys
from pathlib import Path
from typing import Any

BOOK = Path(__file__).resolve().parent.parent / "book"


def install(repository: str, commit: str) -> dict[str, Any]:
    """Return the cell."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "colab",
        "metadata": {},
        "outputs": [],
        "source": f'%pip install -q "initlib[book] @ git+{repository}@{commit}"',
    }


def put(cell: dict[str, Any], path: Path) -> None:
    """Put a cell ahead of the first cell of code."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    first = next(i for i, other in enumerate(notebook["cells"]) if other["cell_type"] == "code")
    notebook["cells"].insert(first, cell)
    path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    repository, commit = sys.argv[1:]
    for path in sorted(BOOK.rglob("*.ipynb")):
        put(install(repository, commit), path)


if __name__ == "__main__":
    main()
