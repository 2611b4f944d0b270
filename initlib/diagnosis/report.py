"""The report: a verdict, findings with numbers and lines to paste, the stream, and what was not examined."""

import json
import math
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from initlib import checks
from initlib.diagnosis import alike, cures, ends, exact, halves, laws, recurrence, scale, siblings, units
from initlib.diagnosis.findings import Finding, ranked
from initlib.diagnosis.record import Operation, Record

SCHEMA = 1  # of `to_dict`; a change that breaks readers raises it
LONGEST = 25  # lines of a printed report
# Findings told in full, and rows of the stream: as many as that leaves room for.
SHOWN = ((3, 8), (3, 4), (2, 8), (2, 4), (1, 8), (1, 4), (1, 0))
ROW_KINDS = ("weight", "sum", "join", "recurrent", "lookup", "norm")
WIDTH = 110
FORGIVEN = ("signal-vanishes", "gradient-vanishes", "inputs-merge")  # by Adam, see book: choose-by-activation
LARGE = ("signal-explodes", "stream-grows", "gradient-explodes", "first-loss")  # see doctor-severity


@dataclass(frozen=True)
class Report:
    """What `diagnose` found: print it, or read `findings`, `severity`, `record`.

    `findings` are ranked, what follows from one stands in its `consequences`. `severity` is that of the
    worst: "severe" (training is expected to fail or stall as it stands), "warning" (it costs time, or
    depends), "note", or "clean". No weights are kept; nothing leaves the machine.
    """

    findings: tuple[Finding, ...]
    record: Record

    @property
    def severity(self) -> str:
        """The severity of the worst finding, "clean" without one."""
        return self.findings[0].severity if self.findings else "clean"

    @property
    def verdict(self) -> str:
        """One sentence: is something wrong with the start, and what first."""
        if not self.findings or self.severity == "note":
            return "Clean: nothing at the start keeps this model from training."
        first = self.findings[0]
        kind = "A severe fault" if self.severity == "severe" else "A warning"
        return f"{kind}: {first.entry.title[0].lower()}{first.entry.title[1:]}, at {first.place}."

    @property
    def skipped(self) -> tuple[str, ...]:
        """What was not examined."""
        return tuple(dict.fromkeys(self.record.skipped))

    def has(self, code: str) -> bool:
        """Say whether a finding of this code was made, as a cause or as a consequence."""
        checks.text("code", code)
        return any(one.code == code for one in self.all())

    def all(self) -> list[Finding]:
        """Return all findings, consequences behind their causes."""
        found: list[Finding] = []
        queue = list(self.findings)
        while queue:
            one = queue.pop(0)
            found.append(one)
            queue = [*one.consequences, *queue]
        return found

    def __repr__(self) -> str:
        for shown, rows in SHOWN:
            lines = self._lines(shown, rows)
            if len(lines) <= LONGEST:
                break
        return "\n".join(lines)

    def _lines(self, shown: int, rows: int) -> list[str]:
        """Return the lines that are printed, with so many findings told in full and rows of the stream."""
        lines = [self.verdict, self._examined()]
        serious = [one for one in self.findings if one.severity != "note"]
        for number, one in enumerate(serious[:shown], 1):
            lines += _told(number, one)
        if len(serious) > shown:
            rest = ", ".join(f"{one.code} at {one.place}" for one in serious[shown : shown + 3])
            more = f" and {len(serious) - shown - 3} more" if len(serious) > shown + 3 else ""
            lines.append(_wrapped(f"Further: {rest}{more}."))
        notes = [one for one in self.findings if one.severity == "note"]
        lines += [_wrapped(f"Note: {one.told}") for one in notes[: 1 if serious else 3]]
        if serious and rows:
            lines += self._stream(rows)
        lines.append(f"Not examined: {'; '.join(self.skipped) or 'nothing of what this tool knows'}.")
        return "\n".join(lines).splitlines()

    def _examined(self) -> str:
        r = self.record
        layers = sum(o.kind in ("weight", "recurrent") and o.where != "the loss" for o in r.operations)
        loss = ""
        if r.loss is not None and r.loss.value is not None:
            loss = f", first loss {r.loss.value:.4g}"
        rate = (
            f", first step at rate {r.rate.rate:g} does {r.rate.ratio:.0%} of its promise" if r.rate else ""
        )
        where = f"{layers} products with weights in {len(r.operations)} operations"
        return f"Examined: {where}, {r.samples} samples{loss}{rate}."

    def _stream(self, most: int) -> list[str]:
        """Return the table of the stream: first, last and most telling rows."""
        rows = [o for o in self.record.stream if o.kind in ROW_KINDS and o.rms]
        if not rows:
            return []
        kept = rows
        if len(rows) > most:
            told = {one.order for one in self.all()}
            middle = sorted(rows[2:-2], key=lambda o: o.index not in told)[: most - 4]
            kept = sorted([*rows[:2], *middle, *rows[-2:]], key=lambda o: o.index)
        cells = [("layer", "rms", "1 - cos", "bias", "gradient", "law")]
        cells += [self._row(o) for o in kept]
        sizes = [max(len(row[i]) for row in cells) for i in range(5)]
        lines = [
            "  ".join([row[0].ljust(sizes[0]), *(row[i].rjust(sizes[i]) for i in range(1, 5)), row[5]])[
                :WIDTH
            ].rstrip()
            for row in cells
        ]
        return ["", *lines]

    def _row(self, o: Operation) -> tuple[str, str, str, str, str, str]:
        weight = self.record.weights.get(o.weights[0]) if o.weights and o.kind != "norm" else None
        activation = self.record.activation_of(o.index)[0] if o.kind == "weight" else None
        name = self.record.label(o) + (f" -> {activation}" if activation else "")
        return (
            name[:34],
            _number(o.rms),
            _number(o.apart),
            "" if o.bias_share is None else f"{o.bias_share:.0%}",
            _number(o.gradient),
            laws.words(weight) if weight is not None and weight.kind != "recurrent" else "",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain Python objects; `schema` is the version of their form."""
        r = self.record
        found = {
            "schema": SCHEMA,
            "severity": self.severity,
            "verdict": self.verdict,
            "findings": [one.to_dict() for one in self.findings],
            "not_examined": list(self.skipped),
            "framework": r.framework,
            "versions": r.versions,
            "samples": r.samples,
            "optimizer": r.optimizer,
            "loss": None if r.loss is None else {"kind": r.loss.kind, "value": r.loss.value},
            "rate": None if r.rate is None else dict(vars(r.rate)),
            "stream": [
                {
                    "name": r.label(o),
                    "kind": o.kind,
                    "rms": o.rms,
                    "apart": o.apart,
                    "bias_share": o.bias_share,
                    "gradient": o.gradient,
                }
                for o in r.stream
            ],
            "weights": [
                {"name": w.name, "shape": list(w.shape), "std": w.std, "law": laws.words(w)}
                for w in r.weights.values()
            ],
        }
        plain: dict[str, Any] = _plain(found)
        return plain

    def to_json(self) -> str:
        """Return `to_dict` as strict JSON; numbers that are not finite are null."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    def plot(self) -> Any:
        """Draw rms, gradient and 1 - cosine along the stream, with the octaves that its depth bears."""
        from initlib.diagnosis.picture import draw

        return draw(self.record)


def _told(number: int, one: Finding) -> list[str]:
    """Return the lines of one finding."""
    entry = one.entry
    lines = [_wrapped(f"{number}. [{one.severity}] {one.told}", "   ")]
    lines.append(
        _wrapped(f"   Tolerance: {one.tolerance}. From: {entry.source}. Holds for {one.holds}.", "   ")
    )
    if one.consequences:
        lines.append(_wrapped("   Because of it: " + " ".join(c.told for c in one.consequences[:3]), "   "))
    lines += [
        "   " + ("Fix:  " if not i else "      ") + line for i, line in enumerate(one.lines.splitlines())
    ]
    if entry.page:
        lines.append(f"   Page: {entry.page}")
    return lines


def _wrapped(text: str, indent: str = "  ") -> str:
    return fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def _plain(value: Any) -> Any:
    """Return numbers, lists and dicts with null in place of what JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def findings(record: Record) -> tuple[Finding, ...]:
    """Return all findings of a record, ranked; with Adam, what is merely small is at most a warning.

    What is not found again on both halves of the batch, where these were examined, is marked.

    >>> findings(Record("numpy", []))
    ()
    """
    found = _met(record)
    again = [{one.code for one in _met(half)} for half in record.halves]
    halves.compare(found, again)
    for one in found:
        if not one.lines:
            one.lines, words = cures.cure(record, one.code)
            one.sentence += words
        one.lines = one.lines or one.entry.paste(record.framework)
    if str(record.optimizer).lower().startswith("adam"):
        for one in found:
            if one.code in FORGIVEN and one.severity == "severe":
                one.severity, one.holds = "warning", "SGD; this run uses Adam, which forgives small scales"
            elif one.code in LARGE:
                one.holds = "SGD; with Adam, as here, most such starts of our trials learned, though worse"
    return tuple(ranked(found))


def _met(record: Record) -> list[Finding]:
    """Return what every check finds in a record, in the order of the checks."""
    parts = (exact, ends, scale, recurrence, alike, siblings, units)
    return [one for part in parts for check in part.CHECKS for one in check(record)]
