"""What the examples in docstrings may name without importing it, and how stored outputs are compared."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "tests"))
pytest_plugins = ["reference_kernels"]
HEAVY_EXAMPLES = {"initlib.evidence.summary.verdicts", "initlib.explorers.guide.guide"}


@pytest.fixture(autouse=True)
def numpy_as_np(doctest_namespace):
    doctest_namespace["np"] = np


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items):
    for item in items:
        if item.name in HEAVY_EXAMPLES:
            item.add_marker("heavy")
