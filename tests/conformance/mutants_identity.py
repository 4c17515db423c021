"""Implementations of section 4 that each leave out one rule, and the vectors that must notice.

Each is the core with one of its functions replaced while it answers. `MUTANTS` names each with the
ids that catch it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from hutong_conformance.cases import Json
from hutong_protocol import (
    cuts,
    harness,
    identity,
    identity_admission,
    identity_contents,
    identity_events,
    identity_fields,
)
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.harness_ops import identity as operations
from hutong_protocol.hashing import digest
from hutong_protocol.identity_contents import KeySet, NextKeys, Rights
from hutong_protocol.identity_events import Event
from hutong_protocol.identity_fields import Fields
from hutong_protocol.limits import KEY_SET_MAX
from hutong_protocol.signatures import event_message, verify

Request = dict[str, Json]
Mutant = Callable[[Request], dict[str, Json]]


def replaced(owner: Any, name: str, replacement: object) -> Mutant:
    """The core, with one name of a module or class replaced."""

    def answer(request: Request) -> dict[str, Json]:
        with patch.object(owner, name, replacement):
            return harness.answer(request)

    return answer


def after(op: str, change: Callable[[Request, dict[str, Json]], dict[str, Json]]) -> Mutant:
    """The core, with its reply to one operation changed."""

    def answer(request: Request) -> dict[str, Json]:
        reply = harness.answer(request)
        return change(request, reply) if request["op"] == op else reply

    return answer


def nothing(*_: object, **__: object) -> None:
    """Checks nothing."""


def counts_signatures(self: KeySet, signers: Iterable[bytes]) -> bool:
    """Whoever signed counts."""
    return len(list(signers)) >= self.threshold


def one_is_enough(self: KeySet, signers: Iterable[bytes]) -> bool:
    return bool(set(signers) & set(self.keys))


def ignores_strangers(event: Event, demanded: Sequence[KeySet]) -> None:
    """Skips signatures by keys that are not entitled, instead of refusing the event."""
    entitled = {key for key_set in demanded for key in key_set.keys}
    pairs = tuple(pair for pair in event.signatures if pair[0] in entitled)
    signers = {key for key, _ in pairs}
    if not all(key_set.met_by(signers) for key_set in demanded):
        raise ProtocolFault(Fault.THRESHOLD_NOT_MET)
    for key, signature in pairs:
        if not verify(key, event_message(event.id, key), signature):
            raise ProtocolFault(Fault.BAD_SIGNATURE)


def keys_only(original: Callable[[NextKeys, KeySet], bool]) -> Callable[[NextKeys, KeySet], bool]:
    """Compares the next keys without their threshold."""
    return lambda self, control: original(self, KeySet(control.keys, self.threshold))


def allows_parts(self: NextKeys, control: KeySet) -> bool:
    """Any of the next keys will do."""
    revealed = {identity_contents.next_key_digest(key) for key in control.keys}
    return revealed <= set(self.digests)


def in_order_only(events: Iterable[Event], known: Any = None) -> Any:
    """Refuses an event that comes before what it names, as if it were wrong."""
    held: dict[Any, Event] = dict(known or {})
    refused = {}
    for at, event in enumerate(events):
        try:
            verdict = identity_admission.add_event(held, event)
        except ProtocolFault as fault:
            refused[at] = fault
            continue
        if isinstance(verdict, identity_admission.Accepted):
            held[event.id] = verdict.event
        else:
            refused[at] = ProtocolFault(Fault.BAD_EVENT)
    return identity_admission.Admission(MappingProxyType(held), (), MappingProxyType(refused))


def waiting_by_id(events: Iterable[Event], known: Any = None) -> Any:
    """Keeps the first copy of an event that waits, and no other."""
    first: dict[Any, int] = {}
    given = list(events)
    for at, event in enumerate(given):
        first.setdefault(event.id, at)
    found = ADMIT([event for at, event in enumerate(given) if first[event.id] == at], known)
    order = sorted(set(first.values()))
    return dataclasses.replace(
        found,
        waiting=tuple(order[at] for at in found.waiting),
        refused={order[at]: fault for at, fault in found.refused.items()},
    )


def first_wins(events: Iterable[Event], known: Any = None) -> Any:
    """One event after each other only: the second of two that follow the same is refused."""
    given = list(events)
    found = ADMIT(given, known)
    seen: set[Any] = set()
    held: dict[Any, Event] = {}
    for event in sorted(found.held.values(), key=given.index):
        if (event.prev and event.prev in seen) or not event.context <= held.keys():
            continue
        seen.add(event.prev)
        held[event.id] = event
    return dataclasses.replace(found, held=held)


def in_given_order(data: Sequence[Any]) -> bool:
    """Takes lists in any order."""
    return True


def no_repeats(data: Sequence[Any]) -> bool:
    """Takes lists unsorted, but not with equal items."""
    return len(set(data)) == len(data)


def repeats(data: Sequence[Any]) -> bool:
    """Takes sorted lists with equal items."""
    return list(data) == sorted(data)


def heads_by_first_prev(events: Sequence[Event]) -> tuple[Any, ...]:
    """Looks only at the first of the events that each one follows."""
    named = {identifier for event in events for identifier in event.prev[:1]}
    return tuple(event.id for event in events if event.id not in named)


def withdrawn_by_followers(events: Sequence[Event]) -> Mapping[Any, Any]:
    """Lets an unendorse work only on an endorsement that it follows."""
    return ENDORSEMENTS(
        [
            event
            for event in events
            if not isinstance(event.content, identity_contents.Unendorse)
            or event.content.endorsement in event.prev
        ]
    )


def never_withdrawn(events: Sequence[Event]) -> Mapping[Any, Any]:
    return ENDORSEMENTS(
        [e for e in events if not isinstance(e.content, identity_contents.Unendorse)]
    )


def covers_space_only(rights: Rights, space: str, topic: str, salt: bytes | None) -> bool:
    return COVERS(dataclasses.replace(rights, topics="*"), space, topic, salt)


def covers_topic_only(rights: Rights, space: str, topic: str, salt: bytes | None) -> bool:
    return COVERS(dataclasses.replace(rights, spaces="*"), space, topic, salt)


def refuses_a_needless_salt(rights: Rights, space: str, topic: str, salt: bytes | None) -> bool:
    return COVERS(rights, space, topic, salt) and (salt is None or rights.spaces != "*")


def frozen_first(state: Any, org: bytes, delegation: bytes) -> Fault | None:
    """Tells of an upgrade before it asks for events."""
    if state is not None and state.frozen:
        return Fault.UPGRADE_NEEDED
    return DECIDE(state, org, delegation)


def any_frozen(state: Any, org: bytes, delegation: bytes) -> Fault | None:
    """Goes on with a frozen organisation."""
    found = DECIDE(state, org, delegation)
    return None if found is Fault.UPGRADE_NEEDED else found


def blames_the_unknown(request: Request, reply: dict[str, Json]) -> dict[str, Json]:
    return {"fault": "not-accepted"} if reply == {"fault": "identity-needed"} else reply


def refuses_the_unknown(request: Request, reply: dict[str, Json]) -> dict[str, Json]:
    """As one that has not read 4.2.6."""
    found = reply.get("ok")
    return {"fault": "bad-event"} if isinstance(found, dict) and not found["known"] else reply


def forgets_the_top_bit(self: Fields, name: str) -> bytes:
    key = self.binary(name)
    if int.from_bytes(key, "little") in identity_fields.LOW_ORDER_X25519:
        raise ProtocolFault(Fault.BAD_KEY)
    return key


def any_manifest(data: bytes) -> Any:
    """Looks only at the hash."""
    return cuts.CutManifest((), digest("cut-manifest", data))


def wide_key_set(self: Fields, keys: str) -> KeySet:
    """A key set whose threshold may be anything."""
    found = self.hashes(keys, KEY_SET_MAX)
    return KeySet(tuple(found), self.integer("threshold", 0))  # type: ignore[arg-type]


def next_of_itself(known: Any, anchor: Any, cache: Any) -> Any:
    """Forgets that a key change leaves the recovery keys of others in force."""
    found = AUTHORITY(known, anchor, cache)
    first = next(event for event in known.values() if event.anchor is None)
    return found and dataclasses.replace(found, recovery=first.content.recovery)


def anybody_unknown(event: Event, authority: Any) -> None:
    identity_admission._check_validity(event)


def control_only(event: Event, authority: Any) -> None:
    if not authority.control.met_by({key for key, _ in event.signatures}):
        raise ProtocolFault(Fault.THRESHOLD_NOT_MET)
    identity_admission._check_validity(event)


def everybody_entitled(event: Event, authority: Any) -> None:
    """Wants every signature of an unknown event to be by a key of the organisation."""
    known = {*authority.control.keys, *authority.recovery.keys}
    if any(key not in known for key, _ in event.signatures):
        raise ProtocolFault(Fault.BAD_SIGNATURE)
    UNKNOWN(event, authority)


ADMIT = identity_admission.admit
ENDORSEMENTS = identity._endorsements
COVERS = identity_contents.covers
DECIDE = identity._decide
AUTHORITY = identity_admission._authority
UNKNOWN = identity_admission._check_unknown


def everywhere(replacement: object) -> Mutant:
    """The core with another `admit`, wherever it is used."""

    def answer(request: Request) -> dict[str, Json]:
        with (
            patch.object(identity, "admit", replacement),
            patch.object(operations, "admit", replacement),
        ):
            return harness.answer(request)

    return answer


def unordered(replacement: object) -> Mutant:
    """The core with another idea of sorted lists."""

    def answer(request: Request) -> dict[str, Json]:
        with (
            patch.object(identity_fields, "ascends", replacement),
            patch.object(identity_events, "ascends", replacement),
            patch.object(cuts, "ascends", replacement),
        ):
            return harness.answer(request)

    return answer


MUTANTS: dict[str, tuple[Mutant, tuple[str, ...]]] = {
    "checks no signature of an event": (
        replaced(identity_admission, "_check_validity", nothing),
        ("4/admit-signature-spoilt", "4/admit-signature-no-tag", "4/admit-signatures-swapped"),
    ),
    "counts signatures instead of entitled keys": (
        replaced(KeySet, "met_by", counts_signatures),
        ("4/admit-unknown-epoch-by-next", "4/admit-rotate-both-few-recovery"),
    ),
    "takes one signature for a threshold": (
        replaced(KeySet, "met_by", one_is_enough),
        ("4/admit-signed-by-one-of-two", "4/admit-incept-by-one-of-two"),
    ),
    "skips signatures of keys that are not entitled": (
        replaced(identity_admission, "_check_signatures", ignores_strangers),
        ("4/admit-signed-also-by-stranger", "4/admit-rotate-also-by-old"),
    ),
    "checks no possession": (
        replaced(identity_events, "verify", lambda *_: True),
        ("4/possession-of-another-key", "4/possession-for-another-org"),
    ),
    "checks no key where it is introduced": (
        replaced(identity_events, "check_key", nothing),
        ("4/incept-control-off-curve", "4/rotate-recovery-off-curve"),
    ),
    "takes low-order seal keys with a top bit": (
        replaced(Fields, "seal_key", forgets_the_top_bit),
        ("4/sealkey-low-order-1-top-bit", "4/sealkey-low-order-7-top-bit"),
    ),
    "takes any threshold": (
        replaced(Fields, "key_set", wide_key_set),
        ("4/incept-threshold-0", "4/incept-threshold-2-of-1"),
    ),
    "lets any key rotate": (
        replaced(NextKeys, "commits_to", lambda *_: True),
        ("4/admit-rotate-to-a-stranger", "4/admit-rotate-by-current"),
    ),
    "compares next keys without their threshold": (
        replaced(NextKeys, "commits_to", keys_only(NextKeys.commits_to)),
        ("4/admit-rotate-threshold",),
    ),
    "lets a part of the next keys rotate": (
        replaced(NextKeys, "commits_to", allows_parts),
        ("4/admit-rotate-to-a-part",),
    ),
    "keeps the first recovery keys for ever": (
        replaced(identity_admission, "_authority", next_of_itself),
        ("4/admit-recover-by-replaced", "4/admit-recover-by-new"),
    ),
    "refuses what comes too early": (
        everywhere(in_order_only),
        ("4/admit-waits-for-its-ancestors", "4/state-six-backwards", "4/state-concurrent-6"),
    ),
    "keeps one copy of an event that waits": (
        everywhere(waiting_by_id),
        ("4/admit-waits-beside-a-bad-copy",),
    ),
    "lets the first of two concurrent events win": (
        everywhere(first_wins),
        ("4/admit-two-rotations-1", "4/state-concurrent-1", "4/state-unendorse-beside"),
    ),
    "takes lists in any order": (
        unordered(in_given_order),
        ("4/endorse-prev-unsorted", "4/event-signature-twice", "4/cut-list-log-twice"),
    ),
    "takes lists unsorted": (
        unordered(no_repeats),
        ("4/endorse-topics-unsorted", "4/event-signatures-turned", "4/cut-manifest-unsorted"),
    ),
    "takes lists with repeats": (
        unordered(repeats),
        ("4/event-two-signatures-of-one-key", "4/endorse-prev-twice", "4/cut-manifest-repeated"),
    ),
    "refuses unknown events": (
        after("identity.event", refuses_the_unknown),
        ("4/unknown-type", "4/unknown-key", "4/unknown-version-2"),
    ),
    "ignores unknown events": (
        replaced(identity, "_frozen", nothing),
        ("4/state-frozen-by-type", "4/log-frozen", "4/session-frozen"),
    ),
    "lets anybody add unknown events": (
        replaced(identity_admission, "_check_unknown", anybody_unknown),
        ("4/admit-unknown-epoch-by-stranger", "4/state-not-frozen"),
    ),
    "lets only control keys add unknown events": (
        replaced(identity_admission, "_check_unknown", control_only),
        ("4/admit-unknown-chain-by-next", "4/admit-unknown-chain-by-recovery"),
    ),
    "refuses strangers beside enough signatures of an unknown event": (
        replaced(identity_admission, "_check_unknown", everybody_entitled),
        ("4/admit-unknown-epoch-by-control-and-stranger",),
    ),
    "looks at the first of several events that one follows": (
        replaced(identity, "_heads_of", heads_by_first_prev),
        ("4/state-six-forwards",),
    ),
    "never withdraws an endorsement": (
        replaced(identity, "_endorsements", never_withdrawn),
        ("4/state-unendorse-after", "4/state-endorse-again"),
    ),
    "withdraws only what the unendorse follows": (
        replaced(identity, "_endorsements", withdrawn_by_followers),
        ("4/state-unendorse-beside",),
    ),
    "ignores topics": (
        replaced(identity, "covers", covers_space_only),
        ("4/log-topic-not-listed",),
    ),
    "ignores spaces": (
        replaced(identity, "covers", covers_topic_only),
        ("4/log-another-space", "4/log-space-without-salt", "4/log-space-with-another-salt"),
    ),
    "refuses a salt that is not needed": (
        replaced(identity, "covers", refuses_a_needless_salt),
        ("4/log-salt-where-all-spaces",),
    ),
    "tells of an upgrade before it asks for events": (
        replaced(identity, "_decide", frozen_first),
        ("4/log-frozen-unknown",),
    ),
    "goes on with a frozen organisation": (
        replaced(identity, "_decide", any_frozen),
        ("4/log-frozen", "4/session-frozen"),
    ),
    "blames a log for coming before its delegation": (
        after("identity.decide", blames_the_unknown),
        ("4/log-before-delegation", "4/log-before-ancestors", "4/log-of-unknown-org"),
    ),
    "looks only at the hash of a manifest": (
        replaced(identity_events, "parse_manifest", any_manifest),
        ("4/manifest-unsorted", "4/manifest-repeated", "4/manifest-of-63-bytes"),
    ),
    "lets a key be control and recovery key": (
        replaced(identity_events, "_check_disjoint", nothing),
        ("4/incept-recovery-is-control", "4/rotate-recovery-is-control"),
    ),
}
"""What is wrong with an implementation -> how it answers, and vectors that must catch it."""
