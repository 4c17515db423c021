"""The start of a store: schema, generation, restore marker; before anything is read or written.

A store and its restore marker are compared here. After a mismatch every own log is retired, with
the furthest place that either of the two knows, and the store gets a new generation, which is also
the epoch of its cursors: peers' hints about an older copy mean nothing any more. A crash at any
point leaves a mismatch, and the next start does the same again. A property remembers, until it is
taken back, that the store may lack what was erased since. Spec: 5.1.5, 5.1.6, 7.6.3.
"""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hutong_node.marker import (
    Marked,
    Mismatch,
    RestoreMarker,
    belonging_of,
    judge,
    read_marker,
)
from hutong_node.publishing import OwnWriter
from hutong_node.store.errors import StoreRefused
from hutong_node.store.sqlite.connection import open_writer, sqlite_errors
from hutong_node.store.sqlite.ledger import Ledger
from hutong_node.store.sqlite.migrations import migrate
from hutong_node.store.sqlite.own_logs import OwnLogRow
from hutong_protocol.exchange import Head
from hutong_protocol.ids import LogId, RecordId

GENERATION_BYTES: Final = 16
RESTORED: Final = "restored"
"""Property: the name of the mismatch after which the store has not caught up yet."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a store starts with. `mismatch` is why own logs were retired; `restored` is the same,
    or why they were at an earlier start, as long as the store has not caught up since."""

    generation: bytes
    marker: RestoreMarker
    mismatch: Mismatch | None
    restored: Mismatch | None


def prepare(path: Path, marker_path: Path, machine: bytes, own: OwnWriter | None) -> Prepared:
    """Makes a store ready to be used, under its lock.

    Raises:
        StoreRefused: it can't be used, or its marker can't be written.
    """
    connection = open_writer(path)
    try:
        migrate(connection)
        with sqlite_errors("opening the store"):
            return _prepare(connection, path, marker_path, machine, own)
    except OSError as failed:
        raise StoreRefused(f"{marker_path} can't be written: {failed}") from failed
    finally:
        connection.close()


def _prepare(
    connection: sqlite3.Connection,
    path: Path,
    marker_path: Path,
    machine: bytes,
    own: OwnWriter | None,
) -> Prepared:
    found = connection.execute("SELECT value FROM properties WHERE name = 'generation'").fetchone()
    generation = bytes(found[0]) if found else _new_generation(connection)
    marked = read_marker(marker_path)
    ledger = Ledger(connection)

    def holds(log: bytes, seq: int, record: bytes) -> bool:
        row = ledger.log(log)
        if row is None or seq > row.state.head_seq:
            return False
        return ledger.held_ids(row, seq, seq) == [record]

    belonging = belonging_of(path, generation, machine)
    # A crash in the middle of the very first start leaves a generation without a marker.
    is_new = connection.execute("SELECT 1 FROM records LIMIT 1").fetchone() is None
    mismatch = judge(marked, belonging, is_new, holds)
    left = marked.left if isinstance(marked, Marked) else {}
    if mismatch is not None:
        connection.execute("BEGIN IMMEDIATE")
        if isinstance(marked, Marked):
            _take_over(ledger, marked, own)
        for row in ledger.own.all_open():
            place = left.get(row.id)
            last = None if place is None else Head(place.seq, RecordId(place.record))
            ledger.own.retire(row.id, mismatch.value, last)
        generation = _new_generation(connection)
        connection.execute(
            "INSERT OR REPLACE INTO properties VALUES (?, ?)", (RESTORED, mismatch.name)
        )
        connection.execute("COMMIT")
        belonging = belonging_of(path, generation, machine)
        left = {}
    kept = connection.execute("SELECT value FROM properties WHERE name = ?", (RESTORED,)).fetchone()
    restored = None if kept is None else Mismatch[kept[0]]
    return Prepared(generation, RestoreMarker(marker_path, belonging, left), mismatch, restored)


def forget_restoring(connection: sqlite3.Connection) -> None:
    """Notes that a store which was put back has been compared with its peers."""
    connection.execute("DELETE FROM properties WHERE name = ?", (RESTORED,))


def _take_over(ledger: Ledger, marked: Marked, own: OwnWriter | None) -> None:
    """Remembers logs that only the marker knows, so that new ones can name them."""
    for log, place in marked.left.items():
        if own is not None and ledger.own.find(log) is None:
            ledger.own.put(
                OwnLogRow(
                    id=LogId(log),
                    scope=ledger.scope(place.scope).number,
                    writer=own.key,
                    head=Head(place.seq, RecordId(place.record)),
                    clock=0,
                    identity=(),
                    retired="the store has lost it",
                )
            )


def _new_generation(connection: sqlite3.Connection) -> bytes:
    generation = secrets.token_bytes(GENERATION_BYTES)
    connection.execute("INSERT OR REPLACE INTO properties VALUES ('generation', ?)", (generation,))
    return generation
