"""Nets trained in the browser end where those of initlib end: equivalent within two points, 20 seeds each."""

import math

import numpy as np
import pytest
from scipy import stats

from initlib.explorers.lab import data, picture, settings

SEEDS = 20
MARGIN = 0.02  # of test accuracy
EPOCHS = 20  # of 23 steps: the curves have a point at the very end
PRESETS = ("why", "zero", "regularize", "activation")  # their arm B: ReLU, tanh, batch normalisation, Adam


def interval(a, b, level=0.90):
    """Return the Welch interval of the difference of two means; 90 % makes two one-sided tests at 5 %."""
    errors = [np.var(one, ddof=1) / len(one) for one in (a, b)]
    error = math.sqrt(sum(errors)) or 1e-12
    freedom = sum(errors) ** 2 / sum(e**2 / (len(a) - 1) for e in errors) if sum(errors) else len(a)
    reach = stats.t.ppf(0.5 + level / 2, freedom) * error
    middle = float(np.mean(a) - np.mean(b))
    return middle - reach, middle + reach


@pytest.mark.parametrize("name", PRESETS)
def test_final_accuracies_are_equivalent(engine, name):
    preset = settings.preset(name)
    arm, shared = preset["arms"][1], preset["shared"]
    split = data.get(shared["data"]).split(0)
    steps = EPOCHS * math.ceil(len(split.train) / shared["batch"])
    assert steps % 20 == 0, "the last point of a curve must be the last step"
    nets = engine.call(
        "train",
        settings={**arm, **shared, "seeds": SEEDS},
        inputs=split.train.inputs.astype(np.float32),
        labels=split.train.labels,
        tests={"inputs": split.test.inputs.astype(np.float32), "labels": split.test.labels},
        classes=10,
        steps=steps,
    )
    mine = np.array([net["accuracies"][-1] for net in nets])
    theirs = picture.train(arm, shared, range(SEEDS), EPOCHS).test_accuracy[:, -1]
    low, high = interval(mine, theirs)
    print(f"{name}: {mine.mean():.4f} here, {theirs.mean():.4f} initlib, difference {low:.4f} to {high:.4f}")
    assert low > -MARGIN
    assert high < MARGIN
