"""Which initialization to use: a table of rules, and the one that fits your net, with numbers and code.

>>> from initlib import recommend
>>> answer = recommend(activation="gelu", architecture="mlp", depth=40, width=256)
>>> answer.rule.name
'plain GELU, deep'
>>> print(answer.code("PyTorch"))
import torch
<BLANKLINE>
layer = torch.nn.Linear(256, 256)
torch.nn.init.normal_(layer.weight, std=(1.98306 / 256) ** 0.5)
torch.nn.init.normal_(layer.bias, std=(0.17292) ** 0.5)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import fill
from typing import Any

import numpy as np

from initlib import activations, checks, frameworks
from initlib.frameworks import Law, Part
from initlib.recommendation import plain, structured
from initlib.recommendation.rule import OUTPUT, Rule
from initlib.recommendation.table import RuleTable

__all__ = [
    "ARCHITECTURES",
    "DATA",
    "DISTANCE",
    "FALLBACK",
    "NORMALISATIONS",
    "PRIOR",
    "RULES",
    "Advice",
    "NoRuleError",
    "Recommendation",
    "recommend",
    "table",
]

RULES: tuple[Rule, ...] = (*plain.RULES, *structured.RULES)
ARCHITECTURES = tuple(dict.fromkeys(rule.architecture for rule in RULES))
NORMALISATIONS = ("none", "batch", "layer", "pre", "post")
PRIOR = Law("constant", "math.log(share / (1 - share))")  # of a single output, the log odds of class 1
ARCHITECTURE_ALIASES = {
    **dict.fromkeys(("cnn", "convnet", "convolutional", "vgg"), "conv"),
    **dict.fromkeys(("resnet", "residual_mlp"), "residual"),
    **dict.fromkeys(("gpt", "vit", "bert", "llama"), "transformer"),
    **dict.fromkeys(("dense", "feedforward", "perceptron"), "mlp"),
    **dict.fromkeys(("regression", "logistic", "softmax"), "linear"),
}
DISTANCE = {"architecture": 8, "activation": 4, "normalisation": 2, "depth": 1, "steps": 1}
FALLBACK = (
    "For a net that no rule covers: orthogonal weights, then unit variance layer by layer on a batch "
    "(LSUV, initlib.calibration)."
)


@dataclass(frozen=True)
class Advice:
    """What the data ask for beside the rule, and where that comes from."""

    text: str
    sources: Sequence[str] = ()
    evidence: Sequence[str] = ()


DATA = {
    "standardised": Advice(""),
    "unscaled": Advice(
        "Standardise the inputs first: one scale for the first layer cannot suit features of different size.",
        ("lecun1998",),
        ("data-scale",),
    ),
    "sparse": Advice(
        "Start the first layer at He's scale or below; larger weights memorise rare features.",
        ("martens2010",),
        ("sparse-inputs",),
    ),
    "imbalanced": Advice(
        "The output biases start at the logs of the classes' shares (a single output: at the log odds of the "
        "rare class): the first loss is that of the class frequencies, and no step is spent on them.",
        ("lin2017",),
        ("zero-biases",),
    ),
    "small": Advice(
        "With few samples stay at the rule's scale or below: large starts memorise.",
        ("mehta2021", "woodworth2020"),
        ("reasonable-range", "kernel-rich"),
    ),
}


class NoRuleError(ValueError):
    """No rule of the table fits the net; the message names the nearest."""


@dataclass(frozen=True)
class Recommendation:
    """The rule for a net, the parts with their laws, and code that draws them.

    `sizes` are what formulas may name besides the fans; `width`, `inputs` and `outputs` are those of the net.
    """

    rule: Rule
    parts: Sequence[Part]
    advice: Advice
    width: int
    inputs: int
    outputs: int
    sizes: Mapping[str, float]

    def part(self, name: str = "") -> Part:
        """Return the part of that name, the first one without a name."""
        names = {part.name: part for part in self.parts}
        return names[checks.choice("part", name or self.parts[0].name, names)]

    def shape(self, name: str = "") -> tuple[int, int]:
        """Return inputs and outputs of the layer of that part."""
        part = self.part(name)
        inputs = self.inputs if part.layer == "embedding" else self.width
        outputs = self.outputs if part.name == OUTPUT.name else self.width
        return int(part.widen[0] * inputs), int(part.widen[1] * outputs)

    def numbers(self, name: str = "") -> dict[str, Any]:
        """Return the number of each law of that part: the variance of its weights, for example.

        Biases that differ by class are a list.
        """
        part = self.part(name)
        sizes = {**part.fans(*self.shape(part.name)), **self.sizes}
        laws = {"weights": part.weights, "bias": part.bias, "recurrent": part.recurrent}
        return {what: law.value(sizes) for what, law in laws.items() if law is not None}

    def words(self, name: str = "") -> dict[str, str]:
        """Return each law of that part in words."""
        part = self.part(name)
        sizes = {**part.fans(*self.shape(part.name)), **self.sizes}
        laws = {"weights": part.weights, "bias": part.bias, "recurrent weights": part.recurrent}
        return {what: law.words(sizes) for what, law in laws.items() if law is not None}

    def code(self, framework: str, name: str = "") -> str:
        """Return lines of PyTorch, Keras or JAX that draw that part; `make peers` runs them."""
        part = self.part(name)
        seed = [one.name for one in self.parts].index(part.name)  # no two layers share their draws
        return frameworks.lines(framework, part, self.sizes, *self.shape(part.name), seed=seed)

    @property
    def evidence(self) -> tuple[str, ...]:
        """The experiments of the book that bear on the rule and the advice; none means literature only."""
        return (*self.rule.evidence, *self.advice.evidence)

    @property
    def sources(self) -> tuple[str, ...]:
        """Keys of the bibliography."""
        return tuple(dict.fromkeys((*self.rule.sources, *self.advice.sources)))

    def __repr__(self) -> str:
        lines = [f"{self.rule.name}: {self.rule.why}"]
        lines += [text for text in (self.rule.also, self.advice.text) if text]
        for part in self.parts:
            lines += [f"{part.name}, {what}: {law}" for what, law in self.words(part.name).items()]
        evidence = ", ".join(self.evidence) or "literature only"
        lines.append(f"Sources: {', '.join(self.sources)}. Evidence: {evidence}.")
        return "\n".join(fill(line, 78, subsequent_indent="    ") for line in lines)


def recommend(
    *,
    activation: str = "relu",
    architecture: str = "mlp",
    normalisation: str = "none",
    depth: int = 3,
    width: int = 256,
    inputs: int | None = None,
    outputs: int = 10,
    data: str = "standardised",
    heads: int | None = None,
    steps: int | None = None,
    share: float | Sequence[float] | None = None,
) -> Recommendation:
    """Return the rule for a net, with its numbers and code.

    `depth` counts weight layers, or blocks of nets with shortcuts and transformers. `inputs` is the size of a
    vocabulary (default: `width`), `outputs` that of the output layer. `data` is "standardised", "unscaled",
    "sparse", "small" or "imbalanced": then `share` is that of the rare class, the last output (the others
    share the rest evenly), or a list with one for each class. `heads` is for transformers,
    `steps`, how long a recurrent net must remember, for recurrent nets. Unknown names and impossible sizes
    are refused; a net without a rule is a `NoRuleError`, a ValueError that names the nearest rule.

    >>> recommend(activation="relu", width=128).numbers()
    {'weights': 0.015625, 'bias': 0.0}
    >>> recommend(activation="softplus", depth=20)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    initlib.recommendation.NoRuleError: No rule for ... The nearest is 'plain softplus, shallow', for ...
    """
    if isinstance(architecture, str):
        architecture = ARCHITECTURE_ALIASES.get(architecture.lower(), architecture)
    checks.choice("architecture", architecture, ARCHITECTURES)
    activation = checks.choice("activation", activations.canonical(activation), _activations())
    checks.choice("normalisation", normalisation, NORMALISATIONS)
    checks.choice("data", data, DATA)
    depth = checks.integer("depth", depth, minimum=1)
    width = checks.integer("width", width, minimum=1)
    inputs = width if inputs is None else checks.integer("inputs", inputs, minimum=1)
    _check_heads(architecture, heads, width)
    outputs = checks.integer("outputs", outputs, minimum=1)
    net: dict[str, Any] = {
        "architecture": architecture,
        "activation": activation,
        "normalisation": normalisation,
        "depth": depth,
        "steps": _for(architecture, ("rnn", "lstm", "gru"), "steps", steps) or 1,
    }
    sizes: dict[str, float] = {"blocks": depth, "steps": net["steps"]}
    rule = _find(net)
    parts = tuple(rule.parts)
    if data == "imbalanced":
        prior = _prior(share, outputs, sizes)
        if not any(part.name == OUTPUT.name for part in parts):
            parts = (*parts, OUTPUT)
        parts = tuple(replace(p, bias=prior) if p.name == OUTPUT.name else p for p in parts)
    elif share is not None:
        raise ValueError(
            f"share is for data='imbalanced'. Received: share={checks.shown(share)} with data={data!r}."
        )
    return Recommendation(rule, parts, DATA[data], width, inputs, outputs, sizes)


def _prior(share: float | Sequence[float] | None, outputs: int, sizes: dict[str, float]) -> Law:
    """Return the law of output biases whose first loss is that of the class frequencies."""
    if isinstance(share, (list, tuple, np.ndarray)):
        shares = [checks.real(f"share[{i}]", one, above=0, below=1) for i, one in enumerate(share)]
        if len(shares) != outputs or abs(sum(shares) - 1) > 1e-6 or outputs < 2:
            raise ValueError(
                f"share must be one number, or one for each of 2 or more outputs, with sum 1. Received: "
                f"{checks.shown(share)} for {outputs} outputs."
            )
        return Law("log_shares", str(shares))
    rare = checks.real("share", share, above=0, below=1)
    if outputs == 1:
        sizes["share"] = rare
        return PRIOR
    rest = (1 - rare) / (outputs - 1)
    many = f" * {outputs - 1}" if outputs > 2 else ""
    return Law("log_shares", f"[{rest:.6g}]{many} + [{rare:.6g}]")


def table(architecture: str | None = None) -> RuleTable:
    """Return all rules as a table to print, or those for one architecture.

    >>> table("head")
    new head on a trained net (any activation): 0; bias 0
    """
    if architecture is not None:
        checks.choice("architecture", architecture, ARCHITECTURES)
    return RuleTable([rule for rule in RULES if architecture in (None, rule.architecture)])


def _activations() -> list[str]:
    return [*activations.names(), "swiglu"]


def _check_heads(architecture: str, heads: int | None, width: int) -> None:
    number = _for(architecture, ("transformer",), "heads", heads)
    if number is not None and width % number:
        raise ValueError(f"heads must divide the width {width}. Received: {heads}.")


def _for(architecture: str, allowed: Sequence[str], name: str, value: int | None) -> int | None:
    """Return a size that only some architectures have."""
    if value is None:
        return None
    if architecture not in allowed:
        raise ValueError(
            f"{name} is for {', '.join(allowed)}. Received: {name}={value!r} with {architecture!r}."
        )
    return checks.integer(name, value, minimum=1)


def _find(net: Mapping[str, Any]) -> Rule:
    misses = {rule.name: _missed(rule, net) for rule in RULES}
    for rule in RULES:
        if not misses[rule.name]:
            return rule
    nearest = min(RULES, key=lambda rule: sum(DISTANCE[name] for name in misses[rule.name]))
    wanted = " and ".join(_condition(nearest, name) for name in misses[nearest.name])
    given = ", ".join(f"{name} {value!r}" for name, value in net.items() if name != "steps")
    raise NoRuleError(f"No rule for {given}. The nearest is {nearest.name!r}, for {wanted}. {FALLBACK}")


def _missed(rule: Rule, net: Mapping[str, Any]) -> list[str]:
    """Return which conditions of a rule the net does not meet."""
    allowed = {
        "architecture": (rule.architecture,),
        "activation": rule.activations,
        "normalisation": rule.normalisations,
    }
    missed = [name for name, values in allowed.items() if values is not None and net[name] not in values]
    ranges = {"depth": rule.depths, "steps": rule.steps}
    return missed + [
        name for name, (least, most) in ranges.items() if not least <= net[name] <= (most or net[name])
    ]


def _condition(rule: Rule, name: str) -> str:
    if name in ("depth", "steps"):
        least, most = rule.depths if name == "depth" else rule.steps
        return f"{name} from {least}" + (f" to {most}" if most else "")
    if name == "architecture":
        return f"architecture {rule.architecture!r}"
    values = rule.activations if name == "activation" else rule.normalisations
    return f"{name} {' or '.join(map(repr, values or ()))}"
