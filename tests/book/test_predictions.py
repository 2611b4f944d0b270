"""The boxes "Predict first": their choices, which of them are right, and where that is shown."""

import re

import pytest
from notebooks_under_test import chapters, paths

BOX = re.compile(r":::\{admonition\} Predict first\n:class: (?P<classes>.*)\n(?P<body>[\s\S]*?)\n:::\n")
CHOICES = re.compile(r"(?:^ *- .*\n?)+", re.MULTILINE)


def text(path) -> str:
    return path.with_suffix(".md").read_text(encoding="utf-8")


def box(path) -> tuple[list[str], str] | None:
    """Return the classes and the words of a chapter's box that takes answers."""
    found = BOX.search(text(path))
    if found is None or "predict" not in found["classes"].split():
        return None
    return found["classes"].split(), found["body"]


def faults(source: str, classes: list[str], body: str) -> list[str]:
    lists = [re.findall(r"^ *- (.*)$", found, re.MULTILINE) for found in CHOICES.findall(body)]
    codes = dict(name.split("-", 1) for name in classes if "-" in name)
    right = [int(place) for place in codes["answers"].split("-")]
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```[\s\S]*?^```$", "", source, flags=re.MULTILINE), re.MULTILINE
    )
    slugs = {re.sub("[^a-z0-9]+", "-", heading.lower()).strip("-") for heading in headings}
    found = []
    if len(lists) != len(right):
        found.append(f"{len(lists)} lists of choices, {len(right)} answers")
    found += [
        f"no choice {place}" for choices, place in zip(lists, right, strict=False) if place > len(choices)
    ]
    found += [f"twice the same choice: {choices}" for choices in lists if len(set(choices)) < len(choices)]
    if codes["reveal"] not in slugs:
        found.append(f"no section {codes['reveal']}")
    return found


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_every_chapter_takes_a_prediction(path):
    assert box(path) is not None


@pytest.mark.parametrize("path", [path for path in paths() if box(path)], ids=lambda path: path.stem)
def test_every_question_has_its_answer_and_its_place(path):
    assert faults(text(path), *box(path)) == []


@pytest.mark.parametrize(
    ("classes", "fault"),
    [
        ("predict answers-2 reveal-the-end", "2 lists of choices, 1 answers"),
        ("predict answers-2-3 reveal-the-end", "no choice 3"),
        ("predict answers-2-1 reveal-nowhere", "no section nowhere"),
    ],
)
def test_a_fault_in_a_box_is_seen(classes, fault):
    body = "1. Which?\n   - one\n   - two\n2. And?\n   - yes\n   - no\n"
    assert faults("# Title\n\n## The end\n", classes.split(), body) == [fault]
