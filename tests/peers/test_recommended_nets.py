"""What the rules promise that takes gradients and steps: nets built from the code that readers copy."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from initlib import recommend

CLASSES = 10


def made(answer, name, seed=0):
    """Run the PyTorch code of a part; return what it leaves behind."""
    torch.manual_seed(seed)
    space: dict = {}
    exec(answer.code("PyTorch", name), space)
    return space


# ---- Convolutional ResNets


class Block(nn.Module):
    def __init__(self, normed, plain, seed):
        super().__init__()
        answer = normed or plain
        self.first, self.last = (made(answer, "convolutions", seed + i)["layer"] for i in range(2))
        width = self.first.out_channels
        self.norm = nn.BatchNorm2d(width) if normed else nn.Identity()
        self.end = made(normed, "last norm of a branch")["layer"] if normed else nn.Identity()
        self.multiplier = None if normed else made(plain, "multiplier of a branch")["layer"]

    def forward(self, x):
        branch = self.end(self.last(F.relu(self.norm(self.first(x)))))
        return F.relu(x + (branch if self.multiplier is None else self.multiplier * branch))


class ResNet(nn.Module):
    def __init__(self, normalisation, blocks=6, width=16):
        super().__init__()
        answer = recommend(
            architecture="resnet", normalisation=normalisation, depth=blocks, width=width, outputs=CLASSES
        )
        normed, plain = (answer, None) if normalisation == "batch" else (None, answer)
        self.stem = made(answer, "convolutions", 99)["layer"]
        self.blocks = nn.ModuleList(Block(normed, plain, 2 * i) for i in range(blocks))
        self.shortcut = made(answer, "convolution on a shortcut")["layer"]
        self.head = made(answer, "output layer")["layer"]

    def forward(self, x):
        self.stream = [F.relu(self.stem(x))]
        for block in self.blocks:
            self.stream.append(block(self.stream[-1]))
        return self.head(F.relu(self.shortcut(self.stream[-1])).mean(dim=(2, 3)))


@pytest.mark.parametrize("normalisation", ["batch", "none"])
def test_every_block_of_a_resnet_starts_as_the_identity_and_all_learn(normalisation):
    net = ResNet(normalisation)
    y = torch.arange(32) % CLASSES
    x = torch.randn(32, 16, 4, 4) + 2 * torch.randn(CLASSES, 16, 1, 1)[y]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    losses = []
    for _ in range(30):
        loss = F.cross_entropy(net(x), y)
        losses.append(loss.item())
        if len(losses) == 1:
            assert all(torch.equal(net.stream[0], behind) for behind in net.stream[1:])
            started = [parameter.detach().clone() for parameter in net.parameters()]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[0] == pytest.approx(math.log(CLASSES))
    assert losses[-1] < 0.8 * losses[0]
    biased = {name for name, _ in net.named_parameters() if name.endswith(("first.bias", "last.bias"))}
    assert bool(biased) == (normalisation == "none")
    assert not [
        name
        for (name, parameter), start in zip(net.named_parameters(), started, strict=True)
        if torch.equal(parameter, start)
    ]


# ---- Transformers without normalisation


class Layer(nn.Module):
    def __init__(self, answer, seed, heads=4):
        super().__init__()
        self.heads = heads
        names = ["query, key", "query, key", "value, attention output", "value, attention output"]
        names += ["feed-forward, first", "feed-forward, second"]
        parts = [made(answer, name, seed + i)["layer"] for i, name in enumerate(names)]
        self.q, self.k, self.v, self.o, self.up, self.down = parts

    def forward(self, x):
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v)
        )
        x = x + self.o(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.down(F.relu(self.up(x)))


class Encoder(nn.Module):
    def __init__(self, blocks, t_fixup=True, width=64, vocabulary=100):
        super().__init__()
        answer = recommend(
            architecture="transformer", normalisation="none", activation="relu", depth=blocks, width=width,
            inputs=vocabulary, outputs=CLASSES,
        )  # fmt: skip
        self.embedding = made(answer, "embedding")["layer"]
        self.layers = nn.ModuleList(Layer(answer, 10 * i) for i in range(blocks))
        torch.manual_seed(1)
        self.head = nn.Linear(width, CLASSES)  # random: what a step changes in the blocks is to be seen
        if not t_fixup:
            for layer in self.layers:
                for one in (layer.v, layer.o, layer.up, layer.down):
                    nn.init.xavier_normal_(one.weight)
            nn.init.normal_(self.embedding.weight, std=width**-0.5)

    def forward(self, tokens):
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


def moved(blocks, t_fixup):
    """Return how far a step of SGD moves the outputs, by the learning rate; biases, as in the paper, rest."""
    torch.manual_seed(0)
    net, tokens = Encoder(blocks, t_fixup).double(), torch.randint(100, (4, 16))
    labels = torch.randint(CLASSES, (4 * 16,))
    rate = 1e-4
    before = net(tokens)
    F.cross_entropy(before.flatten(0, 1), labels).backward()
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.dim() > 1:
                parameter -= rate * parameter.grad
        return float((net(tokens) - before).square().mean().sqrt() / rate)


def test_a_step_moves_a_t_fixup_net_as_far_at_every_depth():
    fixed, xavier = ([moved(blocks, which) for blocks in (4, 24)] for which in (True, False))
    assert fixed[1] < 2 * fixed[0]
    assert xavier[1] > 20 * xavier[0]


# ---- GPT-2


def added(blocks, scaled, width=256, heads=4):
    """Return how much all blocks add to the embeddings, as a multiple of their mean square."""
    answer = recommend(architecture="gpt-2", depth=blocks, width=width, inputs=100, activation="gelu")
    names = [*["query, key, value"] * 3, *[part.name for part in answer.parts[1:4]]]
    torch.manual_seed(1)
    start = x = made(answer, "embedding")["layer"](torch.randint(100, (4, 32)))
    for block in range(blocks):
        q, k, v, o, up, down = (made(answer, name, 10 * block + i)["layer"] for i, name in enumerate(names))
        by = 1 if scaled else (2 * blocks) ** 0.5
        h = F.layer_norm(x, (width,))
        parts = (one(h).unflatten(-1, (heads, -1)).transpose(1, 2) for one in (q, k, v))
        x = x + by * o(F.scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).flatten(2))
        x = x + by * down(F.gelu(up(F.layer_norm(x, (width,)))))
    return ((x - start).square().mean() / start.square().mean()).item()


def test_what_the_blocks_of_gpt_2_add_does_not_grow_with_their_number():
    shallow, deep = added(4, scaled=True), added(24, scaled=True)
    assert 0.5 < deep / shallow < 2
    assert added(24, scaled=False) > 4 * added(4, scaled=False)


# ---- muP


def coordinates(width, factors, base=64, steps=3):
    """Return how far a few steps of Adam move the last hidden layer and the outputs."""
    answer = recommend(architecture="mup", width=width, inputs=32, outputs=CLASSES, base_width=base)
    names = ["first layer", "hidden layers", "hidden layers", "output layer"]
    spaces = [made(answer, name, seed) for seed, name in enumerate(names)]
    layers = [space["layer"] for space in spaces]
    groups = [group for space in spaces for group in space["groups"]]
    if not factors:
        groups = [{"params": [p for layer in layers for p in layer.parameters()], "lr": spaces[0]["rate"]}]
    optimizer = torch.optim.Adam([{**group, "lr": 3 * group["lr"]} for group in groups])
    torch.manual_seed(0)
    x, y = torch.randn(64, 32), torch.arange(64) % CLASSES

    def run():
        h = x
        for layer in layers[:-1]:
            z = layer(h)
            h = F.relu(z)
        return z, layers[-1](h)

    first = [one.detach() for one in run()]
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(run()[1], y).backward()
        optimizer.step()
    return [(now - before).square().mean().sqrt().item() for now, before in zip(run(), first, strict=True)]


def test_in_mup_a_step_moves_hidden_layers_and_outputs_as_far_at_every_width():
    (hidden, output), (wide_hidden, wide_output) = (coordinates(width, True) for width in (64, 1024))
    assert 0.4 < wide_hidden / hidden < 2.5
    assert 0.4 < wide_output / output < 2.5
    (hidden, output), (wide_hidden, wide_output) = (coordinates(width, False) for width in (64, 1024))
    assert wide_hidden > 5 * hidden
    assert wide_output > 5 * output
