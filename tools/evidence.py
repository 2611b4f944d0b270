"""Recompute evidence: the archives that are missing or older than their experiment, or the ones named.

    python tools/evidence.py [NAME ...] [--backend dask] [--check | --unchanged | --pilot]

`--unchanged` shows that a change of code is none: it runs the named experiments again on the same seeds and,
only if the protocol and every row agree, writes the new fingerprint into the archive.

`--pilot` runs the named experiments on seeds below 100 and writes what they found into pilots/, to be
published beside the results. Do that, and commit it, before the protocol is frozen.

With `--backend dask` the work runs on the cluster at DASK_SCHEDULER_ADDRESS, or on a local one.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import joblib

from initlib import checks, evidence, experiments
from initlib.evidence import archives

STORES = Path(__file__).resolve().parent.parent / ".evidence"  # finished cells of interrupted runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="experiments to run even if their archives are current")
    parser.add_argument("--backend", choices=["processes", "dask"], default="processes")
    parser.add_argument(
        "--check", action="store_true", help="list the archives that are not current, run nothing"
    )
    parser.add_argument(
        "--unchanged",
        action="store_true",
        help="run again on the same seeds; if all agrees, renew the fingerprint",
    )
    parser.add_argument("--pilot", action="store_true", help="run on seeds below 100, write to pilots/")
    arguments = parser.parse_args()
    try:
        named = [checks.choice("experiment", name, experiments.names()) for name in arguments.names]
    except ValueError as error:
        sys.exit(str(error))
    todo = named or [name for name in experiments.names() if not evidence.is_current(name)]
    if (arguments.unchanged or arguments.pilot) and not named:
        sys.exit("Such a run needs the names of the experiments that are meant.")
    if arguments.check:
        sys.exit(f"Not current: {', '.join(todo)}" if todo else None)
    print(f"To run: {', '.join(todo) or 'nothing, every archive is current'}", flush=True)
    with ExitStack() as stack:
        stack.enter_context(cluster(stack) if arguments.backend == "dask" else nullcontext())
        for name in todo:
            (confirm if arguments.unchanged else pilot if arguments.pilot else run)(name)


def cluster(stack: ExitStack) -> joblib.parallel_config:
    from dask.distributed import Client

    print(stack.enter_context(Client(dashboard_address=":0")), flush=True)
    return joblib.parallel_config(backend="dask")


def run(name: str) -> None:
    with finished_cells(name) as store:
        result = evidence.run(name, store=store)
        path = evidence.save(result)
    store.unlink()
    print(f"{name}: {result.verdict} ({result.made['seconds']:.0f} s) -> {path.name}", flush=True)


def pilot(name: str) -> None:
    result = evidence.pilot(name)
    path = archives.save_pilots(name, result)
    verdicts = ", ".join(filter(None, (result.verdict, result.scope, result.as_told)))
    print(f"{name}: pilots say {verdicts} -> {path.name}\n{result.table()!r}", flush=True)


def confirm(name: str) -> None:
    with finished_cells(f"{name}.unchanged") as store:
        path = evidence.confirm(name, store=store)
    store.unlink()
    print(f"{name}: unchanged, the fingerprint in {path.name} is that of the code as it is now", flush=True)


@contextmanager
def finished_cells(name: str) -> Iterator[Path]:
    """Give the store of a run; say in a line what ended it, and keep its cells if it was interrupted."""
    store = STORES / f"{name}.sqlite"
    try:
        yield store
    except KeyboardInterrupt:
        sys.exit(f"\nInterrupted. Finished cells of {name} are kept; the same command continues.")
    except (OSError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
