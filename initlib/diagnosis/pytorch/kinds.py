"""Which operation a call on data is: one function for each kind that needs a closer look."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from initlib.diagnosis.pytorch import measure
from initlib.diagnosis.pytorch import vocabulary as v
from initlib.diagnosis.pytorch.tags import CONSTANT, Tag, einsum_sizes, factor_of
from initlib.diagnosis.record import Cell, Operation

if TYPE_CHECKING:
    from initlib.diagnosis.pytorch.mode import Recorder

GATES = {"lstm": ("input", "forget", "candidate", "output"), "gru": ("reset", "update", "candidate")}


@dataclass
class Call:
    """A call of a function: its bare name, the tensors it was given with their tags, its first output."""

    name: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    given: list[Any]
    tags: list[Tag]
    out: Any

    @cached_property
    def nodes(self) -> list[int]:
        """The operations that the inputs come from."""
        return [tag.node for tag in self.tags if tag.node is not None]


def make(recorder: "Recorder", call: Call) -> Operation | None:
    """Append the operation that a call is; None where the output counts as that of the operation before."""
    name = call.name
    alone = len(call.given) == 1
    if name in v.PRODUCTS and alone:
        factor = factor_of(call.args, name)
        return None if factor is None else recorder.add("scale", name, call.nodes, factor=factor)
    if name in v.VIEWS or (name in v.SUMS and alone) or not call.out.is_floating_point():
        return None
    for names, kind in CLOSER:
        if name in names:
            return kind(recorder, call)
    for names, word in PLAIN:
        if name in names:
            return recorder.add(word, name, call.nodes)
    return recorder.add("other", name, call.nodes)


def _layer(recorder: "Recorder", call: Call) -> Operation:
    name = call.name
    family = "linear" if name == "linear" else "conv_transpose" if "transpose" in name else "conv"
    x, weight, bias = (
        v.argument(call.args, call.kwargs, what, family) for what in ("input", "weight", "bias")
    )
    groups = 1 if family == "linear" else v.argument(call.args, call.kwargs, "groups", family) or 1
    return _weigh(recorder, call, family, x, weight, bias, groups)


def _weigh(
    recorder: "Recorder",
    call: Call,
    kind: str,
    x: Any,
    weight: Any,
    bias: Any,
    groups: int = 1,
    sizes: tuple[float, float] | None = None,
) -> Operation:
    """Append a product of data with a weight, or of data with data, or of data with a constant."""
    data, matrix = recorder.tag(x), recorder.tag(weight)
    parents = [tag.node for tag in (data, matrix) if tag.node is not None]
    if len(parents) == 2 or not matrix.names:
        return recorder.add("attention" if len(parents) == 2 else "pool", call.name, parents)
    operation = recorder.add("weight", call.name, parents, weights=matrix.names)
    known = recorder.weigh(matrix.names[0], weight, kind, groups, sizes)
    known.uses.append(operation.index)
    if bias is not None:
        _bias(recorder, operation, bias, call.out)
    return operation


def _bias(recorder: "Recorder", operation: Operation, bias: Any, out: Any) -> None:
    names = recorder.tag(bias).names
    flat = bias.detach().float().reshape(-1)
    size = float(flat.square().mean())
    weight = recorder.weights[operation.weights[0]]
    weight.bias, weight.bias_rms = names[0] if names else "bias", size**0.5
    if weight.same_rows and flat.numel() > 1 and not measure.equal_rows(flat.reshape(-1, 1)):
        weight.own_biases = True
    square = float(torch.linalg.vector_norm(out.detach(), dtype=torch.float32)) ** 2 / max(out.numel(), 1)
    operation.bias_share = min(1.0, size / square) if square > 0 else None


def _product(recorder: "Recorder", call: Call) -> Operation:
    added, pair = None, call.given
    if call.name in ("addmm", "baddbmm", "addmv"):
        added, pair = pair[0], pair[1:]
    if call.name == "bilinear" or len(pair) != 2:
        return recorder.add("other", call.name, call.nodes)
    if call.name == "rmatmul":
        pair = pair[::-1]
    a, b = (recorder.tag(x) for x in pair)
    if a.node is not None and b.node is not None:
        return recorder.add("attention", call.name, call.nodes)
    right = b.node is None
    x, weight = pair if right else pair[::-1]
    kind, sizes = "io" if right else "linear", None
    if call.name == "einsum" and isinstance(call.args[0], str):
        kind, sizes = einsum_sizes(call.args[0], weight, right)
    elif weight.dim() < 2:
        return recorder.add("other", call.name, call.nodes)
    return _weigh(recorder, call, kind, x, weight, added, sizes=sizes)


def _lookup(recorder: "Recorder", call: Call) -> Operation:
    table = next((x for x, tag in zip(call.given, call.tags, strict=True) if tag.names), None)
    if table is None:
        return recorder.add("other", call.name, call.nodes)
    names = recorder.tag(table).names
    operation = recorder.add("lookup", call.name, call.nodes, weights=names)
    recorder.weigh(names[0], table, "lookup").uses.append(operation.index)
    return operation


def _recurrent(recorder: "Recorder", call: Call) -> Operation:
    names = tuple(n for tag in call.tags for n in tag.names)
    operation = recorder.add("recurrent", call.name, call.nodes, weights=names)
    gates = GATES.get(call.name.partition("_")[0], ("candidate",))
    own = [(tag.names[0], t) for t in _own_of(call) if (tag := recorder.tag(t)).names and tag.node is None]
    for name, tensor in own:
        if tensor.dim() == 2:
            recorder.weigh(name, tensor, "recurrent", len(gates)).uses.append(operation.index)
    steps = max(1, call.out.numel() // call.out.shape[-1] // max(recorder.samples, 1))
    operation.cells = tuple(_cells(own, gates, steps))
    return operation


def _own_of(call: Call) -> Sequence[Any]:
    """Return the weights and biases of a recurrent call, without first states, which may be learned too."""
    if call.name.endswith("cell"):
        return [t for t in call.args[2:6] if t is not None]
    lists = [argument for argument in call.args if isinstance(argument, (list, tuple))]
    return lists[-1] if lists else ()


def _cells(own: list[tuple[str, Any]], gates: tuple[str, ...], steps: int) -> Iterator[Cell]:
    """Yield the layers: two matrices of as many rows, and two biases where there are any."""
    matrices = [at for at, (_, t) in enumerate(own) if t.dim() == 2 and t.shape[0] == own[0][1].shape[0]]
    for at, end in zip(matrices[::2], [*matrices[2::2], len(own)], strict=True):
        layer = own[at:end]
        weights, biases = (tuple(name for name, t in layer if t.dim() == dim) for dim in (2, 1))
        total = sum((t.detach().double() for _, t in layer if t.dim() == 1), torch.zeros(len(own[0][1])))
        parts = zip(gates, total.chunk(len(gates)), strict=True)
        yield Cell(weights[:2], biases, {gate: tuple(part.tolist()) for gate, part in parts}, steps)


def _elementwise(recorder: "Recorder", call: Call) -> Operation | None:
    product = call.name in v.PRODUCTS
    data = [(x, tag.node) for x, tag in zip(call.given, call.tags, strict=True) if tag.node is not None]
    if len(data) == 2:
        large, small = sorted(data, key=lambda one: -one[0].numel())
        reduced = small[0].numel() < large[0].numel() and _reduces(recorder, small[1])
        if not product:
            return None if reduced else recorder.add("sum", call.name, call.nodes)
        if reduced == "size":
            return recorder.add("norm", call.name, [large[1]])
        return recorder.add("product", call.name, call.nodes)
    other = next((tag for tag in call.tags if tag.node is None), CONSTANT)
    if product:
        return recorder.add("scale", call.name, call.nodes, weights=other.names)
    source = recorder.operations[call.nodes[0]]
    if other.names and source.kind == "weight" and source.bias_share is None:
        added = next(x for x, tag in zip(call.given, call.tags, strict=True) if tag.node is None)
        _bias(recorder, source, added, call.out)
        recorder.look(source, call.out)
        return None
    return recorder.add("sum", call.name, call.nodes, weights=other.names) if other.names else None


def _reduces(recorder: "Recorder", node: int) -> str | None:
    """Say what a smaller operand is: a "size" (a root or a norm), a "mean", or None."""
    for _ in range(6):
        operation = recorder.operations[node]
        if operation.name in v.REDUCING:
            return "size"
        if operation.name == "mean":
            return "mean"
        if not operation.parents:
            return None
        node = operation.parents[0]
    return None


def _clamp(recorder: "Recorder", call: Call) -> Operation:
    low = call.args[1] if len(call.args) > 1 else call.kwargs.get("min")
    if low == 0 and call.kwargs.get("max") is None and len(call.args) < 3:
        return recorder.add("activation", call.name, call.nodes, activation="relu")
    return recorder.add("other", call.name, call.nodes)


def _activation(recorder: "Recorder", call: Call) -> Operation:
    name = v.ACTIVATIONS[call.name]
    if name == "gelu" and "tanh" in (call.kwargs.get("approximate"), *call.args[1:2]):
        name = "gelu_tanh"
    return recorder.add("activation", call.name, call.nodes, activation=name)


def _attention(recorder: "Recorder", call: Call) -> Operation:
    names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
    named = {**dict(zip(names, call.args, strict=False)), **call.kwargs}
    operation = recorder.add("attention", call.name, call.nodes)
    query, key = named["query"], named["key"]
    if not recorder.in_loss and measure.measurable(query):
        operation.head_dim = query.shape[-1]
        found = measure.attention(
            query, key, named.get("attn_mask"), bool(named.get("is_causal")), named.get("scale")
        )
        for what, value in found.items():
            setattr(operation, what, value)
    return operation


def _softmax(recorder: "Recorder", call: Call) -> Operation:
    operation = recorder.add("softmax", call.name, call.nodes)
    if call.name == "softmax" and measure.measurable(call.out):
        operation.entropy = measure.share_of_rows(call.out)
    return operation


CLOSER = (
    (v.CONVOLUTIONS | {"linear"}, _layer),
    (v.MATMULS, _product),
    (v.LOOKUPS, _lookup),
    (v.RECURRENT, _recurrent),
    (v.SUMS | v.PRODUCTS, _elementwise),
    (("clamp",), _clamp),
    (v.ATTENTION, _attention),
    (v.SOFTMAXES, _softmax),
    (v.ACTIVATIONS, _activation),
)
PLAIN = ((v.NORMS, "norm"), (v.POOLS, "pool"), (v.JOINS, "join"))
