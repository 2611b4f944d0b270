"""Recompute evidence: the archives that are missing or older than their experiment, or the ones named.

    python tools/evidence.py [NAME ...] [--backend dask] [--check]

With `--backend dask` the work runs on the cluster at DASK_SCHEDULER_ADDRESS, or on a local one.
"""

import argparse
import sys
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path

import joblib

from initlib import checks, evidence, experiments

STORES = Path(__file__).resolve().parent.parent / ".evidence"  # finished cells of interrupted runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="experiments to run even if their archives are current")
    parser.add_argument("--backend", choices=["processes", "dask"], default="processes")
    parser.add_argument(
        "--check", action="store_true", help="list the archives that are not current, run nothing"
    )
    arguments = parser.parse_args()
    try:
        named = [checks.choice("experiment", name, experiments.names()) for name in arguments.names]
    except ValueError as error:
        sys.exit(str(error))
    todo = named or [name for name in experiments.names() if not evidence.is_current(name)]
    if arguments.check:
        sys.exit(f"Not current: {', '.join(todo)}" if todo else None)
    print(f"To run: {', '.join(todo) or 'nothing, every archive is current'}", flush=True)
    with ExitStack() as stack:
        stack.enter_context(cluster(stack) if arguments.backend == "dask" else nullcontext())
        for name in todo:
            run(name)


def cluster(stack: ExitStack) -> joblib.parallel_config:
    from dask.distributed import Client

    print(stack.enter_context(Client()), flush=True)
    return joblib.parallel_config(backend="dask")


def run(name: str) -> None:
    store, start = STORES / f"{name}.sqlite", time.perf_counter()
    try:
        result = evidence.run(name, store=store)
    except KeyboardInterrupt:
        sys.exit(f"\nInterrupted. Finished cells of {name} are kept; the same command continues.")
    path = evidence.save(result)
    store.unlink()
    print(f"{name}: {result.verdict} ({time.perf_counter() - start:.0f} s) -> {path.name}", flush=True)


if __name__ == "__main__":
    main()
