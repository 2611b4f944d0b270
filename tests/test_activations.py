"""Every activation: exact to rounding against mpmath, silent in the tails, and clear about bad input."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from data import make_gaussian_reference as reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mpmath import mp, mpf

from initlib import activations
from initlib.activations import Activation

EXACT = {name: pair[:2] for name, pair in reference.ACTIVATIONS.items()} | {"sin": (mp.sin, mp.cos)}
KINKS = {name: entry[2] for name, entry in reference.ACTIVATIONS.items()} | {"sin": ()}
POINTS = [s * x for x in (1e-9, 1e-3, 0.3, 0.999, 1.001, 2.5, 7.0, 25.0) for s in (1, -1)]
TAILS = np.array([0.0, *(s * x for x in (50.0, 200.0, 1e3, 1e4, 1e10, 1e30) for s in (1, -1))])
both_parts = pytest.mark.parametrize("part", ["function", "derivative"])
every = pytest.mark.parametrize("name", sorted(EXACT))


def test_every_name_is_tested():
    assert activations.names() == sorted(EXACT)


@every
@both_parts
def test_values_are_exact_to_rounding(name, part):
    phi = activations.get(name)
    exact = [float(EXACT[name][part == "derivative"](mpf(x))) for x in POINTS]
    # Where a derivative passes through 0 its terms cancel, so that it is exact to rounding of the terms.
    np.testing.assert_allclose(getattr(phi, part)(np.array(POINTS)), exact, rtol=2e-15, atol=2e-16)


@pytest.mark.parametrize("name", ["sigmoid", "gelu", "gelu_tanh", "silu", "softplus", "mish", "elu", "tanh"])
def test_left_tails_keep_relative_precision(name):
    phi = activations.get(name)
    x = np.array([-3.0, -6.0, -9.0, -12.0])
    with mp.workdps(120):
        exact = [float(EXACT[name][0](mpf(one))) for one in x]
    np.testing.assert_allclose(phi(x), exact, rtol=1e-12)
    assert (phi(x) != 0).all()


@every
@both_parts
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tails_are_finite_and_silent_and_the_dtype_is_kept(name, part, dtype):
    values = getattr(activations.get(name), part)(TAILS.astype(dtype).reshape(1, -1))
    assert values.dtype == dtype
    assert values.shape == (1, TAILS.size)
    assert np.isfinite(values).all()


@every
def test_limits_far_out(name):
    phi = activations.get(name)
    far = np.array([-1e30, 1e30])
    if name != "sin":
        growing = {"identity": (1, 1), "leaky_relu": (0.01, 1), "selu": (0, 1.0507009873554805)}
        bounded = ("tanh", "sigmoid", "softsign", "hard_tanh", "erf")
        slopes = growing.get(name, (0, 0) if name in bounded else (0, 1))
        np.testing.assert_allclose(phi.derivative(far), slopes, atol=1e-30)


@every
def test_float32_agrees_with_float64(name):
    phi = activations.get(name)
    x = np.linspace(-8, 8, 4001, dtype=np.float32)
    for part in (phi.function, phi.derivative):
        np.testing.assert_allclose(part(x), part(x.astype(float)), rtol=1e-5, atol=3e-6)


@every
def test_kinks_are_declared(name):
    assert activations.get(name).kinks == KINKS[name]


def test_the_slope_of_relu_at_zero_is_zero_as_in_the_frameworks():
    np.testing.assert_array_equal(activations.get("relu").derivative(np.array([0.0, -0.0])), 0.0)


@every
def test_input_is_not_modified_and_the_result_is_not_the_input(name):
    x = np.linspace(-2, 2, 7)
    before = x.copy()
    for part in (activations.get(name).function, activations.get(name).derivative):
        assert not np.shares_memory(part(x), x)
        np.testing.assert_array_equal(x, before)


@every
def test_activations_survive_pickling(name):
    phi = pickle.loads(pickle.dumps(activations.get(name)))
    assert (phi.name, phi.kinks) == (name, KINKS[name])
    assert phi(0.7) == activations.get(name)(0.7)


@given(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5), st.sampled_from(sorted(EXACT)))
def test_any_shape_works(shape, name):
    phi = activations.get(name)
    x = np.full(shape, -0.4)
    assert np.shape(phi(x)) == np.shape(phi.derivative(x)) == shape


def test_calls_take_lists_and_integers():
    np.testing.assert_array_equal(activations.get("relu")([-1, 2]), [0.0, 2.0])
    assert activations.get("sigmoid")(np.array([0], dtype=np.uint8)).dtype == np.float64


@pytest.mark.parametrize("x", [1j, "a", [object()]])
def test_calls_refuse_what_is_not_real(x):
    with pytest.raises(TypeError, match=r"must be an array of (real )?numbers"):
        activations.get("relu")(x)


@pytest.mark.parametrize(("alias", "name"), [("linear", "identity"), ("swish", "silu")])
def test_aliases(alias, name):
    assert activations.get(alias) is activations.get(name)


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0, 3.0, -0.5])
def test_leaky_relu_takes_any_slope(slope):
    phi = activations.leaky_relu(slope)
    np.testing.assert_array_equal(phi([-2.0, 0.0, 3.0]), [-2 * slope, 0.0, 3.0])
    np.testing.assert_array_equal(phi.derivative(np.array([-2.0, 3.0])), [slope, 1.0])
    assert phi.kinks == (0.0,)


@pytest.mark.parametrize("alpha", [1.0, 0.5, 2.0])
def test_elu_takes_any_alpha(alpha):
    phi = activations.elu(alpha)
    np.testing.assert_allclose(phi([-2.0, 3.0]), [alpha * np.expm1(-2.0), 3.0], rtol=1e-15)
    np.testing.assert_allclose(phi.derivative(np.array([-2.0, 3.0])), [alpha * np.exp(-2.0), 1.0], rtol=1e-15)


def test_default_parameters_are_the_named_activations():
    for phi, name in ((activations.leaky_relu(), "leaky_relu"), (activations.elu(), "elu")):
        assert phi.name == name
        assert phi(-1.5) == activations.get(name)(-1.5)


@pytest.mark.parametrize("parameter", [np.nan, np.inf, "0.1", None])
def test_parameters_must_be_finite_numbers(parameter):
    for family in (activations.leaky_relu, activations.elu):
        with pytest.raises((ValueError, TypeError), match="must be a finite number"):
            family(parameter)


def test_unknown_names_list_the_known_and_the_closest():
    with pytest.raises(ValueError, match=r"Received: 'geluu'.*'tanh'.*Did you mean 'gelu'\?"):
        activations.get("geluu")


@pytest.mark.parametrize("thing", [None, 3, 2.5, ["relu"]])
def test_what_is_no_activation_is_refused(thing):
    with pytest.raises(TypeError, match=r"a name, an Activation or a callable\. Received"):
        activations.get(thing)


def test_callables_become_smooth_activations_without_derivative():
    phi = activations.get(np.arctan)
    assert (phi.name, phi.derivative, phi.kinks) == ("arctan", None, ())
    with pytest.raises(ValueError, match=r"derivative of 'arctan' is needed here: pass .*Activation\("):
        activations.get(np.arctan, derivative=True)


def test_an_activation_is_returned_as_it_is():
    phi = Activation("cube", lambda x: x**3, lambda x: 3 * x**2)
    assert activations.get(phi, derivative=True) is phi


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: 2 * x,
        lambda x: np.cos(x) + 0.05,
        lambda x: -np.cos(x),
        lambda x: np.full_like(x, np.nan),
    ],
)
def test_a_wrong_derivative_is_refused(wrong):
    with pytest.raises(ValueError, match=r"does not fit its function.*differences give"):
        Activation("sine", np.sin, wrong)


def test_a_derivative_is_not_compared_at_kinks():
    at = 0.17  # one of the points of the comparison
    phi = Activation("shifted", lambda x: np.maximum(x, at), lambda x: (x > at) * 1.0, (at,))
    assert phi.kinks == (at,)


@pytest.mark.parametrize("kinks", [(np.nan,), (np.inf,), 0.0, [[0.0]], ("a",)])
def test_kinks_must_be_a_row_of_finite_numbers(kinks):
    with pytest.raises((ValueError, TypeError), match="kinks"):
        Activation("relu", lambda x: np.maximum(x, 0), None, kinks)


def test_kinks_are_sorted_and_unique():
    assert Activation("x", np.abs, None, (1, -1, 1)).kinks == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (None, TypeError, "must be callable"),
        (lambda: 1, TypeError, "must take a float array. It raised"),
        (lambda x: x.sum(), ValueError, "one float for each entry"),
        (lambda x: x[:-1], ValueError, "one float for each entry"),
        (lambda x: x + 1j, ValueError, "dtype complex128"),
        (lambda x: 1 if x > 0 else 0, TypeError, "must take a float array. It raised"),
    ],
)
def test_functions_that_cannot_serve_are_refused(function, error, message):
    with pytest.raises(error, match=message):
        Activation("bad", function)
    with pytest.raises(error, match=message):
        Activation("bad", np.sin, function) if function is not None else Activation("bad", None)


def test_a_name_must_be_a_string():
    with pytest.raises(TypeError, match="name must be a string"):
        Activation(3, np.sin)


def test_scipy_is_loaded_only_by_what_needs_it():
    script = (
        "import sys; from initlib import activations;"
        "activations.get('relu')(1.0); assert 'scipy' not in sys.modules;"
        "activations.get('gelu')(1.0); assert 'scipy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_no_warning_is_left_to_the_caller():
    with warnings.catch_warnings(), np.errstate(over="raise", divide="raise", invalid="raise"):
        warnings.simplefilter("error")
        for name in activations.names():
            phi = activations.get(name)
            phi(np.linspace(-1e4, 1e4, 2001))
            phi.derivative(np.linspace(-1e4, 1e4, 2001))
