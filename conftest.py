"""What the examples in docstrings may name without importing it."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def numpy_as_np(doctest_namespace):
    doctest_namespace["np"] = np
