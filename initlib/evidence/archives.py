"""Archives: one JSON file for each experiment, with the protocol, what made it, and every number by seed."""

import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from initlib import checks, fingerprints
from initlib.evidence import registry
from initlib.evidence.parts import Row, check_rows
from initlib.evidence.protocol import Finding
from initlib.evidence.results import Result, row_of

PACKAGED = Path(__file__).parent / "data"  # where the wheel has them
EXPERIMENTS = Path(__file__).parents[1] / "experiments"
IN_REPOSITORY = Path(__file__).parents[2] / "book" / "evidence"
HEADS = ("name", "claim", "statement")  # of the protocol, too
LATE = "after the run"
MADE = {**dict.fromkeys(("python", "initlib", "numpy", "scipy", "platform"), str), "blas": list, "simd": list}
KEYS = ("fingerprint", "made", "digest", "protocol", "parts", "verdict", "findings")


def folder() -> Path:
    """Return the folder of the archives: inside the installed package, or the repository's.

    >>> (folder() / "he-depth.json").is_file()
    True
    """
    return PACKAGED if PACKAGED.is_dir() else IN_REPOSITORY


def load(name: str, *, where: str | Path | None = None) -> Result:
    """Return the archived result of an experiment.

    A ValueError says so if the archive is unreadable, older than the experiment's code, holds another
    protocol than the one that the module has now, or was changed after the run: rows that do not fit their
    digest, lack seeds of the protocol, or lead to another verdict than the one that it states.

    >>> load("he-deph")
    Traceback (most recent call last):
        ...
    ValueError: Unknown experiment. Received: 'he-deph'; choose one of ... Did you mean 'he-depth'?
    """
    module = registry.get(name)
    content = read(name, where=where)
    if content["fingerprint"] != fingerprint(module):
        raise ValueError(f"The archive {name}.json is older than the code of its experiment: {_again(name)}")
    check_protocol(name, content)
    result = Result(module.PROTOCOL, content["parts"], content["made"])
    try:
        _check_rows(name, content, result)
    except (AttributeError, KeyError, TypeError) as error:
        raise _damaged(name, error) from None
    return result


def _damaged(name: str, error: Exception) -> ValueError:
    return ValueError(f"{name}.json is not an archive of evidence ({error!r}): {_again(name)}")


def check_protocol(name: str, content: Mapping[str, Any]) -> None:
    """Raise a ValueError unless an archive's content holds the protocol that the experiment has now."""
    protocol = plain(registry.get(name).PROTOCOL)
    if content["protocol"] != protocol:
        where, old, new = _first_difference(content["protocol"], protocol)
        raise ValueError(
            f"The archive {name}.json holds another protocol than its experiment: {where} is {old!r} there "
            f"and {new!r} here. A frozen protocol types its numbers: put them back, or {_again(name)}"
        )
    if other := [key for key in HEADS if content[key] != protocol[key]]:
        raise ValueError(f"The archive {name}.json has another {other[0]} than its protocol: {_again(name)}")
    if set(content["parts"]) != set(protocol["parts"]):
        raise ValueError(f"The archive {name}.json lacks parts of its protocol: {_again(name)}")


def _check_rows(name: str, content: Mapping[str, Any], result: Result) -> None:
    file = f"The archive {name}.json"
    if content["digest"] != rows_digest(content["parts"]):
        raise ValueError(
            f"{file} was changed after the run, its rows do not fit their digest: {_again(name)}"
        )
    for part, kind in result.protocol.parts.items():
        seeds = {row.get("seed") for row in content["parts"][part]}
        if seeds != {*kind.seeds, *getattr(kind, "tuning_seeds", ())}:
            raise ValueError(f"{file} has other seeds in {part!r} than its protocol: {_again(name)}")
    try:
        for part, kind in result.protocol.parts.items():
            check_rows(kind, content["parts"][part])
        verdict = result.verdict
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The rows of {name}.json do not fit its protocol ({error}): {_again(name)}"
        ) from None
    if content["verdict"] != verdict:
        stated = content["verdict"]
        raise ValueError(f"{file} states {stated!r}, its rows give {verdict!r}: {_again(name)}")
    if [one["test"] for one in content["findings"]] != [finding.test for finding in result.findings]:
        raise ValueError(f"{file} states findings of other tests than its protocol has: {_again(name)}")
    for stated, finding in zip(content["findings"], result.findings, strict=True):
        if not _says(stated, finding):
            raise ValueError(
                f"{file} states another outcome or estimate of {finding.label!r} than its rows give: "
                f"{_again(name)}"
            )


def _says(stated: Mapping[str, Any], finding: Finding) -> bool:
    """Return whether an archived finding is that of the rows; resampled intervals are not drawn again."""
    given, mine = (dict(one, estimate=_numbers(one["estimate"])) for one in (stated, plain(finding)))
    numbers, found = given.pop("estimate"), mine.pop("estimate")
    return (
        given == mine
        and numbers.keys() == found.keys()
        and all(np.allclose(value, found[name], 1e-9, 1e-12) for name, value in numbers.items())
    )


def _numbers(estimate: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in estimate.items() if name not in ("bootstrap", "values")}


def rows_digest(parts: Mapping[str, Sequence[Row]]) -> str:
    """Return a digest of all rows, their columns included.

    >>> rows_digest({"part": [{"seed": 0}]}) == rows_digest({"part": [{"seed": 1}]})
    False
    """
    tables = {part: _columns(rows) for part, rows in parts.items() if rows}
    return fingerprints.digest(json.dumps(tables, sort_keys=True).encode())


def _first_difference(old: Any, new: Any, where: str = "protocol") -> tuple[str, Any, Any]:
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(f"{where}.{key}", old.get(key), new.get(key)) for key in {**old, **new}]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(f"{where}[{i}]", *pair) for i, pair in enumerate(zip(old, new, strict=True))]
    else:
        return where, old, new
    return next(_first_difference(a, b, place) for place, a, b in pairs if a != b)


@checks.by_annotation
def save(result: Result, *, where: str | Path | None = None) -> Path:
    """Write the archive of a result, all of it or nothing, and return its path.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as elsewhere:
    ...     print(save(load("he-depth"), where=elsewhere).name)
    he-depth.json
    """
    name = result.protocol.name
    content = {
        "name": name,
        "claim": result.protocol.claim,
        "statement": result.protocol.statement,
        "verdict": result.verdict,
        "findings": [plain(finding) for finding in result.findings],
        "fingerprint": fingerprint(registry.get(name)),
        "made": dict(result.made),
        "digest": rows_digest(result.parts),
        "protocol": plain(result.protocol),
        "pilots": pilots(name),
        "parts": {part: _columns(rows) for part, rows in result.parts.items()},
    }
    path = _path(name, where)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"where must be a folder to write to. Received: {checks.shown(where)} ({error.strerror})."
        ) from None
    _write(path, _text(content))
    return path


def first_run(name: str) -> dict[str, Any]:
    """Return the archive of an experiment's earlier run, whose protocol was changed since: findings and rows.

    Names without an earlier run are refused.

    >>> first_run("elsewhere-sigmoid")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: Unknown experiment with an earlier run. Received: 'elsewhere-sigmoid'; choose one of ...
    """
    path = folder() / "first-runs"
    checks.choice("experiment with an earlier run", name, sorted(file.stem for file in path.glob("*.json")))
    return read(name, where=path)


def pilots(name: str) -> list[dict[str, str]]:
    """Return what the pilots of an experiment found, on seeds below 100 and before its protocol was frozen.

    One row for each test, as text; empty if none were kept. Rows with `made` "after the run" come from pilots
    that were caught up on: they led to nothing, and say what pilots would have shown.
    """
    path = folder() / "pilots" / f"{name}.json"
    if not path.is_file():
        return []
    rows: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def save_pilots(name: str, result: Result) -> Path:
    """Write down what the pilots of an experiment found, for `save` to put beside its results.

    If its run is there already, the rows say that they were made afterwards, and go into its archive now.
    """
    path = folder() / "pilots" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    ran = is_current(name)
    late = {"made": LATE} if ran else {}
    rows = [{**late, **row_of(finding)} for finding in result.findings]
    _write(path, json.dumps(rows, indent=1) + "\n")
    if ran:
        archive = _path(name, None)
        content = json.loads(archive.read_text(encoding="utf-8"))
        _write(archive, _text({**content, "pilots": rows}))
    return path


def is_current(name: str, *, where: str | Path | None = None) -> bool:
    """Say whether the archive is there and was made by the experiment's code and protocol as they are now.

    >>> is_current("he-depth")
    True
    """
    try:
        load(name, where=where)
    except (FileNotFoundError, ValueError):
        return False
    return True


def renew(name: str, *, where: str | Path | None = None) -> Path:
    """Write the fingerprint of the experiment's code as it is now into its archive, and change nothing else.

    Only for what `evidence.confirm` has shown to give the archived rows.
    """
    path = _path(name, where)
    entry = '"fingerprint": "{}"'
    old = entry.format(read(name, where=where)["fingerprint"])
    _write(
        path,
        path.read_text(encoding="utf-8").replace(old, entry.format(fingerprint(registry.get(name))), 1),
    )
    return path


def fingerprint(module: ModuleType) -> str:
    """Return the digest of an experiment's code: its module, and what that imports of `experiments/_*.py`.

    Comments and docstrings do not count.
    """
    return fingerprints.of_files(str(module.__file__), _is_shared)


def _is_shared(path: Path) -> bool:
    """Say whether a file is one that experiments share, and not one of them."""
    return path.parent == EXPERIMENTS and path.stem.startswith("_") and path.stem != "__init__"


def versions() -> dict[str, Any]:
    """Return the versions of what computes, and which kernels of BLAS and of numpy's own loops are in use."""
    import scipy.linalg  # brings its own BLAS
    import threadpoolctl

    import initlib

    blas = [f"{lib['internal_api']} {lib['version']} {lib.get('architecture', '')}".strip()
            for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"]  # fmt: skip
    return {
        "python": platform.python_version(),
        "initlib": initlib.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "blas": sorted(set(blas)),
        "simd": np.show_config(mode="dicts")["SIMD Extensions"].get("found", []),
        "platform": f"{sys.platform} {platform.machine()}",
    }


def same_kernels(made: Mapping[str, Any]) -> bool:
    """Say whether what made an archive used the kernels that compute here, of whatever version.

    >>> same_kernels(versions()), same_kernels({"blas": ["openblas 0.3.30 Z80"], "simd": []})
    (True, False)
    """
    here, there = (({name.split()[-1] for name in one["blas"]}, one["simd"]) for one in (versions(), made))
    return here == there


class MissingArchiveError(FileNotFoundError, ValueError):
    """There is no archive of that name."""


def _path(name: str, where: str | Path | None) -> Path:
    place = folder() if where is None else checks.path("where", where, "a folder")
    return place / checks.path("name", f"{checks.text('name', name)}.json")


def _again(name: str) -> str:
    return f"run `make evidence NAME={name}`."


def read(name: str, *, where: str | Path | None = None) -> dict[str, Any]:
    """Return the content of an archive, rows as dicts, whatever code made it."""
    path = _path(name, where)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingArchiveError(f"There is no archive {path.name}: {_again(path.stem)}") from None
    except OSError as error:
        raise ValueError(
            f"{checks.shown(str(path))} is no file that can be read ({error.strerror})."
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"The archive {path.name} is unreadable or cut short ({error}): {_again(path.stem)}"
        ) from None
    try:
        content["parts"] = {part: _rows(columns) for part, columns in content["parts"].items()}
        _check_made(content["made"])
        return {**{key: content.get(key) for key in HEADS}, **{key: content[key] for key in KEYS}}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path.name} is not an archive of evidence ({error!r}): {_again(path.stem)}"
        ) from None


def _check_made(made: Mapping[str, Any]) -> None:
    for name, kind in MADE.items():
        if not isinstance(made.get(name, kind()), kind):
            raise TypeError(f"made.{name} is {made[name]!r}")


def _columns(rows: Sequence[Row]) -> dict[str, Any]:
    names = list(rows[0])
    return {"columns": names, "rows": [[row[name] for name in names] for row in rows]}


def _rows(table: Mapping[str, Any]) -> list[Row]:
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def _text(content: Mapping[str, Any]) -> str:
    """Return JSON that people can read: indented, but with each row on one line."""
    rows: list[str] = []

    def stand_in(row: Any) -> str:
        rows.append(json.dumps(row, allow_nan=False))
        return f"@{len(rows) - 1}@"

    parts = {
        part: {"columns": stand_in(table["columns"]), "rows": [stand_in(row) for row in table["rows"]]}
        for part, table in content["parts"].items()
    }
    text = json.dumps({**content, "parts": parts}, indent=1, allow_nan=False)
    return re.sub(r'"@(\d+)@"', lambda match: rows[int(match[1])], text) + "\n"


def _write(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def plain(value: Any) -> Any:
    """Return a value as what JSON holds, callables by their names and arrays by their digests."""
    return json.loads(json.dumps(_plain(value)))


def _plain(value: Any) -> Any:
    """Return a value as what JSON can hold, callables by their names and arrays by their digests."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return fingerprints.describe(value)
    if isinstance(value, partial):
        return {"call": _plain(value.func), **_plain(value.keywords)}
    return value.__qualname__ if isinstance(value, Callable) else value  # type: ignore[arg-type]
