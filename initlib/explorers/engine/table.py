"""Tables of numbers on named axes, stored compactly enough to travel inside a page."""

import math
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from initlib import checks
from initlib.explorers.engine.words import number

LOG_STEP = 0.01  # decades between two stored values of a logarithmic quantity
MOST = 30_000  # steps that a stored number can count
LINEAR_STEPS = 2000  # stored values between the extremes of a linear quantity
_MISSING, _ZERO = -32768, -32767  # codes of NaN (a diverged net) and of an exact 0 on a logarithmic scale


@dataclass(frozen=True)
class Axis:
    """One named axis: strictly increasing numbers or distinct names, a label, and marked values.

    >>> Axis("sigma_w", [0.5, 1, 2], label="weight scale", marks={"LeCun": 1}).nearest(1.2)
    1
    """

    name: str
    values: tuple[Any, ...]
    label: str = ""
    marks: Mapping[str, float] = field(default_factory=dict)

    def __init__(
        self,
        name: str,
        values: Iterable[Any],
        label: str = "",
        marks: Mapping[str, float] | None = None,
    ) -> None:
        checks.text("name", name)
        entries = tuple(
            value.item() if isinstance(value, np.generic) else value
            for value in (list(values) if isinstance(values, Mapping) else _list("values", values))
        )
        _check_axis(name, entries)
        marks = checks.mapping("marks", {} if marks is None else marks)
        for mark, at in marks.items():
            checks.real(f"marks[{checks.shown(checks.text('a mark', mark))}]", at)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "values", entries)
        object.__setattr__(self, "label", checks.text("label", label) or name)
        object.__setattr__(self, "marks", {mark: float(at) for mark, at in marks.items()})

    @property
    def named(self) -> bool:
        """Whether the values are names rather than numbers."""
        return isinstance(self.values[0], str)

    @property
    def geometric(self) -> bool:
        """Whether there are three or more values, positive and in a constant ratio.

        >>> [Axis("rate", values).geometric for values in ([0.1, 1, 10], [1, 2, 3], ["a", "b", "c"])]
        [True, False, False]
        """
        if self.named or len(self.values) < 3 or self.values[0] <= 0:
            return False
        return bool(np.allclose(np.diff(np.log(self.values), 2), 0, atol=1e-9))

    def describe(self, index: int) -> str:
        """Return a value with the names of the marks there.

        >>> Axis("sigma_w", [1, 2**0.5], marks={"He": 2**0.5}).describe(1)
        '1.41 (He)'
        """
        value = self.values[checks.integer("index", index, minimum=0, maximum=len(self.values) - 1)]
        marks = [name for name, at in self.marks.items() if self.stands_at(at) and self.nearest(at) == index]
        return number(value) + (f" ({', '.join(marks)})" if marks else "")

    def stands_at(self, mark: float) -> bool:
        """Return whether a mark is one of the numbers on the axis."""
        mark = checks.real("mark", mark)
        return not self.named and bool(np.isclose(self.values, mark, rtol=1e-6, atol=0).any())

    def nearest(self, value: Any) -> int:
        """Return the index of `value`, or of the number nearest to it."""
        if self.named:
            return self.values.index(checks.choice(self.name, value, self.values))
        return int(np.argmin(np.abs(np.array(self.values) - checks.real(self.name, value))))


def _check_axis(name: str, values: tuple[Any, ...]) -> None:
    if not values:
        raise ValueError(f"Axis {checks.shown(name)} is empty; it needs at least one value.")
    if all(isinstance(value, str) for value in values):
        if len(set(values)) != len(values):
            raise ValueError(
                f"The names on axis {checks.shown(name)} must be distinct. Received: {checks.shown(values)}."
            )
        return
    numbers = [
        checks.real(f"{name[:80]}[{i}]", value, minimum=-1e150, maximum=1e150)
        for i, value in enumerate(values)
    ]
    if any(b <= a for a, b in pairwise(numbers)):
        raise ValueError(
            f"The values on axis {checks.shown(name)} must strictly increase. "
            f"Received: {checks.shown(values)}."
        )


def _list(name: str, values: object) -> list[Any]:
    """Return the entries of a collection, in whatever order it has them."""
    return list(values) if isinstance(values, (set, frozenset)) else checks.sequence(name, values)


class Table:
    """Named arrays on named axes, quantised for storage: what an `Explorer` draws from.

    `values` maps a name to `(axis names, array)`. Names in `log` are stored as log10 with a step of 0.01
    decade (relative error at most 1.2 %), the others with 1/2000 of their range (error at most 1/4000 of it).
    NaN stands for a net that diverged; 0 is kept exactly.

    >>> layers = Axis("layer", [1, 2, 3])
    >>> table = Table([layers], {"rms": (["layer"], [1.0, 1e-3, float("nan")])}, log=["rms"])
    >>> table.stored("rms")
    array([1.   , 0.001,   nan])
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        values: Mapping[str, tuple[Sequence[str], ArrayLike]],
        log: Collection[str] = (),
    ) -> None:
        axes = [
            checks.instance(f"axes[{i}]", axis, Axis, "an Axis") for i, axis in enumerate(_list("axes", axes))
        ]
        self.axes = {axis.name: axis for axis in axes}
        if len(self.axes) != len(axes):
            raise ValueError(f"Axis names must be distinct. Received: {[axis.name for axis in axes]!r}.")
        pairs = {
            checks.text("A name in values", name): pair
            for name, pair in checks.mapping("values", values).items()
        }
        if not pairs:
            raise ValueError("A table needs at least one array. Received none.")
        for name, pair in pairs.items():
            if not isinstance(pair, Sequence) or len(pair) != 2:
                raise TypeError(
                    f"values[{checks.shown(name)}] must be (axis names, array). "
                    f"Received: {checks.shown(pair)}."
                )
        self.log = frozenset(checks.choice("logarithmic quantity", name, pairs) for name in _list("log", log))
        self.dims = {
            name: tuple(
                checks.choice(f"axis of {checks.shown(name)}", dim, self.axes)
                for dim in checks.sequence(f"The axes of {checks.shown(name)}", dims)
            )
            for name, (dims, _) in pairs.items()
        }
        self._codes: dict[str, NDArray[np.int16]] = {}
        self._scales: dict[str, tuple[float, float]] = {}
        for name, (_, array) in pairs.items():
            self._store(name, checks.reals(f"The array {checks.shown(name)}", array).astype(float))

    def _store(self, name: str, array: NDArray[np.float64]) -> None:
        shape = tuple(len(self.axes[dim].values) for dim in self.dims[name])
        if array.shape != shape:
            raise ValueError(
                f"{name!r} must have shape {shape}, one entry per value of {self.dims[name]}. "
                f"Received shape: {array.shape}."
            )
        finite = array[np.isfinite(array)]
        if np.isinf(array).any() or not finite.size:
            raise ValueError(
                f"{name!r} must hold finite numbers, or NaN where a net diverged, and not only NaN. "
                f"Received {array.size - finite.size} NaN or infinite entries of {array.size}."
            )
        if name in self.log and finite.min() < 0:
            raise ValueError(f"{name!r} is logarithmic and must be >= 0. Received: {finite.min()}.")
        if name not in self.log and np.abs(finite).max() > 1e150:
            raise ValueError(
                f"{name!r} is linear and must lie within +-1e150. Received: {np.abs(finite).max():g}."
            )
        self._scales[name] = self._scale(name, finite)
        self._codes[name] = self._encode(name, array)

    def _scale(self, name: str, finite: NDArray[np.float64]) -> tuple[float, float]:
        if name in self.log:
            return 0.0, LOG_STEP
        low, high = float(finite.min()), float(finite.max())
        if LINEAR_STEPS / 10 < high - low < MOST and (finite == np.rint(finite)).all():
            return low, 1.0  # many whole numbers, such as those of texts, are kept exactly
        step = (high - low) / LINEAR_STEPS or 1.0
        near_zero = low < high and low < step and high > -step
        return step * math.floor(low / step) if near_zero else low, step  # 0 is one of the steps

    def _encode(self, name: str, array: NDArray[np.float64]) -> NDArray[np.int16]:
        offset, step = self._scales[name]
        zero = (array == 0) if name in self.log else np.zeros(array.shape, bool)
        missing = np.isnan(array)
        kept = np.where(zero | missing, 1.0, array)
        level = np.log10(kept) if name in self.log else kept
        codes = np.rint((level - offset) / step).astype(np.int16)
        codes[zero], codes[missing] = _ZERO, _MISSING
        return codes

    def stored(self, name: str) -> NDArray[np.float64]:
        """Return the array as an explorer reads it back, rounding included."""
        codes = self._codes[checks.choice("quantity", name, self._codes)]
        offset, step = self._scales[name]
        level = offset + step * codes.astype(float)
        known = np.where(codes <= _ZERO, 0.0, level)
        result = 10.0**known if name in self.log else known
        return np.where(codes == _MISSING, np.nan, np.where(codes == _ZERO, 0.0, result))

    @property
    def accuracy(self) -> str:
        """What the storage rounds away, in words."""
        parts = [f"{10 ** (LOG_STEP / 2) - 1:.1%} on logarithmic scales"] if self.log else []
        parts += (
            [f"1/{2 * LINEAR_STEPS} of their range on linear scales"]
            if len(self.log) < len(self._codes)
            else []
        )
        return "rounded to within " + " and ".join(parts)

    def spec(self) -> dict[str, Any]:
        """Return what the front end needs to read the bytes, as plain JSON."""
        return {
            "axes": {
                name: {"label": axis.label, "values": list(axis.values), "log": axis.geometric}
                for name, axis in self.axes.items()
            },
            "arrays": [
                {"name": name, "dims": list(dims), "log": name in self.log, "scale": list(self._scales[name])}
                for name, dims in self.dims.items()
            ],
            "accuracy": self.accuracy,
        }

    def to_bytes(self) -> bytes:
        """Return all arrays in order, as differences along memory, high bytes before low bytes, deflated."""
        codes = np.concatenate([array.ravel() for array in self._codes.values()])
        steps = np.diff(codes, prepend=np.int16(0))
        zigzag = ((steps << 1) ^ (steps >> 15)).view(np.uint16)
        planes = np.concatenate([zigzag >> 8, zigzag & 0xFF]).astype(np.uint8)
        return zlib.compress(planes.tobytes(), 9)
