"""Laws for the parameters of a layer: what is drawn, as formulas of the sizes of the layer."""

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from initlib import checks

NAMES = ("PyTorch", "Keras", "JAX")
SIZES = ("fan_in", "fan_out", "blocks", "steps", "share", "rank", "head", "width", "base")
WORDS = {
    "normal": "normal, variance {value}, standard deviation {root}",
    "uniform": "uniform, variance {value}, standard deviation {root}",
    "orthogonal": "orthogonal, gain {value}",
    "delta_orthogonal": "delta-orthogonal, gain {value}",
    "identity": "identity matrix",
    "constant": "{value}",
    "log_shares": "log of the share of each class, {value}",
    "centring": "minus half the sum of each unit's weights, which takes the sigmoid's mean 1/2 away",
    "forget": "{value} for the forget gate, 0 elsewhere",
    "chrono": "log U(1, {value}) for the forget gate, its opposite for the input gate, 0 elsewhere",
    "old_mean": "{value} new rows, each the mean of the old ones",
}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
LAYERS = (
    "dense", "conv", "pointwise", "depthwise", "embedding", "rnn", "gru", "lstm",
    "batch_norm", "batch_norm_1d", "scalar", "factor",
)  # fmt: skip
NORMS = ("batch_norm", "batch_norm_1d")
NUMBERS = ("scalar", "factor")
TUNED = 0.001  # the learning rate in code whose layers have rates of their own


@dataclass(frozen=True)
class Law:
    """How one parameter is drawn: a family, and one number as a formula of the sizes of its layer.

    The number is the variance of "normal" and "uniform", the gain of "orthogonal" (of each gate, in recurrent
    layers) and "delta_orthogonal", and the value of "constant" and of "forget" (of the forget gate alone);
    "log_shares" has a list of shares, the biases being their logs; "old_mean" has how many rows are new;
    "chrono" has forget biases log U(1, number). The formula may name fan_in, fan_out, blocks, steps, share,
    rank (of an update), head (the size of an attention head), width, base (the width of the tuned net).

    >>> law = Law("normal", "2 / fan_in")
    >>> law.number({"fan_in": 256}), law.expression({"fan_in": 256})
    (0.0078125, '2 / 256')
    """

    family: str
    formula: str = "0"

    def __post_init__(self) -> None:
        checks.choice("family", self.family, WORDS)
        _check_formula(checks.text("formula", self.formula))

    def expression(self, sizes: Mapping[str, float]) -> str:
        """Return the formula with numbers in place of the names, as Python that every framework reads."""
        checks.mapping("sizes", sizes)

        def number(name: re.Match[str]) -> str:
            if name[0] not in sizes:
                raise ValueError(f"sizes must have {name[0]!r}. Received: {checks.shown([*sizes])}.")
            size = sizes[name[0]]  # a number, or, in the guide, a formula of what the reader types
            return f"{size if hasattr(size, 'formula') else checks.real(name[0], size):g}"

        return re.sub(r"\b(" + "|".join(SIZES) + r")\b", number, self.formula)

    def number(self, sizes: Mapping[str, float]) -> float:
        """Return the value of the formula."""
        return float(self.value(sizes))

    def value(self, sizes: Mapping[str, float]) -> Any:
        """Return the value of the formula: a number, or a list of them for "log_shares"."""
        expression = self.expression(sizes)
        try:
            value = eval(expression, {"__builtins__": {}, "math": math})
            return [math.log(share) for share in value] if self.family == "log_shares" else float(value)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise ValueError(f"{checks.shown(expression)} has no value ({error}).") from None

    def words(self, sizes: Mapping[str, float]) -> str:
        """Return the law in words, formula and number."""
        if self.family == "log_shares":
            return WORDS[self.family].format(value=self.formula)
        number, root = self.number(sizes), abs(self.number(sizes)) ** 0.5
        value = f"{number:.4g}"
        if any(name in self.formula for name in SIZES):
            value = f"{self.formula} = {value}"
        return WORDS[self.family].format(value=value, root=f"{root:.4g}")


_NODES = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Attribute, ast.Call, ast.List,
    ast.UnaryOp, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow,
)  # fmt: skip
_POWERS = 3


def _check_formula(formula: str) -> None:
    """Raise a ValueError unless a formula is made of sizes, small numbers, + - * / ** and math.log."""
    try:
        nodes = list(ast.walk(ast.parse(formula, mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        nodes = []
    powers = [node for node in nodes if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)]
    if not nodes or len(powers) > _POWERS or not all(map(_is_plain, nodes)):
        raise ValueError(
            f"formula must be made of {', '.join(SIZES)}, numbers, + - * / ** (to a number up to 16) and "
            f"math.log. Received: {checks.shown(formula)}."
        )


def _is_plain(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return name in (*SIZES, "math")
        case ast.Constant(value=value):
            return isinstance(value, (int, float)) and not isinstance(value, bool) and value < 1e12
        case ast.Attribute(value=ast.Name(id="math"), attr=name):
            return name == "log"
        case ast.Attribute():
            return False
        case ast.Call(func=ast.Attribute(), args=[_], keywords=[]):
            return True
        case ast.Call():
            return False
        case ast.BinOp(op=ast.Pow(), right=right):
            exponent = right.operand if isinstance(right, ast.UnaryOp) else right
            return isinstance(exponent, ast.Constant) and _is_plain(exponent) and exponent.value <= 16  # type: ignore[operator]
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            times = [one for one in (left, right) if not isinstance(one, ast.List)]
            return len(times) == 2 or (
                len(times) == 1
                and isinstance(times[0], ast.Constant)
                and _is_plain(times[0])
                and times[0].value <= 100_000  # type: ignore[operator]
            )
    return isinstance(node, _NODES)


ZERO = Law("constant")


@dataclass(frozen=True)
class Part:
    """One kind of layer in a recommendation: its name, the layer, and the laws of its parameters.

    `layer` is "dense", "conv" (3 x 3), "pointwise" (1 x 1), "depthwise" (3 x 3), "embedding", "rnn", "gru",
    "lstm", "batch_norm" (of pictures) or "batch_norm_1d", whose `weights` are gamma and whose `bias` is beta;
    "scalar" (one number that is trained) or "factor" (one that is not). `bias` is None for layers that have
    or need none; `recurrent` is for recurrent layers alone. `between` says which sizes the layer connects
    ("inputs", "width", "outputs", "rank"), `widen` how much wider than those its ends are. `rate` is what
    Adam's learning rate for the weights is multiplied by, a formula; none: the rule sets no rates.
    """

    name: str
    layer: str
    weights: Law
    bias: Law | None = ZERO
    recurrent: Law | None = None
    widen: tuple[float, float] = (1, 1)
    between: tuple[str, str] = ("width", "width")
    rate: str = ""

    def __post_init__(self) -> None:
        checks.choice("layer", self.layer, LAYERS)

    def fans(self, inputs: int, outputs: int) -> dict[str, float]:
        """Return fan_in and fan_out of a layer with so many inputs and outputs, channels if it convolves."""
        for name, size in (("inputs", inputs), ("outputs", outputs)):
            if not hasattr(size, "formula"):  # of the guide, as in `Law.expression`
                checks.integer(name, size, minimum=1)
        taps, groups = {"conv": (9, 1), "depthwise": (9, inputs)}.get(self.layer, (1, 1))
        return {"fan_in": taps * inputs / groups, "fan_out": taps * outputs / groups}


def bound(law: Law, sizes: Mapping[str, float]) -> str:
    """Return the bound b of the uniform law U(-b, b), as text.

    >>> bound(Law("uniform", "1 / fan_in"), {"fan_in": 12})
    '0.5'
    """
    return f"{(3 * abs(law.number(sizes))) ** 0.5:.6g}"
