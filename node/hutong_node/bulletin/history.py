"""Who said what when about a thing, and in whose log it stands.

Owns the history of one thing: every record about it that is held, also those that have no effect,
with the reason. Up to `WHOLE_MAX` records it is in the order of the times that authors claim;
longer ones are read page by page in the order in which this node stored them, without the standing
of each, which only all of them together would tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hutong_node.bulletin.fact_words import FactWords
from hutong_node.bulletin.record_words import facts_of, facts_state, words_of
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.text_safety import Shown, short_id
from hutong_node.bulletin.views import HistoryRow
from hutong_node.indexing import fold_record
from hutong_node.listing_values import StoredThing
from hutong_node.store.interface import StoredRecord
from hutong_protocol import fold
from hutong_protocol.fold import Standing
from hutong_protocol.ids import IdKind, RecordId, format_id
from hutong_protocol.schema import RECORD_TYPES

PAGE: Final = 50
WHOLE_MAX: Final = 400


def history_page(
    glance: Glance, stored: StoredThing, offset: int, lines: Mapping[str, Shown]
) -> tuple[HistoryRow, ...]:
    """At most `PAGE` records of a thing, after the first `offset`.

    Args:
        lines: what the lines of the thing are about, by their ids.
    """
    if stored.records > WHOLE_MAX:
        ids = glance.state.records_of(stored.thing, offset=offset, records_max=PAGE)
        found = glance.records(ids)
        part = [found[RecordId(each)] for each in ids if RecordId(each) in found]
        standings: Mapping[bytes, Standing] = {}
    else:
        ids = glance.state.records_of(stored.thing, offset=0, records_max=WHOLE_MAX)
        whole = list(glance.records(ids).values())
        standings = fold.standings_of([fold_record(record) for record in whole])
        # What it is all about comes first, whatever times others claim.
        first = stored.basis.key.id
        whole.sort(key=lambda each: (each.id != first, each.ts, each.clock, each.id))
        part = whole[offset : offset + PAGE]
    glance.learn(record.org for record in part)
    return tuple(_row(glance, record, standings.get(record.id), lines) for record in part)


def _row(
    glance: Glance, record: StoredRecord, standing: Standing | None, lines: Mapping[str, Shown]
) -> HistoryRow:
    words = words_of(record)
    name = record.type.rpartition("/")[0]
    known = record.type in RECORD_TYPES and glance.words.has(f"type.{name}")
    found = facts_of(record)
    details = []
    if found is not None:
        facts, of = found[1], record.type
        body = facts.get("body")
        if isinstance(body, dict):
            facts, of = body, str(facts["of"])
        say = FactWords(glance, of, words, lines)
        details = say.fields(facts, without=_BODY_LATER if of in _WHOLES else ())
    state = facts_state(record)
    counts = standing is None or standing is Standing.EFFECTIVE
    return HistoryRow(
        org=glance.org(record.org),
        when=glance.time(record.ts),
        what=glance.words(f"type.{name}" if known else "type.other"),
        details=tuple(details),
        note=words.text("note") or words.text("text"),
        standing="" if counts else glance.words(f"standing.{standing}"),
        words_state=_gone(glance, state, words.state),
        record=short_id(format_id(IdKind.RECORD, record.id)),
        log=short_id(format_id(IdKind.LOG, record.log)),
        seq=record.seq,
        writer=short_id(format_id(IdKind.WRITER, record.writer)),
    )


def _gone(glance: Glance, facts: str, words: str) -> str:
    """What is no longer, or not yet, there of a record."""
    for state in ("erased", "missing"):
        if facts == state:
            return glance.words(f"flag.facts_{state}")
        if words == state:
            return glance.words(f"text.{state}")
    return ""


_WHOLES: Final = frozenset({"need/1", "offer/1", "org/1", "incident/1"})
_BODY_LATER: Final = ("areas", "has", "lacks", "ext_ids", "topics", "facilitates")
"""What of a whole thing stands on its page already, at length."""
