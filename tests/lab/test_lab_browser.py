"""The lab in a real browser: it trains, tells what happened, and bears bad input."""

import re
from urllib.parse import quote

import numpy as np
import pytest
from lab_page import open_lab, reports, settle, train
from site_under_test import write_page

from initlib import explorers
from initlib.explorers.lab import settings

LAB = "document.querySelector('.initlib-lab').lab"


@pytest.fixture
def show(browser, tmp_path):
    """Open a page with a lab; at the end it must have met no problem."""
    contexts, problems = [], []

    def open_page(lab=None, *, fragment="", before=None, refused=(), **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda one: problems.append(one.text) if one.type == "error" else None)
        page.on("request", lambda one: problems.append(one.url) if one.url.startswith("http") else None)
        if before:
            page.add_init_script(before)
        open_lab(page, tmp_path, lab or explorers.lab(), fragment)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def small(**changes):
    return explorers.lab("why", **{"depth": 4, "width": 16, "seeds": 2, **changes})


def test_both_arms_train_from_a_file_and_the_sentence_tells_it(show):
    page = show(explorers.lab("why", seeds=2))
    assert page.locator(".story").inner_text().startswith("Before training, A starts where")
    train(page, 300)
    assert not page.evaluate(f"{LAB}.slow ?? false")
    story = page.locator(".story").inner_text()
    assert re.search(
        r"After \d+ steps, A has not left the loss of guessing, 2\.303: .*; B classifies 9", story
    )
    a, b = reports(page)
    assert a["step"] == b["step"] >= 300
    assert min(seed["accuracies"][-1] for seed in b["seeds"]) > 0.85
    assert max(seed["accuracies"][-1] for seed in a["seeds"]) < 0.3
    assert page.locator(".story a").get_attribute("href").endswith("book/techniques/random.html")


def test_equal_starts_stay_equal_and_are_seen_to(show):
    page = show(explorers.lab("zero", seeds=1))
    train(page, 60)
    assert "units that are all alike" in page.locator(".story").inner_text()
    a, b = (np.array(report["pictures"]) for report in reports(page))
    assert np.ptp(a, axis=0).max() < 1e-6 < np.ptp(b, axis=0).max()
    assert page.locator("[data-chart=units-a]").get_attribute("aria-label").endswith("all units alike")


def test_a_step_a_pause_and_a_restart(show):
    page = show(small())
    first = reports(page)[0]["profiles"][0]["rms"]
    page.get_by_role("button", name="One step").click()
    page.wait_for_function(f"{LAB}.reports[0].step === 1")
    assert reports(page)[0]["profiles"][0]["rms"] != first
    page.get_by_role("button", name="Go on").click()
    page.wait_for_function(f"{LAB}.reports[0].step > 20")
    page.get_by_role("button", name="Pause").click()
    page.wait_for_function(f"!{LAB}.running")
    page.wait_for_timeout(400)
    at = reports(page)[0]["step"]
    page.wait_for_timeout(300)
    assert reports(page)[0]["step"] == at
    page.get_by_role("button", name="Restart").click()
    page.wait_for_function(f"{LAB}.reports[0].step === 0")
    assert reports(page)[0]["profiles"][0]["rms"] == first  # the same draws again


def test_a_pause_between_two_steps_lets_the_sentence_catch_up(show):
    page = show(small(depth=2, seeds=1))
    page.locator(".speed").select_option("slow")
    page.get_by_role("button", name="Train").click()
    page.wait_for_function(f"{LAB}.reports[0].step === 4")
    page.evaluate(f"{LAB}.busy.then(() => setTimeout(() => {LAB}.pause(), 40))")
    page.wait_for_function(f"!{LAB}.running")
    step = reports(page)[0]["step"]
    page.wait_for_function(f"document.querySelector('.story').innerText.startsWith('After {step} steps')")


def test_the_same_settings_give_the_same_numbers(show):
    runs = []
    for _ in range(2):
        page = show(small())
        train(page, 40, speed="normal")
        runs.append([seed["losses"][:4] for report in reports(page) for seed in report["seeds"]])
    assert runs[0] == runs[1]


def test_training_rests_after_a_thousand_steps(show):
    page = show(small(depth=1, seeds=1))
    page.locator(".speed").select_option("fast")
    page.get_by_role("button", name="Train").click()
    page.wait_for_function(f"!{LAB}.running && {LAB}.reports[0].step >= 1000")
    assert page.locator(".train").inner_text() == "Go on"
    assert len(reports(page)[0]["points"]) <= 241


def test_every_setting_can_be_reached_by_keyboard(show):
    page = show(small())
    page.locator(".preset").focus()
    names = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.dataset.name ?? document.activeElement.className")
        if name == "" and page.evaluate("document.activeElement.tagName") == "SUMMARY":
            page.keyboard.press("Enter")
        names.add(name)
    hidden = {"biasSize"}
    assert set(settings.ARM) | set(settings.SHARED) | {"train", "step", "restart", "link", "python"} <= (
        names | hidden
    )
    depth = page.get_by_role("slider", name="depth, arm B")
    depth.focus()
    page.keyboard.press("End")
    settle(page)
    assert depth.get_attribute("aria-valuetext") == "40"
    assert len(reports(page)[1]["profiles"][0]["rms"]) == 40
    assert len(reports(page)[0]["profiles"][0]["rms"]) == 4


def test_a_link_holds_every_setting(show):
    changes = {
        "init": ("pytorch", "orthogonal"), "scale": (2.0, 0.5), "depth": (3, 8), "width": (8, 32),
        "activation": ("gelu", "selu"), "bias": ("random", "constant"), "biasSize": (0.2, 0.05),
        "normalisation": ("layer", "batch"), "shortcut": ("scaled", "zero_last"),
        "optimizer": ("adam", "momentum"),
        "rate": (0.01, 0.02), "size": (0.1, 0.2), "data": "circles", "batch": 16, "seeds": 3,
    }  # fmt: skip
    assert set(changes) == set(settings.ARM) | set(settings.SHARED)
    page = show(explorers.lab("why", **changes))
    page.locator(".link").click()
    link = page.evaluate(f"{LAB}.lastCopied ?? location.href")
    assert link == page.url
    other = show(fragment=link[link.index("#") :])
    assert other.locator(".notes").is_hidden()
    state = other.evaluate(f"{LAB}.state")
    start = explorers.lab("why", **changes).start
    assert state == {"arms": start["arms"], "shared": start["shared"]}


@pytest.mark.parametrize(
    ("fragment", "note", "name", "value"),
    [
        ("depth=900", "depth 900 became 40", "depth", 40),
        ("depth=-3", "depth -3 became 1", "depth", 1),
        ("width=20", "width 20 became 16", "width", 16),
        ("rate=NaN", "rate NaN became 0.05", "rate", 0.05),
        ("rate=", r"rate \(nothing\) became 0.05", "rate", 0.05),
        ("activation=<img src=x onerror=alert(1)>", "activation <img.* became relu", "activation", "relu"),
        ("nonsense=1", "nonsense is not a setting", "depth", 10),
        ("depth=1e400", "depth 1e400 became 40", "depth", 40),
    ],
)
def test_a_bad_link_falls_back_and_says_so(show, fragment, note, name, value):
    page = show(fragment="#lab=why&" + quote(fragment, safe="=&,"))
    assert re.match(note, page.locator(".notes").inner_text())
    assert page.evaluate(f"{LAB}.state.arms[0][{name!r}]") == value
    assert page.locator(".notes img").count() == 0


def test_a_link_for_another_lab_is_left_alone(show):
    page = show(fragment="#lab=he&depth=3")
    assert page.evaluate(f"{LAB}.state.arms[0].depth") == 10
    assert page.locator(".notes").is_hidden()


def test_a_link_for_a_scene_that_there_is_not_says_so(show):
    page = show(fragment="#lab=" + quote("<img src=x>"))
    assert page.locator(".notes").inner_text() == "<img src=x> is not a scene of the lab."


def test_a_net_that_diverges_stops_and_the_others_go_on(show):
    page = show(small(activation=("identity", "relu"), rate=(10.0, 0.1), init="he"))
    train(page, 60)
    a, b = reports(page)
    assert all(seed["diverged"] > 0 for seed in a["seeds"])
    assert all(np.isnan(float(seed[name][-1])) for seed in a["seeds"] for name in ("losses", "accuracies"))
    assert all(seed["diverged"] < 0 for seed in b["seeds"])
    assert "A diverged (every net" in page.locator(".story").inner_text()
    assert page.locator(".story a").get_attribute("href").endswith("pitfalls/large-values.html")
    assert "NaN" not in page.locator(".initlib-lab").inner_text()


def test_when_all_diverged_training_ends(show):
    page = show(small(activation="identity", rate=10.0, init="he", seeds=1, depth=(4, 5)))
    page.get_by_role("button", name="Train").click()
    page.wait_for_function(f"{LAB}.reports[0].step > 0 && !{LAB}.running")


def test_one_net_may_diverge_while_others_of_its_arm_go_on(show):
    page = show(small(init="he", depth=10, scale=(1.41, 1.0), seeds=8, rate=0.2))
    train(page, 100)
    diverged = [seed["diverged"] for seed in reports(page)[0]["seeds"]]
    assert 0 < sum(one >= 0 for one in diverged) < 8
    alive = [seed for seed in reports(page)[0]["seeds"] if seed["diverged"] < 0]
    assert all(np.isfinite(seed["losses"]).all() for seed in alive)
    assert re.search(r"A diverged \(\d of 8 nets, the first at step", page.locator(".story").inner_text())


REFUSED = "window.Worker = class { constructor() { throw new Error('refused'); } };"
FAILED = """window.Worker = class {
  postMessage() { setTimeout(() => this.onerror(new Event("error"))); }
  terminate() {}
};"""


@pytest.mark.parametrize("before", [REFUSED, FAILED], ids=["refused", "failed"])
def test_where_no_worker_starts_the_page_trains_and_says_so(show, before):
    page = show(small(seeds=1), before=before)
    assert "slower" in page.locator(".notes").inner_text()
    train(page, 30)
    assert reports(page)[1]["seeds"][0]["losses"][-1] > 0


def test_the_largest_setting_can_be_left_at_once(show):
    page = show(small(seeds=1))
    largest = {name: list(row[1])[-1] for name, row in settings.ARM.items() if name in ("depth", "width")}
    page.evaluate(
        f"""largest => {{
          for (const arm of {LAB}.state.arms) Object.assign(arm, {{ ...largest, init: "orthogonal" }});
          Object.assign({LAB}.state.shared, {{ seeds: 8, batch: 256 }});
          {LAB}.show();
          {LAB}.restart();
        }}""",
        largest,
    )
    page.locator(".preset").select_option("zero")
    page.wait_for_function(f"{LAB}.reports[0].profiles[0].rms.length === 3", timeout=60_000)
    page.get_by_role("button", name="One step").click()
    page.wait_for_function(f"{LAB}.reports[0].step === 1")


def test_extremes_of_every_setting_hang_nothing(show):
    page = show(small(seeds=1))
    for details in page.locator("details").all():
        details.locator("summary").first.click()
    for name, (_, allowed, start) in {**settings.ARM, **settings.SHARED}.items():
        values = list(allowed)
        for value in values if isinstance(allowed, dict) else {values[0], values[-1]}:
            target = "state.shared" if name in settings.SHARED else "state.arms[0]"
            page.evaluate(
                f"value => {{ {LAB}.{target}[{name!r}] = value; {LAB}.show(); {LAB}.restart(); }}", value
            )
            page.get_by_role("button", name="One step").click()
            page.wait_for_function(f"{LAB}.reports[0].step === 1")
            settle(page)
        page.evaluate(f"value => {LAB}.{target}[{name!r}] = value", start if name != "seeds" else 1)


def test_predict_first_hides_the_curves_until_an_arm_is_chosen(show):
    page = show(explorers.lab("why", seeds=1))
    page.get_by_label("Predict first").check()
    page.locator(".speed").select_option("fast")
    page.get_by_role("button", name="Train").click()
    assert page.get_by_text("Which arm will classify more").is_visible()
    assert not page.locator("[data-chart=loss]").is_visible()
    page.get_by_role("button", name="Arm A").click()
    assert page.locator("[data-chart=loss]").is_visible()
    page.wait_for_function(f"{LAB}.reports[0].step >= 300")
    page.locator(".train").click()
    page.wait_for_timeout(1200)
    assert "You said A; it is B." in page.locator(".story").inner_text()


def test_a_question_left_open_hides_nothing_after_a_restart(show):
    page = show(small(seeds=1))
    page.get_by_label("Predict first").check()
    page.get_by_role("button", name="Train").click()
    assert not page.locator("[data-chart=loss]").is_visible()
    page.get_by_label("Predict first").uncheck()
    assert page.locator("[data-chart=loss]").is_visible()


COUNT_DRAWINGS = """() => {
  const lab = document.querySelector('.initlib-lab').lab;
  const draw = lab.draw.bind(lab);
  lab.drawings = 0;
  lab.draw = () => { lab.drawings++; draw(); };
}"""


def test_who_asked_for_less_motion_sees_curves_grow_in_rare_leaps(show):
    drawings = {}
    for motion in ("reduce", "no-preference"):
        page = show(small(seeds=1), reduced_motion=motion)
        page.evaluate(COUNT_DRAWINGS)
        page.get_by_role("button", name="Train").click()
        page.wait_for_function(f"{LAB}.reports[0].step > 20")
        page.wait_for_timeout(2500)
        page.evaluate(f"{LAB}.pause()")
        drawings[motion] = page.evaluate(f"{LAB}.drawings")
        settle(page)
        step = reports(page)[0]["step"]
        assert page.locator(".story").inner_text().startswith(f"After {step:,} steps")
    assert drawings["reduce"] < 8 < 3 * drawings["reduce"] < drawings["no-preference"]


def dark_columns(page):
    """Return where the middle row of arm A's picture in the plane is dark, as shares of its width."""
    row = page.evaluate("""() => {
      const canvas = document.querySelector('[data-chart=units-a]');
      const edge = Math.round(canvas.height / 2);
      return [...canvas.getContext('2d').getImageData(0, edge, canvas.height, 1).data];
    }""")
    pixels = np.array(row).reshape(-1, 4)[:, :3]
    return np.flatnonzero(pixels.max(axis=1) < 90) / len(pixels)


def test_the_boundary_between_two_decisions_is_drawn(show):
    page = show(explorers.lab("plane", depth=1, seeds=1))
    page.evaluate("""() => {
      const { lab } = document.querySelector('.initlib-lab');
      const side = Math.sqrt(lab.reports[0].pictures.length);
      lab.reports[0].pictures.forEach((_, i, all) => (all[i] = i % side < side / 4 ? 0.2 : 0.8));
      lab.data.train = { inputs: [], labels: new Uint8Array(0) };
      lab.redraw();
    }""")
    page.wait_for_timeout(200)
    dark = dark_columns(page)
    assert len(dark) > 0
    assert np.abs(dark - 0.25).max() < 0.02


def test_copied_python_runs_and_gives_what_the_page_gave(show):
    page = show(small(seeds=2))
    train(page, 200)
    page.get_by_role("button", name="Copy as Python").click()
    page.wait_for_function(f"{LAB}.lastCopied")
    code = page.evaluate(f"{LAB}.lastCopied")
    printed = {}
    exec(code, {"print": lambda name, accuracies: printed.setdefault(name, accuracies)})
    assert printed["A"].max() < 0.3
    assert printed["B"].min() > 0.8


@pytest.mark.parametrize("preset", settings.PRESETS)
def test_copied_code_is_python(show, preset):
    page = show(explorers.lab(preset, seeds=1, depth=4))
    for name, words in (("python", "training.fit("), ("torch", "torch.optim.")):
        page.locator(f".{name}").click()
        page.wait_for_function(f"{LAB}.lastCopied?.includes({words!r})")
        compile(page.evaluate(f"{LAB}.lastCopied"), name, "exec")


def test_theory_stands_beside_what_is_measured_before_training(show):
    page = show(explorers.lab("he", seeds=8))
    for report in reports(page):
        low, high = np.array(report["theory"]["bands"]["rms"]).T
        found = np.array([profile["rms"] for profile in report["profiles"]])
        inside = (found[:, :-1] > low[:-1]) & (found[:, :-1] < high[:-1])
        assert inside.mean() > 0.8
        low, high = np.array(report["theory"]["bands"]["gradient"]).T
        relative = np.array([np.array(one["gradient"]) / one["gradient"][-1] for one in report["profiles"]])
        assert ((relative > low) & (relative < high))[:, :-1].mean() > 0.8
        gradients = np.log([profile["gradient"] for profile in report["profiles"]])
        slope = np.median(gradients[:, 0] - gradients[:, -1])
        assert abs(slope - np.log(report["theory"]["gradient"][0])) < 1.5


def test_it_stays_within_a_phone(show):
    page = show(explorers.lab(seeds=1), viewport={"width": 360, "height": 740})
    page.add_style_tag(content="body { font: 18px monospace; }")  # wider than any font of the book
    for details in page.locator("details").all():
        details.locator("summary").first.click()
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = page.eval_on_selector_all(
        ".initlib-lab *:not(table *, table)",
        "all => all.filter((e) => e.getBoundingClientRect().right > 360.5).map((e) => e.className)",
    )
    assert wide == []


def test_colours_follow_the_theme(show):
    page = show(small(seeds=1))
    pixel = """() => {
      const canvas = document.querySelector('[data-chart=rms]');
      return canvas.toDataURL();
    }"""
    light = page.evaluate(pixel)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    settle(page)
    page.wait_for_timeout(100)
    assert page.evaluate(pixel) != light


def test_the_still_picture_stands_in_print(show):
    page = show(small(seeds=1))
    assert not page.locator("img").is_visible()
    page.emulate_media(media="print")
    assert page.locator("img").is_visible()
    assert not page.locator(".initlib-lab").is_visible()


def test_axe_finds_nothing(show):
    from axe_playwright_python.sync_playwright import Axe

    for theme in ("light", "dark"):
        page = show(small(seeds=1))
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        for details in page.locator("details").all():
            details.locator("summary").first.click()
        settle(page)
        found = Axe().run(page, context=".initlib-lab").response["violations"]
        if theme == "dark":  # the bare page stays white: colours are the book's affair
            found = [one for one in found if one["id"] != "color-contrast"]
        assert [(one["id"], [n["html"][:90] for n in one["nodes"]]) for one in found] == []


SLOW = """globalThis.Worker = class extends Worker {
  postMessage(...message) { setTimeout(() => super.postMessage(...message), 1500); }
}"""


def test_the_still_picture_stands_until_there_are_curves(browser, tmp_path):
    page = browser.new_context().new_page()
    page.add_init_script(SLOW)
    page.goto((tmp_path / write_page(tmp_path, [small()])).as_uri())
    page.wait_for_function("document.querySelector('.initlib-lab')?.lab")
    assert page.locator("img").is_visible()
    assert not page.locator(".initlib-lab").is_visible()
    page.wait_for_function(f"{LAB}.told")
    assert not page.locator("img").is_visible()
    assert page.locator(".initlib-lab .train").is_visible()
    page.context.close()
