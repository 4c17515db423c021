"""Incidents: all of them, and one with what is open in it. Totals of two never mix."""

from __future__ import annotations

from collections import Counter
from typing import Final

from hutong_node.bulletin.amounts import grouped
from hutong_node.bulletin.fact_words import FactWords
from hutong_node.bulletin.filters import Filters, position_text
from hutong_node.bulletin.record_words import body_in_force, words_of
from hutong_node.bulletin.rows import thing_rows, title_of
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.tables import topics_table
from hutong_node.bulletin.views import IncidentList, IncidentPage, IncidentRow
from hutong_node.listing import Role, State
from hutong_node.listing_values import Wanted
from hutong_node.store.interface import StoredRecord
from hutong_protocol.fold import ThingView
from hutong_protocol.fold.versions import time_of
from hutong_protocol.ids import IdKind, RecordId, format_id

ROWS: Final = 40
_PER_ORGANISATION: Final = 10
_THINGS: Final = 20


def incidents_page(glance: Glance) -> IncidentList:
    """Incidents, the latest first."""
    rows, after = incident_rows(glance, ROWS)
    following = None
    if after is not None:
        following = glance.address("/incidents", after=after)
    return IncidentList(
        rows=rows,
        next=following,
        first=None if glance.asked.after is None else glance.address("/incidents"),
        empty=() if rows else glance.nothing("incidents"),
    )


def incident_rows(glance: Glance, rows_max: int) -> tuple[tuple[IncidentRow, ...], str | None]:
    """Incidents of a page, and where the next page begins."""
    page = glance.state.page(
        Wanted(Role.INCIDENT, tuple(State)),
        after=glance.asked.after,
        rows_max=rows_max,
        per_party=_PER_ORGANISATION,
    )
    numbers = [row.thing for row in page.rows]
    things = glance.state.things(numbers)
    revisions = {
        number: RecordId(thing.basis.thing.revision)
        for number, thing in things.items()
        if thing.basis.thing is not None
    }
    records = glance.records(revisions.values())
    rows = []
    for number in numbers:
        view = glance.view(things[number]) if number in things else None
        if view is not None:
            rows.append(_row(glance, view, records.get(revisions[number])))
    return tuple(rows), None if page.after is None else position_text(page.after)


def incident_page(glance: Glance, identifier: bytes) -> IncidentPage | None:
    """One incident; None if it can't be seen here."""
    stored = glance.state.thing(identifier)
    view = None if stored is None else glance.view(stored)
    if view is None or view.thing.type != "incident/1":
        return None
    return _page(glance, view)


def _page(glance: Glance, view: ThingView) -> IncidentPage:
    words = glance.words
    identifier = view.key.id
    record = glance.records([view.thing.revision]).get(RecordId(view.thing.revision))
    said, body = words_of(record), body_in_force(record)
    tallies = glance.state.tallies(incident=identifier.hex())
    page = glance.state.page(
        Wanted(Role.NEED, incident=identifier.hex()),
        after=None,
        rows_max=_THINGS,
        per_party=_PER_ORGANISATION,
    )
    numbers = [row.thing for row in page.rows]
    rows = thing_rows(glance, numbers)
    return IncidentPage(
        id=format_id(IdKind.RECORD, identifier),
        row=_row(glance, view, record),
        names=tuple(
            name for value in said.fields.get("names", {}).values() if (name := said.of(value))
        ),
        facts=tuple(FactWords(glance, "incident/1", said).fields(body)),
        note=said.text("note"),
        topics=topics_table(glance, tallies, words("incidents.topics"), identifier),
        needs=tuple(rows[number] for number in numbers if number in rows),
        needs_href=glance.address("/needs", Filters(incident=identifier)),
        offers_href=glance.address("/offers", Filters(incident=identifier)),
    )


def _row(glance: Glance, view: ThingView, record: StoredRecord | None) -> IncidentRow:
    body = body_in_force(record)
    counts: Counter[tuple[Role, State]] = Counter()
    for tally in glance.state.tallies(incident=view.key.id.hex()):
        counts[tally.role, tally.state] += tally.things
    return IncidentRow(
        href=glance.address(glance.thing_path("incident/1", view.key.id)),
        title=title_of(glance, words_of(record)),
        start=glance.time(time_of(dict(body), "start")),
        life=glance.axis("life", view.life),
        author=glance.org(view.thing.author),
        open_needs=grouped(counts[Role.NEED, State.OPEN]),
        offers=grouped(counts[Role.OFFER, State.OPEN] + counts[Role.OFFER, State.COVERED]),
    )
