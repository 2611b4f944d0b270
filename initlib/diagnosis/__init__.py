"""The doctor: what is wrong with a model at step 0, measured on one batch of its owner, or that nothing is.

>>> import numpy as np
>>> from initlib import diagnose, networks
>>> net = networks.mlp([64] * 12 + [10], "relu", "he_normal", seeds=[0])
>>> x = np.random.default_rng(0).standard_normal((100, 64))
>>> print(diagnose(net, x).verdict)
Clean: nothing at the start keeps this model from training.
"""

from collections.abc import Callable, Mapping
from typing import Any

from initlib import checks, networks
from initlib.checks import Rng
from initlib.diagnosis import halves, report
from initlib.diagnosis.catalogue import CATALOGUE, Entry
from initlib.diagnosis.changes import Change, Changes
from initlib.diagnosis.findings import Finding
from initlib.diagnosis.record import Record
from initlib.diagnosis.report import Report

__all__ = ["CATALOGUE", "DEPTHS", "Change", "Changes", "Entry", "Finding", "Report", "apply", "diagnose"]

DEPTHS = ("quick", "thorough")
NO_TORCH = "This model needs PyTorch, which is not installed here: pip install torch."


@checks.keywords
def diagnose(
    model: Any,
    batch: Any,
    loss: Callable[..., Any] | str | None = None,
    *,
    optimizer: Any = None,
    learning_rate: float | None = None,
    depth: str = "quick",
) -> Report:
    """Examine a model at its start on one batch and return a `Report`; the model is left as it was.

    `model` is a `torch.nn.Module` or an `initlib.networks.Network` of one net. `batch` is (inputs, targets)
    where there is a `loss(outputs, targets)`, inputs alone otherwise: a tensor, a tuple, or a dict that the
    model takes by name. Without a loss the gradient is that of N(0, 1) at the outputs, and what concerns the
    loss is listed as not examined. For a `Network` the loss is "softmax" or "squared".

    `optimizer`, an instance or "sgd" or "adam", with `learning_rate` (default: its own) has the first step
    tried. `depth="thorough"` compares the loss with that of shuffled weights too (PyTorch models), and
    examines each half of the batch: what is not found again on both is marked as resting on these samples,
    and its severity falls to a warning where the half without it is far from the limit.

    Errors: a model that cannot be examined or restored is a TypeError in one sentence; a model or loss that
    fails on the batch a RuntimeError with its words. Needs PyTorch only for PyTorch's models.

    >>> import numpy as np
    >>> from initlib import networks
    >>> net = networks.mlp([64] * 12 + [10], "relu", "lecun_normal", seeds=[0])
    >>> report = diagnose(net, np.random.default_rng(1).standard_normal((100, 64)))
    >>> report.severity, report.findings[0].code
    ('warning', 'signal-vanishes')
    """
    checks.choice("depth", depth, DEPTHS)
    if learning_rate is not None:
        learning_rate = checks.real("learning_rate", learning_rate, above=0)
    if isinstance(optimizer, str):
        checks.choice("optimizer", optimizer, ("sgd", "adam", "adamw"))

    def examine(batch: Any, depth: str = "quick") -> Record:
        if isinstance(model, networks.Network):
            from initlib.diagnosis import numpy_nets

            return numpy_nets.examine(model, batch, loss, optimizer)
        made: Record = _torch_examination().examine.examine(
            model, batch, loss, optimizer, learning_rate, depth
        )
        return made

    record = examine(batch, depth)
    if depth == "thorough":
        halves.look(record, batch, examine)
    if loss is None:
        record.skipped.append("first loss, targets, learning rate (no loss was given)")
    if depth == "quick":
        record.skipped.append('whether the weights are independent draws (depth="thorough")')
    elif isinstance(model, networks.Network):
        record.skipped.append("whether the weights are independent draws (for PyTorch models alone)")
    return Report(report.findings(record), record)


@checks.keywords
def apply(
    model: Any,
    rule: Any,
    *,
    rng: Rng = None,
    names: Mapping[str, str] | None = None,
    batch: Any = None,
    dry_run: bool = False,
) -> Changes:
    """Write an initialization into a whole `torch.nn.Module`, in place, and return the `Changes`.

    `rule` is an answer of `recommend`, written layer by layer by kind and name; the name of an initializer,
    for all weights but embeddings, with zero biases; or "lsuv": orthogonal, then rescaled to unit variance
    on `batch`, at most ten times by 1/8 to 8. Numbers come from `rng` alone; PyTorch's generator is not
    touched. `names` says what a layer is where its name does not: {"blocks.*.2": "down projection"}. With
    `dry_run` nothing is written, and the changes show what would be.

    Layers are Linear, Conv*, ConvTranspose*, Embedding, RNN, LSTM, GRU, MultiheadAttention; whatever else has
    parameters (normalisations, own parameters, parametrized weights) is left alone and listed. A layer that
    fits no part of the recommendation is a ValueError before anything is written.

    Source: for "lsuv" Mishkin & Matas 2016, arXiv:1511.06422.

    >>> import torch  # doctest: +SKIP
    >>> from initlib import apply, recommend  # doctest: +SKIP
    >>> model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    ... # doctest: +SKIP
    >>> apply(model, recommend(activation="relu"), rng=0)  # doctest: +SKIP
    """
    return _torch_examination().apply.apply(  # type: ignore[no-any-return]
        model, rule, rng=rng, names=names, batch=batch, dry_run=dry_run
    )


def _torch_examination() -> Any:
    """Return the folder that examines PyTorch models, or say in one sentence that PyTorch is missing.

    >>> _torch_examination().__name__  # doctest: +SKIP
    'initlib.diagnosis.pytorch'
    """
    try:
        from initlib.diagnosis import pytorch
        from initlib.diagnosis.pytorch import apply, draw, examine  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError(NO_TORCH, name="torch") from None
    return pytorch
