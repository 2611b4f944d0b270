"""Fit a stack: every net with its own seed, data split, batch order and learning rate; evaluate it."""

import inspect
import math
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from initlib import activations, checks, jobs
from initlib.datasets import Dataset, Split
from initlib.networks import losses
from initlib.networks.stacks import Network, checked, floating
from initlib.training import optimizers, schedules
from initlib.training.chunk import PARTS, Chunk, Settings, hits
from initlib.typing import Array

CHUNK = 32  # nets that step together, at most: long calls, between which threads seldom wait for Python
ENOUGH = 2**15  # numbers in the largest signal of a step, a thread: with fewer they wait for each other
CACHE = 2**19  # bytes that one array of a layer may take: the five that a step touches stay in the cache


@dataclass(frozen=True, eq=False)
class Fit:
    """What `fit` returns: curves of shape (nets, epochs) and the trained `network`.

    `loss` and `train_accuracy` are means over the batches of the epoch, seen before each step. The others are
    measured after the epoch. Empty parts have None, and so have accuracies for targets that are not classes.
    `diverged_at[i]` is the epoch (from 0) in which the loss or a parameter of net i stopped being finite, -1
    if never: from then on its parameters stay as they were, its loss is inf and its accuracies are 0.
    """

    loss: Array
    train_accuracy: Array | None
    validation_loss: Array | None
    validation_accuracy: Array | None
    test_loss: Array | None
    test_accuracy: Array | None
    diverged_at: Array
    network: Network = field(repr=False)

    def __repr__(self) -> str:
        nets, epochs = self.loss.shape
        said = [f"{nets} nets", f"{epochs} epochs"]
        if self.test_accuracy is not None and epochs:
            ends = self.test_accuracy[:, -1]
            said.append(f"test accuracy {ends.min():.2f}..{ends.max():.2f}")
        said.append(f"{int(self.diverged.sum()) or 'none'} diverged")
        return f"Fit({', '.join(said)})"

    @property
    def diverged(self) -> Array:
        """Which nets diverged, (nets,) booleans."""
        return self.diverged_at >= 0


@checks.keywords
def fit(
    network: Network,
    dataset: Dataset | Split,
    *,
    optimizer: str = "sgd",
    learning_rate: float | ArrayLike = 0.05,
    epochs: int = 10,
    batch_size: int = 64,
    loss: str = "softmax",
    momentum: float | None = None,
    weight_decay: float | ArrayLike = 0.0,
    decay: str = "l2",
    schedule: str | None = None,
    test: float = 0.2,
    validation: float = 0.0,
    train_samples: int | None = None,
    standardise: bool | str = True,
    dtype: DTypeLike = np.float32,
    threads: int | None = None,
) -> Fit:
    """Train a copy of every net of the stack and return the curves; `network` itself is not changed.

    Net i splits the data, and orders its batches, by its own seed: its result is the same alone, in any stack
    and with any number of `threads` (None: one for each processor that has enough to do). A `Split` in place
    of a data set serves all nets. `learning_rate` and `weight_decay` are one number, or one for each net.
    `optimizer` is "sgd", "momentum" or "adam"; `momentum` (None: 0.9) is beta1 of Adam, and none of "sgd";
    `decay` is "l2", "l1" or
    "decoupled" (with "adam": AdamW), and with numba installed faster, to the same bits. `schedule`
    "warmup_cosine" raises the rates from 0 over the first tenth of all steps, then lowers them to 0 along a
    cosine (Goyal et al. 2017, arXiv:1706.02677, section 2.2; Loshchilov & Hutter 2017, arXiv:1608.03983, eq.
    5); None leaves them. `loss` is "softmax", "squared" or "logistic". `test`, `validation`, `train_samples`,
    `standardise`: see `Dataset.split`. Nets whose loss stops being finite are frozen and marked; the others
    go on. All is computed in `dtype`, whatever that of `network` is.

    >>> from initlib import datasets, networks
    >>> stack = networks.mlp((64, 32, 10), "relu", "he_normal", seeds=[0, 1])
    >>> result = fit(stack, datasets.digits(), learning_rate=[0.1, 1e9], epochs=3)
    >>> result.loss.shape, bool(result.test_accuracy[0, -1] > 0.85), result.diverged.tolist()
    ((2, 3), True, [False, True])
    >>> stack.dtype, result.network.dtype
    (dtype('float64'), dtype('float32'))
    """
    network = checked(network)
    settings = Settings(
        optimizer=optimizers.get(optimizer),
        loss=losses.get(loss),
        epochs=checks.integer("epochs", epochs, minimum=0),
        batch_size=checks.integer("batch_size", batch_size, minimum=1),
        momentum=_momentum(momentum, optimizer),
        decay=checks.choice("decay", decay, optimizers.DECAYS),
        schedule=schedules.get(schedule),
        cut={
            "test": test,
            "validation": validation,
            "train_samples": train_samples,
            "standardise": standardise,
        },
    )
    dtype = floating(dtype)
    if isinstance(dataset, Split):
        _refuse_cutting(settings.cut)
    rates = _held("learning_rate", learning_rate, network.nets, dtype)
    decays = _held("weight_decay", weight_decay, network.nets, dtype)
    activations.get(network.activation, derivative=True)
    if threads is not None:
        threads = checks.integer("threads", threads, minimum=1)
    present = _present(network, dataset, settings, loss)
    threads = threads or min(_processors(), _threads_at_work(network, dataset, settings.batch_size))
    chunks = _chunks(settings, network, dataset, rates, decays, threads, dtype)
    _run(chunks, threads)
    return _joined(network, chunks, present)


@checks.keywords
def evaluate(
    network: Network, inputs: ArrayLike, labels: ArrayLike, *, loss: str = "softmax"
) -> tuple[Array, Array]:
    """Return loss and accuracy, (nets,) each, on inputs (samples, ...) and classes (samples,).

    Batch normalisation uses the statistics of training. Outputs that are not finite count as wrong.

    >>> import numpy as np
    >>> from initlib import networks
    >>> stack = networks.mlp((4, 3), "relu", "zeros", seeds=[0])
    >>> [float(v.round(6)[0]) for v in evaluate(stack, np.ones((5, 4)), [0, 0, 1, 1, 2])]
    [1.098612, 0.4]
    """
    rule = losses.get(loss)
    network = checked(network)
    x = network.check_input(inputs)
    if not x.shape[1]:
        raise ValueError(f"inputs must have at least 1 sample. Received: {np.shape(inputs)}.")
    outputs = network.forward(x, evaluating=True).output
    targets = losses.targets(labels, outputs, loss, network.positions)
    if targets.dtype.kind not in "iu":
        raise TypeError(
            "labels must be classes, integers, and not the numbers of a squared loss with a single output. "
            f"Received dtype: {np.asarray(labels).dtype}."
        )
    with np.errstate(all="ignore"):
        return rule(outputs, targets)[0], hits(outputs, targets, rule).mean(axis=1)


def _momentum(given: float | None, optimizer: str) -> float:
    momentum = 0.9 if given is None else checks.real("momentum", given, minimum=0, below=1)
    if given and optimizer == "sgd":
        raise ValueError(
            f"momentum must be 0 with the optimizer 'sgd', which has none. Received: {momentum:g}."
        )
    return momentum


def _held(name: str, given: object, nets: int, dtype: Any) -> Array:
    """Return one number for each net, none of which `dtype` makes infinite or 0."""
    numbers = checks.per_net(name, given, nets, minimum=0, maximum=float(np.finfo(dtype).max))
    lost = (numbers > 0) & (numbers.astype(dtype) == 0)
    if lost.any():
        raise ValueError(f"{name} is 0 in {np.dtype(dtype)}. Received: {numbers[lost][0]:g}.")
    return numbers


def _refuse_cutting(cut: dict[str, Any]) -> None:
    """Refuse arguments of `Dataset.split` for data that are split already."""
    defaults = {name: p.default for name, p in inspect.signature(fit).parameters.items()}
    for name, value in cut.items():
        if type(value) is not type(defaults[name]) or value != defaults[name]:
            raise ValueError(
                f"{name} says how to cut a Dataset, but the dataset is a Split, cut already. "
                f"Received: {name}={checks.shown(value)}."
            )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads_at_work(network: Network, dataset: Dataset | Split, batch_size: int) -> int:
    """Return how many threads a step of all nets keeps busy, by the size of its largest signal."""
    inputs = dataset.train.inputs if isinstance(dataset, Split) else dataset.inputs
    free = [got for want, got in zip(network.input_shape, inputs.shape[1:], strict=True) if want is None]
    rows = min(batch_size, len(inputs)) * network.positions
    signal: int = network.nets * rows * max(network.widths[1:]) * math.prod(free)
    return max(1, signal // ENOUGH)


def _chunks(
    settings: Settings,
    network: Network,
    dataset: Dataset | Split,
    rates: Array,
    decays: Array,
    threads: int,
    dtype: DTypeLike,
) -> list[Chunk]:
    """Divide the nets evenly over as many chunks as it takes, and as keeps all threads at work."""
    largest = max(weight[0].size for weight in network.weights) * np.dtype(dtype).itemsize
    size = int(np.clip(CACHE // largest, 4, CHUNK))
    count = max(-(-network.nets // size), min(threads, network.nets))
    count = min(-(-count // threads) * threads, network.nets)
    groups = np.array_split(np.arange(network.nets), count)
    return [Chunk(settings, network.take(g, dtype=dtype), dataset, rates[g], decays[g]) for g in groups]


def _run(chunks: Sequence[Chunk], threads: int) -> None:
    """Run the chunks on Python threads, with one BLAS thread each so that results do not depend on them."""
    stop = threading.Event()
    with jobs.one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        try:
            for future in [pool.submit(chunk.run, stop) for chunk in chunks]:
                future.result()
        except BaseException:
            stop.set()
            raise


def _joined(network: Network, chunks: Sequence[Chunk], present: dict[str, bool]) -> Fit:
    columns = zip(*(chunk.network.values for chunk in chunks), strict=True)
    trained = replace(network, values=tuple(np.concatenate(column) for column in columns))
    curves = {
        name: np.concatenate([chunk.curves[name] for chunk in chunks]) if present[name] else None
        for name in present
    }
    diverged_at = np.concatenate([chunk.diverged_at for chunk in chunks])
    loss = curves.pop("train_loss")
    assert loss is not None
    return Fit(loss=loss, **curves, diverged_at=diverged_at, network=trained)


def _present(network: Network, dataset: Dataset | Split, settings: Settings, loss: str) -> dict[str, bool]:
    """Refuse data that do not fit the network or the loss; say which curves there will be."""
    if isinstance(dataset, Dataset):
        dataset = dataset.split(0, **settings.cut)
    elif not isinstance(dataset, Split):
        raise TypeError(f"dataset must be a Dataset or a Split. Received: {type(dataset).__name__}.")
    if not len(dataset.train):
        raise ValueError("There are no samples to train on.")
    _refuse_single_samples(network, len(dataset.train), settings.batch_size)
    present = {}
    for name in PARTS:
        part = getattr(dataset, name)
        if len(part):
            network.check_input(part.inputs)
        rows = len(part) * network.positions
        outputs = np.empty((1, rows, network.widths[-1]))
        targets = losses.targets(part.labels, outputs, loss, network.positions)
        present[f"{name}_loss"] = len(part) > 0
        present[f"{name}_accuracy"] = len(part) > 0 and targets.dtype.kind in "iu"
    return present


def _refuse_single_samples(network: Network, samples: int, batch_size: int) -> None:
    """Refuse batches of one vector where batch normalisation would make them 0."""
    normalises = any(parameter.kind == "statistic" for parameter in network.parameters)
    smallest = samples % batch_size or min(samples, batch_size)
    if normalises and len(network.input_shape) == 1 and smallest == 1:
        raise ValueError(
            "Batch normalisation needs 2 samples in each batch. "
            f"Received: {samples} training samples in batches of {batch_size}, which leaves a batch of 1."
        )
