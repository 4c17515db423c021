"""What another process may ask of a database that a node has open: a count, and what is damaged.

Owns read-only looks at the file from outside, which take no part in the store's own rules and wait
for nobody for long. Whoever has the store open asks the store.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_WAIT_S: Final = 5
_DAMAGES_MAX: Final = 5


def count_records(database: Path) -> int:
    """How many records the store in this file holds; 0 where there is none to be read yet."""
    try:
        with _looking_at(database) as connection:
            return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])
    except sqlite3.Error:
        return 0


def page_damage(database: Path) -> list[str]:
    """What SQLite itself finds wrong with the pages of this file, the first five in its words.

    Raises:
        sqlite3.Error: the file can't be opened, or is so damaged that the question fails.
    """
    with _looking_at(database) as connection:
        rows = connection.execute(f"PRAGMA integrity_check({_DAMAGES_MAX})").fetchall()
    return [text for (text,) in rows if text != "ok"]


@contextmanager
def _looking_at(database: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=_WAIT_S)
    try:
        yield connection
    finally:
        connection.close()
