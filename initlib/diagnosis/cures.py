"""What mends a signal, a gradient or inputs of the wrong size in a whole net, as lines to paste.

In this order: biases that outweigh the signal, weights off the rule for this activation and depth, branches
that are added at full size; and where the weights follow the rule already, another architecture.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from initlib import activations, theory
from initlib.diagnosis import laws, lines, predict
from initlib.diagnosis.catalogue import CATALOGUE, SHORTCUTS
from initlib.diagnosis.record import Operation, Record, Weight
from initlib.frameworks import Law, Part
from initlib.recommendation import NoRuleError, recommend
from initlib.recommendation.rule import hidden, normal

OFF = 1.15  # factor of a standard deviation from which a layer counts as a cause
HALF = 0.5  # of the mean square: then biases are the signal
CODES = (
    "signal-explodes",
    "signal-vanishes",
    "gradient-explodes",
    "gradient-vanishes",
    "gradient-tiny",
    "inputs-merge",
    "saturation",
    "dead-units",
)
BY_NUMBER = ("io", "conv_transpose")  # their fan_in cannot be read off the shape by PyTorch's lines
LAWFUL = " The weights have the scale of the rule for {} layers: what helps is another architecture."
WIDEST = 1024  # units that are still advised for chance


@dataclass(frozen=True)
class Layer:
    """A layer of weights that may be drawn anew, with the part of a rule that it should follow."""

    operation: Operation
    weight: Weight
    part: Part
    first: bool


def cure(record: Record, code: str) -> tuple[str, str]:
    """Return lines that mend what a code names, and words where no weights do; "" where nothing is known."""
    if code == "too-narrow":
        return _wider(record), _unlawful(record)
    if code == "no-nonlinearity":
        return _bent(record), ""
    if code == "stream-grows":
        return lines.zeroed(record, _branches(record)), ""
    return _of_size(record, code) if code in CODES else ("", "")


def _of_size(record: Record, code: str) -> tuple[str, str]:
    layers = list(_layers(record))
    loud, off = _loud(layers), [one for one in layers if _is_off(one)]
    if loud or off:
        return (lines.zeroed(record, loud) if loud else drawn(record, off)), ""
    if code == "saturation":
        return CATALOGUE["input-scale"].paste(record.framework), ""
    if code in ("gradient-tiny", "dead-units") or not layers:
        return "", ""
    if _has_shortcuts(record):
        return lines.zeroed(record, _branches(record)), ""
    return _shortcuts(record), _unlawful(record) or LAWFUL.format(depth(record))


def drawn(record: Record, layers: list[Layer]) -> str:
    """Return lines that draw layers by their parts, each with numbers of its own, and their biases."""
    groups: dict[Part, list[Weight]] = {}
    for one in layers:
        groups.setdefault(one.part, []).append(one.weight)
    return lines.drawn_all(record, groups)


def redrawn(record: Record, places: Iterable[tuple[Weight, Operation]]) -> str:
    """Return lines that draw layers by the law that keeps the signal there, whatever the depth."""
    layers = [layer(record, weight, operation) for weight, operation in places]
    return drawn(record, [one for one in layers if one is not None])


def layer(record: Record, weight: Weight, operation: Operation) -> Layer | None:
    """Return a layer with the law that keeps the signal there, None if that is not known."""
    wanted = laws.wanted(record, operation, weight) if weight.fan_in else None
    if wanted is None or weight.name not in record.parameters or weight.derived:
        return None
    first = record.layers[operation.index] == 1
    if "fan_in)" in wanted[1]:  # rules of sine layers, which are uniform
        return Layer(operation, weight, hidden(Law("uniform", f"{wanted[0]:.5g}")), first)
    if weight.kind in BY_NUMBER:
        return Layer(operation, weight, hidden(normal(f"{wanted[0]:.5g}")), first)
    return Layer(operation, weight, hidden(normal(f"{wanted[0] * weight.fan_in:.5g} / fan_in")), first)


def _layers(record: Record) -> Iterator[Layer]:
    """Yield the hidden layers whose scale counts, with the part of the rule for this depth."""
    shortcuts = _has_shortcuts(record)
    for o in record.operations:
        if (
            o.kind != "weight"
            or o.index in record.ends
            or o.where == "the loss"
            or record.normalised(o.index)
        ):
            continue
        weight = record.weights.get(o.weights[0]) if o.weights else None
        one = layer(record, weight, o) if weight else None
        if one is not None:
            part = None if shortcuts or one.weight.kind in BY_NUMBER else _part(record, o)
            yield replace(one, part=part) if part else one


def _part(record: Record, operation: Operation) -> Part | None:
    """Return the part of the rule for a layer of a plain net: that of its activation at this depth."""
    after, factor = record.activation_of(operation.index)
    before = laws.reads_activation(record, operation)
    if after == "sin" and factor != 1:
        return None
    parts = rule(before or after, depth(record))
    return None if parts is None else parts[0] if before else parts[1]


def depth(record: Record) -> int:
    """Return how many weight layers the longest way through a net has."""
    return max(record.layers)


def rule(activation: str | None, layers: int) -> tuple[Part, Part] | None:
    """Return the parts for hidden and first layers of a plain net, None where no law of weights will do.

    That is the rule of `recommend`, or the critical point without biases where there is none.

    >>> rule("silu", 20)[0].weights.formula, rule("erf", 40)[0].weights.formula, rule("softplus", 20)
    ('1.98800 / fan_in', '0.7854 / fan_in', None)
    """
    if activation is None:
        return None
    try:
        if activation != "sin":  # its rule is for sin(30 x)
            parts = {part.name: part for part in recommend(activation=activation, depth=layers).parts}
            return parts["hidden layers"], parts.get("first layer", parts["hidden layers"])
    except NoRuleError:
        pass
    except ValueError:
        return None  # an activation that the guide does not know
    try:
        point = theory.critical_sigma_w(activation)
    except ValueError:
        return None
    part = hidden(normal(f"{point.sigma_w**2:.4g} / fan_in"))
    return None if point.stable is False else (part, part)


def _variance(one: Layer) -> float:
    """Return the variance of the weights that the part of a layer asks for."""
    law, weight = one.part.weights, one.weight
    number: float = law.number({"fan_in": weight.fan_in, "fan_out": weight.fan_out})
    return number * number / max(weight.fan_in, weight.fan_out) if law.family == "orthogonal" else number


def _is_off(one: Layer) -> bool:
    """Say whether weights have another scale than their part asks for, or biases are missing."""
    limit = max(OFF, math.exp(laws.SIGMAS * math.sqrt(2 / one.weight.count) / 2))
    if one.first:
        limit *= 2**0.5  # a first layer may have He's rule or LeCun's
    ratio = one.weight.rms / math.sqrt(_variance(one))
    return not 1 / limit < ratio < limit or (one.weight.bias_rms or 0.0) < _bias(one) / 2


def _bias(one: Layer) -> float:
    """Return the root mean square of the biases that the part of a layer asks for."""
    if one.part.bias is None or one.weight.bias is None:
        return 0.0
    if one.part.bias.family == "centring":
        return one.weight.rms * math.sqrt(one.weight.fan_in) / 2
    sizes = {"fan_in": one.weight.fan_in, "fan_out": one.weight.fan_out}
    return math.sqrt(abs(one.part.bias.number(sizes)))


def _loud(layers: list[Layer]) -> list[str | None]:
    """Return biases that no part asks for, where they outweigh the signal of a layer; faint ones left out."""
    extra = [one for one in layers if (one.weight.bias_rms or 0.0) > 2 * _bias(one)]
    if not any((one.operation.bias_share or 0.0) > HALF for one in extra):
        return []
    faint = 0.1 * max(one.weight.bias_rms or 0.0 for one in extra)
    return [one.weight.bias for one in extra if (one.weight.bias_rms or 0.0) > faint]


def _has_shortcuts(record: Record) -> bool:
    return any(o.kind == "sum" and len(o.parents) > 1 for o in record.operations)


def _branches(record: Record) -> list[str]:
    """Return the last parameters of all branches that add to the stream, those that are zero left out."""
    stream, found = {o.index for o in record.stream}, []
    for o in record.stream:
        if o.kind != "sum" or len(o.parents) < 2:
            continue
        for end in (record.operations[parent] for parent in o.parents if parent not in stream):
            last = end if end.kind == "norm" and end.weights else record.owner(end)
            name = last.weights[0] if last.weights else ""
            if name in record.parameters and record.parameters[name].largest:
                found.append(name)
    return list(dict.fromkeys(found))


def _plain(record: Record) -> tuple[list[int], str] | None:
    """Return widths and activation of a plain dense net, None for any other."""
    dense = [record.weights.get(o.weights[0]) for o in record.operations if o.kind == "weight"]
    names = {o.activation for o in record.operations if o.kind == "activation"}
    kinds = {o.kind for o in record.operations} - {"input", "weight", "activation"}
    own = not names <= set(activations.names())
    if kinds or own or len(names) != 1 or any(w is None or len(w.shape) != 2 for w in dense):
        return None
    sizes = [(int(w.fan_in), int(w.fan_out)) for w in dense if w is not None]
    return [sizes[0][0], *(out for _, out in sizes)], str(names.pop())


def _bent(record: Record) -> str:
    """Return the line that makes a plain net of these widths with ReLU between its layers."""
    net = _plain(record)
    if record.framework != "initlib" or net is None:
        return ""
    return f'network = networks.mlp({_short(net[0])}, "relu", "he_normal", seeds=[0])'


def _short(widths: list[int]) -> str:
    """Return a list of widths as Python, equal hidden ones once.

    >>> _short([3, 8, 8, 8, 2])
    '[3, *[8] * 3, 2]'
    """
    hidden = widths[1:-1]
    even = len(hidden) > 2 and len(set(hidden)) == 1
    return f"[{widths[0]}, *[{hidden[0]}] * {len(hidden)}, {widths[-1]}]" if even else str(widths)


def _shortcuts(record: Record) -> str:
    """Return the lines of a net with shortcuts and normalization in place of a plain one."""
    net = _plain(record)
    if record.framework != "initlib" or net is None:
        return SHORTCUTS
    widths, activation = net
    sizes = [widths[0], max(widths[1:-1]), widths[-1]]
    return (
        f'network = networks.residual({sizes}, {len(widths) // 2}, "{activation}", "lecun_normal", '
        'seeds=[0], variant="pre_norm")  # or fewer layers'
    )


def _unlawful(record: Record) -> str:
    """Return words for an activation that no law of the weights carries through a net as deep, else ""."""
    names = [o.activation for o in record.operations if o.kind == "activation" and o.activation]
    layers = depth(record)
    if not names or names[0] not in activations.names() or rule(names[0], layers):
        return ""
    return f" No law of the weights carries {names[0]} through {layers} layers: change the architecture."


def _wider(record: Record) -> str:
    """Return the lines of a net wide enough that chance stays within half of the tolerance."""
    layers, net = depth(record), _plain(record)
    low, high = predict.tolerance(layers)
    bears = min(-low, high) / 2
    units = math.ceil(5 * layers / (2 * math.log(2) * bears / 2) ** 2)  # two standard deviations
    if net is None or record.framework != "initlib":
        return f"# about {units} units a layer, or {SHORTCUTS[2:]}"
    widths, activation = net
    parts = rule(activation, layers)
    units = max(units, 2 * min(widths[1:-1], default=1))
    if units > WIDEST or parts is None:
        return _shortcuts(record)
    call = lines.initializer(parts[0].weights, "shape", "0").replace("rng=0", "**more")
    name = call.removeprefix("initializers.").removesuffix("(shape, **more)")
    start = f'"{name}"' if name.isidentifier() else f"lambda shape, **more: {call}"
    return (
        f"network = networks.mlp({_short([widths[0], *[units] * (len(widths) - 2), widths[-1]])}, "
        f'"{activation}", {start}, seeds=[0])  # or fewer layers'
    )
