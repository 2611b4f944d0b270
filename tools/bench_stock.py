"""Build some pages by a stock Jupyter Book, from the same executed notebooks, and measure both builds alike.

`make bench-site` prints a line a page and build: what is asked of other sites, bytes (gzip) before scrolling,
axe-core on the whole page in light and dark, layout shift, Lighthouse. Where other sites cannot be reached,
what the stock pages would load from them weighs nothing here.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import lighthouse
import site_check
import yaml
from bench_site import BROWSERS, serve
from check_pages import ROOT
from playwright.sync_api import sync_playwright

PAGES = ("book/intro", "book/techniques/he", "book/conclusion/verdicts")
# What the notebooks need to be read; all else is as Jupyter Book has it.
KEPT = ("parse", "bibtex_bibfiles")


def lay_out(executed: Path, folder: Path) -> None:
    """Write the sources of a stock book: executed notebooks, and the settings that their text needs."""
    for name in PAGES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(executed / f"{name}.ipynb", folder / f"{name}.ipynb")
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    ours = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config = {key: ours[key] for key in ("title", "author", *KEPT)}
    config["execute"] = {"execute_notebooks": "off"}
    toc = {"format": "jb-book", "root": PAGES[0], "chapters": [{"file": name} for name in PAGES[1:]]}
    for name, content in (("_config.yml", config), ("_toc.yml", toc)):
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")


def build(executed: Path, folder: Path) -> Path:
    """Return the site of a stock book; links to pages that it lacks are warnings."""
    lay_out(executed, folder)
    jupyter_book = Path(sys.executable).with_name("jb")
    done = subprocess.run([jupyter_book, "build", folder], capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        sys.exit(f"The stock build failed: {done.stderr[-1000:]}")
    return folder / "_build" / "html"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="the built site")
    ours = parser.parse_args().site.resolve()
    command = next(filter(None, map(shutil.which, BROWSERS)), None)
    executed = ours.parent / "jupyter_execute"
    if command is None or not (executed / f"{PAGES[0]}.ipynb").is_file():
        sys.exit("Needed: Chromium (sudo make browser), and a built site (make book)")
    tool = lighthouse.install()
    print(site_check.header("page and build"))
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        builds = {"ours": ours, "stock": build(executed, Path(scratch))}
        browser = playwright.chromium.launch(executable_path=command, args=["--no-sandbox"])
        for name in PAGES:
            for built, folder in builds.items():
                home, row = serve(folder), site_check.Row(f"{name}, {built}")
                site_check.visit(browser, folder, home, row, name)
                row.scores = lighthouse.scores(tool, f"{home}{name}.html", command)
                print(row.line(), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
