"""What is neither signed nor hashed is read loosely and safely. Spec: 7.2."""

from __future__ import annotations

import msgpack
import msgpack.fallback
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from example_counts import examples
from hutong_protocol.encoding import Value, decode, decode_loose, encode, encode_received
from hutong_protocol.faults import Fault, ProtocolFault
from protocol.encoding_samples import (
    LIMIT,
    mutants,
    typed,
    values,
    verdict,
)


@pytest.fixture(params=["C", "Python"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "Python":
        monkeypatch.setattr(msgpack, "unpackb", msgpack.fallback.unpackb)
    return str(request.param)


def loose_fault_of(data: bytes, bytes_max: int = LIMIT) -> Fault:
    with pytest.raises(ProtocolFault) as caught:
        decode_loose(data, bytes_max=bytes_max)
    return caught.value.fault


def loose_verdict(data: bytes) -> str:
    """What becomes of a frame whose content must be canonical, as that of a record's `ext` must."""
    try:
        encoded = encode_received(decode_loose(data, bytes_max=LIMIT))
    except ProtocolFault as fault:
        return fault.fault.value
    assert encode(decode(encoded, bytes_max=2 * LIMIT)) == encoded
    return "read"


@given(values)
def test_a_frame_in_canonical_form_is_read_as_it_is(value: Value) -> None:
    data = encode(value)
    assert typed(decode_loose(data, bytes_max=len(data))) == verdict(data)


@given(values)
def test_a_value_read_loosely_has_the_encoding_that_it_came_from(value: Value) -> None:
    data = encode(value)
    assert encode_received(decode_loose(data, bytes_max=len(data))) == data


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("cf0000000000000001", 1),
        ("d90161", "a"),
        ("82a16100a16101", {"a": 1}),
        ("82a16200a16100", {"b": 0, "a": 0}),
        ("cb3ff0000000000000", 1.0),
        ("81c4016100", {b"a": 0}),
    ],
)
def test_a_frame_is_judged_by_value(data: str, value: object, library: str) -> None:
    assert decode_loose(bytes.fromhex(data), bytes_max=100) == value


@pytest.mark.parametrize(
    "data",
    [
        "",
        "c1",
        "0100",
        "9201",
        "810100",
        "81c000",
        "819000",
        "a1ff",
        "a3eda080",
        "d40100",
        "c7000100",
        "d6ff00000000",
        "ddffffffff",
        "dfffffffff",
        "dbffffffff",
        "c6ffffffff",
        "91" * 5_000 + "00",
    ],
)
def test_what_is_no_frame_is_refused(data: str, library: str) -> None:
    assert loose_fault_of(bytes.fromhex(data)) is Fault.BAD_FRAME


@settings(max_examples=examples(300))
@given(st.binary(max_size=200))
def test_no_bytes_of_a_frame_raise_anything_but_a_fault(data: bytes) -> None:
    """Threat 13."""
    assert loose_verdict(data) in ("read", "bad-frame", "not-canonical")


def test_mutants_of_frames_are_read_or_refused(library: str) -> None:
    """Threat 13. What is read can be encoded or is refused, so no odd value gets any further."""
    found = [loose_verdict(data) for data in mutants(5_000)]
    assert set(found) == {"read", "bad-frame", "not-canonical", "too-deep"}
    assert found.count("read") > 250


def test_a_frame_of_the_limit_is_read_and_one_byte_more_is_not(library: str) -> None:
    data = encode([bytes(900)])
    assert decode_loose(data, bytes_max=len(data)) == [bytes(900)]
    assert loose_fault_of(data, len(data) - 1) is Fault.LIMIT_EXCEEDED


def test_memory_that_is_not_there_is_a_fault_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def unpackb(data: bytes, **options: object) -> object:
        raise MemoryError

    monkeypatch.setattr(msgpack, "unpackb", unpackb)
    assert loose_fault_of(b"\x90") is Fault.LIMIT_EXCEEDED


def test_the_words_of_the_library_do_not_reach_a_fault() -> None:
    with pytest.raises(ProtocolFault) as caught:
        decode_loose(b"\xa7secret\xff", bytes_max=100)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__
