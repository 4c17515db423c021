"""Notes about runs: the readings of a file, how far each got, and what it was a reading of.

Owns which run of a source is under way. A run is known by a name that the program made up; it ends
with its last chunk, or pauses when the program was interrupted; a paused or silent run gives way to
another one. What a run was of is kept as a digest and the names of its columns, so that the next
reading can be held against it: the same file, an older one, or another one altogether.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hutong_node.intake_file import IntakeFile

RUN_IDLE_MS: Final = 60_000
"""A run that sent nothing for so long was interrupted: another one may begin."""
ELSEWHERE_MAX: Final = 8


class RunRefused(Exception):
    """A chunk can't belong to the run that it names; the message says why."""


@dataclass(frozen=True, slots=True)
class RunNote:
    """One reading of a source. `state` and `columns` are empty where nobody told them.

    `taken` rows, from the first on, were dealt with; `rows` counts those that were sent, some
    perhaps twice. `touched_ms` is when it was heard of last: for a finished one its end.
    """

    source: str
    number: int
    run: str
    mapping: str
    touched_ms: int
    finished: bool
    rows: int
    state: bytes = b""
    columns: tuple[str, ...] = ()
    taken: int = 0


_RUN = (
    "source, number, run, mapping, touched_ms, finished, rows, coalesce(state, x''),"
    " coalesce(columns, '[]'), coalesce(taken, 0)"
)
_RUNS = "import_runs LEFT JOIN import_files USING (number)"


class RunNotes(IntakeFile):
    """What is remembered of runs."""

    def begin_run(
        self,
        source: str,
        run: str,
        mapping: str,
        now_ms: int,
        *,
        state: bytes = b"",
        columns: Sequence[str] = (),
        newest: str | None = None,
        export: bool = False,
    ) -> int:
        """The number of a run, new or going on.

        Args:
            export: whether it is of a table made by an export.
            newest: what `newest` told when whoever begins this one looked.

        Raises:
            RunRefused: another run of the source is under way, or came after this one: its rows
                would be taken for gone. Or one came or went on since `newest`.
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
            if newest is not None and newest != self._newest(execute, source):
                raise RunRefused("another run of this source came since it was looked at")
            row = execute(
                "INSERT INTO import_runs (source, run, mapping, touched_ms, finished, rows)"
                " VALUES (?, ?, ?, ?, 0, 0) RETURNING number",
                (source, run, mapping, now_ms),
            ).fetchone()
            execute(
                "INSERT INTO import_files (number, state, columns, taken) VALUES (?, ?, ?, 0)",
                (row[0], state, json.dumps(list(columns), ensure_ascii=False)),
            )
            if export:
                execute("INSERT INTO import_exports (number) VALUES (?)", (row[0],))
            return int(row[0])

    def is_export(self, run: int) -> bool:
        """Whether a run read a table that was made by an export. Decision 0020."""
        with self._reading() as execute:
            found = execute("SELECT 1 FROM import_exports WHERE number = ?", (run,)).fetchone()
            return found is not None

    def newest(self, source: str) -> str:
        """Differs whenever a run of a source began, went on or ended."""
        with self._reading() as execute:
            return self._newest(execute, source)

    def add_seen(self, run: int, rows: int, first: int | None = None) -> int:
        """Counts rows of a run; returns how many it has seen by now.

        Args:
            first: the place of the first of these rows in the run. Where it follows on what was
                taken before, so do they: a chunk that is sent twice counts once.
        """
        with self._writing() as execute:
            found = execute(
                "UPDATE import_runs SET rows = rows + ? WHERE number = ? RETURNING rows",
                (rows, run),
            ).fetchone()
            if first is not None:
                execute(
                    "UPDATE import_files SET taken = ?1 + ?2 WHERE number = ?3"
                    " AND taken BETWEEN ?1 AND ?1 + ?2",
                    (first, rows, run),
                )
            return int(found[0])

    def finish_run(self, run: int, now_ms: int) -> None:
        """Says that the last chunk of a run was dealt with."""
        with self._writing() as execute:
            execute(
                "UPDATE import_runs SET finished = 1, touched_ms = ? WHERE number = ?",
                (now_ms, run),
            )

    def pause_run(self, run: int) -> None:
        """Lets another run begin at once, and this one go on if none did."""
        with self._writing() as execute:
            execute("UPDATE import_runs SET touched_ms = 0 WHERE number = ?", (run,))

    def latest_run(self, source: str, *, finished: bool) -> RunNote | None:
        """The newest run of a source, or the newest of those that ended."""
        return self._run(
            f"SELECT {_RUN} FROM {_RUNS} WHERE source = ? AND finished >= ?"
            " ORDER BY number DESC LIMIT 1",
            (source, int(finished)),
        )

    def run_with_state(self, source: str, state: bytes) -> RunNote | None:
        """The newest run of a source that ended and read just this."""
        return self._run(
            f"SELECT {_RUN} FROM {_RUNS} WHERE source = ? AND finished = 1 AND state = ?"
            " ORDER BY number DESC LIMIT 1",
            (source, state),
        )

    def runs_elsewhere(self, source: str, state: bytes) -> list[RunNote]:
        """Runs of other sources that ended and read just this, the newest of each source."""
        with self._reading() as execute:
            rows = execute(
                f"SELECT {_RUN}, max(number) FROM {_RUNS} WHERE source <> ? AND finished = 1"
                " AND state = ? GROUP BY source ORDER BY max(number) DESC LIMIT ?",
                (source, state, ELSEWHERE_MAX),
            )
            return [_run_note(row[:-1]) for row in rows]

    def run_time(self, number: int) -> int | None:
        """When a run was heard of last, in milliseconds."""
        with self._reading() as execute:
            row = execute(
                "SELECT touched_ms FROM import_runs WHERE number = ?", (number,)
            ).fetchone()
            return None if row is None else int(row[0])

    @staticmethod
    def _newest(execute: Any, source: str) -> str:
        row = execute(
            "SELECT number, finished, rows, touched_ms FROM import_runs WHERE source = ?"
            " ORDER BY number DESC LIMIT 1",
            (source,),
        ).fetchone()
        return "" if row is None else ".".join(map(str, row))

    def _run(self, question: str, given: Sequence[object]) -> RunNote | None:
        with self._reading() as execute:
            row = execute(question, given).fetchone()
            return None if row is None else _run_note(row)


def _run_note(row: Sequence[Any]) -> RunNote:
    source, number, run, mapping, touched_ms, finished, rows, state, columns, taken = row
    return RunNote(
        *(source, number, run, mapping, touched_ms, bool(finished), rows),
        *(state, tuple(json.loads(columns)), taken),
    )
