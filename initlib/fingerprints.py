"""Digests of code and parameters, which tell whether a stored number is still what the code would compute."""

import ast
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from initlib.extras import needed

__all__ = ["ABOVE", "cloudpickle_of", "describe", "digest", "of_file", "of_package"]

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
    if isinstance(value, (complex, np.complexfloating)):
        return repr(complex(value))
    if isinstance(value, np.generic):
        plain = value.item()
        return plain if isinstance(plain, (bool, int, float, str)) else repr(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, range):
        return ["range", value.start, value.stop, value.step]
    if isinstance(value, (list, tuple)):
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
    """Return name and digest: code and what it refers to, and the code of the module if that is a file.

    Not where the code stood: a notebook's cell has another file name in each kernel.
    """
    module = sys.modules.get(getattr(value, "__module__", None) or type(value).__module__)
    source = _source(module)
    code = of_file(source) if source else ""
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return f"{name} {digest((json.dumps(_written(value, ())) + code).encode())}"


def _written(value: Any, above: tuple[int, ...]) -> Any:
    """Return what distinguishes a value, as JSON; `above` are the objects that it is part of."""
    if id(value) in above:
        return "itself"
    above = (*above, id(value))
    if isinstance(value, ModuleType):
        return ["module", value.__name__]
    if isinstance(value, CodeType):
        return _of_code(value, above)
    if isinstance(value, FunctionType):
        return _of_function(value, above)
    if isinstance(value, MethodType):
        return ["method", _written(value.__func__, above), _written(value.__self__, above)]
    if isinstance(value, (frozenset, set)):
        return ["set", *sorted(json.dumps(_written(one, above)) for one in value)]
    if isinstance(value, (list, tuple)):
        return [_written(one, above) for one in value]
    if isinstance(value, dict):
        return [[str(key), _written(one, above)] for key, one in value.items()]
    if isinstance(value, partial):
        return ["partial", *(_written(one, above) for one in (value.func, value.args, value.keywords))]
    if _is_by_value(value) and isinstance(value, type):
        return ["class", value.__qualname__, _written(_own(vars(value)), above)]
    if _is_by_value(type(value)):
        return ["object", _written(type(value), above), _written(dict(getattr(value, "__dict__", {})), above)]
    if value is None or isinstance(value, (bool, int, float, str, np.ndarray, np.generic)):
        return describe(value)
    return digest(cloudpickle_of(value))


def _of_function(function: FunctionType, above: tuple[int, ...]) -> Any:
    if not _is_by_value(function):  # its module's code is part of the digest, or of the package
        return ["function", function.__module__, function.__qualname__]
    cells = [_content(cell, above) for cell in function.__closure__ or ()]
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    used = {name: function.__globals__[name] for name in sorted(names & function.__globals__.keys())}
    kept = [function.__defaults__, function.__kwdefaults__]
    doc = function.__doc__
    return ["function", _of_code(function.__code__, above, doc), cells, _written([used, kept], above)]


def _content(cell: Any, above: tuple[int, ...]) -> Any:
    try:
        return _written(cell.cell_contents, above)
    except ValueError:  # not filled yet
        return "empty"


def _of_code(code: CodeType, above: tuple[int, ...], doc: str | None = None) -> Any:
    constants = [
        _written(one, above) if one is not Ellipsis else "..." for one in code.co_consts if one != doc
    ]
    names = [code.co_names, code.co_varnames, code.co_freevars]
    return [code.co_code.hex(), constants, _written(names, above), code.co_argcount, code.co_kwonlyargcount]


def _codes(code: CodeType) -> list[CodeType]:
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    return [code, *(deeper for one in inner for deeper in _codes(one))]


def _is_by_value(value: Any) -> bool:
    """Say whether a function or class cannot be imported by its name: a notebook's, a lambda, a local one."""
    name = getattr(value, "__qualname__", None)
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if name is None:
        return False
    return module is None or module.__name__ == "__main__" or "<" in name


def _own(members: Any) -> dict[str, Any]:
    """Return what a class defines itself, without what Python adds."""
    added = ("__module__", "__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__")
    return {name: value for name, value in sorted(members.items()) if name not in added}


def cloudpickle_of(value: Any) -> bytes:
    """Return the pickle of a value, its code with it.

    >>> len(cloudpickle_of(len)) > 0
    True
    """
    pickle: bytes = needed("cloudpickle").dumps(value)
    return pickle


def _source(module: ModuleType | None) -> Path | None:
    path = Path(getattr(module, "__file__", None) or "")
    return path if path.suffix == ".py" and path.is_file() else None


def digest(data: bytes) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of the data.

    >>> digest(b"")
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(data).hexdigest()[:16]
