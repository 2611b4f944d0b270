"""The still form of an explorer, for paper, for pages without JavaScript and for code hosts."""

import io
from typing import TYPE_CHECKING

import numpy as np

from initlib import figures
from initlib.explorers.explorer import SPREAD, Explorer, Lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEASURED, THEORY = "#0072b2", "#b84500"


def draw(explorer: Explorer) -> bytes:
    """Return the panels at the explorer's start as a PNG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    count = len(explorer.panels)
    stream = io.BytesIO()
    with mpl.rc_context(figures.STYLE):
        figure = Figure(figsize=(3.2 * count, 2.9))
        for axes, panel in zip(figure.subplots(1, count, squeeze=False)[0], explorer.panels, strict=True):
            _draw_lines(axes, explorer, panel)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        figure.suptitle(f"{explorer.title}: {explorer.settings()}", x=0.01, ha="left", weight="bold")
        figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _draw_lines(axes: "Axes", explorer: Explorer, panel: Lines) -> None:
    measured = np.atleast_2d(explorer.lines(panel, panel.y))
    x = explorer.table.axes[panel.x].values[: measured.shape[-1]]
    if panel.band is not None:
        low, high = (explorer.lines(panel, name) for name in panel.band)
        axes.fill_between(x, low, high, color=THEORY, alpha=0.2, linewidth=0, label=SPREAD)
    for i, line in enumerate(measured):
        axes.plot(x, line, color=MEASURED, linewidth=0.9, label="measured" if i == 0 else None)
    if panel.theory is not None:
        axes.plot(x, explorer.lines(panel, panel.theory), "--", color=THEORY, linewidth=1.8, label="theory")
    if panel.y in explorer.table.log:
        axes.set_yscale("log")
    axes.set(title=panel.title, xlabel=explorer.table.axes[panel.x].label, ylabel=panel.label)
