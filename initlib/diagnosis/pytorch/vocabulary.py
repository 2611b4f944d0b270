"""What the functions of PyTorch are to the doctor, by their names without underscores."""

from collections.abc import Mapping, Sequence
from typing import Any


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


VIEWS = _names(
    "view reshape flatten unflatten permute transpose t T mT H mH swapaxes swapdims movedim moveaxis squeeze "
    "unsqueeze contiguous getitem chunk split split_with_sizes unbind tensor_split narrow select expand "
    "expand_as to float half double bfloat16 type type_as clone dropout dropout1d dropout2d dropout3d "
    "alpha_dropout feature_dropout feature_alpha_dropout pad detach data requires_grad repeat "
    "repeat_interleave roll flip cpu cuda index_select gather masked_fill masked_select unfold fold "
    "pixel_shuffle pixel_unshuffle channel_shuffle interpolate upsample view_as reshape_as nan_to_num "
    "ravel diagonal triu tril hsplit vsplit real view_as_real view_as_complex complex subclass as_subclass "
    "adjoint atleast_2d atleast_3d broadcast_to broadcast_tensors as_strided pin_memory alias lift_fresh"
)
SUMS = _names("add iadd radd sub isub rsub subtract")
PRODUCTS = _names("mul imul rmul multiply div idiv rdiv truediv rtruediv itruediv true_divide divide")
JOINS = _names("cat concat concatenate stack hstack vstack dstack")
MATMULS = _names("matmul rmatmul imatmul mm bmm mv addmm baddbmm addmv einsum tensordot bilinear inner")
CONVOLUTIONS = _names(
    "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution conv_tbc"
)
NORMS = _names(
    "batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm normalize "
    "native_layer_norm native_batch_norm native_group_norm"
)
RECURRENT = _names("lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell quantized_lstm")
POOLS = _names(
    "mean sum amax amin max min nanmean median avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d "
    "adaptive_avg_pool2d adaptive_avg_pool3d max_pool1d max_pool2d max_pool3d adaptive_max_pool1d "
    "adaptive_max_pool2d adaptive_max_pool3d lp_pool1d lp_pool2d fractional_max_pool2d cumsum index_add "
    "scatter_add segment_reduce"
)
NONLINEAR_POOLS = ("max", "amax", "amin", "min", "lp_pool", "median")
ATTENTION = _names("scaled_dot_product_attention")
SOFTMAXES = _names("softmax log_softmax gumbel_softmax softmin")
LOOKUPS = _names("embedding embedding_bag")
REDUCING = _names("rsqrt sqrt norm vector_norm linalg_vector_norm std var std_mean var_mean")
# PyTorch's name -> the name of the same function in initlib.activations, or one of our own.
ACTIVATIONS = {
    "relu": "relu",
    "relu6": "relu6",
    "threshold": "relu",
    "leaky_relu": "leaky_relu",
    "rrelu": "leaky_relu",
    "prelu": "leaky_relu",
    "elu": "elu",
    "celu": "elu",
    "selu": "selu",
    "gelu": "gelu",
    "silu": "silu",
    "mish": "mish",
    "softplus": "softplus",
    "softsign": "softsign",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "logsigmoid": "logsigmoid",
    "hardtanh": "hard_tanh",
    "hardsigmoid": "hard_sigmoid",
    "hardswish": "hard_swish",
    "hardshrink": "shrink",
    "softshrink": "shrink",
    "tanhshrink": "shrink",
    "sin": "sin",
    "cos": "sin",
    "erf": "erf",
    "glu": "glu",
}
LOSSES = {
    "cross_entropy": "cross_entropy",
    "nll_loss": "nll",
    "nll_loss_nd": "nll",
    "binary_cross_entropy": "binary",
    "binary_cross_entropy_with_logits": "binary_logits",
    "mse_loss": "squared",
    "l1_loss": "absolute",
    "smooth_l1_loss": "squared",
    "huber_loss": "squared",
}
ORDER = {
    "linear": ("input", "weight", "bias"),
    "conv": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "conv_transpose": (
        "input",
        "weight",
        "bias",
        "stride",
        "padding",
        "output_padding",
        "groups",
        "dilation",
    ),
}


def plain_name(function: Any) -> str:
    """Return the bare name of what was called: "add" for Tensor.add_, Tensor.__iadd__ keeps its i."""
    name = getattr(function, "__name__", "") or type(function).__name__
    if name == "__get__":
        name = getattr(getattr(function, "__self__", None), "__name__", name)
    return str(name).strip("_").removesuffix("_with_indices")


def argument(args: Sequence[Any], kwargs: Mapping[str, Any], name: str, family: str) -> Any:
    """Return the argument `name` of a linear layer or convolution, wherever it stands; None if left out."""
    if name in kwargs:
        return kwargs[name]
    place = ORDER[family].index(name)
    return args[place] if place < len(args) else None
