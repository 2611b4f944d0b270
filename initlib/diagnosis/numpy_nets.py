"""The record of an `initlib.networks.Network` of one net: the same graph, without PyTorch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import initlib
from initlib import checks
from initlib.diagnosis.predict import FLAT
from initlib.diagnosis.record import Cell, Loss, Operation, Parameter, Record, Weight
from initlib.networks import Network

Array = NDArray[Any]
LOSSES = ("softmax", "squared")
GATES = ("input", "forget", "output", "candidate")  # of an LSTM of initlib


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what is not finite is a finding
def examine(network: Network, batch: Any, loss: Any, optimizer: Any) -> Record:
    """Return the record of a net on inputs, or on (inputs, targets) with a loss."""
    if network.nets != 1:
        raise ValueError(
            f"diagnose takes one net; use network.take([i]). Received a stack of {network.nets}."
        )
    if optimizer is not None and not isinstance(optimizer, str):
        raise TypeError(
            'optimizer must be "sgd", "adam" or "adamw" for a network of initlib. '
            f"Received: {type(optimizer).__name__}."
        )
    if loss is not None:
        checks.choice("loss", loss, LOSSES)
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise ValueError(
                f"With a loss, batch must be (inputs, targets). Received: {type(batch).__name__}."
            )
    x, targets = batch if loss is not None else (batch, None)
    record = Record("initlib", [], optimizer=optimizer)
    record.versions = {"initlib": initlib.__version__}
    record.skipped.append("learning rate (for PyTorch models alone)")
    walk = _Walk(network, record)
    walk.parameters()
    if any(p.bad for p in record.parameters.values()):
        return record
    inputs = network.check_input(x)
    if not inputs.shape[1]:
        raise ValueError(f"batch must have at least one sample. Received: {np.shape(x)}.")
    trace = network.forward(x)
    record.samples = trace.output.shape[1]
    walk.tape = trace.tape
    last = walk.through(network.layers, walk.input(inputs[0]))
    record.outputs = (last,)
    gradient = _gradient(record, trace.output[0], targets, loss, last)
    if np.isfinite(gradient).all():
        network.backward(trace, gradient[None])
        walk.gradients()
    return record


class _Walk:
    """Goes through the layers of a network and writes down what its tape kept."""

    def __init__(self, network: Network, record: Record) -> None:
        self.network, self.record = network, record
        self.tape: Any = None
        self.layers: dict[int, Any] = {}
        self.names = self._names()

    def _names(self) -> dict[int, str]:
        counts: dict[str, int] = {}
        names = {}
        for slot, parameter in enumerate(self.network.parameters):
            counts[parameter.kind] = counts.get(parameter.kind, 0) + 1
            names[slot] = f"{parameter.kind} {counts[parameter.kind]}"
        return names

    def parameters(self) -> None:
        """Write down every parameter as it stands."""
        for slot, (value, parameter) in enumerate(
            zip(self.network.values, self.network.parameters, strict=True)
        ):
            trained = parameter.kind not in ("fixed", "statistic")
            bad = int((~np.isfinite(value)).sum())
            largest = float(np.abs(value[np.isfinite(value)]).max(initial=0.0))
            self.record.parameters[self.names[slot]] = Parameter(
                self.names[slot], value.shape[1:], trained, bad, largest, 0 < largest < 1e-20
            )

    def input(self, x: Array) -> int:
        """Add the input."""
        operation = self._add("input", "input", ())
        self._look(operation, x)
        self.record.input_spread = _feature_spread(x)
        return operation.index

    def through(self, layers: Sequence[Any], at: int) -> int:
        """Follow the layers from an operation on; return the last operation."""
        for layer in layers:
            at = self._layer(layer, at)
        return at

    def _layer(self, layer: Any, at: int) -> int:
        kind = type(layer).__name__
        if kind == "Residual":
            end = self.through(layer.branch, at)
            operation = self._add("sum", "add", (at, end))
        elif kind in ("Dense", "Convolution"):
            operation = self._weigh(layer, kind, at)
        elif kind == "Activate":
            name = layer.activation.name
            operation = self._add("activation", name, (at,), activation=name)
        elif kind == "Normalise":
            operation = self._add("norm", "batch_norm" if layer.statistics else "layer_norm", (at,))
        elif kind == "Scale":
            factor = float(self.network.values[layer.slot].reshape(-1)[0])
            operation = self._add("scale", "mul", (at,), factor=factor)
        elif kind == "Shift":
            return at
        elif kind == "LSTM":
            operation = self._cells(layer, at)
        else:
            operation = self._add("pool" if kind.startswith("Mean") else "other", kind, (at,))
        signal = self.tape.signals.get(layer)
        if signal is not None:
            self._look(operation, signal[0])
            self.layers[operation.index] = layer
        return operation.index

    def _weigh(self, layer: Any, kind: str, at: int) -> Operation:
        name = self.names[layer.weight]
        values = self.network.values[layer.weight][0]
        operation = self._add("weight", "linear" if kind == "Dense" else "conv", (at,), weights=(name,))
        weight = self._weight(name, values, operation.name)
        weight.uses.append(operation.index)
        self.record.weights[name] = weight
        if layer.bias is not None:
            bias = self.network.values[layer.bias][0]
            weight.bias, weight.bias_rms = self.names[layer.bias], _rms(bias)
            size = _rms(self.tape.signals[layer][0])
            operation.bias_share = min(1.0, (weight.bias_rms / size) ** 2) if size else None
            weight.own_biases = bool((bias != bias.ravel()[0]).any())
        return operation

    def _cells(self, layer: Any, at: int) -> Operation:
        names = tuple(self.names[slot] for slot in (layer.weight, layer.recurrent))
        operation = self._add("recurrent", "lstm", (at,), weights=names)
        for name, slot in zip(names, (layer.weight, layer.recurrent), strict=True):
            self.record.weights[name] = self._weight(name, self.network.values[slot][0], "recurrent")
            self.record.weights[name].uses.append(operation.index)
        biases = np.split(self.network.values[layer.bias][0].astype(float), len(GATES))
        parts = {gate: tuple(part.tolist()) for gate, part in zip(GATES, biases, strict=True)}
        steps = self.tape.kept[layer][0].shape[2]
        operation.cells = (Cell(names, (self.names[layer.bias],), parts, steps),)
        return operation

    def _weight(self, name: str, values: Array, kind: str) -> Weight:
        values = values.astype(float)
        matrix = values.reshape(-1, values.shape[-1])
        taps = int(np.prod(values.shape[:-2])) if values.ndim > 2 else 1
        mean = float(values.mean())
        std = float(values.std()) if np.ptp(values) else 0.0  # not what rounding makes of it
        return Weight(
            name,
            kind,
            values.shape,
            float(matrix.shape[0]),
            float(values.shape[-1] * taps),
            values.size,
            mean,
            std,
            float(np.mean(((values - mean) / (std or 1.0)) ** 4)),
            float(np.abs(values).max()),
            same_rows=_alike(matrix, kind),
        )

    def gradients(self) -> None:
        """Write down what went back."""
        for index, layer in self.layers.items():
            back = self.tape.signal_gradients.get(layer)
            if back is not None:
                self.record.operations[index].gradient = _rms(back) * float(back.size) ** 0.5
        for slot, gradient in self.tape.gradients.items():
            name = self.names[slot]
            self.record.parameters[name].reached = True
            self.record.parameters[name].still = not gradient.any()
            weight = self.record.weights.get(name)
            if weight is not None:
                weight.gradient = _rms(gradient) * float(gradient.size) ** 0.5
                matrix = gradient.reshape(-1, gradient.shape[-1])
                limit = 1e-9 * float(np.abs(matrix).max())
                alike = weight.same_rows and _alike(matrix, weight.kind, limit)
                weight.same_gradients = alike
                weight.same_later = alike and not self._broken_later(weight)

    def _broken_later(self, weight: Weight) -> bool:
        """Say whether zero layers further up keep a gradient away that will tell the units apart."""
        later = [w for w in self.record.weights.values() if w.uses[0] > weight.uses[0]]
        return weight.gradient == 0 and any(not w.rms and not w.same_gradients for w in later)

    def _add(self, kind: str, name: str, parents: tuple[int, ...], **more: Any) -> Operation:
        operation = Operation(len(self.record.operations), kind, name, "", parents, **more)
        self.record.operations.append(operation)
        return operation

    def _look(self, operation: Operation, signal: Array) -> None:
        operation.shape = tuple(signal.shape)
        operation.rms = _rms(signal)
        if len(signal) > 1 and 0 < operation.rms < np.inf:
            flat = signal.reshape(len(signal), -1) / operation.rms
            norms = np.linalg.norm(flat, axis=1)
            live = norms > 0
            unit = flat[live] / norms[live, None]
            n = len(unit)
            if n > 1:
                operation.apart = max(0.0, 1 - (float(np.sum(unit.sum(0) ** 2)) - n) / (n * (n - 1)))
            operation.varies = max(0.0, 1 - float(np.mean(np.square(flat.mean(0)))))
        if operation.activation == "relu":
            operation.off = float((signal.reshape(-1, signal.shape[-1]).max(axis=0) == 0).mean())
        elif operation.activation in FLAT:
            middle = 0.5 if operation.activation == "sigmoid" else 0.0
            operation.flat = float((np.abs(signal - middle) >= FLAT[operation.activation]).mean())


def _rms(values: Array) -> float:
    """Return the root mean square in double precision, of numbers of any size."""
    top = float(np.abs(values).max(initial=0.0))
    return top * float(np.sqrt(np.mean((values / top) ** 2, dtype=float))) if 0 < top < np.inf else top


def _feature_spread(x: Array) -> float | None:
    """Return the ratio of largest to smallest standard deviation of the features that vary."""
    if x.ndim != 2 or len(x) < 8:
        return None
    std = x[:, np.ptp(x, axis=0) > 0].std(axis=0, dtype=float)
    return float(std.max() / std.min()) if len(std) > 1 else None


def _alike(matrix: Array, kind: str, limit: float = 0.0) -> bool:
    """Say whether the columns of a weight, or its gradient, are equal; in recurrent layers gate by gate."""
    parts = np.split(matrix, len(GATES), axis=1) if kind == "recurrent" else [matrix]
    return all(bool(part.shape[1] > 1 and (np.abs(part - part[:, :1]) <= limit).all()) for part in parts)


def _gradient(record: Record, output: Array, targets: Any, loss: Any, last: int) -> Array:
    """Return dLoss/d(output), and write the loss down; N(0, 1) without a loss."""
    if loss is None:
        return np.random.default_rng(0).standard_normal(output.shape).astype(output.dtype)
    found = Loss(output_shape=output.shape, fed=last, samples=len(output), reduction="mean")
    record.loss = found
    if loss == "squared":
        y = checks.array("targets", targets, dtype=output.dtype)
        if y.shape != output.shape:
            raise ValueError(f"targets must have the outputs' shape {output.shape}. Received: {y.shape}.")
        found.kind, found.value = "squared", float(np.mean((output - y) ** 2))
        found.target_rms = float(np.sqrt(np.mean(y**2)))
        found.target_low, found.target_high = float(y.min()), float(y.max())
        back: Array = 2 * (output - y) / output.size
        return back
    labels = np.asarray(targets)
    classes = output.shape[-1]
    if (
        labels.shape != output.shape[:1]
        or labels.dtype.kind not in "iu"
        or not 0 <= labels.min() <= labels.max() < classes
    ):
        raise ValueError(
            f"targets must be {len(output)} integer labels from 0 to {classes - 1}. "
            f"Received: {labels.dtype} of shape {labels.shape}."
        )
    shifted = output - output.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    found.kind, found.classes = "cross_entropy", classes
    found.value = float(-logs[np.arange(len(labels)), labels].mean())
    found.target_low, found.target_high = float(labels.min()), float(labels.max())
    found.target_constant = bool(len(labels) > 7 and labels.min() == labels.max())
    top = np.exp(logs)
    top[np.arange(len(labels)), labels] -= 1
    result: Array = top / len(labels)
    return result
