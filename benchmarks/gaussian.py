"""Gaussian integrals and what theory builds on them: time and error, beside SciPy's quad and Gauss-Hermite.

    python -m benchmarks gaussian

E phi(sqrt(q) z)^2 for every activation, at a new q in every call, so that no result or node is kept from the
last. Errors are relative, against mpmath at 30 digits (tests/data/gaussian_reference.json).
"""

import json
import math
import warnings
from collections.abc import Callable
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy.integrate import quad

from benchmarks.results import conditions, table, times_in_turns, write_section
from initlib import activations, gaussian, theory

REFERENCE = Path(__file__).parent.parent / "tests" / "data" / "gaussian_reference.json"
BATCH = 20
WANTED = 1e-3  # seconds
HERMITE = np.polynomial.hermite_e.hermegauss(100)
FRESH = count()


def with_initlib(f: Callable[[Any], Any], q: float, kinks: Any) -> float:
    return gaussian.expectation(f, q, kinks)


def with_quad(f: Callable[[Any], Any], q: float, kinks: Any) -> float:
    """Return what most libraries do: adaptive quadrature over the line."""
    s = math.sqrt(q)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(
            quad(lambda z: f(np.float64(s * z)) * math.exp(-z * z / 2), -np.inf, np.inf)[0]
            / math.sqrt(2 * math.pi)
        )


def with_hermite(f: Callable[[Any], Any], q: float, kinks: Any) -> float:
    nodes, weights = HERMITE
    return float(weights @ f(math.sqrt(q) * nodes) / math.sqrt(2 * math.pi))


METHODS = {"initlib": with_initlib, "quad": with_quad, "Gauss-Hermite 100": with_hermite}


def repeated(
    method: Callable[..., float], f: Callable[[Any], Any], q: float, kinks: Any
) -> Callable[[], None]:
    def work() -> None:
        for _ in range(BATCH):
            method(f, q * (1 + 1e-9 * next(FRESH)), kinks)

    return work


def expectations() -> tuple[list[list[str]], float]:
    rows, slowest = [], 0.0
    frozen = json.loads(REFERENCE.read_text(encoding="utf-8"))["moments"]
    for name, by_q in frozen.items():
        phi = activations.get(name)

        def square(x: Any, function: Any = phi.function) -> Any:
            return function(x) ** 2

        errors = {
            method: max(
                abs(compute(square, float(q), phi.kinks) / float(exact["square"]) - 1)
                for q, exact in by_q.items()
            )
            for method, compute in METHODS.items()
        }
        works = {method: repeated(compute, square, 1.0, phi.kinks) for method, compute in METHODS.items()}
        found = {who: median(times) / BATCH for who, times in times_in_turns(works, seconds=1).items()}
        extremes = {str(q): repeated(with_initlib, square, q, phi.kinks) for q in (1e-6, 1e6)}
        at_extremes = [median(times) / BATCH for times in times_in_turns(extremes, seconds=0.5).values()]
        slowest = max(slowest, found["initlib"], *at_extremes)
        rows.append(
            [name, *(f"{1e6 * found[who]:.0f}" for who in METHODS), f"{1e6 * max(at_extremes):.0f}"]
            + [f"{errors[who]:.0e}" for who in METHODS]
        )
    return rows, slowest


def solvers() -> list[list[str]]:
    """Return the time of each question to theory, asked for a new sigma every time."""

    def sigma() -> float:
        return 1.5 + 1e-9 * next(FRESH)

    works: dict[str, Callable[[], Any]] = {
        "variance_fixed_point, tanh": lambda: theory.variance_fixed_point("tanh", sigma(), 0.3),
        "critical_sigma_w, gelu": lambda: theory.critical_sigma_w("gelu", sigma() / 3),
        "depth_scales, tanh, chaos": lambda: theory.depth_scales("tanh", sigma(), 0.1),
        "correlation_map, 100 values, tanh, new q": lambda: theory.correlation_map(
            np.linspace(0, 1, 100), "tanh", 1.5, q=sigma()
        ),
        "correlation_map, 1 value near 1, elu": lambda: theory.correlation_map(0.99, "elu", 1.2, q=sigma()),
        "finite_width_band, 50 tanh layers": lambda: theory.finite_width_band([256] * 51, "tanh", sigma()),
    }
    found = times_in_turns(works, seconds=5)
    return [[what, f"{1e3 * median(times):.2g}"] for what, times in found.items()]


def main() -> None:
    rows, slowest = expectations()
    header = ["E phi^2", *(f"{who}, us" for who in METHODS), "initlib, q = 1e-6 or 1e6, us"]
    header += [f"{who}, error" for who in METHODS]
    text = [
        conditions("initlib", "numpy", "scipy"),
        "Times at q = 1. Errors: the largest for q from 1e-6 to 1e6. The kinks are declared to initlib.",
        table(header, rows),
        f"Slowest: {1e3 * slowest:.2g} ms; wanted below {1e3 * WANTED:g} ms.",
        table(["question to theory", "ms"], solvers()),
    ]
    write_section("Gaussian integrals and theory", "\n\n".join(text))


if __name__ == "__main__":
    main()
