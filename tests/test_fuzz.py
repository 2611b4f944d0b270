"""A part of `make fuzz` on each push, with another seed; and that it calls every public name."""

import importlib
import importlib.util
import inspect
import random
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

import initlib

TOOL = Path(__file__).parents[1] / "tools" / "fuzz.py"
NEED_PYTORCH = {"diagnosis.apply"}


@pytest.fixture(scope="module")
def fuzzer():
    spec = importlib.util.spec_from_file_location("fuzz", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.apart():
        yield module


def test_public_names_refuse_what_they_cannot_take(fuzzer):
    found, examples = fuzzer.fuzz(2000, seed=1)
    slow = {key for key in found if "TimeoutError" in key[1]}  # a busy machine is no fault
    left = {key: examples[key] for key in found if key not in slow}
    assert not left


def public_names():
    """Yield the full name of every public function, class, method and property."""
    for name in initlib._MODULES:
        module = importlib.import_module(f"initlib.{name}")
        for public in module.__all__:
            value = getattr(module, public)
            if inspect.isfunction(value) or inspect.isclass(value):
                yield f"{name}.{public}"
            for kind in value.__mro__ if inspect.isclass(value) else ():
                for own, member in vars(kind).items() if kind.__module__.startswith("initlib") else ():
                    is_method = inspect.isfunction(member) or isinstance(
                        member, (property, cached_property, classmethod, staticmethod)
                    )
                    if is_method and not own.startswith("_"):
                        yield f"{name}.{public}.{own}"


def test_the_fuzzer_calls_every_public_name(fuzzer):
    protocols = {"initializers.Initializer"}  # says what others have; cannot be made
    assert not set(public_names()) - set(fuzzer.targets()) - protocols


@pytest.mark.heavy
def test_every_public_name_answers_the_good_arguments(fuzzer):
    dice, never = random.Random(0), {}
    for name, function in fuzzer.targets().items():
        if name in NEED_PYTORCH:
            continue
        for _ in range(20):
            positional, named = fuzzer.call(function, fuzzer.good(name, function, dice))
            try:
                function(*positional, **named)
                never.pop(name, None)
                break
            except (ValueError, TypeError) as error:
                never[name] = str(error)
    assert not never


def test_the_fuzzer_sees_what_misbehaves(fuzzer):
    outcome = fuzzer.outcome

    def divides():
        return 1 / 0

    assert outcome(divides, [], {}) == "ZeroDivisionError, the call itself"
    assert outcome(lambda x: x.fill(0), [np.ones(2)], {}).startswith("a changed argument")
    assert outcome(lambda x: x.clear(), [{"a": 1}], {}).startswith("a changed argument")
    assert outcome(lambda x: x * float("nan"), [1.0], {}) == "NaN from finite arguments"
    assert outcome(initlib.tables.escaped, [3], {}).startswith("TypeError from inside, tables.py")
