"""Put the last hand on a copy of a built site: what the extension `finish` does at the end of a build."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from check_pages import ROOT, pages

sys.path.insert(0, str(ROOT / "site" / "extensions"))

import address
from finish import book_at, finish


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, help="a site built without the extension")
    parser.add_argument("copy", type=Path, help="a folder that is not there yet")
    given = parser.parse_args()
    shutil.copytree(given.site, given.copy)
    home = address.home(address.repository(os.environ, ROOT))
    finish(given.copy.resolve(), book_at(ROOT, home, pages()[0]))


if __name__ == "__main__":
    main()
