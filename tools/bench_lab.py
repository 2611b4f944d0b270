"""Measure the lab: speed of its engine, work on the page's thread, time to the first curve, memory, bytes.

`make bench-site` prints these rows after those of the explorers; this file alone prints them alone. A folder
as its argument is a clone of TensorFlow Playground, to be timed too.
"""

import gzip
import json
import os
import resource
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from bench_lab_peers import beside
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "site"))

from site_under_test import write_page  # noqa: E402

from initlib import explorers  # noqa: E402

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LAB = "document.querySelector('.initlib-lab')?.lab"
KB = 1024
DEPTH, WIDTH, BATCH = 10, 64, 64
# Multiplications and additions of a step: forward, to the weights, to the inputs but for the first layer.
FLOP = 2 * BATCH * (3 * ((DEPTH - 1) * WIDTH**2 + 10 * WIDTH) - WIDTH**2)
TRACED = ["devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel"]
STEPS, ROUNDS, LONG = 400, 5, 20_000
# Advances one arm on one worker, without notes between: (ms of one step, median of rounds).
TIME_STEPS = """async ([steps, rounds]) => {
  const lab = document.querySelector('.initlib-lab').lab;
  const [lane] = lab.lanes;
  const times = [];
  for (let i = 0; i < rounds; i++) times.push((await lane.ask({ steps })).time / steps);
  return times.sort((a, b) => a - b)[rounds >> 1];
}"""
FIRST_CURVE = """() => new Promise((resolve) => {
  const lab = document.querySelector('.initlib-lab').lab;
  const begin = performance.now();
  document.querySelector('.train').click();
  const look = () => {
    if (lab.reports[0].points.length > 1) resolve(performance.now() - begin);
    else requestAnimationFrame(look);
  };
  look();
})"""


def row(what: str, value: float, unit: str, limit: float | None = None, *, least: bool = False) -> bool:
    """Print a number beside its limit and return whether it keeps it."""
    kept = limit is None or (value >= limit if least else value <= limit)
    word = "at least" if least else "limit"
    print(
        f"{what}: {value:.3g}{unit}"
        + ("" if limit is None else f" ({word} {limit:g}{unit}: {'kept' if kept else 'BROKEN'})"),
        flush=True,
    )
    return kept


def opened(browser: Browser, folder: Path, **changes: Any) -> Page:
    """Return a page with a lab of He nets, drawn."""
    lab = explorers.lab("why", init="he", depth=(DEPTH, DEPTH - 1), width=WIDTH, batch=BATCH, **changes)
    page = browser.new_page()
    page.goto((folder / write_page(folder, [lab])).as_uri())
    page.wait_for_function(f"{LAB}?.told")
    return page


def main_thread(browser: Browser, page: Page) -> list[float]:
    """Return the ms of processor time of the page's thread in each frame while both arms train."""
    browser.start_tracing(page=page, categories=TRACED)
    page.locator(".train").click()
    page.wait_for_timeout(6000)
    page.evaluate(f"{LAB}.pause()")
    events = json.loads(browser.stop_tracing())["traceEvents"]
    frames = [e for e in events if e["name"] == "FireAnimationFrame"]
    main = frames[0]["pid"], frames[0]["tid"]
    tasks = [e for e in events if e["name"] == "RunTask" and (e["pid"], e["tid"]) == main and "dur" in e]
    starts = np.array([e["ts"] for e in tasks])
    work = np.array([e.get("tdur", 0) / 1e3 for e in tasks])
    window = 16_667
    return [
        work[(starts >= at) & (starts < at + window)].sum()
        for at in np.arange(starts.min(), starts.max(), window)
    ]


def processor_time(browser: Browser, page: Page) -> float:
    """Return the ms of processor time that the worker of one arm takes for a step."""
    browser.start_tracing(page=page, categories=TRACED)
    page.evaluate(TIME_STEPS, [STEPS, 1])
    events = json.loads(browser.stop_tracing())["traceEvents"]
    threads: Counter[tuple[int, int]] = Counter()
    for event in events:
        if event["name"] == "RunTask":
            threads[event["pid"], event["tid"]] += event.get("tdur", 0)
    [(_, busiest)] = threads.most_common(1)
    return busiest / 1e3 / STEPS


def heap(page: Page) -> float:
    """Return the KB of the page's own heap, after collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return session.send("Runtime.getHeapUsage")["usedSize"] / KB


def resident(browser: Browser) -> float:
    """Return the MB of memory that the pages' processes hold, those of their workers included."""
    known = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    pages = [Path(f"/proc/{one['id']}/statm") for one in known if one["type"] == "renderer"]
    return (
        sum(int(path.read_text(encoding="utf-8").split()[1]) for path in pages)
        * resource.getpagesize()
        / KB**2
    )


def measure_peers(browser: Browser, page: Page, scratch: Path, playground: Path | None) -> list[bool]:
    """Print how many times as long peers take for a step of the same net; `page` holds a lab of it."""
    if not playground:
        print("TensorFlow Playground was not timed: name a clone of it by PLAYGROUND=folder", flush=True)
    times = beside(
        browser,
        scratch,
        [DEPTH, WIDTH, BATCH],
        lambda: page.evaluate(TIME_STEPS, [STEPS // 4, 1]),
        playground,
    )
    kept = []
    for name, time in times.items():
        row(f"a step in one run, {name}", time, " ms")
        if name != "lab":
            limit = 5 if name == "TensorFlow Playground" else 1
            kept.append(row(f"the lab is faster than {name}", time / times["lab"], " x", limit, least=True))
    return kept


def measure_lab(playground: Path | None = None) -> list[bool]:
    """Print all rows; return which limits were kept."""
    print("load of the machine (1, 5, 15 minutes):", *map("{:.1f}".format, os.getloadavg()), flush=True)
    state = explorers.lab().widget.get_state()
    parts = json.dumps({name: state[name] for name in ("_esm", "_css", "spec")}).encode()
    kept = [row("lab beside the runtime, gzip", len(gzip.compress(parts, 9)) / KB, " KB", 60)]
    command = next(filter(None, map(shutil.which, BROWSERS)), None)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=command, args=["--no-sandbox"])
        page = opened(browser, Path(scratch), seeds=1, rate=0.01)
        page.evaluate(TIME_STEPS, [STEPS, 1])  # warm
        time = page.evaluate(TIME_STEPS, [STEPS, ROUNDS])
        what = f"{DEPTH} x {WIDTH} ReLU, batch {BATCH}, one worker"
        kept.append(row(f"{what}, a step with its share of notes, median of {ROUNDS}", time, " ms", 6))
        kept.append(row(f"{what}, speed", FLOP / time / 1e6, " GFLOP/s", 3, least=True))
        alone = processor_time(browser, page)
        row(f"{what}, a step, of processor", alone, " ms")
        row(f"{what}, speed, of processor", FLOP / alone / 1e6, " GFLOP/s")
        before, held = heap(page), resident(browser)
        page.evaluate(TIME_STEPS, [LONG // 10, 10])
        kept.append(row(f"page's heap after {LONG} steps, growth", heap(page) - before, " KB", 500))
        grown = resident(browser) - held
        kept.append(row("memory of the page and its workers meanwhile, growth", grown, " MB", 10))
        kept += measure_peers(browser, page, Path(scratch), playground)
        firsts = []
        for _ in range(ROUNDS):
            page.close()
            page = opened(browser, Path(scratch), seeds=8, rate=0.01)
            firsts.append(page.evaluate(FIRST_CURVE))
        what = f"first curve after Train, 8 seeds an arm, median of {ROUNDS}"
        kept.append(row(what, float(np.median(firsts)), " ms", 300))
        page.evaluate(f"{LAB}.pause()")
        page.wait_for_function(f"!{LAB}.running")
        work = main_thread(browser, page)
        kept.append(
            row(
                f"page's thread while 8 seeds an arm train, p95 of {len(work)} frames",
                float(np.percentile(work, 95)),
                " ms",
                8,
            )
        )
        browser.close()
    return kept


if __name__ == "__main__":
    sys.exit(0 if all(measure_lab(Path(sys.argv[1]) if sys.argv[1:] else None)) else 1)
