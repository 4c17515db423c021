"""Limits are checked first, and nothing makes a decoder reserve memory. Spec: 2.2."""

from __future__ import annotations

import tracemalloc
from typing import Final

import msgpack
import msgpack.fallback
import pytest

from hutong_protocol.encoding import decode, encode
from hutong_protocol.faults import Fault
from hutong_protocol.limits import DEPTH_MAX
from protocol.encoding_samples import (
    LIMIT,
    fault_of,
    independent,
    nested_lists,
    typed,
    verdict,
)

# Limits


def test_input_of_the_limit_is_read_and_one_byte_more_is_not(reading_path: str) -> None:
    """Hard cases 9 and 10 at this level; text counts in bytes."""
    for limit, value in ((1_024, bytes(1_021)), (65_536, "名" * 21_844 + "x")):
        data = encode(value)
        assert len(data) == limit
        assert decode(data, bytes_max=limit) == value
        assert fault_of(data, limit - 1) is Fault.TOO_LARGE


@pytest.mark.parametrize("data", ["c1", "9100", "91" * 20 + "00", "a100", "ff" * 100])
def test_too_large_comes_before_everything_else(data: str, reading_path: str) -> None:
    """Spec: 2.2.5."""
    content = bytes.fromhex(data)
    assert fault_of(content, len(content) - 1) is Fault.TOO_LARGE


@pytest.mark.parametrize("opener", ["91", "81a161", "dc0010" + "00" * 15, "82a16100a162"])
@pytest.mark.parametrize("innermost", ["90", "80", "9101", "81a16100"])
def test_16_nested_containers_are_read_and_17_are_too_deep(
    opener: str, innermost: str, reading_path: str
) -> None:
    """Spec: 2.1.8, 2.2.2."""
    deepest = bytes.fromhex(opener * 15 + innermost)
    assert encode(decode(deepest, bytes_max=LIMIT)) == deepest
    assert fault_of(bytes.fromhex(opener * 16 + innermost)) is Fault.TOO_DEEP
    assert independent(bytes.fromhex(opener * 16 + innermost)) == "too-deep"


BOMBS: Final = {
    "arrays": b"\x91" * (LIMIT - 1) + b"\x00",
    "maps": b"\x81\xa0" * (LIMIT // 2 - 1) + b"\x00",
    "wide arrays": (b"\xdd\x00\x10\x00\x00" * (LIMIT // 5)).ljust(LIMIT, b"\0"),
    "an array of 2^32-1": b"\xdd\xff\xff\xff\xff" + bytes(LIMIT - 5),
    "a map of 2^32-1": b"\xdf\xff\xff\xff\xff" + bytes(LIMIT - 5),
    "a map of as many entries as bytes": b"\xdf\x00\x1f\xff\xfb" + bytes(LIMIT - 5),
    "a str of 2^32-1": b"\xdb\xff\xff\xff\xff" + bytes(LIMIT - 5),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=list(BOMBS))
def test_a_bomb_is_refused_without_room_being_made(bomb: bytes) -> None:
    """Hard case 11, threat 8."""
    tracemalloc.start()
    try:
        assert fault_of(bomb) in (Fault.TOO_DEEP, Fault.NOT_CANONICAL)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=list(BOMBS))
def test_a_short_bomb_is_refused_with_little_room(bomb: bytes, reading_path: str) -> None:
    """Hard case 11 for header-sized input, which the library may read first."""
    tracemalloc.start()
    try:
        assert fault_of(bomb[:1_024], 1_024) in (Fault.TOO_DEEP, Fault.NOT_CANONICAL)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_a_verdict_does_not_depend_on_the_depth_of_the_callers_stack(
    reading_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spec: 2.2.7. The Python version of the library gives up earlier, the deeper its caller."""
    monkeypatch.setattr(msgpack, "unpackb", msgpack.fallback.unpackb)
    deepest = encode(nested_lists(DEPTH_MAX))
    deeper = b"\x91" * 500 + b"\x00"

    def at_depth(calls: int) -> tuple[object, object]:
        if calls:
            return at_depth(calls - 1)
        return verdict(deepest), verdict(deeper)

    expected = typed(nested_lists(DEPTH_MAX)), "too-deep"
    assert [at_depth(calls) for calls in (0, 400, 700)] == [expected] * 3
