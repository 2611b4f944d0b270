"""The decision guide: it answers as `recommend` does, offers what has a rule, and links what it rests on."""

import ast
import json
import re
from html import unescape
from itertools import product
from pathlib import Path

import pytest

from initlib import explorers, frameworks, recommend
from initlib.evidence import registry
from initlib.explorers.guide import answers, page
from initlib.explorers.guide.formulas import HOLE, Size, fill
from initlib.explorers.guide.nets import NETS
from initlib.recommendation import ARCHITECTURES, NORMALISATIONS, RULES, NoRuleError
from initlib.recommendation.sources import CITED, TRIALS

ROOT = Path(__file__).parents[1]
each_net = pytest.mark.parametrize("net", NETS, ids=lambda net: net.name)


def setting(net, **more):
    norm = more.get("normalisation", net.norms[0])
    known = net.activations(norm)
    activation = net.activation if net.activation in known else (known or [net.activation])[0]
    usual = {"activation": activation, "depth": net.depth, "width": net.width, "steps": 20}
    return {"net": net.name, "normalisation": norm, "framework": "PyTorch", **usual, **more}


def asked(net, at):
    """Return what `recommend` says about a setting of the guide; None if it has no rule."""
    try:
        return recommend(
            architecture=net.architecture, activation=at["activation"], normalisation=at["normalisation"],
            depth=at["depth"], width=at["width"], **({"steps": at["steps"]} if net.steps else {}),
        )  # fmt: skip
    except NoRuleError:
        return None


def blocks(html):
    return [unescape(code) for code in re.findall(r"<pre[^>]*>(.*?)</pre>", html, re.DOTALL)]


def settings(net):
    """Return settings of a net: each activation and normalisation, at several depths and widths.

    No width is a power of two: at 1,024 a bound of SIREN ends in half a digit, which Python rounds to even.
    """
    for norm in net.norms:
        for activation, depth, width in product(net.activations(norm) or ["relu"], (1, 12, 37), (48, 1000)):
            yield setting(net, normalisation=norm, activation=activation, depth=depth, width=width, steps=77)


@each_net
def test_every_answer_is_that_of_recommend_with_its_code_at_any_depth_and_width(net):
    answered = 0
    for at in settings(net):
        answer, html = asked(net, at), page.first(at)
        if answer is None:
            assert "No rule for this depth" in html
            continue
        answered += 1
        assert html.startswith(f'<p class="rule"><b>{answers.title(answer.rule)}</b>')
        shown = "\n\n\n".join(blocks(html))
        for framework, part in product(frameworks.NAMES, answer.parts):
            assert f"# {part.name}\n{answer.code(framework, part.name)}" in shown, at
        if answer.whole_model():
            assert answer.whole_model() in shown
    assert answered >= 2


@each_net
def test_the_first_answer_of_every_net_is_a_rule(net):
    guide = explorers.guide(architecture=net.name)
    assert page.found(net, guide.at) == asked(net, guide.at).rule
    assert net.label in guide.describe()


def test_an_output_layer_of_zeros_has_its_reason_beside_it():
    for net in NETS:
        answer, html = asked(net, setting(net)), page.first(setting(net))
        zero = [
            part for part in answer.parts if part.name == "output layer" and part.weights == frameworks.ZERO
        ]
        assert html.count(f"0 <small>{answers.WHY_ZERO}</small></td>") == len(zero)
    assert answers.WHY_ZERO in page.first(setting(NETS[0]))


def test_the_line_of_initlib_asks_for_the_same_rule():
    for net in NETS:
        for code in blocks(page.first(setting(net))):
            call = re.search(r"initlib\.(recommend\(.*\))\)$", code)
            if call:
                assert eval(call[1], {"recommend": recommend}).rule == asked(net, setting(net)).rule


def test_every_rule_is_reached_from_the_menu():
    assert {net.architecture for net in NETS} == set(ARCHITECTURES)
    reached = {
        asked(net, at).rule.name
        for net in NETS
        for norm in net.norms
        for activation in net.activations(norm) or ["relu"]
        for depth, steps in product((1, 10, 50), (10, 200))
        for at in [setting(net, normalisation=norm, activation=activation, depth=depth, steps=steps)]
        if asked(net, at)
    }
    assert reached == {rule.name for rule in RULES}


@each_net
def test_a_menu_offers_only_what_some_rule_knows(net):
    for norm in net.norms:
        assert norm in NORMALISATIONS
        for activation in net.activations(norm):
            found = [
                asked(net, setting(net, normalisation=norm, activation=activation, depth=depth))
                for depth in (1, 5, 30)
            ]
            assert any(found), (norm, activation)


def test_no_number_is_left_open_and_no_code_is_broken():
    for net in NETS:
        html = page.first(setting(net))
        assert "⟦" not in html
        for code in blocks(html):
            ast.parse(code)


def test_numbers_are_those_of_the_law():
    mlp = next(net for net in NETS if net.name == "mlp")
    assert "std 0.0884" in page.first(setting(mlp))
    assert "std 0.0156" in page.first(setting(mlp, width=8192))
    gpt = next(net for net in NETS if net.name == "gpt")
    assert "init_weights(model, blocks=37)" in page.first(setting(gpt, depth=37))


def test_the_answer_stands_in_the_page_once():
    html = explorers.guide()._repr_html_()
    before = html[: html.index('<script type="application/json">')]
    assert before.count("<b>He (Kaiming) initialization: plain ReLU</b>") == 1
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)[1])
    assert len(data["rules"]) == len(RULES)


BIBLIOGRAPHY = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")


def entry(key):
    """Return who wrote a work and when, and where it can be read, as the bibliography says."""
    body = re.search(rf"^@\w+\{{{key},\n(.*?)\n\}}", BIBLIOGRAPHY, re.DOTALL | re.MULTILINE)[1]
    fields = {
        name: re.sub(r"[{}]", "", value)
        for name, value in re.findall(r"^\s*(\w+)\s*=\s*\{(.*)\},?$", body, re.MULTILINE)
    }
    names = [name.split(",")[0] for name in fields["author"].split(" and ")]
    two = len(names) == 2 and names[1] != "others"
    who = names[0] if len(names) == 1 else " & ".join(names) if two else f"{names[0]} et al."
    addresses = [
        fields.get("url"),
        f"https://arxiv.org/abs/{fields['eprint']}" if "eprint" in fields else None,
        f"https://doi.org/{fields['doi']}" if "doi" in fields else None,
    ]
    return f"{who} {fields['year']}", next(filter(None, addresses), "")


@pytest.mark.parametrize("key", CITED)
def test_a_source_is_cited_as_in_the_bibliography(key):
    assert CITED[key] == entry(key)


def test_every_source_can_be_cited_and_every_trial_has_its_chapter():
    assert {key for rule in RULES for key in rule.sources} <= set(CITED)
    trials = {name for rule in RULES for name in rule.evidence}
    assert trials <= set(TRIALS)
    for name, chapter in TRIALS.items():
        assert f'evidence.load("{name}")' in (ROOT / "book" / f"{chapter}.md").read_text(encoding="utf-8")
    for rule in (rule for rule in RULES if rule.evidence):
        html = answers.answer(rule, "")
        for name in rule.evidence:
            assert f'href="../{TRIALS[name]}.html"' in html
            assert registry.get(name).PROTOCOL.claim in html


def test_formulas_know_what_the_rules_need():
    sizes = {"width": 100, "steps": 50}
    assert fill("⟦floor(8 / 3 * width)⟧ ⟦2 * (8 * width) ** -0.5|2⟧ ⟦steps - 1⟧ ⟦1 / 1024|4⟧", sizes) == (
        "266 0.071 49 0.0009766"
    )
    assert f"{Size('width') / 3 + 1:g}" == "⟦((width / 3) + 1)⟧"
    assert all(HOLE.fullmatch(hole[0]) for hole in HOLE.finditer(page._row(RULES[0])["html"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"architecture": "gtp"}, "Unknown architecture.*Did you mean 'gpt'"),
        ({"activation": "rleu"}, "Unknown activation"),
        ({"architecture": "bert", "activation": "tanh"}, "Unknown activation"),
        ({"depth": 0}, "depth must be an integer >= 1"),
        ({"width": 100_000}, "width must be at most 65536"),
        ({"framework": "torch"}, "Unknown framework"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        explorers.guide(**arguments)
