"""The guide as HTML: the form, the first answer, and what the script needs for all others."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from initlib import frameworks
from initlib.explorers.guide import answers
from initlib.explorers.guide.formulas import fill
from initlib.explorers.guide.nets import MOST, NETS, NORMS, Net
from initlib.recommendation import FALLBACK, RULES
from initlib.recommendation.rule import Rule

HERE = Path(__file__).parent
SCRIPTS = ("formulas.js", "guide.js")
NETS_BY_NAME = {net.name: net for net in NETS}
RANK, BASE, HEAD = 8, 64, 64


def html(at: Mapping[str, Any]) -> str:
    """Return the guide with the answer for where its fields stand."""
    data = json.dumps({**payload(), "start": dict(at)}, ensure_ascii=False, separators=(",", ":")).replace(
        "</", "<\\/"
    )
    return (
        f'<div class="initlib-guide"><style>{style()}</style>{_form(at)}'
        '<p class="heard" role="status"></p><p class="note" hidden></p>'
        f'<section class="answer" aria-label="Answer">{first(at)}</section>'
        '<p class="without">The menus need JavaScript; this is the answer to the commonest question. '
        "The tables of this page have all rules.</p>"
        f'<script type="application/json">{data}</script>'
        f"<script>{script()}</script></div>"
    )


def first(at: Mapping[str, Any]) -> str:
    """Return the answer where the fields stand, filled in."""
    net = NETS_BY_NAME[at["net"]]
    rule = found(net, at)
    if rule is None:
        return none(net, at)
    text = fill(_answers()[rule.name], sizes(net, at))
    for name in frameworks.NAMES:
        if name != at["framework"]:
            text = text.replace(f'data-framework="{name}"', f'data-framework="{name}" hidden')
    return text


def describe(at: Mapping[str, Any]) -> str:
    """Return the question and its answer in words."""
    net = NETS_BY_NAME[at["net"]]
    rule = found(net, at)
    asked = f"{net.label}, {at['activation']}, {at['depth']} {'blocks' if net.blocks else 'layers'}"
    return f"{asked}. {answers.brief(rule) if rule else 'No rule for this combination'}"


def found(net: Net, at: Mapping[str, Any]) -> Rule | None:
    """Return the first rule that fits, as `recommend` does."""
    return next((rule for rule in _known(net, at) if _within(rule, at)), None)


def none(net: Net, at: Mapping[str, Any]) -> str:
    """Return what is said where no rule goes as deep."""
    near = [f"{answers.title(rule)}, {_reach(rule)}" for rule in _known(net, at)]
    known = f"<p>The nearest: {escape('; '.join(near))}.</p>" if near else ""
    return f'<p class="rule"><b>No rule for this depth</b></p>{known}<p>{escape(FALLBACK)}</p>'


def sizes(net: Net, at: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the formulas of an answer name."""
    width = at["width"]
    return {
        "architecture": net.architecture,
        "activation": at["activation"],
        "normalisation": at["normalisation"],
        "blocks": at["depth"],
        "steps": at["steps"],
        "width": width,
        "head": width if width % HEAD else HEAD,
        "rank": RANK,
        "base": BASE,
    }


def payload() -> dict[str, Any]:
    """Return the menus and the answers as plain JSON; formulas are left open."""
    return {
        "most": MOST,
        "fallback": FALLBACK,
        "norms": NORMS,
        "fixed": {"head": HEAD, "rank": RANK, "base": BASE},
        "nets": [_menu(net) for net in NETS],
        "rules": [_row(rule) for rule in RULES],
    }


def _menu(net: Net) -> dict[str, Any]:
    return {
        "name": net.name,
        "architecture": net.architecture,
        "activations": {norm: net.activations(norm) for norm in net.norms},
        "start": {"activation": net.activation, "depth": net.depth, "width": net.width},
        "deep": net.deep,
        "blocks": net.blocks,
        "remembers": net.steps,
    }


def _row(rule: Rule) -> dict[str, Any]:
    return {
        "title": answers.title(rule),
        "brief": answers.brief(rule),
        "architecture": rule.architecture,
        "activations": rule.activations,
        "normalisations": rule.normalisations,
        "depths": rule.depths,
        "steps": rule.steps,
        "reach": _reach(rule),
        "html": _answers()[rule.name],
    }


@cache
def _answers() -> dict[str, str]:
    return {rule.name: answers.answer(rule, _call(rule)) for rule in RULES}


def _call(rule: Rule) -> str:
    """Return what `recommend` is called with for nets of a rule; numbers and names are left open."""
    given = ['architecture="⟦architecture⟧"']
    given += ['activation="⟦activation⟧"'] if rule.activations else []
    given += ['normalisation="⟦normalisation⟧"'] if rule.normalisations else []
    net = next(net for net in NETS if net.architecture == rule.architecture)
    given += ["depth=⟦blocks⟧"] if net.deep else []
    given += ["steps=⟦steps⟧"] if net.steps else []
    return ", ".join([*given, "width=⟦width⟧"])


def _known(net: Net, at: Mapping[str, Any]) -> list[Rule]:
    return [
        rule
        for rule in net.rules
        if (rule.activations is None or at["activation"] in rule.activations)
        and (rule.normalisations is None or at["normalisation"] in rule.normalisations)
    ]


def _within(rule: Rule, at: Mapping[str, Any]) -> bool:
    limits = ((at["depth"], rule.depths), (at["steps"], rule.steps))
    return all(least <= value and (most is None or value <= most) for value, (least, most) in limits)


def _reach(rule: Rule) -> str:
    least, most = rule.depths
    return f"from {least} layers on" if most is None else f"for {least} to {most} layers"


def _form(at: Mapping[str, Any]) -> str:
    net = NETS_BY_NAME[at["net"]]
    groups = "".join(
        f'<optgroup label="{group}">{_options([(n.name, n.label) for n in nets], net.name)}</optgroup>'
        for group, nets in groupby(NETS, lambda one: one.group)
    )
    active = [(name, name) for name in net.activations(at["normalisation"])]
    norms = [(name, NORMS[name]) for name in net.norms]
    return (
        '<form autocomplete="off">'
        f'<label class="wide">Your network <select name="net">{groups}</select></label>'
        f"{_select('Activation', 'activation', active, at['activation'])}"
        f"{_select('Normalization', 'normalisation', norms, at['normalisation'])}"
        f"{_number('Blocks' if net.blocks else 'Layers', 'depth', at, shown=net.deep)}"
        f"{_number('Width', 'width', at)}"
        f"{_number('Steps to remember', 'steps', at, shown=net.steps)}"
        '<div class="last"><fieldset><legend>Code for</legend>'
        f"{''.join(_radio(name, at['framework']) for name in frameworks.NAMES)}"
        '</fieldset><p class="actions"><button type="reset">Reset</button>'
        '<button type="button" data-action="link">Copy link</button></p></div></form>'
    )


def _options(options: Sequence[tuple[str, str]], chosen: str) -> str:
    return "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(words)}</option>'
        for value, words in options
    )


def _select(label: str, name: str, options: Sequence[tuple[str, str]], chosen: str) -> str:
    hidden = "" if len(options) > 1 else " hidden"
    return f'<label{hidden}>{label} <select name="{name}">{_options(options, chosen)}</select></label>'


def _number(label: str, name: str, at: Mapping[str, Any], *, shown: bool = True) -> str:
    return (
        f'<label{"" if shown else " hidden"}><span>{label}</span> <input type="number" name="{name}" '
        f'value="{at[name]}" min="1" max="{MOST[name]}" step="1" required inputmode="numeric"></label>'
    )


def _radio(name: str, chosen: str) -> str:
    checked = " checked" if name == chosen else ""
    return f'<label><input type="radio" name="framework" value="{name}"{checked}> {name}</label>'


def script() -> str:
    """Return the scripts in a function of their own; their comments stay in the repository."""
    code = "".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return "(() => {" + re.sub(r"(?m)^\s*(//.*)?\n", "", code) + "})();"


def style() -> str:
    """Return the style sheet in one line."""
    return re.sub(
        r"\s+", " ", re.sub(r"/\*.*?\*/", "", (HERE / "guide.css").read_text(encoding="utf-8"), flags=re.S)
    )
