"""A function mode that lets every tensor remember what made it, and so sees each product with a weight."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

from initlib.diagnosis.pytorch import losses, measure
from initlib.diagnosis.pytorch import vocabulary as v
from initlib.diagnosis.pytorch.tags import (
    CONSTANT,
    NormHook,
    Tag,
    einsum_sizes,
    factor_of,
    look_inside,
    tensors_in,
)
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
        """Copy this parameter before anything writes to its memory."""
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
            node = self._add("other", "custom function", (len(self.operations) - 1,))
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

    def _add(self, kind: str, name: str, parents: Sequence[int], **more: Any) -> Operation:
        where = "the loss" if self.in_loss else self.here
        operation = Operation(len(self.operations), kind, name, where, tuple(dict.fromkeys(parents)), **more)
        self.operations.append(operation)
        return operation

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
        self._before_writing(function, args, kwargs)
        tags = [self.tag(tensor) for tensor in given]
        if self.in_loss:
            losses.before(self.loss, name, args, kwargs, self.tag)
        out = function(*args, **kwargs)
        if name == "setitem":
            out_of = args[0]
        elif not any(True for _ in tensors_in(out)):
            return out
        else:
            out_of = out
        for tag in tags:
            self.used.update(tag.names)
        if not any(tag.node is not None for tag in tags):
            names = tuple(dict.fromkeys(n for tag in tags for n in tag.names))
            target = any(tag.target for tag in tags)
            if (names or target) and name not in ("zeros_like", "ones_like", "full_like", "empty_like"):
                self._mark(out_of, Tag(names=names, target=target))
            return out
        self._note(name, args, kwargs, given, tags, out_of)
        return out

    def _before_writing(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        written = getattr(function, "__name__", "")
        targets = [kwargs.get("out")]
        if (written.endswith("_") and not written.startswith("__")) or written in ("__setitem__", "__iadd__"):
            targets.append(args[0] if args else None)
        if written.startswith("__i") and written.endswith("__"):
            targets.append(args[0] if args else None)
        for target in targets:
            if isinstance(target, torch.Tensor) and self._owned and target.layout == torch.strided:
                owner = self._owned.get(target.untyped_storage().data_ptr())
                if owner is not None:
                    self._keep(owner)

    def _note(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        given: list[Any],
        tags: list[Tag],
        out: Any,
    ) -> None:
        """Make the operation that a call on data is, or pass the tag of its input on."""
        nodes = [tag.node for tag in tags if tag.node is not None]
        target = any(tag.target for tag in tags)
        first = next(iter(tensors_in(out)))
        if self.in_loss:
            losses.after(self.loss, name, given, tags, first)
        if name in v.VIEWS or (name in v.PRODUCTS | v.SUMS and len(set(nodes)) == 1 and len(given) == 1):
            if name in v.PRODUCTS and isinstance(factor := factor_of(args, name), float):
                operation = self._add("scale", name, nodes, factor=factor)
                self._finish(operation, first, out, target)
                return
            self._mark(out, Tag(nodes[0], target=target))
            return
        if not first.is_floating_point():
            self._mark(out, Tag(nodes[0], target=target))
            return
        made = self._make(name, args, kwargs, given, tags, first)
        if made is None:
            self._mark(out, Tag(nodes[0], target=target))
            return
        self._finish(made, first, out, target)

    def _make(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        given: list[Any],
        tags: list[Tag],
        out: Any,
    ) -> Operation | None:
        nodes = [tag.node for tag in tags if tag.node is not None]
        if name == "linear" or name in v.CONVOLUTIONS:
            return self._layer(name, args, kwargs, out)
        if name in v.MATMULS:
            return self._product(name, args, given, tags, out)
        if name in v.LOOKUPS:
            return self._lookup(name, given, tags)
        if name in v.RECURRENT:
            return self._recurrent(name, given, tags)
        if name in v.SUMS or name in v.PRODUCTS:
            return self._elementwise(name, given, tags, out)
        if name == "clamp":
            low = args[1] if len(args) > 1 else kwargs.get("min")
            rectifies = low == 0 and kwargs.get("max") is None and len(args) < 3
            kind = "activation" if rectifies else "other"
            return self._add(kind, name, nodes, activation="relu" if rectifies else None)
        if name in v.ATTENTION:
            return self._attention(name, args, kwargs, nodes)
        if name in v.SOFTMAXES:
            return self._softmax(name, nodes, out)
        if name in v.ACTIVATIONS:
            tanh = (
                name == "gelu" and kwargs.get("approximate", *args[1:2]) == "tanh" if len(args) < 3 else False
            )
            return self._add(
                "activation", name, nodes, activation="gelu_tanh" if tanh else v.ACTIVATIONS[name]
            )
        for names, kind in ((v.NORMS, "norm"), (v.POOLS, "pool"), (v.JOINS, "join")):
            if name in names:
                return self._add(kind, name, nodes)
        return self._add("other", name, nodes)

    # Kinds of operations that need a closer look

    def _layer(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> Operation:
        family = "linear" if name == "linear" else "conv_transpose" if "transpose" in name else "conv"
        x, weight, bias = (v.argument(args, kwargs, what, family) for what in ("input", "weight", "bias"))
        groups = 1 if family == "linear" else v.argument(args, kwargs, "groups", family) or 1
        return self._weigh(name, family, x, weight, bias, out, groups)

    def _weigh(
        self,
        name: str,
        kind: str,
        x: Any,
        weight: Any,
        bias: Any,
        out: Any,
        groups: int = 1,
        sizes: tuple[float, float] | None = None,
    ) -> Operation:
        data, matrix = self.tag(x), self.tag(weight)
        parents = [tag.node for tag in (data, matrix) if tag.node is not None]
        if len(parents) == 2:
            return self._add("attention", name, parents)
        if not matrix.names:
            return self._add("pool", name, parents)
        operation = self._add("weight", name, parents, weights=matrix.names)
        key = matrix.names[0]
        if key not in self.weights:
            self.weights[key] = measure.weight(key, weight, kind, groups, sizes)
            self.weights[key].derived = (
                id(weight) not in self._known and getattr(weight, "grad_fn", None) is not None
            )
            self.weights[key].same_rows = measure.alike(weight, kind, groups)
        self.weights[key].uses.append(operation.index)
        if bias is not None:
            self._bias(operation, key, bias, out)
        return operation

    def _bias(self, operation: Operation, key: str, bias: Any, out: Any) -> None:
        names = self.tag(bias).names
        flat = bias.detach().float().reshape(-1)
        size = float(flat.square().mean())
        weight = self.weights[key]
        weight.bias, weight.bias_rms = names[0] if names else "bias", size**0.5
        if weight.same_rows and flat.numel() > 1 and not measure.equal_rows(flat.reshape(-1, 1)):
            weight.same_rows = False
        square = float(torch.linalg.vector_norm(out.detach(), dtype=torch.float32)) ** 2 / max(out.numel(), 1)
        operation.bias_share = min(1.0, size / square) if square > 0 else None

    def _product(
        self, name: str, args: Sequence[Any], given: list[Any], tags: list[Tag], out: Any
    ) -> Operation:
        nodes = [tag.node for tag in tags if tag.node is not None]
        added = given[0] if name in ("addmm", "baddbmm", "addmv") else None
        pair = given[1:] if added is not None else given
        if name == "bilinear" or len(pair) != 2:
            return self._add("other", name, nodes)
        if name == "rmatmul":
            pair = pair[::-1]
        a, b = (self.tag(x) for x in pair)
        if a.node is not None and b.node is not None:
            return self._add("attention", name, nodes)
        right = b.node is None
        x, weight = pair if right else pair[::-1]
        sizes = None
        kind = "io" if right else "linear"
        if name == "einsum" and isinstance(args[0], str):
            kind, sizes = einsum_sizes(args[0], weight, right)
        elif weight.dim() < 2:
            return self._add("other", name, nodes)
        return self._weigh(name, kind, x, weight, added, out, sizes=sizes)

    def _lookup(self, name: str, given: list[Any], tags: list[Tag]) -> Operation:
        table = next((i for i, tag in enumerate(tags) if tag.names), None)
        nodes = [tag.node for tag in tags if tag.node is not None]
        if table is None:
            return self._add("other", name, nodes)
        key = tags[table].names[0]
        operation = self._add("lookup", name, nodes, weights=tags[table].names)
        if key not in self.weights:
            self.weights[key] = measure.weight(key, given[table], "lookup")
        self.weights[key].uses.append(operation.index)
        return operation

    def _recurrent(self, name: str, given: list[Any], tags: list[Tag]) -> Operation:
        nodes = [tag.node for tag in tags if tag.node is not None]
        names = tuple(n for tag in tags for n in tag.names)
        operation = self._add("recurrent", name, nodes, weights=names)
        for tensor, tag in zip(given, tags, strict=True):
            if tag.node is None and tag.names and tensor.dim() == 2:
                key = tag.names[0]
                if key not in self.weights:
                    gates = {"lstm": 4, "gru": 3}.get(name.partition("_")[0], 1)
                    self.weights[key] = measure.weight(key, tensor, "recurrent", gates)
                    self.weights[key].same_rows = measure.alike(tensor, "recurrent", gates)
                self.weights[key].uses.append(operation.index)
        return operation

    def _elementwise(self, name: str, given: list[Any], tags: list[Tag], out: Any) -> Operation | None:
        data = [(x, tag.node) for x, tag in zip(given, tags, strict=True) if tag.node is not None]
        nodes = [node for _, node in data if node is not None]
        if len(data) == 2:
            large, small = sorted(data, key=lambda one: -one[0].numel())
            reduced = small[0].numel() < large[0].numel() and self._reduces(small[1])
            if name in v.PRODUCTS:
                if reduced == "size":
                    return self._add("norm", name, [large[1]])
                return self._add("product", name, nodes)
            return None if reduced else self._add("sum", name, nodes)
        other = next((tag for tag in tags if tag.node is None), CONSTANT)
        if name in v.PRODUCTS:
            return self._add("scale", name, nodes, weights=other.names)
        source = self.operations[nodes[0]]
        if other.names and source.kind == "weight" and source.bias_share is None:
            added = next(x for x, tag in zip(given, tags, strict=True) if tag.node is None)
            self._bias(source, source.weights[0], added, out)
            self._look(source, out)
            return None
        return self._add("sum", name, nodes, weights=other.names) if other.names else None

    def _reduces(self, node: int | None) -> str | None:
        """Say what a smaller operand is: a "size" (a root or a norm), a "mean", or None."""
        for _ in range(6):
            if node is None:
                return None
            operation = self.operations[node]
            if operation.name in v.REDUCING:
                return "size"
            if operation.name == "mean":
                return "mean"
            node = operation.parents[0] if operation.parents else None
        return None

    def _attention(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], nodes: Sequence[int]
    ) -> Operation:
        named = dict(
            zip(("query", "key", "value", "attn_mask", "dropout_p", "is_causal"), args, strict=False)
        )
        named.update(kwargs)
        operation = self._add("attention", name, nodes)
        query, key = named["query"], named["key"]
        if not self.in_loss and measure.measurable(query):
            operation.head_dim = query.shape[-1]
            found = measure.attention(
                query, key, named.get("attn_mask"), bool(named.get("is_causal")), named.get("scale")
            )
            for what, value in found.items():
                setattr(operation, what, value)
        return operation

    def _softmax(self, name: str, nodes: Sequence[int], out: Any) -> Operation:
        operation = self._add("softmax", name, nodes)
        if name == "softmax" and measure.measurable(out):
            operation.entropy = measure.share_of_rows(out)
        return operation

    # Numbers

    def _finish(self, operation: Operation, first: Any, out: Any, target: bool) -> None:
        operation.shape = tuple(first.shape)
        operation.half = first.dtype == torch.float16
        if not self.in_loss and operation.kind in MEASURED:
            self._look(operation, first)
            if operation.kind in GRADED and first.requires_grad and measure.measurable(first):
                first.register_hook(NormHook(operation))
        self._mark(out, Tag(operation.index, target=target))

    def _look(self, operation: Operation, out: Any) -> None:
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
