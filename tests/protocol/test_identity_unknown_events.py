"""Events of a form that this version does not know: which are taken, and who must have signed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hutong_protocol import identity_authoring as authoring
from hutong_protocol.cuts import encode_manifest
from hutong_protocol.encoding import Encodable, encode
from hutong_protocol.faults import Fault, LocalProtocolError
from hutong_protocol.hashing import digest
from hutong_protocol.identity import Accepted, Waiting, add_event, admit
from hutong_protocol.identity_authoring import ChainPlace, KeySigner
from hutong_protocol.identity_events import Event, parse_event
from hutong_protocol.ids import EventId
from protocol.identity_actors import (
    TS,
    Actor,
    actor,
    held,
    refusal_of,
    rotated,
    signer,
    spoilt,
    with_signatures,
)
from protocol.identity_samples import AID, GONE, ID, OTHER, Change, changed, fault_of

UNKNOWN: dict[str, tuple[str, Change]] = {
    "another version": ("endorse", {"v": 2}),
    "version zero": ("endorse", {"v": 0}),
    "another type": ("endorse", {"type": "vouch"}),
    "a type without a name": ("endorse", {"type": ""}),
    "another key": ("endorse", {"weight": 3}),
    "another key, and a known one of another form": ("endorse", {"weight": 3, "topics": 7}),
    "another key, and a known one missing": ("endorse", {"weight": 3, "topics": GONE}),
    "a key of another type": ("endorse", {"writer": ID}),
    "a chain event with another key": ("rotate", {"quorum": 3}),
    "an inception with an organisation": (
        "incept",
        {"org": ID, "prev": [ID], "chain": ID},
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_this_version_does_not_define_makes_an_unknown_event(name: str) -> None:
    """Spec 4.2.6: it is stored and freezes, so it is no fault, whatever else is in it."""
    type_name, changes = UNKNOWN[name]
    event = parse_event(changed(type_name, **changes))
    assert not event.known
    assert event.content is None
    assert parse_event(event.to_value()) == event


@pytest.mark.parametrize(
    "changes",
    [
        {"prev": GONE},
        {"prev": [ID, ID]},
        {"org": bytes(31)},
        {"epoch": GONE},
        {"chain": ID},
        {"epoch": None},
        {"ts": "now"},
        {"v": -1},
        {"type": 7},
    ],
)
def test_the_envelope_of_an_unknown_event_is_judged(changes: Change) -> None:
    assert fault_of(changed("endorse", **{"weight": 3, **changes})) == Fault.BAD_EVENT


def test_an_unknown_event_may_have_a_manifest_that_fits() -> None:
    manifest = encode_manifest([ID])
    wire = changed("endorse", manifest=digest("cut-manifest", manifest))
    assert parse_event([*wire[:2], manifest]).attachment == manifest
    assert fault_of(wire) == Fault.BAD_EVENT
    assert fault_of([*wire[:2], encode_manifest([OTHER])]) == Fault.BAD_CUT


@pytest.mark.parametrize("changes", [{"v": 2}, {"quorum": 3}, {"type": "begin"}])
def test_an_inception_of_an_unknown_form_asks_for_an_upgrade(changes: Change) -> None:
    assert fault_of(changed("incept", **changes)) == Fault.UPGRADE_NEEDED


# Who signed them


TRIO = actor("trio", control=3, threshold=2, following=2, recovery=3, recovery_threshold=2)
STRANGER = signer("stranger")
NOWHERE = EventId(digest("event", b"nowhere"))


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
        assert refusal_of(known, unknown(TRIO, STRANGER, chain=chain)) == Fault.THRESHOLD_NOT_MET
        alone = unknown(TRIO, TRIO.control[0], chain=chain)
        assert refusal_of(known, alone) == Fault.THRESHOLD_NOT_MET
        good = unknown(TRIO, *TRIO.control[:2], chain=chain)
        assert add_event(known, good) == Accepted(good, new=True)
        assert refusal_of(known, spoilt(good)) == Fault.BAD_SIGNATURE


def test_an_unknown_event_may_have_other_signatures_too_if_they_are_valid() -> None:
    known = held(TRIO.event)
    event = unknown(TRIO, *TRIO.control[:2], STRANGER)
    assert isinstance(add_event(known, event), Accepted)
    pairs = dict(event.signatures)
    pairs[STRANGER.key] = bytes(64)
    assert refusal_of(known, with_signatures(event, *pairs.items())) == Fault.BAD_SIGNATURE


@pytest.mark.parametrize("chain", [False, True])
def test_only_an_unknown_chain_event_may_be_by_recovery_or_next_keys(chain: bool) -> None:
    known = held(TRIO.event)
    for signers in (TRIO.recovery[:2], TRIO.following):
        event = unknown(TRIO, *signers, chain=chain)
        if chain:
            assert isinstance(add_event(known, event), Accepted)
        else:
            assert refusal_of(known, event) == Fault.THRESHOLD_NOT_MET
        one = unknown(TRIO, signers[0], chain=chain)
        assert refusal_of(known, one) == Fault.THRESHOLD_NOT_MET


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
