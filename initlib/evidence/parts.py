"""The two kinds of runs that protocols are made of: tuned trainings, and measurements.

Both give rows, one for each cell: its parameters, its seed, and its metrics.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from initlib import checks, fingerprints, jobs
from initlib.training import sweeps

Where = Mapping[str, Any]
Row = dict[str, Any]
RATES = ("best", "shared")  # may stand for a learning rate: tuned for the arm, or one for all arms
METRICS = (
    "first_loss",
    "train_loss",
    "train_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "epochs",
    "diverged",
)  # of a training
TUNED_BY = ("accuracy", "loss")


class How:
    """How cells are run: `store`, `n_jobs` and `progress` as in `initlib.jobs.run`."""

    def __init__(
        self, store: str | Path | None = None, n_jobs: int | None = None, progress: bool | None = None
    ) -> None:
        self.options: dict[str, Any] = {"store": store, "n_jobs": n_jobs, "progress": progress}


@checks.methods
@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Numbers that need no tuning: `measure(seeds, **setting)` for each combination of `axes`.

    It returns a mapping from metrics to values, one for each seed. `tolerance` says by how much each metric
    may differ when a cell of the `sample` is run again, relative to its size where that exceeds 1; 0 is
    bitwise.
    """

    measure: Callable[..., Mapping[str, Any]]
    seeds: Sequence[int]
    tolerance: Mapping[str, float]
    sample: Sequence[Where]
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the parameters of a row."""
        return (*self.axes, "seed")

    def check_where(self, where: Where) -> None:
        """Raise a ValueError if no row can be meant."""
        _check_where(where, {**self.axes, "seed": self.seeds})

    def run(self, how: How) -> list[Row]:
        """Return the rows."""
        return self._rows(self._cells(), how)

    def _keys_of_run(self, rows: Sequence[Row]) -> list[Row]:
        return [cell for batch in self._cells() for cell in batch]

    def _cells(self) -> list[list[Row]]:
        settings = [dict(zip(self.axes, values, strict=True)) for values in product(*self.axes.values())]
        return [[{**setting, "seed": seed} for seed in self.seeds] for setting in settings]

    def rerun(self, rows: Sequence[Row]) -> list[Row]:
        """Return these rows, measured again."""
        keys = [_key_of(row, self.keys) for row in rows]
        for key in keys:
            self.check_where(key)
        return self._rows([[key] for key in keys], How(n_jobs=1))

    def _rows(self, batches: Sequence[Sequence[jobs.Cell]], how: How) -> list[Row]:
        results = jobs.run(partial(_measure, self.measure), batches, **how.options)
        return [
            {**cell, **record}
            for batch, records in zip(batches, results, strict=True)
            for cell, record in zip(batch, records, strict=True)
        ]


def _measure(measure: Callable[..., Mapping[str, Any]], cells: Sequence[jobs.Cell]) -> list[Row]:
    setting = {name: value for name, value in cells[0].items() if name != "seed"}
    found = measure([cell["seed"] for cell in cells], **setting)
    columns = {metric: np.asarray(values).tolist() for metric, values in found.items()}
    return [{metric: _finite(values[i]) for metric, values in columns.items()} for i in range(len(cells))]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


@checks.methods
@dataclass(frozen=True, kw_only=True)
class Training:
    """Arms trained side by side under every combination of `conditions`, each with its own learning rate.

    `arms` and `conditions` are settings of `sweeps.sweep`. `grounds` are the same trial elsewhere, by name:
    settings that replace those of the part ("Adam": {"optimizer": "adam"}), and `learning_rates` of their
    own; the protocol judges its tests on each ground.

    For each arm, condition and ground the learning rate is tuned on `tuning_seeds`. `tuned_by` says how:
    "accuracy" takes the highest mean validation accuracy in the last epoch, of equals the one with the lower
    training loss; "loss", for trials of speed, takes the lowest mean training loss. A rate on the edge of the
    grid extends it, up to `extensions` times. The "shared" rate of a condition is chosen so from the means
    over all arms. Then the `seeds` are trained with the best and the shared rate, and the arms named in
    `every_rate` with every rate tried.

    Metrics: `train_loss`, `train_accuracy`, `validation_accuracy` and `test_accuracy` of the last epoch;
    `first_loss`, the training loss of the first, which changes of the code move before chaos hides them;
    `epochs`, the first epoch (from 1) whose training loss is below `learned`, or one more than there are if
    none is; `diverged`, 0 or 1. `tolerance` and `sample` as in `Measurement`.
    """

    arms: Mapping[str, Mapping[str, Any]]
    learning_rates: Sequence[float]
    seeds: Sequence[int]
    tuning_seeds: Sequence[int]
    settings: Mapping[str, Any]
    tuned_by: str
    tolerance: Mapping[str, float]
    sample: Sequence[Where]
    conditions: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    grounds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    every_rate: Sequence[str] = ()
    learned: float = 1.0
    extensions: int = 2

    def __post_init__(self) -> None:
        checks.fields(self)
        for arm in self.every_rate:
            checks.choice("arm", arm, self.arms)
        checks.choice("tuned_by", self.tuned_by, TUNED_BY)
        for condition in self.combinations():
            rates = self.grid(condition)
            if len(rates) < 5 or sorted(set(rates)) != list(rates):
                raise ValueError(
                    f"learning_rates must be five or more that rise. Received: {checks.shown(rates)}."
                )
        if not checks.real("settings['validation']", self.settings.get("validation", 0), minimum=0):
            raise ValueError("settings must hold out a share for validation.")

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the parameters of a row."""
        return ("stage", "arm", *self.places, "learning_rate", "seed")

    @property
    def places(self) -> dict[str, Sequence[Any]]:
        """The conditions, with the ground as the last."""
        return {**self.conditions, **({"ground": tuple(self.grounds)} if self.grounds else {})}

    def grid(self, condition: Where) -> Sequence[float]:
        """Return the learning rates to try first under a condition."""
        rates: Sequence[float] = self._ground(condition).get("learning_rates", self.learning_rates)
        return rates

    def _ground(self, key: Where) -> Mapping[str, Any]:
        return self.grounds[key["ground"]] if self.grounds else {}

    def check_where(self, where: Where) -> None:
        """Raise a ValueError if no row can be meant."""
        rates = (*RATES, *{rate for condition in self.combinations() for rate in self.grid(condition)})
        _check_where(
            where, {"arm": list(self.arms), **self.places, "learning_rate": rates, "seed": self.seeds}
        )

    def cell(self, **key: Any) -> dict[str, Any]:
        """Return the cell of a sweep for an arm, its conditions, a learning rate and a seed."""
        if lacking := [name for name in ("arm", *self.places) if name not in key]:
            raise ValueError(f"A cell needs {', '.join(lacking)}. Received: {checks.shown(key)}.")
        arm = self.arms[checks.choice("arm", key.pop("arm"), self.arms)]
        ground = {name: value for name, value in self._ground(key).items() if name != "learning_rates"}
        key.pop("ground", None)
        return {**self.settings, **ground, **arm, **key}

    def censored(self, row: Row) -> bool:
        """Say whether the row's `epochs` is no number of epochs, but says that none was enough."""
        key = _key_of(row, (*self.keys, "epochs"))
        epochs = checks.integer("epochs", key.pop("epochs"), minimum=0)
        cell = self.cell(**{name: value for name, value in key.items() if name != "stage"})
        return epochs > int(cell.get("epochs", sweeps.EPOCHS))

    def guessing(self, condition: Where) -> float:
        """Return the accuracy of naming the most frequent class every time, under a condition."""
        cell = self.cell(arm=next(iter(self.arms)), **condition)
        labels = sweeps.dataset_of(cell.get("dataset", sweeps.NETWORK["dataset"])).labels
        return float(np.bincount(labels.ravel()).max() / labels.size)

    def run(self, how: How) -> list[Row]:
        """Tune, then train the reported seeds; return the rows of both stages."""
        return self._run(lambda keys: self._train(keys, how))

    def _keys_of_run(self, rows: Sequence[Row]) -> list[Row]:
        """Return the keys of the rows that a run gives; they follow from what the tuning rows found."""
        for row in rows:
            _check_metrics(row, self.keys)
        trained = {tuple(_key_of(row, self.keys).values()): row for row in rows}
        wanted: list[Row] = []

        def recall(keys: Sequence[Row]) -> list[Row]:
            wanted.extend(keys)
            return [trained.get(tuple(key.values())) or _lacks(key) for key in keys]

        self._run(recall)
        return wanted

    def _run(self, train: Callable[[Sequence[Row]], list[Row]]) -> list[Row]:
        rows = self._tune(train)
        keys = []
        for choice in choose(self, rows):
            rates = {choice["best"], choice["shared"]}
            if choice["arm"] in self.every_rate:
                place = {"arm": choice["arm"], **choice["condition"]}.items()
                rates = {row["learning_rate"] for row in rows if place <= row.items()}
            keys += [
                {
                    "stage": "final",
                    "arm": choice["arm"],
                    **choice["condition"],
                    "learning_rate": rate,
                    "seed": s,
                }
                for rate in sorted(rates)
                for s in self.seeds
            ]
        return rows + train(keys)

    def rerun(self, rows: Sequence[Row]) -> list[Row]:
        """Return these rows, trained again."""
        keys = [_key_of(row, self.keys) for row in rows]
        seeds = (*self.tuning_seeds, *self.seeds)
        for key in keys:
            checks.choice("stage", key["stage"], ("tuning", "final"))
            checks.real("learning_rate", key["learning_rate"], above=0)
            _check_where(
                {name: key[name] for name in ("arm", *self.places, "seed")},
                {"arm": list(self.arms), **self.places, "seed": seeds},
            )
        return self._train(keys, How(n_jobs=1))

    def _tune(self, train: Callable[[Sequence[Row]], list[Row]]) -> list[Row]:
        rows: list[Row] = []
        new = {
            (arm, i): list(self.grid(condition))
            for arm in self.arms
            for i, condition in enumerate(self.combinations())
        }
        for _ in range(self.extensions + 1):
            rows += train(
                [
                    {
                        "stage": "tuning",
                        "arm": arm,
                        **self.combinations()[i],
                        "learning_rate": rate,
                        "seed": seed,
                    }
                    for (arm, i), rates in new.items()
                    for rate in rates
                    for seed in self.tuning_seeds
                ]
            )
            new = {}
            for choice in choose(self, rows):
                if choice["beyond"] is not None:
                    new[choice["arm"], self.combinations().index(choice["condition"])] = [choice["beyond"]]
        return rows

    def combinations(self) -> list[dict[str, Any]]:
        """Return every combination of the conditions and grounds."""
        values = product(*self.places.values())
        return [dict(zip(self.places, combination, strict=True)) for combination in values]

    def _train(self, keys: Sequence[Row], how: How) -> list[Row]:
        cells = [self.cell(**{k: v for k, v in key.items() if k != "stage"}) for key in keys]
        names = [repr(fingerprints.describe(cell)) for cell in cells]
        alone = dict(zip(names, cells, strict=True))  # an arm may be the same on several grounds
        records = dict(zip(alone, sweeps.train(list(alone.values()), **how.options), strict=True))
        return [{**key, **self._metrics(records[name])} for key, name in zip(keys, names, strict=True)]

    def _metrics(self, record: jobs.Record) -> Row:
        losses = record["loss"]
        learned = (epoch for epoch, loss in enumerate(losses, 1) if loss < self.learned)
        last = {name: record[name][-1] for name in ("train_accuracy", "validation_accuracy", "test_accuracy")}
        return {
            "first_loss": _finite(losses[0]),
            "train_loss": _finite(losses[-1]),
            **last,
            "epochs": next(learned, len(losses) + 1),
            "diverged": int(record["diverged_at"] >= 0),
        }


def choose(part: Training, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return for every arm and condition the rates chosen on the tuning rows, by the rule of `Training`.

    Each is a dict: arm, condition, best, shared, and beyond, the next rate to try if best is on the edge.
    """
    tuning: dict[Any, dict[float, list[Row]]] = {}
    for row in rows:
        if row["stage"] == "tuning":
            place = (row["arm"], *(row[name] for name in part.places))
            tuning.setdefault(place, {}).setdefault(row["learning_rate"], []).append(row)
    choices = []
    for condition in part.combinations():
        arms = {arm: tuning[arm, *condition.values()] for arm in part.arms}
        merits = {
            arm: {rate: _merit(part, rates[rate]) for rate in sorted(rates)} for arm, rates in arms.items()
        }
        shared = max(
            part.grid(condition), key=lambda rate: _mean_merit([own[rate] for own in merits.values()])
        )
        for arm, rates in arms.items():
            best = max(merits[arm], key=merits[arm].__getitem__)
            choice = {"arm": arm, "condition": condition, "best": best, "shared": shared}
            choices.append({**choice, "beyond": _beyond(sorted(rates), best)})
    return choices


def _loss(rows: Sequence[Row]) -> float:
    losses = [row["train_loss"] for row in rows]
    return math.inf if None in losses else float(np.mean(losses))


def _merit(part: Training, rows: Sequence[Row]) -> tuple[float, float]:
    """Return what makes a rate the better one: its accuracy, if it is tuned by that, then a small loss.

    Loss alone would prefer a dead net, which has the loss of guessing, to one that learns from a large start.
    """
    accuracy = float(np.mean([row["validation_accuracy"] for row in rows]))
    return accuracy if part.tuned_by == "accuracy" else -math.inf, -_loss(rows)


def _mean_merit(merits: Sequence[tuple[float, float]]) -> tuple[float, float]:
    accuracies, losses = zip(*merits, strict=True)
    return float(np.mean(accuracies)), float(np.mean(losses))


def _beyond(rates: Sequence[float], best: float) -> float | None:
    if best == rates[0]:
        return float(f"{best * rates[0] / rates[1]:.6g}")
    if best == rates[-1]:
        return float(f"{best * rates[-1] / rates[-2]:.6g}")
    return None


def _key_of(row: Row, keys: Sequence[str]) -> dict[str, Any]:
    if lacking := [name for name in keys if name not in row]:
        raise ValueError(f"row needs {', '.join(lacking)}. Received: {checks.shown(row)}.")
    return {name: row[name] for name in keys}


def _lacks(key: Row) -> Row:
    raise ValueError(f"the row {checks.shown(key)} is missing")


def _check_metrics(row: Row, keys: Sequence[str]) -> None:
    for name in {**row, **dict.fromkeys(METRICS)}:
        if name not in keys and not (name in METRICS and isinstance(row.get(name), (int, float, type(None)))):
            raise ValueError(f"{name} of the row {checks.shown(row)} is {checks.shown(row.get(name))}")


def _check_where(where: Where, allowed: Mapping[str, Sequence[Any]]) -> None:
    for name, value in where.items():
        checks.member(name, value, allowed[checks.choice("key", name, allowed)])


Part = Measurement | Training


def check_rows(part: Part, rows: Sequence[Row]) -> None:
    """Raise a ValueError unless these are the rows that a run of the part gives, whatever it measures."""
    for one, other in zip_longest(part._keys_of_run(rows), [_key_of(row, part.keys) for row in rows]):
        if one != other:
            raise ValueError(f"a run gives the row {checks.shown(one)}, here is {checks.shown(other)}")
