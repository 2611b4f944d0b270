"""A small explorer whose every number is known: rms(scale, layer) = (gain scale)^layer."""

import numpy as np

from initlib.explorers import Answer, Axis, Bars, Explorer, HeatMap, Histogram, Lines, Table, answers

ACTIVATIONS = ("relu", "tanh", "gelu")
DEPTHS = range(2, 13, 2)
SCALES = 2.0 ** (np.arange(-4, 5) / 4)
LAYERS = np.arange(1, 13)
SEEDS = range(3)


def numbers():
    """rms (activation, scale, seed, layer), with one net that diverges and one that ends at 0."""
    gain = np.array([1.0, 0.9, 0.8])[:, None, None, None]
    seed = np.array([0.9, 1.0, 1.1])[:, None]
    rms = (gain * SCALES[:, None, None]) ** LAYERS * seed ** np.sqrt(LAYERS)
    rms[2, -1, 0, 5:] = np.nan
    rms[1, 0, 1, 8:] = 0
    return rms


def explorer(title="Example", **start):
    theory = (np.array([1.0, 0.9, 0.8])[:, None, None] * SCALES[:, None]) ** LAYERS
    table = Table(
        [
            Axis("activation", ACTIVATIONS),
            Axis("depth", DEPTHS, label="depth L"),
            Axis("sigma_w", SCALES, label="weight scale σ_w", marks={"LeCun": 1.0, "He": 2**0.5}),
            Axis("layer", LAYERS),
            Axis("seed", SEEDS),
        ],
        {
            "rms": (["activation", "sigma_w", "seed", "layer"], numbers()),
            "theory": (["activation", "sigma_w", "layer"], theory),
            "low": (["activation", "sigma_w", "layer"], theory * 0.8),
            "high": (["activation", "sigma_w", "layer"], theory * 1.25),
            "cosine": (["activation", "seed", "layer"], 1 - 0.5 ** (numbers()[:, 4] + 1)),
        },
        log=["rms", "theory", "low", "high"],
    )
    panels = [
        Lines(
            "Signal", "layer", "rms", "rms", over="seed", theory="theory", band=("low", "high"), until="depth"
        ),
        Lines("Cosine", "layer", "cosine", "cosine", over="seed", until="depth", report="first"),
    ]
    controls = ["activation", "depth", "sigma_w"]
    return Explorer(title, table, controls, panels, start={"sigma_w": 1.0, **start}, play="depth")


def cut_off(**start):
    """Lines that leave an axis from 0.1 to 10 on both sides."""
    table = Table(
        [Axis("sigma_w", [0.5, 1.0, 2.0], label="weight scale σ_w"), Axis("layer", range(1, 9))],
        {"rms": (["sigma_w", "layer"], np.array([[0.5], [1.0], [2.0]]) ** np.arange(1, 9))},
        log=["rms"],
    )
    panel = Lines("Signal", "layer", "rms", "rms", limits=(0.1, 10.0))
    return Explorer("Cut off", table, ["sigma_w"], [panel], start=start)


def nearly_constant():
    """A loss at 2.3 and a unit at 0, but for rounding; another start moves both."""
    rounding = 1e-12 * np.sin(np.arange(50))
    table = Table(
        [Axis("start", ["zero", "random"]), Axis("step", range(50))],
        {
            "loss": (["start", "step"], [2.3 + rounding, 2.3 * np.exp(-np.arange(50) / 10)]),
            "said": (["start", "step"], [rounding, np.linspace(0, 1, 50)]),
        },
    )
    panels = [Lines("Loss", "step", "loss", "loss"), Lines("Unit", "step", "said", "pre-activation")]
    return Explorer("Nearly constant", table, ["start"], panels)


BINS = np.linspace(-2, 2, 9)
EPOCHS = (0, 1, 2, 5, 10)
RULES = ("LeCun", "Glorot", "He")
ENSEMBLES = ("gaussian", "orthogonal")


def accuracy():
    """(scale, depth), with one net that diverges."""
    result = 1 - np.abs(np.log2(SCALES))[:, None] * np.array(DEPTHS) / 15
    result[-1, -1] = np.nan
    return result


def shares():
    """(scale, layer, bin): narrower in deeper layers; all in one bin at the end of the smallest scale."""
    width = SCALES[:, None, None] * LAYERS[:, None] ** -0.5
    result = np.exp(-np.square(BINS) / 2 / width**2)
    result[0, 9:] = BINS == 0
    return result / result.sum(axis=-1, keepdims=True)


def loss():
    """(scale, seed, epoch)."""
    return np.exp(-np.outer(SCALES, EPOCHS) / 5)[:, None] * np.array([0.8, 1.0, 1.25])[:, None]


def by_rule():
    """(scale, rule), with one that diverges."""
    result = SCALES[:, None] / np.array([1.0, 2.0, 4.0])
    result[-1, 0] = np.nan
    return result


def reach():
    """(scale,): a depth for each scale, beyond the axis near the middle."""
    return 3 / np.maximum(np.abs(np.log2(SCALES)), 0.1)


def every_kind(**start):
    """An explorer with one panel of each kind that draws numbers."""
    table = Table(
        [
            Axis("depth", DEPTHS, label="depth L"),
            Axis("sigma_w", SCALES, label="weight scale σ_w", marks={"He": 2**0.5}),
            Axis("layer", LAYERS),
            Axis("bin", BINS, label="pre-activation"),
            Axis("seed", SEEDS),
            Axis("epoch", EPOCHS),
            Axis("rule", RULES),
        ],
        {
            "accuracy": (["sigma_w", "depth"], accuracy()),
            "reach": (["sigma_w"], reach()),
            "share": (["sigma_w", "layer", "bin"], shares()),
            "loss": (["sigma_w", "seed", "epoch"], loss()),
            "by_rule": (["sigma_w", "rule"], by_rule()),
            "low": (["sigma_w", "rule"], np.nan_to_num(by_rule() * 0.8)),
            "high": (["sigma_w", "rule"], np.nan_to_num(by_rule() * 1.2)),
        },
        log=["share", "loss"],
    )
    here = {"sigma_w": "sigma_w", "depth": "depth"}
    panels = [
        HeatMap("Map", "sigma_w", "depth", "accuracy", "accuracy", marker=here, overlay={"reach": "reach"}),
        Histogram("Sizes", "layer", "bin", "share", "share of units", until="depth"),
        Lines("Training", "epoch", "loss", "loss", over="seed", over_as="band"),
        Bars("Rules", "rule", "by_rule", "final accuracy", band=("low", "high")),
    ]
    return Explorer("Every kind", table, ["sigma_w", "depth"], panels, start=start)


def growing_map(**start):
    """A heat map that grows with a control, with a curve, and a ring that only one control moves."""
    table = Table(
        [Axis("depth", DEPTHS, label="depth L"), Axis("sigma_w", SCALES)],
        {"accuracy": (["sigma_w", "depth"], accuracy()), "edge": (["depth"], 1 + np.array(DEPTHS) / 20)},
    )
    panel = HeatMap(
        "Map", "depth", "sigma_w", "accuracy", "accuracy", {"depth": "depth"}, {"edge": "edge"}, until="depth"
    )
    return Explorer("Growing", table, ["depth"], [panel], start=start)


def guide():
    """An explorer that answers in words, with a menu and buttons."""
    axes = [Axis("rule", RULES), Axis("ensemble", ENSEMBLES)]
    texts, where = answers(axes, advice)
    table = Table(axes, {"answer": (["rule", "ensemble"], where)})
    return Explorer(
        "Guide", table, ["rule", "ensemble"], [Answer("Answer", "answer", texts)], buttons=["ensemble"]
    )


def advice(rule, ensemble):
    if ensemble == "orthogonal":
        return "Take an `orthogonal` matrix & <b>no</b> other."
    code = f"    {rule.lower()}_normal_(weight)\n    zeros_(bias)"
    return f"Take `{rule}`.\n\nIts draws are independent.\n\n{code}"
