"""The parameters of a PyTorch model that an initialization can be written into, with what they are."""

import re
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray

Array = NDArray[Any]
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
TRANSPOSED = (torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d)
CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d, *TRANSPOSED)
SHORTCUT = re.compile(r"(^|\.)(down|downsample|shortcut|skip|residual|proj)(\.|$)")
NUMBERED = re.compile(r"(bn|norm|gn|ln)_?(\d+)")


@dataclass
class Slot:
    """A parameter that can be drawn: its role ("weight", "bias", "recurrent") in a layer of some kind.

    Kinds are those of `frameworks.LAYERS`, and "norm", "last norm" (of a branch), "tied" (an embedding that
    is the readout too) and "own" (a parameter of a module that is no layer).
    """

    name: str
    layer: str
    kind: str
    role: str
    tensor: Any
    groups: int = 1
    transposed: bool = False
    law: str = ""
    values: Array | None = None


def slots_of(model: Any) -> list[Slot]:
    """Return the parameters of a model, each tensor once."""
    found: dict[int, Slot] = {}
    last = _last_norms(model)
    for path, module in model.named_modules():
        for slot in _of(path, module, "last norm" if path in last else "norm"):
            first = found.setdefault(id(slot.tensor), slot)
            if {first.kind, slot.kind} == {"embedding", "dense"}:
                first.kind = "tied"
    for name, parameter in model.named_parameters():
        found.setdefault(id(parameter), Slot(name, name, "own", "weight", parameter))
    return list(found.values())


def _last_norms(model: Any) -> set[str]:
    """Return the paths of the last normalisations of branches: the last of several in a block.

    Blocks number them (bn1, bn2), or are a Sequential that ends with one.
    """
    last = set()
    for path, module in model.named_modules():
        dot = f"{path}." if path else ""
        children = dict(module.named_children())
        norms = [name for name, child in children.items() if _is_norm(child)]
        if len(norms) < 2:
            continue
        numbers = {int(match[2]): name for name in norms if (match := NUMBERED.fullmatch(name))}
        if numbers:
            last.add(dot + numbers[max(numbers)])
        elif isinstance(module, torch.nn.Sequential) and norms[-1] == list(children)[-1]:
            last.add(dot + norms[-1])
    return last


def _is_norm(module: Any) -> bool:
    return "Norm" in type(module).__name__ and isinstance(getattr(module, "weight", None), torch.nn.Parameter)


def _of(path: str, module: Any, norm: str) -> list[Slot]:
    """Return the slots of one module; nothing where a parametrization computes the weight."""
    dot = f"{path}." if path else ""
    if hasattr(module, "parametrizations"):
        return []
    if _is_norm(module):
        named = module.named_parameters(recurse=False)
        return [
            Slot(dot + name, path, norm, name, tensor) for name, tensor in named if name in ("weight", "bias")
        ]
    if isinstance(module, torch.nn.RNNBase):
        kind = module.mode.partition("_")[0].lower()
        role = {"ih": "weight", "hh": "recurrent"}
        return [
            Slot(dot + name, path, kind, role[name[7:9]] if name[0] == "w" else f"bias_{name[5:7]}", tensor)
            for name, tensor in module.named_parameters(recurse=False)
        ]
    if isinstance(module, torch.nn.MultiheadAttention):
        named = module.named_parameters(recurse=False)
        return [
            Slot(dot + name, f"{dot}in_proj", "dense", "bias" if "bias" in name else "weight", tensor)
            for name, tensor in named
            if "proj" in name
        ]
    groups, kind = 1, ""
    if isinstance(module, torch.nn.Linear):
        kind = "dense"
    elif isinstance(module, torch.nn.Embedding):
        kind = "embedding"
    elif isinstance(module, CONVOLUTIONS):
        groups = module.groups
        kind = "depthwise" if groups == module.in_channels and groups > 1 else "conv"
        if max(module.kernel_size) == 1 and SHORTCUT.search(path):
            kind = "pointwise"
    if not kind:
        return []
    turned = isinstance(module, TRANSPOSED)
    slots = [Slot(f"{dot}weight", path, kind, "weight", module.weight, groups, turned)]
    if getattr(module, "bias", None) is not None:
        slots.append(Slot(f"{dot}bias", path, kind, "bias", module.bias, groups, turned))
    return slots
