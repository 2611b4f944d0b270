"""The site as one file."""

import hashlib
import sys
import zipfile

from site_under_test import ROOT

sys.path.insert(0, str(ROOT / "tools"))

from bundle import pack


def test_a_bundle_has_every_file_and_its_checksum_and_is_reproducible(tmp_path):
    site = tmp_path / "html"
    (site / "book").mkdir(parents=True)
    (site / "index.html").write_text("front")
    (site / "book" / "he.html").write_text("He")
    (site / ".complete").touch()
    first, second = (pack(site, tmp_path / name) for name in ("book.zip", "again.zip"))
    with zipfile.ZipFile(tmp_path / "book.zip") as bundle:
        assert bundle.namelist() == ["book/book/he.html", "book/index.html"]
        assert bundle.read("book/book/he.html") == b"He"
    assert first == second == hashlib.sha256((tmp_path / "book.zip").read_bytes()).hexdigest()
    assert (tmp_path / "book.zip.sha256").read_text() == f"{first}  book.zip\n"
