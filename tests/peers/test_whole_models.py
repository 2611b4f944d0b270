"""`Recommendation.whole_model`: lines to copy, in torch alone, write what `initlib.apply` writes."""

import math

import pytest
import torch
from doctor_cases import mlp
from doctor_nets import Recurrent
from test_apply import WHOLE
from torch import nn

from initlib import apply, diagnose, recommend
from initlib.recommendation import RULES, whole
from initlib.testing import assert_variance

# Shortcuts around single layers; the numbers of all branches in one tensor; norms without names. A tied
# readout has a test of its own: there `apply` takes the last layer that is not tied for the output.
UNNAMED = ("ReZero", "Fixup", "ResNet, branches as Sequential", "GPT, tied")


def run(answer, model):
    """Run the function as it is copied, with its line of call; return what that leaves."""
    code = answer.whole_model()
    assert "initlib" not in code
    torch.manual_seed(0)
    space = {"model": model}
    call = whole.call(answer.rule, answer.sizes["blocks"], answer.sizes["steps"])
    exec(code + "\n\n\n" + call, space)
    return space


def agree(copied, applied):
    """Raise an AssertionError unless two models have the same laws: constants equal, draws as wide."""
    for (name, a), (_, b) in zip(copied.named_parameters(), applied.named_parameters(), strict=True):
        if b.std() == 0 or b.numel() == 1:
            assert torch.equal(a, b), name
        elif a.dim() > 1:
            wide = (a.square().mean() / b.square().mean()).sqrt().item()
            assert wide == pytest.approx(1, abs=6 / math.sqrt(a.numel())), name


@pytest.mark.parametrize("name", [name for name in WHOLE if name not in UNNAMED])
def test_what_is_copied_writes_what_apply_writes_and_gets_a_clean_bill(name):
    make, answer, batch, loss, *_ = WHOLE[name]
    torch.manual_seed(0)
    copied, applied = make(), make()
    applied.load_state_dict(copied.state_dict())
    apply(applied, answer, rng=0)
    run(answer, copied)
    agree(copied, applied)
    report = diagnose(copied, batch(0), loss)
    assert report.severity in ("clean", "note"), report


PLAIN = [rule for rule in RULES if rule.architecture == "mlp"]


@pytest.mark.parametrize("rule", PLAIN, ids=lambda rule: rule.name)
def test_plain_nets_get_every_law_of_their_rule(rule):
    answer = recommend(
        activation=(rule.activations or ("tanh",))[0], normalisation=(rule.normalisations or ("none",))[0],
        depth=rule.depths[0],
    )  # fmt: skip
    copied, applied = mlp(200, 300, 250, 10), mlp(200, 300, 250, 10)
    run(answer, copied)
    apply(applied, answer, rng=1)
    agree(copied, applied)
    for layer, other in zip(copied[::2], applied[::2], strict=True):
        if answer.activation == "sin":
            assert_variance(layer.bias, 1 / (3 * layer.in_features), kurtosis=1.8)
            break  # the output has none
        assert layer.bias.std().item() == pytest.approx(other.bias.std().item(), rel=0.35)  # they are few


class Branch(nn.Module):
    def __init__(self, width, norm=False):
        super().__init__()
        self.first, self.last = nn.Linear(width, width), nn.Linear(width, width)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(2 * norm))
        self.alpha = nn.Parameter(torch.tensor(0.5))


class Shortcuts(nn.Module):
    def __init__(self, width=256, norm=False, outputs=10):
        super().__init__()
        self.stem, self.head = nn.Linear(64, width), nn.Linear(width, outputs)
        self.blocks = nn.ModuleList(Branch(width, norm) for _ in range(6))

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = x + block.alpha * block.last(block.first(x).relu())
        return self.head(x)


@pytest.mark.parametrize(
    ("architecture", "normalisation"), [("residual", "none"), ("residual", "batch"), ("residual", "layer"),
                                        ("rezero", "none")],
)  # fmt: skip
def test_nets_with_shortcuts_get_the_laws_of_their_branches(architecture, normalisation):
    answer = recommend(architecture=architecture, normalisation=normalisation, depth=6, width=256)
    model = Shortcuts(norm=normalisation == "batch")
    run(answer, model)
    assert_variance(model.stem.weight, 1 / 64)
    assert not model.head.weight.any()
    for block in model.blocks:
        for layer, name in ((block.first, "first"), (block.last, "last")):
            variance = answer.numbers(f"{name} layer of a branch")["weights"]
            assert_variance(layer.weight, variance) if variance else None
            assert bool(layer.weight.any()) == bool(variance)
        if normalisation == "batch":
            assert block.norms[0].weight.all()
            assert not block.norms[1].weight.any()
        if normalisation == "none":
            assert block.alpha == answer.numbers("multiplier of a branch")["weights"]


@pytest.mark.parametrize(("steps", "kind"), [(10, "forget"), (200, "chrono")])
def test_lstms_of_two_layers_and_directions_get_their_forget_biases(steps, kind):
    model = nn.LSTM(32, 256, 2, bidirectional=True)
    run(recommend(architecture="lstm", activation="tanh", steps=steps, width=256), model)
    for name, values in model.named_parameters():
        if "bias_ih" in name:
            first, forget, *others = values.chunk(4)
            assert not torch.cat(others).any()
            assert torch.equal(forget, torch.ones(256)) if kind == "forget" else torch.equal(first, -forget)
            assert forget.max() <= math.log(steps - 1) or kind == "forget"
        elif "weight_hh" in name:
            for gate in values.chunk(4):
                torch.testing.assert_close(gate @ gate.T, torch.eye(256), atol=1e-5, rtol=0)


def test_what_peft_calls_lora_starts_where_the_trained_net_is():
    model = nn.ModuleDict({"lora_A": nn.Linear(512, 8, bias=False), "lora_B": nn.Linear(8, 512, bias=False)})
    run(recommend(architecture="lora"), model)
    assert_variance(model["lora_A"].weight, 1 / 512)
    assert not model["lora_B"].weight.any()


def test_in_mup_each_layer_has_its_rate():
    model = mlp(32, 512, 512, 10)
    groups = run(recommend(architecture="mup", width=512), model)["optimizer"].param_groups
    rates = {id(group["params"][0]): group["lr"] for group in groups}
    assert [rates[id(layer.weight)] / 0.001 for layer in model[::2]] == pytest.approx([1, 1 / 8, 1 / 8])
    assert [rates[id(layer.bias)] / 0.001 for layer in model[::2]] == [1, 1, 1]


def test_a_tied_readout_is_drawn_once_with_the_law_of_both_its_ends():
    make, answer, *_ = WHOLE["GPT, tied"]
    model = make()
    run(answer, model)
    assert model.head.weight is model.token.weight
    assert_variance(model.token.weight, 1 / 128)
    assert_variance(model.position.weight, 1)
    assert_variance(model.blocks[3].down.weight, answer.numbers("feed-forward, second")["weights"])


def test_gpt_2_has_its_standard_deviations():
    make, *_ = WHOLE["GPT, tied"]
    model = make()
    run(recommend(architecture="gpt-2", depth=4, width=128), model)
    block = model.blocks[2]
    for weight in (model.token.weight, model.position.weight, block.qkv.weight, block.up.weight):
        assert_variance(weight, 0.02**2)
    for layer in (block.proj, block.down):
        assert_variance(layer.weight, 0.02**2 / 8)


def test_a_gan_has_one_standard_deviation_in_both_nets():
    kinds = [nn.Conv2d(16, 32, 4), nn.BatchNorm2d(32), nn.ConvTranspose2d(32, 16, 4)]
    model = nn.Sequential(*kinds)
    run(recommend(architecture="dcgan", activation="relu"), model)
    assert_variance(model[0].weight, 0.02**2)
    assert_variance(model[2].weight, 0.02**2)
    assert model[1].weight.eq(1).all()


@pytest.mark.parametrize(
    ("name", "words"),
    [("ResNet, branches as Sequential", "last normalization"), ("GPT", "FEED_FORWARD_OUTPUT")],
)
def test_a_model_with_names_that_the_lines_do_not_know_is_refused(name, words):
    make, answer, *_ = WHOLE[name]
    model = make()
    for block in model.blocks if name == "GPT" else ():
        block.foreign, block.down = block.down, None
    with pytest.raises(AssertionError, match=words):
        run(answer, model)


def test_lines_of_another_rule_do_not_agree():
    copied, applied = mlp(200, 300, 250, 10), mlp(200, 300, 250, 10)
    run(recommend(activation="tanh"), copied)
    apply(applied, recommend(), rng=0)
    with pytest.raises(AssertionError):
        agree(copied, applied)


def test_a_gru_is_initialized_gate_by_gate():
    model = Recurrent(vocabulary=85)
    kinds = [m for m in model.modules() if isinstance(m, (nn.LSTM, nn.GRU))]
    assert kinds
    gru = nn.GRU(64, 128, 2)
    run(recommend(architecture="gru", activation="tanh"), gru)
    assert_variance(gru.weight_ih_l0, 2 / (64 + 128))
    assert not gru.bias_ih_l1.any()


NAMES_OF_SHORTCUTS = {
    "stem": "first layer of a branch",
    "blocks.*.first": "first layer of a branch",
    "blocks.*.last": "last layer of a branch",
}
SHARES = [0.7, 0.2, 0.1]
RARE = {
    "MLP": (lambda: mlp(64, 32, 3), {"depth": 2}),
    "MLP, muP": (lambda: mlp(64, 32, 3), {"architecture": "mup"}),
    "deep GELU": (lambda: mlp(*[32] * 20, 3), {"activation": "gelu", "depth": 20}),
    "softmax regression": (lambda: mlp(64, 3), {"architecture": "linear"}),
    "shortcuts": (lambda: Shortcuts(64, outputs=3), {"architecture": "rezero", "depth": 6}),
}


@pytest.mark.parametrize("written", ["copied", "applied"])
@pytest.mark.parametrize("name", RARE)
def test_the_first_loss_is_that_of_the_class_frequencies(name, written):
    make, net = RARE[name]
    answer = recommend(data="imbalanced", share=SHARES, outputs=3, width=64, **net)
    model = make()
    if written == "copied":
        run(answer, model)
    else:
        apply(model, answer, names=NAMES_OF_SHORTCUTS if name == "shortcuts" else None, rng=0)
    logits = model(torch.randn(5, next(model.parameters()).shape[1]))
    torch.testing.assert_close(logits, torch.tensor(SHARES).log().expand(5, 3))


@pytest.mark.parametrize("written", ["copied", "applied"])
def test_a_single_output_starts_at_the_log_odds(written):
    answer = recommend(data="imbalanced", share=0.01, outputs=1, width=32)
    model = mlp(64, 32, 1)
    run(answer, model) if written == "copied" else apply(model, answer, rng=0)
    assert model[-1].bias.item() == pytest.approx(math.log(0.01 / 0.99), rel=1e-5)


@pytest.mark.parametrize("architecture", ["gpt", "gpt-2", "bert"])
def test_the_head_of_a_transformer_gets_the_shares_wherever_it_is_named(architecture):
    layers = {"classifier": nn.Linear(32, 3), "c_proj": nn.Linear(32, 32), "linear2": nn.Linear(32, 32)}
    model = nn.Module()
    model.classifier = layers.pop("classifier")
    model.attn = nn.ModuleDict(layers)
    model.mlp = nn.ModuleDict({"c_proj": nn.Linear(32, 32)})
    run(
        recommend(architecture=architecture, activation="gelu", data="imbalanced", share=SHARES, outputs=3),
        model,
    )
    torch.testing.assert_close(model.classifier.bias, torch.tensor(SHARES).log())
    assert not model.mlp["c_proj"].bias.any()


def test_shares_of_another_number_of_classes_are_refused_before_anything_is_written():
    model = mlp(64, 32, 4)
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(ValueError, match=r"one number for each output of '2', 4\. Received: 3"):
        apply(model, recommend(data="imbalanced", share=SHARES, outputs=3), rng=0)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


WITHOUT = {  # a rule for each way in which biases are written
    "zeros": recommend(depth=4),
    "random": recommend(activation="gelu", depth=20),
    "centring": recommend(activation="sigmoid", depth=6),
    "SIREN": recommend(activation="sin"),
    "muP": recommend(architecture="mup"),
    "regression": recommend(architecture="linear"),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_layers_without_biases_are_drawn_all_the_same(name):
    model = nn.Sequential(
        nn.Linear(64, 32, bias=False), nn.Linear(32, 32, bias=False), nn.Linear(32, 3, bias=False)
    )
    before = [p.clone() for p in model.parameters()]
    run(WITHOUT[name], model)
    assert not any(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_an_apply_that_fails_midway_leaves_the_model_as_it_was():
    class Full(nn.Parameter):
        def copy_(self, *_):
            raise RuntimeError("full")

    model = mlp(64, 32, 3)
    before = [p.clone() for p in model.parameters()]
    model[2].weight = Full(model[2].weight.detach().clone())
    with pytest.raises(RuntimeError, match="full"):
        apply(model, recommend(width=32), rng=0)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
