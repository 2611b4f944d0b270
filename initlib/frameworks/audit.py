"""What the layers of the frameworks draw when nothing is said, as it was measured."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from initlib import checks


@dataclass(frozen=True)
class Default:
    """A parameter of a layer as a framework draws it: a family, and a formula of the sizes of the layer.

    `formula` is the variance of "normal", "uniform" and "truncated normal" draws, the gain of "orthogonal"
    ones, and the value of a constant; `value` is its number at the `sizes` measured. The measurement: `n`
    numbers, their mean square, kurtosis (3 for a normal, 1.8 for a uniform) and largest absolute value.
    """

    framework: str
    layer: str
    parameter: str
    family: str
    formula: str
    sizes: Mapping[str, int]
    value: float
    n: int
    mean_square: float
    kurtosis: float
    largest: float

    def number(self, **sizes: float) -> float:
        """Return what the formula gives at sizes of one's own.

        >>> [linear, *_] = defaults("PyTorch")
        >>> linear.formula, linear.number(fan_in=100)
        ('1 / (3 * fan_in)', 0.0033333333333333335)
        """
        for name in sizes:
            checks.choice("size", name, self.sizes)
        missing = [name for name in self.sizes if name not in sizes and name in self.formula]
        if missing:
            raise TypeError(
                f"The formula {self.formula} needs {', '.join(missing)}. Received: {checks.shown(sizes)}."
            )
        given = {name: checks.real(name, size, above=0) for name, size in sizes.items()}
        return float(eval(self.formula, {"__builtins__": {}}, given))


@cache
def _stored() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(__file__).with_name("audit.json").read_text("utf-8"))
    return content


def defaults(framework: str | None = None) -> tuple[Default, ...]:
    """Return what each layer draws by default in "PyTorch", "Keras", "Flax", "Equinox" and "scikit-learn".

    The laws were read in the frameworks' sources and measured: `make peers` draws each anew and fails where a
    framework's present version draws otherwise. Of one framework if it is named.

    >>> [(row.parameter, row.family, row.formula) for row in defaults("Keras") if row.layer == "Dense"]
    [('kernel', 'uniform', '2 / (fan_in + fan_out)'), ('bias', 'constant', '0')]
    """
    rows = tuple(Default(**row) for row in _stored()["rows"])
    if framework is None:
        return rows
    checks.choice("framework", framework, dict.fromkeys(row.framework for row in rows))
    return tuple(row for row in rows if row.framework == framework)


def versions() -> dict[str, str]:
    """Return the versions of the packages whose layers were measured.

    >>> list(versions())[:4]
    ['torch', 'keras', 'flax', 'equinox']
    """
    return dict(_stored()["versions"])
