"""What this node remembers of rows that came in: their keys, runs, and drafts that wait unsigned.

Owns the values that are kept at home beside a row, and the names of requests that must not be
carried out twice; runs, rows and drafts have modules of their own, and `Intake` is all of them over
one pair of private files (`intake_file`). What to do with a row is decided in `importing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hutong_node.intake_file import KEPT_FILE
from hutong_node.intake_queue import DraftFilter, DraftMark, DraftState, QueuedDraft, QueueNotes
from hutong_node.intake_rows import RowNotes, RowState
from hutong_node.intake_runs import RUN_IDLE_MS, RunNote, RunNotes, RunRefused

__all__: Final = [
    "KEPT_FILE",
    "RUN_IDLE_MS",
    "DraftFilter",
    "DraftMark",
    "DraftState",
    "Intake",
    "QueuedDraft",
    "RowState",
    "RunNote",
    "RunRefused",
]


class Intake(RunNotes, RowNotes, QueueNotes):
    """The notes about rows and waiting drafts, in two private files."""

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
