"""What every public name owes its reader: a docstring with an example. And `import initlib` stays light."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from functools import cached_property
from pathlib import Path

import pytest

import initlib

# Experiments are read as a whole; what needs PyTorch is tested with the peers.
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(initlib.__path__, "initlib.")
    if not re.search(r"\._|\.experiments\.|\.pytorch\.", module.name)
)
SHOWN = sorted(f"initlib.{module.name}" for module in pkgutil.iter_modules(initlib.__path__))


def defined_in(name):
    """Yield the functions and classes without an underscore whose code stands in a module."""
    module = importlib.import_module(name)
    for node in ast.parse(Path(inspect.getsourcefile(module)).read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield pytest.param(getattr(module, node.name), id=f"{name}.{node.name}")


def shown_by(name):
    """Yield the functions and classes in the `__all__` of a flat module or a facade."""
    module = importlib.import_module(name)
    for public in module.__all__:
        value = getattr(module, public)
        if inspect.isfunction(value) or inspect.isclass(value):
            yield pytest.param(value, id=f"{name}.{public}")


DEFINED = [one for name in MODULES for one in defined_in(name)]
PUBLIC = [one for name in SHOWN for one in shown_by(name)]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_is_for(name):
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("name", SHOWN)
def test_a_module_lists_what_it_shows(name):
    module = importlib.import_module(name)
    assert not [public for public in module.__all__ if not hasattr(module, public)]
    own = {one.id.rpartition(".")[2] for one in defined_in(name)}
    assert own <= set(module.__all__)


@pytest.mark.parametrize("value", DEFINED)
def test_every_function_and_class_has_a_docstring(value):
    assert value.__doc__


@pytest.mark.parametrize("value", PUBLIC)
def test_every_public_function_has_an_example(value):
    assert inspect.isclass(value) or ">>>" in value.__doc__


@pytest.mark.parametrize("value", PUBLIC)
def test_every_public_method_and_property_has_a_docstring(value):
    members = vars(value).items() if inspect.isclass(value) else ()
    kinds = (property, classmethod, cached_property)
    own = [n for n, m in members if n[0] != "_" and (inspect.isfunction(m) or isinstance(m, kinds))]
    assert not [name for name in own if not inspect.getdoc(getattr(value, name))]


def test_the_library_lists_each_of_its_names_once_and_no_helpers():
    importlib.import_module("initlib.checks")
    shown = [name for name in dir(initlib) if not name.startswith("__")]
    assert shown == sorted(initlib.__all__)


@pytest.mark.heavy
def test_type_checkers_see_the_arguments(tmp_path):
    lines = [
        "import initlib",
        "from initlib import training",
        "initlib.recommend(width='64')",
        "training.sweep(3, [0])",
        "initlib.initializers.he_normal((3, 3), gain=2)",
    ]
    (tmp_path / "mistakes.py").write_text("\n".join(lines))
    command = [sys.executable, "-m", "mypy", "--config-file=", "mistakes.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert re.findall(r"mistakes.py:(\d): error: .*\[(\S+)\]", run.stdout) == [
        ("3", "arg-type"),
        ("4", "arg-type"),
        ("5", "call-arg"),
    ]


def test_importing_the_library_loads_numpy_and_nothing_else_from_outside():
    script = (
        "import sys, numpy; before = set(sys.modules); import initlib;"
        "new = {name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names);"
        "print(sorted(new))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['initlib']"
