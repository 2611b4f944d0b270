"""What a reader of a chapter meets: a first screen with the answer, and a main line of twelve minutes.

Counted are the words that the website shows: prose, tables, verdicts, what cells print. Not counted are
code, formulas that stand alone, what is folded, and what follows "Going deeper", which a reader may skip.
"""

import re
from html import unescape

import nbformat
import pytest
from notebooks_under_test import chapters, read, tags

WORDS_A_MINUTE = 230
MOST_MINUTES = 12
MOST_IN_SHORT = 95  # words
SIDE = re.compile(r"^## Going deeper$", re.MULTILINE)
NOT_SHOWN = {"hide-cell", "hide-output", "remove-cell", "remove-output", "check"}
FENCED = re.compile(r"^(?P<fence>`{3,}|:{3,})(?P<kind>.*)\n(?P<body>[\s\S]*?)^(?P=fence)$\n?", re.MULTILINE)
IN_SHORT = re.compile(r"^:::\{admonition\} In short\n:class: .*\n(?P<body>[\s\S]*?)\n:::$", re.MULTILINE)

BEYOND = "beyond"  # chapters that begin in a form of their own

each_chapter = pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
each_of_the_outline = pytest.mark.parametrize(
    "path", [path for path in chapters() if BEYOND not in path.parts], ids=lambda path: path.stem
)


def shown(markdown: str) -> str:
    """Return what a reader sees of Markdown: no code, no folds, no formulas of their own, no addresses."""

    def block(match):
        kind = match["kind"].strip()
        if kind.startswith("{dropdown}") or not kind.startswith("{"):
            return ""
        title = kind.partition("}")[2]
        return f"{title}\n{shown(re.sub(r'^:[a-z-]+:.*$', '', match['body'], flags=re.MULTILINE))}"

    text = FENCED.sub(block, markdown)
    text = re.sub(r"^\$\$[\s\S]*?^\$\$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\$[^$]+\$", "x", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"\{[a-z:]+\}`[^`]*`", lambda role: role[0].replace(" ", "-"), text)
    return re.sub(r"(?<!\S)[-|#*:>]+(?!\S)", "", text)


def printed(cell) -> str:
    """Return the words of a cell's outputs; pictures have none, and the numbers of a verdict are folded."""
    if NOT_SHOWN & {*tags(cell)}:
        return ""
    parts = []
    for output in cell.outputs:
        data = output.get("data", {})
        html = re.sub(r"<(details|svg|style|script)\b[\s\S]*?</\1>", " ", data.get("text/html", ""))
        parts += [
            unescape(re.sub(r"<[^>]*>", " ", html)),
            data.get("text/markdown", ""),
            output.get("text", ""),
        ]
    return " ".join(parts)


def main_line(notebook) -> list[str]:
    """Return the words that a reader meets before the part that may be skipped."""
    words: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            words += printed(cell).split()
            continue
        before, *after = SIDE.split(cell.source, maxsplit=1)
        words += shown(before).split()
        if after:
            break
    return words


def opening(notebook) -> tuple[str, int]:
    """Return text and number of pictures of the first screen: all before the first section."""
    text, pictures = "", 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            pictures += sum("image/png" in output.get("data", {}) for output in cell.outputs)
            continue
        before, *section = re.split(r"^## ", cell.source, maxsplit=1, flags=re.MULTILINE)
        text += before + "\n"
        if section:
            break
    return text, pictures


@each_chapter
def test_the_main_line_reads_in_twelve_minutes(path):
    minutes = len(main_line(read(path))) / WORDS_A_MINUTE
    assert minutes <= MOST_MINUTES, f"{minutes:.1f} minutes: fold what is beside the point, or move it deeper"


@each_of_the_outline
def test_a_chapter_says_how_long_its_main_line_takes(path):
    notebook = read(path)
    minutes = len(main_line(notebook)) / WORDS_A_MINUTE
    stated = int(re.search(r"^\*About (\d+) minutes", notebook.cells[0].source, re.MULTILINE)[1])
    assert abs(stated - minutes) <= 1, f"the chapter says {stated}, its words {minutes:.1f}"


@each_of_the_outline
def test_the_first_screen_has_question_picture_and_answer(path):
    text, pictures = opening(read(path))
    question, answer = text.split(":::", 1)[0], IN_SHORT.search(text)
    assert "?" in question
    assert pictures == 1
    assert answer, "no box `In short`"
    assert len(re.findall(r"^\d\. ", answer["body"], re.MULTILINE)) == 3
    assert len(shown(answer["body"]).split()) <= MOST_IN_SHORT


@each_of_the_outline
def test_the_summary_is_three_lines_and_a_link_to_the_next_step(path):
    source = path.with_suffix(".md").read_text(encoding="utf-8")
    summary = re.search(r"^## In three lines\n(?P<body>[\s\S]*?)(?=^\*\*Sources|^#|\Z)", source, re.MULTILINE)
    lines = [line for line in summary["body"].strip().splitlines() if line]
    assert [line[:2] for line in lines if re.match(r"\d\.", line)] == ["1.", "2.", "3."]
    assert re.search(r"\]\([^)]*\.ipynb", lines[-1]), f"no link to the next step: {lines[-1]}"


MARKDOWN = """\
## A heading

Two words, $a + b$, and a [link](he.ipynb#signal) {cite:p}`he2015,glorot2010`.

$$
not = counted
$$

```python
x = 1
```

:::{admonition} Seen
:class: tip
One more.
:::

```{dropdown} Folded
No word of this.
```
"""


def test_the_words_that_are_shown_are_counted_and_no_others():
    expected = "A heading Two words, x, and a [link] {cite:p}`he2015,glorot2010`. Seen One more."
    assert " ".join(shown(MARKDOWN).split()) == expected


def test_printed_words_count_and_folded_ones_do_not():
    html = "<p>The claim <svg><text>no</text></svg></p><details><summary>no</summary>no</details>"
    shown_cell = nbformat.v4.new_code_cell("x")
    shown_cell.outputs = [
        nbformat.v4.new_output("stream", text="printed words"),
        nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": "no"}),
    ]
    assert printed(shown_cell).split() == ["printed", "words", "The", "claim"]
    shown_cell.metadata["tags"] = ["hide-cell"]
    assert printed(shown_cell) == ""


def test_what_goes_deeper_is_not_counted():
    texts = ("one two", "three\n\n## Going deeper\n\nno", "no")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text) for text in texts])
    assert main_line(notebook) == ["one", "two", "three"]
