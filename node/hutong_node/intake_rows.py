"""Notes about rows: which row of which source became which record, and what it said before.

Owns what is known of a row from one reading of its file to the next. A plan that is being carried
out is noted beside it, so that a crash signs nothing twice; its content is gone from the disk soon
after. What a row said earlier is kept as digests, by which an older copy of a file is recognised.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hutong_node.intake_file import IntakeFile
from hutong_protocol.exchange import Scope


@dataclass(frozen=True, slots=True)
class RowState:
    """What is known of one row. `pending` is a plan that may or may not have been carried out.

    `digest` is that of the content signed last, `run_digest` of what its latest run said.
    """

    source: str
    key: str
    label: str
    type: str
    scope: Scope
    run: int
    run_digest: bytes
    thing: bytes | None = None
    revision: bytes | None = None
    digest: bytes | None = None
    closure: bytes | None = None
    closed: bool = False
    pending: bytes | None = None


_ROW = (
    "source, key, label, type, space, topic, run, run_digest, thing, revision, digest, closure,"
    " closed, pending"
)


class RowNotes(IntakeFile):
    """What is remembered of rows."""

    def rows(self, source: str, keys: Iterable[str]) -> dict[str, RowState]:
        """What is known of these keys."""
        found = {}
        with self._reading() as execute:
            for key in set(keys):
                for row in execute(
                    f"SELECT {_ROW} FROM import_rows WHERE source = ? AND key = ?", (source, key)
                ):
                    found[key] = _row_state(row)
        return found

    def put_rows(self, rows: Sequence[RowState]) -> None:
        """Keeps what is known of rows, all or none."""
        with self._writing() as execute:
            if any(row.pending is not None for row in rows):
                self._leftovers.note("main")  # plans hold content, and are gone in a moment
            for row in rows:
                execute(
                    f"INSERT OR REPLACE INTO import_rows ({_ROW})"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(row.source, row.key, row.label, row.type, *row.scope, row.run),
                        *(row.run_digest, row.thing, row.revision, row.digest, row.closure),
                        *(int(row.closed), row.pending),
                    ),
                )
                if row.run_digest:
                    execute(
                        "INSERT INTO row_contents VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                        " SET run = excluded.run WHERE run < excluded.run",
                        (row.source, row.key, row.run_digest, row.run),
                    )

    def rename_rows(self, source: str, renamed: Sequence[tuple[str, str]]) -> None:
        """Lets rows go on under other keys: pairs of the old key and the new one.

        A row that has one of the new keys and is given no other loses it, and waits for its own
        row under a key that no file has.
        """
        moves = dict(renamed)
        with self._writing() as execute:
            for new in moves.values():
                if new not in moves:
                    _move(execute, source, new, f"(moved) {secrets.token_hex(8)}")
            # All leave their keys before any takes its new one: rows may have swapped them.
            between = {old: f"(moving) {secrets.token_hex(8)}" for old in moves}
            for old, place in between.items():
                _move(execute, source, old, place)
            for old, new in moves.items():
                _move(execute, source, between[old], new)

    def touch_rows(self, source: str, keys: Iterable[str], run: int) -> None:
        """Says that a run had these rows, though nothing could be done with them."""
        with self._writing() as execute:
            for key in keys:
                execute(
                    "UPDATE import_rows SET run = ?1, run_digest = x''"
                    " WHERE source = ?2 AND key = ?3 AND run <> ?1",
                    (run, source, key),
                )

    def said_before(self, source: str, key: str, digest: bytes) -> int | None:
        """The number of the last run in which a row said this."""
        with self._reading() as execute:
            row = execute(
                "SELECT run FROM row_contents WHERE source = ? AND key = ? AND digest = ?",
                (source, key, digest),
            ).fetchone()
            return None if row is None else int(row[0])

    def row_saying(self, source: str, digest: bytes) -> RowState | None:
        """A published, open row of a source whose latest content is this, whatever its key."""
        with self._reading() as execute:
            row = execute(
                f"SELECT {_ROW} FROM import_rows WHERE source = ? AND run_digest = ?"
                " AND thing IS NOT NULL AND NOT closed ORDER BY key LIMIT 1",
                (source, digest),
            ).fetchone()
            return None if row is None else _row_state(row)

    def pending_rows(self, source: str) -> list[RowState]:
        """Rows of a source with a plan of which nobody knows whether it was carried out."""
        with self._reading() as execute:
            return [
                _row_state(row)
                for row in execute(
                    f"SELECT {_ROW} FROM import_rows WHERE source = ? AND pending IS NOT NULL",
                    (source,),
                )
            ]

    def gone_rows(self, source: str, run: int) -> list[RowState]:
        """Open rows of a source that were published and that this run hasn't seen, by key."""
        with self._reading() as execute:
            return [
                _row_state(row)
                for row in execute(
                    f"SELECT {_ROW} FROM import_rows WHERE source = ? AND run <> ?"
                    " AND thing IS NOT NULL AND NOT closed ORDER BY key",
                    (source, run),
                )
            ]

    def open_count(self, source: str) -> int:
        """How many rows of a source are published and not closed."""
        with self._reading() as execute:
            row = execute(
                "SELECT count(*) FROM import_rows WHERE source = ? AND thing IS NOT NULL"
                " AND NOT closed",
                (source,),
            ).fetchone()
            return int(row[0])

    def rows_of_thing(self, thing: bytes) -> list[RowState]:
        """The rows, at most one of a source, that a thing was made of or taken over by."""
        with self._reading() as execute:
            return [
                _row_state(row)
                for row in execute(
                    f"SELECT {_ROW} FROM import_rows WHERE thing = ? ORDER BY run, source", (thing,)
                )
            ]

    def rows_listing(self, thing: bytes, source: str) -> list[RowState]:
        """The open rows of other sources whose last reading still has a thing.

        A row that only exports know is none: an export is no list of its own. Decision 0020.
        """
        with self._reading() as execute:
            return [
                _row_state(row)
                for row in execute(
                    f"SELECT {_ROW} FROM import_rows AS known WHERE thing = ? AND source <> ?"
                    " AND NOT closed"
                    " AND run NOT IN (SELECT number FROM import_exports)"
                    " AND run >= coalesce((SELECT max(number) FROM import_runs"
                    " WHERE source = known.source AND finished = 1), 0) ORDER BY source",
                    (thing, source),
                )
            ]

    def row_of_thing(self, thing: bytes) -> RowState | None:
        """The row that a thing was made of, if it was imported here."""
        return next(iter(self.rows_of_thing(thing)), None)


def _move(execute: Any, source: str, old: str, new: str) -> None:
    for table in ("import_rows", "row_contents", "kept.drafts", "kept.sensitive"):
        execute(f"UPDATE {table} SET key = ? WHERE source = ? AND key = ?", (new, source, old))


def _row_state(row: Sequence[Any]) -> RowState:
    source, key, label, type_name, space, topic, run, run_digest, *rest = row
    thing, revision, digest, closure, closed, pending = rest
    return RowState(
        *(source, key, label, type_name, Scope(space, topic), run, run_digest),
        *(thing, revision, digest, closure, bool(closed), pending),
    )
