"""Where things stand: former imports work, facades re-export, the floors in the book are the checked ones."""

import ast
import importlib
import inspect
import pickle
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from initlib import _MOVED

ROOT = Path(__file__).resolve().parent.parent
FORMER = dict(
    line.split(": ", 1) for line in (ROOT / "tests/data/public_names_0_1.txt").read_text().splitlines()
)
PACKAGES = ("initializers", "networks", "theory", "training")


@pytest.mark.parametrize("module", FORMER)
def test_every_public_name_of_the_flat_layout_is_still_imported_from_its_place(module):
    found = importlib.import_module(module)
    assert not [name for name in FORMER[module].split() if not hasattr(found, name)]


@pytest.mark.parametrize("former", _MOVED)
def test_a_former_module_name_gives_the_module_itself(former):
    found = importlib.import_module(f"initlib.{former}")
    assert found is importlib.import_module(f"initlib.{_MOVED[former]}")
    assert found.__spec__.name == found.__name__ == f"initlib.{_MOVED[former]}"


def test_a_former_module_name_works_first_thing():
    """In a fresh interpreter, before anything else of the package was imported."""
    script = "from initlib.sweeps import train; from initlib import stacks; print(stacks.__name__)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "initlib.networks.stacks", run.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_a_facade_only_re_exports_and_what_it_shows_bears_its_name(package):
    module = importlib.import_module(f"initlib.{package}")
    source = inspect.getsource(module)
    assert not re.search(r"^(def|class) ", source, re.M)
    for name in module.__all__:
        value = getattr(module, name)
        if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ != "initlib.typing":
            assert value.__module__ == module.__name__, name
            if value.__name__ == name:  # an alias comes back under its own name
                assert pickle.loads(pickle.dumps(value)) is value


def test_asking_for_advice_loads_little():
    script = "import sys; from initlib import recommend; print(*(m for m in sys.modules if 'initlib' in m))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert {"initlib", "initlib.recommendation"} < set(loaded)
    assert len(loaded) <= 12, loaded


def contract(name):
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == name)
    return [set(re.findall(r"\w+", layer)) for layer in layers]


def test_the_reference_states_the_floors_that_are_checked():
    page = (ROOT / "book/reference/api.md").read_text()
    stated = [
        set(re.findall(r"automodule:: initlib\.(\w+)", part))
        for part in re.split(r"^## Floor \d", page, flags=re.M)[1:]
    ]
    for ours, checked in zip(stated, contract("Floors of initlib")[::-1], strict=True):
        assert ours <= checked


@pytest.mark.heavy
def test_a_floor_that_is_not_kept_is_found(tmp_path):
    """The contract is red when one upward import is added."""
    for name in ("initlib", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    lint = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    assert subprocess.run(lint, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    with (tmp_path / "initlib/activations.py").open("a") as file:
        file.write("\n\ndef later():\n    from initlib import training\n")
    run = subprocess.run(lint, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "initlib.activations -> initlib.training" in run.stdout


def test_the_map_in_contributing_names_every_file_of_the_library():
    block = re.search(r"```text\ninitlib/\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.S)
    named = set(re.findall(r"[\w]+(?=\.py\b)|[\w]+(?=/)", block.group(1)))
    top = {path.stem for path in (ROOT / "initlib").glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in (ROOT / "initlib").glob("*/__init__.py")}
    parts = {path.stem for name in PACKAGES for path in (ROOT / "initlib" / name).glob("*.py")} - {"__init__"}
    assert top | packages | parts <= named
    assert len(block.group(1).splitlines()) < 45, "one screen"


READS = {"read_text", "write_text", "open", "run", "Popen", "check_output"}


def unnamed(source):
    """Return the calls that read or write text in whatever encoding the system has."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        words = {word.arg for word in call.keywords}
        bare = name.endswith("_text") or "text" in words or ast.unparse(call.func) in ("open", "path.open")
        binary = any(isinstance(one, ast.Constant) and one.value in ("rb", "wb") for one in call.args)
        named = "encoding" in words or (name == "read_text" and call.args) or (name == "open" and binary)
        if name in READS and bare and not named:
            found.append(ast.unparse(call))
    return sorted(found)


@pytest.mark.parametrize("folder", ["initlib", "tools", "benchmarks"])
def test_text_is_read_and_written_in_utf_8_on_every_system(folder):
    modules = sorted((ROOT / folder).rglob("*.py"))
    assert len(modules) > 5
    found = {module.name: unnamed(module.read_text(encoding="utf-8")) for module in modules}
    assert {name: calls for name, calls in found.items() if calls} == {}


def test_text_in_the_systems_encoding_is_found():
    assert unnamed("a.read_text(); open('b'); run(c, text=True); a.write_text('b', encoding='ascii')") == [
        "a.read_text()",
        "open('b')",
        "run(c, text=True)",
    ]
    assert unnamed("open('b', 'rb'); Image.open(b); run(c); a.read_text('utf-8')") == []
