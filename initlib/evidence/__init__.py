"""Evidence: protocols fixed before the run, results by seed, verdicts by rule, archives for anyone to audit.

>>> from initlib import evidence
>>> result = evidence.load("he-depth")
>>> result.verdict in (*evidence.VERDICTS, evidence.INCONCLUSIVE)
True
"""

from initlib.evidence.archives import first_run, folder, is_current, load, save
from initlib.evidence.box import Box
from initlib.evidence.grounds import INCONCLUSIVE, VERDICTS
from initlib.evidence.parts import Measurement, Training
from initlib.evidence.protocol import (
    AnyRule,
    Difference,
    Finding,
    Metric,
    Protocol,
    Rule,
    Share,
    Told,
    when,
)
from initlib.evidence.results import Result
from initlib.evidence.runs import confirm, live, pilot, rerun_sample, run
from initlib.evidence.statistics import Mean, Proportion, mean, paired, proportion, seeds_for_equivalence
from initlib.evidence.summary import Verdicts, verdicts
from initlib.tables import Table

__all__ = [
    "INCONCLUSIVE",
    "VERDICTS",
    "AnyRule",
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
    "Told",
    "Training",
    "Verdicts",
    "confirm",
    "first_run",
    "folder",
    "is_current",
    "live",
    "load",
    "mean",
    "paired",
    "pilot",
    "proportion",
    "rerun_sample",
    "run",
    "save",
    "seeds_for_equivalence",
    "verdicts",
    "when",
]
