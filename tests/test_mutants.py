"""The mutation run: it reports mistakes that pass, and refuses what would make it pass for no reason."""

import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.heavy

SPEC = importlib.util.spec_from_file_location(
    "mutants", Path(__file__).resolve().parent.parent / "tools" / "mutants.py"
)
mutants = importlib.util.module_from_spec(SPEC)
sys.modules["mutants"] = mutants
SPEC.loader.exec_module(mutants)

LIBRARY = """
def variance(fan_in):
    return 2 / fan_in

def bound(fan_in):
    return (3 * variance(fan_in)) ** 0.5
"""
TESTS = """
from initlib.scales import bound, variance

def test_variance():
    assert variance(8) == 0.25
"""
MISSING_2 = "module = 'scales'\nmistake = 'missing 2'\nbefore = '2 / fan_in'\nafter = '1 / fan_in'"
MISSING_3 = "module = 'scales'\nmistake = 'missing 3'\nbefore = '3 * variance'\nafter = 'variance'"


@pytest.fixture
def project(tmp_path):
    """Return a function that writes a small library with tests and mutants, and gives its folder."""

    def write(*entries, library=LIBRARY, tests=TESTS):
        for folder in ("initlib", "tests"):
            (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "initlib/__init__.py").write_text("")
        (tmp_path / "initlib/scales.py").write_text(library)
        (tmp_path / "tests/test_scales.py").write_text(tests)
        (tmp_path / "tests/mutants.toml").write_text("".join(f"[[mutant]]\n{entry}\n" for entry in entries))
        return tmp_path

    return write


def test_a_mutant_that_survives_is_reported_and_fails_the_run(project, capsys):
    root = project(MISSING_2, MISSING_3)
    with pytest.raises(SystemExit, match=r"The suite let these pass: scales: missing 3$"):
        mutants.main(root=root)
    killed, survived, total = capsys.readouterr().out.splitlines()
    assert killed == "killed    scales: missing 2  test_variance"
    assert survived.split() == ["SURVIVED", "scales:", "missing", "3"]
    assert total.startswith("1/2 killed in ")
    assert (root / "initlib/scales.py").read_text() == LIBRARY


def test_the_copy_is_tested_and_not_the_library_beside_a_conftest(project):
    root = project(MISSING_2)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]")
    (root / "conftest.py").write_text("import initlib.scales")
    mutants.main(root=root)  # the mutant dies


def test_a_run_without_survivors_passes(project, capsys):
    mutants.main(["scales"], root=project(MISSING_2))
    assert "1/1 killed" in capsys.readouterr().out


def test_no_mutant_runs_while_the_unchanged_library_fails(project, capsys):
    root = project(MISSING_2, library=LIBRARY.replace("2 /", "4 /") + "# 2 / fan_in")
    with pytest.raises(SystemExit, match=r"test_scales\.py fails on the unchanged library \(test_variance\)"):
        mutants.main(root=root)
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after", "error", "message"),
    [
        ("4 / fan_in", "1 / fan_in", ValueError, "scales: slip: `before` stands there 0 times, not once"),
        ("fan_in", "fan_out", ValueError, "`before` stands there 4 times, not once"),
        ("2 / fan_in", "2 / fan_in", ValueError, "`after` changes nothing"),
        ("2 / fan_in", "2 / (fan_in", SyntaxError, "never closed"),
    ],
)
def test_a_mutant_that_cannot_be_made_is_refused(project, before, after, error, message):
    root = project(f"module = 'scales'\nmistake = 'slip'\nbefore = '{before}'\nafter = '{after}'")
    with pytest.raises(error, match=message):
        mutants.main(root=root)


def test_a_suite_that_cannot_run_kills_nothing(project):
    with pytest.raises(RuntimeError, match=r"test_scales\.py: the tests did not run"):
        mutants.main(root=project(MISSING_2, tests="import nothing_of_that_name"))
    broken = "module = 'scales'\nmistake = 'gone'\nbefore = 'def bound'\nafter = 'def bind'"
    with pytest.raises(RuntimeError, match="scales: gone: the tests did not run"):
        mutants.main(root=project(broken))


def test_every_mutant_of_the_library_can_be_made():
    assert len(mutants.load()) >= 50
