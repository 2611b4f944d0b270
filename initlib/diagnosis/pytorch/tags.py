"""What tensors remember, and small readers of what functions are given."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812

from initlib.diagnosis.pytorch import measure
from initlib.diagnosis.record import Operation


class Tag(NamedTuple):
    """What is known of a tensor: the operation it comes from (None: parameters alone) and of what."""

    node: int | None = None
    names: tuple[str, ...] = ()
    target: bool = False


def tensors_in(value: Any) -> Iterator[Any]:
    """Yield the tensors in nested tuples, lists, dicts and dataclasses."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        for field in value.__dataclass_fields__:
            yield from tensors_in(getattr(value, field, None))


CONSTANT = Tag()


class NormHook:
    """A hook that writes the norm of a gradient down and changes nothing."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation

    def __call__(self, gradient: Any) -> None:
        if measure.measurable(gradient):
            kind = torch.float64 if gradient.dtype == torch.float64 else torch.float32
            self.operation.gradient = float(torch.linalg.vector_norm(gradient.detach(), dtype=kind))


def factor_of(args: Sequence[Any], name: str) -> float | None:
    """Return the factor of a product with a plain number."""
    numbers = [x for x in args if isinstance(x, (int, float)) and not isinstance(x, bool)]
    if len(numbers) != 1 or not numbers[0]:
        return None
    factor = float(numbers[0])
    if "rdiv" in name or "rtruediv" in name:
        return None
    return 1 / factor if "div" in name else factor


def einsum_sizes(equation: str, weight: Any, right: bool) -> tuple[str, tuple[float, float] | None]:
    """Return layout and fans of the weight in an einsum of two operands."""
    left, _, result = equation.replace(" ", "").partition("->")
    letters = left.split(",")
    if len(letters) != 2 or "." in equation or not result:
        return ("io" if right else "linear"), None
    mine, other = (letters[1], letters[0]) if right else (letters[0], letters[1])
    size = dict(zip(mine, weight.shape, strict=True))
    fan_in = fan_out = 1
    for letter in mine:
        if letter in other and letter not in result:
            fan_in *= size[letter]
        elif letter in result and letter not in other:
            fan_out *= size[letter]
    return ("io" if mine and mine[-1] in result else "linear"), (fan_in, fan_out)


@contextmanager
def look_inside() -> Iterator[None]:
    """Let the body of multi-head attention run under the mode instead of counting as one function."""
    old = F.has_torch_function
    F.has_torch_function = lambda *_: False  # type: ignore[assignment,unused-ignore]
    try:
        yield
    finally:
        F.has_torch_function = old
