"""Both halves of a batch, examined one by one: does a finding hold for the model, or hang on some samples?"""

from collections.abc import Callable
from typing import Any

from initlib.diagnosis.findings import FOLLOWS, Finding
from initlib.diagnosis.record import Record

LEAST = 16  # samples; checks that need several samples need 8, and get them in a half
UNKNOWN = "whether findings rest on these samples"
# What is measured on the samples; codes in one row may name the same fault.
FAMILIES = (
    ("signal-explodes", "stream-grows", "gradient-explodes", "too-narrow"),
    ("signal-vanishes", "inputs-merge", "too-narrow"),
    ("gradient-vanishes",),
    ("gradient-tiny",),
    ("inputs-alike",),
    ("input-scale",),
    ("dead-units",),
    ("saturation",),
    ("attention-one-hot",),
    ("not-finite",),
    ("labels",),
    ("activation-last",),
    ("target-scale",),
    ("first-loss",),
    ("learning-rate",),
)
# Severe lies so far beyond a mere warning that a half without any finding has nothing of the kind; a rate
# follows its cause, which is one of these.
DEMOTED = (
    "first-loss",
    "input-scale",
    "target-scale",
    "saturation",
    "dead-units",
    "inputs-merge",
    "learning-rate",
)


def look(record: Record, batch: Any, examine: Callable[[Any], Record]) -> None:
    """Put the records of both halves of the batch of a record into it, or the reason why there are none."""
    n = record.samples
    if not record.operations:
        return
    if n < LEAST:
        record.skipped.append(f"{UNKNOWN} (to halve a batch takes {LEAST} samples, this one has {n})")
        return
    cuts = slice(n // 2), slice(n // 2, n)
    try:
        found = [examine(part(batch, n, cut)) for cut in cuts]
    except Exception as error:
        kind = type(error.__cause__ or error).__name__
        record.skipped.append(f"{UNKNOWN} (half the batch fails with {kind})")
        return
    if [half.samples for half in found] == [n // 2, n - n // 2]:
        record.halves = found
    else:
        record.skipped.append(f"{UNKNOWN} (the batch cannot be halved along its first axis)")


def part(batch: Any, samples: int, cut: slice) -> Any:
    """Return a batch with that part of all arrays, tensors and lists in it whose first axis is the samples.

    >>> part(([1, 2, 3, 4], {"mask": [True, False]}), 4, slice(2))
    ([1, 2], {'mask': [True, False]})
    """
    shape = getattr(batch, "shape", None)
    nested = type(batch) in (tuple, list)
    if (shape is not None and len(shape) and shape[0] == samples) or (nested and len(batch) == samples):
        return batch[cut]
    if nested:
        return type(batch)(part(one, samples, cut) for one in batch)
    if type(batch) is dict:
        return {key: part(one, samples, cut) for key, one in batch.items()}
    return batch


def compare(found: list[Finding], again: list[set[str]]) -> None:
    """Say on which halves findings came back, given the codes met on each; severe on a part is a warning.

    Left alone is what does not depend on the samples (weights, laws, structure), and what follows from a
    finding that holds on both halves. What is exact, or close to its limit on a half, stays severe.

    >>> loss = Finding("first-loss", "severe", "the loss", "The first loss is 40 ln K.")
    >>> compare([loss], [{"first-loss"}, set()])
    >>> loss.severity, loss.halves
    ('warning', (True, False))
    """
    if not again:
        return
    came = {one.code: _came_back(one.code, again) for one in found}
    firm = [one.code for one in found if one.severity != "note" and came[one.code] in (None, (True, True))]
    effects = {effect for code in firm for effect in FOLLOWS.get(code, ())}
    for one in found:
        if came[one.code] == (True, True) or one.code not in effects:
            one.halves = came[one.code]
        if one.rests_on_samples and one.severity == "severe" and one.code in DEMOTED:
            one.severity = "warning"


def _came_back(code: str, again: list[set[str]]) -> tuple[bool, bool] | None:
    """Return on which halves a code was met, or one of its family; None where samples do not matter."""
    names = {name for family in FAMILIES if code in family for name in family}
    first, second = (not codes.isdisjoint(names) for codes in again)
    return (first, second) if names else None
