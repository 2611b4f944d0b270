"""assert_variance accepts what is right, rejects every classic slip, and refuses what it cannot judge."""

import math
import re

import numpy as np
import pytest

from initlib import initializers
from initlib.testing import assert_variance


def draws(size=100_000, seed=0):
    return np.random.default_rng(seed).standard_normal(size)


def test_right_weights_pass_and_the_score_is_returned():
    scores = [assert_variance(draws(5000, seed), 1.0) for seed in range(300)]
    assert abs(np.mean(scores)) < 5 / math.sqrt(300)
    assert 0.8 < np.std(scores) < 1.2


@pytest.mark.parametrize(
    "slip",
    {
        "missing sqrt 2": 1 / 2,
        "std for variance": math.sqrt(2 / 400) * 400 / 2,
        "fan_out for fan_in": 400 / 300,
        "uncorrected truncation": 0.7737413,
        "uniform bound without the 3": 1 / 3,
        "fan_avg without the half": 1 / 2,
        "three per cent": 1.03,
    }.items(),
    ids=lambda slip: slip[0],
)
def test_classic_slips_are_rejected(slip):
    w = initializers.he_normal((400, 300), rng=1)
    assert_variance(w, 2 / 400)
    with pytest.raises(
        AssertionError, match=r"The variance of 120000 weights is .* sigma where 5 are allowed"
    ):
        assert_variance(w * math.sqrt(slip[1]), 2 / 400)


def test_the_message_gives_ratio_variances_and_sigmas():
    with pytest.raises(
        AssertionError, match=re.escape("10000 weights is 4 times the expected one, 4 for 1: 212.1 s")
    ):
        assert_variance(np.tile([2.0, -2.0], 5000), 1.0)


def test_a_mean_that_is_not_zero_counts_as_variance():
    with pytest.raises(AssertionError):
        assert_variance(draws() + 0.3, 1.0)


def test_kurtosis_and_sigma_set_the_tolerance():
    w = np.tile([1.01, -1.01], 10_000)  # variance 1.0201, n = 20000
    assert assert_variance(w, 1.0) == pytest.approx(0.0201 / math.sqrt(2 / 20_000))
    assert assert_variance(w, 1.0, kurtosis=1.8) == pytest.approx(0.0201 / math.sqrt(0.8 / 20_000))
    with pytest.raises(AssertionError):
        assert_variance(w, 1.0, sigma=1)
    with pytest.raises(AssertionError):
        assert_variance(w, 1.0, kurtosis=1.1)


def test_a_kurtosis_of_one_asks_for_equal_squares_up_to_rounding():
    assert_variance(np.float32([0.1, -0.1]), 0.01, kurtosis=1)
    with pytest.raises(AssertionError):
        assert_variance([0.1, -0.1], 0.01 * (1 + 1e-5), kurtosis=1)


def test_zeros_are_expected_or_not():
    assert assert_variance(np.zeros(100), 0.0, kurtosis=1) == 0
    with pytest.raises(AssertionError, match="inf times"):
        assert_variance(draws(), 0.0)
    with pytest.raises(AssertionError, match="0 times"):
        assert_variance(np.zeros(1000), 1.0)


class Tensor:
    """As much of a PyTorch tensor as assert_variance uses: NumPy cannot read it unless it is detached."""

    def __init__(self, values, attached=True):
        self.values, self.attached = values, attached

    def __array__(self, *_, **__):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self):
        return Tensor(self.values, attached=False)

    def is_floating_point(self):
        return self.values.dtype.kind == "f"

    def double(self):
        return Tensor(self.values.astype(float), self.attached)

    def numpy(self, *, force=False):
        assert force
        assert not self.attached
        return self.values


def test_lists_complex_arrays_and_tensors_are_read():
    assert_variance([[1.0, -1.0]] * 1000, 1.0)
    z = initializers.normal((300, 300), rng=0, dtype="complex64")
    assert_variance(z, 1.0, kurtosis=2)
    assert_variance(Tensor(draws()), 1.0)
    assert_variance(Tensor(z), 1.0, kurtosis=2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"weights": [1.0, np.nan] * 500}, ValueError, "Received 500 NaN or infinite entries"),
        (
            {"weights": np.ones(199)},
            ValueError,
            "Too few weights to test. Received: 199; 200 or more are needed",
        ),
        ({"weights": []}, ValueError, "Too few weights"),
        ({"weights": "weights"}, TypeError, "weights must be an array of numbers"),
        ({"weights": None}, TypeError, "weights must be an array of numbers"),
        ({"expected": -1.0}, ValueError, "expected must be a finite number >= 0. Received: -1.0"),
        ({"expected": math.nan}, ValueError, "Received: nan"),
        ({"expected": "1"}, TypeError, "Received: '1'"),
        ({"kurtosis": 0.9}, ValueError, "kurtosis must be a finite number >= 1 and <= 1e+100. Received: 0.9"),
        ({"sigma": 0}, ValueError, "sigma must be a finite number > 0 and <= 1e+100. Received: 0"),
    ],
)
def test_bad_input(arguments, error, message):
    arguments = {"weights": draws(), "expected": 1.0, **arguments}
    with pytest.raises(error, match=re.escape(message)):
        assert_variance(arguments.pop("weights"), arguments.pop("expected"), **arguments)


def test_two_hundred_weights_are_enough():
    assert_variance(np.tile([1.0, -1.0], 100), 1.0)
