"""Evidence: protocols fixed before the run, results by seed, verdicts by rule, archives for anyone to audit.

>>> from initlib import evidence
>>> result = evidence.load("he-depth")
>>> result.verdict in (*evidence.VERDICTS, evidence.INCONCLUSIVE)
True
"""

from initlib.evidence.archives import folder, is_current, load, save
from initlib.evidence.box import Box
from initlib.evidence.parts import Measurement, Training
from initlib.evidence.protocol import (
    INCONCLUSIVE,
    VERDICTS,
    Difference,
    Finding,
    Metric,
    Protocol,
    Rule,
    Share,
    when,
)
from initlib.evidence.results import Result
from initlib.evidence.runs import confirm, live, rerun_sample, run
from initlib.evidence.statistics import Mean, Proportion, mean, paired, proportion, seeds_for_equivalence
from initlib.evidence.summary import Verdicts, verdicts
from initlib.tables import Table

__all__ = [
    "INCONCLUSIVE",
    "VERDICTS",
    "Box",
    "Difference",
    "Finding",
    "Mean",
    "Measurement",
    "Metric",
    "Proportion",
    "Protocol",
    "Result",
    "Rule",
    "Share",
    "Table",
    "Training",
    "Verdicts",
    "confirm",
    "folder",
    "is_current",
    "live",
    "load",
    "mean",
    "paired",
    "proportion",
    "rerun_sample",
    "run",
    "save",
    "seeds_for_equivalence",
    "verdicts",
    "when",
]
