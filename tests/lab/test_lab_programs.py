"""What the lab copies: initlib's programs run here, those for PyTorch in `make peers`, from a file."""

import json
import re

import numpy as np
import pytest
from programs import KEPT, cases, copied

from initlib.explorers.lab import picture


@pytest.fixture(scope="module")
def programs(browser):
    with browser.new_context() as context:
        return copied(context.new_page())


def test_the_programs_that_peers_run_are_those_that_the_page_writes(programs):
    kept = {name: {key: one[key] for key in one if key != "initlib"} for name, one in programs.items()}
    text = json.dumps(kept, indent=1) + "\n"
    if not KEPT.exists():
        KEPT.write_text(text, encoding="utf-8")
    assert KEPT.read_text(encoding="utf-8") == text, f"remove {KEPT.name} and run this test to write it anew"


@pytest.mark.parametrize("name", cases())
def test_copied_python_gives_what_initlib_gives_for_these_settings(programs, name):
    case = programs[name]
    code, count = re.subn(r"epochs=\d+", "epochs=1", case["initlib"])
    assert count == 2
    printed = {}
    exec(code, {"print": lambda name, accuracies: printed.setdefault(name, accuracies)})
    for arm, settings in zip("AB", case["arms"], strict=True):
        expected = picture.train(settings, case["shared"], range(case["shared"]["seeds"]), 1)
        np.testing.assert_array_equal(printed[arm], expected.test_accuracy[:, -1])
