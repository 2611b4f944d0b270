"""Pack the built site as one ZIP file to read offline, and write its checksum beside it."""

import hashlib
import zipfile
from pathlib import Path

from check_pages import ROOT

EPOCH = (1980, 1, 1, 0, 0, 0)  # the same pages make the same file


def pack(site: Path, target: Path) -> str:
    """Write the files of a site into the folder `book` of a ZIP file; return its SHA-256."""
    with zipfile.ZipFile(target, "w") as bundle:
        for path in sorted(path for path in site.rglob("*") if path.is_file() and path.name[0] != "."):
            name = f"book/{path.relative_to(site).as_posix()}"
            entry = zipfile.ZipInfo(name, EPOCH)
            bundle.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    checksum = hashlib.sha256(target.read_bytes()).hexdigest()
    target.with_suffix(".zip.sha256").write_text(f"{checksum}  {target.name}\n", encoding="utf-8")
    return checksum


def main() -> None:
    target = ROOT / "_build" / "book.zip"
    checksum = pack(ROOT / "_build" / "html", target)
    print(f"{target}: {target.stat().st_size / 2**20:.0f} MB, SHA-256 {checksum}")


if __name__ == "__main__":
    main()
