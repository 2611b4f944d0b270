"""Where experiments are found: by the names of their archives, one module each in `initlib.experiments`."""

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType

from initlib import checks

PACKAGE = "initlib.experiments"


def names() -> list[str]:
    """Return the names of all experiments, as their archives are called.

    >>> "he-depth" in names()
    True
    """
    package = find_spec(PACKAGE)
    assert package is not None
    modules = (module.name for module in iter_modules(package.submodule_search_locations))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def get(name: str) -> ModuleType:
    """Return the module of an experiment, by the name of its archive.

    >>> get("he-depth").PROTOCOL.claim
    'R5'
    """
    checks.choice("experiment", name, names())
    return import_module(f"{PACKAGE}.{name.replace('-', '_')}")
