"""Two thousand random small graphs: the doctor never fails on a model that runs, and says sentences only."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from initlib import diagnose

GRAPHS, BATCHES = 2000, 20
ACTIVATIONS = (
    F.relu,
    torch.tanh,
    torch.sigmoid,
    F.gelu,
    F.silu,
    torch.sin,
    F.softplus,
    torch.abs,
    torch.exp,
    F.elu,
    F.relu6,
    lambda x: F.softmax(x, -1),
    lambda x: x,
    lambda x: x.clamp(-1, 1),
    lambda x: x.clamp(min=0),
    lambda x: x * x,
    lambda x: x - x.mean(-1, keepdim=True),
    lambda x: x / (x.norm(dim=-1, keepdim=True) + 1e-6),
    lambda x: torch.where(x > 0, x, 0.1 * x),
    lambda x: x.sort(-1).values,
    lambda x: F.dropout(x, 0.3),
    lambda x: x.cumsum(-1) / 8,
    lambda x: torch.fft.fft(x).real,
    lambda x: x.to(torch.float64).float(),
)
SCALES = (0.0, 1e-8, 1e-3, 0.1, 1.0, 10.0, 1e4)


class Random(nn.Module):
    """A random graph of weight layers, activations, sums, products, joins, norms and recurrences."""

    def __init__(self, rng):
        super().__init__()
        self.plan, self.parts = [], nn.ModuleList()
        self.own = nn.ParameterList()
        width = 8
        for _ in range(int(rng.integers(1, 8))):
            kind = str(
                rng.choice(
                    ["linear", "own", "act", "sum", "gate", "join", "norm", "rnn", "conv", "inplace", "twice"]
                )
            )
            index = len(self.parts)
            if kind in ("linear", "sum", "gate", "twice"):
                self.parts.append(nn.Linear(width, width, bias=bool(rng.integers(2))))
            elif kind == "join":
                self.parts.append(nn.Linear(2 * width, width))
            elif kind == "norm":
                self.parts.append([nn.LayerNorm(width), nn.BatchNorm1d(width)][rng.integers(2)])
            elif kind == "rnn":
                self.parts.append([nn.LSTM, nn.GRU, nn.RNN][rng.integers(3)](1, width, batch_first=True))
            elif kind == "conv":
                self.parts.append(nn.Conv1d(1, 1, 3, padding=1))
            else:
                self.parts.append(nn.Identity())
            if kind == "own":
                self.own.append(nn.Parameter(torch.randn(width, width)))
            self.plan.append((kind, index, int(rng.integers(len(ACTIVATIONS))), max(len(self.own) - 1, 0)))
        self.head = nn.Linear(width, int(rng.choice([1, 2, 10])))
        for p in self.parameters():
            if rng.random() < 0.2:
                p.data.mul_(float(rng.choice(SCALES)))
            if rng.random() < 0.05:
                p.requires_grad_(False)
        self.end = int(rng.integers(len(ACTIVATIONS))) if rng.random() < 0.2 else None

    def forward(self, x):
        for kind, index, activation, own in self.plan:
            part, phi = self.parts[index], ACTIVATIONS[activation]
            if kind in ("linear", "norm"):
                x = part(x)
            elif kind == "own":
                x = x @ self.own[own]
            elif kind == "act":
                x = phi(x)
            elif kind == "sum":
                x = x + phi(part(x))
            elif kind == "gate":
                x = x * torch.sigmoid(part(x))
            elif kind == "join":
                x = part(torch.cat([x, phi(x)], dim=-1))
            elif kind == "rnn":
                x = part(x[..., None])[0][:, -1]
            elif kind == "conv":
                x = part(x[:, None]).squeeze(1)
            elif kind == "inplace":
                x = x.clone().mul_(0.5).relu_()
            elif kind == "twice":
                x = part(torch.tanh(part(x)))
        x = self.head(x)
        return x if self.end is None else ACTIVATIONS[self.end](x)


def losses(outputs, n, rng):
    labels, numbers = torch.randint(0, outputs, (n,)), torch.randn(n, outputs)
    choices = [(None, None), (F.mse_loss, numbers), (lambda o, y: ((o - y) ** 2).mean(), numbers)]
    if outputs > 1:
        choices += [(F.cross_entropy, labels), (lambda o, y: F.nll_loss(F.log_softmax(o, -1), y), labels)]
    return choices[rng.integers(len(choices))]


@pytest.mark.parametrize("part", range(BATCHES))
def test_random_graphs_never_crash_the_doctor(part):
    for seed in range(part * GRAPHS // BATCHES, (part + 1) * GRAPHS // BATCHES):
        rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        model, n = Random(rng), int(rng.choice([1, 2, 9, 16]))
        if n == 1:
            model.eval()
        x = torch.randn(n, 8) * float(rng.choice(SCALES))
        loss, targets = losses(model.head.out_features, n, rng)
        options = (
            {}
            if rng.random() < 0.5
            else {"optimizer": str(rng.choice(["sgd", "adam"])), "learning_rate": 0.1}
        )
        before = [p.detach().clone() for p in model.parameters()]
        report = diagnose(model, x if loss is None else (x, targets), loss, **options)
        assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True)), seed
        json.loads(report.to_json())
        for one in report.all():
            assert one.sentence.endswith("."), (seed, one.sentence)
            assert one.place, (seed, one)
            assert "None" not in one.sentence, (seed, one.sentence)
        assert len(repr(report).splitlines()) <= 25, (seed, report)
