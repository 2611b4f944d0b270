"""Rules in muP: the learning rate tuned on a narrow net keeps for wide ones, by factors for each layer."""

from collections.abc import Sequence
from dataclasses import replace

from initlib.frameworks import Law, Part
from initlib.recommendation.rule import FIRST, HE, OUTPUT, RELUS, SMOOTH, XAVIER, Rule, normal
from initlib.recommendation.transformers import pre_norm

NARROW = "base / width"
RATES = "With Adam, the rates of all weights but those of the first layer go down as the width goes up"
ALSO = (
    "Tune the rate at the base width. Divide decoupled weight decay by the factor. "
    "With SGD the factors are others (Yang et al. 2022, table 3)."
)


def with_rates(parts: Sequence[Part], first: str) -> tuple[Part, ...]:
    """Return the parts with their rates for Adam: 1 for the one called `first`, base / width for others.

    >>> [part.rate for part in with_rates((FIRST, OUTPUT), "first layer")]
    ['1', 'base / width']
    """
    return tuple(replace(part, rate="1" if part.name == first else NARROW) for part in parts)


def dense(weights: str) -> tuple[Part, ...]:
    """Return the parts of a multilayer perceptron in muP.

    >>> dense(HE)[0].weights.formula
    '2 / fan_in'
    """
    return with_rates((Part("hidden layers", "dense", normal(weights)), FIRST, OUTPUT), FIRST.name)


RULES: Sequence[Rule] = (
    Rule(
        name="muP, ReLU and its relatives",
        architecture="mup",
        activations=(*RELUS, *SMOOTH),
        normalisations=("none",),
        parts=dense(HE),
        why=f"{RATES}: then all layers learn at every width, and the best rate of a narrow net keeps.",
        also=ALSO,
        sources=("yang2022",),
        evidence=("mup-transfer",),
        tested=("relu",),
    ),
    Rule(
        name="muP, tanh",
        architecture="mup",
        activations=("tanh", "identity"),
        normalisations=("none",),
        parts=dense(XAVIER),
        why=f"{RATES}: then all layers learn at every width, and the best rate of a narrow net keeps.",
        also=ALSO,
        sources=("yang2022",),
    ),
    *(
        Rule(
            name=f"muP transformer, {name}",
            architecture="mup transformer",
            activations=activations,
            normalisations=("pre",),
            parts=(
                *with_rates(pre_norm(down, wide=8 / 3 if gated else 4, gated=gated), "embedding"),
                Part("attention logits", "factor", Law("constant", "1 / head"), None),
            ),
            why=f"{RATES}; queries times keys are divided by the size of a head, not by its root.",
            also=f"{ALSO} The gains of the normalizations keep the tuned rate.",
            sources=("yang2022",),
        )
        for name, activations, down, gated in (
            ("GELU", ("gelu", "gelu_tanh"), "2.3517", False),
            ("ReLU", ("relu",), "2", False),
            ("SwiGLU", ("swiglu",), "2.8108", True),
        )
    ),
)
