"""State of an organisation: a pure function of its set of events, and what is decided from it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from example_counts import examples
from hutong_protocol import identity_authoring as authoring
from hutong_protocol.encoding import Encodable, encode
from hutong_protocol.faults import Fault, LocalProtocolError
from hutong_protocol.hashing import digest
from hutong_protocol.identity import (
    FROZEN_BY_EPOCH,
    FROZEN_BY_UNKNOWN,
    add_event,
    admit,
    decide_log,
    decide_session,
    evaluate,
    heads_digest,
    state_of,
)
from hutong_protocol.identity_admission import authority_after
from hutong_protocol.identity_contents import space_right
from hutong_protocol.identity_events import Event, Rights
from hutong_protocol.ids import EventId, OrgId, WriterKey
from hutong_protocol.limits import EPOCH_EVENTS_AUTHORED_MAX, EPOCH_EVENTS_MAX
from protocol.identity_actors import (
    ALL,
    TS,
    actor,
    commitment,
    keys_of,
    signer,
    spoilt,
    state_after,
)

AID = actor()
NODE = AID.delegate("node")
OTHER_NODE = AID.delegate("other node")
LATER = AID.delegate("later", NODE, OTHER_NODE)
FRIEND = AID.endorse("friend", NODE)
RIVAL = AID.endorse("rival")
NOT_RIVAL = AID.unendorse(RIVAL, RIVAL)
SEAL_ONE = AID.seal_key(1, bytes([9]) * 32)
SEAL_TWO = AID.seal_key(2, bytes([10]) * 32)
NOWHERE = EventId(digest("event", b"nowhere"))
EVENTS = [AID.event, NODE, OTHER_NODE, LATER, FRIEND, RIVAL, NOT_RIVAL]


def test_the_state_is_the_same_in_every_order() -> None:
    """Hard case 39: concurrent delegations both hold, in all 720 orders of six events."""
    events = [AID.event, NODE, OTHER_NODE, LATER, RIVAL, NOT_RIVAL]
    expected = state_after(*events)
    assert expected.delegations.keys() == {NODE.id, OTHER_NODE.id, LATER.id}
    assert expected.endorsements == {}
    assert set(expected.heads) == {LATER.id, NOT_RIVAL.id}
    for order in permutations(events):
        assert state_after(*order) == expected


@settings(max_examples=examples(25))
@given(
    st.permutations([*EVENTS, SEAL_ONE, SEAL_TWO]), st.lists(st.sampled_from(EVENTS), max_size=5)
)
def test_order_and_duplicates_make_no_difference(order: list[Event], again: list[Event]) -> None:
    assert state_after(*order, *again) == state_after(*EVENTS, SEAL_ONE, SEAL_TWO)


@settings(max_examples=examples(25))
@given(st.permutations(EVENTS), st.integers(0, len(EVENTS)))
def test_events_in_two_deliveries_give_the_same_state_as_in_one(
    order: list[Event], at: int
) -> None:
    first = admit(order[:at])
    waiting = [order[position] for position in first.waiting]
    second = admit([*order[at:], *waiting], first.held)
    assert state_of(second.held) == state_after(*EVENTS)


def test_an_event_that_fails_or_waits_has_no_effect_but_being_named() -> None:
    lost = AID.delegate("lost", AID.delegate("never seen"))
    state = state_after(*EVENTS)
    thief = AID.delegate("thief", signers=[signer("thief")])
    found = state_after(*EVENTS, lost, thief, spoilt(SEAL_ONE))
    assert found.waiting == {lost.id}
    assert replace(found, waiting=frozenset()) == state


def test_an_organisation_without_its_inception_has_no_state() -> None:
    assert evaluate([NODE, FRIEND]) == {}
    assert evaluate([]) == {}
    with pytest.raises(LocalProtocolError):
        state_of({NODE.id: NODE})


def test_organisations_do_not_touch_each_other() -> None:
    other = actor("other")
    states = evaluate([*EVENTS, other.event, other.delegate("node")])
    assert states[AID.org] == state_after(*EVENTS)
    assert states[other.org].events == 2
    assert list(states) == sorted(states)
    with pytest.raises(LocalProtocolError):
        state_of({AID.event.id: AID.event, other.event.id: other.event})


def test_the_state_shows_what_the_inception_says() -> None:
    trio = actor("trio", control=3, threshold=2, following=2, recovery=3, recovery_threshold=2)
    state = state_after(trio.event)
    assert state.control == keys_of(trio.control, 2)
    assert state.threshold == 2
    assert state.recovery == keys_of(trio.recovery, 2)
    assert state.next_keys.commits_to(keys_of(trio.following, 2))
    assert state.held == {trio.event.id}
    assert (state.events, state.frozen, state.waiting) == (1, None, frozenset())


# Endorsements and seal keys


def test_an_endorsement_ends_with_an_unendorse_wherever_it_stands() -> None:
    """The same whether it follows the endorsement or came about beside it."""
    for withdrawal in (AID.unendorse(RIVAL, RIVAL), AID.unendorse(RIVAL), NOT_RIVAL):
        assert state_after(AID.event, RIVAL, withdrawal).endorsements == {}
        assert state_after(AID.event, withdrawal, RIVAL).endorsements == {}
    assert state_after(AID.event, RIVAL).endorsements.keys() == {RIVAL.id}


def test_an_unendorse_of_anything_else_has_no_effect() -> None:
    other = actor("other")
    foreign = other.endorse("friend")
    mine = AID.unendorse(foreign)
    wrong = AID.unendorse(NODE)
    states = evaluate([AID.event, NODE, FRIEND, mine, wrong, other.event, foreign])
    assert states[AID.org].endorsements.keys() == {FRIEND.id}
    assert states[AID.org].delegations.keys() == {NODE.id}
    assert states[other.org].endorsements.keys() == {foreign.id}


def test_an_endorsement_can_be_given_again() -> None:
    again = AID.endorse("rival", NOT_RIVAL)
    assert again.id != RIVAL.id
    assert state_after(AID.event, RIVAL, NOT_RIVAL, again).endorsements.keys() == {again.id}


def test_the_seal_key_with_the_greatest_number_then_id_comes_first() -> None:
    twins = [AID.seal_key(2, bytes([number]) * 32) for number in range(11, 15)]
    state = state_after(AID.event, SEAL_TWO, *twins, SEAL_ONE)
    assert [key.number for key in state.seal_keys] == [2, 2, 2, 2, 2, 1]
    assert state.seal_keys[0].id == max(event.id for event in (*twins, SEAL_TWO))
    assert state.seal_keys[-1].key == bytes([9]) * 32


# Heads


def test_heads_are_what_nothing_held_follows() -> None:
    assert state_after(AID.event).heads == (AID.event.id,)
    assert state_after(AID.event, NODE, OTHER_NODE).heads == tuple(sorted([NODE.id, OTHER_NODE.id]))
    assert state_after(AID.event, NODE, OTHER_NODE, LATER).heads == (LATER.id,)


def test_events_that_wait_are_no_heads_and_take_none_away() -> None:
    lost = AID.delegate("lost", NODE, AID.delegate("never seen"))
    assert state_after(AID.event, NODE, lost).heads == (NODE.id,)


def test_the_digest_is_over_the_sorted_heads() -> None:
    state = state_after(*EVENTS)
    joined = b"".join(sorted([LATER.id, FRIEND.id, NOT_RIVAL.id]))
    expected = hashlib.sha256(b"hutong/1/identity-heads\0" + joined).digest()
    assert state.digest == expected == heads_digest(reversed(state.heads))


# Frozen organisations


def key_changes() -> dict[str, Event]:
    """One event of each type that moves what is kept of logs, good in every way."""
    one: dict[str, Any] = {"ts_ms": TS, "signers": AID.control}
    return {
        "rotate": AID.rotate(NODE),
        "recover": authoring.recover(
            AID.end(NODE),
            auth="recovery",
            control=keys_of([signer("saved")]),
            next_keys=commitment("later"),
            ts_ms=TS,
            signers=AID.recovery,
        ),
        "close": authoring.close(AID.end(NODE), auth="control", ts_ms=TS, signers=AID.control),
        "affirm": authoring.affirm(AID.after(NODE), ids=[NODE.id], **one),
        "revoke": authoring.revoke(AID.after(NODE), delegation=NODE.id, cut_lists=[], **one),
        "resolve": authoring.resolve(
            AID.after(NODE), delegation=NODE.id, cut_lists=[NOWHERE], **one
        ),
    }


KEY_CHANGES = key_changes()


@dataclass(frozen=True)
class Opened:
    org: bytes = AID.org
    writer: bytes = signer("node").key
    delegation: bytes = NODE.id
    space: str = "xian-2021"
    topic: str = "fsc"
    space_salt: bytes | None = None


@pytest.mark.parametrize("reason", KEY_CHANGES)
def test_what_moves_cuts_freezes_where_cuts_are_not_applied(reason: str) -> None:
    """Hard case 44: whatever its time claims, the thief's log gets nothing new."""
    event = KEY_CHANGES[reason]
    state = state_after(AID.event, NODE, event)
    assert state.frozen == reason
    assert event.id in state.held
    assert state.heads == (event.id,)
    assert decide_log(state, Opened()) == Fault.UPGRADE_NEEDED
    assert decide_session(state, AID.org, NODE.id) == Fault.UPGRADE_NEEDED
    [applied] = evaluate([AID.event, NODE, event], applies_cuts=True).values()
    assert replace(applied, frozen=reason) == state
    assert decide_log(applied, Opened()) is None


@pytest.mark.parametrize("reason", KEY_CHANGES)
def test_an_event_that_waits_freezes_nothing(reason: str) -> None:
    state = state_after(AID.event, KEY_CHANGES[reason])
    assert state.frozen is None
    assert state.waiting == {KEY_CHANGES[reason].id}


def test_recovery_and_rotation_racing_end_alike_in_every_order() -> None:
    """Hard case 40: recovery wins, whatever freezes."""
    events = [AID.event, NODE, KEY_CHANGES["recover"], KEY_CHANGES["rotate"]]
    states = [state_after(*order) for order in permutations(events)]
    assert all(state == states[0] for state in states)
    assert states[0].frozen == "recover"
    assert states[0].chain == (AID.event.id, KEY_CHANGES["recover"].id)


def test_the_state_shows_the_keys_that_the_last_event_in_force_leaves() -> None:
    state = state_after(AID.event, NODE, KEY_CHANGES["rotate"])
    assert state.control == keys_of(AID.following)
    assert state.recovery == keys_of(AID.recovery)
    assert state.closed is None
    state = state_after(AID.event, NODE, KEY_CHANGES["close"])
    assert state.control == keys_of(AID.control)
    assert state.closed == KEY_CHANGES["close"].content


def test_a_revoked_delegation_is_granted_and_not_in_force() -> None:
    """Its log is taken as far as cuts keep it, its sessions are not."""
    [state] = evaluate([AID.event, NODE, KEY_CHANGES["revoke"]], applies_cuts=True).values()
    assert state.delegations.keys() == state.revoked == {NODE.id}
    assert state.in_force(NODE.id) is None
    assert decide_log(state, Opened()) is None
    assert decide_session(state, AID.org, NODE.id) == Fault.NOT_ACCEPTED


def test_a_revoke_that_a_key_change_undoes_is_an_alarm_and_travels_on() -> None:
    lost, rotation = KEY_CHANGES["revoke"], KEY_CHANGES["rotate"]
    state = state_after(AID.event, NODE, lost, rotation)
    assert state.alarms == (lost.id,)
    assert state.heads == tuple(sorted((lost.id, rotation.id)))
    assert state.in_force(NODE.id) == state.delegations[NODE.id]
    late = AID.delegate("late")
    assert state_after(AID.event, NODE, late, rotation).heads == (rotation.id,)


def test_events_are_written_in_the_epoch_in_force() -> None:
    event = KEY_CHANGES["rotate"]
    [state] = evaluate([AID.event, NODE, event], applies_cuts=True).values()
    assert authoring.epoch_place(state) == authoring.EpochPlace(AID.org, event.id, (event.id,))
    assert authoring.chain_place(state) == authoring.ChainPlace(AID.org, event.id, 2, (event.id,))
    assert state.epoch_events == 0


def test_the_keys_after_an_unknown_chain_event_cannot_be_told() -> None:
    fields: dict[str, Encodable] = {
        "v": 2,
        "type": "migrate",
        "ts": TS,
        "org": AID.org,
        "chain": AID.event.id,
        "prev": [AID.event.id],
    }
    strange = authoring.sign_body(encode(fields), AID.control)
    with pytest.raises(LocalProtocolError):
        authority_after({AID.event.id: AID.event, strange.id: strange}, strange.id)


@pytest.mark.parametrize("changes", [{"v": 2}, {"type": "vouch"}, {"weight": 3}])
def test_an_unknown_event_freezes(changes: dict[str, int | str]) -> None:
    fields = {"type": "endorse", "subject": AID.org, "spaces": "*", "topics": "*", **changes}
    event = AID.signed(fields)
    state = state_after(AID.event, NODE, event)
    assert state.frozen == FROZEN_BY_UNKNOWN
    assert decide_log(state, Opened()) == Fault.UPGRADE_NEEDED
    assert event.id in state.heads


def test_nobody_else_can_freeze_an_organisation() -> None:
    event = AID.signed({"type": "vouch"}, [signer("stranger")])
    assert state_after(AID.event, NODE, event).frozen is None


def many(count: int) -> dict[EventId, Event]:
    """An inception and so many events of its epoch, each after the one before."""
    known = {AID.event.id: AID.event}
    last = AID.event
    for number in range(count):
        last = AID.seal_key(number + 1, bytes([9]) * 32, last)
        verdict = add_event(known, last)
        known[verdict.event.id] = last
    return known


def test_an_epoch_with_more_than_1024_events_freezes() -> None:
    known = many(EPOCH_EVENTS_MAX)
    full = state_of(known)
    assert full.frozen is None
    assert len(full.seal_keys) == EPOCH_EVENTS_MAX
    more = AID.delegate("one more")
    known[more.id] = more
    assert state_of(known).frozen == FROZEN_BY_EPOCH
    with pytest.raises(LocalProtocolError):
        authoring.epoch_place(full)
    few = dict(list(known.items())[: EPOCH_EVENTS_AUTHORED_MAX + 1])
    with pytest.raises(LocalProtocolError):
        authoring.epoch_place(state_of(few))
    few.popitem()
    assert authoring.epoch_place(state_of(few)).prev == tuple(few)[-1:]


# Decisions


def limited(**changes: object) -> Event:
    return AID.delegate("node", rights=replace(ALL, **changes))  # type: ignore[arg-type]


def test_a_log_is_taken_when_its_delegation_covers_it() -> None:
    assert decide_log(state_after(AID.event, NODE), Opened()) is None


def test_a_log_before_its_delegation_is_not_to_blame() -> None:
    """Hard case 45: identity-needed, then accepted."""
    assert decide_log(None, Opened()) == Fault.IDENTITY_NEEDED
    assert decide_log(state_after(AID.event), Opened()) == Fault.IDENTITY_NEEDED
    waits = AID.delegate("node", OTHER_NODE)
    opened = Opened(delegation=waits.id)
    assert decide_log(state_after(AID.event, waits), opened) == Fault.IDENTITY_NEEDED
    assert decide_log(state_after(AID.event, waits, OTHER_NODE), opened) is None


@pytest.mark.parametrize(
    "opened",
    [
        Opened(writer=signer("other node").key),
        Opened(delegation=FRIEND.id),
        Opened(delegation=AID.event.id),
        Opened(delegation=OTHER_NODE.id),
    ],
)
def test_a_log_under_another_delegation_is_not_taken(opened: Opened) -> None:
    """Hard case 24."""
    assert decide_log(state_after(*EVENTS), opened) == Fault.NOT_ACCEPTED


SALT = bytes(range(16))


@pytest.mark.parametrize(
    ("rights", "salt", "refusal"),
    [
        (replace(ALL, write=False), None, Fault.NOT_ACCEPTED),
        (replace(ALL, session=False), None, None),
        (replace(ALL, topics=("base", "fsc")), None, None),
        (replace(ALL, topics=("base", "hea")), None, Fault.NOT_ACCEPTED),
        (replace(ALL, spaces=(space_right(SALT, "xian-2021"),)), SALT, None),
        (replace(ALL, spaces=(space_right(SALT, "xian-2021"),)), None, Fault.NOT_ACCEPTED),
        (replace(ALL, spaces=(space_right(SALT, "xian-2021"),)), bytes(16), Fault.NOT_ACCEPTED),
        (replace(ALL, spaces=(space_right(SALT, "wuhan-2020"),)), SALT, Fault.NOT_ACCEPTED),
    ],
)
def test_a_log_outside_the_rights_is_not_taken(
    rights: Rights, salt: bytes | None, refusal: Fault | None
) -> None:
    """Hard case 46: an out-of-scope topic, and the space hidden behind its salt."""
    delegation = AID.delegate("node", rights=rights)
    opened = Opened(delegation=delegation.id, space_salt=salt)
    assert decide_log(state_after(AID.event, delegation), opened) == refusal


def test_a_session_needs_its_own_right() -> None:
    silent = limited(session=False)
    reader = limited(write=False)
    state = state_after(AID.event, silent, reader, FRIEND, NODE)
    assert decide_session(state, AID.org, reader.id) is None
    assert decide_session(state, AID.org, silent.id) == Fault.NOT_ACCEPTED
    assert decide_session(state, AID.org, FRIEND.id) == Fault.NOT_ACCEPTED
    assert decide_session(state, AID.org, NOWHERE) == Fault.IDENTITY_NEEDED
    assert decide_session(None, AID.org, NODE.id) == Fault.IDENTITY_NEEDED


@pytest.mark.parametrize(
    "ask",
    [
        lambda state: decide_log(state, Opened(org=NOWHERE)),
        lambda state: decide_session(state, NOWHERE, NODE.id),
    ],
)
def test_the_state_of_another_organisation_is_our_own_mistake(
    ask: Callable[[object], object],
) -> None:
    with pytest.raises(LocalProtocolError):
        ask(state_after(AID.event, NODE))


def test_a_key_may_be_delegated_again() -> None:
    again = AID.delegate("node", NODE, rights=replace(ALL, write=False))
    state = state_after(AID.event, NODE, again)
    assert state.delegations[NODE.id].writer == state.delegations[again.id].writer
    assert decide_log(state, Opened()) is None
    assert decide_log(state, Opened(delegation=again.id)) == Fault.NOT_ACCEPTED


def test_the_state_tells_whose_staff_works_where() -> None:
    writer = signer("desk")
    event = authoring.delegate(
        AID.place,
        writer=WriterKey(writer.key),
        possession=authoring.prove_possession(AID.org, writer),
        rights=ALL,
        label="desk",
        home_org=OrgId(NOWHERE),
        ts_ms=TS,
        signers=AID.control,
    )
    [delegation] = state_after(AID.event, event).delegations.values()
    assert (delegation.home_org, delegation.label) == (OrgId(NOWHERE), "desk")
    assert encode(event.to_value())
