"""One rule of the table, and the words that rules are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from initlib.frameworks import ZERO, Law, Part

RELUS, SMOOTH = ("relu", "leaky_relu"), ("gelu", "gelu_tanh", "silu", "mish", "elu")
XAVIER, LECUN, HE = "2 / (fan_in + fan_out)", "1 / fan_in", "2 / fan_in"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row: the nets it is for, the laws of their parameters, the reason, the sources, the evidence.

    `activations`, `normalisations`, `depths` and `steps` (least, most) say for which nets; None means any.
    `sources` are keys of the bibliography. `evidence` names experiments of the book with this architecture,
    these normalisations and the activations in `tested` (None: all of the rule's); () is literature only.
    """

    name: str
    architecture: str
    parts: Sequence[Part]
    why: str
    sources: Sequence[str]
    evidence: Sequence[str] = ()
    tested: Sequence[str] | None = None
    activations: Sequence[str] | None = None
    normalisations: Sequence[str] | None = None
    depths: tuple[int, int | None] = (1, None)
    steps: tuple[int, int | None] = (1, None)
    also: str = ""


def normal(formula: str) -> Law:
    """Return the normal law of that variance."""
    return Law("normal", formula)


def hidden(weights: Law, bias: Law | None = ZERO, layer: str = "dense") -> Part:
    """Return the part that stands for the layers between input and output."""
    return Part("hidden layers", layer, weights, bias)


OUTPUT = Part("output layer", "dense", ZERO, between=("width", "outputs"))
FIRST = Part("first layer", "dense", normal(LECUN), between=("inputs", "width"))
