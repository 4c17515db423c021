"""A peer that is let in and breaks one rule: each has its fault, and its bound.

Threats 1, 7, 8, 10, 11, 12, 14; hard cases 22 to 24, 66, 67, 68, 72.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from hutong_protocol import session_serving
from hutong_protocol.exchange import (
    Cursor,
    Head,
    LocalChange,
    LogHeads,
    PartItem,
    PartWant,
    RunWant,
)
from hutong_protocol.faults import Fault
from hutong_protocol.frame_forms import encode_frame, parse_frame
from hutong_protocol.frames import (
    FRAME_BYTES_MIN,
    Bye,
    Credit,
    Done,
    Events,
    EventsWanted,
    Frame,
    Have,
    Heads,
    HeadsWanted,
    Parts,
    PartsWanted,
    Refused,
    Root,
    Roots,
    Runs,
    RunsEnd,
    RunsWanted,
)
from hutong_protocol.handshake import SessionLimits
from hutong_protocol.ids import LogId, RecordId
from hutong_protocol.session_events import Refused as RefusedNews
from hutong_protocol.session_events import StoreRuns
from hutong_protocol.session_states import Role, State
from protocol.frame_samples import HASH, LOG, RECORD, SALT
from protocol.session_pairs import (
    SCOPE,
    a_run,
    failure,
    feed,
    frames_of,
    members,
    outgoing,
    pair_of,
    peer_fault,
    run_in,
    run_until,
    runs_frame,
    session_in,
    transferring,
    writer,
)
from simulation.checkers import check_equal
from simulation.pair import Endpoint, Pair

INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER


CASES: dict[str, tuple[Frame, Fault]] = {
    "a scope that is not shared": (RunsWanted(9, (RunWant(LOG, 0),)), Fault.BAD_FRAME),
    "heads of no shared scope": (HeadsWanted(9, None, None), Fault.BAD_FRAME),
    "parts of no shared scope": (PartsWanted(9, (PartWant(RECORD, 1),)), Fault.BAD_FRAME),
    "runs of no shared scope": (Runs(9, ([LOG],)), Fault.BAD_FRAME),
    "a log number not given": (Runs(0, ([0, 0],)), Fault.BAD_FRAME),
    "runs end unasked": (RunsEnd(0), Fault.UNEXPECTED_FRAME),
    "parts unasked": (Parts(0, (), more=False), Fault.UNEXPECTED_FRAME),
    "events unasked": (
        Events(members(random.Random(1))[0].party.org, (), more=False),
        Fault.UNEXPECTED_FRAME,
    ),
    "credit not taken": (Credit(1), Fault.UNEXPECTED_FRAME),
    "done of a later round": (Done(HASH, 2, again=False), Fault.UNEXPECTED_FRAME),
    "done of an earlier round": (Done(HASH, 0, again=False), Fault.UNEXPECTED_FRAME),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_frame_out_of_place_has_its_fault(case: str) -> None:
    frame, fault = CASES[case]
    _, end = transferring()
    feed(end, frame)
    assert failure(end) is fault


def test_information_about_nothing_known_is_ignored() -> None:
    _, end = transferring()
    feed(end, Refused(900, LOG, 0, "fork"), Refused(0, LOG, 0, "no-such-fault"))
    assert failure(end) is None
    assert end.of(RefusedNews) == []
    feed(end, Refused(0, LOG, 4, "quota"), Refused(0, LOG, 4, "quota"))
    [news] = end.of(RefusedNews)
    assert news.leftover.by_peer
    assert news.leftover.fault is Fault.QUOTA


def test_a_second_done_in_a_round_is_unexpected() -> None:
    _, end = transferring()
    feed(end, Done(HASH, 1, again=False))
    assert failure(end) is None
    feed(end, Done(HASH, 1, again=False))
    assert failure(end) is Fault.UNEXPECTED_FRAME


def test_a_question_after_done_is_unexpected() -> None:
    _, end = transferring()
    feed(end, Done(HASH, 1, again=False), HeadsWanted(0, None, None))
    assert failure(end) is Fault.UNEXPECTED_FRAME


def test_more_questions_than_allowed_are_refused_while_nobody_reads() -> None:
    """Threats 10, 12: answers that the peer does not take count as unanswered."""
    _, end = transferring()
    for _ in range(16):
        feed(end, HeadsWanted(0, None, None))
    assert failure(end) is None
    feed(end, HeadsWanted(0, None, None))
    assert failure(end) is Fault.LIMIT_EXCEEDED


def test_questions_go_on_when_answers_are_taken() -> None:
    _, end = transferring()
    for _ in range(40):
        feed(end, HeadsWanted(0, None, None))
        assert len(outgoing(end)) == 1
    assert failure(end) is None


def test_runs_beyond_the_credit_are_refused() -> None:
    """Hard case 67."""
    pair, end = transferring()
    frame = encode_frame(runs_frame(a_run(pair)))
    for _ in range(8):
        end.take(end.session.receive(frame))
    assert failure(end) is None
    end.take(end.session.receive(frame))
    assert failure(end) is Fault.LIMIT_EXCEEDED


def test_credit_counts_as_given_when_the_peer_can_have_it() -> None:
    """Hard case 66: a peer that writes and never reads is stopped."""
    pair, end = transferring()
    run = runs_frame(a_run(pair))
    for _ in range(8):
        feed(end, run)
    assert failure(end) is None
    feed(end, run)
    assert failure(end) is Fault.LIMIT_EXCEEDED


def test_runs_that_nobody_asked_for_end_at_a_limit() -> None:
    """Hard case 67: valid, but unrequested."""
    pair, end = session_in(State.ENDING, RESPONDER)
    outgoing(end)
    run = runs_frame(a_run(pair))
    for _ in range(64):
        feed(end, run)
        outgoing(end)
    assert failure(end) is None
    feed(end, run)
    assert failure(end) is Fault.LIMIT_EXCEEDED


def test_a_run_with_a_fault_ends_the_session_and_an_honest_one_is_taken_later() -> None:
    """Hard cases 23, 68; threat 1: ids are never blacklisted."""
    pair, end = transferring()
    log, run = a_run(pair)
    feed(end, Runs(0, ([log, *run[1:4], bytes(64)],)))
    assert failure(end) is Fault.BAD_SIGNATURE
    assert log not in end.member.store.logs
    rng = random.Random(4)
    again = pair_of((pair.ends[0].member, pair.ends[1].member), rng)
    again.run()
    assert log in end.member.store.logs


@pytest.mark.parametrize("value", [[], ["x"], [None, 1], [b"x" * 32, 0, b"", [], b""]])
def test_a_run_of_any_shape_is_a_fault_and_no_exception(value: list[object]) -> None:
    pair, end = transferring()
    log, _ = a_run(pair)
    feed(end, Runs(0, ([log, *value],)))
    assert failure(end) in (Fault.BAD_RUN, Fault.BAD_SIGNATURE)


def test_an_event_with_a_fault_ends_the_session() -> None:
    rng = random.Random(5)
    first, second = members(rng)
    third, _ = members(rng)
    first.store.store_events(third.party.org, third.party.values)
    writing = writer(third, rng)
    writing.write(SCOPE, writing.random_drafts(1))
    first.store.store_runs(SCOPE, [run_in(third.store)], third.party.org)
    pair = pair_of((first, second), rng)

    def spoilt(sender: Role, data: bytes) -> list[bytes]:
        frame = parse_frame(data)
        if isinstance(frame, Events):
            return [encode_frame(replace(frame, events=(["no event"],)))]
        return [data]

    pair = Pair(*pair.ends, tamper=spoilt)
    pair.run()
    assert failure(pair.ends[RESPONDER]) is Fault.BAD_EVENT
    assert peer_fault(pair, RESPONDER) == "bad-event"


def test_a_page_of_heads_must_go_on_from_where_it_was_asked() -> None:
    pair, end = transferring()
    first = LogHeads(LogId(RecordId(b"\x10" * 32)), (Head(0, RecordId(HASH)),))
    page = Heads(0, Cursor(bytes(16), 1), True, (first,), (), more=True)
    feed(end, page)
    # Its run was asked for, then the next page.
    feed(end, RunsEnd(0))
    assert [type(frame) for frame in outgoing(end)] == [RunsWanted, HeadsWanted]
    feed(end, page)
    assert failure(end) is Fault.BAD_FRAME
    del pair


def test_a_page_without_entries_cannot_promise_more() -> None:
    _, end = transferring()
    feed(end, Heads(0, Cursor(bytes(16), 1), True, (), (), more=True))
    assert failure(end) is Fault.BAD_FRAME


def test_roots_must_be_as_many_as_scopes() -> None:
    for role in Role:
        _, end = session_in(State.COMPARING, role)
        feed(end, Roots((HASH, HASH)))
        assert failure(end) is Fault.BAD_FRAME


def test_a_second_root_is_unexpected() -> None:
    _, end = session_in(State.OPENING, INITIATOR)
    for _ in range(2):
        end.take(end.session.receive(encode_frame(Root(HASH, done=True))))
    assert failure(end) is Fault.UNEXPECTED_FRAME


@pytest.mark.parametrize("frame", [Roots((HASH,)), Done(HASH, 0, again=False)])
def test_a_responder_takes_no_roots_before_it_has_sent_its_own(frame: Frame) -> None:
    for seed in range(200):
        rng = random.Random(seed)
        pair = pair_of(members(rng), rng)
        end = pair.ends[RESPONDER]
        while end.session.state is not State.OPENING:
            pair.step()
        end.take(end.session.receive(encode_frame(frame)))
        assert failure(end) is Fault.UNEXPECTED_FRAME
        return


def test_a_frame_above_the_limit_of_this_side_is_refused() -> None:
    rng = random.Random(6)
    _, second = members(rng)
    end = Endpoint(second, RESPONDER, rng.randbytes(32), limits=SessionLimits(FRAME_BYTES_MIN))
    end.take(end.session.receive(bytes(FRAME_BYTES_MIN + 1)))
    assert failure(end) is Fault.LIMIT_EXCEEDED


def test_what_comes_after_goodbye_is_ignored() -> None:
    _, end = transferring()
    end.take(end.session.close(Fault.QUOTA))
    assert outgoing(end)[-1] == Bye("quota", "")
    for data in (b"\xc1", encode_frame(Credit(1)), encode_frame(RunsEnd(0))):
        assert end.session.receive(data) == []
    end.take(end.session.receive(encode_frame(Bye("", ""))))
    assert end.ended
    assert end.session.receive(b"anything") == []
    assert end.session.receive_eof() == []


def test_an_answer_that_comes_after_the_end_is_dropped() -> None:
    pair, end = transferring()
    end.take(end.session.receive(encode_frame(runs_frame(a_run(pair)))))
    assert any(isinstance(request, StoreRuns) for request in end.pending)
    end.take(end.session.close())
    while end.pending:
        end.answer()
    assert [type(frame) for frame in outgoing(end)] == [Bye]


def test_parts_that_were_not_asked_for_are_refused() -> None:
    rng = random.Random(8)
    first, second = members(rng)
    writing = writer(first, rng)
    writing.write(SCOPE, writing.random_drafts(6))
    log = next(iter(first.store.logs.values()))
    kept = next(kept for kept in log.kept if kept.parts)
    kept.parts[0] = None
    first.store.scopes[SCOPE].missing.add(kept.record.id)
    pair = pair_of((first, second), rng)

    def others(sender: Role, data: bytes) -> list[bytes]:
        frame = parse_frame(data)
        if isinstance(frame, Parts):
            item = PartItem(RecordId(HASH), 0, SALT, b"x")
            return [encode_frame(replace(frame, items=(item,)))]
        return [data]

    pair = Pair(*pair.ends, tamper=others)
    pair.run()
    assert Fault.UNEXPECTED_FRAME in {failure(end) for end in pair.ends}


def test_have_of_no_shared_scope_is_refused() -> None:
    _, end = session_in(State.LIVE, RESPONDER)
    feed(end, Have(9, ((LOG, Head(1, RecordId(HASH))),)))
    assert failure(end) is Fault.BAD_FRAME


def test_changes_elsewhere_are_no_matter_of_a_session() -> None:
    _, end = transferring()
    elsewhere = SCOPE._replace(topic="elsewhere")
    change = LocalChange(elsewhere, LOG, 0, Head(0, RecordId(HASH)))
    assert end.session.local_change([change]) == []


def test_a_question_for_events_of_others_is_answered_with_nothing() -> None:
    """Hard case 58: an organisation without a log in a shared scope is not told about."""
    pair, end = transferring()
    rng = random.Random(9)
    stranger, _ = members(rng)
    end.member.store.store_events(stranger.party.org, stranger.party.values)
    feed(end, EventsWanted(stranger.party.org, ()))
    assert Events(stranger.party.org, (), more=False) in outgoing(end)
    assert frames_of(pair)


def test_a_frame_of_an_unknown_type_is_ignored_in_every_state() -> None:
    """Hard case 72."""
    for state in set(State) - {State.LEAVING, State.CLOSED}:
        _, end = session_in(state, RESPONDER)
        end.take(end.session.receive(b"\x92\x7f\xa0"))
        assert end.session.state is state


def test_roots_twice_are_unexpected() -> None:
    _, end = session_in(State.COMPARING, RESPONDER)
    for _ in range(2):
        end.take(end.session.receive(encode_frame(Roots((HASH,)))))
    assert failure(end) is Fault.UNEXPECTED_FRAME
    pair, end = session_in(State.TRANSFERRING, RESPONDER)
    feed(end, Roots((HASH,)))
    assert failure(end) is Fault.UNEXPECTED_FRAME
    assert frames_of(pair)


def test_a_fork_that_the_peer_does_not_show_is_a_leftover() -> None:
    """Heads below the own one that are not held: the runs behind them never come."""
    _, end = transferring(records=9)
    outgoing(end)
    store = end.member.store
    logs = tuple(LogHeads(log, (Head(3, RecordId(HASH)),)) for log in sorted(store.logs))
    end.take(
        end.session.receive(
            encode_frame(Heads(0, Cursor(bytes(16), 1), True, logs, (), more=False))
        )
    )
    while end.pending:
        end.answer()
    [wanted] = outgoing(end)
    assert isinstance(wanted, RunsWanted)
    assert [want.runs_max for want in wanted.wants] == [1]
    feed(end, RunsEnd(0))
    [news] = end.of(RefusedNews)
    assert news.leftover.fault is Fault.FORK
    assert failure(end) is None


def test_changes_beyond_the_bound_are_left_to_the_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_serving, "CHANGES_MAX", 3)
    rng = random.Random(12)
    two = members(rng)
    writing = writer(two[0], rng)
    pair = pair_of(two, rng)
    end = run_until(pair, INITIATOR, State.OPENING)
    changes = []
    for _ in range(9):
        writing.new_log(SCOPE)
        changes.append(writing.write(SCOPE, writing.random_drafts(1))._replace(first_seq=0))
    end.take(end.session.local_change(changes))
    end.take(end.session.local_change(changes))
    pair.run()
    check_equal([one.store for one in two], [SCOPE])
