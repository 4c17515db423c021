"""Values, their encodings, spoilt ones, and what four decoders say of them.

The oracles share no code with the core: the recipe of 2.3.1 over either version of the msgpack
library, and the conformance suite's decoder. Random choices have fixed seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Final

import msgpack
import msgpack.fallback
import pytest
from hypothesis import strategies as st

from hutong_conformance.independent import mp_decoder
from hutong_protocol.encoding import Value, decode, encode
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.limits import DEPTH_MAX, INT_MAX

LIMIT: Final = 2**21
HEADER: Final[list[Value]] = [
    1,
    1,
    bytes(range(32)),
    12_345,
    bytes(range(32, 64)),
    1_700_000_000_000,
    77,
    "need/1",
    [bytes(32), b""],
    [[0, 211, b"\1" * 32], [1, 50, b"\2" * 32]],
    {"crit": ["exp"], "exp": {"1": 1_700_000_000_000}},
]
"""The shape of a header, section 5.2."""

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-INT_MAX, INT_MAX)
    | st.sampled_from([0, 127, 128, 255, 256, -1, -32, -33, -128, -129, 2**32, INT_MAX, -INT_MAX])
    | st.binary(max_size=40)
    | texts
)
values: st.SearchStrategy[Value] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(texts, inner, max_size=18),
    max_leaves=30,
)


def sorted_maps(value: Value) -> Value:
    if isinstance(value, list):
        return [sorted_maps(item) for item in value]
    if isinstance(value, dict):
        return {key: sorted_maps(value[key]) for key in sorted(value, key=str.encode)}
    return value


def originals() -> list[bytes]:
    """Encodings that together hold every form of 2.1.7 that fits."""
    ints: list[Value] = [0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, INT_MAX]
    ints += [-1, -32, -33, -128, -129, -(2**15), -(2**15) - 1, -(2**31), -(2**31) - 1, -INT_MAX]
    nested: Value = "x"
    for _ in range(DEPTH_MAX):
        nested = [nested]
    shapes: list[Value] = [
        HEADER,
        ints,
        [None, True, False, "", b"", [], {}],
        ["a" * 31, "b" * 32, "é" * 128, "名" * 90, b"c" * 255, b"d" * 256],
        [*range(16)],
        {f"{number:02}": number for number in range(17)},
        {"a": 1, "aa": {"": [b"\0"]}, "b": None, "～": 1, "😀": 2},
        nested,
    ]
    return [encode(shape) for shape in shapes]


def nested_lists(depth: int) -> list[Value]:
    value: list[Value] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def mutants(count: int) -> Iterator[bytes]:
    """Encodings with a few bytes changed, put in, taken out, or spliced. Always the same ones."""
    random = Random(20_260_101)
    seeds = originals()
    telling = bytes.fromhex(
        "00017f80818f9091a0a1bfc0c1c2c3c4c5c6c7c9cacbcccdcecfd0d1d2d3d4d8d9dadb"
    )
    telling += bytes.fromhex("dcdddedfe0ff")
    for _ in range(count):
        data = bytearray(random.choice(seeds))
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(data) + 1)
            byte = random.choice(telling) if random.random() < 0.7 else random.randrange(256)
            match random.randrange(6):
                case 0 | 1 if at < len(data):
                    data[at] = byte
                case 2:
                    data.insert(at, byte)
                case 3:
                    del data[at : at + random.randint(1, 4)]
                case 4:
                    data[at:at] = data[at : at + random.randint(1, 9)]
                case _:
                    data = data[:at] + bytearray(random.choice(seeds))[at:]
        yield bytes(data)


def fault_of(data: bytes, bytes_max: int = LIMIT) -> Fault:
    with pytest.raises(ProtocolFault) as caught:
        decode(data, bytes_max=bytes_max)
    return caught.value.fault


def verdict(data: bytes) -> object:
    """The value, or the name of the fault; typed, so that 1, 1.0 and True are different."""
    try:
        return typed(decode(data, bytes_max=LIMIT))
    except ProtocolFault as fault:
        return fault.fault.value


def typed(value: object) -> object:
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, dict):
        return {"map": [(key, typed(item)) for key, item in value.items()]}
    return (type(value).__name__, value)


# Oracles


def recipe(data: bytes, unpackb: Callable[..., object]) -> object:
    """The second way of 2.3.1: a library, a walk, and the value encoded again."""
    try:
        value = unpackb(data, raw=False, strict_map_key=True, max_ext_len=0)
        walk(value, 0)
        if msgpack.fallback.Packer().pack(value) != data:
            raise ValueError
    except (ValueError, RecursionError, OverflowError, msgpack.UnpackException):
        return "refused"
    return typed(value)


def walk(value: object, depth: int) -> None:
    match value:
        case None | bool() | bytes():
            ok = True
        case int():
            ok = -INT_MAX <= value <= INT_MAX
        case str():
            ok = "\0" not in value
        case list():
            ok = depth < 16
            for item in value:
                walk(item, depth + 1)
        case dict():
            keys = list(value)
            ok = depth < 16 and all(type(key) is str and "\0" not in key for key in keys)
            if ok:
                ok = [key.encode() for key in keys] == sorted(key.encode() for key in keys)
            for item in value.values():
                walk(item, depth + 1)
        case _:
            ok = False
    if not ok:
        raise ValueError


def independent(data: bytes) -> object:
    try:
        return typed(mp_decoder.decode(data, bytes_max=LIMIT))
    except mp_decoder.Rejected as rejected:
        return rejected.fault
