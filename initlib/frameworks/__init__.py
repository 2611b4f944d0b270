"""Laws for the parameters of a layer, the code that draws them, and what the frameworks draw by default."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from initlib.facades import own
from initlib.frameworks.laws import GATES, LAYERS, NAMES, SIZES, WORDS, ZERO, Law, Part

if TYPE_CHECKING:
    from initlib.frameworks.audit import Default as Default
    from initlib.frameworks.audit import defaults as defaults
    from initlib.frameworks.audit import versions as versions
    from initlib.frameworks.code import lines as lines
    from initlib.frameworks.keras import KERAS as KERAS
    from initlib.frameworks.pytorch import TORCH as TORCH

_WHEN_ASKED = {  # what a rule alone does not need
    "Default": "audit",
    "KERAS": "keras",
    "TORCH": "pytorch",
    "defaults": "audit",
    "lines": "code",
    "versions": "audit",
}

__all__ = [
    "GATES",
    "KERAS",
    "LAYERS",
    "NAMES",
    "SIZES",
    "TORCH",
    "WORDS",
    "ZERO",
    "Default",
    "Law",
    "Part",
    "defaults",
    "lines",
    "versions",
]


def __getattr__(name: str) -> Any:
    if name not in _WHEN_ASKED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"{__name__}.{_WHEN_ASKED[name]}"), name)
    own(globals())
    return globals()[name]


own(globals())
