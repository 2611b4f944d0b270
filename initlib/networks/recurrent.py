"""A small LSTM for the experiments on forget-gate biases."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from initlib import activations, checks
from initlib.networks.building import Builder, PerNet, spread
from initlib.networks.layers import Tape
from initlib.networks.stacks import Network
from initlib.streams import BIASES, generator
from initlib.typing import Array


class Chrono(NamedTuple):
    """Chrono biases for memories of up to `longest` steps: b_f = log u, b_i = -b_f, u ~ U(1, longest - 1).

    Source: Tallec & Ollivier 2018, arXiv:1804.11188, eq. 16.
    """

    longest: int


class LSTM:
    """i, f, o = sigmoid(..), g = tanh(..) of x_t W + h_{t-1} U + b; c_t = f c_{t-1} + i g; h_t = o tanh(c_t).

    W: (nets, inputs, 4 hidden), U: (nets, hidden, 4 hidden), b: (nets, 4 hidden), gates in the order
    input, forget, output, candidate. Takes (nets, samples, steps, inputs) and returns the last h.

    Source: Gers, Schmidhuber & Cummins 2000, doi:10.1162/089976600300015015, without peepholes.
    """

    def __init__(self, weight: int, recurrent: int, bias: int) -> None:
        self.weight, self.recurrent, self.bias = weight, recurrent, bias

    def forward(self, x: Array, tape: Tape) -> Array:
        weight, recurrent, bias = (tape.values[slot] for slot in (self.weight, self.recurrent, self.bias))
        h = np.zeros((len(weight), x.shape[1], recurrent.shape[1]), weight.dtype)
        c = np.zeros_like(h)
        steps = []
        for t in range(x.shape[2]):
            gates = np.matmul(x[:, :, t], weight)
            gates += np.matmul(h, recurrent)
            gates += bias[:, None]
            i, f, o, g = _activated(gates)
            before = h, c
            c = f * c + i * g
            squashed = np.tanh(c)
            h = o * squashed
            steps.append((gates, before, squashed))
        tape.kept[self] = x, steps
        return h

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        x, steps = tape.kept[self]
        weight, recurrent = tape.values[self.weight], tape.values[self.recurrent]
        change_w, change_u = np.zeros_like(weight), np.zeros_like(recurrent)
        change_b = np.zeros_like(tape.values[self.bias])
        back: Array = np.zeros_like(x)
        dh, dc = gradient, np.zeros_like(gradient)
        for t in range(len(steps) - 1, -1, -1):
            gates, (h, c), squashed = steps[t]
            i, f, o, g = _parts(gates)
            dc = dc + dh * o * (1 - squashed * squashed)
            inner = np.concatenate(
                (
                    dc * g * i * (1 - i),
                    dc * c * f * (1 - f),
                    dh * squashed * o * (1 - o),
                    dc * i * (1 - g * g),
                ),
                axis=2,
            )
            change_w += np.matmul(x[:, :, t].swapaxes(1, 2), inner)
            change_u += np.matmul(h.swapaxes(1, 2), inner)
            change_b += inner.sum(axis=1)
            back[:, :, t] = np.matmul(inner, weight.swapaxes(1, 2))
            dh = np.matmul(inner, recurrent.swapaxes(1, 2))
            dc = dc * f
        for slot, change in ((self.weight, change_w), (self.recurrent, change_u), (self.bias, change_b)):
            tape.accumulate(slot, change)
        return back


@checks.keywords
def lstm(
    widths: Sequence[int],
    *,
    seeds: Sequence[int],
    forget_bias: float | Chrono | Sequence[float | Chrono] = 1.0,
    initializer: PerNet = "glorot_uniform",
    recurrent_initializer: PerNet = "orthogonal",
    dtype: DTypeLike = np.float64,
) -> Network:
    """Build a stack of LSTMs with a linear readout of the last hidden state.

    `widths` are (inputs, hidden, outputs); inputs are (samples, steps, inputs). `forget_bias` is a number or
    a `Chrono`, or one of them for each net; the other biases are 0. `initializer` draws the input weights
    (inputs, hidden) of each gate and the readout, `recurrent_initializer` the (hidden, hidden) of each gate:
    a name or a callable, or one of them for each net. weights[0], weights[1] and biases[0] hold the gates
    side by side in the order input, forget, output, candidate.

    Source: Jozefowicz, Zaremba & Sutskever 2015, section 3.2, for the forget bias of 1.

    >>> import numpy as np
    >>> stack = lstm((1, 16, 2), seeds=[0, 0], forget_bias=[1.0, Chrono(60)])
    >>> stack.forward(np.zeros((5, 60, 1))).output.shape
    (2, 5, 2)
    >>> stack.biases[0][0, 16:32].tolist() == [1.0] * 16
    True
    """
    sizes = checks.integers("widths", widths, minimum=1, length=3)
    if len(sizes) != 3:
        raise ValueError(f"widths must be (inputs, hidden, outputs). Received: {checks.shown(sizes)}.")
    inputs, hidden, outputs = sizes
    nets = len(checks.integers("seeds", seeds, minimum=0, maximum=None))
    gate = spread(initializer, nets, "net", "initializer")
    back = spread(recurrent_initializer, nets, "net", "recurrent_initializer")
    table = [[one] * 4 + [two] * 4 + [one] for one, two in zip(gate, back, strict=True)]
    shapes = [(inputs, hidden)] * 4 + [(hidden, hidden)] * 4 + [(hidden, outputs)]
    builder = Builder(seeds, dtype, shapes, table)
    weight = builder.add(np.concatenate([builder.draw() for _ in range(4)], axis=2), "weight")
    recurrent = builder.add(np.concatenate([builder.draw() for _ in range(4)], axis=2), "weight")
    bias = builder.add(_gate_biases(forget_bias, builder, hidden), "bias")
    layers = [LSTM(weight, recurrent, bias), builder.weight_layer()]
    return builder.network(
        layers, activations.get("tanh"), sizes, input_shape=(None, inputs), pre=layers[1:], post=layers[1:]
    )


def _gate_biases(forget: object, builder: Builder, hidden: int) -> Array:
    """Return biases (nets, 4 hidden): forget gates as asked, input gates minus that for `Chrono`, else 0."""
    nets = len(builder.seeds)
    is_list = isinstance(forget, Sequence) and not isinstance(forget, Chrono)
    many = is_list or (isinstance(forget, np.ndarray) and forget.ndim > 0)
    choices = checks.sequence("forget_bias", forget) if many else [forget] * nets
    if len(choices) != nets:
        raise ValueError(f"forget_bias needs one entry for each of {nets} nets. Received: {len(choices)}.")
    biases = np.zeros((nets, 4, hidden), builder.dtype)
    for net, (seed, one) in enumerate(zip(builder.seeds, choices, strict=True)):
        if isinstance(one, Chrono):
            longest = checks.integer("Chrono.longest", one.longest, minimum=3)
            rng = generator(seed, BIASES, 0)
            biases[net, 1] = np.log(rng.uniform(1, longest - 1, hidden))
            biases[net, 0] = -biases[net, 1]
        else:
            biases[net, 1] = checks.real(
                f"forget_bias[{net}]", one, minimum=-builder.largest, maximum=builder.largest
            )
    flat: Array = biases.reshape(nets, -1)
    return flat


def _activated(gates: Array) -> tuple[Array, Array, Array, Array]:
    """Apply sigmoid to three gates and tanh to the candidate, in place; return the four.

    1 / (1 + e^-z) = (1 + tanh(z / 2)) / 2 cannot overflow, and leaves one tanh over all of the memory.
    """
    sigmoids = gates[:, :, : gates.shape[2] // 4 * 3]
    sigmoids *= 0.5
    np.tanh(gates, out=gates)
    sigmoids += 1
    sigmoids *= 0.5
    return _parts(gates)


def _parts(gates: Array) -> tuple[Array, Array, Array, Array]:
    units = gates.shape[2] // 4
    i, f, o, g = (gates[:, :, start : start + units] for start in range(0, 4 * units, units))
    return i, f, o, g
