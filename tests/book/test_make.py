"""`make book` fails loudly: a broken notebook, a missing page and a warning each stop it (small book)."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import build
import nbformat
import pytest
from filelock import FileLock
from notebooks_under_test import ROOT

TOC = "format: jb-book\nroot: book/intro\nchapters:\n  - file: book/chapter.ipynb\n"


@pytest.fixture
def small_book(tmp_path):
    """A copy of the frame around two small pages; .venv is the real one, so nothing is installed.

    The folder's name has much that paths may have.
    """
    folder = tmp_path / "Jürgen's (1) 中文 $HOME"
    folder.mkdir()
    for name in ("Makefile", "_config.yml", "requirements.txt", "pyproject.toml", "CITATION.cff"):
        shutil.copy2(ROOT / name, folder / name)
    for name in ("site", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules"))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "_toc.yml").write_text(TOC)
    (folder / "initlib").mkdir()
    book = folder / "book"
    book.mkdir()
    shutil.copy2(ROOT / "book" / "references.bib", book)
    (book / "intro.md").write_text("# A small book\n\nOne sentence.\n")
    write_notebook(book / "chapter.ipynb", "print(1 + 1)")
    (book / "chapter.md").write_text("# The text of the chapter\n\nIt is not a page.\n")
    return folder


def write_notebook(path, source):
    cells = [nbformat.v4.new_markdown_cell("# A chapter"), nbformat.v4.new_code_cell(source)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def make(folder, *arguments, **variables):
    # Inside `make test`, MAKEFLAGS would carry along the options of the outer call, PYTHON its interpreter;
    # its pins stand already.
    # The small book is published where a test says so, not where CI runs.
    outer = ("MAKE", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "GITHUB_REPOSITORY")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(outer) and name != "PYTHON"
    }
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_sound_book_is_built_and_its_place_is_printed(small_book):
    done = make(small_book, "book")
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(small_book / "_build" / "html" / "index.html") in done.stdout
    page = (small_book / "_build" / "html" / "book" / "chapter.html").read_text()
    assert "A chapter" in page
    # It has no repository: no button leads anywhere, no address is claimed.
    assert [word for word in ("github.com", "github.io", "mybinder", "canonical") if word in page] == []


def test_a_clone_of_another_repository_has_the_addresses_of_that_one(small_book):
    for command in (["init", "-q"], ["remote", "add", "origin", "git@github.com:ada/copy.git"]):
        subprocess.run(["git", *command], cwd=small_book, check=True)
    done = make(small_book, "book")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (small_book / "_build" / "html" / "book" / "chapter.html").read_text()
    # "Suggest edit" leads to the text of a chapter.
    assert 'href="https://github.com/ada/copy/edit/main/book/chapter.md"' in page
    assert "mybinder.org/v2/gh/ada/copy/main" in page
    assert '<link href="https://ada.github.io/copy/book/chapter.html" rel="canonical"/>' in page


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


def write_python(path, version):
    """Write a command that answers as a Python of this version, and can do nothing else."""
    major, minor = version.split(".")[:2]
    asked = f'{sys.executable} -c "import sys; sys.version_info = ({major}, {minor}, 0); $2"'
    path.write_text(f'#!/bin/sh\ncase "$1" in -V) echo Python {version};; -c) {asked};; *) exit 1;; esac\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("version", ["3.9.2", "3.10.12", "3.15.0"])
def test_a_python_that_the_lock_does_not_serve_is_named_in_one_line(small_book, tmp_path, version):
    (small_book / ".venv").unlink()
    python = write_python(tmp_path / "some python", version)
    done = make(small_book, "book", f"PYTHON={python}")
    assert done.returncode != 0
    assert f"Python 3.11, 3.12, 3.13 or 3.14 is needed, but {python} is Python {version}" in done.stderr
    assert "make book PYTHON=" in done.stderr


def test_a_python_that_is_not_there_is_named_in_one_line(small_book):
    (small_book / ".venv").unlink()
    done = make(small_book, "book", "PYTHON=python-nowhere")
    assert done.returncode != 0
    assert "python-nowhere was not found; install Python 3.11, 3.12, 3.13 or 3.14" in done.stderr


@pytest.mark.parametrize(
    ("installed", "taken"),
    [
        (["python3.12", "python3.14", "python3.13"], "python3.14"),
        (["python3.11", "python3.15"], "python3.11"),
    ],
)
def test_the_newest_python_that_the_lock_serves_is_taken(small_book, tmp_path_factory, installed, taken):
    """The others are commands that fail, as those of a version manager may."""
    (small_book / ".venv").unlink()
    commands = tmp_path_factory.mktemp("bin")
    for name in ("python3.11", "python3.12", "python3.13", "python3.14", "python3.15", "python3"):
        (commands / name).write_text("#!/bin/sh\nexit 127\n")
        (commands / name).chmod(0o755)
    for name in installed:
        write_python(commands / name, name.removeprefix("python"))
    done = make(small_book, "-n", "book", PATH=f"{commands}{os.pathsep}{os.environ['PATH']}")
    assert f'"{taken}" -m venv .venv' in done.stdout


# -- Machines and places ------------------------------------------------------------------------------------


def exported(folder, name, **variables):
    """Return what the commands that make starts see of a variable."""
    (folder / "show.mk").write_text('include Makefile\nshow:\n\t@printenv "$(NAME)" || echo unset\n')
    done = make(folder, "-f", "show.mk", "show", f"NAME={name}", **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "arm64", "ppc64le"])
def test_kernels_are_pinned_only_where_the_processor_has_them(small_book, machine, name):
    commands = small_book / "commands"
    commands.mkdir()
    (commands / "uname").write_text(f"#!/bin/sh\necho {machine}\n")
    (commands / "grep").write_text("#!/bin/sh\nexit 0\n")  # every feature is found
    for command in commands.iterdir():
        command.chmod(0o755)
    seen = exported(small_book, name, PATH=f"{commands}{os.pathsep}{os.environ['PATH']}")
    assert (seen != "unset") == (machine == "x86_64")


@pytest.mark.parametrize("name", ["OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES"])
def test_no_kernel_is_pinned_on_an_x86_processor_without_avx2(small_book, name):
    commands = small_book / "commands"
    commands.mkdir()
    (commands / "grep").write_text("#!/bin/sh\nexit 1\n")
    (commands / "grep").chmod(0o755)
    assert exported(small_book, name, PATH=f"{commands}{os.pathsep}{os.environ['PATH']}") == "unset"


def test_packages_go_into_the_environment_whatever_pip_was_told(small_book):
    assert exported(small_book, "PIP_USER", PIP_USER="1") == "0"


@pytest.mark.parametrize(
    "file", ["_config.yml", "Makefile", "tools/build.py", "tools/check_pages.py", "book/chapter.ipynb"]
)
def test_a_site_is_old_once_what_builds_it_has_changed(small_book, file):
    site = small_book / "_build" / "html" / ".complete"
    site.parent.mkdir(parents=True)
    site.touch()
    later = site.stat().st_mtime + 60
    fresh = ["-q", "-o", ".venv/ready", str(site.relative_to(small_book))]
    for path in small_book.rglob("*"):
        if path.is_file() and ".venv" not in path.parts and path != site:
            os.utime(path, (later - 120, later - 120))
    assert make(small_book, *fresh).returncode == 0
    os.utime(small_book / file, (later, later))
    assert make(small_book, *fresh).returncode == 1


def test_names_that_make_cannot_hold_do_not_stop_it(small_book):
    """JupyterLab makes "Untitled Folder"; the table of contents names what the book needs."""
    for name in ("Untitled Folder", "12:30", "50%", "a#b", "$x", "it's", "a;b", "a|b", "a=b", "[a]*?"):
        (small_book / "book" / name).mkdir()
        (small_book / "book" / name / "x.ipynb").touch()
    assert exported(small_book, "PYTHONUTF8") == "1"
    done = make(small_book, "-n", "book")
    assert done.returncode == 0, done.stderr
    assert "tools/build.py" in done.stdout


HOSTILE = """
import locale
import matplotlib
assert matplotlib.rcParams["axes.facecolor"] == "white", matplotlib.matplotlib_fname()
assert locale.getpreferredencoding() == "utf-8"
print("für Jürgen: 中文")
"""


def test_a_book_is_built_wherever_it_stands_whatever_the_reader_has_set_up(small_book, tmp_path):
    """A locale without UTF-8, no home to write to, a foreign kernel, a dark matplotlibrc."""
    kernel = tmp_path / "share" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    foreign = {"argv": ["/nowhere/python"], "display_name": "Foreign", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(foreign))
    (tmp_path / "matplotlibrc").write_text("axes.facecolor: black\ntext.color: white\n")
    (small_book / "book" / "Untitled Folder").mkdir()
    write_notebook(small_book / "book" / "Untitled Folder" / "Untitled.ipynb", "1 / 0")
    write_notebook(small_book / "book" / "chapter.ipynb", HOSTILE)
    done = make(
        small_book,
        "book",
        LC_ALL="C",
        HOME="/dev/null/home",
        JUPYTER_PATH=str(tmp_path / "share"),
        JUPYTER_PREFER_ENV_PATH="0",
        MATPLOTLIBRC=str(tmp_path / "matplotlibrc"),
        PYTHONPATH="/nowhere",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (small_book / "_build" / "html" / "book" / "chapter.html").read_text(encoding="utf-8")
    assert "für Jürgen: 中文" in page


def test_a_folder_whose_name_reads_as_a_pattern_is_refused_in_one_line(small_book):
    folder = small_book.rename(small_book.parent / "book[1]")
    done = make(folder, "book")
    assert done.returncode != 0
    assert "The book cannot be built in a folder whose path has one of * ? [" in done.stderr
    assert not (folder / "_build").exists()


def test_python_finds_the_library_in_a_locale_that_cannot_read_its_path(tmp_path):
    """Before 3.12.4, Python reads .pth files in the encoding of the locale, and dies if it cannot."""
    folder = tmp_path / "Jürgen"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (link,) = (ROOT / ".venv" / "lib").glob("python3*/site-packages/_editable_impl_initlib.pth")
    shutil.copy2(link, folder / link.relative_to(ROOT))
    (folder / "initlib.py").write_text("")
    code = "import initlib; print(ascii(initlib.__file__))"
    done = subprocess.run(
        [folder / ".venv" / "bin" / "python", "-c", code],
        cwd=tmp_path,
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("initlib.py'\n")


def test_targets_run_one_after_the_other(small_book):
    """`make -j4 book test` would let two builds remove each other's pages."""
    (small_book / "slow.mk").write_text(
        "include Makefile\none two:\n\t@echo start $@; sleep 0.5; echo end $@\n"
    )
    done = make(small_book, "-j4", "-f", "slow.mk", "one", "two")
    assert done.stdout.split() == ["start", "one", "end", "one", "start", "two", "end", "two"]


def test_a_second_build_in_the_same_folder_is_refused_and_leaves_the_first_alone(small_book):
    (small_book / "_build").mkdir()
    with FileLock(small_book / ".build.lock"):
        done = make(small_book, "book")
    assert done.returncode != 0
    assert "Another build is under way" in done.stderr
    assert (small_book / "_build").is_dir()


def test_a_build_that_was_killed_can_be_started_again(small_book):
    with subprocess.Popen(
        ["make", "book"], cwd=small_book, start_new_session=True, stderr=-1, stdout=-1
    ) as run:
        while not (small_book / "_build").is_dir() and run.poll() is None:
            time.sleep(0.1)
        os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
    assert make(small_book, "book").returncode == 0


def test_a_full_disk_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3_000_000))
    with pytest.raises(SystemExit, match="The disk is full: 3 MB are left"):
        build.main()


@pytest.mark.parametrize(
    ("letters", "commits", "says"),
    [(71, "HEAD", ""), (72, "HEAD", "shorten the subjects above"), (71, None, "origin/main..HEAD")],
)
def test_long_subjects_and_a_range_that_is_not_there_are_named(small_book, letters, commits, says):
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=small_book, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x" * letters], cwd=small_book, check=True)
    done = make(small_book, "subjects", *([f"RANGE={commits}"] if commits else []))
    assert (done.returncode == 0) == (not says)
    assert says in done.stderr
    assert "fatal" not in done.stderr
