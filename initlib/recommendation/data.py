"""What the data ask for beside the rule."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from initlib import checks
from initlib.frameworks import Law

PRIOR = Law("constant", "math.log(share / (1 - share))")  # of a single output, the log odds of class 1


@dataclass(frozen=True)
class Advice:
    """What the data ask for beside the rule, and where that comes from."""

    text: str
    sources: Sequence[str] = ()
    evidence: Sequence[str] = ()


DATA = {
    "standardised": Advice(""),
    "unscaled": Advice(
        "Standardize the inputs first: one scale for the first layer cannot suit features of different size.",
        ("lecun1998",),
        ("data-scale",),
    ),
    "sparse": Advice(
        "Start the first layer at He's scale or below; larger weights memorize rare features.",
        ("mehta2021",),
        ("sparse-inputs",),
    ),
    "imbalanced": Advice(
        "The output biases start at the logs of the classes' shares (a single output: at the log odds of the "
        "rare class): the first loss is that of the class frequencies, and no step is spent on them.",
        ("lin2017",),
        ("zero-biases",),
    ),
    "small": Advice(
        "With few samples stay at the rule's scale or below: large starts memorize.",
        ("mehta2021", "woodworth2020"),
        ("reasonable-range",),
    ),
}


def prior(share: float | Sequence[float] | None, outputs: int, sizes: dict[str, float]) -> Law:
    """Return the law of output biases whose first loss is that of the class frequencies.

    >>> prior([0.9, 0.1], 2, {}).formula
    '[0.9, 0.1]'
    """
    if isinstance(share, (list, tuple, range)) or (isinstance(share, np.ndarray) and share.ndim):
        entries = checks.sequence("share", share)
        shares = [checks.real(f"share[{i}]", one, above=0, below=1) for i, one in enumerate(entries)]
        if len(shares) != outputs or abs(sum(shares) - 1) > 1e-6 or outputs < 2:
            raise ValueError(
                f"share must be one number, or one for each of 2 or more outputs, with sum 1. Received: "
                f"{checks.shown(share)} for {outputs} outputs."
            )
        return Law("log_shares", str(shares))
    rare = checks.real("share", share, above=0, below=1)
    if outputs == 1:
        sizes["share"] = rare
        return PRIOR
    rest = (1 - rare) / (outputs - 1)
    many = f" * {outputs - 1}" if outputs > 2 else ""
    return Law("log_shares", f"[{rest:.6g}]{many} + [{rare:.6g}]")
