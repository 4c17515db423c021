"""Runs made of what is stored: rebuilt, compared with ids and commits, ending at a seal.

A seal was verified before it was stored; its checksum guards it against rot. A part that doesn't
fit its commit is left out and reported; where a header doesn't give its id the log ends for
readers, and is reported as damaged. Spec: 6.6.
"""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import dataclass
from typing import Final

from hutong_node.store.sqlite.ranges import Row, read_range
from hutong_node.store.sqlite.rows import (
    ONE_HERE,
    STATE_BYTES,
    PartStates,
    Rotten,
    build_header,
    read_parts,
)
from hutong_node.store.sqlite.shared import Shared
from hutong_protocol.exchange import Head
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.ids import LogId, RecordId
from hutong_protocol.limits import RUN_BYTES_MAX, RUN_RECORDS_MAX, SALT_BYTES
from hutong_protocol.records import record_id
from hutong_protocol.runs import (
    FittedRun,
    PartData,
    RunSource,
    encode_run_value,
    fit_run,
    run_bytes,
)

_SALT_END: Final = STATE_BYTES + SALT_BYTES


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run to be sent: its value, its last record, and its length in bytes, at most."""

    value: list[object]
    last: Head
    size: int


class StoredRuns:
    """Makes runs from one connection."""

    def __init__(self, connection: sqlite3.Connection, shared: Shared) -> None:
        """Reads from `connection`; reports rot to `shared`."""
        self._connection = connection
        self._shared = shared

    def fit(self, log: int, log_id: LogId, seq: int, room: int) -> StoredRun | None:
        """The longest run of a log from `seq` on that fits into `room` bytes, or the shortest.

        None if what is held can't be read, which is reported.
        """
        seals = self._seals(log, seq)
        if not seals:
            self._damaged(log_id)
            return None
        rows = list(read_range(self._connection, log, seq - 1, seals[-1][0]))
        before = rows.pop(0).id if seq > 0 else b""
        sources = self._sources(log_id, rows, before)
        ends = {last - seq + 1: signature for last, signature in seals}
        wanted = max(1, min(room, RUN_BYTES_MAX))
        for _ in range(2):
            ends = {end: signature for end, signature in ends.items() if end <= len(sources)}
            if not ends:
                break
            try:
                fitted = fit_run(seq, before, sources, sorted(ends), bytes_wanted=wanted)
                if fitted.last_id == rows[len(fitted.records) - 1].id:
                    return self._run(log_id, seq, before, rows, sources, fitted, ends)
            except ProtocolFault:
                pass
            # Something has rotted. What lies before it can still be sent.
            self._damaged(log_id)
            sources = sources[: _sound(rows, sources)]
        self._damaged(log_id)
        return None

    def _run(
        self,
        log_id: LogId,
        seq: int,
        before: bytes,
        rows: list[Row],
        sources: list[RunSource],
        fitted: FittedRun,
        ends: dict[int, bytes],
    ) -> StoredRun:
        count = len(fitted.records)
        if fitted.rotten:
            self._shared.found_rot([(rows[at].row, position) for at, position in fitted.rotten])
        last = rows[count - 1]
        return StoredRun(
            encode_run_value(log_id, seq, before, fitted.records, ends[count]),
            Head(last.seq, RecordId(last.id)),
            min(run_bytes(seq, sources[:count]), RUN_BYTES_MAX),
        )

    def _seals(self, log: int, seq: int) -> list[tuple[int, bytes]]:
        """Seqs and signatures of the seals in reach of a run from `seq` on."""
        found = self._connection.execute(
            "SELECT seq, signature, checksum FROM seals WHERE log = ? AND seq >= ? AND seq < ?"
            " ORDER BY seq",
            (log, seq, seq + RUN_RECORDS_MAX),
        )
        return [
            (last, signature)
            for last, signature, checksum in found
            if zlib.crc32(signature) == checksum
        ]

    def _sources(self, log_id: bytes, rows: list[Row], before: bytes) -> list[RunSource]:
        """What the rows hold, up to the first that can't be read."""
        sources: list[RunSource] = []
        for row in rows:
            try:
                header = build_header(row.body, log_id, row.seq, before)
                blob = row.parts
                if blob is not None and blob[:STATE_BYTES] == ONE_HERE:
                    # As `_parts`, which takes three times as long.
                    only = PartData(0, blob[STATE_BYTES:_SALT_END], blob[_SALT_END:])
                    sources.append(RunSource(header, (only,)))
                else:
                    sources.append(RunSource(header, self._parts(row)))
            except Rotten:
                break
            before = row.id
        return sources

    def _parts(self, row: Row) -> tuple[PartData | None, ...]:
        return tuple(
            # Roles stand in the header; nobody asks a stored part for its own.
            None if content is None else PartData(0, content[:SALT_BYTES], content[SALT_BYTES:])
            for content in held_contents(self._connection, row)
        )

    def _damaged(self, log_id: LogId) -> None:
        self._shared.damaged.add(log_id)


def _sound(rows: list[Row], sources: list[RunSource]) -> int:
    """How many records, from the first on, give their ids."""
    for count, (row, source) in enumerate(zip(rows, sources, strict=False)):
        if record_id(source.header) != row.id:
            return count
    return len(sources)


def held_contents(connection: sqlite3.Connection, row: Row) -> list[bytes | None]:
    """Salt and bytes, in one, of each part of a record, late ones included; None where not held.

    Commits are not looked at. Raises Rotten for a row that can't be read.
    """
    contents = read_parts(row.body, row.parts)
    if None in contents and row.parts is not None:
        late = PartStates.read(row.parts[:STATE_BYTES]).late
        if late:
            for position, content in connection.execute(
                "SELECT position, content FROM late_parts WHERE row = ?", (row.row,)
            ):
                if late >> position & 1:
                    contents[position] = content
    return contents
