"""All rules as one table, to print."""

from collections.abc import Sequence
from dataclasses import dataclass

from initlib.frameworks import WORDS, Law, Part
from initlib.recommendation.rule import OUTPUT, Rule

HEADS = ("rule", "weights", "bias", "why")
SHORT = {"normal": "{value}", "uniform": "uniform, variance {value}"}


@dataclass(frozen=True)
class RuleTable:
    """The rules with their laws as formulas; shows as a table on a page, as a list elsewhere.

    A bare formula is the variance of normal numbers. Output layers that start at zero are left out.
    """

    rules: Sequence[Rule]

    def rows(self) -> list[tuple[str, ...]]:
        """Return a row for each rule, in the order of `HEADS`."""
        return [_row(rule) for rule in self.rules]

    def __repr__(self) -> str:
        return "\n".join(f"{rule}: {weights}; bias {bias}" for rule, weights, bias, _ in self.rows())

    def _repr_markdown_(self) -> str:
        from initlib.tables import escaped, markdown

        def cells(rule: Rule) -> list[str]:
            return [*map(escaped, _row(rule)[:3]), f"{escaped(rule.why)} {_links(rule)}"]

        return markdown(HEADS, map(cells, self.rules))


def _links(rule: Rule) -> str:
    """Return the works and the trials that a rule rests on, as links from a page of the book."""
    from initlib.recommendation.sources import CITED, TRIALS, named

    works = (f"[{named(key)}]({CITED[key][1] or '../reference/sources.md'})" for key in rule.sources)
    trials = [f"[{name}](../{TRIALS[name]}.ipynb)" for name in rule.evidence]
    tested = f" (for {', '.join(rule.tested)})" if rule.tested and rule.tested != rule.activations else ""
    found = f" Trials: {', '.join(trials)}{tested}." if trials else ""
    return f"{'; '.join(works)}.{found}"


def _row(rule: Rule) -> tuple[str, ...]:
    from initlib.recommendation.sources import named

    parts = [part for part in rule.parts if part != OUTPUT] or list(rule.parts)
    evidence = ", ".join(rule.evidence) or "literature only"
    if rule.tested and rule.tested != rule.activations:
        evidence += f" (for {', '.join(rule.tested)})"
    return (
        f"{rule.name} ({_nets(rule)})",
        "; ".join(_weights(part, len(parts)) for part in parts),
        "; ".join(dict.fromkeys(_words(part.bias) for part in parts if part.bias)) or "none",
        f"{rule.why} {'; '.join(map(named, rule.sources))}. Evidence: {evidence}.",
    )


def _nets(rule: Rule) -> str:
    """Return for which nets a rule is, in words."""
    least, most = rule.depths
    depth = f"{least} layers or more" if most is None else f"{least} to {most} layers"
    words = [", ".join(rule.activations or ["any activation"])]
    words += [f"normalisation {' or '.join(rule.normalisations)}"] if rule.normalisations else []
    return "; ".join(words + ([depth] if rule.depths != (1, None) else []))


def _weights(part: Part, parts: int) -> str:
    laws = [_words(part.weights)] + ([f"recurrent {_words(part.recurrent)}"] if part.recurrent else [])
    laws += [f"learning rate times {part.rate}"] if part.rate else []
    return (f"{part.name}: " if parts > 1 else "") + ", ".join(laws)


def _words(law: Law) -> str:
    return SHORT.get(law.family, WORDS[law.family]).format(value=law.formula)
