"""Every framework tab of the book, run in its framework: the weights have the law that the text says."""

import keras
import pytest
import torch
from framework_tabs import keep, notebooks, tabs

CASES = [
    pytest.param(tab, id=f"{path.stem}-{tab.framework}-{number}")
    for path in notebooks()
    for number, tab in enumerate(tabs(path))
]


def run(code):
    """Return the variables that the code leaves behind, run alone and from fixed seeds."""
    torch.manual_seed(0)
    keras.utils.set_random_seed(0)
    namespace = {"__name__": "tab"}
    exec(code, namespace)
    return namespace


@pytest.mark.parametrize("tab", CASES)
def test_the_code_of_a_tab_keeps_its_promise(tab):
    keep(run(tab.code), tab.promises)


def test_weights_of_another_law_break_a_promise():
    layer = run("import torch\n\nlinear = torch.nn.Linear(256, 256)\nweights = linear.weight")
    keep(layer, [{"name": "weights", "variance": 1 / (3 * 256), "kurtosis": 1.8}])
    with pytest.raises(AssertionError, match=r"0\.1\d* times"):
        keep(layer, [{"name": "weights", "variance": 2 / 256}])
    with pytest.raises(AssertionError):
        keep(layer, [{"name": "weights", "equal": 0.0}])


def test_a_tab_whose_code_fails_is_red():
    with pytest.raises(ModuleNotFoundError):
        run("import no_such_framework")
