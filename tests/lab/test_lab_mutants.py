"""Classic mistakes, put into the engine: the comparison with initlib must notice every one."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import test_lab_engine as checks
from engine_in_browser import Engine


def fails(check: Callable[..., Any], *arguments: Any) -> None:
    try:
        check(*arguments)
    except AssertionError:
        return
    pytest.fail("the mistake was not noticed")


# What is wrong: {text in the engine: its replacement}, the check that must fail, its arguments.
GRADIENTS = checks.test_outputs_loss_and_gradients
STEP = checks.test_a_step
DRAWS = checks.test_draws_have_the_second_moment_promised
MUTANTS: dict[str, tuple[dict[str, str], Callable[..., Any], tuple[Any, ...]]] = {
    "variance without its factor": (
        {"scale ** 2 / (perIn * fanIn + perOut * fanOut)": "scale ** 2 / (fanIn)"},
        DRAWS,
        ("he", checks.FANS),
    ),
    "fans swapped": (
        {"perIn * fanIn + perOut * fanOut": "perIn * fanOut + perOut * fanIn"},
        DRAWS,
        ("he", checks.FANS),
    ),
    "an orthogonal matrix of half its size": (
        {"const norm = Math.sqrt(dot(v, v));": "const norm = 2 * Math.sqrt(dot(v, v));"},
        DRAWS,
        ("orthogonal", checks.FANS),
    ),
    "the scale is not used": (
        {"(scale * rules.critical[activation]) ** 2 / fanIn": "(rules.critical[activation]) ** 2 / fanIn"},
        DRAWS,
        ("critical", checks.FANS),
    ),
    "a QR whose signs are not fixed": (
        {
            "vectors[v + i] /= norm;": "vectors[v + i] /= norm;\n"
            "    const sign = Math.sign(vectors[v + v / length]);\n"
            "    for (let i = 0; i < length; i++) vectors[v + i] *= sign;"
        },
        checks.test_orthogonal_matrices_are_haar,
        ((6, 6),),
    ),
    "a truncated normal that is not widened": (
        {"/ 0.87962566103423978": ""},
        DRAWS,
        ("flax", checks.FANS),
    ),
    "a uniform law of the normal's width": (
        {"Math.sqrt(12) * (u - 0.5)": "2 * (u - 0.5)"},
        DRAWS,
        ("keras", checks.FANS),
    ),
    "one seed for all nets": (
        {"uniforms(seed, STREAM.weights, layer)": "uniforms(0, STREAM.weights, layer)"},
        checks.test_seeds_and_layers_differ_and_repeat,
        ("he",),
    ),
    "leaky ReLU whose slope is forgotten": (
        {"(x) => (x > 0 ? 1 : 0.01)": "(x) => (x > 0 ? 1 : 0)"},
        GRADIENTS,
        ("leaky_relu", "none", "none"),
    ),
    "GELU's slope without its second term": (
        {"(x ? y / x : 0.5) + x * normalDensity(x)]": "(x ? y / x : 0.5)]"},
        GRADIENTS,
        ("gelu", "none", "none"),
    ),
    "biases without a gradient": (
        {"sums[j] += floats[at++]": "at++"},
        GRADIENTS,
        ("relu", "none", "none"),
    ),
    "biases that are not added": (
        {"floats[at++] += floats[from + j]": "at++"},
        GRADIENTS,
        ("relu", "none", "none"),
    ),
    "a gradient that is summed, not averaged, over samples": (
        {"(share - (j === label ? 1 : 0)) / count": "share - (j === label ? 1 : 0)"},
        GRADIENTS,
        ("relu", "none", "none"),
    ),
    "weights that are not transposed on the way back": (
        {"y[to + j * toRow + i]": "y[to + i * toRow + j]"},
        GRADIENTS,
        ("tanh", "none", "none"),
    ),
    "a shortcut that lets no gradient through": (
        {"floats[x.grad + i] = floats[y.grad + i];": "floats[x.grad + i] = 0;"},
        GRADIENTS,
        ("relu", "none", "plain"),
    ),
    "a branch that overwrites the stream's gradient": (
        {"floats[x.grad + i] = adds ? floats[x.grad + i] + back : back;": "floats[x.grad + i] = back;"},
        GRADIENTS,
        ("relu", "none", "plain"),
    ),
    "branches that are not scaled": (
        {'shortcut === "scaled" ? blocks ** -0.5 : 1': "1"},
        GRADIENTS,
        ("relu", "none", "scaled"),
    ),
    "a normalisation whose mean has no gradient": (
        {"(inner - shifts[group] - normal[entry] * tilts[group])": "(inner - normal[entry] * tilts[group])"},
        GRADIENTS,
        ("relu", "layer", "none"),
    ),
    "a normalisation whose variance has no gradient": (
        {"(inner - shifts[group] - normal[entry] * tilts[group])": "(inner - shifts[group])"},
        GRADIENTS,
        ("relu", "batch", "none"),
    ),
    "batch and layer normalisation confused": (
        {'this.settings.normalisation === "batch"': 'this.settings.normalisation === "layer"'},
        GRADIENTS,
        ("relu", "batch", "none"),
    ),
    "running statistics of the biased variance": (
        {"(inverses[j] * count) / Math.max(count - 1, 1)": "inverses[j]"},
        STEP,
        ("sgd", "batch", "none"),
    ),
    "evaluation with the statistics of the batch": (
        {"if (evaluating) {": "if (false) {"},
        checks.test_a_hundred_steps,
        ("momentum", "batch", "none"),
    ),
    "Adam without its first correction": (
        {"rate / (1 - FIRST ** step)": "rate"},
        STEP,
        ("adam", "none", "none"),
    ),
    "Adam without its second correction": (
        {"1 / (1 - ADAM.second ** step)": "1"},
        STEP,
        ("adam", "none", "none"),
    ),
    "momentum that forgets": (
        {"FIRST * x[v + i] + rate * x[g + i]": "rate * x[g + i]"},
        checks.test_a_hundred_steps,
        ("momentum", "none", "none"),
    ),
    "an epoch that is not shuffled again": (
        {"this.order = shuffled(": "this.order ??= shuffled("},
        checks.test_every_epoch_visits_every_sample_once_in_a_new_order,
        (),
    ),
    "a picture of decisions upside down": (
        {"RANGE * (1 - ((row + 0.5) / GRID) * 2)": "RANGE * (((row + 0.5) / GRID) * 2 - 1)"},
        checks.test_decisions_are_the_chances_of_class_1,
        (),
    ),
    "a step relative to the weights after it": (
        {"size += floats[before + entry] ** 2;": "size += floats[net.at + entry] ** 2;"},
        checks.test_updates_are_relative_to_the_weights_before,
        (),
    ),
    "histograms of half the span": (
        {"(value + SPAN) / (2 * SPAN)": "(value + SPAN / 2) / SPAN"},
        checks.test_profiles_are_those_of_propagation,
        ("relu", "none"),
    ),
    "a band of the gradient that is not shifted": (
        {"- spread / (2 * n);": "+ spread / (2 * n);"},
        checks.test_theory_is_that_of_propagation,
        ("relu", "he", "zero"),
    ),
    "theory of the gradient with the fans swapped": (
        {"(next[2] * widths[layer + 1]) / widths[layer]": "(next[2] * widths[layer]) / widths[layer + 1]"},
        lambda engine: narrowing_theory(engine),
        (),
    ),
}


def narrowing_theory(engine: Engine) -> None:
    """The squared gradient of a net that narrows shrinks by chi n_out / n_in."""
    settings = {**checks.SETTINGS, "bias": "zero", "depth": 2, "width": 64}
    found = engine.call("theory", settings=settings, inputs=64, classes=16, q=1.0, c=0.0)
    np.testing.assert_allclose(found["gradient"], [math.sqrt(16 / 64), 1], rtol=1e-3)


def test_the_theory_of_a_net_that_narrows(engine):
    narrowing_theory(engine)


@pytest.mark.parametrize("mistake", MUTANTS)
def test_a_mistake_is_noticed(browser, engine, mistake):
    changes, check, arguments = MUTANTS[mistake]
    check(engine, *arguments)  # it passes without the mistake
    with browser.new_context() as context:
        fails(check, Engine(context.new_page(), changes), *arguments)
