"""Losses of stacked nets: for each net the mean over its batch, and the gradient at the outputs."""

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from initlib import checks
from initlib.typing import Array


class Loss(Protocol):
    """Takes outputs (nets, batch, units) and targets (nets, batch, ...); returns losses and gradient."""

    def __call__(self, outputs: Array, targets: Array) -> tuple[Array, Array]: ...


def softmax(outputs: Array, targets: Array) -> tuple[Array, Array]:
    """Return softmax cross-entropy, -log softmax(outputs)[label], for integer labels (nets, batch).

    >>> losses, gradient = softmax(np.zeros((1, 2, 4)), np.array([[0, 3]]))
    >>> float(losses[0].round(6)), gradient[0, 0].tolist()
    (1.386294, [-0.375, 0.125, 0.125, 0.125])
    """
    nets, batch, units = outputs.shape
    p = outputs.reshape(-1, units).T.copy()  # one row for each unit: long loops are fast loops
    columns = np.arange(nets * batch)
    p -= p.max(axis=0)
    right = p[targets.ravel(), columns]
    np.exp(p, out=p)
    total = p.sum(axis=0) if nets * batch > 1 else p.cumsum(axis=0)[-1]  # numpy adds up one column pairwise
    losses = (np.log(total) - right).reshape(nets, batch).mean(axis=1)
    p /= total
    p[targets.ravel(), columns] -= 1
    p /= batch
    gradient = np.ascontiguousarray(p.T)  # laid out alike for any number of nets: equal to the bit
    return losses, gradient.reshape(outputs.shape)


def squared(outputs: Array, targets: Array) -> tuple[Array, Array]:
    """Return half the squared error summed over units; integers become one-hot targets of several units.

    >>> losses, gradient = squared(np.ones((1, 1, 2)), np.zeros((1, 1, 2)))
    >>> losses.tolist(), gradient.tolist()
    ([1.0], [[[1.0, 1.0]]])
    """
    if are_classes(targets, squared, outputs.shape[2]):
        targets = np.eye(outputs.shape[2], dtype=outputs.dtype)[targets]
    elif targets.dtype.kind in "iu":
        targets = targets.astype(outputs.dtype)
    error = outputs - targets.reshape(outputs.shape)
    losses = np.square(error).sum(axis=2).mean(axis=1) / 2
    error /= outputs.shape[1]
    return losses, error


def logistic(outputs: Array, targets: Array) -> tuple[Array, Array]:
    """Return logistic loss, log(1 + e^z) - y z, for one output z and labels y in {0, 1}.

    >>> losses, gradient = logistic(np.zeros((1, 1, 1)), np.array([[1]]))
    >>> float(losses[0].round(6)), gradient.tolist()
    (0.693147, [[[-0.5]]])
    """
    y = targets.reshape(outputs.shape).astype(outputs.dtype)
    tail = np.exp(-np.abs(outputs))
    losses = (np.maximum(outputs, 0) - y * outputs + np.log1p(tail)).mean(axis=(1, 2))
    p = np.where(outputs >= 0, 1, tail) / (1 + tail)
    return losses, (p - y) / outputs.shape[1]


def are_classes(labels: Array, loss: Loss, units: int) -> bool:
    """Say whether labels are classes: integers, unless a single output is compared with numbers.

    >>> are_classes(np.array([0, 3]), softmax, 4), are_classes(np.array([0, 3]), squared, 1)
    (True, False)
    """
    return labels.dtype.kind in "iu" and not (loss is squared and units == 1)


def targets(labels: ArrayLike, outputs: Array, loss: str, positions: int = 1) -> Array:
    """Return labels, (samples,) shared or (nets, samples), as what `loss` compares with the outputs.

    Softmax takes integers below the number of outputs, logistic 0 and 1 for a single output. Squared takes
    integers (one-hot) or real targets, (samples, outputs) or (nets, samples, outputs); for a single output
    all are numbers, also (samples,) or (nets, samples). With `positions` answers for each sample, which share
    the second axis of the outputs with the samples, the labels have a further axis for them: (samples,
    positions); a single position may have it.

    >>> targets([2, 0], np.zeros((3, 2, 4)), "softmax").shape
    (3, 2)
    """
    nets, samples, units = outputs.shape
    y = checks.array("labels", labels, dtype=None)
    classes = are_classes(y, get(loss), units)
    if y.dtype.kind in "iu" and not classes:
        y = y.astype(outputs.dtype)
    if not classes and (loss != "squared" or y.dtype.kind != "f"):
        raise TypeError(f"The {loss} loss needs integer labels. Received dtype: {y.dtype}.")
    limit = 2 if loss == "logistic" else units
    if loss == "logistic" and units != 1:
        raise ValueError(f"The logistic loss needs a single output. Received: {units} outputs.")
    if classes and y.size and not (y.min() >= 0 and y.max() < limit):
        raise ValueError(f"labels must lie in 0..{limit - 1}. Received labels from {y.min()} to {y.max()}.")
    wanted = (nets, samples) if classes else (nets, samples, units)
    if positions > 1:
        wanted = (nets, samples // positions, positions, *wanted[2:])
    if classes and positions == 1 and y.shape in ((*wanted, 1), (samples, 1)):
        y = y[..., 0]
    elif not classes and units == 1 and y.shape in (wanted[:-1], wanted[1:-1]):
        y = y[..., None]
    if y.shape not in (wanted, wanted[1:]):
        raise ValueError(f"labels must have shape {wanted[1:]} or {wanted}. Received: {y.shape}.")
    return np.broadcast_to(y, wanted)


LOSSES: dict[str, Loss] = {"softmax": softmax, "squared": squared, "logistic": logistic}


def get(name: str) -> Loss:
    """Return the loss of that name.

    >>> get("softmax") is softmax
    True
    """
    return LOSSES[checks.choice("loss", name, LOSSES)]
