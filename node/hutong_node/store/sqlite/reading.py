"""What this node itself reads of its store: records, changes since a place, numbers. Reading only.

Owns the answers of `StoreMethods` that no session asks for, next to those that `Serving` gives.
Each record is rebuilt and compared with its id, each part with its commit, before anybody computes
with it. What the records mean is not known here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from hutong_node.store.interface import (
    Changes,
    ForkProof,
    OwnLog,
    PartState,
    StoredPart,
    StoredRecord,
    StoreStatus,
    Watermark,
)
from hutong_node.store.sqlite.forks import list_forks
from hutong_node.store.sqlite.own_logs import list_own_logs
from hutong_node.store.sqlite.ranges import Row, read_ids, read_range, read_rows
from hutong_node.store.sqlite.rows import PartStates, Rotten, build_header, fits, read_body
from hutong_node.store.sqlite.serving import Serving
from hutong_node.store.sqlite.shared import Shared
from hutong_node.store.sqlite.stored_runs import held_contents
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import LogId, OrgId, RecordId, WriterKey
from hutong_protocol.limits import SALT_BYTES
from hutong_protocol.records import record_id

_LOGS_REMEMBERED: Final = 20_000
_NEW_ROWS: Final = """
SELECT p.log, p.first_seq + r.row - p.first_row, r.row, r.id, r.body, r.parts
FROM records AS r JOIN pieces AS p
    ON p.first_row = (SELECT max(first_row) FROM pieces WHERE first_row <= r.row)
WHERE r.row > ? ORDER BY r.row LIMIT ?
"""


class _Log(NamedTuple):
    id: LogId
    scope: Scope
    org: OrgId
    writer: WriterKey


class Reading(Serving):
    """All reading methods of a store on one connection; one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, shared: Shared, path: Path) -> None:
        """`path` is that of the database, whose size is told."""
        super().__init__(connection, shared)
        self.connection = connection
        self._path = path
        self._logs: dict[int, _Log] = {}

    def scopes(self) -> list[Scope]:
        """As `StoreMethods.scopes`."""
        found = self._connection.execute(
            "SELECT space, topic FROM scopes WHERE scope IN (SELECT scope FROM scope_orgs)"
            " ORDER BY space, topic"
        )
        return [Scope(space, topic) for space, topic in found]

    def record(self, record: RecordId) -> StoredRecord | None:
        """As `StoreMethods.record`."""
        return self.records([record]).get(record)

    def records(self, records: Sequence[RecordId]) -> dict[RecordId, StoredRecord]:
        """As `StoreMethods.records`."""
        rows = self._recent.find(self._connection, records)
        found = self._stored(read_rows(self._connection, list(rows.values())), [])
        return {stored.id: stored for stored in found}

    def log_records(self, log: LogId, first_seq: int, records_max: int) -> list[StoredRecord]:
        """As `StoreMethods.log_records`."""
        found = self._connection.execute("SELECT log FROM logs WHERE id = ?", (log,)).fetchone()
        if found is None or records_max <= 0:
            return []
        last = first_seq + records_max - 1
        rows = read_range(self._connection, found[0], first_seq, last)
        return list(self._stored(((found[0], row) for row in rows), []))

    def records_after(self, watermark: Watermark, records_max: int) -> Changes:
        """As `StoreMethods.records_after`."""
        damaged: list[int] = []
        rows = [
            (log, Row(*row))
            for log, *row in self._connection.execute(
                _NEW_ROWS, (watermark.row, max(1, records_max))
            )
        ]
        more = len(rows) >= max(1, records_max)
        changes = self._connection.execute(
            "SELECT number, row FROM part_changes WHERE number > ? ORDER BY number LIMIT ?",
            (watermark.part_change, max(1, records_max)),
        ).fetchall()
        more = more or len(changes) >= max(1, records_max)
        altered = sorted({row for _, row in changes if row <= watermark.row})
        return Changes(
            new=tuple(self._stored(rows, damaged)),
            altered=tuple(self._stored(read_rows(self._connection, altered), damaged)),
            damaged=tuple(damaged),
            watermark=Watermark(
                rows[-1][1].row if rows else watermark.row,
                changes[-1][0] if changes else watermark.part_change,
            ),
            more=more,
        )

    def fork_proofs(self) -> list[ForkProof]:
        """As `StoreMethods.fork_proofs`."""
        return list_forks(self._connection)

    def own_logs(self) -> list[OwnLog]:
        """As `StoreMethods.own_logs`."""
        return list_own_logs(self._connection)

    def hint(self, name: str) -> bytes | None:
        """As `StoreMethods.hint`."""
        found = self._connection.execute(
            "SELECT value FROM hints WHERE name = ?", (name,)
        ).fetchone()
        return None if found is None else bytes(found[0])

    def status(self) -> StoreStatus:
        """As `StoreMethods.status`."""
        frozen = self._connection.execute("SELECT id FROM orgs WHERE frozen ORDER BY id")
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        return StoreStatus(
            generation=self._shared.epoch,
            records=self._count("SELECT ifnull(max(row), 0) FROM records"),
            logs=self._count("SELECT count(*) FROM logs"),
            orgs=self._count("SELECT count(*) FROM orgs"),
            missing_parts=self._count("SELECT count(*) FROM missing_parts"),
            forked_logs=self._count("SELECT count(DISTINCT log) FROM fork_proofs"),
            frozen_orgs=tuple(OrgId(org) for (org,) in frozen),
            damaged_logs=tuple(sorted(self._shared.damaged)),
            own_logs=tuple(self.own_logs()),
            disk_bytes=sum(file.stat().st_size for file in files if file.exists()),
        )

    def _count(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])

    def _stored(
        self, rows: Iterable[tuple[int, Row]], damaged: list[int]
    ) -> Iterator[StoredRecord]:
        """The records in rows, given with the numbers of their logs; collects those damaged."""
        before: dict[int, tuple[int, bytes]] = {}
        for log, row in rows:
            last = before.get(log)
            if row.seq == 0:
                prev = b""
            elif last is not None and last[0] == row.seq - 1:
                prev = last[1]
            else:
                [prev] = read_ids(self._connection, log, row.seq - 1, row.seq - 1)
            before[log] = (row.seq, row.id)
            try:
                yield self._record(self._log(log), row, prev)
            except Rotten:
                damaged.append(row.row)
                self._shared.damaged.add(self._log(log).id)

    def _record(self, log: _Log, row: Row, prev: bytes) -> StoredRecord:
        header = build_header(row.body, log.id, row.seq, prev)
        if record_id(header) != row.id:
            raise Rotten(f"header at seq {row.seq} does not give its id")
        kind, ts, clock, type_name, refs, parts, ext = read_body(row.body)
        return StoredRecord(
            row=row.row,
            id=RecordId(row.id),
            log=log.id,
            seq=row.seq,
            scope=log.scope,
            org=log.org,
            writer=log.writer,
            kind=kind,
            ts=ts,
            clock=clock,
            type=type_name,
            refs=tuple(refs),
            parts=self._stored_parts(row, parts),
            ext=ext,
            header=header,
        )

    def _stored_parts(
        self, row: Row, parts: list[tuple[int, int, bytes]]
    ) -> tuple[StoredPart, ...]:
        if not parts:
            return ()
        states = PartStates.read(row.parts)
        found = []
        contents = held_contents(self._connection, row)
        for position, ((role, length, commit), content) in enumerate(
            zip(parts, contents, strict=True)
        ):
            if content is not None and fits(content, length, commit):
                salt, data = content[:SALT_BYTES], content[SALT_BYTES:]
                state = PartState.PRESENT
            else:
                salt = data = b""
                is_erased = states.erased >> position & 1
                state = PartState.ERASED if is_erased else PartState.MISSING
                if content is not None:
                    self._shared.found_rot([(row.row, position)])
            found.append(StoredPart(role, length, commit, state, salt, data))
        return tuple(found)

    def _log(self, number: int) -> _Log:
        """What never changes about a log."""
        known = self._logs.get(number)
        if known is None:
            log, space, topic, org, writer = self._connection.execute(
                "SELECT l.id, s.space, s.topic, o.id, l.writer FROM logs AS l"
                " JOIN scopes AS s USING (scope) JOIN orgs AS o USING (org) WHERE l.log = ?",
                (number,),
            ).fetchone()
            if len(self._logs) >= _LOGS_REMEMBERED:
                self._logs.clear()
            known = self._logs[number] = _Log(
                LogId(log), Scope(space, topic), OrgId(org), WriterKey(writer)
            )
        return known
