"""The three states of parts: what came, what is missing, what was erased. Spec: 5.6, 5.7.

Owns the want-list of missing parts, parts that come late, and the effect of erase records. Erasing
overwrites salt and bytes in place; they are gone from the file and its log when the writer thread
has checkpointed, which `scrub_due` asks for and a property remembers over a crash. Late parts go to
a table of their own, since a row that grew would split its page and leave copies behind.

Whether an erase has an effect is decided by the core (`erasure`); the order in which an erase and
its target arrive makes no difference (hard case 48).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from hutong_node.store.sqlite.bulk import insert_rows
from hutong_node.store.sqlite.held import LogRow
from hutong_node.store.sqlite.record_ids import RecordIds
from hutong_node.store.sqlite.rows import (
    BODY_PARTS,
    STATE_BYTES,
    PartStates,
    fits,
    lengths_of,
    read_body,
    room_of,
)
from hutong_protocol.erasure import Erase, EraseTarget, effective_mask
from hutong_protocol.ids import RecordId
from hutong_protocol.record_ext import masks
from hutong_protocol.runs import CheckedRecord

SCRUB: Final = "scrub"
"""Property: erased bytes may still stand in the write-ahead log."""


class Parts:
    """The states of parts, as the one writer sees them."""

    def __init__(self, connection: sqlite3.Connection, ids: RecordIds) -> None:
        """Remembers nothing yet."""
        self._connection = connection
        self._ids = ids
        self._awaited: dict[int, set[bytes]] = {}
        self.scrub_due = False

    def forget(self) -> None:
        """Drops what is remembered of the tables."""
        self._awaited.clear()

    def awaited(self, scope: int) -> set[bytes]:
        """Targets of erases in a scope (by its number) that are not held yet; not to be changed."""
        known = self._awaited.get(scope)
        if known is None:
            found = self._connection.execute(
                "SELECT target FROM erasures WHERE scope = ? AND target_row IS NULL", (scope,)
            )
            known = self._awaited[scope] = {target for (target,) in found}
        return known

    def any_missing(self, scope: int) -> bool:
        """Whether any part of the scope (by its number) is missing."""
        found = self._connection.execute(
            "SELECT 1 FROM missing_parts WHERE scope = ? LIMIT 1", (scope,)
        ).fetchone()
        return found is not None

    def erased_on_arrival(self, log: LogRow, record: CheckedRecord) -> int:
        """The mask of parts that an erase which came before the record erases."""
        target = EraseTarget(record.id, log.owner, len(record.part_refs))
        erased = 0
        found = self._connection.execute(
            "SELECT l.id, e.mask FROM erasures AS e JOIN logs AS l USING (log)"
            " WHERE e.scope = ? AND e.target = ?",
            (log.scope.number, record.id),
        ).fetchall()
        for eraser_id, mask in found:
            erased |= effective_mask(self._erase(log, eraser_id, record.id, mask), target)
        return erased

    def arrived(self, scope: int, rows: Sequence[tuple[int, bytes]]) -> None:
        """Notes the rows of records that erases have waited for."""
        self._connection.executemany(
            "UPDATE erasures SET target_row = ? WHERE scope = ? AND target = ?",
            [(row, scope, target) for row, target in rows],
        )
        awaited = self.awaited(scope)
        awaited.difference_update(target for _, target in rows)

    def came_without(self, scope: int, missing: Iterable[tuple[bytes, int, int]]) -> None:
        """Puts (record id, row, mask) on the want-list."""
        values: list[Any] = []
        for identifier, row, mask in missing:
            values += (scope, identifier, row, mask)
        insert_rows(self._connection, "INTO missing_parts", "scope, id, row, mask", values)

    def take_erase(self, log: LogRow, row: int, record: CheckedRecord) -> None:
        """Keeps what an erase record says, and erases what it has an effect on."""
        targets = list(zip(map(RecordId, record.refs), masks(record.ext), strict=True))
        rows = self._ids.find(target for target, _ in targets)
        values: list[Any] = []
        for target, mask in targets:
            values += (log.scope.number, target, row, log.number, mask, rows.get(target))
        insert_rows(
            self._connection, "INTO erasures", "scope, target, row, log, mask, target_row", values
        )
        erase = Erase(log.owner, log.may_erase, tuple(targets))
        awaited = self.awaited(log.scope.number)
        for target, _ in targets:
            if target in rows:
                self._erase_held(log, rows[target], target, erase)
            else:
                awaited.add(target)

    def fill(self, log: LogRow, row: int, position: int, content: bytes) -> int:
        """Keeps a part (salt and bytes in one) that is missing; returns its bytes, 0 if not taken.

        Not taken is what doesn't fit its commit, is held already, or was erased.
        """
        body, states = self._read(row)
        if position >= len(body[BODY_PARTS]):
            return 0
        _, length, commit = body[BODY_PARTS][position]
        bit = 1 << position
        if not states.missing & bit or not fits(content, length, commit):
            return 0
        if states.room & bit:
            # It had come with the record and was found rotten: it goes back to its place.
            lengths = lengths_of(body)
            offset, _ = room_of(states, lengths, position)
            states = replace(states, here=states.here | bit)
            self._overwrite("records", row, ((offset, content), (0, states.encode())))
        else:
            states = replace(states, late=states.late | bit)
            self._put_late(row, position, content)
            self._overwrite("records", row, ((0, states.encode()),))
        self._changed(row, log.scope.number, ~bit)
        log.org.part_bytes += length
        return int(length)

    def mark_rotten(self, log: LogRow, record: bytes, row: int, position: int) -> bool:
        """Makes a part missing that doesn't fit its commit; False if it does fit. Spec: 6.6.3."""
        body, states = self._read(row)
        bit = 1 << position
        _, length, commit = body[BODY_PARTS][position]
        if not states.present & bit or fits(self._content(row, position), length, commit):
            return False
        states = replace(states, here=states.here & ~bit, late=states.late & ~bit)
        self._overwrite("records", row, ((0, states.encode()),))
        self._connection.execute(
            "INSERT INTO missing_parts (scope, id, row, mask) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET mask = mask | excluded.mask",
            (log.scope.number, record, row, bit),
        )
        self._connection.execute("INSERT INTO part_changes (row) VALUES (?)", (row,))
        log.org.part_bytes -= length
        return True

    def _erase_held(self, log: LogRow, row: int, target: RecordId, erase: Erase) -> None:
        found = self._connection.execute(
            "SELECT l.scope, l.org, l.writer FROM pieces AS p JOIN logs AS l USING (log)"
            " WHERE p.first_row <= ? ORDER BY p.first_row DESC LIMIT 1",
            (row,),
        ).fetchone()
        if found[:2] != (log.scope.number, log.org.number):
            return
        body, states = self._read(row)
        lengths = lengths_of(body)
        owner = log.owner._replace(writer=found[2])
        mask = effective_mask(erase, EraseTarget(target, owner, len(lengths))) & ~states.erased
        if not mask:
            return
        zeros = []
        for position, length in enumerate(lengths):
            if mask >> position & 1:
                if states.room >> position & 1:
                    offset, size = room_of(states, lengths, position)
                    zeros.append((offset, bytes(size)))
                self._zero_late(row, position)
                if states.present >> position & 1:
                    log.org.part_bytes -= length
        states = replace(
            states,
            here=states.here & ~mask,
            late=states.late & ~mask,
            erased=states.erased | mask,
        )
        self._overwrite("records", row, (*zeros, (0, states.encode())))
        self._changed(row, log.scope.number, ~mask)
        self._connection.execute("INSERT OR REPLACE INTO properties VALUES (?, 1)", (SCRUB,))
        self.scrub_due = True

    def _erase(self, log: LogRow, eraser_id: bytes, target: RecordId, mask: int) -> Erase:
        """What an erase record of another log says about one target."""
        row = self._connection.execute(
            "SELECT l.org, l.writer, l.delegation FROM logs AS l WHERE l.id = ?", (eraser_id,)
        ).fetchone()
        owner = log.owner._replace(writer=row[1])
        if row[0] != log.org.number or log.org.state is None:
            return Erase(owner, False, ())
        delegation = log.org.state.delegations.get(row[2])
        may_erase = delegation is not None and delegation.rights.erase
        return Erase(owner, may_erase, ((target, mask),))

    def _read(self, row: int) -> tuple[list[Any], PartStates]:
        body, blob = self._connection.execute(
            "SELECT body, substr(parts, 1, ?) FROM records WHERE row = ?", (STATE_BYTES, row)
        ).fetchone()
        return read_body(body), PartStates.read(blob)

    def _content(self, row: int, position: int) -> bytes:
        body, states = self._read(row)
        lengths = lengths_of(body)
        if states.here >> position & 1:
            offset, size = room_of(states, lengths, position)
            with self._connection.blobopen("records", "parts", row, readonly=True) as blob:
                blob.seek(offset)
                return blob.read(size)
        found = self._connection.execute(
            "SELECT content FROM late_parts WHERE row = ? AND position = ?", (row, position)
        ).fetchone()
        return found[0] if found is not None else b""

    def _put_late(self, row: int, position: int, content: bytes) -> None:
        number = self._late_number(row, position)
        if number is None:
            self._connection.execute(
                "INSERT INTO late_parts (row, position, content) VALUES (?, ?, ?)",
                (row, position, content),
            )
        else:
            self._overwrite("late_parts", number, ((0, content),))

    def _zero_late(self, row: int, position: int) -> None:
        number = self._late_number(row, position)
        if number is not None:
            with self._connection.blobopen("late_parts", "content", number) as blob:
                blob.write(bytes(len(blob)))

    def _late_number(self, row: int, position: int) -> int | None:
        found = self._connection.execute(
            "SELECT number FROM late_parts WHERE row = ? AND position = ?", (row, position)
        ).fetchone()
        return None if found is None else int(found[0])

    def _overwrite(self, table: str, row: int, pieces: Iterable[tuple[int, bytes]]) -> None:
        """Writes at offsets of a blob, in place: no byte of it moves to another page."""
        column = "parts" if table == "records" else "content"
        with self._connection.blobopen(table, column, row) as blob:
            for offset, content in pieces:
                blob.seek(offset)
                blob.write(content)

    def _changed(self, row: int, scope: int, keep: int) -> None:
        """Takes positions off the want-list, all but the bits of `keep`, and notes the change."""
        self._connection.execute("INSERT INTO part_changes (row) VALUES (?)", (row,))
        found = self._connection.execute(
            "SELECT m.mask & ?, m.id FROM missing_parts AS m JOIN records AS r USING (id)"
            " WHERE m.scope = ? AND r.row = ?",
            (keep, scope, row),
        ).fetchone()
        if found is None:
            return
        mask, identifier = found
        if mask:
            self._connection.execute(
                "UPDATE missing_parts SET mask = ? WHERE scope = ? AND id = ?",
                (mask, scope, identifier),
            )
        else:
            self._connection.execute(
                "DELETE FROM missing_parts WHERE scope = ? AND id = ?", (scope, identifier)
            )
