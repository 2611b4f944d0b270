"""Train many small nets: initlib's stacks against PyTorch, same work, same final loss, in one run.

    python benchmarks/training.py [--repeats 3]

Forward, backward and SGD step, batch 64, float32, two cores. The peers are a loop over `nn.Module` trainings and
`torch.func.vmap` over all nets; both get their batches ready-made, while initlib's time includes shuffling.
Prints one JSON object.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from initlib import datasets, networks, training
from initlib._chunk import ORDER

CASES = {  # name: nets, hidden layers, width, epochs, ratio wanted over the loop and over vmap
    "64 nets of 10 x 64": (64, 10, 64, 2, 7.0, 2.0),
    "32 nets of 30 x 64": (32, 30, 64, 2, 6.0, 2.0),
    "64 nets of 10 x 128": (64, 10, 128, 2, 3.0, 2.0),
}
SAMPLES, BATCH, RATE = 640, 64, 0.01


def problem(nets: int, depth: int, width: int) -> tuple[networks.Network, datasets.Split]:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((SAMPLES, 64)).astype(np.float32)
    data = datasets.Dataset("noise", inputs, rng.integers(10, size=SAMPLES), classes=10)
    widths = (64, *[width] * depth, 10)
    return networks.mlp(widths, "relu", "he_normal", seeds=range(nets), dtype=np.float32), data.split(
        0, test=0.0
    )


def batches(stack: networks.Network, split: datasets.Split, epochs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the batches that `training.fit` draws, (steps, nets, batch, ...)."""
    orders = np.stack(
        [
            np.concatenate([rng.permutation(SAMPLES) for _ in range(epochs)])
            for rng in (np.random.default_rng([seed, ORDER]) for seed in stack.seeds)
        ]
    )
    steps = orders.reshape(stack.nets, -1, BATCH).swapaxes(0, 1)
    inputs, labels = split.train.inputs.astype(np.float32), split.train.labels
    return torch.from_numpy(inputs[steps]), torch.from_numpy(labels[steps])


def modules(stack: networks.Network) -> list[torch.nn.Module]:
    result = []
    for net in range(stack.nets):
        layers: list[torch.nn.Module] = []
        for weight, bias in zip(stack.weights, stack.biases, strict=True):
            layer = torch.nn.Linear(*weight.shape[1:])
            layer.weight.data = torch.from_numpy(weight[net].T.copy())
            layer.bias.data = torch.from_numpy(bias[net].copy())
            layers += [layer, torch.nn.ReLU()]
        result.append(torch.nn.Sequential(*layers[:-1]))
    return result


def with_loop(nets: list[torch.nn.Module], x: torch.Tensor, y: torch.Tensor) -> NDArray[Any]:
    losses = torch.empty(y.shape[:2])
    for i, net in enumerate(nets):
        optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
        for step in range(len(x)):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x[step, i]), y[step, i])
            loss.backward()
            optimizer.step()
            losses[step, i] = loss.detach()
    return losses.numpy()


def with_vmap(nets: list[torch.nn.Module], x: torch.Tensor, y: torch.Tensor) -> NDArray[Any]:
    values, buffers = stack_module_state(nets)
    skeleton = nets[0]

    def loss_of(values: Any, buffers: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(functional_call(skeleton, (values, buffers), (x,)), y)

    step_of = vmap(grad_and_value(loss_of))
    losses = torch.empty(y.shape[:2])
    values = {name: value.detach() for name, value in values.items()}
    for step in range(len(x)):
        gradients, losses[step] = step_of(values, buffers, x[step], y[step])
        for name, value in values.items():
            value.sub_(gradients[name], alpha=RATE)
    return losses.numpy()


def with_initlib(stack: networks.Network, split: datasets.Split, epochs: int) -> NDArray[Any]:
    return training.fit(stack, split, learning_rate=RATE, epochs=epochs, batch_size=BATCH, threads=2).loss.T


def timed(work: Callable[[], NDArray[Any]]) -> tuple[float, NDArray[Any]]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def compare(nets: int, depth: int, width: int, epochs: int, repeats: int) -> dict[str, float]:
    stack, split = problem(nets, depth, width)
    x, y = batches(stack, split, epochs)
    times: dict[str, list[float]] = {"initlib": [], "loop": [], "vmap": []}
    for _ in range(repeats):
        contenders: dict[str, Callable[[], NDArray[Any]]] = {
            "initlib": lambda: with_initlib(stack, split, epochs),
            "loop": lambda nets=modules(stack): with_loop(nets, x, y),
            "vmap": lambda nets=modules(stack): with_vmap(nets, x, y),
        }
        last = {}
        for name, work in contenders.items():
            seconds, losses = timed(work)
            times[name].append(seconds)
            last[name] = losses.reshape(epochs, -1, nets).mean(axis=1)[-1]
        np.testing.assert_allclose(last["loop"], last["initlib"], rtol=2e-3)
        np.testing.assert_allclose(last["vmap"], last["initlib"], rtol=2e-3)
    sizes = [64, *[width] * depth, 10]
    products = 3 * sum(a * b for a, b in zip(sizes, sizes[1:], strict=False)) - sizes[0] * sizes[1]
    work_done = 2.0 * products * BATCH * len(x) * nets
    return {
        "over_loop": min(times["loop"]) / min(times["initlib"]),
        "over_vmap": min(times["vmap"]) / min(times["initlib"]),
        "gflops": work_done / min(times["initlib"]) / 1e9,
        "seconds": min(times["initlib"]),
    }


def sgemm(size: int = 2048) -> float:
    """Return this machine's GFLOP/s for one large float32 product on all its cores."""
    a = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    best = min(timed(lambda: a @ a)[0] for _ in range(5))
    return float(2 * size**3 / best / 1e9)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(2)
    report: dict[str, Any] = {"sgemm_gflops": sgemm()}
    for name, (nets, depth, width, epochs, loop, vmapped) in CASES.items():
        report[name] = compare(nets, depth, width, epochs, repeats)
        report[name] |= {"wanted_over_loop": loop, "wanted_over_vmap": vmapped}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
