"""What a reader can set in the lab, and the presets: one for the main scene of each chapter."""

from collections.abc import Mapping
from typing import Any

from initlib import checks
from initlib.explorers.lab import data
from initlib.explorers.lab.rules import ACTIVATIONS

INITIALIZERS = {
    "zeros": "zeros",
    "constant": "constant",
    "normal": "normal, given size",
    "lecun": "LeCun",
    "xavier": "Xavier (Glorot)",
    "he": "He (Kaiming)",
    "orthogonal": "orthogonal",
    "critical": "critical for the activation",
    "pytorch": "PyTorch's default (Linear)",
    "keras": "Keras' default (Dense)",
    "flax": "Flax' default (Linear)",
}
SIZED = {"constant": "constant", "normal": "normal, std"}  # those that take a size
BIASES = {
    "default": "as the initialization says",
    "zero": "zero",
    "constant": "constant",
    "random": "random normal",
}
NORMALISATIONS = {"none": "none", "batch": "batch", "layer": "layer"}
SHORTCUTS = {
    "none": "none",
    "plain": "plain",
    "scaled": "scaled by 1/\u221ablocks",
    "zero_last": "last layer of a branch zero",
}
OPTIMIZERS = {"sgd": "SGD", "momentum": "momentum", "adam": "Adam"}


def _steps(low: int, high: int) -> list[float]:
    """Return 1, 2, 5 times each power of ten."""
    return [float(f"{digit}e{power}") for power in range(low, high) for digit in (1, 2, 5)] + [10.0**high]


# name: (label, allowed values or names, default). Those of an arm, then those that both arms share.
ARM: dict[str, tuple[str, Any, Any]] = {
    "init": ("initialization", INITIALIZERS, "he"),
    "size": ("size (standard deviation)", _steps(-4, 0), 0.01),
    "scale": ("weight scale, times", [float(f"{2 ** (k / 4):.3g}") for k in range(-16, 17)], 1.0),
    "depth": ("depth", list(range(1, 41)), 10),
    "width": ("width", [4, 8, 16, 32, 64, 128], 64),
    "activation": ("activation", {name: name.replace("_", " ") for name in ACTIVATIONS}, "relu"),
    "bias": ("biases", BIASES, "default"),
    "biasSize": ("size of biases", _steps(-3, 0), 0.1),
    "normalisation": ("normalization", NORMALISATIONS, "none"),
    "shortcut": ("shortcuts", SHORTCUTS, "none"),
    "optimizer": ("optimizer", OPTIMIZERS, "sgd"),
    "rate": ("learning rate", _steps(-4, 1), 0.1),
}
SHARED: dict[str, tuple[str, Any, Any]] = {
    "data": ("data", {name: name for name in data.NAMES}, "digits"),
    "batch": ("batch size", [8, 16, 32, 64, 128, 256], 64),
    "seeds": ("seeds an arm", list(range(1, 9)), 4),
}
MAIN = ("init", "size", "scale", "depth", "activation", "rate")

# name: (title, chapter, settings; a pair is for the arms A and B)
PRESETS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "why": (
        "Small random weights against He's",
        "book/why/why-initialization-matters",
        {"init": ("normal", "he"), "size": 0.02, "rate": 0.05},
    ),
    "zero": ("Equal weights against random ones", "book/techniques/zero", {
        "init": ("constant", "he"), "size": 0.1, "depth": 3, "width": 16, "activation": "tanh"
    }),
    "random": ("Too small against right", "book/techniques/random", {
        "init": "lecun", "scale": (0.25, 1.0), "activation": "tanh"
    }),
    "xavier": ("PyTorch's default against Xavier, with tanh", "book/techniques/xavier", {
        "init": ("pytorch", "xavier"), "activation": "tanh", "depth": 20, "rate": 0.05
    }),
    "he": ("Xavier against He, with thirty ReLU layers", "book/techniques/he", {
        "init": ("xavier", "he"), "depth": 30, "rate": 0.05
    }),
    "activation": ("One rule for the sigmoid, one made for it", "book/practices/choose-by-activation", {
        "init": ("xavier", "critical"), "activation": "sigmoid", "depth": 6,
        "optimizer": "adam", "rate": 0.002,
    }),
    "architecture": ("A deep net without and with shortcuts", "book/practices/architecture-and-size", {
        "shortcut": ("none", "scaled"), "init": "xavier", "depth": 40, "rate": 0.05
    }),
    "biases": ("Random biases against zero, with twenty SiLU layers", "book/practices/biases", {
        "bias": ("random", "zero"), "biasSize": 0.5, "depth": 20, "activation": "silu", "rate": 0.05
    }),
    "regularize": ("Normalization forgives a large start", "book/practices/regularize-the-initialization", {
        "normalisation": ("none", "batch"), "scale": 4.0
    }),
    "large": ("Weights four times too large", "book/pitfalls/large-values", {
        "scale": (4.0, 1.0), "rate": 0.05
    }),
    "ignoring": ("He's rule with SELU and with ReLU", "book/pitfalls/ignoring-the-activation", {
        "activation": ("selu", "relu"), "depth": 20, "rate": 0.05
    }),
    "plane": ("Two spirals, two starts", "book/techniques/index", {
        "init": ("normal", "he"), "size": 0.02, "data": "spirals", "depth": 5, "width": 32,
        "optimizer": "adam", "rate": 0.005, "batch": 32, "seeds": 3,
    }),
}  # fmt: skip


def preset(name: str) -> dict[str, Any]:
    """Return a preset with every setting filled in: `arms` (two), `shared`, `title`, `chapter`.

    >>> preset("he")["arms"][1]["init"]
    'he'
    """
    title, chapter, changes = PRESETS[checks.choice("preset", name, PRESETS)]
    return {"name": name, "title": title, "chapter": chapter, **filled(changes)}


def words(name: str, value: Any) -> str:
    """Return in words what a setting of an arm is.

    >>> words("init", "he"), words("scale", 0.25)
    ('He (Kaiming)', '0.25')
    """
    allowed = ARM[name][1]
    return str(allowed[value]) if isinstance(allowed, dict) else f"{value:g}"


def told(arm: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return in words what an arm has that the other has not.

    >>> a, b = preset("why")["arms"]
    >>> told(a, b), told(b, a)
    ('normal, std 0.02', 'He (Kaiming)')
    """
    init = arm["init"]
    start = f"{SIZED[init]} {arm['size']:g}" if init in SIZED else words("init", init)
    return ", ".join(
        start if name == "init" else f"{ARM[name][0]} {words(name, arm[name])}"
        for name in arm
        if arm[name] != other[name]
    )


def filled(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings of both arms, after checking that the changes are allowed.

    >>> filled({"depth": (2, 50)})
    Traceback (most recent call last):
        ...
    ValueError: depth must be an allowed setting. Received: 50; choose from 1 to 40.
    """
    for name in changes:
        checks.choice("setting", name, [*ARM, *SHARED])
    arms = [
        {name: _allowed(name, ARM[name], _of_arm(changes, name, ARM[name][2], arm)) for name in ARM}
        for arm in (0, 1)
    ]
    shared = {name: _allowed(name, row, changes.get(name, row[2])) for name, row in SHARED.items()}
    return {"arms": arms, "shared": shared}


def _of_arm(changes: Mapping[str, Any], name: str, default: Any, arm: int) -> Any:
    given = changes.get(name, default)
    return given[arm] if isinstance(given, tuple) and len(given) == 2 else given


def _allowed(name: str, row: tuple[str, Any, Any], value: Any) -> Any:
    allowed = row[1]
    if isinstance(allowed, dict):
        return checks.choice(name, value, allowed)
    if isinstance(value, bool) or checks.real(name, value) not in allowed:
        raise ValueError(
            f"{name} must be an allowed setting. Received: {checks.shown(value)}; "
            f"choose from {allowed[0]:g} to {allowed[-1]:g}."
        )
    return value


def controls() -> list[dict[str, Any]]:
    """Return the controls as the page draws them: name, label, allowed values, names of values, place."""
    rows = [(name, row, False) for name, row in ARM.items()] + [(n, row, True) for n, row in SHARED.items()]
    return [
        {
            "name": name,
            "label": label,
            "values": list(allowed),
            "names": allowed if isinstance(allowed, dict) else None,
            "start": start,
            "shared": shared,
            "main": name in MAIN or shared,
        }
        for name, (label, allowed, start), shared in rows
    ]
