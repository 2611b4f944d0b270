"""Rules for dense nets with shortcuts around branches of two layers."""

from collections.abc import Sequence

from initlib.frameworks import ZERO, Law, Part
from initlib.recommendation.rule import HE, LECUN, OUTPUT, RELUS, SMOOTH, Rule, normal

ACTIVATIONS = (*RELUS, *SMOOTH)


def residual(first: Law, last: Law, *more: Part, bias: Law | None = ZERO) -> tuple[Part, ...]:
    """Return the parts of a net with shortcuts: two layers of a branch, what else it has, the output.

    >>> [part.name for part in residual(normal(HE), ZERO)]
    ['first layer of a branch', 'last layer of a branch', 'output layer']
    """
    branch = (
        Part("first layer of a branch", "dense", first, bias),
        Part("last layer of a branch", "dense", last, bias),
    )
    return (*branch, *more, OUTPUT)


RULES: Sequence[Rule] = (
    Rule(
        name="shortcuts without normalization",
        architecture="residual",
        activations=ACTIVATIONS,
        normalisations=("none",),
        parts=residual(
            normal("2 / (blocks * fan_in)"),
            ZERO,
            Part("multiplier of a branch", "scalar", Law("constant", "1"), None),
            Part("scalar biases", "scalar", ZERO, None),
            bias=None,
        ),
        why="Fixup: full branches would double the signal in each block; these start at zero.",
        also="Scalar biases stand before each layer and activation, the multiplier behind it: they are part "
        "of Fixup. Simpler: 'rezero'.",
        sources=("zhang2019",),
        evidence=("fixup", "rules-prevent"),
        tested=("relu",),
    ),
    Rule(
        name="shortcuts with a learnt multiplier",
        architecture="rezero",
        activations=ACTIVATIONS,
        normalisations=("none",),
        parts=residual(normal(HE), normal(LECUN), Part("multiplier of a branch", "scalar", ZERO, None)),
        why="SkipInit, ReZero: x + a F(x) with a learnt a that starts at 0, so blocks start as identities.",
        also="Only the multipliers and the ends learn in the first step; then all do.",
        sources=("de2020", "bachlechner2021"),
        evidence=("rezero", "skipinit"),
        tested=("relu",),
    ),
    Rule(
        name="shortcuts with batch normalization",
        architecture="residual",
        activations=ACTIVATIONS,
        normalisations=("batch",),
        parts=residual(
            normal(HE), normal(HE), Part("last norm of a branch", "batch_norm_1d", ZERO, ZERO), bias=None
        ),
        why="Normalization sets the scale of a branch; gamma 0 in its last norm makes blocks identities.",
        also="He keeps the rates that you know from plain nets. Other gammas start at 1.",
        sources=("goyal2017", "he2016"),
        evidence=("batch-norm-gradients", "skipinit"),
        tested=("relu",),
    ),
    Rule(
        name="shortcuts with layer normalization inside the branch",
        architecture="residual",
        activations=ACTIVATIONS,
        normalisations=("layer", "pre"),
        parts=residual(normal(LECUN), normal("2 / (blocks * fan_in)")),
        why="Each block adds to the stream: with the last layers divided by the blocks, it at most doubles.",
        also="More blocks lower Adam's best rate; much less if branches are multiplied by old / new blocks, "
        "or they and their rates by its root.",
        sources=("radford2019", "xiong2020", "yang2024", "dey2025"),
        evidence=("depth-transfer",),
        tested=("relu",),
    ),
)
