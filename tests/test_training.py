"""Training: the arithmetic of every optimizer, independence of stack and threads, divergence, refusals."""

import threading
from functools import partial

import numpy as np
import pytest

from initlib import activations, datasets, initializers, networks, streams, training
from initlib.datasets import Dataset
from initlib.networks import convolutional, losses, lstm, mlp, residual
from initlib.training import chunk, fitting
from initlib.training.optimizers import get
from initlib.training.schedules import warmup_cosine

CURVES = ("loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy")


def scaled(gain):
    return partial(initializers.variance_scaling, scale=2 * gain**2)


def blobs(samples=90, features=6, classes=3, shape=None):
    rng = np.random.default_rng(0)
    labels = rng.integers(classes, size=samples)
    inputs = rng.standard_normal((classes, features))[labels] + 0.5 * rng.standard_normal((samples, features))
    return Dataset("blobs", inputs if shape is None else inputs.reshape(samples, *shape), labels, classes)


def assert_same(one, other, nets):
    """Check that `one` holds, bit for bit, the results of these nets of `other`."""
    for name in CURVES:
        first, second = getattr(one, name), getattr(other, name)
        assert (first is None) == (second is None)
        if first is not None:
            assert np.array_equal(first, second[nets])
    assert np.array_equal(one.diverged_at, other.diverged_at[nets])
    for value, whole in zip(one.network.values, other.network.values, strict=True):
        assert np.array_equal(value, whole[nets], equal_nan=True)


BUILDERS = {
    "mlp": (lambda seeds: mlp((6, 9, 9, 3), "relu", "he_normal", seeds=seeds), None),
    "gelu": (lambda seeds: mlp((6, 9, 3), "gelu", "he_normal", seeds=seeds), None),
    "wide": (lambda seeds: mlp((6, 150, 150, 3), "tanh", "glorot_normal", seeds=seeds), None),
    "batch norm": (
        lambda seeds: mlp((6, 9, 9, 3), "relu", "he_normal", seeds=seeds, normalisation="batch"),
        None,
    ),
    "residual": (
        lambda seeds: residual((6, 9, 3), 3, "relu", "he_normal", seeds=seeds, variant="fixup"),
        None,
    ),
    "pre-norm": (
        lambda seeds: residual((6, 9, 3), 3, "relu", "he_normal", seeds=seeds, variant="pre_norm"),
        None,
    ),
    "lstm": (lambda seeds: lstm((2, 5, 3), seeds=seeds), (3, 2)),
    "convolutional": (
        lambda seeds: convolutional((2, 4, 3), 3, "relu", "he_normal", seeds=seeds),
        (3, 2),
    ),
}


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_net_alone_is_trained_as_the_same_net_inside_a_stack(name, optimizer, monkeypatch):
    build, shape = BUILDERS[name]
    data, seeds = blobs(shape=shape), [4, 8, 4, 1, 0]
    rates = np.array([0.01, 0.02, 0.03, 0.01, 0.02])
    settings = {
        "optimizer": optimizer,
        "epochs": 3,
        "batch_size": 16,
        "validation": 0.1,
        "weight_decay": 0.01,
    }
    whole = training.fit(build(seeds), data, learning_rate=rates, threads=1, **settings)
    for net, seed in enumerate(seeds):
        alone = training.fit(build([seed]), data, learning_rate=rates[net], threads=1, **settings)
        assert_same(alone, whole, [net])
    for size, threads in ((1, 2), (2, 1), (3, 3), (64, 2)):
        monkeypatch.setattr(fitting, "CHUNK", size)
        again = training.fit(build(seeds), data, learning_rate=rates, threads=threads, **settings)
        assert_same(again, whole, range(5))


@pytest.mark.parametrize(
    ("net", "given", "expected"),
    [
        (mlp((6, 9, 3), "relu", "he_normal", seeds=range(5)), None, 1),
        (mlp((6, 9, 3), "relu", "he_normal", seeds=range(5)), 3, 3),
        (mlp((6, 400, 3), "relu", "he_normal", seeds=range(20)), None, 4),
    ],
)
def test_threads_that_would_wait_for_each_other_are_not_started(net, given, expected, monkeypatch):
    started = []

    class Pool(fitting.ThreadPoolExecutor):
        def __init__(self, threads):
            started.append(threads)
            super().__init__(threads)

    monkeypatch.setattr(fitting, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(fitting, "_processors", lambda: 4)
    training.fit(net, blobs(), epochs=1, batch_size=20, threads=given)
    assert started == [expected]


def reference(network, data, net, *, optimizer, rate, strength, decay, epochs, batch_size, schedule=None):
    """Train one net in the plainest way, parameter by parameter, and return its parameters and losses.

    `schedule` gives the factor of the learning rate in each step, counted from 0.
    """
    single = network.take([net])
    seed = single.seeds[0]
    part = data.split(seed).train
    orders = streams.generator(seed, streams.ORDER)
    memory = [(np.zeros_like(v), np.zeros_like(v)) for v in single.values]
    steps, curve = 0, []
    constant = rate
    for _ in range(epochs):
        order, total = orders.permutation(len(part)), 0.0
        for first in range(0, len(part), batch_size):
            chosen = order[first : first + batch_size]
            trace = single.forward(part.inputs[chosen])
            loss, top = losses.softmax(trace.output, part.labels[chosen][None])
            total += loss.item() * len(chosen)
            rate = constant if schedule is None else constant * schedule(steps)
            steps += 1
            gradients = single.backward(trace, top).values
            for slot, (value, gradient) in enumerate(zip(single.values, gradients, strict=True)):
                family = "adam" if optimizer == "adam" else "sgd"
                factor = single.parameters[slot].factors.get(family, 1.0)
                lr, shrinking = rate * factor, strength / factor
                d = shrinking if single.parameters[slot].kind == "weight" else 0.0
                old = value.copy()
                if decay == "l2":
                    gradient = gradient + d * old
                elif decay == "l1":
                    gradient = gradient + d * np.sign(old)
                first_moment, second_moment = memory[slot]
                if optimizer == "sgd":
                    change = gradient
                elif optimizer == "momentum":
                    # with a schedule, the rate of its own step stays in each gradient
                    first_moment[...] = 0.9 * first_moment + lr * gradient
                    change = first_moment / lr
                else:
                    first_moment[...] = 0.9 * first_moment + 0.1 * gradient
                    second_moment[...] = 0.999 * second_moment + 0.001 * gradient**2
                    corrected = np.sqrt(second_moment / (1 - 0.999**steps)) + 1e-8
                    change = first_moment / (1 - 0.9**steps) / corrected
                value -= lr * change + (lr * d * old if decay == "decoupled" else 0)
        curve.append(total / len(part))
    return single.values, curve


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("decay", ["l2", "l1", "decoupled"])
@pytest.mark.parametrize("parametrisation", [{}, {"parametrisation": "mup", "base_width": 4}])
def test_optimizers_do_what_their_formulas_say(optimizer, decay, parametrisation):
    data = blobs()
    network = mlp((6, 8, 8, 3), "tanh", "he_normal", seeds=[3, 7], **parametrisation)
    rates, strengths = [0.01, 0.05], [0.1, 0.02]
    settings = {"optimizer": optimizer, "decay": decay, "epochs": 3, "batch_size": 20}
    result = training.fit(
        network, data, learning_rate=rates, weight_decay=strengths, dtype=np.float64, **settings
    )
    for net in range(2):
        values, curve = reference(network, data, net, rate=rates[net], strength=strengths[net], **settings)
        np.testing.assert_allclose(result.loss[net], curve, rtol=1e-9)
        for trained, expected in zip(result.network.values, values, strict=True):
            np.testing.assert_allclose(trained[net], expected[0], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("decay", ["l2", "decoupled"])
def test_a_schedule_multiplies_the_rate_of_every_step(optimizer, decay):
    data = blobs(samples=100)  # 80 to train on: 5 steps an epoch, the last of them with fewer samples
    network = mlp((6, 8, 8, 3), "tanh", "he_normal", seeds=[3, 7])
    settings = {"optimizer": optimizer, "decay": decay, "epochs": 4, "batch_size": 18}
    result = training.fit(
        network,
        data,
        learning_rate=0.05,
        weight_decay=0.1,
        schedule="warmup_cosine",
        dtype=np.float64,
        **settings,
    )

    def factor(step):  # 2 of 20 steps warm up
        return (step + 1) / 2 if step < 2 else np.cos(np.pi / 2 * (step - 2) / 18) ** 2

    for net in range(2):
        values, curve = reference(network, data, net, rate=0.05, strength=0.1, schedule=factor, **settings)
        np.testing.assert_allclose(result.loss[net], curve, rtol=1e-9)
        for trained, expected in zip(result.network.values, values, strict=True):
            np.testing.assert_allclose(trained[net], expected[0], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("steps", [1, 2, 9, 19, 20, 237])
def test_the_schedule_rises_for_a_tenth_of_the_steps_then_falls_without_a_wasted_one(steps):
    factors = np.array([warmup_cosine(step, steps) for step in range(1, steps + 1)])
    warmup = max(1, steps // 10)
    np.testing.assert_allclose(factors[:warmup], np.arange(1, warmup + 1) / warmup, rtol=1e-15)
    assert factors[warmup - 1] == 1
    assert (np.diff(factors[warmup:]) < 0).all()
    assert (factors > 0).all()
    assert steps < 9 or factors[-1] < 0.05
    falling = steps - warmup  # a cosine is odd about its middle
    np.testing.assert_allclose(
        factors[warmup + 1 :] + factors[warmup + 1 :][::-1], np.ones(max(falling - 1, 0))
    )


def test_a_net_with_a_schedule_is_trained_alone_as_in_a_stack_where_another_diverges():
    stack = mlp((6, 8, 8, 3), "relu", "he_normal", seeds=[0, 1, 2])
    settings = {
        "optimizer": "adam",
        "schedule": "warmup_cosine",
        "decay": "decoupled",
        "weight_decay": 0.01,
        "epochs": 3,
        "batch_size": 10,
    }
    whole = training.fit(stack, blobs(), learning_rate=[0.01, 1e38, 0.02], threads=1, **settings)
    assert whole.diverged.tolist() == [False, True, False]
    for net, rate in ((0, 0.01), (2, 0.02)):
        alone = training.fit(stack.take([net]), blobs(), learning_rate=rate, threads=1, **settings)
        assert_same(alone, whole, [net])


def test_an_activation_is_known_by_its_function_not_by_its_name():
    steep = activations.Activation(
        "tanh", lambda x: 1.7159 * np.tanh(2 * x / 3), lambda x: 1.7159 * 2 / 3 / np.cosh(2 * x / 3) ** 2
    )
    stack = mlp((6, 8, 3), steep, "he_normal", seeds=[0])
    result = training.fit(stack, blobs(), epochs=2, batch_size=20, learning_rate=0.05, dtype=np.float64)
    settings = {"optimizer": "sgd", "strength": 0.0, "decay": "l2", "epochs": 2, "batch_size": 20}
    _, curve = reference(stack, blobs(), 0, rate=0.05, **settings)
    np.testing.assert_allclose(result.loss[0], curve, rtol=1e-9)


def test_nets_learn_digits():
    stack = mlp((64, 64, 10), "relu", "he_normal", seeds=range(3))
    result = training.fit(stack, datasets.digits(), learning_rate=0.1, epochs=8)
    assert result.loss.shape == result.test_accuracy.shape == (3, 8)
    assert (result.test_accuracy[:, -1] > 0.93).all()
    assert (result.train_accuracy[:, -1] > 0.96).all()
    assert (result.loss[:, -1] < 0.2).all()
    assert result.validation_loss is None
    assert result.network.dtype == np.float32


def test_an_lstm_with_open_gates_learns_to_remember_and_one_with_closed_gates_does_not():
    stack = lstm((1, 8, 2), seeds=[0, 1, 0, 1], forget_bias=[2.0, 2.0, -2.0, -2.0])
    data = datasets.latch(16, samples=512)
    result = training.fit(stack, data, optimizer="adam", learning_rate=0.02, epochs=12)
    assert (result.test_accuracy[:2, -1] > 0.95).all()
    assert (result.test_accuracy[2:, -1] < 0.7).all()


@pytest.mark.parametrize("variant", ["scaled", "fixup", "skipinit", "rezero", "zero_last", "pre_norm"])
def test_deep_residual_stacks_learn(variant):
    stack = residual((64, 32, 10), 16, "relu", "he_normal", seeds=[0], variant=variant)
    result = training.fit(stack, datasets.digits(), learning_rate=0.03, optimizer="momentum", epochs=4)
    assert result.test_accuracy[0, -1] > 0.85


def test_batch_norm_is_evaluated_with_its_running_statistics():
    stack = mlp((64, 32, 10), "relu", "he_normal", seeds=[0], normalisation="batch")
    result = training.fit(stack, datasets.digits(), learning_rate=0.2, epochs=6)
    test = datasets.digits().split(0).test
    loss, accuracy = training.evaluate(result.network, test.inputs, test.labels)
    np.testing.assert_allclose(result.test_accuracy[:, -1], accuracy, atol=1e-6)
    np.testing.assert_allclose(result.test_loss[:, -1], loss, rtol=1e-4)
    assert accuracy > 0.9
    one_class = test.labels == 3  # alone they would be normalised quite differently
    _, accuracy = training.evaluate(result.network, test.inputs[one_class], test.labels[one_class])
    assert accuracy > 0.8


def test_losses_for_classes_and_real_targets():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((200, 4))
    line = Dataset("line", inputs, inputs @ [1.0, -2.0, 0.5, 0.0])
    fit = training.fit(mlp((4, 1), "relu", "zeros", seeds=[0]), line, loss="squared", epochs=40)
    assert fit.test_loss[0, -1] < 1e-3
    assert fit.test_accuracy is None
    assert fit.train_accuracy is None
    halves = Dataset("halves", inputs, (inputs[:, 0] > 0).astype(int), 2)
    for loss, outputs in (("logistic", 1), ("squared", 2), ("softmax", 2)):
        stack = mlp((4, outputs), "relu", "zeros", seeds=[0])
        fit = training.fit(stack, halves, loss=loss, epochs=40, learning_rate=0.2)
        assert fit.test_accuracy[0, -1] > 0.9


def test_curves_are_what_they_are_said_to_be():
    data = blobs()
    stack = mlp((6, 8, 3), "relu", "he_normal", seeds=[0, 1])
    result = training.fit(stack, data, epochs=2, validation=0.2, learning_rate=0.0, dtype=np.float64)
    split = data.split(0, validation=0.2)
    for name, part in (("train", split.train), ("validation", split.validation), ("test", split.test)):
        loss, accuracy = training.evaluate(stack.take([0]), part.inputs, part.labels)
        measured = result.loss if name == "train" else getattr(result, f"{name}_loss")
        np.testing.assert_allclose(measured[0], loss.repeat(2), rtol=1e-12)
        np.testing.assert_allclose(getattr(result, f"{name}_accuracy")[0], accuracy.repeat(2), rtol=1e-12)


def test_a_split_serves_all_nets():
    data = blobs()
    stack = mlp((6, 8, 3), "relu", "he_normal", seeds=[0, 5])
    own, shared = training.fit(stack, data, epochs=2), training.fit(stack, data.split(0), epochs=2)
    assert np.array_equal(own.loss[0], shared.loss[0])
    assert not np.array_equal(own.loss[1], shared.loss[1])


def test_the_network_given_is_not_changed():
    stack = mlp((6, 8, 3), "relu", "he_normal", seeds=[0, 1])
    before = [value.copy() for value in stack.values]
    for dtype in (np.float32, np.float64):
        training.fit(stack, blobs(), epochs=2, dtype=dtype)
    for value, old in zip(stack.values, before, strict=True):
        assert np.array_equal(value, old)


def test_no_epochs_give_empty_curves_and_the_network_as_it_was():
    stack = mlp((6, 8, 3), "relu", "he_normal", seeds=[0, 1])
    result = training.fit(stack, blobs(), epochs=0, dtype=np.float64)
    assert result.loss.shape == (2, 0)
    assert np.array_equal(result.network.weights[0], stack.weights[0])


# Divergence


def test_diverging_nets_are_marked_and_frozen_while_the_rest_goes_on():
    data = blobs()
    settings = {
        "learning_rate": [0.05, 1e30, 0.05, 0.05],
        "weight_decay": [0.0, 0.0, 0.0, 100.0],  # multiplies the weights of the last net by -4 in every step
        "decay": "decoupled",
        "batch_size": 10,
        "threads": 1,  # one chunk: the nets are neighbours
    }
    inits = [scaled(1.0), scaled(1.0), scaled(3.0), scaled(1.0)]
    stack = mlp((6, 8, 8, 3), "relu", inits, seeds=[0, 1, 2, 3])
    result = training.fit(stack, data, epochs=6, **settings)
    assert result.diverged.tolist() == [False, True, False, True]
    assert result.diverged_at[1] == 0
    assert 0 < result.diverged_at[3] < 5
    assert np.isfinite(result.loss[3, : result.diverged_at[3]]).all()
    for net in (1, 3):
        at = result.diverged_at[net]
        assert np.isinf(result.loss[net, at:]).all()
        assert np.isinf(result.test_loss[net, at:]).all()
        assert not result.test_accuracy[net, at:].any()
        assert not result.train_accuracy[net, at:].any()
        shorter = training.fit(stack, data, epochs=int(at) + 1, **settings)
        for value, earlier in zip(result.network.values, shorter.network.values, strict=True):
            assert np.array_equal(value[net], earlier[net], equal_nan=True)
    assert np.isfinite(result.loss[[0, 2]]).all()
    healthy = training.fit(stack.take([0, 2]), data, learning_rate=0.05, epochs=6, batch_size=10)
    assert_same(healthy, result, [0, 2])


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_neighbour_that_diverges_changes_nothing(optimizer):
    data = blobs()
    stack = mlp((6, 8, 8, 3), "relu", "he_normal", seeds=[0, 1, 2])
    settings = {
        "optimizer": optimizer,
        "epochs": 3,
        "batch_size": 10,
        "dtype": np.float32,
        "weight_decay": 1e-3,
        "threads": 1,  # one chunk: the nets are neighbours
    }
    whole = training.fit(stack, data, learning_rate=[0.01, 1e30, 0.02], **settings)
    assert whole.diverged.tolist() == [False, True, False]
    rest = training.fit(stack.take([0, 2]), data, learning_rate=[0.01, 0.02], **settings)
    assert_same(rest, whole, [0, 2])


def test_when_all_nets_diverge_the_fit_still_ends():
    stack = mlp((6, 8, 8, 3), "relu", "he_normal", seeds=[0, 1])
    result = training.fit(stack, blobs(), learning_rate=1e30, epochs=3)
    assert result.diverged.all()
    assert np.isinf(result.loss).all()


def test_parameters_that_overflow_in_the_last_step_count_as_diverged():
    stack = mlp((6, 8, 3), "relu", "he_normal", seeds=[0])
    result = training.fit(stack, blobs(), learning_rate=1e38, weight_decay=1e38, epochs=1, batch_size=1000)
    assert result.diverged_at.tolist() == [0]
    assert np.isinf(result.loss).all()


# Threads


def test_an_error_in_one_thread_stops_the_others(monkeypatch):
    started, ended = [], []
    train = chunk.Chunk._train

    def failing(chunk, epoch, x, y, stop):
        started.append(epoch)
        if chunk.network.seeds[0] == 0:
            raise KeyboardInterrupt
        assert stop.wait(20)
        train(chunk, epoch, x, y, stop)
        ended.append(epoch)

    monkeypatch.setattr(chunk.Chunk, "_train", failing)
    before = threading.active_count()  # libraries that other tests used may keep threads of their own
    with pytest.raises(KeyboardInterrupt):
        training.fit(mlp((6, 3), "relu", "zeros", seeds=[0, 1]), blobs(), epochs=50, threads=2)
    assert len(started) <= 2
    assert len(ended) <= 1
    assert threading.active_count() == before


# Bad input

GOOD = {"dataset": blobs(), "epochs": 1}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"dataset": blobs(classes=4)}, ValueError, "labels must lie in 0..2. Received labels from 0 to 3"),
        ({"dataset": blobs(features=5)}, ValueError, r"x must have shape \(samples, 6\)"),
        ({"dataset": blobs(shape=(3, 2))}, ValueError, "x must have shape"),
        ({"dataset": np.ones((3, 6))}, TypeError, "dataset must be a Dataset or a Split. Received: ndarray"),
        (
            {"dataset": Dataset("line", np.ones((9, 6)), np.ones(9)), "standardise": False},
            TypeError,
            "integer labels",
        ),
        ({"learning_rate": [0.1, 0.2, 0.3]}, ValueError, "one number or one for each of 2 nets. Received: 3"),
        ({"learning_rate": -0.1}, ValueError, "learning_rate must be a finite number >= 0"),
        ({"learning_rate": [0.1, np.nan]}, ValueError, r"learning_rate\[1\] must be a finite number"),
        ({"learning_rate": "fast"}, TypeError, "learning_rate must be a finite number"),
        ({"weight_decay": [1e-3]}, ValueError, "weight_decay must be one number or one for each of 2 nets"),
        ({"optimizer": "adamw"}, ValueError, "Unknown optimizer. Received: 'adamw'; choose one of 'sgd'"),
        ({"loss": "hinge"}, ValueError, "Unknown loss"),
        ({"loss": "logistic"}, ValueError, "single output"),
        ({"decay": "l3"}, ValueError, "Unknown decay"),
        ({"schedule": "cosine"}, ValueError, "Unknown schedule. Received: 'cosine'; choose one of 'warmup"),
        ({"schedule": 0.1}, TypeError, "Unknown schedule"),
        ({"epochs": -1}, ValueError, "epochs must be an integer >= 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be an integer >= 1"),
        ({"momentum": 1.0}, ValueError, "momentum must be a finite number >= 0 and < 1"),
        ({"test": 1.5}, ValueError, "test must be a finite number"),
        ({"threads": 0}, ValueError, "threads must be an integer >= 1"),
        ({"dtype": int}, TypeError, "floating-point"),
    ],
)
def test_fit_refuses_wrong_arguments(change, error, message):
    stack = mlp((6, 8, 3), "relu", "he_normal", seeds=[0, 1])
    with pytest.raises(error, match=message):
        training.fit(stack, **GOOD | change)


def test_fit_refuses_an_activation_without_derivative_and_an_empty_training_part():
    with pytest.raises(ValueError, match="derivative"):
        training.fit(mlp((6, 8, 3), lambda x: x / 2, "he_normal", seeds=[0]), blobs())
    empty = datasets.Part(np.empty((0, 6)), np.empty(0, int))
    with pytest.raises(ValueError, match="no samples to train on"):
        training.fit(mlp((6, 3), "relu", "zeros", seeds=[0]), datasets.Split(empty, empty, empty, 0.0, 1.0))


def test_evaluate_refuses_what_is_not_a_class():
    stack = mlp((6, 3), "relu", "zeros", seeds=[0])
    with pytest.raises(TypeError, match="labels must be classes"):
        training.evaluate(stack, np.ones((2, 6)), np.ones((2, 3)), loss="squared")


def test_unknown_optimizers_are_named():
    with pytest.raises(ValueError, match="Did you mean 'adam'"):
        get("Adam")


def test_equal_outputs_count_once():
    stack = mlp((4, 3), "relu", "zeros", seeds=[0])
    _, accuracy = training.evaluate(stack, np.ones((6, 4)), [0, 1, 2, 0, 1, 2])
    assert accuracy.item() == pytest.approx(1 / 3)


def test_outputs_that_are_not_finite_are_wrong():
    assert not chunk.hits(np.array([[[np.nan, 0.0], [np.inf, 0.0]]]), np.array([[0, 0]])).any()


def test_a_transformer_learns_to_predict_the_next_character():
    data = datasets.unicode_names(8)
    shape = (len(datasets.ALPHABET), 16, 32)
    stack = networks.transformer(shape, 1, "relu", "lecun_normal", seeds=[0, 1], context=8)
    cut = {"train_samples": 1600, "test": 0.05, "validation": 0.05, "standardise": False}
    result = training.fit(stack, data, optimizer="adam", learning_rate=0.01, epochs=1, batch_size=8, **cut)
    labels = data.labels.astype(int)
    most_frequent = np.bincount(labels.ravel()).max() / labels.size
    assert (result.test_accuracy > most_frequent + 0.05).all()
    assert (result.test_accuracy < 1).all()
    test = data.split(0, **cut).test
    loss, accuracy = training.evaluate(result.network.take([0]), test.inputs, test.labels)
    np.testing.assert_allclose(loss, result.test_loss[0], rtol=1e-5)
    np.testing.assert_allclose(accuracy, result.test_accuracy[0], rtol=1e-5)


def test_labels_of_a_transformer_have_an_entry_for_each_position():
    stack = networks.transformer((5, 4, 4), 1, "relu", "lecun_normal", seeds=[0], context=8)
    data = Dataset("one label each", np.zeros((20, 8)), np.zeros(20, int))
    with pytest.raises(ValueError, match=r"labels must have shape \(16, 8\) .* Received: \(16,\)"):
        training.fit(stack, data, standardise=False)
