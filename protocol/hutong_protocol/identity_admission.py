"""Which identity events count: context and authority of each, judged against those held.

Owns steps 2 to 5 of Spec 4.5: an event waits until what it names is held, must fit what it names,
and must be signed by those whom the chain event it names put in charge. `add_event` judges one
event, `admit` any number in any order, with one result for each set of events.

What the held events say together is for `identity`; the form of one event for `identity_events`;
storing, and fetching what is missing, for the node.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.identity_contents import Close, Incept, KeyChange, KeySet, NextKeys
from hutong_protocol.identity_events import Event
from hutong_protocol.ids import EventId
from hutong_protocol.signatures import event_message, verify

Known: TypeAlias = Mapping[EventId, Event]
"""Held events by their ids: all verified, each with all its ancestors. Spec: 4.5."""


@dataclass(frozen=True, slots=True)
class Authority:
    """The key sets that a chain event leaves in force, and its position. Spec: 4.3.5."""

    control: KeySet
    recovery: KeySet
    next_keys: NextKeys
    pos: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The event counts. `new` is false if it was held before; then this copy was not judged."""

    event: Event
    new: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """The event cannot be judged yet, and nobody is to blame. Spec: 4.5.2.

    `missing` are the ids, at least one, to be held first. With `unreadable` the one event there is
    held, but an unknown chain event, so that only an upgrade of this program helps.
    """

    event: Event
    missing: frozenset[EventId]
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of a sequence of events; positions count from 0 in the order given."""

    held: Mapping[EventId, Event]
    waiting: tuple[int, ...]
    refused: Mapping[int, ProtocolFault]


def add_event(known: Known, event: Event) -> Accepted | Waiting:
    """Judges one event against those held; the caller stores it if accepted and new.

    Args:
        known: at least all held events of the event's organisation; events of other organisations
            in it are not looked at.
        event: of the right form (`parse_event`).

    Returns:
        `Accepted`, or `Waiting`. A caller that keeps waiting events keeps every copy: signatures of
        a waiting event are not judged, so a bad copy must not displace a good one.

    Raises:
        ProtocolFault: `bad-event`, `next-key-mismatch`, `bad-signature` or `threshold-not-met`.
            Nothing of the event may be stored.

    Some 0.1 ms for each signature; counting is done first. Spec: 4.5.
    """
    return _judge(known, event, {})


def _judge(
    known: Known, event: Event, cache: dict[EventId, Authority | None]
) -> Accepted | Waiting:
    """As `add_event`; `cache` remembers the authority of chain events between calls."""
    if event.id in known:
        return Accepted(known[event.id], new=False)
    missing = frozenset(
        identifier
        for identifier in event.context
        if identifier not in known or known[identifier].org != event.org
    )
    if missing:
        return Waiting(event, missing)
    anchor = event.anchor
    if anchor is None:
        _check_inception(event)
        return Accepted(event, new=True)
    if not known[anchor].is_chain_event:
        raise ProtocolFault(Fault.BAD_EVENT, "event chain or epoch: expected a chain event")
    authority = _authority(known, anchor, cache)
    if authority is None:
        return Waiting(event, frozenset({anchor}), unreadable=True)
    for identifier in event.prev:
        if identifier != anchor and known[identifier].statement.epoch != anchor:
            raise ProtocolFault(Fault.BAD_EVENT, "event prev: expected events of its epoch")
    if event.statement.pos not in (None, authority.pos + 1):
        raise ProtocolFault(Fault.BAD_EVENT, f"event pos: expected {authority.pos + 1}")
    _check_authority(event, authority)
    return Accepted(event, new=True)


def authority_after(known: Known, chain_event: EventId) -> Authority:
    """The key sets that a known chain event, held here, leaves in force. Spec: 4.3.5.

    Raises:
        LocalProtocolError: it is an unknown one, or follows one.
    """
    found = _authority(known, chain_event, {})
    if found is None:
        raise LocalProtocolError("the keys after an unknown chain event cannot be told")
    return found


def _authority(
    known: Known, anchor: EventId, cache: dict[EventId, Authority | None]
) -> Authority | None:
    """The sets that the chain event `anchor` leaves in force; None after an unknown chain event.

    Walks back to an event whose sets are cached, or to the inception, then forward again: no
    recursion, since a chain may be long.
    """
    path: list[Event] = []
    at = known[anchor]
    while at.id not in cache:
        path.append(at)
        if at.statement.chain is None:
            break
        at = known[at.statement.chain]
    authority = cache.get(at.id)
    for event in reversed(path):
        match event.content:
            case Incept(control=control, recovery=recovery, next_keys=next_keys):
                authority = Authority(control, recovery, next_keys, 0)
            case KeyChange(control=control, recovery=recovery, next_keys=next_keys) if authority:
                authority = Authority(
                    control, recovery or authority.recovery, next_keys, authority.pos + 1
                )
            case Close() if authority:
                authority = Authority(
                    authority.control,
                    authority.recovery,
                    authority.next_keys,
                    authority.pos + 1,
                )
            case _:
                authority = None
        cache[event.id] = authority
    return authority


def _check_inception(event: Event) -> None:
    if not isinstance(event.content, Incept):
        raise LocalProtocolError("an event without context is an inception")
    _check_signatures(event, [event.content.control])


def _check_authority(event: Event, authority: Authority) -> None:
    """Whether those signed who may. Spec: 4.3, 4.4, 4.5.4."""
    match event.content:
        case None:
            _check_unknown(event, authority)
        case KeyChange(auth=auth, control=control):
            if auth != "recovery" and not authority.next_keys.commits_to(control):
                raise ProtocolFault(
                    Fault.NEXT_KEY_MISMATCH, f"{event.type} control: not what was committed to"
                )
            own = [] if auth == "recovery" else [control]
            old = [] if auth == "control" else [authority.recovery]
            _check_signatures(event, own + old)
        case Close(auth="both"):
            _check_signatures(event, [authority.control, authority.recovery])
        case _:
            _check_signatures(event, [authority.control])


def _check_signatures(event: Event, demanded: Sequence[KeySet]) -> None:
    """Every signature is by a key of the sets and valid, and each set meets its threshold.

    The form of the event guarantees that no key stands twice, so that signatures of one key never
    count twice. Hard cases 25, 42.
    """
    signers = {key for key, _ in event.signatures}
    if not signers <= {key for key_set in demanded for key in key_set.keys}:
        raise ProtocolFault(Fault.BAD_SIGNATURE, f"{_name(event)}: signed by a key not entitled")
    if not all(key_set.met_by(signers) for key_set in demanded):
        raise ProtocolFault(Fault.THRESHOLD_NOT_MET, f"{_name(event)}: too few of the keys signed")
    _check_validity(event)


def _check_unknown(event: Event, authority: Authority) -> None:
    """Somebody who may speak for the organisation signed, else anybody could freeze it."""
    signers = {key for key, _ in event.signatures}
    entitled = authority.control.met_by(signers)
    if event.is_chain_event:
        entitled |= authority.recovery.met_by(signers) or authority.next_keys.met_by(signers)
    if not entitled:
        raise ProtocolFault(Fault.THRESHOLD_NOT_MET, "unknown event: too few of the keys signed")
    _check_validity(event)


def _check_validity(event: Event) -> None:
    for key, signature in event.signatures:
        if not verify(key, event_message(event.id, key), signature):
            raise ProtocolFault(Fault.BAD_SIGNATURE, f"{_name(event)}: signature is not valid")


def _name(event: Event) -> str:
    """The type, for details of faults; that of an unknown event is a foreign text."""
    return event.type if event.known else "unknown event"


def admit(events: Iterable[Event], known: Known | None = None) -> Admission:
    """Judges events of any number of organisations in any order, until nothing moves any more.

    Args:
        events: of the right form, in any order, with duplicates.
        known: events held already; they stand in the result's `held`, too.

    Returns:
        Which are held, wait and are refused. Which ids are held and wait depends only on the set of
        the events. Each event is judged once when all that it names is held, so the work is
        proportional to the number of events and signatures.
    """
    held: dict[EventId, Event] = dict(known or {})
    cache: dict[EventId, Authority | None] = {}
    refused: dict[int, ProtocolFault] = {}
    blocked: defaultdict[EventId, list[tuple[int, Event]]] = defaultdict(list)
    stuck: list[int] = []
    ready = deque(enumerate(events))
    while ready:
        position, event = ready.popleft()
        try:
            verdict = _judge(held, event, cache)
        except ProtocolFault as fault:
            refused[position] = fault
            continue
        if isinstance(verdict, Accepted):
            if verdict.new:
                held[event.id] = event
                ready.extend(blocked.pop(event.id, ()))
        elif verdict.unreadable:
            stuck.append(position)
        else:
            blocked[min(verdict.missing)].append((position, event))
    stuck.extend(position for queue in blocked.values() for position, _ in queue)
    return Admission(MappingProxyType(held), tuple(sorted(stuck)), MappingProxyType(refused))
