"""Records: the eleven-element header, its parts and its id. Spec: 5.2, 5.5.

Owns reading and writing headers, the rules that replication applies to them, and the commit of a
part; the rules of `ext` stand in `record_ext`. Each rule stands once: `runs` has a faster way for
the common record, but asks `encode_elements` about everything else, so that a fault is named in
one place only.

It does not open parts, does not interpret `type`, does not check signatures (`runs`) and does not
know who may write (`identity`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from hutong_protocol.encoding import Value, decode, encode_received
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.hashing import HASH_BYTES, digest
from hutong_protocol.identity_fields import is_bin, is_int
from hutong_protocol.ids import RecordId
from hutong_protocol.limits import (
    HEADER_BYTES_MAX,
    INT_MAX,
    PART_BYTES_MAX,
    PARTS_BYTES_MAX,
    PARTS_MAX,
    REFS_MAX,
    SALT_BYTES,
    TYPE_BYTES_MAX,
)
from hutong_protocol.record_ext import (
    ROLE_FACTS,
    ROLE_SEALED,
    ROLE_TEXT,
    After,
    Kind,
    OpenInfo,
    check_ext,
    read_open,
)

__all__ = [
    "ROLE_FACTS",
    "ROLE_SEALED",
    "ROLE_TEXT",
    "VERSION",
    "After",
    "Header",
    "Kind",
    "OpenInfo",
    "PartRef",
    "check_part_refs",
    "encode_elements",
    "encode_header",
    "is_data_type",
    "open_info",
    "parse_header",
    "part_commit",
    "read_elements",
    "record_id",
    "require_commit",
]

VERSION: Final = 1
"""The only `v` that this version of the core judges."""

_ELEMENTS: Final = 11
_TYPE: Final = re.compile(r"[a-z][a-z0-9_-]*/[1-9][0-9]{0,3}")


class PartRef(NamedTuple):
    """What a header says of a part: its role, its length in bytes and its 32-byte commit.

    A tuple in the order of Spec 5.5.1, so that it is encoded as it stands.
    """

    role: int
    length: int
    commit: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """A header that obeys section 5.2. Nobody changes its `ext`."""

    v: int
    kind: int
    log: bytes
    """Empty in an open record."""
    seq: int
    prev: bytes
    """Empty in an open record."""
    ts: int
    clock: int
    type: str
    refs: tuple[bytes, ...]
    parts: tuple[PartRef, ...]
    ext: Mapping[str, Value]

    @property
    def elements(self) -> list[object]:
        """The eleven elements in the order of Spec 5.2.1."""
        place = [self.v, self.kind, self.log, self.seq, self.prev, self.ts, self.clock]
        return [*place, self.type, self.refs, [tuple(part) for part in self.parts], self.ext]


def parse_header(data: bytes) -> Header:
    """The header in these bytes.

    Args:
        data: bytes from anywhere.

    Raises:
        ProtocolFault: TOO_LARGE, TOO_DEEP or NOT_CANONICAL for the encoding, otherwise as
            `read_elements`. Spec: 5.2.
    """
    return read_elements(decode(data, bytes_max=HEADER_BYTES_MAX))


def encode_header(header: Header) -> bytes:
    """The one encoding of a header, every rule checked; the faults are those of `parse_header`."""
    return encode_elements(header.elements)


def encode_elements(elements: Sequence[object]) -> bytes:
    """The header with these eleven elements, which may be values that a peer sent.

    Args:
        elements: in the order of Spec 5.2.1; arrays may be tuples.

    Returns:
        Bytes that `parse_header` accepts.

    Raises:
        ProtocolFault: as `parse_header`, for anything else, whatever the elements are; a value
            that has no encoding is NOT_CANONICAL. Spec: 6.3.
    """
    data = encode_received(list(elements))
    if len(data) > HEADER_BYTES_MAX:
        raise ProtocolFault(
            Fault.TOO_LARGE, f"header of {len(data)} bytes, at most {HEADER_BYTES_MAX}"
        )
    read_elements(list(elements))
    return data


def record_id(header: bytes) -> RecordId:
    """The id of the record with this header, over the bytes as they are. Spec: 5.2.3."""
    return RecordId(digest("record", header))


def part_commit(salt: bytes, content: bytes) -> bytes:
    """The 32-byte commit to a part: to its 16-byte salt and its bytes. Spec: 5.5.4."""
    if len(salt) != SALT_BYTES:
        # With salts of several lengths one commit could stand for two different parts.
        raise LocalProtocolError(f"salt of {len(salt)} bytes instead of {SALT_BYTES}")
    return digest("part", salt + content)


def require_commit(part: PartRef, salt: bytes, content: bytes) -> None:
    """Nothing, if salt and bytes are those of the part, whatever their lengths.

    Raises:
        ProtocolFault: BAD_COMMIT. Spec: 5.5.6.
    """
    right_lengths = len(salt) == SALT_BYTES and len(content) == part.length
    if not right_lengths or part_commit(salt, content) != part.commit:
        raise ProtocolFault(Fault.BAD_COMMIT, "salt and bytes do not give the commit")


def open_info(header: Header) -> OpenInfo:
    """What an open record states.

    Raises:
        ProtocolFault: BAD_OPEN for a record of another kind. Spec: 5.3.3.
    """
    if header.kind != Kind.OPEN:
        raise ProtocolFault(Fault.BAD_OPEN, f"record of kind {header.kind} instead of 0")
    return read_open(header.ext)


def is_data_type(name: str) -> bool:
    """Whether `name` can be the type of a data record. Spec: 5.2."""
    return len(name) <= TYPE_BYTES_MAX and _has_type_form(name)


@lru_cache(maxsize=1_024)
def _has_type_form(name: str) -> bool:
    """Whether a short text is a name and a version. A federation uses some dozens of them."""
    return _TYPE.fullmatch(name) is not None


def read_elements(value: object) -> Header:
    """The header of eleven elements.

    Args:
        value: what `decode` gave, or a list that has an encoding.

    Raises:
        ProtocolFault: UPGRADE_NEEDED for another version; BAD_HEADER, BAD_REFS, BAD_PARTS,
            BAD_EXT, BAD_OPEN; TOO_DEEP for an `ext` nested too deep. Spec: 5.2 to 5.5.
    """
    if not isinstance(value, list) or not value:
        raise _bad_header("no array of eleven")
    version = value[0]
    if not is_int(version, 0, INT_MAX):
        raise _bad_header("v is no int >= 0")
    if version != VERSION:
        # First of all: the header of another major version may have another number of elements.
        raise ProtocolFault(Fault.UPGRADE_NEEDED, f"header of version {version}")
    if len(value) != _ELEMENTS:
        raise _bad_header(f"{len(value)} elements instead of {_ELEMENTS}")
    _, kind, log, seq, prev, ts, clock, type_name, refs, parts, ext = value
    if not is_int(kind, 0, INT_MAX):
        raise _bad_header("kind is no int >= 0")
    if not is_int(seq, 0, INT_MAX) or (seq == 0) != (kind == Kind.OPEN):
        raise _bad_header("seq is no int from 0 to 2^53-1 that is 0 in an open record only")
    link_bytes = 0 if kind == Kind.OPEN else HASH_BYTES
    if not is_bin(log, link_bytes) or not is_bin(prev, link_bytes):
        raise _bad_header(f"log or prev is no bin of {link_bytes} bytes")
    if not is_int(ts, 0, INT_MAX) or not is_int(clock, 1, INT_MAX):
        raise _bad_header("ts or clock is no int from 0, or 1, to 2^53-1")
    if not isinstance(type_name, str) or not _is_type_of(kind, type_name):
        raise _bad_header(f"type is none that a record of kind {kind} can have")
    read_refs = _read_refs(kind, refs)
    read_parts = _read_parts(kind, parts)
    roles = [part.role for part in read_parts]
    read_ext = check_ext(kind, ext, refs_count=len(read_refs), roles=roles)
    place = (version, kind, log, seq, prev, ts, clock)
    return Header(*place, type_name, read_refs, read_parts, read_ext)


def check_part_refs(parts: Sequence[PartRef]) -> None:
    """Nothing, if parts that are each well-formed may stand together in one header.

    Raises:
        ProtocolFault: BAD_PARTS, for their number, their order or their total length.
            Spec: 5.5.1, 5.5.2.
    """
    if len(parts) > PARTS_MAX:
        raise _bad_parts(f"{len(parts)}, at most {PARTS_MAX}")
    total = 0
    last_role = -1
    for part in parts:
        if part.role < last_role:
            raise _bad_parts("roles descend")
        if part.role == last_role and part.role in (ROLE_FACTS, ROLE_TEXT):
            raise _bad_parts(f"role {part.role} stands twice")
        last_role = part.role
        total += part.length
    if total > PARTS_BYTES_MAX:
        raise _bad_parts(f"{total} bytes together, at most {PARTS_BYTES_MAX}")


def _is_type_of(kind: int, name: str) -> bool:
    if kind == Kind.DATA:
        return is_data_type(name)
    if kind <= Kind.CLOSE:
        return name == ""
    return len(name.encode()) <= TYPE_BYTES_MAX


def _read_refs(kind: int, refs: object) -> tuple[bytes, ...]:
    if not isinstance(refs, list | tuple) or len(refs) > REFS_MAX:
        raise _bad_refs(f"no array of at most {REFS_MAX}")
    if not all(is_bin(ref, HASH_BYTES) or is_bin(ref, 0) for ref in refs):
        raise _bad_refs(f"one is neither {HASH_BYTES} bytes nor empty")
    if refs and not refs[-1]:
        raise _bad_refs("the last is empty")
    if refs and kind in (Kind.OPEN, Kind.CLOSE):
        raise _bad_refs(f"a record of kind {kind} has none")
    if kind == Kind.ERASE and not (refs and all(refs) and len(set(refs)) == len(refs)):
        raise _bad_refs("an erase names 1 to 16 records, each once")
    return tuple(refs)


def _read_parts(kind: int, parts: object) -> tuple[PartRef, ...]:
    if not isinstance(parts, list | tuple):
        raise _bad_parts("no array")
    if parts and kind in (Kind.OPEN, Kind.ERASE, Kind.CLOSE):
        raise _bad_parts(f"a record of kind {kind} has none")
    found = []
    for part in parts:
        if not isinstance(part, list | tuple) or len(part) != 3:
            raise _bad_parts("one is no array of three")
        role, length, commit = part
        if not is_int(role, 0, INT_MAX) or not is_bin(commit, HASH_BYTES):
            raise _bad_parts(f"a role is no int >= 0, or a commit no bin of {HASH_BYTES} bytes")
        if not is_int(length, 1, PART_BYTES_MAX):
            raise _bad_parts(f"a length is no int from 1 to {PART_BYTES_MAX}")
        found.append(PartRef(role, length, commit))
    check_part_refs(found)
    return tuple(found)


def _bad_header(rule: str) -> ProtocolFault:
    return ProtocolFault(Fault.BAD_HEADER, rule)


def _bad_refs(rule: str) -> ProtocolFault:
    return ProtocolFault(Fault.BAD_REFS, f"refs: {rule}")


def _bad_parts(rule: str) -> ProtocolFault:
    return ProtocolFault(Fault.BAD_PARTS, f"parts: {rule}")
