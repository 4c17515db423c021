"""Which logs this node writes, and what it published under which name.

A log that is retired is never appended to again. Its last place is kept, so that the log which
takes over can name it; for a log that was given up because the store is an older copy that place
may be beyond what the store holds. Who retires a log and why is for `publishing`. Spec: 5.1.5.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

from hutong_node.store.interface import OwnLog, Publication
from hutong_protocol.exchange import Head, Scope
from hutong_protocol.hashing import HASH_BYTES
from hutong_protocol.ids import EventId, LogId, RecordId, WriterKey


@dataclass(frozen=True, slots=True)
class OwnLogRow:
    """An own log: its last record, the last clock and the identity heads written into it."""

    id: LogId
    scope: int
    writer: WriterKey
    head: Head
    clock: int
    identity: tuple[EventId, ...]
    retired: str | None


class OwnLogs:
    """The table of own logs; remembers nothing, since it is small."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Works in the transactions of this connection."""
        self._connection = connection

    def find(self, log: bytes) -> OwnLogRow | None:
        """The row of a log, None if it is not an own one."""
        rows = self._rows("WHERE id = ?", log)
        return rows[0] if rows else None

    def in_scope(self, scope: int, writer: WriterKey) -> list[OwnLogRow]:
        """All logs that this writer wrote in a scope (by its number)."""
        return self._rows("WHERE scope = ? AND writer = ?", scope, writer)

    def put(self, row: OwnLogRow) -> None:
        """Keeps a row, new or changed."""
        self._connection.execute(
            "INSERT INTO own_logs VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " seq = excluded.seq, head = excluded.head, clock = excluded.clock,"
            " identity = excluded.identity, retired = excluded.retired",
            (
                *(row.id, row.scope, row.writer, row.head.seq, row.head.record, row.clock),
                *(b"".join(row.identity), row.retired),
            ),
        )

    def retire(self, log: bytes, why: str, head: Head | None = None) -> bool:
        """Gives up a log; False if it was given up before, or is none of ours.

        Args:
            head: its last place, if that is known to be beyond the one kept.
        """
        row = self.find(log)
        if row is None or row.retired is not None:
            return False
        last = row.head if head is None else max(row.head, head)
        self.put(replace(row, retired=why, head=last))
        return True

    def all_open(self) -> list[OwnLogRow]:
        """Those that are not retired."""
        return self._rows("WHERE retired IS NULL")

    def publication(self, name: str) -> tuple[bytes, Publication] | None:
        """What was published under a name: the digest of the request, and the answer to it."""
        found = self._connection.execute(
            "SELECT request, log, first_seq, records FROM publications WHERE name = ?", (name,)
        ).fetchone()
        if found is None:
            return None
        request, log, first_seq, joined = found
        records = tuple(
            RecordId(joined[at : at + HASH_BYTES]) for at in range(0, len(joined), HASH_BYTES)
        )
        head = Head(first_seq + len(records) - 1, records[-1])
        return request, Publication(records, LogId(log), first_seq, head, again=True)

    def keep_publication(
        self, name: str, request: bytes, publication: Publication, now_ms: int
    ) -> None:
        """Remembers the answer to a request under a name."""
        self._connection.execute(
            "INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(name, request, publication.log, publication.first_seq),
                *(b"".join(publication.records), now_ms),
            ),
        )

    def _rows(self, where: str, *values: object) -> list[OwnLogRow]:
        found = self._connection.execute(
            "SELECT id, scope, writer, seq, head, clock, identity, retired FROM own_logs "
            + where
            + " ORDER BY seq, id",
            values,
        )
        return [
            OwnLogRow(
                *(log, scope, writer, Head(seq, RecordId(head)), clock),
                *(_ids(identity), retired),
            )
            for log, scope, writer, seq, head, clock, identity, retired in found
        ]


def _ids(joined: bytes) -> tuple[EventId, ...]:
    return tuple(EventId(joined[at : at + HASH_BYTES]) for at in range(0, len(joined), HASH_BYTES))


def list_own_logs(connection: sqlite3.Connection) -> list[OwnLog]:
    """All own logs for people, by scope."""
    found = connection.execute(
        "SELECT o.id, s.space, s.topic, o.seq, o.head, o.retired FROM own_logs AS o"
        " JOIN scopes AS s USING (scope) ORDER BY s.space, s.topic, o.retired IS NOT NULL, o.id"
    )
    return [
        OwnLog(LogId(log), Scope(space, topic), Head(seq, RecordId(head)), retired)
        for log, space, topic, seq, head, retired in found
    ]
