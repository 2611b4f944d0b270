"""The picture of a result: every finding with its interval beside what was fixed before the run."""

from collections.abc import Sequence
from typing import Any

from initlib.evidence.protocol import Difference, Finding, Share, Test, difference
from initlib.evidence.statistics import Mean, Proportion

INK, BLUE, ORANGE, BAND = "#333333", "#0072B2", "#D55E00", "#BBBBBB"
WIDEST = 4.0  # margins; what lies further out is drawn at the edge


def draw(judged: Sequence[tuple[Test, Finding]], title: str) -> Any:
    """Return a figure: left the shares of seeds with Wilson intervals, right the differences in margins.

    The grey band on the right is the margin of equivalence; the vertical mark on the left the share needed.
    """
    import matplotlib.pyplot as plt

    panels = [(kind, [pair for pair in judged if isinstance(pair[0], kind)]) for kind in (Share, Difference)]
    panels = [(kind, found) for kind, found in panels if found]
    tallest = max(len(found) for _, found in panels)
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.8 * len(panels), 1.2 + 0.42 * tallest), squeeze=False, layout="constrained"
    )
    for axis, (kind, found) in zip(axes[0], panels, strict=True):
        (_draw_shares if kind is Share else _draw_differences)(axis, found)
        axis.set_ylim(len(found) - 0.5, -0.6)
        axis.set_yticks(range(len(found)), [f"{test.name}\n{finding.outcome}" for test, finding in found])
        axis.tick_params(axis="y", length=0, labelsize=8)
        axis.grid(axis="y", visible=False)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


def _draw_shares(axis: Any, found: list[tuple[Test, Finding]]) -> None:
    for y, (test, finding) in enumerate(found):
        assert isinstance(test, Share)
        assert isinstance(finding.estimate, Proportion)
        p = finding.estimate
        axis.plot([p.low, p.high], [y, y], color=BLUE, linewidth=2)
        axis.plot(p.share, y, "o", color=BLUE)
        axis.plot([test.share] * 2, [y - 0.3, y + 0.3], color=INK, linewidth=1.2)
        axis.annotate(f"{p.k}/{p.n}", (p.share, y - 0.18), ha="center", va="bottom", fontsize=8, color=INK)
    axis.set_xlim(-0.06, 1.06)
    axis.set_xlabel("share of the seeds, 95% Wilson interval; dark mark: share needed")


def _draw_differences(axis: Any, found: list[tuple[Test, Finding]]) -> None:
    axis.axvspan(-1, 1, color=BAND, alpha=0.35, linewidth=0)
    axis.axvline(0, color=INK, linewidth=0.8)
    for y, (test, finding) in enumerate(found):
        assert isinstance(test, Difference)
        assert isinstance(finding.estimate, Mean)
        m = finding.estimate
        low, high, centre = (_clipped(value / test.margin) for value in (m.low, m.high, m.mean))
        axis.plot([low, high], [y, y], color=ORANGE, linewidth=2)
        marker = "D" if abs(centre) < WIDEST else ">" if centre > 0 else "<"
        axis.plot(centre, y, marker, color=ORANGE)
        text = difference(m.mean, finding.metric)
        axis.annotate(text, (centre, y - 0.18), ha="center", va="bottom", fontsize=8, color=INK)
    axis.set_xlim(-1.15 * WIDEST, 1.15 * WIDEST)
    axis.set_xlabel("difference in margins, 95% t interval; grey: within the margin")


def _clipped(value: float) -> float:
    return max(-WIDEST, min(WIDEST, value))
