"""`make book` fails loudly: a broken notebook, a missing page and a warning each stop it (small book)."""

import os
import shutil
import subprocess

import nbformat
import pytest
from notebooks_under_test import ROOT

TOC = "format: jb-book\nroot: book/intro\nchapters:\n  - file: book/chapter.ipynb\n"


@pytest.fixture
def small_book(tmp_path):
    """A copy of the frame around two small pages; .venv is the real one, so nothing is installed."""
    for name in ("Makefile", "_config.yml", "requirements.txt", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    for name in ("site", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "initlib").mkdir()
    book = tmp_path / "book"
    book.mkdir()
    shutil.copy2(ROOT / "book" / "references.bib", book)
    (book / "intro.md").write_text("# A small book\n\nOne sentence.\n")
    write_notebook(book / "chapter.ipynb", "print(1 + 1)")
    (book / "chapter.md").write_text("# The text of the chapter\n\nIt is not a page.\n")
    return tmp_path


def write_notebook(path, source):
    cells = [nbformat.v4.new_markdown_cell("# A chapter"), nbformat.v4.new_code_cell(source)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def make(folder, *arguments):
    # Inside `make test`, MAKEFLAGS would carry the outer call's options along.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def test_a_sound_book_is_built_and_its_place_is_printed(small_book):
    done = make(small_book, "book")
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(small_book / "_build" / "html" / "index.html") in done.stdout
    assert "A chapter" in (small_book / "_build" / "html" / "book" / "chapter.html").read_text()


def test_a_chapter_that_is_named_without_suffix_stops_the_build(small_book):
    """Its text stands beside the notebook, and the build could take either."""
    (small_book / "_toc.yml").write_text(TOC.replace(".ipynb", ""))
    done = make(small_book, "book")
    assert done.returncode != 0
    assert "multiple files found for the document" in done.stdout + done.stderr


def test_a_broken_notebook_stops_the_build(small_book):
    write_notebook(small_book / "book" / "chapter.ipynb", "1 / 0")
    done = make(small_book, "book")
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stdout + done.stderr
    assert "make book" in done.stderr or "building the site failed" in done.stderr


def test_a_page_missing_from_the_book_stops_the_build(small_book):
    (small_book / "book" / "chapter.ipynb").unlink()
    assert make(small_book, "book").returncode != 0


def test_a_warning_stops_the_build(small_book):
    (small_book / "book" / "intro.md").write_text(
        "# A small book\n\n[A page](nowhere.md) that is not there.\n"
    )
    done = make(small_book, "book")
    assert done.returncode != 0
    assert "nowhere" in done.stdout + done.stderr


def test_a_page_that_was_not_built_is_named(small_book):
    done = subprocess.run(
        [ROOT / ".venv" / "bin" / "python", small_book / "tools" / "check_pages.py"],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "book/intro, book/chapter" in done.stderr


def test_a_python_that_is_too_old_is_named_in_one_line(small_book):
    (small_book / ".venv").unlink()
    old = small_book / "old-python"
    old.write_text('#!/bin/sh\ncase "$1" in -V) echo Python 3.9.2;; *) exit 1;; esac\n')
    old.chmod(0o755)
    done = make(small_book, "book", f"PYTHON={old}")
    assert done.returncode != 0
    assert f"Python 3.11, 3.12 or 3.13 is needed, but {old} is Python 3.9.2" in done.stderr


def test_a_python_that_is_not_there_is_named_in_one_line(small_book):
    (small_book / ".venv").unlink()
    done = make(small_book, "book", "PYTHON=python-nowhere")
    assert done.returncode != 0
    assert "python-nowhere was not found; install Python 3.11, 3.12 or 3.13" in done.stderr
