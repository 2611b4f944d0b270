"""Train many small nets beside PyTorch, same work, same final loss: `python -m benchmarks training`.

Forward, backward and SGD step in float32 with batches of 64. The peers are a loop over `nn.Module` trainings
(on one thread and on two, the faster counts) and `torch.func.vmap` over all nets at once. They get their
batches ready-made; initlib's time is that of `training.fit`, which shuffles, checks and keeps curves. With
Adam, the peer is vmap with torch's fused Adam over the stacked parameters.
"""

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from benchmarks.results import conditions, table, times_in_turns, write_section
from initlib import datasets, networks, training
from initlib.datasets import Split
from initlib.networks import Network
from initlib.streams import ORDER

CASES = [  # nets, hidden layers, width, ratios wanted over the loop and over vmap
    (64, 10, 64, 7.0, 2.0),
    (32, 30, 64, 6.0, 2.0),
    (64, 10, 128, 3.0, 2.0),
]
CURVES = {  # the one size that grows, with the other two as in the first case
    "nets": [(nets, 10, 1) for nets in (16, 64, 256, 1024)],
    "hidden layers": [(64, depth, 1) for depth in (5, 10, 20, 40)],
    "epochs": [(64, 10, epochs) for epochs in (1, 2, 4, 8)],
}
SAMPLES, BATCH, EPOCHS, RATE = 640, 64, 2, 0.01
ADAM: dict[str, Any] = {"optimizer": "adam", "learning_rate": 0.001}
STEP, VMAP = 1.5, 2.0  # wanted: an Adam step in SGD steps, at most; and over vmap with Adam, at least


def main() -> None:
    peak = sgemm()
    wanted_missed: list[str] = []
    rows = []
    for nets, depth, width, *wanted in CASES:
        name = f"{nets} nets of {depth} x {width}"
        best = compare(nets, depth, width)
        ratios = [best[peer] / best["initlib"] for peer in ("loop", "vmap")]
        wanted_missed += [
            f"{name}: {ratio:.2f} x {peer}, {goal:g} wanted"
            for peer, ratio, goal in zip(("loop", "vmap"), ratios, wanted, strict=True)
            if ratio < goal
        ]
        rate = flops(nets, depth, width, EPOCHS) / best["initlib"] / 1e9
        milliseconds = [f"{1e3 * best[who] / EPOCHS / (SAMPLES // BATCH):.3g}" for who in best]
        rows.append([name, *milliseconds, *(f"{r:.2f}" for r in ratios), f"{rate:.0f}", f"{rate / peak:.0%}"])
    header = ["", "initlib, ms", "torch loop, ms", "torch vmap, ms", "ratio to loop", "ratio to vmap"]
    text = [
        conditions("initlib", "numpy", "torch"),
        "A ratio above 1 means that initlib is faster. Milliseconds are those of one step of all nets, the"
        f" best of all rounds. One large sgemm on this machine: {peak:.0f} GFLOP/s.",
        table([*header, "GFLOP/s", "of sgemm"], rows),
        "With Adam, milliseconds a step as above:",
        adam(wanted_missed),
        "Time of a fit of 64 nets of 10 x 64 for one epoch of 10 steps, with one size growing:",
        *(curve(what, sizes) for what, sizes in CURVES.items()),
        f"Below the ratio wanted: {'; '.join(wanted_missed) or 'none'}.",
    ]
    write_section("Training", "\n\n".join(text))


def compare(nets: int, depth: int, width: int) -> dict[str, float]:
    """Return the best seconds of each contender; all must end at the same loss."""
    stack, split = problem(nets, depth, width)
    x, y = batches(stack, split)
    final: dict[str, NDArray[Any]] = {}

    def noted(name: str, work: Callable[[], NDArray[Any]]) -> Callable[[], None]:
        def run() -> None:
            final[name] = work()[-SAMPLES // BATCH :].mean(axis=0)

        return run

    works = {
        "initlib": noted("initlib", lambda: with_initlib(stack, split)),
        "loop": noted("loop", lambda: with_loop(stack, x, y, threads=1)),
        "loop, 2 threads": noted("loop, 2 threads", lambda: with_loop(stack, x, y, threads=2)),
        "vmap": noted("vmap", lambda: with_vmap(stack, x, y)),
    }
    times = {name: min(seconds) for name, seconds in times_in_turns(works, seconds=20.0, least=3).items()}
    for losses in final.values():
        # The mean over the nets: single deep ones part by rounding, in float32 as from float32 to float64.
        np.testing.assert_allclose(losses.mean(), final["initlib"].mean(), rtol=5e-4)
    times["loop"] = min(times["loop"], times.pop("loop, 2 threads"))
    return times


def adam(missed: list[str]) -> str:
    """Return a table of Adam beside SGD, and beside vmap with Adam; note what is missed."""
    rows = []
    for nets, depth, width, *_ in CASES:
        name = f"{nets} nets of {depth} x {width}"
        best = compare_adam(nets, depth, width)
        step, ratio = best["Adam"] / best["SGD"], best["vmap"] / best["Adam"]
        if step > STEP:
            missed.append(f"{name}: an Adam step of {step:.2f} SGD steps, {STEP:g} wanted")
        if ratio < VMAP:
            missed.append(f"{name}: {ratio:.2f} x vmap with Adam, {VMAP:g} wanted")
        milliseconds = [f"{1e3 * seconds / EPOCHS / (SAMPLES // BATCH):.3g}" for seconds in best.values()]
        rows.append([name, *milliseconds, f"{step:.2f}", f"{ratio:.2f}"])
    header = ["", "initlib SGD, ms", "initlib Adam, ms", "torch vmap Adam, ms"]
    return table([*header, "Adam / SGD step", "ratio to vmap"], rows)


def compare_adam(nets: int, depth: int, width: int) -> dict[str, float]:
    """Return the best seconds of SGD, Adam and vmap with Adam; the latter two must end at the same loss."""
    stack, split = problem(nets, depth, width)
    x, y = batches(stack, split)
    works = {
        "SGD": lambda: with_initlib(stack, split),
        "Adam": lambda: with_initlib(stack, split, **ADAM),
        "vmap": lambda: with_vmap(stack, x, y, adam=True),
    }
    ours, theirs = (works[who]()[-SAMPLES // BATCH :].mean() for who in ("Adam", "vmap"))
    np.testing.assert_allclose(theirs, ours, rtol=5e-4)
    return {name: min(times) for name, times in times_in_turns(works, seconds=15.0, least=3).items()}


def problem(nets: int, depth: int, width: int) -> tuple[Network, Split]:
    """Return a stack and a training part of noise: the work does not depend on what is learnt."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((SAMPLES, 64)).astype(np.float32)
    data = datasets.Dataset("noise", inputs, rng.integers(10, size=SAMPLES), classes=10)
    sizes = (64, *[width] * depth, 10)
    stack = networks.mlp(sizes, "relu", "he_normal", seeds=range(nets), dtype=np.float32)
    return stack, data.split(0, test=0.0)


def batches(stack: Network, split: Split) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the batches that `training.fit` draws, (steps, nets, batch, ...)."""
    streams = [np.random.default_rng([seed, ORDER]) for seed in stack.seeds]
    orders = [np.concatenate([rng.permutation(SAMPLES) for _ in range(EPOCHS)]) for rng in streams]
    steps = np.stack(orders).reshape(stack.nets, -1, BATCH).swapaxes(0, 1)
    inputs, labels = split.train.inputs.astype(np.float32), split.train.labels
    return torch.from_numpy(inputs[steps]), torch.from_numpy(labels[steps])


def with_initlib(
    stack: Network, split: Split, epochs: int = EPOCHS, *, learning_rate: float = RATE, optimizer: str = "sgd"
) -> NDArray[Any]:
    how = {"epochs": epochs, "learning_rate": learning_rate, "optimizer": optimizer}
    fit = training.fit(stack, split, **how, batch_size=BATCH, threads=2)
    return fit.loss.T.repeat(SAMPLES // BATCH, axis=0)


def with_loop(stack: Network, x: torch.Tensor, y: torch.Tensor, threads: int) -> NDArray[Any]:
    torch.set_num_threads(threads)
    losses = torch.empty(y.shape[:2])
    for i, net in enumerate(modules(stack)):
        optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
        for step in range(len(x)):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x[step, i]), y[step, i])
            loss.backward()
            optimizer.step()
            losses[step, i] = loss.detach()
    return losses.numpy()


def with_vmap(stack: Network, x: torch.Tensor, y: torch.Tensor, *, adam: bool = False) -> NDArray[Any]:
    torch.set_num_threads(2)
    nets = modules(stack)
    values, buffers = stack_module_state(nets)
    skeleton = nets[0]

    def loss_of(values: Any, buffers: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(functional_call(skeleton, (values, buffers), (x,)), y)

    step_of = vmap(grad_and_value(loss_of))
    losses = torch.empty(y.shape[:2])
    values = {name: value.detach() for name, value in values.items()}
    optimizer = torch.optim.Adam(values.values(), lr=ADAM["learning_rate"], fused=True) if adam else None
    for step in range(len(x)):
        gradients, losses[step] = step_of(values, buffers, x[step], y[step])
        for name, value in values.items():
            if optimizer is None:
                value.sub_(gradients[name], alpha=RATE)
            else:
                value.grad = gradients[name]
        if optimizer is not None:
            optimizer.step()
    return losses.numpy()


def modules(stack: Network) -> list[torch.nn.Module]:
    """Return each net of the stack as a PyTorch module."""
    result: list[torch.nn.Module] = []
    for net in range(stack.nets):
        layers: list[torch.nn.Module] = []
        for weight, bias in zip(stack.weights, stack.biases, strict=True):
            layer = torch.nn.utils.skip_init(torch.nn.Linear, *weight.shape[1:])
            layer.weight.data = torch.from_numpy(weight[net].T.copy())
            layer.bias.data = torch.from_numpy(bias[net].copy())
            layers += [layer, torch.nn.ReLU()]
        result.append(torch.nn.Sequential(*layers[:-1]))
    return result


def curve(what: str, sizes: list[tuple[int, int, int]]) -> str:
    """Return a table of seconds that grow with one of nets, depth and epochs, and their power."""
    labels = [str(size[list(CURVES).index(what)]) for size in sizes]
    seconds = []
    for nets, depth, epochs in sizes:
        stack, split = problem(nets, depth, 64)
        work = {"fit": lambda s=stack, d=split, e=epochs: with_initlib(s, d, e)}
        seconds.append(min(times_in_turns(work, seconds=2.0, least=3)["fit"]))
    power = np.polyfit(np.log([float(label) for label in labels]), np.log(seconds), 1)[0]
    row = [*(f"{value:.3g}" for value in seconds), f"{power:.2f}"]
    return table([what, *labels, "power"], [["seconds", *row]])


def flops(nets: int, depth: int, width: int, epochs: int) -> float:
    """Count the operations of the matrix products: three for each layer, two for the first."""
    sizes = [64, *[width] * depth, 10]
    products = 3 * sum(a * b for a, b in pairwise(sizes)) - sizes[0] * sizes[1]
    return 2.0 * products * SAMPLES * epochs * nets


def sgemm(size: int = 2048) -> float:
    """Return the GFLOP/s of one large float32 product on all cores."""
    a = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    return float(2 * size**3 / median(times_in_turns({"sgemm": lambda: a @ a}, seconds=2.0)["sgemm"]) / 1e9)


if __name__ == "__main__":
    main()
