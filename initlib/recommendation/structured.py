"""Rules for everything but plain nets, family by family; the names that this module had are kept."""

from initlib.frameworks import ZERO
from initlib.recommendation import adaptation, convolutions, ends, mup, recurrent, shortcuts, transformers
from initlib.recommendation.convolutions import CHANNELS
from initlib.recommendation.recurrent import ORTHOGONAL
from initlib.recommendation.rule import HE, LECUN, OUTPUT, RELUS, SMOOTH, XAVIER
from initlib.recommendation.shortcuts import residual
from initlib.recommendation.transformers import DEEPNORM
from initlib.recommendation.transformers import STREAM as RESIDUAL_STREAM
from initlib.recommendation.transformers import pre_norm as transformer

__all__ = [
    "CHANNELS",
    "CONVOLUTIONS",
    "DEEPNORM",
    "ENDS",
    "HE",
    "LECUN",
    "ORTHOGONAL",
    "OUTPUT",
    "RELUS",
    "RESIDUAL_STREAM",
    "RULES",
    "SEQUENCES",
    "SHORTCUTS",
    "SMOOTH",
    "XAVIER",
    "ZERO",
    "residual",
    "transformer",
]

ENDS, CONVOLUTIONS, SHORTCUTS = ends.RULES, convolutions.RULES, shortcuts.RULES
SEQUENCES = (*recurrent.RULES, *transformers.RULES)
RULES = (*ENDS, *CONVOLUTIONS, *SHORTCUTS, *SEQUENCES, *mup.RULES, *adaptation.RULES)
