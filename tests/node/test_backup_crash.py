"""kill -9 of a real process at its touches of the disk: never half a backup, never half a node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hutong_node.backup.creating import remove_scratch
from hutong_node.config import DataFolder
from hutong_node.marker import Mismatch, read_marker
from hutong_node.refusals import Code, Refused
from hutong_node.store.sqlite.verify import verify_store
from node import crashing_backup
from node.backup_steps import (
    ENV,
    asked,
    backed_up,
    checked,
    clear_files,
    furnished,
    holding,
    hutong,
)
from node.local_nodes import CANARY

POINTS = [2, pytest.param(24, marks=pytest.mark.slow)]
"""How many crash points between the first and last ones are tried."""
TESTS = str(Path(__file__).parents[1])


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return furnished(tmp_path / "node")


def run(last: int, below: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The command, killed at its touch number `last`."""
    return subprocess.run(
        [sys.executable, crashing_backup.__file__, str(last), str(below), *command],
        env={**ENV, "PYTHONPATH": f"{TESTS}:{ENV['PYTHONPATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def touches(below: Path, *command: str) -> list[str]:
    """What the command touches one after the other, if it lives."""
    lived = run(0, below, *command)
    assert lived.returncode == 0, lived.stderr
    return lived.stdout.splitlines()[-1].split()[1:]


def points(count: int, between: int) -> list[int]:
    """Some of all crash points: the first and last ones, and others evenly between."""
    chosen = {2, *range(count - 2, count + 1)}
    chosen |= {1 + count * number // between for number in range(between)}
    return sorted(number for number in chosen if 1 <= number <= count)


def opens(file: Path, scratch: Path) -> bool:
    """Whether a file is a whole backup; one that is nearly whole is none."""
    try:
        return checked(file, scratch).records == 4
    except Refused as refused:
        return refused.code is not Code.BACKUP_DAMAGED


@pytest.mark.parametrize("between", POINTS)
def test_a_backup_that_is_killed_is_whole_or_is_not_there(
    folder: DataFolder, tmp_path: Path, between: int
) -> None:
    """Threats 61 and 54; what it left in the clear is gone with the next start of the node."""
    out = tmp_path / "out"
    out.mkdir()
    command = ("backup", "create", str(out / "b"), "--data", str(folder.root))
    touched = touches(tmp_path, *command)
    assert len(touched) > 40
    (out / "b").unlink()
    whole = unfinished = 0
    while_written = touched.index("b.part") + 3  # a touch happens when its number is reached
    for number in sorted({*points(len(touched), between), while_written, while_written + 4}):
        killed = run(number, tmp_path, *command)
        assert killed.returncode == -9, (number, killed.stderr)
        assert {path.name for path in out.iterdir()} <= {"b", "b.part"}
        if (out / "b").exists():
            whole += 1
            assert checked(out / "b", tmp_path).records == 4
            (out / "b").unlink()
        elif (out / "b.part").exists():
            unfinished += not opens(out / "b.part", tmp_path)
        assert holding(CANARY.encode(), out) == []
        remove_scratch(folder)  # as the node's next start does it
        assert holding(CANARY.encode(), folder.root) == ["kept-at-home.db"]
    assert whole >= 1
    assert unfinished >= 2
    assert verify_store(folder.database).problems == []
    run(while_written, tmp_path, *command)  # and the next backup does it, too
    assert asked(*command)["verified"]
    assert [path.name for path in out.iterdir()] == ["b"]
    assert holding(CANARY.encode(), folder.root) == ["kept-at-home.db"]


@pytest.mark.parametrize("between", POINTS)
def test_a_restore_that_is_killed_leaves_no_node_and_can_be_done_again(
    folder: DataFolder, tmp_path: Path, between: int
) -> None:
    """No command starts what it left; the next restore makes it whole; only the last steps do."""
    backed_up(folder, tmp_path / "b")
    again = DataFolder(tmp_path / "again")
    command = ("backup", "restore", str(tmp_path / "b"), "--data", str(again.root))
    touched = touches(again.root, *command)
    assert len(touched) > 40
    finished = 0
    for number in points(len(touched), between):
        half = DataFolder(tmp_path / f"again-{number}")
        own = (*command[:-1], str(half.root))
        killed = run(number, half.root, *own)
        assert killed.returncode == -9, (number, killed.stderr)
        if half.config.exists():
            finished += 1
        else:
            # A new organisation must not be made over the keys of the one being put back.
            for other in (("run",), ("status",), ("init", "x")):
                if other[0] == "init" and not clear_files(half.root):
                    continue  # nothing was written yet: it is as empty as before
                refused = hutong(*other, "--data", str(half.root))
                assert refused.exit_code in (1, 2), (number, other)
            assert hutong(*own).exit_code == 0, number
        assert read_marker(half.marker) is Mismatch.PUT_BACK
        assert verify_store(half.database).problems == []
        expected = [*clear_files(again.root), "lock"]
        assert set(clear_files(half.root)) <= set(expected)
        status = asked("status", "--data", str(half.root))
        assert status["records"] == 4
    assert finished in (1, 2)
