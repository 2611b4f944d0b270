"""Weight initializers: functions from a shape to a new array, all from one builder and one table, `SPECS`.

Dense weights have shape (fan_in, fan_out) and act as `x @ W`; convolution kernels are (*window, in, out).
Every initializer takes `rng` (an int seed, a `numpy.random.Generator`, which advances, or None) and `dtype`
(float32, float64, complex64 or complex128). Those of weights take `layout`, `groups` and `transposed`, or
the axes by name: see `fans`. An array with a zero in its shape is empty, which is no error.
"""

from initlib.facades import own
from initlib.initializers.elementary import constant, normal, truncated_normal, uniform, zeros
from initlib.initializers.kernels import fans
from initlib.initializers.matrices import delta_orthogonal, identity, orthogonal, sparse
from initlib.initializers.sampling import truncated_moments
from initlib.initializers.scaling import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    variance_scaling,
)
from initlib.initializers.specs import (
    ALIASES,
    SPECS,
    Fans,
    Spec,
    get,
    kaiming_normal,
    kaiming_uniform,
    xavier_normal,
    xavier_uniform,
)
from initlib.typing import Initializer

__all__ = [
    "ALIASES",
    "SPECS",
    "Fans",
    "Initializer",
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

own(globals())
