"""The training loop: a chunk of nets that step together on one thread."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from initlib import checks
from initlib.datasets import Dataset, Split
from initlib.networks.layers import Workspace, run_backward, run_forward
from initlib.networks.losses import Loss, are_classes, logistic, softmax
from initlib.networks.stacks import Network
from initlib.streams import ORDER, generator
from initlib.training.optimizers import SGD
from initlib.training.schedules import Schedule
from initlib.typing import Array

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Settings:
    """What all chunks of one `fit` share; `cut` are the arguments of `Dataset.split`."""

    optimizer: type[SGD]
    loss: Loss
    epochs: int
    batch_size: int
    momentum: float
    decay: str
    schedule: Schedule
    cut: dict[str, Any]


class Chunk:
    """Nets that step together, with their data and curves. `alive` are those that have not diverged."""

    def __init__(
        self, settings: Settings, network: Network, dataset: Dataset | Split, rates: Array, decays: Array
    ) -> None:
        self.settings, self.network, self.dataset = settings, network, dataset
        self.alive = np.arange(network.nets)
        self.statistics = [i for i, p in enumerate(network.parameters) if p.kind == "statistic"]
        self.optimizer = settings.optimizer(
            network, rates, decays, decay=settings.decay, momentum=settings.momentum
        )
        self.tape = Workspace(network.values, self.optimizer.update)
        self.orders = [generator(seed, ORDER) for seed in network.seeds]
        self.diverged_at = np.full(network.nets, -1)
        shape = (network.nets, settings.epochs)
        self.curves = {f"{part}_loss": np.full(shape, np.inf) for part in PARTS}
        self.curves |= {f"{part}_accuracy": np.zeros(shape) for part in PARTS}

    def run(self, stop: threading.Event) -> None:
        """Train until the last epoch, or until somebody sets `stop`."""
        if stop.is_set():
            return
        parts = _parts(self.network, self.dataset, self.settings)
        self.steps = self.settings.epochs * -(-parts["train"][0].shape[1] // self.settings.batch_size)
        with np.errstate(all="ignore"):  # nets that diverge are found by their loss
            for epoch in range(self.settings.epochs):
                self._train(epoch, *parts["train"], stop)
                if stop.is_set() or not self.alive.size:
                    break
                self._freeze(_finite(self.tape.values), epoch)
                for name in PARTS[1:]:
                    self._measure(epoch, name, *parts[name])
        self._store()

    def _train(self, epoch: int, inputs: Array, labels: Array, stop: threading.Event) -> None:
        x, y = self._shuffled(inputs, labels)
        samples, size = x.shape[1], self.settings.batch_size
        total, right = np.zeros(len(x)), np.zeros(len(x))
        first = 0
        while first < samples and len(x) and not stop.is_set():
            batch, targets = x[:, first : first + size], y[:, first : first + size]
            before = [self.tape.values[slot].copy() for slot in self.statistics]
            outputs, losses, gradient = self._forward(batch, targets)
            finite = np.isfinite(losses)
            if not finite.all():  # freeze these nets and repeat the batch with the others
                for slot, value in zip(self.statistics, before, strict=True):
                    self.tape.values[slot][...] = value
                self._freeze(finite, epoch)
                x, y, total, right = x[finite], y[finite], total[finite], right[finite]
                continue
            total += losses * batch.shape[1]
            right += hits(outputs, targets, self.settings.loss, checked=True).sum(axis=1)
            self._backward(gradient)
            first += size
        self._note(epoch, "train", total / samples, right / (samples * self.network.positions))

    def _forward(self, x: Array, y: Array) -> tuple[Array, Array, Array]:
        outputs = run_forward(self.network.layers, x, self.tape)
        return outputs, *self.settings.loss(outputs, y)

    def _backward(self, gradient: Array) -> None:
        self.optimizer.begin(self.settings.schedule(self.optimizer.steps + 1, self.steps))
        if self.optimizer.output_rate is not None:
            gradient *= self.optimizer.output_rate
        run_backward(self.network.layers, gradient, self.tape, needed=False)

    def _shuffled(self, inputs: Array, labels: Array) -> tuple[Array, Array]:
        x = np.empty((len(self.alive), *inputs.shape[1:]), inputs.dtype)
        y = np.empty((len(self.alive), *labels.shape[1:]), labels.dtype)
        for row, net in enumerate(self.alive):
            order = self.orders[net].permutation(inputs.shape[1])
            np.take(inputs[net], order, axis=0, out=x[row], mode="clip")  # "clip" skips a buffer
            np.take(labels[net], order, axis=0, out=y[row], mode="clip")
        return x, y

    def _measure(self, epoch: int, name: str, inputs: Array, labels: Array) -> None:
        samples, size = inputs.shape[1], self.settings.batch_size
        if not samples:
            return
        everyone = len(self.alive) == len(inputs)
        x, y = (inputs, labels) if everyone else (inputs[self.alive], labels[self.alive])
        total, right = np.zeros(len(x)), np.zeros(len(x))
        self.tape.evaluating = True
        for first in range(0, samples, size):
            batch, targets = x[:, first : first + size], y[:, first : first + size]
            outputs, losses, _ = self._forward(batch, targets)
            total += losses * batch.shape[1]
            right += hits(outputs, targets, self.settings.loss).sum(axis=1)
        self.tape.evaluating = False
        self._note(epoch, name, total / samples, right / (samples * self.network.positions))

    def _note(self, epoch: int, name: str, loss: Array, accuracy: Array) -> None:
        self.curves[f"{name}_loss"][self.alive, epoch] = np.where(np.isnan(loss), np.inf, loss)
        self.curves[f"{name}_accuracy"][self.alive, epoch] = accuracy

    def _freeze(self, keep: Array, epoch: int) -> None:
        """Go on with the nets to `keep`; the others stay as they are, marked as diverged."""
        if keep.all():
            return
        self._store()
        gone = self.alive[~keep]
        self.diverged_at[gone] = epoch
        for name, curve in self.curves.items():
            curve[gone, epoch:] = np.inf if name.endswith("loss") else 0.0
        self.alive = self.alive[keep]
        self.optimizer.keep(keep)
        self.tape = Workspace([value[keep] for value in self.tape.values], self.optimizer.update)

    def _store(self) -> None:
        """Write the nets that still train back to the network."""
        for whole, value in zip(self.network.values, self.tape.values, strict=True):
            if value is not whole:
                whole[self.alive] = value


def hits(outputs: Array, labels: Array, loss: Loss = softmax, *, checked: bool = False) -> Array:
    """Say which rows are classified rightly, (nets, samples); none for targets that are not classes.

    The one output of the logistic loss is the log odds of class 1. Outputs that are not finite are no answer;
    those that are `checked` are known to be finite.
    """
    if labels.dtype.kind not in "iu":
        return np.zeros(outputs.shape[:2], bool)
    labels = labels.reshape(outputs.shape[:2])
    if loss is logistic:
        right: Array = (outputs[:, :, 0] > 0) == (labels > 0)
    else:
        right = outputs.argmax(axis=2) == labels
    return right if checked else right & np.isfinite(outputs).all(axis=2)


def _parts(network: Network, dataset: Dataset | Split, settings: Settings) -> dict[str, tuple[Array, Array]]:
    """Return inputs and labels of each part, (nets, samples, ...)."""
    shared = isinstance(dataset, Split)
    splits = (
        [dataset] if isinstance(dataset, Split) else [dataset.split(s, **settings.cut) for s in network.seeds]
    )
    result = {}
    for name in PARTS:
        parts = [getattr(split, name) for split in splits]
        inputs = np.stack([checks.array("inputs", part.inputs, dtype=network.dtype) for part in parts])
        labels = np.stack([_labels(part.labels, network, settings.loss) for part in parts])
        if shared:
            inputs, labels = (np.broadcast_to(a, (network.nets, *a.shape[1:])) for a in (inputs, labels))
        result[name] = inputs, labels
    return result


def _labels(labels: Array, network: Network, loss: Loss) -> Array:
    if are_classes(labels, loss, network.widths[-1]):
        return labels
    numbers = network.positions * network.widths[-1]
    return checks.array("labels", labels, dtype=network.dtype).reshape(len(labels), numbers)


def _finite(values: Sequence[Array]) -> Array:
    """Say of which nets all parameters are finite."""
    finite = np.ones(len(values[0]), bool)
    for value in values:
        finite &= np.isfinite(value).all(axis=tuple(range(1, value.ndim)))
    return finite
