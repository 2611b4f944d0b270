"""Rules for transformers: pre-norm in one scheme, post-norm, and without normalization."""

from collections.abc import Sequence

from initlib.frameworks import ZERO, Part
from initlib.recommendation.rule import LECUN, OUTPUT, XAVIER, Rule, normal

READOUT = Part("output layer", "dense", ZERO, None, between=OUTPUT.between)
DEEPNORM = "2 * (8 * blocks) ** -0.5 / (fan_in + fan_out)"
T_FIXUP = "0.8978 * blocks ** -0.5 / (fan_in + fan_out)"  # Xavier times 0.67^2 / sqrt(blocks)
STREAM = (
    "What the shortcuts carry starts with embeddings of size 1, and the sublayers of all blocks together at "
    "most double its mean square."
)
ALSO = (
    "LayerNorm or RMSNorm, gains 1, with normalized queries and keys or without. Warm the rate up. A readout "
    "tied to the embedding: see 'tied embedding'. Patches of pictures enter by 1 / fan_in. GPT-2's scheme, "
    "0.02 everywhere and 0.02 / sqrt(2 blocks) where a sublayer ends, is consistent too; embeddings of 0.02 "
    "with these layers are not."
)


def pre_norm(down: str, *, wide: float = 4, gated: bool = False) -> tuple[Part, ...]:
    """Return the parts of a pre-norm transformer; `down` undoes what the activation keeps of mean square 1.

    >>> [part.name for part in pre_norm("2")][-2:]
    ['embedding', 'output layer']
    """
    names = ("gate and up", "down") if gated else ("feed-forward, first", "feed-forward, second")
    first, second = (f"{name} projection" if gated else name for name in names)
    return (
        Part("query, key, value", "dense", normal(LECUN)),
        Part("attention output", "dense", normal("1 / (2 * blocks * fan_in)")),
        Part(first, "dense", normal(LECUN), ZERO, widen=(1, wide)),
        Part(second, "dense", normal(f"{down} / (2 * blocks * fan_in)"), ZERO, widen=(wide, 1)),
        Part("embedding", "embedding", normal("1"), None, between=("inputs", "width")),
        READOUT,
    )


def without_pre_norm(branch: str, *more: Part) -> tuple[Part, ...]:
    """Return the parts of a transformer whose values and feed-forward layers have one variance.

    >>> without_pre_norm("1 / fan_in")[1].weights.formula
    '1 / fan_in'
    """
    return (
        Part("query, key", "dense", normal(XAVIER)),
        Part("value, attention output", "dense", normal(branch)),
        Part("feed-forward, first", "dense", normal(branch), ZERO, widen=(1, 4)),
        Part("feed-forward, second", "dense", normal(branch), ZERO, widen=(4, 1)),
        *more,
        READOUT,
    )


def gpt_2() -> tuple[Part, ...]:
    """Return the parts of GPT-2: one small standard deviation everywhere but at the ends of sublayers.

    >>> [part.name for part in gpt_2()][-1]
    'embedding'
    """
    first, ends = normal("0.02 ** 2"), normal("0.02 ** 2 / (2 * blocks)")
    return (
        Part("query, key, value", "dense", first),
        Part("attention output", "dense", ends),
        Part("feed-forward, first", "dense", first, ZERO, widen=(1, 4)),
        Part("feed-forward, second", "dense", ends, ZERO, widen=(4, 1)),
        Part("embedding", "embedding", first, None, between=("inputs", "width")),
    )


RULES: Sequence[Rule] = (
    Rule(
        name="pre-norm transformer, SwiGLU",
        architecture="transformer",
        activations=("swiglu",),
        normalisations=("pre",),
        parts=pre_norm("2.8108", wide=8 / 3, gated=True),
        why=f"{STREAM} SiLU times a gate keeps 0.356 of the mean square; the way down makes up for it.",
        also=ALSO,
        sources=("takase2023", "shazeer2020", "radford2019"),
    ),
    Rule(
        name="pre-norm transformer, ReLU",
        architecture="transformer",
        activations=("relu",),
        normalisations=("pre",),
        parts=pre_norm("2"),
        why=STREAM,
        also=ALSO,
        sources=("takase2023", "radford2019", "xiong2020"),
        evidence=("norm-placement",),
    ),
    Rule(
        name="pre-norm transformer, GELU",
        architecture="transformer",
        activations=("gelu", "gelu_tanh"),
        normalisations=("pre",),
        parts=pre_norm("2.3517"),
        why=STREAM,
        also=f"{ALSO} In very deep ones a small learnt factor on each branch helps (LayerScale).",
        sources=("takase2023", "radford2019", "xiong2020", "touvron2021"),
        evidence=("residual-scaling",),
        tested=("gelu_tanh",),
    ),
    Rule(
        name="pre-norm transformer, SiLU",
        architecture="transformer",
        activations=("silu",),
        normalisations=("pre",),
        parts=pre_norm("2.8108"),
        why=STREAM,
        also=ALSO,
        sources=("takase2023", "radford2019", "xiong2020"),
    ),
    Rule(
        name="GPT-2's scheme, std 0.02",
        architecture="gpt-2",
        activations=("gelu", "gelu_tanh", "relu", "silu"),
        normalisations=("pre",),
        parts=gpt_2(),
        why="Embeddings and layers share one size, so what the blocks add does not drown what they add to; "
        "where a sublayer ends, 1 / sqrt(2 blocks) keeps all of them together as large as one.",
        also="The readout is the embedding's own matrix: the first logits are small, the first loss is near "
        "ln V, V the vocabulary. 0.02 is 1 / sqrt(fan_in) at width 2,500; in narrow nets the blocks start by "
        "adding little, so there take the pre-norm rule.",
        sources=("radford2019", "takase2023"),
        evidence=("residual-scaling",),
        tested=("gelu_tanh",),
    ),
    Rule(
        name="post-norm transformer",
        architecture="transformer",
        activations=("relu", "gelu", "gelu_tanh", "silu"),
        normalisations=("post",),
        parts=without_pre_norm(DEEPNORM),
        why="DeepNorm: small branches, and shortcuts times (2 blocks)^(1/4), keep the first updates bounded.",
        also="Without it, post-norm needs a slow warm-up of the learning rate.",
        sources=("wang2022", "liu2020"),
        evidence=("norm-placement",),
        tested=("relu",),
    ),
    Rule(
        name="transformer without normalization",
        architecture="transformer",
        activations=("relu", "gelu", "gelu_tanh", "silu"),
        normalisations=("none",),
        parts=without_pre_norm(
            T_FIXUP,
            Part(
                "embedding",
                "embedding",
                normal("(9 * blocks) ** -0.5 / fan_out"),
                None,
                between=("inputs", "width"),
            ),
        ),
        why="T-Fixup: Xavier with values and feed-forward times 0.67 blocks^(-1/4) trains without warm-up.",
        also="That is for blocks of two sublayers, as in an encoder; in a decoder that attends to an encoder "
        "the factor is (9 blocks)^(-1/4).",
        sources=("huang2020",),
    ),
)
