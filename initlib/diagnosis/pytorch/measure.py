"""Numbers about tensors, each in one or two passes over the memory and without large temporaries."""

import math
from typing import Any

import torch

from initlib.diagnosis.predict import FLAT
from initlib.diagnosis.record import Weight

SAMPLE = 1 << 20  # entries of a weight that moments are taken from


def measurable(tensor: Any) -> bool:
    """Say whether the tensor holds ordinary floating-point numbers that can be read."""
    if not tensor.is_floating_point() or tensor.layout != torch.strided or tensor.is_nested:
        return False
    if tensor.device.type == "meta" or tensor.numel() == 0 or tensor.is_quantized:
        return False
    return not torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def rows(tensor: Any, samples: int) -> Any:
    """Return the tensor as (samples, rest), or as one row if no axis counts the samples."""
    if samples > 1 and tensor.dim():
        if tensor.shape[0] % samples == 0:
            return tensor.reshape(samples, -1)
        for axis in range(1, tensor.dim()):
            if tensor.shape[axis] == samples:
                return tensor.movedim(axis, 0).reshape(samples, -1)
    return tensor.reshape(1, -1)


def signal(tensor: Any, samples: int) -> dict[str, float | None]:
    """Return rms, apart and varies of a signal (see `Operation`)."""
    flat = rows(tensor.detach(), samples)
    if flat.dtype in (torch.float16, torch.bfloat16):
        flat = flat.float()
    norms = torch.linalg.vector_norm(flat, dim=1, dtype=torch.float64)
    count = len(flat)
    square = float(norms.square().sum()) / flat.numel()
    found: dict[str, float | None] = {"rms": math.sqrt(square) if math.isfinite(square) else square}
    if count < 2 or not math.isfinite(square) or square == 0:
        return found
    full = norms > 0
    inverse = torch.where(full, 1 / norms.clamp_min(1e-300), 0.0)
    top = float(inverse.max())
    both = torch.stack([(inverse / top).to(flat.dtype), torch.ones_like(flat[:, 0])]) @ flat
    units, total = torch.linalg.vector_norm(both, dim=1, dtype=torch.float64).tolist()
    live = int(full.sum())
    if live > 1:
        found["apart"] = max(0.0, 1 - ((units * top) ** 2 - live) / (live * (live - 1)))
    found["varies"] = max(0.0, 1 - (total / count) ** 2 / (square * flat.shape[1]))
    return found


def silent_share(tensor: Any, unit_axis: int) -> float:
    """Return the share of units that are zero for every sample and position."""
    others = [axis for axis in range(tensor.dim()) if axis != unit_axis % tensor.dim()]
    top = tensor.detach().amax(dim=others) if others else tensor.detach()
    return float((top == 0).double().mean())


def flat_share(tensor: Any, activation: str) -> float | None:
    """Return the share of outputs at which a bounded activation is flat, None for other activations."""
    limit = FLAT.get(activation)
    if limit is None:
        return None
    y = tensor.detach() - (0.5 if activation == "sigmoid" else 0.0)
    return float((y.abs() >= limit).double().mean())


def share_of_rows(probabilities: Any) -> float | None:
    """Return the mean over rows of entropy / ln(entries above 0); None if all rows have one entry."""
    p = probabilities.detach().reshape(-1, probabilities.shape[-1])[:4096].float()
    allowed = (p > 0).sum(dim=1)
    many = allowed > 1
    if not bool(many.any()) or p.shape[1] < 3:
        return None
    entropy = -(p * p.clamp_min(1e-38).log()).sum(dim=1)
    full = torch.log(allowed.clamp_min(2).float())
    # exact zeros may also be underflow, so a row counts by its length where nothing says it is masked
    return float((entropy[many] / full[many].clamp_min(math.log(2))).mean())


def attention(query: Any, key: Any, mask: Any, causal: bool, scale: float | None) -> dict[str, float | None]:
    """Return spread of the logits and entropy of the weights of a scaled dot-product attention.

    `scaled` is the factor in front of q k^T. Two samples, all heads and 64 queries at most are looked at.
    """
    factor = query.shape[-1] ** -0.5 if scale is None else float(scale)
    while query.dim() > 4:
        query, key = query[0], key[0]
        mask = mask[0] if mask is not None and mask.dim() > 4 else mask
    q, k = (x.detach()[:2].float() for x in (query, key))
    if q.dim() == 4 and k.shape[1] != q.shape[1]:  # grouped queries
        k = k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
    logits = factor * (q @ k.transpose(-1, -2))
    allowed = torch.ones(logits.shape[-2:], dtype=torch.bool, device=q.device)
    if causal:
        allowed = allowed.tril()
    elif mask is not None and mask.dim() == 2:
        allowed = mask if mask.dtype == torch.bool else torch.isfinite(mask)
    logits = logits.masked_fill(~allowed, -math.inf)
    count = allowed.sum(dim=-1).expand(logits.shape[:-1])
    many = count > 1
    found: dict[str, float | None] = {"scaled": factor}
    if not bool(many.any()):
        return found
    p = torch.softmax(logits, dim=-1)
    entropy = -(p * p.clamp_min(1e-38).log()).sum(dim=-1) / torch.log(count.clamp_min(2).float())
    found["entropy"] = float(entropy[many].mean())
    found["spread"] = float(logits[torch.isfinite(logits)].std())
    return found


def fans(shape: tuple[int, ...], kind: str, groups: int = 1) -> tuple[float, float]:
    """Return fan_in and fan_out of a weight as its operation uses it.

    >>> fans((32, 16, 3, 3), "conv")
    (144, 288)
    """
    taps = math.prod(shape[2:])
    if kind == "conv":
        return shape[1] * taps, shape[0] // groups * taps
    if kind == "conv_transpose":
        return shape[0] // groups * taps, shape[1] * taps
    if kind == "lookup":
        return shape[-1], shape[-1]
    if kind == "io":
        return shape[-2], shape[-1]
    return shape[-1], math.prod(shape[:-1])


def weight(
    name: str, tensor: Any, kind: str, groups: int = 1, sizes: tuple[float, float] | None = None
) -> Weight:
    """Return the numbers of a weight: moments from up to a million entries, extremes from all."""
    w = tensor.detach()
    shape = tuple(w.shape)
    if w.dtype in (torch.float16, torch.bfloat16):
        w = w.float()
    entries = w.reshape(-1)
    if entries.numel() > SAMPLE:
        entries = entries[:: entries.numel() // SAMPLE]
    values = entries.double()
    mean = float(values.mean())
    squares = (values - mean).square_()
    low, high = (float(x) for x in torch.aminmax(w))
    std = math.sqrt(float(squares.mean())) if low < high else 0.0  # not what rounding makes of it
    fourth = float(squares.square_().mean())
    fan_in, fan_out = sizes or fans(shape, kind, groups)
    return Weight(
        name,
        kind,
        shape,
        float(fan_in),
        float(fan_out),
        values.numel(),
        mean,
        std,
        fourth / (std**4 or 1.0),
        max(abs(low), abs(high)),
        groups=groups,
    )


def alike(tensor: Any, kind: str, groups: int, tolerance: float = 0.0, floor: float = 0.0) -> bool:
    """Say whether the units of a weight, or of its gradient, that read the same inputs are equal.

    In recurrent layers that is gate by gate, in convolutions group by group.
    """
    matrix = by_units(tensor, kind)
    parts = matrix.chunk(groups) if kind in ("recurrent", "conv") else (matrix,)
    return all(equal_rows(part, tolerance, floor) for part in parts)


def by_units(tensor: Any, kind: str) -> Any:
    """Return a weight or its gradient as (units, inputs of each)."""
    w = tensor.detach()
    if kind == "io":
        return w.movedim(-1, 0).reshape(w.shape[-1], -1)
    if kind == "conv_transpose":
        return w.movedim(1, 0).reshape(w.shape[1], -1)
    return w.reshape(w.shape[0], -1) if w.dim() > 1 else w.reshape(-1, 1)


def equal_rows(matrix: Any, tolerance: float = 0.0, floor: float = 0.0) -> bool:
    """Say whether all rows are equal up to `tolerance` times the largest entry, or up to `floor`."""
    if len(matrix) < 2:
        return False
    first = matrix[:1]
    limit = max(tolerance * float(first.abs().max()), floor)
    if float((matrix[-1:] - first).abs().max()) > limit:
        return False
    return float((matrix - first).abs().max()) <= limit


def largest(tensor: Any) -> float:
    """Return the largest size of an entry, also of a sparse tensor."""
    values = tensor.coalesce().values() if tensor.is_sparse else tensor.detach()
    if not values.numel():
        return 0.0
    low, high = (float(x) for x in torch.aminmax(values))
    return max(-low, high)


def parameter(tensor: Any) -> tuple[int, float, bool]:
    """Return how many entries are NaN or infinite, the largest size of the others, and "all denormal"."""
    w = tensor.detach()
    total = float(w.double().sum()) if w.numel() <= SAMPLE else float(w.sum(dtype=torch.float64))
    if math.isfinite(total):
        low, high = (float(x) for x in torch.aminmax(w))
        largest = max(abs(low), abs(high))
        return 0, largest, 0 < largest < 1e-20
    finite = torch.isfinite(w)
    bad = int((~finite).sum())
    kept = w[finite]
    return bad, float(kept.abs().max()) if kept.numel() else 0.0, False
