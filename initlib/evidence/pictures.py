"""The picture of a result: every finding with its interval beside what was fixed before the run."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from initlib.evidence.grounds import NEITHER
from initlib.evidence.protocol import Difference, Finding, Share, Test, difference, is_share
from initlib.evidence.statistics import Mean, Proportion
from initlib.extras import hints

INK, BLUE, ORANGE, BAND = "#333333", "#0072B2", "#D55E00", "#BBBBBB"
LOOKS = {
    "holds": ("#009E73", "o"),
    "weaker": ("#56B4E9", "D"),
    "gone": ("#777777", "s"),
    "reversed": ("#D55E00", "X"),
    "open": ("#777777", "v"),
    NEITHER: ("#BBBBBB", "_"),
}
WIDEST = 4.0  # margins; what lies further out is drawn at the edge, as an arrow
ROW = 0.27  # inches

Judged = Sequence[tuple[Test, Finding]]


@hints()
def draw(judged: Judged, title: str) -> Any:
    """Return a figure: above, shares of the seeds; below, differences in units of their margins."""
    import matplotlib.pyplot as plt

    kinds = {Share: _draw_share, Difference: _draw_difference}
    panels = [(kind, [pair for pair in judged if isinstance(pair[0], kind)]) for kind in kinds]
    panels = [(kind, found) for kind, found in panels if found]
    counts = [len(found) for _, found in panels]
    figure, axes = plt.subplots(
        len(panels),
        figsize=(8.5, 0.4 + 0.6 * len(panels) + ROW * sum(counts)),
        height_ratios=counts,
        squeeze=False,
        layout="constrained",
    )
    for axis, (kind, found) in zip(axes[:, 0], panels, strict=True):
        for y, (test, finding) in enumerate(found):
            text = kinds[kind](axis, y, test, finding)
            axis.annotate(
                text, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=8.5, color=INK
            )
        _label(axis, found)
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


def draw_map(findings: Sequence[Finding], effects: Mapping[str, str], title: str) -> Any:
    """Return a figure with one row for each ground: the effect with its interval, and what became of it."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7.6, 1.1 + 0.3 * len(findings)), layout="constrained")
    for y, finding in enumerate(findings):
        became = effects[finding.ground]
        _draw_effect(axis, y, finding, became)
        axis.annotate(became, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=9)
    axis.axvline(0, color=INK, linewidth=0.8)
    axis.set_yticks(range(len(findings)), [finding.ground for finding in findings])
    axis.set_ylim(len(findings) - 0.4, -0.6)
    unit = "points of test accuracy" if is_share(findings[0].metric) else findings[0].metric
    axis.set_xlabel(f"difference in {unit}, mean and 95% t interval", fontsize=9)
    axis.tick_params(axis="y", length=0)
    axis.grid(visible=False, axis="y")
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.set_title(title, loc="left", fontsize=10)
    return figure


def draw_scopes(rows: Mapping[str, Mapping[str, tuple[Finding, str]]], columns: Sequence[str]) -> Any:
    """Return a figure with a row for each contrast and a panel for each column: intervals, what became."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(columns), figsize=(7.6, 1.2 + 0.33 * len(rows)), sharex=True, sharey=True, layout="constrained"
    )
    drawn = {}
    for axis, column in zip(axes, columns, strict=True):
        for y, cells in enumerate(rows.values()):
            if column in cells:
                finding, became = cells[column]
                drawn[became] = _draw_effect(axis, y, finding, became)
        axis.axvline(0, color=INK, linewidth=0.8)
        axis.set_title(column, loc="left", fontsize=10)
        axis.tick_params(axis="y", length=0, labelsize=9)
        axis.grid(visible=False, axis="x")
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
    axes[0].set_yticks(range(len(rows)), [textwrap.fill(row, 36) for row in rows])
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    axes[len(columns) // 2].set_xlabel("points of test accuracy, mean and 95% t interval", fontsize=9)
    words = [word for word in LOOKS if word in drawn]
    figure.legend([drawn[word] for word in words], words, loc="outside upper right", ncols=len(words))
    return figure


def _draw_effect(axis: Any, y: int, finding: Finding, became: str) -> Any:
    """Draw an effect with its interval, and return its mark."""
    found = finding.estimate
    assert isinstance(found, Mean)
    color, marker = LOOKS[became]
    scale = 100 if is_share(finding.metric) else 1
    axis.plot([scale * found.low, scale * found.high], [y, y], color=color, linewidth=2.5)
    [mark] = axis.plot(scale * found.mean, y, marker, color=color, markersize=8)
    return mark


def _label(axis: Any, found: Judged) -> None:
    if isinstance(found[0][0], Share):
        axis.set_xlim(-0.02, 1.02)
        axis.set_xlabel(
            "share of the seeds with its 95% Wilson interval; dark mark: share needed", fontsize=8.5
        )
    else:
        axis.set_xlim(-1.1 * WIDEST, 1.1 * WIDEST)
        axis.set_xlabel(
            "difference in margins with its 95% t interval; grey: within the margin", fontsize=8.5
        )
        axis.axvspan(-1, 1, color=BAND, alpha=0.35, linewidth=0)
        axis.axvline(0, color=INK, linewidth=0.8)
    axis.set_ylim(len(found) - 0.4, -0.6)
    axis.set_yticks(range(len(found)), [finding.label for _, finding in found])
    axis.tick_params(length=0, labelsize=8.5)
    axis.grid(visible=False)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _draw_share(axis: Any, y: int, test: Any, finding: Finding) -> str:
    p = finding.estimate
    assert isinstance(p, Proportion)
    axis.plot([p.low, p.high], [y, y], color=BLUE, linewidth=2)
    axis.plot(p.share, y, "o", color=BLUE)
    axis.plot([test.share] * 2, [y - 0.35, y + 0.35], color=INK, linewidth=1.2)
    return f"{p.k}/{p.n}, {finding.outcome}"


def _draw_difference(axis: Any, y: int, test: Any, finding: Finding) -> str:
    m = finding.estimate
    assert isinstance(m, Mean)
    low, high, centre = (max(-WIDEST, min(WIDEST, value / test.margin)) for value in (m.low, m.high, m.mean))
    axis.plot([low, high], [y, y], color=ORANGE, linewidth=2)
    axis.plot(centre, y, "D" if abs(centre) < WIDEST else ">" if centre > 0 else "<", color=ORANGE)
    return f"{difference(m.mean, finding.metric)}, {finding.outcome}"
