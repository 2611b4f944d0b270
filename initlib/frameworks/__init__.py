"""Laws for the parameters of a layer, and the lines of PyTorch, Keras and JAX that draw them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from initlib.facades import own
from initlib.frameworks.laws import GATES, LAYERS, NAMES, SIZES, WORDS, ZERO, Law, Part

if TYPE_CHECKING:
    from initlib.frameworks.code import lines as lines
    from initlib.frameworks.keras import KERAS as KERAS
    from initlib.frameworks.pytorch import TORCH as TORCH

_WHEN_ASKED = {"KERAS": "keras", "TORCH": "pytorch", "lines": "code"}  # what a rule alone does not need

__all__ = ["GATES", "KERAS", "LAYERS", "NAMES", "SIZES", "TORCH", "WORDS", "ZERO", "Law", "Part", "lines"]


def __getattr__(name: str) -> Any:
    if name not in _WHEN_ASKED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"{__name__}.{_WHEN_ASKED[name]}"), name)
    own(globals())
    return globals()[name]


own(globals())
