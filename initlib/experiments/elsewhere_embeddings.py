"""E9: first weights on bags of real words: He's against smaller, larger and fitted ones.

Behind C21 and C22. ReLU nets of three layers, 64 wide, read the names of Unicode's characters as bags of
words, and tell the first word, which is left out of the bag: mostly a script. On such inputs a first layer is
a sum of embeddings, one for each word. He's weights are scaled by the size of the vocabulary. Against them:

* a third of them, the advice for sparse inputs, on bags and on bags whose columns are standardised,
* the effective fan-in, of variance 2 / (words in a bag),
* N(0, 1), which PyTorch's `Embedding` and `EmbeddingBag` draw,
* weights and biases that start as if the columns were standardised.

Pilots (seeds 0 to 2): a third made no difference; the others read 2.5 to 7 points less than He's.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache, partial
from typing import Any
from unicodedata import ucd_3_2_0

import numpy as np

from initlib import networks
from initlib.datasets import Dataset, Split
from initlib.experiments._elsewhere import protocol
from initlib.experiments._grounds import ADAM, SGD, Ground
from initlib.networks import Network
from initlib.typing import Array

FITTED = "as if standardised"
STARTS = ("a third", "effective fan-in", "N(0, 1)", FITTED)
SCRIPT, WORD = 100, 5  # how many names a script, and a word, has to be in


@cache
def bags() -> tuple[Array, Array, Array]:
    """Return bags of words (names, words), each name's place among the first words, and those."""
    names = [ucd_3_2_0.name(chr(code), "").replace("-", " ").split() for code in range(0x20000)]
    names = [name for name in names if len(name) > 1 and name[0] != "CJK"]
    names = [name for name in names if name[:2] != ["HANGUL", "SYLLABLE"]]
    scripts = frequent(Counter(name[0] for name in names), SCRIPT)
    names = [name for name in names if name[0] in scripts]
    words = frequent(Counter(word for name in names for word in set(name[1:])), WORD)
    found = np.zeros((len(names), len(words)), np.float32)
    for row, name in zip(found, names, strict=True):
        row[[words[word] for word in name[1:] if word in words]] = 1
    kept = found.any(axis=1)
    labels = np.array([scripts[name[0]] for name in names])
    return found[kept], labels[kept], np.array(list(scripts))


def frequent(counts: Counter[str], least: int) -> dict[str, int]:
    """Return the place of each word that is counted so often, in the order of the alphabet."""
    return {word: place for place, word in enumerate(sorted(w for w in counts if counts[w] >= least))}


class Bags(Dataset):
    """Names whose bags of words `split` fetches."""

    def split(
        self,
        seed: int,
        test: float = 0.2,
        validation: float = 0.0,
        *,
        train_samples: int | None = None,
        standardise: bool | str = True,
    ) -> Split:
        """Cut the bags as any data set."""
        found, labels, scripts = bags()
        own = Dataset(self.name, found, labels, len(scripts))
        return own.split(seed, test, validation, train_samples=train_samples, standardise=standardise)


def names() -> Dataset:
    """Return the data set without the bags, which are 17 MB."""
    _, labels, scripts = bags()
    return Bags("names of characters", np.zeros((len(labels), 1)), labels, len(scripts))


def nets(cells: Sequence[dict[str, Any]], start: str = "He") -> Network:
    """Return nets by He's rule, their first weights times a factor or as if inputs were standardised."""
    words, _, scripts = bags()
    network = networks.mlp(
        [words.shape[1], *[cells[0]["width"]] * (cells[0]["depth"] - 1), len(scripts)],
        cells[0]["activation"],
        "he_normal",
        seeds=[cell["seed"] for cell in cells],
    )
    if start == FITTED:
        for weights, biases, cell in zip(network.weights[0], network.biases[0], cells, strict=True):
            x = training_part(cell)
            weights /= np.where(x.any(axis=0), x.std(axis=0), 1.0)[:, None]
            biases -= x.mean(axis=0) @ weights
    else:
        network.weights[0][...] *= factor(start)
    return network


def factor(start: str) -> float:
    """Return by what He's first weights, of variance 2 / words, are multiplied."""
    words = bags()[0]
    variances = {"effective fan-in": 2 / (words**2).sum(axis=1).mean(), "N(0, 1)": 1.0}
    factors = {name: (words.shape[1] * variance / 2) ** 0.5 for name, variance in variances.items()}
    return float({"He": 1.0, "a third": 1 / 3, **factors}[start])


def training_part(cell: dict[str, Any]) -> Array:
    """Return the bags that a cell trains on."""
    cut = {name: cell[name] for name in ("test", "validation", "train_samples")}
    return names().split(cell["seed"], standardise=False, **cut).train.inputs


OPTIMIZERS = {"SGD": SGD, "Adam": ADAM}
OTHERS: dict[str, Ground] = {
    **{start: {"network": partial(nets, start=start)} for start in STARTS},
    "a third, standardised": {"network": partial(nets, start="a third"), "standardise": "features"},
}

PROTOCOL = protocol(
    "elsewhere-embeddings",
    "E9",
    "Nets on bags of words classify names better from He's first weights than from a third of them, the "
    "effective fan-in, N(0, 1), or a start as if the columns were standardised.",
    {"He": {"network": nets}, "other": {}},
    depth=3,
    activation="relu",
    learning_rates=(0.03, 0.1, 0.3, 1.0, 3.0),
    seeds=1900,
    samples=1000,
    epochs=20,
    margin=0.02,
    elsewhere={
        f"{name}, {optimizer}": {**settings, **other}
        for name, other in OTHERS.items()
        for optimizer, settings in OPTIMIZERS.items()
    },
    dataset=names(),
    optimizer="sgd",
    standardise=False,
    test=0.1,
)
