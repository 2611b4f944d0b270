"""The engine that trains in the browser gives what initlib gives."""

import math
from itertools import product

import numpy as np
import pytest
import reference
from engine_in_browser import SETTINGS
from scipy import special

from initlib import activations, initializers, propagation, theory
from initlib.explorers.lab import data
from initlib.explorers.lab.rules import ACTIVATIONS, rules

NORMALISATIONS = ("none", "batch", "layer")
SHORTCUTS = ("none", "plain", "scaled", "zero_last")
OPTIMIZERS = ("sgd", "momentum", "adam")
RATES = {"sgd": 0.1, "momentum": 0.02, "adam": 0.01}
TOLERANCE = 1e-5


def excess(found, expected, least=0.0):
    """Return the largest difference in units of the largest expected number, at least `least`."""
    expected = np.asarray(expected, dtype=float)
    scale = max(np.abs(expected).max(initial=0.0), least, 1e-30)
    return float(np.abs(np.reshape(found, expected.shape) - expected).max(initial=0.0) / scale)


def case(engine, steps=1, **changes):
    """Run the same net in the engine and in initlib; return both."""
    settings = {**SETTINGS, **changes}
    x, y = reference.data()
    stack = reference.build(settings)
    parameters = [value.ravel() for value in reference.trained(stack.values, stack)]
    problem = {"settings": settings, "inputs": x, "labels": y, "classes": reference.CLASSES}
    found = engine.call("run", parameters=parameters, batches=[range(len(y))] * steps, **problem)
    return found, stack, x, y, settings


@pytest.mark.parametrize(
    ("activation", "normalisation", "shortcut"), list(product(ACTIVATIONS, NORMALISATIONS, SHORTCUTS))
)
def test_outputs_loss_and_gradients(engine, activation, normalisation, shortcut):
    found, stack, x, y, _ = case(
        engine, activation=activation, normalisation=normalisation, shortcut=shortcut, depth=6
    )
    output, loss, gradients = reference.loss_and_gradients(stack, x, y)
    assert excess(found["output"], output) < TOLERANCE
    assert abs(found["loss"] / loss - 1) < TOLERANCE
    assert found["right"] == (output.argmax(axis=1) == y).sum()
    assert len(found["gradients"]) == len(gradients)
    # Biases in front of a normalisation have gradients that cancel: rounding is then relative to the others.
    largest = max(np.abs(one).max() for one in gradients)
    for mine, theirs in zip(found["gradients"], gradients, strict=True):
        assert excess(mine, theirs, least=largest / 100) < TOLERANCE


@pytest.mark.parametrize(
    ("optimizer", "normalisation", "shortcut"), list(product(OPTIMIZERS, NORMALISATIONS, SHORTCUTS))
)
def test_a_step(engine, optimizer, normalisation, shortcut):
    found, stack, x, y, settings = case(
        engine,
        normalisation=normalisation,
        shortcut=shortcut,
        depth=6,
        optimizer=optimizer,
        rate=RATES[optimizer],
    )
    fit = reference.steps(stack, x, y, settings, 1)
    after = reference.trained(fit.network.values, stack)
    kinds = [p.kind for p in stack.parameters if p.kind in reference.TRAINED]
    for kind, mine, theirs in zip(kinds, found["after"], after, strict=True):
        if kind == "bias" and optimizer == "adam" and normalisation == "batch":
            continue  # their gradient is 0 but for rounding, of which Adam takes the sign
        assert excess(mine, theirs) < TOLERANCE
    statistics = [
        value[0]
        for value, p in zip(fit.network.values, stack.parameters, strict=True)
        if p.kind == "statistic"
    ]
    assert len(found["statistics"]) == len(statistics)
    for mine, theirs in zip(found["statistics"], statistics, strict=True):
        assert excess(mine, theirs) < TOLERANCE


@pytest.mark.parametrize(
    ("optimizer", "normalisation", "shortcut"), list(product(OPTIMIZERS, NORMALISATIONS, SHORTCUTS))
)
def test_a_hundred_steps(engine, optimizer, normalisation, shortcut):
    found, stack, x, y, settings = case(
        engine,
        steps=100,
        normalisation=normalisation,
        shortcut=shortcut,
        depth=6,
        activation="tanh",
        optimizer=optimizer,
        rate=RATES[optimizer] / 2,
    )
    fit = reference.steps(stack, x, y, settings, 100)
    assert fit.loss[0, -1] < fit.loss[0, 0] / 2, "a net that does not learn compares nothing"
    np.testing.assert_allclose(found["losses"], fit.loss[0], rtol=1e-3, atol=1e-3)
    assert found["evaluated"] == pytest.approx(fit.test_loss[0, -1], rel=1e-3, abs=1e-3)
    assert found["accuracy"] == fit.test_accuracy[0, -1]


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("shortcut", ["none", "plain"])
def test_shallow_nets(engine, depth, shortcut):
    found, stack, x, y, _ = case(engine, depth=depth, shortcut=shortcut)
    output, _, gradients = reference.loss_and_gradients(stack, x, y)
    assert excess(found["output"], output) < TOLERANCE
    for mine, theirs in zip(found["gradients"], gradients, strict=True):
        assert excess(mine, theirs) < TOLERANCE


def test_without_webassembly_the_numbers_are_the_same(engine, plain_engine):
    assert engine.call("isFast")
    assert not plain_engine.call("isFast")
    fast, *_ = case(engine, normalisation="layer")
    plain, *_ = case(plain_engine, normalisation="layer")
    for one, other in zip([fast["output"], *fast["after"]], [plain["output"], *plain["after"]], strict=True):
        assert excess(one, other) < TOLERANCE


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 8, 8), (5, 3, 10), (64, 64, 64), (7, 130, 9)])
@pytest.mark.parametrize("way", ["engine", "plain_engine"])
def test_the_product_of_matrices(way, shape, request):
    rows, inner, columns = shape
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((rows, inner)), rng.standard_normal((inner, columns))
    found = request.getfixturevalue(way).call("product", a=a, b=b)
    assert excess(np.array(found), a @ b) < 1e-6


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_of_initlib(engine, name):
    x = np.concatenate([np.linspace(-12, 12, 961), [-80.0, 80.0, 1e-4, -1e-4]])
    x = x[~np.isin(x, activations.get(name).kinks)]
    found = engine.call("activation", name=name, x=x)
    activation = activations.get(name)
    np.testing.assert_allclose(found["value"], activation(x), rtol=2e-6, atol=1e-12)
    np.testing.assert_allclose(found["slope"], activation.derivative(x), rtol=2e-6, atol=3e-7)


def test_every_activation_is_offered(engine):
    assert engine.call("activations") == list(ACTIVATIONS)


def test_the_inverse_of_the_normal_distribution(engine):
    u = np.concatenate([np.logspace(-9.5, -1), np.linspace(0.01, 0.99, 99), 1 - np.logspace(-9.5, -1)])
    found = engine.call("quantiles", u=u)
    np.testing.assert_allclose(found, special.ndtri(u), rtol=1e-6, atol=1e-7)


# ---- draws

FANS = (96, 40)
INITIALIZERS = ("lecun", "xavier", "he", "normal", "orthogonal", "critical", "pytorch", "keras", "flax")
NAMES = {
    "lecun": "lecun_normal",
    "xavier": "glorot_normal",
    "he": "he_normal",
    "orthogonal": "orthogonal",
    "keras": "glorot_uniform",
    "flax": "lecun_normal",
}


def drawn(engine, fans=FANS, **changes):
    """Return the first weights and biases of 8 seeds, (8, fan_in, fan_out) and (8, fan_out)."""
    settings = {**SETTINGS, "depth": 2, "width": fans[1], "seeds": 8, "bias": "default", **changes}
    x, y = reference.data(inputs=fans[0])
    nets = engine.call("draws", settings=settings, inputs=x, labels=y, classes=reference.CLASSES)
    weights = np.array([net[0] for net in nets]).reshape(8, *fans)
    return weights, np.array([net[1] for net in nets])


def expected_variance(init, activation="tanh", size=0.1, fans=FANS):
    if init in NAMES:
        return initializers.SPECS[NAMES[init]].variance(*fans)
    critical = theory.critical_sigma_w(activation, 0.0).sigma_w
    return {"normal": size**2, "critical": critical**2 / fans[0], "pytorch": 1 / (3 * fans[0])}[init]


def kurtosis_of(init):
    law = {"pytorch": "uniform", "keras": "uniform", "flax": "truncated_normal"}.get(init, "normal")
    return {"uniform": 1.8, "truncated_normal": 2.3682, "normal": 3.0}[law]


@pytest.mark.parametrize("fans", [FANS, FANS[::-1]])
@pytest.mark.parametrize("init", INITIALIZERS)
def test_draws_have_the_second_moment_promised(engine, init, fans):
    weights, _ = drawn(engine, fans, init=init, activation="tanh", scale=1.5)
    promised = 1.5**2 * expected_variance(init, fans=fans)
    kurtosis = 3.0 if init == "orthogonal" else kurtosis_of(init)
    error = math.sqrt((kurtosis - 1) / weights.size)
    assert abs(np.square(weights).mean() / promised - 1) < 5 * error
    assert abs(weights.mean()) < 5 * math.sqrt(promised / weights.size)
    fourth = (weights**4).mean() / promised**2
    assert abs(fourth / kurtosis - 1) < (
        0.05 if init == "orthogonal" else 5 * math.sqrt(96 / 9 / weights.size)
    )


@pytest.mark.parametrize("init", ["normal", "he"])
def test_seeds_and_layers_differ_and_repeat(engine, init):
    first, again = drawn(engine, init=init)[0], drawn(engine, init=init)[0]
    np.testing.assert_array_equal(first, again)
    flat = first.reshape(8, -1)
    correlations = np.corrcoef(flat) - np.eye(8)
    assert np.abs(correlations).max() < 5 / math.sqrt(flat.shape[1])


def test_rules_share_their_draws(engine):
    ranks = [np.argsort(drawn(engine, init=init)[0].ravel()) for init in ("he", "xavier", "pytorch", "flax")]
    for other in ranks[1:]:
        assert (ranks[0] == other).mean() > 0.99  # float32 makes a few ties


def test_constant_and_zero(engine):
    assert (drawn(engine, init="zeros", scale=3.0)[0] == 0).all()
    np.testing.assert_allclose(drawn(engine, init="constant", size=0.5, scale=0.5)[0], 0.25)


def test_biases(engine):
    assert (drawn(engine, init="he")[1] == 0).all()
    assert (drawn(engine, init="pytorch", bias="zero")[1] == 0).all()
    np.testing.assert_allclose(drawn(engine, bias="constant", biasSize=0.3)[1], 0.3, rtol=1e-6)
    for found, variance, kurtosis in (
        (drawn(engine, (7, 96), init="pytorch")[1], 1 / 21, 1.8),
        (drawn(engine, (7, 96), bias="random", biasSize=0.3)[1], 0.09, 3.0),
    ):
        assert abs(np.square(found).mean() / variance - 1) < 5 * math.sqrt((kurtosis - 1) / found.size)
        assert abs(found.mean()) < 5 * math.sqrt(variance / found.size)


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9)])
def test_orthogonal_matrices_are_haar(engine, shape):
    rows, columns = shape
    found = np.array(engine.call("haar", rows=rows, columns=columns, seeds=2000)).reshape(-1, rows, columns)
    tall = found if rows >= columns else found.swapaxes(1, 2)
    unit = tall.swapaxes(1, 2) @ tall
    np.testing.assert_allclose(unit, np.broadcast_to(np.eye(min(shape)), unit.shape), atol=1e-9)
    # Every entry has mean 0 and mean square 1 / max: without the signs the diagonal would not.
    error = 1 / math.sqrt(len(found) * max(shape))
    assert np.abs(found.mean(axis=0)).max() < 5 * error
    assert np.abs(np.square(found).mean(axis=0) * max(shape) - 1).max() < 5 * math.sqrt(2 / len(found))


def test_the_rules_are_those_of_initlib():
    laws = rules()["initializers"]
    assert laws["he"]["fans"] == [0.5, 0]
    assert laws["keras"]["fans"] == [0.5, 0.5]
    assert laws["pytorch"] == {"law": "uniform", "fans": [3.0, 0.0], "biases": 1 / 3}
    assert rules()["critical"]["softplus"] is None


def test_every_epoch_visits_every_sample_once_in_a_new_order(engine):
    first, second = engine.call("orders", samples=50, size=16, seeds=[0, 1], takes=8)
    assert [len(batch) for batch in first] == [16, 16, 16, 2] * 2
    epochs = [np.concatenate(first[:4]), np.concatenate(first[4:]), np.concatenate(second[:4])]
    for epoch in epochs:
        assert sorted(epoch) == list(range(50))
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0], epochs[2])


@pytest.mark.parametrize("name", data.NAMES)
def test_data_arrive_as_they_were_sent(engine, name):
    found = engine.call("unpack", shipped=data.shipped()[name])
    split = data.get(name).split(0)
    inputs, labels = data.in_order(split)
    np.testing.assert_allclose([*found[0], *found[2]], inputs.ravel(), rtol=1e-6, atol=1e-7)
    assert [*found[1], *found[3]] == labels.tolist()
    assert len(found[1]) == len(split.train)


# ---- what is looked at


@pytest.mark.parametrize("shortcut", ["none", "scaled"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.filterwarnings("ignore")
def test_profiles_are_those_of_propagation(engine, activation, shortcut):
    settings = {**SETTINGS, "activation": activation, "shortcut": shortcut, "depth": 6}
    x, y = reference.data()
    x[3] = 0
    stack = reference.build(settings)
    parameters = [value.ravel() for value in reference.trained(stack.values, stack)]
    found = engine.call(
        "profile", settings=settings, inputs=x, labels=y, classes=reference.CLASSES, parameters=parameters
    )
    expected = propagation.measure(stack, x, y)
    np.testing.assert_allclose(found["rms"], expected.rms[0], rtol=1e-5)
    np.testing.assert_allclose(found["gradient"], expected.gradient_rms[0], rtol=1e-5)
    np.testing.assert_allclose(found["cosine"], expected.cosine[0], atol=1e-5)
    np.testing.assert_allclose(found["dead"], expected.dead[0][:-1], atol=1e-9)
    for bins, signal in zip(found["histograms"], stack.forward(x).pre, strict=True):
        counts = np.histogram(np.clip(signal[0], -4, 4 - 1e-9), 24, (-4, 4))[0]
        np.testing.assert_allclose(bins, counts / signal.size, atol=1.5 / signal.size)  # one at an edge


def test_decisions_are_the_chances_of_class_1(engine):
    settings = {**SETTINGS, "activation": "tanh", "normalisation": "batch"}
    x, y = reference.data(inputs=2, classes=2)
    stack = reference.build(settings, inputs=2, classes=2)
    parameters = [value.ravel() for value in reference.trained(stack.values, stack)]
    problem = {"settings": settings, "inputs": x, "labels": y, "classes": 2}
    found = engine.call("decisions", parameters=parameters, **problem)
    side = round(math.sqrt(len(found)))
    middles = 2.3 * ((np.arange(side) + 0.5) / side * 2 - 1)
    grid = np.array([(across, -down) for down in middles for across in middles])
    output = stack.forward(grid, evaluating=True).output[0]
    np.testing.assert_allclose(found, special.softmax(output, axis=1)[:, 1], atol=1e-5)
    assert np.ptp(found) > 0.2


def test_the_engine_pauses_behind_each_layer_that_is_drawn_and_each_step_of_a_net(engine):
    """So that a page whose nets train on its own thread can answer in between."""
    x, y = reference.data()
    settings = {**SETTINGS, "depth": 40, "seeds": 3}
    problem = {"settings": settings, "inputs": x, "labels": y, "classes": reference.CLASSES}
    drawing, training = engine.call("pauses", steps=10, **problem)
    assert drawing >= 3 * 40
    assert training >= 3 * 10


def test_updates_are_relative_to_the_weights_before(engine):
    x, y = reference.data()
    settings = {**SETTINGS, "optimizer": "momentum", "seeds": 2}
    problem = {"settings": settings, "inputs": x, "labels": y, "classes": reference.CLASSES}
    found = engine.call("updates", steps=5, **problem)
    expected = [
        np.linalg.norm(after - before) / np.linalg.norm(before)
        for before, after in zip(found["before"], found["after"], strict=True)
    ]
    np.testing.assert_allclose(found["updates"], expected, rtol=1e-4)
    assert min(expected) > 1e-4


@pytest.mark.parametrize(
    ("activation", "init", "bias"),
    [
        ("relu", "he", "zero"),
        ("leaky_relu", "lecun", "zero"),
        ("identity", "xavier", "zero"),
        ("relu", "he", "random"),
        ("tanh", "xavier", "zero"),
        ("gelu", "he", "random"),
        ("tanh", "orthogonal", "zero"),
    ],
)
def test_theory_is_that_of_propagation(engine, activation, init, bias):
    settings = {**SETTINGS, "activation": activation, "init": init, "bias": bias, "depth": 10, "width": 64}
    found = engine.call("theory", settings=settings, inputs=64, classes=64, q=1.0, c=0.2)
    sigma_w = math.sqrt(64 * expected_variance(init, activation, fans=(64, 64)))
    expected = propagation.predict(
        [64] * 11,
        activation,
        sigma_w=sigma_w,
        sigma_b=0.1 if bias == "random" else 0.0,
        ensemble="orthogonal" if init == "orthogonal" else "gaussian",
        cosine=0.2,
    )
    np.testing.assert_allclose(found["rms"], expected.rms, rtol=2e-3)
    np.testing.assert_allclose(found["gradient"], expected.gradient_rms, rtol=2e-3)
    np.testing.assert_allclose(found["cosine"], expected.cosine, atol=5e-3)
    close_bands(found["bands"]["rms"], expected.rms_band)
    assert (found["bands"]["gradient"] is None) == (expected.gradient_rms_band is None)
    if expected.gradient_rms_band is not None:
        close_bands(found["bands"]["gradient"], expected.gradient_rms_band)


def close_bands(found, expected):
    width = np.log(expected[1] / expected[0])
    np.testing.assert_allclose(np.log(np.array(found).T), np.log(expected), atol=0.1 * width.max())


def test_theory_of_shortcuts(engine):
    settings = {**SETTINGS, "activation": "relu", "bias": "zero", "depth": 10, "width": 64}
    for shortcut, scale in (("plain", 1.0), ("scaled", 0.5), ("zero_last", 0.0)):
        found = engine.call(
            "theory", settings={**settings, "shortcut": shortcut}, inputs=64, classes=10, q=0.5, c=0.2
        )
        expected = theory.residual_profile(4, "relu", 2**0.5, branch_scale=scale, q=1.0, c=0.2)
        np.testing.assert_allclose(found["rms"][:-1], np.sqrt(expected.q), rtol=1e-3)
        np.testing.assert_allclose(found["cosine"][:-1], expected.c, atol=5e-3)
        head = math.sqrt(10 / 64)
        np.testing.assert_allclose(found["gradient"][:-1], head * np.sqrt(expected.gradient), rtol=1e-3)


def test_no_theory_where_none_holds(engine):
    for changes in ({"init": "zeros"}, {"init": "constant"}, {"normalisation": "layer"}):
        settings = {**SETTINGS, **changes}
        assert engine.call("theory", settings=settings, inputs=64, classes=10, q=1.0, c=0.0) is None
