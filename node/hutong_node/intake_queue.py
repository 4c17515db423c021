"""Notes about drafts that wait unsigned for somebody to look at them.

Owns the state of a draft: waiting, then released, refused or dropped, once. With it go the marks at
which a person must look, and the version that it would replace. The number of a draft stands for
what a person saw under it: where there is more to look at, or another version to replace, it waits
on under a new one. A draft that no longer waits loses its content and its marks at once. What
deleting leaves in the file is removed by `remove_leftovers`: by whoever has finished a run or
decided about a draft, at the end, and at the next start if the process ended before it could.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from hutong_node.intake_file import IntakeFile
from hutong_node.intake_rows import RowState
from hutong_protocol.exchange import Scope

DraftState: TypeAlias = Literal["waiting", "released", "refused", "dropped"]


@dataclass(frozen=True, slots=True)
class DraftMark:
    """Something in a row at which a person must look: which cell, which field, what, in words."""

    cell: str
    field: str
    what: str
    words: str


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


@dataclass(frozen=True, slots=True)
class DraftFilter:
    """Which waiting drafts are wanted; None means any.

    `revises`: whether the row was published before. `marked`: whether there are marks.
    """

    source: str | None = None
    type: str | None = None
    revises: bool | None = None
    marked: bool | None = None


@dataclass(frozen=True, slots=True)
class WaitingCount:
    """How many drafts of a source wait, and how many of them have marks."""

    source: str
    waiting: int
    marked: int


_DRAFT: Final = (
    "drafts.id, drafts.source, drafts.key, drafts.label, drafts.type, drafts.space, drafts.topic,"
    " facts, text, drafts.digest, created_ms, state, reason"
)
_EMPTIED: Final = "facts = x'', text = x''"
_MARKED: Final = "EXISTS (SELECT 1 FROM kept.marks WHERE marks.draft = drafts.id)"
_REVISES: Final = (
    "EXISTS (SELECT 1 FROM import_rows AS r WHERE r.source = drafts.source"
    " AND r.key = drafts.key AND r.thing IS NOT NULL)"
)


class QueueNotes(IntakeFile):
    """What is remembered of drafts."""

    def queue_draft(
        self,
        row: RowState,
        facts: bytes,
        text: bytes,
        digest: bytes,
        now_ms: int,
        marks: Sequence[DraftMark] = (),
        base: bytes | None = None,
    ) -> int:
        """Lets a draft wait in place of an earlier one of the same row; returns its number.

        One that says the same as the waiting one leaves that where it is, with the newer marks, if
        these name nothing that was not marked before.

        Args:
            base: the version that the draft would replace, None for a new thing.
        """
        with self._writing() as execute:
            waiting = execute(
                "SELECT id, digest, base FROM kept.drafts LEFT JOIN kept.draft_bases ON draft = id"
                " WHERE source = ? AND key = ? AND state = 'waiting'",
                (row.source, row.key),
            ).fetchone()
            if waiting is not None and tuple(waiting[1:]) == (digest, base):
                number = int(waiting[0])
                if not _kinds(marks) - _kinds(self._marks(execute, number)):
                    self._set_marks(execute, number, marks)
                    return number
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
            number = int(found[0])
            self._set_marks(execute, number, marks)
            if base is not None:
                execute("INSERT INTO kept.draft_bases VALUES (?, ?)", (number, base))
            return number

    def base(self, number: int) -> bytes | None:
        """The version that a draft that waits would replace, as far as that was noted."""
        with self._reading() as execute:
            row = execute("SELECT base FROM kept.draft_bases WHERE draft = ?", (number,)).fetchone()
            return None if row is None else bytes(row[0])

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
                f" WHERE source = ?1 AND state = 'waiting' AND key IN ({unseen}) RETURNING id",
                (source, run, now_ms),
            ).fetchall()
            for (number,) in dropped:
                self._forget_marks(execute, number)
            forgotten = execute(
                "DELETE FROM kept.sensitive WHERE source = ?1 AND key IN"
                f" ({unseen} AND thing IS NULL)",
                (source, run),
            )
            if dropped or forgotten.rowcount:
                self._leftovers.note("kept")

    def draft(self, number: int) -> QueuedDraft | None:
        """A draft of any state."""
        with self._reading() as execute:
            row = execute(f"SELECT {_DRAFT} FROM kept.drafts WHERE id = ?", (number,)).fetchone()
            return None if row is None else _queued(row)

    def marks(self, number: int) -> list[DraftMark]:
        """The marks of a draft that waits, in the order in which they were made."""
        with self._reading() as execute:
            return self._marks(execute, number)

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

    def waiting_drafts(
        self, after: int, drafts_max: int, wanted: DraftFilter | None = None
    ) -> list[QueuedDraft]:
        """Drafts that wait, with numbers above `after`, oldest first."""
        where, given = _conditions(wanted or DraftFilter())
        with self._reading() as execute:
            return [
                _queued(row)
                for row in execute(
                    f"SELECT {_DRAFT} FROM kept.drafts WHERE state = 'waiting' AND id > ?{where}"
                    " ORDER BY id LIMIT ?",
                    (after, *given, drafts_max),
                )
            ]

    def waiting_numbers(self, wanted: DraftFilter, upto: int | None) -> list[int]:
        """The numbers of drafts that wait and pass, none above `upto`, oldest first."""
        where, given = _conditions(wanted)
        with self._reading() as execute:
            rows = execute(
                f"SELECT id FROM kept.drafts WHERE state = 'waiting' AND id <= ?{where}"
                " ORDER BY id",
                (2**63 - 1 if upto is None else upto, *given),
            )
            return [int(number) for (number,) in rows]

    def waiting_upto(self) -> int:
        """The highest number of a draft that waits, 0 if none does."""
        with self._reading() as execute:
            row = execute("SELECT max(id) FROM kept.drafts WHERE state = 'waiting'").fetchone()
            return int(row[0] or 0)

    def waiting_count(self) -> int:
        """How many drafts wait."""
        with self._reading() as execute:
            row = execute("SELECT count(*) FROM kept.drafts WHERE state = 'waiting'").fetchone()
            return int(row[0])

    def waiting_counts(self) -> list[WaitingCount]:
        """How many drafts wait of each source that has any, by its name."""
        with self._reading() as execute:
            rows = execute(
                f"SELECT source, count(*), sum({_MARKED}) FROM kept.drafts"
                " WHERE state = 'waiting' GROUP BY source ORDER BY source"
            )
            return [WaitingCount(*row) for row in rows]

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
                self._forget_marks(execute, number)
                self._leftovers.note("kept")
            return bool(changed.rowcount)

    def _drop_draft(self, execute: Any, source: str, key: str, now_ms: int) -> None:
        dropped = execute(
            f"UPDATE kept.drafts SET state = 'dropped', decided_ms = ?, {_EMPTIED}"
            " WHERE source = ? AND key = ? AND state = 'waiting' RETURNING id",
            (now_ms, source, key),
        ).fetchall()
        for (number,) in dropped:
            self._forget_marks(execute, number)
            self._leftovers.note("kept")

    def _forget_marks(self, execute: Any, number: int) -> None:
        self._set_marks(execute, number, ())
        execute("DELETE FROM kept.draft_bases WHERE draft = ?", (number,))

    @staticmethod
    def _marks(execute: Any, number: int) -> list[DraftMark]:
        rows = execute(
            "SELECT cell, field, what, words FROM kept.marks WHERE draft = ? ORDER BY place",
            (number,),
        )
        return [DraftMark(*row) for row in rows]

    @staticmethod
    def _set_marks(execute: Any, number: int, marks: Sequence[DraftMark]) -> None:
        execute("DELETE FROM kept.marks WHERE draft = ?", (number,))
        for place, mark in enumerate(marks):
            execute(
                "INSERT INTO kept.marks VALUES (?, ?, ?, ?, ?, ?)",
                (number, place, mark.cell, mark.field, mark.what, mark.words),
            )


def _kinds(marks: Iterable[DraftMark]) -> Counter[tuple[str, str]]:
    """What there is to look at, wherever its cells have moved to and in whatever words."""
    return Counter((mark.field, mark.what) for mark in marks)


def _conditions(wanted: DraftFilter) -> tuple[str, list[object]]:
    """What a filter adds to a WHERE, and the values for it."""
    where, given = "", list[object]()
    for column, value in (("source", wanted.source), ("type", wanted.type)):
        if value is not None:
            where += f" AND drafts.{column} = ?"
            given.append(value)
    for condition, asked in ((_REVISES, wanted.revises), (_MARKED, wanted.marked)):
        if asked is not None:
            where += f" AND {condition} = ?"
            given.append(int(asked))
    return where, given


def _queued(row: Sequence[Any]) -> QueuedDraft:
    number, source, key, label, type_name, space, topic, *rest = row
    return QueuedDraft(number, source, key, label, type_name, Scope(space, topic), *rest)
