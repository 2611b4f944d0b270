"""Test the tests: put each mistake of tests/mutants.toml into a copy of initlib; the suite must reject it.

A mutant runs its module's tests alone and stops at the first red. Before them, the same tests must pass on an
unchanged copy, or a broken suite would seem to catch everything. Prints killed/total; survivors fail the run.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 2


@dataclass(frozen=True)
class Mutant:
    """One mistake: `before` becomes `after` in `module` (once, or wherever it stands with `everywhere`)."""

    module: str
    mistake: str
    before: str = ""
    after: str = ""
    everywhere: bool = False
    tests: str = ""

    def changed(self, source: str) -> str:
        found = source.count(self.before)
        if not self.before:
            return source
        if found == 0 or (found > 1 and not self.everywhere):
            raise ValueError(f"{self.module}: {self.mistake}: `before` stands there {found} times, not once.")
        return source.replace(self.before, self.after)


def load(path: Path = ROOT / "tests" / "mutants.toml") -> list[Mutant]:
    return [Mutant(**entry) for entry in tomllib.loads(path.read_text())["mutant"]]


def is_killed(mutant: Mutant) -> bool:
    """Run the module's tests against a copy of initlib with the mistake; a red suite kills it."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "initlib"
        shutil.copytree(ROOT / "initlib", package, ignore=shutil.ignore_patterns("__pycache__"))
        module = package / f"{mutant.module}.py"
        module.write_text(mutant.changed(module.read_text()))
        tests = mutant.tests or f"tests/test_{mutant.module}.py"
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        done = subprocess.run(
            [*command, *(ROOT / name for name in tests.split())],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": folder, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
    if done.returncode not in (0, 1):
        raise RuntimeError(
            f"{mutant.module}: {mutant.mistake}: the tests did not run.\n{done.stdout}{done.stderr}"
        )
    return done.returncode == 1


def main() -> None:
    start = time.perf_counter()
    mutants = load()
    unchanged = {(m.module, m.tests): Mutant(m.module, "unchanged", tests=m.tests) for m in mutants}
    with ThreadPoolExecutor(WORKERS) as pool:
        for control, red in zip(unchanged.values(), pool.map(is_killed, unchanged.values()), strict=True):
            if red:
                sys.exit(f"The tests of {control.module} fail on the unchanged module; no mutant was run.")
        survivors = []
        for mutant, killed in zip(mutants, pool.map(is_killed, mutants), strict=True):
            print(f"{'killed  ' if killed else 'SURVIVED'}  {mutant.module}: {mutant.mistake}", flush=True)
            survivors += [] if killed else [mutant]
    print(f"{len(mutants) - len(survivors)}/{len(mutants)} killed in {time.perf_counter() - start:.0f} s")
    if survivors:
        sys.exit("The suite let these pass: " + "; ".join(f"{m.module}: {m.mistake}" for m in survivors))


if __name__ == "__main__":
    main()
