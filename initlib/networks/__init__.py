"""Neural networks as stacks: one call builds many nets of one shape, which run and train together."""

from initlib.facades import own
from initlib.networks.adapters import low_rank
from initlib.networks.building import PerNet
from initlib.networks.calibration import Calibration, lsuv
from initlib.networks.convolution import convolutional
from initlib.networks.mlp import PARAMETRISATIONS, mlp
from initlib.networks.normalisation import EPSILON
from initlib.networks.recurrent import Chrono, lstm
from initlib.networks.residual import residual
from initlib.networks.stacks import Gradients, Network, Trace
from initlib.networks.transformers import roles, transformer

__all__ = [
    "EPSILON",
    "PARAMETRISATIONS",
    "Calibration",
    "Chrono",
    "Gradients",
    "Network",
    "PerNet",
    "Trace",
    "convolutional",
    "low_rank",
    "lstm",
    "lsuv",
    "mlp",
    "residual",
    "roles",
    "transformer",
]

own(globals())
