"""What an explorer is, whatever shows it: a table, the axes of it that are controls, and its panels."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from initlib import checks
from initlib.explorers.engine.panel import Panel
from initlib.explorers.engine.table import Axis, Table
from initlib.explorers.engine.view import View
from initlib.explorers.engine.words import number


@dataclass(frozen=True, eq=False, repr=False)
class Declaration:
    """A table, which of its axes are controls and where they start, and the panels that draw it there.

    `start` maps controls to values, and is kept as the indices of the nearest values on their axes; where
    nothing is given, numbers start in the middle and names at the first. Of the controls with names, those in
    `buttons` are a row of buttons rather than a menu. `play` names the control, one with numbers, that a
    button steps along. `name` stands in links to a setting ("#signal?depth=64"); by default it is the title.

    >>> from initlib.explorers import Axis, Lines, Table
    >>> axes = [Axis("layer", [1, 2]), Axis("scale", [0.5, 1.0, 2.0], label="weight scale")]
    >>> table = Table(axes, {"rms": (["scale", "layer"], [[0.5, 0.2], [1.0, 1.1], [2.0, 4.1]])}, log=["rms"])
    >>> declared = Declaration("Signal", table, ["scale"], [Lines("Forward", "layer", "rms", "rms")])
    >>> declared
    Declaration('Signal': weight scale 0.5 to 2 (3 values); panels Forward)
    >>> declared.start, declared.describe()
    ({'scale': 1}, 'weight scale 1. Forward at layer 2: 1.1 measured.')
    """

    title: str
    table: Table
    controls: tuple[str, ...]
    panels: tuple[Panel, ...]
    start: Mapping[str, int]
    buttons: frozenset[str]
    play: str | None
    name: str

    def __init__(
        self,
        title: str,
        table: Table,
        controls: Sequence[str],
        panels: Sequence[Panel],
        *,
        start: Mapping[str, Any] | None = None,
        buttons: Collection[str] = (),
        play: str | None = None,
        name: str | None = None,
    ) -> None:
        checks.text("title", title)
        checks.instance("table", table, Table, "a Table")
        controls, panels = (
            tuple(checks.sequence("controls", controls)),
            tuple(checks.sequence("panels", panels)),
        )
        for i, panel in enumerate(panels):
            checks.instance(f"panels[{i}]", panel, Panel, "a panel")
        _check_controls(table, controls, panels)
        for panel in panels:
            panel.check(table, controls)
        indices = _start_indices(table, controls, checks.mapping("start", {} if start is None else start))
        buttons = buttons if isinstance(buttons, (set, frozenset)) else checks.sequence("buttons", buttons)
        _check_buttons(table, controls, buttons)
        _check_play(table, controls, play)
        name = (
            re.sub("[^a-z0-9]+", "-", title.lower()).strip("-") if name is None else checks.text("name", name)
        )
        if not re.fullmatch("[a-z0-9-]+", name):
            raise ValueError(
                f"The name of an explorer is made of a-z, 0-9 and hyphens. Received: {checks.shown(name)}."
            )
        vars(self).update(
            title=title,
            table=table,
            controls=controls,
            panels=panels,
            start=indices,
            buttons=frozenset(buttons),
            play=play,
            name=name,
        )

    def __repr__(self) -> str:
        controls = ", ".join(_summary(self.table.axes[name]) for name in self.controls)
        panels = ", ".join(panel.title for panel in self.panels)
        return f"{type(self).__name__}({self.title!r}: {controls}; panels {panels})"

    def view(self, **settings: Any) -> View:
        """Return what the table holds where the controls stand: at the start, or at other `settings`."""
        for name in settings:
            checks.choice("control", name, self.controls)
        moved = {name: self.table.axes[name].nearest(value) for name, value in settings.items()}
        return View(self.table, {**self.start, **moved})

    def describe(self) -> str:
        """Return what the panels show at the start, in words: the alt text of the still picture."""
        view = self.view()
        return f"{view.settings()}. " + " ".join(panel.sentence(view) for panel in self.panels)


def _check_controls(table: Table, controls: Sequence[str], panels: Sequence[Panel]) -> None:
    if not controls or not panels:
        raise ValueError(
            "An explorer needs controls and panels. "
            f"Received: {checks.shown(controls)}, {checks.shown(panels)}."
        )
    for name in controls:
        checks.choice("control", name, table.axes)
    if len(set(controls)) < len(controls):
        raise ValueError(f"Controls must be distinct. Received: {checks.shown(controls)}.")


def _check_buttons(table: Table, controls: Sequence[str], buttons: Collection[str]) -> None:
    for name in buttons:
        if not table.axes[checks.choice("control in buttons", name, controls)].named:
            raise ValueError(f"Buttons need a control with names. Received: {checks.shown(name)}.")


def _check_play(table: Table, controls: Sequence[str], play: str | None) -> None:
    if play is not None and table.axes[checks.choice("control in play", play, controls)].named:
        raise ValueError(f"Only a control with numbers can be played along. Received: {checks.shown(play)}.")


def _start_indices(table: Table, controls: Sequence[str], start: Mapping[str, Any]) -> dict[str, int]:
    for name in start:
        checks.choice("control in start", name, controls)
    return {name: _start_index(table.axes[name], start) for name in controls}


def _start_index(axis: Axis, start: Mapping[str, Any]) -> int:
    if axis.name in start:
        return axis.nearest(start[axis.name])
    return 0 if axis.named else len(axis.values) // 2


def _summary(axis: Axis) -> str:
    if axis.named:
        return f"{axis.label} {', '.join(axis.values)}"
    return f"{axis.label} {number(axis.values[0])} to {number(axis.values[-1])} ({len(axis.values)} values)"
