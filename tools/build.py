"""Build the site strictly and from nothing, check that every page exists; one build in a folder at a time."""

import shutil
import subprocess
import sys
from pathlib import Path

import check_pages
from check_pages import ROOT
from filelock import FileLock, Timeout

NEEDED = 50  # MB, about the size of the site


def main() -> None:
    if set("*?[") & set(str(ROOT)):
        sys.exit(
            f"The book cannot be built in a folder whose path has one of * ? [ (the table of contents "
            f"takes the path for a pattern); move it out of {ROOT}"
        )
    try:
        with FileLock(ROOT / ".build.lock", timeout=0):  # a build that is killed leaves the lock open
            shutil.rmtree(ROOT / "_build", ignore_errors=True)
            jupyter_book = Path(sys.executable).with_name("jb")
            done = subprocess.run([jupyter_book, "build", ".", "-W", "-n", "--keep-going"], cwd=ROOT)
            if done.returncode:
                free = shutil.disk_usage(ROOT).free // 1_000_000
                sys.exit(f"The disk is full: {free} MB are left." if free < NEEDED else done.returncode)
            check_pages.main()
    except Timeout:
        sys.exit(f"Another build is under way in {ROOT}; start again when it has ended.")


if __name__ == "__main__":
    main()
