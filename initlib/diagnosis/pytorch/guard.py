"""What the doctor must leave as it was, and models that it must not touch."""

import copy
import random
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch

WRAPPERS = ("DistributedDataParallel", "FullyShardedDataParallel", "FSDPModule")
OWN = ("_parameters", "_buffers", "_modules")


def check(model: Any) -> None:
    """Refuse models that cannot be examined or restored, each in one sentence."""
    if not isinstance(model, torch.nn.Module):
        raise TypeError(
            "model must be a torch.nn.Module or an initlib.networks.Network. "
            f"Received: {type(model).__name__}."
        )
    if isinstance(model, torch.jit.ScriptModule):
        raise TypeError("A scripted model shows nothing of its inside; pass the module it was made from.")
    names = [base.__name__ for module in model.modules() for base in type(module).__mro__]
    for name in WRAPPERS:
        if name in names:
            raise TypeError(f"A model wrapped in {name} cannot be examined; pass its .module.")
    if any("quantized" in str(type(module).__module__) for module in model.modules()):
        raise TypeError("A quantized model has no gradients to examine; pass the model before quantization.")
    tensors = [*model.parameters(), *model.buffers()]
    if any(isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin) for tensor in tensors):
        raise TypeError("A lazy layer has no weights yet; run the model once on a batch, then pass it.")
    if any(tensor.is_inference() for tensor in tensors):
        raise TypeError("The model was made in inference mode; make it outside, then pass it.")
    if any(tensor.device.type == "meta" for tensor in tensors):
        raise TypeError("The model has parameters on the meta device; give them memory first.")


@contextmanager
def untouched(model: Any) -> Iterator["Values"]:
    """Put everything back: buffers, parameters, attributes, modes, gradients, random generators.

    Yields what keeps copies of parameters for as long as something may write to them.
    """
    saved = [_Module(module) for module in model.modules()]
    values = Values(model)
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    devices = sorted({p.device.index for p in model.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        try:
            yield values
        finally:
            for one in saved:
                one.restore()
            values.restore()
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


class Values:
    """Copies of buffers, and of those parameters that somebody is about to write to."""

    def __init__(self, model: Any) -> None:
        self.buffers = [(b, b.detach().clone(), b._version) for b in model.buffers()]
        self.parameters = [(p, p.grad, p.requires_grad) for p in model.parameters()]
        self.kept: dict[int, tuple[Any, Any]] = {}

    def keep(self, tensor: Any) -> None:
        """Copy a parameter before it is written to."""
        if id(tensor) not in self.kept:
            self.kept[id(tensor)] = (tensor, tensor.detach().clone())

    def put_back(self) -> None:
        """Restore the parameters that were kept, and the buffers."""
        for tensor, old in self.kept.values():
            tensor.data.copy_(old)
        self.put_buffers_back()

    def put_buffers_back(self) -> None:
        """Restore the buffers alone."""
        for tensor, old, version in self.buffers:
            if tensor._version != version or not torch.equal(tensor, old):
                tensor.data.copy_(old)

    def restore(self) -> None:
        """Restore values, gradients and what is trained."""
        self.put_back()
        for parameter, gradient, wanted in self.parameters:
            if parameter.requires_grad != wanted:
                parameter.requires_grad_(wanted)
            if parameter.grad is not gradient:
                parameter.grad = gradient


class _Module:
    """The attributes of one module: which objects they are, and what lists, dicts, sets among them hold."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.attributes = dict(module.__dict__)
        self.contents = {
            key: copy.copy(value)
            for key, value in self.attributes.items()
            if isinstance(value, (list, dict, set, deque))
        }

    def restore(self) -> None:
        state = self.module.__dict__
        for key in [key for key in state if key not in self.attributes]:
            del state[key]
        state.update(self.attributes)
        for key, old in self.contents.items():
            if not _same(state[key], old):
                state[key].clear()
                getattr(state[key], "extend" if isinstance(old, (list, deque)) else "update")(old)


def _same(now: Any, old: Any) -> bool:
    """Say whether a container holds the very objects that it held."""
    if len(now) != len(old) or isinstance(old, set):
        return len(now) == len(old) and bool(now == old)
    if isinstance(old, dict):
        return all(a is b and now[a] is old[b] for a, b in zip(now, old, strict=True))
    return all(a is b for a, b in zip(now, old, strict=True))


@contextmanager
def plain_execution(model: Any) -> Iterator[None]:
    """Run compiled models uncompiled and checkpointed parts as they are, with gradients."""
    compiled = any(
        type(module).__name__ == "OptimizedModule" or getattr(module, "_compiled_call_impl", None) is not None
        for module in model.modules()
    )
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if compiled and hasattr(torch.compiler, "set_stance"):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(_without_checkpoints())
        yield


@contextmanager
def _without_checkpoints() -> Iterator[None]:
    import torch.utils.checkpoint as checkpoint

    old = getattr(checkpoint, "CheckpointFunction", None)
    if old is None:
        yield
        return

    class PassThrough:
        @staticmethod
        def apply(function: Any, preserve: bool, *args: Any) -> Any:
            return function(*args)

    checkpoint.CheckpointFunction = PassThrough  # type: ignore[attr-defined,unused-ignore]
    try:
        yield
    finally:
        checkpoint.CheckpointFunction = old  # type: ignore[attr-defined,unused-ignore]
