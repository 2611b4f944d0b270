"""Which law the weights of a layer were drawn from, and which the layer asks for: from the weights alone.

Variance, kurtosis and bound tell more than any signal: a factor 1.1 on one layer of 64 x 64 shows at once.
In square layers some laws coincide (Xavier and LeCun, fan_in and fan_out), so the answer is a class of laws.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from initlib import activations, initializers, theory
from initlib.diagnosis.record import Operation, Record, Weight

SIGMAS = 5.0  # "which law": how many standard errors variance and kurtosis may be off
SINE_FACTOR = (
    10.0  # from this factor on a sine layer is one of SIREN, whose first layer has a rule of its own
)


@dataclass(frozen=True)
class NamedLaw:
    """A law by the name that people use, with the variance and kurtosis of its entries."""

    name: str
    variance: Callable[[float, float], float]
    kurtosis: float


def _laws() -> tuple[NamedLaw, ...]:
    specs = initializers.SPECS
    words = {"lecun": "LeCun", "glorot": "Xavier", "he": "He"}
    cut = specs["truncated_normal"].kurtosis(1, 1)
    families = (("normal", 3.0), ("uniform", 1.8))
    named = [
        NamedLaw(f"{word} {family}", _variance(f"{key}_{family}"), kurtosis)
        for key, word in words.items()
        for family, kurtosis in families
    ]
    named += [
        NamedLaw(f"{word} truncated normal", _variance(f"{key}_normal"), cut) for key, word in words.items()
    ]
    named += [
        NamedLaw(f"He {family}, fan_out", lambda i, o: 2 / o, kurtosis) for family, kurtosis in families
    ]
    named.append(
        NamedLaw("PyTorch's default, U(-1/sqrt(fan_in), 1/sqrt(fan_in))", lambda i, o: 1 / (3 * i), 1.8)
    )
    for std in (1.0, 0.1, 0.05, 0.02, 0.01, 0.001):
        named.append(NamedLaw(f"normal, standard deviation {std:g}", lambda i, o, s=std: s * s, 3.0))  # type: ignore[misc]
    named.append(NamedLaw("uniform on [0, 1]", lambda i, o: 1 / 12, 1.8))
    return tuple(named)


def _variance(name: str) -> Callable[[float, float], float]:
    spec = initializers.SPECS[name]
    return lambda i, o: spec.variance(i, o)  # type: ignore[arg-type]


LAWS = _laws()


def family(weight: Weight) -> str:
    """Return "normal", "uniform", "constant" or "other", by the kurtosis of the entries.

    >>> from initlib.diagnosis.record import Weight
    >>> family(Weight("w", "linear", (64, 64), 64, 64, 4096, 0.0, 0.1, 1.8, 0.1732))
    'uniform'
    """
    if weight.std == 0:
        return "constant"
    for name, kurtosis in (("normal", 3.0), ("uniform", 1.8)):
        if abs(weight.kurtosis - kurtosis) <= SIGMAS * kurtosis_error(kurtosis, weight.count):
            return name
    return "other"


def kurtosis_error(kurtosis: float, count: int) -> float:
    """Return the standard error of the kurtosis of `count` entries, normal or lighter.

    >>> round(kurtosis_error(3.0, 2400), 3)
    0.1
    """
    return math.sqrt((24 if kurtosis >= 2.5 else 4) / max(count, 1))


def spread(weight: Weight, level: float) -> tuple[float, float]:
    """Return the bounds that the variance of independent draws over that of their law leaves at this level.

    That of n entries is spread as chi^2 with 2n / (kurtosis - 1) degrees of freedom: n for a normal law.

    >>> from initlib.diagnosis.record import Weight
    >>> low, high = spread(Weight("w", "linear", (12, 12), 12, 12, 144, 0.0, 0.1, 3.0, 0.3), 0.05)
    >>> round(low, 2), round(high, 2)
    (0.78, 1.24)
    """
    from scipy.special import gammainccinv, gammaincinv

    kurtosis = {"normal": 3.0, "uniform": 1.8}.get(family(weight), max(weight.kurtosis, 1.8))
    half = weight.count / (kurtosis - 1)
    return float(gammaincinv(half, level / 2)) / half, float(gammainccinv(half, level / 2)) / half


def matching(weight: Weight, sigmas: float = SIGMAS) -> list[str]:
    """Return the names of the laws that the entries of a layer agree with; in small layers many do.

    >>> from initlib.diagnosis.record import Weight
    >>> matching(Weight("w", "linear", (300, 100), 100, 300, 30000, 0.0, 0.1414, 3.0, 0.6))
    ['He normal']
    """
    if weight.std == 0:
        return [f"constant {weight.mean:.4g}"]
    found = []
    for law in LAWS:
        expected = law.variance(weight.fan_in, weight.fan_out)
        mean = 0.5 if law.name == "uniform on [0, 1]" else 0.0
        error = math.sqrt((law.kurtosis - 1) / weight.count)
        fits = abs(weight.std * weight.std / expected - 1) <= sigmas * error
        fits &= abs(weight.mean - mean) <= sigmas * math.sqrt(expected / weight.count)
        fits &= abs(weight.kurtosis - law.kurtosis) <= sigmas * kurtosis_error(law.kurtosis, weight.count)
        if fits and law.kurtosis == 1.8 and not mean:
            fits = weight.bound <= math.sqrt(3 * expected) * (1 + 1e-5)
        if fits:
            found.append(law.name)
    return found


def words(weight: Weight) -> str:
    """Return the law in a few words: its name or names, else family and standard deviation.

    >>> from initlib.diagnosis.record import Weight
    >>> words(Weight("w", "linear", (300, 100), 100, 300, 30000, 0.0, 1.0, 3.0, 4.4))
    'normal, standard deviation 1'
    """
    names = matching(weight)
    if names:
        return " or ".join(names[:2])
    kind = {"constant": "constant", "other": "no usual law"}.get(family(weight), family(weight))
    return f"{kind}, standard deviation {weight.std:.3g}"


def wanted(record: Record, operation: Operation, weight: Weight) -> tuple[float, str] | None:
    """Return the variance that keeps the signal through a layer, and the name of that rule; None if unknown.

    It follows the activation in front of the layer: Var W = gain^2 / fan_in, where gain keeps the second
    moment (`theory.gain`); for sine layers the rules of Sitzmann et al. 2020, arXiv:2006.09661.
    """
    after, factor = record.activation_of(operation.index)
    before = reads_activation(record, operation)
    fan_in = weight.fan_in
    if after == "sin":
        if factor >= SINE_FACTOR and before is None:
            return 1 / (3 * fan_in**2), "U(-1/fan_in, 1/fan_in) for the first sine layer"
        return 2 / (fan_in * factor**2), f"U(+-sqrt(6 / fan_in) / {factor:g}) for a sine layer"
    if before == "sin":
        return 2 / fan_in, "U(+-sqrt(6 / fan_in)) behind sines"
    if before == "relu":
        return 2 / fan_in, "He"
    if before is None:
        return 1 / fan_in, "LeCun"
    try:
        return theory.gain(before) ** 2 / fan_in, f"the gain of {before}"
    except ValueError:
        return None


def reads_activation(record: Record, operation: Operation) -> str | None:
    """Return the activation whose output a weight operation reads, None if it reads none or an unknown one.

    >>> record = Record("test", [Operation(0, "activation", "relu", activation="relu")])
    >>> reads_activation(record, Operation(1, "weight", "linear", parents=(0,)))
    'relu'
    """
    index = operation.parents[0] if operation.parents else -1
    while index >= 0:
        parent = record.operations[index]
        if parent.kind == "activation":
            name = parent.activation
            return name if name in activations.names() else None
        if parent.kind not in ("pool", "scale") or not parent.parents:
            return None
        index = parent.parents[0]
    return None


def ratio(record: Record, operation: Operation, weight: Weight) -> float | None:
    """Return the standard deviation of a layer over the one that keeps the signal, None where unknown."""
    rule = wanted(record, operation, weight)
    return None if rule is None or not weight.fan_in else weight.rms / math.sqrt(rule[0])
