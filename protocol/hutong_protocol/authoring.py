"""Writing one's own log: from drafts to records with headers, ids and signatures. Spec: 5, 6.1.

Owns what is a writer's duty and no rule of validity: the clock of its organisation (Spec: 5.4),
where signatures stand (Spec: 6.1.3), the identity heads in the first record after a change, and
that no unknown key of `ext` is ever authored, since `ext` can't be erased.

Everything is a pure function of the state, the drafts and what the caller brings: times, salts, a
nonce and a `sign` that holds the key. The caller makes sure that nobody else appends to the log,
and that all of a batch is durable before any of it is sent or acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hutong_protocol.encoding import Value
from hutong_protocol.faults import LocalProtocolError
from hutong_protocol.ids import EventId, LogId, OrgId, RecordId, WriterKey
from hutong_protocol.limits import INT_MAX, RUN_RECORDS_MAX
from hutong_protocol.record_ext import ERASE_KEYS, EXT_KEYS
from hutong_protocol.records import (
    ROLE_SEALED,
    VERSION,
    After,
    Kind,
    PartRef,
    encode_elements,
    part_commit,
    record_id,
)
from hutong_protocol.runs import CheckedRecord, PartData
from hutong_protocol.signatures import record_message

CLOCK_STEP_MAX: Final = 2**32
"""A clock further above our own last is not adopted: somebody's bug, or an attempt to use the
clocks up. Spec: 5.4.2."""
SEAL_RECORDS_MAX: Final = RUN_RECORDS_MAX
SEAL_BYTES_MAX: Final = 524_288
"""Header bytes and declared part lengths from one signature to the next. Spec: 6.1.3."""

_IDENTITY_HEADS_MAX: Final = 4
_AUTHORED: Final = (Kind.DATA, Kind.ERASE, Kind.CLOSE)

Sign = Callable[[bytes], bytes]
"""Signs a message with the log's key: 64 bytes."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A record to be written.

    `ts` is what our clock says, in milliseconds since 1970. Parts have a fresh random salt each and
    stand in the order of their roles. `ext` is without `identity`, which is put in where it is due.
    """

    ts: int
    kind: Kind = Kind.DATA
    type: str = ""
    refs: tuple[bytes, ...] = ()
    parts: tuple[PartData, ...] = ()
    ext: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnLog:
    """The head of a log that this writer may append to, the whole log being signed.

    `clock` is the last clock that this writer wrote in the scope of the log; `identity` are the
    identity heads that it last put into a record of this log.
    """

    log: LogId
    head_seq: int
    head_id: RecordId
    closed: bool
    clock: int
    identity: tuple[EventId, ...]


@dataclass(frozen=True, slots=True)
class AuthoredRecord:
    """A record of our own, in the form in which a received one is kept, and its signature if it
    is one that is signed."""

    record: CheckedRecord
    signature: bytes | None


@dataclass(frozen=True, slots=True)
class Appended:
    """Records to keep together, and the log after them. The last is always signed.

    `clock_alarm` says that a clock was held which was too far ahead to be adopted: it goes to the
    operator. Spec: 5.4.2.
    """

    records: tuple[AuthoredRecord, ...]
    log: OwnLog
    clock_alarm: bool


def next_clock(own_last: int, highest_held: int) -> tuple[int, bool]:
    """The clock of the next record, and whether a clock that is held was too far ahead.

    Args:
        own_last: the last clock that this writer wrote in the scope, 0 if none.
        highest_held: the highest of this organisation's records there that is held, 0 if none.

    Raises:
        LocalProtocolError: no clock is left. Spec: 5.4.
    """
    wanted = max(own_last, highest_held) + 1
    alarm = wanted > own_last + CLOCK_STEP_MAX
    clock = own_last + 1 if alarm else wanted
    if clock > INT_MAX:
        raise LocalProtocolError("no clock is left in this scope")
    return clock, alarm


def open_log(
    *,
    org: OrgId,
    writer: WriterKey,
    delegation: EventId,
    space: str,
    topic: str,
    nonce: bytes,
    identity: Sequence[EventId],
    ts: int,
    own_clock: int,
    clock_held: int,
    sign: Sign,
    after: After | None = None,
    space_salt: bytes | None = None,
) -> Appended:
    """A new log: its open record, signed. Spec: 5.3.3.

    Args:
        delegation: the event that lets `writer` write in this scope.
        nonce: 16 random bytes, new for each log.
        identity: the identity heads of `org` that are held, at least one.
        ts: as in a draft.
        own_clock: the last clock that `writer` wrote in the scope, in whatever log; 0 if none.
        clock_held: as `highest_held` of `next_clock`.
        after: the place in an older log that this one continues.
        space_salt: where the delegation's rights list the space by its hash, that salt.

    Raises:
        ProtocolFault: BAD_OPEN, BAD_HEADER: an argument breaks a rule of section 5.
        LocalProtocolError: no identity head.
    """
    heads = _heads(identity)
    stated: dict[str, Value] = {
        "org": org,
        "writer": writer,
        "delegation": delegation,
        "space": space,
        "topic": topic,
        "nonce": nonce,
        "identity": list(heads),
    }
    if after is not None:
        stated["after"] = [after.log, after.seq, after.head]
    if space_salt is not None:
        stated["space_salt"] = space_salt
    clock, alarm = next_clock(own_clock, clock_held)
    draft = Draft(ts, Kind.OPEN, ext=stated)
    record = _build(draft, b"", 0, b"", clock, draft.ext)
    log = OwnLog(LogId(record.id), 0, record.id, False, clock, heads)
    return Appended((AuthoredRecord(record, sign(record_message(record.id))),), log, alarm)


def append(
    log: OwnLog,
    drafts: Sequence[Draft],
    *,
    identity: Sequence[EventId],
    clock_held: int,
    sign: Sign,
) -> Appended:
    """Records of these drafts at the end of our log: all, or none if one of them is wrong.

    Args:
        log: the state after the last append.
        drafts: in the order in which they are to stand; at least one.
        identity: the identity heads of our organisation that are held now; of more than 4 the first
            by their bytes are named.
        clock_held: as `highest_held` of `next_clock`, before these drafts.

    Raises:
        ProtocolFault: a draft breaks a rule of section 5, with the fault that a receiver would
            find.
        LocalProtocolError: the log is closed; a draft comes after one that closes it; a draft has a
            key in `ext`, or a kind, that this version does not author; a sealed part has no `exp`.
    """
    if not drafts:
        raise LocalProtocolError("nothing to append")
    heads = _heads(identity)
    alarmed = False
    built: list[CheckedRecord] = []
    for draft in drafts:
        if log.closed:
            raise LocalProtocolError("the log is closed")
        _check_draft(draft)
        ext = dict(draft.ext)
        if heads != log.identity:
            ext["identity"] = list(heads)
        clock, alarm = next_clock(log.clock, clock_held)
        alarmed = alarmed or alarm
        record = _build(draft, log.log, log.head_seq + 1, log.head_id, clock, ext)
        built.append(record)
        is_close = draft.kind == Kind.CLOSE
        log = OwnLog(log.log, record.seq, record.id, is_close, clock, heads)
    signed = _signed_positions(built)
    return Appended(
        tuple(
            AuthoredRecord(record, sign(record_message(record.id)) if at in signed else None)
            for at, record in enumerate(built)
        ),
        log,
        alarmed,
    )


def erase_draft(ts: int, masks: Mapping[RecordId, int]) -> Draft:
    """A draft that erases parts: 1 to 16 records, each with the mask of its parts. Spec: 5.7."""
    targets = sorted(masks)
    ext: dict[str, Value] = {"mask": [masks[target] for target in targets]}
    return Draft(ts, Kind.ERASE, refs=tuple(targets), ext=ext)


def close_draft(ts: int) -> Draft:
    """A draft that closes the log. Spec: 5.11."""
    return Draft(ts, Kind.CLOSE)


def _build(
    draft: Draft, log: bytes, seq: int, prev: bytes, clock: int, ext: Mapping[str, Value]
) -> CheckedRecord:
    """The record of a draft at its place, every rule of section 5 checked."""
    part_refs = tuple(
        PartRef(part.role, len(part.data), part_commit(part.salt, part.data))
        for part in draft.parts
    )
    kind = int(draft.kind)
    place = (VERSION, kind, log, seq, prev, draft.ts, clock)
    header = encode_elements((*place, draft.type, draft.refs, [*map(tuple, part_refs)], ext))
    content = (draft.type, draft.refs, part_refs, draft.parts, ext)
    return CheckedRecord(record_id(header), header, seq, kind, clock, draft.ts, *content)


def _check_draft(draft: Draft) -> None:
    if draft.kind not in _AUTHORED:
        raise LocalProtocolError(f"records of kind {int(draft.kind)} are not appended")
    known = EXT_KEYS - {"identity"} | (ERASE_KEYS if draft.kind == Kind.ERASE else frozenset())
    unknown = draft.ext.keys() - known
    if unknown:
        raise LocalProtocolError(f"ext keys that are not authored: {', '.join(sorted(unknown))}")
    expiring = draft.ext.get("exp")
    for position, part in enumerate(draft.parts):
        may_stay = not isinstance(expiring, dict) or str(position) not in expiring
        if part.role == ROLE_SEALED and may_stay:
            raise LocalProtocolError("a sealed part has an exp")


def _heads(identity: Sequence[EventId]) -> tuple[EventId, ...]:
    if not identity:
        raise LocalProtocolError("an organisation has at least one identity head")
    return tuple(sorted(identity)[:_IDENTITY_HEADS_MAX])


def _signed_positions(records: Sequence[CheckedRecord]) -> set[int]:
    """Where signatures stand so that they are near enough to each other, the last included.

    The record before the first is signed.
    """
    signed = {len(records) - 1}
    count = size = 0
    for position, record in enumerate(records):
        count += 1
        added = len(record.header) + sum(part.length for part in record.part_refs)
        size += added
        if count > SEAL_RECORDS_MAX or size > SEAL_BYTES_MAX:
            signed.add(position - 1)
            count, size = 1, added
    return signed
