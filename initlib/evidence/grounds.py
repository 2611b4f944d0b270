"""From the verdicts on each ground (an optimizer, a data set) to one verdict with its scope."""

from collections.abc import Mapping

VERDICTS = ("upheld", "refined", "refuted", "depends")
INCONCLUSIVE = "inconclusive"
NEITHER = "neither learned"
EFFECTS = ("holds", "weaker", "gone", "reversed", "open")
# The classes by which a table marks these words.
WORDS = {word: f"verdict-word verdict-{word}" for word in (*VERDICTS, INCONCLUSIVE, *EFFECTS)}


def combined(verdicts: Mapping[str, str], *, some: bool = False) -> str:
    """Return the verdict for the whole: the one on all grounds, "depends" if they differ.

    Grounds on which the trial was inconclusive do not count, unless all are so; `scope` names them. With
    `some` one ground that upholds is enough.

    >>> combined({"SGD": "upheld", "Adam": "refuted"}), combined({"SGD": "upheld", "Adam": "inconclusive"})
    ('depends', 'upheld')
    >>> combined({"SGD": "upheld", "Adam": "refuted"}, some=True)
    'upheld'
    """
    found = set(verdicts.values()) - {INCONCLUSIVE}
    if some and "upheld" in found:
        return "upheld"
    return found.pop() if len(found) == 1 else "depends" if found else INCONCLUSIVE


def scope(verdicts: Mapping[str, str]) -> str:
    """Return in words on which grounds which verdict was reached, "" if there is only one, without a name.

    >>> scope({"SGD": "upheld", "Adam": "upheld"})
    'with SGD and Adam'
    >>> scope({"SGD": "upheld", "Adam": "inconclusive"})
    'with SGD; inconclusive with Adam'
    >>> scope({"SGD": "upheld", "Adam": "refuted", "AdamW": "refuted"})
    'upheld with SGD; refuted with Adam and AdamW'
    """
    if set(verdicts) == {""}:
        return ""
    whole = combined(verdicts)
    by_verdict: dict[str, list[str]] = {}
    for ground, verdict in verdicts.items():
        by_verdict.setdefault(verdict, []).append(ground)
    only = len(by_verdict.keys() - {INCONCLUSIVE}) <= 1
    clauses = [
        f"{'' if only and verdict == whole else verdict + ' '}with {_listed(grounds)}"
        for verdict, grounds in sorted(by_verdict.items(), key=lambda pair: pair[0] == INCONCLUSIVE)
    ]
    return "; ".join(clauses)


def standing(verdict: str, scope: str) -> str:
    """Return a verdict with its scope, each word once.

    >>> standing("depends", "depends with SGD; refined with Adam")
    'depends with SGD; refined with Adam'
    >>> standing("depends", "upheld with SGD; refuted with Adam"), standing("upheld", "with SGD")
    ('depends: upheld with SGD; refuted with Adam', 'upheld with SGD')
    """
    if not scope or scope.startswith("with "):
        return f"{verdict} {scope}".strip()
    clauses = [clause.split(" with ")[0] for clause in scope.split("; ")]
    return scope if verdict in clauses else f"{verdict}: {scope}"


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def effect(low: float, high: float, outcome: str, *, learned: bool = True) -> str:
    """Return what became of an effect on a ground, from the outcome of its test and the interval behind it.

    "holds", "weaker" (its sign is sure, its size below the margin), "gone" (equal within two points),
    "reversed", or "open". Where no net `learned`, equal means nothing: "neither learned".

    >>> effect(0.01, 0.05, "not lower"), effect(-0.01, 0.05, "unclear")
    ('weaker', 'open')
    >>> effect(-0.01, 0.01, "equivalent"), effect(-0.01, 0.01, "equivalent", learned=False)
    ('gone', 'neither learned')
    """
    if outcome == "censored" or not learned:
        return NEITHER
    told = {"higher": "holds", "equivalent": "gone", "lower": "reversed"}
    if outcome in told:
        return told[outcome]
    return "weaker" if low > 0 else "reversed" if high < 0 else "open"
