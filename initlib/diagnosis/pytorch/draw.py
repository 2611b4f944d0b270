"""Random batches and losses by name, for the command line."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from initlib import checks


def seed(number: int) -> None:
    """Seed PyTorch's generator: models made afterwards are always the same."""
    torch.manual_seed(number)


def normal(shape: Sequence[int], samples: int, classes: int | None) -> Any:
    """Return N(0, 1) inputs, with random labels if there are classes."""
    inputs = torch.randn(samples, *shape)
    return inputs if classes is None else (inputs, torch.randint(0, classes, (samples,)))


def tokens(sizes: Sequence[int], samples: int) -> Any:
    """Return random tokens of (vocabulary, length) and the same tokens one step on."""
    drawn = torch.randint(0, sizes[0], (samples, sizes[1] + 1))
    return drawn[:, :-1], drawn[:, 1:]


def is_labels(targets: Any) -> bool:
    """Say whether targets are integers."""
    return isinstance(targets, torch.Tensor) and not targets.is_floating_point()


def loss(name: str, allowed: Sequence[str]) -> Any:
    """Return a loss of torch.nn.functional by name; None for "none"."""
    if name == "tokens":
        return lambda output, targets: F.cross_entropy(output.flatten(0, -2), targets.flatten())
    checks.choice("loss", name, allowed)
    return None if name == "none" else getattr(F, name)
