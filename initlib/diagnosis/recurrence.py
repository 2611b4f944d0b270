"""Findings about recurrent layers: what they hand on, their gates, and the way back through time."""

import math
from collections.abc import Iterator
from statistics import median

import numpy as np
from numpy.typing import NDArray

from initlib.diagnosis import laws, lines, predict
from initlib.diagnosis.findings import Finding, listed
from initlib.diagnosis.record import Cell, Operation, Record
from initlib.diagnosis.segments import severity

TANH_FLAT = 2.18  # beyond it tanh has less than 5 % of its steepest slope
SHUT = (1 - math.sqrt(1 - 0.05)) / 2  # there a sigmoid has 5 % of its steepest slope
LET = {
    "forget": "is left of the state from one step to the next",
    "update": "is left of the state from one step to the next",
    "input": "of what comes in is in the state after {steps} steps",
    "output": "of the state is handed on",
    "reset": "of the state is seen by its next candidate",
}


def shut_gates(record: Record) -> Iterator[Finding]:
    """Gates that let next to nothing through at the start, and what that keeps the layer from."""
    told: dict[tuple[str, str], list[tuple[Operation, Cell, float, float, int]]] = {}
    for o, cell, uses in _cells(record):
        steps = cell.steps * uses
        for gate, what, share in _open(cell, steps):
            if share < SHUT:
                told.setdefault((gate, what), []).append((o, cell, share, median(cell.gates[gate]), steps))
    for (gate, what), places in told.items():
        o, cell, share, bias, steps = min(places, key=lambda one: one[2])
        names = [one[1].biases[-1] for one in places]
        yield Finding(
            "gate-shut",
            "warning",
            cell.biases[-1],
            f"The {gate} gates of {listed(names)} start at {int(bias > 0)}, from biases of "
            f"{bias:.3g}: {share:.2g} {LET[what].format(steps=steps)}, and at {_slope(bias):.1g} of its "
            "steepest slope such a gate hardly learns.",
            share,
            order=o.index,
            lines=_mended(record, cell, gate),
        )


def _cells(record: Record) -> Iterator[tuple[Operation, Cell, int]]:
    """Yield each layer once, with the operation that used it first and how many did."""
    uses: dict[tuple[str, ...], list[tuple[Operation, Cell]]] = {}
    for o in record.operations:
        for cell in o.cells:
            uses.setdefault(cell.weights, []).append((o, cell))
    for places in uses.values():
        yield *places[0], len(places)


def _open(cell: Cell, steps: int) -> Iterator[tuple[str, str, float]]:
    """Yield gate, what it lets through, and the share of that, of the median unit."""
    if len(cell.gates) < 3 or not cell.biases:
        return
    values = {gate: _sigmoid(np.asarray(biases)) for gate, biases in cell.gates.items()}
    if "forget" in values:
        forget = values["forget"]
        yield "forget", "forget", float(np.median(forget))
        yield "input", "input", float(np.median(values["input"] * (1 - forget**steps) / (1 - forget)))
        yield "output", "output", float(np.median(values["output"]))
    else:
        yield "update", "update", float(np.median(values["update"]))
        yield "update", "input", float(np.median(1 - values["update"] ** steps))
        yield "reset", "reset", float(np.median(values["reset"]))


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-x)), so that one minus it is never 0."""
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))


def _slope(bias: float) -> float:
    """Return the slope of a sigmoid over its steepest."""
    return 1 / math.cosh(min(abs(bias), 700.0) / 2) ** 2


def _mended(record: Record, cell: Cell, gate: str) -> str:
    """Return the lines that open a gate: biases of 0, of a forget gate 1."""
    units, at = len(cell.gates[gate]), list(cell.gates).index(gate) * len(cell.gates[gate])
    rows = [
        lines.gate(record, name, at, at + units, int(gate == "forget" and not number))
        for number, name in enumerate(cell.biases)
    ]
    return "\n".join(filter(None, rows))


def saturated_cells(record: Record) -> Iterator[Finding]:
    """Recurrent layers whose candidates are flat: weights or biases far beyond 1."""
    for o, cell, _ in _cells(record):
        if not o.parents or "relu" in o.name:
            continue
        before = record.operations[o.parents[0]] if cell is o.cells[0] else o
        own = [record.weights[name] for name in cell.weights if name in record.weights]
        sizes = (before.rms or 0.0, o.rms or 0.0)
        spread = math.sqrt(
            sum(w.rms * w.rms * w.fan_in * size * size for w, size in zip(own, sizes, strict=False))
        )
        biases = np.asarray(cell.gates["candidate"])
        share = _flat(biases, spread)
        if share > 0.5:
            loud = float(np.sqrt(np.mean(biases**2)))
            by_bias = loud > spread
            size = f"biases of size {loud:.2g}" if by_bias else f"a standard deviation of about {spread:.2g}"
            yield Finding(
                "saturation",
                "severe" if share > 0.9 else "warning",
                record.label(o),
                f"What tanh gets in {record.label(o)} has {size}: {share:.0%} of it lies where tanh is flat.",
                share,
                order=o.index,
                lines=_mended(record, cell, "candidate") if by_bias else _quieter(record, cell),
            )


def _quieter(record: Record, cell: Cell) -> str:
    """Return the lines that draw the matrices of a cell anew, if they more than double what they get."""
    own = [record.weights[name] for name in cell.weights if name in record.weights]
    rules = {w.name: "orthogonal" if i else "xavier" for i, w in enumerate(own) if w.rms**2 * w.fan_in > 4}
    return lines.each(record, rules)


def _louder(record: Record, operation: Operation) -> str:
    """Return the lines that draw all matrices anew that make less than half of what they get."""
    own = [
        (record.weights[n], i)
        for c in operation.cells
        for i, n in enumerate(c.weights)
        if n in record.weights
    ]
    rules = {w.name: "orthogonal" if i else "xavier" for w, i in own if w.rms**2 * w.fan_in < 1 / 4}
    return lines.each(record, rules)


def _flat(biases: NDArray[np.float64], spread: float) -> float:
    """Return the share of N(bias, spread^2) that lies beyond +-TANH_FLAT, over all units."""
    width = max(spread, 1e-12) * math.sqrt(2)
    sides = [(TANH_FLAT - b) / width for b in biases] + [(TANH_FLAT + b) / width for b in biases]
    return sum(math.erfc(side) for side in sides) / 2 / len(biases)


def recurrent_signal(record: Record) -> Iterator[Finding]:
    """A recurrent layer that hands on far less than it gets."""
    for o in record.operations:
        inside = record.operations[o.parents[0]] if o.parents else o
        if o.kind != "recurrent" or o.rms is None or not inside.rms:
            continue
        layers = max(1, sum(name in record.weights for name in o.weights) // 2)
        octaves = math.log2(o.rms / inside.rms) if o.rms else -math.inf
        how, limit = severity(octaves, layers + 1)
        if octaves < 0 and how is not None:
            weight = record.weights.get(o.weights[0]) if o.weights else None
            shut = any(share < SHUT for one in o.cells for _, _, share in _open(one, one.steps))
            law = f": {weight.name} is drawn as {laws.words(weight)}" if weight and not shut else ""
            yield Finding(
                "signal-vanishes",
                how,
                record.label(o),
                f"Behind {record.label(o)} the signal is {-octaves:.1f} octaves smaller "
                f"(x {2.0**octaves:.3g}) than in front of it{law}.",
                octaves,
                f"{limit:+.1f} octaves at {layers + 1} layers",
                o.index,
                lines=_louder(record, o) or lines.drawn(record, weight.name if weight else None, "xavier"),
            )


def through_time(record: Record) -> Iterator[Finding]:
    """A gradient that explodes inside a recurrent layer, on its way back through time."""
    for o in record.operations:
        if o.kind != "recurrent" or not o.gradient or not o.rms or not o.parents:
            continue
        inside = record.operations[o.parents[0]]
        if not inside.gradient or not inside.rms:
            continue
        octaves = math.log2(inside.gradient * inside.rms / (o.gradient * o.rms))
        how, limit = severity(octaves, predict.DEPTHS[-1])
        if octaves > 0 and how is not None:
            yield Finding(
                "gradient-explodes",
                how,
                record.label(o),
                f"On its way back through time in {record.label(o)} the gradient grows by {octaves:.1f} "
                f"octaves (x {2.0**octaves:.3g}), relative to the signals.",
                octaves,
                f"{limit:+.1f} octaves",
                o.index,
                lines=lines.drawn(record, next(iter(o.weights[1:]), None), "orthogonal"),
            )


CHECKS = (recurrent_signal, shut_gates, saturated_cells, through_time)
