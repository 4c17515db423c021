"""The identity of an organisation: what its held events say together, and who may do what.

Owns state and decisions. State: `state_of` and `evaluate` are pure functions of the set of events
(Spec: 4.6, 4.9), so no order of arrival and no clock can tell two implementations apart. Decisions:
`decide_log`, `decide_session` (Spec: 4.11).

In force are inceptions, delegations, endorsements and seal keys. Events whose behaviour comes with
a later release (4.7) are verified and held like the others, and freeze the organisation. Whether
one event counts is for `identity_admission`, whose names stand here too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from hutong_protocol.faults import Fault, LocalProtocolError
from hutong_protocol.hashing import digest
from hutong_protocol.identity_admission import (
    Accepted,
    Admission,
    Known,
    Waiting,
    add_event,
    admit,
)
from hutong_protocol.identity_contents import (
    Delegate,
    Endorse,
    Everything,
    Incept,
    KeySet,
    NextKeys,
    Rights,
    SealKey,
    Unendorse,
    covers,
)
from hutong_protocol.identity_events import Event
from hutong_protocol.ids import EventId, OrgId, WriterKey
from hutong_protocol.limits import EPOCH_EVENTS_MAX

__all__ = [
    "FROZEN_BY_EPOCH",
    "FROZEN_BY_UNKNOWN",
    "Accepted",
    "Admission",
    "Delegation",
    "Endorsement",
    "IdentityState",
    "Known",
    "OpenClaims",
    "SealingKey",
    "Waiting",
    "add_event",
    "admit",
    "decide_log",
    "decide_session",
    "evaluate",
    "heads_digest",
    "state_of",
]

FROZEN_BY_UNKNOWN: Final = "unknown-event"
FROZEN_BY_EPOCH: Final = "epoch-limit"


@dataclass(frozen=True, slots=True)
class Delegation:
    """A writer key of an organisation and its rights. `id` is that of the event. Spec: 4.4."""

    id: EventId
    writer: WriterKey
    rights: Rights
    label: str
    home_org: OrgId | None


@dataclass(frozen=True, slots=True)
class Endorsement:
    """An endorsement in force. Spec: 4.4, 4.6.3."""

    id: EventId
    subject: OrgId
    spaces: tuple[bytes, ...] | Everything
    topics: tuple[str, ...] | Everything


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A seal key that the organisation published. Spec: 4.4, 4.6.3."""

    id: EventId
    number: int
    key: bytes
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class IdentityState:
    """What the held events of one organisation say. Equal for equal sets of events.

    `delegations` and `endorsements` are by event id; `seal_keys` begin with the one to use. `heads`
    are sorted; `digest` is the identity digest of 4.6.4. `frozen` is None, or why nothing new is
    accepted: the type of the event that cannot be applied, or one of `FROZEN_BY_...`. `waiting`
    names events that were given but are not held.
    """

    org: OrgId
    control: KeySet
    recovery: KeySet
    next_keys: NextKeys
    delegations: Mapping[EventId, Delegation]
    endorsements: Mapping[EventId, Endorsement]
    seal_keys: tuple[SealingKey, ...]
    heads: tuple[EventId, ...]
    digest: bytes
    frozen: str | None
    held: frozenset[EventId]
    waiting: frozenset[EventId]

    @property
    def threshold(self) -> int:
        """How many control keys must sign together."""
        return self.control.threshold

    @property
    def events(self) -> int:
        """The number of held events."""
        return len(self.held)


class OpenClaims(Protocol):
    """What an open record says about whom its log belongs to. Spec: 5.3.3."""

    @property
    def org(self) -> bytes: ...  # noqa: D102
    @property
    def writer(self) -> bytes: ...  # noqa: D102
    @property
    def delegation(self) -> bytes: ...  # noqa: D102
    @property
    def space(self) -> str: ...  # noqa: D102
    @property
    def topic(self) -> str: ...  # noqa: D102
    @property
    def space_salt(self) -> bytes | None: ...  # noqa: D102


def evaluate(events: Iterable[Event]) -> dict[OrgId, IdentityState]:
    """The state of every organisation whose inception is among the events, sorted by id.

    A pure function of the set of events: order and duplicates make no difference, and an event that
    fails or waits has no effect. Everything is verified. Spec: 4.5, 4.6.
    """
    given = list(events)
    admission = admit(given)
    by_org: defaultdict[OrgId, dict[EventId, Event]] = defaultdict(dict)
    for event in admission.held.values():
        by_org[event.org][event.id] = event
    waiting: defaultdict[OrgId, set[EventId]] = defaultdict(set)
    for position in admission.waiting:
        waiting[given[position].org].add(given[position].id)
    return {
        org: state_of(held, waiting=frozenset(waiting[org])) for org, held in sorted(by_org.items())
    }


def state_of(held: Known, *, waiting: frozenset[EventId] = frozenset()) -> IdentityState:
    """The state that follows from the held events of one organisation.

    Args:
        held: events of one organisation that `add_event` accepted, the inception among them. They
            are not verified again.
        waiting: ids to be shown as waiting; they have no other effect.

    Raises:
        LocalProtocolError: no inception, or events of several organisations.

    Takes time proportional to the number of events. Spec: 4.6, 4.9.
    """
    inceptions = [event for event in held.values() if isinstance(event.content, Incept)]
    if len(inceptions) != 1 or any(event.org != inceptions[0].org for event in held.values()):
        raise LocalProtocolError("state needs the events of one organisation and its inception")
    [inception] = inceptions
    assert isinstance(inception.content, Incept)
    events = [held[identifier] for identifier in sorted(held)]
    heads = _heads(events)
    return IdentityState(
        org=inception.org,
        control=inception.content.control,
        recovery=inception.content.recovery,
        next_keys=inception.content.next_keys,
        delegations=_delegations(events),
        endorsements=_endorsements(events),
        seal_keys=_seal_keys(events),
        heads=heads,
        digest=heads_digest(heads),
        frozen=_frozen(events),
        held=frozenset(held),
        waiting=waiting,
    )


def heads_digest(heads: Iterable[bytes]) -> bytes:
    """The identity digest of these heads, in any order. Spec: 4.6.4."""
    return digest("identity-heads", b"".join(sorted(heads)))


def _heads(events: Sequence[Event]) -> tuple[EventId, ...]:
    named = {identifier for event in events for identifier in event.context}
    return tuple(event.id for event in events if event.id not in named)


def _delegations(events: Sequence[Event]) -> Mapping[EventId, Delegation]:
    return MappingProxyType(
        {
            event.id: Delegation(
                event.id,
                event.content.writer,
                event.content.rights,
                event.content.label,
                event.content.home_org,
            )
            for event in events
            if isinstance(event.content, Delegate)
        }
    )


def _endorsements(events: Sequence[Event]) -> Mapping[EventId, Endorsement]:
    withdrawn = {
        event.content.endorsement for event in events if isinstance(event.content, Unendorse)
    }
    return MappingProxyType(
        {
            event.id: Endorsement(
                event.id, event.content.subject, event.content.spaces, event.content.topics
            )
            for event in events
            if isinstance(event.content, Endorse) and event.id not in withdrawn
        }
    )


def _seal_keys(events: Sequence[Event]) -> tuple[SealingKey, ...]:
    found = [
        SealingKey(event.id, event.content.number, event.content.key, event.content.until_ms)
        for event in events
        if isinstance(event.content, SealKey)
    ]
    return tuple(sorted(found, key=lambda key: (key.number, key.id), reverse=True))


def _frozen(events: Sequence[Event]) -> str | None:
    """The first reason in the order of the alphabet, so that it depends on the set only."""
    reasons = set()
    for event in events:
        match event.content:
            case None:
                reasons.add(FROZEN_BY_UNKNOWN)
            case Incept() | Delegate() | SealKey() | Endorse() | Unendorse():
                pass
            case _:
                reasons.add(event.type)
    sizes = Counter(event.statement.epoch for event in events if not event.is_chain_event)
    if any(size > EPOCH_EVENTS_MAX for size in sizes.values()):
        reasons.add(FROZEN_BY_EPOCH)
    return min(reasons, default=None)


def decide_log(state: IdentityState | None, opened: OpenClaims) -> Fault | None:
    """Why a log is not taken, or None if its organisation lets its writer write there.

    Args:
        state: that of the organisation that the open record names, or None if unknown here.
        opened: what the open record says.

    Returns:
        `identity-needed`, `upgrade-needed` or `not-accepted`, in this order: refusals, which blame
        nobody. Whether this node lets the organisation in is another question (Spec: 6.4.5).

    Spec: 4.11.1.
    """
    refusal = _decide(state, opened.org, opened.delegation)
    if state is None or refusal is not None:
        return refusal
    delegation = state.delegations.get(EventId(opened.delegation))
    if (
        delegation is None
        or delegation.writer != opened.writer
        or not delegation.rights.write
        or not covers(delegation.rights, opened.space, opened.topic, opened.space_salt)
    ):
        return Fault.NOT_ACCEPTED
    return None


def decide_session(state: IdentityState | None, org: bytes, delegation: bytes) -> Fault | None:
    """Why a side that names this organisation and delegation gets no session, or None.

    The key of the session is then `state.delegations[delegation].writer`. Results as `decide_log`.
    Spec: 4.11.2.
    """
    refusal = _decide(state, org, delegation)
    if state is None or refusal is not None:
        return refusal
    found = state.delegations.get(EventId(delegation))
    return None if found is not None and found.rights.session else Fault.NOT_ACCEPTED


def _decide(state: IdentityState | None, org: bytes, delegation: bytes) -> Fault | None:
    if state is None:
        return Fault.IDENTITY_NEEDED
    if state.org != org:
        raise LocalProtocolError("decision asked with the state of another organisation")
    if delegation not in state.held:
        return Fault.IDENTITY_NEEDED
    return Fault.UPGRADE_NEEDED if state.frozen is not None else None
