"""Lists of needs and offers, with their filters as a form and in the address.

Owns the pages `/needs` and `/offers`: which things, in which order, what was left out, and what to
do where there is nothing. Things whose time ran out a moment ago are left out of open lists by the
fold itself, whatever the index says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from hutong_node.bulletin.amounts import grouped
from hutong_node.bulletin.filters import FILTERS, LIVES, position_text, topic_text
from hutong_node.bulletin.record_words import words_of
from hutong_node.bulletin.rows import place_label, thing_rows, with_left_out
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.text_safety import Shown, joined, short_id, shown
from hutong_node.bulletin.views import FilterForm, Option, ThingList
from hutong_node.listing import COVERAGES, URGENCIES, VERIFICATIONS, Role, State
from hutong_node.listing_reading import SCANNED_MAX
from hutong_node.listing_values import ListPage
from hutong_node.place_levels import typed
from hutong_protocol import taxonomy
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import IdKind, format_id

ROWS: Final = 50
PER_ORGANISATION: Final = 15
"""Of one organisation on a page, as long as others have something to show (threat 20)."""
_BASE: Final = "base"
_LIFE_OF: Final = {
    State.OPEN: "active",
    State.COVERED: "active",
    State.EXPIRED: "expired",
    State.CLOSED: "closed",
}
OFFER_FILTERS: Final = tuple(name for name in FILTERS if name not in ("urgency", "coverage"))


def needs_page(glance: Glance) -> ThingList:
    """A page of needs."""
    return _list_page(glance, Role.NEED, "needs", FILTERS)


def offers_page(glance: Glance) -> ThingList:
    """A page of offers, which have no urgency and no coverage."""
    return _list_page(glance, Role.OFFER, "offers", OFFER_FILTERS)


def _list_page(glance: Glance, role: Role, kind: str, allowed: Iterable[str]) -> ThingList:
    words, filters = glance.words, glance.asked.filters
    path = f"/{kind}"
    state = glance.narrowed(filters)
    page = state.page(
        filters.wanted(role),
        after=glance.asked.after,
        rows_max=ROWS,
        per_party=PER_ORGANISATION,
    )
    rows = thing_rows(glance, [row.thing for row in page.rows])
    lives = {_LIFE_OF[each] for each in filters.states()}
    standing = [
        (listed.org, rows[listed.thing])
        for listed in page.rows
        if listed.thing in rows and rows[listed.thing].axes[0].value in lives
    ]
    is_open = kind == "needs" and filters.life is None and filters.coverage is None
    next_page = None
    if page.after is not None:
        next_page = glance.address(path, filters, after=position_text(page.after))
    has_none = not standing and glance.asked.after is None
    feed = kind == "needs"
    return ThingList(
        heading=words("list.open_needs" if is_open else f"list.{kind}"),
        intro=words(f"list.{kind}_intro") if standing else "",
        total=_total(glance, kind, page),
        rows=with_left_out(glance, standing, page.left_out, path, filters),
        form=_form(glance, path, tuple(allowed)),
        next=next_page,
        first=None if glance.asked.after is None else glance.address(path, filters),
        empty=_empty(glance, kind) if has_none else (),
        partly=tuple(glance.org(org) for org in page.partly),
        partly_text=words("list.partly", grouped(SCANNED_MAX)) if page.partly else "",
        feed=glance.address("/feed.atom", filters) if feed else None,
    )


def _total(glance: Glance, kind: str, page: ListPage) -> str:
    if page.total is None:
        return ""
    return glance.words(f"list.total_{kind}", grouped(page.total))


def _empty(glance: Glance, kind: str) -> tuple[str, ...]:
    if not glance.scopes:
        return glance.nothing("scopes")
    if glance.asked.filters.is_narrowed:
        return glance.nothing("filtered")
    return glance.nothing(kind)


def _form(glance: Glance, path: str, allowed: tuple[str, ...]) -> FilterForm:
    words, filters = glance.words, glance.asked.filters
    topics = [
        (topic_text(scope), glance.topic(scope)) for scope in glance.scopes if scope.topic != _BASE
    ]
    values: dict[str, tuple[str | None, list[tuple[str, str]]]] = {
        "topic": (_topic_value(filters.topic, topics), topics),
        "urgency": (
            filters.urgency,
            [(code, words.label(taxonomy.URGENCIES, code).plain) for code in URGENCIES],
        ),
        "life": (
            filters.life or ("open" if filters.coverage is None else "active"),
            [(life, words(f"filter_life.{life}")) for life in LIVES],
        ),
        "coverage": (filters.coverage, [(code, words(f"coverage.{code}")) for code in COVERAGES]),
        "verification": (
            filters.verification,
            [(code, words(f"verification.{code}")) for code in VERIFICATIONS],
        ),
    }
    selects = tuple(
        (name, words(f"filter.{name}"), _options(glance, name, chosen, options))
        for name, (chosen, options) in values.items()
        if name in allowed
    )
    kept = [
        (name, value)
        for name, value in filters.parameters().items()
        if name in ("organisation", "incident")
    ]
    if glance.asked.lang is not None:
        kept.append(("lang", glance.asked.lang))
    return FilterForm(
        action=path,
        hidden=tuple(kept),
        selects=selects,
        place="" if filters.place is None else typed(filters.place),
        in_force=tuple(_in_force(glance, path)),
        clear=glance.address(path) if filters.is_narrowed else None,
    )


def _options(
    glance: Glance, name: str, chosen: str | None, options: list[tuple[str, str]]
) -> tuple[Option, ...]:
    found = [Option(value, text, value == chosen) for value, text in options]
    if name != "life":
        found.insert(0, Option("", glance.words("filter.any"), chosen is None))
    return tuple(found)


def _topic_value(topic: Scope | None, topics: list[tuple[str, str]]) -> str | None:
    """The option that a topic filter chooses; a topic without a space where only one has it."""
    if topic is None:
        return None
    fitting = [value for value, _ in topics if value.rpartition("/")[2] == topic.topic]
    return fitting[0] if not topic.space and len(fitting) == 1 else topic_text(topic)


def _in_force(glance: Glance, path: str) -> Iterable[tuple[str, Shown, str]]:
    """The filters in force: what, which value, and the address without it."""
    words, filters = glance.words, glance.asked.filters
    for name, value in filters.parameters().items():
        without = glance.address(path, replace(filters, **{name: None}))
        text = shown(value, personal=False)
        if name == "topic" and filters.topic is not None:
            text = shown(words.topic(filters.topic.topic) + f" · {value}")
        elif name == "place" and filters.place is not None:
            text = shown(place_label(glance, filters.place), personal=False)
        elif name == "urgency":
            text = words.label(taxonomy.URGENCIES, value)
        elif name == "life":
            text = shown(words(f"filter_life.{value}"))
        elif name in ("coverage", "verification"):
            text = shown(words(f"{name}.{value}"))
        elif name == "organisation" and filters.organisation is not None:
            short = shown(short_id(value), personal=False)
            text = joined((glance.name(filters.organisation), short), " ")
        elif name == "incident" and filters.incident is not None:
            text = incident_name(glance, filters.incident)
        yield words(f"filter.{name}"), text, without


def incident_name(glance: Glance, incident: bytes) -> Shown:
    """The title of an incident, or the beginning of its id."""
    found = glance.state.thing(incident)
    if found is not None and found.basis.thing is not None:
        revision = found.basis.thing.revision
        records = glance.records([revision])
        title = words_of(next(iter(records.values()), None)).text("title")
        if title:
            return title
    return shown(short_id(format_id(IdKind.RECORD, incident)), personal=False)
