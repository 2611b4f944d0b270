"""The still form of an explorer, for paper, for pages without JavaScript and for code hosts."""

import io
import math
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from initlib import figures
from initlib.explorers.engine.answer import Answer
from initlib.explorers.engine.declaration import Declaration
from initlib.explorers.engine.panels import SHADES, SPREAD, Bars, HeatMap, Histogram, Lines
from initlib.explorers.engine.table import Axis
from initlib.explorers.engine.view import View
from initlib.explorers.engine.words import number, typeset
from initlib.extras import hints
from initlib.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEASURED, THEORY = figures.LOOKS[0].color, figures.INK
STYLES = ("--", ":", "-.")
GOOD, TURN, SHARES = "cividis", "PuOr_r", "Blues"  # bright is good; too small to too large; more of them
LINE, GAP = 0.175, 0.7  # the inches of a line of words, and the lines between paragraphs
WIDE, NARROW = 90, 38  # the characters of a line of words, alone and beside other panels


@hints()
def draw(declaration: Declaration) -> bytes:
    """Return the panels at the start as a PNG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    count = len(declaration.panels)
    columns = count if count < 4 else 2
    rows = -(-count // columns)
    stream = io.BytesIO()
    with mpl.rc_context():
        figures.use_style()
        characters = WIDE if count == 1 else NARROW
        words = [panel.text(declaration.view()) for panel in declaration.panels if isinstance(panel, Answer)]
        texts = [_height(_paragraphs(text, characters)) for text in words]
        width = max(3.2 * columns, 7.6 if texts else 5.0)
        figure = Figure(figsize=(width, max([2.9, *texts]) * rows))
        every = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, panel in zip(every, declaration.panels, strict=False):
            axes.set_title(panel.title)
            _DRAW[panel.kind](axes, panel, declaration.view())
        for axes in every[count:]:
            axes.set_axis_off()
        _legend(figure)
        title = f"{declaration.title}: {declaration.view().settings()}"
        figure.suptitle(textwrap.fill(title, int(9.5 * width)), x=0.01, ha="left", weight="bold")
        figure.savefig(stream, format="png")
    return _with_palette(stream)


def _with_palette(png: io.BytesIO) -> bytes:
    """Return a picture with a palette, which takes a third of the bytes."""
    from PIL import Image

    small = io.BytesIO()
    with Image.open(png) as image:
        palette = image.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    palette.save(small, format="PNG", optimize=True)
    return small.getvalue()


def _legend(figure: Any) -> None:
    named: dict[str, Any] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        for handle, label in zip(handles, labels, strict=True):
            named.setdefault(label, handle)
    if named:
        figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=min(len(named), 4))


def _lines(axes: "Axes", panel: Lines, view: View) -> None:
    measured = np.atleast_2d(view.along(panel.y, panel.over, panel.x, until=panel.until))
    x = view.values(panel.x, panel.until)
    if panel.band is not None:
        low, high = (view.along(name, panel.x, until=panel.until) for name in panel.band)
        axes.fill_between(x, low, high, color=THEORY, alpha=0.15, linewidth=0, label=SPREAD)
    if panel.over_as == "band":
        low, high = measured.min(axis=0), measured.max(axis=0)
        over = f"least to greatest of {len(measured)} {view.axis(str(panel.over)).label}s"
        axes.fill_between(x, low, high, color=MEASURED, alpha=0.25, linewidth=0, label=over)
        axes.plot(x, np.median(measured, axis=0), color=MEASURED, label="median")
    else:
        for i, line in enumerate(measured):
            axes.plot(x, line, color=MEASURED, linewidth=0.9, label="measured" if i == 0 else None)
    if panel.theory is not None:
        theory = view.along(panel.theory, panel.x, until=panel.until)
        axes.plot(x, theory, "--", color=THEORY, linewidth=1.8, label="theory")
    if view.axis(panel.x).geometric:
        axes.set_xscale("log")
    axes.set(xlabel=typeset(view.axis(panel.x).label), ylabel=typeset(panel.label))
    axes.set_yscale("log" if panel.y in view.table.log else "linear")
    axes.set_ylim(*_around(*panel.span(view.table), log=panel.y in view.table.log))


def _around(least: float, greatest: float, *, log: bool) -> tuple[float, float]:
    """Return the ends of an axis: whole decades, or a little more than the span."""
    if log:
        return 10.0 ** math.floor(math.log10(least)), 10.0 ** math.ceil(math.log10(greatest) + 1e-9)
    margin = 0.05 * (greatest - least or 1.0)
    return least - margin, greatest + margin


def _shaded(axes: "Axes", panel: HeatMap | Histogram, view: View, cells: Array, y: str) -> None:
    """Draw cells (y, x) in a few shades, with crosses where nets diverged, and the values of the shades."""
    import matplotlib as mpl

    log, (low, high) = panel.value in view.table.log, panel.shades(view.table)
    count = panel.shade_count
    edges = np.geomspace(low, high, count + 1) if log else np.linspace(low, high, count + 1)
    if low == high:
        edges = low + np.arange(count + 1.0)
    colors = SHARES if panel.kind == "histogram" else GOOD if panel.shade_count == SHADES else TURN
    shades = mpl.colormaps[colors].resampled(count).with_extremes(under="white")
    shown = axes.imshow(
        np.clip(cells, low, high) if panel.kind == "heatmap" else np.where(cells > 0, cells, np.nan),
        cmap=shades,
        norm=mpl.colors.BoundaryNorm(edges, count),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )
    axes.grid(visible=False)
    for row, column in np.argwhere(np.isnan(cells)):
        axes.plot(column, row, "x", color=figures.INK, label="diverged")
    bar = axes.figure.colorbar(shown, ax=axes, label=typeset(panel.label), ticks=edges[::2])
    bar.ax.minorticks_off()
    bar.ax.set_yticklabels([number(float(edge)) for edge in edges[::2]])
    rows, columns = cells.shape
    axes.set_xticks(*_ticks(view.axis(panel.x), columns))
    axes.set_yticks(*_ticks(view.axis(y), rows))
    axes.set(xlabel=typeset(view.axis(panel.x).label), ylabel=typeset(view.axis(y).label))


def _ticks(axis: Axis, count: int, most: int = 5) -> tuple[list[int], list[str]]:
    """Return where a few of the first `count` values of an axis stand among the cells, and their names."""
    kept = list(range(0, count, max(1, -(-count // most))))
    return kept, [number(axis.values[i]) for i in kept]


def _heat_map(axes: "Axes", panel: HeatMap, view: View) -> None:
    cells = panel.cells(view)
    _shaded(axes, panel, view, cells, panel.y)
    styles = STYLES[len(axes.figure.axes) % 2 :] * len(panel.overlay)
    for (label, name), style in zip(panel.overlay.items(), styles, strict=False):
        curve = [panel.place(view, panel.y, y) for y in view.along(name, panel.x, until=panel.until)]
        axes.plot(curve, color="white", linewidth=4)
        axes.plot(curve, style, color=THEORY, linewidth=2.2, label=label)
    at = panel.marked(view)
    if len(at) == 2:
        ring = partial(axes.plot, at[panel.x], at[panel.y], "o", markersize=11, markerfacecolor="none")
        ring(markeredgecolor="white", markeredgewidth=4)
        ring(markeredgecolor="black", markeredgewidth=2, label="here")
    elif at:
        line, place = (axes.axvline, at[panel.x]) if panel.x in at else (axes.axhline, at[panel.y])
        line(place, color="black", linewidth=2, label="here")
    axes.set(xlim=(-0.5, cells.shape[1] - 0.5), ylim=(-0.5, cells.shape[0] - 0.5))


def _histogram(axes: "Axes", panel: Histogram, view: View) -> None:
    _shaded(axes, panel, view, panel.cells(view), panel.bins)
    bins = np.array(view.values(panel.bins), dtype=float)
    median = np.interp(panel.quartiles(view)[:, 1], bins, np.arange(len(bins)))
    axes.plot(median, color="black", label="median")


def _bars(axes: "Axes", panel: Bars, view: View) -> None:
    y = view.along(panel.y, panel.x)
    names = [number(x) for x in view.values(panel.x)]
    whiskers = None
    if panel.band is not None:
        low, high = (view.along(name, panel.x) for name in panel.band)
        whiskers = np.maximum([y - low, high - y], 0)
    axes.barh(names, y, xerr=whiskers, color=MEASURED, alpha=0.8, capsize=3)
    for i, value in enumerate(y):
        if np.isnan(value):
            axes.text(0.02, i, "diverged", transform=axes.get_yaxis_transform(), va="center")
    least, greatest = panel.extent(view.table, panel.arrays())
    if panel.y in view.table.log:
        axes.set(xscale="log", xlim=(least / 1.2, greatest * 1.2))
    else:
        axes.set_xlim(min(1.05 * least, 0.0), max(1.05 * greatest, 0.0))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set(xlabel=typeset(panel.label), ylabel=typeset(view.axis(panel.x).label))


def _answer(axes: "Axes", panel: Answer, view: View) -> None:
    axes.set_axis_off()
    down = 0.0
    characters = WIDE if len(axes.get_figure(root=True).axes) == 1 else NARROW  # type: ignore[union-attr]
    for lines, code in _paragraphs(panel.text(view), characters):
        family, size = ("monospace", 8) if code else (None, 9.5)
        axes.annotate(
            "\n".join(lines),
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, -down),
            textcoords="offset points",
            va="top",
            family=family,
            size=size,
            linespacing=1.3,
        )
        down += 72 * LINE * (len(lines) + GAP)


def _paragraphs(text: str, characters: int) -> list[tuple[list[str], bool]]:
    """Return the lines of each paragraph, and whether it is code."""
    found = []
    for paragraph in text.strip("\n").split("\n\n"):
        code = paragraph.startswith("    ")
        words = " ".join(paragraph.replace("`", "").split())
        lines = textwrap.dedent(paragraph).splitlines() if code else textwrap.wrap(words, characters)
        found.append((lines, code))
    return found


def _height(paragraphs: Sequence[tuple[list[str], bool]]) -> float:
    """Return the inches that the paragraphs of an answer take."""
    return LINE * sum(len(lines) + GAP for lines, _ in paragraphs) + 1.0


_DRAW: dict[str, Callable[..., None]] = {
    "lines": _lines,
    "heatmap": _heat_map,
    "histogram": _histogram,
    "bars": _bars,
    "answer": _answer,
}
