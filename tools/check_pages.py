"""Fail unless every page named in _toc.yml stands in the built site; print where the site is."""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


def pages(root: Path = ROOT) -> list[str]:
    """Return the pages of `_toc.yml`, in order, without suffix."""
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    files = [toc["root"]]

    def collect(entries: list[dict]) -> None:
        for entry in entries:
            files.append(entry["file"])
            collect(entry.get("sections", []))

    for part in toc.get("parts", []):
        collect(part["chapters"])
    return files


def main() -> None:
    site = ROOT / "_build" / "html"
    missing = [page for page in pages() if not (site / f"{page}.html").is_file()]
    if missing:
        sys.exit(f"Pages in _toc.yml that were not built: {', '.join(missing)}")
    print(f"The site is complete: {site / 'index.html'}")


if __name__ == "__main__":
    main()
