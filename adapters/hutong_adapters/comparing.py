"""Holds a file against what was last read of its source, before anything is signed.

Owns the reasons for which an import stops although every row could be used: a file that is given
twice, or was imported as another source; an older state of the file; a column that was there and is
gone; rows that vanish at once, since another sheet was taken or its key column was refilled. Each
can be meant. Then whoever imports says so, in the words that the message ends with, and for rows
that vanish with their number: a consent to something that nobody has counted is none.

What the node knows comes in as it was told (`SourceAnswer` of its API). Nothing is sent here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hutong_adapters.business_keys import content
from hutong_adapters.columns import column_text, shown_column
from hutong_adapters.drafted import Drafted
from hutong_adapters.interface import FileRefused
from hutong_adapters.planning import Plan
from hutong_adapters.row_ids import RESERVED

TWICE: Final = "same-file-twice"
COPY: Final = "copy-of-a-source"
OLDER: Final = "older-state"
COLUMNS: Final = "columns-gone"
VANISHED: Final = "rows-vanished"
ACCEPTED: Final = (TWICE, COPY, OLDER, COLUMNS, VANISHED)
"""What can be accepted although it stops an import."""

VANISHED_MIN: Final = 3
"""Fewer rows vanish from small sheets every day."""
OLDER_MIN: Final = 3
"""Fewer rows go back to what they said because somebody took an edit back."""


@dataclass(slots=True)
class Survey:
    """What the node would do with the rows, as it told. `known` are its open rows of the source."""

    plan: Plan
    known: Sequence[Mapping[str, Any]]
    rows: list[tuple[Drafted, Mapping[str, Any]]] = field(default_factory=list)

    def read(self, how: str) -> list[tuple[Drafted, Mapping[str, Any]]]:
        """The rows that compare in this way with the reading before."""
        return [(drafted, row) for drafted, row in self.rows if row.get("read") == how]

    def vanished(self) -> list[Mapping[str, Any]]:
        """The open rows of the source that the file doesn't have; an export is to have no row."""
        if self.plan.any_source:
            return []
        keys = {drafted.draft.key for drafted, _ in self.rows}
        things = {drafted.draft.thing for drafted, _ in self.rows}
        return [
            row
            for row in self.known
            if row["key"] not in keys
            and row["thing"] not in things
            and not self.plan.still_has(row["key"], row["thing"])
        ]


def state_digest(plan: Plan) -> str:
    """Equal for two plans whose rows have the same keys and say the same, in any order."""
    said = sorted(f"{each.draft.key} {_content_digest(each)}" for each in plan.drafts)
    return hashlib.sha256("\n".join(said).encode("ascii")).hexdigest()


def run_name(plan: Plan, drafts: Sequence[Drafted], *wish: object) -> str:
    """The first half of the name of a run: equal if the same rows are sent in the same order.

    An interrupted run of this name can go on behind the rows that were taken.
    """
    said = [plan.mapping.digest, *wish, [[e.draft.key, _content_digest(e)] for e in drafts]]
    return hashlib.sha256(json.dumps(said).encode("ascii")).hexdigest()[:32]


def columns_of(plan: Plan) -> list[str]:
    """The names of the columns of all files, as the node remembers them."""
    names = (column_text(column) for sheet in plan.sheets for column in sheet.columns)
    return list(dict.fromkeys(shown_column(name)[:300] for name in names))[:200]


def check_files(plan: Plan, accepted: Collection[str] = ()) -> None:
    """Stops where two of the files given have the same rows.

    Raises:
        FileRefused: with the names of both.
    """
    seen: dict[str, str] = {}
    for sheet in plan.sheets:
        rows = [dict(row.cells) for row in sheet.rows]
        if len(rows) < 2:
            continue
        hashed = hashlib.sha256(json.dumps(rows).encode("ascii")).hexdigest()
        if hashed in seen:
            rule = f"has the same rows as {seen[hashed]}"
            _stop(sheet.file, rule, TWICE, "give one of them", accepted)
        seen[hashed] = sheet.file


def check_source(
    plan: Plan, source: str, about: Mapping[str, Any], state: str, accepted: Collection[str]
) -> None:
    """Stops where the node has read this state before, or where columns are gone.

    Raises:
        FileRefused: with what was read when.
    """
    if not plan.drafts:
        return
    name = file_names(plan)
    last, same = about.get("last"), about.get("same")
    if same is None and about.get("elsewhere"):
        other = about["elsewhere"][0]
        rule = (
            f"was imported as the source {other['source']} at {other['at']}: as {source} every row"
            " would be published a second time"
        )
        _stop(name, rule, COPY, f"give --source {other['source']}", accepted)
    if last is None:
        return
    if same is not None and last["state"] != state:
        rule = (
            f"is an older state of the source {source}, imported at {same['at']}; a newer one was"
            f" imported at {last['at']}"
        )
        _stop(name, rule, OLDER, "take the newest file", accepted)
    reserved = {column_text(column) for column in RESERVED}
    used = {column_text(column[:1]) for column in plan.mapping.used_columns()} - reserved
    gone = [each for each in last["columns"] if each in used and each not in columns_of(plan)]
    if gone:
        names = ", ".join(f'"{each}"' for each in gone)
        rule = (
            f"no longer has {names}, which it had when the source was imported at {last['at']}:"
            " every row would lose what stood there"
        )
        _stop(name, rule, COLUMNS, "look whether it was renamed", accepted)


def check_rows(
    plan: Plan,
    survey: Survey,
    about: Mapping[str, Any],
    accepted: Collection[str],
    *,
    complete: bool,
) -> None:
    """Stops where too many rows vanish at once, come back under other keys, or go back in time.

    Raises:
        FileRefused: with the numbers.
    """
    name = file_names(plan)
    vanished = survey.vanished()
    # A row whose key can't be read may be one of those that seem to be gone.
    count = max(len(vanished) - plan.standing.unplaced, 0)
    columns = ", ".join(f'"{column_text(column)}"' for column in plan.mapping.key.columns)
    consent = f"{VANISHED}={len(vanished)}"
    gone = {row["key"] for row in vanished}
    moved = [drafted for drafted, row in survey.read("new") if row.get("same_as") in gone]
    if len(moved) >= VANISHED_MIN and 2 * len(moved) >= count:
        rule = (
            f"has {len(moved)} rows that say what rows known under other keys say, like"
            f" {moved[0].row.label}; they would be published a second time. Was {columns} refilled?"
        )
        _stop(name, rule, VANISHED, "bring their hutong_id along", accepted, consent)
    if complete and count >= VANISHED_MIN and 2 * count > len(survey.known):
        rule = (
            f"lacks {len(vanished)} of the {len(survey.known)} rows that are known, which would be"
            f" closed. Is it another sheet, or was {columns} renamed or refilled?"
        )
        last = about.get("last")
        if last is not None and last["mapping"] != plan.mapping.version_text:
            rule += f" The mapping is another one than then ({last['mapping']})"
        _stop(name, rule, VANISHED, "look at the file", accepted, consent)
    earlier = survey.read("earlier")
    if len(earlier) >= OLDER_MIN and not survey.read("changed") and not survey.read("new"):
        at = max(str(row.get("read_at") or "") for _, row in earlier)
        rule = (
            f"has {len(earlier)} rows that say again what they said at {at}, and none that says"
            " anything new: it looks like an older copy"
        )
        _stop(name, rule, OLDER, "take the newest file", accepted)


def file_names(plan: Plan) -> str:
    """The files of a plan, as a message begins with them."""
    names = list(dict.fromkeys(sheet.file for sheet in plan.sheets))
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _stop(
    name: str,
    rule: str,
    reason: str,
    way_out: str,
    accepted: Collection[str],
    consent: str | None = None,
) -> None:
    consent = consent or reason
    if consent not in accepted:
        words = f"{way_out}; if it is meant so, give --accept {consent}"
        raise FileRefused(name, rule, words, name=reason)


def _content_digest(drafted: Drafted) -> str:
    said = content(drafted.draft)
    return hashlib.sha256(said.encode("utf-8", errors="surrogatepass")).hexdigest()
