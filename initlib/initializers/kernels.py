"""The axes of weight arrays: inputs, outputs, groups, fans; and the checks that all initializers share."""

import math
import os
import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, TypedDict

import numpy as np
from numpy.typing import DTypeLike

from initlib.checks import Rng, boolean, choice, generator, integer, integers, real, shown
from initlib.typing import Array, Shape

LAYOUTS = ("io", "oi")
DTYPES = ("float32", "float64", "complex64", "complex128", "float16", "bfloat16")
MOST_AXES = 64  # of a NumPy array
HALF = ("float16", "bfloat16")  # drawn in float32, then rounded


class Kernel(TypedDict, total=False):
    """The keyword arguments that initializers of weights have in common; `fans` explains the first three."""

    layout: str
    groups: int
    transposed: bool
    rng: Rng
    dtype: DTypeLike


def fans(shape: Any, *, layout: str = "io", groups: int = 1, transposed: bool = False) -> tuple[int, int]:
    """Count the inputs that feed one output unit, and the outputs that one input feeds.

    fan_in = window * in / groups and fan_out = window * out / groups, window the product of the window axes.

    `layout="io"` reads (*window, in / groups, out), the order of NumPy, Keras and JAX; `layout="oi"` reads
    (out, in / groups, *window), that of PyTorch. `transposed=True` is for transposed convolutions, which
    store the channel axes the other way round: (*window, out, in) in Keras, (in, out / groups, *window) in
    PyTorch.
    A depthwise kernel is the grouped one with groups = in. Strides are not counted.

    >>> fans((784, 100))
    (784, 100)
    >>> fans((64, 32, 3, 3), layout="oi")
    (288, 576)
    >>> fans((3, 3, 1, 64), groups=32)
    (9, 18)
    >>> fans((64, 128, 3, 3), layout="oi", transposed=True)
    (576, 1152)
    """
    window, inputs, outputs, _ = channels(shape, layout=layout, groups=groups, transposed=transposed)
    size = math.prod(window)
    return size * inputs, size * outputs


def channels(
    shape: Any, *, layout: str = "io", groups: int = 1, transposed: bool = False, **_: Any
) -> tuple[Shape, int, int, int]:
    """Return (window, inputs of one group, outputs of one group, groups)."""
    shape = checked_shape(shape)
    choice("layout", layout, LAYOUTS)
    groups = integer("groups", groups, minimum=1)
    transposed = boolean("transposed", transposed)
    if len(shape) < 2:
        raise ValueError(
            f"Weights need at least two axes, inputs and outputs. Received shape: {shape}; "
            "for a bias use zeros, constant, normal or uniform."
        )
    # `merged` is the channel axis that holds all groups, `single` that of one group.
    window, single, merged = (shape[:-2], *shape[-2:]) if layout == "io" else (shape[2:], shape[1], shape[0])
    if merged % groups:
        raise ValueError(f"groups must divide the {merged} channels of shape {shape}. Received: {groups}.")
    if transposed:
        return window, merged // groups, single, groups
    return window, single, merged // groups, groups


def by_group(
    shape: Any,
    matrix: Callable[[int, int, np.random.Generator, np.dtype[Any]], Array],
    *,
    gain: float = 1.0,
    spread: bool = True,
    layout: str = "io",
    groups: int = 1,
    transposed: bool = False,
    rng: Rng = None,
    dtype: DTypeLike = float,
) -> Array:
    """Build a kernel from gain * matrix(rows, columns, rng, dtype), called once for each group.

    Columns are output channels. With `spread` the rows are (*window, in); without, they are the input
    channels of the window's centre tap (k - 1) // 2, the one that "same" padding leaves unshifted.
    """
    window, inputs, outputs, groups = channels(shape, layout=layout, groups=groups, transposed=transposed)
    shape, rng, dtype = common(shape, rng, dtype)
    gain = fitting("gain", gain, dtype)
    if 0 in shape:
        return np.empty(shape, dtype)
    wanted, dtype = dtype, working(dtype)
    kernel = np.zeros((groups, *window, inputs, outputs), dtype)
    for group in kernel:
        if spread:
            group.reshape(-1, outputs)[:] = matrix(math.prod(window) * inputs, outputs, rng, dtype)
        else:
            group[tuple((size - 1) // 2 for size in window)] = matrix(inputs, outputs, rng, dtype)
    if gain != 1:
        kernel *= gain
    window_axes = list(range(1, kernel.ndim - 2))
    single, merged = kernel.ndim - 2, kernel.ndim - 1
    if transposed:
        single, merged = merged, single
    order = [*window_axes, single, 0, merged] if layout == "io" else [0, merged, single, *window_axes]
    return np.ascontiguousarray(kernel.transpose(order).reshape(shape)).astype(wanted, copy=False)


def common(shape: Any, rng: Rng, dtype: DTypeLike) -> tuple[Shape, np.random.Generator, np.dtype[Any]]:
    """Check the three arguments that every initializer takes."""
    dtype = checked_dtype(dtype)
    return checked_shape(shape, dtype.itemsize), generator(rng), dtype


def checked_shape(shape: Any, itemsize: int = 1) -> Shape:
    """Return `shape` as a tuple; an integer is the length of a vector."""
    if type(shape) is not tuple or not all(type(size) is int and size >= 0 for size in shape):
        if isinstance(shape, (int, np.integer)) and not isinstance(shape, (bool, np.timedelta64)):
            shape = (shape,)
        shape = integers("shape", shape, minimum=0, length=0)
    if len(shape) > MOST_AXES:
        raise ValueError(f"shape can have {MOST_AXES} axes. Received: {len(shape)}.")
    if math.prod(size for size in shape if size) * itemsize > memory():
        raise ValueError(f"An array of this shape does not fit into memory. Received: {shown(shape)}.")
    result: Shape = shape
    return result


@cache
def memory() -> int:
    """Return the bytes of this machine's memory, or of what a pointer can address."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 2**47


def checked_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return one of the dtypes that weights can have; bfloat16 needs the package ml_dtypes (JAX has it)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = np.dtype(_bfloat16() if isinstance(dtype, str) and dtype == "bfloat16" else dtype)
    except ImportError:
        raise
    except Exception:
        raise TypeError(f"dtype must be one of {', '.join(DTYPES)}. Received: {shown(dtype)}.") from None
    if found.name not in DTYPES or not found.isnative:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}. Received: {str(found)[:80]}.")
    return found


def _bfloat16() -> Any:
    try:
        return import_module("ml_dtypes").bfloat16
    except ImportError as error:
        raise ImportError("NumPy has no bfloat16 of its own: pip install ml_dtypes.") from error


def working(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which numbers of `dtype` are drawn."""
    return np.dtype(np.float32) if dtype.name in HALF else dtype


def fitting(name: str, value: object, dtype: np.dtype[Any], minimum: float = -math.inf) -> float:
    """Return a real number that `dtype` can hold, with room for draws of many sigma."""
    number = real(name, value, minimum=minimum)
    limits = np.finfo(working(dtype))
    largest = 65504.0 if dtype.name == "float16" else float(limits.max)
    if number and not float(limits.tiny) <= abs(number) <= largest / 64:
        raise ValueError(f"{name} is too large or too small for {dtype}. Received: {number:g}.")
    return number
