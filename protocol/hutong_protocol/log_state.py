"""A log as one receiver holds it, and what becomes of a run that arrives for it. Spec: 6.4, 5.10.

Owns the decision of steps 1 to 4 of section 6.4: which records of a checked run are new, or why
none is taken. It is a pure function of the state and of the ids held; the store looks those up and
writes what comes out. Forks are found by ids, never by seqs.

Whether the organisation may write here (step 5) is decided by `identity` and the node's policy. In
this version one branch is kept, and another is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from hutong_protocol.faults import Fault, LocalProtocolError
from hutong_protocol.ids import LogId, RecordId
from hutong_protocol.records import Kind, OpenInfo
from hutong_protocol.runs import CheckedRecord, CheckedRun, PartData

HeldId = Callable[[int], bytes | None]
"""The id of the record held at a seq of the branch that is kept, None beyond its head."""


@dataclass(frozen=True, slots=True)
class LogState:
    """What is held of a log: its open record's statement and the head of its branch."""

    log: LogId
    open: OpenInfo
    head_seq: int
    head_id: RecordId
    closed: bool
    """The head is a close record: nothing comes after it. Spec: 5.11."""


class OfferedPart(NamedTuple):
    """A part that came with a record that is held already. It fits its commit, and is of use if
    the store misses it there and it isn't erased. Spec: 6.4.3."""

    seq: int
    position: int
    part: PartData


@dataclass(frozen=True, slots=True)
class Joined:
    """The run fits: the store appends `new_records` and keeps the seal with the last seq.

    `duplicates` counts the records that were held already. All records of a run may be duplicates;
    then `new_state` is the state before.
    """

    new_records: tuple[CheckedRecord, ...]
    duplicates: int
    new_state: LogState
    filled: tuple[OfferedPart, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing of the run is taken.

    `fault` is GAP, FORK or LOG_CLOSED. `seq` is for GAP the first seq that is wanted, for FORK the
    first at which the run differs from the branch held, or None if that lies below the run, for
    LOG_CLOSED the seq after the close record.
    """

    fault: Fault
    seq: int | None


@dataclass(frozen=True, slots=True)
class ForkProof:
    """Two checked runs of one log with different records at `seq`; both may lack all parts.

    `seq` is the lowest at which they show different ids. Both seals verified, so the writer, or
    whoever has its key, signed both branches. Spec: 5.10.1.
    """

    seq: int
    one: CheckedRun
    other: CheckedRun


def join(state: LogState | None, run: CheckedRun, held_id_at: HeldId) -> Joined | Refused:
    """What becomes of `run` where `state` is held, by steps 1 to 4 of Spec 6.4.

    Args:
        state: None if nothing is held of the log.
        run: as `check_run` gave it, with the key of this log.
        held_id_at: asked for seqs from one below the run to the head only; never for seqs beyond.

    Raises:
        LocalProtocolError: the run is of another log.
    """
    if state is not None and state.log != run.log:
        raise LocalProtocolError("a run is joined to its own log")
    head_seq = -1 if state is None else state.head_seq
    if run.first_seq > head_seq + 1:
        return Refused(Fault.GAP, head_seq + 1)
    if run.first_seq > 0 and run.prev != held_id_at(run.first_seq - 1):
        return Refused(Fault.FORK, None)
    duplicates = 0
    filled: list[OfferedPart] = []
    for record in run.records[: head_seq + 1 - run.first_seq]:
        if record.id != held_id_at(record.seq):
            return Refused(Fault.FORK, record.seq)
        duplicates += 1
        filled += (
            OfferedPart(record.seq, position, part)
            for position, part in enumerate(record.parts)
            if part is not None
        )
    new_records = run.records[duplicates:]
    if not new_records:
        assert state is not None
        return Joined((), duplicates, state, tuple(filled))
    if state is not None and state.closed:
        return Refused(Fault.LOG_CLOSED, head_seq + 1)
    return Joined(new_records, duplicates, _state_after(state, run), tuple(filled))


def fork_proof(one: CheckedRun, other: CheckedRun) -> ForkProof | None:
    """The proof of a fork that two runs are, or None if they agree wherever they overlap.

    A run shows the ids of its records and that of the record before its first.

    Raises:
        LocalProtocolError: runs of different logs.
    """
    if one.log != other.log:
        raise LocalProtocolError("a fork is of one log")
    ids, others = _ids_shown(one), _ids_shown(other)
    for seq in sorted(ids.keys() & others.keys()):
        if ids[seq] != others[seq]:
            return ForkProof(seq, one, other)
    return None


def _state_after(state: LogState | None, run: CheckedRun) -> LogState:
    if state is None:
        if run.opened is None:
            raise LocalProtocolError("the first run of a log has no open record")
        opened = run.opened
    else:
        opened = state.open
    return LogState(run.log, opened, run.last.seq, run.last.id, run.last.kind == Kind.CLOSE)


def _ids_shown(run: CheckedRun) -> dict[int, bytes]:
    ids: dict[int, bytes] = {record.seq: record.id for record in run.records}
    if run.first_seq > 0:
        ids[run.first_seq - 1] = run.prev
    return ids
