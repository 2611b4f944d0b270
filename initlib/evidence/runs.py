"""Run experiments: from the protocol to the result, and from an archived result to its sample of cells."""

import time
from pathlib import Path
from typing import Any

from initlib import experiments
from initlib.evidence import archives
from initlib.evidence.parts import How, Row
from initlib.evidence.results import Result


def run(
    name: str, *, store: str | Path | None = None, n_jobs: int | None = None, progress: bool | None = None
) -> Result:
    """Run an experiment in full, as its protocol says, and return the result.

    `store`, `n_jobs` and `progress` are those of `sweeps.sweep`: with a store, an interrupted run continues.
    """
    protocol = experiments.get(name).PROTOCOL
    continued = store is not None and Path(store).exists()
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


def rerun_sample(result: Result) -> list[dict[str, Any]]:
    """Run the sample of cells of a result again and return what lies outside its tolerance, a dict for each.

    |new - old| <= tolerance * max(1, |old|) is inside; a tolerance of 0 asks for equality.
    """
    outside = []
    for part, kind in result.protocol.parts.items():
        old = [row for where in kind.sample for row in _one(result, part, where)]
        for before, after in zip(old, kind.rerun(old), strict=True):
            for metric, tolerance in kind.tolerance.items():
                if not _agree(before[metric], after[metric], tolerance):
                    key = {name: before[name] for name in kind.keys}
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
    import joblib

    return int(joblib.cpu_count())
