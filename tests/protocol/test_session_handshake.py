"""Handshake and scopes: nobody gets in by replay, reflection, relay or downgrade. Threats 5, 6."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from hutong_protocol import identity_authoring as authoring
from hutong_protocol.exchange import OfferedScope, Scope
from hutong_protocol.faults import Fault, LocalProtocolError
from hutong_protocol.frame_forms import encode_frame, parse_frame
from hutong_protocol.frames import (
    Auth,
    Bye,
    Events,
    EventsWanted,
    Frame,
    Hello,
    Root,
    Scopes,
    Shared,
)
from hutong_protocol.handshake import OwnIdentity, SessionLimits
from hutong_protocol.identity import evaluate
from hutong_protocol.session import SyncSession
from hutong_protocol.session_events import Finished, Opened, StoreEvents
from hutong_protocol.session_states import Role, State
from protocol.session_pairs import (
    SCOPE,
    acquaint,
    endpoint,
    failure,
    feed,
    frames_of,
    member,
    members,
    outgoing,
    pair_of,
    peer_fault,
    run_until,
)
from simulation.pair import Endpoint, Member, Pair, finished
from simulation.parties import found, more_events

INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER


@pytest.fixture
def rng() -> random.Random:
    return random.Random(7)


def opened(end: Endpoint) -> tuple[Scope, ...] | None:
    """The scopes that the session shares, None if it is not open."""
    news = end.of(Opened)
    return news[0].scopes if news else None


def changed(pair: Pair, sender: Role, change: Callable[[Frame], Frame]) -> Pair:
    """The same two ends, with somebody in the middle who changes the frames of one side."""

    def tamper(by: Role, data: bytes) -> list[bytes]:
        frame = parse_frame(data)
        assert frame is not None
        return [encode_frame(change(frame))] if by is sender else [data]

    return Pair(*pair.ends, tamper=tamper)


def test_two_that_know_each_other_open_a_session(rng: random.Random) -> None:
    pair = pair_of(members(rng), rng)
    pair.run()
    for end, other in (pair.ends, pair.ends[::-1]):
        assert opened(end) == (SCOPE,)
        assert end.session.peer_org == other.member.party.org
        assert finished(end) == Finished("", interrupted=False)


def test_a_handshake_recorded_and_replayed_fails(rng: random.Random) -> None:
    """Threat 5: the responder's nonce is new, so the signature is over something else."""
    two = members(rng)
    recorded = pair_of(two, rng)
    recorded.run()
    victim = endpoint(two[1], RESPONDER, rng)
    for frame in frames_of(recorded, INITIATOR)[:3]:
        feed(victim, frame)
    assert failure(victim) is Fault.HANDSHAKE_FAILED
    assert opened(victim) is None


@pytest.mark.parametrize("role", list(Role))
def test_a_side_that_gets_its_own_frames_back_fails(role: Role, rng: random.Random) -> None:
    """Threat 5: reflection."""
    two = members(rng)
    victim = endpoint(two[role], role, rng)
    if role is RESPONDER:
        stranger = endpoint(two[0], INITIATOR, rng)
        feed(victim, *outgoing(stranger))
        hello, auth = outgoing(victim)
        victim = endpoint(two[1], RESPONDER, rng)
        feed(victim, hello, auth)
    else:
        feed(victim, *outgoing(victim))
    assert failure(victim) is Fault.HANDSHAKE_FAILED


def test_an_auth_sent_back_to_its_signer_fails(rng: random.Random) -> None:
    """Threat 5: both sides sign the same transcript, but the role stands before it."""
    first, second = members(rng)
    first.party = second.party
    victim = endpoint(second, RESPONDER, rng)
    feed(victim, *outgoing(endpoint(first, INITIATOR, rng)))
    _, own_auth = outgoing(victim)
    feed(victim, own_auth)
    assert failure(victim) is Fault.HANDSHAKE_FAILED


def test_a_relay_in_the_middle_fails_at_both_sides(rng: random.Random) -> None:
    """Threat 5: it has to show a certificate of its own to the initiator."""
    two = members(rng)
    ends = [
        endpoint(one, role, rng, certificate=certificate)
        for one, role, certificate in zip(two, Role, (b"m" * 32, b"c" * 32), strict=True)
    ]
    pair = Pair(ends[0], ends[1])
    pair.run()
    assert failure(ends[0]) is Fault.HANDSHAKE_FAILED
    assert opened(ends[0]) is None
    assert opened(ends[1]) is None


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(
    "change",
    [
        lambda hello: replace(hello, versions=(1, 2)),
        lambda hello: replace(hello, features=()),
        lambda hello: replace(hello, credit=64),
        lambda hello: replace(hello, nonce=bytes(32)),
        lambda hello: replace(hello, frame_bytes_max=1_500_000),
    ],
    ids=["versions", "features", "credit", "nonce", "frame"],
)
def test_an_offer_changed_on_the_way_is_noticed(
    role: Role, change: Callable[[Hello], Hello], rng: random.Random
) -> None:
    """Threat 6: what was offered is signed by both."""

    def hello_changed(frame: Frame) -> Frame:
        return change(frame) if isinstance(frame, Hello) else frame

    pair = changed(pair_of(members(rng), rng, live=True), role, hello_changed)
    pair.run()
    assert {opened(end) for end in pair.ends} == {None}
    assert Fault.HANDSHAKE_FAILED in {failure(end) for end in pair.ends}


def test_no_common_version_is_said(rng: random.Random) -> None:
    """Hard case 72."""

    def later(frame: Frame) -> Frame:
        return replace(frame, versions=(2, 3)) if isinstance(frame, Hello) else frame

    pair = changed(pair_of(members(rng), rng), INITIATOR, later)
    pair.run()
    assert failure(pair.ends[RESPONDER]) is Fault.NO_COMMON_VERSION
    ended = finished(pair.ends[INITIATOR])
    assert ended is not None
    assert ended.peer_fault == "no-common-version"


def test_a_key_that_is_not_the_delegations_fails(rng: random.Random) -> None:
    first, second = members(rng)
    thief = found(rng)
    first.party = replace(first.party, seed=thief.seed)
    pair = pair_of((first, second), rng)
    pair.run()
    assert failure(pair.ends[RESPONDER]) is Fault.HANDSHAKE_FAILED


def test_an_unknown_organisation_is_learnt_before_it_is_let_in(rng: random.Random) -> None:
    pair = pair_of((member(rng), member(rng)), rng)
    pair.run()
    for end, other in (pair.ends, pair.ends[::-1]):
        assert opened(end) == (SCOPE,)
        assert other.member.party.org in end.member.store.states
    assert len([frame for frame in frames_of(pair) if isinstance(frame, EventsWanted)]) == 2


def test_nothing_of_a_stranger_is_stored_before_its_signature_is_verified(
    rng: random.Random,
) -> None:
    first, second = member(rng), member(rng)
    first.party = replace(first.party, seed=found(rng).seed)
    pair = pair_of((first, second), rng)
    pair.run()
    assert failure(pair.ends[RESPONDER]) is Fault.HANDSHAKE_FAILED
    assert first.party.org not in second.store.states


def test_who_is_not_let_in_hears_it_after_the_signature(rng: random.Random) -> None:
    first, second = member(rng), member(rng)
    second.lets_in = lambda org: False
    pair = pair_of((first, second), rng)
    pair.run()
    assert failure(pair.ends[RESPONDER]) is Fault.NOT_ACCEPTED
    assert peer_fault(pair, RESPONDER) == "not-accepted"
    assert first.party.org not in second.store.states
    assert not any(isinstance(frame, (Shared, Root)) for frame in frames_of(pair))


def test_who_pretends_to_be_somebody_hears_nothing_about_them(rng: random.Random) -> None:
    first, second = members(rng)
    second.lets_in = lambda org: False
    first.party = replace(first.party, seed=found(rng).seed)
    pair = pair_of((first, second), rng)
    pair.run()
    assert peer_fault(pair, RESPONDER) == "handshake-failed"


def test_a_delegation_without_the_right_gets_no_session(rng: random.Random) -> None:
    first = member(rng, party=found(rng, session=False))
    pair = pair_of((first, member(rng)), rng)
    pair.run()
    assert failure(pair.ends[RESPONDER]) is Fault.NOT_ACCEPTED


def test_an_event_that_is_no_delegation_gets_no_session(rng: random.Random) -> None:
    first, second = members(rng)
    first.party = replace(first.party, delegation=first.party.events[0].id)
    pair = pair_of((first, second), rng)
    pair.run()
    assert failure(pair.ends[RESPONDER]) is Fault.HANDSHAKE_FAILED


def test_a_frozen_organisation_gets_no_session(rng: random.Random) -> None:
    first, second = members(rng)
    party = first.party
    state = evaluate(party.events)[party.org]
    revoked = authoring.revoke(
        authoring.epoch_place(state),
        delegation=party.delegation,
        cut_lists=[],
        ts_ms=3,
        signers=[party.control],
    )
    second.store.store_events(party.org, [revoked.to_value()])
    pair = pair_of((first, second), rng)
    pair.run()
    assert failure(pair.ends[RESPONDER]) is Fault.UPGRADE_NEEDED


def early(rng: random.Random, known: bool = True) -> tuple[Endpoint, Member]:
    """A responder that has the initiator's HELLO, and the initiator."""
    first, second = member(rng), member(rng)
    if known:
        acquaint(first, second)
    victim = endpoint(second, RESPONDER, rng)
    feed(victim, *outgoing(endpoint(first, INITIATOR, rng)))
    outgoing(victim)
    return victim, first


def test_an_organisation_that_gives_no_events_is_left(rng: random.Random) -> None:
    victim, first = early(rng, known=False)
    feed(victim, Events(first.party.org, (), more=False))
    assert failure(victim) is Fault.IDENTITY_NEEDED


def test_events_without_end_are_not_taken(rng: random.Random) -> None:
    victim, first = early(rng, known=False)
    inception = first.party.values[0]
    for _ in range(4):
        assert failure(victim) is None
        feed(victim, Events(first.party.org, (inception,), more=True))
    assert failure(victim) is Fault.IDENTITY_NEEDED


def test_events_that_lack_the_delegation_do_not_help(rng: random.Random) -> None:
    victim, first = early(rng, known=False)
    feed(victim, Events(first.party.org, (first.party.values[0],), more=False))
    assert failure(victim) is Fault.IDENTITY_NEEDED


@pytest.mark.parametrize("about", ["unasked", "another organisation"])
def test_events_that_were_not_asked_for_are_not_taken(about: str, rng: random.Random) -> None:
    victim, first = early(rng, known=about == "unasked")
    org = first.party.org if about == "unasked" else victim.member.party.org
    feed(victim, Events(org, tuple(first.party.values), more=False))
    assert failure(victim) is Fault.UNEXPECTED_FRAME


def test_only_its_own_identity_is_told_to_somebody_unknown(rng: random.Random) -> None:
    victim, first = early(rng)
    own = victim.member.party
    feed(victim, EventsWanted(own.org, ()))
    [told] = outgoing(victim)
    assert isinstance(told, Events)
    assert list(told.events) == own.values
    feed(victim, EventsWanted(first.party.org, ()))
    assert failure(victim) is Fault.UNEXPECTED_FRAME


def test_scopes_that_come_before_the_verdict_wait_for_it(rng: random.Random) -> None:
    first, second = members(rng)
    pair = pair_of((first, second), rng)
    run_until(pair, INITIATOR, State.AGREEING)
    hello, auth, scopes = frames_of(pair, INITIATOR) + outgoing(pair.ends[INITIATOR])
    # A responder whose answer about the peer takes its time.
    victim = pair.ends[RESPONDER]
    assert victim.session.state is State.PROVING
    for frame in (auth, scopes):
        victim.take(victim.session.receive(encode_frame(frame)))
    assert victim.session.state in (State.CHECKING, State.AGREEING, State.OPENING)
    while victim.pending:
        victim.answer()
    assert opened(victim) == (SCOPE,)
    assert isinstance(hello, Hello)


def test_a_second_scopes_before_the_verdict_is_unexpected(rng: random.Random) -> None:
    first, second = members(rng)
    victim = endpoint(second, RESPONDER, rng)
    initiator = endpoint(first, INITIATOR, rng)
    victim.take(victim.session.receive(initiator.session.frames_to_send()[0]))
    for frame in (Auth(bytes(64)), Scopes(()), Scopes(())):
        victim.take(victim.session.receive(encode_frame(frame)))
    assert failure(victim) is Fault.UNEXPECTED_FRAME


def test_only_scopes_that_both_delegations_cover_are_shared(rng: random.Random) -> None:
    """Hard cases 46, 58: spaces stand as hashes, and the salt shown is the one that counts."""
    scopes = [Scope("a", "base"), Scope("b", "base"), Scope("c", "base")]
    first = member(rng, scopes, found(rng, spaces=["a", "b"]))
    second = member(rng, scopes, found(rng, spaces=["b", "c"]))
    pair = pair_of((first, second), rng)
    pair.run()
    for end in pair.ends:
        assert opened(end) == (Scope("b", "base"),)
        assert finished(end) == Finished("", interrupted=False)


def test_a_scope_offered_without_its_salt_is_not_shared(rng: random.Random) -> None:
    first, second = member(rng, party=found(rng, spaces=[SCOPE.space])), member(rng)

    def change(frame: Frame) -> Frame:
        return Scopes((OfferedScope(SCOPE, None),)) if isinstance(frame, Scopes) else frame

    pair = changed(pair_of((first, second), rng), INITIATOR, change)
    pair.run()
    assert opened(pair.ends[RESPONDER]) == ()


def test_without_a_shared_scope_both_say_goodbye(rng: random.Random) -> None:
    first, second = members(rng)
    second.scopes = (Scope("elsewhere", "base"),)
    pair = pair_of((first, second), rng)
    pair.run()
    for end in pair.ends:
        assert opened(end) == ()
        assert finished(end) == Finished("", interrupted=False)


@pytest.mark.parametrize(
    ("choice", "fault"), [((7, None), Fault.BAD_FRAME), ((0, b"x" * 16), Fault.NOT_ACCEPTED)]
)
def test_a_responder_shares_nothing_that_was_not_offered_or_is_not_covered(
    choice: tuple[int, bytes | None], fault: Fault, rng: random.Random
) -> None:
    first = member(rng)
    second = member(rng, party=found(rng, spaces=[SCOPE.space]))
    acquaint(first, second)

    def change(frame: Frame) -> Frame:
        return Shared((choice,)) if isinstance(frame, Shared) else frame

    pair = changed(pair_of((first, second), rng), RESPONDER, change)
    pair.run()
    assert failure(pair.ends[INITIATOR]) is fault


def test_a_handshake_that_takes_too_long_is_cut_off(rng: random.Random) -> None:
    victim, _ = early(rng)
    for now_ms in (5_000, 15_000):
        victim.take(victim.session.tick(now_ms))
        assert failure(victim) is None
    victim.take(victim.session.tick(15_001))
    assert failure(victim) is Fault.TIMED_OUT


def test_long_identities_are_learnt_in_pages(
    rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = member(rng), member(rng)
    events = more_events(first.party, 6, rng)
    first.store.store_events(first.party.org, [event.to_value() for event in events])
    reads = first.store.events
    monkeypatch.setattr(
        first.store, "events", lambda org, have, scopes, most: reads(org, have, scopes, 300)
    )
    pair = pair_of((first, second), rng)
    pair.run()
    assert opened(pair.ends[RESPONDER]) == (SCOPE,)
    asked = [frame for frame in frames_of(pair, RESPONDER) if isinstance(frame, EventsWanted)]
    assert len(asked) > 1


def test_own_mistakes_are_raised_at_once(rng: random.Random) -> None:
    party = found(rng)
    own = OwnIdentity(party.org, party.delegation, party.writer, party.sign)
    with pytest.raises(LocalProtocolError):
        SyncSession(INITIATOR, own, b"short", certificate=None)
    with pytest.raises(LocalProtocolError):
        SyncSession(INITIATOR, own, bytes(32), certificate=b"short")
    with pytest.raises(LocalProtocolError):
        SessionLimits(credit=65)
    with pytest.raises(LocalProtocolError):
        SessionLimits(frame_bytes_max=1)
    session = SyncSession(INITIATOR, own, bytes(32), certificate=None)
    with pytest.raises(LocalProtocolError):
        session.events_stored(StoreEvents(1, party.org, ()), None)  # type: ignore[arg-type]


def test_a_session_can_be_left_at_any_time(rng: random.Random) -> None:
    for state in (State.GREETING, State.PROVING, State.AGREEING, State.OPENING):
        pair = pair_of(members(rng), rng)
        end = run_until(pair, RESPONDER, state)
        end.take(end.session.close())
        pair.run()
        assert finished(end) == Finished("", interrupted=True)
        assert finished(pair.ends[INITIATOR]) == Finished("", interrupted=True)
        assert isinstance(frames_of(pair, RESPONDER)[-1], Bye)
