"""How a record lies in its row, and how it comes back byte for byte.

Owns the two blobs of the table `records`. *body* is the header without the elements `log`, `seq`
and `prev`, which the neighbours know: 70 bytes less a record, and still every bit of the header is
rebuilt and compared with the record id whenever a record is read. *parts* is three bytes that say
which parts are here, came late or were erased, followed by the room of those that came with the
record: salt and bytes, one after the other. Erasing overwrites both in place and never moves a row.

Nothing here touches the database. Spec: 5.2, 5.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hutong_protocol.encoding import decode_loose
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.limits import HEADER_BYTES_MAX, SALT_BYTES
from hutong_protocol.records import part_commit, record_id

_START: Final = b"\x9b\x01"  # array of eleven, v = 1
_NO_LINKS: Final = b"\xc4\x00\x00\xc4\x00"  # empty log, seq 0, empty prev
_BIN32: Final = b"\xc4\x20"
_LINK_BYTES: Final = 34
_ARRAY_OF_SEVEN: Final = b"\x97"
STATE_BYTES: Final = 3
ONE_HERE: Final = b"\x11\x00\x01"
"""The states of a record with one part, which came with it and is here."""

BODY_PARTS: Final = 5
"""Position of `parts` among the seven elements of a body."""


class Rotten(Exception):
    """What lies in a row is not what was stored there."""


def strip_header(header: bytes, seq: int) -> bytes:
    """The body of a header that obeys section 5.2, with this `seq`."""
    after_kind = 2 + _uint_bytes(header[2])
    if seq == 0:
        return header[2:after_kind] + header[after_kind + len(_NO_LINKS) :]
    after_log = after_kind + _LINK_BYTES
    return header[2:after_kind] + header[after_log + _uint_bytes(header[after_log]) + _LINK_BYTES :]


def build_header(body: bytes, log: bytes, seq: int, prev: bytes) -> bytes:
    """The header of which `body` is the body; `log` and `prev` count for nothing at seq 0.

    For a damaged body the result is any bytes: compare its id.
    """
    kind_bytes = 1 if body[:1] < b"\x80" else _uint_bytes(body[0])
    if seq == 0:
        return _START + body[:kind_bytes] + _NO_LINKS + body[kind_bytes:]
    number = bytes((seq,)) if seq < 0x80 else _uint(seq)
    return b"".join(
        (_START, body[:kind_bytes], _BIN32, log, number, _BIN32, prev, body[kind_bytes:])
    )


def read_body(body: bytes) -> list[Any]:
    """The seven elements `[kind, ts, clock, type, refs, parts, ext]` of a body.

    Only for a body whose header has been compared with its id, so of known shape.

    Raises:
        Rotten: it holds no seven elements.
    """
    try:
        elements = decode_loose(_ARRAY_OF_SEVEN + body, bytes_max=HEADER_BYTES_MAX)
    except ProtocolFault as damaged:
        raise Rotten("body can't be read") from damaged
    assert isinstance(elements, list)
    return elements


def check_body(body: bytes, log: bytes, seq: int, prev: bytes, record: bytes) -> None:
    """Nothing, if this body gives this record id.

    Raises:
        Rotten: it doesn't.
    """
    if record_id(build_header(body, log, seq, prev)) != record:
        raise Rotten(f"header at seq {seq} does not give its id")


def pack_parts(contents: Sequence[bytes | None], erased: int = 0) -> bytes | None:
    """The parts blob of a record that arrives.

    Args:
        contents: for each position salt and bytes in one, or None for an absent part.
        erased: mask of positions that are erased already; their contents are None.

    Returns:
        None for a record without parts.
    """
    if not contents:
        return None
    if len(contents) == 1 and contents[0] is not None:
        return ONE_HERE + contents[0]
    mask = 0
    room = []
    for position, content in enumerate(contents):
        if content is not None:
            mask |= 1 << position
            room.append(content)
    states = PartStates(len(contents), mask, mask, 0, erased)
    return b"".join((states.encode(), *room))


@dataclass(frozen=True, slots=True)
class PartStates:
    """Which of `count` parts have room in their row, are present there, came late, were erased.

    All but `count` are masks of positions. `here` is part of `room`; `here`, `late` and `erased`
    have no bit in common. A part in none of the three is missing.
    """

    count: int = 0
    room: int = 0
    here: int = 0
    late: int = 0
    erased: int = 0

    @classmethod
    def read(cls, blob: bytes | None) -> PartStates:
        """The states that a parts blob begins with."""
        if blob is None:
            return cls()
        if len(blob) < STATE_BYTES:
            raise Rotten("parts without their states")
        return cls(blob[2], blob[0] & 15, blob[0] >> 4, blob[1] & 15, blob[1] >> 4)

    def encode(self) -> bytes:
        """The bytes that a parts blob begins with."""
        return bytes((self.room | self.here << 4, self.late | self.erased << 4, self.count))

    @property
    def present(self) -> int:
        """Positions whose bytes are held, in the row or in `late_parts`."""
        return self.here | self.late

    @property
    def missing(self) -> int:
        """Positions that are neither held nor erased. Spec: 5.6.3."""
        return ((1 << self.count) - 1) & ~(self.present | self.erased)


def room_of(states: PartStates, lengths: Sequence[int], position: int) -> tuple[int, int]:
    """Where in the parts blob the room of a position lies: offset and length.

    `lengths` are the declared lengths of all parts of the record.
    """
    offset = STATE_BYTES
    for before in range(position):
        if states.room >> before & 1:
            offset += SALT_BYTES + lengths[before]
    return offset, SALT_BYTES + lengths[position]


def read_parts(body: bytes, blob: bytes | None) -> list[bytes | None]:
    """The contents (salt and bytes in one) that lie in a row, by position, None for the others.

    Commits are not looked at. Raises Rotten for a row that can't be read.
    """
    if blob is None:
        return []
    if blob[:STATE_BYTES] == ONE_HERE:
        return [blob[STATE_BYTES:]]
    states = PartStates.read(blob)
    found: list[bytes | None] = [None] * states.count
    if not states.here:
        return found
    lengths = lengths_of(read_body(body))
    if len(lengths) != states.count:
        raise Rotten("another number of parts than the header says")
    for position in range(states.count):
        if states.here >> position & 1:
            offset, size = room_of(states, lengths, position)
            found[position] = blob[offset : offset + size]
    return found


def lengths_of(elements: Sequence[Any]) -> list[int]:
    """The declared lengths of the parts, from the elements of a body."""
    return [part[1] for part in elements[BODY_PARTS]]


def fits(content: bytes, length: int, commit: bytes) -> bool:
    """Whether salt and bytes, in one, are those of a part with this length and commit."""
    return (
        len(content) == SALT_BYTES + length
        and part_commit(content[:SALT_BYTES], content[SALT_BYTES:]) == commit
    )


def _uint_bytes(first: int) -> int:
    """Length of the encoded unsigned integer that begins with this byte."""
    return 1 if first < 0x80 else 1 + (1 << (first & 3))


def _uint(value: int) -> bytes:
    """Hutong-mp of an unsigned integer."""
    if value < 0x80:
        return bytes((value,))
    for first, width in ((0xCC, 1), (0xCD, 2), (0xCE, 4)):
        if value < 1 << 8 * width:
            return bytes((first,)) + value.to_bytes(width, "big")
    return b"\xcf" + value.to_bytes(8, "big")
