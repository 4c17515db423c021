"""Which events count: context, order of arrival, and who may sign what."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hutong_protocol import identity_authoring as authoring
from hutong_protocol.encoding import Encodable, encode
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.hashing import digest
from hutong_protocol.identity import Accepted, Waiting, add_event, admit, evaluate
from hutong_protocol.identity_admission import Known
from hutong_protocol.identity_authoring import ChainPlace, KeySigner
from hutong_protocol.identity_contents import Auth
from hutong_protocol.identity_events import Event, parse_event
from hutong_protocol.ids import EventId
from protocol.identity_actors import (
    TS,
    Actor,
    actor,
    agreed,
    commitment,
    fields_of,
    held,
    keys_of,
    signer,
    spoilt,
    with_signatures,
)

AID = actor()
TRIO = actor("trio", control=3, threshold=2, following=2, recovery=3, recovery_threshold=2)
NODE = AID.delegate("node")
STRANGER = signer("stranger")
NOWHERE = EventId(digest("event", b"nowhere"))


def fault_of(known: Known, event: Event) -> Fault:
    with pytest.raises(ProtocolFault) as caught:
        add_event(known, event)
    return caught.value.fault


def missing_of(known: Known, event: Event) -> frozenset[bytes]:
    verdict = add_event(known, event)
    assert isinstance(verdict, Waiting)
    return verdict.missing


# Context


def test_an_event_waits_for_what_it_names() -> None:
    second = AID.delegate("second", NODE)
    assert missing_of({}, second) == {AID.event.id, NODE.id}
    assert missing_of(held(AID.event), second) == {NODE.id}
    assert add_event(held(AID.event, NODE), second) == Accepted(second, new=True)


def test_a_chain_event_waits_for_what_it_seals() -> None:
    rotation = AID.rotate(NODE)
    assert missing_of({}, rotation) == {AID.event.id, NODE.id}
    assert add_event(held(AID.event, NODE), rotation) == Accepted(rotation, new=True)


def test_signatures_of_a_waiting_event_are_not_judged() -> None:
    assert isinstance(add_event({}, spoilt(NODE)), Waiting)
    assert fault_of(held(AID.event), spoilt(NODE)) == Fault.BAD_SIGNATURE


def test_an_event_that_is_held_is_not_judged_again() -> None:
    known = held(AID.event, NODE)
    assert add_event(known, NODE) == Accepted(NODE, new=False)
    assert add_event(known, spoilt(NODE)) == Accepted(NODE, new=False)


def test_events_of_other_organisations_are_no_context() -> None:
    known = held(AID.event) | held(TRIO.event)
    stolen = AID.signed({"type": "affirm", "ids": [NOWHERE], "prev": [TRIO.event.id]})
    assert missing_of(known, stolen) == {TRIO.event.id}


def test_a_bad_copy_does_not_displace_the_good_one_that_waits() -> None:
    """Whoever relays events could otherwise keep one away by sending a spoilt copy first."""
    late = AID.delegate("late", NODE)
    for given_events in permutations([spoilt(late), late, NODE, AID.event]):
        assert set(admit(given_events).held) == {AID.event.id, NODE.id, late.id}


def test_what_is_named_as_chain_or_epoch_is_a_chain_event() -> None:
    known = held(AID.event, NODE)
    event = AID.signed({"type": "affirm", "ids": [NOWHERE], "epoch": NODE.id, "prev": [NODE.id]})
    assert fault_of(known, event) == Fault.BAD_EVENT
    rotation = rotated(AID, ChainPlace(AID.org, NODE.id, 1, (NODE.id,)))
    assert fault_of(known, rotation) == Fault.BAD_EVENT


def test_an_event_follows_only_events_of_its_own_epoch() -> None:
    rotation = AID.rotate(NODE)
    known = held(AID.event, NODE, rotation)
    late = AID.signed(
        {
            "type": "affirm",
            "ids": [NOWHERE],
            "epoch": rotation.id,
            "prev": sorted([NODE.id, rotation.id]),
        },
        AID.following,
    )
    assert fault_of(known, late) == Fault.BAD_EVENT
    across = AID.signed({"type": "affirm", "ids": [NOWHERE], "prev": [rotation.id]})
    assert fault_of(known, across) == Fault.BAD_EVENT


@pytest.mark.parametrize("pos", [2, 2**53 - 1])
def test_a_position_of_the_chain_is_not_skipped(pos: int) -> None:
    rotation = rotated(AID, ChainPlace(AID.org, AID.event.id, pos, (AID.event.id,)))
    assert fault_of(held(AID.event), rotation) == Fault.BAD_EVENT


# Who signs


def test_an_inception_is_signed_by_enough_of_its_own_control_keys() -> None:
    assert fault_of({}, agreed(TRIO.event, TRIO.control[0])) == Fault.THRESHOLD_NOT_MET
    assert fault_of({}, agreed(TRIO.event, STRANGER)) == Fault.BAD_SIGNATURE
    assert fault_of({}, agreed(TRIO.event, *TRIO.recovery)) == Fault.BAD_SIGNATURE
    assert fault_of({}, spoilt(TRIO.event)) == Fault.BAD_SIGNATURE
    assert add_event({}, agreed(TRIO.event, *TRIO.control)).event.id == TRIO.event.id


def test_any_signers_that_meet_the_threshold_make_the_same_event() -> None:
    delegation = TRIO.delegate("node", signers=TRIO.control[:2])
    others = agreed(delegation, TRIO.control[0], TRIO.control[2])
    assert others.id == delegation.id
    assert others.signatures != delegation.signatures
    assert evaluate([TRIO.event, delegation]) == evaluate([TRIO.event, others])


def test_one_signature_too_few_is_too_few() -> None:
    known = held(TRIO.event)
    short = TRIO.delegate("node", signers=TRIO.control[1:2])
    assert fault_of(known, short) == Fault.THRESHOLD_NOT_MET


def test_signatures_of_one_key_count_once() -> None:
    """Hard case 42: even if two of them got past the form, as in a store of other making."""
    [pair] = TRIO.delegate("node", signers=TRIO.control[:1]).signatures
    event = with_signatures(TRIO.delegate("node", signers=TRIO.control[:1]), pair, pair)
    assert fault_of(held(TRIO.event), event) == Fault.THRESHOLD_NOT_MET


@pytest.mark.parametrize("extra", [STRANGER, TRIO.recovery[0], TRIO.following[0]])
def test_a_signature_by_a_key_that_is_not_entitled_spoils_the_event(extra: KeySigner) -> None:
    """Hard case 25 holds for any key that is not in control, in control no more included."""
    event = TRIO.delegate("node", signers=(*TRIO.control[:2], extra))
    assert fault_of(held(TRIO.event), event) == Fault.BAD_SIGNATURE


def test_control_keys_that_were_rotated_out_sign_nothing_in_the_new_epoch() -> None:
    """Hard case 25."""
    rotation = AID.rotate()
    known = held(AID.event, rotation)
    fields: dict[str, Encodable] = {
        "type": "affirm",
        "ids": [NOWHERE],
        "epoch": rotation.id,
        "prev": [rotation.id],
    }
    assert fault_of(known, AID.signed(fields, AID.control)) == Fault.BAD_SIGNATURE
    good = AID.signed(fields, AID.following)
    assert add_event(known, good) == Accepted(good, new=True)


def test_a_signature_of_another_event_or_context_is_not_valid() -> None:
    """Threat 30: what is signed names the context, the event and the key."""
    [(key, of_inception)] = AID.event.signatures
    plain = AID.control[0].sign(NODE.id)
    as_record = AID.control[0].sign(b"hutong/1/sign-record\0" + NODE.id)
    for signature in (of_inception, plain, as_record):
        assert fault_of(held(AID.event), with_signatures(NODE, (key, signature))) == (
            Fault.BAD_SIGNATURE
        )


def test_an_event_cannot_be_moved_to_another_organisation() -> None:
    """Threat 31: with equal keys, the organisation stands inside what is signed."""
    fields = fields_of(AID.event)
    twin = authoring.sign_body(encode({**fields, "nonce": bytes(16)}), AID.control)
    moved = {**fields_of(NODE), "org": twin.org, "epoch": twin.id, "prev": [twin.id]}
    wire = [encode(moved), *NODE.to_value()[1:]]
    with pytest.raises(ProtocolFault) as caught:
        parse_event(wire)
    assert caught.value.fault == Fault.BAD_POSSESSION
    endorsement = AID.endorse("friend")
    moved = {**fields_of(endorsement), "org": twin.org, "epoch": twin.id, "prev": [twin.id]}
    event = parse_event([encode(moved), *endorsement.to_value()[1:]])
    assert fault_of(held(twin), event) == Fault.BAD_SIGNATURE


# The key chain


def rotated(
    owner: Actor,
    place: ChainPlace,
    *,
    auth: Auth = "control",
    kind: Callable[..., Event] = authoring.rotate,
    control: tuple[KeySigner, ...] | None = None,
    threshold: int | None = None,
    signers: tuple[KeySigner, ...] | None = None,
    recovery: tuple[KeySigner, ...] | None = None,
    following: str = "third",
) -> Event:
    control = owner.following if control is None else control
    return kind(
        place,
        auth=auth,
        control=keys_of(control, threshold),
        next_keys=commitment(following),
        recovery=None if recovery is None else keys_of(recovery),
        ts_ms=TS,
        signers=control if signers is None else signers,
    )


def test_a_key_that_was_not_committed_to_cannot_rotate() -> None:
    """Hard case 41, threat 23: not even the control keys in force can."""
    for thief in (AID.control, (STRANGER,)):
        event = rotated(AID, AID.end(), control=thief)
        assert fault_of(held(AID.event), event) == Fault.NEXT_KEY_MISMATCH


def test_a_rotation_keeps_the_threshold_committed_to() -> None:
    event = rotated(TRIO, TRIO.end(), threshold=1)
    assert fault_of(held(TRIO.event), event) == Fault.NEXT_KEY_MISMATCH


def test_a_rotation_is_signed_by_its_own_control_keys_alone() -> None:
    known = held(TRIO.event)
    both = TRIO.following
    assert fault_of(known, rotated(TRIO, TRIO.end(), signers=both[:1])) == Fault.THRESHOLD_NOT_MET
    for wrong in (TRIO.control[:2], (*both, TRIO.control[0]), (*both, *TRIO.recovery)):
        assert fault_of(known, rotated(TRIO, TRIO.end(), signers=wrong)) == Fault.BAD_SIGNATURE
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
        assert fault_of(known, signed_by(*short)) == Fault.THRESHOLD_NOT_MET
    # The recovery keys that it brings in have no say in bringing themselves in.
    assert fault_of(known, signed_by(*TRIO.following, STRANGER)) == Fault.BAD_SIGNATURE


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
    assert fault_of(known, recovered(TRIO.recovery[0])) == Fault.THRESHOLD_NOT_MET
    assert fault_of(known, recovered(*TRIO.control)) == Fault.BAD_SIGNATURE
    with_own = recovered(*TRIO.recovery, STRANGER)
    assert fault_of(known, with_own) == Fault.BAD_SIGNATURE


def test_recovery_with_both_needs_the_committed_keys() -> None:
    event = rotated(
        TRIO,
        TRIO.end(),
        auth="both",
        kind=authoring.recover,
        control=(STRANGER,),
        signers=(STRANGER, *TRIO.recovery),
    )
    assert fault_of(held(TRIO.event), event) == Fault.NEXT_KEY_MISMATCH


def closed(owner: Actor, auth: Auth, *signers: KeySigner) -> Event:
    return authoring.close(owner.end(), auth=auth, ts_ms=TS, signers=signers)


def test_a_close_is_signed_by_the_keys_in_force() -> None:
    known = held(TRIO.event)
    for good in (
        closed(TRIO, "control", *TRIO.control[:2]),
        closed(TRIO, "both", *TRIO.control[:2], *TRIO.recovery[:2]),
    ):
        assert add_event(known, good) == Accepted(good, new=True)
    assert fault_of(known, closed(TRIO, "control", *TRIO.following)) == Fault.BAD_SIGNATURE
    assert fault_of(known, closed(TRIO, "both", *TRIO.control)) == Fault.THRESHOLD_NOT_MET


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

    assert fault_of(known, recovered(AID.recovery)) == Fault.BAD_SIGNATURE
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


# Unknown events


def unknown(owner: Actor, *signers: KeySigner, chain: bool = False) -> Event:
    fields: dict[str, Encodable] = {
        "v": 1,
        "type": "merge",
        "ts": TS,
        "org": owner.org,
        "prev": [owner.event.id],
    }
    return authoring.sign_body(
        encode({**fields, "chain" if chain else "epoch": owner.event.id}), signers
    )


def test_nobody_else_can_put_an_unknown_event_into_an_organisation() -> None:
    known = held(TRIO.event)
    for chain in (False, True):
        assert fault_of(known, unknown(TRIO, STRANGER, chain=chain)) == Fault.THRESHOLD_NOT_MET
        alone = unknown(TRIO, TRIO.control[0], chain=chain)
        assert fault_of(known, alone) == Fault.THRESHOLD_NOT_MET
        good = unknown(TRIO, *TRIO.control[:2], chain=chain)
        assert add_event(known, good) == Accepted(good, new=True)
        assert fault_of(known, spoilt(good)) == Fault.BAD_SIGNATURE


def test_an_unknown_event_may_have_other_signatures_too_if_they_are_valid() -> None:
    known = held(TRIO.event)
    event = unknown(TRIO, *TRIO.control[:2], STRANGER)
    assert isinstance(add_event(known, event), Accepted)
    pairs = dict(event.signatures)
    pairs[STRANGER.key] = bytes(64)
    assert fault_of(known, with_signatures(event, *pairs.items())) == Fault.BAD_SIGNATURE


@pytest.mark.parametrize("chain", [False, True])
def test_only_an_unknown_chain_event_may_be_by_recovery_or_next_keys(chain: bool) -> None:
    known = held(TRIO.event)
    for signers in (TRIO.recovery[:2], TRIO.following):
        event = unknown(TRIO, *signers, chain=chain)
        if chain:
            assert isinstance(add_event(known, event), Accepted)
        else:
            assert fault_of(known, event) == Fault.THRESHOLD_NOT_MET
        one = unknown(TRIO, signers[0], chain=chain)
        assert fault_of(known, one) == Fault.THRESHOLD_NOT_MET


def test_what_stands_after_an_unknown_chain_event_waits() -> None:
    change = unknown(AID, *AID.control, chain=True)
    known = held(AID.event, change)
    late = AID.signed({"type": "affirm", "ids": [NOWHERE], "epoch": change.id, "prev": [change.id]})
    verdict = add_event(known, late)
    assert verdict == Waiting(late, frozenset({change.id}), unreadable=True)
    again = rotated(AID, ChainPlace(AID.org, change.id, 2, (change.id,)))
    assert isinstance(add_event(known, again), Waiting)
    assert admit([late, change, again, AID.event]).waiting == (0, 2)


def test_an_unknown_event_is_followed_like_any_other() -> None:
    event = unknown(AID, *AID.control)
    late = AID.delegate("late", event)
    assert set(admit([late, event, AID.event]).held) == {late.id, event.id, AID.event.id}


def test_an_event_without_context_that_is_no_inception_cannot_be_made_up() -> None:
    with pytest.raises(LocalProtocolError):
        add_event({}, replace(AID.event, statement=replace(AID.event.statement, content=None)))


# Any order


def crowd() -> list[Event]:
    """Events of two organisations: good, spoilt, not entitled, waiting for ever."""
    second = AID.delegate("second", NODE)
    third = AID.endorse("friend", NODE)
    merge = AID.delegate("merge", second, third)
    lost = AID.delegate("lost", AID.delegate("never seen", NODE))
    ours = TRIO.delegate("node", signers=TRIO.control[1:])
    return [
        AID.event,
        NODE,
        second,
        third,
        merge,
        lost,
        spoilt(merge),
        AID.delegate("thief", NODE, signers=[STRANGER]),
        TRIO.event,
        ours,
        TRIO.delegate("short", signers=TRIO.control[:1]),
        AID.rotate(merge),
    ]


CROWD = crowd()


@settings(max_examples=40)
@given(st.permutations(CROWD), st.lists(st.sampled_from(CROWD), max_size=4))
def test_what_is_held_and_waits_depends_only_on_the_set(
    order: list[Event], again: list[Event]
) -> None:
    expected = admit(CROWD)
    events = [*order, *again]
    found = admit(events)
    assert found.held.keys() == expected.held.keys()
    assert len(found.held) == 8
    assert {events[at].id for at in found.waiting} == {CROWD[at].id for at in expected.waiting}
    assert {events[at].id for at in found.refused} - found.held.keys() == {
        CROWD[at].id for at in expected.refused
    } - expected.held.keys()


def test_events_are_added_to_those_that_are_known() -> None:
    first = admit([AID.event, NODE])
    second = admit([AID.delegate("second", NODE)], first.held)
    assert len(second.held) == 3
    assert first.held.keys() < second.held.keys()


def test_each_refused_event_is_named_with_its_fault() -> None:
    found = admit(CROWD)
    faults = {CROWD[at].id: fault.fault for at, fault in found.refused.items()}
    assert faults[CROWD[7].id] == Fault.BAD_SIGNATURE
    assert faults[CROWD[10].id] == Fault.THRESHOLD_NOT_MET
    assert [CROWD[at].id for at in found.waiting] == [CROWD[5].id]
