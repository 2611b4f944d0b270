"""Call every public function with good and bad arguments, by seed, and list each way in which one misbehaves.

Allowed are a result, or a ValueError or TypeError with a short sentence raised by initlib itself. Violations
are other exceptions, warnings, NaN from finite arguments, more than two seconds of processor, and a changed
argument or global generator. Calls that misbehave in the same way at the same line count once.
"""

import argparse
import dataclasses
import importlib
import inspect
import random
import re
import signal
import sys
import traceback
import warnings
from collections import Counter
from fractions import Fraction
from pathlib import Path

import matplotlib.figure
import matplotlib.pyplot
import numpy as np

from initlib import (
    activations,
    datasets,
    evidence,
    explorers,
    figures,
    networks,
    propagation,
    recommend,
    training,
)

MODULES = (
    "initializers", "activations", "gaussian", "theory", "networks", "propagation", "training", "datasets",
    "recommendation", "testing", "evidence", "frameworks", "explorers", "figures", "diagnosis",
)  # fmt: skip
# They train for long, write files, or are the book's own report.
LEFT_OUT = {
    "sweep",
    "run",
    "confirm",
    "renew",
    "save",
    "live",
    "verdicts",
    "summary",
    "is_current",
    "lab",
    "guide",
}
SECONDS, LONGEST = 2, 1000
X = np.random.default_rng(0).standard_normal((6, 4))
NETS = networks.mlp((4, 5, 3), "relu", "he_normal", seeds=[0, 1])
TRACE = NETS.forward(X)
datasets.digits(), datasets.wine(), datasets.breast_cancer()  # scikit-learn is loaded once
DATA = datasets.Dataset("few", X, [0, 1, 2, 0, 1, 2], 3)
AXES = [explorers.Axis("layer", [1, 2]), explorers.Axis("scale", [0.5, 1.0, 2.0])]
TABLE = explorers.Table(AXES, {"rms": (["scale", "layer"], np.ones((3, 2)))})
EXPLORER = explorers.Explorer("Signal", TABLE, ["scale"], [explorers.Lines("Signal", "layer", "rms", "rms")])
FIGURE = matplotlib.figure.Figure()
AXIS = FIGURE.add_subplot()
RESULT = evidence.load("he-depth")
ANSWER = recommend(activation="relu")
explorers.rates(), explorers.training_map()  # load their archives once
GOOD = {
    "shape": [(4, 3), (3, 3, 2, 4), (0, 2), 5, [6, 2]],
    "widths": [(4, 5, 3), [8] * 4],
    "seeds": [[0], (1, 2)],
    "channels": [(1, 4, 3)],
    "window": [3, (3, 3)],
    "network": [NETS],
    "x": [X],
    "inputs": [X],
    "dataset": [DATA],
    "labels": [[0, 1, 2, 0, 1, 2]],
    "activation": ["relu", "tanh", "gelu", np.tanh, "erf"],
    "initializer": ["he_normal", "zeros", "orthogonal"],
    "f": [np.square, np.tanh],
    "function": [np.tanh],
    "kinks": [(), (0.0,)],
    "rng": [0, None],
    "dtype": ["float32", "float64", float],
    "layout": ["io", "oi"],
    "loss": ["softmax", "squared"],
    "optimizer": ["sgd", "adam"],
    "name": ["relu", "digits", "he_normal"],
    "values": [[1.0, 2.0, 4.0]],
    "first": [[1.0, 2.0]],
    "second": [[0.0, 3.0]],
    "k": [1],
    "n": [3, 20],
    "weights": [np.random.default_rng(1).standard_normal(10**4)],
    "expected": [1.0],
    "c": [0.5, [0.1, -0.2]],
    "q": [1.0, 0.5, [1.0, 2.0]],
    "direction": ["forward", "backward"],
    "architecture": ["mlp", "lstm"],
    "normalisation": [None, "none", "batch", "layer"],
    "ensemble": ["gaussian", "orthogonal"],
    "low": [-1.0],
    "high": [1.0],
    "bounds": [(-2, 2), (0, 1)],
    "mode": ["fan_in", "fan_avg"],
    "epochs": [1, 2],
    "blocks": [2],
    "distribution": ["normal", "uniform", "truncated_normal"],
    "family": ["normal"],
    "formula": ["2 / fan_in"],
    "trace": [TRACE],
    "output_gradient": [TRACE.output],
    "nets": [[0], [1, 0]],
    "variant": ["plain", "fixup"],
    "groups": [1],
    "transposed": [False],
    "depth": [3],
    "width": [8, 32],
    "steps": [5],
    "samples": [4, 9],
    "seed": [0, 3],
    "learning_rate": [0.1, [0.1, 0.2]],
    "threads": [1],
    "batch_size": [4, 64],
    "longest": [10],
    # Of explorers and figures.
    "activations": [["relu"], ["tanh", "gelu"]],
    "depths": [[1, 2], [3]],
    "scales": [[0.5, 1.0], [2.0]],
    "ensembles": [["gaussian"], ["orthogonal"]],
    "normalisations": [["none"], ["layer norm", "batch norm"]],
    "layers": [2],
    "fine_sigma_w": [[0.5, 2.0]],
    "fine_sigma_b": [[0.0, 0.5]],
    "table": [TABLE],
    "controls": [["scale"]],
    "panels": [[explorers.Lines("Signal", "layer", "rms", "rms")]],
    "axes": [AXES],
    "log": [[], ["rms"]],
    "title": ["Signal"],
    "label": ["rms"],
    "networks": [{"He": NETS}],
    "axis": [AXIS],
    "measured": [np.ones((2, 3))],
    "predicted": [None, np.ones(3)],
    "curves": [np.ones((2, 3))],
    "look": [figures.LOOKS[0]],
    "figure": [FIGURE],
    "signals": [[np.ones((2, 3))]],
    "places": [["here"]],
    "text": ["A finding"],
    "start": [{}],
    "marks": [{"He": 2.0}],
    "at": [{"scale": 1}],
    "texts": [("yes", "no")],
    "value": ["rms"],
    "y": ["rms"],
    "bins": ["layer"],
    "play": [None, "scale"],
    # Of evidence.
    "experiment": ["he-depth"],
    "part": ["final"],
    "metric": ["test_accuracy"],
    "source": ["a paper"],
    "claim": ["C1"],
}
OWN = {  # where the same name means something else
    "evidence.load": {"name": ["he-depth"]},
    "explorers.View": {"table": [TABLE]},
    "explorers.Table": {"values": [{"rms": (["scale", "layer"], np.ones((3, 2)))}]},
    "explorers.Axis": {"values": [[1, 2], ["a", "b"]]},
    "explorers.Lines": {"x": ["layer"]},
    "explorers.Bars": {"x": ["layer"]},
    "explorers.Histogram": {"x": ["layer"]},
    "explorers.HeatMap": {"x": ["layer"], "y": ["scale"]},
    "figures.seed_band": {"x": [[1, 2, 3]]},
    "figures.dots": {"groups": [{"He": [[1.0, 2.0]]}]},
    # All of the arguments that make these small.
    "explorers.signal": {
        "activations": [["relu"]],
        "depths": [[1, 2]],
        "scales": [[1.0]],
        "seeds": [[0]],
        "ensembles": [["gaussian"]],
    },
    "explorers.residual": {
        "normalisations": [["none"]],
        "blocks": [[1, 2]],
        "scales": [[0.5, 1.0]],
        "seeds": [[0]],
    },
    "explorers.histograms": {"activations": [["tanh"]], "layers": [2], "scales": [[1.0]]},
    "explorers.symmetry": {"activations": [["tanh"]], "steps": [[0, 1]]},
    "explorers.order_chaos": {"fine_sigma_w": [[0.5, 2.0]], "fine_sigma_b": [[0.0, 0.5]]},
}
JUNK = [
    None,
    True,
    "",
    "x",
    "nope" * 500,
    b"x",
    0,
    -1,
    2,
    0.5,
    -0.5,
    1.9,
    np.nan,
    np.inf,
    -np.inf,
    1e300,
    -1e300,
    1e-310,
    10**400,
    2**63,
    2**70,
    1j,
    [],
    (),
    {},
    set(),
    [None],
    ["1"],
    [[1.0], [1.0, 2.0]],
    object(),
    len,
    np.ones,
    np.ma.masked,
    np.timedelta64(2),
    np.datetime64("2020"),
    np.int8(100),
    np.float16(3),
    np.longdouble(2),
    np.array(2),
    np.array([]),
    np.ones(3) * 1j,
    np.ma.masked_array([1.0, 2.0], [True, False]),
    np.ones((2, 2), "m8[s]"),
    np.array(["a", "b"]),
    np.array([1, None]),
    np.full((6, 4), np.nan),
    np.full((6, 4), 1e300),
    np.zeros((0, 4)),
    np.zeros((6, 0)),
    Fraction(1, 3),
    (2**63, 0),
    (1,) * 65,
    (2**40, 2**20),
    range(3),
    lambda x: x,
    lambda x: x * 1e200,
    lambda x: np.nan * x,
    NETS,
    DATA,
    float,
    ",",
    "float16",
    np.bool_(True),
    [10**400],
    [True, False],
    slice(3),
    np.random.default_rng(0),
    Exception(),
]


def parts(thing, found):
    """Add to `found` the arguments of every dataclass within a thing, by its class, and return it."""
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        fields = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing) if field.init}
        for name, value in fields.items():
            found.setdefault(type(thing).__name__, {}).setdefault(name, []).append(value)
            parts(value, found)
    elif isinstance(thing, (list, tuple)):
        for one in thing:
            parts(one, found)
    elif isinstance(thing, dict):
        parts(list(thing.values()), found)
    return found


PARTS = {}
for protocol in (RESULT.protocol, evidence.load("zero-symmetry").protocol, ANSWER):
    parts(protocol, PARTS)


def targets():
    """Return the public functions and classes by their full names, and the methods of some objects."""
    found = {}
    for module in MODULES:
        package = importlib.import_module(f"initlib.{module}")
        for name in package.__all__:
            value = getattr(package, name)
            if (inspect.isfunction(value) or takes_arguments(value)) and name not in LEFT_OUT:
                found[f"{module}.{name}"] = value
    for thing in (
        NETS,
        DATA,
        DATA.split(0),
        EXPLORER,
        TABLE,
        AXES[0],
        EXPLORER.view(),
        RESULT,
        ANSWER,
    ):
        for name, _ in inspect.getmembers(type(thing), inspect.isfunction):
            if not name.startswith("_"):
                found[f"{type(thing).__name__}.{name}"] = getattr(thing, name)
    found["Activation()"] = activations.get("gelu")
    return found


def takes_arguments(value):
    """Return whether it is a class to make by hand: no error, no protocol of typing, no bare named tuple."""
    bare = isinstance(value, type) and issubclass(value, (Exception, tuple))
    return inspect.isclass(value) and not bare and not getattr(value, "_is_protocol", False)


def arguments(name, function, dice):
    """Return a call: mostly good arguments, and in most calls one or two of the wrong kind."""
    parameters = [p for p in inspect.signature(function).parameters.values() if p.kind != p.VAR_KEYWORD]
    parameters = [p for p in parameters if p.kind != p.VAR_POSITIONAL]
    chosen = {}
    for p in parameters:
        if p.default is p.empty or p.name in OWN.get(name, {}) or dice.random() < 0.3:
            known = PARTS.get(name.rpartition(".")[2], {}) if name.startswith("evidence.") else {}
            values = {**GOOD, **known, **OWN.get(name, {})}.get(
                p.name, [p.default if p.default is not p.empty else 1.0]
            )
            chosen[p.name] = dice.choice(values)
    for p in dice.sample(parameters, min(len(parameters), dice.choice([0, 1, 1, 1, 2]))):
        chosen[p.name] = dice.choice(JUNK)
    if "threads" in [p.name for p in parameters]:
        chosen.setdefault("threads", 1)
    order = [p for p in parameters if p.name in chosen]
    positional = [chosen[p.name] for p in order if p.kind == p.POSITIONAL_ONLY]
    return positional, {p.name: chosen[p.name] for p in order if p.kind != p.POSITIONAL_ONLY}


def numbers(value, depth=0):
    """Yield the arrays of numbers in a value."""
    if isinstance(value, (float, complex, np.ndarray, np.number)):
        array = np.ma.getdata(np.asarray(value))
        if array.dtype.kind in "fc":
            yield array
    elif isinstance(value, (list, tuple)) and depth < 3:
        for one in value:
            yield from numbers(one, depth + 1)
    elif isinstance(value, (propagation.Profile, training.Fit)):
        yield from numbers(list(vars(value).values()), depth + 1)


def finite(value):
    return all(np.isfinite(array).all() for array in numbers(value))


def snapshot(given):
    return (
        [array.tobytes() for array in numbers(given)],
        np.random.get_state()[1].tobytes(),  # noqa: NPY002
        random.getstate(),
    )


def place(error):
    """Return the deepest line of initlib, and whether a frame of other code came behind it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [i for i, frame in enumerate(frames) if "initlib" in Path(frame.filename).parts]
    if not ours:
        return "the call itself", False
    frame = frames[ours[-1]]
    return f"{Path(frame.filename).name}:{frame.lineno}", ours[-1] < len(frames) - 1


def outcome(function, positional, named):
    """Call it; return what is wrong with what came of it, or None."""
    before = snapshot([*positional, *named.values()])

    def too_long(*_):
        raise TimeoutError

    signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = function(*positional, **named)
    except (ValueError, TypeError, AssertionError) as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        where, inside = place(error)
        if inside:
            return f"{type(error).__name__} from inside, {where}"
        if not 10 < len(str(error)) < LONGEST:
            return f"a message of {len(str(error))} characters, {where}"
    except BaseException as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        if isinstance(error, KeyboardInterrupt):
            raise
        if isinstance(error, ModuleNotFoundError) and re.search(
            r"pip install 'initlib\[|PyTorch", str(error)
        ):
            return None  # a package that was not installed, named with what installs it
        return f"{type(error).__name__}, {place(error)[0]}"
    else:
        signal.setitimer(signal.ITIMER_PROF, 0)
        nan = any(np.isnan(array).any() for array in numbers(result))
        if nan and finite([*positional, *named.values()]):
            return "NaN from finite arguments"
    if snapshot([*positional, *named.values()]) != before:
        return "a changed argument or global generator"
    return None


def fuzz(calls, seed, only=""):
    """Return how often each violation came, and an example of each; `only` is in the names of the targets."""
    dice, found, examples = random.Random(seed), Counter(), {}
    functions = targets()
    names = [name for name in sorted(functions) if only in name]
    for _ in range(calls):
        name = dice.choice(names)
        positional, named = arguments(name, functions[name], dice)
        wrong = outcome(functions[name], positional, named)
        matplotlib.pyplot.close("all")
        if wrong:
            found[name, wrong] += 1
            examples.setdefault((name, wrong), str({**dict(enumerate(positional)), **named})[:200])
    return found, examples


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="what the names of the functions to call contain")
    parser.add_argument("--allow", type=int, default=0, help="so many violations are no failure")
    options = parser.parse_args()
    found, examples = fuzz(options.calls, options.seed, options.only)
    for (name, wrong), count in sorted(found.items()):
        print(f"{name}: {wrong} ({count} times), as with {' '.join(examples[name, wrong].split())}")
    print(f"fuzz: {options.calls} calls, {len(found)} violations")
    return len(found) > options.allow


if __name__ == "__main__":
    sys.exit(main())
