"""Findings about inputs that become alike, or are so from the start."""

import itertools
import math
from collections.abc import Iterator

from initlib.diagnosis import predict
from initlib.diagnosis.findings import Finding
from initlib.diagnosis.record import Operation, Record
from initlib.diagnosis.segments import hidden, learns_from_zero, luck, named_cause, segments

ALIKE = 0.05  # 1 - cosine between samples: less than 5 % of the size differs


def merging(record: Record) -> Iterator[Finding]:
    """Inputs that become alike from the first to the last hidden layer."""
    for segment in segments(record):
        points = [(o, _apart(record, o)) for o in hidden(record, segment)]
        trail = [(o, apart) for o, apart in points if apart is not None]
        start = segment.start
        if start.kind == "input" and start.apart and math.prod(start.shape[1:]) > 1:
            trail = [(start, start.apart), *trail]
        if len(trail) < 2 or not trail[0][1]:
            continue
        (first, before), (last, after) = trail[0], min(trail, key=lambda one: one[1])
        loss = math.log(max(after, 1e-7) / before)
        if loss > predict.MERGE[0]:
            continue
        place = _largest_drop(trail)
        share = max(record.owner(o).bias_share or 0.0 for o, _ in trail)
        by_bias = (
            f"; the signal vanishes behind the biases, which make up {share:.0%} of it" if share > 0.5 else ""
        )
        cause = (
            named_cause(record, segment, growing=False)[0] or named_cause(record, segment, growing=True)[0]
        )
        narrow = not cause and share <= 0.5 and luck(record, segment) > 1
        benign = loss >= predict.MERGE[1] or learns_from_zero(record, place)
        yield Finding(
            "too-narrow" if narrow else "inputs-merge",
            "warning" if benign else "severe",
            record.label(place),
            f"1 - cosine between inputs falls from {before:.2g} at {record.label(first)} to "
            f"{after:.2g} at {record.label(last)}{by_bias}{cause}.",
            loss,
            f"ln of the ratio {predict.MERGE[0]} (warning), {predict.MERGE[1]} (severe)",
            place.index,
        )


def _apart(record: Record, operation: Operation) -> float | None:
    """Return 1 - cosine at a point; behind a sine where one follows, since a phase hides nothing."""
    for after in record.behind(operation.index):
        if after.kind == "activation":
            return after.apart if after.activation == "sin" else operation.apart
        if after.kind != "scale":
            break
    return operation.apart


def _largest_drop(trail: list[tuple[Operation, float]]) -> Operation:
    drops = [
        (math.log(max(one[1], 1e-7) / max(two[1], 1e-7)), two[0]) for one, two in itertools.pairwise(trail)
    ]
    return max(drops, key=lambda drop: drop[0])[1]


def alike_inputs(record: Record) -> Iterator[Finding]:
    """Inputs that are nearly alike from the start, in a net that does not tell them apart either."""
    inputs = [o for o in record.operations if o.kind == "input" and o.apart is not None]
    layers = [
        o for o in record.operations if o.kind == "weight" and o.apart is not None and o.where != "the loss"
    ]
    inner = [o for o in layers if o.index not in record.ends]
    if not inputs or not inner or record.samples < 8 or max(math.prod(o.shape[1:]) for o in inputs) < 2:
        return
    at_input, at_end = max(o.apart or 0.0 for o in inputs), inner[-1].apart or 0.0
    if at_input >= ALIKE or at_end >= ALIKE:
        return
    trail = [f"{record.label(o)} {o.apart:.2g}" for o in layers]
    ends = [record.operations[i] for i in record.outputs]
    varies = max((o.varies for o in ends if o.varies is not None), default=None)
    output = (
        f"; {varies:.2g} of the output's mean square differs between inputs" if varies is not None else ""
    )
    yield Finding(
        "inputs-alike",
        "warning",
        record.label(inputs[0]),
        f"The inputs of this batch differ by 1 - cosine = {at_input:.2g} only, and the net keeps it so: "
        + ", ".join(trail[:8])
        + output
        + ".",
        at_input,
    )


CHECKS = (merging, alike_inputs)
