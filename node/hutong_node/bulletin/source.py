"""What pages are made from: one state of the index, the store's words, names, and the time.

Owns what may be seen: the scopes that this node holds and, on a public bulletin, only those that
the configuration lists. Whoever builds a page gets a `Glance` for one request; nothing of it is
kept but the names of organisations, which are looked up again when the index has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Any, Final

from hutong_node.bulletin.filters import Asked, Filters, topic_text
from hutong_node.bulletin.record_words import RecordWords, words_of
from hutong_node.bulletin.text_safety import NOTHING, Shown, short_id, shown
from hutong_node.bulletin.times import TimeShown, age_of, time_shown
from hutong_node.bulletin.views import Axis, Choice, OrgRef
from hutong_node.bulletin.words import Words, words_in
from hutong_node.config import BulletinListen
from hutong_node.listing import Role, State
from hutong_node.listing_reading import ListReader, ListState
from hutong_node.listing_values import StoredThing, Wanted
from hutong_node.node import Node
from hutong_node.store.interface import StoredRecord, StoreMethods, Watermark
from hutong_node.zones import zone_of
from hutong_protocol import fold
from hutong_protocol.exchange import Scope
from hutong_protocol.fold import ThingView
from hutong_protocol.ids import IdKind, RecordId, format_id

AS_OF_STEP_MS: Final = 60_000
"""Pages are as of the last full minute, so that the same page can be asked for again cheaply."""
_NAMES_MAX: Final = 5_000
_BASE: Final = "base"
_SHOWN_CARDS: Final = (State.OPEN, State.COVERED, State.EXPIRED)


@dataclass(frozen=True, slots=True)
class OrgCard:
    """What an organisation says of itself: its record, its words."""

    thing: int
    record: StoredRecord
    words: RecordWords


@dataclass(slots=True)
class _Names:
    """Cards by organisation, as of one watermark."""

    watermark: Watermark | None = None
    cards: dict[bytes, OrgCard | None] = field(default_factory=dict)


class Source:
    """The node as the bulletin sees it."""

    def __init__(self, node: Node, listen: BulletinListen) -> None:
        self.node = node
        self.listen = listen
        self.zone: tzinfo = zone_of(listen.zone) or UTC
        self.reader = ListReader(node.parts.index.path)
        self._names = _Names()

    def close(self) -> None:
        """Closes the index."""
        self.reader.close()

    def now_ms(self) -> int:
        """The instant that pages are as of."""
        return self.node.clock.now_ms() // AS_OF_STEP_MS * AS_OF_STEP_MS

    def scopes(self) -> list[Scope]:
        """The scopes that may be seen, in order; `base` comes with any other topic of its space."""
        held = self.node.parts.roster.subscriptions()
        if not self.listen.public:
            return sorted(held)
        listed = {Scope(*name.split("/", 1)) for name in self.listen.scopes}
        listed |= {Scope(scope.space, _BASE) for scope in listed}
        return sorted(scope for scope in held if scope in listed)

    def mark(self) -> Watermark:
        """How far the index is: pages made at the same mark and instant are equal."""
        return self.node.parts.index.watermark

    def picture(self) -> tuple[object, ...]:
        """What decides how a page comes out, beside its address: equal for equal pages."""
        peers = tuple(
            (status.org, status.state, status.settled_ms) for status in self.node.peering.statuses()
        )
        return self.mark(), self.now_ms(), tuple(self.scopes()), peers

    @contextmanager
    def glance(self, asked: Asked, language: str) -> Iterator[Glance]:
        """What one page is made from."""
        as_of_ms = self.now_ms()
        self.node.parts.index.turn_lists(as_of_ms)
        mark = self.mark()
        names = self._names
        if names.watermark != mark or len(names.cards) > _NAMES_MAX:
            names = self._names = _Names(mark)
        scopes = self.scopes()
        with self.reader.state(scopes) as state:
            yield Glance(
                self, state, scopes, asked, words_in(language), self.zone, as_of_ms, names.cards
            )


@dataclass(frozen=True, slots=True)
class Glance:
    """What one page is made from. Use it inside `Source.glance` only."""

    source: Source
    state: ListState
    scopes: Sequence[Scope]
    asked: Asked
    words: Words
    zone: tzinfo
    as_of_ms: int
    cards: dict[bytes, OrgCard | None]

    # Records and things

    def records(self, ids: Iterable[bytes]) -> dict[RecordId, StoredRecord]:
        """Records that are held, by id."""
        wanted = [RecordId(record) for record in ids]
        if not wanted:
            return {}
        return self.source.node.parts.store.run(StoreMethods.records, wanted)

    def view(self, thing: StoredThing) -> ThingView | None:
        """A thing as of this glance."""
        return fold.view(thing.basis, self.as_of_ms)

    def narrowed(self, filters: Filters) -> ListState:
        """The same state, restricted to the topic that is asked for."""
        if filters.topic is None:
            return self.state
        return self.state.within(filters.scopes(self.scopes))

    # Organisations

    def learn(self, orgs: Iterable[bytes]) -> None:
        """Looks up the cards of several organisations at once."""
        unknown = [org for org in dict.fromkeys(orgs) if org not in self.cards]
        things: dict[bytes, int] = {}
        for org in unknown:
            page = self.state.page(
                Wanted(Role.CARD, _SHOWN_CARDS, org=org), after=None, rows_max=1, per_party=1
            )
            if page.rows:
                things[org] = page.rows[0].thing
        stored = self.state.things(list(things.values()))
        revisions = {
            number: thing.basis.thing.revision
            for number, thing in stored.items()
            if thing.basis.thing is not None
        }
        records = self.records(revisions.values())
        for org in unknown:
            number = things.get(org)
            record = None
            if number is not None and number in revisions:
                record = records.get(RecordId(revisions[number]))
            self.cards[org] = (
                None
                if number is None or record is None
                else OrgCard(number, record, words_of(record))
            )

    def card(self, org: bytes) -> OrgCard | None:
        """What an organisation says of itself, if that is held."""
        if org not in self.cards:
            self.learn([org])
        return self.cards[org]

    def name(self, org: bytes) -> Shown:
        """The name of an organisation in the language of the page, if it is known here."""
        card = self.card(org)
        if card is not None:
            names = card.words.fields.get("names", {})
            for tag, name in names.items():
                if tag.partition("-")[0].lower() == self.words.language:
                    return card.words.of(name)
            if found := card.words.text("title"):
                return found
        parts = self.source.node.parts
        if org == parts.identity.org:
            return shown(parts.config.organisation)
        return NOTHING

    def org(self, org: bytes) -> OrgRef:
        """An organisation with where it leads."""
        text = format_id(IdKind.ORG, org)
        return OrgRef(self.address(f"/organisations/{text}"), self.name(org), short_id(text))

    # Words and addresses

    def address(self, path: str, filters: Filters | None = None, **more: str) -> str:
        """An address that keeps the language."""
        return self.asked.address(path, filters, **more)

    def thing_path(self, kind: str, identifier: bytes) -> str:
        """The address of a need, offer or incident."""
        plural = {"need/1": "needs", "offer/1": "offers", "incident/1": "incidents"}[kind]
        return f"/{plural}/{format_id(IdKind.RECORD, identifier)}"

    def time(self, ms: int | None) -> TimeShown | None:
        """An instant in the zone of the bulletin."""
        return time_shown(ms, self.zone)

    def aged(self, ms: int | None) -> TimeShown | None:
        """The same with how long before this page it was, for what gets old."""
        time, age = self.time(ms), age_of(ms, self.as_of_ms)
        if time is None or age is None:
            return time
        unit, number = age
        return replace(time, age=self.words(f"age.{unit}", number))

    def topic(self, scope: Scope) -> str:
        """The name of a topic; with its space where there are several."""
        name = self.words.topic(scope.topic)
        spaces = {held.space for held in self.scopes}
        return name if len(spaces) <= 1 else f"{scope.space} · {name}"

    def topic_choice(self, scope: Scope) -> Choice:
        """A topic with the list of its needs."""
        return Choice(
            self.address("/needs", Filters(topic=scope)),
            f"{self.topic(scope)} · {topic_text(scope)}",
        )

    def nothing(self, what: str) -> tuple[str, str]:
        """Why a page is empty, and what to do: commands only where those who run the node look."""
        is_public = self.source.listen.public and what != "filtered"
        next_step = "public_next" if is_public else f"{what}_next"
        return self.words(f"empty.{what}"), self.words(f"empty.{next_step}")

    def axis(self, name: str, value: str) -> Axis:
        """Where a thing stands on one axis, in words."""
        return Axis(self.words(f"axis.{name}"), value, self.words(f"{name}.{value}"))

    def with_filters(self, **changes: Any) -> Filters:
        """The filters of this page with some changed."""
        return replace(self.asked.filters, **changes)
