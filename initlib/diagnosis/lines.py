"""Lines to paste that draw parameters of a model anew, for a model of PyTorch or a network of initlib."""

import re
from collections.abc import Mapping, Sequence

from initlib.diagnosis.record import Record, Weight
from initlib.frameworks import Law, Part
from initlib.frameworks.laws import bound

# rule -> PyTorch, and what initlib puts into the array
RULES = {
    "xavier": ("xavier_normal_({})", "initializers.glorot_normal({shape}, rng={rng})"),
    "orthogonal": ("orthogonal_({})", "initializers.orthogonal({shape}, rng={rng})"),
    "small": ("normal_({}, std=0.02)", "initializers.normal({shape}, std=0.02, rng={rng})"),
    "zeros": ("zeros_({})", "0"),
}
NAMED = {("fan_in", 2.0): "he_normal", ("fan_in", 1.0): "lecun_normal", ("fan_avg", 1.0): "glorot_normal"}


def drawn(record: Record, name: str | None, rule: str) -> str:
    """Return the line that draws a parameter by a rule of RULES, "" for what is no parameter of the model.

    >>> from initlib.diagnosis.record import Parameter
    >>> record = Record("PyTorch", [], parameters={"0.weight": Parameter("0.weight", (9, 8), True)})
    >>> drawn(record, "0.weight", "xavier")
    'torch.nn.init.xavier_normal_(model[0].weight)'
    >>> record = Record("initlib", [], parameters={"weight 1": Parameter("weight 1", (8, 9), True)})
    >>> drawn(record, "weight 1", "xavier")
    'network.weights[0][...] = initializers.glorot_normal((8, 9), rng=0)'
    """
    if name is None or name not in record.parameters:
        return ""
    torch, numpy = RULES[rule]
    place = _place(record, name)
    if record.framework != "initlib":
        return f"torch.nn.init.{torch.format(place)}"
    shape, rng = record.parameters[name].shape, list(record.parameters).index(name)
    return f"{place}[...] = {numpy.format(shape=shape, rng=rng)}"


def zeroed(record: Record, names: Sequence[str | None]) -> str:
    """Return the line, or the loop, that sets parameters to zero.

    >>> from initlib.diagnosis.record import Parameter
    >>> record = Record("initlib", [], parameters={f"bias {k}": Parameter("", (8,), True) for k in (1, 2)})
    >>> print(zeroed(record, ["bias 1", "bias 2"]))
    for biases in network.biases[0:2]:
        biases[...] = 0
    """
    known = list(dict.fromkeys(name for name in names if name in record.parameters))
    if len(known) < 2:
        return drawn(record, known[0], "zeros") if known else ""
    numpy = record.framework == "initlib"
    one = ("biases" if "bias" in str(known[0]) else "weights") if numpy else "parameter"
    zero = f"{one}[...] = 0" if numpy else f"torch.nn.init.zeros_({one})"
    return f"for {one} in {_every(record, known)}:\n    {zero}"


def each(record: Record, rules: Mapping[str, str]) -> str:
    """Return the lines that draw several parameters, each by its rule of RULES; loops for PyTorch.

    >>> from initlib.diagnosis.record import Parameter
    >>> names = ["2.weight", "4.weight"]
    >>> record = Record("PyTorch", [], parameters={name: Parameter(name, (8, 8), True) for name in names})
    >>> print(each(record, dict.fromkeys(names, "xavier")))
    for weight in [model[k].weight for k in (2, 4)]:
        torch.nn.init.xavier_normal_(weight)
    """
    found = []
    for rule in dict.fromkeys(rules.values()):
        names = [name for name in rules if rules[name] == rule and name in record.parameters]
        if record.framework == "initlib" or len(names) < 2:
            found += [drawn(record, name, rule) for name in names]
        else:
            call = f"torch.nn.init.{RULES[rule][0].format('weight')}"
            found.append(f"for weight in {_every(record, names)}:\n    {call}")
    return "\n".join(found)


def drawn_all(record: Record, groups: Mapping[Part, Sequence[Weight]]) -> str:
    """Return the lines that draw weights, and their biases, by the part of a rule for each group of them.

    >>> from initlib.diagnosis.record import Parameter
    >>> from initlib.recommendation.rule import HE, hidden, normal
    >>> names = ["2.weight", "4.weight"]
    >>> record = Record("PyTorch", [], parameters={name: Parameter(name, (8, 8), True) for name in names})
    >>> weights = [Weight(name, "linear", (8, 8), 8, 8, 64, 0.0, 1.0, 3.0, 3.0) for name in names]
    >>> print(drawn_all(record, {hidden(normal(HE)): weights}))
    for weight in [model[k].weight for k in (2, 4)]:
        torch.nn.init.kaiming_normal_(weight)
    """
    numpy = record.framework == "initlib"
    several = sum(map(len, groups.values())) > 1
    found = ["rng = np.random.default_rng(0)"] if numpy and several else []
    for part, weights in groups.items():
        found += _group(record, part, weights, "rng" if several else "0")
    return "\n".join(found)


def _group(record: Record, part: Part, weights: Sequence[Weight], rng: str) -> list[str]:
    numpy = record.framework == "initlib"
    names, biases = [w.name for w in weights], [w.bias for w in weights if w.bias in record.parameters]
    if len(names) == 1:
        place = _place(record, names[0])
        shape = str(record.parameters[names[0]].shape)
        found = [
            f"{place}[...] = {initializer(part.weights, shape, rng)}"
            if numpy
            else _torch(part.weights, place)
        ]
    elif numpy:
        drawn = initializer(part.weights, "weights.shape[1:]", rng)
        found = [f"for weights in {_every(record, names)}:", f"    weights[...] = {drawn}"]
    else:
        found = [f"for weight in {_every(record, names)}:", f"    {_torch(part.weights, 'weight')}"]
    if not biases or part.bias is None:
        return found
    if part.bias.family == "centring":
        pairs = f"zip({_every(record, names)}, {_every(record, biases)})"
        half = "biases[...] = -weights.sum(axis=1) / 2" if numpy else "bias.data = -weight.data.sum(1) / 2"
        return [*found, f"for {'weights, biases' if numpy else 'weight, bias'} in {pairs}:", f"    {half}"]
    if not part.bias.number({}):
        return [*found, *zeroed(record, biases).splitlines()]
    std = f"std={part.bias.number({}) ** 0.5:.4g}"
    return [
        *found,
        f"for biases in {_every(record, biases)}:",
        f"    biases[...] = initializers.normal(biases.shape[1:], {std}, rng={rng})"
        if numpy
        else f"    torch.nn.init.normal_(biases, {std})",
    ]


def initializer(law: Law, shape: str, rng: str) -> str:
    """Return the call of an initializer of initlib that draws by a law.

    >>> initializer(Law("normal", "2.5 / fan_in"), "(8, 8)", "0")
    'initializers.variance_scaling((8, 8), scale=2.5, rng=0)'
    """
    if law.family == "orthogonal":
        return f"initializers.orthogonal({shape}, gain={law.number({}):.4g}, rng={rng})"
    if law.family == "uniform":
        edge = bound(law, {})
        return f"initializers.uniform({shape}, low=-{edge}, high={edge}, rng={rng})"
    mode, scale = _scale(law)
    if (mode, scale) in NAMED:
        return f"initializers.{NAMED[mode, scale]}({shape}, rng={rng})"
    by = f', mode="{mode}"' if mode != "fan_in" else ""
    return f"initializers.variance_scaling({shape}, scale={scale:.5g}{by}, rng={rng})"


def _torch(law: Law, weight: str) -> str:
    if law.family == "orthogonal":
        return f"torch.nn.init.orthogonal_({weight}, gain={law.number({}):.4g})"
    if law.family == "uniform":
        edge = bound(law, {})
        return f"torch.nn.init.uniform_({weight}, -{edge}, {edge})"
    if "fan" not in law.formula:
        return f"torch.nn.init.normal_({weight}, std={law.number({}) ** 0.5:.4g})"
    mode, scale = _scale(law)
    if mode == "fan_avg":
        gain = f", gain={scale**0.5:.4g}" if scale != 1 else ""
        return f"torch.nn.init.xavier_normal_({weight}{gain})"
    if scale == 2:
        return f"torch.nn.init.kaiming_normal_({weight})"
    return f"torch.nn.init.normal_({weight}, std=({scale:.5g} / {weight}[0].numel()) ** 0.5)"


def _scale(law: Law) -> tuple[str, float]:
    """Return the fan that a variance is divided by, and what is divided."""
    return "fan_avg" if "fan_out" in law.formula else "fan_in", law.number({"fan_in": 1, "fan_out": 1})


def _place(record: Record, name: str) -> str:
    """Return the Python expression for a parameter."""
    if record.framework != "initlib":
        return path(name)
    kind, _, number = name.partition(" ")
    lists = {"weight": f"weights[{int(number) - 1}]", "bias": f"biases[{int(number) - 1}]"}
    return f"network.{lists.get(kind, f'values[{list(record.parameters).index(name)}]')}"


def _every(record: Record, names: Sequence[str | None]) -> str:
    """Return the Python expression for several parameters: a slice, or lists by what their paths share."""
    groups: dict[str, list[int]] = {}
    for name in names:
        place = _place(record, str(name))
        number = re.search(r"\[(\d+)\]", place)
        form = place if number is None else f"{place[: number.start()]}[k]{place[number.end() :]}"
        groups.setdefault(form, []).append(int(number[1]) if number else 0)
    lists = [_comprehension(form, numbers) for form, numbers in groups.items()]
    return lists[0] if len(lists) == 1 else f"[{', '.join(f'*{one}' for one in lists)}]"


def _comprehension(form: str, numbers: list[int]) -> str:
    first, step = numbers[0], numbers[1] - numbers[0] if len(numbers) > 1 else 1
    end = numbers[-1] + 1
    if "[k]" not in form or len(numbers) == 1:
        return f"[{form.replace('[k]', f'[{first}]')}]"
    by = f"{first}, {end}" + (f", {step}" if step != 1 else "")
    even = step > 0 and numbers == list(range(first, end, step))
    if even and form.endswith("[k]"):
        return form.replace("[k]", f"[{by.replace(', ', ':')}]")
    by = by if first or step != 1 else str(end)
    over = f"range({by})" if even and len(numbers) > 2 else f"({', '.join(map(str, numbers))})"
    return f"[{form} for k in {over}]"


def gate(record: Record, name: str, start: int, stop: int, value: int) -> str:
    """Return the line that sets the entries from `start` to `stop` of a bias to 0 or 1, "" for no parameter.

    >>> from initlib.diagnosis.record import Parameter
    >>> record = Record("PyTorch", [], parameters={"rnn.bias": Parameter("rnn.bias", (32,), True)})
    >>> gate(record, "rnn.bias", 8, 16, 1)
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
