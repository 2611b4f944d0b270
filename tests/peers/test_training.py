"""`training.fit` beside PyTorch's optimizers: the same weights after the same steps."""

import numpy as np
import torch

from initlib import datasets, networks, streams, training

EPOCHS, BATCH, SAMPLES, RATE, DECAY = 4, 16, 80, 0.01, 0.1
STEPS = EPOCHS * SAMPLES // BATCH


def problem():
    rng = np.random.default_rng(0)
    data = datasets.Dataset("noise", rng.standard_normal((SAMPLES, 6)), rng.integers(3, size=SAMPLES), 3)
    return networks.mlp((6, 8, 3), "tanh", "glorot_normal", seeds=[5]), data.split(0, test=0.0)


def module(stack):
    layers = [torch.nn.Linear(*weights.shape[1:], dtype=torch.float64) for weights in stack.weights]
    with torch.no_grad():
        for layer, weights, biases in zip(layers, stack.weights, stack.biases, strict=True):
            layer.weight.copy_(torch.from_numpy(weights[0].T.copy()))
            layer.bias.copy_(torch.from_numpy(biases[0]))
    return torch.nn.Sequential(layers[0], torch.nn.Tanh(), layers[1])


def test_decoupled_adam_is_adamw_and_the_schedule_two_of_pytorchs_own():
    stack, split = problem()
    net = module(stack)
    groups = [
        {"params": [p for name, p in net.named_parameters() if name.endswith(part)], "weight_decay": decay}
        for part, decay in (("weight", DECAY), ("bias", 0.0))
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE)
    warmup = STEPS // 10
    rise = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / warmup, 1.0, total_iters=warmup - 1)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS - warmup)
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, fall], [warmup])
    order = streams.generator(5, streams.ORDER)
    inputs, labels = torch.from_numpy(split.train.inputs), torch.from_numpy(split.train.labels)
    for _ in range(EPOCHS):
        for chosen in torch.from_numpy(order.permutation(SAMPLES)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[chosen]), labels[chosen]).backward()
            optimizer.step()
            schedule.step()
    result = training.fit(
        stack,
        split,
        optimizer="adam",
        learning_rate=RATE,
        weight_decay=DECAY,
        decay="decoupled",
        schedule="warmup_cosine",
        epochs=EPOCHS,
        batch_size=BATCH,
        dtype=np.float64,
    )
    theirs = [net[0].weight.T, net[2].weight.T, net[0].bias, net[2].bias]
    for ours, expected in zip((*result.network.weights, *result.network.biases), theirs, strict=True):
        np.testing.assert_allclose(ours[0], expected.detach().numpy(), rtol=1e-9, atol=1e-12)
