"""Train many nets of one shape at once: each with its own seed, data split, batch order and learning rate."""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from initlib import checks, losses, optimizers
from initlib.datasets import Dataset, Part, Split
from initlib.layers import Workspace, run_backward, run_forward
from initlib.losses import Loss
from initlib.optimizers import SGD
from initlib.stacks import Network

Array = NDArray[Any]

ORDER = 3  # the stream of random numbers that orders batches; 0 and 1 draw parameters, 2 splits data
PARTS = ("train", "validation", "test")
CHUNK = 16  # nets that step together: few enough for the cache, enough to hide Python's overhead


@dataclass(frozen=True)
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

    @property
    def diverged(self) -> Array:
        """Which nets diverged, (nets,) booleans."""
        return self.diverged_at >= 0


def fit(
    network: Network,
    dataset: Dataset | Split,
    *,
    optimizer: str = "sgd",
    learning_rate: float | ArrayLike = 0.05,
    epochs: int = 10,
    batch_size: int = 64,
    loss: str = "softmax",
    momentum: float = 0.9,
    weight_decay: float | ArrayLike = 0.0,
    decay: str = "l2",
    test: float = 0.2,
    validation: float = 0.0,
    train_samples: int | None = None,
    standardise: bool = True,
    dtype: DTypeLike = np.float32,
    threads: int | None = None,
) -> Fit:
    """Train a copy of every net of the stack and return the curves; `network` itself is not changed.

    Net i splits the data, and orders its batches, by its own seed: its result is the same alone, in any stack
    and with any number of `threads` (None: one for each processor). A `Split` in place of a data set serves
    all nets. `learning_rate` and `weight_decay` are one number, or one for each net. `optimizer` is "sgd",
    "momentum" or "adam"; `momentum` is beta1 of Adam; `decay` is "l2", "l1" or "decoupled". `loss` is
    "softmax", "squared" or "logistic". `test`, `validation`, `train_samples`, `standardise`: see
    `Dataset.split`. Nets whose loss stops being finite are frozen and marked; the others go on.

    >>> from initlib import datasets, networks
    >>> stack = networks.mlp((64, 32, 10), "relu", "he_normal", seeds=[0, 1])
    >>> result = fit(stack, datasets.digits(), learning_rate=[0.1, 1e9], epochs=3)
    >>> result.loss.shape, bool(result.test_accuracy[0, -1] > 0.85), result.diverged.tolist()
    ((2, 3), True, [False, True])
    """
    job = _Job(
        optimizer=optimizers.get(optimizer),
        loss=losses.get(loss),
        epochs=checks.integer("epochs", epochs, minimum=0),
        batch_size=checks.integer("batch_size", batch_size, minimum=1),
        momentum=checks.real("momentum", momentum, minimum=0, below=1),
        decay=checks.choice("decay", decay, optimizers.DECAYS),
        cut={
            "test": test,
            "validation": validation,
            "train_samples": train_samples,
            "standardise": standardise,
        },
    )
    rates = optimizers.per_net("learning_rate", learning_rate, network.nets, minimum=0)
    decays = optimizers.per_net("weight_decay", weight_decay, network.nets, minimum=0)
    threads = checks.integer("threads", _processors() if threads is None else threads, minimum=1)
    _check_fit(network, dataset, job.cut, loss)
    count = max(-(-network.nets // CHUNK), min(threads, network.nets))
    groups = np.array_split(np.arange(network.nets), max(count, 1))
    chunks = [_Chunk(job, network.take(g, dtype=dtype), dataset, rates[g], decays[g]) for g in groups]
    _run(chunks, threads)
    return _joined(network, chunks)


def evaluate(
    network: Network, inputs: ArrayLike, labels: ArrayLike, *, loss: str = "softmax"
) -> tuple[Array, Array]:
    """Return loss and accuracy, (nets,) each, on inputs (samples, ...) and integer labels (samples,).

    >>> from initlib import networks
    >>> stack = networks.mlp((4, 3), "relu", "zeros", seeds=[0])
    >>> [float(v.round(6)[0]) for v in evaluate(stack, np.ones((5, 4)), [0, 0, 1, 1, 2])]
    [1.098612, 0.4]
    """
    rule = losses.get(loss)
    outputs = network.forward(inputs).output
    targets = losses.targets(labels, outputs, loss)
    if targets.ndim != 2:
        raise TypeError(f"labels must be classes, integers. Received dtype: {targets.dtype}.")
    with np.errstate(all="ignore"):
        return rule(outputs, targets)[0], _hits(outputs, targets).mean(axis=1)


@dataclass(frozen=True)
class _Job:
    optimizer: type[SGD]
    loss: Loss
    epochs: int
    batch_size: int
    momentum: float
    decay: str
    cut: dict[str, Any]


class _Chunk:
    """Nets that step together, with their data. `alive` are those that have not diverged."""

    def __init__(
        self, job: _Job, network: Network, dataset: Dataset | Split, rates: Array, decays: Array
    ) -> None:
        self.job, self.network, self.dataset = job, network, dataset
        self.alive = np.arange(network.nets)
        self.optimizer = job.optimizer(network, rates, decays, decay=job.decay, momentum=job.momentum)
        self.tape = Workspace(network.values, self.optimizer.update)
        self.orders = [np.random.default_rng([seed, ORDER]) for seed in network.seeds]
        curve = (network.nets, job.epochs)
        self.diverged_at = np.full(network.nets, -1)
        self.curves = {f"{part}_loss": np.full(curve, np.inf) for part in PARTS}
        self.curves |= {f"{part}_accuracy": np.zeros(curve) for part in PARTS}

    def run(self, stop: threading.Event) -> None:
        data, cut = self.dataset, self.job.cut
        splits = [data if isinstance(data, Split) else data.split(s, **cut) for s in self.network.seeds]
        parts = {
            name: _stacked([getattr(split, name) for split in splits], self.network.dtype) for name in PARTS
        }
        with np.errstate(all="ignore"):
            for epoch in range(self.job.epochs):
                if stop.is_set() or not self.alive.size:
                    return
                self._epoch(epoch, *parts["train"], stop)
                self._freeze(self._finite_parameters(), epoch)
                for name in PARTS[1:]:
                    self._measure(epoch, name, *parts[name])

    def _epoch(self, epoch: int, inputs: Array, labels: Array, stop: threading.Event) -> None:
        samples, size = inputs.shape[1], self.job.batch_size
        orders = [self.orders[i].permutation(samples) for i in self.alive]
        x, y = np.empty_like(inputs[self.alive]), np.empty_like(labels[self.alive])
        for j, (i, order) in enumerate(zip(self.alive, orders, strict=True)):
            np.take(inputs[i], order, axis=0, out=x[j], mode="clip")
            np.take(labels[i], order, axis=0, out=y[j], mode="clip")
        total, hits = np.zeros(len(x)), np.zeros(len(x))
        first = 0
        while first < samples and len(x) and not stop.is_set():
            batch, targets = x[:, first : first + size], y[:, first : first + size]
            outputs = run_forward(self.network.layers, batch, self.tape)
            batch_losses, gradient = self.job.loss(outputs, targets)
            finite = np.isfinite(batch_losses)
            if not finite.all():  # freeze these nets and repeat the batch with the others
                self._freeze(finite, epoch)
                x, y, total, hits = x[finite], y[finite], total[finite], hits[finite]
                continue
            total += batch_losses * batch.shape[1]
            hits += _hits(outputs, targets).sum(axis=1)
            self.optimizer.steps += 1
            if self.optimizer.output_rate is not None:
                gradient *= self.optimizer.output_rate
            run_backward(self.network.layers, gradient, self.tape, needed=False)
            first += size
        self.curves["train_loss"][self.alive, epoch] = total / samples
        self.curves["train_accuracy"][self.alive, epoch] = hits / samples

    def _measure(self, epoch: int, name: str, inputs: Array, labels: Array) -> None:
        samples, size = inputs.shape[1], self.job.batch_size
        x, y = inputs[self.alive], labels[self.alive]
        total, hits = np.zeros(len(x)), np.zeros(len(x))
        for first in range(0, samples, size):
            batch, targets = x[:, first : first + size], y[:, first : first + size]
            outputs = run_forward(self.network.layers, batch, self.tape)
            total += self.job.loss(outputs, targets)[0] * batch.shape[1]
            hits += _hits(outputs, targets).sum(axis=1)
        if samples:
            self.curves[f"{name}_loss"][self.alive, epoch] = total / samples
            self.curves[f"{name}_accuracy"][self.alive, epoch] = hits / samples

    def _finite_parameters(self) -> Array:
        finite = np.ones(len(self.alive), bool)
        for value in self.tape.values:
            finite &= np.isfinite(value).all(axis=tuple(range(1, value.ndim)))
        return finite

    def _freeze(self, keep: Array, epoch: int) -> None:
        if keep.all():
            return
        self._store()
        self.diverged_at[self.alive[~keep]] = epoch
        for name, curve in self.curves.items():
            curve[self.alive[~keep], epoch:] = np.inf if name.endswith("loss") else 0.0
        self.alive = self.alive[keep]
        self.optimizer.keep(keep)
        self.tape = Workspace([value[keep] for value in self.tape.values], self.optimizer.update)

    def _store(self) -> None:
        """Write the values of the nets that still train back to the network."""
        for whole, value in zip(self.network.values, self.tape.values, strict=True):
            if value is not whole:
                whole[self.alive] = value


def _hits(outputs: Array, labels: Array) -> Array:
    """Say which rows are classified rightly; a single output is read as the log odds of class 1."""
    if outputs.shape[2] == 1:
        right: Array = (outputs[:, :, 0] > 0) == (labels > 0)
    else:
        right = outputs.argmax(axis=2) == labels
    return right & np.isfinite(outputs).all(axis=2)


def _stacked(parts: Sequence[Part], dtype: Any) -> tuple[Array, Array]:
    inputs = np.stack([part.inputs for part in parts]).astype(dtype)
    labels = np.stack([part.labels for part in parts])
    return inputs, labels if labels.dtype.kind in "iu" else labels.astype(dtype)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run(chunks: Sequence[_Chunk], threads: int) -> None:
    """Run the chunks on Python threads with one BLAS thread each: results do not depend on the number."""
    import threadpoolctl

    stop = threading.Event()
    with threadpoolctl.threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        try:
            for future in [pool.submit(chunk.run, stop) for chunk in chunks]:
                future.result()
        except BaseException:
            stop.set()
            raise


def _joined(network: Network, chunks: Sequence[_Chunk]) -> Fit:
    for chunk in chunks:
        chunk._store()
    trained = replace(
        network,
        values=tuple(
            np.concatenate(values) for values in zip(*(chunk.network.values for chunk in chunks), strict=True)
        ),
    )
    curves = {name: np.concatenate([chunk.curves[name] for chunk in chunks]) for name in chunks[0].curves}
    return Fit(
        loss=curves["train_loss"],
        **{name: curve for name, curve in curves.items() if name != "train_loss"},
        diverged_at=np.concatenate([chunk.diverged_at for chunk in chunks]),
        network=trained,
    )


def _check_fit(network: Network, dataset: Dataset | Split, cut: dict[str, Any], loss: str) -> None:
    """Refuse data that do not fit the network or the loss, before anything runs."""
    if isinstance(dataset, Dataset):
        dataset = dataset.split(0, **cut)
    elif not isinstance(dataset, Split):
        raise TypeError(f"dataset must be a Dataset or a Split. Received: {type(dataset).__name__}.")
    for name in PARTS:
        part = getattr(dataset, name)
        network._input(part.inputs)
        losses.targets(part.labels, np.empty((1, len(part), network.widths[-1])), loss)


def __getattr__(name: str) -> Any:
    if name == "sweep":  # it builds on this module, so it is imported when asked for
        from initlib.sweeps import sweep

        return sweep
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
