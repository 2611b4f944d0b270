"""Lines of Keras that make a layer and draw its parameters."""

from collections.abc import Mapping

from initlib.frameworks.laws import GATES, NORMS, Law, Part, bound

KERAS = {
    "dense": ("Dense", "{outputs}"),
    "conv": ("Conv2D", '{outputs}, 3, padding="same"'),
    "pointwise": ("Conv2D", "{outputs}, 1"),
    "depthwise": ("DepthwiseConv2D", '3, padding="same"'),
    "embedding": ("Embedding", "{inputs}, {outputs}"),
    "rnn": ("SimpleRNN", "{outputs}"),
    "gru": ("GRU", "{outputs}"),
    "lstm": ("LSTM", "{outputs}"),
}


def layer(part: Part, sizes: Mapping[str, float], inputs: int, outputs: int) -> list[str]:
    """Return the lines that make the layer, with initializers that draw its parameters.

    >>> from initlib.frameworks.laws import ZERO
    >>> print(*layer(Part("zeros", "pointwise", ZERO), {}, 8, 4), sep="\\n")
    layer = keras.layers.Conv2D(
        4, 1,
        kernel_initializer="zeros",
        bias_initializer="zeros",
    )
    """
    weights, bias = part.weights, part.bias
    if part.layer == "scalar":
        return [f"layer = keras.Variable(float({weights.expression(sizes)}))"]
    if part.layer in NORMS:
        gamma = _draw(weights, sizes)
        return [f"layer = keras.layers.BatchNormalization(gamma_initializer={gamma})"]
    if weights.family == "old_mean":
        return _new_rows(int(weights.number(sizes)), inputs, outputs)
    before: list[str] = []
    if weights.family == "delta_orthogonal":
        before = [
            "def kernel(shape, dtype=None):",
            f"    tap = keras.initializers.Orthogonal({weights.expression(sizes)})(shape[2:])",
            "    return keras.ops.pad(tap[None, None], [(1, 1), (1, 1), (0, 0), (0, 0)])",
            "",
        ]
    which = {"depthwise": "depthwise", "embedding": "embeddings"}.get(part.layer, "kernel")
    settings = [f"{which}_initializer={'kernel' if before else _draw(weights, sizes)}"]
    if part.recurrent is not None:
        code, name = _recurrent(part.recurrent, GATES[part.layer], sizes)
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
        before += _chrono(bias, sizes, outputs)
        settings += ["bias_initializer=chrono", "unit_forget_bias=False"]
    elif bias is not None and part.layer == "lstm":
        settings.append(f"unit_forget_bias={bias.family == 'forget'}")
    elif bias is not None:
        settings.append(f"bias_initializer={_draw(bias, sizes)}")
    name, arguments = KERAS[part.layer]
    settings.insert(0, arguments.format(inputs=inputs, outputs=outputs))
    return [*before, f"layer = keras.layers.{name}(", *(f"    {one}," for one in settings), ")", *after]


def rates(part: Part, rate: str) -> list[str]:
    """Return an optimizer for the weights of the layer: one of Keras has one rate for all it trains.

    >>> from initlib.frameworks.laws import ZERO
    >>> print(*rates(Part("hidden", "dense", ZERO), "64 / 256"), sep="\\n")
    # Keras has one rate for each optimizer: this one is for the layer's weights alone
    optimizer = keras.optimizers.Adam(rate * 64 / 256)
    """
    return [
        "# Keras has one rate for each optimizer: this one is for the layer's weights alone",
        f"optimizer = keras.optimizers.Adam(rate * {rate})",
    ]


def _new_rows(count: int, inputs: int, outputs: int) -> list[str]:
    return [
        f"layer = keras.layers.Embedding({inputs}, {outputs})  # the trained one",
        "layer.build(None)",
        "mean = keras.ops.mean(layer.embeddings, axis=0, keepdims=True)",
        f"values = keras.ops.concatenate([layer.embeddings, keras.ops.repeat(mean, {count}, axis=0)])",
        f"layer = keras.layers.Embedding({inputs + count}, {outputs})",
        "layer.build(None)",
        "layer.embeddings.assign(values)",
    ]


def _draw(law: Law, sizes: Mapping[str, float]) -> str:
    value, most = law.expression(sizes), bound(law, sizes)
    return {
        "normal": f"keras.initializers.RandomNormal(stddev=({value}) ** 0.5)",
        "uniform": f"keras.initializers.RandomUniform(-{most}, {most})",
        "orthogonal": f"keras.initializers.Orthogonal(gain={value})",
        "identity": "keras.initializers.Identity()",
        "constant": '"zeros"' if value == "0" else f"keras.initializers.Constant({value})",
    }[law.family]


def _recurrent(law: Law, gates: int, sizes: Mapping[str, float]) -> tuple[list[str], str]:
    if gates == 1:
        return [], _draw(law, sizes)
    code = [
        "def recurrent(shape, dtype=None):",
        f"    gates = [{_draw(law, sizes)}((shape[0], shape[0])) for _ in range({gates})]",
        "    return keras.ops.concatenate(gates, axis=1)",
        "",
    ]
    return code, "recurrent"


def _chrono(law: Law, sizes: Mapping[str, float], units: int) -> list[str]:
    return [
        "def chrono(shape, dtype=None):",
        f"    draw = keras.initializers.RandomUniform(1, {law.expression(sizes)})",
        f"    forget = keras.ops.log(draw(({units},)))",
        "    return keras.ops.concatenate([-forget, forget, 0 * forget, 0 * forget])",
        "",
    ]
