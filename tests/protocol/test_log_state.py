"""A log grows by runs in whatever order, and never takes a record of another branch."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.faults import Fault, LocalProtocolError
from hutong_protocol.log_state import Joined, LogState, OfferedPart, Refused, fork_proof, join
from hutong_protocol.runs import CheckedRun, PartData, check_run
from protocol.record_samples import (
    CLOSE_RECORD,
    WRITER,
    SampleLog,
    bytes_of,
    open_ext,
    present,
    wire_record,
)

LENGTH = 8
LOG = SampleLog([wire_record(ts=number) for number in range(1, LENGTH)])
LAST = LENGTH - 1


def other_after(seq: int, last: int = LAST) -> SampleLog:
    """Another branch of LOG: equal up to `seq`."""
    different = [wire_record(ts=100 + number) for number in range(seq + 1, last + 1)]
    return SampleLog(LOG.records[1 : seq + 1] + different)


def run_of(log: SampleLog, first: int, last: int) -> CheckedRun:
    return check_run(log.run(first, last), log_id=log.id, writer=WRITER)


class Holder:
    """A receiver: its state, and the ids that it holds."""

    def __init__(self, *runs: CheckedRun) -> None:
        self.state: LogState | None = None
        self.ids: list[bytes] = []
        for run in runs:
            assert isinstance(self.take(run), Joined)

    def take(self, run: CheckedRun) -> Joined | Refused:
        found = join(self.state, run, self.id_at)
        if isinstance(found, Joined):
            self.state = found.new_state
            self.ids += [record.id for record in found.new_records]
        return found

    def id_at(self, seq: int) -> bytes | None:
        assert -1 < seq < len(self.ids), "asked for a seq that is not held"
        return self.ids[seq]


ranges = st.tuples(st.integers(0, LAST), st.integers(0, LAST)).map(sorted)


@given(st.lists(ranges, max_size=12))
def test_runs_in_any_order_join_without_gaps_and_the_whole_log_ends_it(
    pieces: list[list[int]],
) -> None:
    """Threat 4: any multiset of pieces of one branch."""
    holder = Holder()
    for first, last in [*pieces, [0, LAST]]:
        before = len(holder.ids)
        found = holder.take(run_of(LOG, first, last))
        if first > before:
            assert found == Refused(Fault.GAP, before)
            continue
        assert isinstance(found, Joined)
        assert found.duplicates == min(before, last + 1) - first
        assert [record.seq for record in found.new_records] == list(range(before, last + 1))
    assert holder.ids == LOG.ids
    assert holder.state is not None
    assert (holder.state.head_seq, holder.state.head_id) == (LAST, LOG.ids[-1])
    assert holder.state.open.org == open_ext()["org"]


@given(st.integers(0, LAST - 1), st.integers(0, LAST), ranges)
def test_a_record_of_another_branch_is_never_taken(
    common: int, held: int, piece: list[int]
) -> None:
    """Hard cases 27 and 28, threat 15: forks are found by ids at every place."""
    first, last = piece
    other = other_after(common)
    holder = Holder(run_of(LOG, 0, held))
    found = holder.take(run_of(other, first, last))
    assert holder.ids == (LOG if held > common or last <= held else other).ids[: len(holder.ids)]
    if first > held + 1:
        assert found == Refused(Fault.GAP, held + 1)
    elif last <= common or held <= common:
        assert isinstance(found, Joined)
    elif first > common + 1:
        assert found == Refused(Fault.FORK, None)
    else:
        assert found == Refused(Fault.FORK, common + 1)


def test_a_gap_names_the_seq_that_is_wanted() -> None:
    """Hard case 26."""
    holder = Holder(run_of(LOG, 0, 2))
    assert holder.take(run_of(LOG, 4, 5)) == Refused(Fault.GAP, 3)
    assert Holder().take(run_of(LOG, 1, 5)) == Refused(Fault.GAP, 0)


def test_nothing_comes_after_a_close_record() -> None:
    """Hard case 36."""
    closed = SampleLog([wire_record(), CLOSE_RECORD])
    beyond = SampleLog([wire_record(), CLOSE_RECORD, wire_record()])
    holder = Holder(run_of(closed, 0, 2))
    assert holder.state is not None
    assert holder.state.closed
    assert holder.take(run_of(beyond, 3, 3)) == Refused(Fault.LOG_CLOSED, 3)
    assert isinstance(holder.take(run_of(closed, 1, 2)), Joined)
    assert holder.state.head_seq == 2


def test_another_record_in_place_of_the_close_record_is_a_fork() -> None:
    closed = SampleLog([wire_record(), CLOSE_RECORD])
    other = SampleLog([wire_record(), wire_record(), wire_record()])
    holder = Holder(run_of(closed, 0, 2))
    assert holder.take(run_of(other, 0, 3)) == Refused(Fault.FORK, 2)
    assert holder.take(run_of(other, 3, 3)) == Refused(Fault.FORK, None)


def test_the_parts_of_duplicates_are_offered() -> None:
    """Hard case 12: what was missing is filled by whoever brings the record again."""
    part = present(1, b"text")
    absent = [1, bytes_of("commit"), 9]
    log = SampleLog([wire_record(parts=[[0, bytes_of("c"), 5], part]), wire_record(parts=[absent])])
    holder = Holder(run_of(log, 0, 1))
    found = holder.take(run_of(log, 0, 2))
    assert isinstance(found, Joined)
    assert found.filled == (OfferedPart(1, 1, PartData(*part)),)
    assert [record.seq for record in found.new_records] == [2]


def test_a_second_signature_of_one_record_is_no_fork() -> None:
    """Hard case 21."""
    holder = Holder(run_of(LOG, 0, 4))
    again = replace(run_of(LOG, 3, 4), seal=bytes(64))
    found = holder.take(again)
    assert isinstance(found, Joined)
    assert (found.duplicates, found.new_records) == (2, ())
    assert fork_proof(run_of(LOG, 3, 4), again) is None


@given(st.integers(0, LAST - 1), ranges, ranges)
def test_two_runs_prove_a_fork_where_they_show_different_ids(
    common: int, one: list[int], two: list[int]
) -> None:
    other = other_after(common)
    first, second = run_of(LOG, *one), run_of(other, *two)
    lowest = max(one[0] - 1, two[0] - 1, common + 1)
    proof = fork_proof(first, second)
    if lowest <= min(one[1], two[1]):
        assert proof is not None
        assert (proof.seq, proof.one, proof.other) == (lowest, first, second)
    else:
        assert proof is None
    assert fork_proof(first, first) is None


def test_runs_of_different_logs_are_kept_apart() -> None:
    elsewhere = SampleLog([], wire_record(kind=0, type="", ext=open_ext(topic="fsc")))
    holder = Holder(run_of(LOG, 0, 1))
    with pytest.raises(LocalProtocolError):
        holder.take(run_of(elsewhere, 0, 0))
    with pytest.raises(LocalProtocolError):
        fork_proof(run_of(LOG, 0, 1), run_of(elsewhere, 0, 0))


def test_a_first_run_without_an_open_record_is_our_own_mistake() -> None:
    run = replace(run_of(LOG, 0, 1), opened=None)
    with pytest.raises(LocalProtocolError):
        join(None, run, lambda _: None)
