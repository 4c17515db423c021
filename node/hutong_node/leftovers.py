"""What deleting leaves behind in a SQLite file, and how it goes.

`secure_delete` overwrites what is deleted where it stands; it reaches neither the copies that page
splits left elsewhere in the file nor the older pages in the write-ahead log. For content that must
be gone (threat 54) the file is therefore written anew and its log emptied. That costs some
10 ms per MB, so it isn't done row by row: whoever deletes says so inside the transaction, which the
file itself remembers (`user_version`) over a crash, and calls `remove` when the work is done.

One connection, whose owner sees to it that nobody uses it meanwhile. It knows no tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from hutong_node.observe import logger

_NONE = 0
_SOME = 1


class Leftovers:
    """The leftovers in the databases of one connection, by the names under which it has them."""

    def __init__(self, connection: sqlite3.Connection, schemas: Sequence[str]) -> None:
        """Finds out what a process that ended early has left."""
        self._connection = connection
        # VACUUM makes its copy there; in a file nobody would overwrite it.
        connection.execute("PRAGMA temp_store=MEMORY")
        self._due = {schema: self._noted(schema) for schema in schemas}

    def note(self, schema: str) -> None:
        """Remembers, inside the transaction that deletes, that there are leftovers."""
        if not self._due[schema]:
            self._connection.execute(f"PRAGMA {schema}.user_version={_SOME}")
            self._due[schema] = True

    def rolled_back(self) -> None:
        """Learns from the files again what is due, after a transaction was undone."""
        self._due = {schema: self._noted(schema) for schema in self._due}

    def remove(self, schemas: Collection[str] | None = None) -> bool:
        """Writes the files anew that have leftovers; False if that was not possible now.

        Nothing is lost then: it stays due, over a restart too.

        Args:
            schemas: only these, by default all.
        """
        try:
            for schema, due in self._due.items():
                if not due or (schemas is not None and schema not in schemas):
                    continue
                self._connection.execute(f"VACUUM {schema}")
                self._empty_log(schema)
                self._connection.execute(f"PRAGMA {schema}.user_version={_NONE}")
                self._due[schema] = False
        except sqlite3.Error as failed:
            logger().warning("leftovers-stay", error=type(failed).__name__)
            return False
        return True

    def _empty_log(self, schema: str) -> None:
        busy, _, _ = self._connection.execute(
            f"PRAGMA {schema}.wal_checkpoint(TRUNCATE)"
        ).fetchone()
        if busy:
            raise sqlite3.OperationalError("the log is in use")

    def _noted(self, schema: str) -> bool:
        (version,) = self._connection.execute(f"PRAGMA {schema}.user_version").fetchone()
        return bool(version != _NONE)
