"""The page of verdicts: every row is computed from an archive, and follows it when it changes."""

import csv
import dataclasses
import io
import json
import shutil

import matplotlib.pyplot as plt
import pytest

from initlib import evidence, experiments
from initlib.evidence import registry, scopes
from initlib.evidence.statistics import by_signs
from initlib.evidence.summary import CLAIMS, COLUMNS, KINDS


@pytest.fixture
def archives(tmp_path):
    """A copy of all archives, to change."""
    shutil.copytree(evidence.folder(), tmp_path / "archives")
    return tmp_path / "archives"


def test_there_are_25_claims_each_with_one_experiment(found):
    assert list(found.claims) == list(CLAIMS) == [f"C{n}" for n in range(1, 26)]
    assert all(name.startswith("R") for name in found.published)
    assert all(name.startswith("E") for name in found.elsewhere)
    assert all(name.startswith("D") for name in found.tools)
    assert len(found.all) == len(experiments.names())


def test_a_row_says_what_the_archive_says(found):
    for row, (claim, result) in zip(found.rows(), found.claims.items(), strict=True):
        assert row.keys() == set(COLUMNS)
        assert row["claim"] == claim
        assert row["verdict"] == result.verdict
        finding = next(finding for finding in result.findings if finding.label == row["test"])
        assert row["criterion"] == finding.criterion
        assert int(row["n"]) == finding.estimate.n >= 10
        assert row["estimate"]
        assert row["95% interval"]


def test_changed_numbers_change_the_row(found, archives):
    result = evidence.load("zero-symmetry")
    symmetry = [{**row, "rank": 5} for row in result.parts["symmetry"]]
    evidence.save(dataclasses.replace(result, parts={**result.parts, "symmetry": symmetry}), where=archives)
    changed = evidence.verdicts(archives)
    different = [old["claim"] for old, new in zip(found.rows(), changed.rows(), strict=True) if old != new]
    assert different == ["C2"]
    assert changed.claims["C2"].verdict != found.claims["C2"].verdict
    assert changed.table()._repr_markdown_() != found.table()._repr_markdown_()
    assert changed.csv() != found.csv()
    assert changed.counts() != found.counts()


def test_a_missing_archive_is_named(archives):
    (archives / "he-depth.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"he-depth\.json.*make evidence NAME=he-depth"):
        evidence.verdicts(archives)


def test_an_unreadable_archive_is_named(archives):
    path = archives / "he-depth.json"
    path.write_text(path.read_text()[:1000])
    with pytest.raises(ValueError, match=r"he-depth\.json is unreadable"):
        evidence.verdicts(archives)


def test_a_claim_without_an_experiment_is_named(monkeypatch):
    names = [name for name in experiments.names() if experiments.get(name).PROTOCOL.claim != "C2"]
    monkeypatch.setattr(registry, "names", lambda: names)
    with pytest.raises(ValueError, match=r"No experiment settles C2\."):
        evidence.verdicts()


def test_the_table_links_chapters_and_escapes_what_markdown_would_read(found):
    markdown = found.table({"C1": "../why/why.ipynb"})._repr_markdown_()
    lines = markdown.splitlines()
    assert len(lines) == 2 + 25
    assert lines[2].startswith("| [C1](../why/why.ipynb) | ")
    assert lines[3].startswith("| C2 | ")
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_the_files_hold_every_row(found):
    rows = list(csv.DictReader(io.StringIO(found.csv())))
    assert rows == json.loads(found.json()) == found.rows(found.all)
    html = found.downloads()._repr_html_()
    assert html.count("<a download=") == 2
    assert "http" not in html


def test_counts_and_misses(found):
    assert sum(found.counts().values()) == 25
    assert list(found.counts()) == list(KINDS)
    for row in found.missed():
        assert row["verdict"] != "upheld"


def test_the_scopes_have_a_row_for_each_claim_whose_rules_speak_of_training(found):
    maps = {"E2": ["C5", "C13"]}
    rows = {row["claim"]: row for row in found.scopes(maps)}
    assert {"C1", "C2", "C5", "R5"} <= rows.keys()
    assert not {"C7", "C8", "C17", "E2"} & rows.keys()  # no rule of theirs needs a trained net
    for claim, row in rows.items():
        result = found.all[claim]
        tried = [row[name] for name in scopes.COLUMNS if row[name] != scopes.UNTRIED]
        assert len(tried) == len(result.verdicts)
        for cell, (ground, verdict) in zip(tried, result.verdicts.items(), strict=True):
            assert f"rule {verdict}" in cell
            if result.verdicts_as_told:
                assert f"told {result.verdicts_as_told[ground]}" in cell
    assert rows["R5"]["networks and data"] == "22 to 30 layers, 64 wide; digits"
    effects = found.elsewhere["E2"].effects("effect")
    assert f"gone on {[*effects.values()].count('gone')}" in rows["C5"]["elsewhere"]
    assert rows["C1"]["elsewhere"] == scopes.UNTRIED


def test_the_words_of_a_table_have_the_class_of_their_color(found):
    html = found.tally()._repr_html_()
    for kind, count in found.counts(as_told=True).items():
        assert f'<td><b class="verdict-word verdict-{kind}">{kind}</b></td><td>{count}</td>' in html
    assert 'verdict-word verdict-reversed">reversed</b> (-' in found.contrasts()._repr_html_()
    told = 'told <b class="verdict-word verdict-upheld">upheld</b>, rule <b'
    assert told in found.scopes({})._repr_html_()


def test_the_contrasts_have_a_row_for_each_ground_and_a_column_for_each_map(found):
    table = found.contrasts()
    for name, result in found.elsewhere.items():
        assert result.protocol.statement in table.caption
        tried = [row for row in table if row[name] != scopes.UNTRIED]
        assert sorted(row["ground"] for row in tried) == sorted(result.protocol.grounds)
        for row in tried:
            points = round(100 * result.finding("effect", row["ground"]).estimate.mean)
            assert row[name] == f"{result.effects('effect')[row['ground']]} ({points:+d})"
    own = found.contrasts("E7")
    assert [row["ground"] for row in own] == list(found.elsewhere["E7"].protocol.grounds)
    assert {key for row in own for key in row} == {"ground", "E7"}
    with pytest.raises(ValueError, match="E99"):
        found.contrasts("E99")


def test_the_map_of_scopes_has_the_leading_contrast_of_each_result_with_its_interval(found):
    rows = scopes.scope_map({**found.claims, **found.published})
    claims = [label.split()[0] for label in rows]
    assert {"C1", "C5", "C13", "R5"} <= set(claims)
    trained = {claim for claim, one in found.claims.items() if scopes.trainings(one)}
    assert trained <= set(claims)
    for claim, cells in zip(claims, rows.values(), strict=True):
        result = found.all[claim]
        first, *others = cells.values()
        assert len(cells) == len(result.verdicts)
        assert first[0].estimate.mean >= 0
        named = [f for f in result.findings if f.test == first[0].test] or [f for f, _ in cells.values()]
        for finding, (shown, became) in zip(named, [first, *others], strict=True):
            assert abs(finding.estimate.mean) == pytest.approx(abs(shown.estimate.mean))
            assert (became == "gone") == (finding.outcome == "equivalent")
    # rules that count seeds or epochs: the arms that they count
    assert {
        "C2  tanh, random rather than zeros",
        "C3  tanh, gaussian rather than constant",
        "C18  sigmoid: x 1 rather than x 8",
        "C23  residual, 32 blocks, scaled rather than He",
    } <= rows.keys()
    zeros = found.claims["C2"].values("all layers", "test_accuracy", arm="zeros", activation="tanh")
    assert rows["C2  tanh, random rather than zeros"]["SGD"][0].estimate.mean > 0.95 - zeros.mean()
    sgd, adam = (rows["C13  SiLU, 20 layers: critical rather than He"][name][1] for name in ("SGD", "Adam"))
    assert (sgd, adam) == ("holds", "open")
    figure = found.scope_map()
    assert [axis.get_title(loc="left") for axis in figure.axes] == list(scopes.COLUMNS)
    shown = [label.get_text().split() for label in figure.axes[0].get_yticklabels()]
    assert shown == [label.split() for label in rows]
    marks = [len([x for x in axis.lines if x.get_marker() not in ("None", "")]) for axis in figure.axes]
    assert marks == [sum(name in cells for cells in rows.values()) for name in scopes.COLUMNS]
    plt.close(figure)


def test_an_outcome_that_hangs_on_the_normal_law_is_doubted(found):
    [row] = found.doubted()
    result = found.all[row["claim"]]
    finding = next(f for f in result.decisive if f.label == row["test"])
    assert finding.outcome == "higher"
    assert float(row["p"]) == pytest.approx(by_signs(finding.estimate.values), rel=0.05)
    others = {claim: one for claim, one in found.published.items() if claim != row["claim"]}
    assert not dataclasses.replace(found, published=others).doubted()


def test_a_map_that_is_none_is_refused(found):
    with pytest.raises(ValueError, match="E99"):
        found.scopes({"E99": ["C5"]})


def test_a_claim_told_without_a_modal_has_one_reading(found):
    result = found.claims["C2"]
    assert result.protocol.told is None
    assert result.verdicts_as_told == result.verdicts
    row = next(row for row in found.rows() if row["claim"] == "C2")
    assert (row["told"], row["as told"]) == (row["statement"], row["verdict"])
    assert not found.published["R5"].as_told  # nobody tells it


def test_the_plot_has_a_marker_for_each_claim(found):
    figure = found.plot()
    lines = figure.axes[0].lines
    assert (
        len([line for line in lines if line.get_marker() != "None" and line.get_fillstyle() == "full"]) == 25
    )
    rings = [line for line in lines if line.get_fillstyle() == "none"]
    assert len(rings) == sum(bool(result.as_told) for result in found.claims.values())
    plt.close(figure)
