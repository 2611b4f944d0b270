"""`make evidence` killed at random moments and on a full disk: no archive breaks, what was finished stays."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from initlib import training

ROOT = Path(__file__).resolve().parents[1]
NAME, KILLS = "glorot-jacobians", 10  # twelve batches of cells

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(sys.platform == "win32", reason="kills a group of processes"),
]


@pytest.fixture
def copy(tmp_path):
    """A copy of what `make evidence` needs, whose archive of one experiment is missing."""
    shutil.copytree(ROOT / "initlib", tmp_path / "initlib", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "evidence.py", tmp_path / "tools")
    (tmp_path / "book" / "evidence" / "pilots").mkdir(parents=True)
    for pilots in (ROOT / "book" / "evidence" / "pilots").glob(f"{NAME}.json"):
        shutil.copy(pilots, tmp_path / "book" / "evidence" / "pilots")
    return tmp_path


def start(folder):
    return subprocess.Popen(
        [sys.executable, "tools/evidence.py", NAME],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finished_cells(folder):
    """Return how many cells the store holds, after checking that it is whole."""
    store = folder / ".evidence" / f"{NAME}.sqlite"
    if not store.is_file():
        return 0
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        return connection.execute("SELECT count(*) FROM cells").fetchone()[0] if tables else 0


def test_killed_at_any_moment_it_goes_on_where_it_was(copy):
    archive = copy / "book" / "evidence" / f"{NAME}.json"
    wanted = json.loads((ROOT / "book" / "evidence" / f"{NAME}.json").read_text())
    dice, kills, cells, longest = random.Random(0), 0, [], 12.0
    for _ in range(4 * KILLS):
        process = start(copy)
        began, moment = time.monotonic(), dice.uniform(0, longest)
        try:
            process.wait(moment)
            longest = max(time.monotonic() - began, 2.0)  # a run that has little left to do
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.communicate()
        cells.append(finished_cells(copy))
        longest *= 1 if any(cells) else 1.3  # on a busy machine the first cells come late
        if archive.exists():  # all of it or nothing
            assert json.loads(archive.read_text())["verdict"] == wanted["verdict"]
            archive.unlink()
        elif len(cells) > 1:
            assert cells[-1] >= cells[-2], cells
        if kills == KILLS:
            break
    assert kills == KILLS
    assert max(cells) > 0, "no kill fell behind a finished cell: the test shows nothing"
    process = start(copy)
    said, _ = process.communicate()
    assert process.returncode == 0, said
    made = json.loads(archive.read_text())
    assert made["verdict"] == wanted["verdict"]
    if {**made["made"], **wanted["made"]} == {**wanted["made"], **made["made"]}:
        assert made["digest"] == wanted["digest"]
    print(f"{kills} kills, cells kept after each: {cells}")


def test_a_full_disk_stops_it_with_a_sentence_and_room_lets_it_go_on(copy, tmp_path_factory):
    small = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        (copy / ".evidence").symlink_to(small, target_is_directory=True)
        process = start(copy)
        said, _ = process.communicate()
        assert process.returncode == 1
        assert "Traceback" not in said, said
        assert "cannot be written" in said or "store must be" in said, said
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        process = start(copy)
        said, _ = process.communicate()
        assert process.returncode == 0, said
    finally:
        subprocess.run(["umount", str(small)], check=False)


def test_a_finished_store_is_read_from_a_read_only_disk_and_a_new_one_refused(tmp_path):
    disk, quick = tmp_path / "disk", {"n_jobs": 1, "epochs": 1, "train_samples": 100}
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("only root can mount a disk")
    try:
        whole = training.sweep({"depth": [2]}, [0], store=disk / "cells.sqlite", **quick)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        again = training.sweep({"depth": [2]}, [0], store=disk / "cells.sqlite", **quick)
        assert (again.loss == whole.loss).all()
        with pytest.raises(ValueError, match="is read-only and lacks 1 of the nets"):
            training.sweep({"depth": [2]}, [0, 1], store=disk / "cells.sqlite", **quick)
        with pytest.raises(ValueError, match="store must be"):
            training.sweep({"depth": [2]}, [0], store=disk / "new.sqlite", **quick)
    finally:
        subprocess.run(["umount", str(disk)], check=False)


SWEEP = """
import sys
from initlib import training
if __name__ == "__main__":
    found = training.sweep(
        {"depth": [2, 3, 4]}, range(4), store=sys.argv[1], n_jobs=1, epochs=2, train_samples=200
    )
    print(found.loss.tobytes().hex())
"""


def test_two_sweeps_on_one_store_do_not_disturb_each_other(tmp_path):
    (tmp_path / "both.py").write_text(SWEEP)
    command = [sys.executable, str(tmp_path / "both.py"), str(tmp_path / "cells.sqlite")]
    two = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    losses = [process.communicate()[0] for process in two]
    assert [process.returncode for process in two] == [0, 0]
    assert losses[0] == losses[1]
    alone = [*command[:2], str(tmp_path / "alone.sqlite")]
    assert losses[0] == subprocess.run(alone, stdout=subprocess.PIPE, text=True, check=True).stdout
    with closing(sqlite3.connect(tmp_path / "cells.sqlite")) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT key) FROM cells").fetchone() == (12, 12)
