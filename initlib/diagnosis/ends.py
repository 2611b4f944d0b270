"""Findings about what stands before the loss and about targets, against what the loss asks for."""

import math
from collections.abc import Iterator

from initlib.diagnosis.findings import Finding
from initlib.diagnosis.record import Loss, Operation, Record


def outputs(record: Record) -> Iterator[Finding]:
    """What stands right before the loss, against what the loss asks for."""
    loss = record.loss
    if loss is None or loss.fed is None:
        return
    fed = record.operations[loss.fed]
    yield from _before_the_loss(record, loss, fed)
    if loss.broadcast:
        yield Finding(
            "shape-broadcast",
            "severe",
            "the loss",
            f"Outputs have shape {loss.output_shape}, targets {loss.target_shape}: their difference has "
            f"shape {loss.broadcast}, every output against every target.",
        )


def _before_the_loss(record: Record, loss: Loss, fed: Operation) -> Iterator[Finding]:
    place, classes = record.label(fed), loss.classes or 2
    floor = math.log(math.e + classes - 1) - 1
    if loss.kind == "cross_entropy":
        sums = fed.row_sums is not None and fed.row_sums < 1e-4 and (fed.lowest or 0) >= 0 and classes > 1
        if (fed.kind == "softmax" and fed.name != "log_softmax") or (sums and fed.kind != "weight"):
            yield Finding(
                "probabilities-as-logits",
                "severe",
                place,
                f"The outputs are probabilities already, and cross_entropy takes their softmax again: the "
                f"loss cannot fall below {floor:.3f} for {classes} classes.",
                floor,
                order=fed.index,
            )
        elif fed.kind == "softmax" and loss.normalised is False:
            yield _wrong_axis(place, fed)
        elif fed.kind == "softmax":
            yield Finding(
                "probabilities-as-logits",
                "note",
                place,
                "log_softmax stands before cross_entropy, "
                "which takes it again: harmless, one of them is enough.",
                order=fed.index,
            )
        elif fed.kind == "activation":
            yield from _clipped_logits(place, fed, floor, classes)
    elif loss.kind == "binary_logits" and fed.kind in ("activation", "softmax"):
        if fed.activation == "sigmoid" or fed.kind == "softmax":
            yield Finding(
                "probabilities-as-logits",
                "severe",
                place,
                "The outputs went through a sigmoid already, and this loss takes it again.",
                order=fed.index,
            )
        else:
            yield from _clipped_logits(place, fed, floor, classes)
    elif loss.kind == "binary" and loss.refused:
        yield Finding(
            "logits-as-probabilities",
            "severe",
            place,
            f"binary_cross_entropy takes probabilities, and the outputs of {place} leave [0, 1].",
            order=fed.index,
            lines="loss = torch.nn.functional.binary_cross_entropy_with_logits  # has its own sigmoid",
        )
    elif loss.kind == "nll" and fed.name == "log_softmax" and loss.normalised is False:
        yield _wrong_axis(place, fed)
    elif (
        loss.kind == "nll" and fed.name != "log_softmax" and (fed.kind in ("weight", "activation", "softmax"))
    ):
        if fed.activation != "logsigmoid":
            yield Finding(
                "logits-as-probabilities",
                "severe",
                place,
                f"nll_loss takes log-probabilities, and gets the output of {place}.",
                order=fed.index,
            )
    elif loss.kind in ("squared", "absolute") and fed.kind == "activation":
        share = loss.below.get(_range_of(fed.activation), 0.0)
        if share > 0:
            yield Finding(
                "activation-last",
                "severe" if share > 0.05 else "warning",
                place,
                f"{fed.activation} at the end cannot give {share:.0%} of the targets of this batch "
                f"({loss.target_low:.3g} to {loss.target_high:.3g}).",
                share,
                order=fed.index,
            )


def _wrong_axis(place: str, fed: Operation) -> Finding:
    return Finding(
        "logits-as-probabilities",
        "severe",
        place,
        f"The log_softmax at {place} runs along another axis than the classes: over them the probabilities "
        "do not sum to 1.",
        order=fed.index,
        lines="outputs = torch.log_softmax(outputs, dim=1)",
    )


def _range_of(activation: str | None) -> str:
    return {
        "relu6": "relu",
        "hard_tanh": "tanh",
        "softsign": "tanh",
        "softplus": "relu",
        "sin": "tanh",
        "hard_sigmoid": "sigmoid",
    }.get(activation or "", activation or "")


def _clipped_logits(place: str, fed: Operation, floor: float, classes: int) -> Iterator[Finding]:
    name = fed.activation
    if name in ("relu", "relu6", "sigmoid", "hard_sigmoid"):
        extra = f": the loss cannot fall below {floor:.3f}" if "sigmoid" in str(name) else ""
        yield Finding(
            "activation-last",
            "severe",
            place,
            f"{name} stands between the last layer and a softmax loss: logits cannot be negative{extra}.",
            order=fed.index,
        )
    elif name in ("tanh", "hard_tanh", "softsign", "sin"):
        least = math.log(1 + (classes - 1) * math.exp(-2))
        yield Finding(
            "activation-last",
            "warning",
            place,
            f"{name} stands between the last layer and a softmax loss: logits stay in [-1, 1], "
            f"the loss above {least:.3f}.",
            least,
            order=fed.index,
        )
    elif name not in (None, "logsigmoid"):
        yield Finding(
            "activation-last",
            "warning",
            place,
            f"{name} stands between the last layer and a softmax loss.",
            order=fed.index,
        )


def _renumbered(loss: Loss) -> str:
    """Return what to do with labels outside the classes: they count from 1, or the outputs are too few."""
    if loss.target_low == 1 and loss.target_high == loss.classes:
        return "targets = targets - 1  # labels count from 0"
    return f"# labels from 0 to {(loss.classes or 1) - 1}, or more outputs of the last layer"


def targets(record: Record) -> Iterator[Finding]:
    """Labels outside the classes, one label only, targets of another size than outputs can have."""
    loss = record.loss
    if loss is None:
        return
    if loss.outside:
        yield Finding(
            "labels",
            "severe",
            "the targets",
            f"{loss.outside} labels lie outside 0 ... {(loss.classes or 1) - 1}: they run from "
            f"{loss.target_low:g} to {loss.target_high:g}.",
            float(loss.outside),
            lines=_renumbered(loss),
        )
    elif loss.target_constant:
        yield Finding(
            "labels",
            "warning" if loss.kind in ("cross_entropy", "nll") else "note",
            "the targets",
            f"All targets of this batch are {loss.target_low:g}: shuffle the data.",
        )
    if loss.kind in ("squared", "absolute") and loss.target_rms and loss.target_rms > 30:
        yield Finding(
            "target-scale",
            "severe" if loss.target_rms > 1000 else "warning",
            "the targets",
            f"The targets have size {loss.target_rms:.3g}; outputs start at about 1.",
            loss.target_rms,
            order=len(record.operations),
        )


CHECKS = (outputs, targets)
