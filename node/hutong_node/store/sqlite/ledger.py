"""The writer's side of the tables: organisations, scopes, logs, and the records appended to them.

Owns the numbers that the store gives to organisations, scopes and logs, what is remembered of them
between operations, and `flush`, which brings heads, counters and the digest tree in step with what
an operation appended. It belongs to the writer thread, inside a transaction; after any rollback
`forget` drops what is remembered, so that memory never says more than the disk.

Which records are taken, and why not, is for `hutong_node.replica`. Spec: 5, 6.4.6, 7.5, 7.6.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from typing import Final

from hutong_node.store.sqlite.appending import COLUMNS, gather
from hutong_node.store.sqlite.bulk import insert_rows
from hutong_node.store.sqlite.connection import BUSY_TIMEOUT_MS
from hutong_node.store.sqlite.heads_tree import EMPTY_NODES, empty_root, update_tree
from hutong_node.store.sqlite.held import LogRow, OrgRow, ScopeRow
from hutong_node.store.sqlite.orgs import Orgs
from hutong_node.store.sqlite.own_logs import OwnLogs
from hutong_node.store.sqlite.parts import SCRUB, Parts
from hutong_node.store.sqlite.ranges import read_ids, read_range
from hutong_node.store.sqlite.record_ids import RecordIds
from hutong_node.store.sqlite.rows import build_header
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import LogId, OrgId, RecordId
from hutong_protocol.limits import RUN_RECORDS_MAX
from hutong_protocol.log_state import LogState
from hutong_protocol.records import open_info, parse_header
from hutong_protocol.runs import CheckedRecord

_SCRUB_WAIT_MS: Final = 100
"""How long readers are waited for; then it is tried again when the writer is idle."""
_LOGS_REMEMBERED: Final = 20_000
_SEAL_BYTES_MAX: Final = 524_288
"""Seals are thinned as long as no stretch between them is longer: as writers place them."""


class Ledger:
    """All tables, as the one writer sees them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Remembers nothing yet."""
        self.connection = connection
        self.orgs = Orgs(connection)
        self.ids = RecordIds(connection)
        self.parts = Parts(connection, self.ids)
        self.own = OwnLogs(connection)
        self._scopes: dict[Scope, ScopeRow] = {}
        self._logs: dict[bytes, LogRow] = {}
        self._changed_logs: dict[int, LogRow] = {}
        self._next_row = 0
        self._last_piece: tuple[int, int, int, int] | None = None

    def forget(self) -> None:
        """Drops what is remembered of the tables."""
        self.orgs.forget()
        self.ids.forget()
        self.parts.forget()
        self._scopes.clear()
        self._logs.clear()
        self._changed_logs.clear()
        self._next_row = 0
        self._last_piece = None

    def scope(self, scope: Scope) -> ScopeRow:
        """The row of a scope, made if there is none."""
        known = self._scopes.get(scope)
        if known is not None:
            return known
        found = self.connection.execute(
            "SELECT scope, counter, nodes FROM scopes WHERE space = ? AND topic = ?", scope
        ).fetchone()
        if found is None:
            cursor = self.connection.execute(
                "INSERT INTO scopes (space, topic, counter, root, nodes) VALUES (?, ?, 0, ?, ?)",
                (*scope, empty_root(scope), EMPTY_NODES),
            )
            assert cursor.lastrowid is not None
            found = (cursor.lastrowid, 0, EMPTY_NODES)
        known = self._scopes[scope] = ScopeRow(found[0], scope, found[1], found[2])
        return known

    def log(self, log: bytes) -> LogRow | None:
        """The row of a log, None if nothing of it is held."""
        known = self._logs.get(log)
        if known is None:
            found = self.connection.execute(
                "SELECT l.log, s.space, s.topic, o.id, l.head_seq, l.head, l.closed, l.erases"
                " FROM logs AS l JOIN scopes AS s USING (scope) JOIN orgs AS o USING (org)"
                " WHERE l.id = ?",
                (log,),
            ).fetchone()
            if found is None:
                return None
            known = self._load_log(log, *found)
            self._remember(known)
        return known

    def add_log(self, state: LogState, org: OrgRow) -> LogRow:
        """A new log, to which `append` gives its first records in the same operation."""
        scope = self.scope(Scope(state.open.space, state.open.topic))
        cursor = self.connection.execute(
            "INSERT INTO logs (id, scope, org, writer, delegation, head_seq, head, closed, erases,"
            " changed) VALUES (?, ?, ?, ?, ?, -1, ?, 0, 0, 0)",
            (state.log, scope.number, org.number, state.open.writer, state.open.delegation, b""),
        )
        assert cursor.lastrowid is not None
        self.orgs.add_to_scope(org, scope.number, scope.counter + 1)
        scope.touched.add(org.id)
        added = LogRow(cursor.lastrowid, state, scope, org, erases=False, seals=[])
        self._remember(added)
        return added

    def append(
        self,
        log: LogRow,
        records: Sequence[CheckedRecord],
        seals: Iterable[tuple[int, bytes]],
        state: LogState,
    ) -> None:
        """Keeps records after the head of a log.

        Args:
            records: at least one; the first follows the head, and all are checked.
            seals: seqs among those of the records, ascending, with verified signatures; the last is
                that of the last record.
            state: the log after them.
        """
        first_row = self._row_for(len(records))
        new = gather(log, records, first_row, self.parts)
        insert_rows(self.connection, "INTO records", COLUMNS, new.values)
        self._add_piece(log.number, records[0].seq, len(records), first_row)
        self._add_seals(log, records[0].seq, new.sizes, seals)
        if new.missing:
            self.parts.came_without(log.scope.number, new.missing)
        if new.arrived:
            self.parts.arrived(log.scope.number, new.arrived)
        for row, record in new.erases:
            log.erases = True
            self.parts.take_erase(log, row, record)
        log.state = state
        log.org.part_bytes += new.part_bytes
        log.scope.touched.add(log.id)
        clocks = log.scope.clocks
        clocks[log.org.number] = max(new.clock_max, clocks.get(log.org.number, 0))
        self._changed_logs[log.number] = log

    def held_ids(self, log: LogRow, first: int, last: int) -> list[bytes]:
        """The ids of the records of a log from seq `first` to `last`, both included."""
        return read_ids(self.connection, log.number, first, last)

    def has_seal(self, log: LogRow, seq: int, signature: bytes) -> bool:
        """Whether this very signature is kept for the record at `seq`."""
        found = self.connection.execute(
            "SELECT signature FROM seals WHERE log = ? AND seq = ?", (log.number, seq)
        ).fetchone()
        return found is not None and found[0] == signature

    def wanted_row(self, scope: Scope, record: bytes) -> tuple[LogRow, int] | None:
        """Log and row of a record of which a part is on the want-list of the scope."""
        found = self.connection.execute(
            "SELECT row FROM missing_parts WHERE scope = ? AND id = ?",
            (self.scope(scope).number, record),
        ).fetchone()
        if found is None or (place := self.log_of_row(found[0])) is None:
            return None
        return place[0], int(found[0])

    def log_of_row(self, row: int) -> tuple[LogRow, bytes] | None:
        """Log and record id of a row."""
        found = self.connection.execute(
            "SELECT l.id, r.id FROM records AS r JOIN pieces AS p ON p.first_row = ("
            " SELECT max(first_row) FROM pieces WHERE first_row <= r.row)"
            " JOIN logs AS l USING (log) WHERE r.row = ?",
            (row,),
        ).fetchone()
        if found is None or (log := self.log(found[0])) is None:
            return None
        return log, found[1]

    def clock_held(self, scope: ScopeRow, org: OrgRow) -> int:
        """The highest clock of the organisation's records in the scope, 0 if there are none."""
        found = self.connection.execute(
            "SELECT clock_max FROM scope_orgs WHERE scope = ? AND org = ?",
            (scope.number, org.number),
        ).fetchone()
        return max(found[0] if found else 0, scope.clocks.get(org.number, 0))

    def flush(self) -> None:
        """Brings heads, counters and the digest tree in step with what was appended."""
        for log in self._changed_logs.values():
            state = log.state
            self.connection.execute(
                "UPDATE logs SET head_seq = ?, head = ?, closed = ?, erases = ?, changed = ?"
                " WHERE log = ?",
                (
                    *(state.head_seq, state.head_id, state.closed, log.erases),
                    *(log.scope.counter + 1, log.number),
                ),
            )
        self._changed_logs.clear()
        for scope in [*self._scopes.values()]:
            if scope.touched:
                self._flush_scope(scope)
        self.orgs.flush()

    def set_hint(self, name: str, value: bytes | None) -> None:
        """Keeps a small value for the shell, or drops it."""
        if value is None:
            self.connection.execute("DELETE FROM hints WHERE name = ?", (name,))
        else:
            self.connection.execute("INSERT OR REPLACE INTO hints VALUES (?, ?)", (name, value))

    def resume_scrub(self) -> None:
        """At the start: finishes what a process that ended early had begun to erase."""
        found = self.connection.execute(
            "SELECT 1 FROM properties WHERE name = ?", (SCRUB,)
        ).fetchone()
        self.parts.scrub_due = found is not None
        self.scrub()

    def scrub(self) -> None:
        """After a commit: makes what was erased disappear from the write-ahead log as well.

        A reader in the middle of something keeps the log alive; then `tidy` tries again, and a
        property remembers it if the process ends first.
        """
        if not self.parts.scrub_due:
            return
        execute = self.connection.execute
        execute(f"PRAGMA busy_timeout = {_SCRUB_WAIT_MS}").fetchall()
        busy, _, _ = execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}").fetchall()
        if not busy:
            self.connection.execute("DELETE FROM properties WHERE name = ?", (SCRUB,))
            self.parts.scrub_due = False

    def tidy(self) -> bool:
        """A piece of housekeeping outside a transaction; True if there is more to do."""
        self.scrub()
        more = self._fill_ids()
        if not more and not self.parts.scrub_due:
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return more or self.parts.scrub_due

    def after_commit(self) -> None:
        """What can't wait until the writer is idle: erased bytes, and an index far behind."""
        self.scrub()
        if self._next_row and self.ids.is_far_behind(self._next_row - 1):
            self._fill_ids()

    def _fill_ids(self) -> bool:
        self.connection.execute("BEGIN IMMEDIATE")
        more = self.ids.fill()
        self.connection.execute("COMMIT")
        return more

    def identity_changed(self, org: OrgRow) -> None:
        """Notes that the digest of an organisation's identity is another than before."""
        found = self.connection.execute(
            "SELECT s.space, s.topic FROM scope_orgs JOIN scopes AS s USING (scope) WHERE org = ?",
            (org.number,),
        ).fetchall()
        for space, topic in found:
            scope = self.scope(Scope(space, topic))
            self.connection.execute(
                "UPDATE scope_orgs SET digest = ?, changed = ? WHERE scope = ? AND org = ?",
                (org.digest, scope.counter + 1, scope.number, org.number),
            )
            scope.touched.add(org.id)

    def _flush_scope(self, scope: ScopeRow) -> None:
        nodes, root = update_tree(
            self.connection, scope.number, scope.scope, scope.nodes, scope.touched
        )
        counter = scope.counter + 1
        self.connection.execute(
            "UPDATE scopes SET counter = ?, root = ?, nodes = ? WHERE scope = ?",
            (counter, root, nodes, scope.number),
        )
        for org, clock in scope.clocks.items():
            self.connection.execute(
                "UPDATE scope_orgs SET clock_max = max(clock_max, ?) WHERE scope = ? AND org = ?",
                (clock, scope.number, org),
            )
        scope.counter, scope.nodes = counter, nodes
        scope.touched.clear()
        scope.clocks.clear()

    def _load_log(
        self,
        log: bytes,
        number: int,
        space: str,
        topic: str,
        org: bytes,
        head_seq: int,
        head: bytes,
        closed: int,
        erases: int,
    ) -> LogRow:
        [opened] = read_range(self.connection, number, 0, 0)
        header = build_header(opened.body, b"", 0, b"")
        seals = self.connection.execute(
            "SELECT seq, bytes FROM seals WHERE log = ? ORDER BY seq DESC LIMIT 2", (number,)
        ).fetchall()
        opened_info = open_info(parse_header(header))
        state = LogState(LogId(log), opened_info, head_seq, RecordId(head), bool(closed))
        return LogRow(
            number,
            state,
            self.scope(Scope(space, topic)),
            self.orgs.require(OrgId(org)),
            bool(erases),
            seals[::-1],
        )

    def _remember(self, log: LogRow) -> None:
        if len(self._logs) >= _LOGS_REMEMBERED:
            # Those changed by the running operation must stay the one object that stands for them.
            self._logs = {row.id: row for row in self._changed_logs.values()}
        self._logs[log.id] = log

    def _row_for(self, count: int) -> int:
        if not self._next_row:
            found = self.connection.execute("SELECT max(row) FROM records").fetchone()
            self._next_row = (found[0] or 0) + 1
        first = self._next_row
        self._next_row += count
        return first

    def _add_piece(self, log: int, first_seq: int, count: int, first_row: int) -> None:
        """One piece more, or a longer one where the last rows of the table continue this log."""
        last = self._last_piece
        if last is not None and last[0] == log and last[1] + last[2] == first_row:
            self.connection.execute(
                "UPDATE pieces SET records = records + ? WHERE first_row = ?", (count, last[1])
            )
            self._last_piece = (log, last[1], last[2] + count, last[3])
        else:
            self.connection.execute(
                "INSERT INTO pieces (first_row, log, first_seq, records) VALUES (?, ?, ?, ?)",
                (first_row, log, first_seq, count),
            )
            self._last_piece = (log, first_row, count, first_seq)

    def _add_seals(
        self, log: LogRow, first_seq: int, sizes: list[int], seals: Iterable[tuple[int, bytes]]
    ) -> None:
        """Keeps seals, dropping one that the next makes superfluous. Spec: 6.6.4."""
        counted = 0
        for seq, signature in seals:
            size = sizes[seq - first_seq] - counted
            counted += size
            before = log.seals[-2][0] if len(log.seals) > 1 else -1
            if log.seals and seq - before <= RUN_RECORDS_MAX:
                between, bytes_before = log.seals[-1]
                if size + bytes_before <= _SEAL_BYTES_MAX:
                    self.connection.execute(
                        "DELETE FROM seals WHERE log = ? AND seq = ?", (log.number, between)
                    )
                    size += bytes_before
                    log.seals.pop()
            self.connection.execute(
                "INSERT INTO seals (log, seq, signature, checksum, bytes) VALUES (?, ?, ?, ?, ?)",
                (log.number, seq, signature, zlib.crc32(signature), size),
            )
            log.seals = [*log.seals[-1:], (seq, size)]
