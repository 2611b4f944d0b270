"""Argument checks: each returns the value in the form wanted, or says what came and what is allowed."""

import math
import operator
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Rng", "array", "choice", "generator", "integer", "integers", "per_net", "real"]

Rng = int | np.integer[Any] | np.random.Generator | None


def choice(name: str, value: object, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of the `allowed` names; the error lists them and the closest.

    >>> choice("mode", "fan_in", ["fan_in", "fan_out"])
    'fan_in'
    >>> choice("mode", "fan_inn", ["fan_in", "fan_out"])
    Traceback (most recent call last):
        ...
    ValueError: Unknown mode. Received: 'fan_inn'; choose one of 'fan_in', 'fan_out'. Did you mean 'fan_in'?
    """
    names = list(allowed)
    if isinstance(value, str) and value in names:
        return value
    error = ValueError if isinstance(value, str) else TypeError
    close = get_close_matches(value.lower(), names, 1) if isinstance(value, str) else []
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise error(f"Unknown {name}. Received: {value!r}; choose one of {', '.join(map(repr, names))}.{hint}")


def real(
    name: str,
    value: object,
    *,
    minimum: float = -math.inf,
    above: float = -math.inf,
    maximum: float = math.inf,
    below: float = math.inf,
) -> float:
    """Return `value` as a finite float inside the bounds (`above` and `below` are excluded themselves).

    >>> real("scale", 2, above=0)
    2.0
    >>> real("scale", -1, above=0)
    Traceback (most recent call last):
        ...
    ValueError: scale must be a finite number > 0. Received: -1.
    """
    bounds = [
        f"{sign} {bound:g}"
        for sign, bound in ((">=", minimum), (">", above), ("<=", maximum), ("<", below))
        if math.isfinite(bound)
    ]
    wanted = " ".join(["a finite number", " and ".join(bounds)]).strip()
    number = _as_float(name, value, wanted)
    if not (math.isfinite(number) and minimum <= number <= maximum and above < number < below):
        raise ValueError(f"{name} must be {wanted}. Received: {value!r}.")
    return number


def _as_float(name: str, value: Any, wanted: str) -> float:
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    is_scalar_array = isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iuf"
    if not (is_number or is_scalar_array):
        raise TypeError(f"{name} must be {wanted}. Received: {value!r} of type {type(value).__name__}.")
    return float(value)


def integer(name: str, value: object, *, minimum: int | None = None) -> int:
    """Return `value` as an int that is at least `minimum`; floats and booleans are refused.

    >>> integer("depth", 3, minimum=1)
    3
    >>> integer("depth", 2.5, minimum=1)
    Traceback (most recent call last):
        ...
    TypeError: depth must be an integer >= 1. Received: 2.5 of type float.
    """
    wanted = "an integer" if minimum is None else f"an integer >= {minimum}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, SupportsIndex):
        raise TypeError(f"{name} must be {wanted}. Received: {value!r} of type {type(value).__name__}.")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} must be {wanted}. Received: {value!r} of type {type(value).__name__}."
        ) from None
    if minimum is not None and number < minimum:
        raise ValueError(f"{name} must be {wanted}. Received: {number}.")
    return number


def integers(name: str, values: object, *, minimum: int | None = None, length: int = 1) -> tuple[int, ...]:
    """Return `values` as a tuple of at least `length` integers that are each at least `minimum`.

    >>> integers("widths", [64, 10], minimum=1, length=2)
    (64, 10)
    """
    if not isinstance(values, (Sequence, range, np.ndarray)) or isinstance(values, (str, bytes)):
        raise TypeError(
            f"{name} must be a sequence of integers. Received: {values!r} of type {type(values).__name__}."
        )
    if len(values) < length:
        raise ValueError(f"{name} needs at least {length} entries. Received: {values!r}.")
    return tuple(integer(f"{name}[{i}]", value, minimum=minimum) for i, value in enumerate(values))


def per_net(name: str, given: object, nets: int, **bounds: float) -> NDArray[Any]:
    """Return `given`, one number or one for each net, as a float array (nets,).

    >>> per_net("learning_rate", 0.1, 2, above=0).tolist()
    [0.1, 0.1]
    >>> per_net("learning_rate", [0.1, 0.2, 0.3], 2, above=0)
    Traceback (most recent call last):
        ...
    ValueError: learning_rate must be one number or one for each of 2 nets. Received: 3 numbers.
    """
    if isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str) and np.ndim(given) == 1:
        if len(given) != nets:
            raise ValueError(
                f"{name} must be one number or one for each of {nets} nets. Received: {len(given)} numbers."
            )
        return np.array([real(f"{name}[{i}]", number, **bounds) for i, number in enumerate(given)])
    return np.full(nets, real(name, given, **bounds))


def array(name: str, value: ArrayLike, *, ndim: int | None = None, dtype: Any = float) -> NDArray[Any]:
    """Return `value` as an array of `dtype` with finite entries and, where given, `ndim` axes.

    >>> array("x", [[1, 2]], ndim=2)
    array([[1., 2.]])
    """
    try:
        result = np.asarray(value, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be an array of numbers. Received: {type(value).__name__} ({error})."
        ) from None
    if ndim is not None and result.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes. Received shape: {result.shape}.")
    if not np.isfinite(result).all():
        bad = int(np.size(result) - np.isfinite(result).sum())
        raise ValueError(f"{name} must be finite. Received {bad} NaN or infinite entries of {result.size}.")
    return result


def generator(rng: Rng) -> np.random.Generator:
    """Return a `numpy.random.Generator`: from an int seed, from fresh entropy for None, or the one received.

    >>> generator(0).integers(10) == generator(0).integers(10)
    np.True_
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        return np.random.default_rng(integer("rng", rng, minimum=0))
    raise TypeError(
        "rng must be an int seed, a numpy.random.Generator, or None. "
        f"Received: {rng!r} of type {type(rng).__name__}."
    )
