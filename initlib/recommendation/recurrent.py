"""Rules for recurrent nets."""

from collections.abc import Sequence

from initlib.frameworks import ZERO, Law, Part
from initlib.recommendation.rule import LECUN, XAVIER, Rule, normal

ORTHOGONAL = Law("orthogonal", "1")

RULES: Sequence[Rule] = (
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
)
