"""The doctor on PyTorch models: the open cases and their fixes, what it sees, and that it leaves no trace."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from doctor_cases import CE, CONTROLS, GPT, OPEN, c2, digits_batch, he, mlp, mnist_like, token_loss, tokens
from doctor_nets import HEALTHY, BasicBlock, GRUCellLoop, Llama, Recurrent, ResNet, UNet, ViT, segments
from doctor_variants import FIRST_MISSES, SILENT, VARIANTS, text
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.checkpoint import checkpoint

from initlib import diagnose
from initlib.diagnosis.pytorch.examine import _feature_spread

SEEDS = range(2)  # the clinic has 20


def run(make, seed, **more):
    torch.manual_seed(seed)
    case = make(seed, **more)
    return case, diagnose(case.model, case.batch, case.loss, **case.options)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", OPEN)
def test_an_open_case_is_found_where_it_is(name, seed):
    case, report = run(OPEN[name], seed)
    found = [one for one in report.all() if one.code == case.expect]
    assert found, report
    assert found[0].severity in ("severe", case.severity), report
    assert case.place in found[0].place or case.place in found[0].sentence
    assert found[0] in (report.findings[0], *report.findings[0].consequences), report


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", OPEN)
def test_its_fix_leaves_nothing_severe(name, seed):
    _, report = run(OPEN[name], seed, fixed=True)
    assert report.severity != "severe", report


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_stays_silent(name, seed):
    _, report = run(CONTROLS[name], seed)
    assert report.severity in ("clean", "note"), report


def test_the_sine_net_without_its_factor_is_severe():
    _, report = run(c2, 0, fixed=False)
    assert report.severity == "severe"
    assert "vanishes" in report.findings[0].sentence


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_net_has_nothing_severe(name):
    make, batches, loss = HEALTHY[name]
    torch.manual_seed(0)
    for batch in batches:
        report = diagnose(make(), batch(0), loss)
        assert report.severity != "severe", report


# What the recorder sees


class OwnMatrices(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Parameter(torch.randn(64, 64) / 8) for _ in range(3))

    def forward(self, x):
        x = F.relu(x @ self.a)
        x = F.relu(torch.einsum("bi,oi->bo", x, self.b))
        return torch.addmm(torch.zeros(64), x, self.c)


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.parts = nn.ModuleList(nn.Sequential(nn.Linear(64, 64), nn.ReLU()) for _ in range(3))
        self.head, self.reentrant = nn.Linear(64, 10), reentrant

    def forward(self, x):
        x = x.clone().requires_grad_() if self.reentrant else x
        for part in self.parts:
            x = checkpoint(part, x, use_reentrant=self.reentrant)
        return self.head(x)


SEEN = {
    "Sequential": (lambda: mlp(64, 64, 64, 10), lambda: digits_batch(0)[0], 3),
    "own matrices": (OwnMatrices, lambda: digits_batch(0)[0], 3),
    "one module used twice": (
        lambda: (lambda m: nn.Sequential(m, nn.ReLU(), m, nn.ReLU(), m))(nn.Linear(64, 64)),
        lambda: digits_batch(0)[0],
        3,
    ),
    "in-place ResNet": (ResNet, lambda: mnist_like(0)[0], 16),
    "nn.MultiheadAttention inside": (ViT, lambda: mnist_like(0)[0], 1 + 4 * 4 + 1),
    "GPT": (GPT, lambda: tokens(0)[0], 4 * 4 + 1),
    "handwritten norms and attention": (Llama, lambda: tokens(0)[0], 4 * 7 + 1),
    "checkpoint": (lambda: Checkpointed(False), lambda: digits_batch(0)[0], 4),
    "reentrant checkpoint": (lambda: Checkpointed(True), lambda: digits_batch(0)[0], 4),
    "LSTM": (Recurrent, lambda: tokens(0, 50)[0], 2),
    "LSTM cell by cell": (GRUCellLoop, lambda: digits_batch(0)[0], 9),
}


@pytest.mark.parametrize("name", SEEN)
def test_every_product_with_a_weight_is_seen(name):
    make, inputs, count = SEEN[name]
    torch.manual_seed(0)
    record = diagnose(make(), inputs()).record
    products = [o for o in record.operations if o.kind in ("weight", "recurrent")]
    assert len(products) == count
    assert all(o.gradient is not None for o in products)


def test_the_stream_of_a_residual_net_leaves_branches_out():
    torch.manual_seed(0)
    record = diagnose(GPT(tied=False), tokens(0), token_loss).record
    names = [record.label(o) for o in record.stream if o.kind == "sum"]
    assert len([name for name in names if name.startswith("the sum behind blocks")]) == 8
    assert not [o for o in record.stream if o.weights and "qkv" in o.weights[0]]


def test_numbers_are_those_that_hooks_would_read():
    torch.manual_seed(0)
    model, (x, y) = mlp(64, 48, 32, 10), digits_batch(0)
    record = diagnose(model, (x, y), CE).record
    h1 = model[0](x)
    h1.retain_grad()
    F.cross_entropy(model[1:](h1), y).backward()
    first = next(o for o in record.operations if o.kind == "weight")
    assert first.rms == pytest.approx(float(h1.detach().square().mean().sqrt()), rel=1e-5)
    assert first.gradient == pytest.approx(float(h1.grad.norm()), rel=1e-5)
    unit = F.normalize(h1.detach(), dim=1)
    cosine = (float((unit @ unit.T).sum()) - len(x)) / (len(x) * (len(x) - 1))
    assert first.apart == pytest.approx(1 - cosine, abs=1e-5)


# No trace


class Busy(nn.Module):
    """Counts, remembers, rebinds a buffer, fills nested lists, draws at random, clamps its own weight."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(inplace=True), nn.Dropout(0.5)
        )
        self.normed = nn.utils.parametrizations.spectral_norm(nn.Linear(64, 64))
        self.head = nn.Linear(64, 10)
        self.register_buffer("average", torch.zeros(64))
        self.calls, self.seen, self.by_name = 0, [], {}
        self.nested, self.cache = {"keys": [[]]}, SimpleNamespace(steps=[], size=0)
        self.total, self.array = torch.zeros(3), np.zeros(3)
        self.own_torch, self.own_numpy = torch.Generator(), np.random.default_rng(0)
        self.own_python = random.Random(0)
        self.fail = False

    def forward(self, x):
        self.calls += 1
        self.last = x
        self.seen.append(x.mean())
        self.by_name["x"] = self.calls
        self.nested["keys"][0].append(x)
        self.cache.steps.append(x)
        self.cache.size += 1
        self.total += 1
        self.array += 1
        torch.rand(1, generator=self.own_torch)
        self.own_numpy.random()
        self.own_python.random()
        self.head.weight.register_hook(lambda gradient: None)
        self.head.register_forward_hook(lambda *_: None)
        x.mul_(2)
        with torch.no_grad():
            self.head.weight.clamp_(-0.05, 0.05)
        random.random()
        np.random.rand()  # noqa: NPY002
        x = self.normed(self.body(x))
        self.average = 0.9 * self.average + 0.1 * x.detach().mean(0)
        if self.fail:
            raise ArithmeticError("on purpose")
        return self.head(x)


HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def state(model, batch):
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers()), "total": model.total}
    tensors |= {"inputs": batch[0], "targets": batch[1]}
    return {
        "values": {name: t.detach().clone() for name, t in tensors.items()},
        "versions": {name: t._version for name, t in tensors.items()},
        "tensor hooks": {name: dict(t._backward_hooks or {}) for name, t in tensors.items()},
        "hooks": [(name, [dict(getattr(m, kind)) for kind in HOOKS]) for name, m in model.named_modules()],
        "inside": (str(model.nested), vars(model.cache).copy(), len(model.cache.steps), model.array.tolist()),
        "generators": (
            model.own_torch.get_state().tolist(),
            model.own_numpy.bit_generator.state,
            model.own_python.getstate(),
        ),
        "objects": {name: id(t) for name, t in tensors.items()},
        "gradients": {name: t.grad for name, t in model.named_parameters()},
        "training": [(name, m.training) for name, m in model.named_modules()],
        "attributes": [
            (name, sorted(m.__dict__), [len(v) for v in m.__dict__.values() if isinstance(v, (list, dict))])
            for name, m in model.named_modules()
        ],
        "trained": {name: p.requires_grad for name, p in model.named_parameters()},
        "torch": torch.random.get_rng_state(),
        "numpy": np.random.get_state()[1].copy(),  # noqa: NPY002
        "python": random.getstate(),
    }


def assert_same(a, b):
    for name, value in a["values"].items():
        assert torch.equal(value, b["values"][name]), name
    assert torch.equal(a["torch"], b["torch"])
    np.testing.assert_array_equal(a["numpy"], b["numpy"])
    compared = {"values", "torch", "numpy"}
    for key in a.keys() - compared:
        assert a[key] == b[key], key


@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("depth", ["quick", "thorough"])
def test_nothing_is_changed(fail, depth):
    torch.manual_seed(0)
    model = Busy()
    model.fail = fail
    model.body[0].weight.requires_grad_(False)
    model.head.weight.grad = torch.ones_like(model.head.weight)
    model.head.weight.register_hook(lambda gradient: None)
    optimizer, batch = torch.optim.Adam(model.parameters(), lr=1e-3), digits_batch(0)
    before = state(model, batch)
    if fail:
        with pytest.raises(RuntimeError, match="ArithmeticError: on purpose"):
            diagnose(model, batch, CE, optimizer=optimizer, depth=depth)
    else:
        diagnose(model, batch, CE, optimizer=optimizer, depth=depth)
    assert_same(before, state(model, batch))
    assert not optimizer.state
    assert not nn.modules.module._global_forward_hooks
    assert not nn.modules.module._global_forward_pre_hooks


def test_without_a_step_to_try_no_parameter_is_written_to():
    model = mlp(64, 64, 10)
    before = [p._version for p in model.parameters()]
    x, y = digits_batch(0)
    diagnose(model, (x, y), CE)
    assert [p._version for p in model.parameters()] == before
    assert not hasattr(x, "_initlib_doctor")


def test_the_users_hooks_run_and_stay():
    model, calls = mlp(64, 64, 10), []
    model[0].register_forward_hook(lambda *_: calls.append("forward"))
    model[0].register_full_backward_hook(lambda *_: calls.append("backward"))
    diagnose(model, digits_batch(0), CE)
    assert calls == ["forward", "backward"]
    assert len(model[0]._forward_hooks) == len(model[0]._backward_hooks) == 1


def test_it_works_without_gradients_being_wanted():
    model = mlp(64, 64, 10)
    with torch.no_grad():
        assert diagnose(model, digits_batch(0), CE).severity == "clean"
    with torch.inference_mode():
        assert diagnose(model, tuple(t.clone() for t in digits_batch(0)), CE).severity == "clean"
    for p in model.parameters():
        p.requires_grad_(False)
    assert "gradients" in repr(diagnose(model, digits_batch(0), CE))


# Refusals


class DistributedDataParallel(nn.Module):
    def forward(self, x):
        return x


class FullyShardedDataParallel(DistributedDataParallel):
    pass


def quantized():
    return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(64, 10)), {nn.Linear})


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: torch.jit.script(nn.Linear(64, 10)), "scripted"),
        (lambda: nn.Sequential(nn.LazyLinear(10)), "lazy"),
        (DistributedDataParallel, r"\.module"),
        (lambda: nn.Sequential(FullyShardedDataParallel()), r"\.module"),
        (quantized, "quantized"),
        (lambda: nn.Linear(64, 10, device="meta"), "meta"),
        (lambda: print, r"torch\.nn\.Module"),
        (lambda: "model", r"torch\.nn\.Module"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_examined_is_refused_in_one_sentence(model, words):
    with pytest.raises(TypeError, match=words) as error:
        diagnose(model(), torch.zeros(4, 64))
    assert str(error.value).count(". ") <= 1


def test_lazy_models_are_still_lazy_after_the_refusal():
    model = nn.LazyLinear(10)
    with pytest.raises(TypeError):
        diagnose(model, torch.zeros(4, 64))
    assert isinstance(model.weight, nn.parameter.UninitializedParameter)


def test_inference_tensors_are_refused():
    with torch.inference_mode():
        model = nn.Linear(64, 10)
    with pytest.raises(TypeError, match="inference mode"):
        diagnose(model, torch.zeros(4, 64))


def test_a_loss_that_is_no_number_is_named():
    with pytest.raises(RuntimeError, match="loss must return one number"):
        diagnose(mlp(64, 10), digits_batch(0), lambda output, y: output)


def test_a_batch_without_samples_is_refused():
    with pytest.raises(ValueError, match="at least one sample"):
        diagnose(torch.nn.Linear(4, 3), torch.zeros(0, 4))


def test_a_batch_without_targets_is_named():
    with pytest.raises(ValueError, match=r"batch must be \(inputs, targets\)"):
        diagnose(mlp(64, 10), digits_batch(0)[0], CE)
    with pytest.raises(TypeError, match="batch must be a tensor"):
        diagnose(mlp(64, 10), "picture")


# More faults, told from their healthy twins


class Unowned(nn.Module):
    def __init__(self, owned):
        super().__init__()
        layers = [nn.Linear(64, 64) for _ in range(2)]
        self.layers = nn.ModuleList(layers) if owned else layers
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.head(x)


class Cut(nn.Module):
    def __init__(self, cut):
        super().__init__()
        self.body, self.head, self.cut = nn.Linear(64, 64), nn.Linear(64, 10), cut

    def forward(self, x):
        h = F.relu(self.body(x))
        return self.head(h.detach() if self.cut else h)


class Attention(nn.Module):
    def __init__(self, scaled):
        super().__init__()
        self.embedding, self.qkv, self.head = nn.Embedding(85, 128), nn.Linear(128, 384), nn.Linear(128, 85)
        nn.init.normal_(self.qkv.weight, std=128**-0.5)
        self.scale = 128**-0.5 if scaled else 1.0

    def forward(self, x):
        x = F.layer_norm(self.embedding(x), (128,))
        q, k, v = self.qkv(x).chunk(3, -1)
        return self.head(x + torch.softmax(q @ k.transpose(1, 2) * self.scale, -1) @ v)


def with_weights(model, draw, bias=0.0):
    for m in model.modules():
        if isinstance(m, nn.Linear):
            draw(m.weight)
            nn.init.constant_(m.bias, bias)
    return model


def constant_lstm(constant):
    model = Recurrent(vocabulary=50)
    model.rnn.dropout = 0.0
    if constant:
        for p in model.rnn.parameters():
            nn.init.constant_(p, 0.1)
    return model


def regress(batch):
    return batch[0], batch[1].float()[:, None]


TWINS = {
    "unregistered": (Unowned, (False, True), digits_batch, CE),
    "unreached": (Cut, (True, False), digits_batch, CE),
    "attention-one-hot": (Attention, (False, True), tokens, token_loss),
    "identical-units": (constant_lstm, (True, False), lambda s: tokens(s, 50), token_loss),
    "dead-units": (
        lambda bias: with_weights(mlp(64, 64, 64, 10), nn.init.kaiming_normal_, bias),
        (-4.0, 0.0),
        digits_batch,
        CE,
    ),
    "labels": (lambda shift: mlp(64, 64, 10 - shift), (1, 0), digits_batch, CE),
    "logits-as-probabilities": (
        lambda bare: nn.Sequential(mlp(64, 64, 10), *([] if bare else [nn.LogSoftmax(1)])),
        (True, False),
        digits_batch,
        F.nll_loss,
    ),
    "activation-last": (
        lambda end: nn.Sequential(mlp(64, 64, 1), end),
        (nn.Sigmoid(), nn.Identity()),
        lambda s: regress(digits_batch(s)),
        F.mse_loss,
    ),
    "summed-loss": (
        lambda _: mlp(64, 64, 10),
        (None, None),
        digits_batch,
        (lambda o, y: F.cross_entropy(o, y, reduction="sum"), CE),
    ),
    "shape-broadcast": (
        lambda flat: nn.Sequential(mlp(64, 64, 1), *([nn.Flatten(0)] if flat else [])),
        (False, True),
        lambda s: (digits_batch(s)[0], digits_batch(s)[1].float()),
        lambda o, y: ((o - y) ** 2).mean(),
    ),
    "gradient-tiny": (
        lambda small: with_weights(mlp(64, 64, 64, 10).half(), lambda w: nn.init.normal_(w, std=small)),
        (3e-3, 0.1),
        lambda s: (digits_batch(s)[0].half(), digits_batch(s)[1]),
        lambda output, y: F.cross_entropy(output.float(), y),
    ),
    "no-nonlinearity": (
        lambda end: nn.Sequential(nn.Linear(64, 64), end, nn.Linear(64, 10)),
        (nn.Identity(), nn.Tanh()),
        digits_batch,
        CE,
    ),
}


@pytest.mark.parametrize("code", TWINS)
def test_a_fault_is_told_from_its_healthy_twin(code):
    make, (bad, good), batch, loss = TWINS[code]
    losses = loss if isinstance(loss, tuple) else (loss, loss)
    torch.manual_seed(0)
    assert diagnose(make(bad), batch(0), losses[0]).has(code)
    assert not diagnose(make(good), batch(0), losses[1]).has(code)


def test_attention_on_one_place_names_the_weights_that_make_it():
    torch.manual_seed(0)
    model = GPT(tied=False)
    model.blocks[0].qkv.weight.data *= 20
    first = diagnose(model, tokens(0), token_loss).findings[0]
    assert "blocks.0.qkv.weight" in first.sentence
    exec(first.lines)
    assert diagnose(model, tokens(0), token_loss).severity in ("clean", "note")


def test_what_is_no_optimizer_is_refused():
    with pytest.raises(TypeError, match=r"optimizer must be a torch.optim.Optimizer.* Received: object"):
        diagnose(mlp(64, 64, 10), digits_batch(0), CE, optimizer=object())


@pytest.mark.parametrize("size", [1e20, 1e-25])
def test_sizes_are_measured_in_double_precision(size):
    torch.manual_seed(0)
    report = diagnose(mlp(64, 64, 10), torch.randn(32, 64) * size)
    assert report.record.operations[0].rms == pytest.approx(size, rel=0.1)
    assert not report.has("not-finite")
    assert report.has("input-scale")


ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Softsign, nn.Hardtanh, nn.Softplus)


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.8])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_lines_of_the_first_finding_mend_the_net(activation, factor):
    torch.manual_seed(0)
    model = nn.Sequential(
        *[layer for _ in range(19) for layer in (nn.Linear(64, 64), activation())], nn.Linear(64, 10)
    )
    with_weights(model, lambda w: nn.init.normal_(w, std=factor / 8))
    for _ in range(4):
        report = diagnose(model, digits_batch(0), CE)
        if report.severity in ("clean", "note"):
            return
        exec(report.findings[0].lines, {"model": model, "torch": torch})
        if "fewer layers" in report.findings[0].lines:
            return  # what helps is another model
    pytest.fail(repr(report))


class Added(nn.Module):
    """A block of two layers that is added to its input."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(64, 64), nn.Linear(64, 64)

    def forward(self, x):
        return x + self.last(F.gelu(self.first(x)))


def test_branches_that_are_added_at_full_size_are_closed_by_their_lines():
    torch.manual_seed(0)
    model = with_weights(
        nn.Sequential(*[Added() for _ in range(16)], nn.Linear(64, 10)), lambda w: nn.init.kaiming_normal_(w)
    )
    first = diagnose(model, digits_batch(0), CE).findings[0]
    assert first.code == "stream-grows"
    assert "for k in range(16)]" in first.lines
    exec(first.lines, {"model": model, "torch": torch})
    assert diagnose(model, digits_batch(0), CE).severity in ("clean", "note")


def test_labels_that_count_from_one_are_told_so():
    x, y = digits_batch(0)
    first = diagnose(mlp(64, 64, 10), (x, y % 10 + 1), CE).findings[0]
    assert first.lines == "targets = targets - 1  # labels count from 0"


MENDED = (
    "large queries and keys",
    "all of a ViT times 10",
    "tiny stacked RNN",
    "biases of 5",
    "constant queries, keys and values",
)


@pytest.mark.parametrize("name", MENDED)
def test_three_pastes_mend_nets_of_other_kinds(name):
    torch.manual_seed(0)
    make, batch, loss, *_ = VARIANTS[name]
    model = make()
    assert diagnose(model, batch(0), loss).severity in ("severe", "warning")
    for _ in range(3):
        found = diagnose(model, batch(0), loss).findings
        if found:
            exec(found[0].lines, {"model": model, "torch": torch})
    assert diagnose(model, batch(0), loss).severity in ("clean", "note")


@pytest.mark.parametrize("name", VARIANTS)
def test_lines_that_name_the_model_run(name):
    torch.manual_seed(0)
    make, batch, loss, *_ = VARIANTS[name]
    model = make()
    for one in diagnose(model, batch(0), loss).all():
        if "(model" in one.lines or "[model" in one.lines:
            exec(one.lines, {"model": model, "torch": torch})


GATED = (VARIANTS["LSTM that forgets at once"], VARIANTS["GRU cells that nothing gets into"])


@pytest.mark.parametrize(("make", "batch", "loss", "code"), GATED)
def test_the_lines_for_a_shut_gate_open_it(make, batch, loss, code):
    torch.manual_seed(0)
    model = make()
    for _ in range(2):  # the lines are those of one layer
        for one in diagnose(model, batch(0), loss).all():
            if one.code == code:
                exec(one.lines)
    assert diagnose(model, batch(0), loss).severity == "clean"


class LearnedStart(nn.Module):
    """A recurrent net whose first state is learned; everything else as asked."""

    def __init__(self, kind, **options):
        super().__init__()
        self.rnn, self.cell = kind(8, 16, **options), "Cell" in kind.__name__
        many = 1 if self.cell else self.rnn.num_layers * (1 + self.rnn.bidirectional)
        width = options.get("proj_size", 16)
        widths = (width, 16) if "LSTM" in kind.__name__ else (width,)
        self.start = nn.ParameterList(nn.Parameter(torch.full((many, 1, n), 0.1)) for n in widths)
        self.head = nn.Linear(width * (1 + options.get("bidirectional", False)), 10)

    def forward(self, x):
        steps = x.view(len(x), 8, 8).transpose(0, 1)
        start = [s.expand(-1, len(x), -1).contiguous() for s in self.start]
        if not self.cell:
            return self.head(self.rnn(steps, tuple(start) if len(start) > 1 else start[0])[0][-1])
        state = [s[0] for s in start]
        for step in steps:
            new = self.rnn(step, tuple(state) if len(state) > 1 else state[0])
            state = list(new) if len(state) > 1 else [new]
        return self.head(state[0])


KINDS = [
    (nn.LSTM, {"num_layers": 2, "bidirectional": True}, 4),
    (nn.LSTM, {"num_layers": 2, "proj_size": 4}, 2),
    (nn.LSTM, {"bias": False}, 1),
    (nn.GRU, {"num_layers": 3}, 3),
    (nn.RNN, {"nonlinearity": "relu"}, 1),
    (nn.LSTMCell, {}, 1),
    (nn.GRUCell, {"bias": False}, 1),
]


@pytest.mark.parametrize(("kind", "options", "layers"), KINDS)
def test_every_layer_of_a_recurrent_net_is_a_cell(kind, options, layers):
    torch.manual_seed(0)
    model = LearnedStart(kind, **options)
    report = diagnose(model, digits_batch(0), CE)
    assert report.severity == "clean", report
    cells = next(o for o in report.record.operations if o.kind == "recurrent").cells
    assert len(cells) == layers
    for cell in cells:
        names = [name.removeprefix("rnn.").split("_")[1][:2] for name in (*cell.weights, *cell.biases)]
        assert names == (["ih", "hh"] if options.get("bias") is False else ["ih", "hh", "ih", "hh"])
        biases = [model.get_parameter(name).detach() for name in cell.biases]
        flat = [b for gate in cell.gates.values() for b in gate]
        assert flat == pytest.approx(sum(biases).tolist() if biases else [0.0] * len(flat))


def test_a_packed_sequence_is_examined():
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.GRU(8, 16, batch_first=True), nn.Linear(16, 10)

        def forward(self, x):
            lengths = torch.arange(len(x)) % 8 + 1
            packed = nn.utils.rnn.pack_padded_sequence(
                x.view(len(x), 8, 8), lengths, batch_first=True, enforce_sorted=False
            )
            return self.head(self.rnn(packed)[1][-1])

    torch.manual_seed(0)
    model = Packed()
    assert diagnose(model, digits_batch(0), CE).severity == "clean"
    model.rnn.bias_hh_l0.data[16:32] = -10
    assert diagnose(model, digits_batch(0), CE).has("gate-shut")


def test_low_rank_pairs_are_no_missing_activation():
    model = nn.Sequential(nn.Linear(64, 8), nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 10))
    assert not diagnose(model, digits_batch(0), CE).has("no-nonlinearity")


def test_a_zero_first_layer_learns_and_is_not_severe():
    model = mlp(64, 64, 64, 10, activation=nn.Tanh)
    nn.init.zeros_(model[0].weight)
    assert diagnose(model, digits_batch(0), CE).severity != "severe"


def test_an_optimizer_of_other_parameters_is_found():
    model = he(mlp(64, 64, 10))
    right, wrong = (
        torch.optim.SGD(model.parameters(), lr=0.1),
        torch.optim.SGD(mlp(64, 10).parameters(), lr=0.1),
    )
    assert diagnose(model, digits_batch(0), CE, optimizer=wrong).findings[0].code == "not-optimized"
    assert diagnose(model, digits_batch(0), CE, optimizer=right).severity == "clean"


@pytest.mark.parametrize(
    ("optimizer", "hot", "fine"), [(torch.optim.SGD, 10.0, 0.1), (torch.optim.Adam, 0.3, 1e-3)]
)
def test_a_rate_that_is_too_high_is_found_and_the_half_is_one(optimizer, hot, fine):
    torch.manual_seed(0)
    model = he(mlp(64, 64, 64, 10))
    assert not diagnose(model, digits_batch(0), CE, optimizer=optimizer(model.parameters(), lr=fine)).has(
        "learning-rate"
    )
    report = diagnose(model, digits_batch(0), CE, optimizer=optimizer(model.parameters(), lr=hot))
    assert report.findings[0].code == "learning-rate"
    half = report.record.rate.half
    again = diagnose(model, digits_batch(0), CE, optimizer=optimizer(model.parameters(), lr=half))
    assert 0.3 < again.record.rate.ratio < 0.8


def test_the_tried_step_is_the_optimizers_own():
    for make in (
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
        lambda p: torch.optim.Adam(p, lr=1e-3),
        lambda p: torch.optim.RMSprop(p, lr=1e-3),
    ):
        torch.manual_seed(0)
        model, (x, y) = he(mlp(64, 64, 64, 10)), digits_batch(0)
        optimizer = make(model.parameters())
        ratio = diagnose(model, (x, y), CE, optimizer=optimizer).record.rate.ratio
        before = [p.detach().clone() for p in model.parameters()]
        loss = CE(model(x), y)
        loss.backward()
        optimizer.step()
        predicted = -sum(
            float(((p - old) * p.grad).sum()) for p, old in zip(model.parameters(), before, strict=True)
        )
        actual = float(loss.detach()) - float(CE(model(x), y).detach())
        assert ratio == pytest.approx(actual / predicted, rel=1e-2), optimizer


def test_thorough_tells_a_trained_net_from_a_fresh_one():
    torch.manual_seed(0)
    model, (x, y) = he(mlp(64, 64, 64, 10)), digits_batch(0, 512)
    assert not diagnose(model, (x, y), CE, depth="thorough").has("not-at-start")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        CE(model(x), y).backward()
        optimizer.step()
    assert diagnose(model, (x, y), CE, depth="thorough").has("not-at-start")


def outlier(model, sample=3):
    """Return a batch with one sample that is 10,000 times too large, and wrongly classified."""
    x, y = (t.clone() for t in digits_batch(0))
    x[sample] *= 1e4
    y[sample] = model(x)[sample].argmin()
    return x, y


def test_thorough_tells_one_sample_from_a_loud_model():
    torch.manual_seed(0)
    model = he(mlp(64, 64, 64, 10))
    options = {"optimizer": "sgd", "learning_rate": 0.01}
    assert diagnose(model, outlier(model), CE, **options).severity == "severe"
    report = diagnose(model, outlier(model), CE, depth="thorough", **options)
    assert report.severity == "warning", report
    assert {one.halves for one in report.all()} == {(True, False)}
    clean = diagnose(model, digits_batch(0), CE, depth="thorough", **options)
    assert clean.severity in ("clean", "note"), clean
    assert len(clean.record.halves) == 2


@pytest.mark.parametrize("name", OPEN)
def test_thorough_marks_no_fault_of_the_model(name):
    _, quick = run(OPEN[name], 0)
    torch.manual_seed(0)
    case = OPEN[name](0)
    report = diagnose(case.model, case.batch, case.loss, depth="thorough", **case.options)
    (found,) = {one.severity for one in report.all() if one.code == case.expect}
    assert found in [one.severity for one in quick.all() if one.code == case.expect]
    assert not any(one.rests_on_samples for one in report.all() if one.code == case.expect), report


class Halfway(Busy):
    """Fails on part of the batch, after it has changed all that it can."""

    def forward(self, x):
        self.fail = len(x) < self.least
        return super().forward(x)


@pytest.mark.parametrize("wrong", ["forward", "backward"])
def test_nothing_is_changed_where_half_the_batch_fails(wrong):
    def loss(output, targets):
        if wrong == "backward" and len(targets) < len(batch[0]):
            output.register_hook(lambda gradient: 1 / 0)
        return CE(output, targets)

    torch.manual_seed(0)
    model, batch = Halfway(), digits_batch(0)
    model.least = len(batch[0]) if wrong == "forward" else 0
    before = state(model, batch)
    report = diagnose(model, batch, loss, depth="thorough")
    assert_same(before, state(model, batch))
    error = "ArithmeticError" if wrong == "forward" else "ZeroDivisionError"
    assert any(f"half the batch fails with {error}" in one for one in report.skipped), report.skipped
    assert not report.record.halves


def test_dicts_are_halved_and_targets_along_another_axis_are_said():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(64, 10)

        def forward(self, x, mask):
            return self.head(x * mask)

    x, y = digits_batch(0)
    batch = {"x": x, "mask": torch.ones(1, 64)}
    report = diagnose(Masked(), (batch, y), CE, depth="thorough")
    assert [half.samples for half in report.record.halves] == [len(x) // 2] * 2
    report = diagnose(Masked(), (batch, y[None]), lambda o, t: CE(o, t[0]), depth="thorough")
    assert any("half the batch fails" in one for one in report.skipped)
    small = {"x": x[:8], "mask": torch.ones(1, 64)}
    report = diagnose(Masked(), (small, y[:8]), CE, depth="thorough")
    assert any("takes 16 samples, this one has 8" in one for one in report.skipped)


def test_dicts_and_several_inputs_and_half_precision_are_taken():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(64, 10), nn.Linear(64, 10)

        def forward(self, x, other):
            return {"out": self.a(x) + self.b(other)}

    x = digits_batch(0)[0]
    assert diagnose(Two(), {"x": x, "other": x}).severity == "clean"
    assert diagnose(Two(), (x, x)).severity == "clean"
    half = mlp(64, 64, 10).to(torch.bfloat16)
    assert diagnose(half, (x.bfloat16(), digits_batch(0)[1]), CE).severity == "clean"


def test_a_custom_function_is_named_as_not_examined():
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.from_numpy(2 * x.detach().numpy())

        @staticmethod
        def backward(ctx, gradient):
            return 2 * gradient

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(64, 64), nn.Linear(64, 10)

        def forward(self, x):
            return self.b(Twice.apply(self.a(x)))

    report = diagnose(Net(), digits_batch(0), CE)
    assert "Twice" in repr(report).splitlines()[-1]
    assert not report.has("no-nonlinearity")


def test_the_versions_are_in_the_record():
    data = diagnose(BasicBlock(1, 4), torch.randn(8, 1, 8, 8)).to_dict()
    assert data["versions"]["torch"] == torch.__version__
    assert data["framework"] == "PyTorch"


# Variants, written after the thresholds


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_found(name, seed):
    make, batch, loss, code, *options = VARIANTS[name]
    torch.manual_seed(seed)
    report = diagnose(make(), batch(seed), loss, **(options[0] if options else {}))
    assert report.has(code), report
    assert report.severity in ("severe", "warning") or code == "fan-out", report


@pytest.mark.parametrize("name", SILENT)
def test_a_healthy_net_of_another_kind_stays_silent(name):
    make, batch, loss = SILENT[name]
    torch.manual_seed(0)
    report = diagnose(make(), batch(0), loss)
    assert report.severity in ("clean", "note"), report


def test_the_kinds_that_were_missed_at_first_are_all_here():
    assert set(FIRST_MISSES) <= VARIANTS.keys() | SILENT.keys()


# Whole models made of PyTorch's own parts


class Translator(nn.Module):
    def __init__(self, words=50, width=32):
        super().__init__()
        self.embedding, self.head = nn.Embedding(words, width), nn.Linear(width, words)
        self.body = nn.Transformer(width, 4, 2, 2, 64, batch_first=True)

    def forward(self, tokens):
        x = self.embedding(tokens)
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        return self.head(self.body(x, x, tgt_mask=mask))


def made_worse(model, factor, *names):
    for name, p in model.named_parameters():
        if p.dim() > 1 and name.startswith(names):
            p.data *= factor
    return model


WHOLE = {
    "nn.Transformer": (Translator, text, token_loss, 2 * 4 + 2 * 7 + 1, (30, "body"), "attention-one-hot"),
    "LSTM language model": (lambda: Recurrent(vocabulary=50), text, token_loss, 2, (40, "rnn"), "saturation"),
    "U-Net": (UNet, segments, CE, 13, (1000, "out"), "first-loss"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_model_is_clean_and_a_fault_in_it_is_found(name):
    make, batch, loss, products, (factor, where), code = WHOLE[name]
    torch.manual_seed(0)
    report = diagnose(make(), batch(0), loss)
    assert report.severity == "clean", report
    seen = [
        o for o in report.record.operations if o.kind in ("weight", "recurrent") and o.where != "the loss"
    ]
    assert len(seen) == products
    sick = diagnose(made_worse(make(), factor, where), batch(0), loss)
    assert sick.findings[0].code == code, sick
    assert where in sick.findings[0].place or where in sick.findings[0].sentence


@pytest.mark.parametrize("value", [0.1, 0.3, 1e20])
def test_a_constant_feature_is_no_feature_of_tiny_scale(value):
    x = torch.randn(95, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x[:, 1] = value
    assert 1 <= _feature_spread(x) < 2
