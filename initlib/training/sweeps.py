"""Train a whole grid of nets: initializers, scales, depths, learning rates and more, each over many seeds.

Nets of one shape run as one stack, and stacks are spread over processes or a cluster. A net depends on its
own parameters and seed alone, so neither its neighbours nor the number of workers change a bit of its result.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np

from initlib import activations, checks, datasets, fingerprints, initializers, jobs, networks
from initlib.datasets import Dataset
from initlib.jobs import Cell, Record
from initlib.networks.stacks import Network
from initlib.training import fitting
from initlib.typing import Array

NETWORK = {
    "network": "mlp",
    "initializer": "he_normal",
    "scale": 1.0,
    "bias_initializer": None,
    "activation": "relu",
    "depth": 3,
    "width": 64,
    "dataset": "digits",
}
FIT = tuple(
    name
    for name, parameter in inspect.signature(fitting.fit).parameters.items()
    if parameter.kind == parameter.KEYWORD_ONLY and name != "threads"
)
DATASETS = {
    one.__name__: one
    for one in (
        datasets.digits,
        datasets.mnist,
        datasets.wine,
        datasets.breast_cancer,
        datasets.unicode_names,
    )
}
EPOCHS = inspect.signature(fitting.fit).parameters["epochs"].default
PER_NET = {"initializer", "scale", "bias_initializer", "learning_rate", "weight_decay", "seed"}
CURVES = ("loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy")
NETS_PER_STACK = 16


@dataclass(frozen=True, eq=False)
class Sweep:
    """What `sweep` returns: `axes`, the values along each axis with "seed" last, and the results of `fit`.

    Every curve is an array (*axes, epochs), None where `fit` has none; `diverged_at` is (*axes).
    """

    axes: dict[str, tuple[Any, ...]]
    diverged_at: Array = field(repr=False)
    loss: Array = field(repr=False)
    train_accuracy: Array | None = field(repr=False)
    validation_loss: Array | None = field(repr=False)
    validation_accuracy: Array | None = field(repr=False)
    test_loss: Array | None = field(repr=False)
    test_accuracy: Array | None = field(repr=False)

    def at(self, **coordinates: Any) -> "Sweep":
        """Return a copy of the part of the sweep at these values, without their axes.

        Functions of the same code and data sets of the same data count as equal.

        >>> result = sweep({"depth": [2, 3]}, seeds=[0], epochs=1, n_jobs=1)
        >>> result.at(depth=3).loss.shape
        (1, 1)
        """
        index: list[Any] = [slice(None)] * len(self.axes)
        for name, value in coordinates.items():
            axis = list(self.axes).index(checks.choice("axis", name, self.axes))
            index[axis] = _place(name, value, self.axes[name])
        axes = {name: values for name, values in self.axes.items() if name not in coordinates}
        arrays: dict[str, Any] = {name: getattr(self, name) for name in ("diverged_at", *CURVES)}
        arrays = {k: None if v is None else v[tuple(index)].copy() for k, v in arrays.items()}
        return Sweep(axes, **arrays)


def _place(name: str, value: Any, values: tuple[Any, ...]) -> int:
    """Return where a value stands on an axis."""
    try:
        wanted = repr(fingerprints.describe(value))
        return [repr(fingerprints.describe(one)) for one in values].index(wanted)
    except ValueError:  # what equals it may be written otherwise, as 3.0 for 3
        checks.member(name, value, values)
        return values.index(value)


def sweep(
    grid: Mapping[str, Sequence[Any]],
    seeds: Sequence[int],
    *,
    store: str | Path | None = None,
    n_jobs: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Sweep:
    """Train one net for every combination of the values in `grid` and every seed.

    Axes of the grid, or single `settings` given by keyword: `initializer` and `bias_initializer` (names or
    callables), `scale` (multiplies the weights), `depth` (weight layers), `width`, `activation`, `dataset`
    (a name in `initlib.datasets`, or a `Dataset`), `network` ("mlp", or a callable that takes the cells of
    one stack and returns a `Network` with one net for each), and every keyword of `fitting.fit`.

    Stacks are spread over processes: all of them, `n_jobs`, or a cluster, as in
    `with joblib.parallel_config(backend="dask"):`. `store` names a file that keeps finished nets, so that the
    same call continues after an interruption. `progress`: a bar with the time left; None means on terminals.

    >>> result = sweep({"scale": [0.5, 1.0], "depth": [2, 4]}, seeds=range(3), epochs=2, n_jobs=1)
    >>> result.axes["scale"], result.test_accuracy.shape
    ((0.5, 1.0), (2, 2, 3, 2))
    """
    axes = _axes(grid, seeds, settings)
    cells = [{**settings, **dict(zip(axes, values, strict=True))} for values in product(*axes.values())]
    records = train(cells, store=store, n_jobs=n_jobs, progress=progress, alike=_Alike())
    shape = tuple(len(values) for values in axes.values())
    arrays: dict[str, Any] = {}
    for name in ("diverged_at", *CURVES):
        column = [record[name] for record in records]
        values = None if column[0] is None else np.array(column)
        arrays[name] = None if values is None else values.reshape(*shape, *values.shape[1:])
    return Sweep(axes, **arrays)


class _Alike:
    """Refuses cells whose curves do not fit into the arrays of one sweep."""

    def __init__(self) -> None:
        self.first: tuple[int, set[str]] | None = None

    def __call__(self, cell: Cell, record: Record) -> None:
        curves = {name for name in CURVES if record[name] is not None}
        shape = cell.get("epochs", EPOCHS), curves
        self.first = self.first or shape
        if shape[0] != self.first[0]:
            raise ValueError(
                "The nets of one sweep have equally many epochs: train the longest, and cut its curves. "
                f"Received epochs: {self.first[0]} and {shape[0]}."
            )
        if shape[1] != self.first[1]:
            odd = ", ".join(sorted(shape[1] ^ self.first[1]))
            raise ValueError(
                f"The nets of one sweep have the same curves; some of these have no {odd}. "
                "Give each its own sweep, or the same parts (test, validation) and kind of labels."
            )


def train(
    cells: Sequence[Cell],
    *,
    store: str | Path | None = None,
    n_jobs: int | None = None,
    progress: bool | None = None,
    alike: Callable[[Cell, Record], None] | None = None,
) -> list[Record]:
    """Train one net for each cell, a mapping with "seed" and the settings of `sweep`; return their records.

    A record holds the curves of `fitting.fit` as lists, and `diverged_at`. `alike` sees one cell of each
    stack, and a record without epochs, before anything is trained.

    >>> [record] = train([{"seed": 0, "depth": 2, "epochs": 2}], n_jobs=1)
    >>> len(record["loss"]), record["diverged_at"]
    (2, -1)
    """
    jobs.check(n_jobs, progress)
    stacks: dict[str, list[int]] = {}
    for i, cell in enumerate(cells):
        _check(cell, f"cells[{i}]")
        stacks.setdefault(_shape(cell), []).append(i)
    for group in stacks.values():  # refuses here and now what `fit` would refuse in a worker
        found = _train_stack([{**cells[i], "epochs": 0} for i in group[:2]])
        if alike is not None:
            alike(cells[group[0]], found[0])
    groups = [
        group[first : first + NETS_PER_STACK]
        for group in stacks.values()
        for first in range(0, len(group), NETS_PER_STACK)
    ]
    batches = [[cells[i] for i in group] for group in groups]
    results = jobs.run(_train_stack, batches, store=store, n_jobs=n_jobs, progress=progress, unit="nets")
    records = dict(zip(chain.from_iterable(groups), chain.from_iterable(results), strict=True))
    return [records[i] for i in range(len(cells))]


def build(cells: Sequence[Cell]) -> Network:
    """Return the multilayer perceptrons that the cells describe, one net for each, as one stack.

    >>> build([{"seed": 0, "depth": 2, "width": 32}, {"seed": 1, "depth": 2, "width": 32}]).widths
    (64, 32, 10)
    """
    first = {**NETWORK, **cells[0]}
    inputs, outputs = _sizes(dataset_of(first["dataset"]))
    network = networks.mlp(
        [inputs, *[first["width"]] * (first["depth"] - 1), outputs],
        first["activation"],
        [cell.get("initializer", NETWORK["initializer"]) for cell in cells],
        bias_initializer=[_or_zeros(cell.get("bias_initializer")) for cell in cells],
        seeds=[cell["seed"] for cell in cells],
    )
    for weights in network.weights:
        weights *= np.reshape([float(cell.get("scale", 1.0)) for cell in cells], (-1, 1, 1))
    return network


def _or_zeros(bias_initializer: Any) -> Any:
    return initializers.zeros if bias_initializer is None else bias_initializer


def _train_stack(cells: Sequence[Cell]) -> list[Record]:
    make = cells[0].get("network", "mlp")
    network = build(cells) if make == "mlp" else _made(make, cells)
    options = {name: cells[0][name] for name in FIT if name in cells[0]}
    options |= {
        name: [cell[name] for cell in cells] for name in ("learning_rate", "weight_decay") if name in cells[0]
    }
    dataset = dataset_of(cells[0].get("dataset", NETWORK["dataset"]))
    result = fitting.fit(network, dataset, threads=1, **options)
    return [
        {"diverged_at": int(result.diverged_at[net]), **{name: _row(result, name, net) for name in CURVES}}
        for net in range(len(cells))
    ]


def _made(make: Callable[[Sequence[Cell]], Network], cells: Sequence[Cell]) -> Network:
    network = checks.instance("What `network` returns", make(cells), Network, "a Network")
    seeds = tuple(cell["seed"] for cell in cells)
    if network.seeds != seeds:
        raise ValueError(
            "What `network` returns must have one net for each cell, drawn from its seed: "
            f"{checks.shown(seeds)}. Received nets of the seeds {checks.shown(network.seeds)}."
        )
    return network


def _row(result: fitting.Fit, name: str, net: int) -> list[float] | None:
    curve = getattr(result, name)
    return None if curve is None else curve[net].tolist()


def _shape(cell: Cell) -> str:
    """Return a text that two cells share if their nets can run as one stack."""
    rates = {"learning_rate", "weight_decay"} & cell.keys()
    shared = {name: fingerprints.describe(cell[name]) for name in sorted(cell) if name not in PER_NET}
    return repr((shared, sorted(rates)))


def _axes(
    grid: Mapping[str, Sequence[Any]], seeds: Sequence[int], settings: Mapping[str, Any]
) -> dict[str, tuple[Any, ...]]:
    if not isinstance(grid, Mapping):
        raise TypeError(
            f"grid must map names of settings to lists of values. Received: {checks.shown(grid)}."
        )
    if "seed" in grid:
        raise ValueError("Seeds go in the argument `seeds`, not in grid.")
    axes: dict[str, tuple[Any, ...]] = {}
    for name, values in {**grid, "seed": checks.integers("seeds", seeds, minimum=0, maximum=None)}.items():
        if name in settings:
            raise ValueError(f"{name} must be an axis of the grid or a setting. Received it as both.")
        listed = values.tolist() if isinstance(values, np.ndarray) else values
        axes[name] = tuple(checks.sequence(f"The axis {name!r}", listed))
        if not axes[name]:
            raise ValueError(
                f"The axis {name!r} must have at least one value. Received: {checks.shown(values)}."
            )
        numbers = [value for value in axes[name] if isinstance(value, (int, float, np.number))]
        described = {repr(fingerprints.describe(value)) for value in axes[name]}
        if len(described) < len(axes[name]) or len(set(numbers)) < len(numbers):
            raise ValueError(f"The values of axis {name!r} must differ. Received: {checks.shown(values)}.")
    return axes


def _check(cell: Cell, where: str) -> None:
    for name in cell:
        checks.choice(f"setting in {where}", name, ("seed", *NETWORK, *FIT))
    if "seed" not in cell:
        raise ValueError(f"{where} needs a seed. Received: {dict(cell)!r}.")
    checks.integer("seed", cell["seed"], minimum=0, maximum=None)
    checks.integer("epochs", cell.get("epochs", 0), minimum=0)
    for name in ("depth", "width"):
        checks.integer(name, cell.get(name, NETWORK[name]), minimum=1)
    for name in ("scale", "learning_rate", "weight_decay"):
        checks.real(name, cell.get(name, 0.0), minimum=0)
    activations.get(cell.get("activation", NETWORK["activation"]))
    dataset_of(cell.get("dataset", NETWORK["dataset"]))
    make = cell.get("network", NETWORK["network"])
    if not callable(make) and not (isinstance(make, str) and make == "mlp"):
        error = ValueError if isinstance(make, str) else TypeError
        raise error(
            'network must be "mlp", or a callable that takes cells and returns a Network. '
            f"Received: {checks.shown(make)}."
        )
    for name in ("initializer", "bias_initializer"):
        value = cell.get(name, NETWORK[name])
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, str):
                initializers.get(one)
            elif not callable(one) and not (name == "bias_initializer" and value is None):
                raise TypeError(
                    f"{name} must be a name, a callable, or one of them for each layer. "
                    f"Received: {checks.shown(value)}."
                )


def dataset_of(dataset: str | Dataset) -> Dataset:
    """Return the data set of a cell: one of its own, or the one of this name."""
    if isinstance(dataset, str):
        return DATASETS[checks.choice("dataset", dataset, DATASETS)]()
    return checks.instance("dataset", dataset, Dataset, "a name or a Dataset")


def _sizes(dataset: Dataset) -> tuple[int, int]:
    outputs = dataset.classes or (dataset.labels.shape[1] if dataset.labels.ndim > 1 else 1)
    return int(np.prod(dataset.inputs.shape[1:])), outputs
