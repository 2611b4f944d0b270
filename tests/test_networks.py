"""Networks: exact gradients of every block type, independence of the stack, and clear refusals."""

import numpy as np
import pytest

from initlib import activations, initializers, networks
from initlib.networks import Chrono, convolutional, losses, low_rank, lstm, mlp, residual, roles, transformer
from initlib.networks.building import Builder
from initlib.networks.layers import Activate, Dense, Workspace, product, run_backward, run_forward
from initlib.networks.residual import Residual

SEEDS = (3, 11)


def normal(std):
    return lambda shape, rng, dtype: initializers.normal(shape, std=std, rng=rng, dtype=dtype)


def residual_stack(**settings):
    settings = {"seeds": SEEDS, "bias_initializer": normal(0.1)} | settings
    return residual((5, 6, 3), 3, "tanh", "glorot_normal", **settings)


def transformer_stack(**settings):
    settings = {"seeds": SEEDS, "context": 5, "heads": 2} | settings
    return transformer((VOCABULARY, 6, 8), 2, "tanh", "lecun_normal", **settings)


VECTOR, SEQUENCE, LINE, IMAGE, TOKENS = (7, 5), (4, 6, 2), (4, 5, 2), (3, 4, 3, 2), (3, 5)
VOCABULARY = 7
STACKS = {
    **{
        f"mlp {name}": (
            lambda name=name: mlp(
                (5, 8, 4, 3), name, "glorot_normal", seeds=SEEDS, bias_initializer=normal(0.3)
            ),
            VECTOR,
        )
        for name in activations.names()
    },
    "mlp batch norm": (
        lambda: mlp((5, 8, 6, 3), "tanh", "he_normal", seeds=SEEDS, normalisation="batch"),
        VECTOR,
    ),
    "mlp layer norm": (
        lambda: mlp((5, 8, 6, 3), "tanh", "he_normal", seeds=SEEDS, normalisation="layer"),
        VECTOR,
    ),
    "mlp one layer": (lambda: mlp((5, 3), "relu", "glorot_normal", seeds=SEEDS), VECTOR),
    "mlp mup": (
        lambda: mlp((5, 8, 8, 3), "tanh", "he_normal", seeds=SEEDS, parametrisation="mup", base_width=2),
        VECTOR,
    ),
    **{
        f"residual {variant}": (lambda variant=variant: residual_stack(variant=variant), VECTOR)
        for variant in ("plain", "scaled", "zero_last", "fixup", "skipinit", "rezero", "pre_norm")
    },
    "residual batch norm": (lambda: residual_stack(normalisation="batch"), VECTOR),
    "residual pre-batch-norm": (lambda: residual_stack(variant="pre_norm", normalisation="batch"), VECTOR),
    "residual one layer": (lambda: residual_stack(branch_depth=1, branch_scale=0.5), VECTOR),
    "residual wide branch": (lambda: residual_stack(branch_width=9, branch_scale=[0.5, 2.0]), VECTOR),
    "residual no blocks": (lambda: residual((5, 6, 3), 0, "tanh", "he_normal", seeds=SEEDS), VECTOR),
    "lstm": (lambda: lstm((2, 4, 3), seeds=SEEDS, forget_bias=[0.5, Chrono(6)]), SEQUENCE),
    "convolution on a line": (
        lambda: convolutional(
            (2, 4, 5, 3), 3, "tanh", "glorot_normal", seeds=SEEDS, bias_initializer=normal(0.3)
        ),
        LINE,
    ),
    "convolution on images": (
        lambda: convolutional((2, 3, 3), (2, 3), "tanh", "glorot_normal", seeds=SEEDS),
        IMAGE,
    ),
    "mlp rms norm": (
        lambda: mlp((5, 8, 6, 3), "tanh", "he_normal", seeds=SEEDS, normalisation="rms"),
        VECTOR,
    ),
    **{
        f"low rank, {zero} zero": (
            lambda zero=zero: low_rank(mlp((5, 8, 6, 3), "tanh", "he_normal", seeds=SEEDS), 2, zero=zero),
            VECTOR,
        )
        for zero in ("up", "down")
    },
    "transformer": (transformer_stack, TOKENS),
    "transformer tied": (lambda: transformer_stack(tied=True), TOKENS),
    "transformer post-norm": (
        lambda: transformer_stack(placement="post", branch_scale=[0.5, 2.0]),
        TOKENS,
    ),
    "transformer rms norm": (lambda: transformer_stack(normalisation="rms", score_exponent=1.0), TOKENS),
    "transformer no blocks": (
        lambda: transformer((VOCABULARY, 6, 8), 0, "tanh", "lecun_normal", seeds=SEEDS, context=5),
        TOKENS,
    ),
}


def shaken(network):
    """Move every parameter off its initial value, so that zeros and ones test nothing by accident."""
    for i, value in enumerate(network.values):
        value += 0.3 * np.random.default_rng([17, i]).standard_normal(value.shape)
    return network


def inputs(rng, shape):
    """Tokens, for the stacks that read them, or numbers."""
    return rng.integers(VOCABULARY, size=shape) * 1.0 if shape[-2:] == TOKENS else rng.standard_normal(shape)


def loss_of(network, x, direction):
    return (network.forward(x).output * direction).sum(axis=(1, 2))


def central_difference(f, array, index, h):
    """Return the derivative along one entry by the fourth-order rule; `array` ends as it was."""
    start = array[index].copy()
    values = []
    for step in (-2, -1, 1, 2):
        array[index] = start + step * h
        values.append(f())
    array[index] = start
    return (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)


@pytest.mark.parametrize("name", STACKS)
def test_gradients_agree_with_finite_differences(name):
    build, shape = STACKS[name]
    network = shaken(build())
    rng = np.random.default_rng(0)
    x = inputs(rng, (network.nets, *shape))
    trace = network.forward(x)
    direction = rng.standard_normal(trace.output.shape)
    gradients = network.backward(trace, direction)
    arrays = [(network.values[s], gradients.values[s]) for s in trained(network)] + [(x, gradients.input)]
    largest = max(np.abs(gradient).max() for _, gradient in arrays)
    assert largest > 0
    for array, gradient in arrays:
        assert gradient.shape == array.shape
        inner = list(np.ndindex(*array.shape[1:]))
        chosen = [inner[i] for i in rng.choice(len(inner), min(6, len(inner)), replace=False)]
        exact = np.array([gradient[(slice(None), *i)] for i in chosen])
        measured = np.array(
            [
                central_difference(lambda: loss_of(network, x, direction), array, (slice(None), *i), 1e-5)
                for i in chosen
            ]
        )
        # Biases in front of batch norm have no effect: there both sides are rounding errors.
        scale = max(np.abs(gradient).max(), 1e-4 * largest)
        np.testing.assert_allclose(exact, measured, rtol=1e-6, atol=1e-6 * scale)


def trained(network):
    kinds = [p.kind for p in network.parameters]
    return [slot for slot, kind in enumerate(kinds) if kind not in ("fixed", "statistic")]


@pytest.mark.parametrize("name", STACKS)
def test_training_computes_the_same_gradients_in_reused_arrays(name):
    build, shape = STACKS[name]
    network = shaken(build())
    x = inputs(np.random.default_rng(1), (network.nets, *shape))
    trace = network.forward(x)
    direction = np.random.default_rng(2).standard_normal(trace.output.shape)
    expected = network.backward(trace, direction).values
    received = {}
    tape = Workspace(network.values, lambda slot, value, gradient: received.update({slot: gradient.copy()}))
    for _ in range(2):  # the second time in arrays full of old numbers
        output = run_forward(network.layers, x, tape)
        np.testing.assert_allclose(output, trace.output, rtol=1e-12, atol=1e-13)
        run_backward(network.layers, direction.copy(), tape, needed=False)
        assert sorted(received) == trained(network)
        for slot, gradient in received.items():
            scale = max(np.abs(value).max() for value in expected)
            np.testing.assert_allclose(gradient, expected[slot], rtol=1e-10, atol=1e-12 * scale)


@pytest.mark.parametrize("name", STACKS)
def test_a_net_alone_equals_the_same_net_inside_a_stack(name):
    build, shape = STACKS[name]
    network = shaken(build())
    x = inputs(np.random.default_rng(3), shape)
    whole = network.forward(x)
    direction = np.random.default_rng(4).standard_normal(whole.output.shape)
    gradients = network.backward(whole, direction)
    for net in range(network.nets):
        alone = network.take([net])
        trace = alone.forward(x)
        assert np.array_equal(trace.output[0], whole.output[net])
        own = alone.backward(trace, direction[net : net + 1])
        for one, all_of_them in zip(own.values, gradients.values, strict=True):
            assert np.array_equal(one[0], all_of_them[net])


BUILDERS = {
    "mlp": lambda seeds: mlp((5, 8, 3), "relu", "he_normal", seeds=seeds, bias_initializer=normal(0.1)),
    "residual": lambda seeds: residual((5, 6, 3), 2, "relu", "he_normal", seeds=seeds),
    "lstm": lambda seeds: lstm((2, 4, 3), seeds=seeds, forget_bias=Chrono(20)),
    "convolutional": lambda seeds: convolutional((1, 4, 4, 3), 3, "tanh", "delta_orthogonal", seeds=seeds),
    "transformer": lambda seeds: transformer_stack(seeds=seeds),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_parameters_depend_on_the_seed_of_the_net_alone(name):
    stack = BUILDERS[name]([7, 2, 7, 5])
    for net, seed in enumerate(stack.seeds):
        alone = BUILDERS[name]([seed])
        for one, many in zip(alone.values, stack.values, strict=True):
            assert np.array_equal(one[0], many[net])
    assert not np.array_equal(stack.weights[0][0], stack.weights[0][1])


def test_nets_of_one_seed_and_initializer_share_a_draw_but_not_their_numbers(monkeypatch):
    called = []
    draw = Builder._called
    monkeypatch.setattr(Builder, "_called", lambda self, *given: called.append(1) or draw(self, *given))
    rules = ["he_normal", "he_normal", "lecun_normal", "he_normal"]
    nets = networks.mlp((4, 3), "relu", rules, seeds=[0, 0, 0, 1])
    assert len(called) == 3 + 2  # weights, then biases
    singly = zip(rules, nets.seeds, strict=True)
    alone = [networks.mlp((4, 3), "relu", rule, seeds=[seed]).weights[0][0] for rule, seed in singly]
    assert np.array_equal(nets.weights[0], alone)
    nets.weights[0][0] = 0.0
    assert np.array_equal(nets.weights[0][1], alone[1])
    count = iter(range(9))
    counting = networks.mlp(
        (1, 1), "relu", lambda shape, rng, dtype: np.full(shape, next(count)), seeds=[0, 0]
    )
    assert counting.weights[0].ravel().tolist() == [0.0, 1.0]


def test_scales_biases_and_neighbours_do_not_change_the_noise():
    plain = mlp((5, 8, 8, 3), "relu", "he_normal", seeds=[1, 1])
    with_biases = mlp((5, 8, 8, 3), "relu", "he_normal", seeds=[1, 1], bias_initializer=normal(1.0))
    one_zero = mlp((5, 8, 8, 3), "relu", [["he_normal", "zeros", "lecun_normal"], "he_normal"], seeds=[1, 1])
    assert np.array_equal(plain.weights[2], with_biases.weights[2])
    np.testing.assert_allclose(one_zero.weights[2][0] * 2**0.5, plain.weights[2][0], rtol=1e-14)
    assert not one_zero.weights[1][0].any()
    assert np.array_equal(one_zero.weights[1][1], plain.weights[1][1])


def test_every_layer_and_its_biases_draw_numbers_of_their_own():
    network = mlp([8] * 4, "relu", normal(1.0), seeds=[1], bias_initializer=normal(1.0))
    assert len({value.flat[0] for value in network.values}) == 6


def test_the_forward_pass_is_the_one_of_the_formula():
    network = mlp((5, 8, 4, 3), "tanh", "he_normal", seeds=[0, 1], bias_initializer=normal(0.5))
    x = np.random.default_rng(0).standard_normal((6, 5))
    trace = network.forward(x)
    assert len(trace.pre) == len(trace.post) == network.depth == 3
    for net in range(2):
        signal = x
        for layer in range(3):
            pre = signal @ network.weights[layer][net] + network.biases[layer][net]
            signal = np.tanh(pre) if layer < 2 else pre
            np.testing.assert_allclose(trace.pre[layer][net], pre, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(trace.post[layer][net], signal, rtol=1e-12, atol=1e-14)
    assert trace.post[-1] is trace.output


@pytest.mark.parametrize(
    ("rows", "inner", "columns"), [(64, 128, 128), (128, 100, 150), (96, 200, 60), (7, 5, 3)]
)
def test_products_in_strips_are_products(rows, inner, columns):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, rows, inner)), rng.standard_normal((2, inner, columns))
    by_columns = np.ascontiguousarray(a.swapaxes(1, 2)).swapaxes(1, 2)
    for left in (a, by_columns):
        out = np.full((2, rows, columns), np.nan)
        assert product(left, b, out) is out
        np.testing.assert_allclose(out, a @ b, rtol=1e-10, atol=1e-10)


def test_each_net_may_have_its_own_inputs():
    network = mlp((5, 8, 3), "relu", "he_normal", seeds=[0, 1])
    x = np.random.default_rng(0).standard_normal((2, 6, 5))
    both = network.forward(x).output
    assert np.array_equal(both[1], network.forward(x[1]).output[1])


def test_gradients_with_respect_to_pre_activations_are_those_of_the_bias():
    network = mlp((5, 8, 3), "relu", "he_normal", seeds=[0, 1])
    trace = network.forward(np.random.default_rng(0).standard_normal((6, 5)))
    gradients = network.backward(trace, np.ones_like(trace.output))
    for pre, bias in zip(gradients.pre, gradients.biases, strict=True):
        np.testing.assert_allclose(pre.sum(axis=1), bias, rtol=1e-12)


def test_zero_samples_give_empty_arrays():
    network = mlp((5, 8, 3), "relu", "he_normal", seeds=[0, 1])
    trace = network.forward(np.empty((0, 5)))
    assert trace.output.shape == (2, 0, 3)
    assert network.backward(trace, trace.output).weights[0].shape == (2, 5, 8)


# Residual stacks


def test_a_residual_stream_is_what_the_blocks_add_up_to():
    network = residual((5, 6, 3), 4, "relu", "he_normal", seeds=[0], branch_scale=0.7)
    x = np.random.default_rng(0).standard_normal((6, 5))
    trace = network.forward(x)
    w = [weight[0] for weight in network.weights]
    stream = x @ w[0]
    np.testing.assert_allclose(trace.pre[0][0], stream, rtol=1e-12)
    for block in range(4):
        first, second = w[1 + 2 * block], w[2 + 2 * block]
        stream = stream + 0.7 * np.maximum(np.maximum(stream, 0) @ first, 0) @ second
        np.testing.assert_allclose(trace.pre[1 + block][0], stream, rtol=1e-12)
    np.testing.assert_allclose(trace.output[0], np.maximum(stream, 0) @ w[-1], rtol=1e-12)


@pytest.mark.parametrize("variant", ["zero_last", "fixup", "skipinit", "rezero"])
def test_branches_that_start_at_zero_make_an_identity(variant):
    network = residual((5, 6, 3), 4, "relu", "he_normal", seeds=[0, 1], variant=variant)
    trace = network.forward(np.random.default_rng(0).standard_normal((6, 5)))
    for stream in trace.pre[1:-1]:
        assert np.array_equal(stream, trace.pre[0])


def test_fixup_scales_inner_weights_and_zeroes_the_last_ones():
    plain = residual((5, 64, 3), 16, "relu", "he_normal", seeds=[0])
    fixup = residual((5, 64, 3), 16, "relu", "he_normal", seeds=[0], variant="fixup")
    np.testing.assert_allclose(fixup.weights[1], plain.weights[1] / 4, rtol=1e-15)  # 16^(-1 / (2 * 2 - 2))
    assert not fixup.weights[2].any()
    assert not fixup.weights[-1].any()
    deeper = residual((5, 64, 3), 16, "relu", "he_normal", seeds=[0], variant="fixup", branch_depth=3)
    np.testing.assert_allclose(deeper.weights[1], plain.weights[1] / 2, rtol=1e-15)  # 16^(-1 / (2 * 3 - 2))


def test_the_scaled_variant_divides_branches_by_the_root_of_their_number():
    scaled = residual((5, 6, 3), 9, "relu", "he_normal", seeds=[0], variant="scaled")
    plain = residual((5, 6, 3), 9, "relu", "he_normal", seeds=[0], branch_scale=1 / 3)
    x = np.random.default_rng(0).standard_normal((6, 5))
    np.testing.assert_allclose(scaled.forward(x).output, plain.forward(x).output, rtol=1e-12)


@pytest.mark.parametrize("branch", [[], [Dense(0, None), Activate(activations.get("relu"))]])
def test_a_branch_whose_output_is_needed_again_is_refused(branch):
    with pytest.raises(ValueError, match=r"must end in .* Received: \["):
        Residual(branch)


# Normalisation


def test_normalised_signals_have_mean_zero_and_variance_one():
    x = np.random.default_rng(0).standard_normal((50, 5))
    for kind, axis in (("batch", 1), ("layer", 2)):
        stack = mlp((5, 40, 3), "relu", "he_normal", seeds=[0, 1], normalisation=kind, epsilon=1e-30)
        pre = stack.forward(x).pre[0]
        np.testing.assert_allclose(pre.mean(axis=axis), 0, atol=1e-14)
        np.testing.assert_allclose(pre.var(axis=axis), 1, rtol=1e-12)


def test_batch_norm_without_epsilon_is_blind_to_the_scale_of_the_weights():
    init = [normal(0.1), normal(0.1 * 8)]  # a power of two: exact in floating point
    stack = mlp((5, 40, 40, 3), "relu", init, seeds=[0, 0], normalisation="batch", epsilon=1e-30)
    trace = stack.forward(np.random.default_rng(0).standard_normal((50, 5)))
    assert np.array_equal(trace.pre[1][0], trace.pre[1][1])


def test_rms_norm_divides_by_the_root_of_the_mean_square_alone():
    x = np.random.default_rng(0).standard_normal((50, 5))
    stack = mlp((5, 40, 3), "relu", "he_normal", seeds=[0, 1], normalisation="rms", epsilon=1e-30)
    pre = stack.forward(x).pre[0]
    raw = x @ stack.weights[0]
    np.testing.assert_allclose(pre, raw / np.sqrt(np.square(raw).mean(axis=2, keepdims=True)), rtol=1e-12)


# Transformers


def normalised(x):
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)


def attention_by_the_formula(x, q, k, v, heads, exponent):
    """One sample, (context, width), position by position."""
    size = x.shape[1] // heads
    y = np.zeros_like(x)
    for head in range(heads):
        units = slice(head * size, (head + 1) * size)
        for now in range(len(x)):
            scores = [
                x[now] @ q[:, units] @ (x[then] @ k[:, units]) / size**exponent for then in range(now + 1)
            ]
            shares = np.exp(scores) / np.exp(scores).sum()
            y[now, units] = sum(s * x[then] @ v[:, units] for then, s in enumerate(shares))
    return y


@pytest.mark.parametrize("placement", ["pre", "post"])
@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_a_transformer_is_the_one_of_the_formula(placement, exponent):
    network = transformer_stack(placement=placement, score_exponent=exponent, branch_scale=0.7)
    tokens = np.random.default_rng(0).integers(VOCABULARY, size=(1, 5))
    trace = network.forward(tokens)
    for net in range(network.nets):
        w = [weight[net] for weight in network.weights]
        x = w[0][tokens[0]] + w[1]
        np.testing.assert_allclose(trace.pre[0][net], x, rtol=1e-12)
        for block in range(2):
            qkv, out, first, second = w[2 + 4 * block : 6 + 4 * block]
            q, k, v = np.split(qkv, 3, axis=1)
            for part in range(2):
                read = normalised(x) if placement == "pre" else x
                if part == 0:
                    added = attention_by_the_formula(read, q, k, v, 2, exponent) @ out
                else:
                    added = np.tanh(read @ first) @ second
                x = x + 0.7 * added if placement == "pre" else normalised(x + 0.7 * added)
                np.testing.assert_allclose(trace.pre[1 + 2 * block + part][net], x, rtol=1e-10, atol=1e-12)
        x = normalised(x) if placement == "pre" else x
        np.testing.assert_allclose(trace.output[net], x @ w[-1], rtol=1e-10, atol=1e-12)


def test_a_transformer_does_not_see_the_future():
    network = shaken(transformer_stack())
    tokens = np.zeros((1, 5))
    before = network.forward(tokens).output[0]
    tokens[0, 3] = 1
    changed = (network.forward(tokens).output[0] != before).any(axis=1)
    assert changed.tolist() == [False, False, False, True, True]


def test_a_tied_head_is_the_embedding():
    network = transformer_stack(tied=True)
    trace = network.forward(np.zeros((1, 5)))
    expected = normalised(trace.pre[-2][0]) @ network.weights[0][0].T
    np.testing.assert_allclose(trace.output[0], expected, rtol=1e-12)
    assert len(network.weights) == len(transformer_stack().weights) - 1


def test_the_roles_name_what_is_drawn():
    def of(role):
        return lambda shape, rng, dtype: np.full(shape, 1.0 + names.index(role), dtype)

    names = roles(2)
    network = transformer((VOCABULARY, 6, 8), 2, "tanh", [[of(r) for r in names]], seeds=[0], context=5)
    found = [np.unique(weight).tolist() for weight in network.weights]
    block = [[3, 4, 5], [6], [7], [8]]  # query, key and value side by side
    assert found == [[1], [2], *block, *block, [15]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": 4}, "heads must divide the width 6. Received: 4"),
        ({"context": 0}, "context must be an integer >= 1"),
        ({"placement": "both"}, "placement"),
        ({"normalisation": "batch"}, "normalisation"),
        ({"branch_scale": [1.0]}, "branch_scale"),
    ],
)
def test_transformers_refuse_what_they_cannot_be(change, message):
    with pytest.raises(ValueError, match=message):
        transformer_stack(**change)


@pytest.mark.parametrize("token", [-1, VOCABULARY])
def test_tokens_outside_the_vocabulary_are_refused(token):
    with pytest.raises(ValueError, match=rf"Tokens must lie in 0..6. .* {token}"):
        transformer_stack().forward(np.full((1, 5), token))


# Low-rank changes


@pytest.mark.parametrize("zero", ["up", "down"])
def test_low_rank_changes_start_at_nothing_and_one_of_their_factors_is_random(zero):
    network = mlp((200, 300, 3), "tanh", "he_normal", seeds=[0, 1], bias_initializer=normal(0.5))
    adapted = low_rank(network, 4, zero=zero)
    x = np.random.default_rng(0).standard_normal((6, 200))
    assert np.array_equal(adapted.forward(x).output, network.forward(x).output)
    down, up = adapted.weights[:2]
    drawn, empty = (down, up) if zero == "up" else (up, down)
    assert not empty.any()
    variance = 1 / 200 if zero == "up" else 1 / 4
    np.testing.assert_allclose(drawn.var(axis=(1, 2)), variance, rtol=0.15)
    assert not np.array_equal(drawn[0], drawn[1])
    adapted.values[0][:] = 0  # a copy: the net itself keeps its weights
    assert network.values[0].all()


@pytest.mark.parametrize(
    "build",
    [residual_stack, lambda: mlp((5, 8, 3), "relu", "he_normal", seeds=[0], normalisation="layer")],
)
def test_low_rank_changes_are_for_plain_nets(build):
    with pytest.raises(TypeError, match=r"an mlp without normalisation. Received: Network"):
        low_rank(build(), 2)


# The LSTM


def test_an_lstm_with_open_forget_gates_keeps_its_first_input():
    def retained(bias):
        network = lstm((1, 4, 1), seeds=[0], forget_bias=bias, initializer=normal(0.5))
        x = np.zeros((2, 30, 1))
        x[1, 0] = 1.0
        output = network.forward(x).output[0, :, 0]
        return abs(output[1] - output[0])

    assert retained(6.0) > 1e-2
    assert retained(-2.0) < 1e-12


def test_chrono_biases_lie_in_their_range_and_close_the_input_gate():
    stack = lstm((1, 500, 2), seeds=[0], forget_bias=Chrono(60))
    i, f, o, g = stack.biases[0].reshape(4, 500)
    assert f.min() >= 0
    assert np.log(40) < f.max() <= np.log(59)
    assert np.array_equal(i, -f)
    assert not o.any()
    assert not g.any()


# Convolutions


def test_a_convolution_is_periodic_and_centred():
    network = convolutional((1, 1, 1), 3, "identity", "zeros", seeds=[0])
    network.weights[0][0, :, 0, 0] = [10.0, 1.0, 100.0]
    x = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1)
    y = network.forward(x).pre[0][0, 0, :, 0]
    np.testing.assert_allclose(
        y, [10 * 4 + 1 + 100 * 2, 10 + 2 + 300, 20 + 3 + 400, 30 + 4 + 100], rtol=1e-14
    )


def test_delta_orthogonal_kernels_keep_the_norm_of_linear_signals():
    network = convolutional([16] * 101 + [1], 3, "identity", "delta_orthogonal", seeds=[0, 1])
    x = np.random.default_rng(0).standard_normal((1, 8, 16))
    norms = [np.linalg.norm(pre.reshape(2, -1), axis=1) for pre in network.forward(x).pre[:-1]]
    np.testing.assert_allclose(norms, np.linalg.norm(x), rtol=1e-9)


# muP


def test_mup_changes_nothing_at_the_base_width():
    standard = mlp((5, 8, 8, 3), "relu", "he_normal", seeds=[0])
    mup = mlp((5, 8, 8, 3), "relu", "he_normal", seeds=[0], parametrisation="mup", base_width=8)
    for one, other in zip(standard.values, mup.values, strict=True):
        assert np.array_equal(one, other)
    assert {factor for p in mup.parameters for factor in p.factors.values()} == {1.0}


def test_mup_factors_are_those_of_table_3():
    wide = mlp((5, 32, 32, 3), "relu", "he_normal", seeds=[0], parametrisation="mup", base_width=8)
    factors = [p.factors for p in wide.parameters]
    assert factors == [
        {"sgd": 4.0},
        {"sgd": 4.0},
        {"adam": 0.25},
        {"sgd": 4.0},
        {"sgd": 0.25, "adam": 0.25},
        {},
    ]
    standard = mlp((5, 32, 32, 3), "relu", "he_normal", seeds=[0])
    np.testing.assert_allclose(wide.weights[-1], standard.weights[-1] / 2, rtol=1e-15)


# LSUV


def test_lsuv_gives_every_layer_unit_variance_and_leaves_the_network_alone():
    stack = mlp([20, 60, 60, 60, 10], "relu", ["orthogonal", normal(3.0)], seeds=[0, 1])
    before = [weight.copy() for weight in stack.weights]
    x = np.random.default_rng(0).standard_normal((200, 20))
    calibrated, report = networks.lsuv(stack, x)
    for pre in calibrated.forward(x).pre:
        np.testing.assert_allclose(pre.reshape(2, -1).var(axis=1), 1, atol=0.1)
    assert report.converged.all()
    assert report.iterations.shape == (2, 4)
    assert report.before[1, 0] > 100
    np.testing.assert_allclose(report.after[:, -1], calibrated.forward(x).output.reshape(2, -1).var(axis=1))
    for weight, old in zip(stack.weights, before, strict=True):
        assert np.array_equal(weight, old)


def test_lsuv_stops_after_its_iterations_and_says_so():
    stack = mlp((20, 60, 10), "relu", normal(3.0), seeds=[0], bias_initializer=normal(5.0))
    x = np.random.default_rng(0).standard_normal((200, 20))
    _, report = networks.lsuv(stack, x, iterations=0)
    assert not report.converged.any()
    _, report = networks.lsuv(stack, x, iterations=4)
    assert not report.converged[0, 0]  # the biases alone have more than unit variance
    assert report.iterations[0, 0] == 4


def test_lsuv_refuses_layers_without_variance():
    stack = mlp((20, 60, 10), "relu", [["he_normal", "zeros"]], seeds=[0])
    with pytest.raises(ValueError, match="Weight layer 2 of net 0 has output variance 0"):
        networks.lsuv(stack, np.random.default_rng(0).standard_normal((200, 20)))


def test_lsuv_of_a_net_does_not_depend_on_its_neighbours():
    x = np.random.default_rng(0).standard_normal((200, 20))
    inits = ["orthogonal", normal(9.0)]
    stack, _ = networks.lsuv(mlp((20, 60, 10), "tanh", inits, seeds=[0, 1], bias_initializer=normal(1.0)), x)
    alone, _ = networks.lsuv(mlp((20, 60, 10), "tanh", inits[:1], seeds=[0], bias_initializer=normal(1.0)), x)
    assert np.array_equal(stack.weights[1][0], alone.weights[1][0])


# Bad input

CORRECT = {"widths": (4, 3), "activation": "relu", "initializer": "he_normal", "seeds": [0, 1]}
WRONG = [
    ({"widths": (4,)}, ValueError, "widths needs at least 2"),
    ({"widths": (4, 0)}, ValueError, r"widths\[1\] must be an integer >= 1"),
    ({"widths": 4}, TypeError, "widths must be a sequence"),
    ({"activation": "rellu"}, ValueError, "Did you mean 'relu'"),
    ({"initializer": "he_norm"}, ValueError, "Did you mean"),
    ({"initializer": 3}, TypeError, "initializer must be a name, a callable or a sequence"),
    ({"initializer": ["zeros"]}, ValueError, "initializer needs one entry for each of 2 nets. Received: 1"),
    ({"initializer": ["zeros", ["zeros", "zeros"]]}, ValueError, "each of 1 layers. Received: 2"),
    ({"initializer": ["zeros", 3]}, TypeError, r"initializer\[1\]"),
    ({"initializer": lambda shape, rng, dtype: np.zeros(3)}, ValueError, r"must return shape \(4, 3\)"),
    ({"seeds": []}, ValueError, "seeds needs at least 1"),
    ({"seeds": 3}, TypeError, "seeds must be a sequence"),
    ({"seeds": [0, -1]}, ValueError, r"seeds\[1\] must be an integer >= 0"),
    ({"dtype": int}, TypeError, "floating-point"),
    ({"normalisation": "group", "widths": (4, 4, 3)}, ValueError, "choose one of 'batch', 'layer'"),
    ({"parametrisation": "mup"}, ValueError, "base_width goes with"),
    ({"base_width": 3}, ValueError, "base_width goes with"),
    ({"parametrisation": "ntk"}, ValueError, "Unknown parametrisation"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "error", "message"), WRONG)
def test_mlp_refuses_wrong_arguments(change, error, message):
    with pytest.raises(error, match=message):
        mlp(**CORRECT | change)


WRONG_RESIDUAL = [
    ({"variant": "postnorm"}, ValueError, "Unknown variant"),
    ({"widths": (5, 3)}, ValueError, "widths needs at least 3"),
    ({"widths": (5, 6, 6, 3)}, ValueError, r"must be \(inputs, width, outputs\)"),
    ({"blocks": -1}, ValueError, "blocks must be an integer >= 0"),
    ({"variant": "fixup", "branch_depth": 1}, ValueError, "branch_depth must be an integer >= 2"),
    ({"variant": "fixup", "normalisation": "batch"}, ValueError, "has no normalisation"),
    ({"variant": "scaled", "branch_scale": 0.5}, ValueError, "sets branch_scale itself"),
    ({"branch_scale": [1.0, 2.0, 3.0]}, ValueError, "one for each of 2 nets. Received: 3"),
    ({"branch_scale": np.nan}, ValueError, "branch_scale must be a finite number"),
]


@pytest.mark.parametrize(("change", "error", "message"), WRONG_RESIDUAL)
def test_residual_refuses_wrong_arguments(change, error, message):
    correct = {
        "widths": (5, 6, 3),
        "blocks": 2,
        "activation": "relu",
        "initializer": "he_normal",
        "seeds": [0, 1],
    }
    with pytest.raises(error, match=message):
        residual(**correct | change)


def test_the_other_builders_refuse_wrong_arguments():
    with pytest.raises(ValueError, match="one entry for each of 2 nets"):
        lstm((1, 4, 2), seeds=[0, 1], forget_bias=[1.0])
    with pytest.raises(ValueError, match=r"Chrono\.longest must be an integer >= 3"):
        lstm((1, 4, 2), seeds=[0], forget_bias=Chrono(2))
    with pytest.raises(ValueError, match=r"must be \(inputs, hidden, outputs\)"):
        lstm((1, 4, 4, 2), seeds=[0])
    with pytest.raises(ValueError, match="window must be one number of taps or a pair"):
        convolutional((1, 4, 2), (3, 3, 3), "tanh", "he_normal", seeds=[0])


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (
            np.ones((3, 5)),
            ValueError,
            r"x must have shape \(samples, 4\) or \(2, samples, 4\). Received: \(3, 5\)",
        ),
        (np.ones(4), ValueError, "x must have shape"),
        (np.ones((3, 6, 4)), ValueError, "x must have shape"),
        (np.full((3, 4), np.nan), ValueError, "x must be finite"),
        ("four", TypeError, "x must be an array of numbers"),
    ],
)
def test_forward_refuses_wrong_inputs(x, error, message):
    with pytest.raises(error, match=message):
        mlp(**CORRECT).forward(x)


def test_backward_refuses_gradients_of_another_shape():
    network = mlp(**CORRECT)
    trace = network.forward(np.ones((5, 4)))
    with pytest.raises(ValueError, match=r"output's shape \(2, 5, 3\). Received: \(5, 3\)"):
        network.backward(trace, np.ones((5, 3)))
    with pytest.raises(ValueError, match="evaluating=True"):
        network.backward(network.forward(np.ones((5, 4)), evaluating=True), np.ones((2, 5, 3)))


def test_an_activation_without_derivative_runs_forward_and_refuses_backward():
    network = mlp((4, 4, 3), lambda x: x / 2, "he_normal", seeds=[0])
    trace = network.forward(np.ones((5, 4)))
    with pytest.raises(ValueError, match="derivative"):
        network.backward(trace, np.ones((1, 5, 3)))


def test_take_refuses_nets_outside_the_stack():
    with pytest.raises(ValueError, match="nets must be below 2"):
        mlp(**CORRECT).take([2])


# Losses


@pytest.mark.parametrize("name", ["softmax", "squared", "logistic"])
def test_loss_gradients_agree_with_finite_differences(name):
    rng = np.random.default_rng(0)
    outputs = rng.standard_normal((2, 5, 1 if name == "logistic" else 4))
    labels = rng.integers(outputs.shape[2] if name != "logistic" else 2, size=(2, 5))
    rule = losses.get(name)
    _, gradient = rule(outputs, labels)
    for i in np.ndindex(*outputs.shape[1:]):
        measured = central_difference(lambda: rule(outputs, labels)[0], outputs, (slice(None), *i), 1e-4)
        np.testing.assert_allclose(gradient[(slice(None), *i)], measured, rtol=1e-6, atol=1e-9)


def test_losses_are_exact_far_out():
    far = np.array([[[1000.0, -1000.0]]])
    assert losses.softmax(far, np.array([[1]]))[0].item() == 2000
    assert losses.softmax(far, np.array([[0]]))[0].item() == 0
    assert losses.logistic(np.array([[[-800.0]]]), np.array([[1]]))[0].item() == 800
    assert losses.logistic(np.array([[[800.0]]]), np.array([[0]]))[0].item() == 800


@pytest.mark.parametrize(
    ("labels", "loss", "error", "message"),
    [
        ([0, 4], "softmax", ValueError, r"labels must lie in 0..2. Received labels from 0 to 4"),
        ([0, -1], "squared", ValueError, "labels must lie in 0..2"),
        ([0.5, 1.0], "softmax", TypeError, "needs integer labels"),
        ([0, 1], "logistic", ValueError, "needs a single output. Received: 3"),
        ([0, 1, 2], "softmax", ValueError, r"labels must have shape \(2,\)"),
        ([[np.nan] * 3] * 2, "squared", ValueError, "labels must be finite"),
        ([True, False], "softmax", TypeError, "needs integer labels"),
    ],
)
def test_targets_refuses_labels_that_do_not_fit(labels, loss, error, message):
    with pytest.raises(error, match=message):
        losses.targets(labels, np.zeros((1, 2, 3)), loss)
