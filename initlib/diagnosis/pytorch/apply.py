"""Write an initialization into a whole PyTorch model, in place, from a generator of its own."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from initlib import checks, initializers
from initlib.diagnosis import parts
from initlib.diagnosis.changes import Change, Changes
from initlib.diagnosis.pytorch import guard
from initlib.diagnosis.pytorch.slots import GATES, Array, Slot, slots_of
from initlib.frameworks import Law
from initlib.networks.calibration import ROUNDING
from initlib.recommendation import Recommendation

BARE = ("norm", "last norm", "own")  # what a named initializer leaves alone


def apply(
    model: Any, rule: Any, *, rng: Any, names: Mapping[str, str] | None, batch: Any, dry_run: bool
) -> Changes:
    """See `initlib.apply`."""
    guard.check(model)
    generator = checks.generator(rng)
    found = slots_of(model)
    if isinstance(rule, Recommendation):
        slots = _recommended(found, rule, names or {}, generator)
    else:
        slots = [slot for slot in found if slot.kind not in BARE]
        _named(slots, "orthogonal" if rule == "lsuv" else rule, generator)
    written = {slot.name for slot in slots}
    left = {slot.name: _owner(model, slot.name) for slot in found if slot.name not in written}
    before = [_std(slot.tensor) for slot in slots]
    old = [slot.tensor.detach().clone() for slot in slots]
    try:
        for slot in slots:
            assert slot.values is not None
            with torch.no_grad():
                slot.tensor.copy_(torch.as_tensor(slot.values).reshape(slot.tensor.shape))
        if rule == "lsuv":
            _calibrate(model, slots, batch)
        after = [_std(slot.tensor) for slot in slots]
    except BaseException:
        _put_back(slots, old)
        raise
    if dry_run:
        _put_back(slots, old)
    rows = tuple(Change(s.name, s.kind, s.law, b, a) for s, b, a in zip(slots, before, after, strict=True))
    return Changes(rows, left, not dry_run)


def _owner(model: Any, name: str) -> str:
    return type(model.get_submodule(name.rpartition(".")[0])).__name__


def _put_back(slots: list[Slot], old: list[Any]) -> None:
    for slot, values in zip(slots, old, strict=True):
        slot.tensor.data.copy_(values)


def _variance(output: Any) -> float:
    """Return the variance of an output, 0 for what single precision makes of equal numbers."""
    exact = output.double()
    variance = float(exact.var(unbiased=False))
    rounding = (ROUNDING * torch.finfo(torch.float32).eps) ** 2 * float(exact.square().mean())
    return 0.0 if variance <= rounding else variance


def _std(tensor: Any) -> float:
    same = not tensor.numel() or bool((tensor == tensor.reshape(-1)[0]).all())
    return 0.0 if same else float(tensor.detach().double().std(unbiased=False))


def _named(slots: list[Slot], name: str, rng: np.random.Generator) -> None:
    """Draw all weights but embeddings by a named initializer, biases zero."""
    initializer = initializers.get(
        checks.choice("rule", name, [*initializers.SPECS, *initializers.ALIASES, "lsuv"])
    )
    elementary = name in ("zeros", "constant", "normal", "truncated_normal", "uniform")
    for slot in slots:
        shape = tuple(slot.tensor.shape)
        if slot.role.startswith("bias"):
            slot.law, slot.values = "0", np.zeros(shape)
        elif slot.kind in ("embedding", "tied"):
            slot.law, slot.values = "left as it is", slot.tensor.detach().double().numpy(force=True)
        elif slot.kind in GATES:
            gate = (shape[0] // GATES[slot.kind], shape[1])
            drawn = [_draw(initializer, gate, slot, rng, elementary) for _ in range(GATES[slot.kind])]
            slot.law, slot.values = f"{name}, gate by gate", np.concatenate(drawn)
        else:
            slot.law, slot.values = name, _draw(initializer, shape, slot, rng, elementary)


def _draw(
    initializer: Any, shape: tuple[int, ...], slot: Slot, rng: np.random.Generator, elementary: bool = False
) -> Array:
    if elementary:
        return np.asarray(initializer(shape, rng=rng))
    more = {"groups": slot.groups} if slot.groups > 1 else {}
    if slot.transposed:
        more["transposed"] = True
    return np.asarray(initializer(shape, layout="oi", rng=rng, **more))


def _recommended(
    slots: list[Slot], answer: Recommendation, names: Mapping[str, str], rng: np.random.Generator
) -> list[Slot]:
    """Draw every layer by the part of the recommendation that it is; return what is drawn."""
    layers = list(dict.fromkeys((slot.layer, slot.kind) for slot in slots))
    chosen = parts.choose(answer, layers, names)
    unknown = [name for name, kind in layers if chosen[name] is None and kind != "own"]
    if unknown:
        known = ", ".join(repr(part.name) for part in answer.parts)
        raise ValueError(
            f"No part of {answer.rule.name!r} is known to fit: {', '.join(unknown)}. Say which by "
            f"names={{pattern: part}}; parts are {known}."
        )
    weights: dict[str, Array] = {}
    drawn = [slot for slot in slots if chosen[slot.layer] is not None]
    for slot in drawn:
        part = chosen[slot.layer]
        assert part is not None
        law = {"weight": part.weights, "recurrent": part.recurrent or part.weights}.get(slot.role, part.bias)
        law = law or Law("constant")
        shape = tuple(slot.tensor.shape)
        fed = weights.get(slot.layer) if slot.role.startswith("bias") else None  # a bias has its layer's fans
        sizes = {**_fans(slot, shape if fed is None else fed.shape), **answer.sizes}
        slot.law = f"{part.name}: {law.words(sizes)}"
        if slot.role.startswith("bias"):
            slot.values = _bias(law, slot, shape, sizes, weights.get(slot.layer), rng)
        elif slot.kind in GATES:
            gate = (shape[0] // GATES[slot.kind], shape[1])
            slot.values = np.concatenate([_law(law, slot, gate, sizes, rng) for _ in range(GATES[slot.kind])])
        else:
            slot.values = _law(law, slot, shape, sizes, rng)
        if slot.role == "weight":
            weights[slot.layer] = slot.values
    return drawn


def _fans(slot: Slot, shape: tuple[int, ...]) -> dict[str, float]:
    """Return fan_in and fan_out as the formulas of the rules mean them: of one gate in recurrent layers."""
    if len(shape) < 2:
        return {"fan_in": 1.0, "fan_out": 1.0}
    if slot.kind in GATES:
        return {"fan_in": float(shape[1]), "fan_out": float(shape[0] // GATES[slot.kind])}
    if slot.kind in ("embedding", "tied"):
        return {"fan_in": float(shape[0]), "fan_out": float(shape[1])}
    inside, out = initializers.fans(shape, layout="oi", groups=slot.groups, transposed=slot.transposed)
    return {"fan_in": float(inside), "fan_out": float(out)}


def _law(
    law: Law, slot: Slot, shape: tuple[int, ...], sizes: Mapping[str, float], rng: np.random.Generator
) -> Array:
    if law.family == "log_shares":
        return _log_shares(law, slot, shape, sizes)
    number = law.number(sizes)
    if law.family == "normal":
        return initializers.normal(shape, std=math.sqrt(number), rng=rng)
    if law.family == "uniform":
        bound = math.sqrt(3 * number)
        return initializers.uniform(shape, low=-bound, high=bound, rng=rng)
    if law.family == "constant":
        return np.full(shape, number)
    if law.family == "identity":
        return np.eye(shape[0], shape[1])
    square = len(shape) > 2 and law.family == "delta_orthogonal"
    make = initializers.delta_orthogonal if square else initializers.orthogonal
    return number * _draw(make, shape, slot, rng)


def _log_shares(law: Law, slot: Slot, shape: tuple[int, ...], sizes: Mapping[str, float]) -> Array:
    logs = np.array(law.value(sizes))
    if logs.shape != shape:
        raise ValueError(
            f"share must have one number for each output of {slot.layer!r}, {shape[0]}. "
            f"Received: {len(logs)}; say `outputs={shape[0]}` to recommend."
        )
    return logs


def _bias(
    law: Law,
    slot: Slot,
    shape: tuple[int, ...],
    sizes: Mapping[str, float],
    weights: Array | None,
    rng: np.random.Generator,
) -> Array:
    if slot.role == "bias_hh":
        return np.zeros(shape)
    if law.family == "centring" and weights is not None:
        return np.asarray(-weights.reshape(len(weights), -1).sum(axis=1) / 2)
    if law.family in ("forget", "chrono"):
        units = shape[0] // 4
        bias = np.zeros(shape)
        number = law.number(sizes)
        forget = np.full(units, number) if law.family == "forget" else np.log(rng.uniform(1, number, units))
        bias[units : 2 * units] = forget
        if law.family == "chrono":
            bias[:units] = -forget
        return bias
    return _law(law, slot, shape, sizes, rng)


def _calibrate(model: Any, slots: list[Slot], batch: Any) -> None:
    """Rescale to unit variance in the order of execution, at most 10 times by 1/8 to 8.

    Source: Mishkin & Matas 2016, arXiv:1511.06422, algorithm 1; the bounds are ours.
    """
    if batch is None:
        raise ValueError('The rule "lsuv" needs batch=, inputs to measure on. Received: None.')
    weights = {slot.layer: slot for slot in slots if slot.role == "weight" and slot.kind in ("dense", "conv")}
    order: list[str] = []
    variance: dict[str, float] = {}

    def watch(name: str) -> Any:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            if name not in order:
                order.append(name)
            if isinstance(output, torch.Tensor):
                variance[name] = _variance(output)

        return hook

    modules = {name: module for name, module in model.named_modules() if name in weights}
    handles = [module.register_forward_hook(watch(name)) for name, module in modules.items()]

    def run() -> None:
        with guard.untouched(model), torch.no_grad():
            if isinstance(batch, Mapping):
                model(**batch)
            else:
                model(*batch) if isinstance(batch, (tuple, list)) else model(batch)

    try:
        run()
        for name in list(order):
            for _ in range(10):
                if not (variance[name] > 0 and math.isfinite(variance[name])):
                    raise ValueError(
                        f"LSUV cannot rescale layer {name!r}, of output variance {variance[name]:g}."
                    )
                if abs(variance[name] - 1) <= 0.1:
                    break
                factor = min(8.0, max(0.125, variance[name] ** -0.5))
                weights[name].tensor.data.mul_(factor)
                weights[name].law = "orthogonal, rescaled to unit variance"
                run()
    finally:
        for handle in handles:
            handle.remove()
