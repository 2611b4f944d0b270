"""Laws for the parameters of a layer, and the lines of PyTorch, Keras and JAX that draw them."""

from initlib.facades import own
from initlib.frameworks.code import lines
from initlib.frameworks.keras import KERAS
from initlib.frameworks.laws import GATES, LAYERS, NAMES, SIZES, WORDS, ZERO, Law, Part
from initlib.frameworks.pytorch import TORCH

__all__ = ["GATES", "KERAS", "LAYERS", "NAMES", "SIZES", "TORCH", "WORDS", "ZERO", "Law", "Part", "lines"]

own(globals())
