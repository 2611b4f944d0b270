"""Which part of a recommendation a layer of somebody's model is, by its kind and name."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from initlib import checks
from initlib.frameworks import ZERO, Law, Part, laws
from initlib.recommendation import Recommendation, recommend
from initlib.recommendation.rule import LECUN, normal

# Part of a rule -> names that people give to such layers; the last piece of a path decides.
NAMES = {
    "query": r"(to_)?(q|k|v|qkv|kv|qk|wq|wk|wv|query|key|value|in_proj|c_attn|q_lin|k_lin|v_lin)(_proj)?",
    "attention output": r"(to_)?(o|wo|out|proj|o_proj|out_proj|c_proj|out_lin|dense)(\.0)?",
    "first": r"(fc1|up|gate|w1|w3|linear1|c_fc|lin1|wi|up_proj|gate_proj|fc_in)",
    "second": r"(fc2|down|w2|linear2|c_proj|lin2|wo|down_proj|fc_out)",
    "output layer": r"(head|lm_head|heads|classifier|fc|out|output|readout|logits|proj_out|decoder)",
}
MEANS = {
    "query, key, value": ("query",),
    "query, key": ("query",),
    "value, attention output": ("attention output",),
    "attention output": ("attention output",),
    "gate and up projection": ("first",),
    "feed-forward, first": ("first",),
    "down projection": ("second",),
    "feed-forward, second": ("second",),
    "output layer": ("output layer",),
}
LIKE = {
    "conv": ("conv", "dense"),
    "pointwise": ("pointwise", "conv", "dense"),
    "depthwise": ("depthwise", "conv"),
    "dense": ("dense", "conv"),
}
NORMALISATION = Part("normalisation", "batch_norm", Law("constant", "1"), ZERO)
PATCHES = Part("patches", "conv", normal(LECUN))
NORMS = ("norm", "last norm")
# Parts of one number, and what people call such a parameter.
OWN = {
    "multiplier of a branch": r"(alpha|scale|multiplier|resweight|(skip|res|branch)_?(gain|scale))s?\d*",
    "scalar biases": r"bias(es)?_?\w*",
}


def choose(
    answer: Recommendation, layers: Sequence[tuple[str, str]], names: Mapping[str, str]
) -> dict[str, Part | None]:
    """Return the part for each layer (name, kind), None where no part fits.

    `names` maps patterns of names, as in "blocks.*.2", to the names of parts, and comes first. Normalisations
    start at 1 and 0 where the rule says nothing else; embeddings, readouts and patches of pictures that the
    rule has no part for get those of the rules for ends.

    >>> from initlib import recommend
    >>> found = choose(recommend(), [("0", "dense"), ("2", "dense"), ("norm", "other")], {})
    >>> {name: part and part.name for name, part in found.items()}
    {'0': 'hidden layers', '2': 'output layer', 'norm': None}
    """
    parts = {part.name: part for part in answer.parts}
    for name in names.values():
        checks.choice("part", name, parts)
    unused = [p for p in names if not any(fnmatchcase(name, p) for name, _ in layers)]
    if unused:
        raise ValueError(f"names must match layers of the model. Received: {', '.join(map(repr, unused))}.")
    dense = [name for name, kind in layers if kind == "dense"]
    tied = any(kind == "tied" for _, kind in layers)  # then the embedding is the readout
    output = None if tied else _output(dense)
    first = dense[0] if "first layer" in parts and len(dense) > 1 else None
    found: dict[str, Part | None] = {}
    for name, kind in layers:
        pattern = next((p for p in names if fnmatchcase(name, p)), None)
        if pattern is not None:
            found[name] = parts[names[pattern]]
        elif name == first:
            found[name] = parts["first layer"]
        elif kind in NORMS:
            last = next((part for part in parts.values() if part.layer in laws.NORMS), None)
            found[name] = last if last and kind == "last norm" else NORMALISATION
        elif kind == "own":
            found[name] = _own(name, parts)
        else:
            part = _part(name, kind, parts, is_output=name == output)
            found[name] = part or _end(answer.rule.architecture, kind, is_output=name == output)
    _check_special(parts, found)
    return found


def _own(name: str, parts: Mapping[str, Part]) -> Part | None:
    piece = name.rpartition(".")[2]
    return next((parts[p] for p, known in OWN.items() if p in parts and re.fullmatch(known, piece)), None)


def _end(architecture: str, kind: str, *, is_output: bool) -> Part | None:
    """Return the part of an end of the net, from the rules for those."""
    if kind == "tied":
        return recommend(architecture="tied embedding").part()
    if kind == "embedding":
        return recommend(architecture="embedding").part()
    if is_output:
        return recommend(architecture="output").part()
    return PATCHES if kind in ("conv", "pointwise") and "transformer" in architecture else None


def _check_special(parts: Mapping[str, Part], found: Mapping[str, Part | None]) -> None:
    """Raise a ValueError if the model has nothing for a norm or a number that the rule sets."""
    special = (*laws.NORMS, "scalar")
    missing = [name for name, part in parts.items() if part.layer in special and part not in found.values()]
    if missing:
        raise ValueError(
            f"No parameter of this model is known to be {' or '.join(map(repr, missing))}. Say which by "
            "names={pattern: part}."
        )


def _output(dense: Sequence[str]) -> str | None:
    """Return the name of the output layer: the last dense one with such a name, else the last."""
    named = [name for name in dense if "." not in name and re.fullmatch(NAMES["output layer"], name)]
    found = named or dense
    return found[-1] if found else None


def _part(name: str, kind: str, parts: Mapping[str, Part], *, is_output: bool) -> Part | None:
    if is_output and "output layer" in parts:
        return parts["output layer"]
    ends = ("first layer", "output layer")
    rest = [p for p in parts.values() if p.name not in ends and p.layer in LIKE.get(kind, (kind,))]
    exact = [p for p in rest if p.layer == kind] or rest
    if len(exact) == 1:
        return exact[0]
    path = name.split(".")
    for part in exact:
        for meaning in MEANS.get(part.name, ()):
            pieces = path[-1], ".".join(path[-2:])
            if any(re.fullmatch(NAMES[meaning], piece) for piece in pieces) and _fits(name, meaning):
                return part
    return None


def _fits(name: str, meaning: str) -> bool:
    """Tell the two layers apart that GPT-2 calls c_proj."""
    if name.endswith(("c_proj", "wo")):
        inside = re.search(r"mlp|ff|feed", name) is not None
        return inside == (meaning == "second")
    return True
