"""Run many small computations over processes or a cluster, and keep what is finished.

A *cell* is a mapping of parameters, and a *job* computes the records of a batch of cells. Finished cells are
written by the calling process alone, each under its parameters and the code that made it: after an
interruption the same call goes on where it stopped. Cells of other code are kept, and not used.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from initlib import checks, fingerprints
from initlib.extras import needed

__all__ = ["DEATHS", "Cell", "Job", "Record", "Store", "check", "one_blas_thread", "run"]

Cell = Mapping[str, Any]
Record = dict[str, Any]
Job = Callable[[Sequence[Cell]], Sequence[Record]]

COLUMNS = ("key TEXT PRIMARY KEY", "code TEXT", "record TEXT")  # of the table of a store
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
    check(n_jobs, progress)
    key_of = _Keys(job)
    keys = [[key_of(cell) for cell in batch] for batch in batches]
    deaths = 0
    with Store(store) as kept, _bar(progress, sum(map(len, batches)), unit) as bar:
        done = kept.find(chain.from_iterable(keys))
        bar.update(sum(key in done for batch in keys for key in batch))
        missing = len({key for batch in keys for key in batch} - done.keys())
        if missing and kept.read_only:
            raise ValueError(f"The store {store} is read-only and lacks {missing} of the {unit}.")
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


def check(n_jobs: object, progress: object) -> None:
    """Refuse what `run` cannot take for these two.

    >>> check(0, None)
    Traceback (most recent call last):
        ...
    ValueError: n_jobs must be None or an integer other than 0. Received: 0.
    """
    if n_jobs is not None and checks.integer("n_jobs", n_jobs) == 0:
        raise ValueError("n_jobs must be None or an integer other than 0. Received: 0.")
    if progress is not None:
        checks.boolean("progress", progress)


class _Limit:
    """The limit of BLAS, which a process has once: how many hold it, and the thread that keeps it."""

    lock = threading.Lock()
    holders = 0
    keeper: ThreadPoolExecutor
    limits: Any


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread. The first of several Python threads sets the limit, the last one lifts it.

    >>> import numpy as np
    >>> with one_blas_thread():
    ...     np.eye(1) @ np.eye(1)
    array([[1.]])
    """
    with _Limit.lock:
        if not _Limit.holders:  # a thread of its own: who set a limit first may be the first to leave
            _Limit.keeper = ThreadPoolExecutor(1)
            _Limit.limits = _Limit.keeper.submit(_limited).result()
        _Limit.holders += 1
    try:
        with needed("threadpoolctl").threadpool_limits(1, user_api="openmp"):  # of each thread its own
            yield
    finally:
        with _Limit.lock:
            _Limit.holders -= 1
            if not _Limit.holders:
                _Limit.keeper.submit(_Limit.limits.restore_original_limits).result()
                _Limit.keeper.shutdown()


def _limited() -> Any:
    """Limit BLAS from this thread, which newer versions of threadpoolctl must be told."""
    threadpoolctl = needed("threadpoolctl")
    clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)
    return threadpoolctl.threadpool_limits(1, user_api="blas")


class _Keys:
    """Gives the text that stands for a job and a cell; callables stand in it with their code."""

    def __init__(self, job: Job) -> None:
        self.job = fingerprints.describe(job)
        self.described: dict[int, tuple[Any, Any]] = {}  # with the value, so that no other takes its place

    def __call__(self, cell: Cell) -> str:
        if not isinstance(cell, Mapping) or not all(isinstance(name, str) for name in cell):
            raise TypeError(f"A cell must map names to values. Received: {checks.shown(cell)}.")
        return json.dumps([self.job, {name: self._describe(cell[name]) for name in sorted(cell)}])

    def _describe(self, value: Any) -> Any:
        if id(value) not in self.described:
            self.described[id(value)] = value, fingerprints.describe(value)
        return self.described[id(value)][1]


def _parallel(
    job: Job, batches: Sequence[Sequence[Cell]], n_jobs: int | None
) -> Iterator[tuple[int, list[Record]]]:
    """Yield the position and the records of each batch, in the order in which they finish."""
    joblib = needed("joblib")
    get_active_backend = needed("joblib.parallel").get_active_backend

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
    if fingerprints.of_package() != code:
        raise RuntimeError(
            "A worker has another version of initlib or numpy than the process that called it."
        )
    with one_blas_thread():
        records = list(job(batch))
    if len(records) != len(batch):
        raise ValueError(f"A job must return one record a cell, {len(batch)}. Received: {len(records)}.")
    return index, [_plain(record) for record in records]


def _plain(record: Record) -> Record:
    """Return a record as a store would give it back."""
    try:
        plain: Record = json.loads(json.dumps(record))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"A record must hold what JSON can. Received: {checks.shown(record)} ({error})."
        ) from None
    return plain


def _bar(progress: bool | None, total: int, unit: str) -> Any:
    hidden = None if progress is None else not progress
    return needed("tqdm").tqdm(total=total, unit=f" {unit}", disable=hidden, leave=False)


def _named(path: str | Path) -> str:
    """Return a path as a message names it: in full, unless it is far too long for one."""
    return str(path) if len(str(path)) < 250 else checks.shown(str(path))


class Store:
    """Finished cells in an SQLite file, by code and key; without a path it keeps nothing.

    Cells of other code stay in the file, so that two versions of the library can share it. A store on a
    read-only disk can be read. A record that is damaged counts as missing.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.code = fingerprints.of_package()
        self.path = path
        self.read_only = False
        self.connection: sqlite3.Connection | None = None
        if path is None:
            return
        file = checks.path("store", path, "the path of a file")
        new = not os.path.exists(file)  # False for names that are too long, where Path.exists raises
        self.connection = self._opened(file)
        try:
            self._refuse_foreign(self.connection)
            if not self.read_only:
                with self.connection as c:
                    c.execute(f"CREATE TABLE IF NOT EXISTS cells ({', '.join(COLUMNS)})")
        except sqlite3.DatabaseError as error:
            self.connection.close()
            if new:
                file.unlink(missing_ok=True)
            raise ValueError(
                f"store must be a new file or an earlier store. Received: {_named(path)} ({error})."
            ) from None
        except BaseException:  # an interrupt as well
            self.connection.close()
            raise

    def _opened(self, path: Path) -> sqlite3.Connection:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if str(path) == ":memory:":
                raise OSError("a database in memory keeps nothing: leave `store` out")
            if path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
                self.read_only = True
                return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
            return sqlite3.connect(path.resolve(), timeout=60)
        except (OSError, sqlite3.Error) as error:
            raise ValueError(
                f"store must be a file in a folder that can be written to. "
                f"Received: {_named(path)} ({getattr(error, 'strerror', None) or error})."
            ) from None

    def _refuse_foreign(self, connection: sqlite3.Connection) -> None:
        names = {name for (name,) in connection.execute("SELECT tbl_name FROM sqlite_master")}
        columns = [row[1] for row in connection.execute("PRAGMA table_info(cells)")]
        if names and (names != {"cells"} or columns != [column.split()[0] for column in COLUMNS]):
            raise ValueError(
                "store must be a new file or an earlier store. "
                f"Received: {self.path}, a database of something else; it was left as it is."
            )

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        if self.connection is not None:
            self.connection.close()

    def find(self, keys: Iterable[str]) -> dict[str, Record]:
        """Return the records that are there."""
        if self.connection is None:
            return {}
        select = "SELECT record FROM cells WHERE key = ?"
        found: dict[str, Record] = {}
        try:
            for key in set(keys):
                row = self.connection.execute(select, [self._full(key)]).fetchone()
                record = _unsealed(self._full(key), row[0]) if row else None
                if record is not None:
                    found[key] = record
        except sqlite3.DatabaseError as error:
            raise ValueError(
                f"The store {self.path} is damaged ({error}): delete it, or put a copy in its place."
            ) from None
        return found

    def put(self, records: Mapping[str, Record]) -> None:
        """Keep these records, all or none of them."""
        if self.connection is None:
            return
        fulls = {self._full(key): record for key, record in records.items()}
        rows = [(full, self.code, _sealed(full, record)) for full, record in fulls.items()]
        try:
            with self.connection as c:
                c.executemany("INSERT OR REPLACE INTO cells VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise OSError(
                f"The store {self.path} cannot be written ({error}). What was finished before is kept: "
                "the same call goes on from there."
            ) from None

    def _full(self, key: str) -> str:
        return f"{self.code} {key}"


def _sealed(key: str, record: Record) -> str:
    """Return a record as text behind the digest of its key and itself."""
    text = json.dumps(record)
    return f"{_seal(key, text)} {text}"


def _unsealed(key: str, sealed: Any) -> Record | None:
    """Return the record of a text, None if the text is damaged or belongs to another key."""
    seal, _, text = sealed.partition(" ") if isinstance(sealed, str) else ("", "", "")
    if seal != _seal(key, text):
        return None
    record: Record = json.loads(text)
    return record


def _seal(key: str, text: str) -> str:
    return fingerprints.digest(f"{key} {text}".encode("utf-8", "replace"))
