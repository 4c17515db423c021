"""Ids and cursors as people and programs give them.

Owns how such a text becomes bytes, and the refusals that say what to give instead. Whether there is
anything with an id is for whoever asks.
"""

from __future__ import annotations

from hutong_node.refusals import Code, Refused
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.ids import IdKind, parse_id_as


def id_of(kind: IdKind, text: str) -> bytes:
    """The id that stands in a text.

    Raises:
        Refused: BAD_ID.
    """
    try:
        return parse_id_as(kind, text)
    except ProtocolFault as fault:
        raise Refused(
            Code.BAD_ID,
            f"this is no id {kind.value}-... ({fault.detail})",
            way_out="copy the whole id: --json shows ids in full",
        ) from None


def cursor_of(after: str | None) -> bytes:
    """The record id that a cursor is; empty for none.

    Raises:
        Refused: BAD_CURSOR.
    """
    if after is None:
        return b""
    try:
        return parse_id_as(IdKind.RECORD, after)
    except ProtocolFault:
        raise bad_cursor() from None


def bad_cursor() -> Refused:
    """The refusal of a cursor that no page has given."""
    return Refused(
        Code.BAD_CURSOR,
        "this cursor was not given by this node",
        way_out="begin without `after`, then pass on what each page gives as `next`",
    )
