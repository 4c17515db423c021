"""From places in logs to rows and back, and what lies in the rows.

Records lie in the order of their arrival; `pieces` tells which rows continue which log. These are
the only queries over the two together. For writers and readers alike; nothing here is remembered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_RANGE: Final = """
SELECT p.first_seq + r.row - p.first_row, r.row, r.id, r.body, r.parts
FROM pieces AS p CROSS JOIN records AS r
    ON r.row BETWEEN p.first_row + max(0, :first - p.first_seq)
                 AND p.first_row + min(p.records - 1, :last - p.first_seq)
WHERE p.log = :log AND p.first_seq <= :last AND p.first_seq >= (
    SELECT max(first_seq) FROM pieces WHERE log = :log AND first_seq <= :first
)
ORDER BY p.first_seq, r.row
"""
_IDS: Final = _RANGE.replace(
    "p.first_seq + r.row - p.first_row, r.row, r.id, r.body, r.parts", "r.id"
)
_ROW_OF: Final = """
SELECT first_row + :seq - first_seq FROM pieces
WHERE log = :log AND first_seq <= :seq AND first_seq + records > :seq
ORDER BY first_seq DESC LIMIT 1
"""
_PLACE_OF: Final = """
SELECT log, first_seq + :row - first_row FROM pieces
WHERE first_row <= :row AND first_row + records > :row ORDER BY first_row DESC LIMIT 1
"""


class Row(NamedTuple):
    """A row of `records` and its place in its log."""

    seq: int
    row: int
    id: bytes
    body: bytes
    parts: bytes | None


def read_range(connection: sqlite3.Connection, log: int, first: int, last: int) -> Iterator[Row]:
    """The rows of a log from seq `first` to `last`, both included, in order."""
    found = connection.execute(_RANGE, {"log": log, "first": max(0, first), "last": last})
    return map(Row._make, found)


def read_ids(connection: sqlite3.Connection, log: int, first: int, last: int) -> list[bytes]:
    """The record ids of a log from seq `first` to `last`, both included, in order."""
    found = connection.execute(_IDS, {"log": log, "first": max(0, first), "last": last})
    return [identifier for (identifier,) in found]


def row_of(connection: sqlite3.Connection, log: int, seq: int) -> int | None:
    """The row of the record at `seq` of a log."""
    found = connection.execute(_ROW_OF, {"log": log, "seq": seq}).fetchone()
    return None if found is None else int(found[0])


def place_of(connection: sqlite3.Connection, row: int) -> tuple[int, int] | None:
    """Log number and seq of a row."""
    found = connection.execute(_PLACE_OF, {"row": row}).fetchone()
    return None if found is None else (int(found[0]), int(found[1]))


def read_rows(connection: sqlite3.Connection, rows: Sequence[int]) -> Iterator[tuple[int, Row]]:
    """Log number and row for each of `rows` that exists, in the order given."""
    for number in rows:
        place = place_of(connection, number)
        content = connection.execute(
            "SELECT id, body, parts FROM records WHERE row = ?", (number,)
        ).fetchone()
        if place is not None and content is not None:
            yield place[0], Row(place[1], number, *content)
