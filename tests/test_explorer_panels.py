"""The kinds of panels: what each refuses, says in words, and draws on paper."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from initlib import explorers
from initlib.explorers import (
    Answer,
    Axis,
    Bars,
    Explorer,
    HeatMap,
    Histogram,
    Lines,
    Table,
    View,
    answers,
)
from initlib.explorers.engine.picture import draw

SCALES = Axis("scale", [0.5, 1.0, 2.0], label="weight scale", marks={"He": 2.0, "Wide": 9.0})
DEPTHS = Axis("depth", [2, 4, 6])
LAYERS = Axis("layer", [1, 2, 3])
BINS = Axis("bin", [-1.0, 0.0, 1.0])
RULES = Axis("rule", ["He", "Xavier"])
SEEDS = Axis("seed", [0, 1, 2])
ACCURACY = np.array([[0.1, 0.5, 0.9], [0.2, 0.6, 1.0], [0.3, 0.7, np.nan]])  # (depth, scale)
SHARES = np.array([[0.3, 0.4, 0.3], [0.0, 1.0, 0.0], [0.1, 0.1, 0.8]])  # (layer, bin)
TEXTS = ("Use `He`.\n\nIt fits relu.\n\n    he_normal_(w)\n    zeros_(b)", "Use Xavier.")


def table(**changes):
    values = {
        "accuracy": (["depth", "scale"], ACCURACY),
        "share": (["layer", "bin"], SHARES),
        "loss": (["scale", "seed", "layer"], np.arange(27.0).reshape(3, 3, 3)),
        "limit": (["scale"], [2.0, 5.0, 8.0]),
        "by_rule": (["rule"], [0.5, 0.25]),
        "low": (["rule"], [0.4, 0.2]),
        "high": (["rule"], [0.6, 0.3]),
        "choice": (["rule"], [0, 1]),
        "positive": (["scale", "depth"], 10.0 ** np.arange(9).reshape(3, 3)),
        **changes,
    }
    return Table([SCALES, DEPTHS, LAYERS, BINS, RULES, SEEDS], values, log=["positive"])


HEAT = {"title": "Map", "x": "scale", "y": "depth", "value": "accuracy", "label": "accuracy"}
MARKER = {"scale": "scale", "depth": "depth"}


def heat(**changes):
    return HeatMap(**{**HEAT, **changes})


def shares(**changes):
    return Histogram(
        **{"title": "Sizes", "x": "layer", "bins": "bin", "value": "share", "label": "share", **changes}
    )


def bars(**changes):
    return Bars(**{"title": "Rules", "x": "rule", "y": "by_rule", "label": "accuracy", **changes})


def explorer(panel, controls=("scale", "depth"), **options):
    return Explorer("Test", options.pop("table", None) or table(), controls, [panel], **options)


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        (heat(value="accurate"), "Unknown array of panel 'Map'.*Did you mean 'accuracy'"),
        (heat(x="width"), "Unknown axis of panel 'Map'"),
        (heat(y="scale"), "needs two axes. Received 'scale' twice"),
        (heat(x="layer"), "cannot draw 'accuracy'"),
        (heat(value="share"), "cannot draw 'share': it must have the axes"),
        (heat(marker={"layer": "depth"}), "Unknown axis in marker"),
        (heat(marker={"depth": "layer"}), "Unknown control in marker"),
        (heat(overlay={"limit": "by_rule"}), "cannot draw 'by_rule'"),
        (heat(overlay={"limit": "limits"}), "Unknown array of panel 'Map'"),
        (heat(until="layer"), "Unknown until"),
        (heat(limits=(1, 0)), "limits of panel 'Map' must increase"),
        (heat(limits=(0, np.nan)), "limits of panel 'Map' must be a finite number"),
        (heat(value="positive", limits=(0, 1)), "above 0 on a logarithmic scale"),
        (shares(bins="bins"), "Unknown axis of panel 'Sizes'"),
        (shares(x="scale"), "which is also a control"),
        (shares(bins="rule"), "needs numbers on the axis 'rule'"),
        (shares(value="accuracy"), "cannot draw 'accuracy'"),
        (shares(report="middle"), "Unknown report"),
        (bars(y="limit"), "cannot draw 'limit'"),
        (bars(band=("low", "accuracy")), "cannot draw 'accuracy'"),
        (bars(x="depth"), "which is also a control"),
        (Answer("Words", "choice", TEXTS), "cannot draw 'choice'"),
        (Lines("Loss", "layer", "loss", "loss", over_as="band"), "cannot draw 'loss'"),
        (Lines("Loss", "layer", "loss", "loss", over="seed", over_as="bands"), "Unknown over_as"),
        (Lines("Loss", "rule", "by_rule", "loss"), "needs numbers on the axis 'rule'"),
        (
            Lines("L", "layer", "loss", "loss", over="seed", limits=(2, 1)),
            r"must increase.*Received: \(2, 1\)",
        ),
        (heat(center=0.5), "center of panel 'Map' must lie in the middle of its limits"),
        (heat(center=0.5, limits=(0, 2)), r"Received: 0.5 and \(0, 2\)"),
    ],
)
def test_a_panel_refuses_what_it_cannot_draw(panel, message):
    with pytest.raises((ValueError, TypeError), match=message):
        explorer(panel)


def test_negative_shares_are_refused():
    with pytest.raises(ValueError, match="draws shares, which must be >= 0"):
        explorer(shares(), table=table(share=(["layer", "bin"], SHARES - 0.5)))


def test_a_band_over_nothing_is_refused():
    made = table(mean=(["layer"], [1.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match="needs an axis of 'mean' as over"):
        explorer(Lines("Loss", "layer", "mean", "loss", over="seed", over_as="band"), table=made)


@pytest.mark.parametrize("band", [("low", "high")])
def test_logarithmic_bars_with_linear_whiskers_are_refused(band):
    one = Table(
        [RULES, DEPTHS],
        {"y": (["rule"], [1, 2]), "low": (["rule"], [1, 2]), "high": (["rule"], [1, 2])},
        ["y"],
    )
    with pytest.raises(ValueError, match="mixes logarithmic and linear"):
        explorer(bars(y="y", band=band), ["depth"], table=one)


@pytest.mark.parametrize(
    ("choice", "texts", "message"),
    [
        ([0, 2], TEXTS, "must count to one of the 2 texts.*from 0 to 2"),
        ([0, 0.5], TEXTS, "must count to one of the 2 texts"),
        ([0, np.nan], TEXTS, "must count to one of the 2 texts"),
        ([0, 1], ("Use He.", " "), "must not be empty"),
    ],
)
def test_an_answer_needs_a_text_everywhere(choice, texts, message):
    with pytest.raises(ValueError, match=message):
        explorer(Answer("Words", "choice", texts), ["rule"], table=table(choice=(["rule"], choice)))


def test_buttons_are_for_names_only():
    with pytest.raises(ValueError, match=r"Buttons need a control with names\. Received: 'depth'"):
        explorer(heat(), buttons=["depth"])
    with pytest.raises(ValueError, match="Unknown control in buttons"):
        explorer(heat(), buttons=["rule"])
    import ipywidgets

    made = explorer(Answer("Words", "choice", TEXTS), ["rule"], buttons=["rule"])
    assert type(made.widget.children[0].children[0]) is ipywidgets.ToggleButtons


@pytest.mark.parametrize(
    ("panel", "start", "sentence"),
    [
        (heat(marker=MARKER), {"scale": 0.5, "depth": 4}, "Map at weight scale 0.5, depth 4: accuracy 0.2."),
        (heat(marker=MARKER), {"scale": 2, "depth": 6}, "Map at weight scale 2, depth 6: accuracy diverged."),
        (heat(), {}, "Map: accuracy 0.1 to 1."),
        (
            heat(until="scale", marker=MARKER),
            {"scale": 0.5, "depth": 6},
            "Map at weight scale 0.5, depth 6: accuracy 0.3.",
        ),
        (
            heat(marker=MARKER, overlay={"reach": "limit"}),
            {"scale": 1, "depth": 2},
            "Map at weight scale 1, depth 2: accuracy 0.5, reach 5.",
        ),
        (shares(), {}, "Sizes at layer 3: the middle half between 1 and 1."),
        (shares(report="first"), {}, "Sizes at layer 1: the middle half between −1 and 1."),
        (shares(until="depth"), {"depth": 2}, "Sizes at layer 2: the middle half between 0 and 0."),
        (bars(), {}, "Rules, accuracy: He 0.5, Xavier 0.25."),
        (
            Lines("Loss", "layer", "loss", "loss", over="seed", over_as="band"),
            {"scale": 1},
            "Loss at layer 3: 14 measured (11 to 17 over 3 seeds).",
        ),
    ],
)
def test_a_panel_says_what_it_shows(panel, start, sentence):
    assert explorer(panel, start=start).describe().split(". ", 1)[1] == sentence


def test_an_answer_says_its_first_paragraph():
    made = explorer(Answer("Words", "choice", TEXTS), ["rule"])
    assert made.describe() == "rule He. Words: Use He."
    assert made.panels[0].text(made.view(rule="Xavier")) == "Use Xavier."


def test_answers_are_tabulated_once_each():
    axes = [Axis("activation", ["relu", "tanh"]), Axis("deep", ["yes", "no"])]
    texts, where = answers(
        axes, lambda activation, deep: f"{activation} {deep}" if activation == "relu" else "any"
    )
    assert texts == ("relu yes", "relu no", "any")
    assert where.tolist() == [[0, 1], [2, 2]]


def test_a_view_tells_the_numbers_at_any_setting():
    made = explorer(heat())
    assert made.view(depth=6, scale=1.1).along("accuracy") == pytest.approx(0.7, abs=3e-4)
    assert made.view().along("accuracy", "scale", "depth").shape == (3, 3)
    assert made.view(scale=0.5).along("accuracy", "depth", "scale", until="scale").shape == (3, 1)
    with pytest.raises(ValueError, match="Unknown control"):
        made.view(width=3)


def test_places_lie_between_the_values_and_nowhere_outside():
    view = View(table(), {"scale": 1})
    assert [heat().place(view, "scale", value) for value in (0.5, 0.75, 2.0)] == [0, 0.5, 2]
    assert np.isnan([heat().place(view, "scale", value) for value in (0.4, 3.0, np.nan)]).all()
    assert heat().place(view, "rule", "Xavier") == 1


def test_shades_span_the_whole_array_or_the_limits_given():
    made = table()
    assert heat().spec(made)["limits"] == pytest.approx([0.1, 1.0])
    assert heat(value="positive").spec(made)["limits"] == pytest.approx([1, 1e8])
    assert heat(limits=(0, 1)).spec(made)["limits"] == [0, 1]
    assert [heat(limits=(0, 1), **more).shade_count for more in ({}, {"center": 0.5})] == [8, 9]
    assert shares().spec(made)["limits"] == pytest.approx([0, 1])
    json.dumps(explorer(heat(marker=MARKER)).spec())


def test_axes_span_what_all_settings_show():
    made = table()
    lines = Lines("Loss", "layer", "loss", "loss", over="seed")
    assert lines.spec(made)["limits"] == pytest.approx([0, 26])
    assert Lines("Loss", "layer", "loss", "loss", over="seed", limits=(1, 2)).spec(made)["limits"] == [1, 2]
    assert bars(band=("low", "high")).spec(made)["limits"] == pytest.approx([0.2, 0.6])


def test_a_map_that_says_one_number_says_it_once():
    made = table(same=(["depth", "scale"], np.full((3, 3), -0.25)))
    assert explorer(heat(value="same"), table=made).describe().endswith("accuracy −0.25 everywhere.")


def test_controls_travel_with_words_and_marks():
    scale, depth = explorer(heat()).spec()["controls"]
    assert scale == {
        "axis": "scale",
        "by": "log",
        "names": ["0.5", "1", "2 (He)"],
        "marks": [("He", 2, 100.0)],
    }
    assert depth == {"axis": "depth", "by": "int", "names": ["2", "4", "6"], "marks": []}


PANELS = {
    "heat map": heat(marker=MARKER, overlay={"reach": "limit"}),
    "heat map, one mark": heat(marker={"depth": "depth"}),
    "logarithmic heat map": heat(value="positive", until="scale"),
    "histogram": shares(until="depth"),
    "bars": bars(band=("low", "high")),
    "band": Lines("Loss", "layer", "loss", "loss", over="seed", over_as="band"),
}


@pytest.mark.parametrize("name", PANELS)
def test_a_still_picture_is_drawn_the_same_every_time(name):
    made = explorer(PANELS[name])
    picture = draw(made)
    assert picture == draw(made)
    with Image.open(io.BytesIO(picture)) as image:
        assert np.ptp(np.asarray(image.convert("L"))) > 150


def test_the_still_picture_depends_on_where_the_controls_stand():
    for name in ("heat map", "histogram", "band"):
        pictures = {
            draw(explorer(PANELS[name], start={"depth": d, "scale": s})) for d, s in ((2, 0.5), (4, 2.0))
        }
        assert len(pictures) == 2, name
    words = [
        explorer(Answer("Words", "choice", TEXTS), ["rule"], start={"rule": rule}) for rule in RULES.values
    ]
    assert draw(words[0]) != draw(words[1])


def test_many_panels_stand_in_rows_of_two():
    sizes = []
    for count in (2, 4):
        made = Explorer("Test", table(), ["scale", "depth"], [heat(), shares(), bars(), heat()][:count])
        with Image.open(io.BytesIO(draw(made))) as image:
            sizes.append(image.size)
    assert sizes[0][0] == sizes[1][0]
    assert sizes[1][1] == pytest.approx(2 * sizes[0][1], abs=2)


@pytest.mark.parametrize(("panel", "count"), [(heat(), 1), (bars(y="lost"), 2)])
def test_a_diverged_net_is_marked_in_the_picture(panel, count, monkeypatch):
    from matplotlib.axes import Axes

    marked = []
    plot, text = Axes.plot, Axes.text
    monkeypatch.setattr(Axes, "plot", lambda *a, **k: marked.append(k.get("label")) or plot(*a, **k))
    monkeypatch.setattr(Axes, "text", lambda self, x, y, s, **k: marked.append(s) or text(self, x, y, s, **k))
    draw(explorer(panel, table=table(lost=(["rule"], [1.0, np.nan]))))
    assert marked.count("diverged") == 1


@pytest.mark.heavy
@pytest.mark.parametrize("made", [explorers.signal, explorers.rates])
def test_the_title_of_a_still_picture_is_not_cut_off(made, monkeypatch):
    from matplotlib.figure import Figure

    fits = []

    def measure(figure, *arguments, **options):
        save(figure, *arguments, **options)
        title = figure._suptitle.get_window_extent()
        fits.append(title.x0 >= 0 and title.x1 <= figure.bbox.x1)

    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", measure)
    small = {"depths": [4, 20], "scales": [1, 2**0.5, 2]} if made is explorers.signal else {}
    draw(made(**small))
    assert fits == [True]
