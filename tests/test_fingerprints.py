"""What differs must never share a key; what is equal is found again, wherever its code stood."""

import importlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from initlib import fingerprints
from initlib.evidence import archives, registry

# Two of each in a notebook's cell: {} is what differs.
CELLS = {
    "the method of a dataclass": (
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass It:\n    gain: float\n"
        "    def __call__(self, shape):\n        return {}\nvalue = It(1.0)",
        ("shape", "gain"),
    ),
    "the method of a list": (
        "class It(list):\n    def __call__(self):\n        return {}\nvalue = It([1])",
        (1, 2),
    ),
    "the content of a list with methods": ("class It(list):\n    pass\nvalue = It([{}])", (1, 2)),
    "the method of a named tuple": (
        "from typing import NamedTuple\nclass It(NamedTuple):\n    a: int\n"
        "    def __call__(self):\n        return {}\nvalue = It(1)",
        (1, 2),
    ),
    "the method of a class above": (
        "class Above:\n    def __call__(self):\n        return {}\nclass It(Above):\n    pass\nvalue = It()",
        (1, 2),
    ),
    "the method of a class's class": (
        "class Kind(type):\n    def __call__(cls):\n        return {}\n"
        "class It(metaclass=Kind):\n    pass\nvalue = It",
        (1, 2),
    ),
    "the method of an abstract class": (
        "from abc import ABC\nclass It(ABC):\n    def __call__(self):\n        return {}\nvalue = It()",
        (1, 2),
    ),
    "a function with a cache": (
        "import functools\n@functools.cache\ndef inner():\n    return {}\ndef value():\n    return inner()",
        (1, 2),
    ),
    "a function of several types": (
        "import functools\n@functools.singledispatch\ndef value(x):\n    return {}",
        (1, 2),
    ),
    "slots": (
        "class It:\n    __slots__ = ('a',)\n    def __init__(self, a):\n        self.a = a\nvalue = It({})",
        (1, 2),
    ),
    "the attribute of a function": ("def value():\n    return value.width\nvalue.width = {}", (1, 2)),
    "a text that is the docstring, too": ("def value():\n    {0!r}\n    return {0!r}", ("relu", "tanh")),
    "a property": (
        "class It:\n    @property\n    def a(self):\n        return {}\n    @staticmethod\n"
        "    def b():\n        return 1\n    @classmethod\n    def c(cls):\n        return 1\nvalue = It()",
        (1, 2),
    ),
    "a cached property": (
        "from functools import cached_property\nclass It:\n    @cached_property\n    def a(self):\n"
        "        return {}\nvalue = It()",
        (1, 2),
    ),
    "the member of an Enum": ("import enum\nclass It(enum.Enum):\n    A = {}\nvalue = It.A", (1, 2)),
    "functions that call each other": (
        "def a(n):\n    return b(n)\ndef b(n):\n    return a(n) + {}\nvalue = a",
        (1, 2),
    ),
    "an argument that is fixed": (
        "from functools import partial\ndef inner(a, b):\n    return a\nvalue = partial(inner, {}, b=2)",
        (1, 2),
    ),
    "a default": ("def value(a={}):\n    return a", (1, 2)),
    "what a module's function is given": ("import numpy as np\nvalue = np.vectorize(lambda x: {})", (1, 2)),
    "a generator's state": ("import numpy as np\nvalue = np.random.default_rng({})", (1, 2)),
    "an array of objects": ("import numpy as np\nvalue = np.array([1, 'a', {}], dtype=object)", (1, 2)),
    "a mask": ("import numpy as np\nvalue = np.ma.array([1, 2], mask=[{}, 0])", (0, 1)),
    "a range and a list like it": ("value = {}", ("range(1, 3)", "['range', 1, 3, 1]")),
    "a number and its text": ("value = {}", ("1j", "'1j'")),
    "a date and its text": (
        "import numpy as np\nvalue = {}",
        ("np.datetime64('2020-01-01')", "repr(np.datetime64('2020-01-01'))"),
    ),
    "keys that are numbers": ("value = {{{}: 2}}", ("1", "'1'")),
    "a function that fills an array": (
        "import numpy as np\ndef value(shape):\n    a = np.empty(shape)\n    a[..., 1:{}] = 0\n    return a",
        (2, 3),
    ),
    "zero and minus zero": ("value = {}", ("0.0", "-0.0")),
    "true and one": ("value = {}", ("True", "1")),
}


def described(code, file="process-1/5.py"):
    space = {"__name__": "__main__"}
    exec(compile(code, file, "exec"), space)
    return fingerprints.describe(space["value"])


@pytest.mark.parametrize("what", CELLS)
def test_what_differs_is_told_apart_and_what_is_equal_found_again(what):
    code, (one, two) = CELLS[what]
    here = described(code.format(one))
    assert described("# a line more\n" + code.format(one), "process-2/17.py") == here
    assert json.dumps(described(code.format(two))) != json.dumps(here)


def test_only_the_globals_that_code_reads_count():
    code = "result = {}\ndef value(cell):\n    return cell.result"
    assert described(code.format(1)) == described(code.format(2))


def test_what_an_object_has_computed_for_later_does_not_count():
    code = (
        "from functools import cached_property\nclass It:\n    @cached_property\n    def a(self):\n"
        "        return 1\nvalue = It()"
    )
    assert described(code) == described(code + "\nvalue.a")


def test_what_cannot_be_pickled_is_refused():
    with pytest.raises(ValueError, match=r"such that can be pickled.* Received: <generator"):
        fingerprints.describe(one for one in [1])


@pytest.fixture
def nets(tmp_path, monkeypatch):
    """The folder of a reader's own modules: `my_nets` imports `my_layers` and a package without __init__."""
    (tmp_path / "my_parts").mkdir()
    (tmp_path / "my_layers.py").write_text("def build():\n    return 1\n")
    (tmp_path / "my_parts" / "scales.py").write_text("SCALE = 1\n")
    (tmp_path / "my_nets.py").write_text(
        "from my_layers import build\ndef net():\n    from my_parts import scales\n    return build()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    forget()


def forget():
    """Let the reader's modules be imported anew, as a new kernel does."""
    for name in [name for name in sys.modules if name.startswith("my_")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def edit(file, old, new):
    later = file.stat().st_mtime + 1
    file.write_text(file.read_text().replace(old, new, 1))
    os.utime(file, (later, later))  # clocks are too coarse for edits at once


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("my_nets.py", "build()\n", "build() + 1\n"),
        ("my_layers.py", "return 1", "return 2"),
        ("my_parts/scales.py", "= 1", "= 2"),
    ],
)
@pytest.mark.parametrize(
    "cell",
    [
        "from my_nets import net as value",
        "import my_nets\ndef value():\n    return my_nets.net()",
        "from my_nets import net\ndef value():\n    return net()",
        "def value():\n    from my_nets import net\n    return net()",
        "import functools\nfrom my_nets import net\nvalue = functools.partial(net)",
    ],
)
def test_the_modules_that_a_module_imports_count(nets, cell, file, old, new):
    before = described(cell)
    edit(nets / file, "\n", "\n# a comment\n")
    assert described(cell) == before
    edit(nets / file, old, new)
    forget()
    assert described(cell) != before


def test_a_file_that_has_changed_since_it_was_imported_is_named(nets):
    from my_nets import net

    before = fingerprints.describe(net)
    edit(nets / "my_layers.py", "return 1", "return 2")
    with pytest.raises(ValueError, match=r"my_layers\.py has changed since it was imported"):
        fingerprints.describe(net)  # the old code would be kept under the name of the new
    importlib.reload(sys.modules["my_layers"])
    assert fingerprints.describe(importlib.reload(sys.modules["my_nets"]).net) != before


def test_installed_packages_do_not_count_with_all_that_they_import(monkeypatch):
    monkeypatch.setattr(fingerprints, "of_files", lambda path, _: pytest.fail(f"{path} was followed"))
    assert fingerprints.describe(np.vectorize(np.linalg.norm)).startswith("vectorize ")


@pytest.mark.parametrize(
    ("name", "shared"),
    [("linear-learning-time", ["_linear"]), ("elsewhere-silu", ["_elsewhere", "_grounds"])],
)
def test_the_modules_that_experiments_share_are_part_of_their_fingerprint(name, shared):
    module = registry.get(name)
    files = fingerprints._with_imports(Path(module.__file__), archives._is_shared)
    assert [file.stem for file in files] == [*shared, name.replace("-", "_")]
    assert archives.fingerprint(module) != fingerprints.of_file(module.__file__)
