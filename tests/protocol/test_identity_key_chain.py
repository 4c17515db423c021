"""The key chain: who may change the keys of an organisation, and what was committed to."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import permutations

import pytest

from hutong_protocol import identity_authoring as authoring
from hutong_protocol.faults import Fault
from hutong_protocol.hashing import digest
from hutong_protocol.identity import Accepted, add_event, admit
from hutong_protocol.identity_authoring import ChainPlace, KeySigner
from hutong_protocol.identity_contents import Auth
from hutong_protocol.identity_events import Event
from hutong_protocol.ids import EventId
from protocol.identity_actors import (
    TS,
    Actor,
    actor,
    held,
    refusal_of,
    rotated,
    signer,
)

AID = actor()
TRIO = actor("trio", control=3, threshold=2, following=2, recovery=3, recovery_threshold=2)
STRANGER = signer("stranger")
NOWHERE = EventId(digest("event", b"nowhere"))


def test_a_key_that_was_not_committed_to_cannot_rotate() -> None:
    """Hard case 41, threat 23: not even the control keys in force can."""
    for thief in (AID.control, (STRANGER,)):
        event = rotated(AID, AID.end(), control=thief)
        assert refusal_of(held(AID.event), event) == Fault.NEXT_KEY_MISMATCH


def test_a_rotation_keeps_the_threshold_committed_to() -> None:
    event = rotated(TRIO, TRIO.end(), threshold=1)
    assert refusal_of(held(TRIO.event), event) == Fault.NEXT_KEY_MISMATCH


def test_a_rotation_is_signed_by_its_own_control_keys_alone() -> None:
    known = held(TRIO.event)
    both = TRIO.following
    assert refusal_of(known, rotated(TRIO, TRIO.end(), signers=both[:1])) == Fault.THRESHOLD_NOT_MET
    for wrong in (TRIO.control[:2], (*both, TRIO.control[0]), (*both, *TRIO.recovery)):
        assert refusal_of(known, rotated(TRIO, TRIO.end(), signers=wrong)) == Fault.BAD_SIGNATURE
    event = rotated(TRIO, TRIO.end())
    assert add_event(known, event) == Accepted(event, new=True)


@pytest.mark.parametrize("kind", [authoring.rotate, authoring.recover])
def test_both_means_two_thresholds(kind: Callable[..., Event]) -> None:
    known = held(TRIO.event)

    def signed_by(*signers: KeySigner) -> Event:
        return rotated(
            TRIO, TRIO.end(), auth="both", kind=kind, signers=signers, recovery=(STRANGER,)
        )

    good = signed_by(*TRIO.following, *TRIO.recovery[:2])
    assert add_event(known, good) == Accepted(good, new=True)
    for short in (
        (*TRIO.following, TRIO.recovery[0]),
        (TRIO.following[0], *TRIO.recovery),
        TRIO.recovery,
    ):
        assert refusal_of(known, signed_by(*short)) == Fault.THRESHOLD_NOT_MET
    # The recovery keys that it brings in have no say in bringing themselves in.
    assert refusal_of(known, signed_by(*TRIO.following, STRANGER)) == Fault.BAD_SIGNATURE


def test_recovery_keys_alone_put_any_keys_in_charge() -> None:
    known = held(TRIO.event)

    def recovered(*signers: KeySigner) -> Event:
        return rotated(
            TRIO,
            TRIO.end(),
            auth="recovery",
            kind=authoring.recover,
            control=(STRANGER,),
            signers=signers,
        )

    good = recovered(*TRIO.recovery[1:])
    assert add_event(known, good) == Accepted(good, new=True)
    assert refusal_of(known, recovered(TRIO.recovery[0])) == Fault.THRESHOLD_NOT_MET
    assert refusal_of(known, recovered(*TRIO.control)) == Fault.BAD_SIGNATURE
    with_own = recovered(*TRIO.recovery, STRANGER)
    assert refusal_of(known, with_own) == Fault.BAD_SIGNATURE


def test_recovery_with_both_needs_the_committed_keys() -> None:
    event = rotated(
        TRIO,
        TRIO.end(),
        auth="both",
        kind=authoring.recover,
        control=(STRANGER,),
        signers=(STRANGER, *TRIO.recovery),
    )
    assert refusal_of(held(TRIO.event), event) == Fault.NEXT_KEY_MISMATCH


def closed(owner: Actor, auth: Auth, *signers: KeySigner) -> Event:
    return authoring.close(owner.end(), auth=auth, ts_ms=TS, signers=signers)


def test_a_close_is_signed_by_the_keys_in_force() -> None:
    known = held(TRIO.event)
    for good in (
        closed(TRIO, "control", *TRIO.control[:2]),
        closed(TRIO, "both", *TRIO.control[:2], *TRIO.recovery[:2]),
    ):
        assert add_event(known, good) == Accepted(good, new=True)
    assert refusal_of(known, closed(TRIO, "control", *TRIO.following)) == Fault.BAD_SIGNATURE
    assert refusal_of(known, closed(TRIO, "both", *TRIO.control)) == Fault.THRESHOLD_NOT_MET


def chain_of(length: int) -> list[Event]:
    """An organisation whose keys change again and again, by the keys committed to each time."""
    events = [AID.event]
    control: tuple[KeySigner, ...] = AID.following
    for pos in range(1, length + 1):
        last = events[-1]
        events.append(
            rotated(
                AID,
                ChainPlace(AID.org, last.id, pos, (last.id,)),
                control=control,
                following=f"next of {pos}",
            )
        )
        control = (signer(f"next of {pos}"),)
    return events


def test_the_organisation_stays_the_same_through_key_changes() -> None:
    """Hard case 47: three rotations and a recovery, each judged by the keys before it."""
    events = chain_of(3)
    last = events[-1]
    recovery = rotated(
        AID,
        ChainPlace(AID.org, last.id, 4, (last.id,)),
        auth="recovery",
        kind=authoring.recover,
        control=(STRANGER,),
        signers=AID.recovery,
    )
    after = AID.signed(
        {"type": "affirm", "ids": [NOWHERE], "epoch": recovery.id, "prev": [recovery.id]},
        [STRANGER],
    )
    known = held(*events, recovery, after)
    assert {event.org for event in known.values()} == {AID.org}


def test_recovery_keys_that_were_replaced_recover_nothing() -> None:
    """Threat 23: an old recovery sheet that turns up later is worth nothing any more."""
    new = rotated(
        AID,
        AID.end(),
        auth="both",
        signers=(*AID.following, *AID.recovery),
        recovery=(STRANGER,),
    )
    known = held(AID.event, new)
    place = ChainPlace(AID.org, new.id, 2, (new.id,))
    thief = signer("thief")

    def recovered(by: tuple[KeySigner, ...]) -> Event:
        return rotated(
            AID, place, auth="recovery", kind=authoring.recover, control=(thief,), signers=by
        )

    assert refusal_of(known, recovered(AID.recovery)) == Fault.BAD_SIGNATURE
    assert isinstance(add_event(known, recovered((STRANGER,))), Accepted)


def test_after_a_close_the_keys_are_as_before() -> None:
    close = closed(AID, "control", *AID.control)
    known = held(AID.event, close)
    late = AID.signed({"type": "affirm", "ids": [NOWHERE], "epoch": close.id, "prev": [close.id]})
    rotation = rotated(AID, ChainPlace(AID.org, close.id, 2, (close.id,)))
    assert isinstance(add_event(known, late), Accepted)
    assert isinstance(add_event(known, rotation), Accepted)


def test_a_long_chain_is_no_problem() -> None:
    events = chain_of(60)
    random.Random(7).shuffle(events)
    assert len(admit(events).held) == 61


def test_two_rotations_at_one_position_are_both_held_in_any_order() -> None:
    """Hard case 39, as far as this release goes: neither is refused for coming second."""
    first, second = rotated(AID, AID.end()), rotated(AID, AID.end(), following="fourth")
    for events in permutations([AID.event, first, second]):
        assert set(admit(events).held) == {AID.event.id, first.id, second.id}
