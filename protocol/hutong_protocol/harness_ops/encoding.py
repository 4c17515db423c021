"""Operations of section 2: Hutong-mp, tagged hashes, identifiers as text.

Values of Hutong-mp stand in JSON in a tagged form, since JSON alone tells neither bin from str nor
an integer beyond 2^53 from its neighbour, and may reorder the entries of an object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from hutong_protocol.encoding import Encodable, Value, decode, encode
from hutong_protocol.harness_ops.request import (
    BadRequest,
    Json,
    Operation,
    Request,
    as_bytes,
    as_list,
    as_text,
    bytes_field,
    field,
    int_field,
    text_field,
)
from hutong_protocol.hashing import digest
from hutong_protocol.ids import IdKind, format_id, parse_id, parse_id_as
from hutong_protocol.limits import FRAME_BYTES_MAX

_INT = re.compile(r"0|-?[1-9][0-9]{0,39}")
_CONTEXT = re.compile(r"[a-z0-9-]{1,32}")


def tagged(value: Value) -> Json:
    """The tagged form of a value: `{"int": "7"}`, `{"str": ""}`, `{"bin": "00"}`, `{"map": []}`."""
    match value:
        case None | bool():
            return value
        case int():
            return {"int": str(value)}
        case str():
            return {"str": value}
        case bytes():
            return {"bin": value.hex()}
        case list():
            return [tagged(item) for item in value]
        case dict():
            return {"map": [[tagged(key), tagged(item)] for key, item in value.items()]}
    raise BadRequest("a value of no type of Hutong-mp")


def untagged(value: Json) -> Encodable:
    """The value of a tagged form; raises `BadRequest` for another form."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [untagged(item) for item in value]
    if not isinstance(value, dict) or len(value) != 1:
        raise BadRequest("a tagged value has exactly one of int, str, bin, map")
    [(kind, content)] = value.items()
    match kind:
        case "int":
            text = as_text(content, kind)
            if not _INT.fullmatch(text):
                raise BadRequest("int is not a whole number in decimal digits")
            return int(text)
        case "str":
            return as_text(content, kind)
        case "bin":
            return as_bytes(content, kind)
        case "map":
            return _entries(as_list(content, kind))
    raise BadRequest("a tagged value has exactly one of int, str, bin, map")


def _entries(pairs: list[Json]) -> dict[str, Encodable]:
    entries: dict[str, Encodable] = {}
    for pair in pairs:
        both = as_list(pair, "an entry")
        if len(both) != 2:
            raise BadRequest("an entry is not [key, value]")
        key = untagged(both[0])
        if not isinstance(key, str) or key in entries:
            raise BadRequest("a key is no str, or stands twice")
        entries[key] = untagged(both[1])
    return entries


def _decode(request: Request) -> Json:
    data = bytes_field(request, "hex")
    return tagged(decode(data, bytes_max=int_field(request, "max", FRAME_BYTES_MAX)))


def _encode(request: Request) -> Json:
    return encode(untagged(field(request, "value"))).hex()


def _hash(request: Request) -> Json:
    context = text_field(request, "context")
    if not _CONTEXT.fullmatch(context):
        raise BadRequest("context is not 1 to 32 characters of [a-z0-9-]")
    return digest(context, bytes_field(request, "hex")).hex()


def _format_id(request: Request) -> Json:
    return format_id(_kind(request), bytes_field(request, "hex"))


def _parse_id(request: Request) -> Json:
    text = text_field(request, "text")
    if "prefix" in request:
        kind = _kind(request)
        content = parse_id_as(kind, text)
    else:
        kind, content = parse_id(text)
    return {"prefix": kind.value, "hex": content.hex()}


def _kind(request: Request) -> IdKind:
    try:
        return IdKind(text_field(request, "prefix"))
    except ValueError:
        raise BadRequest("prefix is none of the table in 2.5.1") from None


OPS: Final[Mapping[str, Operation]] = {
    "encoding.decode": _decode,
    "encoding.encode": _encode,
    "hash": _hash,
    "id.format": _format_id,
    "id.parse": _parse_id,
}
