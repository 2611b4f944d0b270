"""Weight initializers: functions from a shape to a new array, all from one builder and one table, `SPECS`.

Dense weights have shape (fan_in, fan_out) and act as `x @ W`; convolution kernels are (*window, in, out).
Every initializer takes `rng` (an int seed, a `numpy.random.Generator` that advances, or None) and `dtype`
(float32, float64, complex64 or complex128).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import DTypeLike

from initlib import _sampling
from initlib._sampling import Array, Shape
from initlib.checks import Rng, choice, generator, integer, integers, real

Initializer = Callable[..., Array]

_MODES: dict[str, Callable[[float, float], float]] = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
    "fan_geo": lambda fan_in, fan_out: math.sqrt(fan_in * fan_out),
}
_DISTRIBUTIONS = ("normal", "truncated_normal", "uniform")
_LAYOUTS = ("io", "oi")
_DTYPES = ("float32", "float64", "complex64", "complex128")


class Kernel(TypedDict, total=False):
    """The keyword arguments that every scaled initializer passes on to `variance_scaling`."""

    layout: str
    groups: int
    transposed: bool
    rng: Rng
    dtype: DTypeLike


def fans(shape: Any, *, layout: str = "io", groups: int = 1, transposed: bool = False) -> tuple[int, int]:
    """Count the inputs that feed one output unit, and the outputs that one input feeds.

    fan_in = window * in / groups and fan_out = window * out / groups, window the product of the window axes.

    `layout="io"` reads (*window, in / groups, out), NumPy's, Keras' and JAX's order; `layout="oi"` reads
    (out, in / groups, *window), PyTorch's. `transposed=True` is for transposed convolutions, which store the
    channel axes the other way round: (*window, out, in) in Keras, (in, out / groups, *window) in PyTorch.
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
    window, inputs, outputs, _ = _channels(shape, layout, groups, transposed)
    size = math.prod(window)
    return size * inputs, size * outputs


def _channels(shape: Any, layout: str, groups: int, transposed: bool) -> tuple[Shape, int, int, int]:
    """Return (window, inputs of one group, outputs of one group, groups)."""
    shape = _shape(shape)
    choice("layout", layout, _LAYOUTS)
    groups = integer("groups", groups, minimum=1)
    if len(shape) < 2:
        raise ValueError(
            f"Fans need at least two axes, an input and an output one. Received shape: {shape}; "
            "for a bias use zeros, constant, normal or uniform."
        )
    window, last = (shape[:-2], shape[-2:]) if layout == "io" else (shape[2:], shape[1::-1])
    inner, merged = last  # the merged axis holds the channels of all groups
    if merged % groups:
        raise ValueError(f"groups must divide the {merged} channels of shape {shape}. Received: {groups}.")
    inputs, outputs = inner, merged // groups
    return (window, outputs, inputs, groups) if transposed else (window, inputs, outputs, groups)


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
        bound = _uniform_bound(std, dtype)
        return uniform(shape, low=-bound, high=bound, rng=rng, dtype=dtype)
    if distribution == "truncated_normal":
        return truncated_normal(shape, std=std, rng=rng, dtype=dtype)
    return normal(shape, std=std, rng=rng, dtype=dtype)


def zeros(shape: Any, *, rng: Rng = None, dtype: DTypeLike = float) -> Array:
    """Return zeros; `rng` is accepted so that all initializers are called alike, and not used.

    >>> zeros((1, 2))
    array([[0., 0.]])
    """
    return constant(shape, 0.0, rng=rng, dtype=dtype)


def constant(shape: Any, value: float = 1.0, *, rng: Rng = None, dtype: DTypeLike = float) -> Array:
    """Return an array filled with `value`; `rng` is accepted and not used.

    >>> constant((1, 2), 0.1)
    array([[0.1, 0.1]])
    """
    shape, _, dtype = _common(shape, rng, dtype)
    return np.full(shape, real("value", value), dtype)


def normal(
    shape: Any, *, std: float = 1.0, mean: float = 0.0, rng: Rng = None, dtype: DTypeLike = float
) -> Array:
    """Draw N(mean, std^2); complex draws are circular, with E|w - mean|^2 = std^2.

    >>> normal((2, 3), std=0.02, rng=0, dtype="float32").dtype
    dtype('float32')
    """
    shape, rng, dtype = _common(shape, rng, dtype)
    std, mean = real("std", std, minimum=0), real("mean", mean)
    return _affine(_sampling.normal(shape, rng, dtype), std, mean)


def uniform(
    shape: Any, *, low: float = -1.0, high: float = 1.0, rng: Rng = None, dtype: DTypeLike = float
) -> Array:
    """Draw U(low, high); complex draws are uniform on the disc of radius `high`, and need low = -high.

    Var W = (high - low)^2 / 12, so U(-b, b) has variance b^2 / 3 (the complex disc: b^2 / 2).

    >>> float(np.abs(uniform((50, 50), low=-0.1, high=0.1, rng=0)).max()) < 0.1
    True
    """
    shape, rng, dtype = _common(shape, rng, dtype)
    low = real("low", low)
    high = real("high", high, minimum=low)
    if dtype.kind == "c" and low != -high:
        raise ValueError(f"Complex uniform draws need low = -high. Received: low={low}, high={high}.")
    return _affine(_sampling.uniform(shape, rng, dtype), (high - low) / 2, (high + low) / 2)


def truncated_normal(
    shape: Any,
    *,
    std: float = 1.0,
    mean: float = 0.0,
    bounds: tuple[float, float] = (-2.0, 2.0),
    corrected: bool = True,
    rng: Rng = None,
    dtype: DTypeLike = float,
) -> Array:
    """Draw a normal cut at `bounds`, in units of its own sigma, and corrected to the mean and std asked for.

    W = mean + std (z - E z) / sd(z), z ~ N(0, 1) given bounds[0] <= z <= bounds[1]. Cut at 2 sigma, sd(z) is
    0.87962566: without the correction, `corrected=False`, W = mean + std z has variance 0.774 std^2.
    For complex dtypes the modulus is cut, at bounds[1] = -bounds[0].

    >>> round(float(truncated_normal((500, 500), rng=0).std()), 2)
    1.0
    >>> round(float(truncated_normal((500, 500), corrected=False, rng=0).std()), 2)
    0.88
    """
    shape, rng, dtype = _common(shape, rng, dtype)
    std, mean = real("std", std, minimum=0), real("mean", mean)
    low, high = _bounds(bounds, dtype)
    draws = _sampling.truncated_normal(shape, rng, dtype, low, high)
    if not corrected:
        return _affine(draws, std, mean)
    centre, spread = (0.0, _complex_std(high)) if dtype.kind == "c" else truncated_moments(low, high)[:2]
    return _affine(draws, std / spread, mean - std * centre / spread)


@lru_cache(maxsize=64)
def truncated_moments(low: float, high: float) -> tuple[float, float, float]:
    """Return mean, standard deviation and kurtosis of z ~ N(0, 1) given low <= z <= high.

    Gauss-Legendre on 200 nodes; no difference of close numbers, so narrow and far bounds are right as well.

    >>> [round(moment, 6) for moment in truncated_moments(-1.0, 2.0)]
    [0.229637, 0.720946, 2.280172]
    """
    nodes, weights = np.polynomial.legendre.leggauss(200)
    low, high = max(low, -39.0), min(high, 39.0)
    z = (low + high) / 2 + (high - low) / 2 * nodes
    density = weights * np.exp((np.min(z * z) - z * z) / 2)
    density /= density.sum()
    mean = 0.0 if low == -high else float(density @ z)
    variance, fourth = (float(density @ (z - mean) ** power) for power in (2, 4))
    return mean, math.sqrt(variance), fourth / variance**2


def lecun_normal(shape: Any, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw N(0, gain^2 / fan_in). Source: LeCun et al. 1998, Efficient BackProp, eq. 16.

    >>> lecun_normal((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_square("gain", gain), **kernel)


def lecun_uniform(shape: Any, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw U(-b, b), b = gain sqrt(3 / fan_in). Source: LeCun et al. 1998, Efficient BackProp, eq. 16.

    >>> lecun_uniform((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_square("gain", gain), distribution="uniform", **kernel)


def glorot_normal(shape: Any, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw N(0, 2 gain^2 / (fan_in + fan_out)). Source: Glorot and Bengio 2010, eq. 12.

    >>> glorot_normal((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(shape, scale=_square("gain", gain), mode="fan_avg", **kernel)


def glorot_uniform(shape: Any, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw U(-b, b), b = gain sqrt(6 / (fan_in + fan_out)). Source: Glorot and Bengio 2010, eq. 16.

    >>> glorot_uniform((4, 3), rng=0).shape
    (4, 3)
    """
    return variance_scaling(
        shape, scale=_square("gain", gain), mode="fan_avg", distribution="uniform", **kernel
    )


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


def orthogonal(shape: Any, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw gain times a Haar-random matrix with orthonormal columns (tall) or rows (wide); complex: unitary.

    W = gain Q sign(diag R) with Q R = G, G standard normal. A convolution kernel is read as the
    (window * in, out) matrix, one for each group. Entries have variance gain^2 / max(rows, columns).

    Source: Mezzadri 2007, arXiv:math-ph/0609050, section 5; Saxe et al. 2014, arXiv:1312.6120.

    >>> w = orthogonal((5, 3), rng=0)
    >>> bool(np.allclose(w.T @ w, np.eye(3)))
    True
    """
    gain = real("gain", gain)

    def draw(window: Shape, inputs: int, outputs: int, rng: np.random.Generator, dtype: Any) -> Array:
        matrix = _haar(math.prod(window) * inputs, outputs, rng, dtype)
        return matrix.reshape(*window, inputs, outputs)

    return _by_group(shape, draw, gain, **kernel)


def delta_orthogonal(shape: Any, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw a convolution kernel that is zero but for a Haar-orthogonal matrix at the window's centre.

    The centre tap is (k - 1) // 2, which "same" padding leaves unshifted. Needs 1 to 3 window axes and
    in <= out, so that the circular convolution multiplies every norm by `gain`.

    Source: Xiao et al. 2018, arXiv:1806.05393, algorithm 1.

    >>> w = delta_orthogonal((3, 3, 4, 8), rng=0)
    >>> bool(np.allclose(w[1, 1] @ w[1, 1].T, np.eye(4))), int(np.count_nonzero(w))
    (True, 32)
    """
    gain = real("gain", gain)

    def draw(window: Shape, inputs: int, outputs: int, rng: np.random.Generator, dtype: Any) -> Array:
        if not 1 <= len(window) <= 3:
            raise ValueError(f"delta_orthogonal needs 1 to 3 window axes. Received shape: {shape}.")
        if inputs > outputs:
            raise ValueError(
                f"delta_orthogonal needs in <= out in each group. Received: {inputs} in, {outputs} out."
            )
        return _at_centre(window, _haar(inputs, outputs, rng, dtype))

    return _by_group(shape, draw, gain, **kernel)


def identity(shape: Any, *, gain: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Return gain times the identity; for convolutions ("dirac") at the window's centre tap (k - 1) // 2.

    Rectangular shapes pass on the first min(in, out) channels of each group. `rng` is accepted and not used.

    Source: Le et al. 2015, arXiv:1504.00941 (IRNN).

    >>> identity((2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    gain = real("gain", gain)

    def draw(window: Shape, inputs: int, outputs: int, rng: np.random.Generator, dtype: Any) -> Array:
        return _at_centre(window, np.eye(inputs, outputs, dtype=dtype))

    return _by_group(shape, draw, gain, **kernel)


def sparse(shape: Any, *, connections: int = 15, std: float = 1.0, **kernel: Unpack[Kernel]) -> Array:
    """Draw N(0, std^2) for exactly min(connections, fan_in) random inputs of each unit; the rest is zero.

    Source: Martens 2010, Deep learning via Hessian-free optimization, section 5.

    >>> w = sparse((100, 7), connections=15, rng=0)
    >>> np.count_nonzero(w, axis=0)
    array([15, 15, 15, 15, 15, 15, 15])
    """
    connections = integer("connections", connections, minimum=0)
    std = real("std", std, minimum=0)

    def draw(window: Shape, inputs: int, outputs: int, rng: np.random.Generator, dtype: Any) -> Array:
        fan_in = math.prod(window) * inputs
        kept = min(connections, fan_in)
        chosen = np.argsort(rng.random((fan_in, outputs)), axis=0)[:kept]
        matrix = np.zeros((fan_in, outputs), dtype)
        np.put_along_axis(matrix, chosen, _sampling.normal((kept, outputs), rng, dtype), axis=0)
        return matrix.reshape(*window, inputs, outputs)

    return _by_group(shape, draw, std, **kernel)


def _by_group(
    shape: Any,
    draw: Callable[..., Array],
    factor: float,
    *,
    layout: str = "io",
    groups: int = 1,
    transposed: bool = False,
    rng: Rng = None,
    dtype: DTypeLike = float,
) -> Array:
    """Stack draw(window, inputs, outputs, rng, dtype) over the groups; put the axes in the layout's order."""
    window, inputs, outputs, groups = _channels(shape, layout, groups, transposed)
    shape, rng, dtype = _common(shape, rng, dtype)
    if 0 in shape:
        return np.empty(shape, dtype)
    kernel = np.stack([draw(window, inputs, outputs, rng, dtype) for _ in range(groups)])
    axes = list(range(1, 1 + len(window)))
    single, merged = (-1, -2) if transposed else (-2, -1)
    single, merged = single % kernel.ndim, merged % kernel.ndim
    order = [*axes, single, 0, merged] if layout == "io" else [0, merged, single, *axes]
    kernel = np.ascontiguousarray(kernel.transpose(order).reshape(shape))
    kernel *= factor
    return kernel


def _haar(rows: int, columns: int, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
    """Draw a matrix with orthonormal columns (or rows), every one equally likely."""
    tall = _sampling.normal((max(rows, columns), min(rows, columns)), rng, dtype)
    q, r = np.linalg.qr(tall)
    diagonal = np.diagonal(r)
    q *= diagonal / np.abs(diagonal)
    return q if rows >= columns else q.T


def _at_centre(window: Shape, matrix: Array) -> Array:
    kernel = np.zeros((*window, *matrix.shape), matrix.dtype)
    kernel[tuple((size - 1) // 2 for size in window)] = matrix
    return kernel


def _common(shape: Any, rng: Rng, dtype: DTypeLike) -> tuple[Shape, np.random.Generator, np.dtype[Any]]:
    return _shape(shape), generator(rng), _dtype(dtype)


def _shape(shape: Any) -> Shape:
    if isinstance(shape, (int, np.integer)) and not isinstance(shape, bool):
        shape = (shape,)
    return integers("shape", shape, minimum=0, length=0)


def _dtype(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"dtype must be one of {', '.join(_DTYPES)}. Received: {dtype!r}.") from None
    if found not in _DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(_DTYPES)}. Received: {found}.")
    return found


def _bounds(bounds: tuple[float, float], dtype: np.dtype[Any]) -> tuple[float, float]:
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise TypeError(f"bounds must be two numbers (low, high) in units of sigma. Received: {bounds!r}.")
    low, high = real("bounds[0]", bounds[0], below=37), real("bounds[1]", bounds[1], above=-37)
    if high - low < 1e-6:
        raise ValueError(f"bounds must satisfy high - low >= 1e-6. Received: {bounds!r}.")
    if dtype.kind == "c" and low != -high:
        raise ValueError(f"Complex truncated draws need bounds (-b, b). Received: {bounds!r}.")
    return low, high


def _complex_std(bound: float) -> float:
    """Return sqrt(E|z|^2) of a circular normal with E|z|^2 = 1 cut at |z| <= bound."""
    square = bound * bound
    return math.sqrt(1 - square / math.expm1(square))


def _uniform_bound(std: float, dtype: DTypeLike) -> float:
    return std * math.sqrt(2 if _dtype(dtype).kind == "c" else 3)


def _affine(draws: Array, scale: float, shift: float) -> Array:
    draws *= scale
    if shift:
        draws += shift
    return draws


def _square(name: str, value: float) -> float:
    return real(name, value) ** 2


def _he_scale(negative_slope: float) -> float:
    return 2 / (1 + real("negative_slope", negative_slope) ** 2)


@dataclass(frozen=True)
class Spec:
    """What an initializer promises with its default arguments, for dense weights (fan_in, fan_out).

    `variance(fan_in, fan_out)` is the mean square of the entries, `bound(fan_in, fan_out)` the largest
    absolute value possible, `kurtosis` is E w^4 / (E w^2)^2, None where it depends on the shape.
    """

    initializer: Initializer
    variance: Callable[[int, int], float]
    bound: Callable[[int, int], float]
    kurtosis: float | None
    formula: str
    source: str


xavier_normal, xavier_uniform = glorot_normal, glorot_uniform
kaiming_normal, kaiming_uniform = he_normal, he_uniform
ALIASES = {
    "xavier_normal": "glorot_normal",
    "xavier_uniform": "glorot_uniform",
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
}
_CUT = truncated_moments(-2.0, 2.0)
_LECUN = "LeCun et al. 1998, Efficient BackProp, eq. 16"
_GLOROT = "Glorot and Bengio 2010, PMLR 9:249-256"
_HE = "He et al. 2015, arXiv:1502.01852, eq. 10"


def _unbounded(fan_in: int, fan_out: int) -> float:
    return math.inf


SPECS: dict[str, Spec] = {
    "zeros": Spec(zeros, lambda i, o: 0.0, lambda i, o: 0.0, None, "0", "trivial"),
    "constant": Spec(constant, lambda i, o: 1.0, lambda i, o: 1.0, 1.0, "1", "trivial"),
    "normal": Spec(normal, lambda i, o: 1.0, _unbounded, 3.0, "1", "definition"),
    "truncated_normal": Spec(
        truncated_normal, lambda i, o: 1.0, lambda i, o: 2 / _CUT[1], _CUT[2], "1", "definition"
    ),
    "uniform": Spec(uniform, lambda i, o: 1 / 3, lambda i, o: 1.0, 1.8, "1/3", "definition"),
    "lecun_normal": Spec(lecun_normal, lambda i, o: 1 / i, _unbounded, 3.0, r"1/n_\mathrm{in}", _LECUN),
    "lecun_uniform": Spec(
        lecun_uniform, lambda i, o: 1 / i, lambda i, o: math.sqrt(3 / i), 1.8, r"1/n_\mathrm{in}", _LECUN
    ),
    "glorot_normal": Spec(
        glorot_normal,
        lambda i, o: 2 / (i + o),
        _unbounded,
        3.0,
        r"2/(n_\mathrm{in}+n_\mathrm{out})",
        f"{_GLOROT}, eq. 12",
    ),
    "glorot_uniform": Spec(
        glorot_uniform,
        lambda i, o: 2 / (i + o),
        lambda i, o: math.sqrt(6 / (i + o)),
        1.8,
        r"2/(n_\mathrm{in}+n_\mathrm{out})",
        f"{_GLOROT}, eq. 16",
    ),
    "he_normal": Spec(he_normal, lambda i, o: 2 / i, _unbounded, 3.0, r"2/n_\mathrm{in}", _HE),
    "he_uniform": Spec(
        he_uniform, lambda i, o: 2 / i, lambda i, o: math.sqrt(6 / i), 1.8, r"2/n_\mathrm{in}", _HE
    ),
    "orthogonal": Spec(
        orthogonal,
        lambda i, o: 1 / max(i, o),
        lambda i, o: 1.0,
        None,
        r"1/\max(n_\mathrm{in},n_\mathrm{out})",
        "Saxe et al. 2014, arXiv:1312.6120; Mezzadri 2007, arXiv:math-ph/0609050, section 5",
    ),
    "delta_orthogonal": Spec(
        delta_orthogonal,
        lambda i, o: 1 / o,
        lambda i, o: 1.0,
        None,
        r"1/n_\mathrm{out}",
        "Xiao et al. 2018, arXiv:1806.05393, algorithm 1",
    ),
    "identity": Spec(
        identity,
        lambda i, o: 1 / max(i, o),
        lambda i, o: 1.0,
        None,
        r"1/\max(n_\mathrm{in},n_\mathrm{out})",
        "Le et al. 2015, arXiv:1504.00941",
    ),
    "sparse": Spec(
        sparse,
        lambda i, o: min(15, i) / i,
        _unbounded,
        None,
        r"\min(15,n_\mathrm{in})/n_\mathrm{in}",
        "Martens 2010, ICML, section 5",
    ),
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
