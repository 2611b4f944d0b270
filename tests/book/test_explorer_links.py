"""Links in the text to a setting of an explorer, built by Sphinx: followed, or warned of."""

import subprocess
import sys

import pytest
from notebooks_under_test import ROOT

CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "site" / "extensions")!r})
extensions = ["myst_nb", "explorer_links", "predictions"]
nb_execution_mode = "off"
nitpicky = True
"""


@pytest.fixture
def build(tmp_path):
    """Build two pages, the first with a given text; return its HTML and what Sphinx warned of."""

    def pages(text: str) -> tuple[str, str]:
        (tmp_path / "conf.py").write_text(CONF)
        (tmp_path / "index.md").write_text(f"# Home\n\n```{{toctree}}\npart/other\n```\n\n{text}\n")
        (tmp_path / "part").mkdir()
        (tmp_path / "part" / "other.md").write_text("# Other\n\nText.\n")
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(tmp_path), str(tmp_path / "out")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (tmp_path / "out" / "index.html").read_text(), done.stderr

    return pages


@pytest.mark.parametrize(
    ("link", "address"),
    [
        (
            "part/other.md#signal?activation=gelu&depth=64",
            "part/other.html#signal?activation=gelu&amp;depth=64",
        ),
        ("index.md#signal?depth=64", "#signal?depth=64"),
    ],
)
def test_a_link_to_a_setting_is_a_link(build, link, address):
    html, warnings = build(f"[GELU at depth 64]({link})")
    assert warnings == ""
    assert f'href="{address}"' in html


@pytest.mark.parametrize("link", ["nowhere.md#signal?depth=64", "part/other.md#nowhere"])
def test_a_link_that_leads_nowhere_is_warned_of(build, link):
    assert "xref_missing" in build(f"[there]({link})")[1]


def test_a_page_loads_the_script_of_predictions_only_if_it_has_a_box(build):
    assert "predict.js" not in build("Text.")[0]


def test_a_page_with_a_box_loads_its_script(build):
    assert "predict.js" in build("```{admonition} Predict first\n:class: tip predict\nWhich?\n```")[0]
