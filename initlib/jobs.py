"""Run many small computations over processes or a cluster, and keep what is finished.

A *cell* is a mapping of parameters, and a *job* computes the records of a batch of cells. Finished cells are
written by the calling process alone, each under its parameters and the code that made it: after an
interruption the same call goes on where it stopped, and cells of other code are dropped.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from pathlib import Path
from typing import Any

from initlib import fingerprints

__all__ = ["DEATHS", "Cell", "Job", "Record", "Store", "run"]

Cell = Mapping[str, Any]
Record = dict[str, Any]
Job = Callable[[Sequence[Cell]], Sequence[Record]]

DEATHS = 3  # so often are worker processes that died replaced before the call gives up


def run(
    job: Job,
    batches: Sequence[Sequence[Cell]],
    *,
    store: str | Path | None = None,
    n_jobs: int | None = None,
    progress: bool | None = None,
    unit: str = "cells",
) -> list[list[Record]]:
    """Return the records of all cells, batch by batch, as `job(batch)` computes them in worker processes.

    A record is a dict that JSON can hold. `n_jobs=None` takes every processor, or what
    `joblib.parallel_config` says: under `joblib.parallel_config(backend="dask")` the jobs run on the current
    Dask cluster. `store` is a file that keeps finished cells. `progress=None` shows a bar with the time left
    on a terminal and nothing elsewhere. Worker processes that die are replaced, and their batches run again.

    >>> run(lambda batch: [{"square": cell["x"] ** 2} for cell in batch], [[{"x": 2}], [{"x": 3}]], n_jobs=1)
    [[{'square': 4}], [{'square': 9}]]
    """
    keys = [[_key(cell, job) for cell in batch] for batch in batches]
    deaths = 0
    with Store(store) as kept, _bar(progress, sum(map(len, batches)), unit) as bar:
        done = kept.find(chain.from_iterable(keys))
        bar.update(sum(key in done for batch in keys for key in batch))
        while todo := [i for i, batch in enumerate(keys) if not done.keys() >= set(batch)]:
            new = [dict(zip(keys[i], batches[i], strict=True)) for i in todo]
            new = [{key: cell for key, cell in batch.items() if key not in done} for batch in new]
            try:
                for index, records in _parallel(job, [list(batch.values()) for batch in new], n_jobs):
                    finished = dict(zip(new[index], records, strict=True))
                    kept.put(finished)
                    done |= finished
                    bar.update(len(finished))
            except BrokenProcessPool:
                deaths += 1
                if deaths > DEATHS:
                    raise
    return [[done[key] for key in batch] for batch in keys]


def _key(cell: Cell, job: Job) -> str:
    """Return the text that stands for a job and a cell; callables stand in it with their code."""
    return json.dumps([fingerprints.describe(job), {k: fingerprints.describe(cell[k]) for k in sorted(cell)}])


def _parallel(
    job: Job, batches: Sequence[Sequence[Cell]], n_jobs: int | None
) -> Iterator[tuple[int, list[Record]]]:
    """Yield the position and the records of each batch, in the order in which they finish."""
    import joblib
    from joblib.parallel import get_active_backend

    if n_jobs is None and get_active_backend()[1] is None:
        n_jobs = min(joblib.cpu_count(), len(batches))
    code = fingerprints.of_package()
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
    results = parallel(joblib.delayed(_work)(job, i, batch, code) for i, batch in enumerate(batches))
    try:
        yield from results
    finally:
        results.close()


def _work(job: Job, index: int, batch: Sequence[Cell], code: str) -> tuple[int, list[Record]]:
    import threadpoolctl

    if fingerprints.of_package() != code:
        raise RuntimeError(
            "A worker has another version of initlib or numpy than the process that called it."
        )
    with threadpoolctl.threadpool_limits(1):
        records = list(job(batch))
    if len(records) != len(batch):
        raise ValueError(f"A job must return one record a cell, {len(batch)}. Received: {len(records)}.")
    return index, records


def _bar(progress: bool | None, total: int, unit: str) -> Any:
    from tqdm import tqdm

    hidden = None if progress is None else not progress
    return tqdm(total=total, unit=f" {unit}", disable=hidden, leave=False)


class Store:
    """Finished cells in an SQLite file, by key; without a path it keeps nothing."""

    def __init__(self, path: str | Path | None) -> None:
        self.code = fingerprints.of_package()
        self.connection: sqlite3.Connection | None = None
        if path is None:
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(path, timeout=60)
        try:
            with self.connection as c:
                c.execute("CREATE TABLE IF NOT EXISTS cells (key TEXT PRIMARY KEY, code TEXT, record TEXT)")
                c.execute("DELETE FROM cells WHERE code != ?", [self.code])
        except sqlite3.DatabaseError as error:
            self.connection.close()
            raise ValueError(
                f"store must be a new file or an earlier store. Received: {path} ({error})."
            ) from None

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        if self.connection is not None:
            self.connection.close()

    def find(self, keys: Iterator[str]) -> dict[str, Record]:
        """Return the records that are there."""
        if self.connection is None:
            return {}
        select = "SELECT record FROM cells WHERE key = ?"
        rows = ((key, self.connection.execute(select, [key]).fetchone()) for key in set(keys))
        return {key: json.loads(row[0]) for key, row in rows if row}

    def put(self, records: Mapping[str, Record]) -> None:
        """Keep these records, all or none of them."""
        if self.connection is None:
            return
        rows = [(key, self.code, json.dumps(record)) for key, record in records.items()]
        with self.connection as c:
            c.executemany("INSERT OR REPLACE INTO cells VALUES (?, ?, ?)", rows)
