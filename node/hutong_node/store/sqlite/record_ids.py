"""From a record id to its row: an index that the hot path doesn't fill.

A table keyed by hashes costs more than everything else that is stored of a record, since it is
written all over. So it is keyed by 48 bits of the id, and filled in sorted batches: when the writer
has nothing else to do, when it needs an answer, or when it has fallen far behind. What it covers
stands in the property `ids_to`; a reader looks through the rows after that. Derived: it could be
dropped and filled anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from hutong_node.store.sqlite.bulk import insert_rows

_PREFIX_BYTES: Final = 6
BATCH: Final = 20_000
"""Records of one step: sorted, they touch each page of the index about once."""
BEHIND_MAX: Final = 100_000
"""Rows that the index may lack while the writer is busy; it costs readers memory."""


class RecordIds:
    """The index as its writer sees it; one transaction at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Begins where the table ends."""
        self._connection = connection
        self._to = -1

    def forget(self) -> None:
        """Reads from the table again what it covers."""
        self._to = -1

    def fill(self, rows_max: int = BATCH) -> bool:
        """Covers at most `rows_max` further rows; True if there are more."""
        if self._to < 0:
            self._to = covered_to(self._connection)
        found = self._connection.execute(
            "SELECT row, id FROM records WHERE row > ? ORDER BY row LIMIT ?", (self._to, rows_max)
        ).fetchall()
        if not found:
            return False
        values: list[int] = []
        for prefix, row in sorted((_prefix(identifier), row) for row, identifier in found):
            values += (prefix, row)
        insert_rows(self._connection, "INTO record_ids", "prefix, row", values)
        self._to = found[-1][0]
        self._connection.execute(
            "INSERT OR REPLACE INTO properties VALUES ('ids_to', ?)", (self._to,)
        )
        return len(found) == rows_max

    def is_far_behind(self, last_row: int) -> bool:
        """Whether more than `BEHIND_MAX` rows up to `last_row` are not covered."""
        if self._to < 0:
            self._to = covered_to(self._connection)
        return last_row - self._to > BEHIND_MAX

    def find(self, identifiers: Iterable[bytes]) -> dict[bytes, int]:
        """The rows of those of these records that are held; fills the index first."""
        while self.fill():
            pass
        return _find_covered(self._connection, identifiers)


def covered_to(connection: sqlite3.Connection) -> int:
    """The last row that the index covers."""
    found = connection.execute("SELECT value FROM properties WHERE name = 'ids_to'").fetchone()
    return 0 if found is None else int(found[0])


class RecentIds:
    """The ids that the index doesn't cover yet, as one reader has come across them.

    Each row is read once, so that following a store while it fills costs little; some 120 bytes a
    row, and never much more than `BEHIND_MAX` rows.
    """

    def __init__(self) -> None:
        """Knows nothing yet."""
        self._rows: dict[bytes, int] = {}
        self._to = 0

    def find(
        self, connection: sqlite3.Connection, identifiers: Iterable[bytes]
    ) -> dict[bytes, int]:
        """The rows of those of these records that are held, by the snapshot of a reader."""
        covered = covered_to(connection)
        if covered >= self._to:
            self._rows.clear()
            self._to = covered
        for row, identifier in connection.execute(
            "SELECT row, id FROM records WHERE row > ? ORDER BY row", (self._to,)
        ):
            self._rows[identifier] = self._to = row
        found: dict[bytes, int] = {}
        older = []
        for identifier in identifiers:
            if identifier in self._rows:
                found[identifier] = self._rows[identifier]
            else:
                older.append(identifier)
        found.update(_find_covered(connection, older))
        return found


def _find_covered(connection: sqlite3.Connection, identifiers: Iterable[bytes]) -> dict[bytes, int]:
    found = {}
    for identifier in identifiers:
        row = connection.execute(
            "SELECT r.row FROM record_ids AS i JOIN records AS r ON r.row = i.row"
            " WHERE i.prefix = ? AND r.id = ?",
            (_prefix(identifier), identifier),
        ).fetchone()
        if row is not None:
            found[identifier] = int(row[0])
    return found


def _prefix(identifier: bytes) -> int:
    return int.from_bytes(identifier[:_PREFIX_BYTES], "big")
