"""Findings about the size of signals and gradients along the stream."""

import math
from collections.abc import Iterator

from initlib.diagnosis.cures import HALF
from initlib.diagnosis.findings import Finding, listed
from initlib.diagnosis.record import BOUNDED, Operation, Record
from initlib.diagnosis.segments import (
    Segment,
    hidden,
    learns_from_zero,
    luck,
    named_cause,
    segments,
    severity,
)

HALF_FLOOR = 6.1e-5  # the least normal number of float16: digits are lost below it, and all below 6e-8
ADAM_FLOOR = 1e-8  # epsilon, in every framework
AVERAGES = ("mean", "avg_pool", "interpolate")


def signal(record: Record) -> Iterator[Finding]:
    """A signal that grows or shrinks beyond the tolerance, with the law of the layers as its cause."""
    for segment in segments(record):
        points = hidden(record, segment)
        if not points:
            continue
        free = [o for o in points if record.activation_of(o.index)[0] not in BOUNDED]
        ends = [min(points, key=segment.octaves), *([max(free, key=segment.octaves)] if free else [])]
        for worst in ends if ends[0] is not ends[-1] else ends[:1]:
            octaves = segment.octaves(worst)
            if (octaves > 0 and worst not in free) or (octaves < 0 and worst is not ends[0]):
                continue
            how, limit = severity(octaves, segment.depth)
            if how == "severe" and worst.rms == 0 and learns_from_zero(record, worst):
                how = "warning"
            if how is not None and not (octaves > 0 and _grows(record, segment)):
                yield _signal_finding(record, segment, worst, octaves, how, limit)


def _signal_finding(
    record: Record, segment: Segment, worst: Operation, octaves: float, how: str, limit: float
) -> Finding:
    growing = octaves > 0
    code = "signal-explodes" if growing else "signal-vanishes"
    cause, culprit = named_cause(record, segment, growing)
    biased = [o for o in segment.points if (o.bias_share or 0.0) > HALF] if growing and not culprit else []
    sentence = f"From {record.label(segment.start)} to {record.label(worst)} the signal " + (
        f"{'grows' if growing else 'shrinks'} by {abs(octaves):.1f} octaves (x {2.0**octaves:.3g})"
        if math.isfinite(octaves)
        else "grows beyond all numbers"
        if growing
        else "falls to zero"
    )
    if not cause and abs(octaves) < 4 * luck(record, segment):
        code = "too-narrow"
        cause = ", though every layer has about the scale it asks for"
    if biased:
        share = max(o.bias_share or 0.0 for o in biased)
        code, cause, culprit = "signal-explodes", f": biases make up {share:.0%} of it", biased[0]
    where = culprit or worst
    return Finding(
        code,
        how,
        record.label(where),
        sentence + cause + ".",
        octaves,
        f"{limit:+.1f} octaves at {segment.depth} layers",
        where.index,
    )


def stream(record: Record) -> Iterator[Finding]:
    """A residual stream whose size, or gradient, grows from block to block beyond the tolerance."""
    for segment in segments(record):
        growth = _grows(record, segment)
        if not growth:
            continue
        blocks = _blocks(record, segment)
        forward = max(segment.octaves(o) for o in blocks)
        backward = _back(record, segment) or 0.0
        octaves, what = max((forward, "signal"), (backward, "gradient"))
        how, limit = severity(octaves, segment.depth)
        if how is None or octaves < 0:
            continue
        yield Finding(
            "stream-grows",
            how,
            record.label(blocks[0]),
            f"The branches are not scaled: from {record.label(blocks[0])} to {record.label(blocks[-1])} "
            f"the mean square is multiplied by {growth:.2f} in each of {len(blocks)} blocks (1 + s^2 for "
            f"branches that add s^2), the {what} by {2.0**octaves:.3g} over all, {octaves:.1f} octaves.",
            octaves,
            f"{limit:+.1f} octaves at {segment.depth} layers",
            blocks[0].index,
        )


def _blocks(record: Record, segment: Segment) -> list[Operation]:
    return [o for o in hidden(record, segment) if o.kind == "sum" and len(o.parents) > 1]


def _grows(record: Record, segment: Segment) -> float | None:
    """Return by how much the mean square grows from block to block, if there are blocks and it does."""
    blocks = _blocks(record, segment)
    if len(blocks) < 3 or not blocks[0].rms or not blocks[-1].rms:
        return None
    growth = (blocks[-1].rms / blocks[0].rms) ** (2 / (len(blocks) - 1))
    return growth if growth > 1.1 else None


def gradients(record: Record) -> Iterator[Finding]:
    """A gradient that grows or shrinks on its way back beyond the tolerance."""
    for segment in segments(record):
        octaves = _back(record, segment)
        if octaves is None or (octaves > 0 and _grows(record, segment)):
            continue
        how, limit = severity(octaves, segment.depth)
        if how is None:
            continue
        first, last = (_graded(segment)[i] for i in (0, -1))
        yield Finding(
            "gradient-explodes" if octaves > 0 else "gradient-vanishes",
            how,
            record.label(first),
            f"From {record.label(last)} back to {record.label(first)} the gradient "
            f"{'grows' if octaves > 0 else 'shrinks'} by {abs(octaves):.1f} octaves (x {2.0**octaves:.3g}).",
            octaves,
            f"{limit:+.1f} octaves at {segment.depth} layers",
            first.index,
        )


def tiny_gradients(record: Record) -> Iterator[Finding]:
    """Gradients that the number format rounds away, or that Adam's epsilon drowns."""
    half = {name for o in record.operations if o.half for name in o.weights}
    adam = str(record.optimizer).lower().startswith("adam")
    for names, floor, what in (
        (half, HALF_FLOOR, "float16 rounds off"),
        (set(record.weights) - half if adam else set(), ADAM_FLOOR, "Adam's epsilon drowns"),
    ):
        found = [
            (weight, size)
            for weight in record.weights.values()
            if weight.name in names and weight.kind != "lookup" and weight.gradient
            for size in [weight.gradient / math.sqrt(math.prod(weight.shape))]
            if size < floor
        ]
        if found:
            weight, size = min(found, key=lambda one: one[1])
            yield Finding(
                "gradient-tiny",
                "warning",
                weight.name,
                f"The gradient of {listed([w.name for w, _ in found])} has size {size:.2g} an entry, which "
                f"{what}.",
                size,
                f"{floor:.0e}",
                min(use for w, _ in found for use in w.uses),
                holds="float16" if names is half else "Adam",
            )


def _graded(segment: Segment) -> list[Operation]:
    return [o for o in segment.points if o.gradient is not None and o.where != "the loss"]


def _back(record: Record, segment: Segment) -> float | None:
    """Return log2 of the gradient's norm at the first point over that at the last, pooling taken out."""
    points = _graded(segment)
    if len(points) < 2 or not points[-1].gradient or not points[0].gradient:
        return None
    octaves = math.log2(points[0].gradient / points[-1].gradient)
    return octaves - _pooling(record, points[0], points[-1]) if math.isfinite(octaves) else None


def _pooling(record: Record, first: Operation, last: Operation) -> float:
    """Return the octaves that averaging over positions takes from the gradient's norm by itself."""
    octaves = 0.0
    for o in record.stream:
        if first.index < o.index <= last.index and o.kind == "pool" and o.name.startswith(AVERAGES):
            before = record.operations[o.parents[0]].shape if o.parents else ()
            if before and o.shape:
                octaves += 0.5 * math.log2(math.prod(o.shape) / math.prod(before))
    return octaves


CHECKS = (signal, stream, gradients, tiny_gradients)
