"""Findings that need no tolerance: faults that are there or not."""

import math
from collections.abc import Iterator

from initlib.diagnosis.findings import Finding
from initlib.diagnosis.lines import drawn
from initlib.diagnosis.record import Operation, Record

LINEAR = ("scale", "pool")
CURVED_POOLS = ("max", "amax", "amin", "min", "lp_pool", "median")
FEW = 3  # names listed before "and n more"


def listed(names: list[str]) -> str:
    """Return names in a sentence, the first few of them.

    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    if len(names) <= FEW + 1:
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{', '.join(names[:FEW])} and {len(names) - FEW} more"


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
            yield Finding(
                "not-finite", "severe", place, f"The output of {place} holds NaN or infinity.", order=o.index
            )
            return
    if record.loss and record.loss.value is not None and not math.isfinite(record.loss.value):
        yield Finding("not-finite", "severe", "the loss", f"The loss is {record.loss.value}.")


def identical_units(record: Record) -> Iterator[Finding]:
    """Hidden layers whose units are and stay alike."""
    recurrent = _recurrent_alike(record)
    layers = []
    for weight in record.weights.values():
        hidden = not any(use in record.ends for use in weight.uses)
        alike = weight.same_rows and weight.same_gradients and weight.same_later and hidden
        if weight.kind == "recurrent":
            alike = alike and weight.name in recurrent
        if alike and weight.trainable and weight.kind != "lookup":
            layers.append(weight)
    if layers:
        value = "zero" if not layers[0].rms else f"of equal rows, standard deviation {layers[0].std:.3g}"
        names = [weight.name for weight in layers]
        yield Finding(
            "identical-units",
            "severe",
            names[0],
            f"The units of {listed(names)} are copies of each other: weights {value}, equal gradients, "
            "and a step of gradient descent keeps them alike.",
            order=min(use for weight in layers for use in weight.uses),
            lines=drawn(record, names[0], "he"),
        )


def _recurrent_alike(record: Record) -> set[str]:
    """Return the recurrent weights of those operations all of whose matrices have equal rows."""
    found: set[str] = set()
    for o in record.operations:
        if o.kind == "recurrent":
            own = [record.weights[name] for name in o.weights if name in record.weights]
            if own and all(weight.same_rows for weight in own):
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
        cut = [name for name in lost if record.parameters[name].used]
        what = "is used, but cut off from the loss" if cut else "is not used for this batch"
        yield Finding(
            "unreached",
            "warning" if cut else "note",
            (cut or lost)[0],
            f"{listed(cut or lost)} {what}: {'no gradient' if cut else 'no gradient this time'}.",
            float(len(cut or lost)),
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
    sizes = [w.gradient for w in record.weights.values() if w.gradient is not None]
    if sizes and max(sizes) == 0:
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
