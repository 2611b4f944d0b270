"""A chapter is a pair: the text that people edit, and the notebook that `make outputs` makes of it."""

import os
import shutil
import subprocess

import nbformat
import notebooks
import pytest
from jupytext import TextFileContentsManager
from nbformat.sign import MemorySignatureStore, NotebookNotary
from notebooks_under_test import ROOT, paths, read

each_chapter = pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)


def told(notebook):
    """Return all that a text says of the cells."""
    return [(cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]


def check_agreement(path):
    command = f"run `make outputs NAME={path.stem}`"
    assert told(read(path)) == told(notebooks.from_text(path)), command
    assert notebooks.as_text(read(path), path) == notebooks.text_of(path).read_text(encoding="utf-8"), command
    assert [cell.id for cell in read(path).cells] == [
        f"{path.stem}-{index:02}" for index in range(len(read(path).cells))
    ], command


@each_chapter
def test_text_and_notebook_agree(path):
    check_agreement(path)


def test_no_notebook_stands_outside_the_table_of_contents():
    assert sorted((ROOT / "book").rglob("*.ipynb")) == sorted(paths())


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a source archive: git is not there to ask")
def test_code_hosts_fold_the_notebooks_and_show_the_texts():
    files = [path for pair in paths() for path in (pair, notebooks.text_of(pair))]
    found = subprocess.run(
        ["git", "check-attr", "linguist-generated", "diff", "eol", "--", *files],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for line in found.splitlines():
        name, attribute, value = line.rsplit(": ", 2)
        generated = name.endswith(".ipynb")
        expected = {"linguist-generated": "set", "diff": "unset"} if generated else {}
        assert value == {**expected, "eol": "lf"}.get(attribute, "unspecified"), line


@pytest.fixture
def pair(tmp_path):
    """A copy of one chapter, by the path of its notebook."""
    original = ROOT / "book" / "techniques" / "index.ipynb"
    shutil.copy2(ROOT / "book" / "jupytext.toml", tmp_path)
    for path in (original, notebooks.text_of(original)):
        shutil.copy2(path, tmp_path)
    return tmp_path / original.name


def age(path, seconds):
    """Set the time of the last change back."""
    os.utime(path, (path.stat().st_mtime - seconds,) * 2)


def edit(path):
    if path.suffix == ".md":
        path.write_text(path.read_text(encoding="utf-8") + "\nAn edit.\n", encoding="utf-8")
    else:
        notebook = read(path)
        notebook.cells[-1].source += "\n\nAn edit."
        nbformat.write(notebook, path)


@pytest.mark.parametrize("suffix", [".md", ".ipynb"])
def test_an_edit_of_one_alone_is_caught(pair, suffix):
    check_agreement(pair)
    edit(pair.with_suffix(suffix))
    with pytest.raises(AssertionError, match="make outputs NAME=index"):
        check_agreement(pair)


def test_an_edit_of_the_text_reaches_the_notebook_and_outputs_stay(pair):
    before = [cell.get("outputs") for cell in read(pair).cells]
    assert any(before)
    edit(notebooks.text_of(pair))
    notebooks.cells(pair)
    check_agreement(pair)
    assert read(pair).cells[-1].source.endswith("An edit.")
    assert [cell.get("outputs") for cell in read(pair).cells] == before


def test_an_edit_of_the_notebook_is_not_lost(pair):
    edit(pair)
    age(notebooks.text_of(pair), 60)
    with pytest.raises(SystemExit, match="make texts NAME=index"):
        notebooks.refuse_to_lose_edits([pair])
    notebooks.texts(pair)
    notebooks.refuse_to_lose_edits([pair])
    check_agreement(pair)
    assert notebooks.text_of(pair).read_text(encoding="utf-8").endswith("An edit.\n")


def test_a_newer_notebook_without_edits_and_a_newer_text_are_no_reason_to_refuse(pair):
    age(notebooks.text_of(pair), 60)
    notebooks.refuse_to_lose_edits([pair])
    edit(notebooks.text_of(pair))
    age(pair, 60)
    notebooks.refuse_to_lose_edits([pair])


def test_jupyterlab_opens_the_text_as_a_notebook_and_saves_both(pair):
    manager = TextFileContentsManager(root_dir=str(pair.parent))
    manager.notary = NotebookNotary(store_factory=MemorySignatureStore, secret=b"none")  # nothing at home
    model = manager.get("index.md", type="notebook")
    assert any(cell.get("outputs") for cell in model["content"].cells)
    model["content"].cells[-1].source += "\n\nAn edit."
    manager.save(model, "index.md")
    check_text = notebooks.text_of(pair).read_text(encoding="utf-8")
    assert check_text.endswith("An edit.\n")
    assert check_text == notebooks.as_text(read(pair), pair)
