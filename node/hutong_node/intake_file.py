"""The two private files in which a node notes what became of rows that came in.

Owns `intake.db` and, beside it, `kept-at-home.db` with all that rows brought and nobody let out:
values that must not be signed, and the drafts. Both are for their owner only, neither is ever sent,
and no value of them reaches a log (threat 54). They are written as durably as records are: were a
key forgotten, its row would be published a second time.

Like the roster it is one connection behind a lock with short transactions; callers on the event
loop go through `asyncio.to_thread`. What is noted is the business of those who extend it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Final

from hutong_node.leftovers import Leftovers

INTAKE_FILE: Final = "intake.db"
KEPT_FILE: Final = "kept-at-home.db"


class IntakeFile:
    """The connection to both files, and what deleting leaves in them."""

    def __init__(self, path: Path) -> None:
        """Opens `path` and the file of kept values beside it, making them if need be."""
        kept = path.with_name(KEPT_FILE)
        for file in (path, kept):
            file.touch(mode=0o600)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("ATTACH DATABASE ? AS kept", (str(kept),))
        for name in ("main", "kept"):
            self._connection.execute(f"PRAGMA {name}.journal_mode=WAL")
            self._connection.execute(f"PRAGMA {name}.synchronous=FULL")
            self._connection.execute(f"PRAGMA {name}.secure_delete=ON")
        self._connection.executescript(
            (resources.files("hutong_node") / "intake.sql").read_text(encoding="utf-8")
        )
        self._leftovers = Leftovers(self._connection, ("main", "kept"))
        self._leftovers.remove()
        self._closed = False

    def close(self) -> None:
        """Closes the files; twice is the same as once."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._leftovers.remove()
                self._connection.close()

    def remove_leftovers(self, *, of_plans: bool = True) -> None:
        """Removes from the files and their logs what was deleted since the last time.

        Takes some 10 ms per MB when there is anything to remove, otherwise nothing.

        Args:
            of_plans: also those of plans that were carried out, in the larger file. Their content
                was signed; it can wait for the end of a run.
        """
        with self._lock:
            self._leftovers.remove(None if of_plans else ("kept",))

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        with self._lock:
            yield self._connection.execute

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection.execute
            except BaseException:
                self._connection.execute("ROLLBACK")
                self._leftovers.rolled_back()
                raise
            self._connection.execute("COMMIT")
