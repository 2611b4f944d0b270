"""Weight initialization, measured: initializers, signal-propagation theory, and many small trainings at once.

`import initlib` loads numpy alone; every module is imported the first time it is used.

>>> import initlib
>>> initlib.initializers.he_normal((4, 3), rng=0).shape
(4, 3)
"""

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from initlib.diagnosis import apply as apply
    from initlib.diagnosis import diagnose as diagnose
    from initlib.networks import building as building
    from initlib.networks import calibration as calibration
    from initlib.networks import convolution as convolution
    from initlib.networks import layers as layers
    from initlib.networks import losses as losses
    from initlib.networks import normalisation as normalisation
    from initlib.networks import recurrent as recurrent
    from initlib.networks import stacks as stacks
    from initlib.recommendation import recommend as recommend
    from initlib.training import optimizers as optimizers
    from initlib.training import sweeps as sweeps

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

# Modules that moved into the package of their topic: their former names give the same modules.
_TOPICS = {
    "explorers.engine": ("answer", "explorer", "inputs", "panels", "picture", "table", "view", "widget"),
    "networks": (
        "building",
        "calibration",
        "convolution",
        "layers",
        "losses",
        "normalisation",
        "recurrent",
        "residual",
        "stacks",
    ),
    "training": ("optimizers", "sweeps"),
}
_MOVED = {
    ".".join([*topic.split(".")[:-1], part]): f"{topic}.{part}"
    for topic, parts in _TOPICS.items()
    for part in parts
}

_FUNCTIONS = {"apply": "diagnosis", "diagnose": "diagnosis", "recommend": "recommendation"}

__all__ = [*_MODULES, *_FUNCTIONS]


class _Moved(MetaPathFinder, Loader):
    """Gives `import initlib.sweeps` the module `initlib.training.sweeps` itself, not a copy."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        return ModuleSpec(fullname, self) if package == __name__ and name in _MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(f"{__name__}.{_MOVED[spec.name.partition('.')[2]]}")
        spec.loader_state = module.__spec__  # the import system puts `spec` in its place
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


sys.meta_path.append(_Moved())


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    own = (name for name in globals() if name.startswith("__"))
    return sorted({*own, *__all__})
