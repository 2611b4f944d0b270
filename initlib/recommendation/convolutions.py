"""Rules for convolutions: plain, depthwise, and with shortcuts."""

from collections.abc import Sequence

from initlib.frameworks import ZERO, Law, Part
from initlib.recommendation.rule import HE, LECUN, OUTPUT, RELUS, SMOOTH, XAVIER, Rule, hidden, normal

CHANNELS = "fan_in counts the whole kernel: 9 times the input channels if it is 3 x 3."

RULES: Sequence[Rule] = (
    Rule(
        name="convolutions, ReLU",
        architecture="conv",
        activations=RELUS,
        parts=(hidden(normal(HE), layer="conv"), OUTPUT),
        why=f"As in dense layers; {CHANNELS}",
        also="With batch normalization, fan_out in place of fan_in is as good.",
        sources=("he2015",),
    ),
    Rule(
        name="convolutions, tanh, deep and plain",
        architecture="conv",
        activations=("tanh",),
        normalisations=("none",),
        depths=(21, None),
        parts=(hidden(Law("delta_orthogonal", "1"), layer="conv"), OUTPUT),
        why="Only the center of the kernel, and orthogonal: directions keep their length at any depth.",
        sources=("xiao2018",),
    ),
    Rule(
        name="convolutions, tanh",
        architecture="conv",
        activations=("tanh", "hard_tanh"),
        parts=(hidden(normal(XAVIER), layer="conv"), OUTPUT),
        why=f"As in dense layers; {CHANNELS}",
        sources=("glorot2010",),
    ),
    Rule(
        name="convolutions, smooth relatives of ReLU",
        architecture="conv",
        activations=SMOOTH,
        parts=(hidden(normal(HE), layer="conv"), OUTPUT),
        why=f"He is close enough for a few layers, or with normalization; {CHANNELS}",
        also="Deep and plain nets of these activations need random biases: see the rules for dense layers.",
        sources=("he2015", "roberts2022"),
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
    Rule(
        name="ResNet with batch normalization",
        architecture="resnet",
        activations=(*RELUS, *SMOOTH),
        normalisations=("batch",),
        parts=(
            Part("convolutions", "conv", normal("2 / fan_out"), None),
            Part("convolution on a shortcut", "pointwise", normal("2 / fan_out"), None),
            Part("last norm of a branch", "batch_norm", ZERO, ZERO),
            OUTPUT,
        ),
        why="Gamma 0 in the last norm of each branch: at first every block only hands on its input.",
        also="Other gammas start at 1. Batch normalization sets the scale: fan_in serves as well as fan_out.",
        sources=("goyal2017", "he2015", "he2016"),
    ),
    Rule(
        name="ResNet without normalization",
        architecture="resnet",
        activations=(*RELUS, *SMOOTH),
        normalisations=("none",),
        parts=(
            Part("convolutions", "conv", normal(HE)),
            Part("convolution on a shortcut", "pointwise", normal(LECUN)),
            Part("multiplier of a branch", "scalar", ZERO, None),
            OUTPUT,
        ),
        why="SkipInit: a learnt number at 0 behind each branch does what zero gammas do in normalized nets.",
        also="It saves the start, not the regularization that batch normalization brings.",
        sources=("de2020", "zhang2019"),
    ),
    Rule(
        name="convolutional GAN (DCGAN)",
        architecture="gan",
        parts=(
            Part("convolutions", "conv", normal("0.02 ** 2"), None),
            Part("last convolution", "conv", normal("0.02 ** 2")),
        ),
        why="Standard deviation 0.02 everywhere: batch normalization sets the scale of what lies between, so "
        "these numbers set how fast each layer learns at a rate of 0.0002.",
        also="Gammas of batch normalization start at 1. Transposed convolutions have the same law.",
        sources=("radford2016",),
    ),
    Rule(
        name="diffusion net",
        architecture="diffusion",
        parts=(
            Part("convolutions", "conv", Law("uniform", XAVIER)),
            Part("last convolution of a block", "conv", ZERO),
            Part("adaLN modulation", "dense", ZERO, widen=(1, 6)),
        ),
        why="What a block adds is zero at first, by its last convolution in a U-Net, by its gates in a DiT.",
        also="The convolution in front of the output starts at zero too: the first prediction is 0.",
        sources=("ho2020", "peebles2023"),
    ),
)
