"""Does the doctor's severity mean anything? Random starts are examined, then trained at five rates.

    python tools/doctor_severity.py          (about ten minutes on one core; finished groups are kept)

Frozen before the first run: the doctor's thresholds, everything in PROTOCOL, and the rules below.
*severe* means: at the best of the five rates the net reaches at most half of the best accuracy. *clean*
(notes included) means: at least 90 % of it. Each is upheld for an optimizer if it holds in at least 90 % of
such starts; shares are shown with Wilson intervals. The best accuracy is that of reference starts of the same
kind and depth (He's or Xavier's scale, no biases, branches times blocks^(-1/2)), trained at the same rates.
The seeds from 1000 on were used for nothing before.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from initlib import datasets, diagnose, initializers, networks, training

STORE = Path(__file__).parents[1] / "benchmarks" / "doctor-severity.json"
PROTOCOL: dict[str, Any] = {
    "seeds": [1000, 1160],
    "kinds": ["relu", "tanh", "residual"],
    "depths": [3, 4, 6, 8, 12, 16],
    "octaves": [-12.0, 12.0],
    "bias_std": [0.0, 0.05, 0.5],
    "bias_shares": [0.5, 0.25, 0.25],
    "rates": {"momentum": [1e-4, 1e-3, 1e-2, 0.1, 0.3], "adam": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]},
    "reference_seeds": [2000, 2001, 2002],
    "width": 64,
    "training": {"batch_size": 64, "epochs": 16, "train_samples": 512},
    "batch": 64,
    "severe_at_most": 0.5,
    "clean_at_least": 0.9,
    "share": 0.9,
}


def start(seed: int) -> dict[str, Any]:
    """Return the random start of a seed: kind, depth, octaves over all layers, size of the biases."""
    rng = np.random.default_rng([seed, 77])
    return {
        "seed": seed,
        "kind": str(rng.choice(PROTOCOL["kinds"])),
        "depth": int(rng.choice(PROTOCOL["depths"])),
        "octaves": float(rng.uniform(*PROTOCOL["octaves"])),
        "bias_std": float(rng.choice(PROTOCOL["bias_std"], p=PROTOCOL["bias_shares"])),
    }


def build(one: dict[str, Any], copies: int) -> networks.Network:
    """Return the net of a start, as many times; in residual nets the depth counts blocks."""
    factor = 2 ** (one["octaves"] / one["depth"])
    draw = initializers.glorot_normal if one["kind"] == "tanh" else initializers.he_normal

    def weights(shape: Any, **more: Any) -> Any:
        return factor * draw(shape, **more)

    def biases(shape: Any, **more: Any) -> Any:
        return initializers.normal(shape, std=one["bias_std"], **more)

    options: dict[str, Any] = {"seeds": [one["seed"]] * copies, "bias_initializer": biases}
    width = PROTOCOL["width"]
    if one["kind"] == "residual":
        return networks.residual((64, width, 10), one["depth"], "relu", weights, **options)
    return networks.mlp([64] + [width] * (one["depth"] - 1) + [10], one["kind"], weights, **options)


def reference(kind: str, depth: int, seed: int, copies: int) -> networks.Network:
    """Return a net of the same kind and depth that is started as the book recommends."""
    if kind == "residual":
        shape, seeds = (64, PROTOCOL["width"], 10), [seed] * copies
        return networks.residual(shape, depth, "relu", "he_normal", seeds=seeds, variant="scaled")
    one = {"seed": seed, "kind": kind, "depth": depth, "octaves": 0.0, "bias_std": 0.0}
    return build(one, copies)


def accuracies(network: networks.Network, optimizer: str) -> list[float]:
    """Return the test accuracy at each rate."""
    fit = training.fit(
        network,
        datasets.digits(),
        optimizer=optimizer,
        learning_rate=PROTOCOL["rates"][optimizer],
        threads=1,
        **PROTOCOL["training"],
    )
    assert fit.test_accuracy is not None
    return [float(value) for value in np.nan_to_num(fit.test_accuracy[:, -1])]


def examine(one: dict[str, Any], optimizer: str) -> dict[str, Any]:
    """Return what the doctor says of a start."""
    split = datasets.digits().split(seed=one["seed"])
    x, y = split.train.inputs[: PROTOCOL["batch"]], split.train.labels[: PROTOCOL["batch"]]
    report = diagnose(build(one, 1), (x, y), "softmax", optimizer="adam" if optimizer == "adam" else "sgd")
    return {"severity": report.severity, "codes": [finding.code for finding in report.findings]}


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return the Wilson interval of a share."""
    if not n:
        return 0.0, 1.0
    p, square = hits / n, z * z / n
    half = z * math.sqrt(p * (1 - p) / n + square / (4 * n)) / (1 + square)
    return (p + square / 2) / (1 + square) - half, (p + square / 2) / (1 + square) + half


def judge(rows: list[dict[str, Any]], best: dict[str, float]) -> dict[str, Any]:
    """Return the shares and verdicts by optimizer and severity."""
    table: dict[str, Any] = {}
    for optimizer in PROTOCOL["rates"]:
        for severity in ("severe", "warning", "clean"):
            own = [
                max(row["accuracy"]) / best[f"{row['kind']} {row['depth']} {optimizer}"]
                for row in rows
                if row["optimizer"] == optimizer and row["severity"].replace("note", "clean") == severity
            ]
            fails = sum(share <= PROTOCOL["severe_at_most"] for share in own)
            works = sum(share >= PROTOCOL["clean_at_least"] for share in own)
            entry = {"of": len(own), "at most half": fails, "at least 90 %": works}
            hits = {"severe": fails, "clean": works}.get(severity)
            if hits is not None and own:
                entry["interval"] = wilson(hits, len(own))
                entry["verdict"] = "upheld" if hits >= PROTOCOL["share"] * len(own) else "not upheld"
            table[f"{optimizer}, {severity}"] = entry
    return table


def main() -> None:
    store = (
        json.loads(STORE.read_text()) if STORE.exists() else {"protocol": PROTOCOL, "rows": [], "best": {}}
    )
    if store["protocol"] != PROTOCOL:
        sys.exit("The stored run has another protocol; remove it to start anew.")
    done = {(row["seed"], row["optimizer"]) for row in store["rows"]}
    for optimizer in PROTOCOL["rates"]:
        for seed in range(*PROTOCOL["seeds"]):
            if (seed, optimizer) in done:
                continue
            one = start(seed)
            key = f"{one['kind']} {one['depth']} {optimizer}"
            if key not in store["best"]:
                found = [
                    max(
                        accuracies(
                            reference(one["kind"], one["depth"], s, len(PROTOCOL["rates"][optimizer])),
                            optimizer,
                        )
                    )
                    for s in PROTOCOL["reference_seeds"]
                ]
                store["best"][key] = float(np.mean(found))
            accuracy = accuracies(build(one, len(PROTOCOL["rates"][optimizer])), optimizer)
            store["rows"].append(
                {**one, "optimizer": optimizer, **examine(one, optimizer), "accuracy": accuracy}
            )
            STORE.write_text(json.dumps(store) + "\n")
    store["table"] = judge(store["rows"], store["best"])
    STORE.write_text(json.dumps(store) + "\n")
    for name, entry in store["table"].items():
        print(name, entry)


if __name__ == "__main__":
    main()
