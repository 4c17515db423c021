"""A live side that refused something and would take it now: it says so, and both compare anew."""

from __future__ import annotations

import random

import pytest

from hutong_protocol.faults import Fault
from hutong_protocol.frames import Root, Roots
from hutong_protocol.ids import OrgId
from hutong_protocol.session_events import RoundEnded, Settled, Unsettled
from hutong_protocol.session_states import Role, State
from protocol.session_pairs import (
    frames_of,
    member,
    members,
    pair_of,
    run_until,
    seen,
    stores_equal,
    write,
    writer,
)
from simulation.pair import Pair
from simulation.scenario import copy_log


@pytest.fixture
def rng() -> random.Random:
    return random.Random(22)


def refusing(rng: random.Random, role: Role) -> tuple[Pair, set[OrgId]]:
    """A live pair in which the side `role` lacks the log of a stranger whom it doesn't let in."""
    pair_members = members(rng)
    shut: set[OrgId] = set()
    refuser, holder = pair_members[role], pair_members[1 - role]
    stranger = member(rng)
    written = writer(stranger, rng)
    scope = refuser.scopes[0]
    change = write(written, 5)
    holder.store.store_events(stranger.party.org, stranger.party.values)
    copy_log(stranger.store, holder.store, scope, change.log, 9)
    shut.add(stranger.party.org)
    refuser.store.accepts = lambda org: org not in shut
    pair = pair_of(pair_members, rng, live=True)
    pair.run()
    assert all(end.session.state is State.LIVE for end in pair.ends)
    return pair, shut


def rest(pair: Pair, *, until_ms: int, step_ms: int = 1_000) -> None:
    for now_ms in range(0, until_ms, step_ms):
        pair.tick(now_ms)
        pair.run()


@pytest.mark.parametrize("role", list(Role))
def test_what_was_refused_comes_once_it_would_be_taken(rng: random.Random, role: Role) -> None:
    pair, shut = refusing(rng, role)
    assert pair.ends[role].of(Unsettled)
    rest(pair, until_ms=100_000)
    pair.sent.clear()
    shut.clear()
    pair.ends[role].take(pair.ends[role].session.ask_again())
    rest(pair, until_ms=3_000)
    stores_equal(pair)
    assert pair.ends[role].of(RoundEnded)[-1].equal
    assert all(end.session.state is State.LIVE for end in pair.ends)
    asked = [frame for frame in frames_of(pair, role) if isinstance(frame, Root)]
    assert [frame.done for frame in asked[:1]] == [False]
    assert asked[1:] == []


@pytest.mark.parametrize("role", list(Role))
def test_without_asking_again_nothing_moves(rng: random.Random, role: Role) -> None:
    """Hard case 77: not in every session, and not again in this one."""
    pair, shut = refusing(rng, role)
    shut.clear()
    pair.sent.clear()
    rest(pair, until_ms=200_000, step_ms=10_000)
    assert seen(pair, Roots) == 0


@pytest.mark.parametrize("role", list(Role))
def test_what_stays_refused_is_compared_once_more_and_no_longer(
    rng: random.Random, role: Role
) -> None:
    pair, _ = refusing(rng, role)
    pair.sent.clear()
    rounds = len(pair.ends[role].of(RoundEnded))
    pair.ends[role].take(pair.ends[role].session.ask_again())
    rest(pair, until_ms=200_000)
    assert len(pair.ends[role].of(RoundEnded)) == rounds + 1
    assert pair.ends[role].of(Unsettled)[-1].leftovers[0].fault is Fault.NOT_ACCEPTED


def test_asking_again_before_the_session_is_live_waits_for_it(rng: random.Random) -> None:
    pair_members = members(rng)
    write(writer(pair_members[0], rng), 9)
    pair = pair_of(pair_members, rng, live=True)
    assert pair.ends[0].session.ask_again() == []
    end = run_until(pair, Role.INITIATOR, State.TRANSFERRING)
    end.take(end.session.ask_again())
    pair.run()
    assert all(each.of(Settled) for each in pair.ends)
    pair.sent.clear()
    rest(pair, until_ms=3_000)
    # Roots that are equal call for no round, whoever asks.
    assert [frame.done for frame in frames_of(pair) if isinstance(frame, Root)] == [False]
    assert seen(pair, Roots) == 0


@pytest.mark.parametrize("role", list(Role))
def test_records_that_come_meanwhile_are_not_lost(rng: random.Random, role: Role) -> None:
    pair, shut = refusing(rng, role)
    shut.clear()
    own = writer(pair.ends[1 - role].member, rng)
    for now_ms in range(0, 60_000, 500):
        if now_ms == 1_000:
            pair.ends[role].take(pair.ends[role].session.ask_again())
        if now_ms % 3_000 == 0:
            end = pair.ends[1 - role]
            end.take(end.session.local_change([write(own, 2)], eager=bool(now_ms % 2_000)))
        pair.tick(now_ms)
        pair.run()
    stores_equal(pair)
