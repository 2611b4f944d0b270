"""The doctor beside a forward and backward pass: CPU time in turns, peak memory of fresh processes.

python -m benchmarks diagnosis
"""

import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.results import conditions, table, write_section

WANTED_TIME, WANTED_MEMORY = 2.0, 1.2
ROUNDS = 5
PEERS = Path(__file__).parents[1] / "tests" / "peers"
NAMES = ("MLP, 24 x 512", "ResNet", "GPT, 52 million parameters")
MEMORY = """
import resource, sys
sys.path.insert(0, {root!r})
from benchmarks import diagnosis
model, batch, loss = diagnosis.case({name!r})
diagnosis.{work}(model, batch, loss)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
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
    """Log the forward pass with TorchLens, activations not kept."""
    import torchlens

    torchlens.log_forward_pass(model, batch[0], layers_to_save=None)


def seconds(work: Callable[..., None], arguments: tuple[Any, Any, Any]) -> float:
    """Return the CPU time of one call."""
    before = time.process_time()
    work(*arguments)
    return time.process_time() - before


def peak(name: str, work: str) -> float:
    """Return the peak memory of a fresh process that does the work once, in MiB."""
    code = MEMORY.format(root=str(Path(__file__).parents[1]), name=name, work=work)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1]) / 1024


def main() -> None:
    """Measure all rows and write the section."""
    peer = importlib.util.find_spec("torchlens") is not None
    rows = []
    for name in NAMES:
        arguments = case(name)
        works = [step, doctor, *([torchlens] if peer else [])]
        for work in works:
            work(*arguments)
        times: dict[str, list[float]] = {work.__name__: [] for work in works}
        for _ in range(ROUNDS):
            for work in [*works, *works[::-1]]:
                times[work.__name__].append(seconds(work, arguments))
        base = min(times["step"])
        memory = peak(name, "doctor") / peak(name, "step")
        rows.append(
            [
                name,
                f"{1000 * base:.0f} ms",
                f"{min(times['doctor']) / base:.2f} x",
                f"{memory:.2f} x",
                f"{min(times['torchlens']) / base:.1f} x" if peer else "not installed",
            ]
        )
    header = [
        "model",
        "forward and backward",
        "diagnose, time",
        "diagnose, peak memory",
        "TorchLens, forward",
    ]
    text = (
        f"{table(header, rows)}\n\nCPU time of one thread, minimum of {2 * ROUNDS} in the order A B B A; "
        f"peak memory of fresh processes. Wanted: at most {WANTED_TIME:g} x and {WANTED_MEMORY:g} x.\n\n"
        f"{conditions('torch', 'initlib')}"
    )
    write_section("Diagnosis", text)


if __name__ == "__main__":
    main()
