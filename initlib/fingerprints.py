"""Digests of code and parameters, which tell whether a stored number is still what the code would compute."""

import ast
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["ABOVE", "describe", "digest", "of_file", "of_package"]

ABOVE = (
    "diagnosis",
    "evidence",
    "experiments",
    "explorers",
    "recommendation",
)  # they train no net themselves


def of_file(path: str | Path) -> str:
    """Return a digest of the code in a Python file; comments, docstrings and layout do not change it.

    It is the same in every version of Python that reads the file as the same syntax tree.

    >>> of_file(__file__) == of_file(__file__)
    True
    """
    stat = Path(path).stat()
    return _of_file(Path(path), (stat.st_mtime_ns, stat.st_size))


@cache
def _of_file(path: Path, version: tuple[int, int]) -> str:
    return digest(repr(_tree(ast.parse(path.read_text(encoding="utf-8")))).encode())


def _tree(node: Any) -> Any:
    """Return the syntax tree as nested lists, without empty fields (versions of Python differ in those).

    Python 3.15 marks imports as lazy or not: those that are not are the same as before.
    """
    if isinstance(node, list):
        return [_tree(one) for one in node if not _is_bare_string(one)]
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = (
        (name, value)
        for name, value in ast.iter_fields(node)
        if value is not None and value != [] and (name != "is_lazy" or value)
    )
    return [type(node).__name__, *((name, _tree(value)) for name, value in parts)]


def _is_bare_string(node: Any) -> bool:
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant and isinstance(node.value.value, str)


@cache
def of_package() -> str:
    """Return a digest of numpy's version and of what computes in initlib: all but the packages `ABOVE`.

    >>> of_package() == of_package()
    True
    """
    root = Path(__file__).parent
    modules = sorted(m for m in root.rglob("*.py") if m.relative_to(root).parts[0] not in ABOVE)
    return digest("".join([np.__version__, *map(of_file, modules)]).encode())


def describe(value: Any) -> Any:
    """Return what JSON can hold, and what differs when the value, or the code of a callable, differs.

    >>> describe((1, np.float64(0.5), "relu", None))
    [1, 0.5, 'relu', None]
    """
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple, range)):
        return [describe(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): describe(one) for name, one in value.items()}
    if isinstance(value, np.ndarray):
        return digest(f"{value.dtype} {value.shape}".encode() + value.tobytes())
    if isinstance(value, partial):
        return ["partial", describe(value.func), describe(value.args), describe(value.keywords)]
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(describe(getattr(value, field.name)) for field in fields(value))]
    return _of_callable(value)


def _of_callable(value: Any) -> str:
    """Return name and digest: code and enclosed values of what a notebook defines, else the module's code."""
    import cloudpickle

    module = sys.modules.get(getattr(value, "__module__", None) or type(value).__module__)
    source = _source(module)
    code = of_file(source) if source else ""
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return f"{name} {digest(cloudpickle.dumps(value) + code.encode())}"


def _source(module: ModuleType | None) -> Path | None:
    path = Path(getattr(module, "__file__", None) or "")
    return path if path.suffix == ".py" and path.is_file() else None


def digest(data: bytes) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of the data.

    >>> digest(b"")
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(data).hexdigest()[:16]
