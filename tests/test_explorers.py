import inspect
import json
import re
import subprocess
import sys
import zlib
from dataclasses import FrozenInstanceError
from functools import partial
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from initlib import datasets, explorers, initializers, networks, propagation
from initlib.explorers import Axis, Declaration, Explorer, Lines, Table
from initlib.explorers.engine import payload, picture
from initlib.explorers.engine.table import LOG_STEP
from initlib.explorers.engine.widget import SCRIPTS
from initlib.explorers.signal_propagation import gradients_by_depth

LAYERS = Axis("layer", range(1, 5))
SCALES = Axis("sigma_w", [0.5, 1.0, 2.0], label="weight scale")
SEEDS = Axis("seed", [0, 1])
NAMES = Axis("activation", ["relu", "tanh"])
DEPTHS = Axis("depth", [2, 4])
RMS = np.ones((2, 3, 2, 4)) * 10.0 ** np.arange(4)


def table(rms=RMS, **changes):
    values = {
        "rms": (["activation", "sigma_w", "seed", "layer"], rms),
        "theory": (["activation", "sigma_w", "layer"], np.ones((2, 3, 4))),
        "cosine": (["layer"], np.linspace(-1, 1, 4)),
        **changes,
    }
    return Table([LAYERS, SCALES, SEEDS, NAMES, DEPTHS], values, log=["rms", "theory"])


def panel(**changes):
    return Lines(**{"title": "Signal", "x": "layer", "y": "rms", "label": "rms", "over": "seed", **changes})


def explorer(*panels, controls=("activation", "depth", "sigma_w"), **options):
    return Explorer("Test", table(), controls, panels or [panel(until="depth", theory="theory")], **options)


@given(
    values=st.lists(
        st.one_of(st.just(0.0), st.just(np.nan), st.floats(1e-300, 1e300)), min_size=1, max_size=40
    ).filter(lambda values: not np.isnan(values).all())
)
@settings(max_examples=100, deadline=None)
def test_logarithmic_values_come_back_within_the_stated_error(values):
    stored = Table([Axis("i", range(len(values)))], {"x": (["i"], values)}, log=["x"]).stored("x")
    np.testing.assert_allclose(stored, values, rtol=10 ** (LOG_STEP / 2) - 1 + 1e-9)


@given(values=st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_linear_values_come_back_within_the_stated_error(values):
    stored = Table([Axis("i", range(len(values)))], {"x": (["i"], values)}).stored("x")
    span = max(values) - min(values)
    np.testing.assert_allclose(stored, values, rtol=1e-12, atol=span / 4000 * (1 + 1e-9))


@pytest.mark.parametrize("first", [0, -7])
def test_many_whole_numbers_come_back_exactly(first):
    values = first + np.arange(1999)
    stored = Table([Axis("i", range(1999))], {"x": (["i"], values)}).stored("x")
    np.testing.assert_array_equal(stored, values)


def test_what_is_nearly_zero_is_stored_as_zero():
    for values in ([2.66e-8, 0.5, 1.0], [-1.0, -0.5, -2.66e-8], [-1e-12, 0.3, 1.0]):
        stored = Table([Axis("i", range(3))], {"x": (["i"], values)}).stored("x")
        assert np.count_nonzero(stored) == 2


def test_the_stated_error_is_the_error():
    rng = np.random.default_rng(0)
    values = 10 ** rng.uniform(-30, 30, 10_000)
    one = Table([Axis("i", range(10_000))], {"x": (["i"], values)}, log=["x"])
    worst = np.abs(one.stored("x") / values - 1).max()
    assert 0.0105 < worst < 0.012
    assert one.accuracy == "rounded to within 1.2% on logarithmic scales"


def decode(data: bytes) -> np.ndarray:
    """The front end's decoder, in Python."""
    planes = np.frombuffer(zlib.decompress(data), np.uint8).astype(np.uint16)
    high, low = planes.reshape(2, -1)
    zigzag = high << 8 | low
    steps = (zigzag >> 1).astype(np.int16) ^ -(zigzag & 1).astype(np.int16)
    return np.cumsum(steps, dtype=np.int16)


def test_the_bytes_hold_every_array_in_order():
    rms = RMS.copy()
    rms[0, 0, 0, 1:3] = np.nan, 0
    made = table(rms)
    codes = decode(made.to_bytes())
    assert len(codes) == sum(made.stored(name).size for name in made.dims)
    assert codes[:8].tolist() == [0, -32768, -32767, 300, 0, 100, 200, 300]
    assert codes[-4:].tolist() == [0, 667, 1333, 2000]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Axis("depth", []), "Axis 'depth' is empty"),
        (lambda: Axis("depth", [1, 3, 2]), "strictly increase"),
        (lambda: Axis("depth", [1, 1]), "strictly increase"),
        (lambda: Axis("depth", [1, np.nan]), r"depth\[1\] must be a finite number"),
        (lambda: Axis("depth", [1, np.inf]), r"depth\[1\] must be a finite number"),
        (lambda: Axis("name", ["a", "a"]), "must be distinct"),
        (lambda: Table([LAYERS, LAYERS], {"x": (["layer"], [1, 2, 3, 4])}), "Axis names must be distinct"),
        (lambda: Table([LAYERS], {}), "at least one array"),
        (lambda: Table([LAYERS], {"x": (["depth"], [1, 2])}), "Unknown axis of 'x'"),
        (lambda: Table([LAYERS], {"x": (["layer"], [1, 2])}), r"shape \(4,\).*Received shape: \(2,\)"),
        (lambda: Table([LAYERS], {"x": (["layer"], [1, 2, 3, np.inf])}), "1 NaN or infinite"),
        (lambda: Table([LAYERS], {"x": (["layer"], [np.nan] * 4)}), "4 NaN or infinite entries of 4"),
        (lambda: Table([LAYERS], {"x": (["layer"], [1, 2, -3, 4])}, log=["x"]), "must be >= 0. Received: -3"),
        (
            lambda: Table([LAYERS], {"x": (["layer"], [1, 2, 3, 4])}, log=["y"]),
            "Unknown logarithmic quantity",
        ),
        (lambda: explorer(controls=[]), "needs controls and panels"),
        (lambda: Explorer("Test", table(), ["depth"], []), "needs controls and panels"),
        (lambda: explorer(controls=["deep"]), "Unknown control"),
        (lambda: explorer(controls=["depth", "depth", "activation", "sigma_w"]), "Controls must be distinct"),
        (lambda: explorer(panel(y="rmse")), "Unknown array of panel 'Signal'"),
        (lambda: explorer(panel(x="time")), "Unknown axis of panel 'Signal'"),
        (lambda: explorer(panel(over=None)), "Panel 'Signal' cannot draw 'rms'"),
        (lambda: explorer(panel(), controls=["depth", "activation"]), "Panel 'Signal' cannot draw 'rms'"),
        (lambda: explorer(panel(), controls=["activation", "sigma_w", "seed"]), "which is also a control"),
        (lambda: explorer(panel(theory="rms")), "Panel 'Signal' cannot draw 'rms'"),
        (lambda: explorer(panel(theory="cosine")), "mixes logarithmic and linear"),
        (lambda: explorer(panel(until="layer")), "Unknown until"),
        (lambda: explorer(panel(until="activation")), "needs a control with numbers"),
        (lambda: explorer(panel(report="middle")), "Unknown report"),
        (lambda: explorer(start={"width": 3}), "Unknown control in start"),
        (lambda: explorer(play="width"), "Unknown control in play"),
        (lambda: explorer(play="activation"), "Only a control with numbers can be played along"),
        (lambda: explorer(name="My explorer"), "made of a-z, 0-9 and hyphens. Received: 'My explorer'"),
        (lambda: explorer(name=""), "made of a-z, 0-9 and hyphens. Received: ''"),
        (lambda: explorer(start={"activation": "rely"}), "Did you mean 'relu'"),
        (lambda: explorer(start={"sigma_w": np.nan}), "sigma_w must be a finite number"),
    ],
)
def test_bad_input_is_refused_with_what_came_and_what_is_allowed(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize(
    ("axis", "control", "value"),
    [
        (Axis("depth", [4, 8, 12]), ipywidgets.IntSlider, 8),
        (Axis("sigma_w", 2.0 ** (np.arange(-6, 7) / 4)), ipywidgets.FloatLogSlider, 1.0),
        (Axis("rate", 10.0 ** np.arange(-4, 1)), ipywidgets.FloatLogSlider, 0.01),
        (Axis("epoch", [1, 2, 5]), ipywidgets.SelectionSlider, 1),
        (Axis("activation", ["relu", "tanh"]), ipywidgets.Dropdown, 0),
    ],
)
def test_an_axis_gets_the_control_that_fits_it(axis, control, value):
    values = np.ones((len(axis.values), 4))
    one = Explorer("T", Table([axis, LAYERS], {"y": ([axis.name, "layer"], values)}), [axis.name], [
        Lines("P", "layer", "y", "y")
    ])  # fmt: skip
    made = one.widget.children[0].children[0]
    assert type(made) is control
    assert made.value == pytest.approx(value)
    assert made.description == axis.label


def test_a_logarithmic_slider_stops_at_every_value_of_its_axis():
    axis = Axis("sigma_w", 2.0 ** (np.arange(-6, 7) / 4))
    made = Table([axis, LAYERS], {"y": (["sigma_w", "layer"], np.ones((13, 4)))})
    slider = Explorer("T", made, ["sigma_w"], [Lines("P", "layer", "y", "y")]).widget.children[0].children[0]
    stops = slider.base ** (slider.min + slider.step * np.arange(13))
    np.testing.assert_allclose(stops, axis.values, rtol=1e-12)
    assert slider.max == pytest.approx(slider.min + 12 * slider.step)


def test_links_join_each_control_to_its_trait(monkeypatch):
    links = []
    monkeypatch.setattr(ipywidgets, "jslink", lambda source, target: links.append((source, target)))
    drawing = explorer(start={"sigma_w": 2.0, "activation": "tanh"}).widget.children[1]
    assert (drawing.at_activation, drawing.at_depth, drawing.at_sigma_w) == (1, 4, 2.0)
    assert [(control.description, name, target) for (control, name), target in links] == [
        ("activation", "index", (drawing, "at_activation")),
        ("depth", "value", (drawing, "at_depth")),
        ("weight scale", "value", (drawing, "at_sigma_w")),
    ]


def test_the_specification_is_json_and_names_what_the_panels_draw():
    spec = json.loads(json.dumps(explorer().spec()))
    assert [array["name"] for array in spec["arrays"]] == ["rms", "theory", "cosine"]
    assert spec["panels"][0]["until"] == "depth"
    assert [control["by"] for control in spec["controls"]] == ["index", "int", "log"]


def test_links_and_play_travel_with_the_specification():
    spec = explorer(start={"sigma_w": 2.0}, play="depth").spec()
    assert (spec["name"], spec["play"], spec["start"]) == (
        "test",
        "depth",
        {"activation": 0, "depth": 1, "sigma_w": 2},
    )
    titled = Explorer("Order & chaos: a Map", table(), ["activation", "sigma_w"], [panel()])
    assert titled.spec()["name"] == "order-chaos-a-map"
    assert explorer(name="signal").spec()["name"] == "signal"


def test_the_picture_draws_what_the_lines_say():
    made = explorer(start={"depth": 2})
    seen = made.view().along("rms", "seed", "layer", until="depth")
    assert seen.tolist() == [[1, 10], [1, 10]]
    assert made.view(depth=4).along("rms", "layer", "seed").tolist() == [
        [1, 1],
        [10, 10],
        [100, 100],
        [1e3, 1e3],
    ]
    np.testing.assert_allclose(made.view().along("cosine", "seed", "layer"), np.linspace(-1, 1, 4), atol=1e-3)


def test_the_words_say_the_settings_and_the_ends_of_the_lines():
    assert explorer(start={"depth": 4, "sigma_w": 1}).describe() == (
        "activation relu, depth 4, weight scale 1. Signal at layer 4: 1000 in all 2 seeds, 1 in theory."
    )
    rms = RMS.copy()
    rms[0, 1, 0, 3] = np.nan
    made = Explorer("Test", table(rms), ["activation", "sigma_w"], [panel()])
    assert made.describe().endswith("Signal at layer 4: diverged.")


class Display(list):
    """Stands in for a notebook: keeps what is displayed."""

    def __call__(self, data, metadata=None, raw=False):
        assert raw
        self.append((data, metadata or {}))


@pytest.fixture
def shown(monkeypatch):
    calls = Display()
    monkeypatch.setattr("IPython.display.display", calls)
    return calls


def test_it_shows_a_still_picture_with_alt_text_a_sentence_and_the_live_widget(shown):
    explorer()._ipython_display_()
    (picture, metadata), (sentence, _), (live, _) = shown
    assert picture["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == picture["text/plain"]
    assert "Signal at layer 4: 1000 in all 2 seeds" in picture["text/plain"]
    assert "initlib-explorer-note" in sentence["text/html"]
    assert set(live) == {"text/plain", "application/vnd.jupyter.widget-view+json"}


def test_what_is_stored_of_it_is_the_same_every_time(shown):
    explorer()._ipython_display_()
    explorer()._ipython_display_()
    stored = [
        {kind: data[kind] for kind in data if kind != "application/vnd.jupyter.widget-view+json"}
        for data, _ in shown
    ]
    assert stored[:3] == stored[3:]
    assert not re.search("0x[0-9a-f]{6}|[0-9a-f]{32}", "".join(data["text/plain"] for data in stored))


# Characters of code in each script, blanks and comments aside; a script that has grown beyond knows too much.
SIZES = {"address": 2200, "controls": 3300, "explorer": 7000, "panels": 14500, "table": 1500, "words": 1200}


def test_the_front_end_is_small_and_asks_for_nothing_from_elsewhere():
    folder = Path(inspect.getfile(explorers)).parent / "engine"
    sources = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.js")}
    assert set(sources) == set(SCRIPTS) == set(SIZES)
    for name, source in sources.items():
        code = re.sub(r"(?m)^\s*//.*$|\s", "", source)
        assert len(code) <= SIZES[name], name
    assert not re.search(r"https?://|\bimport\b|fetch\(", "".join(sources.values()))


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a statement loads in a fresh process, beyond numpy and the standard library."""
    code = f"import sys, numpy.random; old = set(sys.modules); {statement}; print(*set(sys.modules) - old)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name for name in done.stdout.split() if name.split(".")[0] not in sys.stdlib_module_names}


def test_what_an_explorer_needs_is_loaded_when_it_is_used():
    loaded = loaded_by("import initlib.explorers")
    assert {name.split(".")[0] for name in loaded} <= {"initlib", "numpy"}
    assert not loaded & {"initlib.experiments", "initlib.evidence"}
    assert "initlib.evidence" in loaded_by("from initlib.explorers import rates")


def test_the_facade_finds_every_explorer_and_nothing_else():
    assert set(explorers.__all__) <= set(dir(explorers))
    assert all(callable(getattr(explorers, name)) for name in explorers.__all__)
    with pytest.raises(AttributeError, match=r"module 'initlib\.explorers' has no attribute 'signals'"):
        _ = explorers.signals


def test_a_declaration_is_all_that_a_picture_and_a_payload_need():
    made, declared = (
        kind("Test", table(), ["sigma_w", "activation"], [panel()]) for kind in (Explorer, Declaration)
    )
    assert not any(hasattr(declared, name) for name in ("widget", "spec", "_ipython_display_"))
    assert payload.spec(declared) == made.spec()
    assert picture.draw(declared) == picture.draw(made)
    assert declared.describe() == made.describe()
    with pytest.raises(FrozenInstanceError):
        declared.title = "Other"


def test_the_gradients_of_all_depths_are_those_of_the_nets_cut_off_there():
    draw = partial(initializers.variance_scaling, scale=1.5)
    depths, x = (2, 3, 6), np.random.default_rng(1).standard_normal((5, 8))
    deepest = networks.mlp([8] * 7, "tanh", draw, seeds=[0, 1])
    found = gradients_by_depth(deepest, x, depths)
    top = np.broadcast_to(np.random.default_rng(0).standard_normal((5, 8)), (2, 5, 8))
    for i, depth in enumerate(depths):
        net = networks.mlp([8] * (depth + 1), "tanh", draw, seeds=[0, 1])
        gradients = net.backward(net.forward(x), top).pre
        expected = np.sqrt([np.square(g).mean(axis=(1, 2)) for g in gradients]).T
        np.testing.assert_allclose(found[:, i, :depth], expected, rtol=1e-12)
        assert np.isnan(found[:, i, depth:]).all()


@pytest.fixture(scope="module")
def relu():
    return explorers.signal(["relu"], depths=[2, 5, 8], scales=[1, 2**0.5, 2], seeds=range(3))


def test_the_signal_explorer_shows_what_measure_and_predict_say(relu):
    widths, rounding = [64] * 9, 10 ** (LOG_STEP / 2) - 1
    digits = datasets.digits().split(seed=0).train.inputs[:16].astype(float)
    x = digits / np.sqrt(np.square(digits).mean(axis=1, keepdims=True))
    draw = partial(initializers.variance_scaling, scale=2.0)
    measured = propagation.measure(networks.mlp(widths, "relu", draw, seeds=range(3)), x)
    np.testing.assert_allclose(relu.table.stored("rms")[0, 0, 1], measured.rms, rtol=rounding)
    np.testing.assert_allclose(relu.table.stored("cosine")[0, 0, 1], measured.cosine, atol=5e-4)
    haar = networks.mlp(widths, "relu", partial(initializers.orthogonal, gain=2**0.5), seeds=range(3))
    orthogonal = propagation.measure(haar, x)
    np.testing.assert_allclose(relu.table.stored("rms")[0, 1, 1], orthogonal.rms, rtol=rounding)
    cosines = x @ x.T / 64
    cosine = cosines[~np.eye(16, dtype=bool)].mean()
    for i, depth in enumerate([2, 5, 8]):
        predicted = propagation.predict([64] * (depth + 1), "relu", sigma_w=2.0, cosine=cosine)
        for name, curve in {
            "gradient_theory": predicted.gradient_rms,
            "gradient_low": predicted.gradient_rms_band[0],
            "gradient_high": predicted.gradient_rms_band[1],
        }.items():
            np.testing.assert_allclose(relu.table.stored(name)[0, 2, i, :depth], curve, rtol=rounding)
    np.testing.assert_allclose(relu.table.stored("rms_theory")[0, 2], predicted.rms, rtol=rounding)
    np.testing.assert_allclose(relu.table.stored("rms_low")[0, 0, 2], predicted.rms_band[0], rtol=rounding)
    np.testing.assert_allclose(relu.table.stored("cosine_theory")[0, 2], predicted.cosine, atol=5e-4)


def test_the_gradient_by_depth_follows_theory_without_a_band_too():
    tanh = explorers.signal(["tanh"], depths=[3, 6], scales=[1.2], seeds=[0])
    assert tanh.panels[1].band is None
    for i, depth in enumerate([3, 6]):
        predicted = propagation.predict([64] * (depth + 1), "tanh", sigma_w=1.2).gradient_rms
        stored = tanh.table.stored("gradient_theory")[0, 0, i, :depth]
        np.testing.assert_allclose(stored, predicted, rtol=10 ** (LOG_STEP / 2) - 1)


def test_the_signal_explorer_marks_the_named_scales_and_starts_where_it_is_told(relu):
    assert relu.table.axes["sigma_w"].marks == {"LeCun, Xavier": 1.0, "He": 2**0.5}
    assert relu.start == {"activation": 0, "ensemble": 0, "depth": 1, "sigma_w": 1}
    told = explorers.signal(["relu"], depths=[2, 5], scales=[1, 2], seeds=[0], depth=2, sigma_w=1)
    assert told.start == {"activation": 0, "ensemble": 0, "depth": 0, "sigma_w": 0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activations": ["rely"]}, "Did you mean 'relu'"),
        ({"activations": []}, "activations needs at least one entry"),
        ({"depths": []}, "depths needs at least 1"),
        ({"depths": [0, 2]}, r"depths\[0\] must be an integer >= 1"),
        ({"depths": [4, 2]}, "strictly increase"),
        ({"scales": [0, 1]}, r"scales\[0\] must be a finite number > 0"),
        ({"seeds": []}, "seeds needs at least 1"),
        ({"ensembles": ["gausian"]}, "Did you mean 'gaussian'"),
        ({"width": 3}, "Unknown control in start"),
    ],
)
def test_the_signal_explorer_refuses_bad_arguments(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        explorers.signal(**{"activations": ["relu"], "depths": [2], "scales": [1], "seeds": [0], **arguments})
