"""One process at a time uses a data folder, and the others are told which.

Owns the file `lock` of a data folder. The store has a lock of its own that keeps two writers apart;
this one covers the whole folder and knows who holds it, so that a command can talk to the running
node instead, wait a moment for another command, or say whom to stop.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hutong_node.refusals import Code, Refused

WAIT_S: Final = 5.0
"""How long a command waits for another one: nearly all take less."""
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that uses a folder, and what it does there: the name of a command."""

    pid: int
    doing: str


class FolderLock:
    """The right to use a data folder; ends with `release` or with the process."""

    def __init__(self, file: int) -> None:
        """Not to be called: see `take`."""
        self._file = file

    @classmethod
    def try_take(cls, path: Path, doing: str) -> FolderLock | Holder:
        """The lock, or who holds it."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            with os.fdopen(file, "rb") as stream:
                return _holder_in(stream.read(1_024))
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps({"pid": os.getpid(), "doing": doing}).encode("ascii"), 0)
        return cls(file)

    @classmethod
    def take(cls, path: Path, doing: str, *, wait_s: float = WAIT_S) -> FolderLock:
        """The lock, after waiting for another command if need be.

        Raises:
            Refused: FOLDER_IN_USE, with who uses it.
        """
        end_s = time.monotonic() + wait_s
        while isinstance(found := cls.try_take(path, doing), Holder):
            if found.doing == "run" or time.monotonic() >= end_s:
                raise in_use(path.parent, found)
            time.sleep(_POLL_S)
        return found

    def release(self) -> None:
        """Gives the lock back; twice is the same as once."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1


def in_use(folder: Path, holder: Holder) -> Refused:
    """The refusal of a command for which the folder is not free."""
    return Refused(
        Code.FOLDER_IN_USE,
        f"{folder} is in use by `hutong {holder.doing}`, process {holder.pid}",
        way_out=f"wait for it to end, or end it: kill {holder.pid}",
    )


def _holder_in(content: bytes) -> Holder:
    """Who wrote this; an unknown process, if it was not finished writing."""
    try:
        value = json.loads(content)
        return Holder(int(value["pid"]), str(value["doing"]))
    except (ValueError, KeyError, TypeError):
        return Holder(0, "?")
