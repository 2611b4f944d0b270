"""Digests of code and parameters, which tell whether a stored number is still what the code would compute."""

import ast
import copyreg
import dis
import hashlib
import importlib.util
import json
import sys
import sysconfig
import weakref
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from itertools import accumulate
from pathlib import Path
from types import (
    CellType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from initlib import checks

__all__ = ["ABOVE", "describe", "digest", "of_file", "of_files", "of_package"]

ABOVE = (
    "diagnosis",
    "evidence",
    "experiments",
    "explorers",
    "recommendation",
)  # they train no net themselves
ROOT = Path(__file__).parent
INSTALLED = ("site-packages", "dist-packages")  # what modules import from there is not followed
DESCRIPTORS = (
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)  # of classes, made by Python
_LOADED: dict[Path, tuple[Any, str]] = {}  # files of modules, with their code when they were first seen
MADE_BY_PYTHON = {
    "__module__",
    "__dict__",
    "__weakref__",
    "__doc__",
    "__firstlineno__",
    "__static_attributes__",
    "__annotate_func__",
    "__annotations_cache__",
    "__classdictcell__",
    "_abc_impl",
}


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


def of_files(path: str | Path, belongs: Callable[[Path], bool]) -> str:
    """Return a digest of the code in a Python file and in those that it imports and that belong to it.

    `belongs` says so of a file, and is asked about what those files import, too.

    >>> of_files(__file__, lambda path: False) == of_file(__file__)
    True
    """
    files = _with_imports(Path(path), belongs)
    return of_file(path) if len(files) == 1 else digest("".join(map(of_file, files)).encode())


def _with_imports(path: Path, belongs: Callable[[Path], bool]) -> list[Path]:
    found, todo = {path}, [path]
    while todo:
        file = todo.pop()
        stat = file.stat()
        new = {one for one in _imports(file, (stat.st_mtime_ns, stat.st_size)) if belongs(one)} - found
        found |= new
        todo += new
    return sorted(found)


@cache
def _imports(path: Path, version: tuple[int, int]) -> list[Path]:
    """Return the files of all modules that a file imports anywhere, their packages' included."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found |= set(_files(alias.name, path, 0))
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:  # a module, or a name in one
                found |= set(_files(f"{node.module or ''}.{alias.name}".strip("."), path, node.level))
    return sorted(found)


def _files(name: str, importer: Path, level: int) -> Iterator[Path]:
    """Yield the files of a module and of the packages that it is in, so far as they are in Python."""
    parts = name.split(".")
    place = importer.parents[level - 1] if level else _place(parts[0])
    if place is None:
        return
    for steps in accumulate([part] for part in parts):
        module = place.joinpath(*steps)
        yield from (one for one in (module.with_suffix(".py"), module / "__init__.py") if one.is_file())


def _place(top: str) -> Path | None:
    """Return the folder in which a package or module is found that is imported by this name."""
    try:
        spec = None if top in sys.stdlib_module_names else importlib.util.find_spec(top)
    except (ImportError, ValueError):  # such as __main__
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).parent
    return Path(spec.origin).parent if spec.origin and spec.has_location else None


@cache
def of_package() -> str:
    """Return a digest of numpy's version and of what computes in initlib: all but the packages `ABOVE`.

    >>> of_package() == of_package()
    True
    """
    modules = sorted(m for m in ROOT.rglob("*.py") if m.relative_to(ROOT).parts[0] not in ABOVE)
    return digest("".join([np.__version__, *map(of_file, modules)]).encode())


def describe(value: Any) -> Any:
    """Return what JSON can hold, and what differs when the value, or the code of a callable, differs.

    Code counts wherever it is: in a notebook, in the class of an object and the classes above it, in what a
    function calls, and in the modules that its module imports, unless they are installed packages. Not
    where it stands: a notebook's cell has another file name in each kernel. Lists and tuples count as equal.
    What cannot be pickled is refused, and what was loaded from a file that has changed since.

    >>> describe((1, np.float64(0.5), "relu", None))
    [1, 0.5, 'relu', None]
    """
    if isinstance(value, np.generic) and type(value.item()) in (bool, int, float, str):
        return value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is np.ndarray and not value.dtype.hasobject:
        return digest(f"{value.dtype} {value.shape}".encode() + value.tobytes())
    if type(value) in (list, tuple):
        return [describe(one) for one in value]
    if type(value) is dict and all(type(name) is str for name in value):
        return {name: describe(one) for name, one in value.items()}
    name = getattr(value, "__qualname__", type(value).__qualname__)
    try:
        written = json.dumps(_Writer().write(value))
    except Exception as error:  # whatever an object's own way to be pickled raises
        raise ValueError(
            f"Functions, objects and what they refer to must be such that can be pickled, and as their files "
            f"are now. Received: {checks.shown(value)} ({error})."
        ) from None
    return f"{name} {digest(written.encode())}"


class _Writer:
    """Writes a value as JSON, with the code that it refers to; what comes again is named by its number."""

    def __init__(self) -> None:
        self.seen: dict[int, tuple[int, Any]] = {}  # with the value, so that no other can take its place

    def write(self, value: Any) -> Any:
        """Return what distinguishes a value."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, np.generic):
            return ["scalar", str(value.dtype), repr(value)]
        if type(value) is np.ndarray and not value.dtype.hasobject:
            return ["array", describe(value)]
        if type(value) is bytes:
            return ["bytes", value.hex()]
        if type(value) in (list, tuple):
            return [type(value).__name__, *map(self.write, value)]
        if type(value) in (dict, MappingProxyType):
            return ["dict", *([self.write(name), self.write(one)] for name, one in value.items())]
        if type(value) in (set, frozenset):
            return ["set", *sorted(json.dumps(_Writer().write(one)) for one in value)]
        if isinstance(value, (weakref.ref, weakref.WeakKeyDictionary, weakref.WeakValueDictionary)):
            return "weak"  # a cache
        if isinstance(value, CodeType):
            return self._code(value)
        if isinstance(value, DESCRIPTORS):
            return ["named", value.__objclass__.__qualname__, value.__name__]
        if isinstance(value, MethodType):
            return ["method", self.write(value.__func__), self.write(value.__self__)]
        if id(value) in self.seen:
            return ["again", self.seen[id(value)][0]]
        self.seen[id(value)] = len(self.seen), value
        return self._once(value)

    def _once(self, value: Any) -> Any:
        if isinstance(value, ModuleType):
            return ["module", value.__name__, _code_of(value)]
        if isinstance(value, FunctionType):
            return self._function(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, CellType):
            return self._content(value)
        if isinstance(value, property):
            return ["property", *map(self.write, (value.fget, value.fset, value.fdel))]
        if isinstance(value, cached_property):
            return ["cached_property", self.write(value.func)]
        if isinstance(value, (staticmethod, classmethod)):
            return [type(value).__name__, self.write(value.__func__)]
        return self._reduced(value)

    def _function(self, function: FunctionType) -> Any:
        attributes = self.write(vars(function))
        if not _is_by_value(function):
            module = sys.modules[function.__module__]
            return ["function", module.__name__, function.__qualname__, _code_of(module), attributes]
        cells = [self._content(cell) for cell in function.__closure__ or ()]
        names, modules = _used(function.__code__)
        used = {name: function.__globals__[name] for name in sorted(names & function.__globals__.keys())}
        kept = [function.__defaults__, function.__kwdefaults__, used]
        code = self._code(function.__code__, function.__doc__)
        return ["function", code, cells, self.write(kept), attributes, _code_of_modules(modules)]

    def _class(self, kind: type) -> Any:
        if not _is_by_value(kind):
            module = sys.modules.get(kind.__module__)
            return ["class", kind.__module__, kind.__qualname__, _code_of(module)]
        own = {name: one for name, one in sorted(vars(kind).items()) if name not in MADE_BY_PYTHON}
        return ["class", kind.__qualname__, *map(self.write, (type(kind), kind.__bases__, own))]

    def _reduced(self, value: Any) -> Any:
        """Return class and content of any other object, as its pickle would have them."""
        reduce = copyreg.dispatch_table.get(type(value))
        parts = reduce(value) if reduce else value.__reduce_ex__(4)
        if isinstance(parts, str):  # found by its name, such as a function of C, or one with a cache
            return [
                "named",
                getattr(value, "__module__", None),
                parts,
                self.write(getattr(value, "__wrapped__", None)),
            ]
        make, arguments, state, items, pairs = (*parts, None, None, None)[:5]
        if type(state) is dict:
            state = {name: one for name, one in state.items() if not _is_cache(type(value), name)} or None
        content = (type(value), make, arguments, state, list(items or ()), list(pairs or ()))
        return ["object", *map(self.write, content)]

    def _content(self, cell: Any) -> Any:
        try:
            content = cell.cell_contents
        except ValueError:  # not filled yet
            return "empty"
        return self.write(content)

    def _code(self, code: CodeType, doc: str | None = None) -> Any:
        constants: list[Any] = list(code.co_consts)
        if constants and constants[0] == doc and not _loads_first_constant(code):
            constants[0] = None
        written = [self.write(one) for one in constants]
        names = [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
        counts = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags]
        return [code.co_code.hex(), code.co_exceptiontable.hex(), written, self.write(names), counts]


def _loads_first_constant(code: CodeType) -> bool:
    """Say whether code uses what stands where docstrings stand: a text that is both is there once."""
    return any(one.opcode in dis.hasconst and one.arg == 0 for one in dis.get_instructions(code))


def _used(code: CodeType) -> tuple[set[str], set[str]]:
    """Return the names that code looks for among globals, and the modules that it imports itself."""
    names: set[str] = set()
    modules: set[str] = set()
    for one in dis.get_instructions(code):
        if "GLOBAL" in one.opname or one.opname == "LOAD_NAME":
            names.add(one.argval)
        elif one.opname == "IMPORT_NAME":
            modules.add(one.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            deeper = _used(inner)
            names |= deeper[0]
            modules |= deeper[1]
    return names, modules


def _is_cache(kind: type, name: str) -> bool:
    return isinstance(getattr(kind, name, None), cached_property)


def _is_by_value(value: Any) -> bool:
    """Say whether a function or class cannot be imported by its name: a notebook's, a lambda, a local one."""
    module = sys.modules.get(value.__module__ or "")
    return module is None or module.__name__ == "__main__" or "<" in value.__qualname__


def _code_of(module: ModuleType | None) -> str:
    """Return a digest of a module's code and of what it imports, but for what `of_package` holds."""
    path = Path(getattr(module, "__file__", None) or "")
    if path.suffix != ".py" or not path.is_file():
        return ""
    if _is_own(path):
        return _of_own(path)
    return of_file(path) if set(INSTALLED) & set(path.parts) else ""


def _code_of_modules(names: set[str]) -> list[str]:
    files = {file for name in names for file in _files(name, Path(), 0)}
    return [_of_own(file) for file in sorted(files) if _is_own(file)]


def _of_own(path: Path) -> str:
    specs = {
        getattr(one, "__file__", None): getattr(one, "__spec__", None) for one in [*sys.modules.values()]
    }
    for file in _with_imports(path, _is_own):
        spec = specs.get(str(file))
        if spec is None:
            continue
        first, code = _LOADED.setdefault(file, (spec, of_file(file)))
        if first is not spec:  # imported again since
            _LOADED[file] = spec, of_file(file)
        elif code != of_file(file):
            raise ValueError(f"{file.name} has changed since it was imported: restart, or reload it")
    return of_files(path, _is_own)


def _is_own(path: Path) -> bool:
    """Say whether a file's code is the caller's: neither installed, nor Python's, nor in `of_package`."""
    if path.is_relative_to(ROOT):
        return path.relative_to(ROOT).parts[0] in ABOVE
    return not (set(INSTALLED) & set(path.parts) or path.is_relative_to(sysconfig.get_path("stdlib")))


def digest(data: bytes) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of the data.

    >>> digest(b"")
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(data).hexdigest()[:16]
