"""C3: do random weights let every neuron learn something of its own, and does it take randomness?

Beside random weights: patterns without any (columns of a Hadamard matrix, cosines), one constant for all
weights, one constant in the first layer alone, and one constant with a little noise. All in float64, as for
zero initialization: rounding breaks symmetries too.

The pilots behind the thresholds: seeds 0 to 4. Between two BLAS kernels, first losses of ReLU nets differed
by up to 4e-4, test accuracies by 0.3 points, the median cosine by 7e-4, and numbers of twins not at all.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from initlib import datasets, initializers, networks, training
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, Training

GAIN = {"tanh": 1.0, "relu": 2**0.5}  # sigma_w; every pattern has the variance of the random weights
CONSTANT = 0.1
TWINS = 1e-6  # two neurons whose changes have a cosine this close to 1 or -1 learn the same
WIDTH = 64


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


def learned(seeds: Sequence[int], activation: str, start: str) -> dict[str, Any]:
    """Train, then compare what the neurons of the hidden layers have learned: their weights, less the start.

    `twins`: pairs of neurons of one layer whose changes are parallel. `cosine`: the median over all pairs of
    a layer, without sign, the larger of both layers'. `rank`: the smaller of the ranks of both changes.
    """
    initializer = [starts(activation)[start]] * len(seeds)
    nets = networks.mlp([64, WIDTH, WIDTH, 10], activation, initializer, seeds=seeds)
    fit = training.fit(
        nets,
        datasets.digits(),
        optimizer="momentum",
        learning_rate=0.03,
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


def share(name: str, metric: str, activation: str, start: str, **bounds: float) -> Share:
    """Return a test of what neurons learned."""
    return Share(name, "learned", metric, {"activation": activation, "start": start}, **bounds)


def trains(activation: str, start: str) -> str:
    return f"{activation}, {start}: trains"


def distinct(activation: str, start: str) -> str:
    return f"{activation}, {start}: no two neurons learn the same"


def diverse(activation: str, start: str) -> str:
    return f"{activation}, {start}: neurons learn many directions"


def minus(activation: str, start: str, rate: str = "best") -> str:
    return f"{activation}: {start} minus gaussian, {rate} rate"


PAIRS = WIDTH * (WIDTH - 1)  # of neurons, in two hidden layers
EVERY = tuple((activation, start) for activation in GAIN for start in (*RANDOM, *PATTERNS))
ALL_RANDOM = tuple((activation, start) for activation in GAIN for start in RANDOM)
FAILS = {activation: f"{activation}, constant: fails" for activation in GAIN}
ALIKE = {activation: f"{activation}, constant: all neurons learn the same" for activation in GAIN}


def training_of(activation: str) -> Training:
    """Return the comparison of all starts for one activation."""
    return Training(
        arms={start: {"initializer": starts(activation)[start]} for start in ARMS},
        learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
        seeds=range(100, 116),
        tuning_seeds=range(200, 204),
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
            {"arm": "gaussian", "learning_rate": "best", "seed": 100},
            {"arm": "cosines", "learning_rate": "best", "seed": 100},
        ),
    )


def accuracy(name: str, activation: str, start: str, **bounds: float) -> Share:
    """Return a test of the accuracy of one start at its best learning rate."""
    return Share(name, activation, "test_accuracy", {"arm": start, "learning_rate": "best"}, **bounds)


PROTOCOL = Protocol(
    name="random-symmetry",
    claim="C3",
    statement="Random weights break the symmetry between neurons, so that each can learn its own feature.",
    parts={
        "learned": Measurement(
            measure=learned,
            axes={"activation": tuple(GAIN), "start": tuple(starts("tanh"))},
            seeds=range(100, 110),
            tolerance={"twins": 0, "cosine": 0.002, "rank": 0.05, "test_accuracy": 0.01},
            sample=(
                {"activation": "tanh", "start": "gaussian", "seed": 100},
                {"activation": "tanh", "start": "constant", "seed": 100},
            ),
        ),
        **{activation: training_of(activation) for activation in GAIN},
    },
    tests=(
        *(share(distinct(*one), "twins", *one, equal=0) for one in EVERY),
        *(share(diverse(*one), "rank", *one, at_least=50) for one in EVERY),
        *(share(ALIKE[a], "twins", a, "constant", equal=PAIRS) for a in GAIN),
        *(accuracy(trains(*one), *one, at_least=0.9) for one in EVERY),
        *(accuracy(trains(a, "first constant"), a, "first constant", at_least=0.9) for a in GAIN),
        *(accuracy(FAILS[a], a, "constant", at_most=0.5) for a in GAIN),
        *(
            Difference(
                minus(a, start, rate),
                a,
                "test_accuracy",
                {"arm": start},
                {"arm": "gaussian"},
                0.01,
                {"learning_rate": rate},
            )
            for a in GAIN
            for start in ("uniform", *PATTERNS, "first constant")
            for rate in ("best", "shared")
        ),
        *(
            share(f"{a}, constant with noise {noise:g}: {does}", "test_accuracy", a, f"noise {noise:g}", **b)
            for a in GAIN
            for noise, does, b in (
                (1e-4, "fails all the same", {"at_most": 0.5}),
                (0.1, "trains", {"at_least": 0.9}),
            )
        ),
    ),
    rules=(
        Rule(
            "upheld",
            {
                **{trains(*one): "yes" for one in ALL_RANDOM},
                **{distinct(*one): "yes" for one in ALL_RANDOM},
                **{diverse(*one): "yes" for one in ALL_RANDOM},
                **{ALIKE[a]: "yes" for a in GAIN},
                **{FAILS[a]: "yes" for a in GAIN},
            },
        ),
        Rule(  # the symmetry is broken, but neurons still learn much the same
            "refined",
            {
                **{trains(*one): "yes" for one in ALL_RANDOM},
                **{distinct(*one): "yes" for one in ALL_RANDOM},
                **{diverse(*one): ("no", "mixed") for one in ALL_RANDOM},
            },
        ),
        Rule(  # only one of the two activations behaves as claimed
            "depends",
            {trains("tanh", "gaussian"): "yes", trains("relu", "gaussian"): "no"},
        ),
        Rule("refuted", {distinct(*one): "no" for one in ALL_RANDOM}),
    ),
)
