"""Propagation: statistics against plain formulas, predictions against wide nets and published numbers."""

from functools import partial

import numpy as np
import pytest

from initlib import initializers, networks, propagation, theory
from initlib.networks import losses
from initlib.propagation import measure, predict


def gaussian(sigma_w, ensemble="gaussian"):
    if ensemble == "orthogonal":
        return partial(initializers.orthogonal, gain=sigma_w)
    return partial(initializers.variance_scaling, scale=sigma_w**2)


def biases(sigma_b):
    return partial(initializers.normal, std=sigma_b)


def noise(samples, units, seed=0):
    """Return inputs of mean square 1 with nearly orthogonal rows."""
    x = np.random.default_rng(seed).standard_normal((samples, units))
    return x / np.sqrt(np.square(x).mean(axis=1, keepdims=True))


# What is measured


def test_statistics_are_those_of_their_formulas():
    stack = networks.mlp((10, 16, 12, 4), "tanh", gaussian(1.5), seeds=[0, 1], bias_initializer=biases(0.2))
    x = noise(7, 10)
    labels = np.array([0, 1, 2, 3, 0, 1, 2])
    profile = measure(stack, x, labels)
    trace = stack.forward(x)
    top = losses.softmax(trace.output, np.stack([labels, labels]))[1] * 7
    gradients = stack.backward(trace, top)
    assert profile.rms.shape == profile.cosine.shape == (2, 3)
    assert profile.layers.tolist() == [1, 2, 3]
    for net in range(2):
        for layer in range(3):
            pre, gradient = trace.pre[layer][net], gradients.pre[layer][net]
            assert profile.rms[net, layer] == pytest.approx(np.sqrt((pre**2).mean()), rel=1e-12)
            assert profile.gradient_rms[net, layer] == pytest.approx(np.sqrt((gradient**2).mean()), rel=1e-12)
            rows = pre / np.linalg.norm(pre, axis=1, keepdims=True)
            cosines = (rows @ rows.T)[~np.eye(7, dtype=bool)]
            assert profile.cosine[net, layer] == pytest.approx(cosines.mean(), abs=1e-12)


def test_saturated_and_dead_units_are_counted():
    stack = networks.mlp((2, 4, 1), "relu", "zeros", seeds=[0])
    stack.weights[0][0] = [[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    stack.biases[0][0, 2] = -1.0
    profile = measure(stack, np.array([[1.0, 2.0], [-1.0, 2.0], [2.0, 2.0]]))
    assert profile.saturated[0].tolist() == [(1 + 2 + 3 + 0) / 12, 0.0]
    assert profile.dead[0].tolist() == [0.25, 0.0]
    tanh = networks.mlp((1, 3, 1), "tanh", "zeros", seeds=[0])
    tanh.weights[0][0, 0] = [10.0, 1.0, 0.1]
    saturated = measure(tanh, np.array([[1.0], [2.5]])).saturated[0, 0]
    assert saturated == (2 + 1 + 0) / 6  # slope 1 - tanh(2.5)^2 = 0.027 is below 0.05, that at 1 is not


def test_zero_signals_are_all_alike():
    stack = networks.mlp((5, 6, 3), "tanh", "zeros", seeds=[0])
    profile = measure(stack, noise(4, 5))
    assert profile.rms.tolist() == [[0.0, 0.0]]
    assert profile.cosine.tolist() == [[1.0, 1.0]]
    partly = np.array([[[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]]])
    assert propagation.cosine(partly).tolist() == [1 / 3]


def test_signals_far_from_one_are_measured_without_overflow():
    stack = networks.mlp([8] * 6, "identity", [gaussian(1e60), gaussian(1e-60)], seeds=[0, 0])
    profile = measure(stack, noise(4, 8))
    assert np.isfinite(profile.rms).all()
    np.testing.assert_allclose(np.log10(profile.rms[0, -1]) + np.log10(profile.rms[1, -1]), 0, atol=2)
    np.testing.assert_allclose(profile.cosine[0], profile.cosine[1], rtol=1e-9)
    assert (profile.gradient_rms > 0).all()


def test_gradients_without_labels_start_at_one_and_depend_on_the_seed_of_the_net():
    x = noise(40, 30)
    stack = networks.mlp((30, 30, 200), "relu", "he_normal", seeds=[5, 2])
    profile = measure(stack, x)
    np.testing.assert_allclose(profile.gradient_rms[:, -1], 1, rtol=0.03)
    assert profile.gradient_rms[0, -1] != profile.gradient_rms[1, -1]
    alone = measure(networks.mlp((30, 30, 200), "relu", "he_normal", seeds=[2]), x)
    for name in ("rms", "gradient_rms", "cosine", "saturated", "dead"):
        assert np.array_equal(getattr(alone, name)[0], getattr(profile, name)[1])


def test_the_profile_of_a_residual_stack_follows_its_stream():
    stack = networks.residual((64, 200, 10), 20, "relu", "he_normal", seeds=range(4), branch_scale=0.3)
    profile = measure(stack, noise(8, 64))
    assert profile.rms.shape == profile.gradient_rms.shape == (4, 22)
    predicted = theory.residual_profile(20, "relu", sigma_w=2**0.5, branch_scale=0.3)
    stream = (profile.rms / profile.rms[:, :1])[:, :-1]
    np.testing.assert_allclose(stream.mean(axis=0), predicted.q**0.5, rtol=0.1)
    gradient = (profile.gradient_rms / profile.gradient_rms[:, -2:-1])[:, :-1]
    np.testing.assert_allclose(gradient.mean(axis=0), predicted.gradient**0.5, rtol=0.1)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": noise(4, 5)}, ValueError, "x must have shape"),
        ({"x": noise(1, 6)}, ValueError, "at least 2 samples. Received: 1"),
        ({"labels": [0, 1, 2, 9]}, ValueError, "labels must lie in 0..2"),
        ({"labels": [0, 1]}, ValueError, r"labels must have shape \(4,\)"),
        ({"labels": [0, 1, 2, 1], "loss": "hinge"}, ValueError, "Unknown loss"),
        ({"flat": 1.0}, ValueError, "flat must be a finite number >= 0 and < 1"),
    ],
)
def test_measure_refuses_wrong_arguments(change, error, message):
    stack = networks.mlp((6, 5, 3), "relu", "he_normal", seeds=[0])
    with pytest.raises(error, match=message):
        measure(**{"network": stack, "x": noise(4, 6)} | change)


# What is predicted

SETTINGS = [
    ("relu", 2**0.5, 0.0),
    ("tanh", 1.5, 0.3),
    ("gelu", 1.4, 0.4),
    ("sigmoid", 3.0, 0.5),
    ("identity", 0.9, 0.2),
]


@pytest.mark.parametrize(("activation", "sigma_w", "sigma_b"), SETTINGS)
def test_wide_nets_follow_the_prediction(activation, sigma_w, sigma_b):
    widths = [500] * 6
    stack = networks.mlp(
        widths, activation, gaussian(sigma_w), seeds=range(8), bias_initializer=biases(sigma_b)
    )
    x = noise(15, 500)
    measured = measure(stack, x)
    predicted = predict(widths, activation, sigma_w=sigma_w, sigma_b=sigma_b)
    low, high = np.log(predicted.rms_band)  # its centre holds the shift by finite width
    error = np.log(measured.rms).mean(axis=0) - (low + high) / 2
    assert (np.abs(error) < 3 * (high - low) / 4 / 8**0.5).all()
    assert (np.abs(error) < 0.08).all()
    np.testing.assert_allclose(measured.gradient_rms.mean(axis=0), predicted.gradient_rms, rtol=0.08)
    np.testing.assert_allclose(measured.cosine.mean(axis=0), predicted.cosine, atol=0.03)
    np.testing.assert_allclose(measured.saturated.mean(axis=0), predicted.saturated, atol=0.02)
    assert predicted.dead is None


def test_gradients_scale_with_the_ratio_of_widths():
    widths = (100, 400, 100, 400, 100)
    stack = networks.mlp(widths, "relu", "he_normal", seeds=range(40))
    measured = measure(stack, noise(10, 100)).gradient_rms
    predicted = predict(widths, "relu", sigma_w=2**0.5, output_gradient_rms=1.0).gradient_rms
    np.testing.assert_allclose(predicted, [0.5, 1.0, 0.5, 1.0], rtol=1e-12)
    np.testing.assert_allclose(measured.mean(axis=0), predicted, rtol=0.06)


def test_published_values_come_out():
    relu = predict([100] * 101, "relu", sigma_w=2**0.5)
    published = {2: 1 / np.pi, 6: 0.73594635, 11: 0.87153552, 31: 0.97201087}  # Cho & Saul's map, iterated
    for layer, value in published.items():
        assert relu.cosine[layer - 1] == pytest.approx(value, abs=1e-8)
    tanh = predict([100] * 101, "tanh", sigma_w=1.0)
    assert 2 * 100 * tanh.rms[100 - 1] ** 2 == pytest.approx(1.0138, abs=0.03)  # q_l ~ 1 / 2l
    xavier = predict([100] * 22, "relu", sigma_w=1.0)
    assert xavier.gradient_rms[0] == pytest.approx(2**-10, rel=1e-9)  # 2^(-(L - 1) / 2)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("activation", "sigma_w", "ensemble"),
    [("relu", 2**0.5, "gaussian"), ("tanh", 1.2, "gaussian"), ("relu", 2**0.5, "orthogonal")],
)
def test_the_bands_hold_about_95_percent_of_single_nets(activation, sigma_w, ensemble):
    widths = [60] * 16
    stack = networks.mlp(widths, activation, gaussian(sigma_w, ensemble), seeds=range(400))
    x = noise(400, 60)[:, None]  # one input, and one output gradient, for each net
    trace = stack.forward(x)
    rms = np.stack([np.sqrt(np.square(pre).mean(axis=(1, 2))) for pre in trace.pre], axis=1)
    profile = predict(widths, activation, sigma_w=sigma_w, ensemble=ensemble)
    first = 1 if ensemble == "orthogonal" else 0  # the first layer keeps the norm exactly: no band
    assert_about_95_percent_inside(rms[:, first:], profile.rms_band[:, first:])
    if activation == "relu" and ensemble == "gaussian":
        gradients = stack.backward(trace, noise(400, 60, seed=1)[:, None])
        sizes = np.stack([np.sqrt(np.square(pre).mean(axis=(1, 2))) for pre in gradients.pre], axis=1)
        assert_about_95_percent_inside(sizes[:, :-1], profile.gradient_rms_band[:, :-1])
    else:
        assert profile.gradient_rms_band is None


def assert_about_95_percent_inside(values, band):
    inside = ((values > band[0]) & (values < band[1])).mean(axis=0)
    assert inside.min() > 0.91
    assert inside.max() < 0.99


def test_extreme_scales_are_predicted_too():
    loud, quiet = (predict([64] * 51, "relu", sigma_w=s) for s in (8.0, 0.05))
    assert np.isfinite(loud.rms).all()
    assert loud.rms[-1] == pytest.approx(8 * 32**24.5, rel=1e-9)
    assert quiet.rms[-1] == pytest.approx(0.05 * (0.05**2 / 2) ** 24.5, rel=1e-9)
    assert (quiet.gradient_rms_band > 0).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"widths": [5]}, ValueError, "widths needs at least 2"),
        ({"activation": "rellu"}, ValueError, "Did you mean 'relu'"),
        ({"activation": lambda x: x / 2}, ValueError, "derivative"),
        ({"sigma_w": -1.0}, ValueError, "sigma_w must be a finite number >= 0"),
        ({"sigma_b": np.nan}, ValueError, "sigma_b must be a finite number"),
        ({"ensemble": "uniform"}, ValueError, "Unknown ensemble"),
        ({"q": 0.0}, ValueError, "q must be a finite number >= 1e-300"),
        ({"cosine": 1.1}, ValueError, "cosine must be a finite number >= -1 and <= 1"),
        ({"sigma_w": 0.0}, ValueError, "vanish"),
        ({"output_gradient_rms": 0.0}, ValueError, "output_gradient_rms must be"),
    ],
)
def test_predict_refuses_wrong_arguments(change, error, message):
    with pytest.raises(error, match=message):
        predict(**{"widths": [5, 5, 5], "activation": "relu", "sigma_w": 1.0} | change)
