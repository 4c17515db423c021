"""Reads the bytes of a frame from scratch: any msgpack, within the bounds of a frame. Spec: 7.2.

Owns: bytes -> value, or the name of the fault. Unlike `mp_decoder` it takes over-long forms,
floats and unsorted keys, since frames are judged by value. Values are counted and the nesting is
bounded where the count stands, before anything inside is read.

Shares no code with the core and does not use msgpack.
"""

from __future__ import annotations

import struct
from typing import TypeAlias

Value: TypeAlias = "None | bool | int | float | bytes | str | list[Value] | dict[Value, Value]"

BYTES_LIMIT = 2_097_152
VALUES_LIMIT = 262_144
DEPTH_LIMIT = 16

_COUNTED = {
    **{0xC4 + at: ("bin", 1 << at) for at in range(3)},
    **{0xD9 + at: ("str", 1 << at) for at in range(3)},
    **{0xDC + at: ("array", 2 << at) for at in range(2)},
    **{0xDE + at: ("map", 2 << at) for at in range(2)},
}
_NUMBERS = dict(zip(range(0xCA, 0xD4), "fdBHIQbhiq", strict=True))


class Rejected(Exception):
    """This is no frame; `fault` is the name that section 10 gives to the reason."""

    def __init__(self, fault: str, detail: str) -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault = fault


def read(data: bytes) -> Value:
    """The value of a frame; raises `Rejected`."""
    if len(data) > BYTES_LIMIT:
        raise Rejected("limit-exceeded", f"{len(data)} bytes")
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at < len(data):
        raise Rejected("bad-frame", f"{len(data) - reader.at} bytes after the frame")
    return value


class _Reader:
    """A position in the bytes, and how many values were announced before it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.values = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise Rejected("bad-frame", "the bytes end early")
        self.at += count
        return self.data[self.at - count : self.at]

    def value(self, depth: int) -> Value:
        [lead] = self.take(1)
        if lead <= 0x7F or lead >= 0xE0:
            return lead if lead <= 0x7F else lead - 0x100
        if lead in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[lead]
        if lead in _NUMBERS:
            layout = ">" + _NUMBERS[lead]
            number: int | float = struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
            return number
        if lead in _COUNTED:
            kind, width = _COUNTED[lead]
            count = int.from_bytes(self.take(width), "big")
        elif lead <= 0x8F:
            kind, count = "map", lead - 0x80
        elif lead <= 0x9F:
            kind, count = "array", lead - 0x90
        elif lead <= 0xBF:
            kind, count = "str", lead - 0xA0
        else:
            raise Rejected("bad-frame", f"lead byte {lead:#x}")
        if kind == "bin":
            return self.take(count)
        if kind == "str":
            try:
                return self.take(count).decode("utf-8")
            except UnicodeDecodeError:
                raise Rejected("bad-frame", "a str that is not UTF-8") from None
        return self.container(kind, count, depth + 1)

    def container(self, kind: str, count: int, depth: int) -> Value:
        self.values += count if kind == "array" else 2 * count
        if depth > DEPTH_LIMIT or self.values > VALUES_LIMIT:
            raise Rejected("limit-exceeded", f"depth {depth}, {self.values} values")
        if kind == "array":
            return [self.value(depth) for _ in range(count)]
        pairs: dict[Value, Value] = {}
        for _ in range(count):
            key = self.value(depth)
            if not isinstance(key, str | bytes):
                raise Rejected("bad-frame", "a key that is neither str nor bin")
            pairs[key] = self.value(depth)
        return pairs
