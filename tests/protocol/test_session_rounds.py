"""What rounds and live sessions do: queued writes, refusals, forks, cursors, parts, HAVE."""

from __future__ import annotations

import random

import pytest

from hutong_protocol.exchange import Cursor, Scope
from hutong_protocol.faults import Fault
from hutong_protocol.frame_forms import encode_frame, parse_frame
from hutong_protocol.frames import (
    Done,
    Events,
    EventsWanted,
    Heads,
    HeadsWanted,
    Parts,
    PartsWanted,
    Refused,
    Roots,
    Runs,
    RunsWanted,
)
from hutong_protocol.session_events import RoundEnded, Settled, Unsettled
from hutong_protocol.session_states import Role, State
from protocol.session_pairs import (
    SCOPE,
    acquaint,
    feed,
    forked,
    frames_of,
    member,
    members,
    pair_of,
    run_until,
    seen,
    stores_equal,
    tell,
    unsettled,
    write,
    writer,
)
from simulation.checkers import check_equal, check_parts
from simulation.pair import Member, Pair, settled
from simulation.parties import delegate, more_events
from simulation.scenario import copy_log
from simulation.writing import Writer

INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER
BOTH = list(Role)


@pytest.fixture
def rng() -> random.Random:
    return random.Random(11)


# Writes during a round


@pytest.mark.parametrize("known", [True, False], ids=["announced", "unannounced"])
@pytest.mark.parametrize("role", BOTH)
def test_what_is_written_during_a_round_arrives_in_the_same_session(
    role: Role, known: bool, rng: random.Random
) -> None:
    """Hard case 60."""
    two = members(rng)
    writers = [writer(one, rng) for one in two]
    write(writers[1 - role])
    pair = pair_of(two, rng)
    run_until(pair, role, State.TRANSFERRING)
    change = write(writers[role])
    if known:
        tell(pair, role, change._replace(first_seq=0))
    pair.run()
    assert settled(pair.ends[role])
    stores_equal(pair)


def test_a_write_unheard_of_between_equal_roots_and_done_calls_a_round(
    rng: random.Random,
) -> None:
    """Hard case 60: nothing was stored, but the own root is no longer what was compared."""
    two, writers = synced(rng, logs=1)
    pair = pair_of(two, rng)
    run_until(pair, INITIATOR, State.TRANSFERRING)
    write(writers[0])
    pair.run()
    assert [news.equal for news in pair.ends[0].of(RoundEnded)] == [False, True]
    stores_equal(pair)


def test_two_that_never_stop_writing_go_on_for_eight_rounds(rng: random.Random) -> None:
    two = members(rng)
    writers = [writer(one, rng) for one in two]
    write(writers[0])
    pair = pair_of(two, rng)

    def between() -> None:
        for end, writing in zip(pair.ends, writers, strict=True):
            if end.session.state in (State.TRANSFERRING, State.ENDING):
                write(writing)

    pair.run(between)
    assert [news.number for news in pair.ends[0].of(RoundEnded)] == list(range(1, 9))
    assert unsettled(pair, INITIATOR).leftovers == ()
    again = pair_of(two, rng)
    again.run()
    stores_equal(again)


# Refusals


def test_a_new_organisation_travels_with_its_log(rng: random.Random) -> None:
    """Hard case 45: identity first, so that nothing is refused."""
    first, second = members(rng)
    stranger = member(rng)
    write(writer(stranger, rng))
    copy_log(stranger.store, first.store, SCOPE, next(iter(stranger.store.logs)), 9)
    pair = pair_of((first, second), rng)
    pair.run()
    stores_equal(pair)
    assert seen(pair, EventsWanted) == 1
    assert seen(pair, Refused) == 0
    assert len(pair.ends[0].of(RoundEnded)) == 1


def test_identity_that_never_comes_is_asked_for_once(rng: random.Random) -> None:
    first, second = members(rng)
    stranger = member(rng)
    write(writer(stranger, rng))
    copy_log(stranger.store, first.store, SCOPE, next(iter(stranger.store.logs)), 9)
    pair = pair_of((first, second), rng)

    def hidden(sender: Role, data: bytes) -> list[bytes]:
        frame = parse_frame(data)
        if isinstance(frame, Events):
            return [encode_frame(Events(frame.org, (), more=False))]
        return [data]

    pair = Pair(*pair.ends, tamper=hidden)
    pair.run()
    [leftover] = unsettled(pair, RESPONDER).leftovers
    assert leftover.fault is Fault.IDENTITY_NEEDED
    assert not leftover.by_peer
    [told] = unsettled(pair, INITIATOR).leftovers
    assert told.by_peer
    assert told.log == leftover.log
    assert seen(pair, RunsWanted, RESPONDER) == 2


def test_an_organisation_that_one_side_does_not_take_is_a_leftover_of_both(
    rng: random.Random,
) -> None:
    """The session goes on, and everything else arrives. Threat 7."""
    first, second = members(rng)
    stranger = member(rng)
    write(writer(stranger, rng), 600)
    copy_log(stranger.store, first.store, SCOPE, next(iter(stranger.store.logs)), 9)
    second.store.accepts = lambda org: org != stranger.party.org
    change = write(writer(first, rng))
    pair = pair_of((first, second), rng)
    pair.run()
    assert change.log in second.store.logs
    for role in Role:
        [leftover] = unsettled(pair, role).leftovers
        assert leftover.fault is Fault.NOT_ACCEPTED
        assert leftover.by_peer is (role is INITIATOR)
    assert len(pair.ends[0].of(RoundEnded)) == 2
    assert [seen(pair, kind, RESPONDER) for kind in (RunsWanted, Refused)] == [2, 2]


# Forks


@pytest.mark.parametrize(("own", "other"), [(1, 1), (3, 3), (1, 90), (90, 1), (70, 80)])
@pytest.mark.parametrize("common", [2, 3, 100, 1_000])
def test_a_fork_is_found_and_located_by_halving(
    own: int, other: int, common: int, rng: random.Random
) -> None:
    """Hard cases 28, 29; threat 15: also deep below both heads, in few questions."""
    first, second, log = forked(rng, common=common, own=own, other=other)
    pair = pair_of((first, second), rng)
    pair.run()
    for end in pair.ends:
        [leftover] = end.of(Unsettled)[0].leftovers
        assert leftover.fault is Fault.FORK
        assert leftover.log == log
        assert end.member.store.logs[log].state.head_seq == common - 1 + (
            own if end is pair.ends[0] else other
        )
    located = {fork for end in pair.ends for fork in end.member.store.logs[log].forks.values()}
    assert located == {common}
    assert seen(pair, RunsWanted) <= 2 * (2 + (common + max(own, other)).bit_length())
    again = pair_of((first, second), rng)
    again.run()
    assert seen(again, RunsWanted) == 0, "a known fork is asked for again"
    assert again.ends[0].of(Unsettled)[0].leftovers[0].fault is Fault.FORK


def test_a_fork_does_not_stop_other_logs(rng: random.Random) -> None:
    first, second, log = forked(rng, common=3, own=2, other=2)
    change = write(writer(first, rng), 2)
    pair = pair_of((first, second), rng)
    pair.run()
    assert change.log in second.store.logs
    assert [entry.log for entry in unsettled(pair, RESPONDER).leftovers] == [log]


# Cursors


def synced(rng: random.Random, logs: int = 12) -> tuple[tuple[Member, Member], list[Writer]]:
    """Two members that have settled once, and remember it."""
    two = members(rng)
    writers = [writer(one, rng) for one in two]
    for writing in writers:
        for _ in range(logs):
            writing.new_log(SCOPE)
    pair_of(two, rng).run()
    pair_of(two, rng).run()
    return two, writers


def test_after_a_settled_session_only_changes_are_listed(rng: random.Random) -> None:
    """Hard case 62: the counter is exclusive, nothing is skipped and nothing comes twice."""
    two, writers = synced(rng)
    # What the first session gave is listed once more, then never again.
    write(writers[0])
    pair_of(two, rng).run()
    write(writers[0])
    pair = pair_of(two, rng)
    pair.run()
    stores_equal(pair)
    [page] = [frame for frame in frames_of(pair, INITIATOR) if isinstance(frame, Heads)]
    assert not page.full
    assert len(page.logs) <= 2


@pytest.mark.parametrize("change", ["epoch", "counter ahead"])
def test_a_cursor_of_another_store_lists_everything(change: str, rng: random.Random) -> None:
    """Hard case 61."""
    two, writers = synced(rng)
    write(writers[0])
    kept = two[1].cursors[two[0].party.org]
    epoch, counter = kept[SCOPE]
    kept[SCOPE] = Cursor(bytes(16), counter) if change == "epoch" else Cursor(epoch, 10**6)
    pair = pair_of(two, rng)
    pair.run()
    stores_equal(pair)
    assert any(
        frame.full and len(frame.logs) == 24
        for frame in frames_of(pair, INITIATOR)
        if isinstance(frame, Heads)
    )


def test_a_peer_that_forgot_what_it_had_gets_it_back(rng: random.Random) -> None:
    """Hard case 34: the cursor says that both were equal, and it is not believed for ever."""
    two, _ = synced(rng)
    empty = member(rng, party=two[1].party)
    acquaint(two[0], empty)
    [root] = two[0].store.scope_roots([SCOPE])
    empty.cursors = {two[0].party.org: {SCOPE: root.cursor}}
    two[0].cursors.clear()
    pair = pair_of((two[0], empty), rng)
    pair.run()
    stores_equal(pair)
    asked = [frame for frame in frames_of(pair, RESPONDER) if isinstance(frame, HeadsWanted)]
    assert [frame.since is None for frame in asked] == [False, True]
    assert len(pair.ends[0].of(RoundEnded)) == 2


def test_a_settled_session_says_where_the_peer_was(rng: random.Random) -> None:
    two, _ = synced(rng, logs=1)
    write(writer(two[1], rng))
    pair = pair_of(two, rng)
    pair.run()
    [news] = pair.ends[0].of(Settled)
    assert isinstance(news, Settled)
    [root] = two[1].store.scope_roots([SCOPE])
    assert news.cursors[SCOPE].epoch == root.cursor.epoch
    assert news.cursors[SCOPE].counter <= root.cursor.counter


# Parts


def hide_parts(of: Member) -> int:
    """Makes every part of a store missing; returns how many there were."""
    count = 0
    for record, (log, kept) in of.store.records.items():
        held = [part for part in kept.parts if part is not None]
        if held:
            count += len(held)
            kept.parts[:] = [None] * len(kept.parts)
            of.store.scopes[log.scope].missing.add(record)
    return count


@pytest.mark.parametrize("role", BOTH)
@pytest.mark.parametrize("live", [False, True])
def test_missing_parts_are_fetched_where_roots_are_equal(
    role: Role, live: bool, rng: random.Random
) -> None:
    two = members(rng)
    write(writer(two[0], rng), 8)
    pair_of(two, rng).run()
    assert hide_parts(two[role]) > 0
    pair = pair_of(two, rng, live=live)
    pair.run()
    check_parts([one.store for one in two], [SCOPE])
    assert seen(pair, PartsWanted, role) > 0
    assert seen(pair, Roots) == 0
    assert all(settled(end) for end in pair.ends)


def test_parts_that_nobody_has_stay_missing_and_cost_one_question(rng: random.Random) -> None:
    two = members(rng)
    write(writer(two[0], rng), 8)
    pair_of(two, rng).run()
    for one in two:
        hide_parts(one)
    pair = pair_of(two, rng)
    pair.run()
    assert [seen(pair, PartsWanted, role) for role in Role] == [1, 1]
    assert all(not frame.items for frame in frames_of(pair) if isinstance(frame, Parts))
    assert all(settled(end) for end in pair.ends)


def test_an_erased_part_is_neither_asked_for_nor_taken(rng: random.Random) -> None:
    """Hard cases 48, 49: a peer that has not heard of the erase cannot bring it back."""
    two = members(rng)
    writing = writer(two[0], rng)
    write(writing, 6)
    pair_of(two, rng).run()
    record, (_, kept) = next(
        (key, entry) for key, entry in two[0].store.records.items() if entry[1].parts
    )
    writing.erase(SCOPE, record, 15)
    assert kept.parts == [None] * len(kept.parts)
    pair = pair_of(two, rng)
    pair.run()
    assert seen(pair, PartsWanted) == 0
    stores_equal(pair)
    assert all(part is None for part in two[1].store.records[record][1].parts)


def test_a_topic_added_later_brings_nothing_twice(rng: random.Random) -> None:
    """Hard case 76."""
    fsc = Scope(SCOPE.space, "fsc")
    first, second = members(rng, [SCOPE, fsc])
    writing = writer(first, rng)
    for scope in (SCOPE, fsc):
        writing.write(scope, writing.random_drafts(5))
    second.scopes = (SCOPE,)
    pair_of((first, second), rng).run()
    second.scopes = (SCOPE, fsc)
    pair = pair_of((first, second), rng)
    pair.run()
    check_equal([first.store, second.store], [SCOPE, fsc])
    wanted = [frame for frame in frames_of(pair, RESPONDER) if isinstance(frame, RunsWanted)]
    assert [frame.scope for frame in wanted] == [1]


def test_identity_events_alone_are_worth_a_round(rng: random.Random) -> None:
    """An organisation with a log in the scope has a new delegation, and no new record."""
    two = members(rng)
    write(writer(two[0], rng))
    pair_of(two, rng).run()
    party = two[0].party
    added = more_events(party, 2, rng)
    two[0].store.store_events(party.org, [event.to_value() for event in added])
    pair = pair_of(two, rng)
    pair.run()
    stores_equal(pair)
    assert two[1].store.states[party.org].heads == two[0].store.states[party.org].heads
    assert seen(pair, Runs) == 0


def test_many_identity_events_come_in_pages(
    rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = members(rng)
    write(writer(two[0], rng))
    party = two[0].party
    events = list(party.events)
    for _ in range(5):
        # Concurrent ones, so that there are many heads.
        seed = rng.randbytes(32)
        events.append(delegate(party.org, party.events, party.control, seed, party.rights))
    two[0].store.store_events(party.org, [event.to_value() for event in events])
    reads = two[0].store.events
    monkeypatch.setattr(
        two[0].store, "events", lambda org, have, scopes, most: reads(org, have, scopes, 700)
    )
    pair = pair_of(two, rng)
    pair.run()
    stores_equal(pair)
    assert seen(pair, EventsWanted, RESPONDER) > 2
    assert len(pair.ends[0].of(RoundEnded)) == 1


def test_an_organisation_of_several_scopes_is_asked_about_once(rng: random.Random) -> None:
    scopes = [Scope(SCOPE.space, topic) for topic in ("base", "fsc", "hea", "wsh")]
    first, second = members(rng, scopes)
    stranger = member(rng, scopes)
    writing = writer(stranger, rng)
    for scope in scopes:
        change = writing.write(scope, writing.random_drafts(1))
        copy_log(stranger.store, first.store, scope, change.log, 0)
    pair = pair_of((first, second), rng)
    pair.run()
    check_equal([first.store, second.store], scopes)
    assert seen(pair, EventsWanted) == 1


def test_three_nodes_in_line_pass_on_what_the_middle_one_does_not_understand(
    rng: random.Random,
) -> None:
    """Hard cases 13, 74: an unknown kind, byte for byte."""
    first, middle = members(rng)
    last = member(rng)
    acquaint(middle, last)
    change = writer(first, rng).write_unknown(SCOPE)
    pair_of((first, middle), rng).run()
    pair_of((middle, last), rng).run()
    kept = [one.store.logs[change.log].kept[-1].record.header for one in (first, last)]
    assert kept[0] == kept[1]


def test_a_done_that_lies_does_not_settle(rng: random.Random) -> None:
    """What is compared is what was read at that moment, not what the peer would like."""
    two = members(rng)
    write(writer(two[0], rng))
    pair = pair_of(two, rng)
    end = run_until(pair, RESPONDER, State.TRANSFERRING)
    feed(end, Done(b"\x01" * 32, 1, again=False))
    assert not end.of(Settled)
