"""The doctor from a shell: exit code 0 for a clean bill, 1 for findings, 2 if the model was not examined."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from initlib.diagnosis import diagnose
from initlib.diagnosis.catalogue import SEVERITIES

CLEAN, FOUND, FAILED = 0, 1, 2
FAIL_ON = ("severe", "warning", "never")
LOSSES = ("cross_entropy", "mse_loss", "l1_loss", "nll_loss", "binary_cross_entropy_with_logits", "none")
EXAMPLES = """examples:
  python -m initlib.diagnosis mypackage.models:make --input 3,32,32 --classes 10
  python -m initlib.diagnosis mypackage.models:make --batch mypackage.data:batch --lr adam:0.001 --json
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments.

    >>> parser().parse_args(["my.module:make", "--input", "3,32,32", "--classes", "10"]).classes
    10
    """
    made = argparse.ArgumentParser(
        prog="python -m initlib.diagnosis",
        description="Examine a PyTorch model at its start. Exit code: 0 clean, 1 findings, 2 not examined.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("model", help="package.module:name of a model, or of a function that makes one")
    data = made.add_mutually_exclusive_group(required=True)
    data.add_argument("--batch", help="package.module:name of (inputs, targets), or of a function for them")
    data.add_argument("--input", help="shape of one input, like 3,32,32: N(0, 1) is drawn")
    data.add_argument("--tokens", help="vocabulary and length, like 50000,128: random tokens are drawn")
    made.add_argument("--classes", type=int, help="with --input: random labels from 0 to CLASSES - 1")
    made.add_argument("--samples", type=int, default=64, help="with --input and --tokens (default: 64)")
    made.add_argument("--loss", default="", help=f"one of {', '.join(LOSSES)}, or package.module:name")
    made.add_argument("--lr", help="optimizer and rate whose first step is tried, like sgd:0.1")
    made.add_argument("--thorough", action="store_true", help="shuffle the weights and halve the batch too")
    made.add_argument("--seed", type=int, default=0, help="of the model and of random inputs (default: 0)")
    made.add_argument("--json", action="store_true", help="print JSON, with its schema's version")
    made.add_argument(
        "--fail-on", choices=FAIL_ON, default="severe", help="exit 1 from this on (default: severe)"
    )
    return made


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code.

    >>> main(["no.such.module:make", "--input", "3"])
    2
    """
    options = parser().parse_args(list(arguments))
    sys.path.insert(0, os.getcwd())
    try:
        report = _examine(options)
    except Exception as error:
        print(f"Not examined: {type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
    finally:
        sys.path.remove(os.getcwd())
    print(report.to_json() if options.json else report)
    if options.fail_on == "never" or report.severity == "clean":
        return CLEAN
    worse = SEVERITIES.index(report.severity) <= SEVERITIES.index(options.fail_on)
    return FOUND if worse else CLEAN


def _examine(options: argparse.Namespace) -> Any:
    from initlib.diagnosis import _torch_examination

    drawn = _torch_examination().draw
    drawn.seed(options.seed)
    model = _made(options.model, ("parameters", "values"))
    if options.batch:
        batch = _made(options.batch, ("shape", "keys", "__getitem__"))
    elif options.tokens:
        batch = drawn.tokens(_sizes("--tokens", options.tokens, 2), options.samples)
    else:
        batch = drawn.normal(_sizes("--input", options.input), options.samples, options.classes)
    default = "none"
    if options.tokens:
        default = "tokens"
    elif isinstance(batch, (tuple, list)) and len(batch) == 2:
        default = "cross_entropy" if drawn.is_labels(batch[1]) else "mse_loss"
    name = options.loss or default
    loss = _load(name) if ":" in name else drawn.loss(name, LOSSES)
    optimizer, rate = _rate(options.lr)
    if loss is None and isinstance(batch, (tuple, list)) and options.classes:
        batch = batch[0]
    report = diagnose(
        model,
        batch,
        loss,
        optimizer=optimizer,
        learning_rate=rate,
        depth="thorough" if options.thorough else "quick",
    )
    if not options.batch:
        report.record.skipped.append("your data (the inputs were drawn at random)")
    return report


def _load(path: str) -> Any:
    """Return the object at package.module:name."""
    module, _, name = path.partition(":")
    if not module or not name:
        raise ValueError(f"An object is named package.module:name. Received: {path!r}.")
    found = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _made(path: str, marks: Sequence[str]) -> Any:
    """Return what a path names; a class or function that makes it is called."""
    found = _load(path)
    ready = not isinstance(found, type) and any(hasattr(found, mark) for mark in marks)
    return found if ready or not callable(found) else found()


def _sizes(option: str, text: str, count: int | None = None) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1 or (count and len(sizes) != count):
        raise ValueError(f"{option} takes positive integers with commas between them. Received: {text!r}.")
    return sizes


def _rate(text: str | None) -> tuple[str | None, float | None]:
    if text is None:
        return None, None
    name, _, rate = text.partition(":")
    try:
        return name, float(rate)
    except ValueError:
        raise ValueError(f"--lr takes an optimizer and a rate, like sgd:0.1. Received: {text!r}.") from None
