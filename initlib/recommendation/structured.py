"""Rules for everything else: ends of nets, convolutions, shortcuts, recurrent nets, transformers."""

from collections.abc import Sequence

from initlib.frameworks import ZERO, Law, Part
from initlib.recommendation.rule import HE, LECUN, OUTPUT, RELUS, SMOOTH, XAVIER, Rule, hidden, normal

ORTHOGONAL = Law("orthogonal", "1")
CHANNELS = "fan_in counts the taps: 9 times the input channels of a 3 x 3 kernel."


def residual(first: Law, last: Law, bias: Law | None = ZERO) -> tuple[Part, ...]:
    """Return the parts of a net with shortcuts around branches of two layers."""
    branch = (
        Part("first layer of a branch", "dense", first, bias),
        Part("last layer of a branch", "dense", last, bias),
    )
    return (*branch, OUTPUT)


def transformer(first: str, last: str, *, wide: float = 4, gated: bool = False) -> tuple[Part, ...]:
    """Return the parts of a pre-norm transformer whose feed-forward layers have these variances."""
    up = "gate and up projection" if gated else "feed-forward, first"
    down = "down projection" if gated else "feed-forward, second"
    return (
        Part("query, key, value", "dense", normal(LECUN)),
        Part("attention output", "dense", normal("1 / (2 * blocks * fan_in)")),
        Part(up, "dense", normal(first), ZERO, widen=(1, wide)),
        Part(down, "dense", normal(last), ZERO, widen=(wide, 1)),
        Part("embedding", "embedding", normal("0.02 ** 2"), None),
        Part("output layer", "dense", ZERO, None),
    )


RESIDUAL_STREAM = "Each block adds to the stream: projections into it shrink by the root of their number."
DEEPNORM = "2 * (8 * blocks) ** -0.5 / (fan_in + fan_out)"

ENDS: Sequence[Rule] = (
    Rule(
        name="linear, logistic or softmax regression",
        architecture="linear",
        parts=(OUTPUT,),
        why="The loss is convex and there are no hidden units that could stay alike: start at zero.",
        sources=("goodfellow2016",),
        evidence=("zero-symmetry",),
    ),
    Rule(
        name="output layer",
        architecture="output",
        parts=(OUTPUT,),
        why="At zero every class starts equally likely (loss ln K), and the layers below still learn.",
        also="For rates that carry over to other widths, variance 1 / fan_in^2 does as well (muP).",
        sources=("yang2022", "zhang2019"),
        evidence=("zero-symmetry", "mup-transfer"),
    ),
    Rule(
        name="new head on a trained net",
        architecture="head",
        parts=(OUTPUT,),
        why="A zero head leaves the trained features alone until it knows what to ask of them.",
        also="Penalise the distance to the trained weights rather than to zero.",
        sources=("li2018",),
    ),
    Rule(
        name="embedding",
        architecture="embedding",
        parts=(Part("embedding", "embedding", normal("0.02 ** 2"), None),),
        why="Small and equal for all tokens; the normalisation that follows sets the scale.",
        sources=("radford2019",),
    ),
    Rule(
        name="embedding tied to the readout",
        architecture="tied embedding",
        parts=(Part("embedding", "embedding", normal("1 / fan_out"), None),),
        why="The same numbers give the logits; at variance 1 the first loss is ln V + 1/2, V the vocabulary.",
        sources=("vaswani2017",),
    ),
)

CONVOLUTIONS: Sequence[Rule] = (
    Rule(
        name="convolutions, ReLU",
        architecture="conv",
        activations=RELUS,
        parts=(hidden(normal(HE), layer="conv"), OUTPUT),
        why=f"As in dense layers; {CHANNELS}",
        also="With batch normalisation, fan_out in place of fan_in is as good.",
        sources=("he2015",),
        evidence=("he-fans",),
    ),
    Rule(
        name="convolutions, tanh, deep and plain",
        architecture="conv",
        activations=("tanh",),
        normalisations=("none",),
        depths=(21, None),
        parts=(hidden(Law("delta_orthogonal", "1"), layer="conv"), OUTPUT),
        why="Only the centre tap, and orthogonal: every direction keeps its length, whatever the depth.",
        sources=("xiao2018",),
    ),
    Rule(
        name="convolutions, tanh",
        architecture="conv",
        activations=("tanh", "softsign", "hard_tanh"),
        parts=(hidden(normal(XAVIER), layer="conv"), OUTPUT),
        why=f"As in dense layers; {CHANNELS}",
        sources=("glorot2010",),
    ),
    Rule(
        name="convolutions, smooth relatives of ReLU",
        architecture="conv",
        activations=SMOOTH,
        parts=(hidden(normal(HE), layer="conv"), OUTPUT),
        why=f"He is close enough for a few layers, or with normalisation; {CHANNELS}",
        also="Deep and plain nets of these activations need random biases: see the rules for dense layers.",
        sources=("he2015", "roberts2022"),
        evidence=("he-variants",),
        depths=(1, 14),
    ),
    Rule(
        name="depthwise convolutions, ReLU",
        architecture="depthwise",
        activations=RELUS,
        parts=(hidden(normal(HE), layer="depthwise"),),
        why="Each output sees one input channel: fan_in is 9 for a 3 x 3 kernel, not 9 times the channels.",
        also="Libraries count differently: check what yours draws.",
        sources=("he2015",),
    ),
    Rule(
        name="depthwise convolutions, other activations",
        architecture="depthwise",
        parts=(hidden(normal(LECUN), layer="depthwise"),),
        why="Each output sees one input channel: fan_in is 9 for a 3 x 3 kernel, not 9 times the channels.",
        sources=("lecun1998",),
    ),
)

SHORTCUTS: Sequence[Rule] = (
    Rule(
        name="shortcuts without normalisation",
        architecture="residual",
        activations=(*RELUS, *SMOOTH),
        normalisations=("none",),
        parts=residual(normal("2 / (blocks * fan_in)"), ZERO),
        why="Full branches double the signal in each block. Fixup starts them at zero, first layer small.",
        also="Or multiply each branch by 1 / sqrt(blocks), or by a learnt number that starts at 0.",
        sources=("zhang2019", "de2020", "bachlechner2021"),
        evidence=("rules-prevent",),
    ),
    Rule(
        name="shortcuts with batch normalisation",
        architecture="residual",
        activations=(*RELUS, *SMOOTH),
        normalisations=("batch",),
        parts=residual(normal(HE), normal(HE), None),
        why="Normalisation sets the scale of each branch; He keeps the rates you know from plain nets.",
        also="Start the last gamma of each branch at 0: every block is then the identity at first.",
        sources=("goyal2017", "he2016"),
    ),
    Rule(
        name="shortcuts with layer normalisation inside the branch",
        architecture="residual",
        activations=(*RELUS, *SMOOTH),
        normalisations=("layer", "pre"),
        parts=residual(normal(HE), normal("2 / (blocks * fan_in)")),
        why=RESIDUAL_STREAM,
        sources=("radford2019", "xiong2020"),
    ),
)

SEQUENCES: Sequence[Rule] = (
    Rule(
        name="plain recurrent net, ReLU",
        architecture="rnn",
        activations=("relu",),
        parts=(Part("recurrent layer", "rnn", normal(LECUN), ZERO, Law("identity")),),
        why="The identity hands the state on unchanged (IRNN); the input is added to it.",
        sources=("le2015",),
    ),
    Rule(
        name="plain recurrent net, tanh",
        architecture="rnn",
        activations=("tanh", "identity"),
        parts=(Part("recurrent layer", "rnn", normal(LECUN), ZERO, ORTHOGONAL),),
        why="The same matrix acts at every step: orthogonal, so that no direction dies or explodes.",
        sources=("saxe2014", "henaff2016"),
    ),
    Rule(
        name="LSTM, short memory",
        architecture="lstm",
        steps=(1, 49),
        parts=(Part("LSTM", "lstm", normal(XAVIER), Law("forget", "1"), ORTHOGONAL),),
        why="With forget bias 1 a cell keeps 73 % of its state a step rather than half.",
        also="Xavier counts one gate, not four; orthogonal means each gate's own square.",
        sources=("gers2000", "jozefowicz2015"),
        evidence=("forget-bias",),
    ),
    Rule(
        name="LSTM, long memory",
        architecture="lstm",
        steps=(50, None),
        parts=(Part("LSTM", "lstm", normal(XAVIER), Law("chrono", "steps - 1"), ORTHOGONAL),),
        why="Forget biases log U(1, T - 1) give the cells memories of all lengths up to T steps (chrono).",
        sources=("tallec2018",),
        evidence=("forget-bias",),
    ),
    Rule(
        name="GRU",
        architecture="gru",
        parts=(Part("GRU", "gru", normal(XAVIER), ZERO, ORTHOGONAL),),
        why="Xavier counts one gate, not three; orthogonal means each gate's own square.",
        also="For long memory raise the bias of the update gate; its sign differs between libraries.",
        sources=("jozefowicz2015", "tallec2018"),
    ),
    Rule(
        name="pre-norm transformer, SwiGLU",
        architecture="transformer",
        activations=("swiglu",),
        normalisations=("pre",),
        parts=transformer(LECUN, "2.8108 / (2 * blocks * fan_in)", wide=8 / 3, gated=True),
        why=f"{RESIDUAL_STREAM} SiLU times a gate keeps 0.356 of the mean square; the way down makes up.",
        sources=("shazeer2020", "radford2019"),
    ),
    Rule(
        name="pre-norm transformer, ReLU",
        architecture="transformer",
        activations=("relu",),
        normalisations=("pre",),
        parts=transformer(HE, "1 / (blocks * fan_in)"),
        why=RESIDUAL_STREAM,
        sources=("radford2019", "xiong2020"),
    ),
    Rule(
        name="pre-norm transformer, GELU",
        architecture="transformer",
        activations=("gelu", "gelu_tanh", "silu"),
        normalisations=("pre",),
        parts=transformer(HE, "2.3517 / (2 * blocks * fan_in)"),
        why=RESIDUAL_STREAM,
        also="In very deep ones, a learnt factor that starts small on each branch helps too (LayerScale).",
        sources=("radford2019", "xiong2020", "touvron2021"),
    ),
    Rule(
        name="post-norm transformer",
        architecture="transformer",
        activations=("relu", "gelu", "gelu_tanh", "silu"),
        normalisations=("post",),
        parts=(
            Part("query, key", "dense", normal(XAVIER)),
            Part("value, attention output", "dense", normal(DEEPNORM)),
            Part("feed-forward, first", "dense", normal(DEEPNORM), ZERO, widen=(1, 4)),
            Part("feed-forward, second", "dense", normal(DEEPNORM), ZERO, widen=(4, 1)),
            Part("output layer", "dense", ZERO, None),
        ),
        why="DeepNorm: small branches, and shortcuts times (2 blocks)^(1/4), keep the first updates bounded.",
        also="Without it, post-norm needs a slow warm-up of the learning rate.",
        sources=("wang2022", "liu2020", "huang2020"),
    ),
)

RULES = (*ENDS, *CONVOLUTIONS, *SHORTCUTS, *SEQUENCES)
