"""The identity of an organisation: what its held events say together, and who may do what.

Owns state and decisions. State: `state_of` and `evaluate` are pure functions of the set of events
(Spec: 4.6, 4.7, 4.9), so no order of arrival and no clock can tell two implementations apart.
Decisions: `decide_log`, `decide_session` (Spec: 4.11).

Which events have effect is for `identity_standing`. A caller that does not apply cuts to the logs
that it stores must say so, which freezes what would move them. Whether an event is held is for
`identity_admission`, whose names stand here too.
"""

from __future__ import annotations

from collections import defaultdict
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
    authority_after,
)
from hutong_protocol.identity_contents import (
    Affirm,
    Close,
    Delegate,
    Endorse,
    Everything,
    KeyChange,
    KeySet,
    NextKeys,
    Resolve,
    Revoke,
    Rights,
    SealKey,
    Unendorse,
    covers,
)
from hutong_protocol.identity_events import Event
from hutong_protocol.identity_standing import Standing, standing_of
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
    """An endorsement in force. Spec: 4.4, 4.7.6."""

    id: EventId
    subject: OrgId
    spaces: tuple[bytes, ...] | Everything
    topics: tuple[str, ...] | Everything


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A seal key that the organisation published. Spec: 4.4, 4.7.6."""

    id: EventId
    number: int
    key: bytes
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class IdentityState:
    """What the held events of one organisation say. Equal for equal sets of events.

    `chain` are the ids of the chain events in force, and the key sets are those that the last of
    them leaves; with `contenders` the organisation is disputed. `delegations` are those granted,
    `revoked` the ids of delegations that a revoke in force names; `alarms` are revokes that became
    void. `delegations` and `endorsements` are by event id; `seal_keys` begin with the one to use.
    `heads` are sorted; `digest` is the identity digest of 4.7.7. `frozen` is None, or why nothing
    new is accepted: the type of the event that cannot be applied, or one of `FROZEN_BY_...`.
    `open_heads` are the heads within the epoch that the last chain event in force opened, or that
    event itself, and `epoch_events` counts that epoch. `waiting` names events that were given but
    are not held.
    """

    org: OrgId
    chain: tuple[EventId, ...]
    contenders: tuple[EventId, ...]
    closed: Close | None
    control: KeySet
    recovery: KeySet
    next_keys: NextKeys
    delegations: Mapping[EventId, Delegation]
    revoked: frozenset[EventId]
    alarms: tuple[EventId, ...]
    endorsements: Mapping[EventId, Endorsement]
    seal_keys: tuple[SealingKey, ...]
    heads: tuple[EventId, ...]
    digest: bytes
    frozen: str | None
    open_heads: tuple[EventId, ...]
    epoch_events: int
    held: frozenset[EventId]
    waiting: frozenset[EventId]

    def in_force(self, delegation: bytes) -> Delegation | None:
        """The delegation with this id if it is granted and not revoked. Spec: 4.7.5."""
        found = self.delegations.get(EventId(delegation))
        return None if found is None or found.id in self.revoked else found

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


def evaluate(events: Iterable[Event], *, applies_cuts: bool = False) -> dict[OrgId, IdentityState]:
    """The state of every organisation whose inception is among the events, sorted by id.

    A pure function of the set of events: order and duplicates make no difference, and an event that
    fails or waits has no effect. Everything is verified. `applies_cuts` as for `state_of`. Spec:
    4.5, 4.6, 4.7, 4.9.
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
        org: state_of(held, waiting=frozenset(waiting[org]), applies_cuts=applies_cuts)
        for org, held in sorted(by_org.items())
    }


def state_of(
    held: Known,
    *,
    waiting: frozenset[EventId] = frozenset(),
    applies_cuts: bool = False,
) -> IdentityState:
    """The state that follows from the held events of one organisation.

    Args:
        held: events of one organisation that `add_event` accepted, the inception among them. They
            are not verified again.
        waiting: ids to be shown as waiting; they have no other effect.
        applies_cuts: whether the caller applies cuts to the logs that it stores; if not, whatever
            moves cuts freezes. Spec: 4.9.1.

    Raises:
        LocalProtocolError: no inception, or events of several organisations.

    Takes time as `standing_of`. Spec: 4.6, 4.7, 4.9.
    """
    if len({event.org for event in held.values()}) != 1:
        raise LocalProtocolError("state needs the events of one organisation")
    standing = standing_of(held.values())
    keys = authority_after(held, standing.last.id)
    effective = [held[identifier] for identifier in sorted(standing.effective)]
    revoked, alarms = _revokes(held, standing)
    lost = standing.void.difference(alarms)
    counted = [event for event in held.values() if event.id not in lost]
    heads = _heads_of(counted)
    open_epoch = [event for event in held.values() if event.statement.epoch == standing.last.id]
    ending = standing.last.content
    return IdentityState(
        org=standing.last.org,
        chain=tuple(event.id for event in standing.chain),
        contenders=standing.contenders,
        closed=ending if isinstance(ending, Close) else None,
        control=keys.control,
        recovery=keys.recovery,
        next_keys=keys.next_keys,
        delegations=_delegations(effective),
        revoked=revoked,
        alarms=alarms,
        endorsements=_endorsements(effective),
        seal_keys=_seal_keys(effective),
        heads=heads,
        digest=heads_digest(heads),
        frozen=_frozen(held, standing, len(open_epoch), applies_cuts),
        open_heads=_heads_of(open_epoch) or (standing.last.id,),
        epoch_events=len(open_epoch),
        held=frozenset(held),
        waiting=waiting,
    )


def heads_digest(heads: Iterable[bytes]) -> bytes:
    """The identity digest of these heads, in any order. Spec: 4.7.7."""
    return digest("identity-heads", b"".join(sorted(heads)))


def _heads_of(events: Sequence[Event]) -> tuple[EventId, ...]:
    """Those of these events that none of them names, sorted."""
    named = {identifier for event in events for identifier in event.context}
    return tuple(sorted(event.id for event in events if event.id not in named))


def _revokes(held: Known, standing: Standing) -> tuple[frozenset[EventId], tuple[EventId, ...]]:
    """The delegations that are revoked, and the revokes that a key change has undone, sorted.

    Spec: 4.7.5, 4.7.8.
    """
    named = {
        event.id: event.content.delegation
        for event in held.values()
        if isinstance(event.content, Revoke)
    }
    revoked = frozenset(named[identifier] for identifier in named.keys() & standing.sealed)
    undone = named.keys() & standing.void
    return revoked, tuple(sorted(lost for lost in undone if named[lost] not in revoked))


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


def _frozen(held: Known, standing: Standing, epoch_events: int, applies_cuts: bool) -> str | None:
    """The first reason in the order of the alphabet, so that it depends on the set only."""
    reasons = set()
    if standing.unknown:
        reasons.add(FROZEN_BY_UNKNOWN)
    if epoch_events > EPOCH_EVENTS_MAX:
        reasons.add(FROZEN_BY_EPOCH)
    if not applies_cuts:
        reasons.update(
            event.type
            for event in held.values()
            if isinstance(event.content, KeyChange | Close | Affirm | Revoke | Resolve)
        )
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
    found = state.in_force(delegation)
    return None if found is not None and found.rights.session else Fault.NOT_ACCEPTED


def _decide(state: IdentityState | None, org: bytes, delegation: bytes) -> Fault | None:
    if state is None:
        return Fault.IDENTITY_NEEDED
    if state.org != org:
        raise LocalProtocolError("decision asked with the state of another organisation")
    if delegation not in state.held:
        return Fault.IDENTITY_NEEDED
    return Fault.UPGRADE_NEEDED if state.frozen is not None else None
