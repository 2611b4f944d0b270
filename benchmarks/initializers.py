"""Time float32 draws beside PyTorch, JAX and Keras: `python -m benchmarks initializers`.

Each framework draws as its users do (JAX compiled, which is faster), a fresh square array at every call.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

import tracemalloc
from collections.abc import Callable
from statistics import median
from typing import Any

import jax
import jax.nn.initializers as jnn
import keras
import numpy as np
import torch

from benchmarks.results import conditions, table, times_in_turns, write_section
from initlib import initializers

SIZES = {256: 2.0, 1024: 4.0, 4096: 10.0}  # and the seconds that each draw's rounds may take
PEERS = ("torch", "jax", "keras")
Draw = Callable[[int], Any]

OURS: dict[str, Callable[..., Any]] = {
    "uniform": initializers.he_uniform,
    "normal": initializers.he_normal,
    "truncated normal": initializers.truncated_normal,
    "orthogonal": initializers.orthogonal,
}
TORCH = {
    "uniform": torch.nn.init.kaiming_uniform_,
    "normal": torch.nn.init.kaiming_normal_,
    "truncated normal": torch.nn.init.trunc_normal_,
    "orthogonal": torch.nn.init.orthogonal_,
}
JAX = {
    "uniform": jnn.he_uniform(),
    "normal": jnn.variance_scaling(2.0, "fan_in", "normal"),
    "truncated normal": jnn.he_normal(),
    "orthogonal": jnn.orthogonal(),
}
KERAS = {
    "uniform": keras.initializers.HeUniform(seed=0),
    "normal": keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal", seed=0),
    "truncated normal": keras.initializers.HeNormal(seed=0),
    "orthogonal": keras.initializers.Orthogonal(seed=0),
}
# Ratios wanted over (torch, JAX, Keras), by draw and size.
ALL_SIZES = dict.fromkeys(SIZES, (1.0, 0.0, 0.0))
WANTED = {
    "uniform": ALL_SIZES,
    "normal": {1024: (1.0, 0.0, 0.0), 4096: (1.0, 0.0, 0.0)},
    "truncated normal": {1024: (8.0, 0.0, 0.0), 4096: (8.0, 0.0, 0.0)},
    "orthogonal": {1024: (1.0, 1.0, 1.0), 4096: (1.0, 1.0, 1.0)},
}


def works(name: str, size: int, rng: np.random.Generator) -> dict[str, Callable[[], Any]]:
    shape, key = (size, size), jax.random.key(0)
    compiled = jax.jit(JAX[name], static_argnums=1)
    return {
        "initlib": lambda: OURS[name](shape, rng=rng, dtype="float32"),
        "torch": lambda: TORCH[name](torch.empty(shape)),
        "jax": lambda: compiled(key, shape).block_until_ready(),
        "keras": lambda: KERAS[name](shape).block_until_ready(),
    }


def peak_memory(draw: Callable[[], Any]) -> float:
    """Return the peak of the memory allocated by a draw, in units of the result's."""
    tracemalloc.start()
    result = draw()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(peak / result.nbytes)


def orthogonality_error(q: Any) -> float:
    wide = q.astype(float)
    return float(np.abs(wide.T @ wide - np.eye(len(q))).max())


def main() -> None:
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    rng = np.random.default_rng(0)
    rows, below, errors = [], [], []
    for name in OURS:
        for size, seconds in SIZES.items():
            contenders = works(name, size, rng)
            found = times_in_turns(contenders, seconds=seconds, warm=True)
            milliseconds = {who: 1e3 * median(times) for who, times in found.items()}
            ratios = [milliseconds[peer] / milliseconds["initlib"] for peer in PEERS]
            wanted = WANTED[name].get(size, (0.0,) * len(PEERS))
            below += [
                f"{name} {size}: {ratio:.2f} x {peer}, {least:g} wanted"
                for peer, ratio, least in zip(PEERS, ratios, wanted, strict=True)
                if ratio < least
            ]
            rows.append(
                [
                    f"{name} {size}",
                    *(f"{milliseconds[who]:.3g}" for who in ("initlib", *PEERS)),
                    *(f"{ratio:.2f}" for ratio in ratios),
                    f"{peak_memory(contenders['initlib']):.2f}",
                ]
            )
            if name == "orthogonal":
                errors.append(f"{orthogonality_error(contenders['initlib']()):.1e} at {size}")
    header = ["float32, square", "initlib, ms", *(f"{peer}, ms" for peer in PEERS)]
    header += [f"ratio to {peer}" for peer in PEERS] + ["peak memory / result"]
    text = [
        conditions("initlib", "numpy", "torch", "jax", "keras"),
        "A ratio above 1 means that initlib is faster. JAX is compiled; PyTorch's truncated normal is "
        "not corrected for the cut.",
        table(header, rows),
        f"Orthogonality error max |Q'Q - I|: {', '.join(errors)}.",
        f"Below the ratio wanted: {'; '.join(below) or 'none'}.",
    ]
    write_section("Initializers", "\n\n".join(text))


if __name__ == "__main__":
    main()
