"""Texts with formulas in them, ⟦3 * width⟧, which are filled in here and, the same way, by formulas.js."""

import math
import re
from collections.abc import Mapping
from typing import Any

from initlib.frameworks import Law

HOLE = re.compile(r"⟦([^|⟧]+)(?:\|(\d))?⟧")
DIGITS = 6  # of a number in code, as Python's :g writes it


def fill(text: str, sizes: Mapping[str, Any]) -> str:
    """Return a text with numbers in place of its formulas, of six digits or as many as a hole says.

    Halves are rounded up, as JavaScript does; names stand as they are.

    >>> fill("Linear(⟦width⟧, ⟦4 * width⟧), std ⟦(2 / width) ** 0.5|3⟧", {"width": 256})
    'Linear(256, 1024), std 0.0884'
    """
    known = {"__builtins__": {}, "floor": math.floor, **sizes}

    def number(hole: re.Match[str]) -> str:
        value = eval(hole[1], known)
        return value if isinstance(value, str) else f"{value * (1 + 1e-12):.{hole[2] or DIGITS}g}"

    return HOLE.sub(number, text)


class Size:
    """A size that is not known yet: arithmetic with it gives formulas, and formatting one leaves a hole.

    >>> width = Size("width")
    >>> f"Linear({width}, {4 * width:g})"
    'Linear(⟦width⟧, ⟦(4 * width)⟧)'
    """

    def __init__(self, formula: str) -> None:
        self.formula = formula

    def __format__(self, how: str) -> str:
        return f"⟦{self.formula}⟧"

    def __str__(self) -> str:
        return f"{self}"

    def _with(self, sign: str, other: Any, *, behind: bool = False) -> "Size":
        pair = [self.formula, str(getattr(other, "formula", other))]
        first, second = reversed(pair) if behind else pair
        return Size(f"({first} {sign} {second})")

    def __mul__(self, other: Any) -> "Size":
        return self if other == 1 else self._with("*", other)

    def __rmul__(self, other: Any) -> "Size":
        return self if other == 1 else self._with("*", other, behind=True)

    def __truediv__(self, other: Any) -> "Size":
        return self if other == 1 else self._with("/", other)

    def __add__(self, other: Any) -> "Size":
        return self._with("+", other)

    def __pow__(self, other: Any) -> "Size":
        return self._with("**", other)

    def __abs__(self) -> "Size":
        return self


class Open(Law):
    """A law whose number is a formula of sizes that are not known yet."""

    def number(self, sizes: Mapping[str, Any]) -> Any:
        """Return the formula of the number with the sizes' own formulas inside.

        >>> Open("normal", "2 / fan_in").number({"fan_in": Size("width")}).formula
        '(2 / width)'
        """
        if not any(re.search(rf"\b{name}\b", self.formula) for name in sizes):
            return super().number(sizes)
        return Size(f"({formula_of(self, sizes)})")


def formula_of(law: Law, sizes: Mapping[str, Any]) -> str:
    """Return the formula of a law, with the formulas of the sizes in place of their names.

    >>> formula_of(Law("normal", "2 / fan_in"), {"fan_in": Size("width")})
    '2 / width'
    """
    names = "|".join(sizes)
    return re.sub(rf"\b({names})\b", lambda name: str(sizes[name[0]].formula), law.formula)
