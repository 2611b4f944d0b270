"""The book's figures: one style, and the panel that every chapter shows before and after its repair."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from initlib import checks, propagation
from initlib.extras import hints
from initlib.networks.stacks import Network
from initlib.propagation import Profile
from initlib.typing import Array

__all__ = [
    "INK",
    "LOOKS",
    "STYLE",
    "Look",
    "by_layer",
    "dots",
    "headline",
    "panel",
    "seed_band",
    "show_decades",
    "size_histogram",
    "use_style",
]


class Look(NamedTuple):
    """How one arm of a comparison is drawn: colour, line style and marker differ together."""

    color: str
    linestyle: Any
    marker: str


# Okabe and Ito's palette, safe for the colour-blind: blue, vermilion, bluish green, reddish purple, orange.
LOOKS = (
    Look("#0072B2", "-", "o"),
    Look("#D55E00", "--", "s"),
    Look("#009E73", "-.", "^"),
    Look("#CC79A7", ":", "D"),
    Look("#E69F00", (0, (5, 1, 1, 1, 1, 1)), "v"),
)
INK = "#333333"

STYLE: dict[Any, Any] = {
    "figure.figsize": (7.6, 3.2),
    "figure.dpi": 130,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


@hints()
def use_style() -> None:
    """Set matplotlib to the book's style: white card, pale grid, titles that say the finding.

    What the reader's own matplotlibrc sets is set back.

    >>> use_style()
    """
    import matplotlib as mpl

    mpl.rcdefaults()
    mpl.rcParams.update(STYLE)


@hints()
def panel(
    networks: Mapping[str, Network],
    inputs: ArrayLike,
    *,
    predictions: Mapping[str, Profile] | None = None,
    title: str = "",
) -> Any:
    """Draw signal, gradient and sizes by layer, one row for each stack of networks, and return the figure.

    Left: rms of the pre-activations, one thin line a net. Middle: the same of the gradient with respect to
    them. Both stand beside the prediction of theory (dark line) and its finite-width band where `predictions`
    has the stack's name. Right: how the sizes of the pre-activations are distributed, as base-10 logarithms.

    >>> from initlib.networks import mlp
    >>> stack = mlp([8, 8, 8], "relu", "he_normal", seeds=[0, 1])
    >>> len(panel({"He": stack}, np.eye(8)).axes)
    3
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    stacks = checks.mapping("networks", networks)
    if not stacks:
        raise ValueError("networks must name at least one stack. Received an empty mapping.")
    for name, stack in stacks.items():
        checks.text("A name in networks", name)
        checks.instance(f"networks[{checks.shown(name)}]", stack, Network, "a Network")
    known = checks.mapping("predictions", {} if predictions is None else predictions)
    for name, profile in known.items():
        checks.choice("stack in predictions", name, stacks)
        checks.instance(f"predictions[{checks.shown(name)}]", profile, Profile, "a Profile")
    checks.text("title", title)
    profiles = [propagation.measure(stack, inputs) for stack in stacks.values()]
    rows = len(stacks)
    figure, axes = plt.subplots(
        rows, 3, figsize=(7.6, 0.5 + 2.0 * rows), sharex=True, squeeze=False, width_ratios=(1, 1, 1.05)
    )
    drawn = zip(stacks.items(), profiles, axes, strict=True)
    for (name, stack), measured, (signal, gradient, histogram) in drawn:
        predicted = known.get(name)
        for axis, key in ((signal, "rms"), (gradient, "gradient_rms")):
            band = getattr(predicted, f"{key}_band", None)
            by_layer(axis, getattr(measured, key), getattr(predicted, key, None), band)
        size_histogram(histogram, stack.forward(inputs).pre)
        signal.set_ylabel(name, weight="bold")
    for axis, heading in zip(axes[0], ("Signal, rms", "Gradient, rms", "Sizes, log10"), strict=True):
        axis.set_title(heading)
    for axis in axes[-1]:
        axis.set_xlabel("layer")
        axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    headline(figure, title)
    return figure


def by_layer(
    axis: Any,
    measured: Array,
    predicted: Array | None = None,
    band: Array | None = None,
    look: Look = LOOKS[0],
) -> None:
    """Draw measured (nets, layers) as thin lines, the predicted (layers,) as a dark line over its band.

    A zero has no place on the logarithmic axis: lines leave it at the bottom, and zeros alone leave it empty.

    >>> import matplotlib.pyplot as plt
    >>> by_layer(plt.figure().add_subplot(), np.ones((2, 3)))
    >>> axis = plt.figure().add_subplot()
    >>> by_layer(axis, np.zeros((2, 3)))
    >>> [round(float(limit), 2) for limit in np.log10(axis.get_ylim())]
    [-2.0, 2.0]
    """
    _check_axis(axis)
    checks.instance("look", look, Look, "a Look")
    measured = checks.reals("measured", measured)
    if measured.ndim != 2 or not measured.size:
        raise ValueError(f"measured must be (nets, layers), none of them empty. Received: {measured.shape}.")
    layers = np.arange(1, measured.shape[1] + 1)
    if predicted is not None:
        predicted = _of_shape("predicted", predicted, layers.shape)
    if band is not None:
        band = _of_shape("band", band, (2, layers.size))
    axis.plot(layers, measured.T, color=look.color, linewidth=0.8, alpha=0.5)
    if band is not None:
        axis.fill_between(layers, *band, color=INK, alpha=0.15, linewidth=0)
    if predicted is not None:
        axis.plot(layers, predicted, color=INK, linestyle="--", linewidth=1.6)
    if not (measured > 0).any():
        axis.set_ylim(0.1, 10.0)
    axis.set_yscale("log")
    show_decades(axis)


def show_decades(axis: Any, least: float = 4.0) -> None:
    """Widen a logarithmic y axis to at least this many decades, so that noise does not look like a trend.

    >>> import matplotlib.pyplot as plt
    >>> axis = plt.figure().add_subplot(yscale="log", ylim=(1.0, 10.0))
    >>> show_decades(axis)
    >>> [round(float(limit), 2) for limit in np.log10(axis.get_ylim())]
    [-1.5, 2.5]
    """
    _check_axis(axis)
    least = checks.real("least", least, minimum=0, maximum=200)
    if min(axis.get_ylim()) <= 0:
        raise ValueError(
            f"The y axis must lie above 0, as a logarithmic one does. Received: {axis.get_ylim()}."
        )
    low, high = np.log10(axis.get_ylim())
    missing = max(0.0, least - (high - low)) / 2
    axis.set_ylim(10 ** (low - missing), 10 ** (high + missing))


def size_histogram(axis: Any, signals: Sequence[Array], bins: int = 60) -> None:
    """Shade, for each layer, how the sizes log10 |x| of its entries are distributed.

    >>> import matplotlib.pyplot as plt
    >>> size_histogram(plt.figure().add_subplot(), [np.ones((2, 3)), np.full((2, 3), 0.1)])
    """
    _check_axis(axis)
    bins = checks.integer("bins", bins, minimum=1, maximum=10_000)
    entries = checks.sequence("signals", signals)
    if not entries:
        raise ValueError("signals must hold one array for each layer. Received none.")
    arrays = [checks.array(f"signals[{i}]", signal) for i, signal in enumerate(entries)]
    sizes = [np.log10(np.abs(signal[signal != 0])) for signal in arrays]
    low = min((np.quantile(s, 0.01) for s in sizes if s.size), default=0.0)
    high = max((s.max() for s in sizes if s.size), default=0.0)
    missing = max(0.5, 4.0 - (high - low)) / 2
    edges = np.linspace(low - missing, high + missing, bins + 1)
    counts = np.array([np.histogram(s, edges)[0] / max(len(s), 1) for s in sizes])
    shares = counts / np.maximum(counts.max(axis=1, keepdims=True), 1e-12)
    layers = np.arange(len(sizes) + 1) + 0.5
    axis.pcolormesh(layers, edges, shares.T, cmap="Blues", vmin=0, vmax=1, rasterized=True)
    axis.grid(False)


def seed_band(axis: Any, x: ArrayLike, curves: ArrayLike, look: Look, label: str) -> None:
    """Draw the median of curves (seeds, points) and a band from the lowest to the highest seed.

    Diverged nets (infinite losses) leave the axis at its top.

    >>> import matplotlib.pyplot as plt
    >>> seed_band(plt.figure().add_subplot(), [1, 2], [[1.0, 2.0], [3.0, 4.0]], LOOKS[0], "two seeds")
    """
    _check_axis(axis)
    checks.instance("look", look, Look, "a Look")
    checks.text("label", label)
    values = checks.reals("curves", curves).astype(float)
    if values.ndim != 2 or not values.size or np.isnan(values).any():
        raise ValueError(f"curves must be (seeds, points) without NaN. Received shape: {values.shape}.")
    x = checks.array("x", x, ndim=1)
    if x.shape != values.shape[1:]:
        raise ValueError(f"x must have a number for each of {values.shape[1]} points. Received: {x.size}.")
    values = np.clip(values, -1e30, 1e30)
    axis.fill_between(x, values.min(axis=0), values.max(axis=0), color=look.color, alpha=0.2, linewidth=0)
    axis.plot(x, np.median(values, axis=0), color=look.color, linestyle=look.linestyle, label=label)


def dots(axis: Any, groups: Mapping[str, Sequence[ArrayLike]], places: Sequence[str]) -> None:
    """Draw every seed as a dot: one look for each arm in `groups`, one place on the x axis for each entry.

    >>> import matplotlib.pyplot as plt
    >>> dots(plt.figure().add_subplot(), {"He": [[90.0, 91.0], [95.0]]}, ["2 layers", "10 layers"])
    """
    _check_axis(axis)
    checks.mapping("groups", groups)
    names = checks.names("places", places)
    if len(groups) > len(LOOKS):
        raise ValueError(f"dots has {len(LOOKS)} looks. Received: {len(groups)} groups.")
    for name, columns in groups.items():
        checks.text("A name in groups", name)
        if len(checks.sequence(f"groups[{checks.shown(name)}]", columns)) > len(names):
            raise ValueError(f"groups[{checks.shown(name)}] has more columns than there are places.")
    drawn = {
        name: [
            checks.array(f"groups[{checks.shown(name)}][{i}]", one, ndim=1) for i, one in enumerate(columns)
        ]
        for name, columns in groups.items()
    }
    for arm, (look, (name, columns)) in enumerate(zip(LOOKS, drawn.items(), strict=False)):
        middle = (arm - (len(groups) - 1) / 2) * 0.8 / len(groups)
        for place, values in enumerate(columns):
            x = place + middle + np.linspace(-0.06, 0.06, len(values))
            label = name if place == 0 else None
            axis.plot(x, values, look.marker, color=look.color, alpha=0.7, markersize=4.5, label=label)
    axis.set_xticks(range(len(names)), names)


def headline(figure: Any, text: str) -> None:
    """Write the finding of a figure over it, at the left.

    >>> import matplotlib.pyplot as plt
    >>> headline(plt.figure(), "Two layers forgive")
    """
    from matplotlib.figure import FigureBase

    checks.instance("figure", figure, FigureBase, "a figure of matplotlib")
    figure.suptitle(checks.text("text", text), x=0.01, ha="left", weight="bold", fontsize=12)


def _check_axis(axis: Any) -> None:
    from matplotlib.axes import Axes

    checks.instance("axis", axis, Axes, "axes of matplotlib")


def _of_shape(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    array = checks.reals(name, value)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}. Received shape: {array.shape}.")
    return array
