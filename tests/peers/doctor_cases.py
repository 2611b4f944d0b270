"""The fifteen open cases of real faults, and healthy nets that were taken for faulty, as small models.

Each case is a function of a seed that returns a `Case`; `expect` is the code that must be found and `place`
what its place must name. `fixed` is the same model with the fault taken away.
"""

import itertools
import math
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F  # noqa: N812

CE = F.cross_entropy


@dataclass
class Case:
    model: Any
    batch: Any
    loss: Any = None
    expect: str = ""
    place: str = ""
    severity: str = "severe"
    options: dict = field(default_factory=dict)


@cache
def digits():
    data = load_digits()
    x = torch.tensor(data.data, dtype=torch.float32)
    return x, torch.tensor(data.target)


def digits_batch(seed, n=64):
    x, y = digits()
    rows = torch.tensor(np.random.default_rng(seed).choice(len(x), n, replace=False))
    return (x[rows] - x.mean()) / x.std(), y[rows]


def mnist_like(seed, n=64):
    x, y = digits()
    rows = torch.tensor(np.random.default_rng(seed).choice(len(x), n, replace=False))
    pictures = (x[rows] / 16).reshape(-1, 1, 8, 8).repeat_interleave(3, 2).repeat_interleave(3, 3)
    return F.pad(pictures, (2, 2, 2, 2)), y[rows]


def flat(batch):
    return batch[0].flatten(1), batch[1]


def mlp(*widths, activation=nn.ReLU):
    layers = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Linear(a, b), activation()]
    return nn.Sequential(*layers[:-1])


def he(model, gain=2**0.5):
    for m in model.modules():
        if isinstance(m, (nn.Linear, nn.Conv2d)):
            nn.init.kaiming_normal_(m.weight)
            m.weight.data *= gain / 2**0.5
            if m.bias is not None:
                nn.init.zeros_(m.bias)
    return model


def draw(model, std):
    for p in model.parameters():
        nn.init.normal_(p, std=std)
    return model


def a1(seed, fixed=False):
    net = mlp(784, 500, 500, 500, 10)
    he(net) if fixed else draw(net, 1.0)
    options = {"optimizer": torch.optim.Adam(net.parameters(), lr=0.003)} if not fixed else {}
    return Case(net, flat(mnist_like(seed, 100)), CE, "signal-explodes", "0", options=options)


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, vocabulary=85, d=128, blocks=4, heads=4, context=64, tied=True, std=None):
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, d), nn.Embedding(context, d)
        self.blocks = nn.ModuleList(Block(d, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, vocabulary, bias=False)
        if tied:
            self.head.weight = self.token.weight
        if std:
            nn.init.normal_(self.token.weight, std=std)
            nn.init.normal_(self.position.weight, std=std)

    def forward(self, tokens):
        x = self.token(tokens) + self.position(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def token_loss(output, targets):
    return F.cross_entropy(output.flatten(0, 1), targets.flatten())


def tokens(seed, vocabulary=85, n=16, t=64):
    made = torch.tensor(np.random.default_rng(seed).integers(0, vocabulary, (n, t + 1)))
    return made[:, :-1], made[:, 1:]


def a2(seed, fixed=False):
    return Case(GPT(std=0.02 if fixed else None), tokens(seed), token_loss, "first-loss", "token.weight")


class Shortcuts(nn.Module):
    def __init__(self, conv=False, scale=1.0):
        super().__init__()
        self.conv, self.scale = conv, scale
        if conv:
            make = partial(nn.Conv2d, kernel_size=3, padding=1)
            self.stem = make(1, 16)
            self.blocks = nn.ModuleList(
                nn.Sequential(make(16, 16), nn.ReLU(), make(16, 16)) for _ in range(8)
            )
            self.head = nn.Linear(16, 10)
        else:
            self.stem = nn.Linear(64, 64)
            self.blocks = nn.ModuleList(
                nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64)) for _ in range(16)
            )
            self.head = nn.Linear(64, 10)
        he(self)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = x + self.scale * block(F.relu(x))
        return self.head(x.mean((2, 3)) if self.conv else x)


def a3(seed, fixed=False):
    net = Shortcuts(scale=16**-0.5 if fixed else 1.0)
    return Case(net, digits_batch(seed), CE, "stream-grows", "blocks")


def a3_conv(seed, fixed=False):
    net = Shortcuts(conv=True)
    if fixed:
        for block in net.blocks:
            nn.init.zeros_(block[2].weight)
    x, y = digits_batch(seed)
    return Case(net, (x.view(-1, 1, 8, 8), y), CE, "stream-grows", "blocks", severity="warning")


class Sine(nn.Module):
    def __init__(self, first, hidden, factors):
        super().__init__()
        widths = [2, 256, 256, 256, 256, 3]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.factors = factors
        for i, layer in enumerate(self.layers):
            bound = first if not i else hidden
            nn.init.uniform_(layer.weight, -bound, bound)

    def forward(self, x):
        for i, layer in enumerate(self.layers[:-1]):
            x = torch.sin(self.factors[min(i, 1)] * layer(x))
        return self.layers[-1](x)


def coordinates(seed):
    x, _ = digits()
    picture = x[seed].reshape(1, 1, 8, 8) / 16
    picture = F.interpolate(picture, (64, 64), mode="bilinear").reshape(-1, 1).expand(-1, 3)
    axis = torch.linspace(-1, 1, 64)
    grid = torch.cartesian_prod(axis, axis)
    rows = torch.tensor(np.random.default_rng(seed).choice(4096, 512, replace=False))
    return grid[rows], picture[rows].clone()


def a4(seed, fixed=False):
    first = 0.5 if fixed else math.sqrt(6 / 2) / 30
    net = Sine(first, math.sqrt(6 / 256), (30, 1))
    return Case(net, coordinates(seed), F.mse_loss, "sine-first-layer", "layers.0", severity="warning")


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.own = nn.Parameter(torch.zeros(64, 64))
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        return self.out(F.elu(x @ self.own))


def a5(seed, kind="nan", fixed=False):
    net = Own()
    nn.init.xavier_normal_(net.own)
    if not fixed:
        with torch.no_grad():
            if kind == "nan":
                net.own.view(-1)[:3] = float("nan")
            elif kind == "huge":
                net.own.view(-1)[:3] = 1e30
            else:
                net.own.fill_(1e-41)
    return Case(net, digits_batch(seed), CE, "uninitialized", "own")


def a6(seed, fixed=False):
    net = mlp(1, 16, 16, 1)
    he(net) if fixed else draw(net, 0.001)
    x = torch.rand(64, 1) * 2 - 1
    options = {"optimizer": torch.optim.SGD(net.parameters(), lr=0.001)}
    return Case(net, (x, x.clone()), F.mse_loss, "inputs-merge", "", options=options)


def a7(seed, fixed=False):
    net = nn.Sequential(nn.Linear(784, 10), nn.Sigmoid() if fixed else nn.Softmax(dim=1), nn.Linear(10, 10))
    for p in net.parameters():
        nn.init.zeros_(p)
    if fixed:
        nn.init.xavier_normal_(net[0].weight)
    return Case(net, flat(mnist_like(seed)), CE, "identical-units", "0.weight")


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        make = lambda: nn.Sequential(  # noqa: E731
            nn.Conv2d(1, 16, 5),
            nn.BatchNorm2d(16),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 16, 5),
            nn.BatchNorm2d(16),
            nn.MaxPool2d(2),
        )
        self.left, self.right = make(), make()
        self.left_out, self.right_out = nn.Linear(19 * 29 * 16, 500), nn.Linear(8 * 17 * 16, 250)
        self.hidden, self.out = nn.Linear(750, 100), nn.Linear(100, 2)

    def forward(self, a, b):
        x = torch.cat(
            [self.left_out(self.left(a).flatten(1)), self.right_out(self.right(b).flatten(1))], dim=1
        )
        return torch.tanh(self.out(torch.relu(self.hidden(x))))


def scenes(rng, height, width, n=64):
    background = torch.tensor(rng.uniform(0, 45, (1, 1, height, width)), dtype=torch.float32)
    made = background.repeat(n, 1, 1, 1)
    for one in made:
        top, left = rng.integers(0, height - 6), rng.integers(0, width - 6)
        one[0, top : top + 6, left : left + 6] = 45
    return made


def a8(seed, fixed=False):
    rng = np.random.default_rng(seed)
    a, b = scenes(rng, 90, 128), scenes(rng, 45, 80)
    net = Actor()
    if fixed:
        a, b = ((x - x.mean(0)) / x.std() for x in (a, b))
        he(net)
    return Case(net, (a, b), None, "inputs-alike", "input", severity="warning")


def b1(seed, fixed=False):
    x = torch.arange(-100, 100, 0.5)[:, None]
    y = x**4
    net = nn.Sequential(nn.Linear(1, 50), nn.Sigmoid(), nn.Linear(50, 50), nn.ELU(), nn.Linear(50, 1))
    if fixed:
        x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    return Case(
        net,
        (x, y),
        F.mse_loss,
        "input-scale",
        "input",
        options={"optimizer": torch.optim.Adam(net.parameters())},
    )


def b2(seed, fixed=False):
    layers = [
        nn.Conv2d(1, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3136, 1024),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(1024, 10),
        nn.ReLU(),
    ]
    net = nn.Sequential(*(layers[:-1] if fixed else layers))
    for m in net:
        if hasattr(m, "bias"):
            nn.init.constant_(m.bias, 0.1)
    return Case(
        net,
        mnist_like(seed, 32),
        CE,
        "activation-last",
        "",
        options={"optimizer": torch.optim.Adam(net.parameters())},
    )


def b3(seed, fixed=False):
    net = nn.Sequential(
        nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 1), nn.Sigmoid() if fixed else nn.Softmax(dim=1)
    )
    batch = torch.randn(64, 20), (torch.rand(64, 1) > 0.5).float()
    return Case(net, batch, F.binary_cross_entropy, "one-unit-softmax", "3")


def b4(seed, fixed=False, kind=None):
    end = {None: nn.Softmax(dim=1), "log": nn.LogSoftmax(dim=1)}[kind]
    layers = [nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10), end]
    net = nn.Sequential(*(layers[:-1] if fixed else layers))
    return Case(net, digits_batch(seed), CE, "probabilities-as-logits", "3")


def b5(seed, fixed=False):
    x = torch.rand(64, 3)
    y = x.sum(1)
    net = nn.Linear(3, 1, bias=False)
    options = {"optimizer": torch.optim.SGD(net.parameters(), lr=0.1)}
    return Case(net, (x, y[:, None] if fixed else y), F.mse_loss, "shape-broadcast", "", options=options)


def b6(seed, fixed=False):
    x = torch.arange(0, 5.05, 0.1)[:, None]
    y = 5 * x**2 + torch.randn(len(x), 1) ** 3
    net = mlp(1, 50, 30, 1)
    if fixed:
        x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    options = {"optimizer": torch.optim.SGD(net.parameters(), lr=0.01 if fixed else 0.1)}
    return Case(net, (x, y), F.mse_loss, "learning-rate", "", options=options)


def b7(seed, fixed=False):
    layers = [nn.Linear(784, 256), nn.Linear(256, 256), nn.Linear(256, 10)]
    if fixed:
        net = he(nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2]))
    else:
        net = draw(nn.Sequential(*layers), 1.0)
    return Case(
        net,
        flat(mnist_like(seed)),
        CE,
        "no-nonlinearity",
        "",
        options={"optimizer": torch.optim.Adam(net.parameters(), lr=0.1)} if not fixed else {},
    )


class Normed(nn.Module):
    def __init__(self, factor):
        super().__init__()
        conv = partial(nn.Conv2d, kernel_size=3, padding=1, bias=False)
        self.stem = nn.Sequential(conv(1, 16), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(16, 16), nn.BatchNorm2d(16), nn.ReLU(), conv(16, 16), nn.BatchNorm2d(16))
            for _ in range(6)
        )
        self.head = nn.Linear(16, 10)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)
                m.weight.data *= factor

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = F.relu(x + block(x))
        return self.head(x.mean((2, 3)))


def c1(seed, factor=0.5):
    x, y = digits_batch(seed)
    return Case(Normed(factor), (x.view(-1, 1, 8, 8), y), CE)


def c2(seed, fixed=True):
    net = Sine(0.5, math.sqrt(6 / 256) / 30, (30, 30) if fixed else (1, 1))
    return Case(net, coordinates(seed), F.mse_loss, "signal-vanishes", "", options={})


OPEN = {
    "A1": a1,
    "A2": a2,
    "A3": a3,
    "A3 conv": a3_conv,
    "A4": a4,
    "A5 nan": a5,
    "A5 huge": partial(a5, kind="huge"),
    "A5 denormal": partial(a5, kind="denormal"),
    "A6": a6,
    "A7": a7,
    "A8": a8,
    "B1": b1,
    "B2": b2,
    "B3": b3,
    "B4": b4,
    "B5": b5,
    "B6": b6,
    "B7": b7,
}
CONTROLS = {
    "C1 half": c1,
    "C1 three times": partial(c1, factor=3.0),
    "C2": c2,
    "B4 log": partial(b4, kind="log"),
}
