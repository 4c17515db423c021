"""Which held events of an organisation have effect: the chain in force, and what it seals.

Owns the rules that settle conflicts by authority, never by arrival or time: rank among chain events
that follow the same one, what a dispute leaves standing, which epoch events a chain event seals,
which are restored, wait or are void. Spec: 4.6, 4.7. A pure function of the set of held events.

What the events with effect say together is for `identity`; whether an event is held at all for
`identity_admission`. No recursion: chains and epochs may be long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from hutong_protocol.faults import LocalProtocolError
from hutong_protocol.identity_contents import (
    Affirm,
    Close,
    Delegate,
    Endorse,
    KeyChange,
    SealKey,
)
from hutong_protocol.identity_events import Event
from hutong_protocol.ids import EventId
from hutong_protocol.limits import CONTENDERS_MAX

_BOTH: Final = 3
_RECOVERY: Final = 2
_ROTATE: Final = 1
_CLOSE: Final = 0

Followers: TypeAlias = Mapping[EventId, Sequence[Event]]
"""Held chain events by the chain event that they name."""

Epochs: TypeAlias = Mapping[EventId, Sequence[Event]]
"""Held epoch events by the chain event that opened their epoch."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What has effect. Equal for equal sets of held events. Spec: 4.6, 4.7.

    `chain` begins with the inception. `contenders` are the ids, sorted, of two chain events or more
    that a dispute is between, or empty. Each held epoch event is in exactly one of `sealed`,
    `restored`, `waiting` and `void`; only the first two have effect. `unknown` are the unknown
    events that a later version might give effect to.
    """

    chain: tuple[Event, ...]
    contenders: tuple[EventId, ...]
    sealed: frozenset[EventId]
    restored: frozenset[EventId]
    waiting: frozenset[EventId]
    void: frozenset[EventId]
    unknown: frozenset[EventId]

    @property
    def last(self) -> Event:
        """The last chain event in force: its keys are those in charge."""
        return self.chain[-1]

    @property
    def effective(self) -> frozenset[EventId]:
        """The epoch events that have effect."""
        return self.sealed | self.restored


def standing_of(events: Iterable[Event]) -> Standing:
    """What of the held events of one organisation has effect.

    Args:
        events: each with all its ancestors, the inception among them, in any order.

    Raises:
        LocalProtocolError: there is not exactly one inception.

    Takes time proportional to the number of events and of what they name, and of the last epoch to
    that of up to 64 contenders.
    """
    held = {event.id: event for event in events}
    followers: defaultdict[EventId, list[Event]] = defaultdict(list)
    epochs: defaultdict[EventId, list[Event]] = defaultdict(list)
    inceptions = []
    for event in held.values():
        if event.anchor is None:
            inceptions.append(event)
        else:
            (followers if event.is_chain_event else epochs)[event.anchor].append(event)
    if len(inceptions) != 1:
        raise LocalProtocolError("standing needs the events of one organisation")
    ranks = _ranks(followers)
    chain, contenders = _chain(inceptions[0], followers, ranks)
    sealed = _sealed(held, chain, contenders, epochs)
    restored = _restored(held, chain, sealed)
    unsettled = _unsettled(chain, contenders, followers)
    waiting: set[EventId] = set()
    void: set[EventId] = set()
    for opened_by, inside in epochs.items():
        rest = {event.id for event in inside} - sealed - restored
        (waiting if opened_by in unsettled else void).update(rest)
    strange = {event.id for inside in epochs.values() for event in inside if not event.known}
    return Standing(
        chain=tuple(chain),
        contenders=tuple(sorted(event.id for event in contenders)),
        sealed=frozenset(sealed),
        restored=frozenset(restored),
        waiting=frozenset(waiting),
        void=frozenset(void),
        unknown=frozenset(strange - void | _unranked(inceptions[0], followers, ranks)),
    )


def _ranks(followers: Followers) -> dict[EventId, int]:
    """The rank of each chain event among its siblings, greater is higher; unknown ones have none.

    Whoever follows an event by recovery keys stands behind it with them. Otherwise recovery keys
    that were replaced could still undo the event before their replacement, since they are those of
    the earlier place for good. An event by recovery keys is not raised: all keys of the line behind
    it are of its own choice. Spec: 4.6.2.
    """
    found: dict[EventId, int] = {}
    events = [event for siblings in followers.values() for event in siblings]
    for event in sorted(events, key=lambda event: event.statement.pos or 0, reverse=True):
        match event.content:
            case KeyChange(auth="both"):
                found[event.id] = _BOTH
            case KeyChange(auth="recovery"):
                found[event.id] = _RECOVERY
            case KeyChange() | Close():
                own = _ROTATE if isinstance(event.content, KeyChange) else _CLOSE
                behind = [found.get(later.id, own) for later in followers.get(event.id, ())]
                found[event.id] = max(own, *behind) if behind else own
    return found


def _chain(
    inception: Event, followers: Followers, ranks: Mapping[EventId, int]
) -> tuple[list[Event], list[Event]]:
    """The chain in force, and the contenders where it is disputed. Spec: 4.6.3."""
    chain = [inception]
    while True:
        ranked = [event for event in followers.get(chain[-1].id, ()) if event.id in ranks]
        highest = max((ranks[event.id] for event in ranked), default=None)
        first = [event for event in ranked if ranks[event.id] == highest]
        if len(first) != 1:
            return chain, first
        chain.append(first[0])


def _unranked(inception: Event, followers: Followers, ranks: Mapping[EventId, int]) -> set[EventId]:
    """Unknown chain events, but for those that something of the highest rank passes over.

    Spec: 4.9.1.
    """
    found: set[EventId] = set()
    ahead = [inception.id]
    while ahead:
        after = followers.get(ahead.pop(), ())
        highest = [event for event in after if ranks.get(event.id) == _BOTH]
        found.update(event.id for event in after if not (highest or event.known))
        ahead.extend(event.id for event in highest or after)
    return found


def _ancestors(held: Mapping[EventId, Event], *of: Event) -> set[EventId]:
    """What chain events name in `prev`, and theirs, within the epoch before them. Spec: 4.7.1."""
    found: set[EventId] = set()
    ahead = [identifier for event in of for identifier in event.prev]
    while ahead:
        identifier = ahead.pop()
        event = held[identifier]
        if identifier not in found and not event.is_chain_event:
            found.add(identifier)
            ahead.extend(event.prev)
    return found


def _sealed(
    held: Mapping[EventId, Event],
    chain: Sequence[Event],
    contenders: Sequence[Event],
    epochs: Epochs,
) -> set[EventId]:
    """Epoch events that a chain event in force follows, or that nothing follows yet.

    Spec: 4.7.2.
    """
    found: set[EventId] = set()
    for following in chain[1:]:
        found |= _ancestors(held, following)
    open_epoch = epochs.get(chain[-1].id, ())
    if not contenders:
        return found | {event.id for event in open_epoch}
    in_any = _ancestors(held, *contenders)
    in_all: set[EventId] = set()
    if len(contenders) <= CONTENDERS_MAX:
        in_all = set.intersection(*(_ancestors(held, contender) for contender in contenders))
    for event in open_epoch:
        gives = isinstance(event.content, Delegate | Affirm | SealKey | Endorse)
        if event.id in (in_all if gives else in_any):
            found.add(event.id)
    return found


def _restored(
    held: Mapping[EventId, Event], chain: Sequence[Event], sealed: Collection[EventId]
) -> set[EventId]:
    """Delegations that were affirmed after they had become void. Spec: 4.7.3.

    An unknown event may be a delegation of a later version.
    """
    affirmed: set[EventId] = set()
    for event in chain:
        if isinstance(event.content, KeyChange):
            affirmed.update(event.content.affirm)
    for identifier in sealed:
        content = held[identifier].content
        if isinstance(content, Affirm):
            affirmed.update(content.ids)
    return {
        identifier
        for identifier in affirmed
        if identifier in held
        and identifier not in sealed
        and not held[identifier].is_chain_event
        and isinstance(held[identifier].content, Delegate | None)
    }


def _unsettled(
    chain: Sequence[Event],
    contenders: Sequence[Event],
    followers: Followers,
) -> set[EventId]:
    """Chain events whose epochs wait for a dispute to end. Spec: 4.7.4."""
    if not contenders:
        return set()
    found = {chain[-1].id}
    ahead = list(contenders)
    while ahead:
        event = ahead.pop()
        found.add(event.id)
        ahead.extend(followers.get(event.id, ()))
    return found
