"""Brings a database file to the schema of this version, once and in order.

Migrations are the numbered .sql files of this package. Which ones a file has seen stands in its
table `schema_version` with their checksums. A file that has seen one that this version doesn't know
is refused, and so is one whose migrations read otherwise here: neither may be written by guessing.
Each migration is one transaction; a crash leaves the file before or after it (threat 68).
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from importlib import resources

from hutong_node.store.errors import StoreRefused
from hutong_node.store.sqlite.connection import sqlite_errors

_VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_version (
    number   INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    checksum TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema; `checksum` is the SHA-256 of its text in hex."""

    number: int
    name: str
    text: str
    checksum: str


def migrations() -> list[Migration]:
    """The steps that this version knows, in order; numbers go from 1 without holes."""
    found = []
    for file in resources.files("hutong_node.store.sqlite").iterdir():
        if file.name.endswith(".sql"):
            text = file.read_text(encoding="utf-8")
            checksum = hashlib.sha256(text.encode()).hexdigest()
            found.append(Migration(int(file.name[:4]), file.name, text, checksum))
    return sorted(found, key=lambda step: step.number)


def migrate(connection: sqlite3.Connection, known: list[Migration] | None = None) -> list[str]:
    """Applies what the file hasn't seen; returns the names of what was applied.

    Args:
        connection: a writer's, outside any transaction.
        known: for tests; by default `migrations()`.

    Raises:
        StoreRefused: the file is newer than this version, or was made from other migrations.
    """
    steps = migrations() if known is None else known
    applied = []
    with sqlite_errors("bringing the schema up to date"):
        connection.execute(_VERSIONS)
        seen = connection.execute(
            "SELECT number, name, checksum FROM schema_version ORDER BY number"
        ).fetchall()
        _require_known(seen, steps)
        for step in steps[len(seen) :]:
            try:
                # `executescript` ends an open transaction, so that its text brings its own.
                connection.executescript(
                    f"BEGIN IMMEDIATE;\n{step.text}\n"
                    f"INSERT INTO schema_version VALUES ({step.number}, '{step.name}',"
                    f" '{step.checksum}');\nCOMMIT;"
                )
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            applied.append(step.name)
    return applied


def _require_known(seen: list[tuple[int, str, str]], steps: list[Migration]) -> None:
    if len(seen) > len(steps):
        raise StoreRefused(
            f"the store has schema {seen[-1][0]}, this version knows {len(steps)}: it was used by"
            " a newer version; upgrade, or put back the backup made before that upgrade"
        )
    for (number, name, checksum), step in zip(seen, steps, strict=False):
        if (number, checksum) != (step.number, step.checksum):
            raise StoreRefused(
                f"migration {number} of the store ({name}) is not the {step.name} of this version"
            )
