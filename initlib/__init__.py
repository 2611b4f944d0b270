"""Weight initialization, measured: initializers, signal-propagation theory, and many small trainings at once.

`import initlib` loads numpy alone; every module is imported the first time it is used.

>>> import initlib
>>> initlib.initializers.he_normal((4, 3), rng=0).shape
(4, 3)
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_MODULES = (
    "activations",
    "datasets",
    "diagnosis",
    "evidence",
    "experiments",
    "explorers",
    "figures",
    "frameworks",
    "gaussian",
    "initializers",
    "networks",
    "propagation",
    "recommendation",
    "testing",
    "theory",
    "training",
)

_FUNCTIONS = {"apply": "diagnosis", "diagnose": "diagnosis", "recommend": "recommendation"}

__all__ = [*_MODULES, *_FUNCTIONS]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
