"""Evidence: statistics that are scipy's, outcomes and verdicts by rule, tuning, archives that cannot lie."""

import ast
import dataclasses
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

from initlib import evidence, experiments, fingerprints
from initlib.datasets import Dataset
from initlib.evidence import (
    AnyRule,
    Difference,
    Measurement,
    Metric,
    Protocol,
    Result,
    Rule,
    Share,
    Told,
    Training,
    archives,
    parts,
    registry,
    when,
)
from initlib.evidence.grounds import standing
from initlib.evidence.statistics import by_signs

ROOT = Path(__file__).resolve().parent.parent

# -- Statistics ---------------------------------------------------------------------------------------------


def test_the_mean_has_scipys_t_interval_and_a_bootstrap_beside_it():
    x = np.random.default_rng(0).normal(0.3, 1, 20)
    found = evidence.mean(x)
    reference = stats.ttest_1samp(x, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-14)
    assert found.bootstrap == pytest.approx((found.low, found.high), abs=0.25)
    assert found.bootstrap != (found.low, found.high)
    assert evidence.mean(x) == found, "the bootstrap must not change from call to call"


@pytest.mark.parametrize("n", [2, 10, 13])
def test_the_bootstrap_is_scipys(n):
    x = np.random.default_rng(n).normal(size=n)
    options = {"confidence_level": 0.95, "n_resamples": 9999, "method": "percentile", "rng": 0}
    reference = stats.bootstrap((x,), np.mean, **options).confidence_interval
    assert evidence.mean(x).bootstrap == pytest.approx((reference.low, reference.high), abs=1e-14)


def test_the_paired_interval_is_that_of_the_differences():
    a, b = np.random.default_rng(1).normal(size=(2, 12))
    reference = stats.ttest_rel(a, b).confidence_interval(0.95)
    found = evidence.paired(a, b)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-14)


def test_inside_the_margin_is_two_one_sided_tests():
    rng = np.random.default_rng(2)
    for _ in range(50):
        x = rng.normal(rng.uniform(-0.6, 0.6), 0.5, 12)
        p = max(
            stats.ttest_1samp(x, 0.5, alternative="less").pvalue,
            stats.ttest_1samp(x, -0.5, alternative="greater").pvalue,
        )
        assert evidence.mean(x).inside(0.5) == (p < 0.025)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (5, 10), (9, 10), (10, 10), (0, 1), (1, 1), (3, 2**31 - 1)])
def test_the_wilson_interval_is_scipys(k, n):
    reference = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    found = evidence.proportion(k, n)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-14)


def test_an_archive_is_loaded_without_importing_scipy_stats():
    code = """import sys
from initlib import evidence
evidence.load("he-depth").box()._repr_html_()
assert "scipy.stats" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_equal_numbers_give_an_interval_without_width():
    assert evidence.mean([0.5, 0.5, 0.5]).low == evidence.mean([0.5, 0.5, 0.5]).high == 0.5


def test_the_power_calculation_agrees_with_simulation():
    n = evidence.seeds_for_equivalence(sd=1.0, margin=0.8, power=0.9)
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, (4000, n))
    half = stats.t.ppf(0.975, n - 1) * x.std(axis=1, ddof=1) / np.sqrt(n)
    shown = (abs(x.mean(axis=1)) + half < 0.8).mean()
    assert 0.88 < shown < 0.95


def test_a_mean_is_as_far_from_0_by_signs_as_counting_them_all_says():
    x = np.array([0.1, -0.02, 0.4, 0.3, 0.05, 0.2, -0.1, 0.15])
    flips = np.array(list(itertools.product((-1, 1), repeat=len(x))))
    expected = (np.abs((flips * x).mean(axis=1)) >= x.mean() - 1e-12).mean()
    assert by_signs(x) == pytest.approx(expected)
    assert 0.1 < by_signs([0.0] * 11 + [1.0, 1.0, 1.0]) < 0.3  # three of fourteen: t says 0.08, which is bold


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: evidence.mean([1.0]), "at least 2"),
        (lambda: evidence.mean([1.0, np.nan]), "finite"),
        (lambda: evidence.paired([1.0, 2.0], [1.0]), "equally many"),
        (lambda: evidence.proportion(3, 2), "at most n"),
        (lambda: evidence.proportion(0, 0), ">= 1"),
        (lambda: evidence.seeds_for_equivalence(1.0, 0.0), "> 0"),
    ],
)
def test_bad_numbers_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# -- A small experiment, faked as a module -------------------------------------------------------------------


def coin(seeds, arm):
    """Return metrics that depend on the seed: "good" is 0.9 and a bit, "bad" is 0.5 and a bit."""
    base = {"good": 0.9, "twin": 0.9, "bad": 0.5}[arm]
    return {"test_accuracy": [base + 0.001 * (seed % 7) for seed in seeds], "gradient": [0.0] * len(seeds)}


TESTS = (
    Share("good trains", "coin", "test_accuracy", {"arm": "good"}, at_least=0.9),
    Share("bad trains", "coin", "test_accuracy", {"arm": "bad"}, at_least=0.9),
    Difference("good minus bad", "coin", "test_accuracy", {"arm": "good"}, {"arm": "bad"}, 0.02),
    Difference("good minus twin", "coin", "test_accuracy", {"arm": "good"}, {"arm": "twin"}, 0.02),
    Difference("bad minus 0.9", "coin", "test_accuracy", {"arm": "bad"}, 0.9, 0.02),
    Share("no gradient", "coin", "gradient", equal=0, share=1.0),
)
RULES = (
    Rule("upheld", {"good trains": "yes", "bad trains": "yes"}),
    Rule("depends", {"good trains": "yes", "bad trains": "no", "good minus bad": ("higher", "equivalent")}),
)
COIN = Measurement(
    measure=coin,
    axes={"arm": ("good", "twin", "bad")},
    seeds=range(100, 110),
    tolerance={"test_accuracy": 1e-9, "gradient": 0},
    sample=({"seed": 103},),
)
PROTOCOL = Protocol("coin", "C0", "A coin.", {"coin": COIN}, TESTS, RULES)


@pytest.fixture
def result():
    return Result(PROTOCOL, {"coin": COIN.run(parts.How(n_jobs=1))}, {"seconds": 0.0})


def test_outcomes_and_verdict_follow_the_rules(result):
    outcomes = {finding.test: finding.outcome for finding in result.findings}
    assert outcomes == {
        "good trains": "yes",
        "bad trains": "no",
        "good minus bad": "higher",
        "good minus twin": "equivalent",
        "bad minus 0.9": "lower",
        "no gradient": "yes",
    }
    assert result.verdict == "depends"


def change(result, change_row):
    rows = [{**row, **(change_row(row) or {})} for row in result.parts["coin"]]
    return Result(result.protocol, {"coin": rows})


def test_other_numbers_give_another_verdict(result):
    lucky = change(result, lambda row: {"test_accuracy": 0.95})
    assert lucky.verdict == "upheld"
    spread = change(
        result, lambda row: {"test_accuracy": 0.9 + 0.3 * (-1) ** row["seed"] * (row["arm"] == "bad")}
    )
    assert {f.test: f.outcome for f in spread.findings}["bad trains"] == "mixed"
    assert {f.test: f.outcome for f in spread.findings}["good minus bad"] == "unclear"
    assert spread.verdict == "inconclusive"


def test_nine_of_ten_is_enough_for_nine_tenths(result):
    def lucky(row):
        return {"test_accuracy": 0.1} if row["seed"] == 104 and row["arm"] == "good" else None

    assert {f.test: f.outcome for f in change(result, lucky).findings}["good trains"] == "yes"
    one = change(result, lambda row: {"test_accuracy": 0.95} if row["seed"] == 104 else None)
    assert {f.test: f.outcome for f in one.findings}["bad trains"] == "no"


def test_a_small_difference_is_neither_higher_nor_lower():
    test = Difference("d", "coin", "test_accuracy", {"arm": "good"}, 0.0, margin=0.01)
    jitter = {seed: [0.008 + 0.006 * (-1) ** seed] for seed in range(10)}
    assert test.evaluate([jitter]).outcome == "not lower"  # excludes 0, below the margin, not inside


def test_a_large_mean_difference_that_could_be_chance_is_unclear():
    test = Difference("d", "coin", "test_accuracy", {"arm": "good"}, 0.0, margin=0.01)
    scatter = {seed: [0.1 + 0.5 * (-1) ** seed] for seed in range(10)}
    assert test.evaluate([scatter]).outcome == "unclear"


def test_a_missing_number_is_an_error_and_not_a_verdict(result):
    with pytest.raises(ValueError, match="not a number"):
        _ = change(result, lambda row: {"test_accuracy": None} if row["seed"] == 104 else None).verdict


def test_a_finding_is_looked_up_by_the_exact_name_of_its_test(result):
    for test, found in zip(result.protocol.tests, result.findings, strict=True):
        assert result.finding(test.name) is found
    with pytest.raises(ValueError, match=r"Unknown test.*Did you mean 'good minus twin'"):
        result.finding("good minus twins")
    with pytest.raises(TypeError, match="name of finding must be of type str"):
        result.finding(0)


def test_the_table_reads_as_text_and_as_html(result):
    table = result.table()
    assert len(table) == 6
    text, html = str(table), table._repr_html_()
    assert "Verdict: depends." in text
    assert "10/10" in text
    assert "40.00 pt" in text
    assert re.search(r"good minus twin.*0\.00 pt.*margin 2\.00 pt.*equivalent", text)
    assert html.count("<tr>") == 7
    assert "<caption>" in html
    assert [row["test"] for row in result.table("good minus")] == ["good minus bad", "good minus twin"]
    with pytest.raises(ValueError, match="No test"):
        result.table("nonsense")


def test_the_box_shows_verdict_statement_and_the_tests_behind_them(result):
    rule = result.protocol.rule(result.findings)
    text, html = repr(result.box()), result.box()._repr_html_()
    assert f">{result.verdict}</strong>" in html
    assert result.protocol.statement in html
    assert f"make evidence NAME={result.protocol.name}" in text
    assert [row["test"] for row in result.box().table] == [
        test.name for test in result.protocol.tests if test.name in rule.when
    ]
    assert [row["test"] for row in result.box("good minus").table] == ["good minus bad", "good minus twin"]
    assert result.box("good minus")._repr_html_().count("<tr>") == 1 + 2
    with pytest.raises(ValueError, match="No test"):
        result.box("nonsense")


def test_the_box_follows_the_numbers_and_names_a_source(result):
    unclear = dataclasses.replace(
        result, protocol=dataclasses.replace(result.protocol, rules=(), source="Paper 2010, eq. 1")
    )
    box = unclear.box()
    assert f": {evidence.INCONCLUSIVE}" in box.heading
    assert len(box.table) == len(result.protocol.tests)
    assert "Settled by source: Paper 2010, eq. 1." in box.basis


def test_the_words_of_a_box_are_escaped(result):
    protocol = dataclasses.replace(result.protocol, statement="a < b & c")
    assert "a &lt; b &amp; c" in dataclasses.replace(result, protocol=protocol).box()._repr_html_()


def test_what_a_verdict_rests_on_is_what_its_rule_names(result):
    assert [finding.test for finding in result.decisive] == ["good trains", "bad trains", "good minus bad"]
    assert change(result, lambda row: {"test_accuracy": 0.5}).decisive == []


def test_the_plot_shows_every_finding(result):
    import matplotlib.pyplot as plt

    figure = result.plot()
    labels = [text.get_text() for axis in figure.axes for text in axis.get_yticklabels()]
    assert sorted(labels) == sorted(test.name for test in TESTS)
    plt.close(figure)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parts": {"coin": dataclasses.replace(COIN, seeds=range(10, 20))}}, ">= 100"),
        ({"parts": {"coin": dataclasses.replace(COIN, seeds=range(100, 109))}}, "at least 10"),
        ({"parts": {"coin": dataclasses.replace(COIN, seeds=[100] * 10)}}, "must differ"),
        ({"parts": {"coin": dataclasses.replace(COIN, sample=())}}, "sample"),
        ({"parts": {"coin": dataclasses.replace(COIN, sample=({"seed": 5},))}}, "seed must be one of"),
        ({"tests": (*TESTS, TESTS[0])}, "each differently"),
        ({"tests": ()}, "must be named"),
        ({"tests": (dataclasses.replace(TESTS[0], part="dice"),)}, "Unknown part"),
        ({"tests": (dataclasses.replace(TESTS[0], metric="loss"),)}, "Unknown metric"),
        ({"tests": (dataclasses.replace(TESTS[0], where={"arm": "ugly"}),)}, "arm must be one of"),
        ({"rules": (Rule("proved", {"good trains": "yes"}),)}, "Unknown verdict"),
        ({"rules": (Rule("upheld", {"good trians": "yes"}),)}, "Did you mean 'good trains'"),
        ({"rules": (Rule("upheld", {"good trains": "higher"}),)}, "Unknown outcome"),
    ],
)
def test_a_faulty_protocol_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PROTOCOL, **changes)


# -- Short forms --------------------------------------------------------------------------------------------


def test_a_metric_makes_the_tests_that_are_written_out():
    accuracy = Metric("coin", "test_accuracy")
    good, bad, twin = (accuracy.at(arm=arm) for arm in ("good", "bad", "twin"))
    assert good.share("good trains", at_least=0.9) == TESTS[0]
    assert bad.minus(0.9, "bad minus 0.9", margin=0.02) == TESTS[4]
    assert good.minus(twin, "good minus twin", margin=0.02) == TESTS[3]
    assert good.at(rate=1).minus(bad.at(rate=1), "d", margin=0.1) == Difference(
        "d", "coin", "test_accuracy", {"arm": "good"}, {"arm": "bad"}, 0.1, {"rate": 1}
    )
    with pytest.raises(ValueError, match="compares a metric with itself"):
        good.minus(Metric("coin", "gradient"), "d", margin=0.1)


def test_the_short_form_of_a_rule_is_the_long_one():
    assert when(yes=TESTS[:1], no=TESTS[1:2], higher_or_equivalent=["good minus bad"]) == RULES[1].when
    with pytest.raises(ValueError, match="once"):
        when(yes=TESTS[:1], no=["good trains"])


# -- Tuning -------------------------------------------------------------------------------------------------

TRAINING = Training(
    arms={"he": {"initializer": "he_normal"}, "tiny": {"initializer": "he_normal", "scale": 0.01}},
    conditions={"depth": (2, 3)},
    learning_rates=(0.01, 0.02, 0.05, 0.1, 0.2),
    seeds=range(100, 110),
    tuning_seeds=(200, 201),
    settings={"epochs": 2, "validation": 0.1, "train_samples": 200, "width": 16},
    tuned_by="loss",
    every_rate=("tiny",),
    tolerance={"test_accuracy": 0.02, "first_loss": 1e-4},
    sample=({"arm": "he", "depth": 2, "learning_rate": "best", "seed": 100},),
    extensions=1,
)


@pytest.fixture(scope="module")
def trained():
    tests = (Share("he trains", "t", "test_accuracy", {"arm": "he", "learning_rate": "best"}, at_least=0.5),)
    protocol = Protocol("t", "C0", "Training.", {"t": TRAINING}, tests, ())
    return Result(protocol, {"t": TRAINING.run(parts.How(n_jobs=1))})


def test_tuning_uses_its_own_seeds_and_reporting_the_others(trained):
    seeds = {
        stage: {r["seed"] for r in trained.parts["t"] if r["stage"] == stage} for stage in ("tuning", "final")
    }
    assert seeds == {"tuning": {200, 201}, "final": set(range(100, 110))}
    assert {r["stage"] for r in trained.rows("t")} == {"final"}


def test_the_best_rate_on_the_edge_extends_the_grid(trained):
    chosen = {(c["arm"], c["condition"]["depth"]): c for c in trained.learning_rates("t")}
    tuned = {r["learning_rate"] for r in trained.rows("t", stage="tuning", arm="he", depth=2)}
    assert 0.4 in tuned  # two epochs are short: the largest rate of the grid was best
    assert chosen["he", 2]["best"] in tuned
    assert len(trained.rows("t", arm="he", depth=2, learning_rate="best")) == 10


def test_arms_named_so_are_reported_at_every_rate(trained):
    rates = {r["learning_rate"] for r in trained.rows("t", arm="tiny", depth=2)}
    assert rates >= set(TRAINING.learning_rates)
    assert len(trained.rows("t", arm="tiny", depth=2, learning_rate="shared")) == 10


def rows(table):
    """Return tuning rows of one arm from {rate: (loss, validation accuracy)}."""
    return [
        {"stage": "tuning", "arm": "he", "depth": 2, "learning_rate": rate, "seed": seed, "train_loss": loss,
         "validation_accuracy": accuracy}
        for rate, (loss, accuracy) in table.items()
        for seed in (200, 201)
    ]  # fmt: skip


def test_a_seed_that_diverges_rules_a_rate_out():
    one = dataclasses.replace(TRAINING, arms={"he": {}}, conditions={"depth": (2,)}, every_rate=())
    table = rows({0.01: (2.0, 0.1), 0.02: (1.0, 0.5), 0.05: (0.5, 0.7), 0.1: (0.1, 0.9), 0.2: (3.0, 0.0)})
    table[-3]["train_loss"] = None  # one of the two seeds at 0.1
    assert parts.choose(one, table)[0]["best"] == 0.05


def test_tuning_on_reported_seeds_is_refused():
    overlapping = dataclasses.replace(TRAINING, tuning_seeds=(100, 200))
    with pytest.raises(ValueError, match="disjoint"):
        Protocol("t", "C0", "", {"t": overlapping}, (Share("a", "t", "test_accuracy", at_least=0),), ())


def test_too_short_a_grid_or_no_validation_is_refused():
    with pytest.raises(ValueError, match="five or more"):
        dataclasses.replace(TRAINING, learning_rates=(0.1, 0.2))
    with pytest.raises(ValueError, match="validation"):
        dataclasses.replace(TRAINING, settings={"epochs": 2})


def test_what_tunes_the_rates_is_accuracy_or_loss():
    with pytest.raises(ValueError, match="Unknown tuned_by"):
        dataclasses.replace(TRAINING, tuned_by="")


def test_a_sample_runs_again_to_the_same_numbers(trained, result):
    assert evidence.rerun_sample(trained) == []
    assert evidence.rerun_sample(result) == []


def test_a_cell_outside_its_tolerance_is_reported(result):
    wrong = change(
        result, lambda row: {"gradient": 1e-30} if row["seed"] == 103 and row["arm"] == "bad" else None
    )
    [outside] = evidence.rerun_sample(wrong)
    assert (outside["arm"], outside["seed"], outside["gradient"], outside["again"]) == (
        "bad",
        103,
        1e-30,
        0.0,
    )


@pytest.mark.parametrize(("off", "reported"), [(1e-12, 0), (1e-3, 1)])
def test_the_tolerance_decides_what_is_reported(result, off, reported):
    def shift(row):
        return (
            {"test_accuracy": row["test_accuracy"] + off}
            if row["seed"] == 103 and row["arm"] == "bad"
            else None
        )

    assert len(evidence.rerun_sample(change(result, shift))) == reported


@pytest.mark.parametrize(
    ("architecture", "metric", "off", "reported"),
    [
        ("", "test_accuracy", 0.5, 1),
        ("", "first_loss", 0.5, 1),
        ("Z80", "test_accuracy", 0.5, 0),  # chaos, not a change of the code
        ("Z80", "first_loss", 0.5, 1),
    ],
)
def test_on_other_kernels_trained_nets_are_compared_before_chaos(
    trained, architecture, metric, off, reported
):
    made = archives.versions()
    if architecture:
        made["blas"] = [f"openblas 1.0 {architecture}"]
    rows = [{**row, metric: row[metric] + off} for row in trained.parts["t"]]
    changed = Result(trained.protocol, {"t": rows}, made)
    assert (len(evidence.rerun_sample(changed)) > 0) == reported


def test_the_kernels_are_those_of_both_libraries():
    """Whether scipy's BLAS was needed before or not."""
    code = "from initlib.evidence import archives; print(len(archives.versions()['blas']))"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(fresh.stdout) == len(archives.versions()["blas"])


def test_live_runs_every_arm_on_a_few_seeds(trained):
    curves = evidence.live(trained, "t", depth=3, epochs=1)
    assert curves.keys() == {"he", "tiny"}
    assert curves["he"]["test_accuracy"].shape == (3, 1)
    with pytest.raises(ValueError, match="one value for each"):
        evidence.live(trained, "t")
    with pytest.raises(ValueError, match="depth must be one of"):
        evidence.live(trained, "t", depth=9)


# -- Archives -----------------------------------------------------------------------------------------------


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The coin experiment as a module with a source file."""
    source = tmp_path / "coin.py"
    source.write_text('"""Coin."""\nTHRESHOLD = 0.9  # frozen\n')
    fake = SimpleNamespace(__file__=str(source), PROTOCOL=PROTOCOL)
    real = registry.get
    monkeypatch.setattr(registry, "get", lambda name: fake if name == "coin" else real(name))
    return source


def test_an_archive_gives_back_what_was_saved(result, module, tmp_path):
    path = evidence.save(result, where=tmp_path)
    loaded = evidence.load("coin", where=tmp_path)
    assert loaded.parts == result.parts
    assert loaded.verdict == "depends"
    content = json.loads(path.read_text())
    assert content["verdict"] == "depends"
    assert content["protocol"]["tests"][0]["at_least"] == 0.9
    assert content["protocol"]["parts"]["coin"]["measure"] == "coin"
    assert evidence.is_current("coin", where=tmp_path)


def test_an_archive_holds_a_data_set_by_name_and_digest(result, module, tmp_path):
    data = Dataset("pairs", [[0.0, 1.0], [1.0, 0.0]], [0, 1], 2)
    training = dataclasses.replace(TRAINING, settings={**TRAINING.settings, "dataset": data})
    protocol = dataclasses.replace(PROTOCOL, parts={**PROTOCOL.parts, "training": training})
    path = evidence.save(Result(protocol, result.parts, result.made), where=tmp_path)
    kept = json.loads(path.read_text())["protocol"]["parts"]["training"]["settings"]["dataset"]
    assert kept["name"] == "pairs"
    assert kept["inputs"] == fingerprints.describe(data.inputs)


def test_the_verdict_follows_the_numbers_of_the_archive(result, module, tmp_path):
    path = evidence.save(result, where=tmp_path)
    content = json.loads(path.read_text())
    column = content["parts"]["coin"]["columns"].index("test_accuracy")
    for row in content["parts"]["coin"]["rows"]:
        row[column] = 0.95
    content["digest"] = archives.rows_digest({p: archives._rows(t) for p, t in content["parts"].items()})
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="states 'depends', its rows give 'upheld'"):
        evidence.load("coin", where=tmp_path)


@pytest.mark.parametrize(
    ("new", "current"),
    [
        ('"""Another docstring."""\n\nTHRESHOLD = (0.9)\n', True),
        ('"""Coin."""\nTHRESHOLD = 0.8  # frozen\n', False),
        ('"""Coin."""\nTHRESHOLD = 0.9\nX = 1\n', False),
    ],
)
def test_code_makes_an_archive_stale_and_comments_do_not(result, module, tmp_path, new, current):
    evidence.save(result, where=tmp_path)
    module.write_text(new)
    assert evidence.is_current("coin", where=tmp_path) is current
    if not current:
        with pytest.raises(ValueError, match=r"older than the code.*make evidence NAME=coin"):
            evidence.load("coin", where=tmp_path)


def test_a_protocol_that_changed_without_its_code_makes_an_archive_stale(
    result, module, tmp_path, monkeypatch
):
    """A number of the protocol that the library on trial computes at import can change so."""
    evidence.save(result, where=tmp_path)
    doubled = dataclasses.replace(TESTS[2], margin=2 * TESTS[2].margin)
    changed = dataclasses.replace(PROTOCOL, tests=(*TESTS[:2], doubled, *TESTS[3:]))
    monkeypatch.setattr(registry.get("coin"), "PROTOCOL", changed)
    assert not evidence.is_current("coin", where=tmp_path)
    with pytest.raises(
        ValueError, match=r"another protocol.*protocol\.tests\[2\]\.margin is 0\.02 there and 0\.04"
    ):
        evidence.load("coin", where=tmp_path)


# -- Rewriting frozen code ----------------------------------------------------------------------------------

REWRITTEN = '"""Coin."""\nTHRESHOLD = 9 / 10\n'


@pytest.fixture
def rewritten(result, module, tmp_path):
    """The path of an archive whose experiment was rewritten after it was made."""
    path = evidence.save(Result(result.protocol, result.parts, archives.versions()), where=tmp_path)
    module.write_text(REWRITTEN)
    assert not evidence.is_current("coin", where=tmp_path)
    return path


def test_rewritten_code_that_gives_every_row_again_gets_a_new_fingerprint_alone(rewritten):
    before = json.loads(rewritten.read_text())
    assert evidence.confirm("coin", where=rewritten.parent, n_jobs=1) == rewritten
    assert evidence.is_current("coin", where=rewritten.parent)
    after = json.loads(rewritten.read_text())
    assert after.pop("fingerprint") != before.pop("fingerprint")
    assert after == before


def edit(path, column, off, **made):
    """Change a number of the fifth row of an archive by `off`, and what made the archive."""
    content = json.loads(path.read_text())
    table = content["parts"]["coin"]
    table["rows"][4][table["columns"].index(column)] += off
    content["made"] |= made
    content["digest"] = archives.rows_digest({p: archives._rows(t) for p, t in content["parts"].items()})
    path.write_text(json.dumps(content))


def halve(content):
    content["parts"]["coin"]["rows"] = content["parts"]["coin"]["rows"][::2]


def tamper(content):
    table = content["parts"]["coin"]
    place = table["columns"].index("test_accuracy")
    for row in table["rows"]:
        row[place] = 0.5


def rename(content):
    table = content["parts"]["coin"]
    table["columns"] = ["accuracy" if name == "test_accuracy" else name for name in table["columns"]]


def state(content):
    content["verdict"] = "contradicted" if content["verdict"] != "contradicted" else "confirmed"


def double(content):
    rows = content["parts"]["coin"]["rows"]
    rows.append(rows[-1])


def of_finding(name, value=None):
    def change_it(content):
        if value is None:
            del content["findings"][0][name]
        else:
            content["findings"][0][name] = value

    return change_it


def of_made(value):
    def change_it(content):
        content["made"] = value

    return change_it


CHANGES = {
    "half the rows": halve,
    "other numbers": tamper,
    "a column of another name": rename,
    "another verdict": state,
    "a row twice": double,
    "no findings": lambda content: content.update(findings=[]),
    "a list for a finding": lambda content: content["findings"].__setitem__(0, []),
    "no estimate": of_finding("estimate"),
    "no outcome": of_finding("outcome"),
    "no test": of_finding("test"),
    "an empty estimate": of_finding("estimate", {}),
    "no number in an estimate": of_finding("estimate", {"n": "ten"}),
    "another criterion": of_finding("criterion", "at least 0"),
    "another metric": of_finding("metric", "train_loss"),
    "another ground": of_finding("ground", "Mars"),
    "no versions": of_made(None),
    "a number for a version": of_made({"blas": 3}),
}


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_archive_changed_after_its_run_is_refused(rewritten, change, sealed):
    content = json.loads(rewritten.read_text())
    content["fingerprint"] = archives.fingerprint(registry.get("coin"))
    rewritten.write_text(json.dumps(content))
    evidence.load("coin", where=rewritten.parent)
    change(content)
    if sealed:
        parts = {part: archives._rows(table) for part, table in content["parts"].items()}
        content["digest"] = archives.rows_digest(parts)
    rewritten.write_text(json.dumps(content))
    if change is halve and sealed:
        halved = {row["seed"] for row in parts["coin"]}
        assert halved != set(PROTOCOL.parts["coin"].seeds), "the protocol's seeds tell them apart"
    with pytest.raises(ValueError, match=r"coin\.json.*make evidence NAME=coin"):
        evidence.load("coin", where=rewritten.parent)


def write(column, value):
    def write_it(table):
        table["rows"][0][table["columns"].index(column)] = value

    return write_it


def add_a_column(table):
    table["columns"].append("more")
    for row in table["rows"]:
        row.append(0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table["rows"].pop(0), "is missing"),
        (lambda table: table["rows"].insert(0, table["rows"][0]), "a run gives the row"),
        (lambda table: table["rows"].reverse(), "a run gives the row"),
        (write("learning_rate", 7.0), "is missing"),
        (write("stage", "pilot"), "is missing"),
        (write("first_loss", "low"), "first_loss of the row .* is 'low'"),
        (add_a_column, "more of the row .* is 0"),
    ],
)
def test_the_rows_of_a_training_are_those_that_a_run_gives(change, words, tmp_path):
    content = json.loads((archives.folder() / "lsuv.json").read_text(encoding="utf-8"))
    kinds = registry.get("lsuv").PROTOCOL.parts
    part = next(name for name, kind in kinds.items() if isinstance(kind, Training))
    change(content["parts"][part])
    parts = {name: archives._rows(table) for name, table in content["parts"].items()}
    content["digest"] = archives.rows_digest(parts)
    (tmp_path / "lsuv.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"{words}.*make evidence NAME=lsuv"):
        evidence.load("lsuv", where=tmp_path)


def test_versions_name_no_loops_where_numpy_has_none(monkeypatch):
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": {"baseline": ["X86_V2"]}})
    assert archives.versions()["simd"] == []
    assert not archives.same_kernels({"blas": [], "simd": ["X86_V3"]})


def test_an_archive_of_brackets_alone_is_unreadable(module, tmp_path):
    (tmp_path / "coin.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="unreadable or cut short"):
        evidence.load("coin", where=tmp_path)
    assert not evidence.is_current("coin", where=tmp_path)


def test_a_folder_is_no_archive(module, tmp_path):
    (tmp_path / "coin.json").mkdir()
    with pytest.raises(ValueError, match="is no file that can be read"):
        evidence.load("coin", where=tmp_path)


@pytest.mark.parametrize(
    ("column", "off", "made", "found"),
    [
        ("test_accuracy", 1e-12, {}, r"bitwise.*test_accuracy of \{'arm': 'good', 'seed': 104\}"),
        ("test_accuracy", 1e-12, {"numpy": "1.0"}, None),
        ("test_accuracy", 1e-8, {"numpy": "1.0"}, "within the tolerance"),
        ("gradient", 1e-300, {"blas": ["another"]}, "within the tolerance.*gradient"),
        ("seed", 500, {}, r"row \{'arm': 'good', 'seed': 104\}, which only one"),
    ],
    ids=["bitwise", "another machine", "past the tolerance", "an exact statement", "other seeds"],
)
def test_a_row_that_does_not_come_out_again_is_named_and_nothing_written(rewritten, column, off, made, found):
    edit(rewritten, column, off, **made)
    before = rewritten.read_bytes()
    if found is None:
        evidence.confirm("coin", where=rewritten.parent, n_jobs=1)
        assert evidence.is_current("coin", where=rewritten.parent)
        return
    with pytest.raises(ValueError, match=found):
        evidence.confirm("coin", where=rewritten.parent, n_jobs=1)
    assert rewritten.read_bytes() == before


def test_another_protocol_is_refused_before_anything_runs(rewritten, monkeypatch):
    monkeypatch.setattr(registry.get("coin"), "PROTOCOL", dataclasses.replace(PROTOCOL, statement="A die."))
    monkeypatch.setattr(Measurement, "run", lambda *_: pytest.fail("it ran"))
    with pytest.raises(ValueError, match=r"protocol\.statement is 'A coin.' there and 'A die.' here"):
        evidence.confirm("coin", where=rewritten.parent)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_archive_is_refused(result, module, tmp_path, share):
    path = evidence.save(result, where=tmp_path)
    text = path.read_text().rstrip()
    path.write_text(text[: int(share * len(text))])
    with pytest.raises(ValueError, match=r"unreadable or cut short.*make evidence NAME=coin"):
        evidence.load("coin", where=tmp_path)
    assert not evidence.is_current("coin", where=tmp_path)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"parts": 3}', '{"parts": {"coin": {"columns": ["a"], "rows": [[1, 2]]}}}']
)
def test_what_is_no_archive_is_refused(module, tmp_path, text):
    (tmp_path / "coin.json").write_text(text)
    with pytest.raises(ValueError, match="not an archive"):
        evidence.load("coin", where=tmp_path)


def test_a_missing_archive_and_an_unknown_name(module, tmp_path):
    with pytest.raises(FileNotFoundError, match="make evidence NAME=coin"):
        evidence.load("coin", where=tmp_path)
    with pytest.raises(ValueError, match="Did you mean 'he-depth'"):
        evidence.load("he-dept")


def test_a_crash_while_writing_leaves_the_old_archive(result, module, tmp_path, monkeypatch):
    path = evidence.save(result, where=tmp_path)
    before = path.read_bytes()

    def crash(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="disk full"):
        evidence.save(change(result, lambda row: {"gradient": 1.0}), where=tmp_path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["coin.json", "coin.py"]


def test_a_fingerprint_sees_code_and_not_layout(tmp_path):
    def of(text):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text)
        return fingerprints.of_file(path)

    base = of('def f(x):\n    """Say."""\n    return x + 1\n')
    assert of("def f(x):  # comment\n    return (x\n            + 1)\n") == base
    assert of("def f(x):\n    return x + 2\n") != base
    assert of("def f(x):\n    return x + 1.0\n") != base
    assert of("def g(x):\n    return x + 1\n") != base


def test_a_fingerprint_is_the_same_where_python_marks_lazy_imports(tmp_path, monkeypatch):
    """Python 3.15 adds the field `is_lazy` to imports; older ones are made to look like it."""
    files = [tmp_path / name for name in ("before.py", "eager.py", "lazy.py")]
    for file in files:
        file.write_text("import os\nfrom os import path\n")
    before = fingerprints.of_file(files[0])
    for node in (ast.Import, ast.ImportFrom):
        fields = tuple(field for field in node._fields if field != "is_lazy")
        monkeypatch.setattr(node, "_fields", (*fields, "is_lazy"))
        monkeypatch.setattr(node, "is_lazy", 0, raising=False)
    assert fingerprints.of_file(files[1]) == before
    parse = ast.parse

    def lazy(source):
        tree = parse(source)
        tree.body[0].is_lazy = 1
        return tree

    monkeypatch.setattr(ast, "parse", lazy)
    assert fingerprints.of_file(files[2]) != before


# -- Where archives are found -------------------------------------------------------------------------------


@pytest.mark.heavy
def test_archives_are_found_from_any_folder(tmp_path):
    code = "from initlib import evidence; print(evidence.load('he-depth').verdict)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == evidence.load("he-depth").verdict


@pytest.mark.heavy
def test_the_wheel_carries_the_archives_and_its_licence(tmp_path):
    copy = tmp_path / "source"
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy)
    for name in ("initlib", "book/evidence"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "book" / "intro.md").write_text("of the book", encoding="utf-8")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path), "-t"]
    subprocess.run([*build, "sdist"], cwd=copy, check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as source:
        source.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert {one.name for one in (unpacked / "book").iterdir()} == {"evidence"}
    subprocess.run([*build, "wheel"], cwd=unpacked, check=True, capture_output=True)
    site = tmp_path / "site"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    (info,) = site.glob("*.dist-info")
    assert (info / "licenses" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    metadata = (info / "METADATA").read_text(encoding="utf-8")
    assert "\nLicense-Expression: BSD-3-Clause" in metadata
    assert {"Author", "Keywords", "Classifier"} <= set(re.findall(r"^([\w-]+):", metadata, re.M))
    assert (site / "initlib" / "py.typed").is_file()
    modules = site.rglob("*.py")
    assert not [path for path in modules if path.with_suffix("").is_dir()], "a folder named as a module"
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import initlib; from initlib import evidence; "
        "print(initlib.__file__, len(list(evidence.folder().glob('*.json'))), sep='\\n'); "
        "print(evidence.load('he-depth').verdict)"
    )
    away = tmp_path / "away"
    away.mkdir()
    run = subprocess.run([sys.executable, "-c", code], cwd=away, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    file, count, verdict = run.stdout.split("\n")[:3]
    assert file.startswith(str(site))
    assert int(count) == len(list(archives.IN_REPOSITORY.glob("*.json")))
    assert verdict == evidence.load("he-depth").verdict


# -- The command --------------------------------------------------------------------------------------------


def command(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / "tools" / "evidence.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.heavy
def test_the_command_lists_what_is_not_current():
    run = command("--check")
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.heavy
def test_the_command_confirms_only_what_is_named():
    run = command("--unchanged")
    assert run.returncode == 1
    assert "needs the names" in run.stderr


@pytest.mark.heavy
def test_the_command_refuses_an_unknown_name():
    run = command("he-dept")
    assert run.returncode == 1
    assert "Did you mean 'he-depth'" in run.stderr


# -- Accuracy chooses, grounds, outcomes, two readings -------------------------------------------------------


LARGE_OR_DEAD = {0.01: (15.0, 0.9), 0.02: (2.3, 0.1), 0.05: (2.0, 0.1), 0.1: (9.0, 0.2), 0.2: (9.0, 0.1)}
NONE = {0.01: (2.0, 0.9), 0.02: (1.0, 0.8), 0.05: (None, 0.9), 0.1: (0.5, 0.7), 0.2: (None, 0.9)}
EQUAL = {0.01: (0.5, 0.9), 0.02: (0.2, 0.9), 0.05: (0.3, 0.9), 0.1: (0.1, 0.8), 0.2: (9.0, 0.1)}


@pytest.mark.parametrize(
    ("tuned_by", "table", "best"),
    [
        ("accuracy", LARGE_OR_DEAD, 0.01),
        ("accuracy", EQUAL, 0.02),
        ("loss", LARGE_OR_DEAD, 0.05),
        ("loss", NONE, 0.1),
    ],
    ids=[
        "what learns beats what is dead",
        "equal accuracy: the smaller loss",
        "speed: the smallest loss",
        "no number is the largest loss",
    ],
)
def test_what_tuned_by_chooses(tuned_by, table, best):
    changes = {"arms": {"he": {}}, "conditions": {"depth": (2,)}, "every_rate": ()}
    part = dataclasses.replace(TRAINING, tuned_by=tuned_by, **changes)
    [choice] = parts.choose(part, rows(table))
    assert (choice["best"], choice["shared"]) == (best, best)


GROUNDED = dataclasses.replace(
    TRAINING,
    conditions={},
    tuned_by="accuracy",
    grounds={
        "SGD": {"optimizer": "sgd"},
        "Adam": {"optimizer": "adam", "learning_rates": (0.001, 0.002, 0.005, 0.01, 0.02)},
    },
    sample=({"arm": "he", "ground": "Adam", "learning_rate": "best", "seed": 100},),
)


@pytest.fixture(scope="module")
def grounded():
    tiny, he = ({"arm": arm, "learning_rate": "best"} for arm in ("tiny", "he"))
    tests = (Difference("he minus tiny", "t", "test_accuracy", he, tiny, margin=0.05),)
    table = (
        Rule("upheld", {"he minus tiny": "higher"}),
        Rule("refuted", {"he minus tiny": ("equivalent", "lower")}),
    )
    told = Told("a small start can hurt.", (Rule("upheld", {"he minus tiny": "higher"}),), some=True)
    protocol = Protocol("t", "C0", "A small start hurts.", {"t": GROUNDED}, tests, table, told=told)
    return Result(protocol, {"t": GROUNDED.run(parts.How(n_jobs=1))})


def test_each_ground_has_its_rates_rows_and_verdict(grounded):
    assert {r["ground"] for r in grounded.rows("t")} == {"SGD"}
    assert {r["ground"] for r in grounded.rows("t", ground=None)} == {"SGD", "Adam"}
    tried = {r["learning_rate"] for r in grounded.rows("t", ground="Adam", stage="tuning")}
    assert tried >= {0.001, 0.002}
    assert 0.05 not in tried
    assert set(grounded.verdicts) == {"SGD", "Adam"}
    assert [f.label for f in grounded.findings] == ["he minus tiny (SGD)", "he minus tiny (Adam)"]
    assert grounded.finding("he minus tiny", "Adam").ground == "Adam"
    curves = evidence.live(grounded, "t", epochs=1, ground="Adam")
    assert curves["he"]["test_accuracy"].shape == (3, 1)


def test_grounds_reach_the_net_and_come_out_again(grounded):
    cell = GROUNDED.cell(arm="he", ground="Adam", learning_rate=0.01, seed=100)
    assert cell["optimizer"] == "adam"
    assert not {"ground", "learning_rates"} & set(cell)
    assert evidence.rerun_sample(grounded) == []


def test_an_arm_that_is_the_same_on_two_grounds_is_trained_once(monkeypatch):
    twice = dataclasses.replace(
        GROUNDED, grounds={"one": {}, "other": {}}, sample=({"arm": "he", "ground": "one"},)
    )
    trained, train = [], parts.sweeps.train
    monkeypatch.setattr(
        parts.sweeps, "train", lambda cells, **how: trained.extend(cells) or train(cells, **how)
    )
    rows = twice.run(parts.How(n_jobs=1))
    by_ground = [[{**row, "ground": ""} for row in rows if row["ground"] == one] for one in ("one", "other")]
    assert by_ground[0] == by_ground[1]
    assert 2 * len(trained) == len(rows)


def with_accuracies(grounded, sgd, adam):
    """Return the result with these mean accuracies of the tiny arm below that of the other."""
    gap = {"SGD": sgd, "Adam": adam}

    def accuracy(row):
        return 0.9 - (row["arm"] == "tiny") * gap[row["ground"]] + 0.001 * (row["seed"] % 3)

    rows = [{**row, "test_accuracy": accuracy(row)} for row in grounded.parts["t"]]
    return Result(grounded.protocol, {"t": rows})


@pytest.mark.parametrize(
    ("sgd", "adam", "verdict", "scope", "as_told"),
    [
        (0.3, 0.3, "upheld", "with SGD and Adam", "upheld"),
        (0.3, 0.0, "depends", "upheld with SGD; refuted with Adam", "upheld"),
        (0.3, 0.03, "upheld", "with SGD; inconclusive with Adam", "upheld"),
        (0.0, 0.0, "refuted", "with SGD and Adam", "inconclusive"),
    ],
)
def test_a_verdict_carries_its_scope(grounded, sgd, adam, verdict, scope, as_told):
    result = with_accuracies(grounded, sgd, adam)
    assert (result.verdict, result.scope, result.as_told) == (verdict, scope, as_told)
    box = result.box()
    assert standing(verdict, scope) in box.heading
    assert f"<small>{scope}</small>" in box._repr_html_()
    assert f">{as_told}</strong> <b>As told:</b>" in box._repr_html_()


def test_the_effect_on_each_ground_and_its_picture(grounded):
    result = with_accuracies(grounded, 0.3, 0.0)
    assert result.effects("he minus tiny") == {"SGD": "holds", "Adam": "gone"}
    assert with_accuracies(grounded, 0.03, -0.3).effects("he minus tiny") == {
        "SGD": "weaker",
        "Adam": "reversed",
    }
    dead = [{**row, "test_accuracy": 0.1 + 0.001 * (row["seed"] % 3)} for row in result.parts["t"]]
    guessing = dataclasses.replace(result, parts={"t": dead})  # ten classes: 10 % is what guessing reads
    assert guessing.effects("he minus tiny") == {"SGD": "neither learned", "Adam": "neither learned"}
    axis = result.map("he minus tiny", "A title").axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["SGD", "Adam"]
    assert [text.get_text() for text in axis.texts] == ["holds", "gone"]
    assert axis.get_title(loc="left") == "A title"
    plt.close(axis.figure)
    with pytest.raises(ValueError, match="he minus tiny"):
        result.effects("he minus tine")


def difference_of(low, high, **changes):
    """Return the outcome for paired differences from low to high."""
    test = Difference("d", "coin", "test_accuracy", {"arm": "good"}, 0.0, **{"margin": 0.1, **changes})
    return test.evaluate([{seed: [value] for seed, value in enumerate(np.linspace(low, high, 12))}]).outcome


def test_the_outcomes_between_equivalent_and_unclear():
    assert difference_of(-0.01, 0.01) == "equivalent"
    assert (
        difference_of(0.05, 0.07) == "not lower"
    )  # not equivalent: more than two points, less than the margin
    assert difference_of(-0.07, -0.05) == "not higher"
    assert difference_of(0.2, 0.3) == "higher"
    assert difference_of(-0.3, 0.3) == "unclear"


def test_rows_that_exclude_each_other_never_fit_the_same_outcomes():
    """Looked up outcome by outcome, for rows that ask for all of their tests and for one of several."""
    down, up, flat = (when(**{word: ["a", "b"]}) for word in ("lower", "higher", "equivalent"))
    rows = [
        Rule("refuted", flat),
        Rule("refuted", when(equivalent=["a"])),
        AnyRule("upheld", {}, (down,)),
        AnyRule("upheld", {}, (down, up)),
        AnyRule("refined", when(lower_or_equivalent=["a", "b"]), (down,)),
    ]
    every = [dict(zip("ab", o, strict=True)) for o in itertools.product(Difference.outcomes, repeat=2)]
    assert [sum(row.fits(one) for one in every) for row in rows] == [1, 7, 13, 2, 3]
    for one, other in itertools.combinations(rows, 2):
        together = any(one.fits(found) and other.fits(found) for found in every)
        assert not (one.excludes(other) and together)
    assert rows[2].excludes(rows[0])
    assert rows[4].excludes(rows[3])
    assert not rows[2].excludes(rows[1])
    assert rows[3].basis({"a": "lower", "b": "higher"}) == {"a", "b"}
    assert rows[2].basis({"a": "lower", "b": "higher"}) == {"a"}
    with pytest.raises(ValueError, match="names a test"):
        AnyRule("upheld", {}, ({},))


def test_epochs_that_nobody_needed_are_censored(grounded):
    he = {"arm": "he", "learning_rate": "best"}
    test = Difference("epochs", "t", "epochs", he, {**he, "arm": "tiny"}, margin=1)
    protocol = dataclasses.replace(grounded.protocol, tests=(test,), rules=(), told=None, parts={
        "t": dataclasses.replace(GROUNDED, tolerance={"epochs": 1})})  # fmt: skip
    never = Result(protocol, {"t": [{**row, "epochs": 3} for row in grounded.parts["t"]]})
    assert {f.outcome for f in never.findings} == {"censored"}
    at_last = Result(protocol, {"t": [{**row, "epochs": 2} for row in grounded.parts["t"]]})
    assert {f.outcome for f in at_last.findings} == {"equivalent"}


def test_what_protocols_of_the_first_edition_allowed_is_refused(grounded):
    protocol = grounded.protocol
    with pytest.raises(ValueError, match=r"edition must be 2.*Received: 1"):
        dataclasses.replace(protocol, edition=1)
    with pytest.raises(ValueError, match="can fit the same outcomes"):
        dataclasses.replace(protocol, rules=(Rule("upheld", {}), protocol.rules[1]))
    with pytest.raises(ValueError, match="margin of at least"):
        dataclasses.replace(protocol, tests=(dataclasses.replace(protocol.tests[0], margin=0.01),))
    one_more = dataclasses.replace(GROUNDED, grounds={"SGD": {}}, sample=({"arm": "he"},))
    with pytest.raises(ValueError, match="must have the same"):
        dataclasses.replace(protocol, parts={"t": GROUNDED, "u": one_more})


@pytest.mark.parametrize("name", experiments.names())
def test_no_rate_chosen_by_accuracy_lies_far_below_another_that_was_tried(name):
    result = evidence.load(name)
    for part, kind in result.protocol.parts.items():
        if not isinstance(kind, Training) or kind.tuned_by != "accuracy":
            continue
        for choice in result.learning_rates(part):
            tried = {}
            for row in result.rows(part, stage="tuning", arm=choice["arm"], **choice["condition"]):
                tried.setdefault(row["learning_rate"], []).append(row["validation_accuracy"])
            means = {rate: np.mean(values) for rate, values in tried.items()}
            assert means[choice["best"]] >= max(means.values()) - 0.05, (part, choice)
