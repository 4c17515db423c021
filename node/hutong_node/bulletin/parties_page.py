"""Organisations: all of them, one of them, and who does what where.

Owns the pages that are about organisations. What an organisation says of itself is its own claim
and stands apart from what it does, which is counted from signed records. Pages are in the order of
ids, which nobody chooses, and within a page by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from hutong_node.bulletin.amounts import grouped
from hutong_node.bulletin.desk import desk_of
from hutong_node.bulletin.fact_words import FactWords
from hutong_node.bulletin.filters import Filters
from hutong_node.bulletin.record_words import RecordWords, body_in_force
from hutong_node.bulletin.rows import place_codes, thing_rows
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.tables import what_it_does, who_by_place, who_by_topic
from hutong_node.bulletin.text_safety import NOTHING, Shown
from hutong_node.bulletin.views import OrgList, OrgPage, OrgRow, ThingRow, WhoPage
from hutong_node.listing import Role, State
from hutong_node.listing_values import Wanted
from hutong_protocol import taxonomy
from hutong_protocol.fold.versions import coded_text
from hutong_protocol.ids import IdKind, format_id

ORGANISATIONS: Final = 100
IN_MATRIX: Final = 40
_THINGS: Final = 10
_NOT_CLOSED: Final = (State.OPEN, State.COVERED, State.EXPIRED)
_LISTED: Final = (Role.NEED, Role.OFFER, Role.PROMISE, Role.DELIVER, Role.CHECK)
_CARD_LATER: Final = ("kind", "areas")


def organisations_page(glance: Glance) -> OrgList:
    """Organisations of which anything is held here."""
    orgs, following = _page_of_orgs(glance, ORGANISATIONS)
    rows = [_org_row(glance, org) for org in orgs]
    rows.sort(key=lambda row: (not row.is_own, row.ref.name.plain == "", row.ref.name.plain))
    start = glance.asked.org_after
    return OrgList(
        rows=tuple(rows),
        next=_following(glance, "/organisations", following),
        first=None if start is None else glance.address("/organisations"),
        empty=() if rows else glance.nothing("organisations"),
    )


def organisation_page(glance: Glance, org: bytes) -> OrgPage | None:
    """One organisation; None if nothing of it can be seen here."""
    tallies = glance.state.tallies(org=org)
    card = glance.card(org)
    is_own = org == glance.source.node.parts.identity.org
    if not tallies and not is_own:
        return None
    body = {} if card is None else body_in_force(card.record)
    words = RecordWords({}, "missing") if card is None else card.words
    kind = body.get("kind")
    facts = (
        [] if card is None else FactWords(glance, "org/1", words).fields(body, without=_CARD_LATER)
    )
    areas, more_areas = place_codes(glance, body.get("areas"))
    needs, offers = Filters(organisation=org, life="all"), Filters(organisation=org, life="all")
    return OrgPage(
        id=format_id(IdKind.ORG, org),
        ref=glance.org(org),
        names=tuple(_other_names(glance, words)),
        kind=NOTHING if kind is None else glance.words.label(taxonomy.ORG_KINDS, coded_text(kind)),
        is_own=is_own,
        has_card=card is not None,
        facts=tuple(facts),
        areas=areas,
        more_areas=more_areas,
        desk=desk_of(glance, org),
        note=words.text("note"),
        work=what_it_does(glance, org),
        needs=_things(glance, org, Role.NEED, _NOT_CLOSED),
        offers=_things(glance, org, Role.OFFER, _NOT_CLOSED),
        promised=_things(glance, org, Role.PROMISE, tuple(State)),
        all_needs=glance.address("/needs", needs),
        all_offers=glance.address("/offers", offers),
    )


def who_page(glance: Glance) -> WhoPage:
    """Who does what where, computed from records."""
    orgs, following = _page_of_orgs(glance, IN_MATRIX)
    glance.learn(orgs)
    orgs = sorted(orgs, key=lambda org: (glance.name(org).plain == "", glance.name(org).plain, org))
    claimed = {org: _claimed_topics(glance, org) for org in orgs}
    place = glance.asked.filters.place or ""
    return WhoPage(
        by_topic=who_by_topic(glance, orgs, claimed),
        by_place=who_by_place(glance, orgs, place),
        next=_following(glance, "/who", following),
        first=None if glance.asked.org_after is None else glance.address("/who"),
        empty=() if orgs else glance.nothing("organisations"),
    )


def _page_of_orgs(glance: Glance, most: int) -> tuple[list[bytes], bytes | None]:
    """Organisations of a page, and the one after which the next page begins."""
    found = glance.state.organisations(after=glance.asked.org_after or b"", orgs_max=most + 1)
    return found[:most], found[most - 1] if len(found) > most else None


def _following(glance: Glance, path: str, after: bytes | None) -> str | None:
    if after is None:
        return None
    return glance.address(path, start=format_id(IdKind.ORG, after))


def _org_row(glance: Glance, org: bytes) -> OrgRow:
    words = glance.words
    counts: Counter[Role] = Counter()
    for tally in glance.state.tallies(org=org):
        if tally.role not in (Role.NEED, Role.OFFER) or tally.state in _NOT_CLOSED:
            counts[tally.role] += tally.things
    card = glance.card(org)
    kind = None if card is None else body_in_force(card.record).get("kind")
    return OrgRow(
        ref=glance.org(org),
        kind=NOTHING if kind is None else words.label(taxonomy.ORG_KINDS, coded_text(kind)),
        is_own=org == glance.source.node.parts.identity.org,
        counts=tuple(grouped(counts[role]) for role in _LISTED),
    )


def _things(
    glance: Glance, org: bytes, role: Role, states: Sequence[State]
) -> tuple[ThingRow, ...]:
    wanted = Wanted(role, tuple(states), org=org)
    page = glance.state.page(wanted, after=None, rows_max=_THINGS, per_party=_THINGS)
    numbers = [row.thing for row in page.rows]
    rows = thing_rows(glance, numbers)
    return tuple(rows[number] for number in numbers if number in rows)


def _claimed_topics(glance: Glance, org: bytes) -> set[str]:
    card = glance.card(org)
    topics: Any = None if card is None else body_in_force(card.record).get("topics")
    return set(topics) if isinstance(topics, list) else set()


def _other_names(glance: Glance, words: RecordWords) -> list[Shown]:
    """The title and names of a card but the one that the page is headed with."""
    found = [words.text("title")]
    found += [words.of(name) for name in words.fields.get("names", {}).values()]
    return [name for name in dict.fromkeys(found) if name][1:]
