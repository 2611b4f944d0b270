"""Schedules: by which factor the learning rates are multiplied in each step of a training."""

import math
from collections.abc import Callable

from initlib import checks

Schedule = Callable[[int, int], float]


def constant(step: int, steps: int) -> float:
    """Return 1."""
    return 1.0


def warmup_cosine(step: int, steps: int) -> float:
    """Return the factor of `step` in 1..steps: a linear warm-up, then half a cosine down to 0.

    The first w = max(1, steps // 10) steps have t / w (Goyal et al. 2017, arXiv:1706.02677, section 2.2);
    the others (1 + cos(pi (t - 1 - w) / (steps - w))) / 2, from 1 down to almost 0, which is reached behind
    the last step (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5).

    >>> [round(warmup_cosine(step, 20), 3) for step in (1, 2, 3, 12, 20)]
    [0.5, 1.0, 1.0, 0.5, 0.008]
    """
    warmup = max(1, steps // 10)
    if step <= warmup:
        return step / warmup
    return (1 + math.cos(math.pi * (step - 1 - warmup) / (steps - warmup))) / 2


SCHEDULES: dict[str, Schedule] = {"warmup_cosine": warmup_cosine}


def get(name: str | None) -> Schedule:
    """Return the schedule of that name: "warmup_cosine", or None for a constant learning rate.

    >>> get("warmup_cosine")(1, 100), get(None)(1, 100)
    (0.1, 1.0)
    """
    return constant if name is None else SCHEDULES[checks.choice("schedule", name, SCHEDULES)]
