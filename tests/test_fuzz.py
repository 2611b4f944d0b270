"""A part of `make fuzz` on each push: its kinds of calls, another seed."""

import importlib.util
from pathlib import Path

TOOL = Path(__file__).parents[1] / "tools" / "fuzz.py"


def fuzzer():
    spec = importlib.util.spec_from_file_location("fuzz", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_public_functions_refuse_what_they_cannot_take():
    found, examples = fuzzer().fuzz(2000, seed=1)
    slow = {key for key in found if "TimeoutError" in key[1]}  # a busy machine is no fault
    left = {key: examples[key] for key in found if key not in slow}
    assert not left


def test_the_fuzzer_sees_what_misbehaves():
    outcome = fuzzer().outcome

    def divides():
        return 1 / 0

    assert outcome(divides, [], {}) == "ZeroDivisionError, the call itself"
    assert outcome(lambda x: x.fill(0), [__import__("numpy").ones(2)], {}).startswith("a changed argument")
    assert outcome(lambda x: x * float("nan"), [1.0], {}) == "NaN from finite arguments"
