"""Live sessions: records as they come, names of records, quiet compares, and peers that stall."""

from __future__ import annotations

import random

import pytest

from hutong_protocol import session_serving
from hutong_protocol.exchange import LogRun, RunWant
from hutong_protocol.faults import Fault
from hutong_protocol.frames import (
    EventsWanted,
    Have,
    Refused,
    Root,
    Roots,
    Runs,
    RunsWanted,
)
from hutong_protocol.session_events import RoundEnded, Unsettled
from hutong_protocol.session_states import Role, State
from protocol.session_pairs import (
    SCOPE,
    failure,
    forked,
    frames_of,
    live_pair,
    member,
    members,
    pair_of,
    run_until,
    seen,
    stores_equal,
    tell,
    write,
    writer,
)
from simulation.checkers import check_parts
from simulation.pair import Pair
from simulation.scenario import copy_log
from simulation.writing import Writer

INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER
BOTH = list(Role)


@pytest.fixture
def rng() -> random.Random:
    return random.Random(11)


def test_a_live_log_of_a_new_organisation_is_taken_once_its_events_are_here(
    rng: random.Random,
) -> None:
    """`identity-needed`, then the events, then the run again."""
    pair, _ = live_pair(rng)
    stranger = member(rng)
    change = write(writer(stranger, rng), 600)
    copy_log(stranger.store, pair.ends[0].member.store, SCOPE, change.log, 9)
    tell(pair, INITIATOR, change._replace(first_seq=0))
    pair.run()
    assert seen(pair, Refused) == 0
    assert seen(pair, EventsWanted, RESPONDER) == 1
    assert seen(pair, RunsWanted, RESPONDER) == 1
    stores_equal(pair)


def test_a_gap_in_a_live_log_is_filled_from_the_own_head(rng: random.Random) -> None:
    """Hard case 26."""
    pair, writers = live_pair(rng)
    for times in (1, 2, 3):
        write(writers[0], 3)
        tell(pair, INITIATOR, write(writers[0], 2))
        pair.run()
        assert seen(pair, RunsWanted, RESPONDER) == times
        stores_equal(pair)


def test_a_gap_does_not_use_up_the_asking_for_a_new_organisation(rng: random.Random) -> None:
    """Two runs come before the answer to the first gap, which is the first to need the events."""
    pair, _ = live_pair(rng)
    stranger = member(rng)
    change = write(writer(stranger, rng), 600)
    copy_log(stranger.store, pair.ends[0].member.store, SCOPE, change.log, 9)
    tell(pair, INITIATOR, change._replace(first_seq=300))
    tell(pair, INITIATOR, change._replace(first_seq=500))
    pair.run()
    assert seen(pair, EventsWanted, RESPONDER) == 1
    assert seen(pair, RunsWanted, RESPONDER) == 2
    stores_equal(pair)


def test_parts_missed_by_a_live_run_are_asked_for_when_it_is_quiet(rng: random.Random) -> None:
    """Parts that do not fit a run go out as absent, and the roots do not show it."""
    pair, writers = live_pair(rng)
    change = write(writers[0], 6)
    taken = {}
    for record, (_, kept) in pair.ends[0].member.store.records.items():
        taken[record] = list(kept.parts)
        kept.parts[:] = [None] * len(kept.parts)
    tell(pair, INITIATOR, change)
    pair.run()
    for record, parts in taken.items():
        pair.ends[0].member.store.records[record][1].parts[:] = parts
    for now_ms in (1_000, 2_000, 40_000):
        pair.tick(now_ms)
        pair.run()
    check_parts([end.member.store for end in pair.ends], [SCOPE])


@pytest.mark.parametrize("role", BOTH)
def test_a_live_record_is_sent_at_once(role: Role, rng: random.Random) -> None:
    pair, writers = live_pair(rng)
    tell(pair, role, write(writers[role]))
    pair.run()
    stores_equal(pair)
    assert [type(frame) for frame in frames_of(pair, role)] == [Runs]


@pytest.mark.parametrize("role", BOTH)
def test_a_record_that_is_only_named_is_asked_for_after_a_grace(
    role: Role, rng: random.Random
) -> None:
    pair, writers = live_pair(rng)
    pair.tick(1_000)
    tell(pair, role, write(writers[role]), eager=False)
    pair.run()
    assert [type(frame) for frame in frames_of(pair, role)] == [Have]
    pair.tick(1_100)
    pair.run()
    assert seen(pair, RunsWanted) == 0
    pair.tick(1_500)
    pair.run()
    stores_equal(pair)


def test_a_named_record_that_came_by_another_way_is_not_asked_for(rng: random.Random) -> None:
    """Hard case 65."""
    pair, writers = live_pair(rng)
    change = write(writers[0])
    tell(pair, INITIATOR, change, eager=False)
    pair.run()
    source, target = (end.member.store for end in pair.ends)
    batch = source.read_runs(SCOPE, [RunWant(change.log, 0)], 10**7)
    target.store_runs(SCOPE, [LogRun(*run) for run in batch.runs], source.own)
    pair.tick(5_000)
    pair.run()
    assert seen(pair, RunsWanted) == 0


def test_a_live_record_that_is_held_is_no_fault(rng: random.Random) -> None:
    """Threat 4: a duplicate."""
    pair, writers = live_pair(rng)
    change = write(writers[0])
    for _ in range(3):
        tell(pair, INITIATOR, change)
        pair.run()
    assert seen(pair, Runs) == 3
    stores_equal(pair)
    assert all(failure(end) is None for end in pair.ends)


@pytest.mark.parametrize("role", BOTH)
def test_what_a_live_session_was_not_told_is_found_when_it_is_quiet(
    role: Role, rng: random.Random
) -> None:
    pair, writers = live_pair(rng)
    now_ms = 1_000
    for _ in range(10):
        write(writers[role])
        for elapsed_ms in (1_000, 1_000, 38_000):
            now_ms += elapsed_ms
            pair.tick(now_ms)
            pair.run()
        stores_equal(pair)
    assert seen(pair, Root) > 0
    assert all(end.session.state is State.LIVE for end in pair.ends)
    # And live goes on afterwards.
    tell(pair, role, write(writers[role]))
    pair.run()
    stores_equal(pair)


def test_the_eight_rounds_are_counted_anew_from_live_on(rng: random.Random) -> None:
    """Otherwise a session that has lived long has no second round left when it needs one."""
    pair, writers = live_pair(rng)
    now_ms = 1_000
    for _ in range(12):
        write(writers[0])
        before = len(pair.ends[0].of(RoundEnded))

        def meanwhile(before: int = before) -> None:
            first_round = len(pair.ends[0].of(RoundEnded)) == before
            for end, writing in zip(pair.ends, writers, strict=True):
                if first_round and end.session.state is State.TRANSFERRING:
                    write(writing)

        for elapsed_ms in (1_000, 1_000, 38_000):
            now_ms += elapsed_ms
            pair.tick(now_ms)
            pair.run(meanwhile)
        ended = pair.ends[0].of(RoundEnded)[before:]
        assert ended[-1].equal
        stores_equal(pair)
    assert len(pair.ends[0].of(RoundEnded)) > 24
    assert not any(end.of(Unsettled) for end in pair.ends)


def test_quiet_sides_that_agree_only_compare_roots(rng: random.Random) -> None:
    pair, _ = live_pair(rng)
    for now_ms in range(1_000, 200_000, 10_000):
        pair.tick(now_ms)
        pair.run()
    assert {type(frame) for frame in frames_of(pair)} == {Root}
    assert len(pair.sent) < 20


def test_a_fork_is_not_fought_over_again_while_it_is_quiet(rng: random.Random) -> None:
    first, second, _ = forked(rng, common=3, own=2, other=2)
    pair = pair_of((first, second), rng, live=True)
    pair.run()
    pair.sent.clear()
    for now_ms in range(1_000, 200_000, 10_000):
        pair.tick(now_ms)
        pair.run()
    assert seen(pair, Roots) == 0
    assert all(end.session.state is State.LIVE for end in pair.ends)


def test_a_write_while_a_quiet_round_runs_is_not_lost(rng: random.Random) -> None:
    """Hard case 64, again and again, in any interleaving."""
    for seed in range(15):
        chance = random.Random(seed)
        quiet, writers = live_pair(chance)
        pair = Pair(*quiet.ends, rng=chance)
        write(writers[0])
        for now_ms in (1_000, 2_000, 40_000):
            pair.tick(now_ms)
        left = [6]

        def between(
            pair: Pair = pair,
            writers: list[Writer] = writers,
            left: list[int] = left,
            chance: random.Random = chance,
        ) -> None:
            if left[0] and chance.random() < 0.3:
                left[0] -= 1
                at = chance.choice(BOTH)
                tell(pair, at, write(writers[at]), eager=chance.random() < 0.7)

        pair.run(between)
        for now_ms in (50_000, 60_000, 90_000, 95_000, 130_000):
            pair.tick(now_ms)
            pair.run()
        stores_equal(pair)
        assert all(end.session.state is State.LIVE for end in pair.ends)


def test_a_peer_that_gives_no_credit_back_is_dropped(rng: random.Random) -> None:
    """Hard case 66; threat 10: nobody waits for it."""
    pair, writers = live_pair(rng, credit=1)
    end = pair.ends[INITIATOR]
    for now_ms in (1_000, 2_000):
        tell(pair, INITIATOR, write(writers[0]))
        while end.pending:
            end.answer()
        end.session.frames_to_send()
        end.take(end.session.tick(now_ms))
    assert failure(end) is None
    end.take(end.session.tick(32_001))
    assert failure(end) is Fault.TIMED_OUT


def test_a_peer_that_goes_silent_in_a_round_is_given_up(rng: random.Random) -> None:
    """Threat 34."""
    two = members(rng)
    write(writer(two[0], rng))
    pair = pair_of(two, rng)
    end = run_until(pair, RESPONDER, State.TRANSFERRING)
    while end.pending:
        end.answer()
    for now_ms in (1_000, 61_000):
        end.take(end.session.tick(now_ms))
        assert failure(end) is None
    end.take(end.session.tick(61_002))
    assert failure(end) is Fault.TIMED_OUT


def test_own_slowness_is_not_held_against_the_peer(rng: random.Random) -> None:
    two = members(rng)
    write(writer(two[0], rng))
    pair = pair_of(two, rng)
    end = run_until(pair, RESPONDER, State.COMPARING)
    assert end.pending
    for now_ms in (1_000, 70_000, 150_000):
        end.take(end.session.tick(now_ms))
    assert failure(end) is None


def test_a_quiet_live_session_lasts(rng: random.Random) -> None:
    pair, _ = live_pair(rng)
    end = pair.ends[RESPONDER]
    for now_ms in range(0, 3_600_000, 25_000):
        end.take(end.session.tick(now_ms))
    assert failure(end) is None


def test_changes_of_one_log_that_wait_for_credit_are_sent_together(rng: random.Random) -> None:
    pair, writers = live_pair(rng, credit=1)
    end = pair.ends[INITIATOR]
    for _ in range(4):
        tell(pair, INITIATOR, write(writers[0]))
        while end.pending:
            end.answer()
    pair.run()
    assert [type(frame) for frame in frames_of(pair, INITIATOR)] == [Runs, Runs]
    assert seen(pair, RunsWanted) == 0
    stores_equal(pair)


def test_a_long_live_change_goes_out_in_several_frames(
    rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_serving, "ANSWER_BYTES_MAX", 1_000)
    pair, writers = live_pair(rng)
    tell(pair, INITIATOR, write(writers[0], 700))
    pair.run()
    assert seen(pair, Runs) == 3
    assert seen(pair, RunsWanted) == 0
    stores_equal(pair)
