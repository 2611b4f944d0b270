"""The numbers of activations and initializers that the lab's page takes from initlib."""

from collections.abc import Callable
from functools import cache
from typing import Any

from initlib import theory
from initlib.initializers import SPECS

ACTIVATIONS = (
    "identity",
    "relu",
    "leaky_relu",
    "tanh",
    "sigmoid",
    "gelu",
    "silu",
    "selu",
    "elu",
    "softplus",
    "softsign",
    "hard_tanh",
)
# What the frameworks draw for a dense layer when nothing is said: law, variance, and variance of the biases
# times fan_in. PyTorch 2: kaiming_uniform_(a=sqrt(5)), biases U(-1, 1) / sqrt(fan_in). Keras 3:
# glorot_uniform. Flax: lecun_normal, truncated.
FRAMEWORKS: dict[str, tuple[str, Callable[[int, int], float], float]] = {
    "pytorch": ("uniform", lambda fan_in, fan_out: 1 / (3 * fan_in), 1 / 3),
    "keras": ("uniform", SPECS["glorot_uniform"].variance, 0.0),
    "flax": ("truncated_normal", SPECS["lecun_normal"].variance, 0.0),
}
PAPERS = {"lecun": "lecun_normal", "xavier": "glorot_normal", "he": "he_normal"}


@cache
def rules() -> dict[str, Any]:
    """Return the laws of the initializers and the critical sigma_w of each activation, as JSON.

    1 / variance is `fans[0]` fan_in + `fans[1]` fan_out. An activation without a critical point has None.

    >>> rules()["initializers"]["xavier"]
    {'law': 'normal', 'fans': [0.5, 0.5], 'biases': 0.0}
    """
    laws = {name: (SPECS[spec].distribution, SPECS[spec].variance, 0.0) for name, spec in PAPERS.items()}
    laws |= FRAMEWORKS
    return {
        "initializers": {"zeros": {"law": "normal", "fans": [0.0, 0.0], "biases": 0.0}}
        | {
            name: {"law": law, "fans": _fans(variance), "biases": biases}
            for name, (law, variance, biases) in laws.items()
        },
        "critical": {name: _critical(name) for name in ACTIVATIONS},
    }


def _fans(variance: Callable[[int, int], float]) -> list[float]:
    """Return a and b with 1 / variance = a fan_in + b fan_out."""
    at = [1 / variance(fan_in, fan_out) for fan_in, fan_out in ((1, 1), (2, 1), (1, 2), (3, 5))]
    fans = [at[1] - at[0], at[2] - at[0]]
    if abs(3 * fans[0] + 5 * fans[1] - at[3]) > 1e-9:
        raise ValueError("1 / variance is not a sum of multiples of fan_in and fan_out.")
    return [round(one, 12) for one in fans]


def _critical(activation: str) -> float | None:
    try:
        return float(theory.critical_sigma_w(activation, 0.0).sigma_w)
    except ValueError:
        return None
