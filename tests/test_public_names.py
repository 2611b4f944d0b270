"""What every public name owes its reader: a docstring with an example. And `import initlib` stays light."""

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import initlib

MODULES = sorted(
    f"initlib.{module.name}" for module in pkgutil.iter_modules(initlib.__path__) if module.name[0] != "_"
)


def public_names(module):
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    for name in names:
        value = getattr(module, name)
        own = getattr(value, "__module__", None) == module.__name__
        if own and (inspect.isfunction(value) or inspect.isclass(value)):
            yield name, value


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_is_for(name):
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_has_a_docstring_with_an_example(name):
    module = importlib.import_module(name)
    lacking = [
        public for public, value in public_names(module)
        if inspect.isfunction(value) and ">>>" not in (value.__doc__ or "")
    ]  # fmt: skip
    assert not lacking


@pytest.mark.parametrize("name", MODULES)
def test_every_public_class_has_a_docstring(name):
    module = importlib.import_module(name)
    classes = [value for _, value in public_names(module) if inspect.isclass(value)]
    assert not [value for value in classes if not value.__doc__]


def test_importing_the_library_loads_numpy_and_nothing_else_from_outside():
    script = (
        "import sys, numpy; before = set(sys.modules); import initlib;"
        "new = {name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names);"
        "print(sorted(new))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['initlib']"
