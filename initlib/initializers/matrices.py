"""The initializers whose entries depend on each other: orthogonal, delta-orthogonal, identity, sparse."""

from __future__ import annotations

import math
from typing import Any, Unpack

import numpy as np

from initlib.checks import integer, real, shown
from initlib.initializers import sampling
from initlib.initializers.kernels import Kernel, by_group, read_axes, spelled
from initlib.typing import Array, ShapeLike


@spelled
def orthogonal(shape: ShapeLike, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw gain times a Haar-random matrix with orthonormal columns (tall) or rows (wide); complex: unitary.

    W = gain Q sign(diag R) with Q R = G, G standard normal, so that every such matrix is equally likely.
    A convolution kernel is read as the (window * in, out) matrix, each group apart. The mean square of the
    entries is gain^2 / max(rows, columns). Float32 is orthogonal to 1e-5, float64 to 1e-13.

    Source: Saxe et al. 2014, arXiv:1312.6120; Mezzadri 2007, arXiv:math-ph/0609050, section 5.

    >>> import numpy as np
    >>> w = orthogonal((5, 3), rng=0)
    >>> bool(np.allclose(w.T @ w, np.eye(3)))
    True
    """
    real("gain", gain, minimum=0)
    return by_group(shape, sampling.haar, gain=gain, **kernel)


@spelled
def delta_orthogonal(shape: ShapeLike, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw a convolution kernel that is zero but for a Haar-random orthogonal matrix at its centre tap.

    ||conv(x, W)|| = gain ||x|| for circular padding, which needs in <= out. There are 1 to 3 window axes; the
    centre tap of k is (k - 1) // 2, the one that "same" padding leaves unshifted.

    Source: Xiao et al. 2018, arXiv:1806.05393, algorithm 2.

    >>> import numpy as np
    >>> w = delta_orthogonal((3, 3, 4, 8), rng=0)
    >>> bool(np.allclose(w[1, 1] @ w[1, 1].T, np.eye(4))), int(np.count_nonzero(w))
    (True, 32)
    """
    real("gain", gain, minimum=0)
    axes = read_axes(shape, **kernel)
    inputs, outputs = math.prod(axes.of(axes.inputs)), math.prod(axes.of(axes.outputs))
    if not 1 <= len(axes.window) <= 3:
        raise ValueError(f"delta_orthogonal needs 1 to 3 window axes. Received shape: {shown(shape)}.")
    if inputs > outputs:
        raise ValueError(
            "delta_orthogonal needs as many output as input channels, or more, in each group. "
            f"Received: {inputs} in, {outputs} out."
        )
    return by_group(shape, sampling.haar, gain=gain, spread=False, **kernel)


@spelled
def identity(shape: ShapeLike, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Return gain times the identity; for convolutions ("dirac") at the window's centre tap (k - 1) // 2.

    Rectangular shapes pass on the first min(in, out) channels of each group. `rng` is accepted and not used.

    Source: Le et al. 2015, arXiv:1504.00941, section 3.

    >>> identity((2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """

    def eye(rows: int, columns: int, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return np.eye(rows, columns, dtype=dtype)

    return by_group(shape, eye, gain=gain, spread=False, **kernel)


@spelled
def sparse(shape: ShapeLike, *, connections: int = 15, std: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw N(0, std^2) for exactly min(connections, fan_in) random inputs of each unit; all others are zero.

    Var W = std^2 min(connections, fan_in) / fan_in over the whole array.

    Source: Martens 2010, Deep learning via Hessian-free optimization, section 5.

    >>> import numpy as np
    >>> np.count_nonzero(sparse((100, 7), rng=0), axis=0)
    array([15, 15, 15, 15, 15, 15, 15])
    """
    connections = integer("connections", connections, minimum=1)
    real("std", std, minimum=0)

    def scatter(rows: int, columns: int, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        kept = min(connections, rows)
        # In double precision a draw is never exactly 0, so that the count is exact.
        values = sampling.draw((columns, kept), rng, np.promote_types(dtype, np.float64), sampling.normal)
        units = np.zeros((columns, rows), dtype)
        for unit, value in zip(units, values, strict=True):
            unit[rng.choice(rows, kept, replace=False, shuffle=False)] = value
        return units.T

    return by_group(shape, scatter, gain=std, **kernel)
