"""Runs the lab's engine in a browser and hands arrays to and fro."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from initlib.explorers.lab import sources
from initlib.explorers.lab.rules import rules

DRIVER = (Path(__file__).parent / "driver.js").read_text(encoding="utf-8")
SETTINGS: dict[str, Any] = {
    "init": "he",
    "size": 0.1,
    "scale": 1.0,
    "depth": 4,
    "width": 12,
    "activation": "relu",
    "bias": "random",
    "biasSize": 0.1,
    "normalisation": "none",
    "shortcut": "none",
    "optimizer": "sgd",
    "rate": 0.1,
    "batch": 24,
    "seeds": 1,
}


def source(changes: dict[str, str] | None = None) -> str:
    """Return the engine with its driver; `changes` replace text in it, each exactly once."""
    text = sources.read(sources.ENGINE)
    changes = {sources.squeezed(old): sources.squeezed(new) for old, new in (changes or {}).items()}
    for before, after in changes.items():
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in the engine"
        text = text.replace(before, after)
    return f"(() => {{ {text}\n{DRIVER} }})()"


class Engine:
    """The engine on a page of its own: `call` runs one of the driver's functions."""

    def __init__(self, page: Any, changes: dict[str, str] | None = None, *, wasm: bool = True) -> None:
        self.page = page
        page.evaluate(f"window.driver = {source(changes)}")
        shared = {"kernel": sources.kernel() if wasm else "", "rules": rules()}
        page.evaluate("shared => driver.start(shared)", shared)

    def call(self, function: str, **arguments: Any) -> Any:
        plain = json.loads(json.dumps(arguments, default=lambda array: np.asarray(array).tolist()))
        answer = self.page.evaluate(f"arguments => driver.{function}(arguments)", plain)
        return _arrays(answer)


def _arrays(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: _arrays(one) for name, one in answer.items()}
    if isinstance(answer, list) and answer and re.match("int|float", type(answer[0]).__name__):
        return np.array(answer, dtype=float)
    return [_arrays(one) for one in answer] if isinstance(answer, list) else answer
