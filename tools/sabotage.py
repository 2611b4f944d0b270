"""Test the checks: put each sabotage of tests/sabotages.toml into a copy; its check must turn red.

First every check must pass on the unchanged copy. Prints caught/total by layer; a sabotage that no check sees
fails the run. Names of layers as arguments choose their sabotages; those of the site need a built one.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = ("_build/html", "_build/jupyter_execute")
LEFT_OUT = (".git", ".venv*", "_build", "__pycache__", ".*_cache", "node_modules")


@dataclass(frozen=True)
class Sabotage:
    """In `file`, `before` becomes `after`, where it first stands; without `before` the file is removed.

    `pattern` is a regular expression in the place of `before`, whose groups `after` may name.
    """

    layer: str
    what: str
    file: str
    check: str
    before: str = ""
    after: str = ""
    pattern: str = ""

    def apply(self, folder: Path) -> None:
        path = folder / self.file
        if self.before or self.pattern:
            path.write_text(self.changed(path.read_text(encoding="utf-8")), encoding="utf-8")
        else:
            path.unlink()

    def changed(self, text: str) -> str:
        found = re.search(self.pattern or re.escape(self.before), text, re.DOTALL)
        if not found:
            raise ValueError(f"{self.layer}: {self.what}: what is to change does not stand in {self.file}.")
        after = found.expand(self.after) if self.pattern else self.after
        return text[: found.start()] + after + text[found.end() :]


def load(root: Path = ROOT) -> list[Sabotage]:
    table = tomllib.loads((root / "tests" / "sabotages.toml").read_text(encoding="utf-8"))
    return [Sabotage(**entry) for entry in table["sabotage"]]


def copy(folder: Path) -> Path:
    target = folder / "book"
    shutil.copytree(ROOT, target, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for built in BUILT:
        if (ROOT / built).is_dir():
            shutil.copytree(ROOT / built, target / built)
    return target


def red(check: str, folder: Path) -> bool:
    """Run a check, which is pytest's arguments, in the copy; return whether a test failed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=short", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *check.split()],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "CI": "true"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode > 2 or (done.returncode == 0 and " passed" not in done.stdout):
        raise RuntimeError(f"{check}: the check did not run.\n{done.stdout}{done.stderr}")
    return done.returncode != 0


def main(layers: list[str]) -> None:
    chosen = [one for one in load() if not layers or one.layer in layers]
    with tempfile.TemporaryDirectory() as temporary:
        folder = copy(Path(temporary))
        if broken := [check for check in sorted({one.check for one in chosen}) if red(check, folder)]:
            sys.exit(f"These fail on the unchanged copy: {broken}; nothing was sabotaged.")
        caught: Counter[str] = Counter()
        missed = []
        for one in chosen:
            path = folder / one.file
            original = path.read_bytes()
            one.apply(folder)
            seen = red(one.check, folder)
            path.write_bytes(original)
            caught[one.layer] += seen
            missed += [] if seen else [f"{one.layer}: {one.what}"]
            print(f"{'caught' if seen else 'MISSED'}  {one.layer}: {one.what}", flush=True)
    for layer, total in Counter(one.layer for one in chosen).items():
        print(f"{layer}: {caught[layer]}/{total} caught")
    if missed:
        sys.exit("No check saw: " + "; ".join(missed))


if __name__ == "__main__":
    main(sys.argv[1:])
