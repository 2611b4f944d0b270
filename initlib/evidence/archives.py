"""Archives: one JSON file for each experiment, with the protocol, what made it, and every number by seed."""

import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from initlib import experiments, fingerprints
from initlib.evidence.parts import Row
from initlib.evidence.protocol import Protocol
from initlib.evidence.results import Result

PACKAGED = Path(__file__).parent / "archives"  # where the wheel has them
IN_REPOSITORY = Path(__file__).parents[2] / "book" / "evidence"


def folder() -> Path:
    """Return the folder of the archives: inside the installed package, or the repository's."""
    return PACKAGED if PACKAGED.is_dir() else IN_REPOSITORY


def load(name: str, *, where: str | Path | None = None) -> Result:
    """Return the archived result of an experiment.

    A ValueError says so if the archive is unreadable, or older than the experiment's code.

    >>> load("he-deph")
    Traceback (most recent call last):
        ...
    ValueError: Unknown experiment. Received: 'he-deph'; choose one of ... Did you mean 'he-depth'?
    """
    module = experiments.get(name)
    path = _path(name, where)
    content = _read(path)
    if content["fingerprint"] != fingerprint(module):
        raise ValueError(f"The archive {path.name} is older than the code of its experiment: {_again(name)}")
    protocol: Protocol = module.PROTOCOL
    if set(content["parts"]) != set(protocol.parts):
        raise ValueError(f"The archive {path.name} lacks parts of its protocol: {_again(name)}")
    return Result(protocol, content["parts"], content["made"])


def save(result: Result, *, where: str | Path | None = None) -> Path:
    """Write the archive of a result, all of it or nothing, and return its path."""
    name = result.protocol.name
    content = {
        "name": name,
        "claim": result.protocol.claim,
        "statement": result.protocol.statement,
        "verdict": result.verdict,
        "findings": [_plain(asdict(finding)) for finding in result.findings],
        "fingerprint": fingerprint(experiments.get(name)),
        "made": dict(result.made),
        "protocol": _plain(result.protocol),
        "parts": {part: _columns(rows) for part, rows in result.parts.items()},
    }
    path = _path(name, where)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, _text(content))
    return path


def is_current(name: str, *, where: str | Path | None = None) -> bool:
    """Say whether the archive is there and was made by the experiment's code as it is now."""
    try:
        return bool(_read(_path(name, where))["fingerprint"] == fingerprint(experiments.get(name)))
    except (FileNotFoundError, ValueError):
        return False


def fingerprint(module: ModuleType) -> str:
    """Return the digest of an experiment's own module: protocol and code, without comments and docstrings."""
    return fingerprints.of_file(str(module.__file__))


def versions() -> dict[str, Any]:
    """Return the versions of what computes, and which kernels of BLAS and of numpy's own loops are in use."""
    import scipy
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
        "simd": np.show_config(mode="dicts")["SIMD Extensions"]["found"],
        "platform": f"{sys.platform} {platform.machine()}",
    }


def _path(name: str, where: str | Path | None) -> Path:
    return Path(folder() if where is None else where) / f"{name}.json"


def _again(name: str) -> str:
    return f"run `make evidence NAME={name}`."


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no archive {path.name}: {_again(path.stem)}") from None
    except ValueError as error:
        raise ValueError(
            f"The archive {path.name} is unreadable or cut short ({error}): {_again(path.stem)}"
        ) from None
    try:
        content["parts"] = {part: _rows(columns) for part, columns in content["parts"].items()}
        return {key: content[key] for key in ("fingerprint", "made", "parts", "verdict", "findings")}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path.name} is not an archive of evidence ({error!r}): {_again(path.stem)}"
        ) from None


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
