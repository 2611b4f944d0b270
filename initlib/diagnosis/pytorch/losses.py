"""What a loss function of PyTorch was given: its kind, classes, targets, and shapes that do not match."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from initlib.diagnosis.pytorch import vocabulary as v
from initlib.diagnosis.record import Loss


def before(
    loss: Loss, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], tag: Callable[[Any], Any]
) -> None:
    """Write down a call of a known loss function before it runs, since bad targets make it fail."""
    if name not in v.LOSSES or loss.kind != "unknown":
        return
    output = args[0] if args else kwargs.get("input")
    target = args[1] if len(args) > 1 else kwargs.get("target")
    if not isinstance(output, torch.Tensor) or not isinstance(target, torch.Tensor):
        return
    loss.kind = v.LOSSES[name]
    loss.reduction = kwargs.get("reduction", "mean")
    loss.output_shape, loss.target_shape = tuple(output.shape), tuple(target.shape)
    loss.fed = tag(output).node
    if loss.kind in ("cross_entropy", "nll"):
        loss.classes = output.shape[1] if output.dim() > 1 else output.shape[0]
        loss.samples = output.numel() // max(loss.classes, 1)
        labels(loss, target, kwargs.get("ignore_index", -100))
        sums = output.detach().float().exp().sum(1 if output.dim() > 1 else 0)
        loss.normalised = bool(((sums - 1).abs() < 0.01).all())
    else:
        if loss.kind == "binary":
            low, high = (float(x) for x in torch.aminmax(output.detach()))
            loss.refused = low < 0 or high > 1
        loss.samples = output.numel()
        numbers(loss, target)
    if loss.kind in ("squared", "absolute"):
        _shapes(loss, output.shape, target.shape)


def labels(loss: Loss, target: Any, ignored: int = -100) -> None:
    """Write down the range of class labels and how many lie outside; probabilities are left alone."""
    if target.is_floating_point():
        return
    real = target[target != ignored]
    if real.numel() == 0:
        return
    low, high = (int(x) for x in torch.aminmax(real))
    loss.target_low, loss.target_high = low, high
    loss.target_constant = low == high and real.numel() > 7
    loss.outside = int(((real < 0) | (real >= (loss.classes or 0))).sum())


def numbers(loss: Loss, target: Any) -> None:
    """Write down range and size of targets that are numbers."""
    if target.numel() == 0 or target.is_complex():
        return
    t = target.detach().double()
    loss.target_low, loss.target_high = (float(x) for x in torch.aminmax(t))
    loss.target_rms = float(t.square().mean().sqrt())
    loss.target_constant = loss.target_low == loss.target_high and t.numel() > 7
    for name, low, high in (("relu", 0.0, None), ("sigmoid", 0.0, 1.0), ("tanh", -1.0, 1.0)):
        beyond = t < low
        if high is not None:
            beyond |= t > high
        loss.below[name] = float(beyond.double().mean())


def after(loss: Loss, name: str, given: Sequence[Any], tags: Sequence[Any], out: Any) -> None:
    """Notice a difference between output and target whose shapes were stretched to fit each other."""
    if name not in ("sub", "rsub", "subtract") or len(given) != 2 or loss.kind != "unknown":
        return
    data = [x for x, tag in zip(given, tags, strict=True) if tag.node is not None and not tag.target]
    target = [x for x, tag in zip(given, tags, strict=True) if tag.node is None and tag.target]
    if len(data) == 1 and len(target) == 1:
        loss.kind = "squared"
        loss.output_shape, loss.target_shape = tuple(data[0].shape), tuple(target[0].shape)
        loss.fed = next(tag.node for tag in tags if tag.node is not None)
        numbers(loss, target[0])
        _shapes(loss, data[0].shape, target[0].shape)


def _shapes(loss: Loss, output: Any, target: Any) -> None:
    if len(output) == len(target) or not len(output) or not len(target):
        return
    try:
        result = tuple(torch.broadcast_shapes(output, target))
    except RuntimeError:
        return
    if torch.Size(result).numel() > max(torch.Size(output).numel(), torch.Size(target).numel()):
        loss.broadcast = result
