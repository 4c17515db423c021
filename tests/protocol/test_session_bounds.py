"""What a session costs, and what it never costs: bytes, round trips, memory. Threats 8, 10, 33."""

from __future__ import annotations

import random

import pytest

from hutong_protocol import session_asking, session_parts, session_serving
from hutong_protocol.authoring import Draft
from hutong_protocol.exchange import Cursor, Head, LogHeads, Scope
from hutong_protocol.frames import (
    ENTRIES_MAX,
    FRAME_BYTES_MIN,
    Credit,
    Frame,
    Heads,
    HeadsWanted,
    Parts,
    Refused,
    Runs,
    RunsEnd,
    RunsWanted,
)
from hutong_protocol.ids import LogId, RecordId
from hutong_protocol.runs import PartData
from hutong_protocol.session_serving import LOGS_NAMED_MAX, LogNumbers
from hutong_protocol.session_states import Role, State
from protocol.frame_samples import HASH
from protocol.session_pairs import (
    SCOPE,
    acquaint,
    failure,
    feed,
    frames_of,
    member,
    members,
    outgoing,
    pair_of,
    run_until,
    writer,
)
from simulation.checkers import check_equal, check_parts
from simulation.pair import Endpoint, Member, Pair, settled
from simulation.parties import found

INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER


def filled(rng: random.Random, logs: int, records: int = 1) -> tuple[Member, Member]:
    """Two members of which the first has these logs in one scope."""
    first, second = members(rng)
    writing = writer(first, rng)
    for _ in range(logs):
        writing.new_log(SCOPE)
        if records > 1:
            writing.write(SCOPE, writing.random_drafts(records - 1))
    return first, second


@pytest.mark.parametrize("count", [1, 10, 100])
@pytest.mark.parametrize("salted", [False, True])
def test_equal_stores_take_two_round_trips_and_few_bytes(count: int, salted: bool) -> None:
    """Hard case 59: at most 600 bytes and 60 for each scope, both ways, without a listing."""
    rng = random.Random(count)
    scopes = [Scope(f"xian-2021-{at:03d}", "fsc") for at in range(count)]
    spaces = [scope.space for scope in scopes[:32]] if salted else None
    scopes = scopes[:32] if salted else scopes
    two = [member(rng, scopes, found(rng, spaces=spaces)) for _ in range(2)]
    acquaint(two[0], two[1])
    writing = writer(two[0], rng)
    for scope in scopes:
        writing.write(scope, writing.random_drafts(1))
    pair = pair_of((two[0], two[1]), rng)
    pair.run()
    assert all(settled(end) for end in pair.ends)

    again = pair_of((two[0], two[1]), rng)
    again.run()
    assert all(settled(end) for end in again.ends)
    order = [(role.name[0], type(frame).__name__) for role, frame in sent(again)]
    assert order == [
        ("I", "Hello"),
        ("R", "Hello"),
        ("R", "Auth"),
        ("I", "Auth"),
        ("I", "Scopes"),
        ("R", "Shared"),
        ("R", "Root"),
        ("I", "Done"),
        ("I", "Bye"),
        ("R", "Bye"),
    ]
    assert again.bytes_sent <= 600 + 60 * len(scopes)


def sent(pair: Pair) -> list[tuple[Role, Frame]]:
    """The frames in the order in which they were sent, with who sent them."""
    frames = frames_of(pair)
    return [(role, frame) for (role, _), frame in zip(pair.sent, frames, strict=True)]


def test_many_small_logs_travel_in_few_frames() -> None:
    """100 logs of one record each: not a frame for each of them."""
    two = filled(random.Random(1), logs=100)
    pair = pair_of(two, random.Random(2))
    pair.run()
    assert settled(pair.ends[0])
    runs = [frame for frame in frames_of(pair) if isinstance(frame, Runs)]
    assert len(runs) == 1
    assert len(runs[0].runs) == 100
    assert len(pair.sent) < 30


def test_a_log_is_named_in_full_once() -> None:
    rng = random.Random(3)
    first, second = members(rng)
    writing = writer(first, rng)
    for _ in range(4):
        writing.write(SCOPE, writing.random_drafts(2))
    pair = pair_of((first, second), rng)
    pair.run()
    names = [run[0] for frame in frames_of(pair) if isinstance(frame, Runs) for run in frame.runs]
    assert [type(name) for name in names] == [bytes, *[int] * (len(names) - 1)]


def test_logs_get_numbers_up_to_a_bound_and_are_named_in_full_beyond() -> None:
    giving, taking = LogNumbers(), LogNumbers()
    for at in range(LOGS_NAMED_MAX + 2):
        log = LogId(RecordId(at.to_bytes(32, "big")))
        assert taking.resolve(giving.name(log)) == log
        again = giving.name(log)
        assert isinstance(again, int) is (at < LOGS_NAMED_MAX)
        assert taking.resolve(again) == log


def test_listings_and_wants_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_serving, "ENTRIES_MAX", 7)
    monkeypatch.setattr(session_asking, "ENTRIES_MAX", 3)
    rng = random.Random(4)
    first, second = filled(rng, logs=30, records=3)
    writing = writer(second, rng)
    for _ in range(20):
        writing.new_log(SCOPE)
    pair = pair_of((first, second), rng)
    pair.run()
    check_equal([first.store, second.store], [SCOPE])
    pages = [frame for frame in frames_of(pair, INITIATOR) if isinstance(frame, Heads)]
    assert len(pages) > 3
    assert all(len(page.logs) + len(page.orgs) <= 7 for page in pages)


def test_no_more_runs_are_under_way_than_the_credit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hard case 66: what a slow reader has not taken is not read from the store."""
    monkeypatch.setattr(session_serving, "ANSWER_BYTES_MAX", 2_000)
    rng = random.Random(5)
    first, second = filled(rng, logs=40, records=6)
    pair = Pair(*pair_of((first, second), rng, credit=2).ends, rng)
    under_way = most = 0
    seen = 0

    def count() -> None:
        nonlocal under_way, most, seen
        for role, frame in sent(pair)[seen:]:
            under_way += isinstance(frame, Runs) and role is INITIATOR
            under_way -= isinstance(frame, Credit) and role is RESPONDER
            most = max(most, under_way)
        seen = len(pair.sent)

    pair.run(count)
    assert settled(pair.ends[0])
    assert most == 2


def test_frames_stay_below_the_least_limit_with_large_parts() -> None:
    rng = random.Random(6)
    first, second = members(rng)
    writing = writer(first, rng)
    for _ in range(3):
        drafts = [
            Draft(1, type="need/1", parts=(PartData(0, rng.randbytes(16), rng.randbytes(60_000)),))
            for _ in range(20)
        ]
        writing.write(SCOPE, drafts)
    pair = pair_of((first, second), rng)
    pair.run()
    assert settled(pair.ends[0])
    assert max(len(data) for _, data in pair.sent) <= FRAME_BYTES_MIN
    check_parts([first.store, second.store], [SCOPE])


def test_parts_that_fit_no_run_follow_in_the_same_session() -> None:
    """Spec 6.6: with no good signature near, the longest parts go out as absent."""
    rng = random.Random(13)
    first, second = members(rng)
    drafts = [
        Draft(1, type="need/1", parts=(PartData(0, rng.randbytes(16), rng.randbytes(60_000)),))
        for _ in range(40)
    ]
    change = writer(first, rng).write(SCOPE, drafts)
    log = first.store.logs[change.log]
    for kept in log.kept[:-1]:
        log.signatures[kept.record.seq] = bytes(64)
    pair = pair_of((first, second), rng)
    pair.run()
    assert settled(pair.ends[0])
    assert any(isinstance(frame, Parts) for frame in frames_of(pair))
    check_parts([first.store, second.store], [SCOPE])


def test_parts_come_in_frames_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_serving, "ANSWER_BYTES_MAX", 200)
    monkeypatch.setattr(session_parts, "PART_WANTS_MAX", 4)
    rng = random.Random(7)
    first, second = filled(rng, logs=1, records=40)
    pair_of((first, second), rng).run()
    for log in second.store.logs.values():
        for kept in log.kept:
            if kept.parts:
                kept.parts[:] = [None] * len(kept.parts)
                second.store.scopes[SCOPE].missing.add(kept.record.id)
    pair = pair_of((first, second), rng)
    pair.run()
    check_parts([first.store, second.store], [SCOPE])
    assert len([frame for frame in frames_of(pair) if isinstance(frame, Parts)]) > 5
    assert not any(isinstance(frame, Heads) for frame in frames_of(pair))


def test_a_peer_that_lists_logs_without_end_fills_no_memory() -> None:
    """Threat 14: one page of wants, and a bounded list of leftovers."""
    rng = random.Random(8)
    two = filled(rng, logs=1)
    pair = pair_of(two, rng)
    end = run_until(pair, RESPONDER, State.TRANSFERRING)
    outgoing(end)
    size = 0
    for page in range(8):
        logs = tuple(
            LogHeads(
                LogId(RecordId((page * ENTRIES_MAX + at).to_bytes(32, "big"))),
                (Head(5, RecordId(HASH)),),
            )
            for at in range(1, ENTRIES_MAX + 1)
        )
        feed(end, Heads(0, Cursor(bytes(16), 1), True, logs, (), more=True))
        [wanted] = outgoing(end)
        assert isinstance(wanted, RunsWanted)
        assert len(wanted.wants) == ENTRIES_MAX
        feed(end, RunsEnd(0))
        assert [type(frame) for frame in outgoing(end)] == [HeadsWanted]
        remembered = remembers(end)
        assert page == 0 or remembered <= size
        size = max(size, remembered)
    assert failure(end) is None


def remembers(end: Endpoint) -> int:
    """How many things the taking half of a session keeps."""
    asking = end.session._asking
    assert asking is not None
    [work] = asking._works
    return (
        len(work.wants)
        + len(work.retried)
        + len(work.probes)
        + len(work.orgs)
        + len(asking._leftovers)
        + len(asking._announced)
    )


def test_refusals_without_end_are_counted_not_kept() -> None:
    rng = random.Random(9)
    pair = pair_of(filled(rng, logs=1), rng)
    end = run_until(pair, RESPONDER, State.TRANSFERRING)
    for at in range(session_asking.LEFTOVERS_MAX + 10):
        feed(end, Refused(0, LogId(RecordId(at.to_bytes(32, "big"))), 0, "quota"))
    assert remembers(end) <= session_asking.LEFTOVERS_MAX + 1
    asking = end.session._asking
    assert asking is not None
    assert asking.leftovers_unlisted == 10


def test_a_connection_cut_after_any_frame_leaves_stores_that_converge() -> None:
    """Threat 33: nothing is lost, nothing is half there, and the next session mends it."""
    whole = pair_of(both_with_news(), random.Random(10))
    whole.run()
    assert len(whole.sent) > 15
    for cut_after in range(len(whole.sent)):
        first, second = both_with_news()
        pair = pair_of((first, second), random.Random(10))
        while len(pair.sent) <= cut_after and pair.step():
            pass
        pair.break_connection()
        assert all(end.ended for end in pair.ends)
        pair_of((first, second), random.Random(11)).run()
        check_equal([first.store, second.store], [SCOPE])


def both_with_news() -> tuple[Member, Member]:
    """Two members that each have something for the other."""
    rng = random.Random(10)
    first, second = filled(rng, logs=2, records=3)
    writing = writer(second, rng)
    writing.write(SCOPE, writing.random_drafts(3))
    return first, second
