"""Laws for the parameters of a layer, and the lines of PyTorch, Keras and JAX that draw them."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from initlib import checks

__all__ = ["GATES", "KERAS", "LAYERS", "NAMES", "SIZES", "TORCH", "WORDS", "ZERO", "Law", "Part", "lines"]

NAMES = ("PyTorch", "Keras", "JAX")
SIZES = ("fan_in", "fan_out", "blocks", "steps", "share")
WORDS = {
    "normal": "normal, variance {value}, standard deviation {root}",
    "uniform": "uniform, variance {value}, standard deviation {root}",
    "orthogonal": "orthogonal, gain {value}",
    "delta_orthogonal": "delta-orthogonal, gain {value}",
    "identity": "identity matrix",
    "constant": "{value}",
    "log_shares": "log of the share of each class, {value}",
    "centring": "minus half the sum of each unit's weights, which takes the sigmoid's mean 1/2 away",
    "forget": "{value} for the forget gate, 0 elsewhere",
    "chrono": "log U(1, {value}) for the forget gate, its opposite for the input gate, 0 elsewhere",
}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
TORCH = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
KERAS = {
    "dense": ("Dense", "{outputs}"),
    "conv": ("Conv2D", '{outputs}, 3, padding="same"'),
    "depthwise": ("DepthwiseConv2D", '3, padding="same"'),
    "embedding": ("Embedding", "{inputs}, {outputs}"),
    "rnn": ("SimpleRNN", "{outputs}"),
    "gru": ("GRU", "{outputs}"),
    "lstm": ("LSTM", "{outputs}"),
}


@dataclass(frozen=True)
class Law:
    """How one parameter is drawn: a family, and one number as a formula of the sizes of its layer.

    The number is the variance of "normal" and "uniform", the gain of "orthogonal" (of each gate, in recurrent
    layers) and "delta_orthogonal", and the value of "constant" and of "forget" (of the forget gate alone);
    "log_shares" has a list of shares, the biases being their logs;
    "chrono" has forget biases log U(1, number). The formula may name fan_in, fan_out, blocks, steps, share.

    >>> law = Law("normal", "2 / fan_in")
    >>> law.number({"fan_in": 256}), law.expression({"fan_in": 256})
    (0.0078125, '2 / 256')
    """

    family: str
    formula: str = "0"

    def __post_init__(self) -> None:
        checks.choice("family", self.family, WORDS)

    def expression(self, sizes: Mapping[str, float]) -> str:
        """Return the formula with numbers in place of the names, as Python that every framework reads."""
        return re.sub(r"\b(" + "|".join(SIZES) + r")\b", lambda name: f"{sizes[name[0]]:g}", self.formula)

    def number(self, sizes: Mapping[str, float]) -> float:
        """Return the value of the formula."""
        return float(self.value(sizes))

    def value(self, sizes: Mapping[str, float]) -> Any:
        """Return the value of the formula: a number, or a list of them for "log_shares"."""
        value = eval(self.expression(sizes), {"__builtins__": {}, "math": math})
        return [math.log(share) for share in value] if self.family == "log_shares" else float(value)

    def words(self, sizes: Mapping[str, float]) -> str:
        """Return the law in words, formula and number."""
        if self.family == "log_shares":
            return WORDS[self.family].format(value=self.formula)
        number, root = self.number(sizes), abs(self.number(sizes)) ** 0.5
        value = f"{number:.4g}"
        if any(name in self.formula for name in SIZES):
            value = f"{self.formula} = {value}"
        return WORDS[self.family].format(value=value, root=f"{root:.4g}")


ZERO = Law("constant")


@dataclass(frozen=True)
class Part:
    """One kind of layer in a recommendation: its name, the layer, and the laws of its parameters.

    `layer` is "dense", "conv" (3 x 3), "depthwise" (3 x 3), "embedding", "rnn", "gru" or "lstm". `bias` is
    None for layers that have or need none; `recurrent` is for recurrent layers alone. `widen` says how much
    wider than the net the layer's inputs and outputs are.
    """

    name: str
    layer: str
    weights: Law
    bias: Law | None = ZERO
    recurrent: Law | None = None
    widen: tuple[float, float] = (1, 1)

    def __post_init__(self) -> None:
        checks.choice("layer", self.layer, LAYERS)

    def fans(self, inputs: int, outputs: int) -> dict[str, float]:
        """Return fan_in and fan_out of a layer with so many inputs and outputs, channels if it convolves."""
        taps, groups = {"conv": (9, 1), "depthwise": (9, inputs)}.get(self.layer, (1, 1))
        return {"fan_in": taps * inputs / groups, "fan_out": taps * outputs / groups}


def lines(
    framework: str, part: Part, sizes: Mapping[str, float], inputs: int, outputs: int, *, seed: int = 0
) -> str:
    """Return code that makes the layer of `part` and draws its parameters: to copy, and run by `make peers`.

    PyTorch's and Keras' end with the layer in `layer`; JAX's with the arrays `weights`, `bias`, `recurrent`,
    drawn with the key of `seed`. The code runs alone: it imports what it needs.

    >>> part = Part("hidden", "dense", Law("normal", "2 / fan_in"))
    >>> print(lines("PyTorch", part, part.fans(64, 32), 64, 32))
    import torch
    <BLANKLINE>
    layer = torch.nn.Linear(64, 32)
    torch.nn.init.normal_(layer.weight, std=(2 / 64) ** 0.5)
    torch.nn.init.zeros_(layer.bias)
    """
    checks.choice("framework", framework, NAMES)
    write = {"PyTorch": _torch, "Keras": _keras, "JAX": _jax}[framework]
    code = "\n".join(write(part, {**part.fans(inputs, outputs), **sizes}, inputs, outputs))
    code = code.replace("jax.random.key(0)", f"jax.random.key({checks.integer('seed', seed, minimum=0)})")
    modules = ["math"] * ("math." in code) + [{"PyTorch": "torch", "Keras": "keras", "JAX": "jax"}[framework]]
    return "\n".join([*(f"import {module}" for module in modules), "", code])


def _bound(law: Law, sizes: Mapping[str, float]) -> str:
    return f"{(3 * abs(law.number(sizes))) ** 0.5:.6g}"


# ---- PyTorch -----------------------------------------------------------------------------------------------

LAYERS = {
    "dense": "torch.nn.Linear({inputs}, {outputs}{bias})",
    "conv": 'torch.nn.Conv2d({inputs}, {outputs}, 3, padding="same"{bias})',
    "depthwise": 'torch.nn.Conv2d({inputs}, {outputs}, 3, padding="same", groups={inputs}{bias})',
    "embedding": "torch.nn.Embedding({inputs}, {outputs})",
    **{kind: f"torch.nn.{name}({{inputs}}, {{outputs}})" for kind, name in TORCH.items()},
}


def _torch(part: Part, sizes: Mapping[str, float], inputs: int, outputs: int) -> list[str]:
    bias = "" if part.bias or part.layer == "embedding" else ", bias=False"
    made = [f"layer = {LAYERS[part.layer].format(inputs=inputs, outputs=outputs, bias=bias)}"]
    if part.recurrent is None:
        made += _torch_draw(part.weights, "layer.weight", sizes)
        return made + (_torch_draw(part.bias, "layer.bias", sizes) if part.bias else [])
    made += _torch_draw(part.weights, "layer.weight_ih_l0", sizes)
    made.append(f"for gate in layer.weight_hh_l0.data.chunk({GATES[part.layer]}):")
    made += [f"    {line}" for line in _torch_draw(part.recurrent, "gate", sizes)]
    made.append("torch.nn.init.zeros_(layer.bias_hh_l0)")
    assert part.bias is not None
    return made + _torch_gate_biases(part.bias, sizes, outputs)


def _torch_draw(law: Law, tensor: str, sizes: Mapping[str, float]) -> list[str]:
    value = law.expression(sizes)
    calls: dict[str, Callable[[], list[str]]] = {
        "normal": lambda: [f"torch.nn.init.normal_({tensor}, std=({value}) ** 0.5)"],
        "uniform": lambda: [f"torch.nn.init.uniform_({tensor}, -{_bound(law, sizes)}, {_bound(law, sizes)})"],
        "orthogonal": lambda: [f"torch.nn.init.orthogonal_({tensor}, gain={value})"],
        "delta_orthogonal": lambda: [
            f"torch.nn.init.zeros_({tensor})",
            f"torch.nn.init.orthogonal_({tensor}.data[:, :, 1, 1], gain={value})",
        ],
        "identity": lambda: [f"torch.nn.init.eye_({tensor})"],
        "constant": lambda: [
            f"torch.nn.init.{f'zeros_({tensor})' if value == '0' else f'constant_({tensor}, {value})'}"
        ],
        "log_shares": lambda: [f"{tensor}.data = torch.tensor({value}).log()"],
        "centring": lambda: [f"{tensor}.data = -layer.weight.data.sum(dim=1) / 2"],
    }
    return calls[law.family]()


def _torch_gate_biases(law: Law, sizes: Mapping[str, float], units: int) -> list[str]:
    made = ["torch.nn.init.zeros_(layer.bias_ih_l0)"]
    if law.family == "forget":  # the gates stand in the order input, forget, cell, output
        made.append(f"layer.bias_ih_l0.data[{units}:{2 * units}] = {law.expression(sizes)}")
    if law.family == "chrono":
        made += [
            f"forget = torch.empty({units}).uniform_(1, {law.expression(sizes)}).log()",
            f"layer.bias_ih_l0.data[: {2 * units}] = torch.cat([-forget, forget])",
        ]
    return made


# ---- Keras -------------------------------------------------------------------------------------------------


def _keras(part: Part, sizes: Mapping[str, float], inputs: int, outputs: int) -> list[str]:
    weights, bias = part.weights, part.bias
    before: list[str] = []
    if weights.family == "delta_orthogonal":
        before = [
            "def kernel(shape, dtype=None):",
            f"    tap = keras.initializers.Orthogonal({weights.expression(sizes)})(shape[2:])",
            "    return keras.ops.pad(tap[None, None], [(1, 1), (1, 1), (0, 0), (0, 0)])",
            "",
        ]
    which = {"depthwise": "depthwise", "embedding": "embeddings"}.get(part.layer, "kernel")
    settings = [f"{which}_initializer={'kernel' if before else _keras_draw(weights, sizes)}"]
    if part.recurrent is not None:
        code, name = _keras_recurrent(part.recurrent, GATES[part.layer], sizes)
        before += code
        settings.append(f"recurrent_initializer={name}")
    after: list[str] = []
    if bias is None and part.layer != "embedding":
        settings.append("use_bias=False")
    elif bias is not None and bias.family == "centring":
        after = [
            f"layer.build((None, {inputs}))",
            "layer.bias.assign(-keras.ops.sum(layer.kernel, axis=0) / 2)",
        ]
    elif bias is not None and bias.family == "log_shares":
        after = [
            f"layer.build((None, {inputs}))",
            f"layer.bias.assign(keras.ops.log({bias.expression(sizes)}))",
        ]
    elif bias is not None and bias.family == "chrono":
        before += _keras_chrono(bias, sizes, outputs)
        settings += ["bias_initializer=chrono", "unit_forget_bias=False"]
    elif bias is not None and part.layer == "lstm":
        settings.append(f"unit_forget_bias={bias.family == 'forget'}")
    elif bias is not None:
        settings.append(f"bias_initializer={_keras_draw(bias, sizes)}")
    name, arguments = KERAS[part.layer]
    settings.insert(0, arguments.format(inputs=inputs, outputs=outputs))
    return [*before, f"layer = keras.layers.{name}(", *(f"    {one}," for one in settings), ")", *after]


def _keras_draw(law: Law, sizes: Mapping[str, float]) -> str:
    value, bound = law.expression(sizes), _bound(law, sizes)
    return {
        "normal": f"keras.initializers.RandomNormal(stddev=({value}) ** 0.5)",
        "uniform": f"keras.initializers.RandomUniform(-{bound}, {bound})",
        "orthogonal": f"keras.initializers.Orthogonal(gain={value})",
        "identity": "keras.initializers.Identity()",
        "constant": '"zeros"' if value == "0" else f"keras.initializers.Constant({value})",
    }[law.family]


def _keras_recurrent(law: Law, gates: int, sizes: Mapping[str, float]) -> tuple[list[str], str]:
    if gates == 1:
        return [], _keras_draw(law, sizes)
    code = [
        "def recurrent(shape, dtype=None):",
        f"    gates = [{_keras_draw(law, sizes)}((shape[0], shape[0])) for _ in range({gates})]",
        "    return keras.ops.concatenate(gates, axis=1)",
        "",
    ]
    return code, "recurrent"


def _keras_chrono(law: Law, sizes: Mapping[str, float], units: int) -> list[str]:
    return [
        "def chrono(shape, dtype=None):",
        f"    draw = keras.initializers.RandomUniform(1, {law.expression(sizes)})",
        f"    forget = keras.ops.log(draw(({units},)))",
        "    return keras.ops.concatenate([-forget, forget, 0 * forget, 0 * forget])",
        "",
    ]


# ---- JAX ---------------------------------------------------------------------------------------------------


def _jax(part: Part, sizes: Mapping[str, float], inputs: int, outputs: int) -> list[str]:
    gates = GATES.get(part.layer, 1)
    shape = {"conv": f"(3, 3, {inputs}, {outputs})", "depthwise": f"(3, 3, 1, {outputs})"}.get(
        part.layer, f"({inputs}, {gates * outputs})"
    )
    several = part.recurrent is not None or (
        part.bias is not None and part.bias.family in ("normal", "uniform")
    )
    keys = "key, other = jax.random.split(jax.random.key(0))" if several else "key = jax.random.key(0)"
    made = [] if part.weights == ZERO and not several else [keys]
    made.append(f"weights = {_jax_draw(part.weights, 'key', shape, sizes)}")
    if part.recurrent is not None:
        square = f"({outputs}, {outputs})"
        made += [
            f"keys = jax.random.split(other, {gates})",
            f"gates = [{_jax_draw(part.recurrent, 'one', square, sizes)} for one in keys]",
            "recurrent = jax.numpy.concatenate(gates, axis=1)",
        ]
    if part.bias is None:
        return made
    return made + _jax_bias(part.bias, sizes, outputs, gates)


def _jax_draw(law: Law, key: str, shape: str, sizes: Mapping[str, float]) -> str:
    value, bound = law.expression(sizes), _bound(law, sizes)
    return {
        "normal": f"({value}) ** 0.5 * jax.random.normal({key}, {shape})",
        "uniform": f"jax.random.uniform({key}, {shape}, minval=-{bound}, maxval={bound})",
        "orthogonal": f"jax.nn.initializers.orthogonal({value})({key}, {shape})",
        "delta_orthogonal": f"jax.nn.initializers.delta_orthogonal({value})({key}, {shape})",
        "identity": f"jax.numpy.eye(*{shape})",
        "constant": f"jax.numpy.zeros({shape})" if value == "0" else f"jax.numpy.full({shape}, {value})",
    }[law.family]


def _jax_bias(law: Law, sizes: Mapping[str, float], units: int, gates: int) -> list[str]:
    value = law.expression(sizes)
    if law.family == "centring":
        return ["bias = -weights.sum(axis=0) / 2"]
    if law.family == "log_shares":
        return [f"bias = jax.numpy.log(jax.numpy.array({value}))"]
    if law.family == "forget":  # the gates stand in the order input, forget, cell, output
        return [f"bias = jax.numpy.zeros({gates * units}).at[{units}:{2 * units}].set({value})"]
    if law.family == "chrono":
        return [
            f"draws = jax.random.uniform(jax.random.fold_in(other, 1), ({units},), minval=1, maxval={value})",
            "forget = jax.numpy.log(draws)",
            "bias = jax.numpy.concatenate([-forget, forget, 0 * forget, 0 * forget])",
        ]
    return [f"bias = {_jax_draw(law, 'other', f'({gates * units},)', sizes)}"]
