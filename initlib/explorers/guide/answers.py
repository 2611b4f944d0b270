"""The answer for each rule as HTML: what to draw, the code, why, and what stands behind it."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Any

from initlib import frameworks
from initlib.evidence import registry
from initlib.explorers.guide.formulas import Open, Size, formula_of
from initlib.frameworks import ZERO, Law, Part
from initlib.recommendation import whole
from initlib.recommendation.rule import HE, LECUN, OUTPUT, XAVIER, Rule
from initlib.recommendation.sources import CITED, TRIALS

KNOWN = {HE: "He (Kaiming)", XAVIER: "Xavier (Glorot)", LECUN: "LeCun"}
NOT_APPLIED = (
    "gpt-2",
    "gan",
)  # `initlib.apply` gives a tied readout, and what looks like one, laws of their own
NOTES = {
    "PyTorch": "<p>A layer of each kind: run its lines for every layer of that kind.</p>",
    "Keras": "<p>A layer of each kind: give its initializers to every layer of that kind.</p>",
    "JAX": "<p>A layer of each kind: every layer needs a key of its own.</p>",
}
WHY_ZERO = "every class starts equally likely, and the layers below still learn"
OUTPUTS = 10
SIZES = ("blocks", "steps", "width", "head", "rank", "base")
CHAPTERS = {
    "techniques/zero": "Zero initialization",
    "techniques/random": "Random initialization",
    "techniques/xavier": "Xavier initialization",
    "techniques/he": "He initialization",
    "practices/choose-by-activation": "Choose by activation",
    "practices/architecture-and-size": "Architecture and size",
    "practices/biases": "Biases",
    "beyond/transformers": "Transformers",
    "pitfalls/data-characteristics": "Not looking at the data",
    "beyond/residual-streams": "Residual streams",
    "reference/explorers": "The explorers",
}


def answer(rule: Rule, call: str) -> str:
    """Return the answer of a rule; `call` is what `recommend` is called with. Numbers are left open.

    >>> from initlib.recommendation import recommend
    >>> answer(recommend().rule, "").count("<pre")
    5
    """
    tested = "Trained and tested in this book" if rule.evidence else "From the literature, not trained here"
    also = f"<p>{_words(rule.also)}</p>" if rule.also else ""
    return (
        f'<p class="rule"><b>{_words(title(rule))}</b> <small>{tested}</small></p>{_laws(rule)}'
        + "".join(_code(rule, framework, call) for framework in frameworks.NAMES)
        + f"<p><b>Why.</b> {_words(rule.why)}</p>{also}{_grounds(rule)}"
    )


def title(rule: Rule) -> str:
    """Return the name of a rule, with that of its weights where people have one.

    >>> from initlib.recommendation import recommend
    >>> title(recommend().rule)
    'He (Kaiming) initialization: plain ReLU'
    """
    part = rule.parts[0]
    known = KNOWN.get(part.weights.formula) if part.name == "hidden layers" else None
    return f"{known} initialization: {rule.name}" if known else rule.name[0].upper() + rule.name[1:]


def brief(rule: Rule) -> str:
    """Return what is read out: the rule and its laws, in a sentence.

    >>> from initlib.recommendation import recommend
    >>> brief(recommend().rule)
    'He (Kaiming) initialization: plain ReLU. hidden layers: normal, variance 2 / fan_in; output layer: 0.'
    """
    laws = "; ".join(f"{part.name}: {_law(part.weights, {})[0]}" for part in rule.parts)
    return f"{title(rule)}. {laws}."


def _words(text: str) -> str:
    return escape(text, quote=False)


def _laws(rule: Rule) -> str:
    parts = [(part, *_open(part)) for part in rule.parts]
    biased = any(part.bias is not None for part in rule.parts)
    rated = any(part.rate for part in rule.parts)
    heads = ["Layers", "Weights", "At this size"]
    heads += ["Biases"] if biased else []
    heads += ["Learning rate ×"] if rated else []
    rows = []
    for part, sizes, _, _ in parts:
        weights, number = _law(part.weights, sizes)
        if part.recurrent:
            weights += f"; from step to step {_law(part.recurrent, sizes)[0]}"
        zero_output = part.weights == ZERO and part.name == OUTPUT.name
        cells = [_formula(weights) + (f" <small>{WHY_ZERO}</small>" if zero_output else ""), number]
        cells += [_formula(_law(part.bias, sizes)[0]) if part.bias else "none"] if biased else []
        cells += [_formula(part.rate)] if rated else []
        body = "".join(map(_cell, heads[1:], cells))
        rows.append(f'<tr><th scope="row">{escape(part.name)}</th>{body}</tr>')
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        '<div class="laws" tabindex="0" role="region" aria-label="What to draw"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(head: str, words: str) -> str:
    """Return a cell that has its head with it, which a phone shows before it."""
    return f'<td data-head="{escape(head)}">{words}</td>' if words else "<td></td>"


def _formula(words: str) -> str:
    """Return words with their formula as code: what stands behind "variance ", or all if it is one."""
    before, variance, formula = words.partition("variance ")
    if variance:
        formula, semicolon, rest = formula.partition(";")
        known = f" ({KNOWN[formula].split()[0]})" if formula in KNOWN else ""
        return f"{before}{variance}<code>{escape(formula)}</code>{known}{semicolon}{rest}"
    return f"<code>{escape(words)}</code>" if "/" in words else escape(words)


def _law(law: Law, sizes: dict[str, Any]) -> tuple[str, str]:
    """Return a law in words, and the number to draw with, open."""
    formula = formula_of(law, sizes) if sizes else law.formula
    gain = "" if law.formula == "1" else f", gain {law.formula}"
    words: dict[str, tuple[str, str]] = {
        "normal": (f"normal, variance {law.formula}", f"std ⟦({formula}) ** 0.5|3⟧"),
        "uniform": (f"uniform, variance {law.formula}", f"within ±⟦(3 * {formula}) ** 0.5|3⟧"),
        "orthogonal": (f"orthogonal{gain}", ""),
        "delta_orthogonal": (f"orthogonal in the center of the kernel{gain}, 0 elsewhere", ""),
        "identity": ("identity matrix", ""),
        "constant": (law.formula, f"⟦{formula}|3⟧" if "/" in formula else ""),
        "centring": ("minus half the sum of the unit's weights", ""),
        "forget": (f"{law.formula} for the forget gate, 0 elsewhere", ""),
        "chrono": (f"log U(1, {law.formula}) for the forget gate, its opposite for the input gate", ""),
        "old_mean": ("each new row the mean of the old ones", ""),
    }
    return words[law.family]


def _open(part: Part) -> tuple[dict[str, Any], Any, Any]:
    """Return the sizes of a layer, its inputs and its outputs, as far as they are formulas."""
    ends = {"width": Size("width"), "inputs": Size("width"), "outputs": OUTPUTS, "rank": Size("rank")}
    inputs, outputs = (_wide(ends[end], by) for end, by in zip(part.between, part.widen, strict=True))
    fans: dict[str, Any] = dict(part.fans(inputs, outputs))
    sizes = {**fans, **{name: Size(name) for name in SIZES}}
    plain = {name: value if isinstance(value, Size) else Size(f"{value:g}") for name, value in sizes.items()}
    return plain, inputs, outputs


def _wide(size: Any, by: float) -> Any:
    if by == int(by) or not isinstance(size, Size):
        return size * int(by)
    return Size(f"floor({by!r} * {size.formula})")


def _code(rule: Rule, framework: str, call: str) -> str:
    """Return the code in one framework: for a whole model where there is such, and layer by layer."""
    layers = "\n\n\n".join(
        f"# {part.name}\n{_lines(framework, part, seed)}" for seed, part in enumerate(rule.parts)
    )
    model = whole.code(rule) if framework == "PyTorch" else None
    if not model:
        return f'<div class="code" data-framework="{framework}">{_block(layers)}{NOTES[framework]}</div>'
    line = f"\n\n\n{whole.call(rule, '⟦blocks⟧', '⟦steps⟧')}"
    if rule.architecture in NOT_APPLIED:
        folded = f"<details><summary>Layer by layer</summary>{_block(layers)}</details>"
        return f'<div class="code" data-framework="{framework}">{_block(model + line)}{folded}</div>'
    applied = f"import initlib\n\ninitlib.apply(model, initlib.recommend({call}))"
    return (
        f'<div class="code" data-framework="{framework}">{_block(model + line)}'
        f"<details><summary>In one line, with initlib</summary>{_block(applied)}</details>"
        f"<details><summary>Layer by layer</summary>{_block(layers)}</details></div>"
    )


def _lines(framework: str, part: Part, seed: int) -> str:
    sizes, inputs, outputs = _open(part)
    laws = {"weights": part.weights, "bias": part.bias, "recurrent": part.recurrent}
    made: dict[str, Any] = {  # a law of zeros is known as such
        name: law if law is None or law == ZERO else Open(law.family, law.formula)
        for name, law in laws.items()
    }
    return frameworks.lines(framework, replace(part, **made), sizes, inputs, outputs, seed=seed)


def _block(code: str) -> str:
    return (
        '<div class="block"><button type="button" data-action="copy" hidden>Copy</button>'
        f'<pre tabindex="0">{escape(code, quote=False)}</pre></div>'
    )


def _grounds(rule: Rule) -> str:
    """Return links to the trials of the book and to the works that a rule rests on."""
    shown = []
    for page, chapter in CHAPTERS.items():
        claims = [registry.get(name).PROTOCOL.claim for name in rule.evidence if TRIALS[name] == page]
        if claims:
            trials = f"{'trials' if claims[1:] else 'trial'} {', '.join(claims)}"
            shown.append(f'<a href="../{page}.html">{chapter}</a> ({trials})')
    of = f" with {_list(rule.tested)}" if rule.tested and rule.tested != rule.activations else ""
    found = f"<b>Evidence{of}.</b> {'; '.join(shown)}. " if shown else ""
    works = [_work(key) for key in rule.sources]
    return f'<p class="grounds">{found}<b>Sources.</b> {"; ".join(works)}.</p>'


def _work(key: str) -> str:
    name, address = CITED[key]
    return f'<a href="{address or "../reference/sources.html"}">{escape(name)}</a>'


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
