"""Code for a layer in the framework of one's choice."""

from collections.abc import Mapping

from initlib import checks
from initlib.frameworks import jax, keras, pytorch
from initlib.frameworks.laws import NAMES, TUNED, Law, Part


def lines(
    framework: str, part: Part, sizes: Mapping[str, float], inputs: int, outputs: int, *, seed: int = 0
) -> str:
    """Return code that makes the layer of `part` and draws its parameters: to copy, and run by `make peers`.

    PyTorch's and Keras' end with the layer in `layer`; JAX's with the arrays `weights`, `bias`, `recurrent`,
    drawn with the key of `seed`; a "factor" ends with the number in `factor`. Where the part has a learning
    rate of its own, the last lines give it. The code runs alone: it imports what it needs.

    >>> part = Part("hidden", "dense", Law("normal", "2 / fan_in"))
    >>> print(lines("PyTorch", part, part.fans(64, 32), 64, 32))
    import torch
    <BLANKLINE>
    layer = torch.nn.Linear(64, 32)
    torch.nn.init.normal_(layer.weight, std=(2 / 64) ** 0.5)
    torch.nn.init.zeros_(layer.bias)
    """
    checks.choice("framework", framework, NAMES)
    checks.instance("part", part, Part, "a Part")
    checks.mapping("sizes", sizes)
    sizes = {**part.fans(inputs, outputs), **sizes}
    if part.layer == "factor":
        return f"factor = {part.weights.expression(sizes)}"
    write = {"PyTorch": pytorch, "Keras": keras, "JAX": jax}[framework]
    made = write.layer(part, sizes, inputs, outputs)
    if part.rate:
        rate = Law("constant", part.rate).expression(sizes)
        made += ["", f"rate = {TUNED}  # the one tuned at width {sizes['base']:g}", *write.rates(part, rate)]
    code = "\n".join(made)
    code = code.replace("jax.random.key(0)", f"jax.random.key({checks.integer('seed', seed, minimum=0)})")
    modules = ["math"] * ("math." in code) + [{"PyTorch": "torch", "Keras": "keras", "JAX": "jax"}[framework]]
    return "\n".join([*(f"import {module}" for module in modules), "", code])
