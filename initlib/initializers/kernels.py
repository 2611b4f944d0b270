"""The axes of weight arrays: inputs, outputs, groups, fans."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, SupportsIndex, TypedDict, TypeVar, Unpack

import numpy as np
from numpy.typing import DTypeLike

from initlib.checks import Rng, boolean, choice, integer, integers, keywords, known_arguments, shown
from initlib.initializers.arguments import checked_shape, common, fitting, working
from initlib.typing import Array, Places, Shape, ShapeLike

LAYOUTS = ("io", "oi")
P = ParamSpec("P")
R = TypeVar("R")


class Kernel(TypedDict, total=False):
    """The keyword arguments that initializers of weights have in common; `fans` explains all but two."""

    layout: str
    groups: int
    transposed: bool
    in_axis: Places | None
    out_axis: Places | None
    batch_axis: Places
    rng: Rng
    dtype: DTypeLike


class Axes(NamedTuple):
    """Which axis of an array of weights is what; `sizes` has the merged axis of all groups split in two."""

    sizes: Shape
    batch: Shape  # places in `sizes`, as the three below: every one of these has weights of its own
    window: Shape
    inputs: Shape
    outputs: Shape

    def of(self, places: Shape) -> Shape:
        return tuple(self.sizes[place] for place in places)

    def fans(self) -> tuple[int, int]:
        window, inputs, outputs = (math.prod(self.of(places)) for places in self[2:])
        return window * inputs, window * outputs


@keywords
def fans(
    shape: ShapeLike,
    *,
    layout: str = "io",
    groups: int = 1,
    transposed: bool = False,
    in_axis: Places | None = None,
    out_axis: Places | None = None,
    batch_axis: Places = (),
) -> tuple[int, int]:
    """Count the inputs that feed one output unit, and the outputs that one input feeds.

    fan_in = window * in / groups and fan_out = window * out / groups, window the product of the window axes.

    `layout="io"` reads (*window, in / groups, out), the order of NumPy, Keras and JAX; `layout="oi"` reads
    (out, in / groups, *window), that of PyTorch. `transposed=True` is for transposed convolutions, which
    store the channel axes the other way round: (*window, out, in) in Keras, (in, out / groups, *window) in
    PyTorch.
    A depthwise kernel is the grouped one with groups = in. Strides are not counted.

    Kernels of another form name their axes, as in JAX: `in_axis` and `out_axis` (one place or several, -2 and
    -1 where left out) and `batch_axis`, along which each entry has weights of its own: experts, the matrices
    of a fused kernel, the channels of Keras' depthwise layers. All other axes are the window.

    >>> fans((784, 100))
    (784, 100)
    >>> fans((64, 32, 3, 3), layout="oi")
    (288, 576)
    >>> fans((3, 3, 1, 64), groups=32)
    (9, 18)
    >>> fans((64, 128, 3, 3), layout="oi", transposed=True)
    (576, 1152)
    >>> fans((512, 8, 64), in_axis=0, out_axis=(1, 2))  # 512 inputs, 8 attention heads of 64
    (512, 512)
    >>> fans((512, 3, 512), in_axis=0, batch_axis=1)  # queries, keys and values in one kernel
    (512, 512)
    >>> fans((3, 3, 32, 2), in_axis=(), batch_axis=2)  # Keras' DepthwiseConv2D(3, depth_multiplier=2)
    (9, 18)
    """
    return read_axes(
        shape,
        layout=layout,
        groups=groups,
        transposed=transposed,
        in_axis=in_axis,
        out_axis=out_axis,
        batch_axis=batch_axis,
    ).fans()


def read_axes(
    shape: ShapeLike,
    *,
    layout: str = "io",
    groups: int = 1,
    transposed: bool = False,
    in_axis: Places | None = None,
    out_axis: Places | None = None,
    batch_axis: Places = (),
    **_: Any,
) -> Axes:
    """Return the axes of an array of weights, by its layout or as they were named."""
    sizes = checked_shape(shape)
    choice("layout", layout, LAYOUTS)
    groups = integer("groups", groups, minimum=1)
    transposed = boolean("transposed", transposed)
    if len(sizes) < 2:
        raise ValueError(
            f"Weights need at least two axes, inputs and outputs. Received shape: {shown(sizes)}; "
            "for a bias use zeros, constant, normal or uniform."
        )
    last = len(sizes) - 1
    batch = _places("batch_axis", batch_axis, sizes)
    if in_axis is None and out_axis is None and not batch:
        # `merged` is the channel axis that holds all groups, `single` that of one group.
        window, single, merged = (
            (range(last - 1), last - 1, last) if layout == "io" else (range(2, last + 1), 1, 0)
        )
        if sizes[merged] % groups:
            raise ValueError(
                f"groups must divide the {sizes[merged]} channels of shape {sizes}. Received: {groups}; for "
                "kernels of another form, as those of Keras' depthwise layers, name the axes: see fans."
            )
        sizes = (*sizes[:merged], groups, sizes[merged] // groups, *sizes[merged + 1 :])
        inputs, outputs = (merged, single) if transposed else (single, merged)
        after = [place + (place >= merged) for place in (*window, inputs, outputs)]
        return Axes(sizes, (merged,), tuple(after[:-2]), (after[-2],), (after[-1],))
    if (layout, groups, transposed) != ("io", 1, False):
        raise ValueError(
            "Name the axes, or say layout, groups and transposed, not both. Received: "
            f"layout={layout!r}, groups={groups}, transposed={transposed}, and axes."
        )
    ins = _places("in_axis", -2 if in_axis is None else in_axis, sizes)
    outs = _places("out_axis", -1 if out_axis is None else out_axis, sizes)
    named = [*batch, *ins, *outs]
    if len({*named}) < len(named):
        raise ValueError(
            "in_axis, out_axis and batch_axis must not share an axis (left out, in_axis is -2 and out_axis "
            f"-1). Received for shape {sizes}: in_axis={ins}, out_axis={outs}, batch_axis={batch}."
        )
    rest = tuple(place for place in range(last + 1) if place not in named)
    return Axes(sizes, batch, rest, ins, outs)


def _places(name: str, given: object, shape: Shape) -> Shape:
    """Return the places of axes, counted from 0; `given` is one place or several."""
    single = isinstance(given, SupportsIndex) and not isinstance(given, np.ndarray)
    places = (integer(name, given),) if single else integers(name, given, length=0)
    if any(not -len(shape) <= place < len(shape) for place in places):
        raise ValueError(f"{name} must name axes of shape {shape}. Received: {shown(given)}.")
    return tuple(place % len(shape) for place in places)


def spelled(initializer: Callable[P, R]) -> Callable[P, R]:
    """Let an initializer show the arguments of `Kernel` one by one, and refuse others in its own name.

    >>> @spelled
    ... def ones(shape, **kernel: Unpack[Kernel]): ...
    >>> list(inspect.signature(ones).parameters)[:3]
    ['shape', 'layout', 'groups']
    >>> ones((2, 2), gain=3)
    Traceback (most recent call last):
        ...
    TypeError: ones has no argument 'gain'. It takes shape, layout, groups, transposed, in_axis, out_axis, \
batch_axis, rng, dtype.
    """
    plain = inspect.signature(initializer)
    known = [p for p in plain.parameters.values() if p.kind is not p.VAR_KEYWORD]
    known += [p for p in inspect.signature(_spelling).parameters.values() if p.name not in plain.parameters]
    names = [p.name for p in known]

    @wraps(initializer)
    def call(*arguments: P.args, **named: P.kwargs) -> R:
        known_arguments(initializer.__name__, names, named)
        return initializer(*arguments, **named)

    vars(call)["__signature__"] = plain.replace(parameters=known)
    return call


def _spelling(
    *,
    layout: str = "io",
    groups: int = 1,
    transposed: bool = False,
    in_axis: Places | None = None,
    out_axis: Places | None = None,
    batch_axis: Places = (),
    rng: Rng = None,
    dtype: DTypeLike = float,
) -> None: ...


def by_group(
    shape: ShapeLike,
    matrix: Callable[[int, int, np.random.Generator, np.dtype[Any]], Array],
    *,
    gain: float = 1.0,
    spread: bool = True,
    **kernel: Unpack[Kernel],
) -> Array:
    """Build a kernel from gain * matrix(rows, columns, rng, dtype), called once for each group.

    Columns are output channels. With `spread` the rows are (*window, in); without, they are the input
    channels of the window's centre tap (k - 1) // 2, the one that "same" padding leaves unshifted.
    """
    axes = read_axes(shape, **kernel)
    shape, rng, dtype = common(shape, kernel.get("rng"), kernel.get("dtype", float))
    gain = fitting("gain", gain, dtype)
    if 0 in shape:
        return np.empty(shape, dtype)
    wanted, dtype = dtype, working(dtype)
    batch, window, inputs, outputs = (axes.of(places) for places in axes[1:])
    rows, columns = math.prod(inputs), math.prod(outputs)
    weights = np.zeros((math.prod(batch), *window, rows, columns), dtype)
    for group in weights:
        if spread:
            group.reshape(-1, columns)[:] = matrix(math.prod(window) * rows, columns, rng, dtype)
        else:
            group[tuple((size - 1) // 2 for size in window)] = matrix(rows, columns, rng, dtype)
    if gain != 1:
        weights *= gain
    order = np.argsort([place for places in axes[1:] for place in places])
    split = weights.reshape(*batch, *window, *inputs, *outputs).transpose(order)
    return np.ascontiguousarray(split.reshape(shape)).astype(wanted, copy=False)
