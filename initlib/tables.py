"""Tables that read in a notebook, on a page and in plain text, and the little Markdown they need."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

__all__ = ["Table", "escaped", "markdown"]


@dataclass(frozen=True)
class Table:
    """Rows of text under a caption; iterating gives the rows as dicts.

    As HTML each of `words` is marked with its class, so that a style sheet can give it a color.

    >>> print(Table([{"rule": "He", "gain": "2"}], "Gains."))
    Gains.
    <BLANKLINE>
    rule  gain
    ----  ----
    He    2
    """

    rows: Sequence[Mapping[str, str]]
    caption: str
    words: Mapping[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Mapping[str, str]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        heads = list(self.rows[0])
        widths = [max(len(head), *(len(row[head]) for row in self.rows)) for head in heads]
        lines = [
            dict(zip(heads, heads, strict=True)),
            {h: "-" * w for h, w in zip(heads, widths, strict=True)},
        ]
        texts = (
            "  ".join(line[head].ljust(width) for head, width in zip(heads, widths, strict=True)).rstrip()
            for line in [*lines, *self.rows]
        )
        return "\n".join([self.caption, "", *texts])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.rows[0])
        body = "".join(
            "<tr>" + "".join(f"<td>{self._marked(escape(value))}</td>" for value in row.values()) + "</tr>"
            for row in self.rows
        )
        caption = f"<caption>{escape(self.caption)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _marked(self, text: str) -> str:
        if not self.words:
            return text
        known = rf"\b({'|'.join(self.words)})\b"
        return re.sub(known, lambda word: f'<b class="{self.words[word[0]]}">{word[0]}</b>', text)


def markdown(heads: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown; the cells are Markdown themselves, see `escaped`.

    >>> print(markdown(["rule"], [["He"]]))
    | rule |
    | --- |
    | He |
    """
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *rows])


def escaped(text: str) -> str:
    r"""Return text that Markdown shows as it is.

    >>> print(escaped("sigma_w"))
    sigma\_w
    """
    return re.sub(r"([|*_<>$`])", r"\\\1", text)
