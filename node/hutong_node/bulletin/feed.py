"""The feed of needs: what this node stored last about them, for programs that read feeds.

Owns the values of the Atom feed. Ids are those of the records, so they are the same on every node.
Entries are in the order in which this node stored the latest record about each need, which is a
matter of this node alone. `updated` is the latest time that any record of the need claims, but not
later than now: an author's word, since nodes keep no time of arrival. Feed readers may sort by it;
no number, order or life depends on it, and a record that claims an older time changes an entry
without changing its `updated`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from hutong_node.bulletin.rows import thing_rows
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.text_safety import Shown, joined, shown
from hutong_node.bulletin.views import ThingRow
from hutong_node.listing import Role
from hutong_protocol.ids import IdKind, format_id
from hutong_protocol.instants import instant_text

ENTRIES: Final = 50
PER_ORGANISATION: Final = 20
_EARLIEST_MS: Final = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A need in the feed."""

    id: str
    href: str
    title: str
    updated: str
    author: str
    author_href: str
    summary: str


@dataclass(frozen=True, slots=True)
class Feed:
    """The feed of a list of needs."""

    id: str
    title: str
    href: str
    list_href: str
    updated: str
    author: str
    tag: str
    entries: tuple[Entry, ...]


def feed_page(glance: Glance, origin: str) -> Feed:
    """The feed of the needs that the filters ask for.

    Args:
        origin: scheme, host and port with which its links begin.
    """
    filters, words = glance.asked.filters, glance.words
    state = glance.narrowed(filters)
    latest = state.latest(filters.wanted(Role.NEED), rows_max=ENTRIES, per_party=PER_ORGANISATION)
    numbers = [thing for thing, _ in latest]
    rows, things = thing_rows(glance, numbers), state.things(numbers)
    entries = []
    for number in numbers:
        if number not in rows or number not in things:
            continue
        row, identifier = rows[number], things[number].basis.key.id
        said_ms = min(max(things[number].said_ms, _EARLIEST_MS), glance.as_of_ms)
        entries.append(
            Entry(
                id=f"urn:hutong:{format_id(IdKind.RECORD, identifier)}",
                href=f"{origin}{row.href}",
                title=words.plain(row.title),
                updated=instant_text(said_ms),
                author=words.plain(
                    joined((row.author.name, shown(row.author.short, personal=False)), " ")
                ),
                author_href=f"{origin}{row.author.href}",
                summary=words.plain(_summary(glance, row)),
            )
        )
    own = glance.source.node.parts.identity.org
    asked = urlencode(sorted(filters.parameters().items()))
    return Feed(
        id=f"urn:hutong:feed:{format_id(IdKind.ORG, own)}{':' + asked if asked else ''}",
        title=words("site.of", words.plain(glance.name(own))) + " · " + words("list.needs"),
        href=f"{origin}{glance.address('/feed.atom', filters)}",
        list_href=f"{origin}{glance.address('/needs', filters)}",
        updated=max((entry.updated for entry in entries), default=instant_text(_EARLIEST_MS)),
        author=words.plain(glance.name(own)),
        tag=words.tag,
        entries=tuple(entries),
    )


def _summary(glance: Glance, row: ThingRow) -> Shown:
    words = glance.words
    lines = []
    for line in row.lines:
        parts = [line.name, line.asked]
        parts += [line.open] if line.open else []
        lines.append(joined(parts, " "))
    if row.more_lines:
        lines.append(shown(words("list.more_lines", row.more_lines)))
    about = [row.place.name, *(shown(code.text) for code in row.place.codes)]
    axes = [shown(axis.text) for axis in ([row.urgency] if row.urgency else []) + list(row.axes)]
    return joined((*lines, *about, *axes), " · ")
