"""Activation functions with exact derivatives and the points where they are not smooth.

Every function takes arrays of any shape, keeps float32 and float64, and stays exact and silent far out in the
tails. Anything that takes an activation takes its name, an `Activation`, or a callable.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial, wraps
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np
from numpy.typing import ArrayLike

from initlib import checks
from initlib.typing import FloatArray

__all__ = [
    "Activation",
    "AnyActivation",
    "Function",
    "canonical",
    "elu",
    "get",
    "is_standard",
    "leaky_relu",
    "names",
]

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772
_PROBES = np.array([-7.3, -2.71, -1.37, -0.62, -0.13, 0.17, 0.58, 1.41, 2.63, 7.9])
_HOW_TO = "initlib.activations.Activation('name', function, derivative, kinks=(...))"


@dataclass(frozen=True, eq=False)
class Activation:
    """An activation function: its name, function, derivative, and kinks.

    `function` and `derivative` map a float array to one of the same shape. `kinks` are the points where the
    function or any of its derivatives jumps; integrals are split there. `derivative` may be None; whatever
    needs it then says so. A derivative that disagrees with finite differences is refused with a `ValueError`.
    Calling the activation itself takes anything that numpy can turn into real numbers. Copies of this
    module's own activations, and what is pickled of them, are the activations themselves.

    >>> import numpy as np
    >>> Activation("square", np.square, lambda x: 2 * x)([-1, 3])
    array([1., 9.])
    """

    name: str
    function: Function
    derivative: Function | None = None
    kinks: Sequence[float] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"name must be a string. Received: {checks.shown(self.name)}.")
        kinks = np.unique(checks.array("kinks", self.kinks, ndim=1))
        object.__setattr__(self, "kinks", tuple(kinks.tolist()))
        _probe(f"The function of {checks.shown(self.name)}", self.function, _PROBES)
        if self.derivative is not None:
            _check_derivative(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _STANDARD.get(self) or super().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        kinks = f", kinks={self.kinks}" if self.kinks else ""
        return f"Activation({checks.shown(self.name)}{kinks}{'' if self.derivative else ', no derivative'})"

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return the function at `x`, any array of real numbers."""
        return _on_floats(self.function, x)


def _on_floats(function: Function, x: ArrayLike) -> FloatArray:
    """Return a function at `x` in single or double precision, half precision rounded from single."""
    x = checks.reals("x", x)
    if x.dtype == np.float16:
        with np.errstate(over="ignore"):
            half: FloatArray = np.asarray(function(x.astype(np.float32))).astype(np.float16)
        return half
    result: FloatArray = function(x if x.dtype == np.float32 else x.astype(float))
    return result


AnyActivation = str | Activation | Callable[..., Any]


def get(activation: str | Activation | Function, *, derivative: bool = False) -> Activation:
    """Return the `Activation` meant by a name, an `Activation`, or a callable.

    A callable is taken as smooth, without derivative. With `derivative=True`, an activation
    that has none is refused with a `ValueError`.

    >>> get("relu").kinks
    (0.0,)
    >>> get("rellu")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: Unknown activation. Received: 'rellu'; choose one of 'elu', ... Did you mean 'relu'?
    """
    derivative = checks.boolean("derivative", derivative)
    if isinstance(activation, Activation):
        found = activation
    elif isinstance(activation, str):
        found = _named(checks.choice("activation", canonical(activation), names()))
    elif callable(activation):
        found = Activation(getattr(activation, "__name__", type(activation).__name__), activation)
    else:
        raise TypeError(
            "activation must be a name, an Activation or a callable. "
            f"Received: {checks.shown(activation)} of type {type(activation).__name__}."
        )
    if derivative and found.derivative is None:
        raise ValueError(f"The derivative of {checks.shown(found.name)} is needed here: pass {_HOW_TO}.")
    return found


def canonical(name: Any) -> Any:
    """Return the name that the library uses for an activation also known by another.

    >>> canonical("swish"), canonical("relu")
    ('silu', 'relu')
    """
    return _ALIASES.get(str(name), name) if isinstance(name, str) else name


def names() -> list[str]:
    """Return the names that `get` knows, in alphabetical order ("linear", "swish" are understood too).

    >>> "gelu" in names()
    True
    """
    return sorted(_TABLE)


def is_standard(activation: Activation) -> bool:
    """Return whether an activation is this module's own, whose averages need no search for what is narrow.

    >>> is_standard(get("gelu")), is_standard(elu(2.0)), is_standard(get(np.tanh))
    (True, True, False)
    """
    return checks.instance("activation", activation, Activation, "an Activation") in _STANDARD


def leaky_relu(slope: float = 0.01) -> Activation:
    """Return leaky ReLU with the given slope for x < 0: f(x) = x for x > 0, slope x otherwise.

    >>> leaky_relu(0.2)([-1.0, 1.0])
    array([-0.2,  1. ])
    """
    slope = checks.real("slope", slope, minimum=-1e30, maximum=1e30)
    name = "leaky_relu" if slope == 0.01 else f"leaky_relu({slope:g})"
    functions = partial(_leaky, slope=slope), partial(_leaky_slope, slope=slope)
    return _standard((leaky_relu, (slope,)), name, *functions, (0.0,))


def elu(alpha: float = 1.0) -> Activation:
    """Return ELU: f(x) = x for x > 0, alpha (e^x - 1) otherwise (Clevert et al. 2016, arXiv:1511.07289).

    >>> elu(2.0)([-1000.0, 1.0])
    array([-2.,  1.])
    """
    alpha = checks.real("alpha", alpha, minimum=-1e30, maximum=1e30)
    name = "elu" if alpha == 1 else f"elu({alpha:g})"
    functions = partial(_elu, alpha=alpha), partial(_elu_slope, alpha=alpha)
    return _standard((elu, (alpha,)), name, *functions, (0.0,))


def _probe(what: str, function: Function, x: FloatArray) -> FloatArray:
    if not callable(function):
        raise TypeError(
            f"{what} must be callable. Received: {checks.shown(function)} of type {type(function).__name__}."
        )
    try:
        from initlib.extras import hints

        with hints():
            values = np.asarray(function(x))
    except ImportError:
        raise
    except Exception as error:
        raise TypeError(f"{what} must take a float array. It raised: {checks.shown(error)}.") from error
    if values.shape != x.shape or values.dtype.kind != "f":
        raise ValueError(
            f"{what} must return one float for each entry of its argument. "
            f"Received for shape {x.shape}: shape {values.shape}, dtype {values.dtype}."
        )
    return values


def _check_derivative(activation: Activation) -> None:
    kinks = np.asarray(activation.kinks).reshape(-1, 1)
    x = _PROBES[(np.abs(_PROBES - kinks) > 2e-3).all(axis=0)]
    stated = _probe(f"The derivative of {checks.shown(activation.name)}", activation.derivative, x)  # type: ignore[arg-type]
    h = 1e-3
    near = [np.asarray(activation.function(x + k * h), dtype=float) for k in (-2, -1, 1, 2)]
    measured = (near[0] - 8 * near[1] + 8 * near[2] - near[3]) / (12 * h)
    wrong = ~(np.abs(stated - measured) <= 0.01 * (1 + np.abs(measured)))  # NaN is wrong too
    if wrong.any():
        i = int(wrong.argmax())
        raise ValueError(
            f"The derivative of {checks.shown(activation.name)} does not fit its function. "
            f"Received {stated[i]:g} at x = {x[i]:g}; differences give {measured[i]:g}."
        )


def _above(x: FloatArray) -> FloatArray:
    """Return x with the lowest finite number for -infinity, where the functions that call this are 0."""
    return np.maximum(x, np.finfo(x.dtype).min)


def _finite(x: FloatArray) -> FloatArray:
    """Return x with the outermost finite numbers for the infinities."""
    limits = np.finfo(x.dtype)
    return np.clip(x, limits.min, limits.max)


def _floats(slope: F) -> F:
    """Let a derivative take every array of real numbers: integers wrap around, and have no limits."""

    @wraps(slope)
    def call(x: ArrayLike, **options: float) -> FloatArray:
        x = checks.reals("x", x)
        if x.dtype in (np.float32, np.float64):
            result: FloatArray = slope(x, **options)
            return result
        return _on_floats(partial(slope, **options), x)

    return cast("F", call)


def _one(x: FloatArray) -> FloatArray:
    return np.ones_like(x)


def _relu(x: FloatArray) -> FloatArray:
    return np.maximum(x, 0)


@_floats
def _relu_slope(x: FloatArray) -> FloatArray:
    return np.greater(x, 0).astype(x.dtype)


def _leaky(x: FloatArray, slope: float) -> FloatArray:
    steep: FloatArray = slope * x
    return np.maximum(x, steep) if slope <= 1 else np.minimum(x, steep)


@_floats
def _leaky_slope(x: FloatArray, slope: float) -> FloatArray:
    return slope + (1 - slope) * np.greater(x, 0).astype(x.dtype)


@_floats
@np.errstate(over="ignore")
def _tanh_slope(x: FloatArray) -> FloatArray:
    return 4 * _sigmoid_slope(2 * x)


@_floats
@np.errstate(over="ignore")
def _sigmoid(x: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-x))


@_floats
def _sigmoid_slope(x: FloatArray) -> FloatArray:
    small = np.exp(-np.abs(x))
    result: FloatArray = small / np.square(1 + small)
    return result


def _softsign(x: FloatArray) -> FloatArray:
    x = _finite(x)
    result: FloatArray = x / (1 + np.abs(x))
    return result


@_floats
def _softsign_slope(x: FloatArray) -> FloatArray:
    return np.square(1 / (1 + np.abs(x)))


def _normal_cdf(x: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    result: FloatArray = ndtr(x)
    return result


@np.errstate(over="ignore")
def _normal_density(x: FloatArray) -> FloatArray:
    return np.exp(-np.square(x) / 2) / math.sqrt(2 * math.pi)


def _gelu(x: FloatArray) -> FloatArray:
    return _above(x) * _normal_cdf(x)


@_floats
def _gelu_slope(x: FloatArray) -> FloatArray:
    return _normal_cdf(x) + _finite(x) * _normal_density(x)


def _gelu_tanh_argument(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    x = np.clip(x, -30, 30)  # the sigmoid of the argument is exactly 0 or 1 beyond
    scale = 2 * math.sqrt(2 / math.pi)
    return scale * (x + 0.044715 * x * x * x), scale * (1 + 3 * 0.044715 * x * x)


def _gelu_tanh(x: FloatArray) -> FloatArray:
    return _above(x) * _sigmoid(_gelu_tanh_argument(x)[0])


@_floats
def _gelu_tanh_slope(x: FloatArray) -> FloatArray:
    argument, slope = _gelu_tanh_argument(x)
    return _sigmoid(argument) + _finite(x) * _sigmoid_slope(argument) * slope


def _silu(x: FloatArray) -> FloatArray:
    return _above(x) * _sigmoid(x)


@_floats
def _silu_slope(x: FloatArray) -> FloatArray:
    return _sigmoid(x) + _finite(x) * _sigmoid_slope(x)


def _elu(x: FloatArray, alpha: float, scale: float = 1.0) -> FloatArray:
    return scale * np.maximum(x, 0) + (scale * alpha) * np.expm1(np.minimum(x, 0))


@_floats
def _elu_slope(x: FloatArray, alpha: float, scale: float = 1.0) -> FloatArray:
    jump = scale * (1 - alpha) * np.greater(x, 0).astype(x.dtype)
    return (scale * alpha) * np.exp(np.minimum(x, 0)) + jump


def _softplus(x: FloatArray) -> FloatArray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _mish_parts(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    x = np.minimum(x, 40)  # tanh(softplus(x)) rounds to 1 beyond
    grown = np.exp(x)
    return x, grown, grown * (grown + 2)


def _mish(x: FloatArray) -> FloatArray:
    _, _, ratio = _mish_parts(x)
    return _above(x) * (ratio / (ratio + 2))


@_floats
def _mish_slope(x: FloatArray) -> FloatArray:
    x, grown, ratio = _mish_parts(_above(x))
    return ratio / (ratio + 2) + x * (4 * grown / (ratio + 2)) * ((1 + grown) / (ratio + 2))


def _hard_tanh(x: FloatArray) -> FloatArray:
    return np.clip(x, -1, 1)


@_floats
def _hard_tanh_slope(x: FloatArray) -> FloatArray:
    return np.less(np.abs(x), 1).astype(x.dtype)


def _erf(x: FloatArray) -> FloatArray:
    from scipy.special import erf

    result: FloatArray = erf(x)
    return result


@_floats
@np.errstate(over="ignore")
def _erf_slope(x: FloatArray) -> FloatArray:
    return (2 / math.sqrt(math.pi)) * np.exp(-np.square(x))


_TABLE: dict[str, tuple[Function, Function, tuple[float, ...]]] = {
    "identity": (np.positive, _one, ()),
    "relu": (_relu, _relu_slope, (0.0,)),
    "leaky_relu": (partial(_leaky, slope=0.01), partial(_leaky_slope, slope=0.01), (0.0,)),
    "tanh": (np.tanh, _tanh_slope, ()),
    "sigmoid": (_sigmoid, _sigmoid_slope, ()),
    "softsign": (_softsign, _softsign_slope, (0.0,)),
    "gelu": (_gelu, _gelu_slope, ()),
    "gelu_tanh": (_gelu_tanh, _gelu_tanh_slope, ()),
    "silu": (_silu, _silu_slope, ()),
    "elu": (partial(_elu, alpha=1.0), partial(_elu_slope, alpha=1.0), (0.0,)),
    "selu": (
        partial(_elu, alpha=_SELU_ALPHA, scale=_SELU_SCALE),
        partial(_elu_slope, alpha=_SELU_ALPHA, scale=_SELU_SCALE),
        (0.0,),
    ),
    "softplus": (_softplus, _sigmoid, ()),
    "mish": (_mish, _mish_slope, ()),
    "hard_tanh": (_hard_tanh, _hard_tanh_slope, (-1.0, 1.0)),
    "erf": (_erf, _erf_slope, ()),
    "sin": (np.sin, np.cos, ()),
}
_ALIASES = {
    "linear": "identity",
    "none": "identity",
    "swish": "silu",
    "prelu": "leaky_relu",  # at initialization
    "lrelu": "leaky_relu",
    "leakyrelu": "leaky_relu",
    "hardtanh": "hard_tanh",
    "logistic": "sigmoid",
    "gelu_new": "gelu_tanh",
    "sine": "sin",
}


_Call = tuple[Callable[..., Activation], tuple[Any, ...]]
_STANDARD: WeakKeyDictionary[Activation, _Call] = WeakKeyDictionary()  # with the call that makes it
_MADE: WeakValueDictionary[_Call, Activation] = WeakValueDictionary()


def _standard(
    call: _Call, name: str, function: Function, derivative: Function, kinks: tuple[float, ...]
) -> Activation:
    """Return the activation that a call makes: one object, as long as somebody holds it."""
    made = _MADE.get(call)
    if made is None:
        made = Activation(name, function, derivative, kinks)
        _MADE[call], _STANDARD[made] = made, call
    return made


@cache
def _named(name: str) -> Activation:
    return _standard((get, (name,)), name, *_TABLE[name])
