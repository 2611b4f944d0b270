"""What modules hold beside parameters and buffers: attributes, containers, plain tensors, generators."""

import random
from collections import deque
from collections.abc import Callable, Iterable
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch

CONTAINERS = (list, dict, set, deque)
PLAIN = (int, float, str, bytes, type(None))
# What is not looked into: other modules are objects of their own, and an optimizer is not run.
CLOSED = (torch.nn.Module, torch.Tensor, torch.optim.Optimizer, type, FunctionType, MethodType, ModuleType)


class Snapshot:
    """What objects hold, in whatever they hold: containers, plain objects, tensors, arrays, generators.

    >>> from types import SimpleNamespace
    >>> cache = SimpleNamespace(steps=[1], seen={"a": [2]}, total=np.zeros(2))
    >>> old = Snapshot([cache])
    >>> cache.steps.append(3); cache.seen["a"].clear(); cache.total += 1; cache.new = 4
    >>> old.restore()
    >>> cache
    namespace(steps=[1], seen={'a': [2]}, total=array([0., 0.]))
    """

    def __init__(self, objects: Iterable[Any], known: Iterable[Any] = ()) -> None:
        """Look into objects, but not into what is `known`, which others put back."""
        self._alive = list(known)  # what is gone could hand its id to something new
        self._undo: list[Callable[[], None]] = []
        seen = {id(value) for value in self._alive}
        queue: deque[Any] = deque(vars(one) for one in objects)
        while queue:
            value = queue.popleft()
            if id(value) in seen or isinstance(value, PLAIN):
                continue
            seen.add(id(value))
            self._alive.append(value)
            undo = _undo(value)
            if undo is not None:
                self._undo.append(undo)
            queue.extend(_inside(value))

    def restore(self) -> None:
        """Put back what was changed."""
        for undo in self._undo:
            undo()


def _inside(value: Any) -> Iterable[Any]:
    """Return what an object holds that may change."""
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, (list, tuple, deque)):
        return list(value)
    if isinstance(value, CLOSED) or not hasattr(value, "__dict__"):
        return ()
    return (vars(value),)


def _undo(value: Any) -> Callable[[], None] | None:
    """Return what puts one object back as it is now, None if nothing can change in it."""
    if isinstance(value, CONTAINERS):
        return _refill(value)
    if isinstance(value, torch.Tensor) and not isinstance(value, torch.nn.Parameter):
        return _rewrite(value)
    if isinstance(value, np.ndarray):
        array = value.copy()
        return lambda: None if np.array_equal(value, array) else value.__setitem__(..., array)
    if isinstance(value, torch.Generator):
        words = value.get_state()
        return lambda: value.set_state(words)
    if isinstance(value, np.random.Generator):
        bits = value.bit_generator.state
        return lambda: setattr(value.bit_generator, "state", bits)
    if isinstance(value, random.Random):
        numbers = value.getstate()
        return lambda: value.setstate(numbers)
    return None


def _rewrite(tensor: torch.Tensor) -> Callable[[], None] | None:
    ordinary = tensor.layout == torch.strided and not tensor.is_nested and tensor.device.type != "meta"
    if not ordinary or tensor.is_inference() or 0 in tensor.stride():
        return None
    old, keep = tensor.detach().clone(), torch.autograd._unsafe_preserve_version_counter(tensor)
    keep.__enter__()

    def undo() -> None:
        if not torch.equal(tensor, old):
            tensor.data.copy_(old)
        keep.__exit__()

    return undo


def _refill(container: Any) -> Callable[[], None]:
    old = container.copy()

    def undo() -> None:
        if not _same(container, old):
            container.clear()
            getattr(container, "extend" if isinstance(old, (list, deque)) else "update")(old)

    return undo


def _same(now: Any, old: Any) -> bool:
    """Say whether a container holds the very objects that it held, in their order."""
    if isinstance(old, set) or len(now) != len(old):
        return len(now) == len(old) and bool(now == old)
    if isinstance(old, dict):
        return all(a is b and now[a] is old[b] for a, b in zip(now, old, strict=True))
    return all(a is b for a, b in zip(now, old, strict=True))
