"""Rules for the ends of a net: linear models, output layers, new heads, embeddings."""

from collections.abc import Sequence

from initlib.frameworks import Law, Part
from initlib.recommendation.rule import OUTPUT, Rule, normal

RULES: Sequence[Rule] = (
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
        evidence=("zero-symmetry",),
    ),
    Rule(
        name="policy of a reinforcement learner",
        architecture="policy",
        parts=(
            Part("hidden layers", "dense", Law("orthogonal", "2 ** 0.5")),
            Part("policy output", "dense", Law("orthogonal", "0.01"), between=OUTPUT.between),
        ),
        why="An output a hundred times smaller makes the first policy nearly uniform, whatever the state.",
        also="The output of a value net has gain 1.",
        sources=("andrychowicz2021",),
    ),
    Rule(
        name="new head on a trained net",
        architecture="head",
        parts=(OUTPUT,),
        why="A zero head leaves the trained features alone until it knows what to ask of them.",
        also="Penalize the distance to the trained weights rather than to zero.",
        sources=("li2018",),
    ),
    Rule(
        name="embedding",
        architecture="embedding",
        parts=(Part("embedding", "embedding", normal("1"), None, between=("inputs", "width")),),
        why="In a pre-norm net the stream is the embedding plus all blocks: at size 1 none drowns it.",
        also="0.02 is for nets whose other layers have it too (GPT-2), or with a normalization right behind.",
        sources=("takase2023", "radford2019"),
    ),
    Rule(
        name="embedding tied to the readout",
        architecture="tied embedding",
        parts=(Part("embedding", "embedding", normal("1 / fan_out"), None, between=("inputs", "width")),),
        why="They give the logits too: of variance 1, so the first loss is ln V + 1/2, V the vocabulary.",
        also="Multiply by sqrt(width) on the way in, so that the stream starts at size 1.",
        sources=("vaswani2017",),
    ),
)
