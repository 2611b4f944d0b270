"""The programs that the lab writes, for every preset and for settings drawn at random.

`make peers` has no browser: it runs the PyTorch programs kept in tests/peers/lab_programs.json. A browser
test holds the file to what the page copies, and tells how to write it anew.
"""

from pathlib import Path
from typing import Any

import numpy as np

from initlib.explorers.lab import data, settings, sources
from initlib.explorers.lab.rules import rules

KEPT = Path(__file__).parents[1] / "peers" / "lab_programs.json"
RANDOM, STEPS = 10, 46  # programs, steps: two epochs of the digits at the usual batch size
COPY = """([cases, rules, sets, steps]) => cases.map(({ arms, shared }) => {
  const { inputs, classes, training } = sets[shared.data];
  const run = { data: { inputs, classes, samples: training }, steps };
  const both = { arms: arms.map((arm) => effective(arm, rules)), shared };
  return { torch: asTorch(both, rules, run), initlib: asInitlib(both, rules, run) };
})"""


def cases() -> dict[str, dict[str, Any]]:
    """Return both arms and shared settings by name."""
    found = {name: settings.preset(name) for name in settings.PRESETS}
    rng = np.random.default_rng(0)
    for i in range(RANDOM):
        arms = {
            name: tuple(_pick(rng, allowed) for _ in range(2))
            for name, (_, allowed, _) in settings.ARM.items()
        }
        arms["depth"] = tuple(int(one) for one in rng.integers(2, 9, 2))  # deeper ones take their time
        shared = {name: _pick(rng, row[1]) for name, row in settings.SHARED.items()}
        found[f"random {i}"] = settings.filled({**arms, **shared, "seeds": 2})
    return {name: {key: one[key] for key in ("arms", "shared")} for name, one in found.items()}


def _pick(rng: np.random.Generator, allowed: Any) -> Any:
    values = list(allowed)
    return values[int(rng.integers(len(values)))]


def copied(page: Any) -> dict[str, dict[str, Any]]:
    """Return the cases with the programs that the page's own code writes for each."""
    text = sources.engine() + sources.read(("settings", "code"))
    page.evaluate(f"(() => {{ {text}\nwindow.copy = {COPY}; }})()")
    asked = cases()
    sets = {name: {**one, "values": ""} for name, one in data.shipped().items()}
    programs = page.evaluate("all => copy(all)", [list(asked.values()), rules(), sets, STEPS])
    pairs = zip(asked.items(), programs, strict=True)
    return {name: {**case, **program} for (name, case), program in pairs}
