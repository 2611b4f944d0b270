"""Stored outputs: compared in full on the reference kernels; elsewhere digits may differ, nothing else."""

import gc
import warnings

import pytest
import reference_kernels

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
PRINTS = {"same": "print('80 % right')", "digits": "print('81  % right')", "words": "print('80 % wrong')"}


@pytest.fixture(autouse=True)
def no_kernel_left_open():
    """A notebook run inside this process leaves /dev/null open; close it here, not in another test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def notebook(pytester, request):
    """A notebook whose cells printed `80 % right` when they were stored."""
    pytest.importorskip("nbval")
    nbformat = pytest.importorskip("nbformat")
    cells = [
        nbformat.v4.new_code_cell(
            PRINTS[name],
            execution_count=1,
            outputs=[nbformat.v4.new_output("stream", name="stdout", text="80 % right\n")],
        )
        for name in request.param
    ]
    cells[0]["source"] += "\nassert True"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), pytester.path / "pages.ipynb")
    return pytester


def run(pytester, monkeypatch, reference):
    monkeypatch.setattr(reference_kernels, "loaded", lambda: ("kernels of the test", reference))
    compare = pytest.importorskip("nbval.plugin").IPyNbCell.compare_outputs
    monkeypatch.setattr("nbval.plugin.IPyNbCell.compare_outputs", compare)  # so that it is restored
    options = ["--nbval", "--nbval-current-env", "-p", "reference_kernels", "-p", "no:cacheprovider"]
    return pytester.runpytest_inprocess(*options, "pages.ipynb")


@pytest.mark.heavy
@pytest.mark.parametrize("notebook", [["same", "digits", "words"]], indirect=True)
def test_on_the_reference_kernels_every_character_counts(notebook, monkeypatch):
    done = run(notebook, monkeypatch, reference=True)
    done.assert_outcomes(passed=1, failed=2)
    done.stdout.fnmatch_lines(["*those of the stored outputs: all compared in full*"])


@pytest.mark.heavy
@pytest.mark.parametrize("notebook", [["same", "digits", "words"]], indirect=True)
def test_on_other_kernels_digits_may_differ_and_words_may_not(notebook, monkeypatch):
    done = run(notebook, monkeypatch, reference=False)
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(["*Outputs of 3 cells compared: 1 equal, 1 but for digits, 1 not*"])


def test_the_kernels_are_named():
    words, reference = reference_kernels.loaded()
    assert words.startswith("BLAS ")
    assert reference == (words == "BLAS Haswell, numpy X86_V3")
