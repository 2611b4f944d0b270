"""Findings about units, attention, the first loss, and the first step."""

import math
from collections.abc import Iterator

from initlib.diagnosis import laws, predict
from initlib.diagnosis.cures import HALF, OFF
from initlib.diagnosis.findings import Finding
from initlib.diagnosis.lines import drawn, each, zeroed
from initlib.diagnosis.record import Operation, Record, Weight
from initlib.diagnosis.segments import named_cause, segments

LARGE = 2.0  # what enters an output layer is of about this size at most
LOUD, QUIET = 10.0, 1e-3  # inputs of these sizes are not standardized
FIRST_LOSS = (2.0, 10.0)  # times ln K: a softmax whose logits have variance above 2 ln K sits on one class


def dead_units(record: Record) -> Iterator[Finding]:
    """ReLU units that are off for all samples beyond what chance explains."""
    for o in record.operations:
        if o.off is None or o.off <= 0.5 or o.where == "the loss":
            continue
        before = record.operations[o.parents[0]] if o.parents else o
        units = o.shape[1] if len(o.shape) > 3 else o.shape[-1] if o.shape else 1
        chance = predict.off_by_chance(before.apart if before.apart is not None else 1.0, record.samples)
        if o.shape and o.shape[0] % max(record.samples, 1):
            continue  # a part of the batch, as in mixtures of experts: "for every input" is not known
        if o.off - chance <= max(5 * predict.binomial_error(chance, units), 0.1) or units < 4:
            continue
        place = record.label(before)
        yield Finding(
            "dead-units",
            "severe" if o.off > 0.9 else "warning",
            place,
            f"{o.off:.0%} of the {units} units behind {place} are off for every input; chance explains "
            f"{chance:.0%}.",
            o.off,
            order=o.index,
            lines=zeroed(record, [weight.bias])
            if (weight := _weight(record, before)) and weight.bias_rms
            else "",
        )


def _weight(record: Record, operation: Operation) -> Weight | None:
    """Return the weight that an operation multiplies by, None if it is no layer."""
    name = operation.weights[0] if operation.kind == "weight" and operation.weights else ""
    return record.weights.get(name)


def _law(record: Record, operation: Operation) -> str:
    """Return words for the law of a layer that is larger than the one it asks for."""
    weight = _weight(record, operation)
    rule = laws.wanted(record, operation, weight) if weight is not None else None
    ratio = laws.ratio(record, operation, weight) if weight is not None else None
    if weight is None or rule is None or ratio is None or ratio <= OFF:
        return ""
    words = f"is drawn as {laws.words(weight)}, {ratio:.3g} times the standard deviation of {rule[1]}"
    return f": {record.label(operation)} {words}"


def saturation(record: Record) -> Iterator[Finding]:
    """Layers most of whose outputs are flat; inputs that are too large are named as the cause."""
    for o in record.operations:
        if o.flat is None or o.flat <= 0.5 or o.where == "the loss" or o.index in record.outputs:
            continue
        before = record.operations[o.parents[0]] if o.parents else o
        place = record.label(before)
        yield Finding(
            "saturation",
            "severe" if o.flat > 0.9 else "warning",
            place,
            f"{o.flat:.0%} of the outputs of {o.activation} behind {place} lie where it is flat"
            f"{_law(record, before)}.",
            o.flat,
            order=o.index,
        )


def input_scale(record: Record) -> Iterator[Finding]:
    """Inputs that are far from size 1; severe if the first layer is saturated by it or the first loss is."""
    yield from _quiet_inputs(record)
    for o in record.operations:
        if o.kind != "input" or o.rms is None or not o.rms > LOUD:
            continue
        first = next(
            (c for c in record.operations if c.flat is not None and record.layers[c.index] <= 1), None
        )
        saturated = first is not None and (first.flat or 0) > 0.5
        ratio = _first_loss(record)
        loud_loss = ratio is not None and ratio > FIRST_LOSS[1] and not _loud_layers(record)
        how = "severe" if saturated or loud_loss else "note"
        yield Finding(
            "input-scale",
            how,
            record.label(o),
            f"The inputs have size {o.rms:.3g} (root mean square), not about 1.",
            o.rms,
            order=o.index,
        )
    if record.input_spread is not None and record.input_spread > 1000:
        yield Finding(
            "input-scale",
            "note",
            "input",
            f"The standard deviations of the input features differ by a factor {record.input_spread:.3g}.",
            record.input_spread,
        )


def _quiet_inputs(record: Record) -> Iterator[Finding]:
    """Inputs so small that the first layers get next to no gradient, unless they are normalised first."""
    for o in record.operations:
        if o.kind == "input" and o.rms is not None and o.rms < QUIET and _read_by_weights(record, o):
            yield Finding(
                "input-scale",
                "warning",
                record.label(o),
                f"The inputs have size {o.rms:.3g} (root mean square), not about 1: so small are the "
                "gradients of the layer that reads them.",
                o.rms,
                order=o.index,
                holds="SGD; Adam forgives small scales",
            )


def _read_by_weights(record: Record, operation: Operation) -> bool:
    """Say whether a layer whose output is not normalised at once reads an operation."""
    readers = [record.operations[child] for child in record.children[operation.index]]
    return any(o.kind == "weight" and not record.normalised(o.index) for o in readers)


def _loud_layers(record: Record) -> bool:
    """Say whether weights, not inputs, make the outputs large."""
    for o in record.operations:
        weight = _weight(record, o)
        ratio = laws.ratio(record, o, weight) if weight is not None else None
        if ratio is not None and ratio > 2 and not record.normalised(o.index):
            return True
    return False


def attention(record: Record) -> Iterator[Finding]:
    """Attention weights that sit on one position at the start."""
    for o in record.operations:
        if o.entropy is None or o.entropy >= 0.3 or o.where == "the loss":
            continue
        if o.kind == "softmax" and not _scores(record, o):
            continue
        place = record.label(o)
        size = f", standard deviation of the logits {o.spread:.3g}" if o.spread is not None else ""
        missing = (
            f"; they are scaled by {o.scaled:.3g}, not by 1/sqrt({o.head_dim}) = {o.head_dim**-0.5:.3g}"
            if o.scaled is not None and o.head_dim and o.scaled > 2 * o.head_dim**-0.5
            else ""
        )
        loud = None if missing else _loud_queries(record, o)
        why = missing or (f"; {loud.name} is drawn as {laws.words(loud)}" if loud is not None else "")
        yield Finding(
            "attention-one-hot",
            "severe",
            place,
            f"The attention in {place} has {o.entropy:.2f} of the entropy of an even one{size}{why}.",
            o.entropy,
            order=o.index,
            lines=each(record, dict.fromkeys(_all_loud_queries(record), "xavier")) if loud else "",
        )
        return


def _all_loud_queries(record: Record) -> list[str]:
    """Return the weights of all attentions on one place whose queries are too large."""
    flat = [o for o in record.operations if o.entropy is not None and o.entropy < 0.3]
    return [weight.name for o in flat if (weight := _loud_queries(record, o)) is not None]


def _loud_queries(record: Record, operation: Operation) -> Weight | None:
    """Return the weight that an attention's queries come from, if it makes what enters twice as large."""
    while operation.parents and operation.kind in ("attention", "softmax", "scale", "other"):
        operation = record.operations[operation.parents[0]]
    weight = _weight(record, operation)
    return weight if weight is not None and weight.rms * weight.fan_in**0.5 > LARGE else None


def _scores(record: Record, operation: Operation) -> bool:
    """Say whether a softmax is taken of products of two signals."""
    for _ in range(6):
        if not operation.parents:
            return False
        operation = record.operations[operation.parents[0]]
        if operation.kind == "attention":
            return True
        if operation.kind not in ("scale", "sum", "other"):
            return False
    return False


def _first_loss(record: Record) -> float | None:
    """Return the first loss over that of chance, None where chance is not known."""
    loss = record.loss
    if loss is None or loss.value is None or not math.isfinite(loss.value):
        return None
    if loss.kind == "cross_entropy" and (loss.classes or 0) > 1:
        chance = math.log(loss.classes or 2)
    elif loss.kind == "binary_logits":
        chance = math.log(2)
    else:
        return None
    return loss.value / chance / ((loss.samples or 1) if loss.reduction == "sum" else 1)


def first_loss(record: Record) -> Iterator[Finding]:
    """A first loss far above chance, with what makes the logits large."""
    loss, ratio = record.loss, _first_loss(record)
    if loss is None or loss.value is None or ratio is None:
        return
    samples = loss.samples or 1
    if samples > 7 and (loss.reduction == "sum" or _adds_up(record, ratio, samples)):
        yield Finding(
            "summed-loss",
            "severe" if record.rate is not None and record.rate.ratio < 0 else "warning",
            "the loss",
            f"The first loss is {loss.value:.4g}, summed over {samples} samples: gradient and step are "
            f"{samples} times those of the mean.",
            float(samples),
        )
        if loss.reduction != "sum":
            return
    if ratio <= FIRST_LOSS[0] or loss.fed is None:
        return
    place, why, lines = _loud(record, record.operations[loss.fed])
    value = loss.value / (samples if loss.reduction == "sum" else 1)
    yield Finding(
        "first-loss",
        "severe" if ratio > FIRST_LOSS[1] else "warning",
        place,
        f"The first loss is {value:.4g}, {ratio:.1f} times that of chance ({value / ratio:.3g}){why}.",
        ratio,
        order=loss.fed,
        lines=lines,
    )


def _adds_up(record: Record, ratio: float, samples: int) -> bool:
    """Say whether a loss is that of chance times the samples, from outputs too small to be that wrong."""
    loss = record.loss
    fed = record.operations[loss.fed] if loss is not None and loss.fed is not None else None
    small = fed is not None and fed.rms is not None and fed.rms < 2
    return small and 0.9 * samples <= ratio <= 1.1 * samples


def _loud(record: Record, fed: Operation) -> tuple[str, str, str]:
    """Return place, words and lines for what makes the logits large: the last layer, or what enters it."""
    while fed.kind not in ("weight", "input") and fed.parents:
        fed = record.operations[fed.parents[0]]
    weight = record.weights.get(fed.weights[0]) if fed.weights else None
    if weight is None:
        return record.label(fed), "", ""
    if (fed.bias_share or 0.0) > HALF and weight.bias_rms:
        words = f": biases of size {weight.bias_rms:.3g} make up {fed.bias_share:.0%} of the logits"
        return record.label(fed), words, zeroed(record, [weight.bias])
    gain = weight.rms * weight.fan_in**0.5
    others = [record.operations[use] for use in weight.uses if use != fed.index]
    names = list(dict.fromkeys([weight.name, *(n for n in fed.weights if n != weight.name)]))
    parameter = record.parameters.get(weight.name)
    if parameter is not None:
        names += [n for n in parameter.aliases if n not in names]
    if gain > 2:
        tied = ""
        if others or len(names) > 1:
            first = next((o for o in others if o.kind == "lookup"), None)
            tied = f", one tensor with two uses ({' = '.join(names)}" + (
                "; an embedding too)" if first else ")"
            )
        return (
            record.label(fed),
            f": the output weights{tied} are drawn as {laws.words(weight)}, so logits are {gain:.3g} times "
            "as large as what enters",
            drawn(record, weight.name, "small"),
        )
    before = record.operations[fed.parents[0]] if fed.parents else fed
    if not before.rms or before.rms <= LARGE:
        return record.label(fed), "", drawn(record, weight.name, "zeros")
    causes = [named_cause(record, one, growing=True)[0] for one in segments(record) if fed in one.points]
    return (
        record.label(fed),
        f": what enters the output layer has size {before.rms:.3g}{next(filter(None, causes), '')}",
        drawn(record, weight.name, "zeros"),
    )


def first_step(record: Record) -> Iterator[Finding]:
    """A step of the optimizer that overshoots, or does next to nothing."""
    rate = record.rate
    if rate is None:
        return
    adam = str(record.optimizer).lower().startswith(("adam", "rms", "nadam", "lion"))
    severe, warning = (-2.0, 0.0) if adam else (0.0, 0.05)
    what = f"The first step of {rate.optimizer} at rate {rate.rate:g}"
    if rate.ratio < warning:
        half = f"; at rate {rate.half:.2g} it would do about half" if rate.half else ""
        result = (
            "raises the loss"
            if rate.ratio < 0
            else f"lowers the loss by {rate.ratio:.0%} of what the gradient says"
        )
        number = f" ({rate.ratio:.3g} of the decrease that the gradient promises)" if rate.ratio < 0 else ""
        yield Finding(
            "learning-rate",
            "severe" if rate.ratio < severe else "warning",
            "the optimizer",
            f"{what} {result}{number}{half}.",
            rate.ratio,
            holds="Adam" if adam else "SGD",
            lines=f"optimizer = type(optimizer)(model.parameters(), lr={rate.half:.2g})" if rate.half else "",
        )
    elif rate.ratio > 0.98 and not adam:
        yield Finding(
            "rate-may-be-higher",
            "note",
            "the optimizer",
            f"{what} lowers the loss by {rate.ratio:.1%} of what the gradient says: it may be far higher.",
            rate.ratio,
        )


def not_at_start(record: Record) -> Iterator[Finding]:
    """A model that was trained or loaded."""
    if record.steps_taken:
        yield Finding("not-at-start", "note", "the model", "The optimizer has taken steps already.")
    elif record.shuffled is not None and abs(record.shuffled) > 7:
        yield Finding(
            "not-at-start",
            "note",
            "the model",
            f"The loss is {record.shuffled:+.1f} standard deviations off that of the same weights in another "
            "order: they are no independent draws.",
            record.shuffled,
        )


CHECKS = (
    dead_units,
    saturation,
    input_scale,
    attention,
    first_loss,
    first_step,
    not_at_start,
)
