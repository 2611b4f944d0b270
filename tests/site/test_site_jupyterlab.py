"""The same explorer in a running JupyterLab: alive without the kernel, made anew when its cell is edited."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import numpy as np
import pytest
from site_under_test import STILL, press, slider, table_of

from initlib import explorers

SCALE = "weight scale σ w"
SIZES = {"depths": [2, 4], "scales": [1.0, 1.5, 2.25], "seeds": [0]}
CELL = "explorers.signal([activation], depths=[2, 4], scales=[1.0, 1.5, 2.25], seeds=[0])"
LAB_CELL = 'explorers.lab("zero", seeds=1)'
GUIDE_CELL = "explorers.guide()"
KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel"
LIVE = ".initlib-explorer-drawing figure svg"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start JupyterLab in a folder with one notebook; return the notebook's address."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [
        'from initlib import explorers\n\nactivation = "relu"\n' + CELL,
        "import time\n\ntime.sleep(60)",
        LAB_CELL,
        GUIDE_CELL,
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, folder / "explorer.ipynb")
    token, port = secrets.token_hex(16), free_port()
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    options = [
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.port={port}",
        f"--IdentityProvider.token={token}",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env={**os.environ, **own}, stdout=log, stderr=log
        )
    home = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{home}/api/status?token={token}", server, folder / "log.txt")
        yield f"{home}/lab/tree/explorer.ipynb?token={token}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def wait_for(address, server, log) -> None:
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address) as answer:
                assert json.load(answer)["kernels"] == 0
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(log.read_text())


@pytest.fixture(scope="module")
def page(browser, lab):
    """The notebook in the browser, with its first cell run."""
    with browser.new_context(viewport={"width": 1200, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(lab)
        page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length === 4")
        wait_until(page, "idle")
        run_cell(page, 0)
        page.wait_for_selector(LIVE)
        yield page


def run_cell(page, index: int) -> None:
    page.evaluate(
        """(index) => {
          const { shell, commands } = window.jupyterapp;
          shell.currentWidget.content.activeCellIndex = index;
          void commands.execute("notebook:run-cell");
        }""",
        index,
    )


def wait_until(page, status: str) -> None:
    page.wait_for_function(f"{KERNEL}?.status === '{status}'")


def expected(activation: str, scale: int) -> np.ndarray:
    made = explorers.signal([activation], **SIZES)
    view = made.view(depth=4, sigma_w=SIZES["scales"][scale])
    return np.median(view.along("rms", "seed", "layer", until="depth"), axis=0)


def test_the_cell_shows_the_live_explorer_and_no_second_picture(page):
    assert page.locator(LIVE).count() == 3
    assert page.locator(STILL).count() == 2
    assert not page.locator(f"{STILL} img").first.is_visible()
    np.testing.assert_allclose(np.array(table_of(page))[:, 1], expected("relu", 1), rtol=0.0051)


def test_a_slider_step_needs_no_answer_of_the_kernel(page):
    run_cell(page, 1)  # the kernel sleeps for a minute
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
    )
    press(page, SCALE, "ArrowRight")
    assert slider(page, SCALE).get_attribute("aria-valuetext") == "2.25"
    np.testing.assert_allclose(np.array(table_of(page))[:, 1], expected("relu", 2), rtol=0.0051)
    assert (
        page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status") == "busy"
    )
    page.evaluate("window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    )


def test_the_address_is_jupyterlabs(page):
    """No setting is written there or read from there, and no link to one is offered."""
    before = page.evaluate("location.href")
    press(page, SCALE, "ArrowLeft")
    page.wait_for_timeout(500)
    assert page.evaluate("location.href") == before
    controls = page.locator(".initlib-explorer-controls")
    assert controls.get_by_role("button", name="Copy link").count() == 0
    controls.get_by_role("button", name="Reset").click()
    page.wait_for_function("document.querySelectorAll('[role=slider]')[1].ariaValueText.startsWith('1.5')")


def test_an_edited_cell_makes_a_new_table(page):
    before = page.locator(".initlib-explorer").element_handle()
    editor = page.locator(".jp-Notebook .cm-content").first
    editor.get_by_text('"relu"').dblclick()
    page.keyboard.type("tanh")
    assert 'activation = "tanh"' in editor.inner_text()
    run_cell(page, 0)
    page.wait_for_function("before => !before.isConnected", arg=before)
    page.wait_for_selector(LIVE)
    np.testing.assert_allclose(np.array(table_of(page))[:, 1], expected("tanh", 1), rtol=0.0051)
    press(page, SCALE, "ArrowLeft")
    np.testing.assert_allclose(np.array(table_of(page))[:, 1], expected("tanh", 0), rtol=0.0051)


def test_the_lab_trains_while_the_kernel_sleeps(page):
    run_cell(page, 2)
    lab = page.locator(".initlib-lab")
    lab.wait_for(state="attached")
    lab.evaluate("lab => lab.scrollIntoView()")  # one that nobody sees does not start
    page.wait_for_function("document.querySelector('.initlib-lab').lab?.told")
    stills = page.locator(STILL)
    assert not any(stills.nth(i).is_visible() for i in range(stills.count()))
    run_cell(page, 1)
    wait_until(page, "busy")
    address = page.evaluate("location.href")
    lab.get_by_role("button", name="Train").click()
    page.wait_for_function("document.querySelector('.initlib-lab').lab.reports[0].step >= 20")
    assert not page.evaluate("document.querySelector('.initlib-lab').lab.slow ?? false")
    lab.get_by_role("button", name="Pause").click()
    page.wait_for_function("document.querySelector('.story').textContent.startsWith('After')")
    assert lab.get_by_role("button", name="Copy link").count() == 0
    assert page.evaluate("location.href") == address
    assert page.evaluate(f"{KERNEL}.status") == "busy"
    page.evaluate("window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    wait_until(page, "idle")


def test_the_guide_answers_and_its_links_lead_to_notebooks(page):
    if page.evaluate(f"{KERNEL}.status") == "busy":
        page.evaluate("window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    wait_until(page, "idle")
    run_cell(page, 3)
    guide = page.locator(".initlib-guide")
    guide.wait_for()
    page.wait_for_function("document.querySelector('.initlib-guide').dataset.alive !== undefined")
    address = page.evaluate("location.href")
    guide.get_by_role("combobox", name="Activation").select_option("tanh")
    assert guide.locator(".rule b").inner_text().startswith("Xavier (Glorot) initialization")
    links = [one.get_attribute("href") for one in guide.locator(".grounds a").all()]
    assert "../techniques/xavier.ipynb" in links
    page.wait_for_timeout(500)
    assert page.evaluate("location.href") == address
    assert not guide.get_by_role("button", name="Copy link").is_visible()
