"""Time the lab's engine beside TensorFlow Playground's and TensorFlow.js: one net, one browser, one run.

TensorFlow.js comes from npm into a scratch folder. Playground is no package: a clone of
https://github.com/tensorflow/playground is used where its folder is named, and nothing of it is kept.
"""

import shutil
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

PACKAGES = ("@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0", "esbuild@0.28.2")
HOME = "http://bench.invalid/"  # answered from the scratch folder
ROUNDS = 5
# Each defines `step()`: one step of gradient descent on the same batch, which returns the loss before it.
PLAYGROUND = """([depth, width, batch]) => {
  // The engine has one output and the squared error: its last layer is a tenth of ours, in its favour.
  const shape = [width, ...Array(depth - 1).fill(width), 1];
  const ids = Array.from({ length: width }, (_, i) => String(i));
  const net = nn.buildNetwork(shape, nn.Activations.RELU, nn.Activations.LINEAR, null, ids);
  const he = Math.sqrt(24 / width); // of a uniform law of width 1
  nn.forEachNode(net, true, (node) => {
    node.bias = 0;
    for (const link of node.inputLinks) link.weight *= he;
  });
  const x = Array.from({ length: batch }, () => ids.map(() => 4 * Math.random() - 2));
  window.step = () => {
    let loss = 0;
    x.forEach((sample, i) => {
      loss += nn.Errors.SQUARE.error(nn.forwardProp(net, sample), i % 2) / batch;
      nn.backProp(net, i % 2, nn.Errors.SQUARE);
    });
    nn.updateWeights(net, 0.001, 0);
    return loss;
  };
}"""
TENSORFLOW = """async ([depth, width, batch, backend, home]) => {
  if (backend === "wasm") tf.wasm.setWasmPaths(home);
  if (!(await tf.setBackend(backend))) throw new Error(`${backend} does not start`);
  await tf.ready();
  const fans = Array(depth).fill(width);
  const weights = fans.map((fan, i) =>
    tf.variable(tf.randomNormal([fan, i === depth - 1 ? 10 : width], 0, Math.sqrt(2 / fan))));
  const biases = fans.map((_, i) => tf.variable(tf.zeros([i === depth - 1 ? 10 : width])));
  const x = tf.randomNormal([batch, width]);
  const y = tf.oneHot(tf.tensor1d(Array.from({ length: batch }, (_, i) => i % 10), "int32"), 10);
  const forward = () => weights.reduce((a, b, i) =>
    tf.fused.matMul({ a, b, bias: biases[i], activation: i === depth - 1 ? "linear" : "relu" }), x);
  const optimizer = tf.train.sgd(0.01);
  window.step = () => {
    const cost = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, forward()), true);
    const [loss] = cost.dataSync();
    cost.dispose();
    return loss;
  };
}"""
TIME = """(steps) => {
  const begin = performance.now();
  let loss;
  for (let i = 0; i < steps; i++) loss = step();
  return [(performance.now() - begin) / steps, loss];
}"""


def prepared(scratch: Path, playground: Path | None) -> None:
    """Put the scripts of the peers into the scratch folder."""
    npm = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--silent", "--prefix", str(scratch)]
    subprocess.run([*npm, *PACKAGES], check=True)
    modules = scratch / "node_modules" / "@tensorflow"
    shutil.copy(modules / "tfjs" / "dist" / "tf.min.js", scratch)
    backend = modules / "tfjs-backend-wasm" / "dist"
    for path in [backend / "tf-backend-wasm.min.js", *backend.glob("*.wasm")]:
        shutil.copy(path, scratch)
    if playground:
        esbuild = [str(scratch / "node_modules" / ".bin" / "esbuild"), str(playground / "src" / "nn.ts")]
        options = ["--format=iife", "--global-name=nn", f"--outfile={scratch / 'nn.js'}", "--log-level=error"]
        subprocess.run([*esbuild, *options], check=True)


def opened(browser: Browser, scratch: Path, scripts: list[str], setup: str, arguments: list[Any]) -> Page:
    page = browser.new_page()
    page.route(HOME + "*", lambda route: route.fulfill(path=scratch / route.request.url.removeprefix(HOME)))
    (scratch / "page.html").write_text("<!doctype html><title>bench</title>", encoding="utf-8")
    page.goto(HOME + "page.html")
    for name in scripts:
        page.add_script_tag(url=HOME + name)
    page.evaluate(setup, arguments)
    return page


def timer(page: Page, steps: int) -> Callable[[], float]:
    """Return what times a step in ms; the net must learn its batch meanwhile."""
    _, first = page.evaluate(TIME, 2)

    def time() -> float:
        each, loss = page.evaluate(TIME, steps)
        assert loss < first, f"the peer does not learn: loss {first} became {loss}"
        return each

    return time


def beside(
    browser: Browser, scratch: Path, net: list[int], ours: Callable[[], float], playground: Path | None
) -> dict[str, float]:
    """Return the ms of a step, median of rounds taken in turn: of the lab and of each peer."""
    prepared(scratch, playground)
    timers = {"lab": ours}
    if playground:
        page = opened(browser, scratch, ["nn.js"], PLAYGROUND, net)
        timers["TensorFlow Playground"] = timer(page, 4)
    for backend, steps in (("cpu", 6), ("wasm", 40)):
        scripts = ["tf.min.js", "tf-backend-wasm.min.js"]
        page = opened(browser, scratch, scripts, TENSORFLOW, [*net, backend, HOME])
        timers[f"TensorFlow.js, {backend}"] = timer(page, steps)
    rounds = [{name: time() for name, time in timers.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(one[name] for one in rounds) for name in timers}
