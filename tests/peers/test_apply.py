"""`initlib.apply` on PyTorch models: the laws it promises, nothing else, and a clean bill."""

import math

import pytest
import torch
from doctor_cases import CE, GPT, digits_batch, mlp, token_loss, tokens
from doctor_nets import Llama, ResNet, UNet, ViT, dict_loss, pictures, vgg
from torch import nn

from initlib import apply, diagnose, recommend
from initlib.testing import assert_variance


def mlp_rule(**more):
    return recommend(**{"activation": "relu", "depth": 4, "width": 128, **more})


def transformer(depth, width, activation="gelu"):
    return recommend(
        architecture="transformer", normalisation="pre", activation=activation, depth=depth, width=width
    )


RESNET = {
    "layers.*.conv1": "first layer of a branch",
    "layers.*.conv2": "last layer of a branch",
    "layers.*.down.0": "first layer of a branch",
    "stem.0": "first layer of a branch",
}
WHOLE = {
    "MLP": (lambda: mlp(64, 128, 128, 128, 10), mlp_rule(), {}, digits_batch, CE),
    "VGG": (lambda: vgg(lambda n: n), recommend(architecture="conv", depth=8, width=64), {}, pictures, CE),
    "ResNet": (
        ResNet,
        recommend(architecture="residual", normalisation="batch", depth=6, width=64),
        RESNET,
        pictures,
        CE,
    ),
    "GPT": (
        lambda: GPT(tied=False),
        transformer(4, 128),
        {"position": "embedding", "*.proj": "attention output"},
        tokens,
        token_loss,
    ),
    "Llama": (lambda: Llama(d=96), transformer(4, 96, "swiglu"), {}, tokens, token_loss),
    "ViT": (ViT, transformer(4, 64), {"patch": "query, key, value"}, pictures, dict_loss),
}


@pytest.mark.parametrize("name", ["MLP", "VGG", "ResNet", "GPT", "Llama", "ViT"])
def test_a_recommendation_written_into_a_model_gets_a_clean_bill(name):
    make, answer, names, batch, loss = WHOLE[name]
    torch.manual_seed(0)
    model = make()
    changes = apply(model, answer, rng=0, names=names)
    weights = {id(p) for n, p in model.named_parameters() if p.dim() > 1 and n not in changes.left}
    assert len(weights) == len([row for row in changes if not row.name.endswith("bias")])
    report = diagnose(model, batch(0), loss)
    assert report.severity != "severe", report


def test_the_laws_are_those_of_the_recommendation():
    model = mlp(64, 128, 128, 10)
    apply(model, mlp_rule(), rng=0)
    assert_variance(model[0].weight, 2 / 64)
    assert_variance(model[2].weight, 2 / 128)
    assert not model[4].weight.any()
    assert not model[0].bias.any()


def test_blocks_of_a_transformer_get_the_laws_of_their_parts():
    model = Llama(d=96)
    answer = transformer(4, 96, "swiglu")
    apply(model, answer, rng=0)
    numbers = {part.name: answer.numbers(part.name)["weights"] for part in answer.parts}
    block = model.blocks[2]
    assert_variance(block["q"].weight, 1 / 96)
    assert_variance(block["o"].weight, 1 / (2 * 4 * 96))
    assert_variance(block["gate"].weight, 1 / 96)
    assert_variance(block["down"].weight, 2.8108 / (2 * 4 * 4 * 96))
    assert_variance(model.embedding.weight, numbers["embedding"])


def test_a_long_memory_gets_its_forget_biases():
    model = nn.LSTM(32, 64, 2, batch_first=True)
    apply(model, recommend(architecture="lstm", activation="tanh", steps=60, width=64), rng=0)
    for layer in (0, 1):
        bias = getattr(model, f"bias_ih_l{layer}").detach()
        assert torch.equal(bias[:64], -bias[64:128])
        assert float(bias[64:128].min()) >= 0
        assert float(bias[64:128].max()) <= math.log(59)
        assert not bias[128:].any()
        assert not getattr(model, f"bias_hh_l{layer}").any()
        for gate in getattr(model, f"weight_hh_l{layer}").detach().chunk(4):
            assert torch.allclose(gate @ gate.T, torch.eye(64), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "variance"), [("he_normal", 2 / 128), ("glorot_uniform", 1 / 128), ("lecun_normal", 1 / 128)]
)
def test_a_named_initializer_draws_every_weight(name, variance):
    model = mlp(128, 128, 128, 128)
    apply(model, name, rng=0)
    for layer in model[::2]:
        assert_variance(layer.weight, variance, kurtosis=1.8 if "uniform" in name else 3.0)
        assert not layer.bias.any()


def test_kernels_are_drawn_with_their_own_fans():
    model = UNet()
    apply(model, "he_normal", rng=0)
    assert_variance(model.down[2][3].weight, 2 / (32 * 9))
    assert model.down[0][1].weight.eq(1).all()


def test_the_generator_is_its_own_and_the_same_seed_gives_the_same():
    a, b = mlp(64, 64, 10), mlp(64, 64, 10)
    state = torch.random.get_rng_state()
    apply(a, mlp_rule(), rng=3)
    apply(b, mlp_rule(), rng=3)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    apply(b, mlp_rule(), rng=4)
    assert not torch.equal(a[0].weight, b[0].weight)


@pytest.mark.parametrize("rule", [mlp_rule(), "orthogonal", "lsuv"])
def test_a_dry_run_changes_nothing_and_shows_the_same_rows(rule):
    x = digits_batch(0)[0]
    model = mlp(64, 64, 64, 10)
    before = [p.detach().clone() for p in model.parameters()]
    dry = apply(model, rule, rng=0, batch=x, dry_run=True)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
    assert "dry run" in repr(dry)
    wet = apply(model, rule, rng=0, batch=x)
    assert wet.rows == dry.rows


def test_lsuv_gives_every_layer_unit_variance_and_leaves_no_hook():
    model, (x, _) = mlp(64, 64, 64, 64, 10, activation=nn.Tanh), digits_batch(0, 256)
    apply(model, "lsuv", rng=0, batch=x)
    h = x
    for layer in model:
        h = layer(h)
        if isinstance(layer, nn.Linear):
            assert float(h.var()) == pytest.approx(1, abs=0.11)
            assert not layer._forward_hooks


def test_tied_weights_are_drawn_once_and_stay_tied():
    model = GPT(tied=True)
    changes = apply(model, "he_normal", rng=0)
    assert model.head.weight is model.token.weight
    assert [row.name for row in changes].count("token.weight") == 1
    assert "head.weight" not in [row.name for row in changes]


def test_what_is_left_alone_is_listed():
    model = nn.Sequential(
        nn.Linear(64, 64), nn.LayerNorm(64), nn.utils.parametrizations.weight_norm(nn.Linear(64, 10))
    )
    changes = apply(model, "he_normal", rng=0)
    assert set(changes.left) >= {"1.weight", "1.bias"}
    assert any(name.startswith("2.parametrizations") for name in changes.left)


def test_layers_that_fit_no_part_are_named_before_anything_is_written():
    model = ResNet()
    before = model.fc.weight.detach().clone()
    answer = recommend(architecture="residual", normalisation="batch", depth=6, width=64)
    with pytest.raises(ValueError, match=r"No part of .* fit: stem\.0"):
        apply(model, answer, rng=0)
    assert torch.equal(model.fc.weight, before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("he_norm",), "Did you mean 'he_normal'"),
        (("lsuv",), "needs batch"),
    ],
)
def test_bad_rules_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        apply(mlp(64, 10), *arguments)


def test_a_pattern_that_matches_nothing_is_named():
    with pytest.raises(ValueError, match="names must match"):
        apply(mlp(64, 10), mlp_rule(), names={"blocks.*": "hidden layers"})
