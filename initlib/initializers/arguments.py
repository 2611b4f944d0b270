"""The checks of shape, rng, dtype and numbers that all initializers share."""

import math
import warnings
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from initlib.checks import Rng, fits_memory, generator, integers, real, shown
from initlib.typing import Shape, ShapeLike

DTYPES = ("float32", "float64", "complex64", "complex128", "float16", "bfloat16")
MOST_AXES = 64  # of a NumPy array
HALF = ("float16", "bfloat16")  # drawn in float32, then rounded


def common(shape: ShapeLike, rng: Rng, dtype: DTypeLike) -> tuple[Shape, np.random.Generator, np.dtype[Any]]:
    """Check the three arguments that every initializer takes."""
    dtype = checked_dtype(dtype)
    return checked_shape(shape, dtype.itemsize), generator(rng), dtype


def checked_shape(shape: ShapeLike, itemsize: int = 1) -> Shape:
    """Return `shape` as a tuple; an integer is the length of a vector."""
    if type(shape) is not tuple or not all(type(size) is int and size >= 0 for size in shape):
        if isinstance(shape, (int, np.integer)) and not isinstance(shape, (bool, np.timedelta64)):
            shape = (shape,)
        shape = integers("shape", shape, minimum=0, length=0)
    if len(shape) > MOST_AXES:
        raise ValueError(f"shape can have {MOST_AXES} axes. Received: {len(shape)}.")
    result: Shape = shape
    fits_memory(result, itemsize)
    return result


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
