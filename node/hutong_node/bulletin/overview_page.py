"""The first page and the page of checks: what is open, where, and when somebody last looked.

Owns what a person sees who comes for the first time. Everything on it leads on to a list.
"""

from __future__ import annotations

from typing import Final

from hutong_node.bulletin.incidents_page import incident_rows
from hutong_node.bulletin.need_page import check_row
from hutong_node.bulletin.record_words import words_of
from hutong_node.bulletin.rows import thing_rows, title_of
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.tables import places_table, topics_table
from hutong_node.bulletin.views import CheckList, CheckRow, Overview
from hutong_node.listing import Role, State
from hutong_node.listing_values import Wanted
from hutong_protocol.fold.basis import Check
from hutong_protocol.ids import RecordId

_LATEST: Final = 8
_LATEST_PER_ORGANISATION: Final = 4
_INCIDENTS: Final = 5
_CHECKS_AT_FIRST: Final = 5
_CHECKS: Final = 60
_CHECKS_PER_ORGANISATION: Final = 20


def overview_page(glance: Glance) -> Overview:
    """The first page."""
    words = glance.words
    topics = topics_table(glance, glance.state.tallies(), words("overview.topics"))
    latest = glance.state.latest(
        Wanted(Role.NEED), rows_max=_LATEST, per_party=_LATEST_PER_ORGANISATION
    )
    rows = thing_rows(glance, [thing for thing, _ in latest])
    empty: tuple[str, ...] = ()
    if not glance.scopes:
        empty = glance.nothing("scopes")
    elif not topics.rows:
        empty = glance.nothing("needs")
    return Overview(
        topics=topics,
        places=places_table(glance, glance.asked.filters.place or ""),
        incidents=incident_rows(glance, _INCIDENTS)[0],
        latest=tuple(rows[thing] for thing, _ in latest if thing in rows),
        checks=_checks(glance, _CHECKS_AT_FIRST, _CHECKS_PER_ORGANISATION),
        empty=empty,
        feed=glance.address("/feed.atom"),
        checks_href=glance.address("/checks"),
        incidents_href=glance.address("/incidents"),
    )


def checks_page(glance: Glance) -> CheckList:
    """The checks that this node received last."""
    rows = _checks(glance, _CHECKS, _CHECKS_PER_ORGANISATION)
    return CheckList(rows, () if rows else glance.nothing("checks"))


def _checks(glance: Glance, rows_max: int, per_party: int) -> tuple[CheckRow, ...]:
    """One row for each thing and organisation: what that organisation checked there."""
    wanted = Wanted(Role.CHECK, tuple(State))
    latest = glance.state.latest(wanted, rows_max=rows_max, per_party=per_party)
    things = glance.state.things(list(dict.fromkeys(thing for thing, _ in latest)))
    views = {number: glance.view(thing) for number, thing in things.items()}
    seen = {number: view for number, view in views.items() if view is not None}
    records = glance.records(view.thing.revision for view in seen.values())
    glance.learn(org for _, org in latest)
    rows = []
    for number, org in latest:
        view = seen.get(number)
        own = [] if view is None else [check for check in view.checks if check.by == org]
        if view is None or not own:
            continue
        record = records.get(RecordId(view.thing.revision))
        rows.append(
            check_row(
                glance,
                _foremost(own),
                None,
                groups=tuple(dict.fromkeys(check.group for check in own)),
                thing=title_of(glance, words_of(record)),
                href=glance.address(glance.thing_path(view.thing.type, view.key.id)),
            )
        )
    return tuple(rows)


def _foremost(checks: list[Check]) -> Check:
    """The check that stands for several of one organisation: one that no longer holds, if any."""
    return min(checks, key=lambda check: (check.fresh, check.group))
