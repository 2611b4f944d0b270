"""Thirty nets that people really start from: the doctor must find nothing severe in them."""

import itertools
import math
from functools import partial

import torch
from doctor_cases import (
    CE,
    GPT,
    Normed,
    Shortcuts,
    Sine,
    coordinates,
    digits_batch,
    he,
    mlp,
    mnist_like,
    token_loss,
    tokens,
)
from torch import nn
from torch.nn import functional as F  # noqa: N812


def pictures(seed, n=32, channels=1, size=28):
    x, y = mnist_like(seed, n)
    x = (x - 0.13) / 0.31
    if size != 28:
        x = F.interpolate(x, (size, size), mode="bilinear")
    return x.expand(-1, channels, -1, -1).contiguous(), y


def noise_batch(seed, n=64, features=64, classes=10):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, features, generator=g), torch.randint(0, classes, (n,), generator=g)


def drawn(model, weights, biases=nn.init.zeros_):
    for m in model.modules():
        if isinstance(m, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            weights(m.weight)
            if m.bias is not None:
                biases(m.bias)
    return model


class LeNet(nn.Sequential):
    def __init__(self, activation=nn.ReLU):
        super().__init__(
            nn.Conv2d(1, 6, 5, padding=2),
            activation(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            activation(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            activation(),
            nn.Linear(120, 84),
            activation(),
            nn.Linear(84, 10),
        )


class BasicBlock(nn.Module):
    def __init__(self, inside, out, stride=1, zero=False):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(out), nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.down = None
        if stride > 1 or inside != out:
            self.down = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        if zero:
            nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.down is None else self.down(x)
        return self.relu(y)


class ResNet(nn.Module):
    def __init__(self, zero=False):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)
        )
        widths = [16, 16, 32, 64]
        self.layers = nn.Sequential(
            *(
                nn.Sequential(BasicBlock(a, b, 1 if a == b else 2, zero), BasicBlock(b, b, 1, zero))
                for a, b in itertools.pairwise(widths)
            )
        )
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(64, 10)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        return self.fc(self.pool(self.layers(self.stem(x))).flatten(1))


class Fixup(nn.Module):
    def __init__(self, blocks=8, width=64):
        super().__init__()
        self.stem, self.head = nn.Linear(64, width), nn.Linear(width, 10)
        self.blocks = nn.ModuleList(
            nn.ModuleList([nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)])
            for _ in range(blocks)
        )
        self.scale = nn.Parameter(torch.ones(blocks))
        self.bias = nn.Parameter(torch.zeros(blocks, 3))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        nn.init.kaiming_normal_(self.stem.weight)
        for first, last in self.blocks:
            nn.init.kaiming_normal_(first.weight)
            first.weight.data *= blocks**-0.5
            nn.init.zeros_(last.weight)

    def forward(self, x):
        x = self.stem(x)
        for i, (first, last) in enumerate(self.blocks):
            h = F.relu(first(F.relu(x) + self.bias[i, 0]) + self.bias[i, 1])
            x = x + self.scale[i] * last(h) + self.bias[i, 2]
        return self.head(F.relu(x))


class ReZero(nn.Module):
    def __init__(self, blocks=12, width=64):
        super().__init__()
        self.stem, self.head = nn.Linear(64, width), nn.Linear(width, 10)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.alpha = nn.Parameter(torch.zeros(blocks))

    def forward(self, x):
        x = self.stem(x)
        for a, block in zip(self.alpha, self.blocks, strict=True):
            x = x + a * F.relu(block(x))
        return self.head(x)


class ViT(nn.Module):
    def __init__(self, d=64, depth=4, heads=4):
        super().__init__()
        self.patch = nn.Conv2d(1, d, 7, 7)
        self.cls, self.pos = nn.Parameter(torch.zeros(1, 1, d)), nn.Parameter(torch.zeros(1, 17, d))
        nn.init.trunc_normal_(self.pos, std=0.02)
        layer = nn.TransformerEncoderLayer(
            d, heads, 4 * d, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], dim=1) + self.pos
        return {"logits": self.head(self.norm(self.encoder(x)[:, 0]))}


class Recurrent(nn.Module):
    def __init__(self, kind=nn.LSTM, vocabulary=50, d=64, layers=2):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, d)
        self.rnn = kind(d, 128, layers, batch_first=True, dropout=0.1)
        self.head = nn.Linear(128, vocabulary)

    def forward(self, x):
        return self.head(self.rnn(self.embedding(x))[0])


class UNet(nn.Module):
    def __init__(self, width=8, norm=True):
        super().__init__()

        def double(a, b):
            layers = []
            for i, o in ((a, b), (b, b)):
                layers += [
                    nn.Conv2d(i, o, 3, padding=1),
                    *([nn.BatchNorm2d(o)] if norm else []),
                    nn.ReLU(inplace=True),
                ]
            return nn.Sequential(*layers)

        w = width
        self.down = nn.ModuleList([double(1, w), double(w, 2 * w), double(2 * w, 4 * w)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(4 * w, 2 * w, 2, 2), nn.ConvTranspose2d(2 * w, w, 2, 2)])
        self.join = nn.ModuleList([double(4 * w, 2 * w), double(2 * w, w)])
        self.out = nn.Conv2d(w, 2, 1)

    def forward(self, x):
        kept = []
        for i, block in enumerate(self.down):
            x = block(x if not i else F.max_pool2d(x, 2))
            kept.append(x)
        for up, join, skip in zip(self.up, self.join, kept[-2::-1], strict=True):
            x = join(torch.cat([up(x), skip], dim=1))
        return self.out(x)


class Generator(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.ConvTranspose2d(32, 64, 7, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(True),
            nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(True),
            nn.ConvTranspose2d(32, 1, 4, 2, 1, bias=False),
            nn.Tanh(),
        )
        for m in self:
            if isinstance(m, nn.ConvTranspose2d):
                nn.init.normal_(m.weight, 0, 0.02)
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.normal_(m.weight, 1, 0.02)


class Discriminator(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 32, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(32, 64, 4, 2, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(64, 1, 7, bias=False),
            nn.Flatten(),
        )
        for m in self:
            if isinstance(m, nn.Conv2d):
                nn.init.normal_(m.weight, 0, 0.02)


class LoRA(nn.Module):
    def __init__(self, base, rank=4):
        super().__init__()
        self.base = base
        for p in base.parameters():
            p.requires_grad_(False)
        self.a = nn.Parameter(torch.empty(rank, base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x):
        return self.base(x) + (x @ self.a.t()) @ self.b.t() * 2.0


class RMSNorm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


class Llama(nn.Module):
    def __init__(self, vocabulary=85, d=64, blocks=4, heads=4, std=0.02):
        super().__init__()
        self.heads = heads
        self.embedding = nn.Embedding(vocabulary, d)
        names = ("q", "k", "v", "o", "gate", "up", "down")
        sizes = [(d, d)] * 4 + [(d, 4 * d)] * 2 + [(4 * d, d)]
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    **{n: nn.Linear(a, b, bias=False) for n, (a, b) in zip(names, sizes, strict=True)},
                    "norm1": RMSNorm(d),
                    "norm2": RMSNorm(d),
                }
            )
            for _ in range(blocks)
        )
        self.norm, self.head = RMSNorm(d), nn.Linear(d, vocabulary, bias=False)
        for m in self.modules():
            if isinstance(m, (nn.Linear, nn.Embedding)):
                nn.init.normal_(m.weight, std=std)

    def forward(self, tokens):
        x = self.embedding(tokens)
        b, t, d = x.shape
        mask = torch.full((t, t), -math.inf).triu(1)
        for p in self.blocks:
            h = p["norm1"](x)
            q, k, v = (p[n](h).view(b, t, self.heads, -1).transpose(1, 2) for n in "qkv")
            weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(d // self.heads) + mask, dim=-1)
            x = x + p["o"]((weights @ v).transpose(1, 2).reshape(b, t, d))
            h = p["norm2"](x)
            x = x + p["down"](F.silu(p["gate"](h)) * p["up"](h))
        return self.head(self.norm(x))


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6(True))
        self.blocks = nn.ModuleList(self.inverted(a, b) for a, b in ((16, 24), (24, 24), (24, 32), (32, 32)))
        self.head = nn.Linear(32, 10)

    @staticmethod
    def inverted(a, b):
        return nn.Sequential(
            nn.Conv2d(a, 6 * a, 1, bias=False),
            nn.BatchNorm2d(6 * a),
            nn.ReLU6(True),
            nn.Conv2d(6 * a, 6 * a, 3, 1, 1, groups=6 * a, bias=False),
            nn.BatchNorm2d(6 * a),
            nn.ReLU6(True),
            nn.Conv2d(6 * a, b, 1, bias=False),
            nn.BatchNorm2d(b),
        )

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            y = block(x)
            x = x + y if y.shape == x.shape else y
        return self.head(x.mean((2, 3)))


class Experts(nn.Module):
    def __init__(self, d=64, count=4):
        super().__init__()
        self.stem, self.gate = nn.Linear(64, d), nn.Linear(d, count)
        self.experts = nn.ModuleList(mlp(d, 2 * d, d) for _ in range(count))
        self.head = nn.Linear(d, 10)

    def forward(self, x):
        x = F.relu(self.stem(x))
        weights, chosen = self.gate(x).softmax(-1).max(-1)
        y = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            rows = (chosen == i).nonzero().squeeze(-1)
            if len(rows):
                y = y.index_add(0, rows, weights[rows, None] * expert(x[rows]))
        return self.head(x + y)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.mean, self.logvar = mlp(64, 128, 128), nn.Linear(128, 8), nn.Linear(128, 8)
        self.decoder = mlp(8, 128, 64)

    def forward(self, x):
        h = F.relu(self.encoder(x))
        mean, logvar = self.mean(h), self.logvar(h)
        return self.decoder(mean + torch.randn_like(mean) * (0.5 * logvar).exp()), mean, logvar


def elbo(output, x):
    made, mean, logvar = output
    return F.mse_loss(made, x) - 0.5 * (1 + logvar - mean**2 - logvar.exp()).mean()


class GRUCellLoop(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRUCell(8, 32), nn.Linear(32, 10)

    def forward(self, x):
        h = torch.zeros(len(x), 32)
        for step in x.view(len(x), 8, 8).unbind(1):
            h = self.cell(step, h)
        return self.head(h)


class Convolution1d(nn.Sequential):
    def __init__(self):
        layers = []
        for a, b in ((1, 16), (16, 32), (32, 32)):
            layers += [nn.Conv1d(a, b, 5, padding=2), nn.ReLU()]
        super().__init__(
            nn.Unflatten(1, (1, 64)), *layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 10)
        )


def vgg(init, norm=False):
    layers, channels = [], 1
    for width in (16, 16, "M", 32, 32, "M", 64, 64):
        if width == "M":
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [
            nn.Conv2d(channels, width, 3, padding=1),
            *([nn.BatchNorm2d(width)] if norm else []),
            nn.ReLU(True),
        ]
        channels = width
    net = nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.ReLU(True), nn.Linear(64, 10)
    )
    return init(net)


def dict_loss(output, y):
    return CE(output["logits"], y)


def raw(batch):
    return (batch[0] * 0.31 + 0.13) * 255, batch[1]


def autoencoder():
    return mlp(64, 128, 32, 128, 64)


def own(x):
    return x[0], x[0]


def small_head(seed):
    net = ResNet()
    for p in net.parameters():
        p.requires_grad_(False)
    net.fc = nn.Linear(64, 10)
    nn.init.zeros_(net.fc.weight)
    return net


XAVIER = nn.init.xavier_uniform_
ORTHOGONAL = partial(nn.init.orthogonal_, gain=2**0.5)


def flat_pictures(seed):
    x, y = pictures(seed, 64)
    return x.flatten(1), y


def gan_batch(seed):
    return torch.randn(32, 32, 1, 1, generator=torch.Generator().manual_seed(seed))


def real_or_not(seed):
    x, _ = pictures(seed)
    return x, torch.ones(32, 1)


def bce(output, target):
    return F.binary_cross_entropy_with_logits(
        output, (target * 0 + torch.arange(len(target))[:, None] % 2).float()
    )


def segments(seed):
    x, _ = pictures(seed, 16)
    return x, (x[:, 0] > 0.5).long()


# name -> (model, two batches on different data, loss)
HEALTHY = {
    "MLP, default, 3 layers": (lambda: mlp(64, 128, 128, 10), (digits_batch, noise_batch), CE),
    "MLP, default, 5 layers": (lambda: mlp(64, 64, 64, 64, 64, 10), (digits_batch, noise_batch), CE),
    "MLP, He, 10 layers": (lambda: he(mlp(*[64] * 10, 10)), (digits_batch, noise_batch), CE),
    "MLP, He, 20 layers, 256 wide": (lambda: he(mlp(64, *[256] * 19, 10)), (digits_batch, noise_batch), CE),
    "MLP, tanh, Xavier, 10 layers": (
        lambda: drawn(mlp(*[64] * 10, 10, activation=nn.Tanh), XAVIER),
        (digits_batch, noise_batch),
        CE,
    ),
    "MLP, ReLU, orthogonal, 20 layers": (
        lambda: drawn(mlp(*[128] * 20, 10) if False else mlp(64, *[128] * 19, 10), ORTHOGONAL),
        (digits_batch, noise_batch),
        CE,
    ),
    "MLP, GELU, default, 4 layers": (
        lambda: mlp(64, 128, 128, 128, 10, activation=nn.GELU),
        (digits_batch, noise_batch),
        CE,
    ),
    "MLP, sigmoid, Xavier, 3 layers": (
        lambda: drawn(mlp(64, 64, 64, 10, activation=nn.Sigmoid), XAVIER),
        (digits_batch, noise_batch),
        CE,
    ),
    "SELU, LeCun, 16 layers": (
        lambda: drawn(
            mlp(64, *[128] * 15, 10, activation=nn.SELU),
            partial(nn.init.kaiming_normal_, nonlinearity="linear"),
        ),
        (digits_batch, noise_batch),
        CE,
    ),
    "LeNet, default": (LeNet, (pictures, raw_pictures := lambda seed: raw(pictures(seed))), CE),
    "LeNet, tanh, Xavier": (lambda: drawn(LeNet(nn.Tanh), XAVIER), (pictures, pictures), CE),
    "VGG, He": (lambda: vgg(he), (pictures, lambda s: pictures(s + 500, 16)), CE),
    "VGG, batch norm, default": (
        lambda: vgg(lambda n: n, norm=True),
        (pictures, lambda s: pictures(s + 500, 16)),
        CE,
    ),
    "ResNet": (ResNet, (pictures, lambda s: pictures(s + 500, 16)), CE),
    "ResNet, zero gamma": (partial(ResNet, zero=True), (pictures, lambda s: pictures(s + 500, 16)), CE),
    "ResNet, batch norm, 3 x He": (
        lambda: Normed(3.0),
        (
            lambda s: (digits_batch(s)[0].view(-1, 1, 8, 8), digits_batch(s)[1]),
            lambda s: (noise_batch(s)[0].view(-1, 1, 8, 8), noise_batch(s)[1]),
        ),
        CE,
    ),
    "scaled branches": (lambda: Shortcuts(scale=0.25), (digits_batch, noise_batch), CE),
    "Fixup": (Fixup, (digits_batch, noise_batch), CE),
    "ReZero": (ReZero, (digits_batch, noise_batch), CE),
    "MobileNet": (MobileNet, (pictures, lambda s: pictures(s + 500, 16)), CE),
    "ViT": (ViT, (pictures, lambda s: pictures(s + 500, 16)), dict_loss),
    "GPT, default, untied": (lambda: GPT(tied=False), (tokens, partial(tokens, n=8, t=32)), token_loss),
    "GPT, tied, 0.02": (lambda: GPT(std=0.02), (tokens, partial(tokens, n=8, t=32)), token_loss),
    "Llama, 0.02": (Llama, (tokens, partial(tokens, n=8, t=32)), token_loss),
    "LSTM": (Recurrent, (partial(tokens, vocabulary=50), partial(tokens, vocabulary=50, n=8)), token_loss),
    "GRU": (
        partial(Recurrent, nn.GRU),
        (partial(tokens, vocabulary=50), partial(tokens, vocabulary=50, n=8)),
        token_loss,
    ),
    "GRU cell": (GRUCellLoop, (digits_batch, noise_batch), CE),
    "U-Net": (UNet, (segments, lambda s: segments(s + 500)), CE),
    "U-Net, no norm": (partial(UNet, norm=False), (segments, lambda s: segments(s + 500)), CE),
    "DCGAN generator": (Generator, (gan_batch, lambda s: gan_batch(s + 500)), None),
    "DCGAN discriminator": (Discriminator, (real_or_not, lambda s: real_or_not(s + 500)), bce),
    "SIREN": (
        lambda: Sine(0.5, math.sqrt(6 / 256) / 30, (30, 30)),
        (coordinates, lambda s: coordinates(s + 500)),
        F.mse_loss,
    ),
    "LoRA": (
        lambda: nn.Sequential(LoRA(nn.Linear(64, 64)), nn.ReLU(), LoRA(nn.Linear(64, 10))),
        (digits_batch, noise_batch),
        CE,
    ),
    "weight norm": (
        lambda: nn.Sequential(
            *(
                nn.utils.parametrizations.weight_norm(m) if isinstance(m, nn.Linear) else m
                for m in he(mlp(64, 128, 128, 128, 10))
            )
        ),
        (digits_batch, noise_batch),
        CE,
    ),
    "spectral norm": (
        lambda: nn.Sequential(
            *(
                nn.utils.parametrizations.spectral_norm(m) if isinstance(m, nn.Linear) else m
                for m in mlp(64, 128, 128, 10, activation=lambda: nn.LeakyReLU(0.1))
            )
        ),
        (digits_batch, noise_batch),
        CE,
    ),
    "autoencoder": (autoencoder, (lambda s: own(digits_batch(s)), lambda s: own(noise_batch(s))), F.mse_loss),
    "VAE": (VAE, (lambda s: own(digits_batch(s)), lambda s: own(noise_batch(s))), elbo),
    "mixture of experts": (Experts, (digits_batch, noise_batch), CE),
    "fine-tuned head": (lambda: small_head(0), (pictures, lambda s: pictures(s + 500, 16)), CE),
    "convolution over time": (Convolution1d, (digits_batch, noise_batch), CE),
}
