"""The live lab: one anywidget that trains in the browser."""

from typing import Any

import anywidget
import traitlets

from initlib.explorers.lab import sources


class LabWidget(anywidget.AnyWidget):
    """Shows two arms of nets and trains them in the reader's browser; the kernel takes no part."""

    _esm = sources.module()
    _css = sources.css()
    spec = traitlets.Dict().tag(sync=True)

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec=spec)

    def __repr__(self) -> str:
        return f"LabWidget({self.spec['start']['title']!r})"
