"""The column `hutong_id`: a row that names its record itself.

Owns the two columns that are ours in anybody's table. `hutong_id` holds the id of the record that a
row became; whoever carries it along may rename, correct or refill every other column, keys too, and
the row is known all the same. `hutong_revision` says which version a row of an export shows. Both
are optional, an empty cell is a new row, and a mapping need not mention them.

Whether a record may be named is for the node to say; refused here is what the file alone shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from hutong_adapters.drafted import Drafted
from hutong_adapters.interface import Refusal
from hutong_adapters.plain_text import trimmed
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.ids import IdKind, parse_id_as

HUTONG_ID: Final = "hutong_id"
HUTONG_REVISION: Final = "hutong_revision"
RESERVED: Final = frozenset({(HUTONG_ID,), (HUTONG_REVISION,)})
"""Columns that no mapping has to mention."""


def identified(drafted: Drafted) -> Drafted | Refusal:
    """The draft with the record that its row names, if it names one."""
    ids: dict[str, str | None] = {}
    cells_of = dict(drafted.cells_of)
    for field, column in (("thing", HUTONG_ID), ("seen", HUTONG_REVISION)):
        cell = drafted.row.cells.get(column)
        text = trimmed(cell) if isinstance(cell, str) else ""
        ids[field] = text or None
        address = drafted.row.addresses.get(column)
        cells_of[field] = (f"{column} ({address})" if address else column,)
        if text and not _is_record(text):
            rule = "is no record id: rec- and 56 letters and digits, of which none may be changed"
            way_out = "copy it again from where it stood, or empty the cell for a new row"
            return Refusal(
                *(drafted.row.file, drafted.row.number, cells_of[field][0], rule, way_out, field)
            )
    if ids["thing"] is None:
        return drafted
    draft = replace(drafted.draft, thing=ids["thing"], seen=ids["seen"])
    return replace(drafted, draft=draft, cells_of=cells_of)


def settle_ids(drafts: Sequence[Drafted]) -> tuple[list[Drafted], list[Refusal]]:
    """The drafts without those whose id stands in several rows, and a refusal for each of these.

    A row that was copied in a spreadsheet brings its id along; which of them is the original only
    people know.
    """
    rows: dict[str, list[Drafted]] = {}
    for each in drafts:
        if each.draft.thing is not None:
            rows.setdefault(each.draft.thing, []).append(each)
    kept: list[Drafted] = []
    refused: list[Refusal] = []
    for each in drafts:
        group = rows.get(each.draft.thing or "", [each])
        if len(group) == 1:
            kept.append(each)
            continue
        others = ", ".join(other.row.label for other in group if other is not each)
        rule = f"is also that of {others}"
        refused.append(each.refusal("thing", rule, "empty it in the row that was copied"))
    return kept, refused


def in_sending_order(drafts: Sequence[Drafted]) -> list[Drafted]:
    """Rows that name their record first: a key that they left is free for the rows after them."""
    return sorted(drafts, key=lambda each: each.draft.thing is None)


def _is_record(text: str) -> bool:
    try:
        parse_id_as(IdKind.RECORD, text)
    except ProtocolFault:
        return False
    return True
