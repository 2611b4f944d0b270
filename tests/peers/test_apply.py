"""`initlib.apply` on PyTorch models: the laws it promises, nothing else, and a clean bill."""

import math

import pytest
import torch
from doctor_cases import CE, GPT, Normed, digits_batch, mlp, token_loss, tokens
from doctor_nets import Fixup, Llama, Recurrent, ResNet, ReZero, UNet, ViT, dict_loss, pictures, vgg
from torch import nn

from initlib import apply, diagnose, recommend
from initlib.diagnosis.pytorch.apply import _variance
from initlib.testing import assert_variance


def mlp_rule(**more):
    return recommend(**{"activation": "relu", "depth": 4, "width": 128, **more})


def transformer(depth, width, activation="gelu"):
    return recommend(
        architecture="transformer", normalisation="pre", activation=activation, depth=depth, width=width
    )


RESNET = recommend(architecture="resnet", depth=6, width=64)
LSTM = recommend(architecture="lstm", activation="tanh", steps=60, width=128)
WHOLE = {
    "MLP": (lambda: mlp(64, 128, 128, 128, 10), mlp_rule(), digits_batch, CE),
    "VGG": (lambda: vgg(lambda n: n), recommend(architecture="conv", depth=8, width=64), pictures, CE),
    "VGG, batch norm": (
        lambda: vgg(lambda n: n, norm=True),
        recommend(architecture="conv", depth=8, width=64),
        pictures,
        CE,
    ),
    "ResNet": (ResNet, RESNET, pictures, CE),
    "ResNet, branches as Sequential": (
        lambda: Normed(3.0),
        RESNET,
        lambda s: (digits_batch(s)[0].view(-1, 1, 8, 8), digits_batch(s)[1]),
        CE,
    ),
    "GPT": (lambda: GPT(tied=False), transformer(4, 128), tokens, token_loss),
    "GPT, tied": (lambda: GPT(tied=True), transformer(4, 128), tokens, token_loss),
    "Llama": (lambda: Llama(d=96), transformer(4, 96, "swiglu"), tokens, token_loss),
    "ViT": (ViT, transformer(4, 64), pictures, dict_loss),
    "LSTM": (lambda: Recurrent(vocabulary=85), LSTM, tokens, token_loss),
    "ReZero": (
        ReZero,
        recommend(architecture="rezero", depth=12, width=64),
        digits_batch,
        CE,
        {"blocks.*": "last layer of a branch", "stem": "first layer of a branch"},
    ),
    "Fixup": (
        Fixup,
        recommend(architecture="residual", depth=8, width=64),
        digits_batch,
        CE,
        {
            "*.0": "first layer of a branch",
            "*.1": "last layer of a branch",
            "stem": "first layer of a branch",
        },
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_recommendation_written_into_a_model_gets_a_clean_bill(name):
    make, answer, batch, loss, *names = WHOLE[name]
    torch.manual_seed(0)
    model = make()
    changes = apply(model, answer, rng=0, names=names[0] if names else None)
    assert set(changes.left) <= {"cls", "pos"}
    report = diagnose(model, batch(0), loss)
    assert report.severity in ("clean", "note"), report


def test_blocks_of_a_resnet_start_as_identities():
    model = ResNet()
    for p in model.parameters():
        nn.init.normal_(p)
    apply(model, RESNET, rng=0)
    for name, p in model.named_parameters():
        if name.endswith(("bn2.weight", "bn1.bias", "bn2.bias")):
            assert not p.any(), name
        elif p.dim() == 1 and name.endswith("weight"):
            assert p.eq(1).all(), name
    x = torch.rand(4, 16, 8, 8)
    assert torch.equal(model.layers[0][1](x), x)


def test_numbers_on_branches_are_written():
    answer, names = WHOLE["ReZero"][1], WHOLE["ReZero"][4]
    model = ReZero()
    nn.init.ones_(model.alpha)
    apply(model, answer, rng=0, names=names)
    assert not model.alpha.any()
    model.multiples = model.alpha
    del model.alpha
    with pytest.raises(ValueError, match="known to be 'multiplier of a branch'"):
        apply(model, answer, rng=0, names=names)
    apply(model, answer, rng=0, names={**names, "multiples": "multiplier of a branch"})


def test_a_tied_embedding_gets_the_law_of_one():
    model = GPT(tied=True)
    apply(model, transformer(4, 128), rng=0)
    assert_variance(model.token.weight, 1 / 128)
    assert_variance(model.position.weight, 1)


def test_the_laws_are_those_of_the_recommendation():
    model = mlp(64, 128, 128, 10)
    apply(model, mlp_rule(), rng=0)
    assert_variance(model[0].weight, 2 / 64)
    assert_variance(model[2].weight, 2 / 128)
    assert not model[4].weight.any()
    assert not model[0].bias.any()


def test_a_bias_has_the_fans_of_its_layer():
    model = mlp(200, 300, 250, 10)
    apply(model, recommend(activation="sin", depth=3), rng=0)
    for layer in (model[0], model[2]):
        assert layer.bias.detach().abs().max() <= layer.in_features**-0.5
        assert layer.bias.std().item() == pytest.approx((3 * layer.in_features) ** -0.5, rel=0.15)


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


def test_lsuv_takes_no_rounding_for_variance():
    equal = torch.full((50, 1), 0.1)
    equal[::2] = torch.nextafter(equal[0], torch.ones(1))
    assert _variance(equal) == 0 < float(equal.double().var())
    varying = torch.randn(50, 3)
    assert _variance(varying) == float(varying.double().var(unbiased=False))
    assert _variance(varying.half()) > 0.5


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
    model = GPT(tied=False)
    model.blocks[1].strange = nn.Linear(128, 128)
    before = model.head.weight.detach().clone()
    with pytest.raises(ValueError, match=r"No part of .* fit: blocks\.1\.strange\. Say which"):
        apply(model, transformer(4, 128), rng=0)
    assert torch.equal(model.head.weight, before)


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
