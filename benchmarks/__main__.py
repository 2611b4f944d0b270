"""Run every benchmark: `python -m benchmarks`, or some of them: `python -m benchmarks initializers`."""

import os
import sys
from importlib import import_module
from pathlib import Path

CORES = 2

if hasattr(os, "sched_setaffinity"):  # before the frameworks count the cores
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])

present = sorted(
    path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in ("__main__", "results")
)
chosen, sys.argv[1:] = sys.argv[1:] or present, []  # a benchmark run from here takes its defaults
unknown = set(chosen) - set(present)
if unknown:
    sys.exit(f"Unknown benchmark. Received: {', '.join(sorted(unknown))}; choose from {', '.join(present)}.")
for name in chosen:
    import_module(f"benchmarks.{name}").main()
