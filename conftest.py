"""What the examples in docstrings may name without importing it, and how stored outputs are compared."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "tests"))
pytest_plugins = ["reference_kernels"]


@pytest.fixture(autouse=True)
def numpy_as_np(doctest_namespace):
    doctest_namespace["np"] = np
