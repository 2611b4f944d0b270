"""What every initializer promises, one row each: tests, the book's table and its explorers read it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from initlib.checks import choice, integer
from initlib.initializers.elementary import constant, normal, truncated_normal, uniform, zeros
from initlib.initializers.matrices import delta_orthogonal, identity, orthogonal, sparse
from initlib.initializers.sampling import truncated_moments
from initlib.initializers.scaling import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
)
from initlib.typing import Array

Fans = Callable[[int, int], float]


@dataclass(frozen=True)
class Spec:
    """What an initializer promises with its default arguments, for dense weights (fan_in, fan_out).

    `variance(fan_in, fan_out)` is the mean square of the entries and `formula` the same in TeX. Bound and
    kurtosis follow from the distribution unless `largest` or `tail` says otherwise.

    >>> spec = SPECS["glorot_uniform"]
    >>> spec.variance(300, 100), round(spec.bound(300, 100), 4), spec.kurtosis(300, 100)
    (0.005, 0.1225, 1.8)
    >>> spec.source
    'Glorot and Bengio 2010, PMLR 9:249-256, eq. 16'
    """

    initializer: Callable[..., Array]
    distribution: str
    variance: Fans
    formula: str
    source: str
    largest: float | None = None
    tail: Fans | None = None

    def __repr__(self) -> str:
        return f"Spec({self.initializer.__name__}: {self.distribution}, variance {self.formula})"

    def bound(self, fan_in: int, fan_out: int) -> float:
        """Return the largest absolute value that an entry can have."""
        _check_fans(fan_in, fan_out)
        if self.largest is not None:
            return self.largest
        sigmas = {"uniform": math.sqrt(3), "truncated_normal": 2 / truncated_moments(-2.0, 2.0)[1]}
        return sigmas.get(self.distribution, math.inf) * math.sqrt(self.variance(fan_in, fan_out))

    def kurtosis(self, fan_in: int, fan_out: int) -> float:
        """Return E w^4 / (E w^2)^2 over the entries; NaN where all are 0."""
        _check_fans(fan_in, fan_out)
        if self.tail is not None:
            return self.tail(fan_in, fan_out)
        cut = truncated_moments(-2.0, 2.0)[2]
        return {"normal": 3.0, "uniform": 1.8, "truncated_normal": cut}[self.distribution]


def _check_fans(fan_in: int, fan_out: int) -> None:
    integer("fan_in", fan_in, minimum=1)
    integer("fan_out", fan_out, minimum=1)


_IN, _OUT = r"n_\mathrm{in}", r"n_\mathrm{out}"
_LECUN = "LeCun et al. 1998, Efficient BackProp, section 4.6"
_GLOROT = "Glorot and Bengio 2010, PMLR 9:249-256"
_HE = "He et al. 2015, arXiv:1502.01852, eq. 10"
_ROWS = (
    Spec(zeros, "constant", lambda i, o: 0.0, "0", "definition", 0.0, lambda i, o: math.nan),
    Spec(constant, "constant", lambda i, o: 1.0, "1", "definition", 1.0, lambda i, o: 1.0),
    Spec(normal, "normal", lambda i, o: 1.0, "1", "definition"),
    Spec(truncated_normal, "truncated_normal", lambda i, o: 1.0, "1", "definition"),
    Spec(uniform, "uniform", lambda i, o: 1 / 3, "1/3", "definition"),
    Spec(lecun_normal, "normal", lambda i, o: 1 / i, f"1/{_IN}", _LECUN),
    Spec(lecun_uniform, "uniform", lambda i, o: 1 / i, f"1/{_IN}", _LECUN),
    Spec(glorot_normal, "normal", lambda i, o: 2 / (i + o), f"2/({_IN}+{_OUT})", f"{_GLOROT}, eq. 12"),
    Spec(glorot_uniform, "uniform", lambda i, o: 2 / (i + o), f"2/({_IN}+{_OUT})", f"{_GLOROT}, eq. 16"),
    Spec(he_normal, "normal", lambda i, o: 2 / i, f"2/{_IN}", _HE),
    Spec(he_uniform, "uniform", lambda i, o: 2 / i, f"2/{_IN}", _HE),
    Spec(
        orthogonal,
        "Haar",
        lambda i, o: 1 / max(i, o),
        rf"1/\max({_IN},{_OUT})",
        "Saxe et al. 2014, arXiv:1312.6120; Mezzadri 2007, arXiv:math-ph/0609050, section 5",
        1.0,
        lambda i, o: 3 * max(i, o) / (max(i, o) + 2),
    ),
    Spec(
        delta_orthogonal,
        "Haar at the centre tap",
        lambda i, o: 1 / o,
        f"1/{_OUT}",
        "Xiao et al. 2018, arXiv:1806.05393, algorithm 2",
        1.0,
        lambda i, o: math.nan,
    ),
    Spec(
        identity,
        "constant",
        lambda i, o: 1 / max(i, o),
        rf"1/\max({_IN},{_OUT})",
        "Le et al. 2015, arXiv:1504.00941, section 3",
        1.0,
        lambda i, o: max(i, o),
    ),
    Spec(
        sparse,
        "normal, at 15 inputs of each unit",
        lambda i, o: min(15, i) / i,
        rf"\min(15,{_IN})/{_IN}",
        "Martens 2010, Deep learning via Hessian-free optimization, section 5",
        math.inf,
        lambda i, o: 3 * i / min(15, i),
    ),
)

SPECS: dict[str, Spec] = {spec.initializer.__name__: spec for spec in _ROWS}
xavier_normal, xavier_uniform = glorot_normal, glorot_uniform
kaiming_normal, kaiming_uniform = he_normal, he_uniform
ALIASES = {
    "xavier_normal": "glorot_normal",
    "xavier_uniform": "glorot_uniform",
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
}


def get(initializer: str | Callable[..., Array]) -> Callable[..., Array]:
    """Return an initializer by its name or alias; a callable is returned as it is.

    >>> get("kaiming_normal") is he_normal
    True
    """
    if callable(initializer):
        return initializer
    name = choice("initializer", initializer, [*SPECS, *ALIASES])
    return SPECS[ALIASES.get(name, name)].initializer
