"""Explorers: depth and scale sliders that are alive in Jupyter and on the built page, without a kernel."""

from initlib.explorers.explorer import Explorer, Lines
from initlib.explorers.signal_propagation import signal
from initlib.explorers.table import Axis, Table

__all__ = ["Axis", "Explorer", "Lines", "Table", "signal"]
