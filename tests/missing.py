"""What a test says where something that it needs is not there."""

import os

import pytest


def missing(what: str, remedy: str) -> None:
    """Fail in CI, where everything must run; elsewhere skip, and say how to get what is missing."""
    message = f"{what} is missing: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
