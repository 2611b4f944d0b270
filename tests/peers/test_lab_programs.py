"""*Copy as PyTorch*: each program runs, starts as initlib starts, computes and learns what initlib does."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from initlib import datasets, losses, training
from initlib.explorers.lab import picture

PROGRAMS = json.loads((Path(__file__).parent / "lab_programs.json").read_text(encoding="utf-8"))
TRAINED = ("weight", "bias", "gain", "offset")
DRAWS, SAMPLES, STEPS = 12, 96, 4


def executed(entry, epochs):
    """Run a program for so many epochs; return its names and the accuracies that it printed."""
    program, count = re.subn(r"for epoch in range\(\d+\)", f"for epoch in range({epochs})", entry["torch"])
    assert count == 1
    printed = []
    names = {"print": lambda name, seed, accuracy: printed.append((name, seed, accuracy))}
    exec(compile(program, "copied", "exec"), names)
    return names, printed


@pytest.fixture(scope="module", params=PROGRAMS)
def copied(request):
    entry = PROGRAMS[request.param]
    names, printed = executed(entry, 1)
    seeds = entry["shared"]["seeds"]
    assert [(name, seed) for name, seed, _ in printed] == [
        (name, seed) for name in "AB" for seed in range(seeds)
    ]
    assert all(0 <= accuracy <= 1 for _, _, accuracy in printed)
    return entry, names


def nets(entry, arm, seeds):
    classes = 10 if entry["shared"]["data"] == "digits" else 2
    inputs = 64 if classes == 10 else 2
    return picture.network(entry["arms"][arm], inputs, classes, range(seeds)).take(
        range(seeds), dtype=np.float64
    )


def parameters(stack):
    """Return the trained parameters in PyTorch's order and layout, each with a leading axis of nets."""
    pairs = zip(stack.values, stack.parameters, strict=True)
    return [np.swapaxes(v, -1, -2) if p.kind == "weight" else v for v, p in pairs if p.kind in TRAINED]


@pytest.mark.parametrize("arm", [0, 1], ids="AB")
def test_the_program_draws_what_initlib_draws(copied, arm):
    """By layer: the mean square of the draws, within five standard deviations of its difference."""
    entry, names = copied
    theirs = [
        [p.detach().numpy() for p in names[f"start_{'ab'[arm]}"]()[0].parameters()] for _ in range(DRAWS)
    ]
    ours = parameters(nets(entry, arm, DRAWS))
    assert [one.shape[1:] for one in ours] == [one.shape for one in theirs[0]]
    for i, mine in enumerate(ours):
        squares = [np.square(mine, dtype=float), np.square([net[i] for net in theirs], dtype=float)]
        error = math.sqrt(sum(one.var() / one.size for one in squares))
        assert abs(squares[0].mean() - squares[1].mean()) <= 5 * error + 1e-6 * squares[0].mean(), i


@pytest.mark.parametrize("arm", [0, 1], ids="AB")
def test_the_same_weights_give_the_same_loss_and_learn_the_same(copied, arm):
    entry, names = copied
    model, optimizer = names[f"start_{'ab'[arm]}"]()
    model.double()
    stack = nets(entry, arm, 1)
    with torch.no_grad():
        for theirs, mine in zip(model.parameters(), parameters(stack), strict=True):
            theirs.copy_(torch.from_numpy(mine[0].copy()))
    x, y = names["x"][:SAMPLES].double(), names["y"][:SAMPLES]
    first = torch.nn.functional.cross_entropy(model(x), y).item()
    ours, _ = losses.softmax(stack.forward(x.numpy()).output, y.numpy()[None])
    np.testing.assert_allclose(first, ours[0], rtol=1e-9)
    found = []
    for _ in range(STEPS):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    part = datasets.Part(x.numpy(), y.numpy())
    settings = entry["arms"][arm]
    fit = training.fit(
        stack,
        datasets.Split(part, datasets.Part(part.inputs[:0], part.labels[:0]), part, 0.0, 1.0),
        optimizer=settings["optimizer"],
        learning_rate=settings["rate"],
        epochs=STEPS,
        batch_size=SAMPLES,
        dtype=np.float64,
        threads=1,
    )
    kept = np.isfinite(found) & (np.array(found) < 1e3)  # beyond, rounding decides
    np.testing.assert_allclose(np.array(found)[kept], fit.loss[0][kept], rtol=1e-5)
    assert kept[0] or first >= 1e3


@pytest.mark.parametrize("name", ["zero", "activation", "architecture"])
def test_a_program_trains(name):
    """Its arm B, after eight epochs, reads more digits than it misses."""
    _, printed = executed(PROGRAMS[name], 8)
    assert np.median([accuracy for arm, _, accuracy in printed if arm == "B"]) > 0.6
