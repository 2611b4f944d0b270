"""The doctor without PyTorch: record, laws, tolerances, findings, report, and nets of initlib itself."""

import functools
import itertools
import json
import math
import subprocess
import sys

import numpy as np
import pytest

import initlib
from initlib import diagnose, initializers, networks, theory
from initlib.diagnosis import CATALOGUE, laws, predict, segments
from initlib.diagnosis.findings import EXACT, FOLLOWS, Finding, ranked
from initlib.diagnosis.record import Cell, Loss, Operation, Parameter, Rate, Record, Weight
from initlib.diagnosis.report import SCHEMA, Report, findings

X = np.random.default_rng(0).standard_normal((100, 64))
Y = np.random.default_rng(1).integers(0, 10, 100)
SEQUENCE = np.random.default_rng(2).standard_normal((32, 20, 4))


def net(widths, activation="relu", initializer="he_normal", **more):
    return networks.mlp(widths, activation, initializer, seeds=[0], **more)


def codes(report):
    return {one.code for one in report.all()}


# The graph


def graph(*parents):
    """Return a record whose operations have these parents; all are weights but the first."""
    kinds = ["input", *["weight"] * (len(parents) - 1)]
    made = [
        Operation(i, k, "linear", parents=p, weights=(f"w{i}",), rms=1.0)
        for i, (k, p) in enumerate(zip(kinds, parents, strict=True))
    ]
    return Record("test", made, outputs=(len(parents) - 1,))


def test_the_stream_of_a_chain_is_the_chain():
    assert [o.index for o in graph((), (0,), (1,), (2,)).stream] == [0, 1, 2, 3]


@pytest.mark.parametrize("parents", [(1, 3), (3, 1)])
def test_the_stream_leaves_branches_out(parents):
    record = graph((), (0,), (1,), (2,), parents, (4,))
    assert [o.index for o in record.stream] == [0, 1, 4, 5]
    assert record.ends == {5}
    assert record.layers[5] == 5


def test_two_outputs_share_the_stream_up_to_where_they_part():
    record = graph((), (0,), (1,), (1,))
    record.outputs = (2, 3)
    assert [o.index for o in record.stream] == [0, 1]
    assert record.ends == {2, 3}


# Laws


def weight(name, shape, rng=0):
    values = initializers.get(name)(shape, rng=rng)
    std = float(values.std())
    kurtosis = float(((values - values.mean()) ** 4).mean() / std**4)
    return Weight(
        "w",
        "linear",
        shape[::-1],
        shape[0],
        shape[1],
        values.size,
        float(values.mean()),
        std,
        kurtosis,
        float(np.abs(values).max()),
    )


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("he_normal", "He normal"),
        ("glorot_uniform", "Xavier uniform"),
        ("lecun_uniform", "LeCun uniform"),
        ("normal", "normal, standard deviation 1"),
    ],
)
def test_the_true_law_is_among_those_that_match(name, law):
    for seed in range(20):
        assert law in laws.matching(weight(name, (300, 100), seed))
        assert law in laws.matching(weight(name, (40, 30), seed))


def test_laws_that_differ_do_not_match_in_layers_that_are_not_square():
    for seed in range(20):
        assert "LeCun normal" not in laws.matching(weight("he_normal", (300, 100), seed))
        assert "Xavier normal" not in laws.matching(weight("lecun_normal", (300, 100), seed))
        assert "He uniform" not in laws.matching(weight("he_normal", (300, 100), seed))
        assert "He normal" not in laws.matching(weight("he_uniform", (300, 100), seed))


def test_a_matrix_of_no_law_is_said_to_have_none():
    assert laws.words(Weight("w", "linear", (64, 64), 64, 64, 4096, 0.0, 0.3, 40.0, 9.0)).startswith(
        "no usual law"
    )
    assert laws.words(Weight("w", "linear", (64, 64), 64, 64, 4096, 0.5, 0.0, 0.0, 0.5)) == "constant 0.5"


# Tolerances


def test_tolerances_shrink_with_depth_and_stop_shrinking():
    lows, highs = zip(*(predict.tolerance(depth) for depth in range(1, 30)), strict=True)
    assert all(a <= b for a, b in itertools.pairwise(lows))
    assert all(a >= b for a, b in itertools.pairwise(highs))
    assert predict.tolerance(30) == predict.tolerance(12)


@pytest.mark.parametrize(
    ("octaves", "depth", "expected"),
    [
        (-4.0, 12, None),
        (-4.3, 12, "warning"),
        (-8.3, 12, "warning"),
        (-8.5, 12, "severe"),
        (3.2, 12, None),
        (3.4, 12, "warning"),
        (6.7, 12, "severe"),
        (-9.7, 3, "warning"),
        (-9.4, 3, None),
        (-14.2, 3, "warning"),
        (-14.4, 3, "severe"),
        (8.3, 3, None),
        (8.5, 3, "severe"),
        (-math.inf, 2, "severe"),
    ],
)
def test_severity_by_octaves_and_depth(octaves, depth, expected):
    assert segments.severity(octaves, depth)[0] == expected


def test_chance_turns_units_off_as_often_as_simulated():
    rng = np.random.default_rng(0)
    for apart, samples in ((0.5, 4), (0.1, 8), (0.01, 64)):
        shared = rng.standard_normal((20000, 1))
        h = math.sqrt(1 - apart) * shared + math.sqrt(apart) * rng.standard_normal((20000, samples))
        share = float((h.max(axis=1) < 0).mean())
        assert predict.off_by_chance(apart, samples) == pytest.approx(share, abs=0.015)


# Nets of initlib


@pytest.mark.parametrize(
    "healthy",
    [
        net([64, 64, 64, 10]),
        net([64] * 12 + [10]),
        net([64] * 20 + [10], "tanh", "glorot_normal"),
        net([64] * 6 + [10], "relu", "orthogonal"),
        net([64, 32, 32, 10], "gelu"),
        networks.residual((64, 64, 10), 8, "relu", "he_normal", seeds=[0], variant="scaled"),
        networks.residual((64, 64, 10), 8, "relu", "he_normal", seeds=[0], variant="fixup"),
        networks.residual((64, 64, 10), 8, "relu", "he_normal", seeds=[0], variant="zero_last"),
        networks.residual((64, 64, 10), 8, "relu", "he_normal", seeds=[0], variant="rezero"),
        networks.residual((64, 64, 10), 16, "relu", "he_normal", seeds=[0], variant="pre_norm"),
    ],
    ids=lambda n: f"{n.depth} {n.activation.name}",
)
def test_a_healthy_net_has_a_clean_bill_of_three_lines(healthy):
    report = diagnose(healthy, (X, Y), "softmax")
    assert report.severity in ("clean", "note"), report
    assert len(repr(report).splitlines()) == 3 + len(report.findings)


STEPS = np.random.default_rng(2).standard_normal((100, 20, 6))
PICTURES = np.random.default_rng(2).standard_normal((100, 8, 8, 1))
OTHER_KINDS = {
    "LSTM": (networks.lstm((6, 16, 10), seeds=[0]), STEPS),
    "convolutional": (
        networks.convolutional((1, 8, 8, 10), (3, 3), "relu", "he_normal", seeds=[0]),
        PICTURES,
    ),
}


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_networks_of_other_kinds_are_examined(kind):
    healthy, x = OTHER_KINDS[kind]
    report = diagnose(healthy, (x, Y), "softmax")
    assert report.severity in ("clean", "note"), report
    assert len(report.record.weights) == healthy.depth
    sick = healthy.take([0])
    for weights in sick.weights:
        weights *= 30
    report = diagnose(sick, (x, Y), "softmax")
    assert report.severity == "severe"
    assert {"saturation", "signal-explodes"} & codes(report)
    for one in report.all():
        assert "torch" not in one.lines


FAULTS = {
    "signal-explodes": net(
        [64] * 12 + [10], initializer=lambda shape, **k: 4 * initializers.he_normal(shape, **k)
    ),
    "signal-vanishes": net([64] * 30 + [10], initializer="glorot_normal"),
    "stream-grows": networks.residual((64, 64, 10), 16, "relu", "he_normal", seeds=[0]),
    "identical-units": net(
        [64, 64, 64, 10], initializer=lambda shape, **k: initializers.constant(shape, 0.1, **k)
    ),
    "inputs-merge": net([64] * 8 + [10], "sigmoid", "glorot_normal"),
    "saturation": net([64] * 4 + [10], "tanh", lambda shape, **k: initializers.normal(shape, std=4.0, **k)),
    "dead-units": net(
        [64] * 4 + [10], bias_initializer=lambda shape, **k: initializers.constant(shape, -4.0, **k)
    ),
    "first-loss": net(
        [64, 64, 64, 10],
        initializer=[["he_normal", "he_normal", functools.partial(initializers.normal, std=4.0)]],
    ),
}


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_is_found_and_severe(code):
    report = diagnose(FAULTS[code], (X, Y), "softmax")
    assert code in codes(report), report
    assert report.severity == "severe"
    assert 5 <= len(repr(report).splitlines()) <= 25


@pytest.mark.parametrize("code", FAULTS)
def test_the_lines_to_paste_run_on_a_network(code):
    model = FAULTS[code].take([0])
    names = {"network": model, "networks": networks, "initializers": initializers, "np": np, "inputs": X}
    for one in diagnose(model, (X, Y), "softmax").all():
        assert "torch" not in one.lines, one
        exec(one.lines, {**names, "widths": (64, 64, 10), "activation": "relu", "blocks": 2})


def test_the_lines_mend_the_layer_that_they_name():
    model = net([64] * 10 + [10])
    model.weights[4][...] *= 2
    model.biases[6][...] = -20
    report = diagnose(model, X)
    assert {"odd-layer", "dead-units"} <= codes(report)
    for one in report.all():
        if one.code in ("odd-layer", "dead-units"):
            exec(one.lines, {"network": model, "initializers": initializers})
    assert diagnose(model, X).findings == ()


def test_no_fault_is_found_in_the_others_place():
    """A check that fires everywhere would pass the test above."""
    for code in ("stream-grows", "identical-units", "dead-units"):
        others = [
            name for name, model in FAULTS.items() if name != code and code in codes(diagnose(model, X))
        ]
        assert not others, (code, others)


def test_adam_forgives_what_is_small_and_not_what_is_large():
    small, large = FAULTS["signal-vanishes"], FAULTS["signal-explodes"]
    assert diagnose(small, X, optimizer="sgd").severity == "severe"
    gentle = diagnose(small, X, optimizer="adam")
    assert gentle.severity == "warning"
    assert "Adam" in gentle.findings[0].holds
    harsh = diagnose(large, X, optimizer="adam")
    assert harsh.severity == "severe"
    assert "though worse" in harsh.findings[0].holds


def test_a_net_is_not_changed():
    model = net([64, 32, 10])
    before = [value.copy() for value in model.values]
    diagnose(model, (X, Y), "softmax")
    for old, new in zip(before, model.values, strict=True):
        np.testing.assert_array_equal(old, new)


def test_nan_in_a_weight_is_found_before_anything_runs():
    model = net([64, 32, 10])
    model.weights[1][0, 3, 3] = np.nan
    report = diagnose(model, X)
    assert report.findings[0].code == "uninitialized"
    assert report.findings[0].place == "weight 2"


def test_the_culprit_is_named_with_its_factor():
    model = net([64] * 10 + [10])
    model.weights[4][...] *= 2
    report = diagnose(model, X)
    odd = [one for one in report.findings if one.code == "odd-layer"]
    assert [one.place for one in odd] == ["weight 5"]
    assert odd[0].number == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(("constant", "others"), [((0,), 1), ((1,), 0), ((0, 1), None)])
def test_a_constant_matrix_of_a_cell_is_found_though_another_tells_units_apart(constant, others):
    model = networks.lstm([4, 16, 3], seeds=[0])
    for slot in constant:
        model.values[slot][...] = 0.1
    (one,) = [f for f in diagnose(model, SEQUENCE).findings if f.code == "identical-units"]
    assert one.severity == "warning"
    assert one.place == f"weight {1 + constant[0]}"
    assert ("one number of their input" in one.sentence) is (others is not None)


def test_a_constant_layer_whose_biases_differ_is_found():
    model = net([64, 32, 32, 10])
    model.weights[1][...] = 0.1
    model.biases[1][...] = np.linspace(-1, 1, 32)
    (one,) = [f for f in diagnose(model, X).findings if f.code == "identical-units"]
    assert (one.place, one.severity) == ("weight 2", "warning")
    assert "weights all 0.1" in one.sentence
    model.weights[1][...] = 0
    assert "identical-units" not in codes(diagnose(model, X))  # it learns, as the last layers of branches do


def test_units_of_one_input_may_have_equal_weights():
    model = net([1, 32, 10])
    model.weights[0][...] = 1
    model.biases[0][...] = np.linspace(-1, 1, 32)
    assert "identical-units" not in codes(diagnose(model, X[:, :1]))


# Gates


def lstm_with(gate, bias):
    """Return a cell of 16 units with the biases of one gate (input, forget, output, candidate) changed."""
    model = networks.lstm([4, 16, 3], seeds=[0])
    model.values[2][0, 16 * gate : 16 * (gate + 1)] = bias
    return model


@pytest.mark.parametrize(
    ("gate", "bias", "number"),
    [
        (0, -10.0, 1 / (1 + math.exp(10)) * (1 - (f := 1 / (1 + math.exp(-1))) ** 20) / (1 - f)),
        (1, -10.0, 1 / (1 + math.exp(10))),
        (2, -10.0, 1 / (1 + math.exp(10))),
    ],
)
def test_a_shut_gate_is_found_with_what_it_lets_through(gate, bias, number):
    (one,) = [f for f in diagnose(lstm_with(gate, bias), SEQUENCE).findings if f.code == "gate-shut"]
    assert one.number == pytest.approx(number, rel=1e-9)
    assert ("input", "forget", "output")[gate] in one.sentence
    assert one.lines == f"network.values[2][:, {16 * gate}:{16 * (gate + 1)}] = {int(gate == 1)}"


@pytest.mark.parametrize("gate", range(3))
def test_the_line_of_a_shut_gate_opens_it(gate):
    network = lstm_with(gate, -10.0)
    exec(next(f.lines for f in diagnose(network, SEQUENCE).findings if f.code == "gate-shut"))
    assert diagnose(network, SEQUENCE).severity == "clean"


@pytest.mark.parametrize("bias", [-4.0, 0.0, 1.0, 3.0, networks.Chrono(1000)])
def test_gates_that_people_start_with_are_open(bias):
    assert diagnose(networks.lstm([4, 16, 3], seeds=[0], forget_bias=bias), SEQUENCE).severity == "clean"


def test_a_candidate_that_is_flat_by_its_biases_is_saturated():
    (one,) = diagnose(lstm_with(3, 10.0), SEQUENCE).findings
    assert (one.code, one.severity) == ("saturation", "severe")
    assert "biases of size 10" in one.sentence


@pytest.mark.parametrize(
    ("name", "bias", "number"),
    [
        ("update", -10.0, 1 / (1 + math.exp(10))),
        ("update", 10.0, 1 - (1 / (1 + math.exp(-10))) ** 15),
        ("reset", -10.0, 1 / (1 + math.exp(10))),
        ("update", 6.0, None),  # 15 steps write 4 % of what comes in
        ("reset", 10.0, None),
    ],
)
def test_the_gates_of_a_gru_over_all_its_steps(name, bias, number):
    gates = {gate: (bias if gate == name else 0.0,) * 8 for gate in ("reset", "update", "candidate")}
    cell = Cell(("w", "u"), ("a", "b"), gates, steps=5)
    operations = [Operation(0, "input", "input", rms=1.0)]
    operations += [
        Operation(i, "recurrent", "gru_cell", parents=(i - 1,), weights=("w", "u"), rms=0.3, cells=(cell,))
        for i in (1, 2, 3)
    ]
    weights = {w: Weight(w, "recurrent", (24, 8), 8, 8, 192, 0, 0.2, 3.0, 0.6, uses=[1, 2, 3]) for w in "wu"}
    told = [f for f in findings(Record("test", operations, weights)) if f.code == "gate-shut"]
    assert [f.number for f in told] == ([pytest.approx(number, rel=1e-9)] if number else [])


# Odd layers


@pytest.mark.parametrize(("kurtosis", "share"), [(3.0, 1.0), (1.8, 0.4)])
def test_the_spread_of_a_variance_is_that_of_its_law(kurtosis, share):
    one = Weight("w", "linear", (80, 80), 80, 80, 6400, 0.0, 1.0, kurtosis, 1.7)
    low, high = laws.spread(one, 0.05)
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(share * 2 / 6400), rel=0.02)


def test_a_small_layer_may_be_off_by_chance():
    model = net([64, 64, 64, 3, 64, 64, 64, 10])  # 192 entries
    for factor, found in ((1.15, False), (1.25, True)):
        model.weights[3][...] *= factor * (2 / 3) ** 0.5 / model.weights[3].std()
        assert ("odd-layer" in codes(diagnose(model, X))) is found


# Length and rank


@pytest.mark.parametrize("count", [1, 2, 3, 5, 20])
def test_a_report_of_many_findings_has_25_lines_at_most(count):
    record = diagnose(net([64] * 20 + [10]), X).record
    told = "The signal of this layer is said to be wrong in more words than fit into one line of a report."
    found = [
        Finding("signal-explodes", "severe", f"weight {i}", told, lines="a\nb\nc\nd") for i in range(count)
    ]
    lines = repr(Report(tuple(found), record)).splitlines()
    assert 20 <= len(lines) <= 25
    assert lines[-1].startswith("Not examined:")
    assert "weight 0" in lines[0]
    assert ("Further: " in "\n".join(lines)) is (count > 2)


def test_linear_layers_lead_the_report():
    found = [
        Finding("signal-explodes", "severe", "1", "Grows."),
        Finding("no-nonlinearity", "severe", "2", "Linear."),
    ]
    assert [one.code for one in ranked(found)] == ["no-nonlinearity", "signal-explodes"]


def test_inputs_lead_before_targets():
    model = net([64, 32, 1], "tanh")
    report = diagnose(model, (100 * X, 1e6 + X[:, :1]), "squared")
    assert [one.code for one in report.findings][:2] == ["input-scale", "target-scale"]


def test_the_number_of_a_signal_finding_is_in_octaves():
    model = FAULTS["signal-explodes"]
    report = diagnose(model, X)
    largest = max(float(np.sqrt(np.mean(np.square(pre)))) for pre in model.forward(X).pre[:-1])
    assert report.findings[0].number == pytest.approx(math.log2(largest / float(np.sqrt(np.mean(X**2)))))


def test_a_third_of_the_layers_being_different_is_a_design():
    model = net([64] * 11 + [10])
    for layer in (2, 5, 8):
        model.weights[layer][...] *= 2
    assert "odd-layer" not in codes(diagnose(model, X))


def test_the_wanted_law_follows_the_activation_in_front():
    record = diagnose(net([64, 64, 64, 10], "tanh"), X).record
    second = [o for o in record.operations if o.kind == "weight"][1]
    variance, rule = laws.wanted(record, second, record.weights[second.weights[0]])
    assert variance == pytest.approx(theory.gain("tanh") ** 2 / 64)
    assert "tanh" in rule


# Findings from made-up records: each threshold from both sides


def made(**more):
    return Record("test", [], **more)


@pytest.mark.parametrize(
    ("optimizer", "ratio", "severity"),
    [
        ("sgd", -0.01, "severe"),
        ("sgd", 0.04, "warning"),
        ("sgd", 0.06, None),
        ("sgd", 0.99, "note"),
        ("adam", -2.1, "severe"),
        ("adam", -0.1, "warning"),
        ("adam", 0.1, None),
        ("adam", 0.99, None),
    ],
)
def test_the_first_step(optimizer, ratio, severity):
    found = findings(made(optimizer=optimizer, rate=Rate(optimizer, 0.1, ratio)))
    assert [one.severity for one in found] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("value", "severity"), [(4.5, None), (4.7, "warning"), (22.9, "warning"), (23.1, "severe")]
)
def test_the_first_loss(value, severity):
    record = made(loss=Loss("cross_entropy", value, 10, 64, "mean", fed=0))
    record.operations.append(Operation(0, "input", "x"))
    assert [one.severity for one in findings(record)] == ([severity] if severity else [])


@pytest.mark.parametrize(("size", "code"), [(0.5, "summed-loss"), (50.0, "first-loss")])
def test_a_loss_is_summed_only_if_outputs_are_too_small_to_be_that_wrong(size, code):
    record = made(loss=Loss("cross_entropy", 64 * math.log(10), 10, 64, "mean", fed=0))
    record.operations.append(Operation(0, "norm", "layer_norm", rms=size))
    assert code in [one.code for one in findings(record)]


@pytest.mark.parametrize(("apart", "found"), [(1.0, True), (0.0, False)])
def test_units_that_chance_turns_off_are_no_finding(apart, found):
    made_up = [
        Operation(0, "input", "x"),
        Operation(1, "weight", "linear", parents=(0,), weights=("w",), apart=apart),
        Operation(2, "activation", "relu", parents=(1,), activation="relu", shape=(64, 100), off=0.6),
        Operation(3, "weight", "linear", parents=(2,), weights=("v",)),
    ]
    record = Record("test", made_up, outputs=(3,), samples=64)
    assert ("dead-units" in [one.code for one in findings(record)]) == found


@pytest.mark.parametrize(
    ("parameter", "bad"),
    [
        (Parameter("w", (3, 3), True, bad=1), True),
        (Parameter("w", (3, 3), True, largest=2e6), True),
        (Parameter("w", (3, 3), True, largest=1e-30, tiny=True), True),
        (Parameter("w", (3, 3), True, largest=900.0), False),
        (Parameter("w", (3, 3), True, largest=0.0), False),
    ],
)
def test_memory_that_nothing_filled(parameter, bad):
    assert bool(findings(made(parameters={"w": parameter}))) == bad


@pytest.mark.parametrize(
    ("rms", "severity"), [(29, None), (31, "warning"), (999, "warning"), (1001, "severe")]
)
def test_the_size_of_targets(rms, severity):
    found = findings(made(loss=Loss("squared", 1.0, target_rms=rms)))
    assert [one.severity for one in found] == ([severity] if severity else [])


# The catalogue and the report


@pytest.mark.parametrize(
    ("optimizer", "half", "size", "found"),
    [
        ("adam", False, 0.9e-8, True),
        ("adam", False, 1.1e-8, False),
        ("adam", True, 5e-5, True),
        ("sgd", True, 5e-5, True),
        ("sgd", True, 7e-5, False),
        ("sgd", False, 1e-12, False),
        ("adam", False, 0.0, False),
    ],
)
def test_gradients_that_float16_or_adam_loses(optimizer, half, size, found):
    weight = Weight("w", "linear", (8, 8), 8, 8, 64, 0, 0.5, 3.0, 1.0, gradient=8 * size, uses=[1])
    operations = [
        Operation(0, "input", "input"),
        Operation(1, "weight", "linear", parents=(0,), weights=("w",), half=half),
    ]
    record = Record("test", operations, {"w": weight}, outputs=(1,), optimizer=optimizer)
    assert ("gradient-tiny" in {one.code for one in findings(record)}) == found


@pytest.mark.parametrize(
    ("rms", "layers", "severity"),
    [(2.0**-8, 1, None), (2.0**-14, 1, "warning"), (2.0**-21, 1, "severe"), (2.0**-14, 3, "severe")],
)
def test_a_recurrent_layer_that_hands_on_too_little(rms, layers, severity):
    names = [f"rnn.{kind}_l{layer}" for layer in range(layers) for kind in ("weight_ih", "weight_hh")]
    weights = {
        name: Weight(name, "recurrent", (8, 8), 8, 8, 64, 0, 0.01, 3.0, 0.1, uses=[1]) for name in names
    }
    operations = [
        Operation(0, "input", "input", rms=1.0),
        Operation(1, "recurrent", "rnn_tanh", parents=(0,), weights=tuple(names), rms=rms),
    ]
    told = [one for one in findings(Record("test", operations, weights)) if one.code == "signal-vanishes"]
    assert [one.severity for one in told] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("same_gradients", "rms", "severity"),
    [(True, 0.1, "severe"), (False, 0.1, "warning"), (False, 0.0, None)],
)
def test_units_that_are_copies_and_part_are_a_warning(same_gradients, rms, severity):
    weight = Weight("w1", "linear", (8, 8), 8, 8, 64, rms, 0.0, 3.0, rms, uses=[1])
    weight.same_rows, weight.same_gradients, weight.same_later = True, same_gradients, same_gradients
    record = graph((), (0,), (1,))
    record.weights = {"w1": weight}
    told = [one.severity for one in findings(record) if one.code == "identical-units"]
    assert told == ([severity] if severity else [])


@pytest.mark.parametrize(("outputs", "severity"), [((2,), "note"), ((1, 2), "warning")])
def test_a_layer_that_nobody_reads_is_no_cut_graph(outputs, severity):
    record = graph((), (0,), (0,))
    record.outputs = outputs
    record.weights = {"w1": Weight("w1", "linear", (8, 8), 8, 8, 64, 0, 0.1, 3.0, 0.3, uses=[1])}
    record.parameters = {
        name: Parameter(name, (8, 8), True, used=True, reached=name == "w2") for name in ("w1", "w2")
    }
    assert [(one.code, one.severity) for one in findings(record)] == [("unreached", severity)]


def test_no_gradient_means_none_in_any_parameter():
    record = made(
        parameters={n: Parameter(n, (8,), True, reached=True, still=True) for n in ("weight", "gain")}
    )
    assert [one.code for one in findings(record)] == ["no-gradient"]
    record.parameters["gain"].still = False
    assert findings(record) == ()


def test_layers_drawn_by_fan_out_are_named():
    widths = [64, 128, 32, 128, 32, 10]
    by = functools.partial(initializers.variance_scaling, scale=2.0)
    assert "fan-out" in codes(diagnose(net(widths, initializer=functools.partial(by, mode="fan_out")), X))
    assert "fan-out" not in codes(diagnose(net(widths, initializer=by), X))
    assert "fan-out" not in codes(diagnose(net([64] * 6 + [10]), X))
    mostly_square = [*[64] * 6, 256, 32, 10]
    report = diagnose(net(mostly_square, initializer=functools.partial(by, mode="fan_out")), X)
    assert "fan-out" in codes(report)


def test_biases_that_are_the_signal_are_its_cause():
    model = net([64] * 10 + [10], bias_initializer=functools.partial(initializers.constant, value=5.0))
    first = diagnose(model, X).findings[0]
    assert first.code == "signal-explodes"
    assert "biases make up" in first.sentence
    exec(first.lines, {"network": model})


def test_what_repeats_itself_is_told_once():
    told = ranked(
        [Finding("saturation", how, f"layer {i}", "Flat.") for i, how in ((1, "warning"), (2, "severe"))]
    )
    assert [(one.place, one.severity) for one in told] == [("layer 2", "severe")]
    assert "likewise behind layer 1" in told[0].sentence


@pytest.mark.parametrize(("kind", "severity"), [("cross_entropy", "warning"), ("squared", "note")])
def test_targets_that_are_all_equal(kind, severity):
    loss = Loss(kind, 1.0, classes=10, samples=64, target_constant=True, target_low=1.0, target_high=1.0)
    assert [one.severity for one in findings(made(loss=loss))] == [severity]


def test_every_row_of_the_catalogue_is_complete():
    for code, entry in CATALOGUE.items():
        assert code == entry.code
        assert entry.title
        assert entry.cause.endswith((".", "?"))
        assert entry.check.endswith(".")
        assert entry.tolerance
        assert entry.source
        if entry.page:
            assert (initlib_root() / "book" / f"{entry.page}.ipynb").exists() or (
                initlib_root() / "book" / f"{entry.page}.md"
            ).exists()


def initlib_root():
    from pathlib import Path

    return Path(__file__).parents[1]


def test_causes_and_exact_faults_are_rows_of_the_catalogue():
    assert set(FOLLOWS) | {code for effects in FOLLOWS.values() for code in effects} <= set(CATALOGUE)
    assert set(EXACT) <= set(CATALOGUE)


def test_no_finding_is_its_own_cause():
    for code in FOLLOWS:
        seen, queue = set(), list(FOLLOWS[code])
        while queue:
            one = queue.pop()
            assert one != code
            if one not in seen:
                seen.add(one)
                queue += FOLLOWS.get(one, ())


def test_exact_faults_come_before_sizes_and_severe_before_warnings():
    found = [
        Finding("signal-explodes", "severe", "b", "s", order=1),
        Finding("labels", "warning", "a", "s"),
        Finding("unregistered", "severe", "c", "s", order=9),
    ]
    assert [one.code for one in ranked(found)] == ["unregistered", "signal-explodes", "labels"]


def test_the_report_as_json_is_strict_and_has_a_schema():
    report = diagnose(FAULTS["signal-explodes"], (X, Y), "softmax")
    data = json.loads(report.to_json())
    assert data["schema"] == SCHEMA
    assert data["severity"] == "severe"
    assert data["findings"][0]["code"] == "signal-explodes"
    assert {"number", "tolerance", "source", "holds", "lines", "page"} <= set(data["findings"][0])


def test_what_json_cannot_hold_is_null():
    model = net([64, 64, 64, 10], initializer="zeros")
    vanished = [one for one in diagnose(model, X).all() if one.code == "signal-vanishes"]
    assert vanished[0].number == -math.inf
    assert json.loads(diagnose(model, X).to_json())["findings"]


def test_the_report_says_what_was_not_examined():
    assert "no loss was given" in repr(diagnose(net([64, 32, 10]), X))
    assert "no loss was given" not in repr(diagnose(net([64, 32, 10]), (X, Y), "softmax"))


def test_the_report_can_be_drawn():
    figure = diagnose(FAULTS["signal-explodes"], X).plot()
    assert len(figure.axes) == 2
    assert all(axes.lines for axes in figure.axes)


# Sizes


@pytest.mark.parametrize("size", [1e20, 1e-25])
def test_single_precision_is_measured_in_double(size):
    model = net([64, 32, 10], dtype=np.float32)
    report = diagnose(model, (size * X).astype(np.float32))
    assert report.record.operations[0].rms == pytest.approx(size, rel=0.1)
    assert report.record.operations[0].varies == pytest.approx(1, abs=0.05)
    assert report.record.weights["weight 1"].gradient > 0
    assert codes(report) == {"input-scale"}


@pytest.mark.parametrize(("size", "severity"), [(1e-5, "warning"), (0.0, "severe"), (0.01, "clean")])
def test_small_inputs_are_of_the_wrong_size(size, severity):
    report = diagnose(net([64, 32, 10]), size * X)
    assert report.severity == severity
    assert ("input-scale" in codes(report)) == (size < 0.01)


def test_small_inputs_that_are_normalised_at_once_do_no_harm():
    assert diagnose(net([64, 32, 10], normalisation="layer", epsilon=1e-30), 1e-5 * X).severity == "clean"


def test_inputs_standardised_by_the_lines_are_clean():
    for size in (1e-5, 1e5):
        names = {"inputs": size * X, "np": np}
        exec(CATALOGUE["input-scale"].network, names)
        assert diagnose(net([64, 32, 10]), names["inputs"]).severity == "clean"


def test_features_of_very_different_sizes_are_told():
    spread = X * np.logspace(0, 4, 64) / 1e4
    assert "differ by a factor" in repr(diagnose(net([64, 32, 10]), spread))
    spread[:, 1:] = 0.1  # whose standard deviation is what rounding makes of it
    assert diagnose(net([64, 32, 10]), spread + 1).record.input_spread is None


@pytest.mark.parametrize("activation", predict.FLAT)
def test_every_bounded_activation_can_be_saturated(activation):
    phi = initlib.activations.get(activation)
    z = np.linspace(-40, 40, 400_001)
    slope, y = phi.derivative(z), phi(z) - (activation == "sigmoid") / 2
    np.testing.assert_array_equal(slope <= 0.05 * slope.max(), np.abs(y) >= predict.FLAT[activation] - 1e-12)

    def loud(shape, **more):
        return 100 * initializers.lecun_normal(shape, **more)

    assert "saturation" in codes(diagnose(net([64, 64, 64, 10], activation, loud), X))


def test_layers_with_the_identity_between_them_are_one_linear_map():
    report = diagnose(net([64] * 12 + [10], "identity", "lecun_normal"), (X, Y), "softmax")
    assert report.findings[0].code == "no-nonlinearity"
    assert report.severity == "severe"


# Bad arguments


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"depth": "deep"}, ValueError, "choose one of 'quick', 'thorough'"),
        ({"learning_rate": -1}, ValueError, "learning_rate must be"),
        ({"optimizer": "adagrad"}, ValueError, "Unknown optimizer"),
        ({"optimizer": object()}, TypeError, "optimizer must be .* Received: object"),
        ({"loss": "hinge"}, ValueError, "Unknown loss"),
        ({"loss": "softmax"}, ValueError, r"batch must be \(inputs, targets\)"),
    ],
)
def test_bad_arguments_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        diagnose(net([64, 32, 10]), X, **arguments)


def test_a_stack_of_several_nets_is_refused():
    with pytest.raises(ValueError, match="takes one net"):
        diagnose(networks.mlp([64, 32, 10], "relu", "he_normal", seeds=[0, 1]), X)


def test_without_torch_the_message_says_what_to_install():
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "import initlib\n"
        "try: initlib.diagnose(object(), [1])\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install torch" in done.stdout


def test_the_doctor_is_public():
    assert "diagnose" in initlib.__all__
    assert "diagnosis" in dir(initlib)


@pytest.mark.parametrize("field", ["place", "sentence", "holds", "tolerance", "halves", "consequences"])
def test_a_finding_of_the_wrong_kind_is_refused(field):
    given = {"code": "labels", "severity": "severe", "place": "the targets", "sentence": "Wrong."}
    with pytest.raises(TypeError, match=f"^{field} of a Finding must be of type"):
        Finding(**{**given, field: np.ones(2)})
