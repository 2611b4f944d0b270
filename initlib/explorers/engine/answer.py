"""The panel of words: an answer looked up by where the controls stand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from initlib import checks
from initlib.explorers.engine.panel import Panel
from initlib.explorers.engine.table import Axis, Table
from initlib.explorers.engine.view import View


@checks.methods
@dataclass(frozen=True)
class Answer(Panel):
    """A panel of words: the one of `texts` that the array `value` counts to where the controls stand.

    A blank line ends a paragraph; a paragraph indented by four spaces is code; `backticks` are code within a
    line. The first paragraph is what is read out. `answers` makes `texts` and the array.
    """

    value: str
    texts: tuple[str, ...]
    kind: ClassVar[str] = "answer"

    def arrays(self) -> list[str]:
        return [self.value]

    def check(self, table: Table, controls: Sequence[str]) -> None:
        self._check_array(table, self.value, set(), set(controls))
        stored = table.stored(self.value)
        whole = np.rint(stored)
        if not np.isin(whole, range(len(self.texts))).all() or np.abs(stored - whole).max() > 0.1:
            raise ValueError(
                f"The array {self.value!r} must count to one of the {len(self.texts)} texts of panel "
                f"{self.title!r}. Received values from {stored.min():g} to {stored.max():g}."
            )
        if not all(text.strip() for text in self.texts):
            raise ValueError(
                f"The texts of panel {self.title!r} must not be empty. Received: {checks.shown(self.texts)}."
            )

    def text(self, view: View) -> str:
        """Return the text where the controls stand."""
        return self.texts[round(float(view.along(self.value)))]

    def sentence(self, view: View) -> str:
        first = self.text(view).strip().split("\n\n")[0]
        return f"{self.title}: {' '.join(first.split()).replace('`', '')}"


def answers(axes: Sequence[Axis], answer: Callable[..., str]) -> tuple[tuple[str, ...], NDArray[np.int_]]:
    """Return the distinct texts that `answer` gives for the values on the axes, and which stands where.

    >>> answers([Axis("relu", ["yes", "no"])], lambda relu: "He" if relu == "yes" else "Glorot")
    (('He', 'Glorot'), array([0, 1]))
    """
    axes = [
        checks.instance(f"axes[{i}]", axis, Axis, "an Axis")
        for i, axis in enumerate(checks.sequence("axes", axes))
    ]
    if not callable(answer):
        raise TypeError(f"answer must be callable. Received: {checks.shown(answer)}.")
    names = [axis.name for axis in axes]
    found = []
    for values in product(*(axis.values for axis in axes)):
        place = dict(zip(names, values, strict=True))
        try:
            found.append(answer(**place))
        except Exception as error:
            raise ValueError(f"answer fails at {checks.shown(place)} ({checks.shown(error)}).") from error
    texts = tuple(dict.fromkeys(checks.text("What answer returned", text) for text in found))
    places = {text: place for place, text in enumerate(texts)}
    return texts, np.array([places[text] for text in found]).reshape([len(a.values) for a in axes])
