"""Which events count: context, order of arrival, and who may sign what."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from example_counts import examples
from hutong_protocol import identity_authoring as authoring
from hutong_protocol.encoding import Encodable, encode
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.hashing import digest
from hutong_protocol.identity import Accepted, Waiting, add_event, admit, evaluate
from hutong_protocol.identity_admission import Known
from hutong_protocol.identity_authoring import ChainPlace, KeySigner
from hutong_protocol.identity_events import Event, parse_event
from hutong_protocol.ids import EventId
from protocol.identity_actors import (
    actor,
    agreed,
    fields_of,
    held,
    refusal_of,
    rotated,
    signer,
    spoilt,
    with_signatures,
)

AID = actor()
TRIO = actor("trio", control=3, threshold=2, following=2, recovery=3, recovery_threshold=2)
NODE = AID.delegate("node")
STRANGER = signer("stranger")
NOWHERE = EventId(digest("event", b"nowhere"))


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
    assert refusal_of(held(AID.event), spoilt(NODE)) == Fault.BAD_SIGNATURE


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
    assert refusal_of(known, event) == Fault.BAD_EVENT
    rotation = rotated(AID, ChainPlace(AID.org, NODE.id, 1, (NODE.id,)))
    assert refusal_of(known, rotation) == Fault.BAD_EVENT


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
    assert refusal_of(known, late) == Fault.BAD_EVENT
    across = AID.signed({"type": "affirm", "ids": [NOWHERE], "prev": [rotation.id]})
    assert refusal_of(known, across) == Fault.BAD_EVENT


@pytest.mark.parametrize("pos", [2, 2**53 - 1])
def test_a_position_of_the_chain_is_not_skipped(pos: int) -> None:
    rotation = rotated(AID, ChainPlace(AID.org, AID.event.id, pos, (AID.event.id,)))
    assert refusal_of(held(AID.event), rotation) == Fault.BAD_EVENT


# Who signs


def test_an_inception_is_signed_by_enough_of_its_own_control_keys() -> None:
    assert refusal_of({}, agreed(TRIO.event, TRIO.control[0])) == Fault.THRESHOLD_NOT_MET
    assert refusal_of({}, agreed(TRIO.event, STRANGER)) == Fault.BAD_SIGNATURE
    assert refusal_of({}, agreed(TRIO.event, *TRIO.recovery)) == Fault.BAD_SIGNATURE
    assert refusal_of({}, spoilt(TRIO.event)) == Fault.BAD_SIGNATURE
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
    assert refusal_of(known, short) == Fault.THRESHOLD_NOT_MET


def test_signatures_of_one_key_count_once() -> None:
    """Hard case 42: even if two of them got past the form, as in a store of other making."""
    [pair] = TRIO.delegate("node", signers=TRIO.control[:1]).signatures
    event = with_signatures(TRIO.delegate("node", signers=TRIO.control[:1]), pair, pair)
    assert refusal_of(held(TRIO.event), event) == Fault.THRESHOLD_NOT_MET


@pytest.mark.parametrize("extra", [STRANGER, TRIO.recovery[0], TRIO.following[0]])
def test_a_signature_by_a_key_that_is_not_entitled_spoils_the_event(extra: KeySigner) -> None:
    """Hard case 25 holds for any key that is not in control, in control no more included."""
    event = TRIO.delegate("node", signers=(*TRIO.control[:2], extra))
    assert refusal_of(held(TRIO.event), event) == Fault.BAD_SIGNATURE


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
    assert refusal_of(known, AID.signed(fields, AID.control)) == Fault.BAD_SIGNATURE
    good = AID.signed(fields, AID.following)
    assert add_event(known, good) == Accepted(good, new=True)


def test_a_signature_of_another_event_or_context_is_not_valid() -> None:
    """Threat 30: what is signed names the context, the event and the key."""
    [(key, of_inception)] = AID.event.signatures
    plain = AID.control[0].sign(NODE.id)
    as_record = AID.control[0].sign(b"hutong/1/sign-record\0" + NODE.id)
    for signature in (of_inception, plain, as_record):
        assert refusal_of(held(AID.event), with_signatures(NODE, (key, signature))) == (
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
    assert refusal_of(held(twin), event) == Fault.BAD_SIGNATURE


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


@settings(max_examples=examples(40))
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
