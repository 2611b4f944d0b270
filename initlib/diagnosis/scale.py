"""Findings about size: of signals, gradients and differences between inputs, along the stream."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from initlib.diagnosis import laws, predict
from initlib.diagnosis.exact import listed
from initlib.diagnosis.findings import Finding
from initlib.diagnosis.record import BOUNDED, RESETS, Operation, Record, Weight

POINTS = ("weight", "sum", "join", "scale")
AVERAGES = ("mean", "avg_pool", "interpolate")
ALIKE = 0.05  # 1 - cosine between samples: less than 5 % of the size differs
ODD = 1.1  # the same for a layer beside its siblings; 64 x 64 weights tell 1.06 from 1
OFF = 1.15  # factor of a standard deviation from which a layer counts as a cause


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
    ends = record.ends
    return [
        o
        for o in segment.points
        if o.where != "the loss" and not (o.kind != "sum" and record.owner(o).index in ends)
    ]


def severity(octaves: float, depth: int) -> tuple[str | None, float]:
    """Return how severe so many octaves are in so many layers, and the tolerance they passed.

    A warning beyond the tolerance, severe beyond twice it; up to 4 layers, where it is wide, beyond it.

    >>> severity(-10.0, 12), severity(2.0, 12)
    (('severe', -4.196), (None, 3.31))
    """
    low, high = predict.tolerance(depth)
    limit = low if octaves < 0 else high
    if abs(octaves) <= abs(limit):
        return None, limit
    return ("severe" if depth <= 4 or abs(octaves) > 2 * abs(limit) else "warning"), limit


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
            if how == "severe" and worst.rms == 0 and _learns_from_zero(record, worst):
                how = "warning"
            if how is not None and not (octaves > 0 and _grows(record, segment)):
                yield _signal_finding(record, segment, worst, octaves, how, limit)


def _learns_from_zero(record: Record, operation: Operation) -> bool:
    """Say whether a layer gives zero because its weights are, and gets a gradient that changes them."""
    owner = record.owner(operation)
    weight = record.weights.get(owner.weights[0]) if owner.weights else None
    return weight is not None and weight.rms == 0 and bool(weight.gradient)


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


def _signal_finding(
    record: Record, segment: Segment, worst: Operation, octaves: float, how: str, limit: float
) -> Finding:
    growing = octaves > 0
    code = "signal-explodes" if growing else "signal-vanishes"
    cause, culprit = _cause(record, segment, growing)
    sentence = f"From {record.label(segment.start)} to {record.label(worst)} the signal " + (
        f"{'grows' if growing else 'shrinks'} by {abs(octaves):.1f} octaves (x {2.0**octaves:.3g})"
        if math.isfinite(octaves)
        else "falls to zero"
    )
    if not cause and abs(octaves) < 4 * _luck(record, segment):
        code = "too-narrow"
        cause = ", though every layer has about the scale it asks for"
    where = culprit or worst
    return Finding(
        code,
        how,
        record.label(where),
        sentence + cause + ".",
        octaves,
        f"{limit:+.1f} octaves at {segment.depth} layers",
        where.index,
        lines=_layer_lines(record, where) if culprit else "",
    )


def _luck(record: Record, segment: Segment) -> float:
    """Return the standard deviation of a ReLU net's signal, in octaves: ln q has variance 5 sum 1 / n."""
    own = [
        record.weights[o.weights[0]] for o in segment.points if o.weights and o.weights[0] in record.weights
    ]
    return math.sqrt(5 * sum(1 / w.fan_out for w in own)) / (2 * math.log(2))


def _cause(record: Record, segment: Segment, growing: bool) -> tuple[str, Operation | None]:
    """Return words for the layers whose law is off in the direction of the fault, and the first of them."""
    off: list[tuple[Operation, Weight, float]] = []
    end = segment.points[-1].index
    for o in record.operations[segment.start.index : end + 1]:
        weight = record.weights.get(o.weights[0]) if o.weights and o.kind == "weight" else None
        if weight is None or o.index in record.ends or record.normalised(o.index):
            continue
        ratio = laws.ratio(record, o, weight)
        limit = max(OFF, math.exp(laws.SIGMAS * math.sqrt(2 / weight.count) / 2))
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


def _layer_lines(record: Record, operation: Operation) -> str:
    before = laws.reads_activation(record, operation)
    rule = "torch.nn.init.kaiming_normal_" if before == "relu" else "torch.nn.init.xavier_normal_"
    return f"{rule}(model.{operation.weights[0]})" if operation.weights else ""


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
                lines=f"torch.nn.init.orthogonal_(model.{_recurrent_name(o)})",
            )


def _recurrent_name(operation: Operation) -> str:
    return next((name for name in operation.weights if "hh" in name), operation.weights[0])


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
        cause, culprit = _cause(record, segment, growing=False)
        narrow = not cause and share <= 0.5 and _luck(record, segment) > 1
        benign = loss >= predict.MERGE[1] or _learns_from_zero(record, place)
        yield Finding(
            "too-narrow" if narrow else "inputs-merge",
            "warning" if benign else "severe",
            record.label(place),
            f"1 - cosine between inputs falls from {before:.2g} at {record.label(first)} to "
            f"{after:.2g} at {record.label(last)}{by_bias}{cause}.",
            loss,
            f"ln of the ratio {predict.MERGE[0]} (warning), {predict.MERGE[1]} (severe)",
            place.index,
            lines=_layer_lines(record, culprit) if culprit else "",
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


def sine_layer(record: Record) -> Iterator[Finding]:
    """The first layer of a sine net with a law of its hidden layers."""
    for o in record.operations:
        if o.kind != "weight" or record.layers[o.index] != 1 or o.weights[0] not in record.weights:
            continue
        activation, factor = record.activation_of(o.index)
        if activation != "sin" or factor < laws.SINE_FACTOR:
            continue
        weight = record.weights[o.weights[0]]
        rule = laws.wanted(record, o, weight)
        share = weight.rms**2 / rule[0] if rule else 1.0
        if not 0.1 <= share <= 10:
            yield Finding(
                "sine-first-layer",
                "warning",
                record.label(o),
                f"{record.label(o)} has {share:.3g} times (1 / {1 / share:.3g}) the variance of "
                f"U(-1/fan_in, 1/fan_in).",
                share,
                order=o.index,
            )


def odd_layers(record: Record) -> Iterator[Finding]:
    """Single layers that leave the law which most of the others share."""
    rows = []
    for weight in record.weights.values():
        if weight.kind in ("lookup", "recurrent") or not weight.uses or not weight.std or weight.derived:
            continue
        o = record.operations[weight.uses[0]]
        if weight.uses[0] not in record.ends and weight.count >= 64:
            rows.append((o, weight, laws.ratio(record, o, weight) or weight.std * weight.fan_in**0.5))
    if len(rows) < 3:
        return
    scales = [
        [(o, weight, value) for (o, weight, _), value in zip(rows, values, strict=True)]
        for values in (
            [ratio for _, _, ratio in rows],
            [w.rms * w.fan_in**0.5 for _, w, _ in rows],
            [w.rms * (w.fan_in + w.fan_out) ** 0.5 for _, w, _ in rows],
            [w.rms * w.fan_out**0.5 for _, w, _ in rows],
            [w.rms for _, w, _ in rows],
        )
    ]
    best = max(scales, key=lambda scale: sum(_agree(one, scale) for one in scale))
    strangers = [
        place
        for place, (o, w, ratio) in enumerate(rows)
        if not any(_agree(scale[place], scale) for scale in scales) and not _follows_rule(record, o, ratio)
    ]
    if (
        not strangers
        or len(strangers) > max(1, len(rows) // 5)
        or sum(_agree(one, best) for one in best) < len(rows) * 0.6
    ):
        return
    for place in strangers:
        o, weight, value = best[place]
        factor = value / median(v for _, _, v in best)
        yield Finding(
            "odd-layer",
            "note",
            record.label(o),
            f"{record.label(o)} is drawn with {factor:.3g} times the standard deviation of the law that "
            f"the other layers share ({laws.words(weight)}).",
            factor,
            order=o.index,
        )


def _follows_rule(record: Record, operation: Operation, ratio: float) -> bool:
    """Say whether a layer has the scale that it asks for; behind no activation He's will do as LeCun's."""
    rules = (1.0,) if laws.reads_activation(record, operation) else (1.0, 2**0.5)
    return any(abs(math.log((ratio or 1e-9) / rule)) <= math.log(ODD) for rule in rules)


def _agree(one: tuple[Operation, Weight, float], scale: list[tuple[Operation, Weight, float]]) -> bool:
    """Say whether a layer has the scale of the median within 5 standard errors and 15 %."""
    error = laws.SIGMAS * math.sqrt(2 / one[1].count) / 2
    return abs(math.log(one[2] / median(v for _, _, v in scale))) <= max(error, math.log(ODD))


CHECKS = (signal, stream, gradients, through_time, merging, alike_inputs, sine_layer, odd_layers)
