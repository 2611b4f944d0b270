"""What the rules promise, in nets built from their numbers: signals at the start, first losses, steps."""

import math

import numpy as np
import pytest

from initlib import diagnose, initializers, networks, recommend, theory
from initlib.activations import get
from initlib.networks import losses
from initlib.recommendation import RULES
from initlib.recommendation.plain import UNIT

UNIT_GAIN = [rule for rule in RULES if rule.why.startswith(UNIT)]
SIREN = "sine layers (SIREN)"
PRE_NORM = [rule for rule in RULES if rule.name.startswith("pre-norm transformer")]
BLOCKS, WIDTH, HEADS, TOKENS, VOCABULARY = 12, 128, 8, 32, 200
by_name = {"ids": lambda rule: rule.name}


def starter(answer, name):
    """Return an initializer for the weights of a part."""
    number, family = answer.numbers(name)["weights"], answer.part(name).weights.family
    if family == "constant":
        return lambda shape, **options: initializers.constant(shape, value=number, **options)
    assert family in ("normal", "uniform")
    spread = (
        {"std": number**0.5}
        if family == "normal"
        else {"low": -((3 * number) ** 0.5), "high": (3 * number) ** 0.5}
    )
    return lambda shape, **options: getattr(initializers, family)(shape, **spread, **options)


def draw(answer, name, rng):
    """Return weights of a part, inputs x outputs."""
    return starter(answer, name)(answer.shape(name), rng=rng)


def mean_square(x):
    return float((x**2).mean())


# ---- Plain nets


@pytest.mark.parametrize("rule", UNIT_GAIN, **by_name)
def test_unit_gain_keeps_the_mean_square_at_1_from_the_first_layer_on(rule):
    for activation in rule.activations:
        answer = recommend(activation=activation, depth=rule.depths[1], width=1)
        gain, first = (answer.numbers(part)["weights"] for part in ("hidden layers", "first layer"))
        q = [first * 1.0]  # of standardised inputs
        for _ in range(rule.depths[1] - 1):
            q.append(theory.variance_map(q[-1], activation, gain**0.5, 0.0))
        np.testing.assert_allclose(q, 1, atol=5e-3)


@pytest.mark.parametrize("rule", UNIT_GAIN, **by_name)
def test_nets_of_unit_gain_keep_the_mean_square_at_1(rule):
    layers, width = min(rule.depths[1], 14), 384
    answer = recommend(activation=rule.activations[0], depth=layers, width=width)
    start = [starter(answer, "first layer"), *[starter(answer, "hidden layers")] * (layers - 1)]
    nets = networks.mlp([width] * (layers + 1), rule.activations[0], [start] * 12, seeds=range(12))
    trace = nets.forward(np.random.default_rng(0).standard_normal((16, width)))
    q = np.array([(pre**2).mean(axis=(1, 2)) for pre in trace.pre])
    assert np.median(q[-1]) < 2.5  # the fixed point is unstable: by now nets scatter
    error = q[:6].std(axis=1, ddof=1) / 12**0.5  # of the mean of 12 nets
    assert error.max() < 0.1
    assert (np.abs(q[:6].mean(axis=1) - 1) < 4 * error + 0.02).all()


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_without_the_first_layer_unit_gain_runs_away(activation):
    gain = recommend(activation=activation, width=1).numbers()["weights"]
    q = gain
    for _ in range(13):
        q = theory.variance_map(q, activation, gain**0.5, 0.0)
    assert q > 10


def test_deep_elu_keeps_signal_and_gradient():
    answer = recommend(activation="elu", depth=100, width=1)
    numbers = answer.numbers()
    q = answer.numbers("first layer")["weights"]
    for _ in range(100):
        q = theory.variance_map(q, "elu", numbers["weights"] ** 0.5, numbers["bias"] ** 0.5)
    assert q == pytest.approx(1, abs=5e-3)
    assert theory.chi("elu", numbers["weights"] ** 0.5, q) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("width", [128, 1024])
def test_every_layer_of_a_siren_has_sums_of_variance_near_1(width):
    answer = recommend(activation="sin", width=width, inputs=2)
    rng = np.random.default_rng(0)

    def bias(name):
        most = (3 * answer.numbers(name)["bias"]) ** 0.5
        return rng.uniform(-most, most, width)

    first = draw(answer, "first layer", rng)
    assert np.abs(first).max() <= 1 / 2
    h = np.sin(30 * (rng.uniform(-1, 1, (1000, 2)) @ first + bias("first layer")))
    for _ in range(6):
        z = h @ draw(answer, "hidden layers", rng)
        assert 2 / 3 < 900 * mean_square(z) < 3 / 2  # the factor 30 belongs to every layer
        h = np.sin(30 * (z + bias("hidden layers")))
        assert 0.38 < mean_square(h) < 0.55


def test_behind_layer_normalisation_the_scale_is_an_inverse_learning_rate():
    answer = recommend(activation="relu", normalisation="layer", width=64)
    start = starter(answer, "hidden layers")
    large = lambda shape, **options: 4 * start(shape, **options)  # noqa: E731
    nets = networks.mlp([64, 64, 64, 10], "relu", [[start] * 3, [large, large, start]], seeds=[0, 0],
                        normalisation="layer", epsilon=1e-30)  # fmt: skip
    x = np.random.default_rng(0).standard_normal((32, 64))
    trace = nets.forward(x)
    np.testing.assert_allclose(trace.output[0], trace.output[1])
    gradients = nets.backward(
        trace, np.random.default_rng(1).standard_normal(trace.output[:1].shape).repeat(2, 0)
    )
    for gradient in gradients.weights[:2]:
        np.testing.assert_allclose(gradient[1], gradient[0] / 4, atol=1e-12)


PLAIN = [r for r in RULES if r.architecture == "mlp" and r.normalisations == ("none",) and r.name != SIREN]
DEEPEST = 24  # of rules for any depth, which say themselves that deeper nets want more than a law


def built(activation, depth, width=128):
    """Return a plain net of so many weight layers whose parameters are drawn by the parts of its rule."""
    answer = recommend(activation=activation, depth=depth, width=width)
    net = networks.mlp([*[width] * depth, 10], activation, "zeros", seeds=[0])
    names = [part.name for part in answer.parts]
    rng = np.random.default_rng(0)
    for i, (weights, biases) in enumerate(zip(net.weights[:-1], net.biases[:-1], strict=True)):
        name = "first layer" if not i and "first layer" in names else "hidden layers"
        part, numbers = answer.part(name), answer.numbers(name)
        if part.weights.family == "orthogonal":
            weights[...] = initializers.orthogonal((width, width), gain=numbers["weights"], rng=rng)
        else:
            weights[...] = initializers.normal((width, width), std=numbers["weights"] ** 0.5, rng=rng)
        centred = part.bias.family == "centring"
        biases[...] = (
            -weights.sum(axis=1) / 2 if centred else rng.standard_normal(width) * numbers["bias"] ** 0.5
        )
    return net


@pytest.mark.parametrize(
    ("activation", "depth"),
    [(a, d) for r in PLAIN for a in r.activations for d in {max(r.depths[0], 2), r.depths[1] or DEEPEST}],
)
def test_a_plain_net_by_its_rule_is_clean_from_its_least_to_its_largest_depth(activation, depth):
    net = built(activation, depth)
    x = np.random.default_rng(1).standard_normal((128, 128))
    found = {one.code for one in diagnose(net, x).all() if one.severity != "note"}
    assert not found - {"no-nonlinearity"}  # linear nets are what they are


@pytest.mark.parametrize(("activation", "depth"), [("softsign", 20), ("sigmoid", 9)])
def test_the_sums_of_bounded_units_stay_near_1_from_the_first_layer_on(activation, depth):
    x = np.random.default_rng(1).standard_normal((128, 128))
    sizes = [mean_square(pre[0]) ** 0.5 for pre in built(activation, depth).forward(x).pre[:-1]]
    assert sizes[0] == pytest.approx(1, abs=0.1)
    assert 0.4 < min(sizes) < max(sizes) < 1.2


# ---- Shortcuts


@pytest.mark.parametrize(("activation", "least"), [("relu", 1.8), ("gelu", 1.6), ("silu", 1.4)])
def test_the_stream_of_a_normalised_residual_net_at_most_doubles(activation, least):
    answer = recommend(
        architecture="residual", normalisation="layer", activation=activation, depth=30, width=256
    )
    branch = [starter(answer, f"{which} layer of a branch") for which in ("first", "last")]
    start = ["lecun_normal", *branch * 30, starter(answer, "output layer")]
    nets = networks.residual([256, 256, 10], 30, activation, [start] * 4, seeds=range(4), variant="pre_norm")
    trace = nets.forward(np.random.default_rng(0).standard_normal((16, 256)))
    assert least < mean_square(trace.pre[30]) / mean_square(trace.pre[0]) < 2.15
    assert not trace.output.any()


def test_fixup_is_the_whole_of_fixup():
    answer = recommend(architecture="residual", depth=16, width=256)
    nets = networks.residual([256, 256, 10], 16, "relu", "he_normal", seeds=[0], variant="fixup")
    first, last = answer.numbers("first layer of a branch"), answer.numbers("last layer of a branch")
    _, *branches, head = nets.weights
    assert mean_square(np.stack(branches[::2])) == pytest.approx(first["weights"], rel=0.02)
    assert not np.any(branches[1::2])
    assert last["weights"] == 0
    assert not head.any()
    scalars = {kind: [v.item() for v, p in zip(nets.values, nets.parameters, strict=True) if p.kind == kind]
               for kind in ("scale", "shift")}  # fmt: skip
    assert set(scalars["scale"]) == {answer.numbers("multiplier of a branch")["weights"]}
    assert set(scalars["shift"]) == {answer.numbers("scalar biases")["weights"]}
    trace = nets.forward(np.random.default_rng(0).standard_normal((8, 256)))
    np.testing.assert_array_equal(trace.pre[0], trace.pre[16])


def test_a_learnt_multiplier_starts_blocks_as_identities_and_gets_a_gradient():
    answer = recommend(architecture="rezero", depth=8, width=64)
    branch = [starter(answer, f"{which} layer of a branch") for which in ("first", "last")]
    start = ["lecun_normal", *branch * 8, "lecun_normal"]
    nets = networks.residual([64, 64, 10], 8, "relu", [start], seeds=[0], variant="skipinit")
    trace = nets.forward(np.random.default_rng(0).standard_normal((32, 64)))
    np.testing.assert_array_equal(trace.pre[0], trace.pre[8])
    gradients = nets.backward(trace, np.random.default_rng(1).standard_normal(trace.output.shape))
    pairs = list(zip(nets.parameters, gradients.values, strict=True))
    assert all(gradient.all() for parameter, gradient in pairs if parameter.kind == "scale")
    assert not np.any(gradients.weights[1:-1])  # of the branches: only from the second step on


# ---- Transformers


def rms_norm(x):
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True))


def attention(x, q, k, v, logits):
    heads = [np.moveaxis((x @ w).reshape(TOKENS, HEADS, -1), 0, 1) for w in (q, k, v)]
    scores = logits * heads[0] @ heads[1].swapaxes(1, 2)
    scores[:, np.triu(np.ones((TOKENS, TOKENS), dtype=bool), 1)] = -np.inf
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = weights / weights.sum(axis=-1, keepdims=True) @ heads[2]
    return np.moveaxis(mixed, 0, 1).reshape(TOKENS, -1)


def stream(answer, seed=0, scale=None, embedding=1.0):
    """Return the stream of a pre-norm transformer behind the embedding and behind each sublayer.

    `scale` puts that standard deviation in the rule's place, over sqrt(2 blocks) where a sublayer ends.
    """
    rng = np.random.default_rng(seed)
    names = [part.name for part in answer.parts]
    up, down = names[2:4]

    def weights(name):
        drawn = draw(answer, name, rng)
        ends = (2 * BLOCKS) ** -0.5 if name in ("attention output", down) else 1.0
        return drawn if scale is None else drawn / drawn.std() * scale * ends

    gated = "gate" in up
    phi = get("silu" if gated else answer.activation).function
    x = embedding * draw(answer, "embedding", rng)[rng.integers(VOCABULARY, size=TOKENS)]
    found = [x]
    for _ in range(BLOCKS):
        q, k, v = (weights("query, key, value") for _ in range(3))
        x = x + attention(rms_norm(x), q, k, v, (WIDTH // HEADS) ** -0.5) @ weights("attention output")
        found.append(x)
        h = rms_norm(x)
        inner = phi(h @ weights(up)) * (h @ weights(up) if gated else 1.0)
        x = x + inner @ weights(down)
        found.append(x)
    return found


def cosine(a, b):
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


def asked(rule):
    return recommend(architecture="transformer", activation=rule.activations[0], depth=BLOCKS, width=WIDTH,
                     inputs=VOCABULARY, outputs=VOCABULARY, heads=HEADS)  # fmt: skip


@pytest.mark.parametrize("rule", PRE_NORM, **by_name)
def test_the_stream_of_a_transformer_starts_at_1_at_most_doubles_and_keeps_the_embedding(rule):
    answer = asked(rule)
    assert answer.rule is rule
    found = stream(answer)
    sizes = np.array([mean_square(x) for x in found])
    assert sizes[0] == pytest.approx(1, abs=0.1)
    assert sizes[2] / sizes[0] < 1 + 1.2 / BLOCKS  # one block adds at most its share
    assert 1.4 < sizes[-1] / sizes[0] < 2.1
    assert cosine(found[-1], found[0]) > 0.65
    added = np.diff(found, axis=0)[1::2]
    assert (added**2).mean() == pytest.approx(1 / (2 * BLOCKS), rel=0.05)  # feed-forward: exactly its share


@pytest.mark.parametrize("rule", PRE_NORM, **by_name)
def test_small_embeddings_drown_in_the_first_block_but_0_02_everywhere_is_consistent(rule):
    answer = asked(rule)
    mixed, everywhere = stream(answer, embedding=0.02), stream(answer, scale=0.02, embedding=0.02)
    assert mean_square(mixed[2]) > 50 * mean_square(mixed[0])
    assert cosine(mixed[-1], mixed[0]) < 0.2
    assert cosine(everywhere[-1], everywhere[0]) > 0.3


def test_the_first_loss_of_a_transformer_is_ln_v():
    answer = asked(PRE_NORM[1])
    logits = rms_norm(stream(answer)[-1]) @ draw(answer, "output layer", np.random.default_rng(1))
    labels = np.random.default_rng(2).integers(VOCABULARY, size=(1, TOKENS))
    assert losses.softmax(logits[None], labels)[0].item() == pytest.approx(math.log(VOCABULARY))


def test_the_first_loss_with_a_tied_readout_is_half_above_ln_v_and_the_stream_starts_at_1():
    answer = recommend(architecture="tied embedding", width=256, inputs=5000)
    rng = np.random.default_rng(0)
    rows = draw(answer, "embedding", rng)
    assert mean_square(rows * 256**0.5) == pytest.approx(1, rel=0.01)
    logits = rms_norm(rng.standard_normal((200, 256))) @ rows.T
    labels = rng.integers(5000, size=(1, 200))
    assert losses.softmax(logits[None], labels)[0].item() == pytest.approx(math.log(5000) + 1 / 2, abs=0.25)


# ---- What is added to a trained net


def first_step(random_a, width, rank=8, rate=1e-3, seed=0):
    """Return the rms change that Adam's first step, the rate times the signs, makes in an update's output."""
    answer = recommend(architecture="lora", width=width, rank=rank)
    rng = np.random.default_rng(seed)
    x, gradient = rng.standard_normal(width), rng.standard_normal(width)
    a, b = (draw(answer, part.name, rng) for part in answer.parts)
    if not random_a:
        a, b = np.zeros_like(a), rng.normal(size=b.shape, scale=rank**-0.5)
    assert not (x @ a @ b).any()  # the trained net is unchanged
    new_a = a - rate * np.sign(np.outer(x, b @ gradient))
    new_b = b - rate * np.sign(np.outer(x @ a, gradient))
    return float(np.sqrt(mean_square(x @ new_a @ new_b)))


def test_with_a_random_the_first_step_of_lora_does_not_grow_with_the_width():
    random_a, random_b = ([first_step(which, width) for width in (64, 256, 1024)] for which in (True, False))
    assert max(random_a) < 2 * min(random_a)
    assert random_b[2] > 10 * random_b[0]  # 16 times the width


def test_adapters_and_zero_convolutions_add_nothing_at_first_but_learn():
    answer = recommend(architecture="adapter", width=64, rank=8)
    rng = np.random.default_rng(0)
    x, gradient = rng.standard_normal((16, 64)), rng.standard_normal((16, 64))
    inner = np.maximum(x @ draw(answer, "way in", rng), 0)
    assert not (inner @ draw(answer, "way out", rng)).any()
    assert (inner.T @ gradient).any()  # the gradient of the way out
    assert recommend(architecture="controlnet").numbers() == {"weights": 0, "bias": 0}


def test_the_first_policy_of_a_reinforcement_learner_is_nearly_uniform():
    answer = recommend(architecture="policy", width=64, outputs=6)
    rng = np.random.default_rng(0)
    gains = [answer.numbers(part.name)["weights"] for part in answer.parts]
    hidden, last = (
        gain * initializers.orthogonal(answer.shape(part.name), rng=rng)
        for gain, part in zip(gains, answer.parts, strict=True)
    )
    logits = np.tanh(rng.standard_normal((200, 64)) @ hidden) @ last
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.abs(6 * odds - 1).max() < 0.05


def test_at_the_mean_of_the_old_rows_new_tokens_take_little_probability():
    rng = np.random.default_rng(0)
    old, new = 1000, int(recommend(architecture="new tokens").numbers()["weights"])
    states = rng.standard_normal((50, 64))
    rows = rng.standard_normal((old, 64)) - 3 * states.mean(axis=0)  # logits may all be far below 0
    states = states + 5 * states.mean(axis=0) / np.linalg.norm(states.mean(axis=0))

    def taken(added):
        logits = states @ np.vstack([rows, added]).T
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (odds[:, old:].sum(axis=1) / odds.sum(axis=1)).max()

    assert taken(np.broadcast_to(rows.mean(axis=0), (new, 64))) <= new / (old + new)
    assert taken(0.02 * rng.standard_normal((new, 64))) > new / (old + new)
