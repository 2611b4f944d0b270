"""What pages say of evidence: slips that an independent audit found in the texts, each as a check.

Where a check is a list of words, the sentence that it was written against stands beside it.
"""

import re
from itertools import combinations

import pytest
from notebooks_under_test import ROOT
from test_reading import BEYOND, IN_SHORT, each_chapter, each_of_the_outline
from test_verdicts_page import links

from initlib.evidence import Difference, Training
from initlib.evidence.statistics import Mean

VERDICTS = ROOT / "book" / "conclusion" / "verdicts.md"
CONTRADICTED_BY = {
    "higher": {"equivalent", "lower", "not higher"},
    "lower": {"equivalent", "higher", "not lower"},
}


def text(path):
    """Return the source of a page, sentences that go on in the next line made one."""
    return path.with_suffix(".md").read_text(encoding="utf-8")


def paragraphs(source):
    prose = re.sub(r"^(`{3,})[\s\S]*?^\1$", "", source, flags=re.MULTILINE)
    return [" ".join(one.split()) for one in re.split(r"\n\s*\n", prose)]


# -- Why large starts overfit: tried, and left open ------------------------------------------------------

LARGE = re.compile(r"\blarge (first weights|starts?|ones)\b", re.IGNORECASE)
WORSE = re.compile(r"overfit|\bworse\b|\bcosts?\b|\bmemori")
GUESSED = re.compile(r"likely reason|suggests? why|probably because|explains? why|is why|the reason is")


def guesses(paragraph):
    return LARGE.search(paragraph) and WORSE.search(paragraph) and GUESSED.search(paragraph)


@each_chapter
def test_no_page_guesses_why_large_starts_read_new_images_worse(path):
    for paragraph in paragraphs(text(path)):
        assert not guesses(paragraph) or re.search(r"\bopen\b", paragraph), paragraph


@pytest.mark.parametrize(
    "page", ["pitfalls/large-values", "practices/regularize-the-initialization", "conclusion/verdicts"]
)
def test_where_it_comes_up_a_page_calls_it_open_and_links_to_the_trial(page):
    pages = paragraphs(text(ROOT / "book" / f"{page}.md"))
    assert any(re.search(r"\bopen\b", one) and "techniques/random.ipynb" in one for one in pages)


@pytest.mark.parametrize(
    "paragraph",
    [
        "The large start still costs 4 to 7 points. The likely reason: the rest of the large weights stays.",
        "Together they suggest why large first weights overfit in the networks above.",
        "Large starts read new data worse. The likely reason is that training leaves part of the start.",
    ],
)
def test_a_guess_is_caught(paragraph):
    assert guesses(paragraph)


# -- What the words of an outcome mean -------------------------------------------------------------------

MEANINGS = {
    "*Equivalent* means that the whole interval lies within the margin of equivalence, two points for "
    "accuracies.": lambda outcome, m, test: (
        (outcome == "equivalent") == (max(abs(m.low), abs(m.high)) < test.equivalence)
    ),
    "*Higher* or *lower* means that the interval excludes zero and the mean is at least as far from zero as "
    "the threshold; the interval may still reach below the threshold.": lambda outcome, m, test: (
        (outcome in ("higher", "lower"))
        == (m.low * m.high > 0 and abs(m.mean) >= test.margin and outcome != "equivalent")
    ),
    "*Not lower* and *not higher* bound the difference on one side only; *unclear* does not even do "
    "that, and more seeds could tell.": lambda outcome, m, test: {
        "not lower": m.low > -test.equivalence and m.high >= test.equivalence,
        "not higher": m.high < test.equivalence and m.low <= -test.equivalence,
        "unclear": m.low <= -test.equivalence and m.high >= test.equivalence,
    }.get(outcome, True),
}


def differences(found):
    return [
        (test, finding)
        for result in found.all.values()
        for test, finding in result.judged()
        if isinstance(test, Difference) and isinstance(finding.estimate, Mean)
    ]


@pytest.mark.parametrize("sentence", MEANINGS)
def test_the_page_defines_the_outcomes_as_they_came_out(sentence, found):
    assert sentence in " ".join(text(VERDICTS).split())
    judged = [pair for pair in differences(found) if pair[1].outcome != "censored"]
    assert len(judged) > 500
    for test, finding in judged:
        assert MEANINGS[sentence](finding.outcome, finding.estimate, test), (test.name, finding)


def test_some_interval_does_reach_below_the_threshold(found):
    """So "unclear means neither within the margin nor beyond it" would be wrong of it."""
    reaching = [
        finding
        for test, finding in differences(found)
        if finding.outcome == "higher" and finding.estimate.low < test.equivalence
    ]
    assert reaching


# -- Two trials of one contrast --------------------------------------------------------------------------


def contrasts(result):
    """Yield for each difference in accuracy between two starts: what is compared where, and the outcome.

    The nets may differ in budget and in the number of samples alone.
    """
    for test, finding in result.judged():
        part = result.protocol.parts[test.part]
        if (
            not isinstance(test, Difference)
            or not isinstance(part, Training)
            or test.metric != "test_accuracy"
        ):
            continue
        places = [
            {**where, **({"ground": finding.ground} if part.grounds else {})} for where in test.selections()
        ]
        if len(places) < 2 or any(not part.places.keys() <= place.keys() for place in places):
            continue
        rates = {place.pop("learning_rate", "best") for place in places}
        cells = [part.cell(**place, learning_rate=0.1, seed=0) for place in places]
        here = [repr([cell.get(name) for name in STARTS]) for cell in cells]
        outcome = finding.outcome
        if here[0] > here[1]:
            here.reverse()
            outcome = MIRRORED.get(outcome, outcome)
        where = repr([sorted(rates), *(cells[0].get(name) for name in PLACES)])
        yield (where, *here), outcome


STARTS = ("initializer", "scale", "bias_initializer", "network")
PLACES = ("activation", "depth", "width", "dataset", "optimizer", "decay", "schedule")
MIRRORED = {"higher": "lower", "lower": "higher", "not lower": "not higher", "not higher": "not lower"}


def contradictions(results):
    """Return the pairs of claims that tell one contrast with outcomes of which one excludes the other."""
    told = [(claim, dict(contrasts(result))) for claim, result in results.items()]
    return [
        (one, other)
        for (one, ours), (other, theirs) in combinations(told, 2)
        if any(opposed(ours[key], theirs[key]) for key in ours.keys() & theirs.keys())
    ]


def opposed(one, other):
    return other in CONTRADICTED_BY.get(one, ()) or one in CONTRADICTED_BY.get(other, ())


def test_chapters_that_contradict_each_other_on_a_contrast_say_so(found):
    chapter = links()
    pairs = contradictions({**found.claims, **found.published})
    assert {"C13", "C19"} in map(set, pairs)
    for pair in pairs:
        here, there = ((VERDICTS.parent / chapter[claim]).resolve() for claim in pair)
        for page, other in ((here, there), (there, here)):
            assert page == other or other.name in text(page), (pair, page.name)


# -- Attributions ----------------------------------------------------------------------------------------

VAGUE = re.compile(
    r"teaching material|(good|many|popular) (courses|tutorials|blogs|books)|widely[ -]read|on the web\b|"
    r"some (authors|people|texts) (say|write|claim)|it is often (said|told|read)|a well-known (text|course)"
)


@each_chapter
def test_what_others_say_is_cited_or_nobodys(path):
    for paragraph in paragraphs(text(path)):
        vague = VAGUE.search(paragraph)
        assert not vague or "{cite" in paragraph, paragraph


def test_an_attribution_to_nobody_is_caught():
    assert VAGUE.search("Here is a demonstration found in good courses.")
    assert VAGUE.search("Found in good teaching material.")


# -- Summaries name their ground -------------------------------------------------------------------------

SUMMARY = re.compile(r"^## In three lines\n(?P<body>[\s\S]*?)(?=^\*\*Sources|^#|\Z)", re.MULTILINE)
NUMBER = r"two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen|twenty|thirty|forty|\d+"
TRAINED = re.compile(rf"\b({NUMBER})( \w+)? layers\b")
LEARNING = re.compile(r"\b(learn|train|converge|start(ed)? within|forg[ia]ve|decide)\w*")
OPTIMIZER = re.compile(r"\bSGD\b|\bAdam|any optimizer|any of the three")


def points(source):
    """Return the numbered points of a chapter's summaries."""
    bodies = [found["body"] for kind in (IN_SHORT, SUMMARY) if (found := kind.search(source))]
    return [
        " ".join(point.split()) for body in bodies for point in re.split(r"^\d\. ", body, flags=re.MULTILINE)
    ]


def groundless(point):
    """Say whether a point tells how nets of a number of layers learned, and not with which optimizer."""
    return TRAINED.search(point) and LEARNING.search(point) and not OPTIMIZER.search(point)


@each_of_the_outline
def test_a_summary_says_with_which_optimizer_networks_learned(path):
    assert BEYOND not in path.parts
    found = points(text(path))
    assert len(found) >= 6
    for point in found:
        assert not groundless(point), point


def test_a_summary_without_a_ground_is_caught():
    assert groundless("In plain ReLU networks of twenty layers and more it decides whether they train.")
    assert not groundless("With thirty layers and SGD the factor decided whether a network learned.")
