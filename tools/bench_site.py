"""Measure the explorers of the built site: sizes, work per slider step, time to the first usable explorer.

`make bench-site` prints one line a number, with its limit. It compares with the stock html-manager, which it
takes from npm into a scratch folder and serves from the same server in the same run.
"""

import argparse
import gzip
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from bench_lab import measure_lab
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
STATE, VIEW = (f"application/vnd.jupyter.widget-{kind}+json" for kind in ("state", "view"))
STOCK = ("@jupyter-widgets/html-manager@1.0.15", "requirejs@2.3.8", "anywidget@0.11.0")
PICTURE = re.compile(r'<img[^>]*src="([^"]*)"(?:(?!<img).)*?initlib-explorer-note', re.DOTALL)
WAITING = re.compile(r'<script data-scripts="([^"]*)"[^>]*></script>')
FILE = re.compile(r"(?:Object\.assign\(.*?\?\?= \{\}, |document\..*?stringify\()(.*)\);")
STOCK_SCRIPTS = """<script src="{up}stock/require.js"></script>
<script>require.config({{paths: {{anywidget: "{up}stock/anywidget"}}}})</script>
<script src="{up}stock/embed-amd.js"></script>"""
SLOW_4G = {"offline": False, "latency": 562.5, "downloadThroughput": 188743.68, "uploadThroughput": 86400.0}
TRACED = ["devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel"]
SLOWDOWN, STEPS, ROUNDS, KB = 4, 200, 5, 1024
PAUSE = 0.08  # seconds, for the frame after a key
NOTE_MOVES = """() => {
  window.moved = [];
  addEventListener("keydown", () => window.moved.push(false), {capture: true});
  new MutationObserver(() => { window.moved[window.moved.length - 1] = true; }).observe(
    document.querySelector(".initlib-explorer"), {subtree: true, attributeFilter: ["aria-valuenow"]});
}"""
USABLE = """new MutationObserver((_, observer) => {
  const drawn = document.querySelector(".initlib-explorer-drawing figure > div > *");
  if (!drawn || !document.querySelector(".initlib-explorer-controls [role=slider]")) return;
  observer.disconnect();
  window.firstUsable = performance.now();
}).observe(document, {subtree: true, childList: true})"""


def report(what: str, value: float, unit: str, limit: float | None = None) -> bool:
    """Print a number beside its limit and return whether it keeps it."""
    kept = limit is None or value <= limit
    verdict = "" if limit is None else f" (limit {limit:g}{unit}: {'kept' if kept else 'BROKEN'})"
    print(f"{what}: {value:.3g}{unit}{verdict}", flush=True)
    return kept


# ---- sizes


def views(page: str) -> list[str]:
    return re.findall(rf'<script type="{re.escape(VIEW)}">(.*?)</script>', page, re.DOTALL)


def state_of(path: Path) -> dict[str, Any]:
    """Return the widget state of a page, with the components that pages share."""
    addresses = WAITING.search(path.read_text(encoding="utf-8"))[1].split()
    codes = [(path.parent / one.partition("?")[0]).read_text(encoding="utf-8") for one in addresses[:-1]]
    *shared, state = (json.loads(FILE.fullmatch(code)[1]) for code in codes)
    components = {key: text for one in shared for key, text in one.items()}
    for model in state["state"].values():
        for name, value in model["state"].items():
            if isinstance(value, str) and value.startswith("shared:"):
                model["state"][name] = components[value.removeprefix("shared:")]
    return state


def models_of(root: str, state: dict[str, Any]) -> set[str]:
    """Return the models that make a view: its own, those they refer to, and the links between them."""
    texts = {name: json.dumps(one["state"]) for name, one in state.items()}
    refers = {name: set(re.findall(r"IPY_MODEL_(\w+)", text)) for name, text in texts.items()}
    found: set[str] = set()
    waiting = [root]
    while waiting:
        model = waiting.pop()
        if model not in found:
            found.add(model)
            waiting += refers[model]
    return found | {
        name for name, one in state.items() if one["model_name"] == "LinkModel" and refers[name] & found
    }


def additions(path: Path) -> Iterator[tuple[str, float]]:
    """Yield the title of each explorer or lab on a page and the KB (gzip) it adds: state, still picture."""
    page = path.read_text(encoding="utf-8")
    every = state_of(path)["state"]
    for view, picture in zip(views(page), PICTURE.findall(page), strict=True):
        own = models_of(json.loads(view)["model_id"], every)
        spec = next(every[name]["state"]["spec"] for name in own if "spec" in every[name]["state"])
        title = spec.get("title", "A lab")
        with_it, without = (
            len(gzip.compress(json.dumps({name: every[name] for name in some}).encode(), 9))
            for some in (every.keys(), every.keys() - own)
        )
        yield title, (with_it - without + (path.parent / picture).stat().st_size) / KB


# ---- a server that compresses, and a browser


@cache
def compressed(path: str) -> bytes:
    return gzip.compress(Path(path).read_bytes(), 6)


class Compressing(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        text = path.suffix in {".html", ".js", ".css", ".svg", ".json"}
        body = compressed(str(path)) if text else path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        if text:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    def handle_error(self, *args: object) -> None:
        """Say nothing where the browser left before the end, as it does when a page is closed."""


def serve(folder: Path) -> str:
    server = Server(("127.0.0.1", 0), partial(Compressing, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


# ---- work per slider step


def walk(page: Page, steps: int) -> list[bool]:
    """Move the sliders of the first explorer to and fro; return which key presses moved one.

    The page itself notes what moved, so that no question of ours counts as its work.
    """
    page.evaluate(NOTE_MOVES)
    sliders = page.locator(".initlib-explorer").first.get_by_role("slider").all()
    for slider in islice(cycle(sliders), -(-steps // 24)):
        slider.focus()
        for key in ["ArrowRight"] * 12 + ["ArrowLeft"] * 12:
            page.keyboard.press(key)
            time.sleep(PAUSE)
    return page.evaluate("window.moved")


def work_per_step(browser: Browser, address: str) -> dict[str, list[float]]:
    """Return the ms of main-thread work from each key to the end of its paint: by the clock, of processor."""
    with browser.new_context(bypass_csp=True) as context:  # Playwright waits by evaluating text
        page = context.new_page()
        page.goto(address)
        page.wait_for_function("document.querySelector('.initlib-explorer [role=slider][aria-valuetext]')")
        browser.start_tracing(page=page, categories=TRACED)
        moved = walk(page, round(STEPS * 1.3))
        events = json.loads(browser.stop_tracing())["traceEvents"]
    keys = [e for e in events if e["name"] == "EventDispatch" and e["args"]["data"]["type"] == "keydown"]
    starts = sorted(key["ts"] for key in keys)
    assert len(starts) == len(moved), f"{len(starts)} keys were traced and {len(moved)} pressed"
    main = keys[0]["pid"], keys[0]["tid"]
    own = [event for event in events if (event["pid"], event["tid"]) == main and "dur" in event]
    tasks = [event for event in own if event["name"] == "RunTask"]
    frames, commits = ([e for e in own if e["name"] == name] for name in ("FireAnimationFrame", "Commit"))
    kept = np.flatnonzero(moved)[:STEPS]
    windows = [(starts[i], _first_end(commits, _first_end(frames, starts[i]))) for i in kept]
    return {
        clock: [sum(task.get(clock, 0) for task in _between(tasks, *window)) / 1e3 for window in windows]
        for clock in ("dur", "tdur")
    }


def _first_end(events: list[dict[str, Any]], after: float) -> float:
    """Return when the first of the events that start after a moment ends."""
    return min(e["ts"] + e["dur"] for e in events if e["ts"] >= after)


def _between(tasks: list[dict[str, Any]], start: float, end: float) -> list[dict[str, Any]]:
    return [task for task in tasks if task["ts"] < end and task["ts"] + task["dur"] > start]


# ---- time to the first usable explorer


def add_stock(folder: Path, name: str, scratch: Path) -> str:
    """Put the stock html-manager beside the site and a page that uses it; return the page's name."""
    npm = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--silent", "--prefix", str(scratch)]
    subprocess.run([*npm, *STOCK], check=True)
    stock, modules = folder / "stock", scratch / "node_modules"
    stock.mkdir()
    shutil.copy(modules / "@jupyter-widgets/html-manager/dist/embed-amd.js", stock)
    shutil.copy(modules / "requirejs/require.js", stock)
    shutil.copy(modules / "anywidget/dist/index.js", stock / "anywidget.js")
    page = (folder / f"{name}.html").read_text(encoding="utf-8")
    state = json.dumps(state_of(folder / f"{name}.html")).replace("</", "<\\/")
    stock_scripts = STOCK_SCRIPTS.format(up="../" * name.count("/"))
    in_page = f'<script type="{STATE}">{state}</script>{stock_scripts}'
    changed, count = WAITING.subn(lambda _: in_page, page)
    assert count == 1, f"{name}.html names the scripts of its widgets {count} times"
    (folder / f"{name}-stock.html").write_text(changed, encoding="utf-8")
    return f"{name}-stock"


def first_usable(browser: Browser, address: str) -> float:
    """Return the seconds from the request to a drawn explorer with sliders, on a slow line and processor."""
    with browser.new_context(bypass_csp=True) as context:  # Playwright waits by evaluating text
        page = context.new_page()
        page.add_init_script(USABLE)
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW_4G)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
        page.goto(address, wait_until="commit", timeout=120_000)
        page.wait_for_function("window.firstUsable", timeout=120_000)
        return page.evaluate("window.firstUsable") / 1e3


def measure_sizes(site: Path, pages: list[Path]) -> list[bool]:
    runtime = len(gzip.compress((site / "assets" / "widgets.js").read_bytes(), 9)) / KB
    kept = [report("widget runtime, gzip", runtime, " KB", 200)]
    for path in pages:
        for title, size in additions(path):
            kept.append(report(f"{title!r} adds to {path.stem}, gzip", size, " KB", 150))
    return kept


def measure_steps(browser: Browser, home: str, names: list[str]) -> list[bool]:
    kept = []
    for name in names:
        work = work_per_step(browser, f"{home}{name}.html")
        what = f"{Path(name).name}, main thread per slider step, p95 of {len(work['dur'])}"
        report(f"{what}, by the clock", float(np.percentile(work["dur"], 95)), " ms")
        kept.append(report(f"{what}, of processor", float(np.percentile(work["tdur"], 95)), " ms", 16))
    return kept


def measure_first_use(browser: Browser, home: str, names: list[str]) -> bool:
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            times[name].append(first_usable(browser, f"{home}{name}.html"))
    ours, stock = (statistics.median(times[name]) for name in names)
    report(f"first usable explorer, median of {ROUNDS}, slow 4G and {SLOWDOWN} x slower, ours", ours, " s")
    report("the same with the stock html-manager, self-hosted", stock, " s")
    return report("ratio", ours / stock, "", 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="the built site")
    parser.add_argument("--playground", type=Path, help="a clone of TensorFlow Playground, to be timed too")
    given = parser.parse_args()
    built = given.site.resolve()
    texts = {path: path.read_text("utf-8") for path in sorted(built.rglob("*.html"))}
    pages = [path for path, text in texts.items() if "initlib-explorer-note" in text]
    if not pages:
        sys.exit(f"No page of {built} has an explorer; build the site first: make book")
    kept = measure_sizes(built, pages)
    names = [path.relative_to(built).with_suffix("").as_posix() for path in pages]
    command = next(filter(None, map(shutil.which, BROWSERS)), None)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        site = Path(shutil.copytree(built, f"{scratch}/site"))
        browser = playwright.chromium.launch(executable_path=command, args=["--no-sandbox"])
        home = serve(site)
        kept += measure_steps(browser, home, names)
        kept.append(measure_first_use(browser, home, [names[0], add_stock(site, names[0], Path(scratch))]))
        browser.close()
    kept += measure_lab(given.playground)
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
