"""Operations of section 6: a run by itself, and runs that arrive one after the other for a log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hutong_protocol.encoding import decode
from hutong_protocol.erasure import Erase, EraseTarget, LogOwner, erased_masks
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.harness_ops.request import (
    Json,
    Operation,
    Request,
    as_bytes,
    bytes_field,
    list_field,
)
from hutong_protocol.ids import RecordId
from hutong_protocol.limits import RUN_BYTES_MAX
from hutong_protocol.log_state import LogState, Refused, join
from hutong_protocol.record_ext import masks
from hutong_protocol.records import Kind
from hutong_protocol.runs import CheckedRecord, CheckedRun, check_run


def _verify(request: Request) -> Json:
    writer = bytes_field(request, "writer") if "writer" in request else None
    run = _checked(bytes_field(request, "run"), writer)
    return {"first_seq": run.first_seq, "ids": [record.id.hex() for record in run.records]}


def _checked(data: bytes, writer: bytes | None) -> CheckedRun:
    value = decode(data, bytes_max=RUN_BYTES_MAX)
    if not isinstance(value, list) or not value:
        raise ProtocolFault(Fault.BAD_RUN, "no array of five")
    log_id = value[0]
    if not isinstance(log_id, bytes) or len(log_id) != 32:
        raise ProtocolFault(Fault.BAD_RUN, "log is no bin of 32 bytes")
    return check_run(value, log_id=log_id, writer=writer)


class _Receiver:
    """One log, empty at first, as a receiver without a policy builds it from runs."""

    def __init__(self) -> None:
        self.state: LogState | None = None
        self.held: list[CheckedRecord] = []
        self.present: set[tuple[int, int]] = set()

    def take(self, data: bytes) -> Json:
        """What becomes of a run: counts of new and known records, or the name of the fault."""
        try:
            run = _checked(data, None if self.state is None else self.state.open.writer)
        except ProtocolFault as fault:
            return fault.fault.value
        joined = join(self.state, run, lambda seq: self.held[seq].id)
        if isinstance(joined, Refused):
            return joined.fault.value
        self.state = joined.new_state
        self.held += joined.new_records
        self.present.update((part.seq, part.position) for part in joined.filled)
        for record in joined.new_records:
            self.present.update(
                (record.seq, position)
                for position, part in enumerate(record.parts)
                if part is not None
            )
        return {"new": len(joined.new_records), "known": joined.duplicates}

    def missing(self) -> list[Json]:
        """The parts that are neither held nor erased by a record of this log: [seq, position]."""
        erased = self._erased()
        return [
            [record.seq, position]
            for record in self.held
            for position in range(len(record.part_refs))
            if (record.seq, position) not in self.present
            and not erased.get(record.id, 0) & 1 << position
        ]

    def _erased(self) -> dict[RecordId, int]:
        """The parts that the log's own erase records name, as masks. Spec: 5.7."""
        if self.state is None:
            return {}
        opened = self.state.open
        owner = LogOwner(opened.org, opened.space, opened.topic, opened.writer)
        erases = [
            Erase(owner, False, tuple(zip(map(RecordId, r.refs), masks(r.ext), strict=True)))
            for r in self.held
            if r.kind == Kind.ERASE
        ]
        targets = [EraseTarget(r.id, owner, len(r.part_refs)) for r in self.held]
        return erased_masks(erases, targets)


def _join(request: Request) -> Json:
    receiver = _Receiver()
    steps = [receiver.take(as_bytes(run, "runs")) for run in list_field(request, "runs")]
    state = receiver.state
    head: Json = None if state is None else [state.head_seq, state.head_id.hex()]
    closed = state is not None and state.closed
    return {"steps": steps, "head": head, "closed": closed, "missing": receiver.missing()}


OPS: Final[Mapping[str, Operation]] = {"run.verify": _verify, "log.join": _join}
