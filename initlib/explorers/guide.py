"""The decision guide: the rule of `initlib.recommendation` for a net, with its numbers and code."""

from functools import cache
from typing import Any

from initlib import activations, frameworks
from initlib.explorers.engine.answer import Answer, answers
from initlib.explorers.engine.explorer import Explorer
from initlib.explorers.engine.table import Axis, Table
from initlib.recommendation import (
    ARCHITECTURES,
    FALLBACK,
    NORMALISATIONS,
    NoRuleError,
    Recommendation,
    recommend,
)

DEPTHS = (2, 3, 5, 10, 15, 20, 30, 40, 50, 100)
WIDTH = 256


def guide(
    *, activation: str = "relu", architecture: str = "mlp", depth: int = 10, width: int = WIDTH
) -> Explorer:
    """Return the explorer that answers "Which initialization do I use?" for nets of one width.

    Menus for architecture, activation, normalisation and depth (weight layers, or blocks); buttons for the
    framework. A combination without a rule says so and names the nearest.

    >>> guide(activation="gelu", depth=50).describe().split(". ")[1]
    'Answer: plain GELU, deep'
    """
    axes = [
        Axis("architecture", ARCHITECTURES),
        Axis("activation", [*activations.names(), "swiglu"]),
        Axis("normalisation", NORMALISATIONS),
        Axis("depth", DEPTHS, label="layers or blocks"),
        Axis("framework", frameworks.NAMES),
    ]

    def text(framework: str, **net: Any) -> str:
        (first, *more), code = _found(width=width, **net)
        return "\n\n".join([first, *([code[framework]] if code else []), *more])

    texts, where = answers(axes, text)
    table = Table(axes, {"answer": ([axis.name for axis in axes], where)})
    start = {"architecture": architecture, "activation": activation, "depth": depth}
    controls = [axis.name for axis in axes]
    return Explorer(
        "Which initialization",
        table,
        controls,
        [Answer("Answer", "answer", texts)],
        start=start,
        buttons=["framework"],
        name="guide",
    )


@cache
def _found(**net: Any) -> tuple[list[str], dict[str, str]]:
    """Return the answer in paragraphs, and as code for each framework; no code where there is no rule."""
    try:
        answer = recommend(**net)
    except NoRuleError as error:
        nearest = str(error).split(". ", 1)[1].removesuffix(FALLBACK)
        return [f"No rule for this combination. {nearest}", FALLBACK], {}
    if not any("blocks" in part.weights.formula for part in answer.parts):
        net["depth"] = answer.rule.depths[0]  # the answer is the same at all depths of the rule
    return _told(**net)


@cache
def _told(**net: Any) -> tuple[list[str], dict[str, str]]:
    answer = recommend(**net)
    rule = answer.rule
    laws = [
        f"{part.name}, {what}: {law}."
        for part in answer.parts
        for what, law in answer.words(part.name).items()
    ]
    why = " ".join(text for text in (rule.why, rule.also) if text)
    evidence = ", ".join(answer.evidence) or "literature only"
    source = f"Sources: {', '.join(rule.sources)}. Evidence: {evidence}."
    return [f"{rule.name}. {why}", *laws, source], {name: _code(answer, name) for name in frameworks.NAMES}


def _code(answer: Recommendation, framework: str) -> str:
    code = "\n\n".join(f"# {part.name}\n{answer.code(framework, part.name)}" for part in answer.parts)
    return "\n".join(f"    {line}" for line in code.splitlines())
