"""Write `tests/data/peers.json`: summaries of the frameworks' draws, for the tests that run without them.

    .venv-peers/bin/python tests/peers/freeze.py

Independent draws are kept as mean square, kurtosis and quantiles; matrices as the law of one entry.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from cases import CASES, Case

PROBABILITIES = (0.001, 0.01, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95, 0.99, 0.999)


def summary(case: Case) -> dict[str, object]:
    theirs = case.theirs()
    entry = {"initializer": case.initializer, "shape": case.shape, "options": case.options, "kind": case.kind}
    if case.kind == "exact":
        return {**entry, "values": theirs[0].tolist()}
    position = np.unravel_index(np.abs(theirs).sum(axis=0).argmax(), theirs.shape[1:])
    sample = theirs[(slice(None), *position)] if case.kind == "matrix" else theirs.ravel()
    return {
        **entry,
        "position": [int(index) for index in position],
        "size": sample.size,
        "largest": float(np.abs(sample).max()),
        "mean_square": float(np.mean(sample**2)),
        "kurtosis": float(np.mean(sample**4) / np.mean(sample**2) ** 2),
        "quantiles": [float(q) for q in np.quantile(sample, PROBABILITIES)],
    }


def main() -> None:
    versions = {name: version(name) for name in ("torch", "keras", "jax", "flax", "numpy")}
    head = json.dumps({"versions": versions, "probabilities": PROBABILITIES})
    cases = [f"{json.dumps(case.name)}: {json.dumps(summary(case))}" for case in CASES]
    path = Path(__file__).parent.parent / "data" / "peers.json"
    path.write_text(head[:-1] + ', "cases": {\n' + ",\n".join(cases) + "\n}}\n")


if __name__ == "__main__":
    main()
