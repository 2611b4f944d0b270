"""Lines of PyTorch that make a layer and draw its parameters."""

from collections.abc import Callable, Mapping

from initlib.frameworks.laws import GATES, Law, Part, bound

TORCH = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
CODE = {
    "dense": "torch.nn.Linear({inputs}, {outputs}{bias})",
    "conv": 'torch.nn.Conv2d({inputs}, {outputs}, 3, padding="same"{bias})',
    "pointwise": "torch.nn.Conv2d({inputs}, {outputs}, 1{bias})",
    "depthwise": 'torch.nn.Conv2d({inputs}, {outputs}, 3, padding="same", groups={inputs}{bias})',
    "embedding": "torch.nn.Embedding({inputs}, {outputs})",
    "batch_norm": "torch.nn.BatchNorm2d({outputs})",
    "batch_norm_1d": "torch.nn.BatchNorm1d({outputs})",
    **{kind: f"torch.nn.{name}({{inputs}}, {{outputs}})" for kind, name in TORCH.items()},
}


def layer(part: Part, sizes: Mapping[str, float], inputs: int, outputs: int) -> list[str]:
    """Return the lines that make the layer and draw its parameters.

    >>> from initlib.frameworks.laws import ZERO
    >>> print(*layer(Part("zeros", "pointwise", ZERO), {}, 8, 4), sep="\\n")
    layer = torch.nn.Conv2d(8, 4, 1)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    """
    if part.layer == "scalar":
        return [f"layer = torch.nn.Parameter(torch.tensor(float({part.weights.expression(sizes)})))"]
    bias = "" if part.bias or part.layer == "embedding" else ", bias=False"
    made = [f"layer = {CODE[part.layer].format(inputs=inputs, outputs=outputs, bias=bias)}"]
    if part.weights.family == "old_mean":
        return [f"{made[0]}  # the trained one", *_new_rows(part.weights.expression(sizes))]
    if part.recurrent is None:
        made += drawn(part.weights, "layer.weight", sizes)
        return made + (drawn(part.bias, "layer.bias", sizes) if part.bias else [])
    made += drawn(part.weights, "layer.weight_ih_l0", sizes)
    made.append(f"for gate in layer.weight_hh_l0.data.chunk({GATES[part.layer]}):")
    made += [f"    {line}" for line in drawn(part.recurrent, "gate", sizes)]
    made.append("torch.nn.init.zeros_(layer.bias_hh_l0)")
    assert part.bias is not None
    return made + _gate_biases(part.bias, sizes, outputs)


def rates(part: Part, rate: str) -> list[str]:
    """Return the groups of parameters for an optimizer; biases keep the tuned rate.

    >>> from initlib.frameworks.laws import ZERO
    >>> print(*rates(Part("hidden", "dense", ZERO, None), "64 / 256"), sep="\\n")
    groups = [{"params": [layer.weight], "lr": rate * 64 / 256}]
    """
    bias = part.bias is not None and part.layer != "embedding"
    groups = [f'{{"params": [layer.weight], "lr": rate * {rate}}}']
    groups += ['{"params": [layer.bias], "lr": rate}'] if bias else []
    return [f"groups = [{', '.join(groups)}]"]


def _new_rows(count: str) -> list[str]:
    return [
        f"rows = layer.weight.data.mean(dim=0).expand({count}, -1)",
        "layer = torch.nn.Embedding.from_pretrained(torch.cat([layer.weight.data, rows]), freeze=False)",
    ]


def drawn(law: Law, tensor: str, sizes: Mapping[str, float]) -> list[str]:
    """Return the lines that draw one tensor; sizes that are not known stay names.

    >>> drawn(Law("normal", "2 / fan_in"), "layer.weight", {})
    ['torch.nn.init.normal_(layer.weight, std=(2 / fan_in) ** 0.5)']
    """
    value = law.expression(sizes)
    calls: dict[str, Callable[[], list[str]]] = {
        "normal": lambda: [f"torch.nn.init.normal_({tensor}, std=({value}) ** 0.5)"],
        "uniform": lambda: [f"torch.nn.init.uniform_({tensor}, -{bound(law, sizes)}, {bound(law, sizes)})"],
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


def _gate_biases(law: Law, sizes: Mapping[str, float], units: int) -> list[str]:
    made = ["torch.nn.init.zeros_(layer.bias_ih_l0)"]
    if law.family == "forget":  # the gates stand in the order input, forget, cell, output
        made.append(f"layer.bias_ih_l0.data[{units}:{2 * units}] = {law.expression(sizes)}")
    if law.family == "chrono":
        made += [
            f"forget = torch.empty({units}).uniform_(1, {law.expression(sizes)}).log()",
            f"layer.bias_ih_l0.data[: {2 * units}] = torch.cat([-forget, forget])",
        ]
    return made
