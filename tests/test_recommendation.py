"""Recommendations: every rule is found, says its numbers, has sources and evidence; bad nets are refused."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from initlib import activations, experiments, frameworks, gaussian, recommend, theory
from initlib.activations import get
from initlib.frameworks import ZERO, Law, Part
from initlib.networks import losses
from initlib.recommendation import ARCHITECTURES, DATA, NORMALISATIONS, RULES, NoRuleError

BIBLIOGRAPHY = (Path(__file__).parents[1] / "book" / "references.bib").read_text()
KEYS = set(re.findall(r"^@\w+\{([^,]+),", BIBLIOGRAPHY, re.MULTILINE))

SIZES = {"blocks": 4, "steps": 50, "share": 0.1, "rank": 4, "head": 8, "width": 8, "base": 4}

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def net(rule):
    """Return the arguments of a net that the rule is for."""
    arguments = {
        "activation": (rule.activations or ("tanh",))[0],
        "architecture": rule.architecture,
        "normalisation": (rule.normalisations or ("none",))[0],
        "depth": rule.depths[0],
    }
    if rule.architecture in ("rnn", "lstm", "gru"):
        arguments["steps"] = rule.steps[0]
    return arguments


@each_rule
def test_a_rule_is_the_one_for_its_nets(rule):
    assert recommend(**net(rule)).rule is rule


@each_rule
def test_a_rule_says_why_and_from_where(rule):
    assert len(rule.why.split()) >= 8
    assert rule.sources
    assert set(rule.sources) <= KEYS
    assert set(rule.evidence) <= set(experiments.names())


@each_rule
def test_a_rule_has_numbers_words_and_code_that_parses(rule):
    answer = recommend(**net(rule), width=48)
    for part in answer.parts:
        assert all(np.isfinite(number) for number in answer.numbers(part.name).values())
        assert answer.words(part.name).keys() & {"weights", "gamma", "value"}
        for framework in frameworks.NAMES:
            code = answer.code(framework, part.name)
            ast.parse(code)
            assert max(map(len, code.splitlines())) <= 110
    assert rule.why in " ".join(repr(answer).split())


BUILDERS = {
    "mlp": "mlp", "mup": "mlp", "lstm": "lstm", "conv": "convolutional",
    "residual": "residual", "rezero": "residual",
    "transformer": "transformer", "gpt-2": "transformer", "lora": "low_rank",
}  # fmt: skip
ENDS = ("linear", "output")  # the ends of any net
NORMS = {"batch": {"batch"}, "layer": {"layer"}, "pre": {"pre_norm", "pre"}, "post": {"post"}}


def words_of(name):
    """Return the names and strings in the code of an experiment, and which nets it builds."""
    words, builders = set(), set()
    for node in ast.walk(ast.parse(inspect.getsource(experiments.get(name)))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
        elif isinstance(node, (ast.Name, ast.Attribute, ast.ImportFrom)):
            names = [one.name for one in node.names] if isinstance(node, ast.ImportFrom) else []
            words |= {node.id if isinstance(node, ast.Name) else getattr(node, "attr", ""), *names}
    builders = words & set(BUILDERS.values())
    if any(type(part).__name__ == "Training" for part in experiments.get(name).PROTOCOL.parts.values()):
        builders.add("mlp")  # what a sweep trains unless it is told otherwise
    return words, builders


def suits(name, architecture, activations_, normalisations=None):
    """Say whether an experiment has nets of that architecture, all these activations, one of these norms."""
    words, builders = words_of(name)
    if architecture == "mup" and "mup" not in words:
        return False
    norms = normalisations is None or any(
        norm == "none" or NORMS.get(norm, set()) & words for norm in normalisations
    )
    return (
        (architecture in ENDS or BUILDERS.get(architecture) in builders)
        and words >= set(activations_)
        and norms
    )


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.evidence], ids=lambda rule: rule.name)
def test_evidence_is_of_the_activations_the_architecture_and_the_normalisation_of_the_rule(rule):
    tested = rule.tested or rule.activations or ()
    assert set(tested) <= set(rule.activations or tested)
    assert tested or rule.architecture in (*ENDS, "lstm")  # rules for any activation say which was tested
    for name in rule.evidence:
        assert suits(name, rule.architecture, tested, rule.normalisations), name
    for activation in tested:
        assert set(rule.evidence) <= set(recommend(**{**net(rule), "activation": activation}).evidence)
    for activation in set(rule.activations or ()) - set(tested):
        assert not recommend(**{**net(rule), "activation": activation}).evidence


@pytest.mark.parametrize("name", DATA)
def test_evidence_on_the_data_is_of_dense_nets_and_stays_with_them(name):
    assert all(suits(experiment, "mlp", ()) for experiment in DATA[name].evidence)
    share = {"share": 0.1} if name == "imbalanced" else {}
    assert set(recommend(data=name, **share).evidence) >= set(DATA[name].evidence)
    assert recommend(architecture="conv", data=name, **share).evidence == ()


def test_evidence_of_another_activation_or_architecture_does_not_suit():
    assert suits("he-variants", "mlp", ["gelu"])
    assert not suits("choose-by-activation", "mlp", ["gelu"])  # once named by the rules for GELU and ELU
    assert not suits("choose-by-activation", "mlp", ["elu"])
    assert not suits("zero-biases", "mlp", ["gelu"])
    assert not suits("he-fans", "conv", ["relu"])  # once named by the rules for convolutions
    assert not suits("he-depth", "mlp", ["relu"], ["layer"])
    assert not suits("he-depth", "mup", ["relu"])


def test_names_differ():
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("name", DATA)
def test_what_the_data_ask_for_has_sources_and_evidence(name):
    advice = DATA[name]
    assert set(advice.sources) <= KEYS
    assert set(advice.evidence) <= set(experiments.names())
    assert bool(advice.text) == (name != "standardised")


def test_the_numbers_of_he_and_xavier():
    assert recommend(width=128).numbers()["weights"] == 2 / 128
    assert recommend(activation="tanh", width=64).numbers()["weights"] == 1 / 64
    assert recommend(architecture="conv", width=16).numbers()["weights"] == 2 / (9 * 16)
    assert recommend(architecture="depthwise", width=16).numbers()["weights"] == 2 / 9


@pytest.mark.parametrize("activation", ["gelu", "silu", "mish", "elu", "softplus"])
def test_shallow_rules_keep_the_mean_square_at_1(activation):
    sigma_w_squared = recommend(activation=activation, width=1).numbers()["weights"]
    assert sigma_w_squared == pytest.approx(theory.gain(activation) ** 2, rel=1e-4)


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_deep_rules_are_critical(activation):
    numbers = recommend(activation=activation, width=1, depth=40).numbers()
    point = theory.critical_sigma_w(activation, numbers["bias"] ** 0.5)
    assert point.sigma_w**2 == pytest.approx(numbers["weights"], rel=1e-4)


def test_erf_tanh_and_swiglu_follow_their_moments():
    slope = float(get("erf").derivative(np.array(0.0)))
    assert recommend(activation="erf", width=1).numbers()["weights"] == pytest.approx(slope**-2, rel=1e-4)
    point = theory.critical_sigma_w("tanh", 2e-5**0.5)
    assert point.sigma_w**2 == pytest.approx(1.05, rel=1e-3)
    down = recommend(architecture="transformer", activation="swiglu", normalisation="pre", depth=1, width=3)
    kept = gaussian.expectation(lambda z: get("silu").function(z) ** 2)
    assert down.numbers("down projection")["weights"] == pytest.approx(1 / kept / (2 * 8), rel=1e-4)


def test_imbalanced_data_start_at_the_log_odds():
    answer = recommend(data="imbalanced", share=0.01, outputs=1)
    assert answer.numbers("output layer") == {"weights": 0.0, "bias": pytest.approx(np.log(0.01 / 0.99))}
    assert "zero-biases" in answer.evidence
    assert "lin2017" in answer.sources


@pytest.mark.parametrize("outputs", [1, 2, 3, 10])
@pytest.mark.parametrize("architecture", ["mlp", "lstm", "depthwise", "transformer"])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_the_first_loss_on_imbalanced_data_is_that_of_the_class_frequencies(outputs, architecture, share):
    norm = "pre" if architecture == "transformer" else "none"
    activation = {"lstm": "tanh", "transformer": "gelu"}.get(architecture, "relu")
    answer = recommend(
        architecture=architecture, activation=activation, normalisation=norm, data="imbalanced", share=share,
        outputs=outputs,
    )  # fmt: skip
    numbers = answer.numbers("output layer")
    assert numbers["weights"] == 0
    classes = max(outputs, 2)
    counts = [round(1000 * (1 - share) / (classes - 1))] * (classes - 1) + [round(1000 * share)]
    labels = np.repeat(np.arange(classes), counts)
    bias = np.broadcast_to(numbers["bias"], (1, labels.size, outputs))
    loss = (losses.logistic if outputs == 1 else losses.softmax)(bias, labels[None])[0].item()
    frequencies = np.array(counts) / sum(counts)
    assert loss == pytest.approx(-(frequencies * np.log(frequencies)).sum(), rel=1e-3)


def test_shares_of_all_classes_are_taken_or_refused():
    shares = [0.7, 0.2, 0.1]
    answer = recommend(data="imbalanced", share=shares, outputs=3)
    assert answer.numbers("output layer")["bias"] == pytest.approx(np.log(shares))
    for bad in ([0.7, 0.2], [0.7, 0.2, 0.2], [0.7, 0.3, 0.0], ["a", 1, 2]):
        with pytest.raises((TypeError, ValueError), match="share"):
            recommend(data="imbalanced", share=bad, outputs=3)


@pytest.mark.parametrize("framework", frameworks.NAMES)
def test_code_imports_what_it_names_and_layers_differ(framework):
    for rule in RULES:
        code = [frameworks.lines(framework, part, SIZES, 8, 4, seed=i) for i, part in enumerate(rule.parts)]
        for text in code:
            tree = ast.parse(text)
            imported = {
                name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
            }
            roots = {node.value.id for node in ast.walk(tree)
                     if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)}  # fmt: skip
            assert roots & {"torch", "keras", "jax", "math"} <= imported
        keys = [key for text in code for key in set(re.findall(r"random\.key\((\d+)\)", text))]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("alias", "name", "normalisation"),
    [
        ("cnn", "conv", "none"),
        ("ResNet50", "resnet", "batch"),
        ("gpt", "transformer", "pre"),
        ("ViT", "transformer", "pre"),
        ("transformer, pre-norm", "transformer", "pre"),
        ("BERT", "transformer", "post"),
        ("T-Fixup", "transformer", "none"),
        ("skipinit", "rezero", "none"),
        ("fine-tuning", "lora", "none"),
        ("LoRA", "lora", "none"),
        ("ControlNet", "zero convolution", "none"),
        ("GPT2", "gpt-2", "pre"),
        ("DCGAN", "gan", "none"),
        ("MLP-Mixer", "residual", "layer"),
    ],
)
def test_architectures_have_the_names_that_people_type(alias, name, normalisation):
    rule = recommend(architecture=alias).rule
    assert rule == recommend(architecture=name, normalisation=normalisation).rule
    assert rule.architecture == name


@pytest.mark.parametrize(
    ("alias", "name"), [("BatchNorm", "batch"), ("layer norm", "layer"), ("LN", "layer")]
)
def test_normalisations_have_the_names_that_people_type(alias, name):
    assert recommend(normalisation=alias).rule == recommend(normalisation=name).rule


def test_what_is_usual_is_taken_where_nothing_is_said():
    assert recommend(architecture="transformer").rule.normalisations == ("pre",)
    assert recommend(architecture="resnet").rule.normalisations == ("batch",)
    assert recommend(architecture="resnet", normalisation="none").rule.name == "ResNet without normalization"
    assert recommend(architecture="bert", normalisation="pre-norm").rule.normalisations == ("pre",)


@pytest.mark.parametrize(
    ("alias", "name"), [("swish", "silu"), ("linear", "identity"), ("prelu", "leaky_relu")]
)
def test_activations_have_the_names_that_people_type(alias, name):
    assert recommend(activation=alias).rule == recommend(activation=name).rule
    assert activations.get(alias) is activations.get(name)


def test_layers_have_the_shapes_of_the_net():
    answer = recommend(
        architecture="transformer", normalisation="pre", depth=12, width=96, inputs=1000, outputs=7, heads=8
    )
    assert answer.shape("embedding") == (1000, 96)
    assert answer.shape("feed-forward, first") == (96, 384)
    assert answer.shape("feed-forward, second") == (384, 96)
    assert answer.shape("output layer") == (96, 7)
    assert answer.numbers("feed-forward, second")["weights"] == 1 / (12 * 384)


def test_heads_ranks_and_base_widths_change_numbers_and_shapes():
    logits = {heads: recommend(architecture="mup transformer", width=128, heads=heads) for heads in (2, 8)}
    assert logits[2].numbers("attention logits")["weights"] == 1 / 64
    assert logits[8].code("JAX", "attention logits") == "factor = 1 / 16"
    assert recommend(architecture="lora", width=96, rank=4).shape("B, way out") == (4, 96)
    wide = recommend(architecture="mup", width=512, inputs=784, outputs=10, base_width=128)
    assert [wide.numbers(part.name)["rate"] for part in wide.parts] == [1 / 4, 1, 1 / 4]
    assert wide.shape("first layer") == (784, 512)
    assert wide.numbers("first layer")["weights"] == 1 / 784


def test_a_net_without_a_rule_hears_the_nearest():
    with pytest.raises(
        NoRuleError, match=r"nearest is 'plain softplus, shallow', for depth from 1 to 3\. .*LSUV"
    ):
        recommend(activation="softplus", depth=20)
    with pytest.raises(NoRuleError, match="nearest is 'pre-norm transformer, ReLU', for normalisation 'pre'"):
        recommend(architecture="transformer", normalisation="batch")


def test_every_combination_has_a_rule_or_says_so():
    known = 0
    for architecture in ARCHITECTURES:
        for normalisation in NORMALISATIONS:
            for activation in ("relu", "tanh", "gelu", "sigmoid", "swiglu"):
                for depth in (2, 10, 50):
                    known += has_rule(architecture, normalisation, activation, depth)
    assert known > 150


def has_rule(architecture, normalisation, activation, depth):
    try:
        recommend(architecture=architecture, normalisation=normalisation, activation=activation, depth=depth)
    except NoRuleError:
        return False
    return True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": "tahn"}, "Unknown activation.*Did you mean 'tanh'"),
        ({"architecture": "mlps"}, "Unknown architecture.*Did you mean 'mlp'"),
        ({"normalisation": "bath"}, "Unknown normalisation.*Did you mean 'batch'"),
        ({"data": "tabular"}, "Unknown data"),
        ({"width": 0}, "width must be an integer >= 1. Received: 0"),
        ({"depth": -1}, "depth must be an integer >= 1. Received: -1"),
        ({"outputs": 0}, "outputs must be"),
        ({"heads": 4}, "heads is for transformer"),
        ({"steps": 10}, "steps is for rnn, lstm, gru"),
        ({"rank": 4}, "rank is for lora, adapter"),
        ({"base_width": 4}, "base_width is for mup, mup transformer"),
        ({"architecture": "lora", "rank": 0}, "rank must be an integer >= 1. Received: 0"),
        ({"share": 0.1}, "share is for data='imbalanced'"),
        ({"data": "imbalanced", "share": 1.0}, "share must be"),
        (
            {"architecture": "transformer", "normalisation": "pre", "width": 100, "heads": 3},
            "heads must divide the width 100. Received: 3",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        recommend(**arguments)


def test_laws_and_parts_check_their_names():
    with pytest.raises(ValueError, match="Unknown family"):
        Law("gaussian", "1")
    with pytest.raises(ValueError, match="Unknown layer"):
        Part("hidden", "linear", ZERO)
    with pytest.raises(ValueError, match=r"Unknown framework.*PyTorch"):
        recommend().code("Pytorch")
    with pytest.raises(ValueError, match="Unknown part"):
        recommend().code("JAX", "embedding")
