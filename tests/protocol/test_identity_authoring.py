"""Writing identity events: the places they go to, and what the writer refuses to write.

That each type of event is read back as it was written stands in `test_identity_events`, and that
the events count in `test_identity_admission`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from hutong_protocol import identity_authoring as authoring
from hutong_protocol.cuts import parse_manifest
from hutong_protocol.faults import LocalProtocolError
from hutong_protocol.hashing import digest
from hutong_protocol.identity import Accepted, add_event
from hutong_protocol.identity_authoring import ChainPlace, EpochPlace, KeySigner
from hutong_protocol.identity_contents import Endorse, KeyChange, Revoke
from hutong_protocol.ids import EventId, OrgId
from protocol.identity_actors import (
    ALL,
    TS,
    actor,
    commitment,
    held,
    keys_of,
    signer,
    state_after,
)

AID = actor()
NODES = [AID.delegate(f"node {number}") for number in range(6)]
IDS = [digest("event", bytes([number])) for number in range(3)]


def test_the_next_event_follows_everything_known() -> None:
    place = authoring.epoch_place(state_after(AID.event, *NODES[:2]))
    assert place == AID.after(*NODES[:2])
    assert authoring.epoch_place(state_after(AID.event)) == AID.place


def test_more_than_four_heads_are_merged_step_by_step() -> None:
    state = state_after(AID.event, *NODES)
    place = authoring.epoch_place(state)
    assert place.prev == state.heads[:4]
    merge = authoring.affirm(place, ids=[NODES[0].id], ts_ms=TS, signers=AID.control)
    assert isinstance(add_event(held(AID.event, *NODES), merge), Accepted)
    with pytest.raises(LocalProtocolError):
        authoring.chain_place(state)


def test_a_key_change_seals_what_is_known() -> None:
    state = state_after(AID.event, *NODES[:2])
    place = authoring.chain_place(state)
    assert place == ChainPlace(AID.org, AID.event.id, 1, state.heads)
    rotation = AID.rotate(*NODES[:2])
    assert rotation.prev == place.prev
    assert authoring.chain_place(state_after(AID.event)).prev == (AID.event.id,)


def test_nothing_is_written_for_a_frozen_organisation() -> None:
    state = state_after(AID.event, AID.rotate())
    for place in (authoring.epoch_place, authoring.chain_place):
        with pytest.raises(LocalProtocolError):
            place(state)


def test_what_is_given_in_any_order_is_written_sorted() -> None:
    event = authoring.endorse(
        AID.place,
        subject=OrgId(IDS[0]),
        spaces=sorted(IDS, reverse=True),
        topics=["hea", "fsc"],
        ts_ms=TS,
        signers=AID.control,
    )
    assert event.content == Endorse(OrgId(IDS[0]), tuple(sorted(IDS)), ("fsc", "hea"))


def test_a_revoke_carries_the_manifest_that_it_names() -> None:
    event = authoring.revoke(
        AID.place,
        delegation=NODES[0].id,
        cut_lists=sorted(IDS, reverse=True),
        ts_ms=TS,
        signers=AID.control,
    )
    assert event.attachment is not None
    manifest = parse_manifest(event.attachment)
    assert manifest.lists == tuple(sorted(IDS))
    assert event.content == Revoke(NODES[0].id, manifest.hash, None)


def test_a_signer_named_twice_signs_once() -> None:
    trio = actor("trio", control=3, threshold=2)
    twice = trio.delegate("node", signers=(trio.control[1], trio.control[0], trio.control[1]))
    assert [key for key, _ in twice.signatures] == sorted(one.key for one in trio.control[:2])


def test_a_key_change_without_new_recovery_keys_leaves_them_out() -> None:
    content = AID.rotate().content
    assert isinstance(content, KeyChange)
    assert (content.recovery, content.affirm) == (None, ())


def test_keys_that_are_committed_to_stay_hidden() -> None:
    key = signer("next").key
    promised = authoring.commit_to([key], 1)
    assert key not in promised.digests
    assert promised.commits_to(keys_of([signer("next")]))
    assert not promised.commits_to(keys_of([signer("other")]))
    assert commitment("next") == promised


def test_a_signer_that_signs_wrongly_is_noticed() -> None:
    honest = AID.control[0]
    for wrong in (
        KeySigner(honest.key, signer("other").sign),
        KeySigner(honest.key, lambda message: honest.sign(message[1:])),
        KeySigner(honest.key, lambda _: b""),
    ):
        with pytest.raises(LocalProtocolError):
            AID.delegate("node", signers=[wrong])


def test_what_breaks_the_form_is_not_written() -> None:
    delegate = {"ts_ms": TS, "signers": AID.control, "rights": ALL, "label": "node"}
    node = signer("node")
    proof = authoring.prove_possession(AID.org, node)
    good = {"writer": node.key, "possession": proof, **delegate}
    authoring.delegate(AID.place, **good)  # type: ignore[arg-type]
    for wrong in (
        {**good, "possession": bytes(64)},
        {**good, "label": ""},
        {**good, "label": "x" * 65},
        {**good, "rights": replace(ALL, topics=())},
        {**good, "signers": []},
        {**good, "ts_ms": -1},
        {**good, "writer": bytes(32)},
    ):
        with pytest.raises(LocalProtocolError):
            authoring.delegate(AID.place, **wrong)  # type: ignore[arg-type]
    nowhere = EpochPlace(AID.org, AID.event.id, ())
    with pytest.raises(LocalProtocolError):
        authoring.unendorse(nowhere, endorsement=EventId(IDS[0]), ts_ms=TS, signers=AID.control)


def test_recovery_keys_do_not_change_by_control_alone() -> None:
    with pytest.raises(LocalProtocolError):
        authoring.rotate(
            AID.end(),
            auth="control",
            control=keys_of(AID.following),
            next_keys=commitment("later"),
            recovery=keys_of([signer("thief")]),
            ts_ms=TS,
            signers=AID.following,
        )
