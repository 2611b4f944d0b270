"""A step of the optimizer, tried and taken back: does the loss fall as the gradient says it should?"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch

from initlib.diagnosis.pytorch import guard, measure
from initlib.diagnosis.record import Rate, Record

SIGNED = {
    "Adam": 1.0,
    "AdamW": 1.0,
    "Adamax": 1.0,
    "NAdam": 1.0,
    "Lion": 1.0,
}  # size of the first step / rate
TRIES = 8
SHUFFLES = 12


@dataclass
class Plan:
    """Which step to try: the family of the optimizer, and the rate of each parameter."""

    name: str | None = None
    rate: float | None = None
    family: str = "sgd"
    scale: float = 1.0
    epsilon: float = 1e-8
    by_name: dict[str, float] = field(default_factory=dict)
    owns: bool = False

    @classmethod
    def of(cls, optimizer: Any, rate: float | None, record: Record) -> "Plan":
        """Return the plan for an optimizer (instance or name) and a rate."""
        if isinstance(optimizer, str):
            record.optimizer = optimizer
        if optimizer is None or isinstance(optimizer, str):
            name = optimizer or ("sgd" if rate is not None else None)
            record.optimizer = name
            return cls(name, rate, "adam" if name and name.startswith("adam") else "sgd")
        kind = type(optimizer).__name__
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise TypeError(
                f'optimizer must be a torch.optim.Optimizer, "sgd", "adam" or "adamw". Received: {kind}.'
            )
        group = optimizer.param_groups[0]
        record.optimizer = {"Adam": "adam", "AdamW": "adam", "SGD": "sgd"}.get(kind, kind)
        record.steps_taken = len(optimizer.state)
        plan = cls(kind, float(group["lr"]), epsilon=float(group.get("eps", 1e-8)), owns=True)
        plan.by_name = {name: p.rate for name, p in record.parameters.items() if p.rate is not None}
        if rate is not None and plan.rate:
            plan.by_name = {name: rate * one / plan.rate for name, one in plan.by_name.items()}
            plan.rate = rate
        if kind in SIGNED:
            plan.family, plan.scale = "adam", SIGNED[kind]
        elif kind == "RMSprop":
            plan.family, plan.scale = "adam", (1 - float(group["alpha"])) ** -0.5
        elif kind == "SGD":
            plan.scale = 1 + float(group["momentum"]) if group.get("nesterov") else 1.0
        else:
            record.skipped.append(f"the learning rate (the first step of {kind} is not known here)")
            plan.rate = None
        return plan

    def step(self, name: str, gradient: Any, rate: float) -> Any:
        """Return what the first step adds to a parameter, at `rate` for the first group."""
        base = self.by_name.get(name, self.rate or rate) if self.by_name else rate
        factor = base * (rate / self.rate if self.by_name and self.rate else 1.0) * self.scale
        if self.family == "adam":
            return -factor * gradient / (gradient.abs() + self.epsilon)
        return -factor * gradient


def look_again(run: Any, plan: Plan, values: guard.Values) -> None:
    """Try the first step of the optimizer, and a step for layers whose units are all alike."""
    record: Record = run.record
    gradients = {n: g for n, g in run.gradients.items() if not g.is_sparse}
    if plan.owns:
        gradients = {n: g for n, g in gradients.items() if n in plan.by_name}
    alike = [w for w in record.weights.values() if w.same_rows and w.same_gradients and w.trainable]
    for name in gradients if plan.rate and run.loss is not None else ():
        values.keep(run.trained[name])
    if plan.rate and run.loss is not None and gradients:
        _try_rates(run, plan, gradients, values)
    elif run.loss is not None:
        record.skipped.append("the learning rate (no optimizer or rate was given)")
    if alike:
        _try_symmetry(run, gradients, values, alike)


def _try_rates(run: Any, plan: Plan, gradients: dict[str, Any], values: guard.Values) -> None:
    assert plan.rate is not None
    ratio = _ratio(run, plan, gradients, values, plan.rate)
    if ratio is None:
        return
    found = Rate(str(plan.name), plan.rate, ratio)
    run.record.rate = found
    if ratio > 0.05:
        return
    rate = plan.rate
    for _ in range(TRIES):
        shrink = 0.5 / (1 - ratio) if math.isfinite(ratio) else 0.01
        rate *= min(0.5, max(1e-4, shrink))
        new = _ratio(run, plan, gradients, values, rate)
        if new is None:
            return
        ratio = new
        if ratio >= 0.4:
            found.half = rate
            return


def _ratio(
    run: Any, plan: Plan, gradients: dict[str, Any], values: guard.Values, rate: float
) -> float | None:
    """Return actual over predicted decrease of the loss for the first step at a rate."""
    predicted = 0.0
    try:
        with torch.no_grad():
            for name, gradient in gradients.items():
                step = plan.step(name, gradient, rate)
                predicted -= float((step.double() * gradient.double()).sum())
                run.trained[name].data.add_(step)
            values.put_buffers_back()
            now = float(run.again())
    finally:
        values.put_back()
    noise = 4 * torch.finfo(torch.float32).eps * max(abs(run.value), 1e-30)
    if predicted <= 16 * noise:
        return None
    return (run.value - now) / predicted if math.isfinite(now) else -math.inf


def _try_symmetry(run: Any, gradients: dict[str, Any], values: guard.Values, alike: list[Any]) -> None:
    """Take one step of gradient descent and see whether units that were alike are alike still."""
    size = max((float(g.abs().max()) for g in gradients.values()), default=0.0)
    if size == 0 or not math.isfinite(size):
        for weight in alike:
            weight.same_later = True
        return
    for name in gradients:
        values.keep(run.trained[name])
    try:
        with torch.no_grad():
            for name, gradient in gradients.items():
                run.trained[name].data.add_(gradient, alpha=-0.1 / size)
        total = run.again()
        names = [weight.name for weight in alike if weight.name in run.trained]
        found = torch.autograd.grad(total, [run.trained[name] for name in names], allow_unused=True)
    finally:
        values.put_back()
    for weight, gradient in zip((w for w in alike if w.name in names), found, strict=True):
        weight.same_later = gradient is None or measure.alike(
            gradient, weight.kind, weight.groups, 1e-4, 1e-7 * size
        )


def shuffle(run: Any, values: guard.Values) -> None:
    """Compare the loss with that of nets whose weights are the same numbers in another order."""
    matrices = {n: p for n, p in run.trained.items() if p.dim() > 1}
    generator = torch.Generator().manual_seed(0)
    for p in matrices.values():
        values.keep(p)
    totals = []
    try:
        for _ in range(SHUFFLES):
            with torch.no_grad():
                for p in matrices.values():
                    order = torch.randperm(p.numel(), generator=generator).to(p.device)
                    p.data.copy_(p.detach().reshape(-1)[order].reshape(p.shape))
                values.put_buffers_back()
                totals.append(float(run.again()))
    finally:
        values.put_back()
    logs = torch.tensor([math.log(abs(t)) for t in totals if t and math.isfinite(t)], dtype=torch.float64)
    if len(logs) == SHUFFLES and run.value and len(set(logs.tolist())) > 1:
        own = math.log(abs(run.value)) if run.value else math.nan
        run.record.shuffled = (own - float(logs.mean())) / float(logs.std())
