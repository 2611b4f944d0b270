"""Rules for what is added to a trained net: low-rank updates, adapters, zero convolutions, new tokens."""

from collections.abc import Sequence

from initlib.frameworks import ZERO, Law, Part
from initlib.recommendation.rule import LECUN, Rule, normal

RULES: Sequence[Rule] = (
    Rule(
        name="low-rank update (LoRA)",
        architecture="lora",
        parts=(
            Part("A, way in", "dense", normal(LECUN), None, between=("width", "rank")),
            Part("B, way out", "dense", ZERO, None, between=("rank", "width")),
        ),
        why="B A = 0 leaves the trained net as it is. With A the random one, what a step changes "
        "does not grow with the width, so larger rates are safe.",
        also="With B random and A zero, Adam's first step lines A up with the input: wider layers move the "
        "output more. Both at zero learn nothing.",
        sources=("hu2022", "hayou2024"),
        evidence=("low-rank-start",),
        tested=("relu",),
    ),
    Rule(
        name="adapter in a trained net",
        architecture="adapter",
        parts=(
            Part("way in", "dense", normal(LECUN), ZERO, between=("width", "rank")),
            Part("way out", "dense", ZERO, ZERO, between=("rank", "width")),
        ),
        why="The bottleneck is added to its input; its last layer is zero, so nothing changes at first.",
        also="The paper has weights near zero in both layers; exact zeros in one of them do the same.",
        sources=("houlsby2019",),
    ),
    Rule(
        name="zero convolution (ControlNet)",
        architecture="zero convolution",
        parts=(Part("zero convolution", "pointwise", ZERO, ZERO),),
        why="What is added passes a 1 x 1 convolution of zeros: nothing changes at first, and it "
        "still learns, because its inputs are not zero.",
        sources=("zhang2023",),
    ),
    Rule(
        name="new tokens of a trained language model",
        architecture="new tokens",
        parts=(Part("embedding", "embedding", Law("old_mean", "8"), None, between=("inputs", "width")),),
        why="At the mean of the old rows a new token is never likelier than the old ones are on "
        "average; small random rows may get nearly all the probability.",
        also="The same for the rows of an untied readout, and the mean of its biases.",
        sources=("hewitt2021",),
    ),
)
