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
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from initlib import activations, checks
from initlib.recommendation.answer import Recommendation
from initlib.recommendation.data import DATA, PRIOR, Advice, prior
from initlib.recommendation.rule import OUTPUT, Rule
from initlib.recommendation.table import RuleTable

if TYPE_CHECKING:
    RULES: tuple[Rule, ...]
    ARCHITECTURES: tuple[str, ...]

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

NORMALISATIONS = ("none", "batch", "layer", "pre", "post")
RECURRENT, ATTENTIVE, LOW_RANK = (
    ("rnn", "lstm", "gru"),
    ("transformer", "gpt-2", "mup transformer"),
    ("lora", "adapter"),
)
USUAL = {**dict.fromkeys(("transformer", "gpt-2", "mup transformer"), "pre"), "resnet": "batch"}
# What people call an architecture; a second word is the normalisation that the name implies.
ARCHITECTURE_ALIASES = {
    **dict.fromkeys(("cnn", "convnet", "convolutional", "vgg"), ("conv",)),
    **dict.fromkeys(("conv resnet", "resnet18", "resnet34", "resnet50", "resnet101"), ("resnet",)),
    **dict.fromkeys(("residual mlp", "residual_mlp"), ("residual",)),
    **dict.fromkeys(("skipinit", "residual, learnt multiplier"), ("rezero",)),
    **dict.fromkeys(("gpt", "vit", "llama", "language model"), ("transformer",)),
    **dict.fromkeys(("transformer, pre-norm", "pre-norm transformer"), ("transformer", "pre")),
    **dict.fromkeys(("transformer, post-norm", "post-norm transformer", "bert"), ("transformer", "post")),
    **dict.fromkeys(("t-fixup", "transformer, no norm"), ("transformer", "none")),
    **dict.fromkeys(("gpt2", "std 0.02"), ("gpt-2",)),
    **dict.fromkeys(("dcgan",), ("gan",)),
    **dict.fromkeys(("mixer", "mlp-mixer"), ("residual", "layer")),
    **dict.fromkeys(("dense", "feedforward", "perceptron", "pinn"), ("mlp",)),
    **dict.fromkeys(("regression", "logistic", "softmax"), ("linear",)),
    **dict.fromkeys(("fine-tuning", "finetuning", "peft", "low-rank"), ("lora",)),
    **dict.fromkeys(("controlnet", "zero conv"), ("zero convolution",)),
    **dict.fromkeys(("new embeddings", "new vocabulary"), ("new tokens",)),
    **dict.fromkeys(("unet", "u-net", "ddpm", "dit"), ("diffusion",)),
    **dict.fromkeys(("actor-critic", "ppo", "reinforcement learning"), ("policy",)),
    "mup mlp": ("mup",),
}
NORMALISATION_ALIASES = {
    **dict.fromkeys(("batchnorm", "batch norm", "bn"), "batch"),
    **dict.fromkeys(("layernorm", "layer norm", "ln"), "layer"),
    **dict.fromkeys(("pre-norm", "prenorm", "pre_norm"), "pre"),
    **dict.fromkeys(("post-norm", "postnorm", "post_norm"), "post"),
}
DISTANCE = {"architecture": 8, "activation": 4, "normalisation": 2, "depth": 1, "steps": 1}
FALLBACK = (
    "For a net that no rule covers: orthogonal weights, then unit variance layer by layer on a batch "
    "(LSUV, initlib.calibration)."
)


class NoRuleError(ValueError):
    """No rule of the table fits the net; the message names the nearest."""


@checks.keywords
def recommend(
    *,
    activation: str = "relu",
    architecture: str = "mlp",
    normalisation: str | None = None,
    depth: int = 3,
    width: int = 256,
    inputs: int | None = None,
    outputs: int = 10,
    data: str = "standardised",
    heads: int | None = None,
    steps: int | None = None,
    share: float | Sequence[float] | None = None,
    rank: int | None = None,
    base_width: int | None = None,
) -> Recommendation:
    """Return the rule for a net, with its numbers and code.

    `normalisation` is "pre" for transformers and "batch" for a ResNet unless you say otherwise, else "none".
    `depth` counts weight layers, or blocks of nets with shortcuts and transformers. `inputs` is the size of a
    vocabulary or of what the first layer gets (default: `width`), `outputs` that of the output layer. `data`
    is "standardised", "unscaled", "sparse", "small" or "imbalanced": then `share` is that of the rare class,
    the last output (the others share the rest evenly), or a list with one for each class. Some nets have
    sizes of their own: `heads` of transformers (default: heads of 64 where that divides the width), `steps`,
    how long a recurrent net must remember, `rank` of low-rank updates and adapters (default: 8), and in muP
    `base_width`, at which the learning rate was tuned (default: 64). Unknown names and impossible sizes are
    refused; a net without a rule is a `NoRuleError`, a ValueError that names the nearest rule.

    >>> recommend(activation="relu", width=128).numbers()
    {'weights': 0.015625, 'bias': 0.0}
    >>> recommend(activation="softplus", depth=20)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    initlib.recommendation.NoRuleError: No rule for ... The nearest is 'plain softplus, shallow', for ...
    """
    architecture, normalisation = _named(architecture, normalisation)
    activation = checks.choice("activation", activations.canonical(activation), _activations())
    checks.choice("data", data, DATA)
    depth = checks.integer("depth", depth, minimum=1)
    width = checks.integer("width", width, minimum=1)
    inputs = width if inputs is None else checks.integer("inputs", inputs, minimum=1)
    outputs = checks.integer("outputs", outputs, minimum=1)
    net: dict[str, Any] = {
        "architecture": architecture,
        "activation": activation,
        "normalisation": normalisation,
        "depth": depth,
        "steps": _for(architecture, RECURRENT, "steps", steps) or 1,
    }
    sizes: dict[str, float] = {
        "blocks": depth,
        "steps": net["steps"],
        "width": width,
        "head": _head(architecture, heads, width),
        "rank": _for(architecture, LOW_RANK, "rank", rank) or 8,
        "base": _for(architecture, ("mup", "mup transformer"), "base_width", base_width) or 64,
    }
    rule = _find(net)
    parts = tuple(rule.parts)
    if data == "imbalanced":
        bias = prior(share, outputs, sizes)
        if not any(part.name == OUTPUT.name for part in parts):
            parts = (*parts, OUTPUT)
        parts = tuple(replace(p, bias=bias) if p.name == OUTPUT.name else p for p in parts)
    elif share is not None:
        raise ValueError(
            f"share is for data='imbalanced'. Received: share={checks.shown(share)} with data={data!r}."
        )
    return Recommendation(rule, parts, DATA[data], width, inputs, outputs, sizes, activation)


@cache
def _rules() -> tuple[Rule, ...]:
    """Return all rules; their modules are loaded when the first net is asked about."""
    from initlib.recommendation import plain, structured

    return (*plain.RULES, *structured.RULES)


@cache
def _architectures() -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.architecture for rule in _rules()))


def __getattr__(name: str) -> Any:
    if name not in ("ARCHITECTURES", "RULES"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _rules() if name == "RULES" else _architectures()


def table(*architectures: str | None) -> RuleTable:
    """Return all rules as a table to print, or those for some architectures.

    >>> table("head")
    new head on a trained net (any activation): 0; bias 0
    """
    asked = [name for name in architectures if name is not None]
    for name in asked:
        checks.choice("architecture", name, _architectures())
    return RuleTable([rule for rule in _rules() if not asked or rule.architecture in asked])


def _activations() -> list[str]:
    return [*activations.names(), "swiglu"]


def _named(architecture: str, normalisation: str | None) -> tuple[str, str]:
    """Return architecture and normalization by their own names."""
    implied: Sequence[str] = ()
    if isinstance(architecture, str):
        lower = architecture.lower()
        architecture, *implied = ARCHITECTURE_ALIASES.get(
            lower, (lower if lower in _architectures() else architecture,)
        )
    checks.choice("architecture", architecture, _architectures())
    if normalisation is None:
        normalisation = implied[0] if implied else USUAL.get(architecture, "none")
    elif isinstance(normalisation, str):
        normalisation = NORMALISATION_ALIASES.get(normalisation.lower(), normalisation)
    return architecture, checks.choice("normalisation", normalisation, NORMALISATIONS)


def _head(architecture: str, heads: int | None, width: int) -> float:
    """Return the size of an attention head."""
    number = _for(architecture, ATTENTIVE, "heads", heads)
    if number is None:
        return 64 if width % 64 == 0 else width
    if width % number:
        raise ValueError(f"heads must divide the width {width}. Received: {heads}.")
    return width // number


def _for(architecture: str, allowed: Sequence[str], name: str, value: int | None) -> int | None:
    """Return a size that only some architectures have."""
    if value is None:
        return None
    if architecture not in allowed:
        raise ValueError(
            f"{name} is for {', '.join(allowed)}. "
            f"Received: {name}={checks.shown(value)} with {architecture!r}."
        )
    return checks.integer(name, value, minimum=1)


def _find(net: Mapping[str, Any]) -> Rule:
    found = next((rule for rule in _rules() if not _missed(rule, net)), None)
    if found is not None:
        return found
    misses = {rule.name: _missed(rule, net) for rule in _rules()}
    nearest = min(_rules(), key=lambda rule: sum(DISTANCE[name] for name in misses[rule.name]))
    wanted = " and ".join(_condition(nearest, name) for name in misses[nearest.name])
    given = ", ".join(f"{name} {value!r}" for name, value in net.items() if name != "steps")
    raise NoRuleError(f"No rule for {given}. The nearest is {nearest.name!r}, for {wanted}. {FALLBACK}")


def _missed(rule: Rule, net: Mapping[str, Any]) -> list[str]:
    """Return which conditions of a rule the net does not meet."""
    missed = [] if rule.architecture == net["architecture"] else ["architecture"]
    if rule.activations is not None and net["activation"] not in rule.activations:
        missed.append("activation")
    if rule.normalisations is not None and net["normalisation"] not in rule.normalisations:
        missed.append("normalisation")
    for name, (least, most) in (("depth", rule.depths), ("steps", rule.steps)):
        if net[name] < least or (most is not None and net[name] > most):
            missed.append(name)
    return missed


def _condition(rule: Rule, name: str) -> str:
    if name in ("depth", "steps"):
        least, most = rule.depths if name == "depth" else rule.steps
        return f"{name} from {least}" + (f" to {most}" if most else "")
    if name == "architecture":
        return f"architecture {rule.architecture!r}"
    values = rule.activations if name == "activation" else rule.normalisations
    return f"{name} {' or '.join(map(repr, values or ()))}"
