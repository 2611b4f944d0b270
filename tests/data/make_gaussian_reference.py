"""Write `gaussian_reference.json`: Gaussian moments by mpmath at 30 digits, for the tests of `gaussian`.

Run as `python tests/data/make_gaussian_reference.py` (about three minutes). Formulas are written out here
again, in mpmath, and nothing of `initlib` is used. Every integral is split at the kinks and at powers of 4 of
x, and its error estimate is checked to be below 1e-24 of its scale.
"""

import json
from pathlib import Path

from mpmath import mp, mpf

mp.dps = 30
QS = ("1e-6", "1e-3", "1e-1", "1", "1e1", "1e3", "1e6")
CS = ("-1", "-0.999", "-0.6", "0", "0.5", "0.97", "0.9999", "0.99999999")
REACH = mpf(15)

sigmoid, sech2 = (lambda x: 1 / (1 + mp.exp(-x))), (lambda x: mp.sech(x) ** 2)
cdf, pdf = (lambda x: mp.erfc(-x / mp.sqrt(2)) / 2), (lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi))
scale, alpha = mpf("1.0507009873554804934193349852946"), mpf("1.6732632423543772848170429916717")
cubic, root = mpf("0.044715"), mp.sqrt(2 / mp.pi)


def softplus(x):
    return mp.log1p(mp.exp(-abs(x))) + max(x, 0)


def gelu_tanh_slope(x):
    inner = root * (x + cubic * x**3)
    return (1 + mp.tanh(inner)) / 2 + x * sech2(inner) * root * (1 + 3 * cubic * x**2) / 2


ACTIVATIONS = {
    "identity": (lambda x: x, lambda x: mpf(1), ()),
    "relu": (lambda x: max(x, mpf(0)), lambda x: mpf(x > 0), (0,)),
    "leaky_relu": (
        lambda x: x if x > 0 else x / 100,
        lambda x: mpf(1) if x > 0 else mpf(1) / 100,
        (0,),
    ),
    "tanh": (mp.tanh, sech2, ()),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x), ()),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2, (0,)),
    "gelu": (lambda x: x * cdf(x), lambda x: cdf(x) + x * pdf(x), ()),
    "gelu_tanh": (
        lambda x: x * (1 + mp.tanh(root * (x + cubic * x**3))) / 2,
        gelu_tanh_slope,
        (),
    ),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x)), ()),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), lambda x: mpf(1) if x > 0 else mp.exp(x), (0,)),
    "selu": (
        lambda x: scale * (x if x > 0 else alpha * mp.expm1(x)),
        lambda x: scale * (1 if x > 0 else alpha * mp.exp(x)),
        (0,),
    ),
    "softplus": (softplus, sigmoid, ()),
    "mish": (
        lambda x: x * mp.tanh(softplus(x)),
        lambda x: mp.tanh(softplus(x)) + x * sech2(softplus(x)) * sigmoid(x),
        (),
    ),
    "hard_tanh": (lambda x: max(min(x, mpf(1)), mpf(-1)), lambda x: mpf(abs(x) < 1), (-1, 1)),
    "erf": (mp.erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x), ()),
}


def panels(q, points):
    """Return the edges in z: steps of the density, the points given, and powers of 4 of x."""
    s = mp.sqrt(q)
    steps = [mpf(k) for k in (0, 1, 2, 3, 4, 6, 8, 11)] + [REACH]
    powers = [mpf(4) ** k / s for k in range(-1, 14)]
    edges = {z for step in steps + powers for z in (step, -step)} | {mpf(point) / s for point in points}
    return sorted(z for z in edges if abs(z) <= REACH)


def integral(f, edges):
    """Return the integral of f(z) times the normal density."""
    size = mp.quad(lambda z: abs(f(z)) * pdf(z), edges, method="gauss-legendre", maxdegree=4)
    if size < mpf("1e-26"):
        return mpf(0)
    value, error = mp.quad(lambda z: f(z) / size * pdf(z), edges, error=True, method="gauss-legendre")
    if error > mpf("1e-24"):
        raise ArithmeticError(f"relative error {error}")
    return value * size


def moments(name, q):
    """Return E phi, E phi^2, E phi^4, E phi'^2, E phi'^4 and d E phi^2 / dq."""
    phi, slope, kinks = ACTIVATIONS[name]
    s, edges = mp.sqrt(q), panels(q, kinks)
    integrands = {
        "mean": phi,
        "square": lambda x: phi(x) ** 2,
        "fourth": lambda x: phi(x) ** 4,
        "slope_square": lambda x: slope(x) ** 2,
        "slope_fourth": lambda x: slope(x) ** 4,
        "growth": lambda x: phi(x) * slope(x) * x / q,
    }
    return {key: mp.nstr(integral(lambda z, f=f: f(s * z), edges), 20) for key, f in integrands.items()}


def clipped_mean(m, s):
    """Return E hard_tanh(m + s w)."""
    low, high = (-1 - m) / s, (1 - m) / s
    return 1 - cdf(high) - cdf(low) + m * (cdf(high) - cdf(low)) + s * (pdf(low) - pdf(high))


def elu_mean(m, s):
    """Return E elu(m + s w)."""
    grown = mp.exp(m + s * s / 2) * cdf(-(m + s * s) / s)
    return m * cdf(m / s) + s * pdf(m / s) + grown - cdf(-m / s)


def pair(name, mean_given, c, q):
    """Return E phi(u) phi(v) = E phi(u) E(phi(v) | u), with the inner mean in closed form."""
    phi, _, kinks = ACTIVATIONS[name]
    s, rest = mp.sqrt(q), mp.sqrt(1 - c * c)
    if rest == 0:
        return integral(lambda z: phi(s * z) * phi(c * s * z), panels(q, (*kinks, *(-k for k in kinks))))
    spread = [
        k / (c or 1) + sign * step * s * rest for k in kinks for sign in (-1, 1) for step in (0, 1, 3, 7, 12)
    ]
    return integral(lambda z: phi(s * z) * mean_given(c * s * z, s * rest), panels(q, (*kinks, *spread)))


def main():
    """Compute and write everything."""
    single = {name: {q: moments(name, mpf(q)) for q in QS} for name in ACTIVATIONS}
    means = {"hard_tanh": clipped_mean, "elu": elu_mean}
    pairs = {
        name: {q: {c: mp.nstr(pair(name, mean, mpf(c), mpf(q)), 20) for c in CS} for q in QS[2:6]}
        for name, mean in means.items()
    }
    path = Path(__file__).with_name("gaussian_reference.json")
    path.write_text(json.dumps({"moments": single, "pairs": pairs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
