"""What is missing is named by the call that needs it, with the command that installs it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from initlib.extras import SOURCES

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
NAMES = {"PIL": "pillow", "sklearn": "scikit-learn"}  # as the registry calls them
SWEEP = "from initlib.training import sweep; sweep({'depth': [2]}, [0], epochs=1, dataset=data, n_jobs=1"
EXPLORER = """from initlib.explorers import Axis, Explorer, Lines, Table
table = Table([Axis("x", [1, 2]), Axis("scale", [0.5, 1.0, 2.0])], {"y": (["scale", "x"], [[1.0, 2.0]] * 3)})
Explorer("Own", table, ["scale"], [Lines("Lines", "x", "y", "y")])"""
CALLS = {
    "matplotlib": [
        "from initlib import figures; figures.use_style()",
        "from initlib import figures; figures.panel({}, [])",
        "from initlib import evidence; evidence.load('zero-symmetry').plot()",
        "from initlib.evidence.summary import Verdicts; Verdicts({}, {}).plot()",
        f"{EXPLORER}._ipython_display_()",
        "from initlib import explorers; explorers.lab()._ipython_display_()",
        "from initlib import diagnose, networks; "
        "diagnose(networks.mlp([2, 2], 'relu', 'he_normal', seeds=[0]), [[1.0, 2.0]]).plot()",
    ],
    "PIL": [f"{EXPLORER}._ipython_display_()"],
    "ipywidgets": [f"{EXPLORER}.widget"],
    "anywidget": [
        f"{EXPLORER}.widget",
        "from initlib import explorers; explorers.lab().widget",
    ],
    "sklearn": ["from initlib import datasets; datasets.digits()"],
    "joblib": [f"{SWEEP})"],
    "tqdm": [f"{SWEEP})"],
    "scipy": ["from initlib import activations; activations.get('gelu')(1.0)"],
    "torch": ["from initlib import diagnose; diagnose(object(), [1])"],
}
HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
from initlib.datasets import Dataset
data = Dataset("own", [[0.0], [1.0]] * 20, [0, 1] * 20, 2)
for call in sys.argv[2:]:
    try:
        exec(call)
    except ImportError as error:
        print(error)
    else:
        print("no error:", call)
"""


@pytest.mark.heavy
@pytest.mark.parametrize("package", CALLS)
def test_a_missing_package_is_named_with_what_installs_it(package, tmp_path):
    command = [sys.executable, "-c", HIDE, package, *CALLS[package]]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    installs = f"pip install {SOURCES.get(package, package)}."
    lines = done.stdout.splitlines()
    assert len(lines) == len(CALLS[package])
    for line in lines:
        assert line.endswith(installs), line


def test_every_package_that_users_install_has_an_oldest_version_that_is_tested():
    """`make oldest` installs the lower bounds."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    needs = [
        *project["dependencies"],
        *(n for named in project["optional-dependencies"].values() for n in named),
    ]
    assert not [need for need in needs if ">=" not in need and not need.startswith("initlib[")]


def test_extras_are_for_users_and_not_for_developers():
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    assert project["optional-dependencies"].keys() == {"figures", "sweep", "widgets", "book", "data", "fast"}


def test_the_extras_named_install_the_packages():
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    offers = {f"'initlib[{extra}]'": needs for extra, needs in project["optional-dependencies"].items()}
    for package, source in SOURCES.items():
        wanted = offers.get(source, project["dependencies"])
        assert any(need.startswith(NAMES.get(package, package)) for need in wanted), package
