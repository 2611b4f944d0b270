"""Packages that only some purposes need: imported where they are used, with a hint where they are missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

__all__ = ["hints", "needed"]

# What a package that may be missing is installed with.
SOURCES = {
    "PIL": "'initlib[widgets]'",
    "anywidget": "'initlib[widgets]'",
    "ipywidgets": "'initlib[widgets]'",
    "joblib": "'initlib[sweep]'",
    "matplotlib": "'initlib[figures]'",
    "mlxtend": "'initlib[data]'",
    "scipy": "scipy",
    "sklearn": "'initlib[sweep]'",
    "tqdm": "'initlib[sweep]'",
}


@contextmanager
def hints() -> Iterator[None]:
    """Say how to install a package that an import inside does not find; also a decorator, called.

    >>> with hints():
    ...     raise ModuleNotFoundError("No module named 'tqdm'", name="tqdm")
    Traceback (most recent call last):
        ...
    ModuleNotFoundError: tqdm is needed here: pip install 'initlib[sweep]'.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in SOURCES:
            raise
        raise ModuleNotFoundError(
            f"{error.name} is needed here: pip install {SOURCES[error.name]}.", name=error.name
        ) from None


@hints()
def needed(module: str) -> Any:
    """Return a module of a package that only some purposes need, or say how to install it.

    >>> needed("joblib.parallel").__name__
    'joblib.parallel'
    """
    return import_module(module)
