"""R2b: the top hidden layer of a sigmoid net saturates, and comes back late (Glorot and Bengio 2010, fig. 2).

Batches of 40 at learning rate 0.4 stand for the paper's batches of 10 at a quarter of the rate.

The pilots behind the thresholds: seeds 1 to 4. After 5 epochs, two BLAS kernels gave means within 6e-8.
The first run (first-runs/, seeds 100 to 109) is repeated on new seeds with rules that exclude each other.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from initlib import datasets, initializers, networks, training
from initlib.evidence import Difference, Measurement, Protocol, Rule, Share, when

WIDTH, HIDDEN = 200, 4
EPOCHS = (1, 5, 20, 80, 160)
DEEPEST, LATE = EPOCHS[-2:]


def activations(seeds: Sequence[int], epochs: int) -> dict[str, Any]:
    """Return the mean activation of each hidden layer after training, and the loss of the last epoch."""
    start = partial(initializers.variance_scaling, scale=1 / 3, distribution="uniform")
    nets = networks.mlp([64, *[WIDTH] * HIDDEN, 10], "sigmoid", start, seeds=seeds)
    fit = training.fit(nets, datasets.digits(), learning_rate=0.4, epochs=epochs, batch_size=40, threads=1)
    post = fit.network.forward(datasets.digits().split(0).train.inputs[:300]).post
    means = {f"mean_{layer}": post[layer - 1].mean(axis=(1, 2)) for layer in range(1, HIDDEN + 1)}
    return {**means, "loss": fit.loss[:, -1]}


def share(name: str, metric: str, epochs: int, **bounds: float) -> Share:
    """Return a test on the nets after some epochs."""
    return Share(f"{epochs} epochs: {name}", "training", metric, {"epochs": epochs}, **bounds)


SATURATED = share("mean of layer 4 at most 0.06", "mean_4", DEEPEST, at_most=0.06)
CENTRED = share("mean of layer 1 within 0.05 of 0.5", "mean_1", DEEPEST, at_least=0.45, at_most=0.55)
AWAKE = [
    share(f"mean of layer {layer} at least 0.4", f"mean_{layer}", DEEPEST, at_least=0.4) for layer in (2, 3)
]
PLATEAU = share("loss at least 2.25", "loss", DEEPEST, at_least=2.25)
RETURNS = Difference(
    f"mean of layer 4, {LATE} epochs minus {DEEPEST}",
    "training",
    "mean_4",
    {"epochs": LATE},
    {"epochs": DEEPEST},
    0.01,
)
LEARNS = share("loss at most 2.25", "loss", LATE, at_most=2.25)

PROTOCOL = Protocol(
    name="sigmoid-saturation",
    claim="R2b",
    edition=2,
    statement=(
        "In a sigmoid net of four hidden layers, training first drives the top hidden layer to 0 while the "
        "layers below do not saturate; around epoch 100 the top layer comes back, and learning starts."
    ),
    parts={
        "training": Measurement(
            measure=activations,
            axes={"epochs": EPOCHS},
            seeds=range(1000, 1010),
            tolerance={**{f"mean_{layer}": 1e-5 for layer in range(1, HIDDEN + 1)}, "loss": 1e-5},
            sample=({"epochs": 5, "seed": 1000},),
        )
    },
    tests=(SATURATED, CENTRED, *AWAKE, PLATEAU, RETURNS, LEARNS),
    rules=(
        Rule("upheld", when(yes=[SATURATED, CENTRED, *AWAKE, PLATEAU], higher=[RETURNS])),
        # the top layer saturates, but another does too, or it does not come back in time, or learning started
        *(Rule("refined", when(yes=[SATURATED, CENTRED], no_or_mixed=[one])) for one in (*AWAKE, PLATEAU)),
        Rule(
            "refined",
            when(
                yes=[SATURATED, CENTRED], equivalent_or_lower_or_not_lower_or_not_higher_or_unclear=[RETURNS]
            ),
        ),
        Rule("refuted", when(no=[SATURATED])),
    ),
)
