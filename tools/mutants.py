"""Test the tests: put each mistake of tests/mutants.toml into a copy of initlib; the suite must reject it.

A mutant runs its module's tests alone and stops at the first red. Before them, the same tests must pass on an
unchanged copy, or a broken suite would seem to catch everything. Prints killed/total; survivors fail the run.
Names of modules as arguments choose their mutants.
"""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 2
SETTINGS = {
    "CI": "true",  # Hypothesis tries the same examples in every run
    "OMP_NUM_THREADS": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # plugins take longer to load than most mutants to die
}


@dataclass(frozen=True)
class Mutant:
    """One mistake: `before` becomes `after` in `module`, once, or wherever it stands with `everywhere`.

    The module is named from initlib on, as "theory.maps"; its tests are those of its topic unless `tests`
    names others.
    """

    module: str
    mistake: str
    before: str = ""
    after: str = ""
    everywhere: bool = False
    tests: str = ""

    @property
    def suite(self) -> str:
        return self.tests or f"tests/test_{self.module.partition('.')[0]}.py"

    @property
    def file(self) -> str:
        return f"initlib/{self.module.replace('.', '/')}.py"

    def changed(self, source: str) -> str:
        found = source.count(self.before)
        if found == 0 or (found > 1 and not self.everywhere):
            raise ValueError(f"{self.module}: {self.mistake}: `before` stands there {found} times, not once.")
        result = source.replace(self.before, self.after)
        if result == source:
            raise ValueError(f"{self.module}: {self.mistake}: `after` changes nothing.")
        ast.parse(result)
        return result


def load(root: Path = ROOT) -> list[Mutant]:
    """Read the mutants, and check that each can be made."""
    mutants = [
        Mutant(**entry)
        for entry in tomllib.loads((root / "tests/mutants.toml").read_text(encoding="utf-8"))["mutant"]
    ]
    for mutant in mutants:
        mutant.changed((root / mutant.file).read_text(encoding="utf-8"))
    return mutants


def killer(suite: str, mutant: Mutant | None = None, root: Path = ROOT) -> str:
    """Run the suite against a copy of initlib with the mistake; return the first test that fails, or ""."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "initlib"
        shutil.copytree(root / "initlib", package, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant:
            module = Path(folder) / mutant.file
            module.write_text(mutant.changed(module.read_text(encoding="utf-8")), encoding="utf-8")
        # Else a conftest.py beside initlib puts its folder first, and the tests would see no mistake at all.
        imports = "--import-mode=importlib"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-rf",
            "--tb=no",
            "-p",
            "no:cacheprovider",
            imports,
        ]
        done = subprocess.run(
            [*command, *(root / name for name in suite.split())],
            cwd=folder,
            env={**os.environ, **SETTINGS, "PYTHONPATH": folder},
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    if done.returncode != (1 if failed else 0):
        what = f"{mutant.module}: {mutant.mistake}" if mutant else suite
        raise RuntimeError(f"{what}: the tests did not run.\n{done.stdout}{done.stderr}")
    return failed[0].partition("::")[2] if failed else ""


def main(modules: Sequence[str] = (), root: Path = ROOT) -> None:
    """Run all mutants, or those of some modules or topics; exit with a message unless all are killed."""
    start = time.perf_counter()
    mutants = [
        mutant
        for mutant in load(root)
        if not modules or {mutant.module, mutant.module.partition(".")[0]} & set(modules)
    ]
    suites = sorted({mutant.suite for mutant in mutants})
    with ThreadPoolExecutor(WORKERS) as pool:
        for suite, red in zip(suites, pool.map(lambda s: killer(s, root=root), suites), strict=True):
            if red:
                sys.exit(f"{suite} fails on the unchanged library ({red}); no mutant was run.")
        survivors = []
        killers = pool.map(lambda mutant: killer(mutant.suite, mutant, root), mutants)
        for mutant, red in zip(mutants, killers, strict=True):
            print(
                f"{'killed  ' if red else 'SURVIVED'}  {mutant.module}: {mutant.mistake}  {red}", flush=True
            )
            survivors += [] if red else [mutant]
    took = os.times()
    print(
        f"{len(mutants) - len(survivors)}/{len(mutants)} killed in {time.perf_counter() - start:.0f} s "
        f"({took.children_user + took.children_system:.0f} s of processor time)"
    )
    if survivors:
        sys.exit("The suite let these pass: " + "; ".join(f"{m.module}: {m.mistake}" for m in survivors))


if __name__ == "__main__":
    main(sys.argv[1:])
