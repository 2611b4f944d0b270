"""Lines of JAX that draw the parameters of a layer."""

from collections.abc import Mapping

from initlib.frameworks.laws import GATES, NORMS, ZERO, Law, Part, bound


def layer(part: Part, sizes: Mapping[str, float], inputs: int, outputs: int) -> list[str]:
    """Return the lines that draw the arrays of the layer.

    >>> print(*layer(Part("zeros", "pointwise", ZERO), {}, 8, 4), sep="\\n")
    weights = jax.numpy.zeros((1, 1, 8, 4))
    bias = jax.numpy.zeros((4,))
    """
    if part.layer == "scalar":
        return [f"weights = jax.numpy.array(float({part.weights.expression(sizes)}))"]
    if part.weights.family == "old_mean":
        return [
            f"old = jax.random.normal(jax.random.key(0), ({inputs}, {outputs}))  # the trained one",
            f"rows = jax.numpy.tile(old.mean(axis=0), ({part.weights.expression(sizes)}, 1))",
            "weights = jax.numpy.concatenate([old, rows])",
        ]
    gates = GATES.get(part.layer, 1)
    shape = {
        "conv": f"(3, 3, {inputs}, {outputs})",
        "pointwise": f"(1, 1, {inputs}, {outputs})",
        "depthwise": f"(3, 3, 1, {outputs})",
        **dict.fromkeys(NORMS, f"({outputs},)"),
    }.get(part.layer, f"({inputs}, {gates * outputs})")
    several = part.recurrent is not None or (
        part.bias is not None and part.bias.family in ("normal", "uniform")
    )
    keys = "key, other = jax.random.split(jax.random.key(0))" if several else "key = jax.random.key(0)"
    made = [] if part.weights == ZERO and not several else [keys]
    made.append(f"weights = {_draw(part.weights, 'key', shape, sizes)}")
    if part.recurrent is not None:
        square = f"({outputs}, {outputs})"
        made += [
            f"keys = jax.random.split(other, {gates})",
            f"gates = [{_draw(part.recurrent, 'one', square, sizes)} for one in keys]",
            "recurrent = jax.numpy.concatenate(gates, axis=1)",
        ]
    if part.bias is None:
        return made
    return made + _bias(part.bias, sizes, outputs, gates)


def rates(part: Part, rate: str) -> list[str]:
    """Return the rates of weights and biases, for `optax.multi_transform`, say.

    >>> print(*rates(Part("hidden", "dense", ZERO), "64 / 256"), sep="\\n")
    rates = {"weights": rate * 64 / 256, "bias": rate}
    """
    bias = ', "bias": rate' if part.bias is not None else ""
    return [f'rates = {{"weights": rate * {rate}{bias}}}']


def _draw(law: Law, key: str, shape: str, sizes: Mapping[str, float]) -> str:
    value, most = law.expression(sizes), bound(law, sizes)
    return {
        "normal": f"({value}) ** 0.5 * jax.random.normal({key}, {shape})",
        "uniform": f"jax.random.uniform({key}, {shape}, minval=-{most}, maxval={most})",
        "orthogonal": f"jax.nn.initializers.orthogonal({value})({key}, {shape})",
        "delta_orthogonal": f"jax.nn.initializers.delta_orthogonal({value})({key}, {shape})",
        "identity": f"jax.numpy.eye(*{shape})",
        "constant": f"jax.numpy.zeros({shape})" if value == "0" else f"jax.numpy.full({shape}, {value})",
    }[law.family]


def _bias(law: Law, sizes: Mapping[str, float], units: int, gates: int) -> list[str]:
    value = law.expression(sizes)
    if law.family == "centring":
        return ["bias = -weights.sum(axis=0) / 2"]
    if law.family == "log_shares":
        return [f"bias = jax.numpy.log(jax.numpy.array({value}))"]
    if law.family == "forget":  # the gates stand in the order input, forget, cell, output
        return [f"bias = jax.numpy.zeros({gates * units}).at[{units}:{2 * units}].set({value})"]
    if law.family == "chrono":
        return [
            f"draws = jax.random.uniform(jax.random.fold_in(other, 1), ({units},), minval=1, maxval={value})",
            "forget = jax.numpy.log(draws)",
            "bias = jax.numpy.concatenate([-forget, forget, 0 * forget, 0 * forget])",
        ]
    return [f"bias = {_draw(law, 'other', f'({gates * units},)', sizes)}"]
