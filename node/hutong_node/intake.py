"""What this node remembers of rows that came in: their keys, runs, and drafts that wait unsigned.

Owns `intake.db` and, beside it, `kept-at-home.db` with all that rows brought and nobody let out:
values that must not be signed, and the drafts. Both are for their owner only, neither is ever sent,
and no value of them reaches a log (threat 54). They are written as durably as records are: were a
key forgotten, its row would be published a second time.

A draft that no longer waits loses its content at once. What deleting leaves in the file is removed
by `remove_leftovers`: by whoever has finished a run or decided about a draft, at the end, and at
the next start if the process ended before it could.

Like the roster it is one connection behind a lock with short transactions; callers on the event
loop go through `asyncio.to_thread`. What to do with a row is decided in `importing`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from hutong_node.leftovers import Leftovers
from hutong_protocol.exchange import Scope

KEPT_FILE: Final = "kept-at-home.db"
RUN_IDLE_MS: Final = 60_000
"""A run that sent nothing for so long was interrupted: another one may begin."""

DraftState: TypeAlias = Literal["waiting", "released", "refused", "dropped"]


class RunRefused(Exception):
    """A chunk can't belong to the run that it names; the message says why."""


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


@dataclass(frozen=True, slots=True)
class QueuedDraft:
    """A draft in the queue; `facts` and `text` are encoded maps, empty once it no longer waits."""

    id: int
    source: str
    key: str
    label: str
    type: str
    scope: Scope
    facts: bytes
    text: bytes
    digest: bytes
    created_ms: int
    state: DraftState
    reason: str | None = None


_ROW = (
    "source, key, label, type, space, topic, run, run_digest, thing, revision, digest, closure,"
    " closed, pending"
)
_DRAFT = (
    "id, source, key, label, type, space, topic, facts, text, digest, created_ms, state, reason"
)
_EMPTIED = "facts = x'', text = x''"


class Intake:
    """The notes about rows and waiting drafts, in two private files."""

    def __init__(self, path: Path) -> None:
        """Opens `path` and the file of kept values beside it, making them if need be."""
        kept = path.with_name(KEPT_FILE)
        for file in (path, kept):
            file.touch(mode=0o600)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("ATTACH DATABASE ? AS kept", (str(kept),))
        for name in ("main", "kept"):
            self._connection.execute(f"PRAGMA {name}.journal_mode=WAL")
            self._connection.execute(f"PRAGMA {name}.synchronous=FULL")
            self._connection.execute(f"PRAGMA {name}.secure_delete=ON")
        self._connection.executescript(
            (resources.files("hutong_node") / "intake.sql").read_text(encoding="utf-8")
        )
        self._leftovers = Leftovers(self._connection, ("main", "kept"))
        self._leftovers.remove()
        self._closed = False

    def close(self) -> None:
        """Closes the files; twice is the same as once."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._leftovers.remove()
                self._connection.close()

    def remove_leftovers(self, *, of_plans: bool = True) -> None:
        """Removes from the files and their logs what was deleted since the last time.

        Takes some 10 ms per MB when there is anything to remove, otherwise nothing.

        Args:
            of_plans: also those of plans that were carried out, in the larger file. Their content
                was signed; it can wait for the end of a run.
        """
        with self._lock:
            self._leftovers.remove(None if of_plans else ("kept",))

    # Runs

    def begin_run(self, source: str, run: str, mapping: str, now_ms: int) -> int:
        """The number of a run, new or going on.

        Raises:
            RunRefused: another run of the source is under way, or came after this one: its rows
                would be taken for gone.
        """
        with self._writing() as execute:
            latest = execute(
                "SELECT number, run, finished, touched_ms FROM import_runs WHERE source = ?"
                " ORDER BY number DESC LIMIT 1",
                (source,),
            ).fetchone()
            if latest is not None and latest[1] == run:
                execute(
                    "UPDATE import_runs SET touched_ms = ? WHERE number = ?", (now_ms, latest[0])
                )
                return int(latest[0])
            if latest is not None:
                known = execute(
                    "SELECT 1 FROM import_runs WHERE source = ? AND run = ?", (source, run)
                ).fetchone()
                if known is not None:
                    raise RunRefused("another run of this source began after this one")
                if not latest[2] and 0 <= now_ms - latest[3] < RUN_IDLE_MS:
                    raise RunRefused("another run of this source is under way")
            row = execute(
                "INSERT INTO import_runs (source, run, mapping, touched_ms, finished, rows)"
                " VALUES (?, ?, ?, ?, 0, 0) RETURNING number",
                (source, run, mapping, now_ms),
            ).fetchone()
            return int(row[0])

    def add_seen(self, run: int, rows: int) -> int:
        """Counts rows of a run; returns how many it has seen by now."""
        with self._writing() as execute:
            found = execute(
                "UPDATE import_runs SET rows = rows + ? WHERE number = ? RETURNING rows",
                (rows, run),
            ).fetchone()
            return int(found[0])

    def finish_run(self, run: int) -> None:
        """Says that the last chunk of a run was dealt with."""
        with self._writing() as execute:
            execute("UPDATE import_runs SET finished = 1 WHERE number = ?", (run,))

    # Rows

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

    def row_of_thing(self, thing: bytes) -> RowState | None:
        """The row that a thing was made of, if it was imported here."""
        with self._reading() as execute:
            row = execute(f"SELECT {_ROW} FROM import_rows WHERE thing = ?", (thing,)).fetchone()
            return None if row is None else _row_state(row)

    # Drafts that wait

    def queue_draft(
        self, row: RowState, facts: bytes, text: bytes, digest: bytes, now_ms: int
    ) -> int:
        """Lets a draft wait in place of an earlier one of the same row; returns its number."""
        with self._writing() as execute:
            waiting = execute(
                "SELECT id, digest FROM kept.drafts"
                " WHERE source = ? AND key = ? AND state = 'waiting'",
                (row.source, row.key),
            ).fetchone()
            if waiting is not None and waiting[1] == digest:
                return int(waiting[0])
            self._drop_draft(execute, row.source, row.key, now_ms)
            found = execute(
                "INSERT INTO kept.drafts (source, key, label, type, space, topic, facts, text,"
                " digest, created_ms, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting')"
                " RETURNING id",
                (
                    *(row.source, row.key, row.label, row.type, *row.scope),
                    *(facts, text, digest, now_ms),
                ),
            ).fetchone()
            return int(found[0])

    def drop_drafts(self, source: str, keys: Iterable[str], now_ms: int) -> None:
        """Takes drafts out of the queue whose rows no longer ask for them."""
        with self._writing() as execute:
            for key in keys:
                self._drop_draft(execute, source, key, now_ms)

    def drop_unseen_drafts(self, source: str, run: int, now_ms: int) -> None:
        """Takes drafts out of the queue whose rows a complete run didn't have."""
        with self._writing() as execute:
            unseen = "SELECT key FROM import_rows WHERE source = ?1 AND run <> ?2"
            dropped = execute(
                f"UPDATE kept.drafts SET state = 'dropped', decided_ms = ?3, {_EMPTIED}"
                f" WHERE source = ?1 AND state = 'waiting' AND key IN ({unseen})",
                (source, run, now_ms),
            )
            forgotten = execute(
                "DELETE FROM kept.sensitive WHERE source = ?1 AND key IN"
                f" ({unseen} AND thing IS NULL)",
                (source, run),
            )
            if dropped.rowcount or forgotten.rowcount:
                self._leftovers.note("kept")

    def draft(self, number: int) -> QueuedDraft | None:
        """A draft of any state."""
        with self._reading() as execute:
            row = execute(f"SELECT {_DRAFT} FROM kept.drafts WHERE id = ?", (number,)).fetchone()
            return None if row is None else _queued(row)

    def latest_drafts(self, source: str, keys: Iterable[str]) -> dict[str, QueuedDraft]:
        """The newest draft of each of these keys that was not dropped."""
        found = {}
        with self._reading() as execute:
            for key in set(keys):
                for row in execute(
                    f"SELECT {_DRAFT} FROM kept.drafts WHERE source = ? AND key = ?"
                    " AND state <> 'dropped' ORDER BY id DESC LIMIT 1",
                    (source, key),
                ):
                    found[key] = _queued(row)
        return found

    def waiting_drafts(self, after: int, drafts_max: int) -> list[QueuedDraft]:
        """Drafts that wait, with numbers above `after`, oldest first."""
        with self._reading() as execute:
            return [
                _queued(row)
                for row in execute(
                    f"SELECT {_DRAFT} FROM kept.drafts WHERE state = 'waiting' AND id > ?"
                    " ORDER BY id LIMIT ?",
                    (after, drafts_max),
                )
            ]

    def waiting_count(self) -> int:
        """How many drafts wait."""
        with self._reading() as execute:
            row = execute("SELECT count(*) FROM kept.drafts WHERE state = 'waiting'").fetchone()
            return int(row[0])

    def decide_draft(
        self,
        number: int,
        state: DraftState,
        now_ms: int,
        *,
        reason: str | None = None,
        method: str | None = None,
        checker: str | None = None,
    ) -> bool:
        """Notes what somebody decided, and forgets the content; False if it was decided before."""
        with self._writing() as execute:
            changed = execute(
                "UPDATE kept.drafts SET state = ?, decided_ms = ?, reason = ?, method = ?,"
                f" checker = ?, {_EMPTIED} WHERE id = ? AND state = 'waiting'",
                (state, now_ms, reason, method, checker, number),
            )
            if changed.rowcount:
                self._leftovers.note("kept")
            return bool(changed.rowcount)

    # What stays at home

    def keep_at_home(self, source: str, values: Mapping[str, Mapping[str, str]]) -> None:
        """Keeps, by key, the values that these rows brought, in place of earlier ones."""
        with self._writing() as execute:
            for key, labelled in values.items():
                if self._kept(execute, source, key) == labelled:
                    continue
                self._forget_kept(execute, source, key)
                for label, value in labelled.items():
                    execute(
                        "INSERT INTO kept.sensitive VALUES (?, ?, ?, ?)",
                        (source, key, label, value),
                    )

    def kept_at_home(self, source: str, key: str) -> dict[str, str]:
        """The values that a row brought."""
        with self._reading() as execute:
            return self._kept(execute, source, key)

    def forget_kept(self, source: str, keys: Iterable[str]) -> None:
        """Deletes what these rows brought."""
        with self._writing() as execute:
            for key in keys:
                self._forget_kept(execute, source, key)

    # Idempotency keys

    def claim(self, requests: Mapping[str, bytes], now_ms: int) -> str | None:
        """Keeps what these names stand for; the first name that stands for something else.

        All or none are kept, and nothing changes for those known with the same digest.
        """
        with self._writing() as execute:
            for name, digest in requests.items():
                known = execute("SELECT digest FROM requests WHERE name = ?", (name,)).fetchone()
                if known is not None and known[0] != digest:
                    return name
            for name, digest in requests.items():
                execute("INSERT OR IGNORE INTO requests VALUES (?, ?, ?)", (name, digest, now_ms))
            return None

    def _drop_draft(self, execute: Any, source: str, key: str, now_ms: int) -> None:
        dropped = execute(
            f"UPDATE kept.drafts SET state = 'dropped', decided_ms = ?, {_EMPTIED}"
            " WHERE source = ? AND key = ? AND state = 'waiting'",
            (now_ms, source, key),
        )
        if dropped.rowcount:
            self._leftovers.note("kept")

    def _forget_kept(self, execute: Any, source: str, key: str) -> None:
        forgotten = execute(
            "DELETE FROM kept.sensitive WHERE source = ? AND key = ?", (source, key)
        )
        if forgotten.rowcount:
            self._leftovers.note("kept")

    @staticmethod
    def _kept(execute: Any, source: str, key: str) -> dict[str, str]:
        rows = execute(
            "SELECT label, value FROM kept.sensitive WHERE source = ? AND key = ? ORDER BY label",
            (source, key),
        )
        return {str(label): str(value) for label, value in rows}

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        with self._lock:
            yield self._connection.execute

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection.execute
            except BaseException:
                self._connection.execute("ROLLBACK")
                self._leftovers.rolled_back()
                raise
            self._connection.execute("COMMIT")


def _row_state(row: Sequence[Any]) -> RowState:
    source, key, label, type_name, space, topic, run, run_digest, *rest = row
    thing, revision, digest, closure, closed, pending = rest
    return RowState(
        *(source, key, label, type_name, Scope(space, topic), run, run_digest),
        *(thing, revision, digest, closure, bool(closed), pending),
    )


def _queued(row: Sequence[Any]) -> QueuedDraft:
    number, source, key, label, type_name, space, topic, *rest = row
    return QueuedDraft(number, source, key, label, type_name, Scope(space, topic), *rest)
