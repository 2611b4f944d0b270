"""The address of the repository: GitHub's own in CI, that of the remote, or none."""

import subprocess
import sys

import pytest
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
