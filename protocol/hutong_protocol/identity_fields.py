"""Reads fields of fixed shape out of decoded values: bins, ints, strs, sorted lists, key sets.

Owns the shapes that identity events and cuts are made of (Spec: 4.2, 4.4, 4.8). Each reader returns
a typed value or raises `ProtocolFault` with the fault that its caller names; the detail names the
field and what was expected, never what stood there.

It does not know which fields an event has (`identity_events`, `cuts`) and checks no point of a
curve but the short list of useless X25519 keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeGuard, TypeVar

from hutong_protocol.curve import KEY_BYTES
from hutong_protocol.encoding import Value
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.hashing import HASH_BYTES
from hutong_protocol.identity_contents import EVERYTHING, Everything, KeySet, NextKeys, Rights
from hutong_protocol.ids import EventId, OrgId, PublicKey
from hutong_protocol.limits import (
    INT_MAX,
    KEY_SET_MAX,
    NAME_BYTES_MAX,
    RIGHTS_ENTRIES_MAX,
)

_Ordered = TypeVar("_Ordered", bytes, str, tuple[int, bytes])

_NAME: Final = re.compile(rf"[a-z0-9-]{{1,{NAME_BYTES_MAX}}}", re.ASCII)

_P: Final = 2**255 - 19
_ORDER_8: Final = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
LOW_ORDER_X25519: Final = frozenset((0, 1, _P - 1, _P, _P + 1, *_ORDER_8))
"""u-coordinates, below 2^255, with which every shared secret is zero. Spec: 4.10."""


class Fields:
    """The fields of one map, read by name; every breach is the same fault."""

    __slots__ = ("_fault", "_fields", "_where")

    def __init__(self, fields: Mapping[str, Value], *, fault: Fault, where: str) -> None:
        self._fields = fields
        self._fault = fault
        self._where = where

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def names(self) -> Iterable[str]:
        """The names present, in the order of the map."""
        return self._fields.keys()

    def breach(self, name: str, rule: str) -> ProtocolFault:
        """The fault to raise about the field `name`, which should have been as `rule` says."""
        return ProtocolFault(self._fault, f"{self._where} {name}: expected {rule}")

    def value(self, name: str) -> Value:
        """The raw value of a field that must be there."""
        if name not in self._fields:
            raise self.breach(name, "the field to be there")
        return self._fields[name]

    def binary(self, name: str, length: int = HASH_BYTES) -> bytes:
        """A bin of exactly `length` bytes."""
        value = self.value(name)
        if not is_bin(value, length):
            raise self.breach(name, f"a bin of {length} bytes")
        return value

    def event_id(self, name: str) -> EventId:
        """The id of an identity event."""
        return EventId(self.binary(name))

    def event_ids(self, name: str, high: int) -> tuple[EventId, ...]:
        """A sorted array of 1 to `high` event ids, no two equal."""
        return tuple(EventId(identifier) for identifier in self.hashes(name, high))

    def org_id(self, name: str) -> OrgId | None:
        """An organisation id, or None where the field is not there."""
        return OrgId(self.binary(name)) if name in self._fields else None

    def integer(self, name: str, low: int, high: int = INT_MAX) -> int:
        """An int from `low` to `high`; a bool is no int."""
        value = self.value(name)
        if not is_int(value, low, high):
            raise self.breach(name, f"an int from {low} to {high}")
        return value

    def boolean(self, name: str) -> bool:
        """A bool."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise self.breach(name, "a bool")
        return value

    def text(self, name: str, *, bytes_max: int | None = None, pattern: str | None = None) -> str:
        """A str; of 1 to `bytes_max` bytes of UTF-8, and wholly like `pattern`, if given."""
        value = self.value(name)
        if not isinstance(value, str):
            raise self.breach(name, "a str")
        if bytes_max is not None and not 1 <= len(value.encode()) <= bytes_max:
            raise self.breach(name, f"1 to {bytes_max} bytes")
        if pattern is not None and re.fullmatch(pattern, value, re.ASCII) is None:
            raise self.breach(name, f"a str like {pattern}")
        return value

    def hashes(self, name: str, high: int, *, low: int = 1) -> tuple[bytes, ...]:
        """A sorted array of `low` to `high` bins of 32 bytes, no two equal."""
        value = self.value(name)
        found: list[bytes] = []
        for item in self.items(name, value, low, high):
            if not is_bin(item, HASH_BYTES):
                raise self.breach(name, "bins of 32 bytes")
            found.append(item)
        if not ascends(found):
            raise self.breach(name, "ascending bins, no two equal")
        return tuple(found)

    def items(self, name: str, value: Value, low: int, high: int) -> list[Value]:
        """`value` as an array of `low` to `high` items."""
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise self.breach(name, f"an array of {low} to {high} items")
        return value

    def inner(self, name: str, exactly: frozenset[str]) -> Fields:
        """A map with exactly the keys named, to be read in turn."""
        value = self.value(name)
        if not isinstance(value, dict) or value.keys() != exactly:
            raise self.breach(name, f"a map of exactly {', '.join(sorted(exactly))}")
        return Fields(value, fault=self._fault, where=f"{self._where} {name}")

    def key_set(self, keys: str) -> KeySet:
        """The key set whose keys stand at `keys`, beside its `threshold`; keys not yet judged."""
        found = self.hashes(keys, KEY_SET_MAX)
        return KeySet(
            tuple(PublicKey(key) for key in found), self.integer("threshold", 1, len(found))
        )

    def next_keys(self) -> NextKeys:
        """The map at `next`. Spec: 4.3.1."""
        inner = self.inner("next", frozenset({"keys", "threshold"}))
        digests = inner.hashes("keys", KEY_SET_MAX)
        return NextKeys(digests, inner.integer("threshold", 1, len(digests)))

    def recovery(self, name: str) -> KeySet:
        """The map of a recovery set. Spec: 4.3."""
        return self.inner(name, frozenset({"keys", "threshold"})).key_set("keys")

    def spaces(self) -> tuple[bytes, ...] | Everything:
        """`spaces` of rights or of an endorsement. Spec: 4.4.2."""
        if self.value("spaces") == EVERYTHING:
            return EVERYTHING
        return self.hashes("spaces", RIGHTS_ENTRIES_MAX)

    def topics(self) -> tuple[str, ...] | Everything:
        """`topics` of rights or of an endorsement. Spec: 4.4.2."""
        value = self.value("topics")
        if value == EVERYTHING:
            return EVERYTHING
        found: list[str] = []
        for item in self.items("topics", value, 1, RIGHTS_ENTRIES_MAX):
            if not is_name(item):
                raise self.breach("topics", "names of 1 to 64 bytes of [a-z0-9-]")
            found.append(item)
        if not ascends(found):
            raise self.breach("topics", "ascending names, no two equal")
        return tuple(found)

    def rights(self) -> Rights:
        """The map at `rights`. Spec: 4.4.2."""
        inner = self.inner("rights", frozenset({"spaces", "topics", "write", "session", "erase"}))
        return Rights(
            spaces=inner.spaces(),
            topics=inner.topics(),
            write=inner.boolean("write"),
            session=inner.boolean("session"),
            erase=inner.boolean("erase"),
        )

    def seal_key(self, name: str) -> bytes:
        """An X25519 key that gives a secret at all; otherwise `bad-key`. Spec: 4.10."""
        key = self.binary(name, KEY_BYTES)
        # The top bit is no part of the number: X25519 masks it, so both spellings are the point.
        if int.from_bytes(key, "little") & (1 << 255) - 1 in LOW_ORDER_X25519:
            raise ProtocolFault(Fault.BAD_KEY, f"{self._where} {name}: X25519 point of low order")
        return key


def ascends(found: Sequence[_Ordered]) -> bool:
    """Whether items stand in ascending order, no two equal. Names are ASCII, so str order is byte
    order."""
    return all(left < right for left, right in pairwise(found))


def is_bin(value: object, length: int) -> TypeGuard[bytes]:
    """Whether `value` is a bin of `length` bytes."""
    return isinstance(value, bytes) and len(value) == length


def is_int(value: object, low: int, high: int) -> TypeGuard[int]:
    """Whether `value` is an int from `low` to `high`; a bool is no int."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_name(value: object) -> TypeGuard[str]:
    """Whether `value` is the name of a space or topic. Spec: 5.1.1."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None
