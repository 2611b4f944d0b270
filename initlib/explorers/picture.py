"""The still form of an explorer, for paper, for pages without JavaScript and for code hosts."""

import io
from typing import TYPE_CHECKING

import numpy as np

from initlib.explorers.explorer import Explorer, Lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEASURED, THEORY = "#0072b2", "#b84500"


def draw(explorer: Explorer) -> bytes:
    """Return the panels at the explorer's start as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(explorer.panels)
    figure = Figure(figsize=(3.4 * count, 2.9), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, panel in zip(figure.subplots(1, count, squeeze=False)[0], explorer.panels, strict=True):
        _draw_lines(axes, explorer, panel)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    settings = explorer.settings()
    figure.suptitle(f"{explorer.title}: {settings}", fontsize=11)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()


def _draw_lines(axes: "Axes", explorer: Explorer, panel: Lines) -> None:
    measured = np.atleast_2d(explorer.lines(panel, panel.y))
    x = explorer.table.axes[panel.x].values[: measured.shape[-1]]
    if panel.band is not None:
        low, high = (explorer.lines(panel, name) for name in panel.band)
        axes.fill_between(
            x, low, high, color=THEORY, alpha=0.2, linewidth=0, label="expected spread at this width"
        )
    for i, line in enumerate(measured):
        axes.plot(x, line, color=MEASURED, linewidth=0.9, label="measured" if i == 0 else None)
    if panel.theory is not None:
        axes.plot(x, explorer.lines(panel, panel.theory), "--", color=THEORY, linewidth=1.8, label="theory")
    if panel.y in explorer.table.log:
        axes.set_yscale("log")
    axes.set(title=panel.title, xlabel=explorer.table.axes[panel.x].label, ylabel=panel.label)
    axes.grid(alpha=0.3)
