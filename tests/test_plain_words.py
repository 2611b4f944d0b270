"""The sentences on what was found: each claim has one, computed from its archive, and it falls with that."""

import dataclasses
import re

import pytest

from initlib import experiments
from initlib.evidence import plain
from initlib.evidence.summary import Listing

CLAIMS = [experiments.get(name).PROTOCOL.claim for name in experiments.names()]


@pytest.fixture(scope="module")
def judged(found):
    return {**found.claims, **found.published}


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim[0] in "CR"])
def test_a_claim_has_a_sentence_that_fits_its_archive(claim, judged):
    """If not, the archive's outcomes are others than those the sentence was written for: write it anew."""
    said = judged[claim].plain
    assert said.sentence
    assert "{" not in said.sentence
    assert said.points


def test_there_is_no_sentence_without_a_trial(judged):
    assert plain.entries().keys() == {result.protocol.name for result in judged.values()}


def test_every_number_in_a_sentence_is_computed_or_names_a_setting(judged):
    """Settings are those of the tests' names; a result typed by hand would be in neither."""
    for result in judged.values():
        entry = plain.entries()[result.protocol.name]
        settings = " ".join([result.protocol.statement, *(test.name for test in result.protocol.tests)])
        for number in re.findall(r"\d+(?:\.\d+)?", plain.PLACEHOLDER.sub("", entry["says"])):
            assert re.search(rf"(?<!\d){re.escape(number)}(?!\d)", settings), (result.protocol.name, number)


def test_a_sentence_falls_when_an_outcome_changes(found):
    result = found.claims["C16"]
    before = result.plain
    name = before.points[0].test.name
    changed = {
        ground: [dataclasses.replace(f, outcome="lower") if f.test == name else f for f in findings]
        for ground, findings in result.by_ground.items()
    }
    after = plain.told(result.protocol.name, changed, result.protocol.tests)
    assert before.sentence
    assert not after.sentence
    assert not after.points


def test_a_sentence_follows_the_numbers(found):
    result = found.claims["C16"]
    name = result.plain.points[1].test.name

    def twice(finding):
        if finding.test != name:
            return finding
        doubled = dataclasses.replace(finding.estimate, mean=2 * finding.estimate.mean)
        return dataclasses.replace(finding, estimate=doubled)

    changed = {ground: [twice(f) for f in findings] for ground, findings in result.by_ground.items()}
    after = plain.told(result.protocol.name, changed, result.protocol.tests).sentence
    assert "5.4 points" in result.plain.sentence
    assert "11 points" in after


def test_a_picture_says_in_words_what_it_draws(judged):
    for result in judged.values():
        for point in result.plain.points:
            drawn = plain.picture(point)
            assert f'aria-label="{point.words}: {plain.estimate(point.finding)}, interval' in drawn
            places = [float(x) for x in re.findall(r'd="M([\d.]+) 8H', drawn)]
            assert all(0 <= x <= plain.WIDE for x in places)


def test_the_list_has_both_readings_and_links(found):
    listing = found.listing({"C1": "../why/why.ipynb"})
    markdown = listing._repr_markdown_()
    assert markdown.count('<div class="verdict-item"') == 25
    assert "[The trial of C1](../why/why.ipynb)" in markdown
    assert markdown.count("As told: ") == markdown.count("As a rule: ")
    for result in found.claims.values():
        assert f'data-verdict="{result.verdict}"' in markdown
    assert len(str(Listing(found.published, {})).splitlines()) == len(found.published)
    assert "depends depends" not in str(listing)
