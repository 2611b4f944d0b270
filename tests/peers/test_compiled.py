"""Adam's step as numba compiles it: the same bits as numpy's passes, also in a whole fit."""

import numba
import numpy as np
import pytest

from initlib import datasets, networks, training
from initlib.training import compiled, optimizers

NUMBERS = (0.9, 0.999, 1 - 0.999**3, 1e-8)


def arrays(shape, dtype):
    rng = np.random.default_rng(0)
    gradient, first, second = (rng.standard_normal(shape).astype(dtype) for _ in range(3))
    return gradient, first, second**2


def stepped(step, given, rates):
    copies = [np.array(one, order="K") for one in given]
    step(*copies, rates, *NUMBERS)
    return copies


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 7, 5), (2, 4), (1, 1, 1), (4, 0)])
def test_one_pass_gives_the_bits_of_many(dtype, shape):
    assert compiled.adam_step() is not compiled.in_passes
    given = arrays(shape, dtype)
    given[0].flat[:3] = [0, np.inf, 1e-30][: given[0].size]
    rates = np.linspace(0.1, 1, shape[0]).astype(dtype)
    with np.errstate(all="ignore"):
        many = stepped(compiled.in_passes, given, rates)
    for one, other in zip(stepped(compiled.adam_step(), given, rates), many, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_arrays_that_are_not_contiguous_are_stepped_too():
    given = [one.swapaxes(1, 2) for one in arrays((3, 5, 7), "float32")]
    rates = np.ones(3, np.float32)
    many = stepped(compiled.in_passes, given, rates)
    for one, other in zip(stepped(compiled.adam_step(), given, rates), many, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_fit_ends_at_the_same_bits_with_numba_and_without(monkeypatch):
    nets = networks.mlp((64, 32, 10), "relu", "he_normal", seeds=[0, 1, 2], dtype="float32")
    how = {"optimizer": "adam", "learning_rate": [0.001, 0.01, 1e12], "epochs": 2, "train_samples": 300}
    with_numba = training.fit(nets, datasets.digits(), **how)
    monkeypatch.setattr(optimizers, "adam_step", lambda: compiled.in_passes)
    without = training.fit(nets, datasets.digits(), **how)
    np.testing.assert_array_equal(with_numba.loss, without.loss)
    np.testing.assert_array_equal(with_numba.test_accuracy, without.test_accuracy)


def test_the_compiled_loop_was_compiled():
    step = compiled.adam_step()
    step(*arrays((2, 3), "float32"), np.ones(2, np.float32), *NUMBERS)
    loops = [cell.cell_contents for cell in step.__closure__]
    assert any(isinstance(loop, numba.core.registry.CPUDispatcher) and loop.signatures for loop in loops)
