"""The book's verdicts are computed: none is typed, and each claim links to the chapter that judges it."""

import ast
import re

import pytest
from check_pages import files
from notebooks_under_test import ROOT, paths, read, tags

from initlib import evidence

PAGE = ROOT / "book" / "conclusion" / "verdicts.ipynb"
WORDS = "|".join((*evidence.VERDICTS, evidence.INCONCLUSIVE))
TYPED = re.compile(
    rf"\b[CR]\d+b?\b[^.\n|]{{0,40}}\b({WORDS})\b|\b({WORDS})\b[^.\n|]{{0,40}}\b[CR]\d+b?\b"
    rf"|^#+ .*\b(upheld|refined|refuted)\b",
    re.MULTILINE,
)
PAGES = [*paths(), *(ROOT / f"{page}.md" for page in files() if not page.endswith(".ipynb"))]


def prose(path):
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_verdict_is_typed_by_hand(path):
    assert not TYPED.search(prose(path)), TYPED.search(prose(path))[0]


def test_a_typed_verdict_is_caught():
    assert TYPED.search("Claim C12: refuted")
    assert TYPED.search("This is *upheld* (C3).")
    assert TYPED.search("# Zero: refuted")
    assert not TYPED.search("A claim is upheld, refined or refuted. C3 stands below.")


def links():
    """Return the chapter of each claim, as the page has it."""
    source = next(cell.source for cell in read(PAGE).cells if "chapters" in tags(cell))
    assigned = next(node for node in ast.parse(source).body if isinstance(node, ast.Assign))
    return {
        claim: chapter for chapter, claims in ast.literal_eval(assigned.value).items() for claim in claims
    }


def test_every_claim_links_to_the_chapter_that_loads_its_archive():
    found = evidence.verdicts()
    assert links().keys() == found.claims.keys() | found.published.keys()
    for claim, chapter in links().items():
        name = {**found.claims, **found.published}[claim].protocol.name
        code = "\n".join(cell.source for cell in read((PAGE.parent / chapter).resolve()).cells)
        assert f'"{name}"' in code, (claim, chapter, name)
