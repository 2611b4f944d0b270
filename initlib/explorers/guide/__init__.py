"""The decision guide: the rule of `initlib.recommendation` for a net, with its numbers and code.

It is plain HTML that holds the first answer, and a script that gives the others: so it is there at once, in
print and without JavaScript, and needs no widgets.
"""

from dataclasses import dataclass
from typing import Any

from initlib import activations, checks, frameworks
from initlib.recommendation import ARCHITECTURES as ARCHITECTURES
from initlib.recommendation import FALLBACK as FALLBACK
from initlib.recommendation import NORMALISATIONS as NORMALISATIONS

# Names that this module had when the guide was an explorer with a slider.
WIDTH = 256
DEPTHS = (2, 3, 5, 10, 15, 20, 30, 40, 50, 100)


@dataclass(frozen=True, repr=False)
class Guide:
    """Menus and fields that ask for a net, and the answer; `at` is where they stand at first."""

    at: dict[str, Any]

    def describe(self) -> str:
        """Return the first question and its answer in words."""
        from initlib.explorers.guide import page

        return page.describe(self.at)

    def __repr__(self) -> str:
        return f"Guide({self.describe()})"

    def _repr_html_(self) -> str:
        from initlib.explorers.guide import page

        return page.html(self.at)


def guide(
    *,
    activation: str | None = None,
    architecture: str = "mlp",
    depth: int | None = None,
    width: int | None = None,
    framework: str = "PyTorch",
) -> Guide:
    """Return the page part that answers "Which initialization do I use?".

    A menu of networks by the names that people use ("gpt", "resnet", "lstm"), menus for activation and
    normalization, fields for layers or blocks and for the width, where any number can be typed, and buttons
    for the framework. `architecture` is an entry of the menu or a name that `recommend` knows; what is not
    given is usual for it. A net without a rule says so.

    >>> guide(activation="gelu", depth=50).describe().split(". ")[1]
    'Plain GELU, deep'
    """
    from initlib.explorers.guide.nets import MOST, NETS

    names = {net.name: net for net in NETS}
    for net in NETS:
        names.setdefault(net.architecture, net)
    net = names[checks.choice("architecture", architecture, names)]
    norm = net.norms[0]
    if activation is not None:
        activation = checks.choice("activation", activations.canonical(activation), net.activations(norm))
    sizes = {
        "depth": net.depth if depth is None else depth,
        "width": net.width if width is None else width,
    }
    for name, size in sizes.items():
        if checks.integer(name, size, minimum=1) > MOST[name]:
            raise ValueError(f"{name} must be at most {MOST[name]}. Received: {size}.")
    return Guide(
        {
            "net": net.name,
            "activation": activation or net.activation,
            "normalisation": norm,
            **sizes,
            "steps": 20,
            "framework": checks.choice("framework", framework, frameworks.NAMES),
        }
    )
