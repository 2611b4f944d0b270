"""Stretches of the stream without normalisation: their size by layer, and which weights explain it."""

import math
from dataclasses import dataclass
from statistics import median

from initlib.diagnosis import laws, predict
from initlib.diagnosis.cures import OFF
from initlib.diagnosis.findings import listed
from initlib.diagnosis.record import RESETS, Operation, Record, Weight

POINTS = ("weight", "sum", "join", "scale")


@dataclass
class Segment:
    """A stretch of the stream without normalisation: where its scale starts, and its points.

    `depth` counts the weight layers of the longest way through it, an output layer at its end included.
    """

    start: Operation
    points: list[Operation]
    depth: int
    pooled: float = 0.0

    def octaves(self, operation: Operation) -> float:
        """Return log2 of the amplitude of an operation over that at the start."""
        if not operation.rms:
            return -math.inf
        return math.log2(operation.rms / self.start.rms) if self.start.rms else 0.0


def segments(record: Record) -> list[Segment]:
    """Return the stretches of the stream that have a hidden weight layer reading them as they are."""
    found, current = [], None
    for o in record.stream:
        starts = o.kind in RESETS or o.kind == "input" or current is None
        if starts and o.rms is not None and math.isfinite(o.rms) and o.rms > 0:
            current = Segment(o, [], 0)
            found.append(current)
        elif starts:
            current = None
        elif current is not None and o.kind in POINTS and not record.normalised(o.index):
            if o.kind == "scale" and current.points and o.parents == (current.points[-1].index,):
                current.points[-1] = o  # sin(30 (W x + b)): what counts is what the activation sees
            elif o.kind != "scale" and o.index in record.leads_to_output:
                current.points.append(o)
    for segment in found:
        last = segment.points[-1] if segment.points else segment.start
        segment.depth = record.layers[last.index] - record.layers[segment.start.index]
        segment.depth += int(not any(record.owner(o).index in record.ends for o in segment.points))
    return [segment for segment in found if segment.points and _read_directly(record, segment)]


def _read_directly(record: Record, segment: Segment) -> bool:
    """Say whether something but normalisations and sums reads the stretch before its last point."""
    for o in [segment.start, *segment.points[:-1]]:
        for child in record.children[o.index]:
            kind = record.operations[child].kind
            if kind not in ("norm", "sum", "join") and not record.normalised(child):
                return True
    return False


def hidden(record: Record, segment: Segment) -> list[Operation]:
    """Return the points before the output layers."""
    return [o for o in segment.points if o.where != "the loss" and o.index not in record.last]


def severity(octaves: float, depth: int) -> tuple[str | None, float]:
    """Return how severe so many octaves are in so many layers, and the tolerance they passed.

    A warning beyond the tolerance, severe beyond twice it; up to 4 layers, where it is wide, what grows is
    severe beyond it, and what shrinks beyond one and a half times it.

    >>> severity(-10.0, 12), severity(2.0, 12)
    (('severe', -4.196), (None, 3.31))
    """
    low, high = predict.tolerance(depth)
    limit = low if octaves < 0 else high
    if abs(octaves) <= abs(limit):
        return None, limit
    factor = 2.0 if depth > 4 else 1.0 if octaves > 0 else 1.5
    return ("severe" if abs(octaves) > factor * abs(limit) else "warning"), limit


def learns_from_zero(record: Record, operation: Operation) -> bool:
    """Say whether a layer gives zero because its weights are, and gets a gradient that changes them."""
    owner = record.owner(operation)
    weight = record.weights.get(owner.weights[0]) if owner.weights else None
    return weight is not None and weight.rms == 0 and bool(weight.gradient)


def luck(record: Record, segment: Segment) -> float:
    """Return the standard deviation of a ReLU net's signal, in octaves: ln q has variance 5 sum 1 / n."""
    own = [
        record.weights[o.weights[0]] for o in segment.points if o.weights and o.weights[0] in record.weights
    ]
    return math.sqrt(5 * sum(1 / w.fan_out for w in own)) / (2 * math.log(2))


def named_cause(record: Record, segment: Segment, growing: bool) -> tuple[str, Operation | None]:
    """Return words for the layers whose law is off in the direction of the fault, and the first of them."""
    off: list[tuple[Operation, Weight, float]] = []
    end = segment.points[-1].index
    for o in record.operations[segment.start.index : end + 1]:
        weight = record.weights.get(o.weights[0]) if o.weights and o.kind == "weight" else None
        if weight is None or o.index in record.ends or record.normalised(o.index):
            continue
        ratio = laws.ratio(record, o, weight)
        limit = max(OFF, math.exp(laws.SIGMAS * math.sqrt(2 / weight.count) / 2))
        if growing and record.layers[o.index] == 1:
            limit *= 2**0.5  # He's rule for a first layer, which reads no ReLU, is what people use
        if ratio is not None and (ratio > limit if growing else ratio < 1 / limit):
            off.append((o, weight, ratio))
    if not off:
        return "", None
    names = list(dict.fromkeys(record.label(o) for o, _, _ in off))
    middle = median(ratio for _, _, ratio in off)
    first, weight, _ = max(off, key=lambda one: abs(math.log(one[2] or 1e-300)))
    rule = laws.wanted(record, first, weight)
    what = f"of {rule[1]}" if rule else "of the rule"
    return (
        f": {listed(names)} {'are' if len(names) > 1 else 'is'} drawn as {laws.words(weight)}, "
        f"{middle:.3g} times the standard deviation {what}",
        off[0][0],
    )
