"""E3: the critical point against He in deep SiLU nets, on other grounds than SGD, 64 units, small digits.

sigma_w = 1.409966, sigma_b = 0.745079: the end of the stable part of SiLU's critical line (Roberts, Yaida &
Hanin 2022, arXiv:2106.10165). Behind C9, C13 and C15. Pilots: seeds 0 to 2.
"""

from functools import partial

from initlib import initializers
from initlib.experiments._elsewhere import protocol

PROTOCOL = protocol(
    "elsewhere-silu",
    "E3",
    "In SiLU nets of 20 layers critical weights and biases read new data better than He's weights.",
    {
        "critical": {
            "initializer": partial(initializers.variance_scaling, scale=1.409966**2),
            "bias_initializer": partial(initializers.normal, std=0.745079),
        },
        "He": {"initializer": "he_normal"},
    },
    depth=20,
    activation="silu",
    learning_rates=(0.001, 0.003, 0.01, 0.03, 0.1),
    seeds=1300,
)
