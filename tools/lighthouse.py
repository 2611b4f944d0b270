"""Lighthouse's mobile profile, on a machine that may be busy.

Lighthouse times the work of a page by the clock and multiplies it by four; on a busy machine it would measure
the other programs. So each task in its trace is given the time that the processor spent on it, and the server
the latency of an idle one, before the scores are computed; on an idle machine both are the same.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from bisect import bisect_right
from pathlib import Path
from typing import Any

from check_pages import ROOT

PACKAGE = "lighthouse@12.8.2"
CATEGORIES = {"performance": 95, "best-practices": 100, "seo": 100}  # and the least scores
LATENCY = 20  # ms
TRACE = "defaultPass.trace.json"


def install() -> Path:
    """Return Lighthouse's command in .venv, which npm fills on the first run."""
    folder = ROOT / ".venv" / "lighthouse"
    command = folder / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not command.is_file():
        if shutil.which("npm") is None:
            sys.exit("npm is missing, which brings Lighthouse: apt-get install npm, or --no-lighthouse")
        folder.mkdir(exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--prefix", folder, PACKAGE], check=True)
    return command


def tasks(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the tasks of one thread that are not part of another, in order."""
    found: list[dict[str, Any]] = []
    for event in events:
        timed = event["name"].endswith("RunTask") and event.get("dur") and "tdur" in event
        if timed and not (found and event["ts"] < found[-1]["ts"] + found[-1]["dur"]):
            found.append(event)
    return found


def without_waiting(events: list[dict[str, Any]]) -> None:
    """Shrink each task, and what happens in it, from the time it took to the processor's time.

    >>> task = {"name": "RunTask", "pid": 1, "tid": 1, "ts": 100, "dur": 40, "tdur": 10}
    >>> paint = {"name": "Paint", "pid": 1, "tid": 1, "ts": 120, "dur": 8}
    >>> without_waiting([task, paint])
    >>> task["dur"], paint["ts"], paint["dur"]
    (10.0, 105.0, 2.0)
    """
    threads: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for event in sorted(events, key=lambda event: (event["ts"], -event.get("dur", 0))):
        threads.setdefault((event["pid"], event["tid"]), []).append(event)
    for own in threads.values():
        spans = [(task["ts"], task["dur"], min(1.0, task["tdur"] / task["dur"])) for task in tasks(own)]
        starts = [start for start, _, _ in spans]
        for event in own:
            at = bisect_right(starts, event["ts"]) - 1
            if at < 0 or event["ts"] > spans[at][0] + spans[at][1]:
                continue
            start, _, share = spans[at]
            event["ts"] = start + (event["ts"] - start) * share
            for length in event.keys() & {"dur"}:
                event[length] *= share


def scores(tool: Path, address: str, browser: str) -> dict[str, int]:
    """Return the scores of one visit, from 0 to 100."""
    with tempfile.TemporaryDirectory() as folder:
        site = address.split("/", 3)
        origin, known = "/".join(site[:3]), Path(folder, "lantern.json")
        latency = {"additionalRttByOrigin": {origin: 0}, "serverResponseTimeByOrigin": {origin: LATENCY}}
        known.write_text(json.dumps(latency), encoding="utf-8")
        command = [
            *(
                "node",
                str(tool),
                address,
                "--quiet",
                "--output=json",
                f"--precomputed-lantern-data-path={known}",
            ),
            *(f"--only-categories={','.join(CATEGORIES)}", "--chrome-flags=--headless=new --no-sandbox"),
        ]

        def run(step: str) -> str:
            environment = {**os.environ, "CHROME_PATH": browser}
            done = subprocess.run(
                [*command, f"{step}={folder}"],
                env=environment,
                capture_output=True,
                text=True,
                encoding="utf-8",
            )
            if done.returncode:
                sys.exit(f"Lighthouse failed on {address}: {done.stderr[-500:]}")
            return done.stdout

        run("--gather-mode")
        trace = json.loads(Path(folder, TRACE).read_text(encoding="utf-8"))
        without_waiting(trace["traceEvents"])
        Path(folder, TRACE).write_text(json.dumps(trace), encoding="utf-8")
        report = json.loads(run("--audit-mode"))
    return {name: round(100 * report["categories"][name]["score"]) for name in CATEGORIES}
