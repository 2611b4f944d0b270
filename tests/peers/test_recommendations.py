"""The code that `initlib.recommend` gives, run in its framework: it draws what the rule promises."""

import math
import re

import keras
import numpy as np
import pytest
import torch

from initlib import frameworks, recommend
from initlib.frameworks.laws import NORMS
from initlib.recommendation import RULES
from initlib.testing import assert_variance

WIDTH, STEPS = 128, 100
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def answer(rule):
    recurrent = {"steps": max(rule.steps[0], 20)} if rule.architecture in GATES else {}
    return recommend(
        activation=(rule.activations or ("tanh",))[0],
        architecture=rule.architecture,
        normalisation=(rule.normalisations or ("none",))[0],
        depth=max(rule.depths[0], min(8, rule.depths[1] or 8)),
        width=WIDTH,
        inputs=1000 if rule.parts[0].between[0] == "inputs" or "transformer" in rule.architecture else None,
        **recurrent,
    )


CASES = [
    pytest.param(found, part.name, framework, id=f"{rule.name}-{part.name}-{framework}")
    for rule in RULES
    for found in (answer(rule),)
    for part in found.parts
    for framework in frameworks.NAMES
]


def run(framework, found, name):
    """Run the code; return weights, bias and recurrent weights as inputs x outputs (kernels: taps first)."""
    torch.manual_seed(0)
    keras.utils.set_random_seed(0)
    space: dict = {}
    exec(found.code(framework, name), space)
    if found.part(name).layer == "factor":
        return np.asarray(space["factor"]), None, None
    if framework == "JAX":
        return tuple(
            None if space.get(n) is None else np.asarray(space[n]) for n in ("weights", "bias", "recurrent")
        )
    layer, part = space["layer"], found.part(name)
    if framework == "Keras":
        shape = found.shape(name)[0]
        if part.layer == "scalar":
            return np.asarray(layer), None, None
        if not layer.built:
            layer.build(input_shape(part, shape))
        values = [np.asarray(value, dtype=float) for value in layer.weights]
        if part.recurrent is not None:
            return values[0], values[2].sum(axis=0) if values[2].ndim > 1 else values[2], values[1]
        return values[0], values[1] if len(values) > 1 else None, None
    if part.layer == "scalar":
        return layer.detach().numpy(), None, None
    values = {key: value.detach().numpy() for key, value in layer.named_parameters()}
    if part.recurrent is not None:
        bias = values["bias_ih_l0"] + values["bias_hh_l0"]
        return values["weight_ih_l0"].T, bias, values["weight_hh_l0"].T
    weights = values["weight"]
    if part.layer not in ("embedding", *NORMS):
        weights = np.moveaxis(weights, (0, 1), (-1, -2))
    return weights, values.get("bias"), None


def input_shape(part, units):
    """Return the shape that Keras builds a layer for."""
    if part.layer == "embedding":
        return None
    pictures = ("conv", "pointwise", "depthwise", "batch_norm")
    between = (8, 8) if part.layer in pictures else (5,) if part.recurrent else ()
    return (None, *between, units)


def keep(values, law, number, weights=None):
    """Raise an AssertionError unless the values have the law."""
    if law.family in ("normal", "uniform"):
        assert_variance(values, number, kurtosis=3.0 if law.family == "normal" else 1.8)
    elif law.family == "constant":
        np.testing.assert_allclose(values, np.full_like(values, number), rtol=1e-6)
    elif law.family == "centring":
        np.testing.assert_allclose(values, -weights.sum(axis=0) / 2, rtol=1e-3, atol=1e-5)
    elif law.family == "old_mean":
        old, new = np.split(values, [len(values) - int(number)])
        np.testing.assert_allclose(new, np.broadcast_to(old.mean(axis=0), new.shape), atol=1e-6)
        assert np.abs(old - new[0]).max() > 0.01
    elif law.family == "identity":
        np.testing.assert_array_equal(values, np.eye(len(values)))
    elif law.family == "orthogonal" and values.shape[0] > values.shape[1]:
        np.testing.assert_allclose(values.T @ values, number**2 * np.eye(values.shape[1]), atol=1e-5)
    elif law.family == "orthogonal":
        for gate in np.split(values, values.shape[1] // values.shape[0], axis=1):
            np.testing.assert_allclose(gate @ gate.T, number**2 * np.eye(len(gate)), atol=1e-5)
    else:
        assert law.family == "delta_orthogonal"
        tap = values[1, 1]
        np.testing.assert_allclose(tap @ tap.T, number**2 * np.eye(len(tap)), atol=1e-5)
        assert np.count_nonzero(values) == np.count_nonzero(tap)


def keep_gates(bias, law, number):
    """Raise an AssertionError unless forget and input gate, in their order, have the biases of the law."""
    first, forget, *others = np.split(bias, 4)
    np.testing.assert_array_equal(np.concatenate(others), 0)
    if law.family == "forget":
        np.testing.assert_array_equal(first, 0)
        np.testing.assert_array_equal(forget, number)
    else:
        np.testing.assert_allclose(first, -forget)
        assert 0 <= forget.min() < forget.max() <= math.log(number)
        assert np.exp(forget).mean() == pytest.approx((1 + number) / 2, rel=0.25)


@pytest.mark.parametrize(("found", "name", "framework"), CASES)
def test_the_code_draws_what_the_rule_promises(found, name, framework):
    part, numbers = found.part(name), found.numbers(name)
    weights, bias, recurrent = run(framework, found, name)
    keep(weights, part.weights, numbers["weights"])
    if part.recurrent is not None:
        keep(recurrent, part.recurrent, numbers["recurrent"])
    if part.bias is None:
        assert bias is None
    elif part.bias.family in ("forget", "chrono"):
        keep_gates(bias, part.bias, numbers["bias"])
    elif part.bias.family in ("normal", "uniform"):
        many = np.concatenate([bias, *(run_again(framework, found, name, seed) for seed in range(1, 6))])
        keep(many, part.bias, numbers["bias"])
    else:
        keep(bias, part.bias, numbers["bias"], weights)


RATED = [case for case in CASES if case.values[0].part(case.values[1]).rate]


@pytest.mark.parametrize(("found", "name", "framework"), RATED)
def test_the_code_gives_the_learning_rates_of_the_rule(found, name, framework):
    part, numbers, space = found.part(name), found.numbers(name), {}
    exec(found.code(framework, name), space)
    biased = part.bias is not None
    if framework == "PyTorch":
        torch.optim.Adam(space["groups"])  # takes them
        rates = [group["lr"] for group in space["groups"]]
        [weights, *others] = [group["params"] for group in space["groups"]]
        assert weights[0] is space["layer"].weight
        assert [one[0] for one in others] == ([space["layer"].bias] if biased else [])
    elif framework == "Keras":
        rates = [float(space["optimizer"].learning_rate), *[space["rate"]] * biased]
    else:
        rates = list(space["rates"].values())
        assert list(space["rates"]) == ["weights", "bias"][: 1 + biased]
    assert rates == pytest.approx([space["rate"] * numbers["rate"], *[space["rate"]] * biased])


def run_again(framework, found, name, seed):
    code = re.sub(r"random\.key\(\d+\)", f"random.key({seed})", found.code(framework, name))
    torch.manual_seed(seed)
    keras.utils.set_random_seed(seed)
    space: dict = {}
    exec(code, space)
    if framework == "JAX":
        return np.asarray(space["bias"])
    if framework == "Keras":
        space["layer"].build((None, WIDTH))
    bias = space["layer"].bias
    return bias.detach().numpy() if framework == "PyTorch" else np.asarray(bias, dtype=float)


def test_code_of_another_law_breaks_the_promise():
    he, other = recommend(width=WIDTH), recommend(width=WIDTH, activation="tanh")
    weights, _, _ = run("PyTorch", other, "hidden layers")
    with pytest.raises(AssertionError):
        keep(weights, he.part().weights, he.numbers()["weights"])
