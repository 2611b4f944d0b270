"""Call every public function, class and method with good and bad arguments, by seed; list what misbehaves.

Allowed are a result, or a ValueError or TypeError with a short sentence that a `raise` of initlib's gives; of
Python's own, only that a call does not fit the signature. Violations are other exceptions, warnings, NaN from
finite arguments, more than two seconds of processor, and a changed argument or global generator. Calls that
misbehave in the same way at the same line count once.
"""

import argparse
import collections
import contextlib
import dataclasses
import enum
import importlib
import inspect
import operator
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import traceback
import types
import warnings
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path

import matplotlib.figure
import matplotlib.pyplot
import numpy as np

import initlib
from initlib import (
    activations,
    datasets,
    diagnosis,
    evidence,
    explorers,
    figures,
    frameworks,
    initializers,
    networks,
    propagation,
    recommend,
    theory,
    training,
)
from initlib.evidence import archives
from initlib.evidence.parts import How
from initlib.testing import assert_variance

MODULES = (*initlib._MODULES, "explorers.guide", "explorers.lab")
TALLY = Counter()  # of what was answered and what was refused
REFUSALS = (ValueError, TypeError, AssertionError)  # the last is for `assert_variance`
SECONDS, LONGEST = 2, 1000
# Python's own sentence about a call that does not fit the signature, behind a decorator.
SIGNATURE = r"^\w+\(\) (missing \d|takes \d|got multiple)"
# Their NaN means something, as their docstrings say.
UNDEFINED = {"explorers.HeatMap.place", "explorers.HeatMap.marked", "initializers.Spec.kurtosis"}
SLOW = dict.fromkeys(
    ["evidence.run", "evidence.confirm", "evidence.verdicts", "evidence.Measurement.run"], 60
)  # they read or run everything

X = np.random.default_rng(0).standard_normal((6, 4))
NETS = networks.mlp((4, 5, 3), "relu", "he_normal", seeds=[0, 1])
TRACE = NETS.forward(X)
datasets.digits(), datasets.wine(), datasets.breast_cancer()  # scikit-learn is loaded once
DATA = datasets.Dataset("few", X, [0, 1, 2, 0, 1, 2], 3)
SPLIT = DATA.split(0)
AXES = [explorers.Axis("layer", [1, 2]), explorers.Axis("scale", [0.5, 1.0, 2.0])]
VALUES = {
    "rms": (["scale", "layer"], np.arange(1.0, 7).reshape(3, 2)),
    "share": (["scale", "layer"], np.full((3, 2), 0.5)),
    "word": (["scale"], np.array([0, 1, 0])),
}
TABLE = explorers.Table(AXES, VALUES)
LINES = explorers.Lines("Signal", "layer", "rms", "rms")
PANELS = [
    LINES,
    explorers.Bars("Signal", "layer", "rms", "rms"),
    explorers.HeatMap("Signal", "layer", "scale", "rms", "rms"),
    explorers.Histogram("Signal", "layer", "scale", "share", "share"),
    explorers.Answer("Signal", "word", ("yes", "no")),
]
EXPLORER = explorers.Explorer("Signal", TABLE, ["scale"], [LINES])
VIEW = EXPLORER.view()
FIGURE = matplotlib.figure.Figure()
AXIS = FIGURE.add_subplot()
RESULT = evidence.load("he-depth")
TRAINED = evidence.load("zero-symmetry")
MEASURED = evidence.load("truncated-normal")
ANSWER = recommend(activation="relu")
SICK = networks.mlp((4, *[20] * 12, 3), "relu", initializers.normal, seeds=[0])
REPORT = diagnosis.diagnose(SICK, np.random.default_rng(0).standard_normal((64, 4)))
explorers.rates(), explorers.training_map()  # load their archives once
PART = MEASURED.protocol.parts["signals"]
TINY = evidence.Training(
    arms={"he": {"initializer": "he_normal"}, "zero": {"initializer": "zeros"}},
    learning_rates=(0.01, 0.02, 0.05, 0.1, 0.2),
    seeds=range(100, 110),
    tuning_seeds=(200,),
    settings={"dataset": "wine", "width": 4, "epochs": 1, "validation": 0.1},
    tuned_by="accuracy",
    tolerance={"first_loss": 0.1},
    sample=({"arm": "he", "seed": 100},),
    conditions={"depth": (2, 3)},
    extensions=0,
)
TRIED = {"stage": "final", "arm": "he", "depth": 2, "learning_rate": 0.1, "seed": 100, "epochs": 1}
PLACE = {"arm": ["he"], "depth": [2], "learning_rate": [0.1], "seed": [100]}
ROW = MEASURED.parts["signals"][0]
RULE = RESULT.protocol.rules[0]
OUTCOMES = {finding.test: finding.outcome for finding in RESULT.findings}
COMPARISON = next(one for one in RESULT.protocol.tests if isinstance(one, evidence.Difference))
# One or more objects of every public class: their methods are called, and their fields make new ones.
THINGS = [
    NETS,
    TRACE,
    NETS.backward(TRACE, TRACE.output),
    DATA,
    SPLIT,
    *PANELS,
    EXPLORER,
    VIEW,
    *AXES,
    PART,
    TINY,
    RULE,
    RESULT,
    TRAINED,
    MEASURED,
    RESULT.box(),
    RESULT.table(),
    evidence.AnyRule("upheld", {"a": "yes"}, ({"b": "yes"}, {"c": "no"})),
    evidence.Metric("final", "test_accuracy"),
    evidence.proportion(3, 10),
    evidence.Verdicts({"C1": RESULT}, {"R1": TRAINED}, {}, {"D1": RESULT}),
    ANSWER,
    REPORT,
    diagnosis.Changes((diagnosis.Change("w", "Linear", "He", 1.0, 2.0),), {"b": "a bias"}),
    *diagnosis.CATALOGUE.values(),
    explorers.guide(),
    explorers.lab(),
    frameworks.defaults()[0],
    *initializers.SPECS.values(),
    activations.get("gelu"),
    propagation.measure(NETS, X),
    training.fit(NETS, DATA, epochs=1),
    training.sweep({"depth": [2]}, [0], epochs=1, n_jobs=1, train_samples=50),
    networks.lsuv(NETS, X),
    networks.Chrono(10),
    figures.LOOKS[0],
    theory.variance_fixed_point("tanh", 2.0, 0.5),
    theory.correlation_fixed_point("tanh", 2.0, 0.5),
    theory.critical_sigma_w("tanh", 0.5),
    theory.semi_critical_point("gelu"),
    theory.depth_scales("tanh", 2.0, 0.5),
    theory.finite_width_band([8] * 4),
    theory.jacobian_moments("tanh", 1.0, 1.0, 3),
    theory.residual_profile(2, "relu", 1.0),
]
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
    "view": [VIEW],
    "names": [["rms"]],
    "index": [0],
    "mark": [1.0],
    "control": ["scale"],
    "preset": ["he", "why"],
    "framework": ["PyTorch", "Keras", "JAX"],
    # Of evidence.
    "experiment": ["he-depth"],
    "result": [MEASURED],
    "results": [None, {"C1": RESULT}],
    "links": [{"C1": "he.html"}],
    "maps": [{}],
    "outcomes": [OUTCOMES],
    "other": [RULE],
    "findings": [RESULT.findings],
    "by_seed": [[{0: [1.0], 1: [0.5]}]],
    "test": [RESULT.protocol.tests[0].name],
    "ground": [None, "Adam"],
    "about": ["", "He"],
    "margin": [0.1],
    "grid": [{"depth": [2]}],
    "n_jobs": [1],
    "progress": [False],
    "store": [None, "cells.sqlite"],
    "where": [None, "archives"],
    "how": [How(n_jobs=1)],
    "row": [ROW],
    "rows": [[ROW]],
    "model": [NETS],
    "batch": [np.random.default_rng(0).standard_normal((64, 4))],
    "rule": ["he_normal"],
    "part": ["final"],
    "metric": ["test_accuracy"],
    "source": ["a paper"],
    "claim": ["C1"],
}
LAYERS = {
    "inputs": [64],
    "outputs": [32],
    "sizes": [{"fan_in": 64, "fan_out": 32, "inputs": 64, "outputs": 32}],
}
OWN = {  # where the same name means something else
    "activations.is_standard": {"activation": [activations.get("gelu")]},
    "diagnosis.diagnose": {"model": [SICK]},
    **{
        f"evidence.AnyRule.{name}": {"outcomes": [{"a": "yes", "b": "yes", "c": "no"}]}
        for name in ("basis", "fits")
    },
    "evidence.Difference.evaluate": {"by_seed": [[{0: [1.0], 1: [0.5]}] * 2]},
    "evidence.Measurement.check_where": {"where": [{"seed": 1000}]},
    "evidence.Metric.at": {"**": [{"arm": "he"}]},
    "evidence.Metric.minus": {
        "other": [0.5, evidence.Metric("final", "test_accuracy", {"arm": "he"})],
        "name": ["a"],
    },
    "evidence.Metric.share": {"**": [{"at_least": 0.5}]},
    "evidence.Result.box": {"*": [(), ("He",)]},
    "evidence.Result.compared": {"test": [COMPARISON]},
    **{f"evidence.Result.{name}": {"test": [COMPARISON.name]} for name in ("effects", "map")},
    "evidence.Result.finding": {"name": [COMPARISON.name]},
    **{f"evidence.Result.{name}": {"part": ["training"]} for name in ("learning_rates", "rows", "values")},
    "evidence.Told": {"words": ["A claim"], "rules": [(RULE,)]},
    "evidence.Training.cell": {"**": [{name: own[0] for name, own in PLACE.items()}]},
    "evidence.Training.censored": {"row": [TRIED]},
    "evidence.Training.check_where": {"where": [{"arm": "he"}]},
    "evidence.Training.grid": {"condition": [{"depth": 2}]},
    "evidence.Training.guessing": {"condition": [{"depth": 2}]},
    "evidence.Training.rerun": {"rows": [[TRIED]]},
    "evidence.Verdicts.brief": {"links": [{"C1": "he.html"}]},
    "explorers.Axis.nearest": {"value": [1, 2.0]},
    "explorers.Explorer.view": {"**": [{"scale": 1.0}]},
    "explorers.HeatMap.place": {"axis": ["scale"], "value": [1.0]},
    "explorers.Histogram.check": {"controls": [[]]},
    "explorers.Table.stored": {"name": ["rms"]},
    "explorers.View.along": {"name": ["rms"], "*": [("layer",)]},
    "explorers.View.axis": {"name": ["layer"]},
    "explorers.View.values": {"axis": ["layer"]},
    "explorers.answers": {"answer": [lambda layer, scale: "yes", lambda **at: str(at)]},
    "explorers.lab": {"**": [{"depth": 5}]},
    "explorers.lab.lab": {"**": [{"depth": 5}]},
    "diagnosis.Report.has": {"code": ["too-narrow"]},
    "frameworks.Part.fans": {"inputs": [3], "outputs": [4]},
    **{f"initializers.Spec.{name}": {"fan_in": [3], "fan_out": [4]} for name in ("bound", "kurtosis")},
    "frameworks.Default.number": {"**": [{"fan_in": 3, "fan_out": 4}]},
    "networks.low_rank": {"rank": [1, 2]},
    "networks.transformer": {"widths": [(5, 8, 16)], "context": [4]},
    "propagation.by_layer": {"statistic": [propagation.rms], "signals": [[np.ones((2, 3, 4))]]},
    "propagation.cosine": {"signal": [np.ones((2, 3, 4))]},
    "propagation.rms": {"signal": [np.ones((2, 3, 4))]},
    "training.Sweep.at": {"**": [{"depth": 2}]},
    **{f"frameworks.Law.{name}": LAYERS for name in ("expression", "number", "value", "words")},
    **{
        f"evidence.{name}": {"name": ["truncated-normal"]}
        for name in ("run", "pilot", "confirm", "is_current")
    },
    "experiments.get": {"name": ["he-depth"]},
    "evidence.first_run": {"name": ["he-depth"]},
    "evidence.live": {"result": [TRAINED], "part": ["linear"], "epochs": [1], "seeds": [[0]]},
    "evidence.when": {"**": [{"yes": ["a"], "no_or_mixed": ["b"]}]},
    "evidence.verdicts": {"where": [None]},
    "training.sweep": {"seeds": [[0]], "**": [{"epochs": 1, "train_samples": 50}]},
    "frameworks.lines": {**LAYERS, "part": [ANSWER.part()]},
    "explorers.guide": {"architecture": ["mlp", "gpt"], "activation": [None, "gelu"]},
    "recommendation.table": {"*": [(), ("mlp",)]},
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
    1e100,
    1e-300,
    2**45,
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


class Own(np.ndarray):
    """A subclass of arrays."""


class Name(str):
    """A subclass of text."""


Color = enum.Enum("Color", ["RED"])
Size = enum.IntEnum("Size", ["ONE", "TWO"])
JUNK += [
    -0.0,
    5e-324,
    np.uint64(2**63),
    np.float16(1e-7),
    np.float32(0.1),
    np.bool_(False),
    np.str_("relu"),
    np.bytes_(b"relu"),
    np.complex64(1),
    np.void(b"ab"),
    np.array(None),
    np.array("relu"),
    np.array(np.nan),
    np.array([[[]]]),
    np.array([1.0, 2.0], object),
    np.array([10**400, 1], object),
    np.array([(1, 2.0)], [("a", int), ("b", float)]),
    np.ones((6, 4)).view(Own),
    np.ones((6, 4)).view(np.matrix),
    np.ones((6, 4), ">f8"),
    np.ones((6, 4), np.float16),
    np.ones((6, 4), np.int8),
    np.ones((6, 4), bool),
    np.ones((4, 6)).T,
    np.broadcast_to(1.0, (6, 4)),
    np.ma.masked_array(np.ones((6, 4))),
    np.recarray((2,), [("a", float)]),
    np.random.RandomState(0),
    np.random.PCG64(0),
    np.dtype("float32"),
    np.array(["2020"], "M8[D]"),
    [[np.nan, 1.0]],
    [np.inf] * 4,
    [[]],
    [[], []],
    [1, "a"],
    [2**70, 2**70],
    [-0.0],
    {1: 2},
    {"scale": [1, 2]},
    {None: None},
    {b"a": 1},
    types.MappingProxyType({"scale": 1}),
    collections.Counter("ab"),
    collections.deque([1, 2]),
    collections.UserList([1, 2]),
    frozenset([1]),
    bytearray(b"ab"),
    memoryview(b"ab"),
    Decimal("0.5"),
    Fraction(3),
    Path("relu"),
    Path("x\0y"),
    "x\0y",
    "\ud800",
    "größe 重み 🎲",
    " relu ",
    "ReLU",
    "\n",
    "../x",
    "%s {0} $x$",
    Name("relu"),
    Color.RED,
    Size.TWO,
    Ellipsis,
    NotImplemented,
    type,
    int,
    lambda: None,
    lambda x: None,
    lambda x: "a",
    lambda x: 1 / 0,
    lambda x: x[..., :1],
    re.compile("x"),
    iter([1, 2]),
    range(10**12),
    range(10**30),
    SPLIT,
    TRACE,
    TABLE,
    VIEW,
    RESULT,
    ANSWER,
    REPORT,
    FIGURE,
]


def twisted(value, dice):
    """Return a good value in another form: another type or dtype, or with something in it that cannot be."""
    if isinstance(value, np.ndarray):
        read_only = value.copy()
        read_only.flags.writeable = False
        forms = [
            lambda: value.astype(dice.choice(["f2", "f4", ">f8", "g", "i1", "u8", "?", "c16", "O", "U"])),
            lambda: dice.choice([np.asfortranarray(value), value[::-1], read_only, value.view(Own)]),
            lambda: dice.choice(
                [value.tolist(), value[:0], value[..., None], value[:1], -value, value * 1e200]
            ),
            lambda: np.ma.masked_array(value, value > value.mean()),
            lambda: np.where(value == value.max(), dice.choice([np.nan, np.inf, -0.0]), value),
        ]
    elif isinstance(value, (bool, int, float)):
        dtype = dice.choice(["f2", "f4", ">f8", "g", "i1", "u8", "?", "c16", "O", "U"])
        forms = [
            lambda: np.array(value).astype(dtype)[()],
            lambda: np.array(value).astype(dtype),
            lambda: dice.choice([Fraction, Decimal, str, complex, repr, float, np.array])(value),
            lambda: dice.choice(
                [[value], (value,), [value] * 3, {value: value}, -value, value * 1e6, value / 1e6]
            ),
        ]
    elif isinstance(value, str):
        forms = [
            lambda: dice.choice([np.str_, Name, Path, str.upper, str.title, list, np.array])(value),
            lambda: dice.choice([value.encode(), value[:-1], f" {value}", value + "é", value * 100, [value]]),
            lambda: enum.Enum("Kind", {"ONE": value}).ONE,
        ]
    elif isinstance(value, (list, tuple)):
        kinds = [tuple, list, iter, set, collections.deque, collections.UserList, dict.fromkeys, str]
        extra = [np.nan, None, "x", -1, 2**70, [], 1j, True, np.int8(3)]
        forms = [
            lambda: dice.choice(kinds)(value),
            lambda: np.array(value, dtype=dice.choice(["f2", "f8", "i1", "u8", "O", "U"])),
            lambda: [*value, dice.choice(extra)],
            lambda: dice.choice(
                [value[:1], value[:0], value[::-1], list(value) * 2, [value], (one for one in value)]
            ),
            lambda: [twisted(value[0], dice), *value[1:]],
        ]
    elif isinstance(value, dict):
        forms = [
            lambda: {**value, dice.choice([1, None, b"a", "x", ()]): dice.choice(JUNK)},
            lambda: dice.choice([list, str, types.MappingProxyType, collections.OrderedDict])(value),
            lambda: dict.fromkeys(value, dice.choice(JUNK)),
            lambda: {key: twisted(one, dice) for key, one in value.items()},
        ]
    else:
        forms = [lambda: [value], lambda: type(value), lambda: str(value), lambda: {"a": value}]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dice.choice(forms)()
    except Exception:  # this value has no such form
        return dice.choice(JUNK)


def collected(thing, found):
    """Add every object of a class of initlib within a thing to `found`, by its class, and return it."""
    if isinstance(thing, (list, tuple)):
        for one in thing:
            collected(one, found)
    elif isinstance(thing, dict):
        collected(list(thing.values()), found)
    if type(thing).__module__.startswith("initlib") and len(found.setdefault(type(thing), [])) < 5:
        found[type(thing)].append(thing)
        if dataclasses.is_dataclass(thing):
            collected([getattr(thing, field.name) for field in dataclasses.fields(thing)], found)
    return found


FOUND = collected(THINGS, {})
HOLDERS = (
    propagation.Profile,
    training.Fit,
    networks.Network,
    networks.Trace,
    networks.Gradients,
    datasets.Dataset,
    datasets.Split,
    datasets.Part,
)


def fields(kind):
    """Return the arguments that objects of a class were made of, by name."""
    own = FOUND.get(kind, ())
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind) if field.init]
    else:
        names = getattr(kind, "_fields", ())
    return {name: [getattr(one, name) for one in own] for name in names if own}


def public():
    """Yield the full name of every public function, class, method and property, its owner and own name."""
    for module in MODULES:
        package = importlib.import_module(f"initlib.{module}")
        for name in getattr(package, "__all__", ["Guide", "guide"]):
            value = getattr(package, name)
            if getattr(value, "_is_protocol", False):
                continue  # it says what others have
            if inspect.isfunction(value) or inspect.isclass(value):
                yield f"{module}.{name}", value, None
            for own, _ in inspect.getmembers(value, is_member) if inspect.isclass(value) else ():
                if not own.startswith("_"):
                    yield f"{module}.{name}.{own}", value, own


def is_member(value):
    return isinstance(value, (types.FunctionType, types.MethodType, property, cached_property))


def targets():
    """Return every public function and class by its full name, and the methods of an object of each class."""
    found = {"activations.Activation()": activations.get("gelu")}
    for name, value, method in public():
        if method is None:
            found[name] = value
            continue
        owner = next((one for kind, own in FOUND.items() if issubclass(kind, value) for one in own), None)
        if owner is None:
            continue
        if isinstance(inspect.getattr_static(value, method), (property, cached_property)):
            found[name] = partial(read, owner, method)
        else:
            found[name] = getattr(owner, method)
    return found


def read(owner, name, /):
    """Return a property, computed afresh."""
    vars(owner).pop(name, None) if hasattr(owner, "__dict__") else None
    return getattr(owner, name)


def known(name, function):
    """Return good values for the arguments of a function, by name."""
    own = fields(function) if inspect.isclass(function) else {}
    return {**GOOD, **own, **OWN.get(name, {})}


def parameters_of(function):
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError:  # an exception has no signature
        return []


def good(name, function, dice):
    """Return good arguments of a call, by name; "*" and "**" hold those without a name."""
    values, chosen = known(name, function), {}
    for p in parameters_of(function):
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            star = "*" if p.kind == p.VAR_POSITIONAL else "**"
            chosen[star] = dice.choice(OWN.get(name, {}).get(star, [() if star == "*" else {}]))
        elif (
            p.default is p.empty
            or p.name in {**OWN.get(name, {}), "n_jobs": 1, "threads": 1}
            or dice.random() < 0.3
        ):
            default = [p.default if p.default is not p.empty else 1.0]
            chosen[p.name] = dice.choice(values.get(p.name, default))
    return chosen


def spoiled(name, function, chosen, dice):
    """Return arguments of which one or two, in most calls, are of the wrong kind, missing or too many."""
    names = [p.name for p in parameters_of(function) if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    wrong = dice.choice([0, 1, 1, 1, 2])
    if name in SLOW and dice.random() < 0.99:
        wrong, names = 1, names[:1]
    for one in dice.sample(names, min(len(names), wrong)):
        if dice.random() < 0.5 or one in ("n_jobs", "threads"):
            chosen[one] = dice.choice(JUNK)
        else:
            chosen[one] = twisted(chosen.get(one, dice.choice(GOOD.get(one, [1.0]))), dice)
    if dice.random() < 0.03:
        chosen["**"] = {dice.choice(["nope", "lr", "normalization", "größe", "self"]): dice.choice(JUNK)}
    if "*" in chosen and dice.random() < 0.5:
        chosen["*"] = (*chosen["*"], dice.choice(JUNK))
    elif "**" in chosen and dice.random() < 0.3:
        old = dict(chosen["**"])
        chosen["**"] = {**old, dice.choice([*old, "scale", "nope"]): dice.choice(JUNK)}
    if names and dice.random() < 0.02:
        chosen.pop(dice.choice(names), None)
    if "n_jobs" in chosen and whole(chosen["n_jobs"]):
        chosen["n_jobs"] = 1  # worker processes are for the tests of sweeps
    return chosen


def whole(value):
    """Return whether a value counts as an integer."""
    try:
        return bool(operator.index(value)) or True
    except Exception:
        return False


def call(function, chosen):
    """Return positional and named arguments for what was chosen."""
    rest, more = chosen.get("*", ()), chosen.get("**", {})
    parameters = parameters_of(function)
    named = [p.name for p in parameters if p.name in chosen]
    before = (
        [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)] if rest else []
    )
    positional = [chosen[one] for one in before if one in chosen]
    return [*positional, *rest], {**{one: chosen[one] for one in named if one not in before}, **more}


def numbers(value, depth=0):
    """Yield the arrays of numbers in a value."""
    if isinstance(value, (float, complex, np.ndarray, np.number)):
        array = np.ma.getdata(np.asarray(value))
        if array.dtype.kind in "fciub":
            yield array
    elif isinstance(value, (list, tuple)) and depth < 3:
        for one in value:
            yield from numbers(one, depth + 1)
    elif isinstance(value, dict) and depth < 2:
        yield from numbers(list(value.values()), depth + 1)
    elif isinstance(value, HOLDERS):
        yield from numbers(list(vars(value).values()), depth + 1)


def finite(value):
    return all(np.isfinite(array).all() for array in numbers(value))


def snapshot(given):
    return (
        [array.tobytes() for array in numbers(given)],
        [repr(one) for one in given if isinstance(one, (list, dict, set, collections.deque, bytearray))],
        np.random.get_state()[1].tobytes(),  # noqa: NPY002
        random.getstate(),
        np.geterr(),
    )


def place(error):
    """Return the deepest line of initlib, and whether other code raised: behind it, or Python itself."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [i for i, frame in enumerate(frames) if "initlib" in Path(frame.filename).parts]
    if not ours:
        return "the call itself", False
    frame = frames[ours[-1]]
    raised = "raise" in (frame.line or "") or re.search(SIGNATURE, str(error))
    return f"{Path(frame.filename).name}:{frame.lineno}", ours[-1] < len(frames) - 1 or not raised


def outcome(function, positional, named, name=""):
    """Call it; return what is wrong with what came of it, or None."""
    before = snapshot([*positional, *named.values()])

    def too_long(*_):
        raise TimeoutError

    signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, SLOW.get(name, SECONDS))
    try:
        result = function(*positional, **named)
    except REFUSALS as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        TALLY["refused"] += 1
        where, inside = place(error)
        if inside or (isinstance(error, AssertionError) and function is not assert_variance):
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
        TALLY["answered"] += 1
        nan = name not in UNDEFINED and any(np.isnan(array).any() for array in numbers(result))
        if nan and finite([*positional, *named.values()]):
            return "NaN from finite arguments"
    if snapshot([*positional, *named.values()]) != before:
        return "a changed argument or global generator"
    return None


@contextlib.contextmanager
def apart():
    """Let what calls write go to a folder of its own, with a copy of the archives."""
    before = Path.cwd(), archives.PACKAGED
    with tempfile.TemporaryDirectory() as room:
        archives.PACKAGED = shutil.copytree(evidence.folder(), Path(room, "archives"))
        os.chdir(room)
        try:
            yield
        finally:
            os.chdir(before[0])
            archives.PACKAGED = before[1]


def fuzz(calls, seed, only=""):
    """Return how often each violation came, and an example of each; `only` is in the names of the targets."""
    dice, found, examples = random.Random(seed), Counter(), {}
    functions = targets()
    names = [name for name in sorted(functions) if only in name]
    for number in range(calls):
        name = names[number % len(names)]
        function = functions[name]
        chosen = spoiled(name, function, good(name, function, dice), dice)
        positional, named = call(function, chosen)
        wrong = outcome(function, positional, named, name)
        matplotlib.pyplot.close("all")
        if wrong:
            found[name, wrong] += 1
            examples.setdefault((name, wrong), str({**dict(enumerate(positional)), **named})[:200])
        if number % 10_000 == 9_999:
            print(f"fuzz: {number + 1} calls, {len(found)} violations", file=sys.stderr, flush=True)
    return found, examples


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="what the names of the functions to call contain")
    parser.add_argument("--allow", type=int, default=0, help="so many violations are no failure")
    options = parser.parse_args()
    with apart(), warnings.catch_warnings():
        warnings.simplefilter("error")  # under pytest, its own filters hold
        found, examples = fuzz(options.calls, options.seed, options.only)
    for (name, wrong), count in sorted(found.items()):
        print(f"{name}: {wrong} ({count} times), as with {' '.join(examples[name, wrong].split())}")
    print(
        f"fuzz: {options.calls} calls, {TALLY['answered']} answered, {TALLY['refused']} refused; "
        f"{len(found)} violations"
    )
    return len(found) > options.allow


if __name__ == "__main__":
    sys.exit(main())
