"""A function mode that lets every tensor remember what made it, and so sees each product with a weight."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

from initlib.diagnosis.pytorch import kinds, losses, measure
from initlib.diagnosis.pytorch import vocabulary as v
from initlib.diagnosis.pytorch.tags import CONSTANT, NormHook, Tag, look_inside, tensors_in
from initlib.diagnosis.record import Loss, Operation, Weight

MARK = "_initlib_doctor"
MEASURED = (
    "weight",
    "lookup",
    "recurrent",
    "activation",
    "norm",
    "sum",
    "scale",
    "attention",
    "pool",
    "join",
)
GRADED = ("weight", "lookup", "recurrent", "sum", "scale")
NEW = ("zeros_like", "ones_like", "full_like", "empty_like")  # take a shape alone


class Recorder(TorchFunctionMode):  # type: ignore[misc,unused-ignore]
    """Notes every operation on the data while it is the current function mode."""

    def __init__(self, names: Mapping[int, str], samples: int, keep: Any) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.weights: dict[str, Weight] = {}
        self.tensors: dict[str, Any] = {}
        self.loss = Loss()
        self.samples = samples
        self.in_loss = False
        self.place: list[str] = []
        self.used: set[str] = set()
        self.partial: set[str] = set()
        self._names = dict(names)
        self._known: dict[int, Tag] = {i: Tag(names=(name,)) for i, name in names.items()}
        self._alive: list[Any] = []
        self._owned: dict[int, Any] = {}
        self._keep = keep

    # What a tensor is

    def know(self, tensor: Any, tag: Tag) -> None:
        """Give a tag to a tensor of the caller's, which gets no attribute."""
        self._known[id(tensor)] = tag
        self._alive.append(tensor)

    def own(self, tensor: Any) -> None:
        """Copy this parameter, or part of the batch, before anything writes to its memory."""
        if tensor.layout == torch.strided and not tensor.is_nested:
            self._owned[tensor.untyped_storage().data_ptr()] = tensor

    def tag(self, tensor: Any) -> Tag:
        """Return what is known of a tensor; something new that has a history counts as data."""
        known = self._known.get(id(tensor)) or getattr(tensor, MARK, None)
        if isinstance(known, Tag):
            return known
        if tensor.is_leaf and tensor.requires_grad:
            number = len(self.tensors) + 1
            name = f"unregistered tensor {number}, shape {tuple(tensor.shape)}"
            found = Tag(names=(f"{name}, in {self.here}" if self.here else name,))
            self.know(tensor, found)
            self.tensors[found.names[0]] = tensor
            return found
        if tensor.grad_fn is not None and self.operations:
            self.partial.add(type(tensor.grad_fn).__name__.removesuffix("Backward"))
            node = self.add("other", "custom function", (len(self.operations) - 1,))
            return self._mark(tensor, Tag(node.index))
        return CONSTANT

    @property
    def here(self) -> str:
        """The path of the module that is running."""
        return self.place[-1] if self.place else ""

    def _mark(self, out: Any, tag: Tag) -> Tag:
        for tensor in tensors_in(out):
            if id(tensor) in self._known:
                if self._known[id(tensor)].node is not None:
                    self._known[id(tensor)] = tag
            else:
                setattr(tensor, MARK, tag)
        return tag

    def add(self, kind: str, name: str, parents: Sequence[int], **more: Any) -> Operation:
        """Append an operation."""
        where = "the loss" if self.in_loss else self.here
        operation = Operation(len(self.operations), kind, name, where, tuple(dict.fromkeys(parents)), **more)
        self.operations.append(operation)
        return operation

    def weigh(
        self,
        name: str,
        tensor: Any,
        kind: str,
        groups: int = 1,
        sizes: tuple[float, float] | None = None,
    ) -> Weight:
        """Return what is known of a weight; it is measured where it is met first."""
        if name not in self.weights:
            made = measure.weight(name, tensor, kind, groups, sizes)
            made.derived = id(tensor) not in self._known and getattr(tensor, "grad_fn", None) is not None
            made.same_rows = measure.alike(tensor, kind, groups)
            self.weights[name] = made
        return self.weights[name]

    # The mode itself

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = v.plain_name(function)
        if name == "multi_head_attention_forward" and hasattr(F, "has_torch_function"):
            with look_inside(), self:
                return function(*args, **kwargs)
        given = list(tensors_in((args, kwargs)))
        for tensor in _written(function, args, kwargs):
            self._keep_if_owned(tensor)
        tags = [self.tag(tensor) for tensor in given]
        if self.in_loss:
            losses.before(self.loss, name, args, kwargs, self.tag)
        result = function(*args, **kwargs)
        out = args[0] if name == "setitem" else result
        first = next(tensors_in(out), None)
        if first is not None:
            self._note(kinds.Call(name, args, kwargs, given, tags, first), out)
        return result

    def _keep_if_owned(self, tensor: Any) -> None:
        """Copy what somebody is about to write to, if it is a parameter's memory or the batch's."""
        if self._owned and tensor.layout == torch.strided:
            owner = self._owned.get(tensor.untyped_storage().data_ptr())
            if owner is not None:
                self._keep(owner)

    def _note(self, call: kinds.Call, out: Any) -> None:
        """Make the operation that a call on data is, or pass the tag of its input on."""
        for tag in call.tags:
            self.used.update(tag.names)
        target = any(tag.target for tag in call.tags)
        if not call.nodes:
            names = tuple(dict.fromkeys(n for tag in call.tags for n in tag.names))
            if (names or target) and call.name not in NEW:
                self._mark(out, Tag(names=names, target=target))
            return
        if self.in_loss:
            losses.after(self.loss, call.name, call.given, call.tags, call.out)
        made = kinds.make(self, call)
        if made is not None:
            self._finish(made, call.out)
        self._mark(out, Tag(call.nodes[0] if made is None else made.index, target=target))

    # Numbers

    def _finish(self, operation: Operation, out: Any) -> None:
        operation.shape = tuple(out.shape)
        operation.half = out.dtype == torch.float16
        if not self.in_loss and operation.kind in MEASURED:
            self.look(operation, out)
            if operation.kind in GRADED and out.requires_grad and measure.measurable(out):
                out.register_hook(NormHook(operation))

    def look(self, operation: Operation, out: Any) -> None:
        """Write down what the output of an operation looks like."""
        if not measure.measurable(out):
            return
        for what, value in measure.signal(out, self.samples).items():
            setattr(operation, what, value)
        if operation.activation in ("relu", "relu6"):
            by_channel = out.dim() > 3 or (out.dim() == 3 and self._follows_convolution(operation))
            operation.off = measure.silent_share(out, 1 if by_channel else -1)
        elif operation.activation:
            operation.flat = measure.flat_share(out, operation.activation)

    def _follows_convolution(self, operation: Operation) -> bool:
        node = operation
        while node.parents:
            node = self.operations[node.parents[0]]
            if node.kind in ("weight", "recurrent"):
                return node.name.startswith("conv")
        return False


def _written(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the tensors that a call writes to: `out`, and the first one of add_, +=, x[...] = y."""
    name = getattr(function, "__name__", "")
    special = name.startswith("__") and name.endswith("__")
    in_place = name.startswith("__i") or name == "__setitem__" if special else name.endswith("_")
    for tensor in (kwargs.get("out"), args[0] if in_place and args else None):
        if isinstance(tensor, torch.Tensor):
            yield tensor
    if kwargs.get("inplace") is True:
        yield from tensors_in(args[:1])
