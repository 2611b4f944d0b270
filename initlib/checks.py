"""Argument checks: each returns the value in the form wanted, or says what came and what is allowed."""

import inspect
import math
import operator
import os
import re
import types
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields as dataclass_fields
from difflib import get_close_matches
from functools import cache, wraps
from pathlib import Path
from typing import (
    Any,
    Literal,
    ParamSpec,
    SupportsIndex,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Rng",
    "array",
    "boolean",
    "by_annotation",
    "choice",
    "copied",
    "fields",
    "fits_memory",
    "generator",
    "instance",
    "integer",
    "integers",
    "keywords",
    "known_arguments",
    "mapping",
    "member",
    "methods",
    "names",
    "path",
    "per_net",
    "real",
    "reals",
    "sequence",
    "shown",
    "text",
]

Rng = int | np.integer[Any] | np.random.Generator | None

T = TypeVar("T")
P = ParamSpec("P")

LARGEST = 2**63 - 1  # what a size can be
MOST = 1_000_000  # entries of a list that are looked at one by one
_LONGEST, _PARAGRAPH = 80, 600  # characters of a value, and of a list of names, in a message
_ELSEWHERE = {"lr": "learning_rate", "normalization": "normalisation"}  # what others call an argument


def shown(value: object) -> str:
    """Return `value` as a message shows it: its repr, cut in the middle where that is long.

    >>> shown("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"
    """
    try:
        text = " ".join(repr(value[:200] if isinstance(value, (str, bytes)) else value).split())
    except Exception:  # a number of too many digits, or an object that cannot describe itself
        return f"an object of type {type(value).__name__}"
    half = (_LONGEST - 3) // 2
    return text if len(text) <= _LONGEST else f"{text[: half - 1]}...{text[-half:]}"


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
        return str(value)
    error = ValueError if isinstance(value, str) else TypeError
    hint = _hint(value, names) if isinstance(value, str) else ""
    raise error(f"Unknown {name[:200]}. Received: {shown(value)}; choose one of {_listed(names)}.{hint}")


def _hint(value: str, names: Sequence[str]) -> str:
    meant = _ELSEWHERE.get(str(value))
    close = [meant] if meant in names else get_close_matches(value[:_LONGEST].lower(), names, 1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _listed(names: Sequence[Any]) -> str:
    """Return names as a message lists them: all, or as many as fit in a paragraph, and how many there are."""
    entries = [shown(name) for name in names]
    fitting = [entry for i, entry in enumerate(entries) if len(", ".join(entries[: i + 1])) <= _PARAGRAPH]
    left = f", ... ({len(entries)} in all)" if len(fitting) < len(entries) else ""
    return ", ".join(fitting) + left


def boolean(name: str, value: object) -> bool:
    """Return `value` as a bool; nothing else counts as true or false.

    >>> boolean("corrected", np.True_)
    True
    >>> boolean("corrected", "no")
    Traceback (most recent call last):
        ...
    TypeError: corrected must be True or False. Received: 'no' of type str.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False. Received: {_typed(value)}.")
    return bool(value)


def member(name: str, value: object, allowed: Iterable[Any]) -> None:
    """Raise a ValueError unless `value` is one of the `allowed`, of whatever type.

    >>> member("depth", 3, (10, 22))
    Traceback (most recent call last):
        ...
    ValueError: depth must be one of 10, 22. Received: 3.
    """
    options = list(allowed)
    try:
        found = not isinstance(value, np.ndarray) and value in options
    except Exception:  # something that cannot be compared
        found = False
    if not found:
        raise ValueError(f"{name} must be one of {_listed(options)}. Received: {shown(value)}.")


def text(name: str, value: object) -> str:
    """Return `value` if it is a string.

    >>> text("title", "Signal")
    'Signal'
    """
    return instance(name, value, str, "a string")


def instance(name: str, value: object, kind: type[T], wanted: str) -> T:
    """Return `value` if it is of a kind, which the error calls `wanted`.

    >>> instance("table", 3, dict, "a dict")
    Traceback (most recent call last):
        ...
    TypeError: table must be a dict. Received: 3 of type int.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {wanted}. Received: {_typed(value)}.")
    return value


def mapping(name: str, value: object) -> Mapping[Any, Any]:
    """Return `value` if it is a mapping.

    >>> mapping("marks", {"He": 2.0})
    {'He': 2.0}
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping. Received: {_typed(value)}.")
    return value


def sequence(name: str, value: object) -> list[Any]:
    """Return the entries of `value`, a list, a tuple or the like; text is none, and an array has one axis.

    >>> sequence("scales", (1.0, 2.0))
    [1.0, 2.0]
    >>> sequence("scales", "12")
    Traceback (most recent call last):
        ...
    TypeError: scales must be a sequence. Received: '12' of type str.
    """
    is_vector = isinstance(value, np.ndarray) and value.ndim == 1 and not np.ma.isMaskedArray(value)
    is_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))
    if not (is_vector or is_list):
        raise TypeError(f"{name} must be a sequence. Received: {_typed(value)}.")
    entries: Any = value
    _check_length(name, entries)
    return list(entries)


def path(name: str, value: object, wanted: str = "a path") -> Path:
    """Return `value`, text or a `Path` that a system can hold, as a `Path`.

    >>> path("store", "cells.sqlite").suffix
    '.sqlite'
    """
    given = str(instance(name, value, Path if isinstance(value, Path) else str, wanted))
    if "\0" in given:
        raise ValueError(f"{name} must not hold the character 0. Received: {shown(given)}.")
    try:
        os.fsencode(given)
    except UnicodeEncodeError:
        raise ValueError(f"{name} must be text that names a file. Received: {shown(given)}.") from None
    return Path(given)


def _check_length(name: str, entries: Sequence[Any]) -> None:
    try:
        few = len(entries) <= MOST
    except OverflowError:  # a range that is longer than any list
        few = False
    if not few:
        raise ValueError(f"{name} must have at most {MOST} entries. Received: {shown(entries)}.")


def names(name: str, values: object, allowed: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return `values` as a tuple of at least one string; where `allowed` is given, each is one of these.

    >>> names("activations", ["relu", "tanh"])
    ('relu', 'tanh')
    """
    entries = sequence(name, values)
    if not entries:
        raise ValueError(f"{name} needs at least one entry. Received: {shown(values)}.")
    for i, value in enumerate(entries):
        text(f"{name}[{i}]", value)
        if allowed is not None:
            choice(f"{name}[{i}]", value, allowed)
    return tuple(map(str, entries))


def fields(thing: Any) -> None:
    """Check each field of a dataclass by its annotation.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Bar:
    ...     label: str
    ...     limits: tuple[float, float] | None = None
    >>> fields(Bar("loss", (0, 1.5)))
    >>> fields(Bar("loss", (0, "x")))
    Traceback (most recent call last):
        ...
    TypeError: limits of a Bar must be of type tuple[float, float] | None. Received: (0, 'x') of type tuple.
    """
    kind: Any = type(thing)
    for name, wanted in _annotations(kind).items():
        value = getattr(thing, name)
        if not _fits(value, wanted):
            raise TypeError(
                f"{name} of a {kind.__name__} must be of type {_named(wanted)}. Received: {_typed(value)}."
            )


def _named(wanted: Any) -> str:
    """Return a type as a message names it."""
    plain = isinstance(wanted, type) and not get_args(wanted)
    return re.sub(r"\b(\w+\.)+", "", wanted.__name__ if plain else str(wanted))


@cache
def _annotations(kind: Any) -> dict[str, Any]:
    found = get_type_hints(kind)
    return {field.name: found[field.name] for field in dataclass_fields(kind)}


def keywords(function: Callable[P, T]) -> Callable[P, T]:
    """Let calls refuse an unknown argument with the names of those there are, and the closest.

    >>> @keywords
    ... def fit(network, *, learning_rate=0.1): ...
    >>> fit(None, lr=0.1)
    Traceback (most recent call last):
        ...
    TypeError: fit has no argument 'lr'. It takes network, learning_rate. Did you mean 'learning_rate'?
    """
    known = inspect.signature(function).parameters

    @wraps(function)
    def checked(*args: P.args, **named: P.kwargs) -> T:
        known_arguments(function.__name__, known, named)
        return function(*args, **named)

    return checked


def known_arguments(function: str, known: Iterable[str], named: Iterable[str]) -> None:
    """Raise a TypeError if a call names an argument that is not known.

    >>> known_arguments("he_normal", ["shape", "rng"], {"gain": 2.0})
    Traceback (most recent call last):
        ...
    TypeError: he_normal has no argument 'gain'. It takes shape, rng.
    """
    names = list(known)
    for name in named:
        if name not in names:
            raise TypeError(
                f"{function} has no argument {shown(name)}. It takes {', '.join(names)}.{_hint(name, names)}"
            )


def by_annotation(function: Callable[P, T]) -> Callable[P, T]:
    """Check the arguments of calls by the annotations of the function, and their names as `keywords` does.

    >>> @by_annotation
    ... def share(name: str, *bounds: float): ...
    >>> share("He", 0.5, "x")
    Traceback (most recent call last):
        ...
    TypeError: bounds of share must be of type float. Received: 'x' of type str.
    """
    signature = inspect.signature(function)
    free = any(one.kind == one.VAR_KEYWORD for one in signature.parameters.values())

    @wraps(function)
    def checked(*args: P.args, **named: P.kwargs) -> T:
        if not free:
            known_arguments(function.__name__, signature.parameters, named)
        try:
            given = signature.bind(*args, **named).arguments
        except TypeError as error:
            raise TypeError(f"{function.__name__} was called with {error}.") from None
        wanted = _annotations_of(function)
        for name, value in given.items():
            kind = signature.parameters[name].kind
            values = value if kind == inspect.Parameter.VAR_POSITIONAL else (value,)
            for one in value.values() if kind == inspect.Parameter.VAR_KEYWORD else values:
                if name in wanted and not _fits(one, wanted[name]):
                    raise TypeError(
                        f"{name} of {function.__name__} must be of type {_named(wanted[name])}. "
                        f"Received: {_typed(one)}."
                    )
        return function(*args, **named)

    return checked


@cache
def _annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(function)


def methods(kind: type[T]) -> type[T]:
    """Let the public methods of a class check their arguments by their annotations.

    >>> @methods
    ... class Axis:
    ...     def describe(self, index: int): ...
    >>> Axis().describe("x")
    Traceback (most recent call last):
        ...
    TypeError: index of describe must be of type int. Received: 'x' of type str.
    """
    for name, member in list(vars(kind).items()):
        if inspect.isfunction(member) and not name.startswith("_"):
            setattr(kind, name, by_annotation(member))
    return kind


def _fits(value: object, wanted: Any) -> bool:
    """Return whether a value is what an annotation says, as far as that can be seen."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if wanted is Any or isinstance(wanted, TypeVar):
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return isinstance(value, str)  # which one, `choice` says better
    if wanted is float:
        return isinstance(value, (int, float, np.integer, np.floating)) and not (
            isinstance(value, (bool, np.timedelta64)) or np.ma.isMaskedArray(value)
        )
    if wanted is int:
        return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))
    if origin is Callable:
        return callable(value)
    if origin in (tuple, Sequence, list):
        fixed = origin is tuple and Ellipsis not in inner
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray)):
            return False
        _check_length(f"Every {_named(wanted)}", value)
        kinds = inner if fixed else inner[:1] * len(value)
        return len(kinds) == len(value) and all(map(_fits, value, kinds))
    if origin is Mapping or origin is dict:
        return isinstance(value, Mapping) and all(
            _fits(key, inner[0]) and _fits(one, inner[1]) for key, one in value.items()
        )
    return isinstance(value, origin or wanted)


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
        raise ValueError(f"{name} must be {wanted}. Received: {shown(value)}.")
    return number


def _as_float(name: str, value: Any, wanted: str) -> float:
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, (bool, np.timedelta64)
    )
    is_scalar_array = isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iuf"
    if not (is_number or is_scalar_array) or np.ma.isMaskedArray(value):
        raise TypeError(f"{name} must be {wanted}. Received: {_typed(value)}.")
    try:
        with np.errstate(over="ignore"):
            return float(value)
    except OverflowError:
        raise ValueError(f"{name} must be {wanted}. Received: {shown(value)}.") from None


def _typed(value: object) -> str:
    return f"{shown(value)} of type {type(value).__name__}"


def integer(name: str, value: object, *, minimum: int | None = None, maximum: int | None = LARGEST) -> int:
    """Return `value` as an int from `minimum` to `maximum`; floats and booleans are refused.

    >>> integer("depth", 3, minimum=1)
    3
    >>> integer("depth", 2.5, minimum=1)
    Traceback (most recent call last):
        ...
    TypeError: depth must be an integer >= 1. Received: 2.5 of type float.
    """
    wanted = "an integer" if minimum is None else f"an integer >= {minimum}"
    refusal = TypeError(f"{name} must be {wanted}. Received: {_typed(value)}.")
    no_number = isinstance(value, (bool, np.bool_, np.timedelta64)) or np.ma.isMaskedArray(value)
    if no_number or not isinstance(value, SupportsIndex):
        raise refusal
    try:
        number = operator.index(value)
    except Exception:
        raise refusal from None
    if minimum is not None and number < minimum:
        raise ValueError(f"{name} must be {wanted}. Received: {shown(number)}.")
    if maximum is not None and number > maximum:
        raise ValueError(f"{name} must be {wanted} and <= {maximum}. Received: {shown(number)}.")
    return number


def integers(
    name: str,
    values: object,
    *,
    minimum: int | None = None,
    maximum: int | None = LARGEST,
    length: int = 1,
) -> tuple[int, ...]:
    """Return `values` as a tuple of at least `length` integers from `minimum` to `maximum` each.

    >>> integers("widths", [64, 10], minimum=1, length=2)
    (64, 10)
    """
    is_list = isinstance(values, (Sequence, range)) and not isinstance(values, (str, bytes, bytearray))
    is_vector = isinstance(values, np.ndarray) and values.ndim == 1
    if not (is_list or is_vector) or np.ma.isMaskedArray(values):
        raise TypeError(f"{name} must be a sequence of integers. Received: {_typed(values)}.")
    entries: Any = values
    _check_length(name, entries)
    if len(entries) < length:
        raise ValueError(f"{name} needs at least {length} entries. Received: {shown(values)}.")
    return tuple(
        integer(f"{name}[{i}]", value, minimum=minimum, maximum=maximum) for i, value in enumerate(entries)
    )


def per_net(name: str, given: object, nets: int, **bounds: float) -> NDArray[Any]:
    """Return `given`, one number or one for each net, as a float array (nets,).

    >>> per_net("learning_rate", 0.1, 2, above=0).tolist()
    [0.1, 0.1]
    >>> per_net("learning_rate", [0.1, 0.2, 0.3], 2, above=0)
    Traceback (most recent call last):
        ...
    ValueError: learning_rate must be one number or one for each of 2 nets. Received: 3 numbers.
    """
    is_vector = isinstance(given, np.ndarray) and given.ndim == 1 and not np.ma.isMaskedArray(given)
    if is_vector or (isinstance(given, Sequence) and not isinstance(given, (str, bytes, bytearray))):
        entries: Any = given
        _check_length(name, entries)
        if len(entries) != nets:
            raise ValueError(
                f"{name} must be one number or one for each of {nets} nets. Received: {len(entries)} numbers."
            )
        return np.array([real(f"{name}[{i}]", number, **bounds) for i, number in enumerate(entries)])
    return np.full(nets, real(name, given, **bounds))


def array(name: str, value: ArrayLike, *, ndim: int | None = None, dtype: Any = float) -> NDArray[Any]:
    """Return `value` as an array of `dtype` with finite entries and, where given, `ndim` axes.

    >>> array("x", [[1, 2]], ndim=2)
    array([[1., 2.]])
    """
    given = _numbers(name, value)
    kinds = "biufc" if dtype is None or np.dtype(dtype).kind == "c" else "biuf"
    given = _of_kind(name, given, kinds)
    with np.errstate(over="ignore"):  # what becomes infinite is refused below
        result = given if dtype is None else np.asarray(given, dtype=dtype)
    if ndim is not None and result.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes. Received shape: {result.shape}.")
    if not np.isfinite(result).all():
        bad = int(np.size(result) - np.isfinite(result).sum())
        if np.isfinite(given).all():
            raise ValueError(
                f"{name} must be finite in {result.dtype}. Received {bad} larger entries of {result.size}."
            )
        raise ValueError(f"{name} must be finite. Received {bad} NaN or infinite entries of {result.size}.")
    return result


def copied(values: NDArray[Any]) -> NDArray[Any]:
    """Return a copy laid out alike, so that sums and products of it round alike.

    >>> copied(np.broadcast_to([1.0, 2.0], (3, 2))).strides
    (0, 8)
    """
    once = values[tuple(slice(None if stride else 1) for stride in values.strides)].copy("K")
    return once if once.shape == values.shape else np.broadcast_to(once, values.shape)


def reals(name: str, value: ArrayLike) -> NDArray[Any]:
    """Return `value` as an array of real numbers of its own dtype; they may be infinite or NaN.

    >>> reals("x", [1, 2]).dtype.kind
    'i'
    """
    return _of_kind(name, _numbers(name, value), "biuf")


def _of_kind(name: str, given: NDArray[Any], kinds: str) -> NDArray[Any]:
    if given.dtype.name.startswith(("bfloat16", "float8")):  # of JAX and TensorFlow, unknown to NumPy
        given = given.astype(np.float32)
    if given.dtype.kind not in kinds:
        what = "real numbers" if given.dtype.kind == "c" else "numbers"
        raise TypeError(f"{name} must be an array of {what}. Received dtype: {shown(given.dtype)}.")
    return given


def _numbers(name: str, value: ArrayLike) -> NDArray[Any]:
    """Return an array of whatever dtype `value` has; masked entries are refused, as their numbers are."""
    if type(value) is np.ndarray:
        return value
    wanted = f"{name} must be an array of numbers."
    if np.ma.isMaskedArray(value):
        if np.ma.is_masked(value):
            raise TypeError(f"{wanted} Received a masked array with masked entries.")
        return np.asarray(value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return np.asarray(value)
    except Exception as error:
        raise TypeError(f"{wanted} Received: {type(value).__name__} ({shown(error)}).") from None


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
        return np.random.default_rng(integer("rng", rng, minimum=0, maximum=None))
    raise TypeError(f"rng must be an int seed, a numpy.random.Generator, or None. Received: {_typed(rng)}.")


def fits_memory(shape: Sequence[int], itemsize: int = 8) -> None:
    """Refuse the shape of an array with more bytes than this machine has memory; sizes of 0 count as 1.

    >>> fits_memory((2**30, 2**30))
    Traceback (most recent call last):
        ...
    ValueError: An array of this shape does not fit into memory. Received: (1073741824, 1073741824).
    """
    if math.prod(size for size in shape if size) * itemsize > _memory():
        raise ValueError(f"An array of this shape does not fit into memory. Received: {shown(shape)}.")


@cache
def _memory() -> int:
    """Return the bytes of this machine's memory, or of what a pointer can address."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 2**47
