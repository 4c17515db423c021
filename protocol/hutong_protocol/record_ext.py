"""The `ext` map of a header, and what an open record states in it. Spec: 5.3.

Owns the keys that version 1 defines and their shapes. Keys that it does not define pass, whatever
stands at them, since a later version may define them; `crit` names those that a reader must know.
Whether the values have an encoding at all was settled before (`encoding`).

It does not decide who may open a log (Spec: 4.11) or what an expiry or a mask does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple, cast

from hutong_protocol.encoding import Value
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.hashing import HASH_BYTES
from hutong_protocol.identity_fields import Fields, ascends, is_bin, is_int, is_name
from hutong_protocol.ids import EventId, LogId, OrgId, PublicKey, RecordId, WriterKey
from hutong_protocol.limits import (
    EXT_DEPTH_MAX,
    EXT_KEYS_MAX,
    INT_MAX,
    NONCE_BYTES,
    PARTS_MAX,
    SALT_BYTES,
)

ROLE_FACTS: Final = 0
ROLE_TEXT: Final = 1
ROLE_SEALED: Final = 2

EXT_KEYS: Final = frozenset({"crit", "exp", "identity"})
"""The keys that version 1 defines for every kind. Spec: 5.3.2."""
OPEN_KEYS: Final = frozenset(
    {"org", "writer", "delegation", "space", "topic", "nonce", "after", "space_salt"}
)
"""The keys that it defines for open records besides. Spec: 5.3.3."""
ERASE_KEYS: Final = frozenset({"mask"})
"""The keys that it defines for erase records besides. Spec: 5.3.4."""

_KEY_BYTES_MAX: Final = 64
_HEADS_MAX: Final = 4
_MASK_MAX: Final = 2**PARTS_MAX - 1


class Kind(IntEnum):
    """The kinds of records that this version defines; a header may have any other. Spec: 5.2."""

    OPEN = 0
    DATA = 1
    ERASE = 2
    CLOSE = 3


class After(NamedTuple):
    """The place in another log that a log continues. Spec: 5.3.3."""

    log: LogId
    seq: int
    head: RecordId


@dataclass(frozen=True, slots=True)
class OpenInfo:
    """What an open record states about its log. Spec: 5.3.3."""

    org: OrgId
    writer: WriterKey
    """32 bytes; whether they are a key is found when a signature is checked."""
    delegation: EventId
    space: str
    topic: str
    nonce: bytes
    identity: tuple[EventId, ...]
    after: After | None
    space_salt: bytes | None


def check_ext(kind: int, ext: object, *, refs_count: int, roles: Sequence[int]) -> dict[str, Value]:
    """The `ext` of a record, if it obeys section 5.3.

    Args:
        kind: the record's; of an unknown kind only keys, depth, `crit` and `exp` are judged.
        ext: a value that has an encoding in Hutong-mp.
        refs_count: the number of the record's refs.
        roles: the roles of its parts, by position.

    Raises:
        ProtocolFault: TOO_DEEP; BAD_OPEN for anything else wrong with the `ext` of an open record,
            BAD_EXT with that of another.
    """
    fault = Fault.BAD_OPEN if kind == Kind.OPEN else Fault.BAD_EXT
    if not isinstance(ext, dict) or len(ext) > EXT_KEYS_MAX:
        raise ProtocolFault(fault, f"ext is no map of at most {EXT_KEYS_MAX} keys")
    if not all(0 < len(key.encode()) <= _KEY_BYTES_MAX for key in ext):
        raise ProtocolFault(fault, f"ext has a key that is not 1 to {_KEY_BYTES_MAX} bytes")
    if not _nests_within(ext, EXT_DEPTH_MAX):
        raise ProtocolFault(Fault.TOO_DEEP, f"ext nested deeper than {EXT_DEPTH_MAX}")
    fields = Fields(ext, fault=fault, where="ext")
    if "crit" in ext:
        _check_crit(fields)
    if "exp" in ext:
        _check_exp(fields, roles)
    if kind <= Kind.CLOSE:
        if "identity" in ext:
            fields.hashes("identity", _HEADS_MAX)
        if kind == Kind.OPEN:
            read_open(ext)
        if kind == Kind.ERASE:
            _check_mask(fields, refs_count)
        elif "mask" in ext:
            raise fields.breach("mask", "the field in erase records only")
    return ext


def read_open(ext: Mapping[str, Value]) -> OpenInfo:
    """What the `ext` of an open record states.

    Raises:
        ProtocolFault: BAD_OPEN for a key that is missing or of another shape.
    """
    fields = Fields(ext, fault=Fault.BAD_OPEN, where="ext")
    return OpenInfo(
        org=OrgId(fields.binary("org")),
        writer=WriterKey(PublicKey(fields.binary("writer"))),
        delegation=EventId(fields.binary("delegation")),
        space=_name(fields, "space"),
        topic=_name(fields, "topic"),
        nonce=fields.binary("nonce", NONCE_BYTES),
        identity=tuple(map(EventId, fields.hashes("identity", _HEADS_MAX))),
        after=_after(fields) if "after" in fields else None,
        space_salt=fields.binary("space_salt", SALT_BYTES) if "space_salt" in fields else None,
    )


def names_unknown_critical_key(ext: Mapping[str, Value]) -> bool:
    """Whether a data record's `ext`, which was checked, says `crit` of a key unknown to version 1.

    Such a record is kept and passed on like any other, and nothing acts on it. Spec: 5.3.2.
    """
    return any(key not in EXT_KEYS for key in cast("list[str]", ext.get("crit", ())))


def masks(ext: Mapping[str, Value]) -> tuple[int, ...]:
    """The masks of an erase record whose `ext` was checked, one for each ref. Spec: 5.3.4."""
    return tuple(cast("list[int]", ext["mask"]))


def _name(fields: Fields, key: str) -> str:
    value = fields.value(key)
    if not is_name(value):
        raise fields.breach(key, "1 to 64 bytes of [a-z0-9-]")
    return value


def _after(fields: Fields) -> After:
    log, seq, head = fields.items("after", fields.value("after"), 3, 3)
    if not (is_bin(log, HASH_BYTES) and is_int(seq, 0, INT_MAX) and is_bin(head, HASH_BYTES)):
        raise fields.breach("after", "log, seq and head")
    return After(LogId(log), seq, RecordId(head))


def _check_crit(fields: Fields) -> None:
    keys = fields.items("crit", fields.value("crit"), 1, EXT_KEYS_MAX)
    names = [key for key in keys if isinstance(key, str) and key in fields]
    # The order of texts by code point is that of their bytes.
    if len(names) < len(keys) or not ascends(names):
        raise fields.breach("crit", "ascending keys of this ext, no two equal")


def _check_exp(fields: Fields, roles: Sequence[int]) -> None:
    times = fields.value("exp")
    positions = {str(position) for position, role in enumerate(roles) if role != ROLE_FACTS}
    if not isinstance(times, dict) or not times or not times.keys() <= positions:
        raise fields.breach("exp", "a map of positions of parts that are not facts")
    if not all(is_int(at, 0, INT_MAX) for at in times.values()):
        raise fields.breach("exp", "times from 0 to 2^53-1")


def _check_mask(fields: Fields, refs_count: int) -> None:
    found = fields.items("mask", fields.value("mask"), refs_count, refs_count)
    if not all(is_int(bits, 1, _MASK_MAX) for bits in found):
        raise fields.breach("mask", f"ints from 1 to {_MASK_MAX}")


def _nests_within(value: Value, depth_max: int) -> bool:
    """Whether the depth of `value`, as Spec 2.1.8 counts it, is at most `depth_max`."""
    if isinstance(value, dict):
        return depth_max > 0 and all(_nests_within(v, depth_max - 1) for v in value.values())
    if isinstance(value, list):
        return depth_max > 0 and all(_nests_within(v, depth_max - 1) for v in value)
    return True
