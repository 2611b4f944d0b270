"""What all protocols have in common: how rates are chosen, who is tried beside SGD, how claims are told."""

import ast
import json
import re
from pathlib import Path

import pytest

from initlib import datasets, evidence, experiments, training
from initlib.evidence import Training, archives, scopes
from initlib.experiments import forget_bias

NAMES = experiments.names()
PROTOCOLS = {name: experiments.get(name).PROTOCOL for name in NAMES}
CLAIMS = {one.claim: one for one in PROTOCOLS.values() if one.claim.startswith("C")}
SGD_ALONE = {"R10"}  # a published result that is about the start, with a short training
each = pytest.mark.parametrize("name", NAMES)


@each
def test_rates_are_tuned_by_loss_for_speed_alone(name):
    protocol = PROTOCOLS[name]
    for part, kind in protocol.parts.items():
        if isinstance(kind, Training):
            metrics = {test.metric for test in protocol.tests if test.part == part}
            assert kind.tuned_by == ("loss" if metrics == {"epochs"} else "accuracy"), part


@each
def test_every_training_has_its_tuning_rows_in_the_archive(name):
    content = archives.read(name)
    for part, kind in PROTOCOLS[name].parts.items():
        if isinstance(kind, Training):
            seeds = {row["seed"] for row in content["parts"][part] if row["stage"] == "tuning"}
            assert seeds == set(kind.tuning_seeds)


def test_every_claim_that_rests_on_training_was_tried_with_sgd_and_adam():
    found = evidence.verdicts()
    rows = found.scopes({})
    assert len(rows) > 15
    for row in rows:
        if row["claim"] in SGD_ALONE:
            continue
        assert scopes.UNTRIED not in (row["SGD"], row["Adam"]), row["claim"]


def test_what_sgd_did_not_learn_in_its_budget_was_given_a_long_run():
    for claim in ("C1", "C5", "C15", "C18", "C19"):
        parts = CLAIMS[claim].parts
        assert any("long" in name or "150 epochs" in name for name in parts), claim


def test_every_claim_is_judged_as_told():
    assert sum(evidence.verdicts().counts(as_told=True).values()) == len(CLAIMS) == 25


def test_the_penalty_is_swept_and_its_formats_are_three():
    swept = {float(arm) for arm in re.findall(r"penalty at the start, ([\d.]+) minus", _tests("C16"))}
    assert len(swept) >= 3
    assert max(swept) / min(swept) > 100
    assert {"float16", "bfloat16", "float32"} <= {
        numbers
        for kind in CLAIMS["C4"].parts.values()
        for numbers in getattr(kind, "axes", {}).get("numbers", ())
    }


def test_linear_units_are_trained_where_a_claim_names_them():
    assert any("linear" in arm for arm in CLAIMS["C5"].parts["training"].arms)
    assert "identity" in CLAIMS["C13"].parts


def test_what_a_paper_says_is_settled_by_source():
    assert all(CLAIMS[claim].source for claim in ("C6", "C7", "C10", "C11"))


def test_the_sequences_of_the_forget_gate_are_drawn_for_each_seed(monkeypatch):
    drawn = []
    monkeypatch.setattr(training, "fit", lambda network, data, **_: drawn.append(data))
    for seed in (100, 101):
        forget_bias.train(seed, 20, "1", "adam", [0.1])
    first, second = drawn
    assert isinstance(first, datasets.Dataset)
    assert (first.inputs != second.inputs).any()


def test_an_experiment_tells_of_an_earlier_run_exactly_if_that_is_kept():
    kept = {path.stem.removesuffix("-second") for path in (evidence.folder() / "first-runs").glob("*.json")}
    texts = {
        name: ast.get_docstring(ast.parse(Path(experiments.get(name).__file__).read_text())) for name in NAMES
    }
    told = {name for name in NAMES if re.search(r"first (run|edition)", texts[name], re.IGNORECASE)}
    assert kept == {name for name in told if "This is the first run." not in texts[name]}
    assert kept >= {one.name for one in CLAIMS.values()}


@each
def test_pilots_are_published_and_those_made_after_the_run_say_so(name):
    rows = archives.pilots(name)
    assert rows
    made = {row.get("made", "before") for row in rows}
    text = " ".join(ast.get_docstring(ast.parse(Path(experiments.get(name).__file__).read_text())).split())
    late = "The published pilots were made after the run" in text
    assert made <= {archives.LATE if late else "before"}


def test_pilots_of_a_finished_run_are_marked_and_go_into_its_archive(tmp_path, monkeypatch):
    result = evidence.load("truncated-normal")
    monkeypatch.setattr(archives, "folder", lambda: tmp_path)
    archives.save_pilots("truncated-normal", result)
    before = archives.pilots("truncated-normal")
    evidence.save(result)
    archived = json.loads((tmp_path / "truncated-normal.json").read_text())
    archives.save_pilots("truncated-normal", result)
    after = archives.pilots("truncated-normal")
    content = json.loads((tmp_path / "truncated-normal.json").read_text())
    assert len(before) == len(after) == len(result.findings)
    assert not any("made" in row for row in before)
    assert all(row["made"] == archives.LATE for row in after)
    assert content == {**archived, "pilots": after}


def _tests(claim):
    return "\n".join(test.name for test in CLAIMS[claim].tests)
