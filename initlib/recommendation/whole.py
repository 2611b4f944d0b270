"""The rule for a net as one function of PyTorch to paste, `init_weights(model)`, that draws a whole model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from initlib.frameworks import GATES, ZERO, Law, Part, pytorch

if TYPE_CHECKING:
    from initlib.recommendation.answer import Recommendation

STACKED, PICTURES, ATTENTIVE = ("mlp", "linear"), ("conv", "resnet"), "transformer"
# What people call the layers of a transformer whose variance is not 1 / fan_in; the end of a name decides.
ATTENTION_OUTPUT = r"(o|wo|out|proj|o_proj|out_proj|attn\.c_proj)"
FEED_FORWARD_SECOND = r"(fc2|down|w2|linear2|down_proj|mlp\.c_proj|ff\.2|mlp\.2)"
OUTPUT = r"(head|lm_head|classifier|score|fc|output|readout|logits|decoder)"


def supported(answer: "Recommendation") -> bool:
    """Say whether there is such a function for the rule: for the nets that people draw as a whole."""
    parts = [part.name for part in answer.parts]
    architecture = answer.rule.architecture
    if architecture == "resnet":
        return "last norm of a branch" in parts
    if architecture == ATTENTIVE:
        return "query, key, value" in parts
    return architecture in (*STACKED, *PICTURES, *GATES)


def init_weights(answer: "Recommendation") -> str:
    """Return the text of the function; see `Recommendation.init_weights`."""
    architecture = answer.rule.architecture
    if not supported(answer):
        raise ValueError(
            f"No function draws a whole net by {answer.rule.name!r}; take code(framework, part) for each of "
            f"its parts: {', '.join(repr(part.name) for part in answer.parts)}."
        )
    if architecture in GATES:
        lines = _recurrent(answer)
    elif architecture == ATTENTIVE:
        lines = _attentive(answer)
    else:
        lines = _plain(answer)
    return "\n".join(lines)


def _plain(answer: "Recommendation") -> list[str]:
    """Return the lines for dense layers and convolutions one behind the other, or in blocks with norms."""
    parts = {part.name: part for part in answer.parts}
    pictures = answer.rule.architecture in PICTURES
    kinds = "(torch.nn.Conv2d, torch.nn.Linear)" if pictures else "torch.nn.Linear"
    hidden = parts.get("hidden layers", answer.parts[0])
    lines = [
        *_head(answer),
        f"    layers = [m for m in model.modules() if isinstance(m, {kinds})]",
        "    for layer in layers:",
        *_drawn(hidden, answer, 8),
    ]
    if "first layer" in parts:
        lines += ["    layer = layers[0]  # it reads the data", *_drawn(parts["first layer"], answer, 4)]
    if "output layer" in parts:
        lines += ["    layer = layers[-1]  # the output", *_drawn(parts["output layer"], answer, 4)]
    if "last norm of a branch" in parts:
        lines += [
            "    for block in model.modules():  # the last norm of a branch: blocks start as identities",
            "        children = list(block.children())",
            "        norms = [m for m in children if isinstance(m, torch.nn.BatchNorm2d)]",
            "        chain = isinstance(block, torch.nn.Sequential)",
            "        if len(norms) > 1 and (not chain or children[-1] is norms[-1]):",
            "            torch.nn.init.zeros_(norms[-1].weight)",
        ]
    return lines


def _attentive(answer: "Recommendation") -> list[str]:
    """Return the lines for a pre-norm transformer, which tell layers apart by their names."""
    parts = list(answer.parts)
    first, output, second = parts[0], parts[1], parts[3]
    embedding, readout = parts[4], parts[5]
    cases = [
        ("re.search(ATTENTION_OUTPUT, layer)", output),
        ("re.search(FEED_FORWARD_SECOND, layer)", second),
    ]
    lines = [
        "import re",
        "",
        "import torch",
        "",
        "# What these layers are called in your model: the end of the name; for the output the whole name.",
        f'ATTENTION_OUTPUT = r"(^|\\.){ATTENTION_OUTPUT}$"',
        f'FEED_FORWARD_SECOND = r"(^|\\.){FEED_FORWARD_SECOND}$"',
        f'OUTPUT = r"^{OUTPUT}$"',
        "",
        "",
        *_signature(answer),
        "    embeddings = {m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding)}",
        "    matrices = {m.weight for m in model.modules() if isinstance(m, torch.nn.Linear)}",
        "    for name, weights in model.named_parameters():",
        '        layer = re.sub(r"[._]weight$", "", name)',
        '        if name.endswith("bias"):',
        "            torch.nn.init.zeros_(weights)",
        '        if weights.dim() < 2 or not name.endswith("weight"):',
        "            continue  # gains of norms, positions and other parameters keep what they have",
        "        fan_in = weights[0].numel()",
        "        if weights in embeddings and weights in matrices:  # the readout is tied to the embedding",
        "            variance = 1 / fan_in",
        "        elif weights in embeddings:",
        f"            variance = {embedding.weights.expression(answer.sizes)}",
        "        elif re.search(OUTPUT, layer):",
        f"            variance = {readout.weights.expression(answer.sizes)}",
    ]
    for condition, part in cases:
        lines += [
            f"        elif {condition}:",
            f"            variance = {part.weights.expression(answer.sizes)}",
        ]
    return [
        *lines,
        "        else:  # queries, keys, values, first feed-forward layers, patches",
        f"            variance = {first.weights.expression(answer.sizes)}",
        "        torch.nn.init.normal_(weights, std=variance**0.5)",
    ]


def _recurrent(answer: "Recommendation") -> list[str]:
    """Return the lines for a recurrent net: its gates, the embedding in front, the layers behind."""
    part = answer.parts[0]
    assert part.recurrent is not None
    kind = pytorch.TORCH[part.layer]
    gates = f"torch.chunk(weights.data, {GATES[part.layer]})"
    return [
        *_head(answer),
        "    for layer in model.modules():",
        f"        if isinstance(layer, torch.nn.{kind}):",
        "            for name, weights in layer.named_parameters():",
        '                if name.startswith("bias"):',
        "                    torch.nn.init.zeros_(weights)",
        "                    continue",
        f"                for gate in {gates}:",
        "                    fan_out, fan_in = gate.shape",
        '                    if name.startswith("weight_ih"):',
        *_indented(_law(part.weights, "gate", answer.sizes), 24),
        "                    else:",
        *_indented(_law(part.recurrent, "gate", answer.sizes), 24),
        *_gate_biases(part, answer.sizes),
        "        elif isinstance(layer, torch.nn.Embedding):",
        "            torch.nn.init.normal_(layer.weight)",
        "    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]",
        "    for layer in linear:",
        *_drawn(Part("between", "dense", Law("normal", "1 / fan_in")), answer, 8),
        "    torch.nn.init.zeros_(linear[-1].weight)  # the output",
    ]


def _gate_biases(part: Part, sizes: Mapping[str, float]) -> list[str]:
    if part.bias is None or part.bias.family not in ("forget", "chrono"):
        return []
    value = part.bias.expression(sizes)
    lines = [
        "            units = layer.hidden_size",
        "            for name, bias in layer.named_parameters():",
        '                if name.startswith("bias_ih"):  # input, forget, cell, output',
    ]
    if part.bias.family == "forget":
        return [*lines, f"                    bias.data[units : 2 * units] = {value}"]
    return [
        *lines,
        f"                    forget = torch.empty(units).uniform_(1, {value}).log()",
        "                    bias.data[: 2 * units] = torch.cat([-forget, forget])",
    ]


def _head(answer: "Recommendation") -> list[str]:
    return ["import torch", "", "", *_signature(answer)]


def _signature(answer: "Recommendation") -> list[str]:
    return ["def init_weights(model):", f'    """Draw all weights: {answer.rule.name}."""']


def _drawn(part: Part, answer: "Recommendation", indent: int) -> list[str]:
    """Return the lines that draw `layer` by the laws of a part."""
    sizes = {name for name in ("fan_in", "fan_out") if name in part.weights.formula}
    lines = []
    if "fan_in" in sizes:
        lines.append("fan_in = layer.weight[0].numel()")
    if "fan_out" in sizes:
        lines.append("fan_out = layer.weight[:, 0].numel()")
    lines += _law(part.weights, "layer.weight", answer.sizes)
    lines += [
        "if layer.bias is not None:",
        *_indented(_law(part.bias or ZERO, "layer.bias", answer.sizes), 4),
    ]
    return _indented(lines, indent)


def _law(law: Law, tensor: str, sizes: Mapping[str, float]) -> list[str]:
    """Return the lines that draw one tensor; fan_in and fan_out stay names."""
    if law.family == "uniform":
        lines = [f"bound = (3 * {law.expression(sizes)}) ** 0.5"]
        return [*lines, f"torch.nn.init.uniform_({tensor}, -bound, bound)"]
    return pytorch.drawn(law, tensor, sizes)


def _indented(lines: list[str], indent: int) -> list[str]:
    return [" " * indent + line for line in lines]
