"""The types that signatures share."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Array", "FloatArray", "Initializer", "Shape"]

Array = NDArray[Any]
FloatArray = NDArray[np.floating[Any]]
Shape = tuple[int, ...]


class Initializer(Protocol):
    """Draws weights of a shape; what `initlib.initializers` holds, and any callable that takes the same."""

    def __call__(self, shape: Shape, /, *, rng: Any = ..., dtype: DTypeLike = ...) -> Any: ...
