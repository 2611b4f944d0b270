"""Packages that only some purposes need: imported where they are used, with a hint where they are missing."""

from importlib import import_module
from typing import Any

__all__ = ["needed"]


def needed(module: str) -> Any:
    """Return a module that an extra of initlib installs, or say how to install it.

    >>> needed("joblib_of_the_future")
    Traceback (most recent call last):
        ...
    ModuleNotFoundError: joblib_of_the_future is needed here: pip install 'initlib[book]'.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.split(".")[0]:
            raise
        raise ModuleNotFoundError(
            f"{error.name} is needed here: pip install 'initlib[book]'.", name=error.name
        ) from None
