"""Findings that need no tolerance: faults that are there or not."""

import math
from collections.abc import Iterator

from initlib.diagnosis import cures
from initlib.diagnosis.findings import Finding, listed
from initlib.diagnosis.lines import drawn, each, zeroed
from initlib.diagnosis.record import Operation, Record, Weight

STRONG = 1.5  # times the size of an orthogonal matrix
LINEAR = ("scale", "pool")
CURVED_POOLS = ("max", "amax", "amin", "min", "lp_pool", "median")


def uninitialized(record: Record) -> Iterator[Finding]:
    """NaN, infinite, enormous or denormal entries in a parameter, before anything ran."""
    for parameter in record.parameters.values():
        if parameter.bad:
            what = f"holds {parameter.bad} NaN or infinite entries"
        elif parameter.largest > 1e6:
            what = f"has an entry of size {parameter.largest:.2g}"
        elif parameter.tiny:
            what = f"has no entry above {parameter.largest:.2g}"
        else:
            continue
        yield Finding(
            "uninitialized",
            "severe",
            parameter.name,
            f"{parameter.name}, shape {parameter.shape}, {what}: nothing filled it.",
            lines=drawn(record, parameter.name, "xavier" if len(parameter.shape) > 1 else "zeros"),
        )


def not_finite(record: Record) -> Iterator[Finding]:
    """The first operation whose output is not finite."""
    for o in record.operations:
        if o.rms is not None and not math.isfinite(o.rms):
            place = record.label(o)
            cause = strong_recurrence(record, o) if o.kind == "recurrent" else ""
            sentence = f"The output of {place} holds NaN or infinity{cause}."
            yield Finding("not-finite", "severe", place, sentence, order=o.index)
            return
    if record.loss and record.loss.value is not None and not math.isfinite(record.loss.value):
        yield Finding("not-finite", "severe", "the loss", f"The loss is {record.loss.value}.")


def strong_recurrence(record: Record, operation: Operation) -> str:
    """Return words for the recurrent weights of an operation that multiply the state at every step."""
    for name in operation.weights[1:]:
        weight = record.weights.get(name)
        factor = weight.rms * weight.fan_in**0.5 if weight is not None else 0.0
        if weight is not None and factor > STRONG:
            return f": {name} has {factor:.3g} times the size of an orthogonal one, at every step"
    return ""


def identical_units(record: Record) -> Iterator[Finding]:
    """Hidden layers whose units are and stay alike, or read one direction of their input."""
    halves = _half_cells(record)
    copies = [
        weight
        for weight in record.weights.values()
        if weight.same_rows
        and weight.trainable
        and weight.fan_in > 1
        and (weight.kind == "lookup" or not any(use in record.ends for use in weight.uses))
    ]
    layers = [w for w in copies if w.kind != "lookup" and w.name not in halves]
    stay = [w for w in layers if w.same_gradients and w.same_later]
    part = [w for w in copies if w.rms and w.same_gradients is not None and w not in stay]
    for alike, how in ((stay, "severe"), (part, "warning")):
        if alike:
            first, names = alike[0], [weight.name for weight in alike]
            table = first.kind == "lookup"
            yield Finding(
                "identical-units",
                how,
                names[0],
                f"The {'rows' if table else 'units'} of {listed(names)} are copies of each other: weights "
                f"{_value(first)}, {_future(first, how, first.name in halves)}.",
                order=min(use for weight in alike for use in weight.uses),
                lines=drawn(record, names[0], "small") if table else _redrawn(record, alike),
            )


def _redrawn(record: Record, alike: list[Weight]) -> str:
    """Return the lines that draw layers of equal units anew; output layers, which excuse none, become 0."""
    layers = {w.name: cures.layer(record, w, record.operations[w.uses[0]]) for w in alike}
    known = [one for w in alike if (one := layers[w.name]) is not None and w.kind != "recurrent"]
    others = [w.name for w in alike if layers[w.name] is None or w.kind == "recurrent"]
    ends = [
        weight.name
        for weight in record.weights.values()
        if weight.same_rows and weight.rms and any(use in record.ends for use in weight.uses)
    ]
    found = [
        cures.drawn(record, known),
        each(record, dict.fromkeys(others, "xavier")),
        zeroed(record, ends),
    ]
    return "\n".join(filter(None, found))


def _value(weight: Weight) -> str:
    if weight.std:
        return f"of equal rows, standard deviation {weight.std:.3g}"
    return f"all {weight.mean:.3g}" if weight.mean else "zero"


def _future(weight: Weight, how: str, half: bool) -> str:
    """Return what becomes of the units of a layer, and what they have until then."""
    if how == "severe":
        return "equal gradients, and a step of gradient descent keeps them alike"
    if weight.kind == "lookup":
        return "so whatever is looked up is the same vector, until training tells the rows apart"
    if weight.own_biases or half:
        return "so they read one number of their input, and part only as training goes on"
    return "though their gradients differ, so that they part as training goes on"


def _half_cells(record: Record) -> set[str]:
    """Return the recurrent weights beside which another matrix tells the units of their layer apart."""
    found: set[str] = set()
    for o in record.operations:
        for cell in o.cells:
            own = [record.weights[name] for name in cell.weights]
            if not all(weight.same_rows for weight in own):
                found.update(weight.name for weight in own)
    return found


def registration(record: Record) -> Iterator[Finding]:
    """Weights that the model does not own, the loss does not reach, or the optimizer does not have."""
    strangers = [w.name for w in record.weights.values() if w.name.startswith("unregistered")]
    if strangers:
        order = min(record.weights[name].uses[0] for name in strangers)
        yield Finding(
            "unregistered",
            "severe",
            strangers[0],
            f"The model multiplies by {listed(strangers)}, "
            "trainable, but not among model.parameters(): no optimizer will get it.",
            float(len(strangers)),
            order=order,
        )
    trained = [p for p in record.parameters.values() if p.trainable and p.reached is not None]
    lost = [p.name for p in trained if not p.reached]
    if trained and len(lost) == len(trained):
        yield Finding(
            "unreached",
            "severe",
            "the whole model",
            "No trainable parameter has a gradient: the graph is cut between the last layer and the loss.",
            float(len(lost)),
        )
    elif lost:
        idle = _dead_ends(record)
        cut = [name for name in lost if record.parameters[name].used and name not in idle]
        names = cut or lost
        what = "used, but cut off from the loss" if cut else "not used for this output"
        yield Finding(
            "unreached",
            "warning" if cut else "note",
            names[0],
            f"{listed(names)} {'are' if len(names) > 1 else 'is'} {what}: "
            f"{'no gradient' if cut else 'no gradient this time'}.",
            float(len(names)),
        )
    known = [p for p in trained if p.reached and p.optimized is not None]
    missing = [p.name for p in known if not p.optimized]
    still = [p.name for p in known if p.optimized and p.rate == 0]
    for names, why in ((missing, "in no group of the optimizer"), (still, "in a group with rate 0")):
        if names:
            whole = len(names) == len(known)
            yield Finding(
                "not-optimized",
                "severe" if whole else "warning",
                names[0],
                f"{'Every parameter' if whole else listed(names)} stands {why}.",
                float(len(names)),
            )


def _dead_ends(record: Record) -> set[str]:
    """Return weights and biases whose products lead to no output: computed, and never read."""
    idle: set[str] = set()
    for weight in record.weights.values():
        if weight.uses and not any(use in record.leads_to_output for use in weight.uses):
            idle.update(name for name in (weight.name, weight.bias) if name)
    return idle


def no_gradient(record: Record) -> Iterator[Finding]:
    """Gradients that exist and are all exactly zero; or a softmax over one unit."""
    for o in record.operations:
        if o.kind == "softmax" and o.shape and o.shape[-1] == 1 and o.index in record.leads_to_output:
            place = record.label(o)
            yield Finding(
                "one-unit-softmax",
                "severe",
                place,
                f"{place} runs over one unit, so it returns 1 whatever comes in: nothing before it learns.",
                order=o.index,
            )
            break
    reached = [p for p in record.parameters.values() if p.reached]
    if reached and all(p.still for p in reached):
        yield Finding(
            "no-gradient", "severe", "the whole model", "The gradient of every weight is exactly zero."
        )


def softmax_inside(record: Record) -> Iterator[Finding]:
    """A softmax that a weight layer reads."""
    for o in record.operations:
        if (
            o.kind != "softmax"
            or not o.parents
            or record.operations[o.parents[0]].kind not in ("weight", "norm")
        ):
            continue
        readers = [record.operations[c] for c in record.children[o.index]]
        if readers and all(r.kind == "weight" and r.parents == (o.index,) for r in readers):
            place = record.label(o)
            yield Finding(
                "softmax-inside",
                "warning",
                place,
                f"{place} is a hidden activation: {o.shape[-1]} units share one unit of signal.",
                order=o.index,
            )


def no_nonlinearity(record: Record) -> Iterator[Finding]:
    """Pairs of full-rank weight layers with nothing nonlinear between them."""
    pairs, bent = [], 0
    for o in record.operations:
        if o.kind != "weight" or o.index not in record.leads_to_output:
            continue
        before = _linear_before(record, o)
        if before is None:
            bent += bool(record.layers[o.index] > 1)
        elif _full_rank(record, before, o):
            pairs.append((before, o))
    if not pairs:
        return
    _first, second = pairs[0]
    whole = not bent
    if len(pairs) < bent:
        return  # one linear pair among many layers is a factorization more often than a fault
    places = [f"{record.label(a)} - {record.label(b)}" for a, b in pairs]
    yield Finding(
        "no-nonlinearity",
        "severe" if whole else "warning",
        record.label(second),
        ("No activation anywhere: " if whole else "No activation between ")
        + listed(places)
        + (" are one linear map." if whole else "."),
        float(len(pairs)),
        order=second.index,
    )


def _linear_before(record: Record, operation: Operation) -> Operation | None:
    """Return the weight layer that an operation reads through linear operations alone."""
    while len(operation.parents) == 1:
        operation = record.operations[operation.parents[0]]
        if operation.kind == "weight":
            return operation
        linear = operation.kind in LINEAR and not any(name in operation.name for name in CURVED_POOLS)
        linear |= operation.activation == "identity"
        if not linear and operation.name != "batch_norm":
            return None
    return None


def _full_rank(record: Record, a: Operation, b: Operation) -> bool:
    first, second = (record.weights.get(o.weights[0]) for o in (a, b))
    if first is None or second is None or first.groups > 1 or second.groups > 1 or first.name == second.name:
        return False
    inner = first.fan_out / max(math.prod(first.shape[2:]), 1) if "conv" in first.kind else first.fan_out
    outer = second.fan_out / max(math.prod(second.shape[2:]), 1) if "conv" in second.kind else second.fan_out
    return inner >= min(first.fan_in, outer)


CHECKS = (
    uninitialized,
    not_finite,
    identical_units,
    registration,
    no_gradient,
    softmax_inside,
    no_nonlinearity,
)
