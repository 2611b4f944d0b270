"""Plain PyTorch that initializes a whole model by a rule: one function to copy, `init_weights`.

It reads the sizes of the layers off the model, so its lines serve every width; it needs torch alone.
"""

from collections.abc import Callable, Mapping, Sequence

from initlib.frameworks import GATES, ZERO, Law, Part
from initlib.recommendation.rule import Rule

HEAD = ["import torch", "", ""]
BIAS = ["if layer.bias is not None:", "    torch.nn.init.zeros_(layer.bias)"]
# Names that people give to the layers of a transformer, by the end of their paths.
VALUES = ("v_proj", "value", ".wv", ".v")
ATTENTION = ("out_proj", "o_proj", ".proj", ".wo", ".o", "attn.c_proj")
FEED = ("linear1", "fc1", "up_proj", ".up", ".w1", "c_fc", "intermediate.dense")
DOWN = ("linear2", "fc2", "down_proj", ".down", ".w2", "mlp.c_proj")
BERT = ("output.dense",)  # of attention and feed-forward alike
HEADS = ("head", "classifier")
RETURN = "    return groups"
EMBEDDINGS = "embeddings = [m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding)]"


def code(rule: Rule, prior: Law | None = None, sizes: Mapping[str, float] | None = None) -> str | None:
    """Return the function `init_weights` for nets of a rule, None where there are lines for layers only.

    `prior` is the law of the output biases where the data ask for one of their own.

    >>> from initlib.recommendation import recommend
    >>> print(code(recommend(activation="relu").rule))
    import torch
    <BLANKLINE>
    <BLANKLINE>
    @torch.no_grad()
    def init_weights(model):
        layers = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
        for layer in layers:
            fan_in = layer.in_features
            torch.nn.init.normal_(layer.weight, std=(2 / fan_in) ** 0.5)
            if layer.bias is not None:
                torch.nn.init.zeros_(layer.bias)
        torch.nn.init.zeros_(layers[-1].weight)  # the output layer
    """
    write = WRITERS.get(rule.architecture)
    if write is None:
        return None
    lines = write(rule)
    if prior is not None and write not in (_gan, _low_rank):  # the output layers of those are not theirs
        end = len(lines) - (lines[-1] == RETURN)
        found = FOUND.get(write, "[m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1]")
        lines[end:end] = _in([f"output = {found}", _output_bias(prior, sizes or {})])
    return "\n".join(lines)


def _output_bias(prior: Law, sizes: Mapping[str, float]) -> str:
    logs = prior.family == "log_shares"
    value = f"torch.tensor({prior.expression(sizes)}).log()" if logs else f"{prior.number(sizes):.6g}"
    return f"output.bias[:] = {value}  # so the first loss is that of the class frequencies"


def call(rule: Rule, depth: float | str, steps: float | str) -> str:
    """Return the line that calls the function.

    >>> from initlib.recommendation import recommend
    >>> call(recommend(architecture="gpt", depth=12).rule, 12, 1)
    'init_weights(model, blocks=12)'
    """
    if rule.architecture in ("residual", "rezero"):
        return "init_weights(model, model.blocks)"
    if rule.architecture == "mup":
        return "optimizer = torch.optim.Adam(init_weights(model, rate=0.001, base=64))"
    if WRITERS.get(rule.architecture) is _transformer:
        return f"init_weights(model, blocks={depth})"
    return f"init_weights(model, steps={steps})" if _steps(rule) else "init_weights(model)"


def _steps(rule: Rule) -> bool:
    return any(part.bias is not None and "steps" in part.bias.formula for part in rule.parts)


def _named(rule: Rule) -> dict[str, Part]:
    return {part.name: part for part in rule.parts}


def _function(arguments: str, body: Sequence[str], before: Sequence[str] = ()) -> list[str]:
    more = [*before, "", ""] if before else []
    start = [*HEAD[:2], *more] if before else HEAD
    return [*start, "@torch.no_grad()", f"def init_weights({arguments}):", *_in(body)]


def _in(lines: Sequence[str], steps: int = 1) -> list[str]:
    return [f"{'    ' * steps}{line}" if line else "" for line in lines]


def _draw(law: Law, tensor: str) -> list[str]:
    """Return the lines that draw a tensor; formulas keep the names of the sizes.

    >>> _draw(Law("uniform", "1 / fan_in"), "w")
    ['bound = (3 * 1 / fan_in) ** 0.5', 'torch.nn.init.uniform_(w, -bound, bound)']
    """
    gain = "" if law.formula == "1" else f", gain={law.formula}"
    std = "" if law.formula == "1" else f", std=({law.formula}) ** 0.5"
    lines: Mapping[str, list[str]] = {
        "normal": [f"torch.nn.init.normal_({tensor}{std})"],
        "uniform": [
            f"bound = (3 * {law.formula}) ** 0.5",
            f"torch.nn.init.uniform_({tensor}, -bound, bound)",
        ],
        "orthogonal": [f"torch.nn.init.orthogonal_({tensor}{gain})"],
        "delta_orthogonal": [
            f"torch.nn.init.zeros_({tensor})",
            f"middle = {tensor}[:, :, {tensor}.shape[2] // 2, {tensor}.shape[3] // 2]",
            f"torch.nn.init.orthogonal_(middle{gain})",
        ],
        "constant": [f"torch.nn.init.zeros_({tensor})"],
        "identity": [f"torch.nn.init.eye_({tensor})"],
        "centring": ["layer.bias.copy_(-layer.weight.sum(dim=1) / 2)"],
    }
    return lines[law.family]


DENSE = {"fan_in": "layer.in_features", "fan_out": "layer.out_features"}
ANY = {"fan_in": "layer.weight[0].numel()", "fan_out": "layer.weight.shape[0] * layer.weight[0, 0].numel()"}


def _layer(part: Part, fans: Mapping[str, str] = DENSE) -> list[str]:
    """Return the lines that draw a layer; they read the fans that the laws name off it."""
    bias = part.bias if part.bias is not None else ZERO
    body = [f"{name} = {read}" for name, read in fans.items() if name in part.weights.formula + bias.formula]
    body += _draw(part.weights, "layer.weight")
    return [*body, BIAS[0], *_in(_draw(bias, "layer.bias"))] if bias != ZERO else [*body, *BIAS]


def _stack(rule: Rule) -> list[str]:
    """Write plain nets: one layer after the other, dense, or convolutions before dense ones."""
    parts = _named(rule)
    middle = parts.get("hidden layers") or next(iter(rule.parts))
    kinds = "torch.nn.Linear" if middle.layer == "dense" else "(torch.nn.Conv2d, torch.nn.Linear)"
    first, last = parts.get("first layer"), parts.get("output layer")
    fans = DENSE if middle.layer == "dense" else ANY
    found = f"layers = [m for m in model.modules() if isinstance(m, {kinds})]"
    body = [found, "for layer in layers:", *_in(_layer(middle, fans))]
    if middle.weights.family == "delta_orthogonal":
        body[0] = found.replace(kinds, "torch.nn.Conv2d")
        body += ["layers += [m for m in model.modules() if isinstance(m, torch.nn.Linear)]"]
    if first:
        body += ["layer = layers[0]  # it gets the data", *_layer(first)]
    if last and last.weights != ZERO:
        return _function("model", [*body, "layer = layers[-1]  # the output layer", *_layer(last)])
    body.append("torch.nn.init.zeros_(layers[-1].weight)  # the output layer")
    if middle.bias not in (None, ZERO):
        body += ["if layers[-1].bias is not None:", "    torch.nn.init.zeros_(layers[-1].bias)"]
    return _function("model", body)


def _gan(rule: Rule) -> list[str]:
    """Write convolutional GANs, generator and discriminator alike."""
    law = rule.parts[0].weights
    layers = [
        "if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):",
        *_in([*_draw(law, "layer.weight"), *BIAS]),
        "elif isinstance(layer, torch.nn.BatchNorm2d) and layer.affine:",
        "    torch.nn.init.ones_(layer.weight)",
        "    torch.nn.init.zeros_(layer.bias)",
    ]
    return _function("model", ["for layer in model.modules():", *_in(layers)])


def _linear(rule: Rule) -> list[str]:
    layer = ["torch.nn.init.zeros_(layer.weight)", *BIAS]
    body = ["for layer in model.modules():", "    if isinstance(layer, torch.nn.Linear):", *_in(layer, 2)]
    return _function("model", body)


def _resnet(rule: Rule) -> list[str]:
    """Write convolutional nets with shortcuts; blocks call their last norm as torchvision's do."""
    parts = _named(rule)
    normed = "last norm of a branch" in parts
    convolution = ["if isinstance(layer, torch.nn.Conv2d):", *_in(_layer(parts["convolutions"], ANY))]
    pointwise = parts["convolution on a shortcut"]
    if pointwise.weights != parts["convolutions"].weights:
        convolution += [
            "    if layer.kernel_size == (1, 1):  # on a shortcut",
            *_in(_draw(pointwise.weights, "layer.weight"), 2),
        ]
    norms = [
        "elif isinstance(layer, torch.nn.BatchNorm2d) and layer.affine:",
        "    torch.nn.init.ones_(layer.weight)",
        "    torch.nn.init.zeros_(layer.bias)",
    ]
    output = [
        "elif isinstance(layer, torch.nn.Linear):  # the output layer",
        "    torch.nn.init.zeros_(layer.weight)",
        *_in(BIAS),
    ]
    gammas = [
        'lasts = [b.bn3 if hasattr(b, "bn3") else b.bn2 for b in model.modules() if hasattr(b, "bn2")]',
        'assert lasts, "say here what your blocks call their last normalization"',
        "for last in lasts:",
        "    torch.nn.init.zeros_(last.weight)",
    ]
    multipliers = [
        "for number in model.parameters():",
        "    if number.numel() == 1:  # the multiplier of a branch",
        "        torch.nn.init.zeros_(number)",
    ]
    layers = [*convolution, *(norms if normed else []), *output]
    return _function(
        "model", ["for layer in model.modules():", *_in(layers), *(gammas if normed else multipliers)]
    )


def _residual(rule: Rule) -> list[str]:
    """Write dense nets with shortcuts; the caller hands over the blocks."""
    parts = _named(rule)
    first, last = (parts[f"{which} layer of a branch"] for which in ("first", "last"))
    outer = [
        "inside = {m for block in blocks for m in block.modules()}",
        "layers = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]",
        "for layer in layers:",
        "    torch.nn.init.normal_(layer.weight, std=layer.in_features**-0.5)",
        *_in(BIAS),
    ]

    def drawn(part: Part) -> list[str]:
        return [line.replace("blocks", "len(blocks)") for line in _layer(part)[:-2]]

    inner = [
        "branch = [m for m in block.modules() if isinstance(m, torch.nn.Linear)]",
        "for layer in branch:",
        *_in(drawn(first)),
        *(["layer = branch[-1]"] if last.weights != first.weights else []),
        *(drawn(last) if last.weights != first.weights else []),
    ]
    if "last norm of a branch" in parts:
        inner += [
            "*_, norm = [m for m in block.modules() if isinstance(m, torch.nn.BatchNorm1d)]",
            "torch.nn.init.zeros_(norm.weight)",
        ]
    multiplier = parts.get("multiplier of a branch")
    numbers = []
    if multiplier:
        value = "zeros_(number)" if multiplier.weights == ZERO else "ones_(number)"
        numbers = [
            "for name, number in model.named_parameters():",
            '    if name.endswith(("multiplier", "alpha", "scale")):',
            f"        torch.nn.init.{value}",
        ]
    ends = [
        "output = [layer for layer in layers if layer not in inside][-1]",
        "torch.nn.init.zeros_(output.weight)",
        *numbers,
    ]
    return _function("model, blocks", [*outer, "for block in blocks:", *_in(inner), *ends])


def _transformer(rule: Rule) -> list[str]:
    """Write transformers, by the names of their layers."""
    parts = _named(rule)
    if rule.normalisations == ("pre",):
        laws = [(ATTENTION, "attention output"), (DOWN, "down projection"), (DOWN, "feed-forward, second")]
        rest = parts["query, key, value"].weights.formula
        return _blocks(parts, [(names, parts[part]) for names, part in laws if part in parts], rest)
    branch = parts["value, attention output"]
    names = (*VALUES, *ATTENTION, *FEED, *DOWN, *BERT)
    return _blocks(parts, [(names, branch)], "2 / (fan_in + fan_out)")


def _blocks(parts: Mapping[str, Part], special: Sequence[tuple[Sequence[str], Part]], rest: str) -> list[str]:
    before = [f"{_constant(part)} = {_tuple(names)}" for names, part in special]
    own_head = "output layer" in parts  # GPT-2's is the embedding, and has its law
    before += [f"HEADS = {_tuple(HEADS)}"] if own_head else []
    values = len(special) == 1  # the variance of values is that of the branches
    fans = "fan_out, fan_in = layer.weight.shape"
    chosen = [fans] if values else ["fan_in = layer.in_features"] if "fan_in" in rest else []
    chosen.append(f"variance = {rest}")
    for _, part in special:
        chosen += [f"if name.endswith({_constant(part)}):", f"    variance = {part.weights.formula}"]
    if own_head:
        chosen += [
            "if name.endswith(HEADS):  # of variance 0, unless it is the embedding too",
            "    variance = 1 / fan_in if any(layer.weight is e for e in embeddings) else 0",
        ]
    chosen += ["torch.nn.init.normal_(layer.weight, std=variance**0.5)", *BIAS]
    embedding = parts.get("embedding")
    law = embedding.weights if embedding else Law("normal", "1")
    std = "layer.embed_dim**-0.5" if "fan_in" in rest else f"({rest}) ** 0.5"
    packed = [f"torch.nn.init.normal_(layer.in_proj_weight, std={std})"]
    if values:
        branch = special[0][1].weights.formula.replace("(fan_in + fan_out)", "(2 * layer.embed_dim)")
        packed += [
            "value = layer.in_proj_weight.chunk(3)[2]",
            f"torch.nn.init.normal_(value, std=({branch}) ** 0.5)",
        ]
    end = _constant(special[-1][1])
    body = [
        f"found = any(name.endswith({end}) for name, _ in model.named_modules())",
        f'assert found, "add the names of your layers to {end}"',
        *([EMBEDDINGS] if own_head else []),
        "for name, layer in model.named_modules():",
        "    if isinstance(layer, torch.nn.Embedding):",
        *_in([line.replace("fan_out", "layer.embedding_dim") for line in _draw(law, "layer.weight")], 2),
        "    elif isinstance(layer, torch.nn.MultiheadAttention):",
        *_in([*packed, *(line.replace("layer.bias", "layer.in_proj_bias") for line in BIAS)], 2),
        "    elif isinstance(layer, torch.nn.Conv2d):  # patches of pictures",
        "        torch.nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)",
        *_in(BIAS, 2),
        "    elif isinstance(layer, torch.nn.Linear):",
        *_in(chosen, 2),
    ]
    return _function("model, blocks", body, before)


def _constant(part: Part) -> str:
    names = {"attention output": "ATTENTION_OUTPUT", "value, attention output": "BRANCH"}
    return names.get(part.name, "FEED_FORWARD_OUTPUT")


def _tuple(names: Sequence[str]) -> str:
    """Return names as a tuple, a line each hundred letters.

    >>> _tuple(["a", "b"])
    '("a", "b")'
    """
    quoted = [f'"{name}"' for name in names]
    whole = f"({', '.join(quoted)})"
    if len(whole) < 84:
        return whole
    rows = [f"    {', '.join(quoted[i : i + 6])}," for i in range(0, len(quoted), 6)]
    return "\n".join(["(", *rows, ")"])


def _recurrent(rule: Rule) -> list[str]:
    """Write recurrent nets of any number of layers and directions, gate by gate."""
    [part] = rule.parts
    kind, gates = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[part.layer], GATES[part.layer]
    assert part.recurrent is not None
    fans = "fan_out, fan_in = gate.shape" if "fan_out" in part.weights.formula else "fan_in = gate.shape[1]"

    def gatewise(lines: list[str]) -> list[str]:
        if gates == 1:
            return _in([line.replace("gate", "values") for line in lines])
        return [f"    for gate in values.chunk({gates}):", *_in(lines, 2)]

    each = [
        "if values.dim() == 1:",
        "    torch.nn.init.zeros_(values)",
        'elif "weight_hh" in name:',
        *gatewise(_draw(part.recurrent, "gate")),
        "else:",
        *gatewise([fans, *_draw(part.weights, "gate")]),
    ]
    biases: list[str] = []
    family = part.bias.family if part.bias else ""
    if family in ("forget", "chrono"):
        value = ["forget.fill_(1)"]
        if family == "chrono":
            value = ["forget.uniform_(1, steps - 1).log_()", "input_gate.copy_(-forget)"]
        biases = [
            'if "bias_ih" in name:',
            f"    {'input_gate' if family == 'chrono' else '_'}, forget, *_ = values.chunk(4)",
            *_in(value),
        ]
    body = [
        "for layer in model.modules():",
        f"    if isinstance(layer, torch.nn.{kind}):",
        "        for name, values in layer.named_parameters():",
        *_in([*each, *biases], 3),
        "for layer in [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1:]:",
        "    torch.nn.init.zeros_(layer.weight)  # the output layer",
        *_in(BIAS),
    ]
    return _function("model, steps" if _steps(rule) else "model", body)


def _low_rank(rule: Rule) -> list[str]:
    each = [
        'if "lora_A" in name:',
        "    torch.nn.init.normal_(weights, std=weights.shape[1] ** -0.5)",
        'elif "lora_B" in name:',
        "    torch.nn.init.zeros_(weights)",
    ]
    return _function("model", ["for name, weights in model.named_parameters():", *_in(each)])


def _mup(rule: Rule) -> list[str]:
    """Write multilayer perceptrons in muP, with the rates of their layers for Adam."""
    parts = _named(rule)
    body = [
        "layers = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]",
        "groups = []",
        "for layer in layers:",
        *_in(_layer(parts["hidden layers"])),
        '    groups.append({"params": [layer.weight], "lr": rate * base / layer.in_features})',
        "    if layer.bias is not None:",
        '        groups.append({"params": [layer.bias], "lr": rate})',
        "layer = layers[0]  # it gets the data, and keeps the tuned rate",
        *_layer(parts["first layer"])[:-2],
        'groups[0]["lr"] = rate',
        "torch.nn.init.zeros_(layers[-1].weight)  # the output layer",
        "return groups",
    ]
    return _function("model, rate, base", body)


WRITERS: Mapping[str, Callable[[Rule], list[str]]] = {
    "mlp": _stack,
    "conv": _stack,
    "depthwise": _stack,
    "linear": _linear,
    "resnet": _resnet,
    "residual": _residual,
    "rezero": _residual,
    "transformer": _transformer,
    "gpt-2": _transformer,
    "gan": _gan,
    "rnn": _recurrent,
    "lstm": _recurrent,
    "gru": _recurrent,
    "lora": _low_rank,
    "mup": _mup,
}
# Where the output layer need not be the last linear one that the model names.
FOUND: Mapping[Callable[[Rule], list[str]], str] = {
    _residual: "[layer for layer in layers if layer not in inside][-1]",
    _transformer: f"[m for name, m in model.named_modules() if name.endswith({HEADS})][-1]".replace("'", '"'),
}
