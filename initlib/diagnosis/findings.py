"""A finding: one row of the catalogue met in one place of one model, with its number."""

from dataclasses import dataclass, field
from typing import Any

from initlib import checks
from initlib.diagnosis.catalogue import CATALOGUE, SEVERITIES, Entry

# cause -> what follows from it; a finding is told below its cause when both occur.
FOLLOWS: dict[str, tuple[str, ...]] = {
    "identical-units": (
        "no-gradient",
        "signal-vanishes",
        "inputs-merge",
        "gradient-vanishes",
        "dead-units",
        "inputs-alike",
        "learning-rate",
        "rate-may-be-higher",
        "too-narrow",
    ),
    "one-unit-softmax": (
        "no-gradient",
        "gradient-vanishes",
        "probabilities-as-logits",
        "activation-last",
        "first-loss",
        "learning-rate",
        "rate-may-be-higher",
    ),
    "input-scale": ("saturation", "first-loss", "attention-one-hot"),
    "gate-shut": (
        "signal-vanishes",
        "gradient-vanishes",
        "gradient-tiny",
        "inputs-merge",
        "inputs-alike",
        "rate-may-be-higher",
    ),
    "stream-grows": (
        "signal-explodes",
        "gradient-explodes",
        "first-loss",
        "learning-rate",
        "saturation",
        "not-finite",
    ),
    "signal-explodes": (
        "gradient-explodes",
        "first-loss",
        "learning-rate",
        "saturation",
        "attention-one-hot",
        "dead-units",
        "not-finite",
        "odd-layer",
    ),
    "too-narrow": (
        "signal-vanishes",
        "signal-explodes",
        "gradient-explodes",
        "gradient-vanishes",
        "first-loss",
    ),
    "inputs-merge": (
        "signal-vanishes",
        "gradient-vanishes",
        "gradient-tiny",
        "dead-units",
        "rate-may-be-higher",
        "odd-layer",
    ),
    "signal-vanishes": (
        "gradient-vanishes",
        "gradient-tiny",
        "rate-may-be-higher",
        "no-gradient",
        "odd-layer",
    ),
    "gradient-vanishes": ("gradient-tiny",),
    "saturation": ("gradient-vanishes", "gradient-explodes", "first-loss"),
    "not-finite": ("first-loss", "learning-rate"),
    "dead-units": ("no-gradient", "gradient-vanishes"),
    "first-loss": ("learning-rate",),
    "summed-loss": ("learning-rate", "first-loss"),
    "shape-broadcast": ("learning-rate", "rate-may-be-higher"),
}
REPEATED = ("dead-units", "saturation")  # told once, with all places
FEW = 3  # names listed before "and n more"
EXACT = (
    "uninitialized",
    "not-finite",
    "unregistered",
    "identical-units",
    "one-unit-softmax",
    "shape-broadcast",
    "probabilities-as-logits",
    "logits-as-probabilities",
    "activation-last",
    "labels",
    "no-gradient",
    "not-optimized",
    "unreached",
    "summed-loss",
    "no-nonlinearity",
)


def listed(names: list[str]) -> str:
    """Return names in a sentence, the first few of them.

    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    if len(names) <= FEW + 1:
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{', '.join(names[:FEW])} and {len(names) - FEW} more"


@dataclass
class Finding:
    """What was found: code of the catalogue, severity, place, a sentence with the number.

    `order` is the place in the graph, `holds` the optimizer for which it holds; `consequences` are findings
    that follow from this one, `lines` what to paste, from the catalogue where a check gave none. `halves`
    says on which half of the batch it was found again, None where that was not asked.

    >>> Finding("labels", "severe", "the targets", "3 of 64 labels lie outside 0 ... 9.").entry.page
    'pitfalls/data-characteristics'
    """

    code: str
    severity: str
    place: str
    sentence: str
    number: float | None = None
    tolerance: str = ""
    order: int = 0
    holds: str = ""
    lines: str = ""
    halves: tuple[bool, bool] | None = None
    consequences: list["Finding"] = field(default_factory=list)

    def __post_init__(self) -> None:
        checks.choice("finding", self.code, CATALOGUE)
        checks.choice("severity", self.severity, SEVERITIES)
        checks.fields(self)
        self.holds = self.holds or self.entry.holds
        self.tolerance = self.tolerance or self.entry.tolerance

    @property
    def entry(self) -> Entry:
        """The row of the catalogue."""
        return CATALOGUE[self.code]

    @property
    def rests_on_samples(self) -> bool:
        """Whether the finding was not made again on both halves of the batch."""
        return self.halves is not None and not all(self.halves)

    @property
    def told(self) -> str:
        """The sentence, and where the finding rests on these samples, which half of them shows it."""
        if self.halves is None or not self.rests_on_samples:
            return self.sentence
        on = (
            f"Only the {'first' if self.halves[0] else 'second'} half" if any(self.halves) else "Neither half"
        )
        return f"{self.sentence} {on} of the batch shows it by itself: it may rest on these samples."

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects."""
        return {
            "code": self.code,
            "title": self.entry.title,
            "severity": self.severity,
            "place": self.place,
            "sentence": self.sentence,
            "number": self.number,
            "tolerance": self.tolerance,
            "source": self.entry.source,
            "holds": self.holds,
            "lines": self.lines,
            "page": self.entry.page,
            "halves": None if self.halves is None else list(self.halves),
            "consequences": [one.to_dict() for one in self.consequences],
        }


def ranked(found: list[Finding]) -> list[Finding]:
    """Return the findings by severity, exact faults first, then by place; effects are told below causes.

    A cause is as severe as the worst of what follows from it.

    >>> cause = Finding("signal-explodes", "warning", "layer 3", "The signal grows by 9 octaves.")
    >>> effect = Finding("first-loss", "severe", "the loss", "The first loss is 40 ln K.")
    >>> [(one.code, one.severity, len(one.consequences)) for one in ranked([effect, cause])]
    [('signal-explodes', 'severe', 1)]
    """
    found = _told_once(found)
    codes = {one.code: one for one in found if one.severity != "note"}
    top = []
    for one in found:
        causes = [code for code, effects in FOLLOWS.items() if one.code in effects and code in codes]
        if causes and codes[causes[0]] is not one:
            codes[causes[0]].consequences.append(one)
        else:
            top.append(one)
    for one in top:
        _inherit(one)
    return sorted(top, key=_rank)


def _told_once(found: list[Finding]) -> list[Finding]:
    """Return the findings with one in place of all that repeat themselves: the first of the worst."""
    kept = [one for one in found if one.code not in REPEATED]
    for code in REPEATED:
        same = sorted((one for one in found if one.code == code), key=_rank)
        if same:
            first, places = (
                same[0],
                list(dict.fromkeys(one.place for one in same if one.place != same[0].place)),
            )
            if places:
                first.sentence = f"{first.sentence.removesuffix('.')}; likewise behind {listed(places)}."
            kept.append(first)
    return kept


def _inherit(finding: Finding) -> None:
    for one in finding.consequences:
        _inherit(one)
        if SEVERITIES.index(one.severity) < SEVERITIES.index(finding.severity):
            finding.severity = one.severity


def _rank(finding: Finding) -> tuple[int, int, int]:
    exact = EXACT.index(finding.code) if finding.code in EXACT else len(EXACT)
    return SEVERITIES.index(finding.severity), exact, finding.order
