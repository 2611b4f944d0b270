"""Run experiments: from the protocol to the result, and from an archived result to its sample of cells."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initlib import checks
from initlib.evidence import archives, registry
from initlib.evidence.parts import RATES, How, Part, Row, Training
from initlib.evidence.results import Result
from initlib.extras import needed
from initlib.training import sweeps

PILOTS, PILOT_TUNING = (0, 1, 2), (50, 51)


@checks.by_annotation
def run(
    name: str, *, store: str | Path | None = None, n_jobs: int | None = None, progress: bool | None = None
) -> Result:
    """Run an experiment in full, as its protocol says, and return the result.

    `store`, `n_jobs` and `progress` are those of `training.sweep`: with a store, an interrupted run goes on.

    >>> run("he-deph")
    Traceback (most recent call last):
        ...
    ValueError: Unknown experiment. Received: 'he-deph'; choose one of ... Did you mean 'he-depth'?
    """
    protocol = registry.get(name).PROTOCOL
    continued = store is not None and checks.path("store", store, "the path of a file").exists()
    start = time.perf_counter()
    how = How(store, n_jobs, progress)
    parts = {part: kind.run(how) for part, kind in protocol.parts.items()}
    made = {
        "seconds": round(time.perf_counter() - start, 1),
        "continued": continued,
        "processors": _processors(),
        **archives.versions(),
    }
    return Result(protocol, parts, made)


@checks.by_annotation
def pilot(name: str, *, n_jobs: int | None = None, progress: bool | None = None) -> Result:
    """Run an experiment on the seeds 0, 1, 2 (rates on 50, 51), to see what a protocol should ask.

    What pilots found is published beside the results: `make evidence NAME=... PILOT=1` writes it down.

    >>> len(pilot("truncated-normal").rows("signals"))
    3
    """
    protocol = registry.get(name).PROTOCOL
    how = How(None, n_jobs, progress)
    return Result(protocol, {part: _on_pilot_seeds(kind).run(how) for part, kind in protocol.parts.items()})


def _on_pilot_seeds(part: Part) -> Part:
    if isinstance(part, Training):
        return replace(part, seeds=PILOTS, tuning_seeds=PILOT_TUNING)
    return replace(part, seeds=PILOTS)


@checks.by_annotation
def confirm(
    name: str,
    *,
    where: str | Path | None = None,
    store: str | Path | None = None,
    n_jobs: int | None = None,
    progress: bool | None = None,
) -> Path:
    """Show that a change of an experiment's code is none, then write the new fingerprint into its archive.

    The protocol must be the archived one, and every row comes out again on the same seeds: bitwise under the
    versions and kernels that made the archive, within the protocol's tolerances under others. Else a
    ValueError names the first row that differs, and the archive stays as it is. Returns the archive's path.

    >>> confirm("he-depth", where="elsewhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    initlib.evidence.archives.MissingArchiveError: There is no archive he-depth.json: run ...
    """
    protocol = registry.get(name).PROTOCOL
    content = archives.read(name, where=where)
    archives.check_protocol(name, content)
    bitwise = all(content["made"].get(key) == value for key, value in archives.versions().items())
    how = How(store, n_jobs, progress)
    for part, kind in protocol.parts.items():
        differing = _differing(content["parts"][part], kind.run(how), kind, bitwise)
        if differing:
            wanted = "bitwise" if bitwise else "within the tolerance"
            raise ValueError(
                f"{len(differing)} numbers of part {part!r} of {name!r} do not come out again {wanted}: "
                f"{differing[0]}. The archive was left as it is."
            )
    return archives.renew(name, where=where)


def _differing(old: Sequence[Row], new: Sequence[Row], kind: Part, bitwise: bool) -> list[str]:
    """Return in words what differs between two runs of a part."""
    if [_key(row, kind) for row in old] != [_key(row, kind) for row in new]:
        ours, theirs = ({str(_key(row, kind)) for row in rows} for rows in (old, new))
        return sorted(f"row {key}, which only one of the two runs has" for key in ours ^ theirs) or [
            "their order"
        ]
    compared = dict.fromkeys((*old[0], *new[0]), 0.0) if bitwise else kind.tolerance
    return [
        f"{metric} of {_key(before, kind)}: {before.get(metric)!r} there, {after.get(metric)!r} now"
        for before, after in zip(old, new, strict=True)
        for metric, tolerance in compared.items()
        if not _agree(before.get(metric), after.get(metric), tolerance)
    ]


def _key(row: Row, kind: Part) -> Row:
    return {name: row[name] for name in kind.keys}


def live(
    result: Result,
    part: str,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    epochs: int | None = None,
    rate: str = "best",
    n_jobs: int | None = 1,
    **condition: Any,
) -> dict[str, dict[str, NDArray[Any]]]:
    """Train every arm of a part afresh on a few seeds, at its archived learning rate: a run of seconds.

    `condition` gives a value for each condition of the part, and a `ground` (else the first, if there are
    any); `rate` is "best" or "shared". Returns, for each arm, the curves of `training.fit` as arrays (seeds,
    epochs). Seeds below 100 keep it apart from evidence.

    >>> from initlib import evidence
    >>> curves = live(evidence.load("zero-symmetry"), "linear", epochs=2)
    >>> curves["zeros"]["test_accuracy"].shape
    (3, 2)
    """
    checks.instance("result", result, Result, "a Result")
    kind = result.protocol.parts[checks.choice("part", part, result.protocol.parts)]
    checks.choice("rate", rate, RATES)
    seeds = checks.integers("seeds", seeds, minimum=0, maximum=None)
    if not isinstance(kind, Training):
        raise ValueError(f"Part {part!r} is not a training.")
    if kind.grounds:
        condition.setdefault("ground", next(iter(kind.grounds)))
    if condition.keys() != set(kind.places):
        raise ValueError(
            f"Give one value for each of {list(kind.places)}. Received: {checks.shown(condition)}."
        )
    kind.check_where(condition)
    chosen = [one for one in result.learning_rates(part) if one["condition"] == condition]
    shorter = {} if epochs is None else {"epochs": epochs}
    cells = [
        {**kind.cell(arm=one["arm"], learning_rate=one[rate], seed=seed, **condition), **shorter}
        for one in chosen
        for seed in seeds
    ]
    records = iter(sweeps.train(cells, n_jobs=n_jobs))
    by_arm = {one["arm"]: [next(records) for _ in seeds] for one in chosen}
    return {
        arm: {name: np.array([record[name] for record in own]) for name in sweeps.CURVES if own[0][name]}
        for arm, own in by_arm.items()
    }


@checks.by_annotation
def rerun_sample(result: Result) -> list[dict[str, Any]]:
    """Run the sample of cells of a result again and return what lies outside its tolerance, a dict for each.

    |new - old| <= tolerance * max(1, |old|) is inside; a tolerance of 0 asks for equality. On other kernels
    than those that made the archive, rounding parts nets while they train, by as much as whether one learns
    in time; there trained nets are compared by the loss of their first epoch.

    >>> from initlib import evidence
    >>> rerun_sample(evidence.load("truncated-normal"))
    []
    """
    outside = []
    elsewhere = "blas" in result.made and not archives.same_kernels(result.made)
    for part, kind in result.protocol.parts.items():
        compared = {
            metric: tolerance
            for metric, tolerance in kind.tolerance.items()
            if metric == "first_loss" or not (elsewhere and isinstance(kind, Training))
        }
        old = [row for where in kind.sample for row in _one(result, part, where)]
        for before, after in zip(old, kind.rerun(old), strict=True):
            for metric, tolerance in compared.items():
                if not _agree(before[metric], after[metric], tolerance):
                    key = _key(before, kind)
                    outside.append({"part": part, **key, metric: before[metric], "again": after[metric]})
    return outside


def _one(result: Result, part: str, where: Any) -> list[Row]:
    rows = result.rows(part, **where)
    if not rows:
        raise ValueError(f"The sample of part {part!r} selects no cell: {dict(where)}.")
    return rows


def _agree(old: Any, new: Any, tolerance: float) -> bool:
    if old is None or new is None or tolerance == 0:
        return bool(old == new)
    return bool(abs(new - old) <= tolerance * max(1.0, abs(old)))


def _processors() -> int:
    return int(needed("joblib").cpu_count())
