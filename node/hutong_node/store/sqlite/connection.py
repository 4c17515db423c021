"""Connections to a SQLite file with settings that are set, read back and insisted on.

Owns the settings (threats.md, "SQLite settings recommended"), the rule that one process at a time
writes a store, and the translation of SQLite's errors. A setting that doesn't read back as demanded
means that an acknowledged record could be lost or erased bytes kept: the store doesn't open then.

`secure_delete` overwrites what is deleted; it does not reach stale copies that a page split leaves
behind, which is why records lie in a table whose pages are never split (`0001_records.sql`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from hutong_node.store.errors import StoreError, StoreFull, StoreRefused

BUSY_TIMEOUT_MS: Final = 10_000
WAL_BYTES_MAX: Final = 32 * 2**20
"""The write-ahead log is cut back to this when it begins anew."""
_CHECKPOINT_PAGES: Final = 4_096
"""16 MiB: under load a page that is written again and again goes to the file once."""
_CACHE_KIB: Final = 16_384
_STATEMENTS_KEPT: Final = 256

_SETTINGS: Final[tuple[tuple[str, str, object], ...]] = (
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("secure_delete", "ON", 1),
    ("cell_size_check", "ON", 1),
    # Sorting and statement journals never reach a file, where nobody would erase them.
    ("temp_store", "MEMORY", 2),
    ("busy_timeout", str(BUSY_TIMEOUT_MS), BUSY_TIMEOUT_MS),
    ("journal_size_limit", str(WAL_BYTES_MAX), WAL_BYTES_MAX),
    ("cache_size", str(-_CACHE_KIB), -_CACHE_KIB),
)
SQLITE_MIN: Final = (3, 37, 0)  # STRICT tables


def open_writer(path: Path) -> sqlite3.Connection:
    """The connection that writes; creates the file, readable by its owner only, if there is none.

    To be used by the thread that opens it.

    Raises:
        StoreRefused: the file can't be opened as a database with the demanded settings.
        StoreFull: the disk is full.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as refused:
        raise StoreRefused(f"{path} can't be opened: {refused.strerror}") from refused
    connection = _open(path, "rw")
    _set(
        connection,
        path,
        (*_SETTINGS, ("wal_autocheckpoint", str(_CHECKPOINT_PAGES), _CHECKPOINT_PAGES)),
    )
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can't write, to an existing store. To be used by one thread at a time.

    Raises:
        StoreRefused: the file can't be opened as a database with the demanded settings.
    """
    connection = _open(path, "rw")  # SQLite's read-only mode can't create the shared memory file
    _set(connection, path, (*_SETTINGS, ("query_only", "ON", 1)))
    return connection


def _open(path: Path, mode: str) -> sqlite3.Connection:
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        raise StoreRefused(
            f"SQLite {sqlite3.sqlite_version} is older than {'.'.join(map(str, SQLITE_MIN))}"
        )
    with sqlite_errors(f"opening {path}"):
        return sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=BUSY_TIMEOUT_MS / 1_000,
            cached_statements=_STATEMENTS_KEPT,
            check_same_thread=False,
        )


def _set(
    connection: sqlite3.Connection, path: Path, settings: tuple[tuple[str, str, object], ...]
) -> None:
    """Makes each setting and reads it back."""
    try:
        with sqlite_errors(f"setting up {path}"):
            for name, value, expected in settings:
                connection.execute(f"PRAGMA {name} = {value}").fetchall()
                found = connection.execute(f"PRAGMA {name}").fetchone()
                if found is None or found[0] != expected:
                    raise StoreRefused(
                        f"{path}: SQLite's setting {name} is {found and found[0]!r} instead of"
                        f" {expected!r}; is the file on a network file system?"
                    )
    except StoreError:
        connection.close()
        raise


@contextmanager
def sqlite_errors(doing: str) -> Iterator[None]:
    """Turns SQLite's errors into the store's, naming what was being done.

    SQLite's own words name tables, codes and at most a value's type, never content.
    """
    try:
        yield
    except sqlite3.Error as failed:
        name = getattr(failed, "sqlite_errorname", "") or type(failed).__name__
        if name in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"):
            raise StoreFull(f"{doing}: the disk is full ({name})") from failed
        if name in ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_CANTOPEN", "SQLITE_READONLY"):
            raise StoreRefused(f"{doing}: {failed} ({name})") from failed
        raise StoreError(f"{doing}: {failed} ({name})") from failed


class StoreLock:
    """The right of one process to write a store; ends with `release` or with the process."""

    def __init__(self, path: Path) -> None:
        """Takes the lock beside the store at `path`.

        Raises:
            StoreRefused: another process holds it, or the lock file can't be made.
        """
        lock_path = path.with_name(path.name + ".lock")
        try:
            self._file = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as refused:
            raise StoreRefused(f"{lock_path} can't be opened: {refused.strerror}") from refused
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise StoreRefused(
                f"{path} is in use by another process; stop that node first, or talk to it"
            ) from None

    def release(self) -> None:
        """Gives the lock back; twice is the same as once."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
