"""Fail unless every page named in _toc.yml stands in the built site; print where the site is."""

import sys
from pathlib import Path

from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).resolve().parent.parent


def files(root: Path = ROOT) -> list[str]:
    """Return the pages as `_toc.yml` names them, in order: chapters with their suffix, `.ipynb`."""
    return list(parse_toc_yaml(root / "_toc.yml"))


def pages(root: Path = ROOT) -> list[str]:
    """Return the pages of `_toc.yml`, in order, without suffix."""
    return [file.removesuffix(".ipynb") for file in files(root)]


def main() -> None:
    site = ROOT / "_build" / "html"
    missing = [page for page in pages() if not (site / f"{page}.html").is_file()]
    if missing:
        sys.exit(f"Pages in _toc.yml that were not built: {', '.join(missing)}")
    print(f"The site is complete: {site / 'index.html'}")


if __name__ == "__main__":
    main()
