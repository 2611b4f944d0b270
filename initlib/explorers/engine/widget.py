"""The live form of an explorer: ipywidgets controls linked in the browser to one drawing."""

import math
import re
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from initlib.explorers.engine import payload
from initlib.explorers.engine.declaration import Declaration
from initlib.explorers.engine.table import Axis

_HERE = Path(__file__).parent
SCRIPTS = ("words", "table", "address", "controls", "panels", "explorer")  # joined to one module


def module() -> str:
    """Return the scripts as one module; their comments stay in the repository."""
    scripts = [(_HERE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return re.sub(r"(?m)^\s*(//.*)?\n", "", "".join(scripts))


class Drawing(anywidget.AnyWidget):
    """Draws an explorer's panels in the browser; the table and its description never change."""

    _esm = module()
    _css = (_HERE / "explorer.css").read_text(encoding="utf-8")
    spec = traitlets.Dict().tag(sync=True)
    table = traitlets.Bytes().tag(sync=True)

    def __repr__(self) -> str:
        return f"Drawing({self.spec['title']!r})"


def build(declaration: Declaration) -> ipywidgets.VBox:
    """Return the controls and the drawing of a declaration, linked."""
    drawing = Drawing(spec=payload.spec(declaration), table=declaration.table.to_bytes())
    controls = []
    for name in declaration.controls:
        axis, index = declaration.table.axes[name], declaration.start[name]
        control, source = _control(axis, index, buttons=name in declaration.buttons)
        if len(axis.values) == 1:
            control.layout.display = "none"
        drawing.add_traits(**{trait(name): traitlets.Any(getattr(control, source)).tag(sync=True)})
        ipywidgets.jslink((control, source), (drawing, trait(name)))
        controls.append(control)
    panel = ipywidgets.VBox(controls).add_class("initlib-explorer-controls")
    return ipywidgets.VBox([panel, drawing]).add_class("initlib-explorer")


def trait(axis: str) -> str:
    """Return the name of the drawing's trait that follows the control of an axis."""
    return f"at_{axis}"


def _control(axis: Axis, index: int, *, buttons: bool) -> tuple[Any, str]:
    kind, values = payload.control_kind(axis), axis.values
    common = {"description": axis.label, "style": {"description_width": "initial"}}
    if kind == "int":
        step = values[1] - values[0]
        slider = ipywidgets.IntSlider(values[index], min=values[0], max=values[-1], step=step, **common)
        return slider, "value"
    if kind == "log":
        exponents = [math.log2(value) for value in values]
        slider = ipywidgets.FloatLogSlider(
            values[index],
            base=2,
            min=exponents[0],
            max=exponents[-1],
            step=(exponents[-1] - exponents[0]) / (len(values) - 1),
            readout_format=".3g",
            **common,
        )
        return slider, "value"
    names = ipywidgets.ToggleButtons if buttons else ipywidgets.Dropdown
    chooser = names if axis.named else ipywidgets.SelectionSlider
    return chooser(
        options=[(str(value), i) for i, value in enumerate(values)], value=index, **common
    ), "index"
