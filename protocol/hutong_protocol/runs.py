"""Runs: what travels of a log, and the one signature that covers up to 256 records. Spec: 6.

Owns both directions between a run on the wire and records with headers: `check_run` rebuilds the
headers of a received run and verifies its seal, `fit_run` and `encode_run_value` make a run of what
a store holds.

`check_run` is the hottest loop of a node. Records of the common form take a way that only asks
whether they are surely right; everything else goes to `records.encode_elements`, which names the
faults. A test holds both ways to the same bytes.

It does not know what is held (`log_state`), who may write (`identity`) or what a part says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgpack

from hutong_protocol.encoding import Value, decode_loose
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.hashing import HASH_BYTES, tag
from hutong_protocol.identity_fields import is_bin, is_int
from hutong_protocol.ids import LogId, RecordId
from hutong_protocol.limits import (
    HEADER_BYTES_MAX,
    INT_MAX,
    PART_BYTES_MAX,
    PARTS_MAX,
    REFS_MAX,
    RUN_BYTES_MAX,
    RUN_RECORDS_MAX,
    SALT_BYTES,
)
from hutong_protocol.records import (
    VERSION,
    Kind,
    OpenInfo,
    PartRef,
    check_part_refs,
    encode_elements,
    is_data_type,
    open_info,
    parse_header,
    part_commit,
    record_id,
)
from hutong_protocol.signatures import SIGNATURE_BYTES, record_message, require_signature

_RECORD_TAG: Final = tag("record")
_PART_TAG: Final = tag("part")
_sha256: Final = hashlib.sha256

_LINK_BYTES: Final = 34
"""A bin of 32 bytes, encoded."""
_EMPTY_BYTES: Final = 2
_SEAL_BYTES: Final = 66


class PartData(NamedTuple):
    """A part that is present: its role, its 16-byte salt and its bytes."""

    role: int
    salt: bytes
    data: bytes


class CheckedRecord(NamedTuple):
    """A record of a checked run; a tuple, since making a dataclass takes six times as long.

    `header` are the bytes to keep; `parts` has a PartData or None at the position of each part.
    """

    id: RecordId
    header: bytes
    seq: int
    kind: int
    clock: int
    ts: int
    type: str
    refs: tuple[bytes, ...]
    part_refs: tuple[PartRef, ...]
    parts: tuple[PartData | None, ...]
    ext: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class CheckedRun:
    """A run without a fault."""

    log: LogId
    first_seq: int
    prev: bytes
    """Id of the record before the first; empty at the beginning of the log."""
    records: tuple[CheckedRecord, ...]
    """1 to 256, their seqs without a gap."""
    seal: bytes
    """The signature of the last record."""
    opened: OpenInfo | None
    """What the open record says, if the run begins with it."""

    @property
    def last(self) -> CheckedRecord:
        """The record that the seal signs."""
        return self.records[-1]


class RunSource(NamedTuple):
    """A record as a store keeps it: the header, and at the position of each part what is held."""

    header: bytes
    parts: tuple[PartData | None, ...]


@dataclass(frozen=True, slots=True)
class FittedRun:
    """Records that make one run, and what was found on the way."""

    records: list[list[object]]
    """As they stand in a run. Spec: 6.2."""
    last_id: RecordId
    """Id of the last record, over its header as stored; it is for the caller to compare."""
    rotten: tuple[tuple[int, int], ...]
    """(index of the record, position of the part): present parts that don't fit their commit. They
    stand in the run as absent, and are missing from now on. Spec: 6.6.3."""


def check_run(
    value: object,
    *,
    log_id: bytes,
    writer: bytes | None,
    is_authentic: Callable[[bytes, RecordId, bytes], bool] | None = None,
) -> CheckedRun:
    """The records of a run, all of it checked, its seal included.

    Costs one verification, and about 5 us for each record with a small part.

    Args:
        value: a decoded array of five (from `decode` or `decode_loose`); element 0 is not looked
            at.
        log_id: 32 bytes, the log that element 0 names.
        writer: the log's key as held, None if nothing is; not used for a run from seq 0.
        is_authentic: asked with the log's key, the id of the last record and the seal, before that
            is verified: True leaves it out, since the caller knows that record to be authentic, by
            this signature or another one (Spec: 6.4). The seal is then no better than it came.

    Raises:
        ProtocolFault: the faults of Spec 6.2 and 6.3, for any value; GAP, if there is no other
            fault, for a later run without a key.
        LocalProtocolError: `log_id` is not 32 bytes.
    """
    first_seq, prev, records, seal = _read_shape(value)
    if len(log_id) != HASH_BYTES:
        raise LocalProtocolError("a run is checked with the id of its log")
    if first_seq + len(records) - 1 > INT_MAX:
        raise ProtocolFault(Fault.BAD_HEADER, "the last seq is above 2^53-1")
    checked = _rebuild(log_id, first_seq, prev, records)
    size = run_bytes(first_seq, checked)
    if size > RUN_BYTES_MAX:
        raise ProtocolFault(Fault.TOO_LARGE, f"run of {size} bytes, at most {RUN_BYTES_MAX}")
    opened = None
    if first_seq == 0:
        if checked[0].id != log_id:
            raise _bad_run("the open record is that of another log")
        opened = open_info(parse_header(checked[0].header))
        writer = opened.writer
    if writer is None:
        raise ProtocolFault(Fault.GAP, "neither the run nor the receiver has the open record")
    last = checked[-1].id
    if is_authentic is None or not is_authentic(writer, last, seal):
        require_signature(writer, record_message(last), seal)
    return CheckedRun(LogId(log_id), first_seq, prev, tuple(checked), seal, opened)


def run_bytes(first_seq: int, records: Sequence[CheckedRecord | RunSource]) -> int:
    """The length of the run of these records in Hutong-mp, with the log in full. Spec: 6.2.2."""
    size = _around_bytes(first_seq, len(records))
    for seq, record in enumerate(records, start=first_seq):
        size += _record_bytes(seq, record.header, record.parts)
    return size


def fit_run(
    first_seq: int,
    prev: bytes,
    sources: Sequence[RunSource],
    seal_ends: Sequence[int],
    *,
    bytes_wanted: int = RUN_BYTES_MAX,
) -> FittedRun:
    """The longest run that can be made of stored records.

    It ends at the last seal with which it is at most `bytes_wanted` long. If already the first seal
    is further away than that, it ends there all the same, and where the run would be longer than a
    run may be, the longest parts are left out as absent. Spec: 6.6.

    Args:
        first_seq: seq of the first source.
        prev: id of the record before it, empty for seq 0.
        sources: records of one branch in their order, from `first_seq` on; more than 256 are of no
            use, those after the end aren't looked into.
        seal_ends: ascending numbers of records (1 to 256) after which a verified signature is held.

    Returns:
        The run's records; there are as many as the one of `seal_ends` that was chosen.

    Raises:
        LocalProtocolError: no seal within 256 records.
        ProtocolFault: CHAIN_BROKEN, the stored headers are not those of a branch (rotten).
    """
    ends = frozenset(seal_ends)
    size, count, size_chosen = _around_bytes(first_seq, RUN_RECORDS_MAX), 0, 0
    for number, source in enumerate(sources[:RUN_RECORDS_MAX], start=1):
        size += _record_bytes(first_seq + number - 1, source.header, source.parts)
        if count and size > bytes_wanted:
            break
        if number in ends:
            count, size_chosen = number, size
    if not count:
        raise LocalProtocolError(f"no seal within {RUN_RECORDS_MAX} records")
    left_out = _longest_parts(sources[:count], size_chosen - RUN_BYTES_MAX)
    records: list[list[object]] = []
    rotten: list[tuple[int, int]] = []
    for index, source in enumerate(sources[:count]):
        elements = _stored_elements(source.header, first_seq + index, prev, index == count - 1)
        prev = record_id(source.header)
        parts: list[object] = []
        for position, (ref, part) in enumerate(zip(elements[9], source.parts, strict=True)):
            role, length, commit = ref
            if part is not None and (index, position) not in left_out:
                if part_commit(part.salt, part.data) == commit and len(part.data) == length:
                    parts.append([role, part.salt, part.data])
                    continue
                rotten.append((index, position))
            parts.append([role, commit, length])
        records.append([elements[1], *elements[5:9], parts, elements[10]])
    return FittedRun(records, RecordId(prev), tuple(rotten))


def encode_run_value(
    log: bytes | int, first_seq: int, prev: bytes, records: Sequence[object], seal: bytes
) -> list[object]:
    """The array of a run, to be encoded into a frame or a file. Spec: 6.2.

    Args:
        log: the log's id, or the session's number for it.
        first_seq: seq of the first record.
        prev: id of the record before it, empty for seq 0.
        records: as `fit_run` gave them.
        seal: the verified signature of the last of them.
    """
    return [log, first_seq, prev, list(records), seal]


def _read_shape(value: object) -> tuple[int, bytes, list[Any], bytes]:
    """The elements after the log, of the types of Spec 6.2; records are not looked into."""
    if type(value) is not list or len(value) != 5:
        raise _bad_run("no array of five")
    _, first_seq, prev, records, seal = value
    if not is_int(first_seq, 0, INT_MAX):
        raise _bad_run("first_seq is no int from 0 to 2^53-1")
    prev_bytes = HASH_BYTES if first_seq else 0
    if not is_bin(prev, prev_bytes):
        raise _bad_run(f"prev is no bin of {prev_bytes} bytes")
    if type(records) is not list or not 0 < len(records) <= RUN_RECORDS_MAX:
        raise _bad_run(f"records are no array of 1 to {RUN_RECORDS_MAX}")
    if not is_bin(seal, SIGNATURE_BYTES):
        raise ProtocolFault(Fault.BAD_SIGNATURE, f"the seal is no bin of {SIGNATURE_BYTES} bytes")
    return first_seq, prev, records, seal


def _rebuild(log_id: bytes, first_seq: int, prev: bytes, records: list[Any]) -> list[CheckedRecord]:
    """The records with headers and ids, where each id is the `prev` of the header after it."""
    # A packer for the whole run: packing anew each time would take twice as long.
    pack = msgpack.Packer(buf_size=2 * HEADER_BYTES_MAX).pack
    checked: list[CheckedRecord] = []
    is_closed = False
    for seq, record in enumerate(records, start=first_seq):
        if type(record) is not list or len(record) != 7:
            raise _bad_run("a record is no array of seven")
        if is_closed:
            raise ProtocolFault(Fault.LOG_CLOSED, "a record after a close record")
        kind, ts, clock, type_name, refs, parts, ext = record
        part_refs, present = _read_parts(parts)
        if (
            # Exact types, so that neither a bool nor a float passes for an int. Such a header is
            # always shorter than the limit, since it has no ext.
            type(kind) is int
            and kind == 1
            and seq
            and type(ts) is int
            and 0 <= ts <= INT_MAX
            and type(clock) is int
            and 1 <= clock <= INT_MAX
            and type(type_name) is str
            and is_data_type(type_name)
            and type(refs) is list
            and (not refs or _are_plain_refs(refs))
            and not ext
            and type(ext) is dict
        ):
            header: bytes = pack(
                (VERSION, 1, log_id, seq, prev, ts, clock, type_name, refs, part_refs, ext)
            )
        else:
            place = (VERSION, kind, log_id if seq else b"", seq, prev, ts, clock)
            header = encode_elements((*place, type_name, refs, [*map(tuple, part_refs)], ext))
            is_closed = kind == Kind.CLOSE
        prev = _sha256(_RECORD_TAG + header).digest()
        content = (type_name, tuple(refs), part_refs, present, ext)
        checked.append(CheckedRecord(RecordId(prev), header, seq, kind, clock, ts, *content))
    return checked


def _read_parts(
    parts: object,
) -> tuple[tuple[PartRef, ...], tuple[PartData | None, ...]]:
    """What the header says of these parts, and what is present of them. Spec: 6.2.1."""
    if type(parts) is not list or len(parts) > PARTS_MAX:
        raise _bad_parts(f"no array of at most {PARTS_MAX}")
    part_refs: list[PartRef] = []
    present: list[PartData | None] = []
    for part in parts:
        if type(part) is not list or len(part) != 3:
            raise _bad_parts("one is no array of three")
        role, second, third = part
        if type(role) is not int or not 0 <= role <= INT_MAX or type(second) is not bytes:
            raise _bad_parts("a role is no int >= 0, or a salt or commit no bin")
        if type(third) is bytes:
            if len(second) != SALT_BYTES or not 0 < len(third) <= PART_BYTES_MAX:
                raise _bad_parts("a salt or the bytes have a wrong length")
            commit = _sha256(_PART_TAG + second + third).digest()
            part_refs.append(PartRef(role, len(third), commit))
            present.append(PartData(role, second, third))
        elif is_int(third, 1, PART_BYTES_MAX) and len(second) == HASH_BYTES:
            part_refs.append(PartRef(role, third, second))
            present.append(None)
        else:
            raise _bad_parts("one is neither salt and bytes nor commit and length")
    if len(part_refs) > 1:
        check_part_refs(part_refs)
    return tuple(part_refs), tuple(present)


def _are_plain_refs(refs: list[Any]) -> bool:
    """Whether refs are surely right: few, and none of them empty."""
    if len(refs) > REFS_MAX:
        return False
    for ref in refs:  # noqa: SIM110 - a generator would cost as much as packing the header
        if type(ref) is not bytes or len(ref) != HASH_BYTES:
            return False
    return True


def _around_bytes(first_seq: int, count: int) -> int:
    """The bytes of a run of `count` records that are not in a record."""
    prev_bytes = _LINK_BYTES if first_seq else _EMPTY_BYTES
    array_bytes = 1 if count < 16 else 3
    return 1 + _LINK_BYTES + _int_bytes(first_seq) + prev_bytes + array_bytes + _SEAL_BYTES


def _record_bytes(seq: int, header: bytes, parts: Sequence[PartData | None]) -> int:
    """The bytes of a record in a run, counted from those of its header.

    A record in a run lacks the version, log, seq and prev; a present part has a salt and its
    bytes (with the length before them) instead of the commit and the length.
    """
    links = 2 * (_LINK_BYTES if seq else _EMPTY_BYTES)
    size = len(header) - 1 - links - _int_bytes(seq)
    for part in parts:
        if part is not None:
            # A length up to 127 takes one byte as an int, but two before the bytes of a bin.
            size += len(part.data) + SALT_BYTES - HASH_BYTES + (len(part.data) < 128)
    return size


def _int_bytes(number: int) -> int:
    """The length of an int of 0 or more, encoded. Spec: 2.1.7."""
    if number < 2**7:
        return 1
    if number < 2**16:
        return 2 if number < 2**8 else 3
    return 5 if number < 2**32 else 9


def _longest_parts(sources: Sequence[RunSource], excess: int) -> frozenset[tuple[int, int]]:
    """(index, position) of parts that make a run shorter by `excess` bytes: the longest first."""
    by_length = sorted(
        (
            (-len(part.data), index, position)
            for index, source in enumerate(sources)
            for position, part in enumerate(source.parts)
            if part is not None
        ),
        reverse=True,
    )
    left_out = set()
    while excess > 0 and by_length:
        negative, index, position = by_length.pop()
        excess += negative + HASH_BYTES - SALT_BYTES
        left_out.add((index, position))
    return frozenset(left_out)


def _stored_elements(header: bytes, seq: int, prev: bytes, is_last: bool) -> list[Any]:
    """The elements of a header of our own store, whose place in the chain is checked.

    All headers but the last are vouched for by the `prev` after them; the last is parsed, so that
    rot can't make a run of a wrong form.
    """
    try:
        if is_last:
            parse_header(header)
        elements = decode_loose(header, bytes_max=HEADER_BYTES_MAX)
    except ProtocolFault as rot:
        raise _chain_broken(seq, f"header gives {rot.fault.value}") from rot
    if type(elements) is not list or len(elements) < 5:
        raise _chain_broken(seq, "no header")
    if elements[3] != seq or elements[4] != prev:
        raise _chain_broken(seq, "seq or prev is another")
    return elements


def _bad_run(rule: str) -> ProtocolFault:
    return ProtocolFault(Fault.BAD_RUN, rule)


def _bad_parts(rule: str) -> ProtocolFault:
    return ProtocolFault(Fault.BAD_PARTS, f"parts: {rule}")


def _chain_broken(seq: int, rule: str) -> ProtocolFault:
    return ProtocolFault(Fault.CHAIN_BROKEN, f"stored record {seq}: {rule}")
