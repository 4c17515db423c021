"""Copies of databases that are in use: of all of one moment, and never a plain copy of a file.

A database in WAL mode is not what stands in its file: the newest of it is in a log beside it, and a
file that is copied while it is written is torn (threat 61). So SQLite itself copies, page by page,
inside a read transaction. Several databases that speak of each other are copied as they were at one
moment: for some milliseconds nobody may write any of them, and in that time a read transaction
begins on each.

Owns the copying, and making a copy of the store one that was put back: it has no generation, so
that no restore marker in the world belongs to it, and it says itself that it may lack what was
erased since. What lies in which file is not its business. Spec: 5.1.5, 5.1.6.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from hutong_node.marker import Mismatch
from hutong_node.store.sqlite.connection import BUSY_TIMEOUT_MS, open_writer, sqlite_errors
from hutong_node.store.sqlite.migrations import migrate, migrations
from hutong_node.store.sqlite.opening import RESTORED

_PAGES: Final = 1_024
"""Pages copied between two reports of progress: 4 MiB."""


def copy_databases(
    copies: Sequence[tuple[Path, Path]], report: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Copies databases as they all were at one moment, whoever has them open.

    Args:
        copies: of each database the file, and where its copy goes, which must not exist. In the
            order in which those who write several of them lock them.
        report: is told the bytes copied so far and those of all copies.

    Raises:
        StoreFull: the disk is full.
        StoreError: a file can't be read or written, or somebody writes it for longer than 10 s.
    """
    with ExitStack() as open_ones:
        sources = [open_ones.enter_context(closing(_connect(source, "rw"))) for source, _ in copies]
        with _nobody_writes([source for source, _ in copies]):
            for source in sources:
                source.execute("BEGIN")
                source.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # begins to read
        sizes = [_bytes_of(source) for source in sources]
        done = 0
        for source, (path, target), size in zip(sources, copies, sizes, strict=True):

            def copied(_: int, left: int, pages: int, done: int = done, size: int = size) -> None:
                report(done + size * (pages - left) // max(1, pages), sum(sizes))

            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            with sqlite_errors(f"copying {path}"), closing(_connect(target, "rw")) as into:
                # A copy that a crash leaves behind is thrown away, so that nothing guards it.
                into.execute("PRAGMA journal_mode=OFF")
                into.execute("PRAGMA synchronous=OFF")
                source.backup(into, pages=_PAGES, progress=copied)
            done += size


def make_put_back(path: Path) -> None:
    """Makes the copy of a store one that was put back, whatever is done with it later.

    Raises:
        StoreError: it can't be written.
    """
    with sqlite_errors(f"marking {path}"), closing(_connect(path, "rw")) as connection:
        # One file is to be packed, without a log beside it.
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM properties WHERE name = 'generation'")
        connection.execute(
            "INSERT OR REPLACE INTO properties VALUES (?, ?)", (RESTORED, Mismatch.PUT_BACK.name)
        )
        connection.execute("COMMIT")


def make_current(path: Path) -> None:
    """Brings the copy of a store to the schema of this version.

    Raises:
        StoreError: it can't be: it was written by a newer version, or is damaged.
    """
    with closing(open_writer(path)) as connection:
        migrate(connection)


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a copy of a store holds, as it says itself. `schema` is 0 before the first start."""

    schema: int = 0
    records: int = 0
    own_logs: int = 0


def numbers_of(path: Path) -> Numbers:
    """Looks into a copy and changes nothing.

    Raises:
        StoreError: it can't be read.
    """
    with sqlite_errors(f"looking at {path}"), closing(_connect(path, "ro")) as connection:
        (schema,) = connection.execute("SELECT max(number) FROM schema_version").fetchone()
        if schema > len(migrations()):
            return Numbers(schema)  # what it calls its tables is not known
        (records,) = connection.execute("SELECT count(*) FROM records").fetchone()
        (own_logs,) = connection.execute("SELECT count(*) FROM own_logs").fetchone()
        return Numbers(schema, records, own_logs)


@contextmanager
def _nobody_writes(paths: Sequence[Path]) -> Iterator[None]:
    with ExitStack() as locks:
        for path in paths:
            lock = locks.enter_context(closing(_connect(path, "rw")))
            with sqlite_errors(f"waiting for whoever writes {path}"):
                lock.execute("BEGIN IMMEDIATE")
        with sqlite_errors("beginning to read"):
            yield


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    with sqlite_errors(f"opening {path}"):
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode={mode}", uri=True, isolation_level=None
        )
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        # What SQLite sorts or writes anew never reaches a file that nobody would overwrite.
        connection.execute("PRAGMA temp_store=MEMORY")
        return connection


def _bytes_of(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(size)
