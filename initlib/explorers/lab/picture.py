"""The still form of the lab: the training loss of both arms, computed by initlib."""

import io
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from initlib import figures, initializers, networks, training
from initlib.explorers.lab import data, settings
from initlib.explorers.lab.rules import rules
from initlib.extras import hints

COLOURS = {"A": "#0072b2", "B": "#a8327d"}
STEPS, SEEDS = 180, 3


@hints()
def draw(start: dict[str, Any]) -> bytes:
    """Return the loss of each arm by epoch as a PNG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    shared, stream = start["shared"], io.BytesIO()
    samples = len(data.get(shared["data"]).split(0).train)
    epochs = math.ceil(STEPS / math.ceil(samples / shared["batch"]))
    with mpl.rc_context():
        figures.use_style()
        figure = Figure(figsize=(7.6, 3.0))
        axes = figure.subplots()
        a, b = start["arms"]
        for name, arm, other in (("A", a, b), ("B", b, a)):
            label = f"{name}: {settings.told(arm, other)}"
            loss = train(arm, shared, range(SEEDS), epochs).loss
            for i, line in enumerate(loss):
                axes.plot(range(1, epochs + 1), line, color=COLOURS[name], label=label if i == 0 else None)
        axes.set(xlabel="epoch", ylabel="training loss", title=start["title"], ylim=(0, 3))
        axes.legend()
        figure.savefig(stream, format="png")
    return stream.getvalue()


def train(arm: dict[str, Any], shared: dict[str, Any], seeds: Any, epochs: int) -> training.Fit:
    """Train the nets of an arm with initlib, as the page trains them."""
    split = data.get(shared["data"]).split(0)
    return training.fit(
        network(arm, split.train.inputs.shape[1], 10 if shared["data"] == "digits" else 2, seeds),
        split,
        optimizer=arm["optimizer"],
        learning_rate=arm["rate"],
        epochs=epochs,
        batch_size=shared["batch"],
    )


def network(arm: dict[str, Any], inputs: int, classes: int, seeds: Any) -> networks.Network:
    """Build the nets of an arm with initlib."""
    width, depth, plain = arm["width"], arm["depth"], arm["shortcut"] == "none"
    blocks = max(1, (depth - 2) // 2)
    fans = [inputs, *[width] * (depth - 1 if plain else 2 * blocks + 1)]
    common = {
        "seeds": list(seeds),
        "bias_initializer": _biases(arm, fans, len(list(seeds))),
        "normalisation": None if arm["normalisation"] == "none" else arm["normalisation"],
    }
    if plain:
        return networks.mlp([*fans, classes], arm["activation"], weights(arm), **common)
    sizes = (inputs, width, classes)
    return networks.residual(
        sizes, blocks, arm["activation"], weights(arm), variant=arm["shortcut"], **common
    )


def weights(arm: dict[str, Any]) -> Callable[..., Any]:
    """Return the initializer of an arm."""
    init, scale = arm["init"], arm["scale"]
    if init == "constant":
        return partial(initializers.constant, value=arm["size"] * scale)
    if init == "normal":
        return partial(initializers.normal, std=arm["size"] * scale)
    if init == "orthogonal":
        return partial(initializers.orthogonal, gain=scale)
    if init == "zeros":
        return initializers.zeros
    known = rules()
    if init == "critical" and known["critical"][arm["activation"]] is not None:
        factor = known["critical"][arm["activation"]] ** 2
        return partial(initializers.variance_scaling, scale=factor * scale**2)
    law = known["initializers"]["he" if init == "critical" else init]
    return partial(
        initializers.variance_scaling,
        scale=scale**2 / sum(law["fans"]),
        mode="fan_avg" if law["fans"][1] else "fan_in",
        distribution=law["law"],
    )


def _biases(arm: dict[str, Any], fans: list[int], nets: int) -> Any:
    if arm["bias"] == "constant":
        return partial(initializers.constant, value=arm["biasSize"])
    if arm["bias"] == "random":
        return partial(initializers.normal, std=arm["biasSize"])
    if arm["bias"] == "default" and arm["init"] == "pytorch":
        return [[partial(initializers.uniform, low=-(n**-0.5), high=n**-0.5) for n in fans]] * nets
    return "zeros"
