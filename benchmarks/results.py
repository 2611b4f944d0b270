"""What the benchmarks share: timing in turns, the conditions of a run, and a section each in RESULTS.md."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

PAUSE = 0.01  # seconds
RESULTS = Path(__file__).with_name("RESULTS.md")
HEADER = "# Benchmarks\n\n`make bench` measures all this anew, side by side in one run. Times are medians.\n"


def times_in_turns(
    works: dict[str, Callable[[], Any]],
    *,
    seconds: float,
    least: int = 5,
    most: int = 200,
    warm: bool = False,
) -> dict[str, list[float]]:
    """Time the works in turns, round by round, so that a busy moment of the machine hits them all.

    A pause comes before each, in which the last one's threads stop waiting for more; with `warm`, so does a
    call that is not timed, which fills the caches again.
    """
    for work in works.values():
        work()  # imports, compilation and caches are not timed
    times: dict[str, list[float]] = {name: [] for name in works}
    start = time.perf_counter()
    rounds = 0
    while rounds < least or (rounds < most and time.perf_counter() - start < seconds):
        for name, work in works.items():
            time.sleep(PAUSE)
            if warm:
                work()
            before = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - before)
        rounds += 1
    return times


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: first column to the left, the others to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def conditions(*packages: str) -> str:
    """Say when and with what the run was made."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    python = f"Python {platform.python_version()}"
    return f"{date.today().isoformat()}, {cores} cores of {processor()}, {python}, {versions}."


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = [
        line.split(":")[1].strip()
        for line in (cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else [])
        if line.startswith("model name")
    ]
    return names[0] if names else platform.processor() or platform.machine()


def write_section(title: str, text: str, path: Path = RESULTS) -> None:
    """Put `text` in the place of the section `title`; the other benchmarks' sections stay as they are."""
    old = path.read_text(encoding="utf-8") if path.exists() else HEADER
    head, *sections = old.split("\n## ")
    kept = {section.split("\n", 1)[0]: section for section in sections}
    kept[title] = f"{title}\n\n{text.strip()}\n"
    path.write_text("\n## ".join([head, *(kept[name] for name in sorted(kept))]), encoding="utf-8")
    print(f"\n## {title}\n\n{text.strip()}")
