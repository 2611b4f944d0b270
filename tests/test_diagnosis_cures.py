"""The lines of the doctor's findings, pasted: what they promise to mend is mended."""

import functools

import numpy as np
import pytest

import initlib
from initlib import diagnose, initializers, networks
from initlib.diagnosis import cures
from initlib.diagnosis.catalogue import SEVERITIES

X = np.random.default_rng(0).standard_normal((100, 64))
Y = np.random.default_rng(1).integers(0, 10, 100)
PICTURES = np.random.default_rng(2).standard_normal((100, 8, 8, 1))
RANK = {**{name: 3 - i for i, name in enumerate(SEVERITIES)}, "clean": 0}
ROUNDS = 3


def times(factor):
    """Return an initializer that draws LeCun's law that many times too large."""
    return lambda shape, **more: factor * initializers.lecun_normal(shape, **more)


def mlp(activation, layers, factor, width=64, bias=0.0):
    biases = functools.partial(initializers.constant, value=bias)
    widths = [64, *[width] * (layers - 1), 10]
    return networks.mlp(widths, activation, times(factor), seeds=[0], bias_initializer=biases)


def residual(activation, blocks, **more):
    return networks.residual((64, 64, 10), blocks, activation, "he_normal", seeds=[0], **more)


def with_output_biases(network):
    network.biases[-1][...] = np.linspace(-40, 40, 10)
    return network


SMOOTH = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "identity")
BOUNDED = ("tanh", "erf", "softsign", "hard_tanh", "sin", "sigmoid")
SICK = {
    f"{activation}, {layers} layers, LeCun times {factor:.2g}": functools.partial(
        mlp, activation, layers, factor
    )
    for activation in (*SMOOTH, *BOUNDED)
    for layers in (12, 20, 30)
    for factor in (0.3, 1.0, 2**0.5, 3.8)
}
SICK |= {
    "narrow": lambda: mlp("relu", 30, 2**0.5, width=8),
    "narrow tanh": lambda: mlp("tanh", 30, 1.0, width=4),
    "large biases": lambda: mlp("hard_tanh", 12, 1.0, bias=50.0),
    "large biases, ReLU": lambda: mlp("relu", 10, 2**0.5, bias=5.0),
    "negative biases": lambda: mlp("relu", 8, 2**0.5, bias=-4.0),
    "large biases of the output": lambda: with_output_biases(mlp("tanh", 3, 1.0)),
    "zeros": lambda: networks.mlp([64] * 6 + [10], "relu", "zeros", seeds=[0]),
    "constant": lambda: networks.mlp(
        [64] * 6 + [10], "tanh", functools.partial(initializers.constant, value=0.1), seeds=[0]
    ),
    "one layer too large": lambda: networks.mlp(
        [64] * 9 + [10], "silu", [[times(1.6)] * 4 + [times(60)] + [times(1.6)] * 4], seeds=[0]
    ),
    "batch normalization and shortcuts": lambda: residual("relu", 30, normalisation="batch"),
    "shortcuts": lambda: residual("gelu", 16),
    "convolutions": lambda: networks.convolutional(
        (1, *[16] * 11, 10), (3, 3), "relu", times(0.3), seeds=[0]
    ),
}


def examined(network):
    return diagnose(network, (PICTURES if len(network.weights[0].shape) > 3 else X, Y), "softmax")


def pasted(network, lines):
    """Return the network after the lines."""
    names = {"network": network, "networks": networks, "initializers": initializers, "np": np}
    exec(lines, names)
    return names["network"]


@pytest.mark.parametrize("name", SICK)
def test_the_lines_of_the_first_finding_mend_the_net(name):
    network = SICK[name]()
    report = examined(network)
    start = RANK[report.severity]
    for _ in range(ROUNDS):
        if RANK[report.severity] < 2:
            break
        network = pasted(network, report.findings[0].lines)
        report = examined(network)
    assert RANK[report.severity] < max(start, 2), report


def test_most_nets_of_the_table_are_sick():
    assert sum(RANK[examined(make()).severity] > 1 for make in SICK.values()) > len(SICK) / 2


@pytest.mark.parametrize("activation", ["silu", "tanh", "elu", "leaky_relu"])
def test_one_paste_mends_weights_that_are_too_small(activation):
    network = mlp(activation, 12, 0.3)
    first = examined(network).findings[0]
    assert first.code == "signal-vanishes"
    network = pasted(network, first.lines)
    assert examined(network).severity in ("clean", "note")


def test_layers_are_drawn_differently():
    network = mlp("silu", 12, 0.3)
    network = pasted(network, examined(network).findings[0].lines)
    for a, b in zip(network.weights[:-2], network.weights[1:-1], strict=True):
        assert (a != b).any()


def test_only_what_is_off_is_drawn_anew():
    network = SICK["one layer too large"]()
    (line, *_) = examined(network).findings[0].lines.splitlines()
    assert line.startswith("network.weights[4][...] = initializers.variance_scaling((64, 64), scale=2.8")


@pytest.mark.parametrize(
    ("make", "code"),
    [(lambda: mlp("gelu", 20, 1.5335 * 2.5), "signal-explodes"), (lambda: mlp("relu", 30, 4.0), None)],
)
def test_weights_that_are_too_large_are_not_the_right_law(make, code):
    found = examined(make()).all()
    assert "too-narrow" not in {one.code for one in found}
    assert code is None or found[0].code == code


def test_biases_are_mended_by_lines_about_biases():
    lines = examined(mlp("hard_tanh", 12, 1.0, bias=50.0)).findings[0].lines
    assert lines == "for biases in network.biases[0:11]:\n    biases[...] = 0"


def test_shortcuts_and_norms_are_kept():
    for name in ("shortcuts", "batch normalization and shortcuts"):
        assert "networks." not in examined(SICK[name]()).findings[0].lines


def test_a_net_that_follows_the_rule_is_told_of_another_architecture():
    network = mlp("softplus", 30, 1.0419)
    first = examined(network).findings[0]
    assert "networks.residual" in first.lines
    network = mlp("relu", 60, 2**0.5, width=256)
    first = examined(network).findings[0]
    assert "what helps is another architecture" in first.sentence
    assert 'variant="pre_norm"' in first.lines


def test_no_law_of_weights_is_promised_where_there_is_none():
    found = examined(mlp("softplus", 30, 1.0419)).all()
    assert any("No law of the weights carries softplus through 30 layers" in one.sentence for one in found)


def test_units_saturated_by_the_inputs_are_mended_by_lines_about_inputs():
    report = diagnose(mlp("tanh", 3, 1.0), (8 * X, Y), "softmax")
    (found,) = [one for one in report.all() if one.code == "saturation"]
    names = {"inputs": 8 * X, "np": np}
    exec(found.lines, names)
    assert "saturation" not in {one.code for one in examined(mlp("tanh", 3, 1.0)).all()}
    np.testing.assert_allclose(names["inputs"].std(0), 1)


def test_rules_by_depth_and_where_there_are_none():
    assert cures.rule("silu", 10)[0].weights.formula == "2.8108 / fan_in"
    assert cures.rule("own", 10) is None
    assert cures.rule("mish", 40) is None


def test_equal_labels_are_shuffled_by_lines_of_numpy():
    names = {"np": np, "inputs": X, "targets": np.repeat(np.arange(10), 10)}
    report = diagnose(mlp("relu", 3, 2**0.5), (X, 0 * Y), "softmax")
    (found,) = [one for one in report.all() if one.code == "labels"]
    exec(found.lines, names)
    assert len(set(names["targets"][:20])) > 5


@pytest.mark.parametrize("factor", [5.0, 30.0])
def test_saturated_cells_are_mended_matrix_by_matrix(factor):
    network = networks.lstm((6, 32, 10), seeds=[0])
    for weights in network.weights[:-1]:
        weights *= factor
    steps = np.random.default_rng(2).standard_normal((100, 20, 6))
    (found,) = (one for one in diagnose(network, steps).findings if one.code == "saturation")
    network = pasted(network, found.lines)
    assert diagnose(network, steps).severity == "clean"


def test_layers_drawn_by_fan_out_are_drawn_by_fan_in():
    by = functools.partial(initializers.variance_scaling, scale=2.0, mode="fan_out")
    network = networks.mlp([64, 128, 32, 128, 32, 10], "relu", by, seeds=[0])
    (found,) = (one for one in examined(network).all() if one.code == "fan-out")
    assert "fan-out" not in {one.code for one in examined(pasted(network, found.lines)).all()}


def test_an_activation_of_ones_own_is_named_in_no_line():
    own = initlib.activations.Activation(
        "own", lambda x: np.maximum(x, 0.2 * x), lambda x: np.where(x > 0, 1.0, 0.2)
    )
    network = networks.mlp([64] * 30 + [10], own, times(0.2), seeds=[0])
    for _ in range(3):
        found = examined(network).findings
        assert "own" not in found[0].lines
        network = pasted(network, found[0].lines)
