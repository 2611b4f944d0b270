"""The types that signatures share."""

from collections.abc import Sequence
from typing import Any, Protocol, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Array", "FloatArray", "Initializer", "Places", "Shape", "ShapeLike"]

Array = NDArray[Any]
FloatArray = NDArray[np.floating[Any]]
Shape = tuple[int, ...]
ShapeLike = SupportsIndex | Sequence[SupportsIndex]  # one number is the length of a vector
Places = SupportsIndex | Sequence[SupportsIndex]  # of axes: one or several


class Initializer(Protocol):
    """Draws weights of a shape; what `initlib.initializers` holds, and any callable that takes the same."""

    def __call__(self, shape: Shape, /, *, rng: Any = ..., dtype: DTypeLike = ...) -> Any: ...
