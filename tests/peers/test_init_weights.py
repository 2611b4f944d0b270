"""The function for a whole model that `recommend` prints: run, compared with `apply`, and examined."""

import copy
import math

import pytest
import torch
from doctor_cases import token_loss
from doctor_variants import Encoder, text
from test_apply import WHOLE, transformer
from torch import nn

from initlib import apply, diagnose, recommend

FITTING = 5.0  # standard errors
OWN_NAMES = ("ReZero", "Fixup")  # layers that no function could know
MODELS = {name: row for name, row in WHOLE.items() if name not in OWN_NAMES} | {
    "nn.TransformerEncoder": (lambda: Encoder(4, before=True), transformer(4, 64), text, token_loss),
}


def drawn(answer, make):
    """Return a model that was spoilt and then drawn by the function."""
    space: dict = {}
    exec(answer.init_weights(), space)
    torch.manual_seed(0)
    model = make()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d, nn.Embedding, nn.RNNBase, nn.MultiheadAttention)):
                for p in module.parameters(recurse=False):
                    p.fill_(7.0)
    space["init_weights"](model)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_the_function_gets_a_clean_bill(name):
    make, answer, batch, loss, *_ = MODELS[name]
    report = diagnose(drawn(answer, make), batch(0), loss)
    assert report.severity in ("clean", "note"), report


@pytest.mark.parametrize("name", MODELS)
def test_the_function_draws_what_apply_draws(name):
    make, answer, *_ = MODELS[name]
    model = drawn(answer, make)
    other = copy.deepcopy(model)
    apply(other, answer, rng=0)
    pairs = zip(model.named_parameters(), other.parameters(), strict=True)
    for (parameter, one), two in pairs:
        a, b = (float(t.detach().double().square().mean()) for t in (one, two))
        if b == 0 or a == 0:
            assert a == b, parameter
        else:
            assert abs(math.log(a / b)) < FITTING * math.sqrt(2 * 2 / one.numel()), parameter


def test_an_lstm_gets_the_forget_biases_of_its_rule():
    answer = recommend(architecture="lstm", activation="tanh", steps=20)
    model = drawn(answer, lambda: nn.ModuleList([nn.LSTM(32, 64, 2), nn.Linear(64, 10)]))
    for layer in (0, 1):
        bias = getattr(model[0], f"bias_ih_l{layer}").detach()
        assert bias[64:128].eq(1).all()
        assert not bias[:64].any()
        assert not bias[128:].any()


def test_rules_for_parts_of_a_net_say_that_they_have_no_function():
    with pytest.raises(ValueError, match="take code"):
        recommend(architecture="lora").init_weights()
