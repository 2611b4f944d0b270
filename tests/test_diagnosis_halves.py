"""What is found on a batch is looked for on each half of it, and marked where it rests on the samples."""

import json

import numpy as np
import pytest
from test_diagnosis import FAULTS, X, Y, net

from initlib import diagnose
from initlib.diagnosis import CATALOGUE, halves
from initlib.diagnosis.findings import EXACT, Finding
from initlib.diagnosis.record import Loss, Operation, Record
from initlib.diagnosis.report import LONGEST, findings


def thorough(model, batch, loss=None):
    return diagnose(model, batch, loss, depth="thorough")


def found(report):
    return [(one.code, one.severity, one.place) for one in report.all()]


def outlier(sample):
    """Return a batch with one sample that is 10,000 times too large, and wrongly classified."""
    x, y = X.copy(), Y.copy()
    x[sample] *= 1e4
    y[sample] = net([64, 64, 64, 10]).forward(x).output[0, sample].argmin()
    return x, y


def test_a_healthy_net_stays_clean():
    report = thorough(net([64] * 6 + [10]), (X, Y), "softmax")
    assert report.severity == "clean"
    assert len(report.record.halves) == 2
    assert not any("samples" in one for one in report.skipped)


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_of_the_weights_is_found_as_before_and_not_marked(code):
    quick, report = (diagnose(FAULTS[code], (X, Y), "softmax", depth=how) for how in ("quick", "thorough"))
    assert found(report) == found(quick)
    assert not any(one.rests_on_samples for one in report.all())


@pytest.mark.parametrize(
    ("sample", "on", "words"), [(7, (True, False), "first"), (70, (False, True), "second")]
)
def test_one_extreme_sample_is_told_from_a_loud_net(sample, on, words):
    model, batch = net([64, 64, 64, 10]), outlier(sample)
    assert diagnose(model, batch, "softmax").severity == "severe"
    report = thorough(model, batch, "softmax")
    marked = {one.code: one for one in report.all() if one.rests_on_samples}
    assert {"input-scale", "first-loss"} <= set(marked)
    assert {one.halves for one in marked.values()} == {on}
    assert report.severity == "warning"
    assert f"Only the {words} half of the batch shows it by itself" in " ".join(repr(report).split())
    assert len(repr(report).splitlines()) <= LONGEST


def test_half_a_batch_that_is_not_standardized_is_named():
    x = X.copy()
    x[50:] *= 255
    report = thorough(net([64, 64, 64, 10], "tanh", "glorot_normal"), x)
    assert [(one.code, one.severity, one.halves) for one in report.findings if one.code == "input-scale"] == [
        ("input-scale", "warning", (False, True))
    ]


def test_the_marks_are_in_the_json():
    told = json.loads(thorough(net([64, 64, 64, 10]), outlier(7), "softmax").to_json())["findings"]
    assert [one["halves"] for one in told if one["code"] == "input-scale"] == [[True, False]] * 2
    quick = json.loads(diagnose(net([64, 64, 64, 10]), outlier(7), "softmax").to_json())["findings"]
    assert {one["halves"] for one in quick} == {None}


def test_the_net_and_the_batch_are_left_as_they_were():
    model, x, y = net([64, 64, 10]), X.copy(), Y.copy()
    before = [value.copy() for value in model.values]
    thorough(model, (x, y), "softmax")
    assert all(np.array_equal(a, b) for a, b in zip(model.values, before, strict=True))
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)


@pytest.mark.parametrize(("samples", "said"), [(15, True), (16, False), (17, False)])
def test_too_small_a_batch_is_said(samples, said):
    report = thorough(net([64, 64, 10]), (X[:samples], Y[:samples]), "softmax")
    sizes = [half.samples for half in report.record.halves]
    assert sizes == ([] if said else [samples // 2, samples - samples // 2])
    assert any("takes 16 samples, this one has 15" in one for one in report.skipped) is said


def record():
    return Record("test", [Operation(0, "input", "input")], samples=32)


def failing(batch):
    raise ValueError("not this many")


@pytest.mark.parametrize(
    ("examine", "reason"),
    [
        (failing, "half the batch fails with ValueError"),
        (lambda batch: record(), "cannot be halved along its first axis"),
    ],
)
def test_a_batch_that_cannot_be_halved_is_said(examine, reason):
    whole = record()
    halves.look(whole, X[:32], examine)
    assert reason in whole.skipped[-1]
    assert not whole.halves


def test_only_what_runs_along_the_samples_is_cut():
    batch = ({"x": np.zeros((20, 3)), "mask": np.zeros((3, 3)), "scale": np.float64(2)}, [np.ones(20)], None)
    x, (y,), nothing = halves.part(batch, 20, slice(10, 20))
    assert (x["x"].shape, x["mask"].shape, x["scale"].shape, y.shape, nothing) == (
        (10, 3),
        (3, 3),
        (),
        (10,),
        None,
    )


def test_what_is_exact_is_marked_and_stays_severe():
    loss = Loss("cross_entropy", 1.0, classes=10, samples=32, outside=1, target_low=0.0, target_high=10.0)
    whole, clean = record(), record()
    whole.loss = loss
    whole.halves = [clean, whole]
    (one,) = findings(whole)
    assert (one.code, one.severity, one.halves) == ("labels", "severe", (False, True))


SEVERE = {"severity": "severe", "place": "a", "sentence": "s."}


def test_a_fault_that_a_half_names_otherwise_came_back():
    one = Finding("signal-explodes", **SEVERE)
    halves.compare([one], [{"too-narrow"}, {"stream-grows"}])
    assert (one.severity, one.halves) == ("severe", (True, True))


def test_neither_half_may_have_it():
    one = Finding("dead-units", **SEVERE)
    halves.compare([one], [set(), {"saturation"}])
    assert one.severity == "warning"
    assert one.told == "s. Neither half of the batch shows it by itself: it may rest on these samples."


@pytest.mark.parametrize("cause", ["saturation", "identical-units"])
def test_what_follows_from_a_finding_of_both_halves_is_not_marked(cause):
    found = [Finding(cause, **SEVERE), Finding("gradient-vanishes", **SEVERE)]
    halves.compare(found, [{cause}, {cause}])
    assert [(one.severity, one.rests_on_samples) for one in found] == [("severe", False)] * 2


def test_a_fault_without_room_between_severe_and_none_is_marked_and_stays_severe():
    one = Finding("attention-one-hot", **SEVERE)
    halves.compare([one], [{"attention-one-hot"}, set()])
    assert (one.severity, one.rests_on_samples) == ("severe", True)


@pytest.mark.parametrize(
    "code", ["identical-units", "odd-layer", "fan-out", "gate-shut", "summed-loss", "no-nonlinearity"]
)
def test_what_does_not_depend_on_the_samples_is_left_alone(code):
    one = Finding(code, **SEVERE)
    halves.compare([one], [set(), set()])
    assert (one.severity, one.halves) == ("severe", None)


def test_families_and_what_is_demoted_are_rows_of_the_catalogue():
    sampled = {code for family in halves.FAMILIES for code in family}
    assert set(halves.DEMOTED) <= sampled <= set(CATALOGUE)
    assert not sampled & set(EXACT) - {"not-finite", "labels", "activation-last"}
    assert not set(halves.DEMOTED) & set(EXACT)
