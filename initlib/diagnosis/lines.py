"""Lines to paste that draw one parameter of a model anew, for a model of PyTorch or a network of initlib."""

import re

from initlib.diagnosis.record import Record

# rule -> PyTorch, and what initlib puts into the array
RULES = {
    "he": ("kaiming_normal_({})", "initializers.he_normal({shape}, rng=0)"),
    "xavier": ("xavier_normal_({})", "initializers.glorot_normal({shape}, rng=0)"),
    "orthogonal": ("orthogonal_({})", "initializers.orthogonal({shape}, rng=0)"),
    "small": ("normal_({}, std=0.02)", "initializers.normal({shape}, std=0.02, rng=0)"),
    "zeros": ("zeros_({})", "0"),
}


def drawn(record: Record, name: str | None, rule: str) -> str:
    """Return the line that draws a parameter by a rule of RULES, "" for what is no parameter of the model.

    >>> from initlib.diagnosis.record import Parameter
    >>> record = Record("PyTorch", [], parameters={"0.weight": Parameter("0.weight", (9, 8), True)})
    >>> drawn(record, "0.weight", "he")
    'torch.nn.init.kaiming_normal_(model[0].weight)'
    >>> record = Record("initlib", [], parameters={"weight 1": Parameter("weight 1", (8, 9), True)})
    >>> drawn(record, "weight 1", "he")
    'network.weights[0][...] = initializers.he_normal((8, 9), rng=0)'
    """
    if name not in record.parameters:
        return ""
    torch, numpy = RULES[rule]
    if record.framework != "initlib":
        return f"torch.nn.init.{torch.format(path(name))}"
    kind, _, number = name.partition(" ")
    lists = {"weight": f"weights[{int(number) - 1}]", "bias": f"biases[{int(number) - 1}]"}
    array = lists.get(kind, f"values[{list(record.parameters).index(name)}]")
    return f"network.{array}[...] = {numpy.format(shape=record.parameters[name].shape)}"


def filled(record: Record, name: str, start: int, stop: int, value: int) -> str:
    """Return the line that sets the entries from `start` to `stop` of a bias to 0 or 1, "" for no parameter.

    >>> from initlib.diagnosis.record import Parameter
    >>> record = Record("PyTorch", [], parameters={"rnn.bias": Parameter("rnn.bias", (32,), True)})
    >>> filled(record, "rnn.bias", 8, 16, 1)
    'torch.nn.init.ones_(model.rnn.bias[8:16])'
    """
    if name not in record.parameters:
        return ""
    if record.framework == "initlib":
        return f"network.values[{list(record.parameters).index(name)}][:, {start}:{stop}] = {value}"
    return f"torch.nn.init.{('zeros_', 'ones_')[value]}({path(name)}[{start}:{stop}])"


def path(name: str) -> str:
    """Return the Python expression for a parameter of `model`.

    >>> path("blocks.0.mlp.weight")
    'model.blocks[0].mlp.weight'
    """
    return "model" + re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", f".{name}")
