"""Train many nets of one shape at once: each with its own seed, data split, batch order and learning rate."""

from initlib.facades import own
from initlib.training.chunk import PARTS
from initlib.training.fitting import CACHE, CHUNK, Fit, evaluate, fit
from initlib.training.sweeps import Sweep, sweep

__all__ = ["CACHE", "CHUNK", "PARTS", "Fit", "Sweep", "evaluate", "fit", "sweep"]

own(globals())
