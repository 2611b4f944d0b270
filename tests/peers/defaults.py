"""What the layers of five frameworks draw by default, and `initlib/frameworks/audit.json` made of it.

    .venv-peers/bin/python tests/peers/defaults.py

A row says what a parameter should be: a family, and a formula of the sizes of the layer. The script
draws each parameter, refuses a row that does not fit the draws, and writes rows, measurements and versions.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"  # before Keras is imported

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import equinox
import jax
import keras
import numpy as np
import torch
from flax import nnx
from sklearn.neural_network import MLPRegressor
from torch import nn

from initlib import frameworks

STORED = Path(frameworks.__file__).parent / "audit.json"
PACKAGES = ("torch", "keras", "flax", "equinox", "scikit-learn", "jax", "numpy")
IN, OUT, TAPS, HEADS = 96, 160, 9, 4
GAUSS, FLAT, CUT = 3.0, 1.8, 2.3655  # kurtosis of a normal, a uniform and one cut at two standard deviations
KURTOSIS = {"normal": GAUSS, "uniform": FLAT, "truncated normal": CUT}


@dataclass(frozen=True)
class Row:
    """A parameter as its framework draws it: `formula` is the variance, or the value of a constant."""

    framework: str
    layer: str
    parameter: str
    family: str
    formula: str
    draw: Callable[[int], Any]
    sizes: dict[str, int]

    @property
    def number(self) -> float:
        return float(eval(self.formula, {"__builtins__": {}}, dict(self.sizes)))


def torch_layer(make: Callable[[], nn.Module], name: str) -> Callable[[int], Any]:
    def draw(seed: int) -> Any:
        torch.manual_seed(seed)
        return make().get_parameter(name).detach().numpy()

    return draw


def keras_layer(
    make: Callable[[], Any], shapes: tuple[tuple[int, ...], ...], name: str
) -> Callable[[int], Any]:
    """Return draws of the variable whose path ends in `name`."""

    def draw(seed: int) -> Any:
        keras.utils.set_random_seed(seed)
        layer = make()
        layer.build(*shapes)
        return next(np.asarray(w) for w in layer.weights if w.path.endswith(name))

    return draw


def nnx_layer(make: Callable[[nnx.Rngs], Any], path: str) -> Callable[[int], Any]:
    def draw(seed: int) -> Any:
        found = make(nnx.Rngs(seed))
        for name in path.split("."):
            found = getattr(found, name)
        return np.asarray(found[...])

    return draw


def equinox_layer(make: Callable[[Any], Any], path: str) -> Callable[[int], Any]:
    def draw(seed: int) -> Any:
        found = make(jax.random.PRNGKey(seed))
        for name in path.split("."):
            found = getattr(found, name)
        return np.asarray(found)

    return draw


def sklearn_layer(activation: str, attribute: str) -> Callable[[int], Any]:
    """Draw as `fit` does before its first step; the first step itself is held at zero."""

    def draw(seed: int) -> Any:
        net = MLPRegressor(
            hidden_layer_sizes=(OUT, OUT), activation=activation, learning_rate_init=1e-300, random_state=seed
        )
        inputs = np.ones((2, IN))
        return getattr(net.partial_fit(inputs, [0.0, 0.0]), attribute)[0]

    return draw


DENSE = {"fan_in": IN, "fan_out": OUT}
CONV = {"fan_in": IN * TAPS, "fan_out": OUT * TAPS}
BAND = {"taps": TAPS, "channels": IN}
CELL = {"fan_in": IN, "units": OUT}
HEADED = {"width": IN, "heads": HEADS}
LOOKUP = {"rows": IN, "width": OUT}


def torch_rows() -> Iterator[Row]:
    def row(layer: str, parameter: str, family: str, formula: str, make: Any, **sizes: int) -> Row:
        return Row("PyTorch", layer, parameter, family, formula, torch_layer(make, parameter), sizes)

    for name, make, sizes in (
        ("Linear", lambda: nn.Linear(IN, OUT), DENSE),
        ("Conv2d", lambda: nn.Conv2d(IN, OUT, 3), CONV),
    ):
        yield row(name, "weight", "uniform", "1 / (3 * fan_in)", make, **sizes)
        yield row(name, "bias", "uniform", "1 / (3 * fan_in)", make, **sizes)
    depthwise = lambda: nn.Conv2d(IN, IN, 3, groups=IN)  # noqa: E731
    yield row("Conv2d, depthwise", "weight", "uniform", "1 / (3 * taps)", depthwise, **BAND)
    yield row("Conv2d, depthwise", "bias", "uniform", "1 / (3 * taps)", depthwise, **BAND)
    turned = lambda: nn.ConvTranspose2d(IN, OUT, 3)  # noqa: E731
    yield row("ConvTranspose2d", "weight", "uniform", "1 / (3 * fan_out)", turned, **CONV)
    yield row("Embedding", "weight", "normal", "1", lambda: nn.Embedding(IN, OUT), **LOOKUP)
    for name, kind in (("RNN", nn.RNN), ("GRU", nn.GRU), ("LSTM", nn.LSTM)):
        for parameter in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            yield row(name, parameter, "uniform", "1 / (3 * units)", lambda kind=kind: kind(IN, OUT), **CELL)
    attention = lambda: nn.MultiheadAttention(IN, HEADS)  # noqa: E731
    yield row("MultiheadAttention", "in_proj_weight", "uniform", "2 / (4 * width)", attention, **HEADED)
    yield row("MultiheadAttention", "in_proj_bias", "constant", "0", attention, **HEADED)
    yield row("MultiheadAttention", "out_proj.weight", "uniform", "1 / (3 * width)", attention, **HEADED)
    yield row("MultiheadAttention", "out_proj.bias", "constant", "0", attention, **HEADED)
    yield row("LayerNorm", "weight", "constant", "1", lambda: nn.LayerNorm(OUT))
    yield row("LayerNorm", "bias", "constant", "0", lambda: nn.LayerNorm(OUT))
    yield row("BatchNorm2d", "weight", "constant", "1", lambda: nn.BatchNorm2d(OUT))
    yield row("BatchNorm2d", "bias", "constant", "0", lambda: nn.BatchNorm2d(OUT))
    yield row("PReLU", "weight", "constant", "0.25", lambda: nn.PReLU())


def keras_rows() -> Iterator[Row]:
    layers = keras.layers

    def row(
        layer: str, parameter: str, family: str, formula: str, make: Any, *shapes: Any, **sizes: int
    ) -> Row:
        ending = parameter.replace(".", "/")
        return Row("Keras", layer, parameter, family, formula, keras_layer(make, shapes, ending), sizes)

    image = (None, 8, 8, IN)
    for name, make, shape, sizes in (
        ("Dense", lambda: layers.Dense(OUT), (None, IN), DENSE),
        ("Conv2D", lambda: layers.Conv2D(OUT, 3), image, CONV),
        ("Conv2DTranspose", lambda: layers.Conv2DTranspose(OUT, 3), image, CONV),
    ):
        yield row(name, "kernel", "uniform", "2 / (fan_in + fan_out)", make, shape, **sizes)
        yield row(name, "bias", "constant", "0", make, shape, **sizes)
    depthwise = lambda: layers.DepthwiseConv2D(3)  # noqa: E731
    yield row(
        "DepthwiseConv2D", "kernel", "uniform", "2 / (taps * channels + taps)", depthwise, image, **BAND
    )
    yield row("DepthwiseConv2D", "bias", "constant", "0", depthwise, image, **BAND)
    lookup = lambda: layers.Embedding(IN, OUT)  # noqa: E731
    yield row("Embedding", "embeddings", "uniform", "0.05 ** 2 / 3", lookup, (None, 1), **LOOKUP)
    for name, kind, gates in (
        ("SimpleRNN", layers.SimpleRNN, 1),
        ("GRU", layers.GRU, 3),
        ("LSTM", layers.LSTM, 4),
    ):
        make = lambda kind=kind: kind(OUT)  # noqa: E731
        glorot = f"2 / (fan_in + {gates} * units)"
        yield row(name, "kernel", "uniform", glorot, make, (None, 4, IN), **CELL)
        yield row(name, "recurrent_kernel", "orthogonal", "1", make, (None, 4, IN), **CELL)
        if name != "LSTM":
            yield row(name, "bias", "constant", "0", make, (None, 4, IN), **CELL)
    yield row("LSTM", "bias", "forget gate 1, else constant", "0", make, (None, 4, IN), **CELL)
    heads = lambda: layers.MultiHeadAttention(HEADS, IN // HEADS)  # noqa: E731
    word = (None, 4, IN)
    for part in ("query", "key", "value"):
        yield row("MultiHeadAttention", f"{part}.kernel", "uniform", "1 / width", heads, word, word, **HEADED)
    output = "attention_output.kernel"
    yield row("MultiHeadAttention", output, "uniform", "1 / width", heads, word, word, **HEADED)
    yield row("MultiHeadAttention", "query.bias", "constant", "0", heads, word, word, **HEADED)
    for name, kind in (
        ("LayerNormalization", layers.LayerNormalization),
        ("BatchNormalization", layers.BatchNormalization),
    ):
        yield row(name, "gamma", "constant", "1", lambda kind=kind: kind(), (None, IN))
        yield row(name, "beta", "constant", "0", lambda kind=kind: kind(), (None, IN))
    yield row("PReLU", "alpha", "constant", "0", lambda: layers.PReLU(), (None, IN))


def flax_rows() -> Iterator[Row]:
    def row(layer: str, parameter: str, family: str, formula: str, make: Any, **sizes: int) -> Row:
        return Row("Flax", layer, parameter, family, formula, nnx_layer(make, parameter), sizes)

    for name, make, sizes in (
        ("Linear", lambda rngs: nnx.Linear(IN, OUT, rngs=rngs), DENSE),
        ("Conv", lambda rngs: nnx.Conv(IN, OUT, (3, 3), rngs=rngs), CONV),
    ):
        yield row(name, "kernel", "truncated normal", "1 / fan_in", make, **sizes)
        yield row(name, "bias", "constant", "0", make, **sizes)
    depthwise = lambda rngs: nnx.Conv(IN, IN, (3, 3), feature_group_count=IN, rngs=rngs)  # noqa: E731
    yield row("Conv, depthwise", "kernel", "truncated normal", "1 / taps", depthwise, **BAND)
    turned = lambda rngs: nnx.ConvTranspose(IN, OUT, (3, 3), rngs=rngs)  # noqa: E731
    yield row("ConvTranspose", "kernel", "truncated normal", "1 / fan_in", turned, **CONV)
    lookup = lambda rngs: nnx.Embed(IN, OUT, rngs=rngs)  # noqa: E731
    yield row("Embed", "embedding", "normal", "1 / width", lookup, **LOOKUP)
    for name, kind in (("LSTMCell", nnx.LSTMCell), ("SimpleCell", nnx.SimpleCell)):
        make = lambda rngs, kind=kind: kind(IN, OUT, rngs=rngs)  # noqa: E731
        parts = ("ii", "hi") if name == "LSTMCell" else ("dense_i", "dense_h")
        yield row(name, f"{parts[0]}.kernel", "truncated normal", "1 / fan_in", make, **CELL)
        yield row(name, f"{parts[1]}.kernel", "orthogonal", "1", make, **CELL)
    attention = lambda rngs: nnx.MultiHeadAttention(HEADS, IN, decode=False, rngs=rngs)  # noqa: E731
    for part in ("query", "key", "value", "out"):
        yield row(
            "MultiHeadAttention", f"{part}.kernel", "truncated normal", "1 / width", attention, **HEADED
        )
    for name, kind in (("LayerNorm", nnx.LayerNorm), ("BatchNorm", nnx.BatchNorm)):
        yield row(name, "scale", "constant", "1", lambda rngs, kind=kind: kind(OUT, rngs=rngs))
        yield row(name, "bias", "constant", "0", lambda rngs, kind=kind: kind(OUT, rngs=rngs))
    yield row("PReLU", "negative_slope", "constant", "0.01", lambda _: nnx.PReLU())


def equinox_rows() -> Iterator[Row]:
    layers = equinox.nn

    def row(layer: str, parameter: str, family: str, formula: str, make: Any, **sizes: int) -> Row:
        return Row("Equinox", layer, parameter, family, formula, equinox_layer(make, parameter), sizes)

    for name, make, sizes in (
        ("Linear", lambda key: layers.Linear(IN, OUT, key=key), DENSE),
        ("Conv2d", lambda key: layers.Conv2d(IN, OUT, 3, key=key), CONV),
    ):
        yield row(name, "weight", "uniform", "1 / (3 * fan_in)", make, **sizes)
        yield row(name, "bias", "uniform", "1 / (3 * fan_in)", make, **sizes)
    depthwise = lambda key: layers.Conv2d(IN, IN, 3, groups=IN, key=key)  # noqa: E731
    yield row("Conv2d, depthwise", "weight", "uniform", "1 / (3 * taps)", depthwise, **BAND)
    yield row("Embedding", "weight", "normal", "1", lambda key: layers.Embedding(IN, OUT, key=key), **LOOKUP)
    for name, kind in (("GRUCell", layers.GRUCell), ("LSTMCell", layers.LSTMCell)):
        for parameter in ("weight_ih", "weight_hh", "bias"):
            make = lambda key, kind=kind: kind(IN, OUT, key=key)  # noqa: E731
            yield row(name, parameter, "uniform", "1 / (3 * units)", make, **CELL)
    attention = lambda key: layers.MultiheadAttention(HEADS, IN, key=key)  # noqa: E731
    for part in ("query_proj", "key_proj", "value_proj", "output_proj"):
        law = "1 / (3 * width)"
        yield row("MultiheadAttention", f"{part}.weight", "uniform", law, attention, **HEADED)
    yield row("LayerNorm", "weight", "constant", "1", lambda _: layers.LayerNorm(OUT))
    yield row("LayerNorm", "bias", "constant", "0", lambda _: layers.LayerNorm(OUT))


def sklearn_rows() -> Iterator[Row]:
    for activation, factor in (("relu", 2), ("tanh", 2), ("logistic", "2 / 3")):
        for parameter in ("coefs_", "intercepts_"):
            yield Row(
                "scikit-learn",
                f'MLPRegressor, activation="{activation}"',
                parameter,
                "uniform",
                f"{factor} / (fan_in + fan_out)",
                sklearn_layer(activation, parameter),
                DENSE,
            )


ROWS = [*torch_rows(), *keras_rows(), *flax_rows(), *equinox_rows(), *sklearn_rows()]


def entries(row: Row) -> np.ndarray:
    """Return up to 100,000 draws of the parameter, or one where all are equal or a matrix is drawn whole."""
    first = np.asarray(row.draw(0), dtype=float)
    if row.family not in KURTOSIS:
        return first
    repeats = -(-100_000 // first.size)
    draws = (
        [first]
        if repeats == 1
        else [np.asarray(row.draw(seed), dtype=float) for seed in range(min(repeats, 60))]
    )
    return np.concatenate([draw.ravel() for draw in draws])


def measured(row: Row) -> dict[str, float]:
    """Return what was drawn: how many numbers, their mean square, kurtosis and largest absolute value."""
    draws = entries(row).ravel()
    square = float(np.mean(draws**2))
    kurtosis = float(np.mean(draws**4)) / square**2 if square else 0.0
    return {
        "n": draws.size,
        "mean_square": square,
        "kurtosis": kurtosis,
        "largest": float(np.abs(draws).max()),
    }


def misfit(row: Row) -> str:
    """Return why the draws are not what the row says, "" if they are."""
    draws = entries(row)
    if row.family == "constant":
        return "" if np.all(draws == np.float32(row.number)) else f"not all {row.number}"
    if row.family == "forget gate 1, else constant":
        gates = draws.reshape(4, -1)
        return (
            "" if np.array_equal(gates, np.repeat([[0], [1], [0], [0]], gates.shape[1], 1)) else "other gates"
        )
    if row.family == "orthogonal":
        matrix = draws if draws.shape[0] <= draws.shape[1] else draws.T
        close = np.allclose(matrix @ matrix.T, row.number * np.eye(len(matrix)), atol=1e-4)
        return "" if close else "rows are not orthonormal"
    found, variance, kurtosis = measured(row), row.number, KURTOSIS[row.family]
    error = ((kurtosis - 1) / found["n"]) ** 0.5
    if abs(found["mean_square"] / variance - 1) > 5 * error:
        return f"mean square {found['mean_square']:.4g}, not {variance:.4g}"
    if abs(found["kurtosis"] - kurtosis) > 0.15:
        return f"kurtosis {found['kurtosis']:.3f}, not {kurtosis:.3f}"
    reach = {"uniform": 3**0.5, "truncated normal": 2 / 0.8796256610342398}.get(row.family, 7)
    return "" if found["largest"] <= reach * variance**0.5 * (1 + 1e-5) else "beyond its bound"


def stored(row: Row) -> dict[str, Any]:
    said = {name: getattr(row, name) for name in ("framework", "layer", "parameter", "family", "formula")}
    return {**said, "sizes": row.sizes, "value": row.number, **measured(row)}


def versions() -> dict[str, str]:
    """Return the versions of the packages installed here, without what names a build ("+cpu")."""
    return {name: version(name).partition("+")[0] for name in PACKAGES}


def main() -> None:
    wrong = [
        f"{row.framework} {row.layer} {row.parameter}: {reason}" for row in ROWS if (reason := misfit(row))
    ]
    if wrong:
        raise SystemExit("\n".join(wrong))
    rows = ",\n".join(json.dumps(stored(row)) for row in ROWS)
    STORED.write_text(f'{{"versions": {json.dumps(versions())}, "rows": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
