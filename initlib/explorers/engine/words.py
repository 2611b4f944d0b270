"""How numbers and symbols are said: in sentences, aloud, and on a picture. words.js says the same."""

import math
import re
from typing import Any

SYMBOL = re.compile("([α-ω])_([a-z])")  # as in "weight scale σ_w"
MINUS = "−"  # which is read aloud
_DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: Any) -> str:
    """Return a number with three digits, a name as it is, and NaN as the word for it.

    >>> number(0.12345), number(-12), number(2.34e-7), number(float("nan")), number("relu")
    ('0.123', '−12', '2.34×10⁻⁷', 'diverged', 'relu')
    """
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "diverged"
    if value == round(value) and abs(value) < 1e6:
        return str(round(value)).replace("-", MINUS)
    short = f"{value:.2e}"
    mantissa, power = f"{float(short[: short.index('e')]):g}", int(short[short.index("e") + 1 :])
    if -4 <= power < 4:
        return f"{float(short):g}".replace("-", MINUS)
    return f"{mantissa.replace('-', MINUS)}×10{str(power).translate(_DIGITS)}"


def quantity(label: str, value: float) -> str:
    """Return a number behind what it measures, with its percent sign.

    >>> quantity("digits read, %", 93.0), quantity("loss", 0.5)
    ('digits read 93 %', 'loss 0.5')
    """
    percent = label.endswith(", %") and not math.isnan(value)
    return f"{label.removesuffix(', %')} {number(value)}{' %' if percent else ''}"


def spoken(text: str) -> str:
    """Return a text as it is read aloud: σ_w as "σ w".

    >>> spoken("weight scale σ_w")
    'weight scale σ w'
    """
    return SYMBOL.sub(r"\1 \2", text)


def typeset(text: str) -> str:
    """Return a text as matplotlib sets it: σ_w with an index.

    >>> typeset("weight scale σ_w, 5 %")
    'weight scale $σ_w$, 5 %'
    """
    return SYMBOL.sub(r"$\1_\2$", text)
