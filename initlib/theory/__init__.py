"""Signal propagation in wide networks: gains, variance and correlation maps, criticality, depth scales.

The pre-activations of a wide random network are Gaussian: those of layer l have second moment q_l, and those
of two inputs have correlation c_l. Weights have variance sigma_w^2 / fan_in, biases sigma_b^2. An activation
is a name, an `Activation` or a callable; what needs its derivative refuses a bare callable.

Source: Poole et al. 2016, arXiv:1606.05340; Schoenholz et al. 2017, arXiv:1611.01232.
"""

from initlib.facades import own
from initlib.theory.criticality import CriticalPoint, SemiCriticalPoint, critical_sigma_w, semi_critical_point
from initlib.theory.finite_width import FiniteWidthBand, JacobianMoments, finite_width_band, jacobian_moments
from initlib.theory.fixed_points import (
    CorrelationFixedPoint,
    DepthScales,
    VarianceFixedPoint,
    correlation_fixed_point,
    depth_scales,
    variance_fixed_point,
)
from initlib.theory.maps import (
    ResidualProfile,
    chi,
    correlation_map,
    gain,
    residual_profile,
    variance_map,
)

__all__ = [
    "CorrelationFixedPoint",
    "CriticalPoint",
    "DepthScales",
    "FiniteWidthBand",
    "JacobianMoments",
    "ResidualProfile",
    "SemiCriticalPoint",
    "VarianceFixedPoint",
    "chi",
    "correlation_fixed_point",
    "correlation_map",
    "critical_sigma_w",
    "depth_scales",
    "finite_width_band",
    "gain",
    "jacobian_moments",
    "residual_profile",
    "semi_critical_point",
    "variance_fixed_point",
    "variance_map",
]

own(globals())
