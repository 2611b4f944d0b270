"""Explorers: depth and scale sliders that are alive in Jupyter and on the built page, without a kernel."""

from initlib.explorers.answer import Answer, answers
from initlib.explorers.broken_symmetry import symmetry
from initlib.explorers.explorer import Explorer
from initlib.explorers.guide import guide
from initlib.explorers.histogram_by_layer import histograms
from initlib.explorers.lab import lab
from initlib.explorers.panels import Bars, HeatMap, Histogram, Lines
from initlib.explorers.phase_diagram import order_chaos
from initlib.explorers.residual_stream import residual
from initlib.explorers.scale_and_rate import rates
from initlib.explorers.signal_propagation import signal
from initlib.explorers.table import Axis, Table
from initlib.explorers.training_by_scale import training_map
from initlib.explorers.view import View

__all__ = [
    "Answer",
    "Axis",
    "Bars",
    "Explorer",
    "HeatMap",
    "Histogram",
    "Lines",
    "Table",
    "View",
    "answers",
    "guide",
    "histograms",
    "lab",
    "order_chaos",
    "rates",
    "residual",
    "signal",
    "symmetry",
    "training_map",
]
