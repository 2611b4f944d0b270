"""One module for each claim or published result: its protocol, frozen, and what it measures.

>>> "he-depth" in names()
True
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from initlib import checks


def names() -> list[str]:
    """Return the names of all experiments, as their archives are called."""
    return sorted(module.name.replace("_", "-") for module in iter_modules(__path__))


def get(name: str) -> ModuleType:
    """Return the module of an experiment, by the name of its archive.

    >>> get("he-depth").PROTOCOL.claim
    'R5'
    """
    checks.choice("experiment", name, names())
    return import_module(f"{__name__}.{name.replace('-', '_')}")
