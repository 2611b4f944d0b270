"""The address of the repository: GitHub's own in CI, the remote's, or none; and a site built with each."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup
from site_under_test import ROOT

sys.path.insert(0, str(ROOT / "site" / "extensions"))

from address import home, repository


def git(folder, *command):
    subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path):
    git(tmp_path, "init", "--quiet")
    return tmp_path


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/ada/book", "https://github.com/ada/book"),
        ("https://token@github.com/ada/book.git", "https://github.com/ada/book"),
        ("git@github.com:ada/my.book.git", "https://github.com/ada/my.book"),
        ("ssh://git@github.com/ada/book/", "https://github.com/ada/book"),
        ("https://example.org/ada/book", None),
        ("/srv/github.com/ada/book", None),
    ],
)
def test_a_clone_has_the_address_of_its_remote(clone, remote, address):
    git(clone, "remote", "add", "origin", remote)
    assert repository({}, clone) == address


def test_a_clone_without_a_remote_has_no_address(clone):
    assert repository({}, clone) is None


def test_a_source_archive_has_no_address_even_inside_of_a_clone(clone):
    git(clone, "remote", "add", "origin", "https://github.com/ada/other")
    (clone / "archive").mkdir()
    assert repository({}, clone / "archive") is None


def test_ci_knows_the_address(clone):
    git(clone, "remote", "add", "origin", "https://github.com/ada/book")
    assert repository({"GITHUB_REPOSITORY": "grace/fork"}, clone) == "https://github.com/grace/fork"


def test_the_site_is_where_github_pages_puts_it():
    assert home("https://github.com/Ada/book") == "https://ada.github.io/book/"
    assert home("https://github.com/Ada/ada.github.io") == "https://ada.github.io/"
    assert home(None) == ""


PAGE = """# A book

```console
$ git clone REPOSITORY book
$ make lab
```

```{cite-the-book}
```
"""


@pytest.fixture
def book(tmp_path):
    """A folder with this book's settings, extensions and citation, and a book of one chapter."""
    folder = tmp_path / "book"
    for name in ("_config.yml", "CITATION.cff"):
        folder.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, folder)
    shutil.copytree(ROOT / "site", folder / "site", ignore=shutil.ignore_patterns("node_modules"))
    (folder / "book").mkdir()
    (folder / "book" / "references.bib").touch()
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n- file: book/chapter.ipynb\n"
    )
    (folder / "book" / "intro.md").write_text(PAGE, encoding="utf-8")
    cells = [nbformat.v4.new_markdown_cell("# A chapter")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "book" / "chapter.ipynb")
    return folder


def build(folder, **environment):
    """Build the book; return its landing page, its chapter and what else names an address."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    command = [os.path.join(os.path.dirname(sys.executable), "jb"), "build", ".", "-q"]
    done = subprocess.run(
        command, cwd=folder, env={**inherited, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    site = folder / "_build" / "html"
    landing, chapter = (
        BeautifulSoup((site / "book" / name).read_text(encoding="utf-8"), "html.parser")
        for name in ("intro.html", "chapter.html")
    )
    return landing, chapter, (site / "sitemap.xml").is_file()


def led_to(page):
    """Return the addresses of a page that are not those of tools: what would name a repository."""
    links = {link["href"] for link in page.select("a[href^=http]")}
    return {link for link in links if "github" in link or "binder" in link or "colab" in link}


def commands(page):
    return page.select_one("div.highlight-console pre").get_text().strip().splitlines()


@pytest.mark.heavy
def test_a_site_built_in_a_clone_leads_to_its_remote(book):
    git(book, "init", "--quiet")
    git(book, "remote", "add", "origin", "git@github.com:grace/hopper.git")
    landing, chapter, mapped = build(book)
    assert mapped
    assert commands(landing) == ["$ git clone https://github.com/grace/hopper book", "$ make lab"]
    assert "https://grace.github.io/hopper/" in landing.select_one("div.highlight-bibtex").get_text()
    canonical = chapter.select_one('link[rel="canonical"]')["href"]
    assert canonical == "https://grace.github.io/hopper/book/chapter.html"
    assert all("grace/hopper" in link for link in led_to(chapter))
    kinds = ("mybinder.org/v2/gh/", "colab.research.google.com/github/", "/edit/main/", "/issues/new")
    for kind in kinds:
        assert sum(kind in link for link in led_to(chapter)) == 1, (kind, led_to(chapter))
    colab = next(link for link in led_to(chapter) if "colab." in link)
    assert colab.endswith("/grace/hopper/blob/colab/book/chapter.ipynb")


@pytest.mark.heavy
@pytest.mark.parametrize("cloned", [True, False], ids=["clone", "archive"])
def test_a_site_built_without_a_remote_leads_nowhere(book, cloned):
    if cloned:
        git(book, "init", "--quiet")
    landing, chapter, mapped = build(book)
    assert not mapped
    assert commands(landing) == ["$ make lab"]
    assert "url" not in landing.select_one("div.highlight-bibtex").get_text()
    for page in (landing, chapter):
        assert led_to(page) == set()
        assert not page.select('link[rel="canonical"], meta[property="og:url"]')
        assert "github" not in str(page).lower().replace("ada", "")


@pytest.mark.heavy
def test_a_site_built_in_ci_leads_to_the_repository_there(book):
    _, chapter, _ = build(book, GITHUB_REPOSITORY="alan/turing.github.io")
    assert all("alan/turing.github.io" in link for link in led_to(chapter))
