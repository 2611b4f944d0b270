"""Explorers: depth and scale sliders that are alive in Jupyter and on the built page, without a kernel.

`import initlib.explorers` loads what all explorers share; an explorer loads the networks, the theory or the
archive it shows the first time it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from initlib.explorers.engine.answer import Answer, answers
from initlib.explorers.engine.declaration import Declaration
from initlib.explorers.engine.explorer import Explorer
from initlib.explorers.engine.panels import Bars, HeatMap, Histogram, Lines
from initlib.explorers.engine.table import Axis, Table
from initlib.explorers.engine.view import View
from initlib.explorers.guide import guide
from initlib.explorers.lab import lab

if TYPE_CHECKING:
    from initlib.explorers.broken_symmetry import symmetry
    from initlib.explorers.histogram_by_layer import histograms
    from initlib.explorers.phase_diagram import order_chaos
    from initlib.explorers.residual_stream import residual
    from initlib.explorers.scale_and_rate import rates
    from initlib.explorers.signal_propagation import signal
    from initlib.explorers.training_by_scale import training_map

__all__ = [
    "Answer",
    "Axis",
    "Bars",
    "Declaration",
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

_MODULES = {
    "histograms": "histogram_by_layer",
    "order_chaos": "phase_diagram",
    "rates": "scale_and_rate",
    "residual": "residual_stream",
    "signal": "signal_propagation",
    "symmetry": "broken_symmetry",
    "training_map": "training_by_scale",
}

if not TYPE_CHECKING:  # else every misspelt name would count as known

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
