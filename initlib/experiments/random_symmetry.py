"""C3: do random weights let every neuron learn something of its own, and does it take randomness?

Beside random weights: patterns without any (columns of a Hadamard matrix, cosines), one constant for all
weights, one constant in the first layer alone, and one constant with a little noise. All in float64, as for
zero initialization: rounding breaks symmetries too.

The first run trained with SGD alone. New: Adam, in what neurons learn and in how well they read; rates by
accuracy; the margin of two points that all accuracies share.

Pilots: seeds 0 to 2, rates on 50 and 51; they are kept in pilots/. Between two BLAS kernels, in the first
run, first losses of ReLU nets differed by up to 4e-4, test accuracies by 0.3 points, the median cosine by
7e-4, and numbers of twins not at all.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import datasets, initializers, networks, training
from initlib.evidence import Measurement, Metric, Protocol, Rule, Share, Told, Training, when
from initlib.experiments._grounds import ADAM, SGD

GAIN = {"tanh": 1.0, "relu": 2**0.5}  # sigma_w; every pattern has the variance of the random weights
CONSTANT = 0.1
TWINS = 1e-6  # two neurons whose changes have a cosine this close to 1 or -1 learn the same
WIDTH = 64
RATES = {"momentum": 0.03, "adam": 0.003}  # where only what neurons learned is compared


def hadamard(shape: tuple[int, int], *, gain: float = 1.0, rng: Any = None, dtype: Any = float) -> Any:
    """Return +-gain / sqrt(fan_in), the signs those of Sylvester's matrix: orthogonal where square."""
    rows, columns = (np.arange(n, dtype=np.uint64) for n in shape)
    odd = np.bitwise_count(rows[:, None] & columns) % 2
    return (gain / np.sqrt(shape[0]) * (1.0 - 2.0 * odd)).astype(dtype)


def cosines(shape: tuple[int, int], *, gain: float = 1.0, rng: Any = None, dtype: Any = float) -> Any:
    """Return waves of increasing frequency, column by column: the discrete cosine transform of type II."""
    place, frequency = np.arange(shape[0])[:, None] + 0.5, np.arange(shape[1])
    waves = np.cos(np.pi / shape[0] * place * frequency) * np.where(frequency, np.sqrt(2), 1.0)
    return (gain / np.sqrt(shape[0]) * waves).astype(dtype)


def noisy(shape: tuple[int, int], *, noise: float, rng: np.random.Generator, dtype: Any = float) -> Any:
    """Return one constant, plus normal noise of this standard deviation."""
    return (CONSTANT + noise * rng.standard_normal(shape)).astype(dtype)


def starts(activation: str) -> dict[str, Any]:
    """Return the initializers, random ones and patterns of equal variance."""
    gain = GAIN[activation]
    gaussian = partial(initializers.variance_scaling, scale=gain**2)
    constant = partial(initializers.constant, value=CONSTANT)
    return {
        "gaussian": gaussian,
        "uniform": partial(initializers.variance_scaling, scale=gain**2, distribution="uniform"),
        "hadamard": partial(hadamard, gain=gain),
        "cosines": partial(cosines, gain=gain),
        "constant": constant,
        "first constant": (constant, gaussian, gaussian),
        **{f"noise {noise:g}": partial(noisy, noise=noise) for noise in NOISES},
    }


NOISES = (1e-4, 0.1)
RANDOM, PATTERNS = ("gaussian", "uniform"), ("hadamard", "cosines")
ARMS = (*RANDOM, *PATTERNS, "constant", "first constant")


def learned(seeds: Sequence[int], activation: str, start: str, optimizer: str) -> dict[str, Any]:
    """Train, then compare what the neurons of the hidden layers have learned: their weights, less the start.

    `twins`: pairs of neurons of one layer whose changes are parallel. `cosine`: the median over all pairs of
    a layer, without sign, the larger of both layers'. `rank`: the smaller of the ranks of both changes.
    """
    initializer = [starts(activation)[start]] * len(seeds)
    nets = networks.mlp([64, WIDTH, WIDTH, 10], activation, initializer, seeds=seeds)
    fit = training.fit(
        nets,
        datasets.digits(),
        optimizer=optimizer,
        learning_rate=RATES[optimizer],
        epochs=20,
        dtype=np.float64,
        threads=1,
    )
    hidden = zip(fit.network.weights[:-1], nets.weights[:-1], strict=True)
    changes = [after - before for after, before in hidden]
    found = [[compare(change) for change in layer] for layer in changes]
    twins, cosine, rank = np.array(found).transpose(2, 0, 1)
    return {
        "twins": twins.sum(axis=0).astype(int),
        "cosine": cosine.max(axis=0),
        "rank": rank.min(axis=0).astype(int),
        "test_accuracy": fit.test_accuracy[:, -1] if fit.test_accuracy is not None else None,
    }


def compare(change: Any) -> tuple[int, float, int]:
    """Return the number of twins among the columns that changed, the median |cosine|, and the rank."""
    length = np.linalg.norm(change, axis=0)
    moved = length > 1e-12 * length.max()
    directions = change[:, moved] / length[moved]
    cosine = abs(directions.T @ directions)[np.triu_indices(moved.sum(), 1)]
    return (
        int((cosine > 1 - TWINS).sum()),
        float(np.median(cosine)),
        int(np.linalg.matrix_rank(change, rtol=1e-6)),
    )


def trains(activation: str, start: str) -> Share:
    """Return the test whether nets from a start read nearly all new digits."""
    return accuracy(activation, start).share(f"{activation}, {start}: trains", at_least=0.9)


def accuracy(activation: str, start: str, rate: str = "best") -> Metric:
    """Return the test accuracy of a start."""
    return Metric(activation, "test_accuracy").at(arm=start, learning_rate=rate)


def of_neurons(
    metric: str, words: str, activation: str, start: str, optimizer: str, **bounds: float
) -> Share:
    """Return a test of what neurons learned."""
    where = {"activation": activation, "start": start, "optimizer": optimizer}
    return (
        Metric("learned", metric).at(**where).share(f"{activation}, {start}, {optimizer}: {words}", **bounds)
    )


PAIRS = WIDTH * (WIDTH - 1)  # of neurons, in two hidden layers
EVERY = tuple((a, start, o) for o in RATES for a in GAIN for start in (*RANDOM, *PATTERNS))
DISTINCT = {one: of_neurons("twins", "no two neurons learn the same", *one, equal=0) for one in EVERY}
DIVERSE = {one: of_neurons("rank", "neurons learn many directions", *one, at_least=50) for one in EVERY}
ALIKE = [
    of_neurons("twins", "all neurons learn the same", a, "constant", o, equal=PAIRS)
    for o in RATES
    for a in GAIN
]
TRAINS = {(a, start): trains(a, start) for a in GAIN for start in (*RANDOM, *PATTERNS)}
FIRST_TRAINS = [trains(a, "first constant") for a in GAIN]
FAILS = [accuracy(a, "constant").share(f"{a}, constant: fails", at_most=0.5) for a in GAIN]


def random(tests: dict[Any, Share]) -> list[Share]:
    """Return those of the tests that are about random weights."""
    return [test for (_, start, *_), test in tests.items() if start in RANDOM]


RANDOM_TRAINS, RANDOM_DISTINCT, RANDOM_DIVERSE = map(random, (TRAINS, DISTINCT, DIVERSE))  # type: ignore[arg-type]


def training_of(activation: str) -> Training:
    """Return the comparison of all starts for one activation."""
    return Training(
        arms={start: {"initializer": starts(activation)[start]} for start in ARMS},
        grounds={"SGD with momentum": SGD, "Adam": ADAM},
        tuned_by="accuracy",
        learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
        seeds=range(1000, 1012),
        tuning_seeds=range(2000, 2003),
        settings={
            "dataset": "digits",
            "activation": activation,
            "depth": 3,
            "width": WIDTH,
            "optimizer": "momentum",
            "batch_size": 64,
            "epochs": 20,
            "validation": 0.1,
            "dtype": "float64",
        },
        tolerance={"first_loss": 1e-3, "test_accuracy": 0.01},
        sample=(
            {"arm": "gaussian", "learning_rate": "best", "seed": 1000},
            {"arm": "cosines", "ground": "Adam", "learning_rate": "best", "seed": 1000},
        ),
    )


PROTOCOL = Protocol(
    name="random-symmetry",
    claim="C3",
    edition=2,
    statement="Random weights break the symmetry between neurons, so that each learns its own feature.",
    told=Told(
        "Random initialization breaks the symmetry, so that different neurons can learn different features.",
        (
            Rule("upheld", when(yes=[*RANDOM_TRAINS, *RANDOM_DISTINCT, *ALIKE])),
            Rule("refuted", when(no=RANDOM_DISTINCT)),
        ),
    ),
    parts={
        "learned": Measurement(
            measure=learned,
            axes={
                "activation": tuple(GAIN),
                "start": tuple(starts("tanh")),
                "optimizer": tuple(RATES),
            },
            seeds=range(1000, 1010),
            tolerance={"twins": 0, "cosine": 0.002, "rank": 0.05, "test_accuracy": 0.01},
            sample=(
                {"activation": "tanh", "start": "gaussian", "optimizer": "momentum", "seed": 1000},
                {"activation": "tanh", "start": "constant", "optimizer": "adam", "seed": 1000},
            ),
        ),
        **{activation: training_of(activation) for activation in GAIN},
    },
    tests=(
        *DISTINCT.values(),
        *DIVERSE.values(),
        *ALIKE,
        *TRAINS.values(),
        *FIRST_TRAINS,
        *FAILS,
        *(
            accuracy(a, start, rate).minus(
                accuracy(a, "gaussian", rate), f"{a}: {start} minus gaussian, {rate} rate", margin=0.02
            )
            for a in GAIN
            for start in ("uniform", *PATTERNS, "first constant")
            for rate in ("best", "shared")
        ),
        *(
            of_neurons("test_accuracy", words, a, f"noise {noise:g}", o, **bounds)
            for o in RATES
            for a in GAIN
            for noise, words, bounds in (
                (1e-4, "fails all the same", {"at_most": 0.5}),
                (0.1, "trains", {"at_least": 0.9}),
            )
        ),
    ),
    rules=(
        Rule("upheld", when(yes=[*RANDOM_TRAINS, *RANDOM_DISTINCT, *RANDOM_DIVERSE, *ALIKE, *FAILS])),
        # the symmetry is broken, but neurons still learn much the same
        Rule("refined", when(yes=[*RANDOM_TRAINS, *RANDOM_DISTINCT], no_or_mixed=RANDOM_DIVERSE)),
        Rule("refuted", when(no=RANDOM_DISTINCT)),
    ),
)
