"""Weight initializers: functions from a shape to a new array, all from one builder and one table, `SPECS`.

Dense weights have shape (fan_in, fan_out) and act as `x @ W`; convolution kernels are (*window, in, out).
Every initializer takes `rng` (an int seed, a `numpy.random.Generator`, which advances, or None) and `dtype`
(float32, float64, complex64 or complex128). Those of weights take `layout`, `groups` and `transposed` too:
see `fans`. An array with a zero in its shape is empty, which is no error.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack

from numpy.typing import DTypeLike

from initlib._elementary import constant, normal, truncated_normal, uniform, zeros
from initlib._kernels import Kernel, common, fans
from initlib._matrices import delta_orthogonal, identity, orthogonal, sparse
from initlib._sampling import Array, truncated_moments
from initlib.checks import Rng, choice, real

__all__ = [
    "ALIASES",
    "SPECS",
    "Spec",
    "constant",
    "delta_orthogonal",
    "fans",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "orthogonal",
    "sparse",
    "truncated_moments",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

Initializer = Callable[..., Array]
Fans = Callable[[int, int], float]

_MODES: dict[str, Callable[[float, float], float]] = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
    "fan_geo": lambda fan_in, fan_out: math.sqrt(fan_in * fan_out),
}
_DISTRIBUTIONS = ("normal", "truncated_normal", "uniform")


def variance_scaling(
    shape: Any,
    *,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "normal",
    layout: str = "io",
    groups: int = 1,
    transposed: bool = False,
    rng: Rng = None,
    dtype: DTypeLike = float,
) -> Array:
    """Draw weights of mean 0 and variance scale / fan.

    Var W = scale / fan with fan = fan_in, fan_out, (fan_in + fan_out) / 2 or sqrt(fan_in fan_out) for mode
    "fan_in", "fan_out", "fan_avg", "fan_geo". `scale` is sigma_w^2. The truncated normal is cut at 2 standard
    deviations of the normal it comes from, then widened by 1 / 0.8796 so that its variance is as promised.
    `layout`, `groups`, `transposed`: see `fans`.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10 and 14; Glorot and Bengio 2010, eq. 10-12.

    >>> w = variance_scaling((400, 300), scale=2.0, rng=0)
    >>> round(400 * float(w.var()), 2)
    2.0
    """
    scale = real("scale", scale, minimum=0)
    choice("mode", mode, _MODES)
    choice("distribution", distribution, _DISTRIBUTIONS)
    fan = _MODES[mode](*fans(shape, layout=layout, groups=groups, transposed=transposed))
    std = math.sqrt(scale / fan) if fan else 0.0
    if distribution == "uniform":
        _, rng, dtype = common(shape, rng, dtype)
        bound = std * math.sqrt(2 if dtype.kind == "c" else 3)
        return uniform(shape, low=-bound, high=bound, rng=rng, dtype=dtype)
    if distribution == "truncated_normal":
        return truncated_normal(shape, std=std, rng=rng, dtype=dtype)
    return normal(shape, std=std, rng=rng, dtype=dtype)


def lecun_normal(shape: Any, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw N(0, gain^2 / fan_in). Source: LeCun et al. 1998, Efficient BackProp, section 4.6.

    >>> lecun_normal((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_square(gain), **kernel)


def lecun_uniform(shape: Any, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw U(-b, b), b = gain sqrt(3 / fan_in). Source: LeCun et al. 1998, Efficient BackProp, section 4.6.

    >>> lecun_uniform((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_square(gain), distribution="uniform", **kernel)


def glorot_normal(shape: Any, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw N(0, 2 gain^2 / (fan_in + fan_out)). Source: Glorot and Bengio 2010, eq. 12.

    >>> glorot_normal((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_square(gain), mode="fan_avg", **kernel)


def glorot_uniform(shape: Any, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw U(-b, b), b = gain sqrt(6 / (fan_in + fan_out)). Source: Glorot and Bengio 2010, eq. 16.

    >>> glorot_uniform((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_square(gain), mode="fan_avg", distribution="uniform", **kernel)


def he_normal(
    shape: Any, *, negative_slope: float = 0.0, mode: str = "fan_in", **kernel: Unpack[Kernel]
) -> Array:
    """Draw N(0, 2 / ((1 + negative_slope^2) fan)). Source: He et al. 2015, arXiv:1502.01852, eq. 10, 14, 15.

    >>> he_normal((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_he_scale(negative_slope), mode=mode, **kernel)


def he_uniform(
    shape: Any, *, negative_slope: float = 0.0, mode: str = "fan_in", **kernel: Unpack[Kernel]
) -> Array:
    """Draw U(-b, b), b = sqrt(6 / ((1 + negative_slope^2) fan)); variance as in He et al. 2015, eq. 10-15.

    >>> he_uniform((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(
        shape, scale=_he_scale(negative_slope), mode=mode, distribution="uniform", **kernel
    )


def _square(gain: float) -> float:
    gain = real("gain", gain, minimum=0, maximum=1e100)
    return gain * gain


def _he_scale(negative_slope: float) -> float:
    slope = real("negative_slope", negative_slope, minimum=-1e100, maximum=1e100)
    return 2 / (1 + slope * slope)


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

    initializer: Initializer
    distribution: str
    variance: Fans
    formula: str
    source: str
    largest: float | None = None
    tail: Fans | None = None

    def bound(self, fan_in: int, fan_out: int) -> float:
        """Return the largest absolute value that an entry can have."""
        if self.largest is not None:
            return self.largest
        sigmas = {"uniform": math.sqrt(3), "truncated_normal": 2 / truncated_moments(-2.0, 2.0)[1]}
        return sigmas.get(self.distribution, math.inf) * math.sqrt(self.variance(fan_in, fan_out))

    def kurtosis(self, fan_in: int, fan_out: int) -> float:
        """Return E w^4 / (E w^2)^2 over the entries."""
        if self.tail is not None:
            return self.tail(fan_in, fan_out)
        cut = truncated_moments(-2.0, 2.0)[2]
        return {"normal": 3.0, "uniform": 1.8, "truncated_normal": cut}[self.distribution]


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


def get(initializer: str | Initializer) -> Initializer:
    """Return an initializer by its name or alias; a callable is returned as it is.

    >>> get("kaiming_normal") is he_normal
    True
    """
    if callable(initializer):
        return initializer
    name = choice("initializer", initializer, [*SPECS, *ALIASES])
    return SPECS[ALIASES.get(name, name)].initializer
