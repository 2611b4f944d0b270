"""What one forward and one backward pass saw: operations, weights, the loss; free of any framework.

A `Record` is a graph of `Operation`s in the order in which they ran. Shape changes, dropout, casts and bias
additions are no operations of their own: what they return counts as the output of the operation before.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

# What an operation can be. The scale of the signal starts anew behind those in RESETS.
KINDS = (
    "input",
    "weight",
    "lookup",
    "recurrent",
    "activation",
    "norm",
    "sum",
    "product",
    "scale",
    "pool",
    "attention",
    "softmax",
    "join",
    "other",
)
RESETS = ("norm", "recurrent", "attention", "softmax", "lookup", "other", "product")
BOUNDED = ("tanh", "sigmoid", "sin", "erf", "softsign", "hard_tanh", "hard_sigmoid")


@dataclass(frozen=True)
class Cell:
    """One layer, in one direction, of a recurrent operation: names of its weights and biases.

    `gates` holds, in the order of their slices, the biases of all units, or the sums of both: of an LSTM
    "input", "forget", "output", "candidate", of a GRU "reset", "update" (what of the old state stays),
    "candidate", else "candidate" alone. `steps` is the length of the sequence in this operation.
    """

    weights: tuple[str, ...]
    biases: tuple[str, ...]
    gates: dict[str, tuple[float, ...]]
    steps: int = 1


@dataclass
class Operation:
    """One step of the forward pass and what its output looks like on the batch.

    `rms` is the root mean square of the output, `apart` one minus the mean cosine between samples, `varies`
    the share of the mean square that differs between samples, `off` the share of units that are zero for all
    samples, `flat` the share of entries where a saturating activation has at most 5 % of its steepest slope,
    `gradient` the norm of dLoss/d(output) over the whole batch. None stands for "not measured".
    """

    index: int
    kind: str
    name: str
    where: str = ""
    parents: tuple[int, ...] = ()
    weights: tuple[str, ...] = ()
    activation: str | None = None
    factor: float | None = None
    shape: tuple[int, ...] = ()
    half: bool = False
    rms: float | None = None
    apart: float | None = None
    varies: float | None = None
    off: float | None = None
    flat: float | None = None
    gradient: float | None = None
    bias_share: float | None = None
    spread: float | None = None
    entropy: float | None = None
    head_dim: int | None = None
    scaled: float | None = None
    row_sums: float | None = None
    cells: tuple[Cell, ...] = ()
    lowest: float | None = None
    highest: float | None = None


@dataclass
class Weight:
    """A parameter that multiplies signals, with what tells its law; `uses` are the operations.

    `same_rows` says that all units have equal weights, `own_biases` that their biases differ,
    `same_gradients` that the gradients of their weights are equal too (None: not known), `same_later` that
    both still hold after a step of gradient descent.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    fan_in: float
    fan_out: float
    count: int
    mean: float
    std: float
    kurtosis: float
    bound: float
    registered: bool = True
    trainable: bool = True
    derived: bool = False
    groups: int = 1
    same_rows: bool = False
    own_biases: bool = False
    same_gradients: bool | None = None
    same_later: bool | None = None
    gradient: float | None = None
    bias: str | None = None
    bias_rms: float | None = None
    uses: list[int] = field(default_factory=list)

    @property
    def rms(self) -> float:
        """Root mean square of the entries."""
        return float((self.mean * self.mean + self.std * self.std) ** 0.5)


@dataclass
class Parameter:
    """A registered parameter, as it stands before anything runs, and whether the pass reached it.

    `still` says that its gradient is exactly zero.
    """

    name: str
    shape: tuple[int, ...]
    trainable: bool
    bad: int = 0
    largest: float = 0.0
    tiny: bool = False
    used: bool = False
    reached: bool | None = None
    still: bool = False
    optimized: bool | None = None
    rate: float | None = None
    aliases: tuple[str, ...] = ()


@dataclass
class Loss:
    """What the loss received and returned.

    `kind` is "cross_entropy", "nll", "binary", "binary_logits", "squared", "absolute" or "unknown". `refused`
    says that outputs lie outside what the loss takes, `normalised` that exp(outputs) sums to 1 over classes.
    """

    kind: str = "unknown"
    value: float | None = None
    classes: int | None = None
    samples: int | None = None
    reduction: str | None = None
    output_shape: tuple[int, ...] = ()
    target_shape: tuple[int, ...] = ()
    broadcast: tuple[int, ...] | None = None
    target_rms: float | None = None
    target_low: float | None = None
    target_high: float | None = None
    target_constant: bool | None = None
    outside: int = 0
    refused: bool = False
    normalised: bool | None = None
    fed: int | None = None
    below: dict[str, float] = field(default_factory=dict)


@dataclass
class Rate:
    """The first step of an optimizer at its rate: actual over predicted decrease of the loss."""

    optimizer: str
    rate: float
    ratio: float
    half: float | None = None


@dataclass
class Record:
    """All that a diagnosis is made from; `halves` are the records of both halves of the batch, if examined.

    >>> record = Record("numpy", [Operation(0, "input", "x"), Operation(1, "weight", "linear", parents=(0,))])
    >>> [operation.index for operation in record.stream]
    [0, 1]
    """

    framework: str
    operations: list[Operation]
    weights: dict[str, Weight] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    outputs: tuple[int, ...] = ()
    samples: int = 0
    loss: Loss | None = None
    optimizer: str | None = None
    rate: Rate | None = None
    shuffled: float | None = None
    steps_taken: int = 0
    input_spread: float | None = None
    skipped: list[str] = field(default_factory=list)
    halves: list["Record"] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    @cached_property
    def children(self) -> list[list[int]]:
        """For each operation, the operations that read its output."""
        lists: list[list[int]] = [[] for _ in self.operations]
        for operation in self.operations:
            for parent in dict.fromkeys(operation.parents):
                lists[parent].append(operation.index)
        return lists

    @cached_property
    def layers(self) -> list[int]:
        """For each operation, the most weight layers on a way from an input to it, itself included."""
        depth = [0] * len(self.operations)
        for o in self.operations:
            own = int(o.kind in ("weight", "recurrent"))
            depth[o.index] = max((depth[p] for p in o.parents), default=0) + own
        return depth

    @cached_property
    def stream(self) -> list[Operation]:
        """The operations that every way from the inputs to the outputs passes: the main road, in order."""
        ends = [i for i in self.outputs if i < len(self.operations)] or [len(self.operations) - 1]
        if not self.operations:
            return []
        over = self._dominators()
        end = ends[0]
        for other in ends[1:]:
            end = _meet(end, other, over)
        road = []
        while end >= 0:
            road.append(self.operations[end])
            end = over[end]
        return road[::-1]

    def _dominators(self) -> list[int]:
        """Return for each operation the last one that every way to it passes; -1 stands before the inputs."""
        over: list[int] = []
        for operation in self.operations:
            parents = list(dict.fromkeys(operation.parents))
            found = parents[0] if parents else -1
            for parent in parents[1:]:
                found = _meet(found, parent, over)
            over.append(found)
        return over

    @cached_property
    def last(self) -> set[int]:
        """The operations with no weight operation behind them."""
        found: set[int] = set()
        for operation in reversed(self.operations):
            children = [self.operations[child] for child in self.children[operation.index]]
            if all(c.index in found and c.kind not in ("weight", "recurrent", "lookup") for c in children):
                found.add(operation.index)
        return found

    @cached_property
    def ends(self) -> set[int]:
        """The weight operations with no other weight operation behind them: output layers."""
        return {index for index in self.last if self.operations[index].kind == "weight"}

    @cached_property
    def leads_to_output(self) -> set[int]:
        """The operations from which a way leads to an output."""
        found = set(self.outputs)
        for operation in reversed(self.operations):
            if operation.index in found:
                found.update(operation.parents)
        return found

    def behind(self, index: int) -> Iterator[Operation]:
        """Yield what follows an operation as long as one operation alone reads it."""
        children = self.children[index]
        while len(children) == 1:
            yield self.operations[children[0]]
            children = self.children[children[0]]

    def activation_of(self, index: int) -> tuple[str | None, float]:
        """Return the activation behind a weight operation and the factor in front of it."""
        factor = 1.0
        for operation in self.behind(index):
            if operation.kind == "activation":
                return operation.activation, factor
            if operation.kind == "scale" and operation.factor is not None:
                factor *= operation.factor
            elif operation.kind not in ("pool",):
                return None, factor
        return None, factor

    def normalised(self, index: int) -> bool:
        """Say whether the output of an operation goes to a normalisation before anything else."""
        children = self.children[index]
        return bool(children) and all(self.operations[c].kind == "norm" for c in children)

    def owner(self, operation: Operation) -> Operation:
        """Return the weight operation that an operation ends, a scale or a sum; else the operation itself."""
        found = operation
        while found.kind in ("sum", "scale", "norm", "activation", "pool") and found.parents:
            found = self.operations[found.parents[-1] if found.kind == "sum" else found.parents[0]]
        return found if found.kind == "weight" else operation

    def label(self, operation: Operation) -> str:
        """Return the name that people know an operation by; a sum is named by the layer it adds."""
        if operation.kind in ("sum", "scale") and operation.parents:
            owner = self.owner(operation)
            if owner is not operation:
                return f"the sum behind {self.label(owner)}" if operation.kind == "sum" else self.label(owner)
        if operation.weights:
            name = operation.weights[0]
            for ending in (".weight", ".weight_ih_l0", ".in_proj_weight"):
                name = name.removesuffix(ending)
            return name or operation.weights[0]
        return f"{operation.where} ({operation.name})" if operation.where else operation.name

    def to_dict(self) -> dict[str, Any]:
        """Return numbers and names as plain Python objects, without the unmeasured."""
        return {
            "framework": self.framework,
            "samples": self.samples,
            "operations": [
                {k: v for k, v in vars(o).items() if v not in (None, (), "", False)} for o in self.operations
            ],
            "weights": [vars(w) for w in self.weights.values()],
        }


def _meet(a: int, b: int, over: list[int]) -> int:
    """Return the last operation that all ways to both a and b pass."""
    while a != b:
        if a > b:
            a = over[a]
        else:
            b = over[b]
    return a
