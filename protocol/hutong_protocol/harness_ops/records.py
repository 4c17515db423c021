"""Operations of section 5: headers and their ids, and which parts erase records erase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hutong_protocol.erasure import Erase, EraseTarget, LogOwner, erased_masks
from hutong_protocol.harness_ops.encoding import tagged
from hutong_protocol.harness_ops.request import (
    BadRequest,
    Json,
    Operation,
    Request,
    as_bytes,
    as_int,
    as_list,
    as_object,
    as_text,
    bytes_field,
    field,
    int_field,
    list_field,
)
from hutong_protocol.ids import OrgId, PublicKey, RecordId, WriterKey
from hutong_protocol.records import parse_header, record_id


def _id(request: Request) -> Json:
    header = bytes_field(request, "header")
    parse_header(header)
    return record_id(header).hex()


def _parse(request: Request) -> Json:
    header = parse_header(bytes_field(request, "header"))
    return {
        "v": header.v,
        "kind": header.kind,
        "log": header.log.hex(),
        "seq": header.seq,
        "prev": header.prev.hex(),
        "ts": header.ts,
        "clock": header.clock,
        "type": header.type,
        "refs": [ref.hex() for ref in header.refs],
        "parts": [[part.role, part.length, part.commit.hex()] for part in header.parts],
        "ext": tagged(dict(header.ext)),
    }


def _effective(request: Request) -> Json:
    targets = [
        EraseTarget(
            RecordId(bytes_field(target, "record")), _owner(target), int_field(target, "parts")
        )
        for target in _objects(request, "targets")
    ]
    erases = [
        Erase(_owner(erase), _may_erase(erase), tuple(map(_name, list_field(erase, "names"))))
        for erase in _objects(request, "erases")
    ]
    erased = erased_masks(erases, targets)
    return [[record.hex(), erased[record]] for record in sorted(erased)]


def _objects(request: Request, name: str) -> list[dict[str, Json]]:
    return [as_object(item, name) for item in list_field(request, name)]


def _owner(request: Request) -> LogOwner:
    scope = list_field(request, "scope")
    if len(scope) != 2:
        raise BadRequest("a scope is a space and a topic")
    return LogOwner(
        OrgId(bytes_field(request, "org")),
        as_text(scope[0], "space"),
        as_text(scope[1], "topic"),
        WriterKey(PublicKey(bytes_field(request, "writer"))),
    )


def _may_erase(request: Request) -> bool:
    right = field(request, "right")
    if not isinstance(right, bool):
        raise BadRequest("right is neither true nor false")
    return right


def _name(pair: Json) -> tuple[RecordId, int]:
    both = as_list(pair, "names")
    if len(both) != 2:
        raise BadRequest("a name is a record and a mask")
    return RecordId(as_bytes(both[0], "record")), as_int(both[1], "mask")


OPS: Final[Mapping[str, Operation]] = {
    "record.id": _id,
    "record.parse": _parse,
    "erasure.effective": _effective,
}
