"""A record after a close record: a refusal by what is held, a fault where one run shows both."""

from __future__ import annotations

import random

from contracts.made_logs import MadeLog
from hutong_protocol.exchange import LogRun
from hutong_protocol.faults import REFUSALS, RUN_REFUSALS, Fault
from hutong_protocol.frames import Refused
from hutong_protocol.session_events import Refused as RefusedNews
from hutong_protocol.session_states import Role, State
from protocol.session_pairs import SCOPE, failure, feed, outgoing, runs_frame, transferring
from simulation.pair import Endpoint


def side_with_a_closed_log() -> tuple[Endpoint, MadeLog]:
    """A session whose side holds a closed log of the peer, and the log with a record too many."""
    pair, end = transferring()
    log = MadeLog(pair.ends[Role.INITIATOR].member.party, random.Random(5), SCOPE)
    log.data(2)
    log.close()
    beyond = log.fork(3)
    beyond.data(1)
    [outcome] = end.member.store.store_runs(SCOPE, [log.run()], beyond.party.org)
    assert outcome.stored == 4
    return end, beyond


def outcome_of(end: Endpoint, run: LogRun) -> tuple[Fault | None, bool]:
    """What the store of a side says of a run, and whether it blames the peer."""
    [outcome] = end.member.store.store_runs(SCOPE, [run], end.member.party.org)
    return outcome.fault, outcome.blames


def test_a_run_beyond_a_held_close_record_is_refused_and_the_session_goes_on() -> None:
    """Hard case 36, Spec 6.4.4: one log that is stuck must not keep the others from syncing."""
    end, beyond = side_with_a_closed_log()
    assert outcome_of(end, beyond.run(4)) == (Fault.LOG_CLOSED, False)
    feed(end, runs_frame(beyond.run(4)))
    assert failure(end) is None
    assert end.session.state is State.TRANSFERRING
    told = [frame for frame in outgoing(end) if isinstance(frame, Refused)]
    assert [(frame.log, frame.first_seq, frame.fault) for frame in told] == [
        (beyond.log, 4, "log-closed")
    ]


def test_a_run_that_shows_the_close_record_and_one_after_it_ends_the_session() -> None:
    """Hard case 36, Spec 6.3.4: whoever sends it could have seen it."""
    end, beyond = side_with_a_closed_log()
    assert outcome_of(end, beyond.run(3)) == (Fault.LOG_CLOSED, True)
    feed(end, runs_frame(beyond.run(3)))
    assert failure(end) is Fault.LOG_CLOSED


def test_a_peer_that_refuses_to_go_on_with_a_closed_log_is_heard() -> None:
    """Spec 10.2: the name stands in both lists, and nothing else does."""
    assert REFUSALS | {Fault.LOG_CLOSED} == RUN_REFUSALS
    assert Fault.LOG_CLOSED not in REFUSALS
    end, beyond = side_with_a_closed_log()
    feed(end, Refused(0, beyond.log, 4, "log-closed"))
    assert failure(end) is None
    assert [news.leftover.fault for news in end.of(RefusedNews)] == [Fault.LOG_CLOSED]
