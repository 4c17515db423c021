"""Operations of section 12: reading facts, quantities and times, and the fold.

Requests and replies are described in sections 12.21 and spec/vectors/README.md. Nothing here has a
fault: what is wrong in facts is an answer, not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hutong_protocol import quantity
from hutong_protocol.fold import FoldRecord, PartState, fold, state_json
from hutong_protocol.fold.digests import optional_text
from hutong_protocol.harness_ops.request import (
    BadRequest,
    Json,
    Operation,
    Request,
    as_bytes,
    as_int,
    as_list,
    as_text,
    bytes_field,
    field,
    text_field,
)
from hutong_protocol.instants import instant_ms
from hutong_protocol.schema.compound import OF_A_LINE, QUANTITY_FIELDS, Quantity
from hutong_protocol.schema.problems import Report
from hutong_protocol.schema.reading import decode_part, known_type, read_record
from hutong_protocol.schema.shapes import Shape


def _fold(request: Request) -> Json:
    as_of_ms = instant_ms(text_field(request, "as_of"))
    if as_of_ms is None:
        raise BadRequest("as_of is no time")
    records = [_record(entry) for entry in as_list(field(request, "records"), "records")]
    return state_json(fold(records, as_of_ms))


def _record(entry: Json) -> FoldRecord:
    if not isinstance(entry, dict):
        raise BadRequest("a record is no object")
    state = text_field(entry, "state")
    if state not in set(PartState):
        raise BadRequest("state is none of present, erased, missing, absent")
    facts = entry.get("facts")
    refs = as_list(field(entry, "refs"), "refs")
    return FoldRecord(
        id=bytes_field(entry, "id"),
        org=bytes_field(entry, "org"),
        writer=as_bytes(entry.get("writer", ""), "writer"),
        clock=as_int(field(entry, "clock"), "clock"),
        ts_ms=as_int(entry.get("ts", 0), "ts"),
        space=text_field(entry, "space"),
        topic=text_field(entry, "topic"),
        type=text_field(entry, "type"),
        refs=tuple(as_bytes(ref, "refs") for ref in refs),
        facts=None if facts is None else as_bytes(facts, "facts"),
        facts_state=PartState(state),
        log=as_bytes(entry.get("log", ""), "log"),
        seq=as_int(entry.get("seq", 0), "seq"),
        critical=entry.get("critical") is True,
    )


def _readable(request: Request) -> Json:
    known = known_type(text_field(request, "type"))
    if known is None:
        raise BadRequest("type is none of version 1")
    refs = as_list(field(request, "refs"), "refs")
    facts = field(request, "facts")
    return (
        read_record(
            known,
            [as_bytes(ref, "refs") for ref in refs],
            None if facts is None else as_bytes(facts, "facts"),
        )
        is not None
    )


def _quantity(request: Request) -> Json:
    value = decode_part(bytes_field(request, "quantity"))
    line_pack = None
    if "line_pack" in request:
        pack = decode_part(bytes_field(request, "line_pack"))
        if not _fits(QUANTITY_FIELDS.fields["pack"].shape, pack):
            raise BadRequest("line_pack is no pack")
        line_pack = quantity.pack_of({"pack": pack})
    if value is None or not _fits(Quantity(OF_A_LINE), value):
        return None
    stated = quantity.of(value)
    amount, ceiling = stated.stated(line_pack), stated.ceiling(line_pack)
    return {
        "dimension": stated.dimension(line_pack),
        "amount": optional_text(None if amount is None else amount.units),
        "ceiling": optional_text(None if ceiling is None else ceiling.units),
    }


def _fits(shape: Shape, value: object) -> bool:
    report = Report(authoring=False)
    shape.check(value, report)
    return not report.problems


def _instant(request: Request) -> Json:
    return instant_ms(as_text(field(request, "text"), "text"))


OPS: Final[Mapping[str, Operation]] = {
    "fold": _fold,
    "facts.readable": _readable,
    "quantity.read": _quantity,
    "time.instant": _instant,
}
