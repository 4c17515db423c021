"""The one encoding of values, and the refusal of everything else. Spec: 2.1 to 2.3."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from enum import IntEnum, StrEnum
from pathlib import Path
from random import Random
from typing import Any, Final

import msgpack
import msgpack.fallback
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol import encoding
from hutong_protocol.encoding import Value, decode, encode, encode_received
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from protocol.encoding_samples import (
    HEADER,
    LIMIT,
    fault_of,
    independent,
    mutants,
    nested_lists,
    originals,
    recipe,
    scalars,
    sorted_maps,
    texts,
    typed,
    values,
    verdict,
)

# Properties


@given(values)
def test_what_is_encoded_is_decoded_to_the_same(value: Value) -> None:
    data = encode(value)
    assert typed(decode(data, bytes_max=len(data))) == typed(sorted_maps(value))
    assert independent(data) == verdict(data)


@given(values)
def test_both_ways_to_read_give_the_same(value: Value) -> None:
    data = encode(value)
    items, end = encoding._read_items(data, 0, 1, 0)
    assert end == len(data)
    assert typed(items[0]) == verdict(data)


@given(values)
def test_the_python_version_of_the_library_writes_the_same_bytes(value: Value) -> None:
    assert msgpack.fallback.Packer().pack(sorted_maps(value)) == encode(value)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_fault_or_the_encoding_of_what_they_give(data: bytes) -> None:
    found = verdict(data)
    if isinstance(found, str):
        assert found in ("not-canonical", "too-deep")
    else:
        assert encode(decode(data, bytes_max=LIMIT)) == data


@given(st.dictionaries(texts, scalars, max_size=20), st.randoms(use_true_random=False))
def test_the_order_in_which_a_map_was_built_does_not_matter(
    entries: dict[str, Value], random: Random
) -> None:
    order = list(entries.items())
    random.shuffle(order)
    assert encode(dict(order)) == encode(entries)


def test_mutants_get_one_verdict_from_all_decoders(reading_path: str) -> None:
    """Threat 2. 20,000 mutants, four decoders; the two of the core name the same faults."""
    count = 20_000 if reading_path == "library first" else 5_000
    accepted = set()
    for data in mutants(count):
        found = verdict(data)
        assert independent(data) == found, data.hex()
        in_short = "refused" if isinstance(found, str) else found
        assert recipe(data, msgpack.unpackb) == in_short, data.hex()
        assert recipe(data, msgpack.fallback.unpackb) == in_short, data.hex()
        if in_short != "refused":
            accepted.add(data)
            assert encode(decode(data, bytes_max=LIMIT)) == data
    assert len(accepted) > count // 20


def test_no_changed_bit_of_an_encoding_gives_the_same_value() -> None:
    """Threat 1, threat 2: there is no second encoding to re-encode a record to."""
    for data in originals()[:4]:
        value = verdict(data)
        for bit in range(8 * len(data)):
            changed = (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")
            assert verdict(changed) != value


# Exact forms


def test_the_example_of_the_specification_holds(reading_path: str) -> None:
    spec = Path(__file__).resolve().parents[2] / "spec" / "2-encoding.md"
    example = re.search(r"^`([0-9a-f ]+)`\.$", spec.read_text(encoding="utf-8"), re.MULTILINE)
    assert example is not None
    value: Value = {"": None, "a": [-1, 128, 9007199254740991], "aa": b"\0", "b": {}}
    assert encode(value) == bytes.fromhex(example[1])
    assert decode(bytes.fromhex(example[1]), bytes_max=100) == value


@pytest.mark.parametrize(
    ("value", "start"),
    [
        (None, "c0"),
        (False, "c2"),
        (True, "c3"),
        (0, "00"),
        (127, "7f"),
        (128, "cc80"),
        (255, "ccff"),
        (256, "cd0100"),
        (65_535, "cdffff"),
        (65_536, "ce00010000"),
        (2**32 - 1, "ceffffffff"),
        (2**32, "cf0000000100000000"),
        (2**53 - 1, "cf001fffffffffffff"),
        (-1, "ff"),
        (-32, "e0"),
        (-33, "d0df"),
        (-128, "d080"),
        (-129, "d1ff7f"),
        (-32_768, "d18000"),
        (-32_769, "d2ffff7fff"),
        (-(2**31), "d280000000"),
        (-(2**31) - 1, "d3ffffffff7fffffff"),
        (-(2**53) + 1, "d3ffe0000000000001"),
        (b"", "c400"),
        (bytes(255), "c4ff"),
        (bytes(256), "c50100"),
        (bytes(65_535), "c5ffff"),
        (bytes(65_536), "c600010000"),
        ("", "a0"),
        ("x" * 31, "bf"),
        ("x" * 32, "d920"),
        ("x" * 255, "d9ff"),
        ("x" * 256, "da0100"),
        ("x" * 65_535, "daffff"),
        ("x" * 65_536, "db00010000"),
        ([], "90"),
        ([0] * 15, "9f"),
        ([0] * 16, "dc0010"),
        ([0] * 65_535, "dcffff"),
        ([0] * 65_536, "dd00010000"),
        ({}, "80"),
        ({f"{n:02}": 0 for n in range(15)}, "8f"),
        ({f"{n:02}": 0 for n in range(16)}, "de0010"),
        ({f"{n:05}": 0 for n in range(65_535)}, "deffff"),
        ({f"{n:05}": 0 for n in range(65_536)}, "df00010000"),
    ],
)
def test_each_value_has_the_form_of_the_table(value: Value, start: str, reading_path: str) -> None:
    """Spec: 2.1.7, every row at both ends. Hard case 15 for 2^53-1."""
    data = encode(value)
    assert data.startswith(bytes.fromhex(start))
    assert decode(data, bytes_max=len(data)) == value
    assert type(decode(data, bytes_max=len(data))) is type(value)


NOT_CANONICAL: Final = {
    "hard case 1: 1 as uint8": "cc01",
    "hard case 1: 127 as uint8": "cc7f",
    "hard case 1: 1 as uint16": "cd0001",
    "hard case 1: 255 as uint16": "cd00ff",
    "hard case 1: 65,535 as uint32": "ce0000ffff",
    "hard case 1: 1 as uint64": "cf0000000000000001",
    "hard case 1: 2^32-1 as uint64": "cf00000000ffffffff",
    "hard case 1: 1 as int8": "d001",
    "hard case 1: 128 as int16": "d10080",
    "hard case 1: 65,536 as int32": "d200010000",
    "hard case 1: 2^32 as int64": "d30000000100000000",
    "hard case 1: -1 as int8": "d0ff",
    "hard case 1: -32 as int8": "d0e0",
    "hard case 1: -128 as int16": "d1ff80",
    "hard case 1: -32,768 as int32": "d2ffff8000",
    "hard case 1: -2^31 as int64": "d3ffffffff80000000",
    "hard case 2: str of 1 as str8": "d90161",
    "hard case 2: str of 31 as str8": "d91f" + "61" * 31,
    "hard case 2: str of 32 as str16": "da0020" + "61" * 32,
    "hard case 2: str of 1 as str32": "db0000000161",
    "hard case 2: bin of 1 as bin16": "c5000100",
    "hard case 2: bin of 1 as bin32": "c60000000100",
    "hard case 2: array of 1 as array16": "dc000100",
    "hard case 2: array of 1 as array32": "dd0000000100",
    "hard case 2: map of 1 as map16": "de0001a16100",
    "hard case 2: map of 1 as map32": "df00000001a16100",
    "hard case 3: equal keys": "82a16100a16101",
    "hard case 3: equal keys further in": "9183a16100a16200a16201",
    "hard case 4: keys not in order": "82a16200a16100",
    "hard case 4: a prefix after the longer key": "82a2616100a16100",
    "hard case 4: order of UTF-16, not of UTF-8": "82a4f09f988000a3efbd9e00",
    "hard case 5: bin key": "81c4016100",
    "hard case 5: int key": "810100",
    "hard case 5: nil key": "81c000",
    "hard case 5: array key": "819000",
    "hard case 6: float 1.0": "cb3ff0000000000000",
    "hard case 6: float -0.0": "cb8000000000000000",
    "hard case 6: NaN": "cb7ff8000000000000",
    "hard case 6: infinity": "cb7ff0000000000000",
    "hard case 6: float32": "ca3f800000",
    "hard case 6: fixext1": "d40100",
    "hard case 6: ext8": "c7000100",
    "hard case 6: timestamp32": "d6ff00000000",
    "hard case 6: timestamp64": "d7ff0000000000000000",
    "hard case 6: timestamp96": "c70cff" + "00" * 12,
    "the unused first byte": "c1",
    "hard case 7: trailing byte": "0100",
    "hard case 7: trailing nil after an array": "90c0",
    "nothing": "",
    "hard case 8: NUL": "a100",
    "hard case 8: NUL in a key": "81a10000",
    "hard case 8: NUL within": "a3610062",
    "hard case 8: overlong NUL": "a2c080",
    "hard case 8: overlong slash": "a2c0af",
    "hard case 8: overlong in three bytes": "a3e080af",
    "hard case 8: surrogate": "a3eda080",
    "hard case 8: surrogate pair": "a6eda0bdedb880",
    "hard case 8: above U+10FFFF": "a4f4908080",
    "hard case 8: lone continuation byte": "a180",
    "hard case 8: cut-off character": "a2e590",
    "hard case 8: bad UTF-8 in a key": "81a1ff00",
    "hard case 15: 2^53": "cf0020000000000000",
    "hard case 15: 2^63-1": "cf7fffffffffffffff",
    "hard case 15: 2^64-1": "cfffffffffffffffff",
    "hard case 15: -2^53": "d3ffe0000000000000",
    "hard case 15: -2^63": "d38000000000000000",
    "ends within an integer": "cf00000001",
    "ends before the number": "cd",
    "ends within a negative integer": "d3ffffffff7fff",
    "ends before a length": "c4",
    "ends within a bin": "c403ffff",
    "ends within a long bin": "c50100ff",
    "ends within a str": "a26f",
    "ends within an array": "9201",
    "ends within a map": "81a161",
    "hard case 11: array of 2^32-1": "ddffffffff",
    "hard case 11: map of 2^32-1": "dfffffffff",
    "hard case 11: str of 2^32-1": "dbffffffff",
    "hard case 11: bin of 2^32-1": "c6ffffffff",
}


@pytest.mark.parametrize("data", NOT_CANONICAL.values(), ids=list(NOT_CANONICAL))
def test_anything_but_the_one_form_is_refused(data: str, reading_path: str) -> None:
    """Hard cases 1-8, 11, 15; threats 2 and 19 at this level."""
    assert fault_of(bytes.fromhex(data)) is Fault.NOT_CANONICAL
    assert independent(bytes.fromhex(data)) == "not-canonical"


@pytest.mark.parametrize("data", NOT_CANONICAL.values(), ids=list(NOT_CANONICAL))
def test_a_wrong_form_inside_a_header_is_refused(data: str, reading_path: str) -> None:
    """The same in the place of `ext`, the last element of a header."""
    whole = encode([*HEADER[:-1], None])[:-1] + bytes.fromhex(data)
    assert fault_of(whole) is Fault.NOT_CANONICAL


@pytest.mark.parametrize(
    "text",
    [
        "\u00e9",
        "e\u0301",
        "名古屋",
        "\ufeffx",
        "\U0010ffff",
        "\u202e",
        "\ue000",
        "a\u0007",
        "\uffff",
    ],
)
def test_text_is_kept_as_it_is(text: str, reading_path: str) -> None:
    """Hard case 8: no normalisation; NFC and NFD are two texts, and two keys."""
    data = encode([text, {text: text}])
    assert text.encode() in data
    assert decode(data, bytes_max=100) == [text, {text: text}]


def test_nfc_and_nfd_are_two_keys(reading_path: str) -> None:
    value: Value = {"e\u0301": 1, "\u00e9": 2}
    data = encode(value)
    assert decode(data, bytes_max=100) == value
    assert len(data) == 1 + 4 + 1 + 3 + 1


# Encoding


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    ONE = "one"


def cyclic() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    return ring


OUTSIDE: Final[list[Any]] = [
    1.0,
    float("nan"),
    -0.0,
    2**53,
    -(2**53),
    2**64,
    Number.ONE,
    Word.ONE,
    "a\0",
    "\ud800",
    {"\ud800": 1},
    {"a\0": 1},
    {1: 1},
    {b"a": 1},
    {None: 1},
    {True: 1},
    {Word.ONE: 1},
    bytearray(b"a"),
    memoryview(b"a"),
    {"a"},
    object(),
    msgpack.Timestamp(0),
    msgpack.ExtType(1, b""),
    nested_lists(17),
    cyclic(),
]


@pytest.mark.parametrize("value", OUTSIDE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [1, v], lambda v: {"k": v}])
def test_a_value_outside_the_profile_has_no_encoding(
    value: Any, wrap: Callable[[Any], Any]
) -> None:
    with pytest.raises(LocalProtocolError):
        encode(wrap(value))
    with pytest.raises(ProtocolFault) as caught:
        encode_received(wrap(value))
    assert caught.value.fault in (Fault.NOT_CANONICAL, Fault.TOO_DEEP)


def test_a_value_nested_too_deep_is_named_so() -> None:
    assert encode_received(nested_lists(16)) == b"\x91" * 15 + b"\x90"
    with pytest.raises(ProtocolFault) as caught:
        encode_received(nested_lists(17))
    assert caught.value.fault is Fault.TOO_DEEP


def test_a_tuple_is_an_array() -> None:
    assert encode((1, (b"", ()), {"b": (2,), "a": 1})) == encode([1, [b"", []], {"a": 1, "b": [2]}])


def test_a_failure_leaves_nothing_behind_for_the_next_encoding() -> None:
    with pytest.raises(LocalProtocolError):
        encode(["left over", "\ud800"])
    assert encode([1]) == b"\x91\x01"


def test_several_threads_can_encode_at_once() -> None:
    expected = encode(HEADER)
    wrong: list[bytes] = []

    def work() -> None:
        for _ in range(300):
            found = encode(HEADER)
            if found != expected:
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert wrong == []


@pytest.mark.parametrize("tail", [b"\xff", b"\0"])
def test_a_refusal_does_not_carry_the_text(tail: bytes, reading_path: str) -> None:
    """Details reach logs."""
    with pytest.raises(ProtocolFault) as caught:
        decode(bytes([0xA7]) + b"secret" + tail, bytes_max=100)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
