"""The operation of section 7.2: a frame judged by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hutong_protocol.frame_forms import parse_frame
from hutong_protocol.frames import FRAME_TYPES
from hutong_protocol.harness_ops.request import (
    BadRequest,
    Json,
    Operation,
    Request,
    as_bytes,
    as_int,
    as_list,
    list_field,
)
from hutong_protocol.limits import FRAME_BYTES_MAX

_BYTES_MAX: Final = 2 * FRAME_BYTES_MAX
"""What a request may ask to be built, so that a frame can be too long."""


def _read(request: Request) -> Json:
    frame = parse_frame(_joined(list_field(request, "pieces")))
    return None if frame is None else {"type": FRAME_TYPES[type(frame)].value}


def _joined(pieces: list[Json]) -> bytes:
    data = bytearray()
    for piece in pieces:
        pair = as_list(piece, "a piece")
        if len(pair) != 2:
            raise BadRequest("a piece has bytes and a count")
        part, count = as_bytes(pair[0], "a piece"), as_int(pair[1], "a count")
        if count < 0 or len(data) + count * len(part) > _BYTES_MAX:
            raise BadRequest(f"a count is below 0, or the pieces are more than {_BYTES_MAX} bytes")
        data += part * count
    return bytes(data)


OPS: Final[Mapping[str, Operation]] = {"frame.read": _read}
