"""Run a part of the tests under every configuration this machine has; write the table in tests/README.md.

Each row is a kernel of OpenBLAS, numpy without its SIMD code, or a number of threads. Library tests must
pass in all; of the chapters every cell must run, and the table says how many stored outputs came out equal.
Names of configurations as arguments choose rows; the others keep what the table says.
"""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "tests" / "README.md"
AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"
PINNED = {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": AVX512, "OPENBLAS_NUM_THREADS": "1"}
CONFIGURATIONS = {
    "pinned": {},
    "SkylakeX, AVX-512": {"OPENBLAS_CORETYPE": "SkylakeX", "NPY_DISABLE_CPU_FEATURES": ""},
    "Zen": {"OPENBLAS_CORETYPE": "Zen"},
    "Sandybridge": {"OPENBLAS_CORETYPE": "Sandybridge"},
    "Nehalem": {"OPENBLAS_CORETYPE": "Nehalem"},
    "numpy without SIMD": {"NPY_DISABLE_CPU_FEATURES": f"X86_V3 {AVX512}"},
    "two threads": {"OPENBLAS_NUM_THREADS": "2"},
}
LIBRARY = ("initializers", "theory", "gaussian", "propagation", "networks", "training")
CHAPTERS = ("book/techniques/random.ipynb", "book/practices/choose-by-activation.ipynb")
TABLE = re.compile(r"(<!-- matrix -->\n)(.*)(<!-- end -->)", re.DOTALL)
HEAD = ("configuration", "kernels", "library tests", "cells of two chapters")


def run(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **PINNED, **settings}
    kept = {name: value for name, value in environment.items() if value or name not in PINNED}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=kept, capture_output=True, text=True, encoding="utf-8"
    )


def outcome(done: subprocess.CompletedProcess[str]) -> str:
    """Return what pytest counted, as "12 passed, 1 failed"; its output goes to the terminal if one failed."""
    counts = re.findall(r"\d+ (?:passed|failed|errors?)", done.stdout.splitlines()[-1] if done.stdout else "")
    if done.returncode:
        print(done.stdout[-5000:], done.stderr[-2000:], file=sys.stderr)
    return (
        ", ".join(sorted(counts, key=lambda count: "passed" not in count))
        or f"did not run ({done.returncode})"
    )


def row(name: str) -> tuple[str, ...]:
    settings = CONFIGURATIONS[name]
    code = "import sys; sys.path.insert(0, 'tests'); import reference_kernels as r; import numpy as np\n"
    done = run(settings, "-c", code + "np.ones((99, 99)) @ np.ones((99, 99)); print(r.loaded()[0])")
    if done.returncode:
        return name, "this processor has none", "", ""
    pytest = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
    library = run(settings, *pytest, "-m", "not heavy", *(f"tests/test_{topic}.py" for topic in LIBRARY))
    chapters = run(settings, *pytest, "--nbval", "--nbval-current-env", *CHAPTERS)
    compared = re.search(r"(\d+ equal, \d+ but for digits, \d+ not)", chapters.stdout)
    cells = f"{outcome(chapters)}; outputs: {compared[1] if compared else 'compared in full'}"
    return name, done.stdout.strip(), outcome(library), cells


def read() -> dict[str, tuple[str, ...]]:
    """Return the rows of the table by their first cell."""
    lines = (line for line in TABLE.search(PAGE.read_text(encoding="utf-8"))[2].splitlines() if "|" in line)
    rows = (tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines)
    return {cells[0]: cells for cells in rows}


def write(rows: dict[str, tuple[str, ...]]) -> None:
    lines = [HEAD, ("---",) * len(HEAD), *(rows[name] for name in CONFIGURATIONS if name in rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    text = f"\n{platform.system()}, {platform.machine()}, Python {platform.python_version()}:\n\n{table}\n\n"
    page = TABLE.sub(lambda match: match[1] + text + match[3], PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(page, encoding="utf-8")


def main(chosen: list[str]) -> None:
    if unknown := {*chosen} - {*CONFIGURATIONS}:
        sys.exit(f"No such configuration: {', '.join(unknown)}; choose from {', '.join(CONFIGURATIONS)}.")
    rows = read()
    red = []
    for name in chosen or CONFIGURATIONS:
        rows[name] = row(name)
        print(" | ".join(rows[name]), flush=True)
        write(rows)
        red += [name] if re.search("failed|error|did not run", " ".join(rows[name])) else []
    if red:
        sys.exit(f"Not all tests passed with: {', '.join(red)}")


if __name__ == "__main__":
    main(sys.argv[1:])
