"""Tables of numbers: topics, places, and who does what where.

Owns the turning of the index's counts into rows and columns. A number leads to the list that it
counts. Nothing here is a sum of unlike things: needs are counted, not added up.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hutong_node.bulletin.amounts import grouped
from hutong_node.bulletin.filters import Filters, topic_text
from hutong_node.bulletin.record_words import words_of
from hutong_node.bulletin.rows import place_label
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.text_safety import NOTHING, Shown, has_personal, shown
from hutong_node.bulletin.views import Cell, Column, RowOf, Table
from hutong_node.bulletin.words import words_in
from hutong_node.listing import Role, State
from hutong_node.listing_values import Tally, Wanted
from hutong_node.place_levels import CHINA
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import RecordId

PLACES_MAX: Final = 24
_NAMES_SAMPLED: Final = 8
_BASE: Final = "base"
_NOT_CLOSED: Final = (State.OPEN, State.COVERED, State.EXPIRED)
_DOING: Final = (Role.NEED, Role.OFFER, Role.PROMISE, Role.DELIVER, Role.CHECK)


def topics_table(
    glance: Glance, tallies: Iterable[Tally], caption: str, incident: bytes | None = None
) -> Table:
    """Topics with their needs by state, offers and organisations; empty ones are left out."""
    words = glance.words
    counts: dict[Scope, Counter[tuple[Role, State]]] = defaultdict(Counter)
    orgs: dict[Scope, set[bytes]] = defaultdict(set)
    for tally in tallies:
        if tally.scope.topic != _BASE:
            counts[tally.scope][tally.role, tally.state] += tally.things
            orgs[tally.scope].add(tally.org)
    rows = []
    for scope in sorted(counts):
        found = counts[scope]
        filters = Filters(topic=scope, incident=incident)

        def needs(state: State, life: str, coverage: str | None = None) -> Cell:
            number = found[Role.NEED, state]  # noqa: B023 - called before the loop goes on
            if not number:
                return Cell("0")
            narrowed = Filters(topic=scope, incident=incident, life=life, coverage=coverage)  # noqa: B023
            return Cell(grouped(number), glance.address("/needs", narrowed))

        offers = sum(found[Role.OFFER, state] for state in (State.OPEN, State.COVERED))
        rows.append(
            RowOf(
                glance.address("/needs", filters),
                (
                    needs(State.OPEN, "open"),
                    needs(State.COVERED, "active", "full"),
                    needs(State.EXPIRED, "expired"),
                    needs(State.CLOSED, "closed"),
                    Cell(grouped(offers), glance.address("/offers", filters))
                    if offers
                    else Cell("0"),
                    Cell(grouped(len(orgs[scope]))),
                ),
                name=glance.topic(scope),
                code="" if words.topic(scope.topic) == scope.topic else topic_text(scope),
            )
        )
    columns = ("open", "covered", "expired", "closed", "offers", "organisations")
    return Table(
        caption,
        words("overview.topic"),
        tuple(Column(words(f"overview.{column}")) for column in columns),
        tuple(rows),
    )


def places_table(glance: Glance, parent: str) -> Table:
    """The places in `parent` with open needs, most first; a lone one is gone into at once."""
    words = glance.words
    places = glance.state.places(parent, places_max=PLACES_MAX)
    while len(places) == 1:
        inside = glance.state.places(places[0][0], places_max=PLACES_MAX)
        if not inside or sum(number for _, number in inside) < places[0][1]:
            break
        parent, places = places[0][0], inside
    names = _names_of_places(glance, [name for name, _ in places])
    caption = words("overview.places")
    if parent:
        caption += " · " + words("overview.places_in", place_label(glance, parent))
    return Table(
        caption,
        words("overview.place"),
        (Column(words("overview.open")),),
        tuple(
            RowOf(
                glance.address("/needs", Filters(place=name)),
                (Cell(grouped(number), glance.address("/needs", Filters(place=name))),),
                name=place_label(glance, name),
                words=names.get(name, NOTHING),
            )
            for name, number in places
            if not has_personal(name)
        ),
        note=words("overview.places_note"),
    )


def who_by_topic(glance: Glance, orgs: Sequence[bytes], claimed: Mapping[bytes, set[str]]) -> Table:
    """Organisations against topics. `claimed` are the topics of their cards."""
    tallies = [tally for org in orgs for tally in glance.state.tallies(org=org)]
    columns = sorted({tally.scope for tally in tallies if tally.scope.topic != _BASE})
    cells: dict[tuple[bytes, Scope], Counter[Role]] = defaultdict(Counter)
    for tally in tallies:
        if tally.role not in (Role.NEED, Role.OFFER) or tally.state in _NOT_CLOSED:
            cells[tally.org, tally.scope][tally.role] += tally.things
    return Table(
        glance.words("who.by_topic"),
        glance.words("table.org"),
        tuple(Column(glance.topic(scope)) for scope in columns),
        tuple(
            _org_row(
                glance,
                org,
                (
                    _doing(
                        glance, org, cells[org, scope], scope.topic in claimed.get(org, ()), scope
                    )
                    for scope in columns
                ),
            )
            for org in orgs
        ),
    )


def who_by_place(glance: Glance, orgs: Sequence[bytes], parent: str) -> Table:
    """Organisations against the places in `parent` that have most open needs."""
    words = glance.words
    places = [name for name, _ in glance.state.places(parent, places_max=PLACES_MAX)]
    while len(places) == 1:
        inside = [name for name, _ in glance.state.places(places[0], places_max=PLACES_MAX)]
        if not inside:
            break
        places = inside
    places = [place for place in places if not has_personal(place)]
    names = _names_of_places(glance, places)
    shown_orgs = set(orgs)
    cells: dict[tuple[bytes, str], Counter[Role]] = defaultdict(Counter)
    claims: set[tuple[bytes, str]] = set()
    for place in places:
        for tally in glance.state.tallies(place=place):
            if tally.org not in shown_orgs:
                continue
            if tally.role is Role.CARD:
                claims.add((tally.org, place))
            elif tally.role not in (Role.NEED, Role.OFFER) or tally.state in _NOT_CLOSED:
                cells[tally.org, place][tally.role] += tally.things
    present = [org for org in orgs if any((org, p) in cells or (org, p) in claims for p in places)]
    return Table(
        words("who.by_place"),
        words("table.org"),
        tuple(Column(place_label(glance, place), names.get(place, NOTHING)) for place in places),
        tuple(
            _org_row(
                glance,
                org,
                (
                    _doing(glance, org, cells[org, place], (org, place) in claims)
                    for place in places
                ),
            )
            for org in present
        ),
    )


def what_it_does(glance: Glance, org: bytes) -> Table:
    """One organisation: topics against what it does there."""
    words = glance.words
    cells: dict[Scope, Counter[Role]] = defaultdict(Counter)
    for tally in glance.state.tallies(org=org):
        if tally.role in _DOING and (
            tally.role not in (Role.NEED, Role.OFFER) or tally.state in _NOT_CLOSED
        ):
            cells[tally.scope][tally.role] += tally.things
    return Table(
        f"{words('orgs.work')} · {words('orgs.work_of')}",
        words("overview.topic"),
        tuple(Column(words(f"doing.{role.name.lower()}")) for role in _DOING),
        tuple(
            RowOf(
                glance.address("/needs", Filters(topic=scope, organisation=org, life="all")),
                tuple(Cell(grouped(found[role])) for role in _DOING),
                name=glance.topic(scope),
            )
            for scope, found in sorted(cells.items())
        ),
    )


def _org_row(glance: Glance, org: bytes, cells: Iterable[Cell]) -> RowOf:
    ref = glance.org(org)
    return RowOf(ref.href, tuple(cells), words=ref.name, code=ref.short)


def _doing(
    glance: Glance, org: bytes, found: Mapping[Role, int], says_so: bool, scope: Scope | None = None
) -> Cell:
    """What an organisation does in one topic or place, in a few words."""
    words = glance.words
    parts = [
        words(f"who.{role.name.lower()}", grouped(found[role])) for role in _DOING if found[role]
    ]
    if says_so:
        parts.append(words("who.card"))
    address = None
    if scope is not None and found[Role.NEED]:
        address = glance.address("/needs", Filters(topic=scope, organisation=org, life="all"))
    return Cell(" · ".join(parts), address)


def _names_of_places(glance: Glance, places: Sequence[str]) -> dict[str, Shown]:
    """What records call places: the beginning that nearly all names of a sample have in common.

    It stands beside the code, never in place of it: anybody may call a place anything.
    """
    sampled: dict[str, list[int]] = {}
    for place in places:
        wanted = Wanted(Role.NEED, place=place)
        page = glance.state.page(wanted, after=None, rows_max=_NAMES_SAMPLED, per_party=4)
        sampled[place] = [row.thing for row in page.rows]
    things = glance.state.things([number for numbers in sampled.values() for number in numbers])
    revisions = {
        number: RecordId(thing.basis.thing.revision)
        for number, thing in things.items()
        if thing.basis.thing is not None
    }
    records = glance.records(revisions.values())
    found = {}
    for place, numbers in sampled.items():
        names = []
        for number in numbers:
            name = words_of(records.get(revisions[number])).fields.get("place_name")
            if isinstance(name, str) and name:
                names.append(name)
        name = in_province(place, shared_beginning(names))
        found[place] = NOTHING if name in place_label(glance, place) else shown(name)
    return found


def in_province(place: str, name: str) -> str:
    """A name of a Chinese place without its province, which is told with the code; of a prefecture
    without what lies in it."""
    scheme, _, code = place.partition(":")
    province = f"province.{code[:2]}"
    words = words_in("zh")
    if scheme != CHINA or not words.has(province):
        return name
    if len(code) == 2:
        return ""
    name = name.removeprefix(words(province)).removeprefix("省")
    prefecture = re.match(r".+?(?:市|州|盟|地区)", name) if len(code) == 4 else None
    found = prefecture[0] if prefecture else name
    return found if len(found) > 1 else ""


def shared_beginning(names: Sequence[str]) -> str:
    """The longest beginning that three quarters of the names have; empty without two of them.

    Where two cities share a code, neither name is that of the place.
    """
    best = ""
    for name in set(names):
        for length in range(len(name), 1, -1):
            if length <= len(best):
                break
            beginning = name[:length]
            sharing = {other for other in names if other.startswith(beginning)}
            if len(sharing) > 1 and len(sharing) * 4 >= len(set(names)) * 3:
                best = beginning
                break
    return best.rstrip("0123456789 -·,，（(")
