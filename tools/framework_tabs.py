"""The framework tabs of the book: markdown cells tagged `frameworks`, and what their code promises.

The environment with the frameworks has no notebook tools, so this module reads notebooks as plain JSON.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from initlib.testing import assert_variance

ROOT = Path(__file__).resolve().parent.parent
FRAMEWORKS = ("PyTorch", "Keras", "JAX")
PAGE = re.compile(r"\b(?:root|file):\s*(\S+\.ipynb)")
TAB = re.compile(r"^:{3,}\{tab-item\} *(?P<framework>.+?) *$(?P<body>.*?)^:{3,}$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Tab:
    """One tab: the framework, its code, and the promises that the code must keep."""

    framework: str
    code: str
    promises: Sequence[Mapping[str, Any]]


def notebooks(root: Path = ROOT) -> list[Path]:
    """Return the notebooks named in `_toc.yml`."""
    return [root / page for page in PAGE.findall((root / "_toc.yml").read_text(encoding="utf-8"))]


def tabs(notebook: Path) -> list[Tab]:
    """Return every tab of the cells tagged `frameworks`, in order; a tab has one block of Python."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tagged = [cell for cell in cells if "frameworks" in cell["metadata"].get("tags", ())]
    return [tab for cell in tagged for tab in of_cell(cell)]


def of_cell(cell: Mapping[str, Any]) -> list[Tab]:
    """Return the tabs of one cell as nbformat stores it."""
    promise = cell["metadata"].get("promise", [])
    found = []
    for match in TAB.finditer("".join(cell["source"])):
        framework = match["framework"]
        [code] = BLOCK.findall(match["body"])
        promises = promise.get(framework, []) if isinstance(promise, Mapping) else promise
        found.append(Tab(framework, code, promises))
    return found


def keep(namespace: Mapping[str, Any], promises: Sequence[Mapping[str, Any]]) -> None:
    """Raise an AssertionError unless the variables are what is promised.

    A promise names a variable and says its `variance` (with `kurtosis`, 3 unless it says otherwise), or the
    constant that all its entries `equal`.
    """
    for promise in promises:
        values = namespace[promise["name"]]
        if "equal" in promise:
            found = np.asarray(values.detach() if hasattr(values, "detach") else values, dtype=float)
            assert found.size > 0
            np.testing.assert_array_equal(found, promise["equal"])
        else:
            assert_variance(values, promise["variance"], kurtosis=promise.get("kurtosis", 3.0))
