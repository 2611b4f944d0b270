"""Every exercise's stub fails its check, and every solution passes it."""

from itertools import pairwise

import pytest
from notebooks_under_test import chapters, read, stub, tags


def exercises(path):
    """Return (imports, solution, check) for every exercise: a solution cell and the check cell after it."""
    cells = read(path).cells
    imports = next(cell.source for cell in cells if "imports" in tags(cell))
    return [
        (imports, cell.source, following.source)
        for cell, following in pairwise(cells)
        if "solution" in tags(cell)
    ]


def run(*sources):
    namespace = {"__name__": "exercise"}
    for source in sources:
        exec(source, namespace)


CASES = [
    pytest.param(*parts, id=f"{path.stem}-{number}")
    for path in chapters()
    for number, parts in enumerate(exercises(path), start=1)
]


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_chapter_has_three_exercises_each_with_stub_solution_and_check(path):
    kinds = [
        kind for cell in read(path).cells for kind in tags(cell) if kind in ("stub", "solution", "check")
    ]
    assert kinds == ["stub", "solution", "check"] * 3


@pytest.mark.parametrize(("imports", "solution", "check"), CASES)
def test_the_solution_passes_its_check(imports, solution, check):
    run(imports, solution, check)


@pytest.mark.parametrize(("imports", "solution", "check"), CASES)
def test_the_stub_fails_its_check(imports, solution, check):
    assert stub(solution) != solution
    with pytest.raises((AssertionError, TypeError, ValueError)):
        run(imports, stub(solution), check)


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_the_stub_on_the_page_is_made_from_the_solution(path):
    cells = read(path).cells
    for cell, following in pairwise(cells):
        if "stub" in tags(cell):
            assert cell.source == f"```python\n{stub(following.source)}\n```", "run `make outputs`"


def test_a_stub_that_solves_the_exercise_is_caught():
    with pytest.raises(pytest.fail.Exception):
        test_the_stub_fails_its_check(
            "", "def one():\n    return 1\n\n\nunused = 0  # solution", "assert one() == 1"
        )
