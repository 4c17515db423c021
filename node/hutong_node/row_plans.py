"""What is to be signed for an imported row, as a value that survives a crash.

Owns the plan of one row: which records, under which name, and what is known of the row once they
are signed. A plan is kept before it is carried out and noted after; since the store signs a name
once, carrying it out again after a crash finds what was signed then. Names are made of source, key,
content and the record before it, so a row that goes back to an earlier content is signed again.

Which plan a row needs is decided in `importing`. Spec: 12.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hutong_node.drafting import Draft
from hutong_node.intake import RowState
from hutong_node.store.interface import NewPart, NewRecord
from hutong_protocol.encoding import Encodable, Value, decode, encode
from hutong_protocol.exchange import Scope
from hutong_protocol.schema import Refs, write_refs

_PLAN_BYTES_MAX: Final = 1_048_576
_REOPEN: Final = "reopen/1"
_CLOSE: Final = "close/1"
_REVISE: Final = "revise/1"


class PlanDamaged(Exception):
    """A plan in `intake.db` is not one that this program wrote."""


@dataclass(frozen=True, slots=True)
class RowPlan:
    """Records to sign for a row under one name; `digest` is that of the row, None for a close."""

    name: str
    scope: Scope
    records: tuple[NewRecord, ...]
    digest: bytes | None

    def encode(self) -> bytes:
        """The plan as bytes; `decode_plan` gives it back."""
        records: list[Encodable] = [
            [record.type, list(record.refs), [[part.role, part.data] for part in record.parts]]
            for record in self.records
        ]
        return encode([self.name, *self.scope, records, self.digest])

    def settled(self, row: RowState, signed: Sequence[bytes]) -> RowState:
        """The row once these records (one for each planned) were signed."""
        if self.digest is not None:
            row = replace(row, digest=self.digest)
        for record, identifier in zip(self.records, signed, strict=True):
            if record.type == _REVISE:
                row = replace(row, revision=identifier)
            elif record.type in (_CLOSE, _REOPEN):
                row = replace(row, closure=identifier, closed=record.type == _CLOSE)
            else:
                row = replace(row, thing=identifier)
        return replace(row, pending=None)


def decode_plan(data: bytes) -> RowPlan:
    """The plan in bytes that `RowPlan.encode` made.

    Raises:
        PlanDamaged: it is none.
    """
    value = decode(data, bytes_max=_PLAN_BYTES_MAX)
    match value:
        case [str(name), str(space), str(topic), list(records), (bytes() | None) as digest]:
            return RowPlan(name, Scope(space, topic), tuple(map(_record, records)), digest)
    raise PlanDamaged


def plan_first(row: RowState, draft: Draft) -> RowPlan:
    """Signs the first record of a row's thing."""
    name = _name("first", row, draft.digest(), b"")
    return RowPlan(name, draft.scope, (draft.record(),), draft.digest())


def plan_change(row: RowState, draft: Draft, revision: Draft | None) -> RowPlan:
    """Brings a thing up to what its row says now; reopens it if its row had gone.

    Args:
        revision: the `revise` that says it, None if only reopening is needed.
    """
    records = []
    if row.closed:
        records.append(_closing_record(_REOPEN, row, {}))
    if revision is not None:
        records.append(revision.record())
    before = (row.revision or row.thing or b"") + (row.closure or b"")
    name = _name("change", row, draft.digest(), before)
    return RowPlan(name, draft.scope, tuple(records), draft.digest())


def plan_close(row: RowState) -> RowPlan:
    """Closes the thing of a row that is gone."""
    record = _closing_record(_CLOSE, row, {"reason": "source_row_removed"})
    before = (row.revision or row.thing or b"") + (row.closure or b"")
    return RowPlan(_name("close", row, b"", before), row.scope, (record,), None)


def _closing_record(type_name: str, row: RowState, facts: dict[str, Value]) -> NewRecord:
    replaces = frozenset({row.closure} if row.closure else ())
    refs = Refs(thing=row.thing, link=row.thing, replaces=replaces)
    parts = (NewPart(0, encode(facts)),) if facts else ()
    return NewRecord(type_name, write_refs(refs), parts)


def _record(value: Value) -> NewRecord:
    match value:
        case [str(type_name), list(refs), list(parts)]:
            return NewRecord(
                type_name,
                tuple(ref for ref in refs if isinstance(ref, bytes)),
                tuple(map(_part, parts)),
            )
    raise PlanDamaged


def _part(value: Value) -> NewPart:
    match value:
        case [int(role), bytes(data)]:
            return NewPart(role, data)
    raise PlanDamaged


def _name(what: str, row: RowState, content: bytes, before: bytes) -> str:
    joined = encode([what, row.source, row.key, content, before])
    return f"row:{hashlib.sha256(joined).hexdigest()}"
