"""The doctor beside a forward and backward pass: CPU time in turns, peak memory of fresh processes.

python -m benchmarks diagnosis
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.results import conditions, table, write_section

WANTED_TIME, WANTED_MEMORY = 2.0, 1.2
ROUNDS = 3
PEERS = Path(__file__).parents[1] / "tests" / "peers"
NAMES = ("MLP, 24 x 512", "ResNet", "GPT, 52 million parameters")
FRESH = """
import sys
sys.path.insert(0, {root!r})
from benchmarks import diagnosis
print(diagnosis.{measure}({name!r}, {work!r}))
"""


def case(name: str) -> tuple[Any, Any, Any]:
    """Return model, batch and loss of a row."""
    sys.path.insert(0, str(PEERS))
    import torch
    from doctor_cases import CE, GPT, mlp, token_loss, tokens
    from doctor_nets import ResNet, pictures

    torch.set_num_threads(1)
    torch.manual_seed(0)
    if name == NAMES[0]:
        batch = torch.randn(256, 512), torch.randint(0, 10, (256,))
        return mlp(512, *[512] * 23, 10), batch, CE
    if name == NAMES[1]:
        return ResNet(), pictures(0, 64), CE
    model = GPT(vocabulary=10000, d=640, blocks=8, heads=8, context=128, tied=False)
    return model, tokens(0, 10000, 4, 128), token_loss


def step(model: Any, batch: Any, loss: Any) -> None:
    """Run forward and backward."""
    loss(model(batch[0]), batch[1]).backward()
    for parameter in model.parameters():
        parameter.grad = None


def doctor(model: Any, batch: Any, loss: Any) -> None:
    """Examine the model."""
    from initlib import diagnose

    diagnose(model, batch, loss)


def torchlens(model: Any, batch: Any, loss: Any) -> None:
    """Trace the forward pass with TorchLens, activations not kept."""
    import torchlens

    torchlens.trace(model, batch[0], save=None)


def seconds(work: Callable[..., None], arguments: tuple[Any, Any, Any]) -> float:
    """Return the CPU time of one call."""
    before = time.process_time()
    work(*arguments)
    return time.process_time() - before


def fresh(measure: str, name: str, work: str) -> float:
    """Return what a function of this module measures in a process of its own."""
    code = FRESH.format(root=str(Path(__file__).parents[1]), measure=measure, name=name, work=work)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    return float(done.stdout.split()[-1])


def peak(name: str, work: str) -> float:
    """Return the peak memory of this process once it has done the work, in MiB."""
    globals()[work](*case(name))
    status = Path("/proc/self/status").read_text(
        encoding="utf-8"
    )  # ru_maxrss would count what the parent had
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def alone(name: str, work: str) -> float:
    """Return the least CPU time of a work in its own process: TorchLens leaves PyTorch wrapped."""
    arguments = case(name)
    globals()[work](*arguments)
    return min(seconds(globals()[work], arguments) for _ in range(ROUNDS))


def in_turns(name: str) -> tuple[float, float]:
    """Return the least CPU times of a step and of the doctor, in the order A B B A."""
    arguments = case(name)
    times: dict[Any, list[float]] = {step: [], doctor: []}
    for work in times:
        work(*arguments)
    for _ in range(ROUNDS):
        for work in (step, doctor, doctor, step):
            times[work].append(seconds(work, arguments))
    return min(times[step]), min(times[doctor])


def main() -> None:
    """Measure all rows and write the section."""
    rows = []
    for name in NAMES:
        base, examined = in_turns(name)
        memory = fresh("peak", name, "step")
        rows.append(
            [
                name,
                f"{1000 * base:.0f} ms",
                f"{examined / base:.2f} x",
                f"{memory:.0f} MiB",
                f"{fresh('peak', name, 'doctor') / memory:.2f} x",
                f"{fresh('alone', name, 'torchlens') / base:.1f} x",
            ]
        )
    header = [
        "model",
        "forward and backward",
        "diagnose, time",
        "peak memory",
        "diagnose, memory",
        "TorchLens, forward alone",
    ]
    text = (
        f"{table(header, rows)}\n\nCPU time of one thread, minimum of {2 * ROUNDS} in the order A B B A; "
        f"peak memory of fresh processes. Wanted: at most {WANTED_TIME:g} x and {WANTED_MEMORY:g} x.\n\n"
        f"{conditions('torch', 'torchlens', 'initlib')}"
    )
    write_section("Diagnosis", text)


if __name__ == "__main__":
    main()
