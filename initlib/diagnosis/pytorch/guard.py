"""What the doctor must leave as it was, and models that it must not touch."""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch

from initlib.diagnosis.pytorch.snapshot import Snapshot

WRAPPERS = ("DistributedDataParallel", "FullyShardedDataParallel", "FSDPModule")
HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")


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
def untouched(model: Any, batch: Sequence[Any] = ()) -> Iterator["Values"]:
    """Put everything back: values, versions and hooks of tensors, attributes, modes, random generators.

    Yields what keeps copies of parameters for as long as something may write to them.
    """
    tensors = [*model.parameters(), *model.buffers()]
    values, modules = Values(model), Snapshot(model.modules(), known=tensors)
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    devices = sorted({t.device.index for t in tensors if t.device.type == "cuda"})
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=devices))
        for tensor in (*tensors, *batch):
            stack.enter_context(torch.autograd._unsafe_preserve_version_counter(tensor))
        try:
            yield values
        finally:
            modules.restore()
            values.restore()
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


class Values:
    """Copies of buffers, and of those parameters that somebody is about to write to."""

    def __init__(self, model: Any) -> None:
        self.buffers = [(b, b.detach().clone(), b._version) for b in model.buffers()]
        self.parameters = [(p, p.grad, p.requires_grad) for p in model.parameters()]
        self.hooks = [(p, name, _hooks(p, name)) for p in model.parameters() for name in HOOKS]
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
        for parameter, name, old in self.hooks:
            if _hooks(parameter, name) != old:
                getattr(parameter, name).clear()
                getattr(parameter, name).update(old)


def _hooks(tensor: Any, name: str) -> dict[int, Any]:
    """Return a copy of the hooks of a tensor."""
    return dict(getattr(tensor, name, None) or {})


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
